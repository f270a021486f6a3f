//! Authorization data at the acceptor: what restricts and is not understood refuses, what grants is proven or not shown.

use super::pair::*;
use handfast::krb5::enctype::{ChecksumKey, EncryptionKey, Enctype, KeyUsage};
use handfast::krb5::message::*;
use handfast::krb5::pac::*;
use handfast::krb5::{AuthorizationDataElement, KeytabEntry};
use handfast::*;

const AES256: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;

fn domain() -> Sid {
    "S-1-5-21-1-2-3".parse().unwrap()
}

fn der(elements: &[(AdType, &[u8])]) -> Vec<u8> {
    AuthorizationData(elements.iter().map(|(ad_type, ad_data)| AdElement { ad_type: *ad_type, ad_data }).collect())
        .to_der()
}

fn kdc_key() -> EncryptionKey {
    EncryptionKey::new(AES256, [0x77; 32]).unwrap()
}

fn signature_key(key: &EncryptionKey) -> SignatureKey {
    SignatureKey::new(key).unwrap()
}

/// Puts a PAC of `client` into the pair's ticket, signed with these keys.
fn put_pac(pair: &mut Pair, client: &str, server: &EncryptionKey, kdc: &EncryptionKey) {
    pair.authorization_data = vec![(AdType::IF_RELEVANT, with_pac(b""))];
    let part = pair.ticket_part();
    let mut builder = PacBuilder::new();
    let logon = LogonInfo {
        groups: vec![GroupMembership { rid: Rid(513), attributes: GroupAttributes::MEMBER }],
        ..LogonInfo::of_user(domain(), Rid(1103), client)
    };
    builder.logon_info(&logon).unwrap();
    let name = PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec![client] };
    builder.client_info(&ClientInfo::of_ticket(&name, part.authtime)).unwrap();
    let signed = ticket_to_sign(&part).unwrap();
    let pac = builder.sign_for_service(&signature_key(server), &signature_key(kdc), &signed).unwrap();
    pair.authorization_data = vec![(AdType::IF_RELEVANT, with_pac(&pac))];
}

fn pair_with_pac() -> Pair {
    let mut pair = Pair::new(AES256);
    let server = pair.service_key.clone();
    put_pac(&mut pair, "alice", &server, &kdc_key());
    pair
}

fn krbtgt(key: EncryptionKey) -> KeytabEntry {
    KeytabEntry { principal: "krbtgt/EXAMPLE.COM@EXAMPLE.COM".parse().unwrap(), timestamp: now(), kvno: 1, key }
}

#[test]
fn sids_are_shown_beside_the_name_that_the_ticket_has() {
    let (_, server) = pair_with_pac().contexts();
    let authorization = server.authorization().unwrap();
    assert_eq!(server.peer().to_string(), "alice@EXAMPLE.COM");
    assert_eq!(authorization.user_sid(), Some(domain().with(Rid(1103))));
    assert!(authorization.pac().unwrap().grants(domain().with(Rid(513))));
    assert!(!authorization.pac().unwrap().grants(domain().with(Rid(512))));
    assert!(!authorization.pac_signed_by_kdc(), "there was no key for that");
}

#[test]
fn an_initiator_and_a_client_without_a_pac_have_none() {
    let (client, server) = Pair::new(AES256).contexts();
    assert!(client.authorization().is_none());
    assert_eq!(server.authorization(), Some(&handfast::krb5::Authorization::default()));
}

#[test]
fn a_pac_is_ignored_checked_or_required_as_the_policy_says() {
    let refusal = |mut pair: Pair, pac| {
        pair.server_policy = Policy::default().with_pac(pac);
        let acceptor = pair.acceptor();
        let (_, token) = pair.begin(None);
        match accept(&acceptor, &token, now()).0 {
            Ok(context) => Ok(context.authorization().unwrap().pac().is_some()),
            Err(Error::Refused(refusal)) => Err(*refusal),
            Err(other) => panic!("{other}"),
        }
    };
    let forged = || {
        let mut pair = Pair::new(AES256);
        put_pac(&mut pair, "alice", &kdc_key(), &kdc_key());
        pair
    };
    let wrong = Err(Refusal::Pac(PacError::WrongSignature(PacBufferType::SERVER_SIGNATURE)));
    assert_eq!(refusal(Pair::new(AES256), PacPolicy::Ignore), Ok(false));
    assert_eq!(refusal(Pair::new(AES256), PacPolicy::IfPresent), Ok(false));
    assert_eq!(refusal(Pair::new(AES256), PacPolicy::Require), Err(Refusal::PacMissing));
    assert_eq!(refusal(pair_with_pac(), PacPolicy::Ignore), Ok(false));
    assert_eq!(refusal(pair_with_pac(), PacPolicy::IfPresent), Ok(true));
    assert_eq!(refusal(pair_with_pac(), PacPolicy::Require), Ok(true));
    assert_eq!(refusal(forged(), PacPolicy::Ignore), Ok(false));
    assert_eq!(refusal(forged(), PacPolicy::IfPresent), wrong);
    assert_eq!(refusal(forged(), PacPolicy::Require), wrong);
}

#[test]
fn a_pac_of_another_client_is_refused() {
    let mut pair = Pair::new(AES256);
    let server = pair.service_key.clone();
    put_pac(&mut pair, "administrator", &server, &kdc_key());
    assert_eq!(pair.refusal(), Refusal::Pac(PacError::OtherClient));
}

#[test]
fn a_pac_that_does_not_decode_or_comes_twice_is_refused() {
    let mut pair = Pair::new(AES256);
    pair.authorization_data = vec![(AdType::IF_RELEVANT, with_pac(b"no PAC at all"))];
    assert!(matches!(pair.refusal(), Refusal::Pac(PacError::Decode(_))));
    let mut pair = pair_with_pac();
    let again = pair.authorization_data[0].clone();
    pair.authorization_data.push(again);
    assert_eq!(pair.refusal(), Refusal::Pac(PacError::Two));
}

#[test]
fn who_has_the_key_of_krbtgt_checks_the_signatures_of_the_kdc() {
    let mut pair = pair_with_pac();
    pair.more_keys = vec![krbtgt(EncryptionKey::new(AES256, [1; 32]).unwrap()), krbtgt(kdc_key())];
    let (_, server) = pair.contexts();
    assert!(server.authorization().unwrap().pac_signed_by_kdc(), "with the second of the keys");

    // A service signed it by itself.
    let mut pair = Pair::new(AES256);
    let own = pair.service_key.clone();
    put_pac(&mut pair, "alice", &own, &own);
    pair.more_keys = vec![krbtgt(kdc_key())];
    assert_eq!(pair.refusal(), Refusal::Pac(PacError::WrongSignature(PacBufferType::KDC_SIGNATURE)));

    // It changed the ticket: "bronze bit" (CVE-2020-17049).
    let mut pair = pair_with_pac();
    pair.flags = TicketFlags::FORWARDABLE;
    pair.more_keys = vec![krbtgt(kdc_key())];
    assert_eq!(pair.refusal(), Refusal::Pac(PacError::WrongSignature(PacBufferType::TICKET_SIGNATURE)));

    // The key of another realm's trust is not the KDC's.
    let mut pair = pair_with_pac();
    let trust = "krbtgt/OTHER.ORG@EXAMPLE.COM".parse().unwrap();
    pair.more_keys = vec![KeytabEntry { principal: trust, ..krbtgt(EncryptionKey::new(AES256, [9; 32]).unwrap()) }];
    assert!(!pair.contexts().1.authorization().unwrap().pac_signed_by_kdc());
}

/// An AD-CAMMAC around `elements`, whose verifier is made with `key`.
fn cammac(elements: &[(AdType, &[u8])], key: Option<&EncryptionKey>) -> Vec<u8> {
    let elements = der(elements);
    let mac = key.map(|key| ChecksumKey::new(key, KeyUsage::CAMMAC_VERIFIER).unwrap());
    let octets = mac.as_ref().map(|mac| mac.checksum(&[&elements]));
    let verifier = mac.as_ref().zip(octets.as_ref()).map(|(mac, octets)| VerifierMac {
        identifier: None,
        kvno: None,
        enctype: None,
        mac: Checksum { cksumtype: mac.checksum_type(), checksum: octets },
    });
    let elements = Encoded::<AuthorizationData<'_>>::decode(&elements).unwrap();
    AdCammac { elements, kdc_verifier: None, svc_verifier: verifier, other_verifiers: Vec::new() }.to_der()
}

fn indicators_of(element: (AdType, Vec<u8>)) -> (Vec<String>, Vec<AuthorizationDataElement>) {
    let mut pair = Pair::new(AES256);
    pair.authorization_data = vec![element];
    let (_, server) = pair.contexts();
    let authorization = server.authorization().unwrap();
    (authorization.indicators().to_vec(), authorization.elements().to_vec())
}

#[test]
fn indicators_count_inside_a_cammac_whose_verifier_holds() {
    let pair = Pair::new(AES256);
    let indicator = AuthenticationIndicators(vec!["hardened", "otp"]).to_der();
    let inner = [(AdType::AUTHENTICATION_INDICATOR, indicator.as_slice()), (AdType(999), b"more")];
    let more = vec![AuthorizationDataElement { ad_type: 999, ad_data: b"more".to_vec() }];
    let relevant = |bytes: &[u8]| (AdType::IF_RELEVANT, der(&[(AdType::CAMMAC, bytes)]));
    let good = cammac(&inner, Some(&pair.service_key));
    assert_eq!(indicators_of(relevant(&good)), (vec!["hardened".into(), "otp".into()], more.clone()));
    assert_eq!(indicators_of((AdType::CAMMAC, good.clone())).0, ["hardened", "otp"], "outside of AD-IF-RELEVANT");
    // By the client itself, by nobody, and without a CAMMAC.
    assert_eq!(indicators_of(relevant(&cammac(&inner, Some(&pair.session_key)))), Default::default());
    assert_eq!(indicators_of(relevant(&cammac(&inner, None))), Default::default());
    assert_eq!(indicators_of(relevant(b"nonsense")), Default::default());
    assert_eq!(indicators_of((AdType::IF_RELEVANT, der(&inner))), Default::default());
    // Every bit of it counts.
    for at in 0..good.len() * 8 {
        let mut flipped = good.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert_eq!(indicators_of(relevant(&flipped)), Default::default(), "bit {at}");
    }
}

#[test]
fn kdc_issued_elements_count_if_their_checksum_holds() {
    let pair = Pair::new(AES256);
    let issued = |key: &EncryptionKey, elements: &[(AdType, &[u8])]| {
        let elements = der(elements);
        let mac = ChecksumKey::new(key, KeyUsage::AD_KDC_ISSUED_CHECKSUM).unwrap();
        let octets = mac.checksum(&[&elements]);
        let ad_checksum = Checksum { cksumtype: mac.checksum_type(), checksum: &octets };
        let elements = Encoded::<AuthorizationData<'_>>::decode(&elements).unwrap();
        (AdType::KDC_ISSUED, AdKdcIssued { ad_checksum, i_realm: None, i_sname: None, elements }.to_der())
    };
    let indicator = AuthenticationIndicators(vec!["otp"]).to_der();
    let inner = [(AdType(999), b"attribute".as_slice()), (AdType::AUTHENTICATION_INDICATOR, &indicator)];
    let (indicators, elements) = indicators_of(issued(&pair.session_key, &inner));
    assert_eq!(elements, [AuthorizationDataElement { ad_type: 999, ad_data: b"attribute".to_vec() }]);
    assert_eq!(indicators, [""; 0], "RFC 8129 5: inside AD-CAMMAC alone");
    assert_eq!(indicators_of(issued(&pair.service_key, &inner)), Default::default());
}

#[test]
fn what_restricts_and_is_not_understood_refuses() {
    let refusal = |ad_type, bytes: &[u8], policy: Policy| {
        let mut pair = Pair::new(AES256);
        pair.server_policy = policy;
        pair.authorization_data = vec![(ad_type, bytes.to_vec())];
        let acceptor = pair.acceptor();
        let (_, token) = pair.begin(None);
        accept(&acceptor, &token, now()).0.err()
    };
    let critical = |number| Some(Error::Refused(Box::new(Refusal::CriticalAuthorizationData(number))));
    let default = Policy::default;
    assert_eq!(refusal(AdType(4711), b"", default()), critical(4711));
    assert_eq!(refusal(AdType(4711), b"", default().with_understood_authorization_data([AdType(4711)])), None);
    assert_eq!(refusal(AdType::WIN2K_PAC, b"", default()), critical(128), "a PAC stands in AD-IF-RELEVANT");
    assert_eq!(refusal(AdType::AND_OR, b"", default()), critical(5));
    assert_eq!(refusal(AdType::IF_RELEVANT, &der(&[(AdType::AND_OR, b"")]), default()), critical(5), "5.2.6.3");
    assert_eq!(refusal(AdType::IF_RELEVANT, &der(&[(AdType(4711), b"")]), default()), None);
    assert_eq!(refusal(AdType::MANDATORY_FOR_KDC, b"", default()), None);
    assert!(matches!(refusal(AdType::IF_RELEVANT, b"\x30", default()), Some(Error::Decode(_))));
}

#[test]
fn containers_in_containers_have_a_limit() {
    let nested = |depth: usize| {
        let mut bytes = der(&[]);
        (1..depth).for_each(|_| bytes = der(&[(AdType::IF_RELEVANT, &bytes)]));
        let mut pair = Pair::new(AES256);
        pair.authorization_data = vec![(AdType::IF_RELEVANT, bytes)];
        let acceptor = pair.acceptor();
        let (_, token) = pair.begin(None);
        accept(&acceptor, &token, now()).0.is_ok()
    };
    assert!(nested(AD_DEPTH_LIMIT));
    assert!(!nested(AD_DEPTH_LIMIT + 1));
}

#[test]
fn an_alias_is_a_name_that_the_policy_says_under_a_key_of_the_keytab() {
    let alias: Principal = "http/WWW@EXAMPLE.COM".parse().unwrap();
    let mut pair = Pair::new(AES256);
    pair.service = alias.clone();
    assert!(matches!(pair.refusal(), Refusal::UnknownService { .. }), "not by itself");

    let with = |aliases: &[Principal], change: &dyn Fn(&mut Pair)| {
        let mut pair = Pair::new(AES256);
        pair.service = alias.clone();
        pair.server_policy = Policy::default().with_aliases(aliases.to_vec());
        change(&mut pair);
        let acceptor = pair.acceptor();
        let (_, token) = pair.begin(None);
        accept(&acceptor, &token, now()).0.map(|context| context.local().to_string())
    };
    assert_eq!(with(std::slice::from_ref(&alias), &|_| ()).unwrap(), "http/WWW@EXAMPLE.COM");
    // The key of another entry, of the same version.
    let host = |pair: &mut Pair| pair.service_key = EncryptionKey::new(AES256, [8; 32]).unwrap();
    assert_eq!(with(std::slice::from_ref(&alias), &host).unwrap(), "http/WWW@EXAMPLE.COM");
    let refusal = |result: Result<String, Error>| match result {
        Err(Error::Refused(refusal)) => *refusal,
        other => panic!("{other:?}"),
    };
    let stranger = |pair: &mut Pair| pair.service_key = EncryptionKey::new(AES256, [66; 32]).unwrap();
    assert!(matches!(refusal(with(std::slice::from_ref(&alias), &stranger)), Refusal::TicketNotDecryptable { .. }));
    let other: Principal = "http/WWW@OTHER.ORG".parse().unwrap();
    assert!(matches!(refusal(with(&[other], &|_| ())), Refusal::UnknownService { .. }));
    assert!(matches!(
        refusal(with(std::slice::from_ref(&alias), &|pair| pair.kvno = 9)),
        Refusal::UnknownService { .. }
    ));
    // A name that the keytab has is under that name's key and no other, alias or not.
    let host: Principal = "host/www.example.com@EXAMPLE.COM".parse().unwrap();
    let result = with(std::slice::from_ref(&host), &|pair| pair.service = host.clone());
    assert!(matches!(refusal(result), Refusal::TicketNotDecryptable { .. }));
}

#[test]
fn a_context_that_moves_takes_it_along() {
    let mut pair = pair_with_pac();
    let indicator = AuthenticationIndicators(vec!["otp"]).to_der();
    let inner = [(AdType::AUTHENTICATION_INDICATOR, indicator.as_slice()), (AdType(-5), b"more")];
    let cammac = cammac(&inner, Some(&pair.service_key));
    pair.authorization_data.push((AdType::CAMMAC, cammac));
    let (_, server) = pair.contexts();
    let before = server.authorization().unwrap().clone();
    assert_eq!((before.indicators().len(), before.elements().len(), before.pac().is_some()), (1, 1, true));
    let exported = server.export();
    let after = Context::import(exported.expose()).unwrap();
    assert_eq!(after.authorization(), Some(&before));
}
