//! Keys and keyrings of the kernel, keyctl(2): values in, values out, every length bounded.

use std::io;
use std::time::Duration;

use handfast::crypto::Secret;
use keyutils_raw as raw;
use nix::errno::Errno;

/// The longest payload that is read: the kernel's own limit for a `big_key`.
const PAYLOAD_LIMIT: usize = 1 << 20;
/// The longest description, with type, owner and permissions before it.
const DESCRIPTION_LIMIT: usize = 8 << 10;
/// How often a key is read anew that grows meanwhile.
const TRIES: usize = 10;

/// A key or keyring, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(raw::KeyringSerial);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyType {
    User,
    /// `user` where the kernel does not have it.
    BigKey,
    Keyring,
}

impl KeyType {
    fn name(self) -> &'static str {
        match self {
            KeyType::User => "user",
            KeyType::BigKey => "big_key",
            KeyType::Keyring => "keyring",
        }
    }
}

/// The session's keyring by its number: where a process has none of its own that is the user's, and to write to it under its special
/// name would make a new one, which others would not see.
pub(super) fn session() -> io::Result<Key> {
    special(raw::KEY_SPEC_SESSION_KEYRING)
}

pub(super) fn user() -> io::Result<Key> {
    special(raw::KEY_SPEC_USER_KEYRING)
}

pub(super) fn process() -> io::Result<Key> {
    special(raw::KEY_SPEC_PROCESS_KEYRING)
}

pub(super) fn thread() -> io::Result<Key> {
    special(raw::KEY_SPEC_THREAD_KEYRING)
}

fn special(id: raw::KeyringSerial) -> io::Result<Key> {
    let create = id == raw::KEY_SPEC_PROCESS_KEYRING || id == raw::KEY_SPEC_THREAD_KEYRING;
    done(raw::keyctl_get_keyring_id(id, create)).map(Key)
}

/// A user's persistent keyring; the user's own keyring where the kernel has none.
pub(super) fn persistent(uid: u32, through: Key) -> io::Result<Key> {
    match done(raw::keyctl_get_persistent(uid, through.0)) {
        Err(error) if is(&error, Errno::EOPNOTSUPP) && uid == nix::unistd::geteuid().as_raw() => user(),
        key => key.map(Key),
    }
}

fn done<T, E: Into<io::Error>>(result: Result<T, E>) -> io::Result<T> {
    result.map_err(Into::into)
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno_number(errno))
}

#[allow(clippy::as_conversions)] // the only way from nix's enum to its number
fn errno_number(errno: Errno) -> i32 {
    errno as i32
}

/// Whether there is no such key: never was, has expired, or was revoked.
fn is_gone(error: &io::Error) -> bool {
    [Errno::ENOKEY, Errno::EKEYEXPIRED, Errno::EKEYREVOKED].into_iter().any(|errno| is(error, errno))
}

/// The kernel takes C's strings, which end at the first zero byte.
fn c_string(description: &str) -> io::Result<&str> {
    match description.contains('\0') || description.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::InvalidInput, "a key's name is not empty, and has no zero byte")),
        false => Ok(description),
    }
}

impl Key {
    pub(super) fn search(self, kind: KeyType, description: &str) -> io::Result<Option<Key>> {
        match done(raw::keyctl_search(self.0, kind.name(), c_string(description)?, None)) {
            Ok(key) => Ok(Some(Key(key))),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A keyring of this name in this one; a new one is linked from `through`, too, and an old one is.
    pub(super) fn search_or_add_ring(self, name: &str, through: Option<Key>) -> io::Result<Key> {
        let found = raw::keyctl_search(self.0, KeyType::Keyring.name(), c_string(name)?, through.map(|key| key.0));
        match done(found) {
            Ok(ring) => Ok(Key(ring)),
            Err(error) if is_gone(&error) => {
                let ring = through.unwrap_or(self).add(KeyType::Keyring, name, &[])?;
                through.map_or(Ok(()), |_| self.link(ring)).map(|()| ring)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a key in this keyring, or gives the one of this type and name a new payload.
    pub(super) fn add(self, kind: KeyType, description: &str, payload: &[u8]) -> io::Result<Key> {
        let description = c_string(description)?;
        let add = |kind: KeyType| done(raw::add_key(kind.name(), description, payload, self.0)).map(Key);
        match add(kind) {
            // No such type in this kernel.
            Err(error)
                if kind == KeyType::BigKey
                    && [Errno::EINVAL, Errno::ENODEV].into_iter().any(|errno| is(&error, errno)) =>
            {
                add(KeyType::User)
            }
            key => key,
        }
    }

    pub(super) fn link(self, key: Key) -> io::Result<()> {
        done(raw::keyctl_link(key.0, self.0))
    }

    pub(super) fn unlink(self, key: Key) -> io::Result<()> {
        done(raw::keyctl_unlink(key.0, self.0))
    }

    pub(super) fn clear(self) -> io::Result<()> {
        done(raw::keyctl_clear(self.0))
    }

    /// From now on, in whole seconds.
    pub(super) fn set_timeout(self, after: Duration) -> io::Result<()> {
        done(raw::keyctl_set_timeout(self.0, u32::try_from(after.as_secs()).unwrap_or(u32::MAX)))
    }

    pub(super) fn read(self) -> io::Result<Secret> {
        grown(PAYLOAD_LIMIT, |buffer| done(raw::keyctl_read(self.0, buffer.map(Into::into))))
    }

    pub(super) fn read_if_there(self) -> io::Result<Option<Secret>> {
        match self.read() {
            Ok(payload) => Ok(Some(payload)),
            Err(error) if is_gone(&error) || is(&error, Errno::EACCES) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is linked from this keyring.
    pub(super) fn keys(self, limit: usize) -> io::Result<Vec<Key>> {
        let numbers = self.read()?;
        let (numbers, rest) = numbers.expose().as_chunks::<4>();
        if numbers.len() > limit || !rest.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a keyring of more than {limit} keys")));
        }
        Ok(numbers.iter().filter_map(|number| raw::KeyringSerial::new(i32::from_ne_bytes(*number)).map(Key)).collect())
    }

    /// The name of this keyring; `None` if it is a key, or gone.
    pub(super) fn ring_name(self) -> io::Result<Option<String>> {
        let described = grown(DESCRIPTION_LIMIT, |buffer| done(raw::keyctl_describe(self.0, buffer.map(Into::into))));
        match described {
            Ok(description) => Ok(ring_name(description.expose())),
            Err(error) if is_gone(&error) || is(&error, Errno::EACCES) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// `type;uid;gid;permissions;name`, with a zero byte at its end: the name of a keyring, if it is UTF-8.
fn ring_name(description: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(description).ok()?.trim_end_matches('\0');
    let mut parts = text.splitn(5, ';');
    (parts.next() == Some(KeyType::Keyring.name())).then(|| parts.nth(3).map(str::to_owned)).flatten()
}

/// What `read` gives once the buffer is as long as it says that it must be.
fn grown(limit: usize, mut read: impl FnMut(Option<&mut [u8]>) -> io::Result<usize>) -> io::Result<Secret> {
    let mut needed = read(None)?;
    for _ in 0..TRIES {
        if needed > limit {
            break;
        }
        let mut buffer = Secret::new(vec![0; needed]);
        let length = read(Some(buffer.expose_mut().as_mut_slice()))?;
        if length <= needed {
            buffer.expose_mut().truncate(length);
            return Ok(buffer);
        }
        needed = length;
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("a key of more than {limit} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keyrings_have_a_name_here_whatever_is_in_it() {
        assert_eq!(ring_name(b"keyring;0;0;3f010000;a;b\0").as_deref(), Some("a;b"));
        for other in [&b"user;0;0;3f010000;krb_ccache:primary\0"[..], b"keyring;0;0", b"", b"keyring;0;0;0;\xff"] {
            assert_eq!(ring_name(other), None);
        }
    }

    #[test]
    fn a_payload_that_keeps_growing_or_is_too_long_is_refused() {
        let mut length = 1;
        let growing = |_: Option<&mut [u8]>| {
            length += 1;
            Ok(length)
        };
        assert!(grown(100, growing).is_err());
        assert!(grown(100, |_| Ok(101)).is_err());
        assert_eq!(grown(100, |_| Ok(100)).unwrap().expose().len(), 100);
    }
}
