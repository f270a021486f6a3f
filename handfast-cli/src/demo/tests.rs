use super::explain::explain;
use super::play::{Play, Theatre, play};
use super::verdict::Verdict;
use super::wire::Passed;
use super::*;
use crate::span;
use handfast::krb5::{Keytab, KeytabEntry};
use handfast::{Acceptor, Policy, ReplayGuard};

const ENCTYPE: Enctype = Enctype::AES128_CTS_HMAC_SHA1_96;

fn stage() -> Stage {
    Stage::new(ENCTYPE).unwrap()
}

/// The keytab that the KDC knows.
fn keytab(stage: &Stage) -> Keytab {
    let service = stage.service_principal();
    let (_, key) = stage.keys.tickets.iter().find(|(name, _)| *name == service).unwrap();
    stage.keytab_with(key.clone())
}

/// Plays Kerberos on a stage where one check is off; exactly the named cheats may get through.
fn sabotaged(stage: &Stage, through: &[&str]) {
    let play = play(stage, &[&acts::KERBEROS]).unwrap();
    for attempt in play.attempts() {
        let expected = if through.contains(&attempt.cheat.name) { Verdict::Passed } else { Verdict::Refused };
        assert_eq!(attempt.verdict(), expected, "{}", attempt.cheat.name);
    }
    let failure = finding(&play).unwrap_err();
    assert_eq!(failure.exit, Exit::Other);
    let titles = play.attempts().filter(|attempt| through.contains(&attempt.cheat.name)).map(|a| a.cheat.title);
    assert!(titles.into_iter().all(|title| failure.cause.contains(title)), "{}", failure.cause);
    let shown = show::verdict(&play, &paper(true, 80));
    assert!(shown.contains("was convinced") && shown.contains("NOBODY"), "{shown}");
}

fn paper(ascii: bool, width: u16) -> Paper {
    Paper::new(&Output::new(false), ascii, Some(width))
}

#[test]
fn every_cheat_is_refused() {
    let play = play(&stage(), Shown::All.acts()).unwrap();
    for (played, act) in play.acts.iter().zip(Shown::All.acts()) {
        assert_eq!(played.attempts.len(), act.cheats.len());
    }
    assert_eq!(play.attempts().count(), 34);
    assert_eq!(finding(&play), Ok(()));
}

#[test]
fn without_a_replay_guard_the_demo_fails() {
    let mut stage = stage();
    stage.acceptor = Acceptor::dangerous_without_replay_guard(&keytab(&stage));
    sabotaged(&stage, &["replayed-token"]);
}

#[test]
fn with_a_server_that_takes_any_clock_the_demo_fails() {
    let mut stage = stage();
    let generous = Policy::default().with_clock_skew(std::time::Duration::from_secs(3600));
    stage.acceptor = Acceptor::new(&keytab(&stage), ReplayGuard::in_memory()).policy(generous);
    sabotaged(&stage, &["skewed-clock"]);
}

#[test]
fn with_a_client_that_believes_any_server_the_demo_fails() {
    let mut stage = stage();
    stage.policy = stage.policy.dangerous_unproven_acceptor();
    sabotaged(&stage, &["impostor", "reflected-token"]);
}

#[test]
fn with_ends_that_take_a_message_twice_the_demo_fails() {
    let mut stage = stage();
    stage.policy = stage.policy.dangerous_no_replay_detection();
    let careless = Policy::default().dangerous_no_replay_detection();
    stage.acceptor = stage.acceptor.policy(careless);
    sabotaged(&stage, &["repeated-message"]);
}

#[test]
fn with_a_server_that_holds_the_other_services_key_the_demo_fails() {
    let mut stage = stage();
    let both = stage.keys.tickets.iter().map(|(principal, key)| KeytabEntry {
        principal: principal.clone(),
        timestamp: span::now(),
        kvno: 1,
        key: key.clone(),
    });
    stage.acceptor = Acceptor::new(&both.collect(), ReplayGuard::in_memory());
    sabotaged(&stage, &["wrong-service"]);
}

#[test]
fn with_a_server_that_is_content_with_any_target_the_demo_fails() {
    let stage = stage();
    let kdc = kdc::Kdc::start(stage.realm.clone()).unwrap();
    let mut theatre = Theatre::open(&stage, &acts::NTLM, &kdc).unwrap();
    let anybody = stage.acceptor.clone().dangerous_with_ntlm(handfast::NtlmServer::new("ECHO", "DEMO"));
    theatre.server = server::Server::start(anybody, stage.accounts.clone()).unwrap();
    for cheat in acts::NTLM.cheats.iter().filter(|cheat| cheat.name == "wrong-service") {
        assert_eq!(cheat.attempt(&theatre).unwrap().verdict(), Verdict::Passed);
    }
}

#[test]
fn a_set_of_flags_with_which_a_wrong_secret_passes_is_a_finding() {
    let mut play = play(&stage(), &[&acts::NEGOTIATE_NTLM]).unwrap();
    let counted = play.acts[0].attempts.iter_mut().find(|attempt| attempt.flag_sets.is_some()).unwrap();
    let count = counted.flag_sets.unwrap();
    assert_eq!((count.refused, count.tried), (36, 36));
    assert!(counted.verdict().is_good());
    counted.flag_sets = Some(cheats::Count { refused: 35, ..count });
    assert!(!counted.verdict().is_good());
    assert!(finding(&play).is_err());
}

#[test]
fn what_is_explained_was_in_the_bytes() {
    let stage = stage();
    let kdc = kdc::Kdc::start(stage.realm.clone()).unwrap();
    for act in Shown::All.acts() {
        read_in_full(&stage, &Theatre::open(&stage, act, &kdc).unwrap());
    }
}

/// A bit that is changed anywhere in what passed changes what is said of it, or it can't be read at all.
fn read_in_full(stage: &Stage, theatre: &Theatre<'_>) {
    let (visit, _) = theatre.honest_visit().unwrap();
    let words = |passed: &[Passed]| {
        explain(passed, &stage.keys).map(|steps| steps.into_iter().map(|step| step.says).collect::<Vec<_>>())
    };
    let honest = words(&visit.passed).unwrap();
    assert_eq!(honest, words(&visit.passed).unwrap());
    for (index, length) in visit.passed.iter().map(|passed| passed.bytes.len()).enumerate() {
        let changed = |at: usize| {
            let mut passed = visit.passed.clone();
            passed[index].bytes[at] ^= 1;
            words(&passed).ok().as_ref() != Some(&honest)
        };
        let name = theatre.act.name;
        assert!((1..16).map(|part| length * part / 16).any(changed), "{name}: passage {index} is not read");
    }
}

#[test]
fn a_refusal_for_another_reason_is_a_finding() {
    let mut play = play(&stage(), &[&acts::NTLM]).unwrap();
    for attempt in &mut play.acts[0].attempts {
        attempt.ends.iter_mut().for_each(|(_, end)| end.reason = verdict::Reason::Other);
        assert!(matches!(attempt.verdict(), Verdict::RefusedOtherwise(_)));
        attempt.ends.clear();
        assert!(matches!(attempt.verdict(), Verdict::RefusedOtherwise(_)));
    }
    assert!(finding(&play).is_err());
}

#[test]
fn no_secret_is_shown() {
    let stage = stage();
    let play = play(&stage, Shown::All.acts()).unwrap();
    let shown = [show::everything(&play, &paper(false, 120)), document::document(&play).to_string()].concat();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let packed: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
    let password = std::str::from_utf8(stage.password.expose()).unwrap();
    assert!(!packed.contains(password));
    assert!(!packed.contains(&hex(stage.keys.client.bytes())));
    assert!(!packed.contains(&hex(stage.accounts.nt_hash.expose())));
    for (_, key) in &stage.keys.tickets {
        assert!(!packed.contains(&hex(key.bytes())));
    }
}

#[test]
fn what_is_drawn_fits_the_paper() {
    let stage = Stage::new(Enctype::AES256_CTS_HMAC_SHA384_192).unwrap();
    for shown in [Shown::All, Shown::Kerberos, Shown::Ntlm, Shown::Negotiate] {
        let play = play(&stage, shown.acts()).unwrap();
        for (width, ascii) in [(80, false), (80, true), (100, false), (120, true)] {
            let drawn = show::everything(&play, &paper(ascii, width));
            assert!(!ascii || drawn.is_ascii());
            let long: Vec<_> = drawn.lines().filter(|line| line.chars().count() > width.into()).collect();
            assert!(long.is_empty(), "{width}: {long:#?}");
        }
    }
}

#[test]
fn the_same_run_says_the_same_in_both_forms() {
    let play: Play = play(&stage(), Shown::Negotiate.acts()).unwrap();
    let document = document::document(&play);
    for (played, act) in play.acts.iter().zip(document["acts"].as_array().unwrap()) {
        let names: Vec<_> = act["cheats"].as_array().unwrap().iter().map(|cheat| &cheat["cheat"]).collect();
        assert_eq!(names, played.act.cheats.iter().map(|cheat| cheat.name).collect::<Vec<_>>());
    }
    assert_eq!(document["acts"].as_array().unwrap().len(), 2);
    assert_eq!(document["refused"], true);
}
