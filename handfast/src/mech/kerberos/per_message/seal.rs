use super::direction::{Direction, export_initiators, flag, import_initiators};
use super::header::Header;
use super::pieces::{Layout, Pieces, exactly, split_back, split_front, with_inner};
use super::{CONFOUNDER, FILLER, HEADER};
use crate::crypto::{Secret, confounder};
use crate::error::MessageError;
use crate::krb5::enctype::EncryptionKey;
use crate::mech::{Part, PrfKey, Protection, Seal};
use crate::wire::{DecodeError, Reader, Writer};
use alloc::vec::Vec;

/// The sending half.
pub(super) struct KerberosSeal {
    direction: Direction,
    /// The next sequence number; the last one there is stands for that all are used up.
    next: u64,
    confounder_secret: Secret<[u8; 16]>,
    /// The initiator's key, where the context has the acceptor's.
    initiators: Option<EncryptionKey>,
}

impl KerberosSeal {
    pub(super) fn new(direction: Direction, first: u64, confounder_secret: Secret<[u8; 16]>) -> Self {
        KerberosSeal { direction, next: first, confounder_secret, initiators: None }
    }

    /// EC of a sealed token: DCE style has a whole block of filler, as Windows and its peers do (MS-KILE 3.4.5.4.1).
    fn filler(&self) -> usize {
        if self.direction.dce_style { FILLER } else { 0 }
    }

    fn header(&self, protection: Protection) -> Result<Header, MessageError> {
        let number = self.next;
        if number == u64::MAX {
            return Err(MessageError::SequenceExhausted);
        }
        Ok(Header { flags: self.direction.flags(protection), extra_count: 0, rotation: 0, number })
    }

    fn advance(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// Fills a token that holds `message` behind the room for header and confounder, and then room for the inner
    /// header and the MAC.
    fn seal_token(&mut self, token: &mut [u8]) -> Result<(), MessageError> {
        let header = self.header(Protection::Confidentiality)?;
        let confounder = confounder(&self.confounder_secret, header.number);
        let cipher = self.direction.cipher()?;
        let (front, mac) = split_back(token, cipher.mac_len())?;
        let (outer, rest) = split_front(front, HEADER)?;
        let (first_block, sealed) = split_front(rest, CONFOUNDER)?;
        let (_, inner) = split_back(sealed, HEADER)?;
        outer.copy_from_slice(&header.wrap_bytes());
        inner.copy_from_slice(&header.wrap_bytes());
        first_block.copy_from_slice(&confounder);
        cipher.seal_parts(first_block, &mut [Part::Sealed(sealed)], mac)?;
        self.advance();
        Ok(())
    }

    /// Fills header and checksum of a token that holds `message` signed.
    fn sign_parts(&mut self, layout: Layout<'_>, message: Pieces<'_>) -> Result<(), MessageError> {
        let header = self.header(Protection::Integrity)?;
        let key = self.direction.wrap_checksum()?;
        let mac = key.checksum(message.with(&header.for_checksum())?.all());
        let extra_count = field(mac.len())?;
        let rotation = if layout.rotated { extra_count } else { 0 };
        exactly(layout.tail, mac.len())?.copy_from_slice(&mac);
        layout.outer.copy_from_slice(&Header { extra_count, rotation, ..header }.wrap_bytes());
        self.advance();
        Ok(())
    }

    /// Fills confounder, filler, inner header and MAC of a token that holds the sealed parts, and seals them.
    ///
    /// Windows turns what it receives by EC + RRC, so in DCE style RRC leaves out EC, as with all of its peers.
    fn seal_parts(&mut self, layout: Layout<'_>, parts: &mut [Part<'_>]) -> Result<(), MessageError> {
        let (filler, turned_too) = (self.filler(), if self.direction.dce_style { 0 } else { self.filler() });
        let header = Header { extra_count: field(filler)?, ..self.header(Protection::Confidentiality)? };
        let confounder = confounder(&self.confounder_secret, header.number);
        let cipher = self.direction.cipher()?;
        let tail = exactly(layout.tail, filler + HEADER + cipher.mac_len())?;
        let (inner, mac) = split_front(tail, filler + HEADER)?;
        let (padding, copy) = split_front(inner, filler)?;
        padding.fill(0xff);
        copy.copy_from_slice(&header.wrap_bytes());
        layout.front.copy_from_slice(&confounder);
        let turned = turned_too + HEADER + mac.len();
        with_inner(parts, inner, |parts| Ok(cipher.seal_parts(layout.front, parts, mac)?))?;
        let rotation = if layout.rotated { field(turned)? } else { 0 };
        layout.outer.copy_from_slice(&Header { rotation, ..header }.wrap_bytes());
        self.advance();
        Ok(())
    }

    /// Fills a token that holds `message` behind the room for its header and before that for its trailer.
    fn fill_token(
        &mut self,
        protection: Protection,
        token: &mut [u8],
        (header, trailer): (usize, usize),
        message: &[u8],
    ) -> Result<(), MessageError> {
        if protection == Protection::Confidentiality && !self.direction.dce_style {
            return self.seal_token(token);
        }
        let (header, rest) = split_front(token, header)?;
        let (body, trailer) = split_back(rest, trailer)?;
        match protection {
            Protection::Confidentiality => {
                self.seal_parts(Layout::of(header, trailer, CONFOUNDER)?, &mut [Part::Sealed(body)])
            }
            Protection::Integrity => self.sign_parts(Layout::of(header, trailer, 0)?, Pieces::of(message)),
        }
    }

    /// With the initiator's key, where the context has the acceptor's.
    pub(super) fn initiators(self, initiators: Option<EncryptionKey>) -> Self {
        KerberosSeal { initiators, ..self }
    }

    pub(super) fn resume(direction: Direction, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (next, confounder_secret) = import_counter(reader)?;
        let initiators = import_initiators(reader)?;
        Ok(KerberosSeal { direction, next: next.unwrap_or(u64::MAX), confounder_secret, initiators })
    }
}

impl Seal for KerberosSeal {
    fn protect(&mut self, protection: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        let start = out.len();
        let (header, trailer) = self.sizes(protection);
        out.reserve(header + message.len() + trailer);
        out.resize(start + header, 0);
        out.extend_from_slice(message);
        out.resize(out.len() + trailer, 0);
        let (_, token) = out.split_at_mut(start);
        let result = self.fill_token(protection, token, (header, trailer), message);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    fn protect_parts(
        &mut self,
        protection: Protection,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(), MessageError> {
        match protection {
            Protection::Confidentiality => self.seal_parts(Layout::of(header, trailer, CONFOUNDER)?, parts),
            Protection::Integrity => self.sign_parts(Layout::of(header, trailer, 0)?, Pieces::of_parts(parts)?),
        }
    }

    fn sizes(&self, protection: Protection) -> (usize, usize) {
        let mac = self.direction.key.enctype().mac_len().unwrap_or(0);
        let (front, tail) = match protection {
            Protection::Confidentiality => (HEADER + CONFOUNDER, self.filler() + HEADER + mac),
            Protection::Integrity => (HEADER, mac),
        };
        if self.direction.dce_style { (front + tail, 0) } else { (front, tail) }
    }

    fn sign(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        self.sign_slices(&[message], out)
    }

    fn sign_slices(&mut self, message: &[&[u8]], out: &mut Vec<u8>) -> Result<(), MessageError> {
        let header = self.header(Protection::Integrity)?.mic_bytes();
        let covered = Pieces::of_slices(message)?.with(&header)?;
        let mac = self.direction.mic_checksum()?.checksum(covered.all());
        out.extend_from_slice(&header);
        out.extend_from_slice(&mac);
        self.advance();
        Ok(())
    }

    fn prf(&self, key: PrfKey, input: &[u8], length: usize) -> Result<Secret<Vec<u8>>, MessageError> {
        self.direction.prf(self.initiators.as_ref(), key, input, length)
    }

    fn export(&self, out: &mut Vec<u8>) {
        self.direction.export(out);
        export_counter(Some(self.next), &self.confounder_secret, out);
        export_initiators(self.initiators.as_ref(), out);
    }
}

/// Appends what a sending half counts, and what its confounders are made from.
pub(super) fn export_counter(next: Option<u64>, confounder_secret: &Secret<[u8; 16]>, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    match next {
        Some(next) => writer.u8(1).u64_be(next),
        None => writer.u8(0),
    };
    writer.bytes(confounder_secret.expose());
}

/// What [`export_counter`] wrote.
pub(super) fn import_counter(reader: &mut Reader<'_>) -> Result<(Option<u64>, Secret<[u8; 16]>), DecodeError> {
    let next = if flag(reader)? { Some(reader.u64_be()?) } else { None };
    Ok((next, Secret::new(reader.array()?)))
}

/// A length as EC and RRC hold it.
fn field(length: usize) -> Result<u16, MessageError> {
    u16::try_from(length).map_err(|_| MessageError::TooLarge { limit: 0xffff })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::krb5::enctype::Enctype;
    use crate::mech::kerberos::per_message::Sender;

    #[test]
    fn no_sequence_number_is_used_twice() {
        let key = EncryptionKey::new(Enctype::AES128_CTS_HMAC_SHA1_96, [1; 16]).unwrap();
        let direction = Direction::new(Sender::Initiator, false, false, key);
        let mut seal = KerberosSeal::new(direction, u64::MAX - 1, Secret::new([2; 16]));
        let mut out = Vec::new();
        seal.protect(Protection::Confidentiality, b"last", &mut out).unwrap();
        let length = out.len();
        for protection in [Protection::Confidentiality, Protection::Integrity] {
            assert_eq!(seal.protect(protection, b"more", &mut out), Err(MessageError::SequenceExhausted));
        }
        assert_eq!(seal.sign(b"more", &mut out), Err(MessageError::SequenceExhausted));
        assert_eq!(out.len(), length);
    }
}
