use super::{
    DCE_FRAME, FIELD, LONGEST_FRAME, MIC, MIC_START, PADDING, SHORT_FRAME, START, WRAP, Way, shortened, start,
};
use crate::crypto::{Secret, confounder};
use crate::error::MessageError;
use crate::krb5::enctype::EncryptionKey;
use crate::mech::kerberos::per_message::direction::{Direction, export_initiators, import_initiators};
use crate::mech::kerberos::per_message::pieces::{Pieces, exactly, split_front};
use crate::mech::kerberos::per_message::seal::{export_counter, import_counter};
use crate::mech::{MechanismId, Part, PrfKey, Protection, Seal, framing};
use crate::wire::{DecodeError, Reader};
use alloc::vec::Vec;

/// The sending half.
pub(in super::super) struct Rc4Seal {
    way: Way,
    /// The next sequence number; `None` when all of 32 bits are used up, since a number is part of a message's key.
    next: Option<u64>,
    confounder_secret: Secret<[u8; 16]>,
    /// The initiator's key, where the context has the acceptor's.
    initiators: Option<EncryptionKey>,
}

impl Rc4Seal {
    pub(in super::super) fn new(direction: Direction, first: u32, confounder_secret: Secret<[u8; 16]>) -> Self {
        Rc4Seal { way: Way::new(direction), next: Some(first.into()), confounder_secret, initiators: None }
    }

    /// With the initiator's key, where the context has the acceptor's.
    pub(in super::super) fn initiators(self, initiators: Option<EncryptionKey>) -> Self {
        Rc4Seal { initiators, ..self }
    }

    pub(in super::super) fn resume(direction: Direction, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (next, confounder_secret) = import_counter(reader)?;
        let initiators = import_initiators(reader)?;
        Ok(Rc4Seal { way: Way::new(direction), next, confounder_secret, initiators })
    }

    fn number(&self) -> Result<u32, MessageError> {
        self.next.and_then(|next| u32::try_from(next).ok()).ok_or(MessageError::SequenceExhausted)
    }

    fn advance(&mut self) {
        self.next = self.next.and_then(|next| next.checked_add(1));
    }

    /// Writes SND_SEQ and SGN_CKSUM.
    fn write_fields(&mut self, number: u32, checksum: &[u8], out: &mut [u8]) -> Result<(), MessageError> {
        let sender = self.way.sender();
        let (number_field, checksum_field) = split_front(exactly(out, 2 * FIELD)?, FIELD)?;
        let (digits, direction) = split_front(number_field, 4)?;
        digits.copy_from_slice(&number.to_be_bytes());
        exactly(direction, 4)?.copy_from_slice(&sender);
        checksum_field.copy_from_slice(checksum);
        self.way.keys()?.turn_number(checksum, number_field);
        Ok(())
    }

    /// Fills all of a Wrap token but its frame: `body` is what stands in front of the message.
    fn wrap(
        &mut self,
        protection: Protection,
        body: &mut [u8],
        parts: &mut [Part<'_>],
        padding: &mut [u8],
    ) -> Result<(), MessageError> {
        let number = self.number()?;
        let drawn = confounder(&self.confounder_secret, number.into());
        let (head, rest) = split_front(exactly(body, WRAP)?, START)?;
        let (fields, first) = split_front(rest, 2 * FIELD)?;
        head.copy_from_slice(&start(protection));
        first.copy_from_slice(shortened(&drawn));
        padding.fill(PADDING);
        let mut covered = [0; START + FIELD];
        let (covered_start, covered_first) = covered.split_at_mut(START);
        covered_start.copy_from_slice(head);
        covered_first.copy_from_slice(first);
        let keys = self.way.keys()?;
        let mac = keys.wrap.checksum(Pieces::around(&covered, parts, padding)?.all());
        if protection == Protection::Confidentiality {
            keys.turn_data(number, first, parts, padding);
        }
        self.write_fields(number, shortened(&mac), fields)?;
        self.advance();
        Ok(())
    }

    /// Appends a Wrap token that holds `message`.
    fn append(&mut self, protection: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        let padding = usize::from(!self.way.direction.dce_style);
        let framed = if self.way.direction.dce_style { WRAP } else { WRAP + message.len() + padding };
        out.reserve(LONGEST_FRAME + WRAP + message.len() + padding);
        framing::write_header(MechanismId::KERBEROS, framed, out);
        let start = out.len();
        out.resize(start + WRAP, 0);
        out.extend_from_slice(message);
        out.resize(out.len() + padding, 0);
        let (_, body) = out.split_at_mut(start);
        let (body, rest) = split_front(body, WRAP)?;
        let (message, padding) = split_front(rest, message.len())?;
        self.wrap(protection, body, &mut [Part::Sealed(message)], padding)
    }
}

impl Seal for Rc4Seal {
    fn protect(&mut self, protection: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        let start = out.len();
        self.append(protection, message, out).inspect_err(|_| out.truncate(start))
    }

    fn protect_parts(
        &mut self,
        protection: Protection,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(), MessageError> {
        if !self.way.direction.dce_style {
            return Err(MessageError::NotInPlace);
        }
        exactly(trailer, 0)?;
        let (frame, body) = split_front(exactly(header, SHORT_FRAME + WRAP)?, SHORT_FRAME)?;
        frame.copy_from_slice(&DCE_FRAME);
        self.wrap(protection, body, parts, &mut [])
    }

    /// In DCE style what they are; else what they are at most.
    fn sizes(&self, _protection: Protection) -> (usize, usize) {
        if self.way.direction.dce_style { (SHORT_FRAME + WRAP, 0) } else { (LONGEST_FRAME + WRAP, 1) }
    }

    fn sign(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        self.sign_slices(&[message], out)
    }

    fn sign_slices(&mut self, message: &[&[u8]], out: &mut Vec<u8>) -> Result<(), MessageError> {
        let number = self.number()?;
        let covered = Pieces::behind(&MIC_START, message)?;
        let mac = self.way.keys()?.mic.checksum(covered.all());
        let mut fields = [0; 2 * FIELD];
        self.write_fields(number, shortened(&mac), &mut fields)?;
        framing::write_header(MechanismId::KERBEROS, MIC, out);
        out.extend_from_slice(&MIC_START);
        out.extend_from_slice(&fields);
        self.advance();
        Ok(())
    }

    fn prf(&self, key: PrfKey, input: &[u8], length: usize) -> Result<Secret<Vec<u8>>, MessageError> {
        self.way.direction.prf(self.initiators.as_ref(), key, input, length)
    }

    fn export(&self, out: &mut Vec<u8>) {
        self.way.direction.export(out);
        export_counter(self.next, &self.confounder_secret, out);
        export_initiators(self.initiators.as_ref(), out);
    }
}
