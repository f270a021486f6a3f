use super::scripted_kdc::{methods, refusal, wants_proof};
use super::*;
use crate::krb5::exchange::{ClientProof, KdcRefusal};
use crate::krb5::message::{ErrorCode, KrbError};
use alloc::string::{String, ToString};

fn login() -> Login {
    key_login(TicketOptions::default())
}

fn web_request() -> TicketRequest {
    TicketRequest::new(&tgt(), principal("HTTP/www.example.com"), TicketOptions::default(), random())
}

fn refused(result: Result<HeldTicket, ExchangeError>) -> KdcRefusal {
    match result {
        Err(ExchangeError::Refused(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

/// A refusal of the first request.
fn at_once(exchange: impl Exchange, code: ErrorCode) -> String {
    refused(exchange.run(|_| refusal(code, None, None))).to_string()
}

#[test]
fn a_refusal_keeps_the_values() {
    let told = refused(web_request().run(|_| refusal(ErrorCode(7), Some("LOOKING_UP_SERVER"), None)));
    let expected = KdcRefusal {
        code: ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN,
        realm: REALM.to_string(),
        client: alice(),
        service: principal("HTTP/www.example.com"),
        offered: [20, 19, 18, 17, 26, 25].map(Enctype).to_vec(),
        proof: None,
        tried: vec![],
        takes: vec![],
        trusted_certifiers: vec![],
        invalid_certificates: vec![],
        text: Some("LOOKING_UP_SERVER".to_string()),
        clock_difference: 7,
    };
    assert_eq!(told, expected);
    assert_eq!(
        told.to_string(),
        "the KDC of EXAMPLE.COM does not know the service HTTP/www.example.com@EXAMPLE.COM: check the host's name, or \
         add the service to the realm (the KDC's words: LOOKING_UP_SERVER)"
    );
}

#[test]
fn clocks_far_apart_are_told_whatever_the_code() {
    let told = refused(login().run(|_| refusal(ErrorCode::KDC_ERR_NEVER_VALID, None, None)));
    assert!(!told.to_string().contains("clock"), "{told}");
    let told = KdcRefusal { clock_difference: 86_400, ..told };
    assert!(told.to_string().ends_with("; the KDC's clock is 86400 s ahead of ours"), "{told}");
}

#[test]
fn a_refusal_says_what_to_do_next() {
    let says = |text: String, parts: &[&str]| {
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    };
    says(at_once(login(), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN), &["know alice@EXAMPLE.COM", "check the name"]);
    says(at_once(login(), ErrorCode::KDC_ERR_ETYPE_NOSUPP), &["offered: aes128-cts-hmac-sha1-96, aes256"]);
    says(at_once(login(), ErrorCode::KDC_ERR_KEY_EXPIRED), &["password of alice@EXAMPLE.COM has expired", "change it"]);
    says(at_once(login(), ErrorCode::KDC_ERR_CLIENT_REVOKED), &["disabled or locked", "administrator"]);
    says(at_once(login(), ErrorCode::KRB_AP_ERR_SKEW), &["7 s ahead of ours", "set the clocks"]);
    says(at_once(login(), ErrorCode::KDC_ERR_PREAUTH_FAILED), &["refuses alice@EXAMPLE.COM", "KDC_ERR_PREAUTH_FAILED"]);
    says(at_once(web_request(), ErrorCode::KRB_AP_ERR_TKT_EXPIRED), &["has expired", "log in again"]);
    says(at_once(web_request(), ErrorCode::KDC_ERR_POLICY), &["HTTP/www.example.com", "KDC_ERR_POLICY (12)"]);
    says(at_once(web_request(), ErrorCode(-5)), &["no ticket for HTTP/www.example.com", "error code -5"]);
}

#[test]
fn a_refused_proof_points_to_password_or_key() {
    let after_proof = |login: Login| {
        let mut first = true;
        refused(login.run(|_| {
            if core::mem::take(&mut first) {
                wants_proof(&methods(&[(17, None, None)]))
            } else {
                refusal(ErrorCode::KDC_ERR_PREAUTH_FAILED, None, None)
            }
        }))
    };
    let with_key = after_proof(login());
    assert_eq!(with_key.proof, Some(ClientProof::Key(Enctype(17))));
    assert!(with_key.to_string().contains("(aes128-cts-hmac-sha1-96): most likely the key"), "{with_key}");
    let password = ClientSecret::Password(crate::crypto::Secret::new(b"wrong".to_vec()));
    let with_password = after_proof(Login::new(alice(), password, TicketOptions::default(), random()));
    assert_eq!(with_password.proof, Some(ClientProof::Password(Enctype(17))));
    assert!(with_password.to_string().contains("most likely the password is wrong"), "{with_password}");
}

#[test]
fn a_text_is_cut_and_cant_steer_a_terminal() {
    let long = "x".repeat(300);
    let told = refused(login().run(|_| refusal(ErrorCode(60), Some(&long), None)));
    assert_eq!(told.text.unwrap().len(), 256);
    let told = refused(login().run(|_| refusal(ErrorCode(60), Some("a\x1b[2Jb"), None)));
    assert!(told.to_string().ends_with("(the KDC's words: a\\u{1b}[2Jb)"), "{told}");
    assert_eq!(refused(login().run(|_| refusal(ErrorCode(60), Some(""), None))).text, None);
}

#[test]
fn a_reply_too_big_for_udp_is_fetched_over_tcp() {
    let too_big = || refusal(ErrorCode::KRB_ERR_RESPONSE_TOO_BIG, None, None);
    let mut asked = Vec::new();
    let ticket = login().run(|request| {
        asked.push(request.clone());
        if request.tcp_required { Reply::to_login(&request.bytes, &client_key()).to_bytes() } else { too_big() }
    });
    assert!(ticket.is_ok());
    assert_eq!(asked[0].bytes, asked[1].bytes, "the same request");
    let tgt = tgt();
    let request = TicketRequest::new(&tgt, principal("HTTP/www.example.com"), TicketOptions::default(), random());
    let ticket = request.run(|request| {
        let reply = || Reply::to_ticket_request(&request.bytes, &tgt.key).to_bytes();
        if request.tcp_required { reply() } else { too_big() }
    });
    assert!(ticket.is_ok());
    // Nobody says so over TCP, and means it.
    assert_eq!(refused(login().run(|_| too_big())).code, ErrorCode::KRB_ERR_RESPONSE_TOO_BIG);
    assert_eq!(refused(web_request().run(|_| too_big())).code, ErrorCode::KRB_ERR_RESPONSE_TOO_BIG);
}

#[test]
fn tcp_stays_tcp_and_a_second_proof_is_not_tried() {
    let mut rounds = 0;
    let told = refused(login().run(|request| {
        rounds += 1;
        assert_eq!(request.tcp_required, rounds > 1);
        if rounds == 1 {
            return refusal(ErrorCode::KRB_ERR_RESPONSE_TOO_BIG, None, None);
        }
        wants_proof(&methods(&[(17, None, None)]))
    }));
    assert_eq!((told.code, rounds), (ErrorCode::KDC_ERR_PREAUTH_REQUIRED, 3));
}

#[test]
fn another_realm_named_in_a_refusal_is_a_referral() {
    let mut error = refusal(ErrorCode::KDC_ERR_WRONG_REALM, None, None);
    let with_realm = KrbError { crealm: Some("OTHER.ORG"), ..KrbError::decode(&error).unwrap() }.to_der();
    error.clone_from(&with_realm);
    let expected = ExchangeError::Referral { name: alice(), realm: "OTHER.ORG".to_string() };
    assert_eq!(login().run(|_| error.clone()), Err(expected));
}

#[test]
fn a_realm_that_anybody_may_have_written_is_shown_escaped() {
    let error = ExchangeError::Referral { name: alice(), realm: "\u{1b}[2J".to_string() };
    assert!(error.to_string().contains("the realm \\u{1b}[2J for"), "{error}");
}

#[test]
fn no_refusal_cut_or_changed_gives_a_ticket() {
    let good = wants_proof(&methods(&[(17, Some("salt"), Some(4096))]));
    for end in 0..good.len() {
        let result = login().run(|_| good[..end].to_vec());
        assert!(matches!(result, Err(ExchangeError::Decode(_))), "cut at {end}: {result:?}");
    }
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert!(login().run(|_| changed.clone()).is_err(), "changed at {at}");
    }
}
