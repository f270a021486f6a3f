use crate::directory::{LongTermKey, PrincipalEntry};
use crate::refusal::{Refusal, Seen};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use handfast::Time;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::message::{
    EncryptedData, ErrorCode, EtypeInfo2, EtypeInfo2Entry, MethodData, PaData, PaDataType, PaEncTsEnc,
};

/// The first `padata` of that type.
pub(crate) fn find<'a>(padata: &[PaData<'a>], padata_type: PaDataType) -> Option<&'a [u8]> {
    padata.iter().find(|data| data.padata_type == padata_type).map(|data| data.padata_value)
}

/// The client's current key of the first enctype in its list that there is one of (RFC 4120 3.1.3).
pub(crate) fn preferred_key<'a>(client: &'a PrincipalEntry, etype: &[Enctype]) -> Result<&'a LongTermKey, Refusal> {
    let of = |enctype: &Enctype| client.current_keys().find(|key| key.enctype() == *enctype);
    etype.iter().find_map(of).ok_or_else(|| {
        Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, "the client has no key of an enctype that it asks for")
    })
}

/// What the client needs to know to pre-authenticate (RFC 4120 5.9.1, 5.2.7.5). PA-ETYPE-INFO is never there: whoever
/// asks for one of our enctypes, asks for a "newer" one (3.1.3). A key is told of once, however often it is asked for: this
/// goes to who has proven nothing, not even its address.
pub(crate) fn hints(client: &PrincipalEntry, etype: &[Enctype]) -> Vec<u8> {
    let place = |key: &&LongTermKey| etype.iter().position(|enctype| *enctype == key.enctype());
    let mut keys: Vec<_> = client.current_keys().filter(|key| place(key).is_some()).collect();
    keys.sort_by_key(place);
    let info = etype_info(&keys);
    let method = |padata_type, padata_value| PaData { padata_type, padata_value };
    MethodData(vec![method(PaDataType::ETYPE_INFO2, &info), method(PaDataType::ENC_TIMESTAMP, &[])]).to_der()
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

/// Checks a PA-ENC-TIMESTAMP (RFC 4120 5.2.7.2) and returns the key that it was made with.
pub(crate) fn check_timestamp<'a>(
    value: &[u8],
    client: &'a PrincipalEntry,
    etype: &[Enctype],
    skew: Duration,
    now: Time,
    seen: &mut Seen,
) -> Result<&'a LongTermKey, Refusal> {
    let failed = |reason| Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, reason).with_data(hints(client, etype));
    let sealed = EncryptedData::decode(value).map_err(|_| failed("PA-ENC-TIMESTAMP does not decode"))?;
    let mut keys = client.current_keys().filter(|key| key.enctype() == sealed.etype).peekable();
    if keys.peek().is_none() || !etype.contains(&sealed.etype) {
        let reason = format!("the timestamp is under {}, which the client has no key of or didn't list", sealed.etype);
        return Err(Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, reason));
    }
    let opened = keys.find_map(|key| key.timestamp.decrypt(sealed.cipher).ok().map(|plain| (key, plain)));
    let (key, plain) = opened.ok_or_else(|| failed("the timestamp is under another key: a wrong password"))?;
    let stamp = PaEncTsEnc::decode(plain.expose()).map_err(|_| failed("PA-ENC-TS-ENC does not decode"))?;
    let time = stamp.patimestamp.with_micros(stamp.pausec.unwrap_or_default());
    seen.client_time = Some(time);
    check_skew(time, skew, now)?;
    Ok(key)
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
