//! Signed and sealed messages (MS-NLMP 3.4), with extended session security, 128-bit keys and key exchange.
//!
//! A token is a `NTLMSSP_MESSAGE_SIGNATURE` (2.2.2.9.2) of 16 octets, followed by the message. A token does not say whether
//! it is sealed: where sealing was negotiated, all are.

use crate::crypto::hmac_md5::{BLOCK, HmacMd5, HmacMd5Key};
use crate::crypto::keystream::Keystream;
use crate::crypto::{Secret, constant_time_eq};
use crate::error::MessageError;
use crate::mech::{Halves, Part, Protection, Seal, Unprotected, Unseal};
use crate::window::{Order, OrderError};
use crate::wire::{DecodeError, Reader, Writer};
use alloc::boxed::Box;
use alloc::vec::Vec;
use md5::{Digest, Md5};

const WHAT: &str = "NTLM message signature";
/// Octets of a signature.
const SIGNATURE: usize = 16;
const CHECKSUM: usize = 8;
const VERSION: u32 = 1;

/// Who we are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

/// The halves of a context with this session key; `sealed` if confidentiality was negotiated.
pub(super) fn halves(exported_session_key: &Secret<[u8; 16]>, role: Role, sealed: bool) -> Halves {
    let client = Direction::new(exported_session_key, Role::Client, sealed);
    let server = Direction::new(exported_session_key, Role::Server, sealed);
    let (send, receive) = if role == Role::Client { (client, server) } else { (server, client) };
    Halves { seal: Box::new(Sender(send)), unseal: Box::new(Receiver(receive)), splittable: true }
}

/// The halves of an exported context.
pub(crate) fn import(exported: &mut Reader<'_>) -> Result<Halves, DecodeError> {
    let seal = Box::new(Sender(Direction::import(exported)?));
    let unseal = Box::new(Receiver(Direction::import(exported)?));
    Ok(Halves { seal, unseal, splittable: true })
}

/// `SIGNKEY` and `SEALKEY` (MS-NLMP 3.4.5.2, 3.4.5.3): MD5 of the key and a text with its terminating zero.
fn derive(key: &Secret<[u8; 16]>, text: &[u8]) -> Secret<[u8; 16]> {
    Secret::new(Md5::new_with_prefix(key.expose()).chain_update(text).chain_update([0]).finalize().into())
}

pub(super) fn signing_key(key: &Secret<[u8; 16]>, sender: Role) -> Secret<[u8; 16]> {
    match sender {
        Role::Client => derive(key, b"session key to client-to-server signing key magic constant"),
        Role::Server => derive(key, b"session key to server-to-client signing key magic constant"),
    }
}

pub(super) fn sealing_key(key: &Secret<[u8; 16]>, sender: Role) -> Secret<[u8; 16]> {
    match sender {
        Role::Client => derive(key, b"session key to client-to-server sealing key magic constant"),
        Role::Server => derive(key, b"session key to server-to-client sealing key magic constant"),
    }
}

/// The keys of the messages of one direction.
struct Keys {
    mac: HmacMd5Key,
    stream: Keystream,
}

impl Keys {
    fn derive(session_key: &Secret<[u8; 16]>, sender: Role) -> Box<Self> {
        Keys::with_stream(session_key, sender, Keystream::new(sealing_key(session_key, sender)))
    }

    fn with_stream(session_key: &Secret<[u8; 16]>, sender: Role, stream: Keystream) -> Box<Self> {
        Box::new(Keys { mac: HmacMd5Key::new(signing_key(session_key, sender).expose()), stream })
    }
}

/// What protects the messages of one direction.
struct Direction {
    session_key: Secret<[u8; 16]>,
    sender: Role,
    /// Derived for the first message: many contexts never have one.
    keys: Option<Box<Keys>>,
    /// Of the next message; `None` after the last one that there can be.
    sequence: Option<u32>,
    sealed: bool,
}

impl Direction {
    fn new(key: &Secret<[u8; 16]>, sender: Role, sealed: bool) -> Self {
        Direction { session_key: key.clone(), sender, keys: None, sequence: Some(0), sealed }
    }

    fn keys(&mut self) -> &mut Keys {
        self.keys.get_or_insert_with(|| Keys::derive(&self.session_key, self.sender))
    }

    /// The key stream begins anew.
    fn restart(&mut self) {
        self.keys = None;
    }

    /// How much of the key stream is used up.
    fn consumed(&self) -> u64 {
        self.keys.as_ref().map_or(0, |keys| keys.stream.consumed())
    }

    fn protection(&self) -> Protection {
        if self.sealed { Protection::Confidentiality } else { Protection::Integrity }
    }

    fn next(&self) -> Result<u32, MessageError> {
        self.sequence.ok_or(MessageError::SequenceExhausted)
    }

    /// `HMAC_MD5(SigningKey, SeqNum + Message)` (MS-NLMP 3.4.4.2), its first octets. Where messages are sealed, `parts`
    /// go through the cipher in the same turn: it is their plaintext that is signed (3.4.3).
    fn checksum(&mut self, sequence: u32, parts: &mut [Part<'_>], turn: Turn) -> [u8; CHECKSUM] {
        let sealed = self.sealed;
        let Keys { mac, stream } = self.keys();
        let mut mac = mac.begin();
        mac.update(&sequence.to_le_bytes());
        for part in parts {
            match part {
                Part::Sealed(octets) if sealed => both(&mut mac, stream, octets, turn),
                Part::Sealed(octets) => mac.update(octets),
                Part::Signed(octets) => mac.update(octets),
            }
        }
        let mut checksum = [0; CHECKSUM];
        mac.finish(&mut checksum);
        checksum
    }

    /// With the state of the key stream rather than its place: nobody has to draw what was drawn before.
    fn export(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.bytes(self.session_key.expose()).u8(u8::from(self.sender == Role::Server));
        writer.u64_be(self.sequence.map_or(1 << 32, u64::from)).u8(u8::from(self.sealed));
        writer.u8(u8::from(self.keys.is_some()));
        if let Some(keys) = &self.keys {
            writer.bytes(keys.stream.state().expose());
        }
    }

    fn import(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let session_key = Secret::new(reader.array()?);
        let sender = if truth(reader)? { Role::Server } else { Role::Client };
        let at = reader.clone();
        let sequence = match reader.u64_be()? {
            0x1_0000_0000 => None,
            number => Some(u32::try_from(number).map_err(|_| at.invalid("no sequence number"))?),
        };
        let sealed = truth(reader)?;
        let stream = if truth(reader)? { Some(import_stream(reader)?) } else { None };
        let keys = stream.map(|stream| Keys::with_stream(&session_key, sender, stream));
        Ok(Direction { session_key, sender, keys, sequence, sealed })
    }
}

fn import_stream(reader: &mut Reader<'_>) -> Result<Keystream, DecodeError> {
    let at = reader.clone();
    let state = Secret::new(reader.array()?);
    Keystream::resume(&state).ok_or_else(|| at.invalid("no state of RC4"))
}

fn truth(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let at = reader.clone();
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(at.invalid("neither 0 nor 1")),
    }
}

/// A signature as it stands in a token.
struct Signature {
    checksum: [u8; CHECKSUM],
    sequence: u32,
}

impl Signature {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(WHAT, bytes);
        let at = reader.clone();
        if reader.u32_le()? != VERSION {
            return Err(at.invalid("the version is not 1"));
        }
        let signature = Signature { checksum: reader.array()?, sequence: reader.u32_le()? };
        reader.finish()?;
        Ok(signature)
    }
}

/// What goes through the cipher, in place.
fn sealed_octets<'p>(parts: &'p mut [Part<'_>]) -> impl Iterator<Item = &'p mut [u8]> {
    parts.iter_mut().filter_map(|part| match part {
        Part::Sealed(octets) => Some(&mut **octets),
        Part::Signed(_) => None,
    })
}

/// Which way a message goes through the cipher.
#[derive(Clone, Copy)]
enum Turn {
    Seal,
    Open,
}

/// MAC and cipher take turns at each block of the MAC, so that the processor works on both at a time.
fn both(mac: &mut HmacMd5<'_>, stream: &mut Keystream, octets: &mut [u8], turn: Turn) {
    let (first, blocks) = octets.split_at_mut(octets.len().min(mac.room()));
    for block in core::iter::once(first).chain(blocks.chunks_mut(BLOCK)) {
        match turn {
            Turn::Seal => {
                mac.update(block);
                stream.apply(block);
            }
            Turn::Open => {
                stream.apply(block);
                mac.update(block);
            }
        }
    }
}

/// Sends.
struct Sender(Direction);

impl Sender {
    /// The signature of a message whose checksum is `checksum`. The message itself has gone through the cipher before
    /// (MS-NLMP 3.4.3).
    fn signature(&mut self, sequence: u32, mut checksum: [u8; CHECKSUM], header: &mut [u8]) {
        self.0.keys().stream.apply(&mut checksum);
        let (version, rest) = header.split_at_mut(4);
        let (place, number) = rest.split_at_mut(CHECKSUM);
        version.copy_from_slice(&VERSION.to_le_bytes());
        place.copy_from_slice(&checksum);
        number.copy_from_slice(&sequence.to_le_bytes());
        self.0.sequence = sequence.checked_add(1);
    }
}

impl Seal for Sender {
    fn protect(&mut self, protection: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        let start = out.len();
        out.resize(start + SIGNATURE, 0);
        out.extend_from_slice(message);
        let (_, token) = out.split_at_mut(start);
        let (header, message) = token.split_at_mut(SIGNATURE);
        let result = self.protect_parts(protection, header, &mut [Part::Sealed(message)], &mut []);
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
        let sequence = self.0.next()?;
        check_sizes(header, trailer)?;
        if protection > self.0.protection() {
            return Err(MessageError::NotNegotiated(crate::flags::Flags::CONFIDENTIALITY));
        }
        let checksum = self.0.checksum(sequence, parts, Turn::Seal);
        self.signature(sequence, checksum, header);
        Ok(())
    }

    fn sizes(&self, _: Protection) -> (usize, usize) {
        (SIGNATURE, 0)
    }

    fn sign(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        let sequence = self.0.next()?;
        let checksum = self.0.checksum(sequence, &mut [Part::Signed(message)], Turn::Seal);
        let mut signature = [0; SIGNATURE];
        self.signature(sequence, checksum, &mut signature);
        out.extend_from_slice(&signature);
        Ok(())
    }

    fn after_mech_list_mic(&mut self) {
        self.0.restart();
    }

    fn export(&self, out: &mut Vec<u8>) {
        self.0.export(out);
    }
}

/// Receives, strictly in sequence (MS-NLMP 3.4.4).
struct Receiver(Direction);

impl Receiver {
    /// The signature, if its number is the next one.
    fn expected(&self, signature: &[u8]) -> Result<Signature, MessageError> {
        let next = self.0.next()?;
        let signature = Signature::decode(signature)?;
        match signature.sequence.checked_sub(next) {
            Some(0) => Ok(signature),
            Some(missing) => Err(OrderError::Gap { missing: u64::from(missing) }.into()),
            None => Err(OrderError::Replayed.into()),
        }
    }

    /// Opens `parts` in place, and checks the checksum of what is in them then. If it is wrong, the key stream is where it
    /// was before.
    fn open(&mut self, signature: &Signature, parts: &mut [Part<'_>]) -> Result<(), MessageError> {
        let before = self.0.consumed();
        let mut checksum = self.0.checksum(signature.sequence, parts, Turn::Open);
        self.0.keys().stream.apply(&mut checksum);
        if !constant_time_eq(&checksum, &signature.checksum) {
            self.0.keys().stream.rewind_to(before);
            return Err(MessageError::NotAuthentic);
        }
        self.0.sequence = signature.sequence.checked_add(1);
        Ok(())
    }
}

impl Unseal for Receiver {
    fn unprotect<'t>(&mut self, least: Protection, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
        let left = token.len();
        let Some((header, message)) = token.split_at_mut_checked(SIGNATURE) else {
            let reason = crate::wire::DecodeReason::Truncated { needed: SIGNATURE, left };
            return Err(DecodeError { what: WHAT, offset: 0, reason }.into());
        };
        let (protection, order) = self.unprotect_parts(least, header, &mut [Part::Sealed(message)], &mut [])?;
        Ok(Unprotected { message, protection, order })
    }

    fn unprotect_parts(
        &mut self,
        least: Protection,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(Protection, Order), MessageError> {
        check_sizes(header, trailer)?;
        let protection = self.0.protection();
        if protection < least {
            return Err(MessageError::NotSealed);
        }
        let signature = self.expected(header)?;
        self.open(&signature, parts).inspect_err(|_| {
            // What is not authentic is not left to be read.
            sealed_octets(parts).for_each(|octets| octets.fill(0));
        })?;
        Ok((protection, Order::InOrder))
    }

    fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<Order, MessageError> {
        let signature = self.expected(signature)?;
        self.open(&signature, &mut [Part::Signed(message)])?;
        Ok(Order::InOrder)
    }

    fn after_mech_list_mic(&mut self) {
        self.0.restart();
    }

    fn export(&self, out: &mut Vec<u8>) {
        self.0.export(out);
    }
}

fn check_sizes(header: &[u8], trailer: &[u8]) -> Result<(), MessageError> {
    if header.len() != SIGNATURE {
        return Err(MessageError::BufferSize { needed: SIGNATURE });
    }
    if trailer.is_empty() { Ok(()) } else { Err(MessageError::BufferSize { needed: 0 }) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::wire::DecodeReason;

    #[test]
    fn key_streams_without_a_state_of_rc4_are_not_imported() {
        let mut used = Direction::new(&Secret::new([7; 16]), Role::Client, true);
        used.keys().stream.apply(&mut [0; 40]);
        let mut exported = Vec::new();
        used.export(&mut exported);
        let import = |bytes: &[u8]| Direction::import(&mut Reader::new("test", bytes)).map(|mut it| drawn(&mut it));
        assert_eq!(import(&exported).unwrap(), drawn(&mut used));
        exported[27] = exported[28];
        assert_eq!(import(&exported).err().map(|error| error.reason), Some(DecodeReason::Invalid("no state of RC4")));
    }

    fn drawn(direction: &mut Direction) -> [u8; 40] {
        let mut octets = [0; 40];
        direction.keys().stream.apply(&mut octets);
        octets
    }

    /// MS-SPNG 3.3.5.1: both ends begin their key streams anew, and go on counting.
    #[test]
    fn after_the_proof_of_the_list_the_key_stream_begins_anew_and_the_numbers_go_on() {
        let mut fresh = halves(&Secret::new([7; 16]), Role::Client, true);
        let mut proven = halves(&Secret::new([7; 16]), Role::Client, true);
        proven.seal.sign(b"list", &mut Vec::new()).unwrap();
        proven.seal.after_mech_list_mic();
        let sealed = |halves: &mut Halves| {
            let mut token = Vec::new();
            halves.seal.protect(Protection::Confidentiality, b"message", &mut token).unwrap();
            token
        };
        let (first, second) = (sealed(&mut fresh), sealed(&mut proven));
        assert_eq!(first.get(SIGNATURE..), second.get(SIGNATURE..));
        assert_eq!((first.get(12..16), second.get(12..16)), (Some(&[0, 0, 0, 0][..]), Some(&[1, 0, 0, 0][..])));
        let mut peer = halves(&Secret::new([7; 16]), Role::Server, true);
        let mut mic = Vec::new();
        halves(&Secret::new([7; 16]), Role::Client, true).seal.sign(b"list", &mut mic).unwrap();
        peer.unseal.verify(b"list", &mic).unwrap();
        peer.unseal.after_mech_list_mic();
        let mut second = second;
        peer.unseal.unprotect(Protection::Confidentiality, &mut second).unwrap();
    }

    /// The two ends of one direction, whose next message is the last one.
    fn last_of_all() -> (Sender, Receiver) {
        let end =
            || Direction { sequence: Some(u32::MAX), ..Direction::new(&Secret::new([7; 16]), Role::Client, true) };
        (Sender(end()), Receiver(end()))
    }

    /// A number that came again would be a key stream that comes again, and a message that can be sent again.
    #[test]
    fn numbers_end_and_do_not_begin_again() {
        let least = Protection::Confidentiality;
        let (mut sender, mut receiver) = last_of_all();
        let mut token = Vec::new();
        sender.protect(least, b"message", &mut token).unwrap();
        let again = token.clone();
        assert_eq!(receiver.unprotect(least, &mut token).unwrap().message, b"message");
        let exhausted = MessageError::SequenceExhausted;
        let mut out = alloc::vec![7];
        assert_eq!(sender.protect(least, b"message", &mut out).unwrap_err(), exhausted);
        assert_eq!(out, [7], "nothing of what could not be sealed is sent");
        assert_eq!(sender.sign(b"message", &mut token).unwrap_err(), exhausted);
        let mut first = Vec::new();
        Sender(Direction::new(&Secret::new([7; 16]), Role::Client, true)).protect(least, b"", &mut first).unwrap();
        for token in [again, first] {
            assert_eq!(receiver.unprotect(least, &mut token.clone()).unwrap_err(), exhausted);
            assert_eq!(receiver.verify(b"message", &token[..SIGNATURE]).unwrap_err(), exhausted);
        }
        let mut exported = Vec::new();
        sender.export(&mut exported);
        let mut moved = Sender(Direction::import(&mut Reader::new("test", &exported)).unwrap());
        assert_eq!(moved.sign(b"message", &mut Vec::new()).unwrap_err(), exhausted);
        let (mut sender, mut receiver) = last_of_all();
        let mut signature = Vec::new();
        sender.sign(b"signed", &mut signature).unwrap();
        receiver.verify(b"signed", &signature).unwrap();
        assert_eq!(sender.sign(b"signed", &mut signature).unwrap_err(), exhausted);
        assert_eq!(receiver.verify(b"signed", &signature).unwrap_err(), exhausted);
    }

    #[test]
    fn exported_bytes_that_say_nothing_are_refused() {
        let mut exported = Vec::new();
        last_of_all().0.export(&mut exported);
        let refused = |at: usize, bytes: &[u8]| {
            let mut changed = exported.clone();
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            let error = Direction::import(&mut Reader::new("test", &changed)).err().unwrap();
            (error.offset, error.reason)
        };
        for (at, octet) in [(16, 2), (16, 0xff), (25, 2), (26, 2)] {
            assert_eq!(refused(at, &[octet]), (at, DecodeReason::Invalid("neither 0 nor 1")));
        }
        for number in [(1 << 32) + 1, u64::MAX] {
            assert_eq!(refused(17, &number.to_be_bytes()), (17, DecodeReason::Invalid("no sequence number")));
        }
    }

    /// An exported context says in two places whether it seals: where they differ, nothing goes out in the clear.
    #[test]
    fn what_can_not_be_sealed_is_not_sent() {
        let mut sender = Sender(Direction::new(&Secret::new([7; 16]), Role::Client, false));
        let mut out = alloc::vec![7];
        let error = sender.protect(Protection::Confidentiality, b"secret", &mut out).unwrap_err();
        assert_eq!((error, out), (MessageError::NotNegotiated(crate::flags::Flags::CONFIDENTIALITY), alloc::vec![7]));
    }
}
