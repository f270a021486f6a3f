//! curl's first tokens, as they were recorded, and our acceptor.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code, its functions that aren't tests too"
)]

#[allow(dead_code, reason = "its other users need the rest")]
mod support;

use handfast::krb5::Keytab;
use handfast::mech::negotiate::message::{NegState, NegotiationToken};
use handfast::mech::{MechanismId, Why};
use handfast::{Accept, Acceptor, NtlmServer, Policy, ReplayGuard, Time};
use support::{Case, cases};

const VECTORS: &str = include_str!("vectors/curl.txt");

fn case(name: &str) -> Case {
    cases(VECTORS).into_iter().find(|case| case.name == name).unwrap()
}

/// An acceptor of the service whose key is in the vectors, for NTLM too.
fn acceptor() -> Acceptor {
    let keytab = Keytab::decode(&case("keytab").file).unwrap();
    Acceptor::new(&keytab, ReplayGuard::in_memory()).dangerous_with_ntlm(NtlmServer::new("WWW", "LAB"))
}

/// What becomes of a first token at a time, in the words of the vectors, and what is answered.
fn replayed(token: &[u8], policy: Policy, now: Time) -> (String, Vec<u8>) {
    let mut out = Vec::new();
    let acceptor = acceptor().policy(policy);
    let said = match acceptor.session().begin().step(token, now, &mut out) {
        Ok(Accept::NeedsToken(_)) => "waits".into(),
        Ok(Accept::Complete(context)) => {
            assert_eq!((context.mechanism(), context.why()), (MechanismId::KERBEROS, &Why::FirstChoice));
            format!("met {} for {}", context.peer(), context.local())
        }
        Err(error) => format!("refused: {error}"),
        other => panic!("{other:?}"),
    };
    (said, out)
}

fn recorded_at(case: &Case) -> Time {
    let at = case.expect.iter().find_map(|expect| expect.strip_prefix("at ")).unwrap();
    Time::from_unix_seconds(at.parse().unwrap())
}

#[test]
fn each_token_is_met_as_expected() {
    for case in cases(VECTORS) {
        for (policy, outcome) in case.expect.iter().filter_map(|expect| expect.split_once(" policy: ")) {
            let policy = match policy {
                "default" => Policy::default(),
                "authentication-only" => Policy::default().authentication_only(),
                other => panic!("{other}"),
            };
            assert_eq!(replayed(&case.file, policy, recorded_at(&case)).0, outcome, "{}", case.name);
        }
    }
}

/// The first token is answered in Unicode; the last is refused for want of a MIC, which curl never makes by itself.
#[test]
fn ntlm_ends_where_curl_makes_no_mic() {
    let (first, last) = (case("NTLM"), case("NTLM, last token"));
    let acceptor = acceptor().policy(Policy::default().authentication_only());
    let mut challenge = Vec::new();
    let step = acceptor.session().begin().step(&first.file, recorded_at(&last), &mut challenge).unwrap();
    let Accept::NeedsToken(waiting) = step else { panic!() };
    // NegotiateFlags (MS-NLMP 2.2.1.2, 2.2.2.5): Unicode, and not OEM
    assert_eq!(challenge[20] & 3, 1);
    let error = waiting.step(&last.file, recorded_at(&last), &mut Vec::new()).unwrap_err();
    let refused = last.expect.iter().find_map(|expect| expect.strip_prefix("behind the first: ")).unwrap();
    assert_eq!(format!("refused: {error}"), refused);
}

#[test]
fn negotiate_answers_ntlm_with_a_challenge_and_kerberos_with_the_end() {
    let answer = |name: &str| {
        let case = case(name);
        replayed(&case.file, Policy::default(), recorded_at(&case)).1
    };
    let (ntlm, kerberos) = (answer("Negotiate with NTLM"), answer("Negotiate with Kerberos"));
    let NegotiationToken::Resp(ntlm) = NegotiationToken::decode(&ntlm).unwrap() else { panic!() };
    assert_eq!(ntlm.supported_mech.unwrap(), MechanismId::NTLM);
    assert!(ntlm.response_token.unwrap().starts_with(b"NTLMSSP\0\x02\0\0\0"));
    let NegotiationToken::Resp(kerberos) = NegotiationToken::decode(&kerberos).unwrap() else { panic!() };
    assert_eq!(kerberos.neg_state, Some(NegState::AcceptCompleted));
    assert_eq!(kerberos.supported_mech.unwrap(), MechanismId::KERBEROS);
}

#[test]
fn kerberos_token_is_taken_only_within_the_hour_and_only_once() {
    let case = case("Negotiate with Kerberos");
    let (acceptor, at) = (acceptor(), recorded_at(&case));
    let replay = |now| acceptor.session().begin().step(&case.file, now, &mut Vec::new()).map(|_| ());
    assert!(replay(at.saturating_add(core::time::Duration::from_secs(3600))).is_err());
    assert!(replay(at).is_ok());
    assert!(replay(at).unwrap_err().to_string().contains("replay"));
}
