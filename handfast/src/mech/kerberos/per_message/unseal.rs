use super::direction::Direction;
use super::header::Header;
use super::pieces::{Layout, Pieces, split_back, split_front, with_inner};
use super::{CONFOUNDER, HEADER};
use crate::error::MessageError;
use crate::flags::Flags;
use crate::krb5::enctype::CryptoError;
use crate::mech::{Part, Protection, Unprotected, Unseal};
use crate::window::{Order, SequenceWindow};
use crate::wire::{DecodeError, Reader, Writer};
use alloc::vec::Vec;

/// The receiving half.
pub(super) struct KerberosUnseal {
    direction: Direction,
    window: SequenceWindow,
}

impl KerberosUnseal {
    pub(super) fn new(direction: Direction, window: SequenceWindow) -> Self {
        KerberosUnseal { direction, window }
    }

    /// Reads a Wrap token's header and checks all of it that needs no key.
    fn wrap_header(&self, least: Protection, bytes: &[u8]) -> Result<Header, MessageError> {
        let header = Header::read_wrap(bytes)?;
        self.direction.check_flags(header.flags)?;
        if header.protection() < least { Err(MessageError::NotSealed) } else { Ok(header) }
    }

    /// Opens `body`, already rotated back, and gives the length of the message at its front.
    fn open_sealed(&mut self, header: Header, body: &mut [u8]) -> Result<usize, MessageError> {
        let plain = self.direction.cipher()?.decrypt_in_place(body).map_err(not_authentic)?;
        let (rest, inner) = split_back(plain, HEADER).map_err(|_| MessageError::NotAuthentic)?;
        if !header.matches_inner(inner) {
            return Err(MessageError::NotAuthentic);
        }
        // EC was authenticated with the inner header; a filler that is longer than the text is the peer's mistake.
        rest.len().checked_sub(usize::from(header.extra_count)).ok_or(MessageError::NotAuthentic)
    }

    fn check_signed(&mut self, header: Header, message: Pieces<'_>, checksum: &[u8]) -> Result<(), MessageError> {
        let key = self.direction.wrap_checksum()?;
        if usize::from(header.extra_count) != key.mac_len() {
            return Err(MessageError::NotAuthentic);
        }
        key.verify(message.with(&header.for_checksum())?.all(), checksum).map_err(not_authentic)
    }

    /// Opens a message in pieces. The buffers say how long the filler is, and EC must say the same.
    fn open_sealed_parts(
        &mut self,
        header: Header,
        layout: Layout<'_>,
        parts: &mut [Part<'_>],
    ) -> Result<(), MessageError> {
        let dce_style = self.direction.dce_style;
        let cipher = self.direction.cipher()?;
        let least = HEADER + cipher.mac_len();
        let filler = layout.tail.len().checked_sub(least).ok_or(MessageError::BufferSize { needed: least })?;
        check_rotation(header, layout.rotated, if dce_style { least } else { layout.tail.len() })?;
        let (inner, mac) = split_front(layout.tail, filler + HEADER)?;
        with_inner(parts, inner, |parts| cipher.unseal_parts(layout.front, parts, mac).map_err(not_authentic))?;
        let (_, copy) = split_front(inner, filler)?;
        let whole = usize::from(header.extra_count) == filler && header.matches_inner(copy);
        if whole { Ok(()) } else { Err(MessageError::NotAuthentic) }
    }

    /// How far a token is rotated. In DCE style, peers turn a sealed one by EC + RRC where RRC is not 0 (MS-KILE 3.4.5.4.1).
    fn rotation(&self, header: Header) -> usize {
        let filler =
            if self.direction.dce_style && header.rotation != 0 && header.protection() == Protection::Confidentiality {
                usize::from(header.extra_count)
            } else {
                0
            };
        usize::from(header.rotation) + filler
    }

    pub(super) fn resume(direction: Direction, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(KerberosUnseal { direction, window: import_window(reader)? })
    }
}

impl Unseal for KerberosUnseal {
    fn unprotect<'t>(&mut self, least: Protection, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
        let header = self.wrap_header(least, token)?;
        let (_, body) = split_front(token, HEADER)?;
        if let Some(rotation) = self.rotation(header).checked_rem(body.len()) {
            body.rotate_left(rotation);
        }
        let protection = header.protection();
        let (offset, length) = match protection {
            Protection::Confidentiality => (CONFOUNDER, self.open_sealed(header, body)?),
            Protection::Integrity => {
                let checksum = usize::from(header.extra_count);
                let (message, checksum) = split_back(body, checksum).map_err(|_| MessageError::NotAuthentic)?;
                self.check_signed(header, Pieces::of(message), checksum)?;
                (0, message.len())
            }
        };
        let order = self.window.accept(header.number)?;
        let (_, message) = split_front(body, offset)?;
        let (message, _) = split_front(message, length)?;
        Ok(Unprotected { message, protection, order })
    }

    fn unprotect_parts(
        &mut self,
        least: Protection,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(Protection, Order), MessageError> {
        let token_header = self.wrap_header(least, header)?;
        match token_header.protection() {
            Protection::Confidentiality => {
                self.open_sealed_parts(token_header, Layout::of(header, trailer, CONFOUNDER)?, parts)?;
            }
            Protection::Integrity => {
                let layout = Layout::of(header, trailer, 0)?;
                check_rotation(token_header, layout.rotated, layout.tail.len())?;
                self.check_signed(token_header, Pieces::of_parts(parts)?, layout.tail)?;
            }
        }
        Ok((token_header.protection(), self.window.accept(token_header.number)?))
    }

    fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<Order, MessageError> {
        self.verify_slices(&[message], signature)
    }

    fn verify_slices(&mut self, message: &[&[u8]], signature: &[u8]) -> Result<Order, MessageError> {
        let header = Header::read_mic(signature)?;
        self.direction.check_flags(header.flags)?;
        let (bytes, checksum) = signature.split_at_checked(HEADER).ok_or(MessageError::NotAuthentic)?;
        let covered = Pieces::of_slices(message)?.with(bytes)?;
        self.direction.mic_checksum()?.verify(covered.all(), checksum).map_err(not_authentic)?;
        Ok(self.window.accept(header.number)?)
    }

    fn export(&self, out: &mut Vec<u8>) {
        self.direction.export(out);
        export_window(&self.window, out);
    }
}

/// Appends what a receiving half remembers.
pub(super) fn export_window(window: &SequenceWindow, out: &mut Vec<u8>) {
    let (next, seen) = window.state();
    Writer::new(out).u32_be(window.flags().bits()).u64_be(next).u64_be(seen);
}

/// What [`export_window`] wrote.
pub(super) fn import_window(reader: &mut Reader<'_>) -> Result<SequenceWindow, DecodeError> {
    let flags = Flags::from_bits(reader.u32_be()?);
    Ok(SequenceWindow::resume(reader.u64_be()?, reader.u64_be()?, flags))
}

/// In pieces, a token is either as it was made or rotated so that all of its tail is in the header.
fn check_rotation(header: Header, rotated: bool, count: usize) -> Result<(), MessageError> {
    let expected = if rotated { count } else { 0 };
    if usize::from(header.rotation) == expected {
        return Ok(());
    }
    Err(Reader::new("Wrap token", &[])
        .invalid("is rotated in another way than the buffers: open it as one piece")
        .into())
}

/// To the caller, a MAC that does not fit and a ciphertext that is too short are the same.
fn not_authentic(error: CryptoError) -> MessageError {
    match error {
        CryptoError::IntegrityCheckFailed | CryptoError::TooShort { .. } => MessageError::NotAuthentic,
        error => MessageError::Crypto(error),
    }
}
