use super::int32;
use crate::asn1::{der_methods, sequence};
use crate::krb5::enctype::{ChecksumType, CryptoError, EncryptionKey, Enctype};
use core::fmt;

int32!(Enctype);
int32!(ChecksumType);

/// Encrypted bytes, and what they are encrypted with (RFC 4120 5.2.9).
///
/// ```text
/// EncryptedData  ::= SEQUENCE {
///     etype   [0] Int32,
///     kvno    [1] UInt32 OPTIONAL,
///     cipher  [2] OCTET STRING
/// }
/// ```
/// PA-ENC-TIMESTAMP (5.2.7.2) is an EncryptedData too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptedData<'a> {
    /// The encryption type.
    pub etype: Enctype,
    /// The version of the long-lived key; absent for session keys.
    pub kvno: Option<u32>,
    /// The ciphertext.
    pub cipher: &'a [u8],
}

sequence! { EncryptedData<'a>, fields { field 0 etype, optional 1 kvno, field 2 cipher } }
der_methods!(EncryptedData<'a>, "EncryptedData");

/// A key as it stands in a message, borrowed (EncryptionKey, RFC 4120 5.2.9).
///
/// ```text
/// EncryptionKey  ::= SEQUENCE {
///     keytype   [0] Int32, -- the encryption type
///     keyvalue  [1] OCTET STRING
/// }
/// ```
/// The memory that it borrows is the caller's to wipe. `Debug` does not show the key.
#[derive(Clone, Copy)]
pub struct KeyRef<'a> {
    /// The encryption type that the key is for.
    pub keytype: Enctype,
    /// The key itself.
    pub keyvalue: &'a [u8],
}

sequence! { KeyRef<'a>, fields { field 0 keytype, field 1 keyvalue } }
der_methods!(KeyRef<'a>, "EncryptionKey");

impl KeyRef<'_> {
    /// A copy that is wiped when it is dropped.
    ///
    /// # Errors
    /// [`CryptoError::WrongKeySize`] if the enctype is known and its keys have another length.
    pub fn to_key(&self) -> Result<EncryptionKey, CryptoError> {
        EncryptionKey::new(self.keytype, self.keyvalue)
    }
}

impl<'a> From<&'a EncryptionKey> for KeyRef<'a> {
    fn from(key: &'a EncryptionKey) -> Self {
        KeyRef { keytype: key.enctype(), keyvalue: key.bytes() }
    }
}

impl fmt::Debug for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRef({:?}, ..)", self.keytype)
    }
}

/// In constant time for keys of equal length.
impl PartialEq for KeyRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.keytype == other.keytype && crate::crypto::constant_time_eq(self.keyvalue, other.keyvalue)
    }
}

impl Eq for KeyRef<'_> {}

/// A checksum and its type (RFC 4120 5.2.9).
///
/// ```text
/// Checksum  ::= SEQUENCE {
///     cksumtype  [0] Int32,
///     checksum   [1] OCTET STRING
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum<'a> {
    /// How it is made.
    pub cksumtype: ChecksumType,
    /// The checksum itself.
    pub checksum: &'a [u8],
}

sequence! { Checksum<'a>, fields { field 0 cksumtype, field 1 checksum } }
der_methods!(Checksum<'a>, "Checksum");
