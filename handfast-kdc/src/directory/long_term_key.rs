use alloc::string::String;
use core::fmt;
use handfast::crypto::Random;
use handfast::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, Enctype, KeyUsage, string_to_key};

/// A principal's key: version, how it came from a password, and what it is used for, derived once.
pub struct LongTermKey {
    kvno: u32,
    key: EncryptionKey,
    salt: Option<String>,
    iterations: Option<u32>,
    /// PA-ENC-TIMESTAMP.
    pub(crate) timestamp: CipherKey,
    /// Tickets for this principal.
    pub(crate) ticket: CipherKey,
    /// Replies to this principal.
    pub(crate) as_rep: CipherKey,
    /// The checksum of requests of this principal.
    pub(crate) request: ChecksumKey,
}

impl LongTermKey {
    /// A key of version `kvno`.
    ///
    /// # Errors
    /// If it can't be computed with.
    pub fn new(kvno: u32, key: EncryptionKey) -> Result<Self, CryptoError> {
        Ok(LongTermKey {
            kvno,
            timestamp: CipherKey::new(&key, KeyUsage::AS_REQ_TIMESTAMP)?,
            ticket: CipherKey::new(&key, KeyUsage::TICKET)?,
            as_rep: CipherKey::new(&key, KeyUsage::AS_REP_ENC_PART)?,
            request: ChecksumKey::new(&key, KeyUsage::AS_REQ_CHECKSUM)?,
            key,
            salt: None,
            iterations: None,
        })
    }

    /// The key of a password; `iterations` are the enctype's default if none are given.
    ///
    /// # Errors
    /// For an enctype that can't be computed with, or too many iterations.
    pub fn from_password(
        kvno: u32,
        enctype: Enctype,
        password: &[u8],
        salt: &str,
        iterations: Option<u32>,
    ) -> Result<Self, CryptoError> {
        let parameters = iterations.map(u32::to_be_bytes);
        let key = string_to_key(enctype, password, salt.as_bytes(), parameters.as_ref().map(|p| p.as_slice()))?;
        Ok(LongTermKey::new(kvno, key)?.derived_with(salt, iterations))
    }

    /// A random key.
    ///
    /// # Errors
    /// For an enctype that can't be computed with, or if there is no randomness.
    pub fn generate(kvno: u32, enctype: Enctype, random: &dyn Random) -> Result<Self, CryptoError> {
        LongTermKey::new(kvno, EncryptionKey::generate(enctype, random)?)
    }

    /// The same key, as it was made from a password: clients are told the salt and the iterations.
    pub fn derived_with(mut self, salt: impl Into<String>, iterations: Option<u32>) -> Self {
        self.salt = Some(salt.into());
        self.iterations = iterations;
        self
    }

    /// The key's version number.
    pub fn kvno(&self) -> u32 {
        self.kvno
    }

    /// The key itself.
    pub fn key(&self) -> &EncryptionKey {
        &self.key
    }

    /// Its enctype.
    pub fn enctype(&self) -> Enctype {
        self.key.enctype()
    }

    /// The salt, of a key made from a password.
    pub fn salt(&self) -> Option<&str> {
        self.salt.as_deref()
    }

    /// The PBKDF2 iterations, where they are not the enctype's default.
    pub fn iterations(&self) -> Option<u32> {
        self.iterations
    }
}

/// Shows version and enctype, not the key.
impl fmt::Debug for LongTermKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LongTermKey(kvno {}, {})", self.kvno, self.enctype())
    }
}
