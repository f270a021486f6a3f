use super::cts::Message;
use super::des3::Des3Hmac;
use super::rfc3961::EncryptAndHmac;
use super::rfc4757::Rc4Hmac;
use super::rfc6803::EncryptAndCmac;
use super::rfc8009::EncryptThenMac;
use super::{Algorithms, CryptoError, EncryptionKey, Enctype, KeyUsage, Part, Row};
use crate::asn1::first_element;
use crate::crypto::block::{Aes128, Aes256, Camellia128, Camellia256};
use crate::crypto::hash::{Sha1, Sha256, Sha384};
use crate::crypto::{Secret, constant_time_eq};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// Octets in the longest MAC, that of aes256-cts-hmac-sha384-192.
pub(super) const LONGEST_MAC: usize = 24;

/// Octets in the longest confounder, the first block of a ciphertext.
const CONFOUNDER: usize = 16;

/// How an enctype encrypts with the keys of one usage. The buffers have the enctype's lengths.
pub(super) trait Profile {
    /// Encrypts in place and writes the MAC.
    fn seal(&self, message: Message<'_, '_>, mac: &mut [u8]);
    /// Decrypts in place; after an error, no plaintext is left in the message.
    fn unseal(&self, message: Message<'_, '_>, mac: &[u8]) -> Result<(), CryptoError>;
}

/// A profile whose MAC covers the plaintext (RFC 3961 5.3): sealed and unsealed alike, whatever cipher and MAC it has.
pub(super) trait MacOfPlaintext {
    /// Fills `mac` with the MAC of what is not encrypted yet, or no longer.
    fn mac(&self, message: &Message<'_, '_>, mac: &mut [u8]);
    /// Encrypts; the message's MAC is known.
    fn encrypt(&self, message: &mut Message<'_, '_>, mac: &[u8]);
    /// Decrypts what claims to have this MAC.
    fn decrypt(&self, message: &mut Message<'_, '_>, mac: &[u8]);
}

impl<P: MacOfPlaintext> Profile for P {
    fn seal(&self, mut message: Message<'_, '_>, mac: &mut [u8]) {
        self.mac(&message, mac);
        self.encrypt(&mut message, mac);
    }

    fn unseal(&self, mut message: Message<'_, '_>, mac: &[u8]) -> Result<(), CryptoError> {
        self.decrypt(&mut message, mac);
        let mut expected = [0; LONGEST_MAC];
        let (expected, _) = expected.split_at_mut(mac.len());
        self.mac(&message, expected);
        if constant_time_eq(expected, mac) {
            return Ok(());
        }
        message.wipe();
        Err(CryptoError::IntegrityCheckFailed)
    }
}

/// The encryption keys of one usage (RFC 3961 5.3, RFC 8009 5, RFC 6803 6), derived and scheduled once.
///
/// A ciphertext is `confounder | data | MAC`, the first two encrypted together: [`CipherKey::header_len`] octets,
/// as many octets as the data, and [`CipherKey::mac_len`] octets; RC4's has the MAC in front (RFC 4757 5), triple DES
/// pads the data with zeros to a multiple of 8 octets, which are there again when it is decrypted (RFC 3961 6.3). The
/// key is safe to share between threads, wipes itself, and takes some 100 octets: ciphers are expanded per message, HMAC's padded blocks are hashed here.
pub struct CipherKey {
    row: &'static Row,
    keys: Keys,
}

enum Keys {
    Aes128Sha1(EncryptAndHmac<Aes128, Sha1>),
    Aes256Sha1(EncryptAndHmac<Aes256, Sha1>),
    Aes128Sha256(EncryptThenMac<Aes128, Sha256>),
    /// Boxed: twice the size of the others.
    Aes256Sha384(Box<EncryptThenMac<Aes256, Sha384>>),
    Camellia128(EncryptAndCmac<Camellia128>),
    Camellia256(EncryptAndCmac<Camellia256>),
    Rc4(Rc4Hmac),
    Des3(Des3Hmac),
}

/// Calls a method of whichever profile is there.
macro_rules! profile {
    ($keys:expr, $method:ident($($argument:expr),*)) => {
        match $keys {
            Keys::Aes128Sha1(keys) => keys.$method($($argument),*),
            Keys::Aes256Sha1(keys) => keys.$method($($argument),*),
            Keys::Aes128Sha256(keys) => keys.$method($($argument),*),
            Keys::Aes256Sha384(keys) => keys.$method($($argument),*),
            Keys::Camellia128(keys) => keys.$method($($argument),*),
            Keys::Camellia256(keys) => keys.$method($($argument),*),
            Keys::Rc4(keys) => keys.$method($($argument),*),
            Keys::Des3(keys) => keys.$method($($argument),*),
        }
    };
}

impl CipherKey {
    /// Derives and schedules the keys.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedEnctype`] and [`CryptoError::WrongKeySize`].
    pub fn new(key: &EncryptionKey, usage: KeyUsage) -> Result<Self, CryptoError> {
        let row = key.usable()?;
        let base = key.bytes();
        let keys = match row.algorithms {
            Algorithms::Aes128Sha1 => Keys::Aes128Sha1(EncryptAndHmac::new(base, usage)),
            Algorithms::Aes256Sha1 => Keys::Aes256Sha1(EncryptAndHmac::new(base, usage)),
            Algorithms::Aes128Sha256 => Keys::Aes128Sha256(EncryptThenMac::new(base, usage, row.mac)),
            Algorithms::Aes256Sha384 => Keys::Aes256Sha384(Box::new(EncryptThenMac::new(base, usage, row.mac))),
            Algorithms::Camellia128 => Keys::Camellia128(EncryptAndCmac::new(base, usage)),
            Algorithms::Camellia256 => Keys::Camellia256(EncryptAndCmac::new(base, usage)),
            Algorithms::Rc4 => Keys::Rc4(Rc4Hmac::new(base, usage)),
            Algorithms::Des3 => Keys::Des3(Des3Hmac::new(base, usage)),
        };
        Ok(CipherKey { row, keys })
    }

    /// What the keys are for.
    pub fn enctype(&self) -> Enctype {
        self.row.enctype
    }

    /// Octets of confounder before the data.
    pub fn header_len(&self) -> usize {
        self.row.confounder
    }

    /// Octets of MAC after the data.
    pub fn mac_len(&self) -> usize {
        self.row.mac
    }

    /// Octets in the ciphertext of `plain` octets.
    pub fn sealed_len(&self, plain: usize) -> usize {
        self.padded_len(plain).saturating_add(self.header_len() + self.mac_len())
    }

    /// Octets that are encrypted for `plain` octets of data.
    fn padded_len(&self, plain: usize) -> usize {
        plain.checked_next_multiple_of(self.row.block).unwrap_or(usize::MAX)
    }

    /// Encrypts a message and appends the ciphertext to `out`.
    ///
    /// The confounder must be unpredictable and new for each message.
    pub fn encrypt(&self, confounder: &[u8; CONFOUNDER], plaintext: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let header_len = self.header_len();
        out.resize(start + self.sealed_len(plaintext.len()), 0);
        let data_len = self.padded_len(plaintext.len());
        let (mac, header, data) = self.cut_mut(out.split_at_mut(start).1, data_len);
        header.copy_from_slice(confounder.split_at(header_len).0);
        data.split_at_mut(plaintext.len()).0.copy_from_slice(plaintext);
        profile!(&self.keys, seal(Message::new(header, &mut [Part::Sealed(data)]), mac));
    }

    /// Checks and decrypts a whole ciphertext.
    ///
    /// # Errors
    /// [`CryptoError::TooShort`] and [`CryptoError::IntegrityCheckFailed`].
    pub fn decrypt(&self, ciphertext: &[u8]) -> Result<Secret<Vec<u8>>, CryptoError> {
        let data_len = self.data_len(ciphertext)?;
        let (mac, sealed) = self.mac_and_sealed(ciphertext);
        let (front, data) = sealed.split_at(self.header_len());
        let mut header = [0; CONFOUNDER];
        let (header, _) = header.split_at_mut(front.len());
        header.copy_from_slice(front);
        let mut plaintext = Secret::new(Vec::with_capacity(data_len));
        plaintext.expose_mut().extend_from_slice(data);
        let mut parts = [Part::Sealed(plaintext.expose_mut())];
        profile!(&self.keys, unseal(Message::new(header, &mut parts), mac))?;
        Ok(plaintext)
    }

    /// Checks and decrypts a whole ciphertext where it lies, and gives the data in it.
    ///
    /// # Errors
    /// [`CryptoError::TooShort`] and [`CryptoError::IntegrityCheckFailed`]; no plaintext is in the
    /// buffer then.
    pub fn decrypt_in_place<'c>(&self, ciphertext: &'c mut [u8]) -> Result<&'c mut [u8], CryptoError> {
        let data_len = self.data_len(ciphertext)?;
        let (mac, header, data) = self.cut_mut(ciphertext, data_len);
        profile!(&self.keys, unseal(Message::new(header, &mut [Part::Sealed(data)]), mac))?;
        Ok(data)
    }

    /// The data of a decrypted message that is one element of DER: without the zeros that its enctype has padded it with (RFC 3961
    /// 6.3), if it has. What is no such padding stays, for a decoder to refuse.
    pub(crate) fn unpadded<'p>(&self, plaintext: &'p [u8]) -> &'p [u8] {
        match first_element(plaintext) {
            Some((element, rest)) if rest.len() < self.row.block && rest.iter().all(|octet| *octet == 0) => element,
            _ => plaintext,
        }
    }

    /// Encrypts in place a message in several buffers.
    ///
    /// `header` holds the confounder, `mac` takes the MAC. The sealed parts are one text for the
    /// cipher; the MAC covers sealed and signed parts in their order.
    ///
    /// # Errors
    /// [`CryptoError::WrongBufferSize`] if `header` or `mac` is not exactly as long as it must be; for triple DES also if a sealed
    /// part is not of whole blocks.
    pub fn seal_parts(&self, header: &mut [u8], parts: &mut [Part<'_>], mac: &mut [u8]) -> Result<(), CryptoError> {
        self.check_buffers(header, parts, mac)?;
        profile!(&self.keys, seal(Message::new(header, parts), mac));
        Ok(())
    }

    /// Checks and decrypts in place a message in several buffers, as [`CipherKey::seal_parts`] made it.
    ///
    /// # Errors
    /// [`CryptoError::WrongBufferSize`], and [`CryptoError::IntegrityCheckFailed`]: no plaintext is
    /// in the buffers then.
    pub fn unseal_parts(&self, header: &mut [u8], parts: &mut [Part<'_>], mac: &[u8]) -> Result<(), CryptoError> {
        self.check_buffers(header, parts, mac)?;
        profile!(&self.keys, unseal(Message::new(header, parts), mac))
    }

    /// MAC, confounder and data of a whole ciphertext, in whichever order they stand.
    fn cut_mut<'c>(&self, ciphertext: &'c mut [u8], data_len: usize) -> (&'c mut [u8], &'c mut [u8], &'c mut [u8]) {
        let (mac, sealed) = match self.row.mac_first {
            true => ciphertext.split_at_mut(self.row.mac),
            false => {
                let (sealed, mac) = ciphertext.split_at_mut(self.header_len() + data_len);
                (mac, sealed)
            }
        };
        let (header, data) = sealed.split_at_mut(self.header_len());
        (mac, header, data)
    }

    /// MAC and encrypted text of a whole ciphertext that is long enough.
    fn mac_and_sealed<'c>(&self, ciphertext: &'c [u8]) -> (&'c [u8], &'c [u8]) {
        if self.row.mac_first {
            return ciphertext.split_at(self.row.mac);
        }
        let (sealed, mac) = ciphertext.split_at(ciphertext.len() - self.row.mac);
        (mac, sealed)
    }

    /// Octets of data in a whole ciphertext.
    fn data_len(&self, ciphertext: &[u8]) -> Result<usize, CryptoError> {
        let (minimum, actual) = (self.sealed_len(0), ciphertext.len());
        let data = actual.checked_sub(minimum).ok_or(CryptoError::TooShort { minimum, actual })?;
        if data % self.row.block == 0 { Ok(data) } else { Err(CryptoError::IntegrityCheckFailed) }
    }

    fn check_buffers(&self, header: &[u8], parts: &[Part<'_>], mac: &[u8]) -> Result<(), CryptoError> {
        let check = |expected, actual| {
            if expected == actual { Ok(()) } else { Err(CryptoError::WrongBufferSize { expected, actual }) }
        };
        check(self.header_len(), header.len())?;
        let lengths = || parts.iter().map(|part| part.sealed().len());
        lengths().try_for_each(|length| check(self.padded_len(length), length))?;
        check(self.mac_len(), mac.len())
    }
}

/// Shows the enctype, not the keys.
impl fmt::Debug for CipherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CipherKey({})", self.row.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_less_than_a_block_of_zeros_behind_an_element() {
        let cipher = |enctype: Enctype| {
            let key = EncryptionKey::unchecked(enctype, alloc::vec![2; enctype.key_size().unwrap()]);
            CipherKey::new(&key, KeyUsage::TICKET).unwrap()
        };
        let (des3, rc4) = (cipher(Enctype::DES3_CBC_SHA1_KD), cipher(Enctype::RC4_HMAC));
        let element = [0x30, 3, 1, 2, 0];
        for zeros in 0..=9 {
            let text = [&element[..], &[0; 9][..zeros]].concat();
            let cut = if zeros < 8 { &element[..] } else { &text[..] };
            assert_eq!(des3.unpadded(&text), cut, "{zeros}");
            assert_eq!(rc4.unpadded(&text), text, "{zeros}");
        }
        for no_padding in [&[0x30, 3, 1, 2, 0, 0, 1][..], &[0x30, 3, 1, 2], &[0x30], &[0, 0, 0], &[]] {
            let whole = if no_padding == [0, 0, 0] { &no_padding[..2] } else { no_padding };
            assert_eq!(des3.unpadded(no_padding), whole);
        }
    }
}
