use super::*;
use crate::{Directory, DirectoryError, Outcome, REQUEST_LIMIT};
use handfast::crypto::{Random, RandomError};

#[test]
fn what_is_no_request_gets_no_reply() {
    let realm = realm();
    let valid = proven(&as_body(), &user_key(AES256), NOW);
    let error = ask(&realm, &request(KdcExchange::As, vec![], &as_body()), NOW).unwrap_err().to_der();
    for bytes in [&b""[..], b"GET / HTTP/1.0\r\n\r\n", &error, &[valid.as_slice(), &[0]].concat()] {
        let answer = answer(&realm, bytes, NOW);
        assert_eq!(answer.reply, None);
        assert!(matches!(answer.event.outcome, Outcome::Ignored { .. }), "{}", answer.event);
    }
    for length in 0..valid.len() {
        assert_eq!(answer(&realm, &valid[..length], NOW).reply, None);
    }
    let long = vec![0x6a; REQUEST_LIMIT + 1];
    assert!(answer(&realm, &long, NOW).event.to_string().contains("over the limit of 65536"));
}

/// No flipped bit makes it panic. With required pre-authentication a changed AS request may still get a ticket, since
/// nothing protects its body; a changed TGS request only if the change is in what nothing covers.
#[test]
fn changed_requests_end_in_silence_in_errors_or_in_the_same_clients_ticket() {
    let realm = realm();
    let tgt = tgt(&realm, |_| ());
    let whole = TgsAsk::new(&tgt, &["HTTP", "web"]).bytes();
    for valid in [proven(&as_body(), &user_key(AES256), NOW), whole.clone()] {
        for bit in 0..valid.len() * 8 {
            let mut changed = valid.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let answer = answer(&realm, &changed, NOW);
            let Some(reply) = answer.reply else { continue };
            match KdcRep::decode(&reply) {
                Ok(reply) => assert_eq!((reply.crealm, &reply.cname.name_string[..]), ("R.TEST", &["alice"][..])),
                Err(_) => drop(KrbError::decode(&reply).unwrap()),
            }
        }
    }
    // The body of a TGS request is covered to the last bit.
    let body = TgsAsk::new(&tgt, &["HTTP", "web"]).body.to_der();
    let start = whole.len() - body.len();
    for bit in start * 8..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let answer = answer(&realm, &changed, NOW);
        assert!(!matches!(answer.event.outcome, Outcome::Issued { .. }), "bit {bit}");
    }
}

#[test]
fn events_are_one_line_whatever_the_client_writes() {
    let cname = PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["mallory\x1b[2J\r\nissued"] };
    let body = KdcReqBody { cname: Some(cname), ..as_body() };
    let event = answer(&realm(), &request(KdcExchange::As, vec![], &body), NOW).event;
    assert_eq!(
        event.to_string(),
        "AS-REQ from an unknown peer by UDP: refused with KDC_ERR_C_PRINCIPAL_UNKNOWN (6): the directory has no such \
         client; mallory\\u{1b}[2J\\u{d}\\nissued@R.TEST for krbtgt/R.TEST@R.TEST, enctypes 18"
    );
}

#[test]
fn events_tell_what_was_issued() {
    let bytes = proven(&as_body(), &user_key(AES256), NOW);
    let peer = Some("10.0.0.1".parse().unwrap());
    let event = realm().handle(&Request { bytes: &bytes, transport: Transport::Tcp, peer }, NOW).event;
    assert_eq!(
        event.to_string(),
        "AS-REQ from 10.0.0.1 by TCP: issued, reply 18, ticket 18, session 18, flags 0x00610000, authenticated \
         2023-11-14T22:13:20Z, ends 2023-11-15T22:13:20Z; alice@R.TEST for krbtgt/R.TEST@R.TEST, enctypes 18"
    );
}

struct Broken;

impl Directory for Broken {
    fn find(&self, _: &Principal) -> Result<Option<Arc<PrincipalEntry>>, DirectoryError> {
        Err(DirectoryError::new("gone fishing"))
    }
}

impl Random for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

#[test]
fn a_directory_or_randomness_that_fails_gives_no_ticket() {
    let bytes = proven(&as_body(), &user_key(AES256), NOW);
    let realm = Realm::new("R.TEST", Arc::new(Broken), Settings::default(), Arc::new(OsRandom));
    let answer = super::answer(&realm, &bytes, NOW);
    let reply = answer.reply.unwrap();
    assert_eq!(KrbError::decode(&reply).unwrap().error_code, ErrorCode::KDC_ERR_SVC_UNAVAILABLE);
    assert!(answer.event.to_string().contains("gone fishing"));
    assert!(!reply.windows(4).any(|window| window == b"gone"));

    let realm = Realm::new("R.TEST", Arc::new(directory()), Settings::default(), Arc::new(Broken));
    assert_eq!(refused(&realm, &bytes, NOW), ErrorCode::KRB_ERR_GENERIC);
}

#[test]
fn a_realm_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Realm>();
}

#[cfg(feature = "std")]
#[test]
fn a_directory_behind_a_lock_is_edited_while_it_is_served() {
    let directory = Arc::new(std::sync::RwLock::new(directory()));
    let realm = Realm::new("R.TEST", directory.clone(), Settings::default(), Arc::new(OsRandom));
    let bytes = proven(&as_body(), &user_key(AES256), NOW);
    assert!(ask(&realm, &bytes, NOW).is_ok());
    directory.write().unwrap().remove(&principal("alice@R.TEST"));
    assert_eq!(refused(&realm, &bytes, NOW), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
}

/// What RFC 4120 lets a request leave out, though there is nothing to answer without it.
#[test]
fn cve_2021_3671_requests_that_name_no_service_are_refused() {
    let realm = realm();
    let tgt = tgt(&realm, |_| ());
    let unnamed = |options, padata: Option<PaDataType>| {
        TgsAsk::new(&tgt, &["HTTP", "web"]).with(|ask| {
            (ask.body.sname, ask.body.kdc_options) = (None, options);
            ask.body.additional_tickets = vec![Encoded::<Ticket<'_>>::decode(tgt.der).unwrap()];
            ask.padata = padata.map(|padata_type| PaData { padata_type, padata_value: &[] }).into_iter().collect();
        })
    };
    for options in [KdcOptions::NONE, KdcOptions::CANONICALIZE, KdcOptions::CNAME_IN_ADDL_TKT] {
        assert_eq!(unnamed(options, None).refused(&realm), ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, "{options:?}");
    }
    assert_eq!(unnamed(KdcOptions::ENC_TKT_IN_SKEY, None).refused(&realm), ErrorCode::KDC_ERR_SERVER_NOMATCH);
    assert_eq!(unnamed(KdcOptions::RENEW, None).refused(&realm), ErrorCode::KDC_ERR_SERVER_NOMATCH);
    for named in [PaDataType::FOR_USER, PaDataType::S4U_X509_USER] {
        let code = unnamed(KdcOptions::NONE, Some(named)).refused(&realm);
        assert_eq!(code, ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, "{named:?}");
    }
}
