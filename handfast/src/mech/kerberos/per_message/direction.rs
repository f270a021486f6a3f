use super::Sender;
use super::header::{ACCEPTOR_SUBKEY, SEALED, SENT_BY_ACCEPTOR};
use crate::crypto::Secret;
use crate::error::MessageError;
use crate::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, Enctype, KeyUsage};
use crate::mech::{PrfKey, Protection};
use crate::wire::{DecodeError, Reader, Writer};
use alloc::boxed::Box;
use alloc::vec::Vec;

impl Sender {
    fn seal_usage(self) -> KeyUsage {
        match self {
            Sender::Initiator => KeyUsage::INITIATOR_SEAL,
            Sender::Acceptor => KeyUsage::ACCEPTOR_SEAL,
        }
    }

    fn sign_usage(self) -> KeyUsage {
        match self {
            Sender::Initiator => KeyUsage::INITIATOR_SIGN,
            Sender::Acceptor => KeyUsage::ACCEPTOR_SIGN,
        }
    }

    pub(super) fn other(self) -> Sender {
        match self {
            Sender::Initiator => Sender::Acceptor,
            Sender::Acceptor => Sender::Initiator,
        }
    }
}

/// The keys of one direction. Usage keys are made at their first use, and then kept.
pub(super) struct Direction {
    sender: Sender,
    acceptor_subkey: bool,
    /// Whether Wrap tokens are laid out as in DCE style.
    pub(super) dce_style: bool,
    pub(super) key: EncryptionKey,
    cipher: Option<Box<CipherKey>>,
    wrap_checksum: Option<Box<ChecksumKey>>,
    mic_checksum: Option<Box<ChecksumKey>>,
}

impl Direction {
    pub(super) fn new(sender: Sender, acceptor_subkey: bool, dce_style: bool, key: EncryptionKey) -> Self {
        Direction { sender, acceptor_subkey, dce_style, key, cipher: None, wrap_checksum: None, mic_checksum: None }
    }

    pub(super) fn cipher(&mut self) -> Result<&CipherKey, CryptoError> {
        let (key, usage) = (&self.key, self.sender.seal_usage());
        made_once(&mut self.cipher, || CipherKey::new(key, usage))
    }

    pub(super) fn wrap_checksum(&mut self) -> Result<&ChecksumKey, CryptoError> {
        let (key, usage) = (&self.key, self.sender.seal_usage());
        made_once(&mut self.wrap_checksum, || ChecksumKey::new(key, usage))
    }

    pub(super) fn mic_checksum(&mut self) -> Result<&ChecksumKey, CryptoError> {
        let (key, usage) = (&self.key, self.sender.sign_usage());
        made_once(&mut self.mic_checksum, || ChecksumKey::new(key, usage))
    }

    pub(super) fn sent_by_acceptor(&self) -> bool {
        self.sender == Sender::Acceptor
    }

    pub(super) fn flags(&self, protection: Protection) -> u8 {
        let sender = if self.sender == Sender::Acceptor { SENT_BY_ACCEPTOR } else { 0 };
        let sealed = if protection == Protection::Confidentiality { SEALED } else { 0 };
        let subkey = if self.acceptor_subkey { ACCEPTOR_SUBKEY } else { 0 };
        sender | sealed | subkey
    }

    /// Checks direction and key of a received header (RFC 4121 4.2.2); reserved flags are ignored.
    pub(super) fn check_flags(&self, flags: u8) -> Result<(), MessageError> {
        if (flags & SENT_BY_ACCEPTOR != 0) != (self.sender == Sender::Acceptor) {
            return Err(MessageError::WrongDirection);
        }
        if (flags & ACCEPTOR_SUBKEY != 0) != self.acceptor_subkey {
            return Err(MessageError::WrongKey);
        }
        Ok(())
    }

    pub(super) fn export(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.u8(u8::from(self.sender == Sender::Acceptor)).u8(u8::from(self.acceptor_subkey));
        writer.u8(u8::from(self.dce_style));
        writer.i32_be(self.key.enctype().0).bytes(self.key.bytes());
    }

    /// The pseudo-random function of the context (RFC 7802 3).
    pub(super) fn prf(
        &self,
        initiators: Option<&EncryptionKey>,
        key: PrfKey,
        input: &[u8],
        length: usize,
    ) -> Result<Secret<Vec<u8>>, MessageError> {
        let key = match key {
            PrfKey::Full => &self.key,
            PrfKey::Partial => initiators.unwrap_or(&self.key),
        };
        Ok(key.gss_prf_plus(input, length)?)
    }

    pub(super) fn import(reader: &mut Reader<'_>) -> Result<Direction, DecodeError> {
        let sender = if flag(reader)? { Sender::Acceptor } else { Sender::Initiator };
        let (acceptor_subkey, dce_style) = (flag(reader)?, flag(reader)?);
        Ok(Direction::new(sender, acceptor_subkey, dce_style, import_key(reader)?))
    }
}

fn import_key(reader: &mut Reader<'_>) -> Result<EncryptionKey, DecodeError> {
    let enctype = Enctype(reader.i32_be()?);
    let size = enctype.key_size().ok_or_else(|| reader.invalid("an encryption type that is not known"))?;
    let bytes = reader.take(size)?.to_vec();
    EncryptionKey::new(enctype, bytes).map_err(|_| reader.invalid("a key of the wrong size"))
}

/// Appends the initiator's key, where it is not the context's.
pub(super) fn export_initiators(key: Option<&EncryptionKey>, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    match key {
        Some(key) => writer.u8(1).i32_be(key.enctype().0).bytes(key.bytes()),
        None => writer.u8(0),
    };
}

/// What [`export_initiators`] wrote.
pub(super) fn import_initiators(reader: &mut Reader<'_>) -> Result<Option<EncryptionKey>, DecodeError> {
    if flag(reader)? { import_key(reader).map(Some) } else { Ok(None) }
}

pub(super) fn flag(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(reader.invalid("a flag that is neither 0 nor 1")),
    }
}

pub(super) fn made_once<T>(
    slot: &mut Option<Box<T>>,
    make: impl FnOnce() -> Result<T, CryptoError>,
) -> Result<&T, CryptoError> {
    if slot.is_none() {
        *slot = Some(Box::new(make()?));
    }
    slot.as_deref().ok_or(CryptoError::IntegrityCheckFailed)
}
