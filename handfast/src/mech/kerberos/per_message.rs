//! Per-message tokens (RFC 4121 4.2): Wrap, sealed or signed only, and MIC.
//!
//! ```text
//! Wrap, sealed   header | encrypt( message | filler | header' )     EC = length of the filler
//! Wrap, signed   header | message | checksum( message | header' )   EC = length of the checksum
//! MIC            header | checksum( message | header )
//! ```
//! `header'` is the header as it was before rotation (RRC = 0), for the checksum also with EC = 0. Behind the header,
//! a Wrap token may be rotated to the right by RRC bytes.

use crate::crypto::{Confounders, Secret};
use crate::error::MessageError;
use crate::flags::Flags;
use crate::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, Enctype, KeyUsage};
use crate::mech::{Halves, Part, Protection, Seal, Unprotected, Unseal};
use crate::window::{Order, SequenceWindow};
use crate::wire::{DecodeError, Reader, Writer};
use alloc::boxed::Box;
use alloc::vec::Vec;

const HEADER: usize = 16;
const CONFOUNDER: usize = 16;
/// The most parts that the in-place form takes.
const PARTS: usize = 8;

const WRAP: [u8; 2] = [0x05, 0x04];
const MIC: [u8; 2] = [0x04, 0x04];

/// Flags field (RFC 4121 4.2.2)
const SENT_BY_ACCEPTOR: u8 = 1;
const SEALED: u8 = 2;
const ACCEPTOR_SUBKEY: u8 = 4;

/// Which end of the context sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Initiator,
    Acceptor,
}

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

    fn other(self) -> Sender {
        match self {
            Sender::Initiator => Sender::Acceptor,
            Sender::Acceptor => Sender::Initiator,
        }
    }
}

/// What the handshake agreed on for messages.
pub(super) struct Agreement {
    /// Who we are.
    pub(super) role: Sender,
    /// The base key (RFC 4121 2): the acceptor's subkey, else the initiator's, else the ticket's session key.
    pub(super) key: EncryptionKey,
    /// Whether the base key is the acceptor's subkey.
    pub(super) acceptor_subkey: bool,
    /// The number of our first message.
    pub(super) send_first: u32,
    /// The number of the peer's first message.
    pub(super) receive_first: u32,
    /// What the context offers.
    pub(super) flags: Flags,
    /// From which our confounders are made.
    pub(super) confounder_secret: Secret<[u8; 16]>,
}

impl Agreement {
    pub(super) fn into_halves(self) -> Halves {
        let seal = KerberosSeal {
            direction: Direction::new(self.role, self.acceptor_subkey, self.key.clone()),
            next: Some(u64::from(self.send_first)),
            confounder_secret: self.confounder_secret,
            confounders: None,
        };
        let unseal = KerberosUnseal {
            direction: Direction::new(self.role.other(), self.acceptor_subkey, self.key),
            window: SequenceWindow::new(u64::from(self.receive_first), self.flags),
            flags: self.flags,
        };
        Halves { seal: Box::new(seal), unseal: Box::new(unseal), splittable: true }
    }
}

/// The keys of one direction. Usage keys are made at their first use, and then kept.
struct Direction {
    sender: Sender,
    acceptor_subkey: bool,
    key: EncryptionKey,
    cipher: Option<Box<CipherKey>>,
    wrap_checksum: Option<Box<ChecksumKey>>,
    mic_checksum: Option<Box<ChecksumKey>>,
}

impl Direction {
    fn new(sender: Sender, acceptor_subkey: bool, key: EncryptionKey) -> Self {
        Direction { sender, acceptor_subkey, key, cipher: None, wrap_checksum: None, mic_checksum: None }
    }

    fn cipher(&mut self) -> Result<&CipherKey, CryptoError> {
        let (key, usage) = (&self.key, self.sender.seal_usage());
        made_once(&mut self.cipher, || CipherKey::new(key, usage))
    }

    fn wrap_checksum(&mut self) -> Result<&ChecksumKey, CryptoError> {
        let (key, usage) = (&self.key, self.sender.seal_usage());
        made_once(&mut self.wrap_checksum, || ChecksumKey::new(key, usage))
    }

    fn mic_checksum(&mut self) -> Result<&ChecksumKey, CryptoError> {
        let (key, usage) = (&self.key, self.sender.sign_usage());
        made_once(&mut self.mic_checksum, || ChecksumKey::new(key, usage))
    }

    fn flags(&self, protection: Protection) -> u8 {
        let sender = if self.sender == Sender::Acceptor { SENT_BY_ACCEPTOR } else { 0 };
        let sealed = if protection == Protection::Confidentiality { SEALED } else { 0 };
        let subkey = if self.acceptor_subkey { ACCEPTOR_SUBKEY } else { 0 };
        sender | sealed | subkey
    }

    /// Checks direction and key of a received header (RFC 4121 4.2.2); reserved flags are ignored.
    fn check_flags(&self, flags: u8) -> Result<(), MessageError> {
        if (flags & SENT_BY_ACCEPTOR != 0) != (self.sender == Sender::Acceptor) {
            return Err(MessageError::WrongDirection);
        }
        if (flags & ACCEPTOR_SUBKEY != 0) != self.acceptor_subkey {
            return Err(MessageError::WrongKey);
        }
        Ok(())
    }

    fn export(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.u8(u8::from(self.sender == Sender::Acceptor)).u8(u8::from(self.acceptor_subkey));
        writer.i32_be(self.key.enctype().0).bytes(self.key.bytes());
    }

    fn import(reader: &mut Reader<'_>) -> Result<Direction, DecodeError> {
        let sender = if flag(reader)? { Sender::Acceptor } else { Sender::Initiator };
        let acceptor_subkey = flag(reader)?;
        let enctype = Enctype(reader.i32_be()?);
        let size = enctype.key_size().ok_or_else(|| reader.invalid("an encryption type that is not known"))?;
        let bytes = reader.take(size)?.to_vec();
        let key = EncryptionKey::new(enctype, bytes).map_err(|_| reader.invalid("a key of the wrong size"))?;
        Ok(Direction::new(sender, acceptor_subkey, key))
    }
}

fn flag(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(reader.invalid("a flag that is neither 0 nor 1")),
    }
}

fn made_once<T>(slot: &mut Option<Box<T>>, make: impl FnOnce() -> Result<T, CryptoError>) -> Result<&T, CryptoError> {
    if slot.is_none() {
        *slot = Some(Box::new(make()?));
    }
    slot.as_deref().ok_or(CryptoError::IntegrityCheckFailed)
}

/// The 16 bytes in front of every token (RFC 4121 4.2.6).
#[derive(Clone, Copy)]
struct Header {
    flags: u8,
    /// EC of a Wrap token; 0 before it is known.
    extra_count: u16,
    rotation: u16,
    number: u64,
}

impl Header {
    fn wrap_bytes(self) -> [u8; HEADER] {
        let [ec0, ec1] = self.extra_count.to_be_bytes();
        let [rrc0, rrc1] = self.rotation.to_be_bytes();
        let [n0, n1, n2, n3, n4, n5, n6, n7] = self.number.to_be_bytes();
        [WRAP[0], WRAP[1], self.flags, 0xff, ec0, ec1, rrc0, rrc1, n0, n1, n2, n3, n4, n5, n6, n7]
    }

    fn mic_bytes(self) -> [u8; HEADER] {
        let [n0, n1, n2, n3, n4, n5, n6, n7] = self.number.to_be_bytes();
        [MIC[0], MIC[1], self.flags, 0xff, 0xff, 0xff, 0xff, 0xff, n0, n1, n2, n3, n4, n5, n6, n7]
    }

    fn read_wrap(bytes: &[u8]) -> Result<Header, DecodeError> {
        let mut reader = Reader::new("Wrap token", bytes);
        let flags = read_start(&mut reader, WRAP, "is not a Wrap token (TOK_ID 05 04)")?;
        if reader.u8()? != 0xff {
            return Err(reader.invalid("the filler byte is not FF"));
        }
        Ok(Header { flags, extra_count: reader.u16_be()?, rotation: reader.u16_be()?, number: reader.u64_be()? })
    }

    fn read_mic(bytes: &[u8]) -> Result<Header, DecodeError> {
        let mut reader = Reader::new("MIC token", bytes);
        let flags = read_start(&mut reader, MIC, "is not a MIC token (TOK_ID 04 04)")?;
        if reader.array()? != [0xff; 5] {
            return Err(reader.invalid("the filler bytes are not FF"));
        }
        if flags & SEALED != 0 {
            return Err(reader.invalid("the Sealed flag is set"));
        }
        Ok(Header { flags, extra_count: 0, rotation: 0, number: reader.u64_be()? })
    }

    fn protection(self) -> Protection {
        if self.flags & SEALED != 0 { Protection::Confidentiality } else { Protection::Integrity }
    }

    /// The header as it is signed: not rotated yet, and for a checksum its length not yet counted (RFC 4121 4.2.4).
    fn for_checksum(self) -> [u8; HEADER] {
        Header { extra_count: 0, rotation: 0, ..self }.wrap_bytes()
    }

    /// Whether the encrypted copy says the same, but for RRC.
    fn matches_inner(self, inner: &[u8]) -> bool {
        Header::read_wrap(inner).is_ok_and(|inner| {
            inner.flags == self.flags && inner.extra_count == self.extra_count && inner.number == self.number
        })
    }
}

fn read_start(reader: &mut Reader<'_>, token_id: [u8; 2], rule: &'static str) -> Result<u8, DecodeError> {
    let at = reader.clone();
    if reader.array()? != token_id {
        return Err(at.invalid(rule));
    }
    reader.u8()
}

/// The sending half.
struct KerberosSeal {
    direction: Direction,
    /// The next sequence number; `None` when all are used up.
    next: Option<u64>,
    confounder_secret: Secret<[u8; 16]>,
    confounders: Option<Box<Confounders>>,
}

impl KerberosSeal {
    fn header(&self, protection: Protection) -> Result<Header, MessageError> {
        let number = self.next.ok_or(MessageError::SequenceExhausted)?;
        Ok(Header { flags: self.direction.flags(protection), extra_count: 0, rotation: 0, number })
    }

    fn advance(&mut self) {
        self.next = self.next.and_then(|next| next.checked_add(1));
    }

    fn confounder(&mut self, number: u64) -> [u8; CONFOUNDER] {
        let secret = &self.confounder_secret;
        self.confounders.get_or_insert_with(|| Box::new(Confounders::new(secret))).at(number)
    }

    /// Fills a token that holds `message` behind the room for header and confounder, and then room for the inner
    /// header and the MAC.
    fn seal_token(&mut self, token: &mut [u8]) -> Result<(), MessageError> {
        let header = self.header(Protection::Confidentiality)?;
        let confounder = self.confounder(header.number);
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
    fn sign_token(&mut self, outer: &mut [u8], message: Pieces<'_>, checksum: &mut [u8]) -> Result<(), MessageError> {
        let header = self.header(Protection::Integrity)?;
        let key = self.direction.wrap_checksum()?;
        let mac = key.checksum(message.with(&header.for_checksum())?.all());
        let extra_count = u16::try_from(mac.len()).map_err(|_| MessageError::TooLarge { limit: 0xffff })?;
        exactly(outer, HEADER)?.copy_from_slice(&Header { extra_count, ..header }.wrap_bytes());
        exactly(checksum, mac.len())?.copy_from_slice(&mac);
        self.advance();
        Ok(())
    }

    fn seal_parts(
        &mut self,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(), MessageError> {
        let token_header = self.header(Protection::Confidentiality)?;
        let confounder = self.confounder(token_header.number);
        let cipher = self.direction.cipher()?;
        let (outer, first_block) = split_front(exactly(header, HEADER + CONFOUNDER)?, HEADER)?;
        let (inner, mac) = split_front(exactly(trailer, HEADER + cipher.mac_len())?, HEADER)?;
        outer.copy_from_slice(&token_header.wrap_bytes());
        inner.copy_from_slice(&token_header.wrap_bytes());
        first_block.copy_from_slice(&confounder);
        with_inner(parts, inner, |parts| Ok(cipher.seal_parts(first_block, parts, mac)?))?;
        self.advance();
        Ok(())
    }

    pub(super) fn import(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let direction = Direction::import(reader)?;
        let next = if flag(reader)? { Some(reader.u64_be()?) } else { None };
        Ok(KerberosSeal { direction, next, confounder_secret: Secret::new(reader.array()?), confounders: None })
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
        let result = match protection {
            Protection::Confidentiality => self.seal_token(token),
            Protection::Integrity => {
                let (header, rest) = split_front(token, header)?;
                let (_, checksum) = split_back(rest, trailer)?;
                self.sign_token(header, Pieces::of(message), checksum)
            }
        };
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
            Protection::Confidentiality => self.seal_parts(header, parts, trailer),
            Protection::Integrity => self.sign_token(header, Pieces::of_parts(parts)?, trailer),
        }
    }

    fn sizes(&self, protection: Protection) -> (usize, usize) {
        let mac = self.direction.key.enctype().mac_len().unwrap_or(0);
        match protection {
            Protection::Confidentiality => (HEADER + CONFOUNDER, HEADER + mac),
            Protection::Integrity => (HEADER, mac),
        }
    }

    fn sign(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        let header = self.header(Protection::Integrity)?.mic_bytes();
        let mac = self.direction.mic_checksum()?.checksum(&[message, &header]);
        out.extend_from_slice(&header);
        out.extend_from_slice(&mac);
        self.advance();
        Ok(())
    }

    fn export(&self, out: &mut Vec<u8>) {
        self.direction.export(out);
        let mut writer = Writer::new(out);
        match self.next {
            Some(next) => writer.u8(1).u64_be(next),
            None => writer.u8(0),
        };
        writer.bytes(self.confounder_secret.expose());
    }
}

/// The receiving half.
struct KerberosUnseal {
    direction: Direction,
    window: SequenceWindow,
    flags: Flags,
}

impl KerberosUnseal {
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

    fn open_sealed_parts(
        &mut self,
        header: Header,
        first_block: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(), MessageError> {
        let cipher = self.direction.cipher()?;
        let (inner, mac) = split_front(exactly(trailer, HEADER + cipher.mac_len())?, HEADER)?;
        let first_block = exactly(first_block, CONFOUNDER)?;
        with_inner(parts, inner, |parts| cipher.unseal_parts(first_block, parts, mac).map_err(not_authentic))?;
        if header.extra_count == 0 && header.matches_inner(inner) { Ok(()) } else { Err(MessageError::NotAuthentic) }
    }

    pub(super) fn import(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let direction = Direction::import(reader)?;
        let flags = Flags::from_bits(reader.u32_be()?);
        let window = SequenceWindow::resume(reader.u64_be()?, reader.u64_be()?, flags);
        Ok(KerberosUnseal { direction, window, flags })
    }
}

impl Unseal for KerberosUnseal {
    fn unprotect<'t>(&mut self, least: Protection, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
        let header = self.wrap_header(least, token)?;
        let (_, body) = split_front(token, HEADER)?;
        if let Some(rotation) = usize::from(header.rotation).checked_rem(body.len()) {
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
        if token_header.rotation != 0 {
            return Err(Reader::new("Wrap token", header).invalid("is rotated: open it as one piece").into());
        }
        let (_, rest) = split_front(header, HEADER)?;
        match token_header.protection() {
            Protection::Confidentiality => self.open_sealed_parts(token_header, rest, parts, trailer)?,
            Protection::Integrity => {
                exactly(rest, 0)?;
                self.check_signed(token_header, Pieces::of_parts(parts)?, trailer)?;
            }
        }
        Ok((token_header.protection(), self.window.accept(token_header.number)?))
    }

    fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<Order, MessageError> {
        let header = Header::read_mic(signature)?;
        self.direction.check_flags(header.flags)?;
        let (bytes, checksum) = signature.split_at_checked(HEADER).ok_or(MessageError::NotAuthentic)?;
        self.direction.mic_checksum()?.verify(&[message, bytes], checksum).map_err(not_authentic)?;
        Ok(self.window.accept(header.number)?)
    }

    fn export(&self, out: &mut Vec<u8>) {
        self.direction.export(out);
        let (next, seen) = self.window.state();
        Writer::new(out).u32_be(self.flags.bits()).u64_be(next).u64_be(seen);
    }
}

/// Both halves, from what their `export` wrote.
pub(super) fn import(reader: &mut Reader<'_>) -> Result<Halves, DecodeError> {
    let seal = Box::new(KerberosSeal::import(reader)?);
    let unseal = Box::new(KerberosUnseal::import(reader)?);
    Ok(Halves { seal, unseal, splittable: true })
}

/// To the caller, a MAC that does not fit and a ciphertext that is too short are the same.
fn not_authentic(error: CryptoError) -> MessageError {
    match error {
        CryptoError::IntegrityCheckFailed | CryptoError::TooShort { .. } => MessageError::NotAuthentic,
        error => MessageError::Crypto(error),
    }
}

fn exactly(buffer: &mut [u8], needed: usize) -> Result<&mut [u8], MessageError> {
    if buffer.len() == needed { Ok(buffer) } else { Err(MessageError::BufferSize { needed }) }
}

fn split_front(buffer: &mut [u8], count: usize) -> Result<(&mut [u8], &mut [u8]), MessageError> {
    buffer.split_at_mut_checked(count).ok_or(MessageError::BufferSize { needed: count })
}

fn split_back(buffer: &mut [u8], count: usize) -> Result<(&mut [u8], &mut [u8]), MessageError> {
    let front = buffer.len().checked_sub(count).ok_or(MessageError::BufferSize { needed: count })?;
    split_front(buffer, front)
}

/// The pieces of what a checksum covers, in order.
#[derive(Clone, Copy)]
struct Pieces<'a> {
    pieces: [&'a [u8]; PARTS + 1],
    count: usize,
}

impl<'a> Pieces<'a> {
    const NONE: Pieces<'static> = Pieces { pieces: [&[]; PARTS + 1], count: 0 };

    fn of(message: &'a [u8]) -> Pieces<'a> {
        let mut pieces: [&[u8]; PARTS + 1] = [&[]; PARTS + 1];
        let [first, ..] = &mut pieces;
        *first = message;
        Pieces { pieces, count: 1 }
    }

    fn of_parts(parts: &'a [Part<'_>]) -> Result<Pieces<'a>, MessageError> {
        let octets = |part: &'a Part<'_>| match part {
            Part::Sealed(octets) => &**octets,
            Part::Signed(octets) => *octets,
        };
        parts.iter().map(octets).try_fold(Pieces::NONE, Pieces::with)
    }

    fn with(mut self, piece: &'a [u8]) -> Result<Pieces<'a>, MessageError> {
        let place = self.pieces.get_mut(self.count).ok_or(MessageError::TooManyParts { limit: PARTS })?;
        *place = piece;
        self.count += 1;
        Ok(self)
    }

    fn all(&self) -> &[&'a [u8]] {
        self.pieces.get(..self.count).unwrap_or(&[])
    }
}

/// Works on `parts` and, behind them, the inner header as one more sealed part.
fn with_inner(
    parts: &mut [Part<'_>],
    inner: &mut [u8],
    work: impl FnOnce(&mut [Part<'_>]) -> Result<(), MessageError>,
) -> Result<(), MessageError> {
    let mut all: [Part<'_>; PARTS + 1] = core::array::from_fn(|_| Part::Signed(&[]));
    let count = parts.len();
    let (used, _) = all.split_at_mut_checked(count + 1).ok_or(MessageError::TooManyParts { limit: PARTS })?;
    let parts = parts.iter_mut().map(|part| match part {
        Part::Sealed(octets) => Part::Sealed(octets),
        Part::Signed(octets) => Part::Signed(octets),
    });
    for (to, from) in used.iter_mut().zip(parts.chain([Part::Sealed(inner)])) {
        *to = from;
    }
    work(used)
}
