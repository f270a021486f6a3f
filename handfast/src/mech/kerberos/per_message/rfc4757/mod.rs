//! Per-message tokens of contexts whose key is of RC4 (RFC 1964 1.2, RFC 4757 7).
//!
//! ```text
//! MIC    frame | 01 01 | 11 00 | ff ff ff ff   | SND_SEQ | SGN_CKSUM
//! Wrap   frame | 02 01 | 11 00 | SEAL_ALG ff ff | SND_SEQ | SGN_CKSUM | confounder | message | 01
//! ```
//! SND_SEQ, SGN_CKSUM and the confounder have 8 bytes each, SEAL_ALG is 10 00 (RC4) or ff ff (none); the frame is that of RFC
//! 2743 3.1 around all of it. SND_SEQ is the number, big-endian, and four bytes that say who sends: 00 the initiator, ff the acceptor
//! (RFC 1964 1.2.1.2, and so do all peers; RFC 4757 7.2 has it the other way round).
//!
//! In DCE style nothing stands behind the message, and the frame's length leaves the message out, too.
//!
//! What can't be mended here: SGN_CKSUM covers the first 8 bytes and all from the confounder on, but not SND_SEQ, which a stream
//! cipher hides. Who can change a message that is only signed, on its way, can give it another number or send it back;
//! and both directions, if they ever have the same number, share a key stream.

mod seal;
mod unseal;

pub(super) use seal::Rc4Seal;
pub(super) use unseal::Rc4Unseal;

use super::direction::{Direction, made_once};
use crate::crypto::Secret;
use crate::crypto::hash::Md5;
use crate::crypto::hmac::HmacKey;
use crate::crypto::keystream::Keystream;
use crate::krb5::enctype::{ChecksumKey, CryptoError, EncryptionKey, KeyUsage, Part};
use crate::mech::Protection;
use alloc::boxed::Box;

/// Bytes of the fields in front of SND_SEQ, which the checksum covers.
const START: usize = 8;
/// Bytes of SND_SEQ, of SGN_CKSUM and of a confounder.
const FIELD: usize = 8;
/// Bytes of a MIC token in its frame.
const MIC: usize = START + 2 * FIELD;
/// Bytes in front of the message of a Wrap token in its frame.
const WRAP: usize = START + 3 * FIELD;
/// The frame in DCE style, where it leaves the message out.
const DCE_FRAME: [u8; SHORT_FRAME] = [0x60, 43, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2];
/// Bytes of a frame around so little that its lengths have one byte each.
const SHORT_FRAME: usize = 13;
/// Bytes of a frame whose length has four bytes more.
const LONGEST_FRAME: usize = 17;
/// The padding: one byte that says so (RFC 4757 7.3).
const PADDING: u8 = 1;

const MIC_START: [u8; START] = [1, 1, 0x11, 0, 0xff, 0xff, 0xff, 0xff];
const SIGNED_START: [u8; START] = [2, 1, 0x11, 0, 0xff, 0xff, 0xff, 0xff];
const SEALED_START: [u8; START] = [2, 1, 0x11, 0, 0x10, 0, 0xff, 0xff];

/// How a Wrap token begins.
fn start(protection: Protection) -> [u8; START] {
    match protection {
        Protection::Confidentiality => SEALED_START,
        Protection::Integrity => SIGNED_START,
    }
}

/// The keys of a context, which are those of both directions.
struct Keys {
    wrap: ChecksumKey,
    mic: ChecksumKey,
    number: HmacKey<Md5>,
    data: HmacKey<Md5>,
}

impl Keys {
    fn new(key: &EncryptionKey) -> Result<Keys, CryptoError> {
        let mut local = Secret::new([0; 16]);
        local.expose_mut().iter_mut().zip(key.bytes()).for_each(|(local, octet)| *local = octet ^ 0xf0);
        let of_usage_0 = |key: &[u8]| HmacKey::new(keyed(&HmacKey::new(key), &[0; 4]).expose());
        Ok(Keys {
            wrap: ChecksumKey::new(key, KeyUsage::KRB_PRIV_ENC_PART)?,
            mic: ChecksumKey::new(key, KeyUsage::KRB_SAFE_CHECKSUM)?,
            number: of_usage_0(key.bytes()),
            data: of_usage_0(local.expose()),
        })
    }

    /// SND_SEQ, in the clear or encrypted, to the other.
    fn turn_number(&self, checksum: &[u8], field: &mut [u8]) {
        Keystream::new(keyed(&self.number, checksum)).apply(field);
    }

    /// Encrypts or decrypts what is sealed of a message with this number.
    fn turn_data(&self, number: u32, confounder: &mut [u8], parts: &mut [Part<'_>], padding: &mut [u8]) {
        let mut stream = Keystream::new(keyed(&self.data, &number.to_be_bytes()));
        stream.apply(confounder);
        for part in parts {
            if let Part::Sealed(octets) = part {
                stream.apply(octets);
            }
        }
        stream.apply(padding);
    }
}

/// The MAC of `message` as a key.
fn keyed(key: &HmacKey<Md5>, message: &[u8]) -> Secret<[u8; 16]> {
    let mut made = Secret::new([0; 16]);
    key.mac(&[message], made.expose_mut());
    made
}

/// The first bytes of a checksum, as SGN_CKSUM.
fn shortened(checksum: &[u8]) -> &[u8] {
    checksum.get(..FIELD).unwrap_or(checksum)
}

/// One direction, with its keys once they are needed.
struct Way {
    direction: Direction,
    keys: Option<Box<Keys>>,
}

impl Way {
    fn new(direction: Direction) -> Way {
        Way { direction, keys: None }
    }

    fn keys(&mut self) -> Result<&Keys, CryptoError> {
        let key = &self.direction.key;
        made_once(&mut self.keys, || Keys::new(key))
    }

    /// The four bytes that say who sends.
    fn sender(&self) -> [u8; 4] {
        if self.direction.sent_by_acceptor() { [0xff; 4] } else { [0; 4] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mech::{MechanismId, framing};

    #[test]
    fn the_frame_in_dce_style_is_that_of_an_empty_message() {
        let mut frame = alloc::vec::Vec::new();
        framing::write_header(MechanismId::KERBEROS, WRAP, &mut frame);
        assert_eq!(frame, DCE_FRAME);
        let mut longest = alloc::vec::Vec::new();
        framing::write_header(MechanismId::KERBEROS, 0x0100_0000, &mut longest);
        assert_eq!(longest.len(), LONGEST_FRAME);
    }
}
