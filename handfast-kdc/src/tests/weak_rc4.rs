//! Keys of rc4-hmac in the directory: as if they were not there, unless the settings name them.

use super::*;
use handfast::krb5::message::{EtypeInfo2, MethodData};

const RC4: Enctype = Enctype::RC4_HMAC;
const MIXED: [Enctype; 2] = [RC4, AES256];
const OLD: &[&str] = &["HTTP", "old"];
const WEB: &[&str] = &["HTTP", "web"];

/// alice and HTTP/web have a key of RC4 beside another, HTTP/old has no other; the realm would have RC4 session keys.
fn realm_of(weak_rc4: bool) -> Realm {
    let mut directory = directory();
    directory.insert(PrincipalEntry::user_of(principal("alice@R.TEST"), PASSWORD, &MIXED, NOW).unwrap());
    for (name, enctypes) in [("HTTP/web@R.TEST", &MIXED[..]), ("HTTP/old@R.TEST", &[RC4])] {
        directory.insert(PrincipalEntry::service_of(principal(name), enctypes, &OsRandom, NOW).unwrap());
    }
    assert!(
        directory.change(&principal("krbtgt/R.TEST@R.TEST"), |entry| entry.session_enctypes = Some(MIXED.to_vec()))
    );
    let settings = Settings { weak_rc4, session_enctypes: MIXED.to_vec(), ..Settings::default() };
    Realm::new("R.TEST", Arc::new(directory), settings, Arc::new(OsRandom))
}

fn as_body_of(etype: &[Enctype]) -> KdcReqBody<'static> {
    KdcReqBody { etype: etype.to_vec(), ..as_body() }
}

/// The enctypes that a client without a proof is told of.
fn told(realm: &Realm) -> Vec<Enctype> {
    let error = ask(realm, &request(KdcExchange::As, vec![], &as_body_of(&MIXED)), NOW).unwrap_err();
    let methods = MethodData::decode(error.e_data.unwrap()).unwrap();
    let info = methods.0.iter().find(|padata| padata.padata_type == PaDataType::ETYPE_INFO2).unwrap();
    EtypeInfo2::decode(info.padata_value).unwrap().0.iter().map(|entry| entry.etype).collect()
}

#[test]
fn by_default_a_client_has_no_such_key() {
    let realm = realm_of(false);
    assert_eq!(told(&realm), [AES256]);
    let rc4_alone = proven(&as_body_of(&[RC4]), &user_key(RC4), NOW);
    assert_eq!(refused(&realm, &rc4_alone, NOW), ErrorCode::KDC_ERR_ETYPE_NOSUPP);
    let timestamp = proven(&as_body_of(&MIXED), &user_key(RC4), NOW);
    assert_eq!(refused(&realm, &timestamp, NOW), ErrorCode::KDC_ERR_ETYPE_NOSUPP);
    let reply = ask(&realm, &proven(&as_body_of(&MIXED), &user_key(AES256), NOW), NOW).unwrap();
    assert_eq!(reply.enc_part.etype, AES256);
    assert_eq!(open(&realm, &reply, &user_key(AES256), KeyUsage::AS_REP_ENC_PART).session.enctype(), AES256);
}

#[test]
fn by_default_a_service_has_no_such_key_and_no_session_is_of_it() {
    let realm = realm_of(false);
    let tgt = tgt(&realm, |_| ());
    let ask_for = |name| TgsAsk::new(&tgt, name).with(|ask| ask.body.etype = MIXED.to_vec());
    let reply = ask(&realm, &ask_for(WEB).bytes(), NOW).unwrap();
    assert_eq!(reply.ticket.enc_part.etype, AES256);
    assert_eq!(ask_for(WEB).held(&realm).session.enctype(), AES256);
    // Nothing is left of a service that has no other key.
    assert_eq!(ask_for(OLD).refused(&realm), ErrorCode::KDC_ERR_ETYPE_NOSUPP);
    let subkey = Some(KeyRef { keytype: RC4, keyvalue: &[5; 16] });
    let with_subkey = ask_for(WEB).with(|ask| ask.authenticator.subkey = subkey);
    assert_eq!(with_subkey.refused(&realm), ErrorCode::KDC_ERR_ETYPE_NOSUPP);
}

#[test]
fn no_older_key_becomes_current_where_the_current_ones_are_not_permitted() {
    let realm = realm_of(false);
    let old = crate::LongTermKey::generate(1, AES256, &OsRandom).unwrap();
    let new = crate::LongTermKey::generate(2, RC4, &OsRandom).unwrap();
    let entry = PrincipalEntry::service(principal("HTTP/both@R.TEST"), &OsRandom, NOW).unwrap();
    let entry = Arc::new(PrincipalEntry { keys: vec![Arc::new(new), Arc::new(old)], ..entry });
    assert_eq!(entry.with_keys_of(|enctype| realm.settings.permits(enctype)).current_keys().count(), 0);
}

#[test]
fn by_name_it_is_used_like_any_other() {
    let realm = realm_of(true);
    assert_eq!(told(&realm), MIXED);
    let held = tgt(&realm, |body| body.etype = MIXED.to_vec());
    assert_eq!(held.session.enctype(), RC4);
    let subkey = Some(KeyRef { keytype: RC4, keyvalue: &[5; 16] });
    let ask_for = |name| TgsAsk::new(&held, name).with(|ask| ask.body.etype = MIXED.to_vec());
    let old = ask_for(OLD).with(|ask| ask.authenticator.subkey = subkey);
    assert_eq!(ask(&realm, &old.bytes(), NOW).unwrap().ticket.enc_part.etype, RC4);
    assert_eq!(old.held(&realm).session.enctype(), RC4);
    // A service with a key of RC4 alone takes a better session key if its entry says so.
    let mut directory = directory();
    let entry = PrincipalEntry::service_of(principal("HTTP/old@R.TEST"), &[RC4], &OsRandom, NOW).unwrap();
    directory.insert(PrincipalEntry { session_enctypes: Some(vec![AES256]), ..entry });
    let settings = Settings { weak_rc4: true, ..Settings::default() };
    let realm = Realm::new("R.TEST", Arc::new(directory), settings, Arc::new(OsRandom));
    let ask_for = TgsAsk::new(&super::tgt(&realm, |_| ()), OLD);
    assert_eq!(ask(&realm, &ask_for.bytes(), NOW).unwrap().ticket.enc_part.etype, RC4);
    assert_eq!(ask_for.held(&realm).session.enctype(), AES256);
}
