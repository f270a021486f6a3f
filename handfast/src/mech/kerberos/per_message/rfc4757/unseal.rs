use super::{FIELD, MIC, MIC_START, PADDING, SEALED_START, SHORT_FRAME, SIGNED_START, START, WRAP, Way, shortened};
use crate::crypto::constant_time_eq;
use crate::error::MessageError;
use crate::mech::kerberos::per_message::direction::Direction;
use crate::mech::kerberos::per_message::pieces::{Pieces, exactly, split_back, split_front};
use crate::mech::kerberos::per_message::unseal::{export_window, import_window};
use crate::mech::{MechanismId, Part, Protection, Unprotected, Unseal, framing};
use crate::window::{Order, SequenceWindow};
use crate::wire::{DecodeError, Reader};
use alloc::vec::Vec;
use zeroize::Zeroize;

/// The receiving half.
pub(in super::super) struct Rc4Unseal {
    way: Way,
    window: SequenceWindow,
}

impl Rc4Unseal {
    pub(in super::super) fn new(direction: Direction, window: SequenceWindow) -> Self {
        Rc4Unseal { way: Way::new(direction), window }
    }

    pub(in super::super) fn resume(direction: Direction, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Rc4Unseal::new(direction, import_window(reader)?))
    }

    /// The number in SND_SEQ, and who sends by it.
    fn number(&mut self, field: &[u8], checksum: &[u8]) -> Result<(u32, [u8; 4]), MessageError> {
        let mut plain = [0; FIELD];
        exactly(&mut plain, field.len())?.copy_from_slice(field);
        self.way.keys()?.turn_number(checksum, &mut plain);
        let [a, b, c, d, sender @ ..] = plain;
        Ok((u32::from_be_bytes([a, b, c, d]), sender))
    }

    /// Last of the checks: a message of the other end, which has not come before.
    fn accept(&mut self, number: u32, sender: [u8; 4]) -> Result<Order, MessageError> {
        if sender != self.way.sender() {
            let reflected = sender.map(|octet| !octet) == self.way.sender();
            return Err(if reflected { MessageError::WrongDirection } else { MessageError::NotAuthentic });
        }
        let (next, _) = self.window.state();
        let [.., e, f, g, h] = next.to_be_bytes();
        let ahead = number.wrapping_sub(u32::from_be_bytes([e, f, g, h]));
        Ok(self.window.accept(next.wrapping_add_signed(i32::from_be_bytes(ahead.to_be_bytes()).into()))?)
    }

    /// Checks and opens what stands in the frame of a Wrap token; `body` is what stands in front of the message.
    fn unwrap(
        &mut self,
        least: Protection,
        body: &mut [u8],
        parts: &mut [Part<'_>],
        padding: &mut [u8],
    ) -> Result<(Protection, Order), MessageError> {
        let (head, rest) = split_front(exactly(body, WRAP)?, START)?;
        let protection = protection(head)?;
        if protection < least {
            return Err(MessageError::NotSealed);
        }
        let (fields, first) = split_front(rest, 2 * FIELD)?;
        let (number_field, checksum) = split_front(fields, FIELD)?;
        let (number, sender) = self.number(number_field, checksum)?;
        let keys = self.way.keys()?;
        if protection == Protection::Confidentiality {
            keys.turn_data(number, first, parts, padding);
        }
        let mut covered = [0; START + FIELD];
        let (covered_start, covered_first) = covered.split_at_mut(START);
        covered_start.copy_from_slice(head);
        covered_first.copy_from_slice(first);
        let mac = keys.wrap.checksum(Pieces::around(&covered, parts, padding)?.all());
        if !constant_time_eq(shortened(&mac), checksum) || padding.iter().any(|octet| *octet != PADDING) {
            wipe(protection, parts);
            return Err(MessageError::NotAuthentic);
        }
        Ok((protection, self.accept(number, sender).inspect_err(|_| wipe(protection, parts))?))
    }
}

/// No plaintext is left of a sealed message that is refused.
fn wipe(protection: Protection, parts: &mut [Part<'_>]) {
    for part in parts {
        if let (Protection::Confidentiality, Part::Sealed(octets)) = (protection, part) {
            octets.zeroize();
        }
    }
}

fn protection(start: &[u8]) -> Result<Protection, MessageError> {
    match start {
        start if start == SEALED_START => Ok(Protection::Confidentiality),
        start if start == SIGNED_START => Ok(Protection::Integrity),
        start => Err(Reader::new("Wrap token", start).invalid("is not a Wrap token of RC4 (RFC 4757 7.3)").into()),
    }
}

/// How many bytes the frame of a Kerberos token has; what is in it has exactly the length that the frame says.
fn frame_len(token: &[u8]) -> Result<usize, MessageError> {
    let (mechanism, mut inner) = framing::read(token)?;
    if mechanism != MechanismId::KERBEROS.der_contents() {
        return Err(inner.invalid("a token of another mechanism").into());
    }
    Ok(token.len() - inner.all().len())
}

impl Unseal for Rc4Unseal {
    fn unprotect<'t>(&mut self, least: Protection, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
        let too_short = |_| Reader::new("Wrap token", &[]).invalid("is too short");
        let (frame, padding) = match self.way.direction.dce_style {
            true => (frame_len(token.get(..SHORT_FRAME + WRAP).unwrap_or_default())?, 0),
            false => (frame_len(token)?, 1),
        };
        let (_, body) = split_front(token, frame)?;
        let (body, rest) = split_front(body, WRAP).map_err(too_short)?;
        let (message, padding) = split_back(rest, padding).map_err(too_short)?;
        let (protection, order) = self.unwrap(least, body, &mut [Part::Sealed(message)], padding)?;
        Ok(Unprotected { message, protection, order })
    }

    fn unprotect_parts(
        &mut self,
        least: Protection,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(Protection, Order), MessageError> {
        if !self.way.direction.dce_style {
            return Err(MessageError::NotInPlace);
        }
        exactly(trailer, 0)?;
        let frame = frame_len(exactly(header, SHORT_FRAME + WRAP)?)?;
        let (_, body) = split_front(header, frame)?;
        self.unwrap(least, body, parts, &mut [])
    }

    fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<Order, MessageError> {
        self.verify_slices(&[message], signature)
    }

    fn verify_slices(&mut self, message: &[&[u8]], signature: &[u8]) -> Result<Order, MessageError> {
        let frame = frame_len(signature)?;
        let body = signature.get(frame..).unwrap_or_default();
        let wrong = |rule| Reader::new("MIC token", body).invalid(rule);
        let (head, fields) = body.split_at_checked(START).ok_or_else(|| wrong("is too short"))?;
        if head != MIC_START {
            return Err(wrong("is not a MIC token of RC4 (RFC 4757 7.2)").into());
        }
        if body.len() != MIC {
            return Err(wrong("is not as long as a MIC token of RC4").into());
        }
        let (number_field, checksum) = fields.split_at(FIELD);
        let (number, sender) = self.number(number_field, checksum)?;
        let mac = self.way.keys()?.mic.checksum(Pieces::behind(&MIC_START, message)?.all());
        if !constant_time_eq(shortened(&mac), checksum) {
            return Err(MessageError::NotAuthentic);
        }
        self.accept(number, sender)
    }

    fn export(&self, out: &mut Vec<u8>) {
        self.way.direction.export(out);
        export_window(&self.window, out);
    }
}
