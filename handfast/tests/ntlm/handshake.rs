//! What honest ends want of each other, and refuse.

use crate::pair::*;
use handfast::krb5::Keytab;
use handfast::mech::MechanismId;
use handfast::*;

#[test]
fn a_context_says_who_is_there_and_that_the_server_is_unproven() {
    let (client, server) = Pair::new().established();
    assert_eq!(server.peer().to_string(), "EXAMPLE\\alice");
    assert_eq!(server.local().to_string(), "HTTP/www.example.com");
    assert_eq!(client.peer().to_string(), "HTTP/www.example.com");
    assert_eq!(client.local().to_string(), "EXAMPLE\\alice");
    for context in [&client, &server] {
        let all = Flags::REPLAY | Flags::SEQUENCE | Flags::CONFIDENTIALITY | Flags::INTEGRITY;
        assert_eq!((context.flags(), context.mechanism()), (all, MechanismId::NTLM));
        assert_eq!(context.expires(), None);
    }
    assert_eq!(client.session_key(), server.session_key());
}

#[test]
fn the_policy_must_name_the_unproven_server() {
    let pair = Pair { client: Policy::default(), ..Pair::new() };
    let error = pair.run(|_, _| {}).unwrap_err();
    let target = "HTTP/www.example.com".into();
    assert_eq!(error, Error::Credential(CredentialError::NtlmServerUnproven { target }));
}

#[test]
fn an_acceptor_knows_ntlm_only_if_told() {
    let initiator = Initiator::new(Policy::default().dangerous_ntlm_unproven_server());
    let target: ServiceName = "HTTP/www.example.com".parse().unwrap();
    let kerberos = Credential::password("alice@EXAMPLE.COM".parse().unwrap(), "Password");
    let error = initiator.to(&target).credential(&kerberos).ntlm().begin(now(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::Credential(CredentialError::NoNtlmSecret { .. })), "{error:?}");
    let both = kerberos.and_ntlm_password("EXAMPLE", "alice", "Password");
    let step = initiator.to(&target).credential(&both).begin(now(), &mut Vec::new()).unwrap();
    assert!(matches!(step, Initiate::NeedsKdc(_)), "Kerberos, unless NTLM is named");
    let mut negotiate = Vec::new();
    initiator.to(&target).credential(&both).ntlm().begin(now(), &mut negotiate).unwrap();
    assert_eq!((negotiate.len(), &negotiate[..8]), (40, &b"NTLMSSP\0"[..]));
    let acceptor = Acceptor::new(&Keytab::new(), ReplayGuard::in_memory());
    assert!(acceptor.session().begin().step(&negotiate, now(), &mut Vec::new()).is_err());
    let acceptor = acceptor.dangerous_with_ntlm(NtlmServer::new("WWW", ""));
    let step = acceptor.session().begin().step(&negotiate, now(), &mut Vec::new()).unwrap();
    assert!(matches!(step, Accept::NeedsToken(_)));
    let error = acceptor.session().begin().step(&[0x60, 0], now(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::Decode(_)), "what is not NTLM is Kerberos: {error:?}");
}

#[test]
fn a_negotiate_message_of_32_bytes_is_taken() {
    let refusal = Pair::new().ntlm_refusal(at(1, |message| message.truncate(32)));
    assert_eq!(refusal, NtlmRefusal::MicMismatch, "the client's MIC is over forty bytes");
}

#[test]
fn names_longer_than_a_message_can_hold_are_an_error_of_ours() {
    for (domain, user) in [("", "a".repeat(65_537)), ("EXAMPLE", "a".repeat(5_000))] {
        let pair = Pair { credential: Credential::ntlm_password(domain, &user, "Password"), ..Pair::new() };
        let error = pair.run(|_, _| {}).unwrap_err();
        assert!(matches!(error, Error::Name(ParseNameError::TooLong { .. })), "{error:?}");
    }
    let long = "p".repeat(10 * 1024);
    let pair = Pair { credential: Credential::ntlm_password("EXAMPLE", "alice", &long), ..Pair::new() };
    assert!(matches!(pair.ntlm_refusal(|_, _| {}), NtlmRefusal::NotProven { .. }));
}

#[test]
fn channel_bindings_as_required_if_present_or_off() {
    let ours = ChannelBindings::raw(*b"ours");
    let other = ChannelBindings::raw(*b"other");
    let run = |client: Option<&ChannelBindings>, server: Option<&ChannelBindings>, policy: &Policy| {
        let pair = Pair {
            client_bindings: client.cloned(),
            server_bindings: server.cloned(),
            server: policy.clone(),
            ..Pair::new()
        };
        pair.run(|_, _| {}).map(|_| ())
    };
    let refused = |refusal| Err(Error::Refused(Box::new(refusal)));
    let required = Policy::default();
    let if_present = Policy::default().dangerous_accept_absent_channel_bindings();
    for policy in [&required, &if_present] {
        assert_eq!(run(Some(&ours), Some(&ours), policy), Ok(()));
        assert_eq!(run(Some(&other), Some(&ours), policy), refused(Refusal::ChannelBindingsMismatch));
        assert_eq!(run(Some(&ours), None, policy), Ok(()), "off: the server knows no channel");
        assert_eq!(run(None, None, policy), Ok(()));
    }
    assert_eq!(run(None, Some(&ours), &required), refused(Refusal::ChannelBindingsAbsent));
    assert_eq!(run(None, Some(&ours), &if_present), Ok(()));
    // All zeros is what a client without bindings sends; a pair that is missing is the same.
    let pair = Pair { server_bindings: Some(ours), ..Pair::new() };
    let refusal = pair.refusal(at(3, |message| {
        let at = pair_at(message, 10, 16) - 4;
        message[at] = 0x77;
    }));
    assert_eq!(refusal, Refusal::ChannelBindingsAbsent);
}

#[test]
fn the_target_that_the_client_means_can_be_insisted_on() {
    let names = |target: &str| NtlmServer::new("WWW", "EXAMPLE").only_targets([target.parse().unwrap()]);
    Pair { names: names("http/WWW.example.com"), ..Pair::new() }.established();
    let refusal = Pair { names: names("cifs/www.example.com"), ..Pair::new() }.ntlm_refusal(|_, _| {});
    assert_eq!(refusal, NtlmRefusal::Target { target: "HTTP/www.example.com".into() });
    let refusal = Pair { names: names("HTTP/www.example.com"), ..Pair::new() }.ntlm_refusal(at(3, |message| {
        let at = pair_at(message, 9, 40) - 4;
        message[at] = 0x77;
    }));
    assert_eq!(refusal, NtlmRefusal::Target { target: String::new() });
}

#[test]
fn inputs_that_were_not_asked_for_are_misuse() {
    let initiator = Initiator::new(Policy::default().dangerous_ntlm_unproven_server());
    let target: ServiceName = "HTTP/www.example.com".parse().unwrap();
    let credential = Credential::ntlm_password("EXAMPLE", "alice", "Password");
    let to = initiator.to(&target).credential(&credential).ntlm();
    let error = to.begin_with(b"hint", now(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(_)), "NTLM's server never speaks first: {error:?}");
}

/// MS-NLMP 2.2.2.5, 3.1.5.1.1, 3.2.5.1.1: every flag of both ends by its value.
#[test]
fn flags_are_the_ones_that_the_policy_asks_for_and_no_others_are_granted() {
    let all = Policy::default().dangerous_ntlm_unproven_server();
    let bare = all.clone().authentication_only();
    for (client, asked) in [
        (all.clone(), 0x6288_8235),
        (all.clone().integrity_only(), 0x6288_8215),
        (bare.clone(), 0x0288_8205),
        (bare.clone().with_flags(Flags::CONFIDENTIALITY), 0x6288_8235),
        (bare.with_flags(Flags::IDENTIFY), 0x0298_8205),
    ] {
        let identify = client.flags().contains(Flags::IDENTIFY);
        let pair = Pair { client, server: Policy::default().authentication_only(), ..Pair::new() };
        let mut seen = Vec::new();
        let (client, server) = pair
            .run(|number, message| {
                set_flags(number, message, |flags| {
                    seen.push(flags);
                    flags
                });
                let key = number == 3 && asked & 0x4000_0000 == 0;
                assert!(!key || message[52..54] == [0, 0], "a session key that nothing needs");
            })
            .unwrap();
        assert_eq!(seen, [asked, asked | 0x0002_0000, asked], "{asked:#x}");
        assert_eq!([client.flags(), server.flags()].map(|flags| flags.contains(Flags::IDENTIFY)), [identify; 2]);
    }
    // All that there is, but datagrams.
    let mut granted = 0;
    Pair::new()
        .run(|number, message| match number {
            1 => set_flags(1, message, |_| !0x40),
            2 => set_flags(2, message, |flags| {
                granted = flags;
                flags
            }),
            _ => {}
        })
        .unwrap_err();
    assert_eq!(granted, 0x629a_8235);
}
