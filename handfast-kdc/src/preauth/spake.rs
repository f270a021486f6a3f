use super::cookie::{counted, take_counted};
use super::{Ask, Method, Offer, Proof, ReplyKey, Verdict, preferred_key};
use crate::refusal::{Refusal, Seen};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use handfast::crypto::Secret;
use handfast::krb5::enctype::{CipherKey, CryptoError, EncryptionKey, KeyUsage};
use handfast::krb5::message::{
    EncryptedData, ErrorCode, PaDataType, PaSpake, SpakeChallenge, SpakeFactorType, SpakeGroup, SpakeResponse,
    SpakeSecondFactor, SpakeSupport,
};
use handfast::krb5::spake::{Multiplier, Role, SpakeError, Transcript, is_supported};
use handfast::wire::{DecodeError, Reader, Writer};

/// SPAKE (RFC 9588): a key exchange that both sides authenticate with the client's key. A wrong guess fails here, and tells nobody
/// else anything.
///
/// Between challenge and response the cookie holds our private scalar. It may come back more than once until it is too old: each
/// time a guess is tested here, and a right one makes a key that only its client knows.
pub(super) struct Spake;

impl Method for Spake {
    fn padata_type(&self) -> PaDataType {
        PaDataType::SPAKE
    }

    /// Empty, or an optimistic challenge if the settings name a group for it (RFC 9588 4.6).
    fn offer(&self, ask: &Ask<'_>) -> Result<Option<Offer>, Refusal> {
        if !ask.settings.spake_groups.iter().any(|group| is_supported(*group)) {
            return Ok(None);
        }
        match ask.settings.spake_challenge.filter(|group| is_offered(*group, ask)) {
            Some(group) => {
                let (value, state) = challenge(group, None, ask)?;
                Ok(Some(Offer { value, state: Some(state) }))
            }
            None => Ok(Some(Offer { value: Vec::new(), state: None })),
        }
    }

    fn verify<'a>(
        &self,
        value: &[u8],
        state: Option<&[u8]>,
        ask: &Ask<'a>,
        _seen: &mut Seen,
    ) -> Result<Verdict<'a>, Refusal> {
        match PaSpake::decode(value).map_err(|_| failed("PA-SPAKE does not decode"))? {
            PaSpake::Support(support) => {
                let (value, state) = challenge(choose(&support, ask)?, Some(value), ask)?;
                Ok(Verdict::Challenge { padata: vec![(PaDataType::SPAKE, value)], state })
            }
            PaSpake::Response(response) => {
                let state = state.ok_or_else(|| failed("SPAKE: a response to no challenge"))?;
                let state = State::read(state).map_err(|_| failed("SPAKE: a state of another version"))?;
                let reply_key = reply_key(&response, state, ask)?;
                Ok(Verdict::Proven(Proof { reply_key: ReplyKey::Replaced(reply_key), padata: Vec::new() }))
            }
            PaSpake::Challenge(_) | PaSpake::Encdata(_) => {
                Err(failed("SPAKE: a message that only KDCs send, or no second factor asks for"))
            }
        }
    }
}

fn failed(reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, reason)
}

/// What a client's message did not fit; what is wrong with our own keys.
fn refusal(error: SpakeError) -> Refusal {
    match error {
        SpakeError::Key(error) => error.into(),
        error => Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, format!("{error}")),
    }
}

fn is_offered(group: SpakeGroup, ask: &Ask<'_>) -> bool {
    is_supported(group) && ask.settings.spake_groups.contains(&group)
}

/// The first of the client's groups that we offer, too (RFC 9588 4.2).
fn choose(support: &SpakeSupport, ask: &Ask<'_>) -> Result<SpakeGroup, Refusal> {
    let common = support.groups.iter().copied().find(|group| is_offered(*group, ask));
    common.ok_or_else(|| failed("SPAKE: the client offers no group that we do"))
}

/// The multiplier of the client's key that a reply without SPAKE would be under, which is the one that ETYPE-INFO2 names first.
fn multiplier(group: SpakeGroup, ask: &Ask<'_>) -> Result<Multiplier, Refusal> {
    let key = preferred_key(ask.client, &ask.body.etype)?;
    Multiplier::new(key.key(), group).map_err(refusal)
}

/// A challenge, and the state for its response.
fn challenge(group: SpakeGroup, support: Option<&[u8]>, ask: &Ask<'_>) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
    let pair = multiplier(group, ask)?.generate(Role::Kdc, ask.random).map_err(CryptoError::from)?;
    let factors = vec![SpakeSecondFactor::NONE];
    let challenge = PaSpake::Challenge(SpakeChallenge { group, pubkey: &pair.public, factors }).to_der();
    let transcript = Transcript::new(group, support, &challenge).map_err(refusal)?;
    let state = State { group, private: pair.private, transcript };
    Ok((challenge, state.write()?))
}

/// Checks a response; K'\[0\].
fn reply_key(response: &SpakeResponse<'_>, state: State, ask: &Ask<'_>) -> Result<EncryptionKey, Refusal> {
    let multiplier = multiplier(state.group, ask)?;
    let shared = multiplier.shared_element(Role::Kdc, &state.private, response.pubkey).map_err(refusal)?;
    let transcript = state.transcript.with_response(response.pubkey).map_err(refusal)?;
    let derived = |n| multiplier.derive(&shared, &transcript, ask.body.bytes(), n);
    let factor = open(&response.factor, &derived(1)?)?;
    let factor = SpakeSecondFactor::decode(factor.expose()).map_err(|_| failed("SPAKESecondFactor does not decode"))?;
    if factor.factor_type != SpakeFactorType::NONE {
        return Err(failed("SPAKE: a second factor that was not offered"));
    }
    Ok(derived(0)?)
}

fn open(sealed: &EncryptedData<'_>, key: &EncryptionKey) -> Result<Secret, Refusal> {
    let wrong = || failed("the SPAKE response is under another key: a wrong password");
    if sealed.etype != key.enctype() {
        return Err(wrong());
    }
    CipherKey::new(key, KeyUsage::SPAKE)?.decrypt(sealed.cipher).map_err(|_| wrong())
}

/// What is known again when the response comes.
///
/// ```text
/// version     u8   1
/// group       i32
/// private     u32 length, the private scalar
/// transcript  u32 length, the hash of support and challenge
/// ```
struct State {
    group: SpakeGroup,
    private: Secret<Vec<u8>>,
    transcript: Transcript,
}

/// The layout's version, and the first octet.
const VERSION: u8 = 1;

impl State {
    fn write(&self) -> Result<Vec<u8>, Refusal> {
        let mut state = Vec::new();
        let mut writer = Writer::new(&mut state);
        writer.u8(VERSION).i32_be(self.group.0);
        counted(&mut writer, self.private.expose())?;
        counted(&mut writer, self.transcript.hash())?;
        Ok(state)
    }

    fn read(state: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("SPAKE state", state);
        if reader.u8()? != VERSION {
            return Err(reader.invalid("another version"));
        }
        let group = SpakeGroup(reader.i32_be()?);
        let private = Secret::new(take_counted(&mut reader)?.to_vec());
        let hash = take_counted(&mut reader)?;
        let transcript = Transcript::resume(group, hash).map_err(|_| reader.invalid("no transcript of the group"))?;
        reader.finish()?;
        Ok(State { group, private, transcript })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_as_it_was_written_and_no_other_version_or_length_does() {
        let transcript = Transcript::new(SpakeGroup::P384, None, b"challenge").unwrap();
        let state = State { group: SpakeGroup::P384, private: Secret::new(vec![7; 48]), transcript };
        let Ok(bytes) = state.write() else { panic!() };
        let read = State::read(&bytes).unwrap();
        assert_eq!((read.group, read.private == state.private, read.transcript), (state.group, true, state.transcript));
        assert!((0..bytes.len()).all(|length| State::read(&bytes[..length]).is_err()));
        assert!(State::read(&[&bytes[..], &[0]].concat()).is_err());
        let other = [&[VERSION + 1], &bytes[1..]].concat();
        assert!(State::read(&other).is_err());
    }
}
