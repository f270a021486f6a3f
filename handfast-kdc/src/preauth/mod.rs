//! Pre-authentication (RFC 4120 5.2.7, RFC 6113), the realm's side.
//!
//! A [`Method`] is one kind of proof, a small type with one place in [`METHODS`]; [`Settings::preauth`](crate::Settings::preauth)
//! says which are offered, and in what order. A method is asked what it offers to a client without a proof, and to check what a
//! client sends. What it has to know again at the next request goes out in a [`cookie`] and comes back with that request: the
//! realm itself keeps nothing.
//!
//! ```text
//!  AS-REQ without a proof ──► Method::offer of each ──► KDC_ERR_PREAUTH_REQUIRED: offers, cookie with their states
//!  AS-REQ with padata ──► Method::verify, with its state ──► Verdict::Proven(Proof) ──► AS-REP under the proof's reply key
//!                                                      └──► Verdict::Challenge ──► KDC_ERR_MORE_PREAUTH_DATA_REQUIRED
//! ```
//!
//! A new method is a type here, a line in [`METHODS`], and a place in `Settings::default().preauth`.

mod cookie;
mod encrypted_challenge;
mod encrypted_timestamp;
mod method;
#[cfg(feature = "pkinit")]
mod pkinit;
#[cfg(test)]
mod rehearsed;
#[cfg(feature = "spake")]
mod spake;

pub(crate) use method::{Ask, Method, Offer, OwnedPaData, Proof, ReplyKey, Verdict};
#[cfg(test)]
pub(crate) use rehearsed::{REHEARSED, rehearsed_key};

use crate::directory::{LongTermKey, PrincipalEntry};
use crate::refusal::{Refusal, Seen};
use alloc::format;
use alloc::vec::Vec;
use cookie::State;
use core::time::Duration;
use encrypted_challenge::EncryptedChallenge;
use encrypted_timestamp::EncryptedTimestamp;
use handfast::Time;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::message::{ErrorCode, EtypeInfo2, EtypeInfo2Entry, PaData, PaDataType};

/// Every method that there is.
static METHODS: &[&dyn Method] = &[
    #[cfg(feature = "pkinit")]
    &pkinit::Pkinit,
    &EncryptedChallenge,
    &EncryptedTimestamp,
    #[cfg(feature = "spake")]
    &spake::Spake,
    #[cfg(test)]
    &rehearsed::Rehearsed,
];

/// The first `padata` of that type.
pub(crate) fn find<'a>(padata: &[PaData<'a>], padata_type: PaDataType) -> Option<&'a [u8]> {
    padata.iter().find(|data| data.padata_type == padata_type).map(|data| data.padata_value)
}

/// An owned PA-DATA, to be written.
pub(crate) fn borrowed((padata_type, value): &OwnedPaData) -> PaData<'_> {
    PaData { padata_type: *padata_type, padata_value: value }
}

/// What the client has proven. `None` without a proof, if none is required.
///
/// The first padata that is one of our methods counts, whatever the order of the settings: a client sends one.
///
/// # Errors
/// A refusal. Where the client can go on, it carries our offers (RFC 6113 2.4).
pub(crate) fn authenticate<'a>(
    padata: &[PaData<'_>],
    ask: &Ask<'a>,
    seen: &mut Seen,
) -> Result<Option<Proof<'a>>, Refusal> {
    let sent = padata.iter().find_map(|data| Some((method(ask, data.padata_type)?, data.padata_value)));
    let Some((method, value)) = sent else {
        if !ask.client.requires_preauth {
            return Ok(None);
        }
        let refusal = Refusal::new(ErrorCode::KDC_ERR_PREAUTH_REQUIRED, "no pre-authentication yet");
        return Err(refusal.with_padata(offers(ask)?));
    };
    let states = find(padata, PaDataType::FX_COOKIE).map_or(Ok(Vec::new()), |cookie| cookie::open(cookie, ask))?;
    let own = states.iter().find(|state| state.padata_type == method.padata_type());
    match method.verify(value, own.map(|state| state.state.as_slice()), ask, seen) {
        Ok(Verdict::Proven(proof)) => Ok(Some(proof)),
        Ok(Verdict::Challenge { padata, state }) => Err(challenge(method, padata, state, ask)?),
        Err(refusal)
            if matches!(refusal.code, ErrorCode::KDC_ERR_PREAUTH_FAILED | ErrorCode::KDC_ERR_PREAUTH_EXPIRED) =>
        {
            Err(refusal.with_padata(offers(ask)?))
        }
        Err(refusal) => Err(refusal),
    }
}

/// The method of that type, if the settings offer it.
fn method(ask: &Ask<'_>, padata_type: PaDataType) -> Option<&'static dyn Method> {
    // Who has no name has nothing else to prove.
    let fits = padata_type == PaDataType::PK_AS_REQ || !ask.is_anonymous();
    let offered = fits && ask.settings.preauth.contains(&padata_type);
    METHODS.iter().copied().find(|method| offered && method.padata_type() == padata_type)
}

/// What the client needs to know to prove itself (RFC 4120 5.9.1, 5.2.7.5; RFC 6113 5.2).
fn offers(ask: &Ask<'_>) -> Result<Vec<OwnedPaData>, Refusal> {
    let (mut methods, mut states) = (Vec::new(), Vec::new());
    for method in ask.settings.preauth.iter().filter_map(|padata_type| method(ask, *padata_type)) {
        let Some(offer) = method.offer(ask)? else { continue };
        methods.push((method.padata_type(), offer.value));
        states.extend(offer.state.map(|state| State { padata_type: method.padata_type(), state }));
    }
    let fast = ask.armor.is_none().then_some((PaDataType::FX_FAST, Vec::new()));
    let mut padata: Vec<_> = fast.into_iter().collect();
    if !ask.is_anonymous() {
        padata.push((PaDataType::ETYPE_INFO2, hints(ask, has_one_reply_key(&methods))?));
    }
    #[cfg(feature = "pkinit")]
    methods.extend(pkinit::beside_offer(&methods, ask)?);
    padata.append(&mut methods);
    padata.push((PaDataType::FX_COOKIE, cookie::seal(&states, ask)?));
    Ok(padata)
}

/// The next step of a method (RFC 6113 5.2).
fn challenge(
    method: &dyn Method,
    mut padata: Vec<OwnedPaData>,
    state: Vec<u8>,
    ask: &Ask<'_>,
) -> Result<Refusal, Refusal> {
    let states = [State { padata_type: method.padata_type(), state }];
    padata.push((PaDataType::FX_COOKIE, cookie::seal(&states, ask)?));
    let reason = "pre-authentication goes on";
    Ok(Refusal::new(ErrorCode::KDC_ERR_MORE_PREAUTH_DATA_REQUIRED, reason).with_padata(padata))
}

/// The client's current key of the first enctype in its list that there is one of (RFC 4120 3.1.3).
pub(crate) fn preferred_key<'a>(client: &'a PrincipalEntry, etype: &[Enctype]) -> Result<&'a LongTermKey, Refusal> {
    let of = |enctype: &Enctype| client.current_keys().find(|key| key.enctype() == *enctype);
    etype.iter().find_map(of).ok_or_else(|| {
        Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, "the client has no key of an enctype that it asks for")
    })
}

/// The ETYPE-INFO2 for a request. PA-ETYPE-INFO is never there: whoever asks for one of our enctypes, asks for a "newer" one
/// (3.1.3). A key is told of once, however often it is asked for: this goes to who has proven nothing, not even its address.
fn hints(ask: &Ask<'_>, one_alone: bool) -> Result<Vec<u8>, Refusal> {
    if one_alone {
        return Ok(etype_info(&[preferred_key(ask.client, &ask.body.etype)?]));
    }
    let place = |key: &&LongTermKey| ask.body.etype.iter().position(|enctype| *enctype == key.enctype());
    let mut keys: Vec<_> = ask.client.current_keys().filter(|key| place(key).is_some()).collect();
    keys.sort_by_key(place);
    Ok(etype_info(&keys))
}

/// Whether an offer is among these that is made with one reply key, which the client must be told alone (RFC 9588 3.1).
fn has_one_reply_key(methods: &[OwnedPaData]) -> bool {
    methods.iter().any(|(padata_type, _)| *padata_type == PaDataType::SPAKE)
}

/// The ETYPE-INFO2 of these keys.
pub(crate) fn etype_info(keys: &[&LongTermKey]) -> Vec<u8> {
    let parameters: Vec<_> = keys.iter().map(|key| key.iterations().map(u32::to_be_bytes)).collect();
    let entries = keys.iter().zip(&parameters).map(|(key, parameters)| EtypeInfo2Entry {
        etype: key.enctype(),
        salt: key.salt(),
        s2kparams: parameters.as_ref().map(|octets| octets.as_slice()),
    });
    EtypeInfo2(entries.collect()).to_der()
}

/// Whether the client's clock agrees with ours (RFC 4120 3.1.3, 3.2.3).
pub(crate) fn check_skew(time: Time, skew: Duration, now: Time) -> Result<(), Refusal> {
    if time.abs_diff(now) <= skew {
        return Ok(());
    }
    let ahead = time.seconds_since(now);
    let reason = format!("the client's clock is {ahead} s ahead of ours, {} s are allowed", skew.as_secs());
    Err(Refusal::new(ErrorCode::KRB_AP_ERR_SKEW, reason))
}
