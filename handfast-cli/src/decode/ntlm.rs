//! NTLM's three messages and the signature of what they protect (MS-NLMP 2.2), also of versions that the library refuses.

use super::Decoder;
use super::span::{Broken, Span};
use super::tree::{Node, Value};
use handfast::Time;
use std::ops::Range;

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// NEGOTIATE flags (MS-NLMP 2.2.2.5), without `NTLMSSP_`.
const FLAGS: [(u32, &str); 22] = [
    (0x0000_0001, "negotiate-unicode"),
    (0x0000_0002, "negotiate-oem"),
    (0x0000_0004, "request-target"),
    (0x0000_0010, "negotiate-sign"),
    (0x0000_0020, "negotiate-seal"),
    (0x0000_0040, "negotiate-datagram"),
    (0x0000_0080, "negotiate-lm-key"),
    (0x0000_0200, "negotiate-ntlm"),
    (0x0000_0800, "anonymous"),
    (0x0000_1000, "negotiate-oem-domain-supplied"),
    (0x0000_2000, "negotiate-oem-workstation-supplied"),
    (0x0000_8000, "negotiate-always-sign"),
    (0x0001_0000, "target-type-domain"),
    (0x0002_0000, "target-type-server"),
    (0x0008_0000, "negotiate-extended-sessionsecurity"),
    (0x0010_0000, "negotiate-identify"),
    (0x0040_0000, "request-non-nt-session-key"),
    (0x0080_0000, "negotiate-target-info"),
    (0x0200_0000, "negotiate-version"),
    (0x2000_0000, "negotiate-128"),
    (0x4000_0000, "negotiate-key-exch"),
    (0x8000_0000, "negotiate-56"),
];
const UNICODE: u32 = 1;
/// `MsvAvFlags` (MS-NLMP 2.2.2.1).
const AV_FLAGS: [(u32, &str); 3] = [(1, "account-constrained"), (2, "mic-present"), (4, "untrusted-target-name")];
/// More pairs than this are not read.
const PAIR_LIMIT: usize = 256;

/// A message, or a lone signature, as a mechListMIC is one.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(b"NTLMSSP") || bytes.len() == 16 && is_signature(bytes)
}

/// `NTLMSSP_MESSAGE_SIGNATURE` (MS-NLMP 2.2.2.9): version 1, and at least 16 bytes.
pub(super) fn is_signature(bytes: &[u8]) -> bool {
    bytes.len() >= 16 && bytes.starts_with(&[1, 0, 0, 0])
}

pub(super) fn read(decoder: &mut Decoder, span: Span<'_>) -> (Node, Result<(), Broken>) {
    if is_signature(span.rest) {
        let mut node = Node::new("message_signature").meaning("NTLM message signature");
        let read = message_signature(&mut node, span);
        return (node, read);
    }
    let mut node = Node::new("ntlm").meaning("NTLM");
    let read = Message::new(span).read(decoder, &mut node);
    (node, read)
}

fn message_signature(node: &mut Node, mut span: Span<'_>) -> Result<(), Broken> {
    let at = span.offset;
    let version = span.u32_le("Version")?;
    node.fields.push(Node::with("version", Value::Number(version.into())).at(at..span.offset));
    let sum = span.take(8, "Checksum")?;
    node.fields.push(Node::with("checksum", Value::Bytes(sum.rest.to_vec())).at(sum.range()));
    let at = span.offset;
    let number = span.u32_le("SeqNum")?;
    node.fields.push(Node::with("seq_num", Value::Number(number.into())).at(at..span.offset));
    if !span.is_empty() {
        node.fields.push(Node::with("message", Value::Bytes(span.rest.to_vec())).at(span.range()));
    }
    Ok(())
}

/// A message whose fields point into its payload.
struct Message<'a> {
    whole: Span<'a>,
    /// Behind what has been read of the fixed part.
    next: Span<'a>,
    /// What fields point to: name, and from where to where.
    pointed: Vec<(&'static str, Range<usize>)>,
}

/// A field's length and offset (MS-NLMP 2.2.1), and where they stand.
struct Pointer {
    name: &'static str,
    at: usize,
    length: usize,
    offset: usize,
}

impl<'a> Message<'a> {
    fn new(whole: Span<'a>) -> Self {
        Message { whole, next: whole, pointed: Vec::new() }
    }

    fn read(&mut self, decoder: &mut Decoder, node: &mut Node) -> Result<(), Broken> {
        let signature = self.next.take(8, "Signature")?;
        if signature.rest != SIGNATURE {
            return Err(signature.broken("does not begin with NTLMSSP"));
        }
        let at = self.next;
        let message_type = self.next.u32_le("MessageType")?;
        let (name, means) = match message_type {
            1 => ("negotiate_message", "NTLM NEGOTIATE"),
            2 => ("challenge_message", "NTLM CHALLENGE"),
            3 => ("authenticate_message", "NTLM AUTHENTICATE"),
            _ => return Err(at.broken(format!("message type {message_type}: there are 1, 2 and 3"))),
        };
        (node.name, node.means) = (name.into(), means.to_owned());
        let number = Node::with("message_type", Value::Number(message_type.into()));
        node.fields.push(number.meaning(means.trim_start_matches("NTLM ")).at(at.offset..self.next.offset));
        match message_type {
            1 => self.negotiate(node),
            2 => self.challenge(node),
            _ => self.authenticate(decoder, node),
        }
    }

    /// MS-NLMP 2.2.1.1. Names are in the OEM character set.
    fn negotiate(&mut self, node: &mut Node) -> Result<(), Broken> {
        self.flags(node)?;
        // MS-NLMP wants both fields; some clients of old stop before them.
        if self.next.is_empty() {
            return Ok(());
        }
        let domain = self.pointer("domain_name")?;
        let workstation = self.pointer("workstation_name")?;
        self.version(node, &[&domain, &workstation])?;
        self.text(node, &domain, false)?;
        self.text(node, &workstation, false)?;
        self.finish()
    }

    /// MS-NLMP 2.2.1.2.
    fn challenge(&mut self, node: &mut Node) -> Result<(), Broken> {
        let target_name = self.pointer("target_name")?;
        let flags = self.flags(node)?;
        self.bytes(node, 8, "server_challenge")?;
        // An old server stops here, and says so by its flags.
        if self.next.is_empty() || target_name.length > 0 && self.next.offset - self.whole.offset >= target_name.offset
        {
            self.text(node, &target_name, flags & UNICODE != 0)?;
            return self.finish();
        }
        self.next.take(8, "Reserved")?;
        let target_info = self.pointer("target_info")?;
        self.version(node, &[&target_name, &target_info])?;
        self.text(node, &target_name, flags & UNICODE != 0)?;
        self.target_info(node, &target_info)?;
        self.finish()
    }

    /// MS-NLMP 2.2.1.3.
    fn authenticate(&mut self, decoder: &mut Decoder, node: &mut Node) -> Result<(), Broken> {
        let lm = self.pointer("lm_challenge_response")?;
        let nt = self.pointer("nt_challenge_response")?;
        let domain = self.pointer("domain_name")?;
        let user = self.pointer("user_name")?;
        let workstation = self.pointer("workstation")?;
        let key = self.pointer("encrypted_random_session_key")?;
        let flags = self.flags(node)?;
        let pointers = [&lm, &nt, &domain, &user, &workstation, &key];
        self.version(node, &pointers)?;
        if self.room(&pointers, 88) {
            self.bytes(node, 16, "mic")?;
        }
        for name in [&domain, &user, &workstation] {
            self.text(node, name, flags & UNICODE != 0)?;
        }
        self.lm_response(node, &lm)?;
        self.nt_response(decoder, node, &nt)?;
        self.opaque(node, &key, "")?;
        self.finish()
    }

    fn flags(&mut self, node: &mut Node) -> Result<u32, Broken> {
        let at = self.next.offset;
        let flags = self.next.u32_le("NegotiateFlags")?;
        node.fields.push(Node::with("negotiate_flags", named(flags, &FLAGS)).at(at..self.next.offset));
        Ok(flags)
    }

    fn bytes(&mut self, node: &mut Node, count: usize, name: &'static str) -> Result<(), Broken> {
        let bytes = self.next.take(count, name)?;
        node.fields.push(Node::with(name, Value::Bytes(bytes.rest.to_vec())).at(bytes.range()));
        Ok(())
    }

    fn pointer(&mut self, name: &'static str) -> Result<Pointer, Broken> {
        let at = self.next.offset;
        let length = self.next.u16_le(name)?.into();
        self.next.u16_le(name)?; // the maximum length, which a receiver ignores
        let offset = usize::try_from(self.next.u32_le(name)?).unwrap_or(usize::MAX);
        Ok(Pointer { name, at, length, offset })
    }

    /// Whether the fixed part can reach to `end`: no field points before that, and the message is as long.
    fn room(&self, pointers: &[&Pointer], end: usize) -> bool {
        let first = pointers.iter().filter(|pointer| pointer.length > 0).map(|pointer| pointer.offset).min();
        self.whole.rest.len() >= end && first.is_none_or(|first| first >= end)
    }

    /// `VERSION` (MS-NLMP 2.2.2.10), where there is room for it.
    fn version(&mut self, node: &mut Node, pointers: &[&Pointer]) -> Result<(), Broken> {
        if !self.room(pointers, self.next.offset - self.whole.offset + 8) {
            return Ok(());
        }
        let version = self.next.take(8, "Version")?;
        if let [major, minor, low, high, _, _, _, revision] = version.rest {
            let build = u16::from_le_bytes([*low, *high]);
            let text = Value::Text(format!("{major}.{minor}.{build}"));
            node.fields
                .push(Node::with("version", text).meaning(format!("NTLM revision {revision}")).at(version.range()));
        }
        Ok(())
    }

    /// What a field points to.
    fn payload(&mut self, pointer: &Pointer) -> Result<Span<'a>, Broken> {
        let broken = |cause: String| Broken { offset: pointer.at, cause: format!("{}: {cause}", pointer.name) };
        if pointer.length == 0 {
            return Ok(Span::new(&[], self.whole.offset + pointer.offset.min(self.whole.rest.len())));
        }
        let (start, end) = (pointer.offset, pointer.offset.saturating_add(pointer.length));
        if start < self.next.offset - self.whole.offset {
            return Err(broken(format!("it points to byte {start}, into the fixed part of the message")));
        }
        let Some(bytes) = self.whole.rest.get(start..end) else {
            let length = self.whole.rest.len();
            return Err(broken(format!("it points to bytes {start} to {end} of a message of {length}")));
        };
        if let Some((other, _)) = self.pointed.iter().find(|(_, range)| start < range.end && range.start < end) {
            return Err(broken(format!("it overlaps {other}")));
        }
        self.pointed.push((pointer.name, start..end));
        Ok(Span::new(bytes, self.whole.offset + start))
    }

    /// Succeeds if nothing is behind the last field.
    fn finish(&self) -> Result<(), Broken> {
        let fixed = self.next.offset - self.whole.offset;
        let end = self.pointed.iter().map(|(_, range)| range.end).max().unwrap_or(0).max(fixed);
        let mut rest = self.whole;
        rest.take(end, "the payload")?;
        rest.finish()
    }

    fn text(&mut self, node: &mut Node, pointer: &Pointer, unicode: bool) -> Result<(), Broken> {
        let bytes = self.payload(pointer)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let text = if unicode { utf16(bytes)? } else { bytes.rest.iter().map(|byte| oem(*byte)).collect() };
        node.fields.push(Node::with(pointer.name, Value::Text(text)).at(bytes.range()));
        Ok(())
    }

    fn opaque(&mut self, node: &mut Node, pointer: &Pointer, means: &str) -> Result<(), Broken> {
        let bytes = self.payload(pointer)?;
        if !bytes.is_empty() {
            let child = Node::with(pointer.name, Value::Bytes(bytes.rest.to_vec())).meaning(means);
            node.fields.push(child.at(bytes.range()));
        }
        Ok(())
    }

    fn target_info(&mut self, node: &mut Node, pointer: &Pointer) -> Result<(), Broken> {
        let mut span = self.payload(pointer)?;
        if span.is_empty() {
            return Ok(());
        }
        let mut child = Node::new(pointer.name).at(span.range());
        let read = av_pairs(&mut child, &mut span).and_then(|()| span.finish());
        node.fields.push(child);
        read
    }

    /// 24 bytes: of LMv2, LM, or zeros beside an NTLMv2 response with a timestamp (MS-NLMP 3.1.5.1.2).
    fn lm_response(&mut self, node: &mut Node, pointer: &Pointer) -> Result<(), Broken> {
        let zeros = self.whole.rest.get(pointer.offset..pointer.offset.saturating_add(pointer.length));
        let means = match zeros {
            Some(bytes) if !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0) => "zeros: NTLMv2 alone counts",
            _ => "",
        };
        self.opaque(node, pointer, means)
    }

    fn nt_response(&mut self, decoder: &mut Decoder, node: &mut Node, pointer: &Pointer) -> Result<(), Broken> {
        if pointer.length <= 24 {
            let means = if pointer.length == 24 { "NTLMv1 response" } else { "" };
            return self.opaque(node, pointer, means);
        }
        let span = self.payload(pointer)?;
        let mut child = Node::new(pointer.name).meaning("NTLMv2 response").at(span.range());
        let read = decoder.count(&span).and_then(|()| ntlmv2_response(&mut child, span));
        node.fields.push(child);
        read
    }
}

/// `NTLMv2_RESPONSE` and `NTLMv2_CLIENT_CHALLENGE` (MS-NLMP 2.2.2.8, 2.2.2.7).
fn ntlmv2_response(node: &mut Node, mut span: Span<'_>) -> Result<(), Broken> {
    let proof = span.take(16, "NTProofStr")?;
    node.fields.push(Node::with("nt_proof_str", Value::Bytes(proof.rest.to_vec())).at(proof.range()));
    let at = span;
    for name in ["resp_type", "hi_resp_type"] {
        let at = span.offset;
        let number = span.u8(name)?;
        node.fields.push(Node::with(name, Value::Number(number.into())).at(at..span.offset));
    }
    if at.rest.get(..2) != Some(&[1, 1]) {
        return Err(at.broken("RespType and HiRespType are not 1"));
    }
    span.take(6, "Reserved")?;
    timestamp(node, "time_stamp", &mut span)?;
    let challenge = span.take(8, "ChallengeFromClient")?;
    let challenge = Node::with("challenge_from_client", Value::Bytes(challenge.rest.to_vec())).at(challenge.range());
    node.fields.push(challenge);
    span.take(4, "Reserved3")?;
    let mut pairs = Node::new("av_pairs").at(span.range());
    let read = av_pairs(&mut pairs, &mut span);
    node.fields.push(pairs);
    read?;
    // `temp` ends in four zeros (MS-NLMP 3.3.2), which some peers leave out, and others have more of.
    match span.rest.iter().all(|byte| *byte == 0) {
        true => Ok(()),
        false => Err(span.broken(format!("{} bytes behind the pairs that are not zero", span.rest.len()))),
    }
}

/// A list of `AV_PAIR` up to its end (MS-NLMP 2.2.2.1).
fn av_pairs(node: &mut Node, span: &mut Span<'_>) -> Result<(), Broken> {
    let mut seen = Vec::new();
    loop {
        let at = *span;
        let id = span.u16_le("AvId")?;
        let length = span.u16_le("AvLen")?.into();
        let value = span.take(length, "an AV_PAIR's value")?;
        if id == 0 {
            return value.finish();
        }
        if seen.len() == PAIR_LIMIT {
            return Err(at.broken(format!("more than {PAIR_LIMIT} pairs")));
        }
        node.fields.push(av_pair(id, value)?);
        if seen.contains(&id) {
            return Err(at.broken(format!("the pair {id} was there before")));
        }
        seen.push(id);
    }
}

fn av_pair(id: u16, value: Span<'_>) -> Result<Node, Broken> {
    let name = match id {
        1 => "msv_av_nb_computer_name",
        2 => "msv_av_nb_domain_name",
        3 => "msv_av_dns_computer_name",
        4 => "msv_av_dns_domain_name",
        5 => "msv_av_dns_tree_name",
        6 => "msv_av_flags",
        7 => "msv_av_timestamp",
        8 => "msv_av_single_host",
        9 => "msv_av_target_name",
        10 => "msv_av_channel_bindings",
        _ => "av_pair",
    };
    let (mut rest, mut holder) = (value, Node::default());
    match id {
        1..=5 | 9 => return Ok(Node::with(name, Value::Text(utf16(value)?)).at(value.range())),
        6 => {
            let flags = rest.u32_le("MsvAvFlags")?;
            holder.fields.push(Node::with(name, named(flags, &AV_FLAGS)).at(value.range()));
        }
        7 => timestamp(&mut holder, name, &mut rest)?,
        10 => {
            let hash = rest.take(16, "MsvAvChannelBindings")?;
            let none = hash.rest.iter().all(|byte| *byte == 0);
            let means = if none { "no channel bindings" } else { "MD5 of the channel bindings" };
            holder.fields.push(Node::with(name, Value::Bytes(hash.rest.to_vec())).meaning(means).at(hash.range()));
        }
        _ => {
            let means = if id == 8 { String::new() } else { format!("AvId {id}") };
            let node = Node::with(name, Value::Bytes(value.rest.to_vec())).meaning(means);
            return Ok(node.at(value.range()));
        }
    }
    rest.finish()?;
    Ok(holder.fields.pop().unwrap_or_default())
}

/// A `FILETIME`: units of 100 ns from 1601 on.
fn timestamp(node: &mut Node, name: &'static str, span: &mut Span<'_>) -> Result<(), Broken> {
    const UNIX_EPOCH: i64 = 11_644_473_600_000_000;
    let at = *span;
    let units = u64::from_le_bytes(span.array(name)?);
    let child = match i64::try_from(units / 10) {
        Ok(0) => Node::with(name, Value::Number(0)).meaning("no time"),
        // Year 9999 and later are no times that anybody means.
        Ok(micros) if micros < 265_046_774_400_000_000 => {
            Node::with(name, Value::Time(Time::from_unix_micros(micros - UNIX_EPOCH)))
        }
        _ => Node::with(name, Value::Bytes(at.rest.get(..8).unwrap_or_default().to_vec())).meaning("no time of ours"),
    };
    node.fields.push(child.at(at.offset..span.offset));
    Ok(())
}

fn named(bits: u32, names: &[(u32, &str)]) -> Value {
    let mut set: Vec<String> =
        names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| (*name).to_owned()).collect();
    let unnamed = names.iter().fold(bits, |rest, (bit, _)| rest & !bit);
    if unnamed != 0 {
        set.push(format!("0x{unnamed:08x}"));
    }
    Value::Flags(bits.into(), set)
}

fn utf16(span: Span<'_>) -> Result<String, Broken> {
    let (units, odd) = span.rest.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(span.broken("UTF-16 of an odd number of bytes"));
    }
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    String::from_utf16(&units).map_err(|_| span.broken("not UTF-16: half of a pair"))
}

/// Which code page it is, no message says: what is not ASCII is shown as unknown.
fn oem(byte: u8) -> char {
    if byte.is_ascii() { char::from(byte) } else { '\u{fffd}' }
}
