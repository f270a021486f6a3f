//! Conversations of several rounds, with a method that does what the KDC says.

use super::scripted_kdc::{Padata, hints, method_data, refusal};
use super::*;
use crate::crypto::Secret;
use crate::krb5::enctype::Enctype;
use crate::krb5::exchange::{ClientProof, KdcRefusal, LOGIN_REQUEST_LIMIT, PREAUTH};
use crate::krb5::message::{ErrorCode, PaDataType};
use crate::krb5::preauth::REHEARSED;
use crate::question::{Answer, Question};
use alloc::string::ToString;

const REQUIRED: ErrorCode = ErrorCode::KDC_ERR_PREAUTH_REQUIRED;
const MORE: ErrorCode = ErrorCode::KDC_ERR_MORE_PREAUTH_DATA_REQUIRED;
const FAILED: ErrorCode = ErrorCode::KDC_ERR_PREAUTH_FAILED;
const TIMESTAMP: PaDataType = PaDataType::ENC_TIMESTAMP;

/// The rehearsed method first, then the usual ones.
fn options() -> TicketOptions {
    let preauth = [REHEARSED].into_iter().chain(PREAUTH).collect();
    TicketOptions { preauth, ..TicketOptions::default() }
}

/// What a KDC answers in turn; after the last one it gives the ticket.
type Script = Vec<(ErrorCode, Padata)>;

fn offer(value: &[u8], cookie: &[u8]) -> Padata {
    vec![
        (REHEARSED, value.to_vec()),
        (PaDataType::ETYPE_INFO2, hints(&[(17, None, None)])),
        (TIMESTAMP, vec![]),
        (PaDataType::FX_COOKIE, cookie.to_vec()),
    ]
}

/// Runs a login against a script; what it sent of our methods and cookies, by request.
fn run(options: TicketOptions, script: &Script) -> (Result<HeldTicket, ExchangeError>, Vec<Padata>) {
    let mut sent = Vec::new();
    let result = key_login(options).run(|request| {
        let told = decode(request).padata;
        let own = |padata: &&crate::krb5::message::PaData<'_>| padata.padata_type != PaDataType::REQ_ENC_PA_REP;
        sent.push(told.iter().filter(own).map(|padata| (padata.padata_type, padata.padata_value.to_vec())).collect());
        match script.get(sent.len() - 1) {
            Some((code, padata)) if padata.is_empty() => refusal(*code, None, None),
            Some((code, padata)) => refusal(*code, None, Some(&method_data(padata))),
            None => Reply::to_login(&request.bytes, &client_key()).to_bytes(),
        }
    });
    (result, sent)
}

fn refused(result: Result<HeldTicket, ExchangeError>) -> KdcRefusal {
    match result {
        Err(ExchangeError::Refused(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

fn types(padata: &Padata) -> Vec<PaDataType> {
    padata.iter().map(|(padata_type, _)| *padata_type).collect()
}

#[test]
fn a_method_takes_several_rounds_and_each_cookie_comes_back_once() {
    let script = vec![
        (REQUIRED, offer(b"", b"one")),
        (MORE, vec![(REHEARSED, b"challenge".to_vec()), (PaDataType::FX_COOKIE, b"two".to_vec())]),
    ];
    let (result, sent) = run(options(), &script);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(sent[0], []);
    let cookie = |value: &[u8]| (PaDataType::FX_COOKIE, value.to_vec());
    assert_eq!(sent[1], [(REHEARSED, b"support".to_vec()), cookie(b"one")]);
    assert_eq!(sent[2], [(REHEARSED, b"response".to_vec()), cookie(b"two")]);
}

#[test]
fn a_cookie_that_the_kdc_did_not_renew_is_not_sent_again() {
    let script = vec![(REQUIRED, offer(b"", b"one")), (MORE, vec![(REHEARSED, b"challenge".to_vec())])];
    assert_eq!(types(&run(options(), &script).1[2]), [REHEARSED]);
}

#[test]
fn the_order_is_ours_and_what_it_does_not_name_is_not_used() {
    let script = vec![(REQUIRED, offer(b"", b"c"))];
    let reversed = TicketOptions { preauth: vec![TIMESTAMP, REHEARSED], ..options() };
    assert_eq!(types(&run(reversed, &script).1[1]), [TIMESTAMP, PaDataType::FX_COOKIE]);
    let alone = TicketOptions { preauth: vec![REHEARSED], ..options() };
    let timestamp_only = vec![(REQUIRED, vec![(TIMESTAMP, vec![])])];
    let (result, sent) = run(alone, &timestamp_only);
    let Err(ExchangeError::NoCommonPreauth { tried, offered, .. }) = result else { panic!("{result:?}") };
    assert_eq!((sent.len(), tried, offered), (1, vec![], vec![TIMESTAMP]));
}

#[test]
fn after_a_failure_without_a_proof_the_next_method_has_its_turn() {
    for refused in [(FAILED, vec![]), (FAILED, offer(b"", b"two")), (REQUIRED, offer(b"", b"two"))] {
        let (result, sent) = run(options(), &vec![(REQUIRED, offer(b"", b"one")), refused]);
        assert!(result.is_ok(), "{result:?}");
        assert_eq!((types(&sent[1])[0], types(&sent[2])[0]), (REHEARSED, TIMESTAMP));
    }
    // Not where the options forbid it: the KDC's own code is told.
    let alone = TicketOptions { preauth: vec![REHEARSED], ..options() };
    let (result, sent) = run(alone, &vec![(REQUIRED, offer(b"", b"one")), (FAILED, offer(b"", b"two"))]);
    let refusal = refused(result);
    assert_eq!((sent.len(), refusal.code, refusal.proof), (2, FAILED, None));
    assert_eq!((refusal.tried.clone(), refusal.takes.contains(&TIMESTAMP)), (vec![REHEARSED], true));
    assert!(
        refusal.to_string().contains("tried: padata type -1; the KDC takes encrypted timestamp (2) too"),
        "{refusal}"
    );
}

#[test]
fn after_a_proof_a_refusal_is_final() {
    let challenge = (MORE, vec![(REHEARSED, b"challenge".to_vec())]);
    for code in [FAILED, REQUIRED] {
        let script = vec![(REQUIRED, offer(b"", b"one")), challenge.clone(), (code, offer(b"", b"two"))];
        let (result, sent) = run(options(), &script);
        let refusal = refused(result);
        assert_eq!((sent.len(), refusal.code, refusal.proof), (3, code, Some(ClientProof::Key(Enctype(17)))));
    }
}

#[test]
fn a_method_that_cant_be_used_is_passed_over_and_its_reason_told_if_no_other_is_left() {
    let script = vec![(REQUIRED, offer(b"unusable", b"c"))];
    let (result, sent) = run(options(), &script);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(types(&sent[1])[0], TIMESTAMP);
    let alone = TicketOptions { preauth: vec![REHEARSED], ..options() };
    assert_eq!(run(alone, &script).0, Err(ExchangeError::ApiMisuse("rehearsed: unusable")));
}

#[test]
fn a_challenge_nobody_asked_for_is_a_refusal() {
    let (result, sent) = run(options(), &vec![(MORE, offer(b"challenge", b"c"))]);
    assert_eq!((refused(result).code, sent.len()), (MORE, 1));
}

#[test]
fn a_method_may_know_what_to_do_about_its_own_codes() {
    let own = ErrorCode::KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED;
    let (result, sent) = run(options(), &vec![(REQUIRED, offer(b"", b"one")), (own, vec![])]);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(sent[2], [(REHEARSED, b"other parameters".to_vec())]);
    assert_eq!(refused(run(options(), &vec![(own, vec![])]).0).code, own);
}

#[test]
fn a_forgotten_conversation_starts_again() {
    let expired = (ErrorCode::KDC_ERR_PREAUTH_EXPIRED, offer(b"", b"stale"));
    let (result, sent) = run(options(), &vec![(REQUIRED, offer(b"", b"one")), expired, (REQUIRED, offer(b"", b"two"))]);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!((sent[2].len(), types(&sent[3])[0]), (0, REHEARSED));
}

#[test]
fn a_kdc_that_never_has_enough_is_asked_so_many_times_and_no_more() {
    for code in [MORE, ErrorCode::KDC_ERR_PREAUTH_EXPIRED] {
        let mut script = vec![(REQUIRED, offer(b"", b"one"))];
        script.resize(100, (code, offer(b"", b"more")));
        let (result, sent) = run(options(), &script);
        assert_eq!((refused(result).code, u32::try_from(sent.len())), (code, Ok(LOGIN_REQUEST_LIMIT)));
    }
}

#[test]
fn what_the_kdc_proves_of_itself_is_the_methods_to_check() {
    let mut rounds = 0;
    let result = key_login(options()).run(|request| {
        rounds += 1;
        if rounds == 1 {
            return refusal(REQUIRED, None, Some(&method_data(&offer(b"", b"c"))));
        }
        let mut reply = Reply::to_login(&request.bytes, &client_key());
        reply.padata = vec![(REHEARSED, b"unproven".to_vec())];
        reply.to_bytes()
    });
    assert_eq!(result, Err(ExchangeError::ApiMisuse("rehearsed: the KDC is not proven")));
}

/// A login that waits for the answer to its question.
fn asking() -> (Login, Question) {
    let ExchangeStep::NeedsKdc(login, _) = key_login(options()).begin(NOW).unwrap() else { panic!() };
    let wants = refusal(REQUIRED, None, Some(&method_data(&offer(b"question", b"c"))));
    let ExchangeStep::NeedsAnswer(login, question) = login.reply(&wants, NOW).unwrap() else { panic!() };
    (login, question)
}

#[test]
fn a_question_is_answered_for_the_request_that_it_was_asked_for() {
    let (login, question) = asking();
    assert_eq!(question, Question::Custom { name: "rehearsed", payload: vec![] });
    let answer = Answer::Custom(Secret::new(b"answer".to_vec()));
    let ExchangeStep::NeedsKdc(login, request) = login.answer(answer, NOW).unwrap() else { panic!() };
    let nonce = decode(&request).req_body.nonce.to_be_bytes();
    assert_eq!(decode(&request).padata[0].padata_value, [b"answer", &nonce[..]].concat());
    let reply = Reply::to_login(&request.bytes, &client_key()).to_bytes();
    assert!(matches!(login.reply(&reply, NOW), Ok(ExchangeStep::Complete(_))));
}

#[test]
fn a_declined_question_ends_the_login() {
    let (login, question) = asking();
    let error = login.decline(NOW).unwrap_err();
    assert_eq!(error, ExchangeError::Declined(question.into()));
    assert!(error.to_string().contains("no ticket without an answer"), "{error}");
}

#[test]
fn turns_that_are_not_there_are_misuse() {
    let misuse = |result: Result<ExchangeStep<Login>, ExchangeError>| {
        assert!(matches!(result, Err(ExchangeError::ApiMisuse(_))), "{result:?}");
    };
    misuse(asking().0.reply(b"", NOW));
    let waiting = || match key_login(options()).begin(NOW) {
        Ok(ExchangeStep::NeedsKdc(login, _)) => login,
        other => panic!("{other:?}"),
    };
    misuse(waiting().answer(Answer::Custom(Secret::new(vec![])), NOW));
    misuse(waiting().decline(NOW));
    assert!(matches!(web_request().decline(NOW), Err(ExchangeError::ApiMisuse(_))));
}

fn web_request() -> TicketRequest {
    TicketRequest::new(&tgt(), principal("HTTP/www.example.com"), TicketOptions::default(), random())
}
