//! An expired password, and the question for a new one.

use super::scripted_kdc::refusal;
use super::*;
use crate::crypto::Secret;
use crate::krb5::enctype::string_to_key;
use crate::krb5::message::ErrorCode;
use crate::question::{Answer, Question};
use alloc::string::{String, ToString};

const EXPIRED: ErrorCode = ErrorCode::KDC_ERR_KEY_EXPIRED;

fn login() -> Login {
    let options = TicketOptions { enctypes: vec![Enctype(18)], ..TicketOptions::default() };
    Login::new(alice(), ClientSecret::Password(Secret::new(b"old".to_vec())), options, random())
}

fn key_of(password: &[u8]) -> EncryptionKey {
    string_to_key(Enctype(18), password, b"EXAMPLE.COMalice", None).unwrap()
}

fn needs_kdc(step: Result<ExchangeStep<Login>, ExchangeError>) -> (Login, KdcRequest) {
    match step {
        Ok(ExchangeStep::NeedsKdc(login, request)) => (login, request),
        other => panic!("{other:?}"),
    }
}

fn service(request: &KdcRequest) -> Vec<String> {
    decode(request).req_body.sname.as_ref().unwrap().name_string.iter().map(ToString::to_string).collect()
}

/// A login that waits for a new password.
fn asking() -> Login {
    let (login, _) = needs_kdc(login().asking_for_new_password().begin(NOW));
    let (login, request) = needs_kdc(login.reply(&refusal(EXPIRED, None, None), NOW));
    assert_eq!(service(&request), ["kadmin", "changepw"]);
    let reply = Reply::to_login(&request.bytes, &key_of(b"old")).to_bytes();
    match login.reply(&reply, NOW) {
        Ok(ExchangeStep::NeedsAnswer(login, question)) => {
            assert_eq!(question, Question::NewPassword { client: alice() });
            login
        }
        other => panic!("{other:?}"),
    }
}

fn is_expired(result: Result<ExchangeStep<Login>, ExchangeError>) {
    match result {
        Err(ExchangeError::Refused(refusal)) => {
            assert_eq!((refusal.code, refusal.service), (EXPIRED, principal("krbtgt/EXAMPLE.COM")));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_password_is_asked_for_with_a_ticket_to_change_it() {
    let waiting = asking();
    assert_eq!(waiting.password_ticket().unwrap().server, principal("kadmin/changepw"));
    let (login, request) = needs_kdc(waiting.answer(Answer::NewPassword(Secret::new(b"new".to_vec())), NOW));
    assert_eq!(service(&request), ["krbtgt", "EXAMPLE.COM"]);
    assert!(login.password_ticket().is_none());
    let reply = Reply::to_login(&request.bytes, &key_of(b"new")).to_bytes();
    assert!(matches!(login.reply(&reply, NOW), Ok(ExchangeStep::Complete(_))));
}

#[test]
fn a_password_that_is_said_to_be_expired_again_is_not_asked_for_twice() {
    let (login, _) = needs_kdc(asking().answer(Answer::NewPassword(Secret::new(b"new".to_vec())), NOW));
    is_expired(login.reply(&refusal(EXPIRED, None, None), NOW));
}

#[test]
fn without_a_new_password_the_old_one_has_expired() {
    is_expired(asking().decline(NOW));
    let other = asking().answer(Answer::Custom(Secret::new(vec![])), NOW);
    assert!(matches!(other, Err(ExchangeError::ApiMisuse(_))), "{other:?}");
    // A driver that can't change it, or a key instead of a password.
    is_expired(needs_kdc(login().begin(NOW)).0.reply(&refusal(EXPIRED, None, None), NOW));
    let key = key_login(TicketOptions::default()).asking_for_new_password();
    is_expired(needs_kdc(key.begin(NOW)).0.reply(&refusal(EXPIRED, None, None), NOW));
}

#[test]
fn a_realm_without_a_password_service_says_that_the_password_has_expired() {
    let at_service = |code| {
        let (login, _) = needs_kdc(login().asking_for_new_password().begin(NOW));
        let (login, _) = needs_kdc(login.reply(&refusal(EXPIRED, None, None), NOW));
        login.reply(&refusal(code, None, None), NOW)
    };
    is_expired(at_service(ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN));
    is_expired(at_service(EXPIRED));
    let wrong = at_service(ErrorCode::KDC_ERR_PREAUTH_FAILED);
    let Err(ExchangeError::Refused(refusal)) = wrong else { panic!("{wrong:?}") };
    assert_eq!(refusal.code, ErrorCode::KDC_ERR_PREAUTH_FAILED);
}
