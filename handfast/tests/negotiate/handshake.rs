use crate::pair::{Pair, assert_they_talk, edit_init, edit_resp, now};
use handfast::krb5::message::{ErrorCode, KrbError, PrincipalName};
use handfast::mech::negotiate::message::{HINT_NAME, NegTokenInit, NegotiationToken};
use handfast::mech::{MechanismId, Why};
use handfast::*;

#[test]
fn kerberos_in_two_tokens() {
    let pair = Pair::kerberos();
    let mut contexts = pair.established();
    assert_eq!(contexts.0.peer().to_string(), "HTTP/www.example.com@EXAMPLE.COM");
    assert_eq!(contexts.1.peer().to_string(), "alice@EXAMPLE.COM");
    for context in [&contexts.0, &contexts.1] {
        assert_eq!((context.mechanism(), context.why()), (MechanismId::KERBEROS, &Why::FirstChoice));
    }
    assert_they_talk(&mut contexts);
    assert_eq!(pair.tokens().len(), 2);
    assert_eq!(Pair::both().tokens().len(), 2);
}

#[test]
fn kerberos_without_mutual_authentication() {
    let client = Policy::default().dangerous_unproven_acceptor();
    let pair = Pair { client, ..Pair::kerberos() };
    assert_they_talk(&mut pair.established());
    assert_eq!(pair.tokens().len(), 2);
}

#[test]
fn integrity_protects_the_choice_even_where_nobody_asks_for_it() {
    let client = Policy::default().authentication_only();
    let server = Policy::default();
    let (client, _) = Pair { client, server, ..Pair::kerberos() }.established();
    assert!(client.flags().contains(Flags::INTEGRITY) && !client.flags().contains(Flags::CONFIDENTIALITY));
}

#[test]
fn ntlm_where_the_server_can_do_nothing_else() {
    let pair = Pair::ntlm_server();
    let mut contexts = pair.established();
    let first_choice: Box<str> = MechanismId::KERBEROS.to_string().into();
    for context in [&contexts.0, &contexts.1] {
        assert_eq!(context.mechanism(), MechanismId::NTLM);
        assert_eq!(context.why(), &Why::ChosenByAcceptor { first_choice: first_choice.clone() });
    }
    assert_eq!(contexts.1.peer().to_string(), "EXAMPLE\\alice");
    assert_they_talk(&mut contexts);
    assert_eq!(pair.tokens().len(), 6, "offer, choice, three of NTLM, the MIC");
}

#[test]
fn ntlm_where_no_kdc_answers() {
    let pair = Pair { ticket: false, ..Pair::both() };
    let mut contexts = pair.established();
    let Why::Fallback { first_choice, reason } = contexts.0.why() else { panic!("{:?}", contexts.0.why()) };
    assert_eq!(*first_choice, MechanismId::KERBEROS);
    assert!(matches!(**reason, Error::KdcUnreachable(_)), "{reason:?}");
    assert_eq!(contexts.1.why(), &Why::FirstChoice);
    assert_they_talk(&mut contexts);
    assert_eq!(pair.tokens().len(), 4);
}

#[test]
fn no_ntlm_without_the_policy_that_allows_it() {
    let client = Policy::default();
    let pair = Pair { client: client.clone(), ticket: false, ..Pair::both() };
    assert!(matches!(pair.run(|_, _| {}).unwrap_err(), Error::KdcUnreachable(_)));
    let pair = Pair { client, ..Pair::ntlm_server() };
    assert!(matches!(pair.refusal(|_, _| {}), Refusal::NoCommonMechanism { .. }));
}

#[test]
fn windows_name_of_kerberos_is_answered_by_the_same() {
    let pair = Pair::kerberos();
    let mut answer = Vec::new();
    let mut contexts = pair
        .run(|number, token| match number {
            1 => edit_init(token, |init| {
                init.mech_types.insert(0, MechanismId::MS_KERBEROS.into());
            }),
            _ => answer = token.clone(),
        })
        .unwrap();
    let NegotiationToken::Resp(resp) = NegotiationToken::decode(&answer).unwrap() else { panic!() };
    assert_eq!(resp.supported_mech.unwrap().known(), Some(MechanismId::MS_KERBEROS));
    assert_eq!(contexts.1.mechanism(), MechanismId::KERBEROS);
    assert_they_talk(&mut contexts);
}

#[test]
fn an_acceptor_that_names_no_mechanism_means_the_first() {
    let bare = |number: usize, token: &mut Vec<u8>| {
        if number == 2 {
            edit_resp(token, |resp| (resp.supported_mech, resp.neg_state) = (None, None));
        }
    };
    assert_they_talk(&mut Pair::kerberos().run(bare).unwrap());
}

#[test]
fn old_windows_repeats_the_token_where_a_mic_belongs() {
    let repeated = |number: usize, token: &mut Vec<u8>| {
        if number == 2 {
            edit_resp(token, |resp| resp.mech_list_mic = resp.response_token);
        }
    };
    assert_they_talk(&mut Pair::kerberos().run(repeated).unwrap());
}

#[test]
fn the_server_speaks_first() {
    for pair in [Pair::kerberos(), Pair::both(), Pair::ntlm_server()] {
        let mut contexts = Pair { speak_first: true, ..pair }.established();
        assert_they_talk(&mut contexts);
    }
    let mut hint = Vec::new();
    Pair::both().acceptor().session().speak_first(now(), &mut hint).unwrap();
    let NegotiationToken::Init(init) = NegotiationToken::decode(&hint).unwrap() else { panic!() };
    assert_eq!(init.mech_types, [MechanismId::KERBEROS, MechanismId::NTLM]);
    assert_eq!(init.neg_hints.unwrap().hint_name.unwrap().0, HINT_NAME);
    let nothing = Pair { server_keys: false, ..Pair::kerberos() };
    let error = nothing.acceptor().session().speak_first(now(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(_)), "{error:?}");
}

/// Nothing protects a hint: one that leaves Kerberos out changes no offer.
#[test]
fn a_hint_takes_nothing_from_the_offer() {
    let pair = Pair::both();
    let (initiator, credential) = (pair.initiator(), pair.credential());
    let name = ServiceName::principal("HTTP/www.example.com@EXAMPLE.COM".parse().unwrap());
    let offered = |hint: &[MechanismId]| {
        let (mut token, mut offer) = (Vec::new(), Vec::new());
        let mech_types = hint.iter().map(|id| (*id).into()).collect();
        NegotiationToken::Init(NegTokenInit { mech_types, ..NegTokenInit::default() }).encode(&mut token);
        initiator.to(&name).credential(&credential).negotiate().begin_with(&token, now(), &mut offer).map(|_| offer)
    };
    for hint in [&[MechanismId::NTLM][..], &[MechanismId::MS_KERBEROS], &[]] {
        let offer = offered(hint).unwrap();
        let NegotiationToken::Init(init) = NegotiationToken::decode(&offer).unwrap() else { panic!() };
        assert_eq!(init.mech_types, [MechanismId::KERBEROS, MechanismId::NTLM]);
    }
    let error = offered(&[MechanismId::SPNEGO]).unwrap_err();
    assert!(matches!(error, Error::Refused(refusal) if matches!(*refusal, Refusal::NoCommonMechanism { .. })));
    let to = |hint: &[u8]| {
        initiator.to(&name).credential(&credential).negotiate().begin_with(hint, now(), &mut Vec::new()).unwrap_err()
    };
    assert!(matches!(to(b"no hint"), Error::Decode(_)));
    assert!(matches!(to(&[0xa1, 2, 0x30, 0]), Error::Refused(_)));
    assert!(matches!(to(&[0; 65_537]), Error::TokenTooLarge { .. }));
}

#[test]
fn raw_tokens_are_met_by_the_same_acceptor() {
    let pair = Pair::both();
    let mut contexts = pair.run_with(|target| target, |session| session, |_, _| {}).unwrap();
    assert_eq!((contexts.1.mechanism(), contexts.1.why()), (MechanismId::KERBEROS, &Why::Raw));
    assert_they_talk(&mut contexts);
    let mut contexts = pair.run_with(|target| target.ntlm(), |session| session, |_, _| {}).unwrap();
    assert_eq!((contexts.1.mechanism(), contexts.1.why()), (MechanismId::NTLM, &Why::Raw));
    assert_they_talk(&mut contexts);
}

#[test]
fn ntlm_alone_in_a_negotiation() {
    let pair = Pair::both();
    let mut contexts = pair.run_with(|target| target.negotiate().ntlm(), |session| session, |_, _| {}).unwrap();
    assert_eq!((contexts.0.mechanism(), contexts.0.why()), (MechanismId::NTLM, &Why::FirstChoice));
    assert_they_talk(&mut contexts);
}

#[test]
fn negotiated_contexts_move() {
    for pair in [Pair::kerberos(), Pair::ntlm_server(), Pair { ticket: false, ..Pair::both() }] {
        let mut contexts = pair.established();
        assert_they_talk(&mut contexts);
        let (client, server) = contexts;
        let client = Context::import(client.export().expose()).unwrap();
        let server = Context::import(server.export().expose()).unwrap();
        assert_eq!((client.why(), server.why()), (&Why::Imported, &Why::Imported));
        assert_they_talk(&mut (client, server));
    }
}

#[test]
fn a_wrong_password_is_no_reason_to_fall_back_and_never_authenticates() {
    let refusal = Pair { ticket: false, ntlm_password: Some("password"), ..Pair::both() }.refusal(|_, _| {});
    assert_eq!(refusal, Refusal::Ntlm(NtlmRefusal::NotProven { account: "EXAMPLE\\alice".into() }));
    let declined = Pair { account: Account::Refused, ..Pair::ntlm_server() }.run(|_, _| {}).unwrap_err();
    assert_eq!(declined, Error::AccountRefused);
}

#[test]
fn a_handshake_shows_what_it_is_as_far_as_it_is_chosen() {
    let pair = Pair::ntlm_server();
    let (initiator, credential, acceptor) = (pair.initiator(), pair.credential(), pair.acceptor());
    let name = ServiceName::principal("HTTP/www.example.com@EXAMPLE.COM".parse().unwrap());
    let (mut offer, mut choice, mut negotiate) = (Vec::new(), Vec::new(), Vec::new());
    let step = initiator.to(&name).credential(&credential).negotiate().begin(now(), &mut offer).unwrap();
    let Initiate::NeedsToken(client) = step else { panic!() };
    assert_eq!(client.mechanism(), MechanismId::SPNEGO);
    let server = acceptor.session().begin();
    assert_eq!(server.mechanism(), MechanismId::SPNEGO);
    let Accept::NeedsToken(server) = server.step(&offer, now(), &mut choice).unwrap() else { panic!() };
    assert_eq!(server.mechanism(), MechanismId::NTLM);
    let Initiate::NeedsToken(client) = client.step(&choice, now(), &mut negotiate).unwrap() else { panic!() };
    assert_eq!(client.mechanism(), MechanismId::NTLM);
    assert!(client.flags().contains(Flags::INTEGRITY));
}

/// What comes of an offer whose login the KDC answers so.
fn kdc_says(reply: &[u8]) -> Result<Initiate, Error> {
    let pair = Pair { ticket: false, ..Pair::both() };
    let (initiator, credential) = (pair.initiator(), pair.credential());
    let name = ServiceName::principal("HTTP/www.example.com@EXAMPLE.COM".parse().unwrap());
    let step = initiator.to(&name).credential(&credential).negotiate().begin(now(), &mut Vec::new()).unwrap();
    let Initiate::NeedsKdc(next) = step else { panic!("{step:?}") };
    assert_eq!(next.mechanism(), MechanismId::SPNEGO);
    next.reply(reply, now(), &mut Vec::new())
}

fn krb_error(error_code: ErrorCode) -> Vec<u8> {
    KrbError {
        ctime: None,
        cusec: None,
        stime: now().into(),
        susec: now().into(),
        error_code,
        crealm: None,
        cname: None,
        realm: "EXAMPLE.COM",
        sname: PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["krbtgt", "EXAMPLE.COM"] },
        e_text: None,
        e_data: None,
    }
    .to_der()
}

#[test]
fn only_what_can_not_begin_is_left_out_of_the_offer() {
    for code in [
        ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN,
        ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN,
        ErrorCode::KDC_ERR_ETYPE_NOSUPP,
        ErrorCode::KDC_ERR_SVC_UNAVAILABLE,
    ] {
        assert!(matches!(kdc_says(&krb_error(code)), Ok(Initiate::NeedsToken(_))), "{code:?}");
    }
    for code in [
        ErrorCode::KDC_ERR_PREAUTH_FAILED,
        ErrorCode::KDC_ERR_CLIENT_REVOKED,
        ErrorCode::KDC_ERR_KEY_EXPIRED,
        ErrorCode::KRB_AP_ERR_SKEW,
        ErrorCode::KRB_ERR_GENERIC,
    ] {
        let error = kdc_says(&krb_error(code)).map(drop).unwrap_err();
        assert!(matches!(error, Error::Exchange(_)), "{code:?}: {error:?}");
    }
    assert!(kdc_says(b"no reply of a KDC").is_err());
}
