use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use handfast::Principal;
use handfast::crypto::Secret;
use handfast::krb5::Ccache;
use handfast::krb5::ccache::kcm::{self, Operation, Status};
use handfast::krb5::ccache::{CcacheEntry, KdcOffset, encode_principal};
use handfast::wire::DecodeError;

use super::cache::Latest;
use super::{CacheCollection, CredentialCache, StoreError};
use crate::environment::CacheName;

/// How long the daemon may take for one write or read.
const PATIENCE: Duration = Duration::from_secs(10);

/// The credential caches that a KCM daemon keeps for this user: `KCM:`.
///
/// Such a daemon is Heimdal's `kcm` or sssd's `sssd_kcm`. It knows by the socket whose process asks. Every call makes a connection
/// of its own, and gives up when the daemon is silent for 10 seconds.
#[derive(Clone, Debug)]
pub struct Kcm {
    socket: PathBuf,
}

/// Why a KCM daemon did not help.
#[derive(Debug)]
#[non_exhaustive]
pub enum KcmError {
    /// There is none, or it is gone or silent.
    Io(io::Error),
    /// It refuses.
    Status {
        /// What it was asked for.
        operation: Operation,
        /// What it says.
        status: Status,
    },
    /// Its reply is longer than is read.
    TooLarge {
        /// How long it says that the reply is, in bytes.
        length: usize,
        /// The most that is read.
        limit: usize,
    },
    /// Its reply can't be read.
    Malformed(DecodeError),
}

impl fmt::Display for KcmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KcmError::Io(error) => error.fmt(f),
            KcmError::Status { operation, status } => write!(f, "it refuses {operation:?} with error {}", status.0),
            KcmError::TooLarge { length, limit } => {
                write!(f, "its reply of {length} bytes is longer than the limit of {limit} bytes")
            }
            KcmError::Malformed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KcmError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            KcmError::Io(error) => Some(error),
            KcmError::Malformed(error) => Some(error),
            KcmError::Status { .. } | KcmError::TooLarge { .. } => None,
        }
    }
}

impl From<io::Error> for KcmError {
    fn from(error: io::Error) -> Self {
        KcmError::Io(error)
    }
}

impl From<DecodeError> for KcmError {
    fn from(error: DecodeError) -> Self {
        KcmError::Malformed(error)
    }
}

impl KcmError {
    fn status(&self) -> Option<Status> {
        match self {
            KcmError::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    fn is_unsupported(&self) -> bool {
        self.status().is_some_and(Status::is_unsupported)
    }

    fn is_missing(&self) -> bool {
        self.status().is_some_and(Status::is_missing)
    }
}

impl Kcm {
    /// The daemon that listens at `socket`; nothing is asked of it yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Kcm { socket: socket.into() }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The cache of this name, which need not be there yet.
    pub fn cache(&self, name: &str) -> impl CredentialCache + use<> {
        KcmCache { kcm: self.clone(), name: name.to_owned(), latest: Latest::default() }
    }

    fn shared(&self, name: &str) -> Arc<dyn CredentialCache> {
        Arc::new(self.cache(name))
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Connection) -> Result<T, KcmError>) -> Result<T, StoreError> {
        Connection::open(&self.socket)
            .and_then(|mut connection| ask(&mut connection))
            .map_err(|error| StoreError::Kcm { socket: self.socket.clone(), error })
    }
}

/// What is asked for: an operation and its parameters.
struct Request {
    operation: Operation,
    bytes: Secret,
}

impl Request {
    fn new(operation: Operation) -> Self {
        Request { operation, bytes: operation.request() }
    }

    fn of(operation: Operation, name: &str) -> Self {
        Request::new(operation).with(name.as_bytes()).with(&[0])
    }

    fn with(self, parameter: &[u8]) -> Self {
        // Whole from the start: memory that a vector leaves behind when it grows is not wiped.
        let before = self.bytes.expose();
        let mut bytes = Secret::new(Vec::with_capacity(before.len() + parameter.len()));
        bytes.expose_mut().extend_from_slice(before);
        bytes.expose_mut().extend_from_slice(parameter);
        Request { bytes, ..self }
    }
}

impl Request {
    fn done(&self, status: Status) -> Result<(), KcmError> {
        match status {
            Status::DONE => Ok(()),
            status => Err(KcmError::Status { operation: self.operation, status }),
        }
    }
}

/// As much memory is taken at once for a reply.
const AT_ONCE: usize = 64 << 10;

struct Connection(UnixStream);

impl Connection {
    fn open(socket: &Path) -> Result<Self, KcmError> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection(stream))
    }

    /// What the daemon replies, behind its status.
    fn ask(&mut self, request: &Request) -> Result<Secret, KcmError> {
        let bytes = request.bytes.expose();
        let length = u32::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.0.write_all(&length.to_be_bytes())?;
        self.0.write_all(bytes)?;
        let length = usize::try_from(u32::from_be_bytes(self.word()?)).unwrap_or(usize::MAX);
        if length > kcm::REPLY_LIMIT {
            return Err(KcmError::TooLarge { length, limit: kcm::REPLY_LIMIT });
        }
        request.done(Status(i32::from_be_bytes(self.word()?)))?;
        let reply = self.bytes(length)?;
        let (status, results) = kcm::decode_status(reply.expose())?;
        request.done(status)?;
        Ok(Secret::new(results.to_vec()))
    }

    fn word(&mut self) -> io::Result<[u8; 4]> {
        let mut word = [0; 4];
        self.0.read_exact(&mut word).map(|()| word)
    }

    /// Memory is taken as bytes come in, not for a length that is only said.
    fn bytes(&mut self, length: usize) -> io::Result<Secret> {
        let most = u64::try_from(length).unwrap_or(u64::MAX);
        let mut reply = Secret::new(Vec::with_capacity(length.min(AT_ONCE)));
        (&mut self.0).take(most).read_to_end(reply.expose_mut())?;
        if reply.expose().len() == length { Ok(reply) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn entries(&mut self, name: &str) -> Result<Vec<CcacheEntry>, KcmError> {
        match self.ask(&Request::of(Operation::GetCredList, name)) {
            Ok(reply) => Ok(kcm::decode_entries(reply.expose())?),
            Err(error) if error.is_unsupported() => self.entries_one_by_one(name),
            Err(error) => Err(error),
        }
    }

    fn entries_one_by_one(&mut self, name: &str) -> Result<Vec<CcacheEntry>, KcmError> {
        let uuids = kcm::decode_uuids(self.ask(&Request::of(Operation::GetCredUuidList, name))?.expose())?;
        let mut entries = Vec::with_capacity(uuids.len());
        for uuid in uuids {
            match self.ask(&Request::of(Operation::GetCredByUuid, name).with(&uuid)) {
                Ok(reply) => entries.extend(CcacheEntry::decode(reply.expose())?),
                Err(error) if error.is_missing() => {} // removed since
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    /// Not every daemon keeps it.
    fn offset(&mut self, name: &str) -> Result<Option<KdcOffset>, KcmError> {
        match self.ask(&Request::of(Operation::GetKdcOffset, name)) {
            Ok(reply) => {
                let seconds = kcm::decode_offset(reply.expose())?;
                Ok((seconds != 0).then_some(KdcOffset { seconds, microseconds: 0 }))
            }
            Err(KcmError::Status { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `None` if there is no such cache: Heimdal's daemon says so by a reply without a name.
    fn principal(&mut self, name: &str) -> Result<Option<Principal>, KcmError> {
        match self.ask(&Request::of(Operation::GetPrincipal, name)) {
            Ok(reply) if reply.expose().is_empty() => Ok(None),
            Ok(reply) => Ok(Some(kcm::decode_principal(reply.expose())?)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn load(&mut self, name: &str) -> Result<Option<Ccache>, KcmError> {
        let Some(principal) = self.principal(name)? else { return Ok(None) };
        let mut ccache = Ccache::new(principal);
        ccache.kdc_offset = self.offset(name)?;
        self.entries(name)?.into_iter().for_each(|entry| ccache.append(entry));
        Ok(Some(ccache))
    }

    fn store(&mut self, name: &str, encoded: &[Secret]) -> Result<(), KcmError> {
        encoded
            .iter()
            .try_for_each(|entry| self.ask(&Request::of(Operation::Store, name).with(entry.expose())).map(drop))
    }

    fn primary(&mut self) -> Result<String, KcmError> {
        Ok(kcm::decode_name(self.ask(&Request::new(Operation::GetDefaultCache))?.expose())?)
    }

    fn names(&mut self) -> Result<Vec<String>, KcmError> {
        let uuids = match self.ask(&Request::new(Operation::GetCacheUuidList)) {
            Ok(reply) => kcm::decode_uuids(reply.expose())?,
            Err(error) if error.is_missing() => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut names = Vec::with_capacity(uuids.len());
        for uuid in uuids {
            match self.ask(&Request::new(Operation::GetCacheByUuid).with(&uuid)) {
                Ok(reply) => names.push(kcm::decode_name(reply.expose())?),
                Err(error) if error.is_missing() => {} // removed since
                Err(error) => return Err(error),
            }
        }
        Ok(names)
    }
}

impl CacheCollection for Kcm {
    fn primary(&self) -> Result<Arc<dyn CredentialCache>, StoreError> {
        self.with(Connection::primary).map(|name| self.shared(&name))
    }

    fn caches(&self) -> Result<Vec<Arc<dyn CredentialCache>>, StoreError> {
        let names = self.with(|connection| {
            let (primary, mut names) = (connection.primary()?, connection.names()?);
            names.retain(|name| *name != primary);
            names.insert(0, primary);
            let mut there = Vec::with_capacity(names.len());
            for name in names {
                if connection.principal(&name)?.is_some() {
                    there.push(name);
                }
            }
            Ok(there)
        })?;
        Ok(names.iter().map(|name| self.shared(name)).collect())
    }

    fn unused(&self) -> Result<Arc<dyn CredentialCache>, StoreError> {
        let ask = |connection: &mut Connection| {
            let reply = connection.ask(&Request::new(Operation::GenNew))?;
            Ok(kcm::decode_name(reply.expose())?)
        };
        self.with(ask).map(|name| self.shared(&name))
    }

    fn switch_to(&self, name: &CacheName) -> Result<(), StoreError> {
        match name {
            CacheName::Kcm(cache) if !cache.is_empty() => {
                self.with(|connection| connection.ask(&Request::of(Operation::SetDefaultCache, cache)).map(drop))
            }
            name => Err(StoreError::NoCollection { name: name.clone() }),
        }
    }
}

#[derive(Debug)]
struct KcmCache {
    kcm: Kcm,
    name: String,
    latest: Latest,
}

impl KcmCache {
    fn missing(&self) -> StoreError {
        StoreError::NoCache { name: self.name() }
    }

    /// A cache that is not there is told apart from other errors.
    fn change(&self, ask: impl FnOnce(&mut Connection) -> Result<(), KcmError>) -> Result<(), StoreError> {
        match self.kcm.with(ask) {
            Err(StoreError::Kcm { error, .. }) if error.is_missing() => Err(self.missing()),
            result => result,
        }
    }
}

impl CredentialCache for KcmCache {
    fn name(&self) -> CacheName {
        CacheName::Kcm(self.name.clone())
    }

    fn load(&self) -> Result<Arc<Ccache>, StoreError> {
        let ccache = self.kcm.with(|connection| connection.load(&self.name))?;
        Ok(self.latest.or_same(ccache.ok_or_else(|| self.missing())?))
    }

    fn replace(&self, ccache: &Ccache) -> Result<(), StoreError> {
        let principal = encode_principal(&ccache.principal)?;
        let entries: Vec<Secret> = ccache.entries().iter().map(CcacheEntry::encode).collect::<Result<_, _>>()?;
        self.kcm.with(|connection| {
            connection.ask(&Request::of(Operation::Initialize, &self.name).with(&principal))?;
            if let Some(offset) = ccache.kdc_offset {
                let seconds = Request::of(Operation::SetKdcOffset, &self.name).with(&offset.seconds.to_be_bytes());
                // A daemon that doesn't keep it is as good: it is learned again.
                let _ = connection.ask(&seconds);
            }
            connection.store(&self.name, &entries)
        })
    }

    fn append(&self, entries: Vec<CcacheEntry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let entries: Vec<Secret> = entries.iter().map(CcacheEntry::encode).collect::<Result<_, _>>()?;
        self.change(|connection| connection.store(&self.name, &entries))
    }

    fn destroy(&self) -> Result<(), StoreError> {
        self.change(|connection| connection.ask(&Request::of(Operation::Destroy, &self.name)).map(drop))
    }
}

impl fmt::Display for KcmCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_daemon_that_is_silent_is_given_up() {
        let scratch = Scratch::new("kcm");
        let _silent = UnixListener::bind(scratch.path("s")).unwrap();
        let Connection(stream) = Connection::open(&scratch.path("s")).unwrap();
        assert_eq!((stream.read_timeout().unwrap(), stream.write_timeout().unwrap()), (Some(PATIENCE), Some(PATIENCE)));
    }
}
