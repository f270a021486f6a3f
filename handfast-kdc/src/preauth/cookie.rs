use super::Ask;
use crate::directory::{LongTermKey, PrincipalEntry};
use crate::refusal::Refusal;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;
use handfast::Time;
use handfast::crypto::Secret;
use handfast::krb5::enctype::{CipherKey, CryptoError, Enctype, KeyUsage};
use handfast::krb5::message::{ErrorCode, PaDataType};
use handfast::wire::{DecodeError, Reader, Writer};

/// The usage of the ticket-granting service's key for cookies: a number that no RFC gives away, the one that MIT krb5 takes.
const KEY_USAGE_COOKIE: KeyUsage = KeyUsage(513);

/// The layout's version, and the first octet.
const VERSION: u8 = 1;

/// How long a conversation may last.
const LIFETIME: Duration = Duration::from_secs(600);

/// The most states that a cookie is read with.
const STATE_LIMIT: u8 = 16;

/// What a method wants to know again at the next request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) padata_type: PaDataType,
    pub(super) state: Vec<u8>,
}

/// Makes the cookie of a conversation (RFC 6113 5.2): only KDCs of this realm can read or make it, it is good for this client
/// alone, and for ten minutes.
///
/// ```text
/// version  u8     1
/// kvno     u32    of the ticket-granting service's key
/// enctype  i32    of that key
/// cipher          of: time u64 (seconds), length u32, client (text), { padata type i32, length u32, state }*
/// ```
pub(super) fn seal(states: &[State], ask: &Ask<'_>) -> Result<Vec<u8>, Refusal> {
    let no_key = || Refusal::new(ErrorCode::KDC_ERR_NULL_KEY, "the ticket-granting service has no key");
    let key = ask.krbtgt.current_keys().next().ok_or_else(no_key)?;
    let mut confounder = [0; 16];
    ask.random.fill(&mut confounder).map_err(CryptoError::from)?;
    let mut plain = Secret::new(Vec::new());
    let mut writer = Writer::new(plain.expose_mut());
    let seconds = u64::try_from(ask.now.unix_seconds()).unwrap_or_default();
    writer.u64_be(seconds);
    counted(&mut writer, ask.client.principal.to_string().as_bytes())?;
    for State { padata_type, state } in states {
        writer.i32_be(padata_type.0);
        counted(&mut writer, state)?;
    }
    let mut cookie = Vec::new();
    Writer::new(&mut cookie).u8(VERSION).u32_be(key.kvno()).i32_be(key.enctype().0);
    CipherKey::new(key.key(), KEY_USAGE_COOKIE)?.encrypt(&confounder, plain.expose(), &mut cookie);
    Ok(cookie)
}

/// The states in a cookie; none in one that is not ours or another client's, which is as good as no cookie.
///
/// # Errors
/// KDC_ERR_PREAUTH_EXPIRED for one of ours that is too old.
pub(super) fn open(cookie: &[u8], ask: &Ask<'_>) -> Result<Vec<State>, Refusal> {
    let Some(plain) = unseal(cookie, ask.krbtgt) else { return Ok(Vec::new()) };
    let Ok(Content { time, client, states }) = Content::read(plain.expose()) else { return Ok(Vec::new()) };
    if client != ask.client.principal.to_string().as_bytes() {
        return Ok(Vec::new());
    }
    let now = ask.now.whole_seconds();
    if time.saturating_add(LIFETIME) < now || time > now.saturating_add(LIFETIME) {
        return Err(Refusal::new(ErrorCode::KDC_ERR_PREAUTH_EXPIRED, "the conversation took too long"));
    }
    Ok(states)
}

fn unseal(cookie: &[u8], krbtgt: &PrincipalEntry) -> Option<Secret> {
    let mut reader = Reader::new("cookie", cookie);
    let (version, kvno, enctype) = (reader.u8().ok()?, reader.u32_be().ok()?, Enctype(reader.i32_be().ok()?));
    let of = |key: &&LongTermKey| key.kvno() == kvno && key.enctype() == enctype;
    let key = krbtgt.keys.iter().map(AsRef::as_ref).find(of).filter(|_| version == VERSION)?;
    CipherKey::new(key.key(), KEY_USAGE_COOKIE).ok()?.decrypt(reader.all()).ok()
}

struct Content<'a> {
    time: Time,
    client: &'a [u8],
    states: Vec<State>,
}

impl<'a> Content<'a> {
    fn read(plain: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("cookie", plain);
        let seconds = reader.u64_be()?;
        let time = Time::from_unix_seconds(i64::try_from(seconds).map_err(|_| reader.invalid("a time out of range"))?);
        let client = take_counted(&mut reader)?;
        let mut states = Vec::new();
        while !reader.is_empty() && states.len() < usize::from(STATE_LIMIT) {
            let padata_type = PaDataType(reader.i32_be()?);
            states.push(State { padata_type, state: take_counted(&mut reader)?.to_vec() });
        }
        reader.finish()?;
        Ok(Content { time, client, states })
    }
}

/// A length in four octets, and the bytes.
pub(super) fn counted(writer: &mut Writer<'_>, bytes: &[u8]) -> Result<(), Refusal> {
    let too_long = |_| Refusal::new(ErrorCode::KRB_ERR_FIELD_TOOLONG, "a state is too long for a cookie");
    writer.u32_be(u32::try_from(bytes.len()).map_err(too_long)?).bytes(bytes);
    Ok(())
}

/// What [`counted`] wrote.
pub(super) fn take_counted<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = reader.u32_be()?;
    reader.take(usize::try_from(length).map_err(|_| reader.invalid("a length out of range"))?)
}
