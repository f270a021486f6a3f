//! Pre-authentication of several steps, and the cookie between them.

use super::*;
use crate::preauth::{REHEARSED, rehearsed_key};
use handfast::krb5::message::MethodData;

/// A realm that has the rehearsed method in front, and bob beside alice.
fn realm_with(preauth: &[PaDataType]) -> Realm {
    let mut directory = directory();
    directory.insert(PrincipalEntry::user_of(principal("bob@R.TEST"), PASSWORD, &[AES256], NOW).unwrap());
    let settings = Settings { preauth: preauth.to_vec(), ..Settings::default() };
    Realm::new("R.TEST", Arc::new(directory), settings, Arc::new(OsRandom))
}

fn realm() -> Realm {
    realm_with(&[REHEARSED, PaDataType::ENC_TIMESTAMP])
}

fn told(error: &KrbError<'_>) -> Vec<(PaDataType, Vec<u8>)> {
    let methods = MethodData::decode(error.e_data.unwrap_or(&[0x30, 0])).unwrap().0;
    methods.iter().map(|padata| (padata.padata_type, padata.padata_value.to_vec())).collect()
}

fn value(told: &[(PaDataType, Vec<u8>)], wanted: PaDataType) -> Vec<u8> {
    told.iter().find(|(padata_type, _)| *padata_type == wanted).unwrap().1.clone()
}

/// What `realm` says to alice's value with this cookie.
fn says(realm: &Realm, sent: &[u8], cookie: &[u8], now: Time) -> Result<KdcRep<'static>, Box<KrbError<'static>>> {
    ask(realm, &asking(&as_body(), sent, cookie), now)
}

fn asking(body: &KdcReqBody<'_>, sent: &[u8], cookie: &[u8]) -> Vec<u8> {
    let padata = |padata_type, padata_value| PaData { padata_type, padata_value };
    let with_cookie = vec![padata(REHEARSED, sent), padata(PaDataType::FX_COOKIE, cookie)];
    request(KdcExchange::As, with_cookie, body)
}

/// The cookies of a conversation's first and second step.
fn cookies(realm: &Realm) -> (Vec<u8>, Vec<u8>) {
    let error = ask(realm, &request(KdcExchange::As, vec![], &as_body()), NOW).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_REQUIRED);
    let first = told(&error);
    assert_eq!(value(&first, REHEARSED), b"offer");
    let first = value(&first, PaDataType::FX_COOKIE);
    let error = says(realm, b"support", &first, NOW).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_MORE_PREAUTH_DATA_REQUIRED);
    let second = told(&error);
    assert_eq!(value(&second, REHEARSED), b"challenge");
    (first, value(&second, PaDataType::FX_COOKIE))
}

fn refused(result: Result<KdcRep<'_>, Box<KrbError<'_>>>) -> ErrorCode {
    result.map(|_| ()).unwrap_err().error_code
}

#[test]
fn a_method_takes_two_steps_and_replaces_the_reply_key() {
    let realm = realm();
    let (_, second) = cookies(&realm);
    let reply = says(&realm, b"response", &second, NOW).unwrap();
    let padata: Vec<_> = reply.padata.iter().map(|padata| (padata.padata_type, padata.padata_value)).collect();
    assert_eq!((padata, reply.enc_part.kvno), (vec![(REHEARSED, &b"done"[..])], None));
    let held = open(&realm, &reply, &rehearsed_key(), KeyUsage::AS_REP_ENC_PART);
    assert!(held.inside.flags.contains(handfast::krb5::message::TicketFlags::PRE_AUTHENT));
}

#[test]
fn a_step_without_the_state_of_the_one_before_fails() {
    let realm = realm();
    let (first, second) = cookies(&realm);
    for (sent, cookie) in [(&b"response"[..], &first), (b"support", &second), (b"support", &vec![])] {
        let error = says(&realm, sent, cookie, NOW).map(|_| ()).unwrap_err();
        assert_eq!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_FAILED);
        assert_eq!(value(&told(&error), REHEARSED), b"offer", "it may start again");
    }
}

#[test]
fn a_cookie_is_good_for_its_client_alone_and_for_ten_minutes() {
    let realm = realm();
    let (first, _) = cookies(&realm);
    let bob = KdcReqBody {
        cname: Some(PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["bob"] }),
        ..as_body()
    };
    assert_eq!(refused(ask(&realm, &asking(&bob, b"support", &first), NOW)), ErrorCode::KDC_ERR_PREAUTH_FAILED);
    let more = ErrorCode::KDC_ERR_MORE_PREAUTH_DATA_REQUIRED;
    assert_eq!(refused(says(&realm, b"support", &first, at(600))), more);
    for late in [601, -602] {
        assert_eq!(refused(says(&realm, b"support", &first, at(late))), ErrorCode::KDC_ERR_PREAUTH_EXPIRED);
    }
}

#[test]
fn a_cookie_that_is_cut_or_changed_is_as_good_as_none() {
    let realm = realm();
    let (first, _) = cookies(&realm);
    let fails = |cookie: &[u8]| refused(says(&realm, b"support", cookie, NOW)) == ErrorCode::KDC_ERR_PREAUTH_FAILED;
    for end in 0..first.len() {
        assert!(fails(&first[..end]), "cut at {end}");
    }
    for bit in 0..first.len() * 8 {
        let mut changed = first.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(fails(&changed), "bit {bit}");
    }
    assert!(fails(&[first.as_slice(), &[0]].concat()));
    // Another realm's.
    assert!(fails(&cookies(&over_another()).0));
}

fn over_another() -> Realm {
    let mut directory = MemoryDirectory::new("R.TEST", &OsRandom, NOW).unwrap();
    directory.insert(PrincipalEntry::user_of(principal("alice@R.TEST"), PASSWORD, &[AES256], NOW).unwrap());
    let settings = Settings { preauth: vec![REHEARSED], ..Settings::default() };
    Realm::new("R.TEST", Arc::new(directory), settings, Arc::new(OsRandom))
}

#[test]
fn what_the_settings_dont_name_is_neither_offered_nor_taken() {
    let realm = realm_with(&[REHEARSED]);
    let bytes = proven(&as_body(), &user_key(AES256), NOW);
    let error = ask(&realm, &bytes, NOW).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_REQUIRED);
    let types: Vec<_> = told(&error).iter().map(|(padata_type, _)| *padata_type).collect();
    assert_eq!(types, [PaDataType::FX_FAST, PaDataType::ETYPE_INFO2, REHEARSED, PaDataType::FX_COOKIE]);
    assert!(ask(&realm_with(&[PaDataType::ENC_TIMESTAMP]), &bytes, NOW).is_ok());
}
