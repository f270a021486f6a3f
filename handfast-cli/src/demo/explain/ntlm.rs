//! NTLM's three messages (MS-NLMP 2.2.1), and what is sealed with the key that they agree on.
//!
//! They are read by their layout, and checked by twins: both ends are played again with the account's secret, the same time
//! and the same randomness, and must say the same bytes. The twins then open what is sealed.

use super::Reader;
use super::twins::Twins;
use super::words::{first_bytes, list, time_of_day};
use crate::demo::Trouble;
use crate::demo::wire::Party;
use handfast::Time;
use handfast::wire::Reader as Bytes;

/// Where the fields of an AUTHENTICATE_MESSAGE stand (MS-NLMP 2.2.1.3), and the one of a CHALLENGE_MESSAGE (2.2.1.2).
const NT_RESPONSE: usize = 20;
const DOMAIN: usize = 28;
const USER: usize = 36;
const FLAGS: usize = 60;
const MIC: usize = 72;
const TARGET_INFO: usize = 40;
/// Where a response has the client's challenge, and its pairs (MS-NLMP 2.2.2.7, 2.2.2.8).
const CLIENT_CHALLENGE: usize = 16 + 16;
const PAIRS: usize = 16 + 28;
/// Kinds of pairs (MS-NLMP 2.2.2.1).
const NB_COMPUTER: u16 = 1;
const NB_DOMAIN: u16 = 2;
const TIMESTAMP: u16 = 7;
const TARGET: u16 = 9;
const BINDINGS: u16 = 10;
/// Where a FILETIME begins (MS-DTYP 2.3.3).
const SECONDS_TO_1970: i64 = 11_644_473_600;

/// What was read of NTLM until now.
#[derive(Default)]
pub(super) struct Ntlm {
    /// The first token, whole.
    offer: Vec<u8>,
    /// The second token, whole; the message in it is the challenge.
    answer: Vec<u8>,
    challenge: Vec<u8>,
    pub(super) twins: Option<Twins>,
}

/// What the AUTHENTICATE_MESSAGE says.
pub(super) struct Claim {
    pub(super) domain: String,
    pub(super) user: String,
    pub(super) target: String,
    pub(super) client_challenge: Vec<u8>,
}

impl Reader<'_> {
    /// One of the three messages; `whole` is the token that it came in.
    pub(super) fn ntlm_message(
        &mut self,
        message: &[u8],
        whole: &[u8],
    ) -> Result<(&'static str, Vec<String>), Trouble> {
        match u32_at(message, 8)? {
            1 => {
                self.ntlm.offer = whole.to_vec();
                Ok(("NEGOTIATE", negotiate(message)?))
            }
            2 => {
                (self.ntlm.answer, self.ntlm.challenge) = (whole.to_vec(), message.to_vec());
                Ok(("CHALLENGE", challenge(message)?))
            }
            _ => {
                let claim = claim(message)?;
                let Ntlm { offer, answer, challenge, .. } = &self.ntlm;
                let time = timestamp(challenge)?;
                let server_challenge = part(challenge, 24, 8)?;
                let twins = Twins::play([offer, answer, whole], server_challenge, time, &claim, self.keys)?;
                self.ntlm.twins = Some(twins);
                Ok(("AUTHENTICATE", authenticate(message, &claim)?))
            }
        }
    }

    /// Opens a sealed message: its sequence number, the plaintext, and the first bytes on the wire.
    pub(super) fn ntlm_sealed(&mut self, token: &[u8], from: Party) -> Result<(u64, Vec<u8>, String), Trouble> {
        let sequence = u64::from(u32_at(token, 12)?);
        let shown = first_bytes(token.get(16..).unwrap_or_default(), 8);
        let twins =
            self.ntlm.twins.as_mut().ok_or_else(|| Trouble::new("a sealed message before the handshake's end"))?;
        let mut token = token.to_vec();
        let hears = if from == Party::Client { &mut twins.server } else { &mut twins.client };
        Ok((sequence, hears.unseal(&mut token)?.to_vec(), shown))
    }
}

fn negotiate(message: &[u8]) -> Result<Vec<String>, Trouble> {
    Ok(vec![format!("I can do {}.", flags(u32_at(message, 12)?)), "Who I am I say later.".to_owned()])
}

fn challenge(message: &[u8]) -> Result<Vec<String>, Trouble> {
    let pairs = pairs(field(message, TARGET_INFO)?)?;
    let computer = text(pair(&pairs, NB_COMPUTER)?)?;
    let domain = text(pair(&pairs, NB_DOMAIN)?)?;
    let challenge = first_bytes(part(message, 24, 8)?, 8);
    Ok(vec![
        format!("I am {domain}\\{computer}, or so I say: nothing here proves it."),
        format!("Answer this: {challenge}. My time is {}.", time_of_day(timestamp(message)?)),
        format!("We take {}.", flags(u32_at(message, 20)?)),
    ])
}

fn authenticate(message: &[u8], claim: &Claim) -> Result<Vec<String>, Trouble> {
    let response = field(message, NT_RESPONSE)?;
    let pairs = pairs(response.get(PAIRS..).unwrap_or_default())?;
    let bindings = match pair(&pairs, BINDINGS)?.iter().all(|octet| *octet == 0) {
        true => "none, this is plain TCP",
        false => "present",
    };
    let exchanged = if u32_at(message, FLAGS)? & 0x4000_0000 != 0 {
        "I chose our session key; here it is, encrypted. "
    } else {
        ""
    };
    Ok(vec![
        format!(
            "I am {}\\{}. My proof answers your challenge, under the hash of my password.",
            claim.domain, claim.user
        ),
        format!(
            "It begins {} …, and covers a challenge of mine, and that I mean {}.",
            first_bytes(response, 8),
            claim.target
        ),
        format!("{exchanged}Channel bindings: {bindings}."),
        format!("A MIC over all three messages: {} …", first_bytes(part(message, MIC, 16)?, 8)),
    ])
}

fn claim(message: &[u8]) -> Result<Claim, Trouble> {
    let response = field(message, NT_RESPONSE)?;
    let pairs = pairs(response.get(PAIRS..).unwrap_or_default())?;
    Ok(Claim {
        domain: text(field(message, DOMAIN)?)?,
        user: text(field(message, USER)?)?,
        target: text(pair(&pairs, TARGET)?)?,
        client_challenge: part(response, CLIENT_CHALLENGE, 8)?.to_vec(),
    })
}

/// The flags that a reader may want to know (MS-NLMP 2.2.2.5).
fn flags(flags: u32) -> String {
    let named = [
        (0x10, "signing"),
        (0x20, "sealing"),
        (0x2000_0000, "keys of 128 bits"),
        (0x4000_0000, "a key exchange"),
        (0x0008_0000, "extended session security"),
    ];
    list(named.into_iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| name.to_owned()))
}

fn timestamp(challenge: &[u8]) -> Result<Time, Trouble> {
    let pairs = pairs(field(challenge, TARGET_INFO)?)?;
    let ticks = u64::from_le_bytes(pair(&pairs, TIMESTAMP)?.try_into()?);
    let micros = i64::try_from(ticks / 10)?;
    Ok(Time::from_unix_micros(micros.saturating_sub(SECONDS_TO_1970 * 1_000_000)))
}

/// The bytes that the field at `at` points to: length, maximum length, offset (MS-NLMP 2.2.1).
fn field(message: &[u8], at: usize) -> Result<&[u8], Trouble> {
    let mut header = Bytes::new("NTLM field", part(message, at, 8)?);
    let (length, _) = (header.u16_le()?, header.u16_le()?);
    part(message, usize::try_from(header.u32_le()?)?, length.into())
}

fn part(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], Trouble> {
    bytes
        .get(at..)
        .and_then(|bytes| bytes.get(..length))
        .ok_or_else(|| Trouble::new("a message of NTLM that is too short"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Trouble> {
    Ok(u32::from_le_bytes(part(bytes, at, 4)?.try_into()?))
}

/// `AV_PAIR`s up to their end (MS-NLMP 2.2.2.1).
fn pairs(bytes: &[u8]) -> Result<Vec<(u16, &[u8])>, Trouble> {
    let mut bytes = Bytes::new("AV_PAIRs", bytes);
    let mut pairs = Vec::new();
    loop {
        let (kind, length) = (bytes.u16_le()?, bytes.u16_le()?);
        match kind {
            0 => return Ok(pairs),
            _ => pairs.push((kind, bytes.take(length.into())?)),
        }
    }
}

fn pair<'a>(pairs: &[(u16, &'a [u8])], kind: u16) -> Result<&'a [u8], Trouble> {
    let found = pairs.iter().find(|(found, _)| *found == kind);
    found.map(|(_, value)| *value).ok_or_else(|| Trouble::new(format!("no AV_PAIR of the kind {kind}")))
}

fn text(utf16: &[u8]) -> Result<String, Trouble> {
    let units: Vec<u16> = utf16
        .chunks_exact(2)
        .map(|unit| unit.iter().rev().fold(0, |value, octet| value << 8 | u16::from(*octet)))
        .collect();
    Ok(String::from_utf16(&units)?)
}
