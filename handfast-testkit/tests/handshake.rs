//! Whole handshakes of honest ends, and of what goes wrong between them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use handfast::krb5::HeldTicket;
use handfast::krb5::ccache::KdcOffset;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::exchange::{ExchangeError, Mismatch, TicketOptions};
use handfast::krb5::message::ErrorCode;
use handfast::{
    Acceptor, Context, Credential, CredentialError, Error, Flags, Initiator, Policy, Protection, Refusal, ReplayGuard,
};
use handfast_testkit::{End, Ends, Fault, Kind, Leg, Party, Say, ScriptedPeer, Testkit, Which, handfast};
use std::time::Duration;

const HTTP: &str = "HTTP/www.example.com";
const HOST: &str = "host/www.example.com";

const HOUR: Duration = Duration::from_secs(3600);

fn kit() -> Testkit {
    let kit = Testkit::new("EXAMPLE.COM");
    // The fewest iterations: this suite logs in some hundred times.
    kit.user_of("alice", "correct horse", &[Enctype::AES256_CTS_HMAC_SHA1_96]);
    kit.user_of("bob", "battery staple", &[Enctype::AES256_CTS_HMAC_SHA1_96]);
    kit.service(HTTP);
    kit.service(HOST);
    kit
}

fn refusal(ends: &Ends) -> &Refusal {
    match ends.acceptor.error() {
        Some(Error::Refused(refusal)) => refusal,
        _ => panic!("{ends:?}"),
    }
}

fn exchange_error(end: &End) -> &ExchangeError {
    match end.error() {
        Some(Error::Exchange(error)) => error,
        _ => panic!("{end}"),
    }
}

fn refused_with(end: &End) -> ErrorCode {
    match exchange_error(end) {
        ExchangeError::Refused(refusal) => refusal.code,
        other => panic!("{other}"),
    }
}

fn mismatch(end: &End) -> &Mismatch {
    match exchange_error(end) {
        ExchangeError::Mismatch(mismatch) => mismatch,
        other => panic!("{other}"),
    }
}

fn talk(from: &mut Context, to: &mut Context, message: &[u8]) {
    let mut token = Vec::new();
    from.seal(message, &mut token).unwrap();
    assert_eq!(to.unseal(&mut token).unwrap(), message);
}

#[test]
fn login_ticket_tokens_and_messages() {
    let kit = kit();
    let (mut client, mut server) = kit.authenticate("alice", HTTP).unwrap();
    assert_eq!(client.peer().to_string(), "HTTP/www.example.com@EXAMPLE.COM");
    assert_eq!(server.peer().to_string(), "alice@EXAMPLE.COM");
    assert_eq!((client.local(), server.local()), (server.peer(), client.peer()));
    assert_eq!((client.session_key(), client.flags()), (server.session_key(), server.flags()));
    assert!(client.flags().contains(Flags::MUTUAL | Flags::REPLAY | Flags::SEQUENCE));
    assert_eq!(client.expires(), server.expires());
    let acquired: Vec<_> = client.acquired().iter().map(|ticket| ticket.server.to_string()).collect();
    assert_eq!(acquired, ["krbtgt/EXAMPLE.COM@EXAMPLE.COM", "HTTP/www.example.com@EXAMPLE.COM"]);
    for message in [&b""[..], b"to", &[7; 70_000]] {
        talk(&mut client, &mut server, message);
        talk(&mut server, &mut client, message);
        let (mut signed, mut mic) = (Vec::new(), Vec::new());
        client.protect(Protection::Integrity, message, &mut signed).unwrap();
        assert_eq!(server.unprotect(&mut signed).unwrap().message, message);
        server.sign(message, &mut mic).unwrap();
        client.verify(message, &mic).unwrap();
    }
}

#[test]
fn a_second_handshake_uses_the_tickets_of_the_first() {
    let kit = kit();
    let credential = kit.credential("alice");
    let run = |service| {
        kit.wire().forget();
        kit.handshake("alice", service).credential(&credential).run().contexts().unwrap();
        kit.wire().messages().len()
    };
    assert_eq!((run(HTTP), run(HTTP), run(HOST), run(HOST)), (8, 2, 4, 2));
}

#[test]
fn many_contexts_side_by_side() {
    let kit = kit();
    let (http, host) = (kit.acceptor(HTTP), kit.acceptor(HOST));
    let mut pairs: Vec<_> = (0..60)
        .map(|number| {
            let (name, service, acceptor) = [("alice", HTTP, &http), ("bob", HOST, &host)][number % 2];
            kit.handshake(name, service).acceptor(acceptor).run().contexts().unwrap()
        })
        .collect();
    for round in 0..3_u8 {
        for (number, (client, server)) in pairs.iter_mut().enumerate() {
            let message = format!("{number} {round}");
            talk(client, server, message.as_bytes());
            talk(server, client, message.as_bytes());
            assert_eq!(server.peer().to_string().starts_with("alice"), number % 2 == 0);
        }
    }
    // A message of one context is worth nothing in any other, of the same client and service too.
    let mut token = Vec::new();
    pairs[0].0.seal(b"for the first", &mut token).unwrap();
    for (_, server) in &mut pairs[1..] {
        server.unseal(&mut token.clone()).unwrap_err();
    }
    assert_eq!(pairs[0].1.unseal(&mut token).unwrap(), b"for the first");
}

#[test]
fn handshakes_interleaved_leg_by_leg() {
    let kit = kit();
    let credential = kit.credential("alice");
    let acceptor = kit.acceptor(HTTP);
    let handshake = || kit.handshake("alice", HTTP).credential(&credential);
    handshake().run().contexts().unwrap();
    // The second begins while the first waits for its answer, and ends before it.
    let mut inner = None;
    let outer = handshake().against(|token: &[u8]| {
        inner = Some(handshake().acceptor(&acceptor).run().contexts().unwrap());
        kit.accept(&acceptor, token).1
    });
    let (outer, (mut client, mut server)) = (outer.context().unwrap(), inner.unwrap());
    assert_ne!(outer.session_key(), client.session_key());
    talk(&mut client, &mut server, b"hello");
}

#[test]
fn a_replayed_token_passes_once_per_service() {
    let kit = kit();
    let acceptor = kit.acceptor(HTTP);
    kit.handshake("alice", HTTP).acceptor(&acceptor).run().contexts().unwrap();
    let token = kit.wire().last(Kind::ApReq).unwrap().sent;
    for seconds in [0, 1, 299, 0] {
        kit.clock().advance(Duration::from_secs(seconds));
        let (end, answer) = kit.accept(&acceptor, &token);
        assert!(matches!(end.error(), Some(Error::Refused(refusal)) if **refusal == Refusal::Replay), "{end}");
        assert_eq!(Kind::of(&answer.unwrap()), Kind::KrbError);
    }
    // A clone shares the guard.
    let (end, _) = kit.accept(&acceptor.clone(), &token);
    assert!(matches!(end.error(), Some(Error::Refused(refusal)) if **refusal == Refusal::Replay), "{end}");
    // What an acceptor without a guard is named for.
    let unguarded = Acceptor::with_random(&kit.keytab(HTTP), None, kit.random());
    assert!(kit.accept(&unguarded, &token).0.is_established());
    assert!(kit.accept(&unguarded, &token).0.is_established());
    // Later the clock refuses it.
    kit.clock().advance(Duration::from_secs(1));
    let (end, _) = kit.accept(&acceptor, &token);
    assert!(
        matches!(end.error(), Some(Error::Refused(refusal)) if matches!(**refusal, Refusal::ClockSkew { .. })),
        "{end}"
    );
}

#[test]
fn a_full_guard_refuses_rather_than_forgets() {
    let kit = kit();
    let guard = ReplayGuard::in_memory_with_limit(16);
    let acceptor = Acceptor::with_random(&kit.keytab(HTTP), Some(guard), kit.random());
    let credential = kit.credential("alice");
    let ends = (0..80).map(|_| kit.handshake("alice", HTTP).credential(&credential).acceptor(&acceptor).run());
    let (established, refused): (Vec<_>, Vec<_>) = ends.partition(|ends| ends.acceptor.is_established());
    assert!((1..=16).contains(&established.len()));
    assert!(refused.iter().all(|ends| *refusal(ends) == Refusal::ReplayGuardFull));
}

#[test]
fn reflected_tokens_prove_nothing() {
    let kit = kit();
    let end = kit.handshake("alice", HTTP).against(ScriptedPeer::new([Say::Reflect]));
    assert!(matches!(end.error(), Some(Error::Refused(refusal)) if **refusal == Refusal::AcceptorNotProven), "{end}");
    // An acceptor's answer, sent back to an acceptor.
    kit.authenticate("alice", HTTP).unwrap();
    let answer = kit.wire().last(Kind::ApRep).unwrap().sent;
    let (end, _) = kit.accept(&kit.acceptor(HTTP), &answer);
    assert!(matches!(end.error(), Some(Error::Refused(_))), "{end}");
    // A message, sent back to its sender.
    let (mut client, _) = kit.authenticate("alice", HTTP).unwrap();
    let mut token = Vec::new();
    client.seal(b"mine", &mut token).unwrap();
    client.unseal(&mut token).unwrap_err();
}

#[test]
fn answers_swapped_between_two_clients() {
    let kit = kit();
    kit.authenticate("bob", HTTP).unwrap();
    let of_bob = |kind| kit.wire().messages().iter().rev().find(|message| message.kind == kind).unwrap().number;
    for (kind, number) in [Kind::AsRep, Kind::TgsRep, Kind::ApRep].map(|kind| (kind, of_bob(kind))) {
        kit.wire().fault(kind, Fault::Replay(number));
        let end = kit.handshake("alice", HTTP).run().initiator;
        match kind {
            Kind::AsRep => assert!(matches!(mismatch(&end), Mismatch::Client { .. }), "{end}"),
            // Inside of FAST, under another armor key.
            Kind::TgsRep => assert!(matches!(exchange_error(&end), ExchangeError::ReplyNotProven { .. }), "{end}"),
            _ => assert!(
                matches!(end.error(), Some(Error::Refused(refusal)) if **refusal == Refusal::AcceptorNotProven),
                "{end}"
            ),
        }
    }
}

#[test]
fn answers_swapped_between_two_services_or_two_requests() {
    let kit = kit();
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    let credential = || Credential::tickets(&kit.ccache("alice", [tgt.clone()]));
    kit.handshake("alice", HOST).credential(&credential()).run().contexts().unwrap();
    for kind in [Kind::TgsRep, Kind::ApRep] {
        let for_host = kit.wire().last(kind).unwrap().number;
        for service in [HTTP, HOST] {
            kit.wire().fault(kind, Fault::Replay(for_host));
            let end = kit.handshake("alice", service).credential(&credential()).run().initiator;
            match kind {
                // Under another subkey.
                Kind::TgsRep => {
                    assert!(matches!(exchange_error(&end), ExchangeError::ReplyNotProven { .. }), "{end}");
                }
                _ => assert!(
                    matches!(end.error(), Some(Error::Refused(refusal)) if **refusal == Refusal::AcceptorNotProven),
                    "{end}"
                ),
            }
        }
    }
}

#[test]
fn an_old_reply_to_the_same_login_is_refused() {
    let kit = kit();
    kit.authenticate("alice", HTTP).unwrap();
    let old = kit.wire().last(Kind::AsRep).unwrap().number;
    kit.wire().fault(Kind::AsRep, Fault::Replay(old));
    let end = kit.handshake("alice", HTTP).run().initiator;
    assert_eq!(*mismatch(&end), Mismatch::Nonce);
}

#[test]
fn a_ticket_for_one_service_opens_no_other() {
    let kit = kit();
    let ends = kit.handshake("alice", HTTP).acceptor(&kit.acceptor(HOST)).run();
    assert!(matches!(refusal(&ends), Refusal::UnknownService { .. }), "{ends:?}");
    assert!(matches!(ends.initiator.error(), Some(Error::RefusedByPeer(_))), "{ends:?}");
}

#[test]
fn a_ticket_of_another_clients_is_no_use() {
    let kit = kit();
    let ticket = |name| {
        let tgt = kit.login(name, TicketOptions::default()).unwrap();
        kit.ticket(&tgt, HTTP, TicketOptions::default()).unwrap()
    };
    // Bob's ticket and key, and alice's name: the authenticator's must be the ticket's.
    let stolen = HeldTicket { client: ticket("alice").client, ..ticket("bob") };
    let credential = Credential::tickets(&kit.ccache("alice", [stolen]));
    let ends = kit.handshake("alice", HTTP).credential(&credential).run();
    let Refusal::ClientMismatch { ticket, authenticator } = refusal(&ends) else { panic!("{ends:?}") };
    assert_eq!((ticket.to_string(), authenticator.to_string()), ("bob@EXAMPLE.COM".into(), "alice@EXAMPLE.COM".into()));
}

#[test]
fn a_rekeyed_service_takes_the_tickets_of_its_old_key_and_an_old_keytab_does_not_take_new_ones() {
    let kit = kit();
    let credential = kit.credential("alice");
    kit.handshake("alice", HTTP).credential(&credential).run().contexts().unwrap();
    let (old, now, random) = (kit.acceptor(HTTP), kit.clock().right(), kit.random());
    kit.change(HTTP, |entry| entry.rekey(&handfast_testkit::handfast_kdc::DEFAULT_ENCTYPES, &*random, now).unwrap());
    kit.handshake("alice", HTTP).credential(&credential).run().contexts().unwrap();
    let ends = kit.handshake("alice", HTTP).acceptor(&old).run();
    assert!(matches!(refusal(&ends), Refusal::NoKey { kvno: Some(2), .. }), "{ends:?}");
}

#[test]
fn everything_expires() {
    let kit = kit();
    let password = kit.credential("alice");
    kit.handshake("alice", HTTP).credential(&password).run().contexts().unwrap();
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    let ticket = kit.ticket(&tgt, HTTP, TicketOptions::default()).unwrap();
    kit.clock().advance(25 * HOUR);
    // A cache with a ticket that has ended, and one with a ticket-granting ticket that has.
    for held in [&ticket, &tgt] {
        let ended = Credential::tickets(&kit.ccache("alice", [held.clone()]));
        let end = kit.handshake("alice", HTTP).credential(&ended).run().initiator;
        let Some(Error::Credential(CredentialError::TicketExpired { end, .. })) = end.error() else { panic!("{end}") };
        assert_eq!(*end, held.end_time);
    }
    // A password logs in again.
    kit.handshake("alice", HTTP).credential(&password).run().contexts().unwrap();
    // A client that believes in its ticket all the same is told by the acceptor, and by the KDC.
    let believed = |held: &HeldTicket| {
        let lasting = HeldTicket { end_time: held.end_time.saturating_add(48 * HOUR), ..held.clone() };
        kit.handshake("alice", HTTP).credential(&Credential::tickets(&kit.ccache("alice", [lasting]))).run()
    };
    assert!(matches!(refusal(&believed(&ticket)), Refusal::TicketExpired { .. }));
    assert_eq!(refused_with(&believed(&tgt).initiator), ErrorCode::KRB_AP_ERR_TKT_EXPIRED);
}

#[test]
fn accounts_expire_and_are_disabled() {
    let kit = kit();
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    let now = kit.clock().right();
    let login = || refused_with(&kit.handshake("alice", HTTP).run().initiator);
    let ticket = || {
        let credential = Credential::tickets(&kit.ccache("alice", [tgt.clone()]));
        refused_with(&kit.handshake("alice", HTTP).credential(&credential).run().initiator)
    };
    kit.change("alice", |alice| alice.expires = Some(now));
    assert_eq!(login(), ErrorCode::KDC_ERR_NAME_EXP);
    ticket();
    kit.change("alice", |alice| (alice.expires, alice.password_expires) = (None, Some(now)));
    assert_eq!(login(), ErrorCode::KDC_ERR_KEY_EXPIRED);
    kit.change("alice", |alice| (alice.password_expires, alice.disabled) = (None, true));
    assert_eq!(login(), ErrorCode::KDC_ERR_CLIENT_REVOKED);
    ticket();
    kit.change("alice", |alice| alice.disabled = false);
    kit.change(HTTP, |service| service.disabled = true);
    assert_eq!(ticket(), ErrorCode::KDC_ERR_SERVICE_REVOKED);
    kit.change(HTTP, |service| (service.disabled, service.expires) = (false, Some(now)));
    assert_eq!(ticket(), ErrorCode::KDC_ERR_SERVICE_EXP);
    kit.change(HTTP, |service| service.expires = None);
    kit.authenticate("alice", HTTP).unwrap();
}

#[test]
fn who_is_not_in_the_realm_gets_nothing() {
    let kit = kit();
    let (alice, acceptor) = (kit.credential("alice"), kit.acceptor(HTTP));
    kit.remove(HTTP);
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    let error = kit.ticket(&tgt, HTTP, TicketOptions::default()).unwrap_err();
    assert!(error.to_string().contains("does not know the service HTTP/www.example.com@EXAMPLE.COM"), "{error}");
    kit.remove("alice");
    let end = kit.handshake("bob", HOST).credential(&alice).acceptor(&acceptor).run().initiator;
    assert_eq!(refused_with(&end), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
}

#[test]
fn tickets_are_renewed_until_they_are_not() {
    let kit = kit();
    let options = || TicketOptions { renewable_for: Some(72 * HOUR), ..TicketOptions::default() };
    let first = kit.login("alice", options()).unwrap();
    let mut tgt = first.clone();
    for _ in 0..4 {
        kit.clock().advance(18 * HOUR - Duration::from_secs(60));
        tgt = kit.renew(&tgt, options()).unwrap();
        assert_eq!((tgt.auth_time, tgt.renew_till), (first.auth_time, first.renew_till));
        assert!(tgt.end_time <= tgt.renew_till.unwrap());
        let credential = Credential::tickets(&kit.ccache("alice", [tgt.clone()]));
        kit.handshake("alice", HTTP).credential(&credential).run().contexts().unwrap();
    }
    kit.clock().advance(Duration::from_secs(600));
    let error = kit.renew(&tgt, options()).unwrap_err();
    assert!(
        matches!(&error, Error::Exchange(error) if matches!(**error, ExchangeError::NotRenewable { .. })),
        "{error}"
    );
    // Not even for a client whose clock is behind.
    kit.clock().skew(Party::Initiator, -1200);
    let error = kit.renew(&tgt, options()).unwrap_err();
    assert!(matches!(&error, Error::Exchange(error) if matches!(**error, ExchangeError::Refused(_))), "{error}");
    let strict = TicketOptions { kdc_timesync: false, ..TicketOptions::default() };
    assert!(kit.login("bob", strict).is_err(), "with a clock that is 20 minutes behind");
}

#[test]
fn clocks_may_be_five_minutes_apart_and_no_more() {
    for party in [Party::Initiator, Party::Acceptor, Party::Kdc] {
        for seconds in [-299, -60, 60, 299] {
            let kit = kit();
            kit.clock().skew(party, seconds);
            kit.authenticate("alice", HTTP).unwrap_or_else(|error| panic!("{party:?} {seconds}: {error}"));
        }
        for seconds in [-7200, -301, 301, 7200] {
            let kit = kit();
            kit.clock().skew(party, seconds);
            let ends = kit.handshake("alice", HTTP).initiator(Initiator::new(strict())).run();
            match party {
                Party::Initiator | Party::Kdc => {
                    assert_eq!(refused_with(&ends.initiator), ErrorCode::KRB_AP_ERR_SKEW, "{party:?} {seconds}");
                    let apart = if party == Party::Kdc { seconds } else { -seconds };
                    let ExchangeError::Refused(refusal) = exchange_error(&ends.initiator) else { panic!() };
                    assert_eq!(refusal.clock_difference, apart);
                }
                Party::Acceptor => assert!(
                    matches!(
                        refusal(&ends),
                        Refusal::ClockSkew { .. } | Refusal::TicketNotYetValid { .. } | Refusal::TicketExpired { .. }
                    ),
                    "{seconds}: {ends:?}"
                ),
            }
        }
    }
}

fn strict() -> Policy {
    Policy::default().with_kdc_timesync(false)
}

#[test]
fn a_client_follows_the_clock_of_its_kdc() {
    for seconds in [-7200, -301, 301, 7200] {
        let kit = kit();
        kit.clock().skew(Party::Initiator, seconds);
        let (client, server) = kit.authenticate("alice", HTTP).unwrap_or_else(|error| panic!("{seconds}: {error}"));
        let apart = Duration::from_secs(seconds.unsigned_abs());
        let (ours, theirs) = (client.expires().unwrap(), server.expires().unwrap());
        assert_eq!(ours.abs_diff(theirs), apart, "a context ends by the clock of who has it");
        assert_eq!(ours > theirs, seconds > 0);
        // The tickets alone, without what the login learned, are told by how much.
        let tickets = Credential::tickets(&kit.ccache("alice", client.acquired().to_vec()));
        let ends = kit.handshake("alice", HTTP).credential(&tickets).run();
        assert!(matches!(refusal(&ends), Refusal::ClockSkew { .. }), "{ends:?}");
        let mut remembered = kit.ccache("alice", client.acquired().to_vec());
        remembered.kdc_offset = Some(KdcOffset { seconds: -i32::try_from(seconds).unwrap(), microseconds: 0 });
        let credential = Credential::tickets(&remembered);
        kit.handshake("alice", HTTP).credential(&credential).run().contexts().unwrap();
        let ends = kit.handshake("alice", HTTP).credential(&credential).initiator(Initiator::new(strict())).run();
        assert!(matches!(refusal(&ends), Refusal::ClockSkew { .. }), "{ends:?}");
    }
}

#[test]
fn a_service_does_not_follow_the_clock_of_a_kdc() {
    for party in [Party::Kdc, Party::Acceptor] {
        let kit = kit();
        kit.clock().skew(party, 7200);
        let ends = kit.handshake("alice", HTTP).run();
        assert!(ends.initiator.error().is_some() && ends.acceptor.error().is_some(), "{party:?}: {ends:?}");
    }
}

#[test]
fn a_client_that_is_a_day_behind_asks_for_a_ticket_that_has_ended() {
    let kit = kit();
    kit.clock().skew(Party::Initiator, -86_400);
    let end = kit.handshake("alice", HTTP).run().initiator;
    assert_eq!(refused_with(&end), ErrorCode::KDC_ERR_NEVER_VALID);
}

#[test]
fn a_client_with_a_wrong_clock_and_a_ticket_is_told_by_how_much() {
    let kit = kit();
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    let ticket = kit.ticket(&tgt, HTTP, TicketOptions::default()).unwrap();
    for seconds in [-301, 301] {
        kit.clock().skew(Party::Initiator, seconds);
        let credential = Credential::tickets(&kit.ccache("alice", [ticket.clone()]));
        let ends = kit.handshake("alice", HTTP).credential(&credential).run();
        assert_eq!(*refusal(&ends), Refusal::ClockSkew { seconds, limit: Duration::from_secs(300) });
        let Some(Error::RefusedByPeer(told)) = ends.initiator.error() else { panic!("{ends:?}") };
        assert_eq!(told.clock_skew, -seconds);
    }
}

#[test]
fn a_reply_too_big_for_a_datagram_comes_over_tcp() {
    let kit = kit();
    kit.settings(|settings| settings.udp_reply_limit = 400);
    kit.authenticate("alice", HTTP).unwrap();
    let kinds: Vec<_> = kit.wire().messages().iter().map(|message| message.kind.to_string()).collect();
    assert_eq!(
        kinds,
        [
            "AS-REQ",
            "KRB-ERROR",
            "AS-REQ",
            "KRB-ERROR",
            "AS-REQ",
            "AS-REP",
            "TGS-REQ",
            "KRB-ERROR",
            "TGS-REQ",
            "TGS-REP",
            "AP-REQ",
            "AP-REP"
        ]
    );
    // A KDC that says so over TCP as well ends it.
    let too_big = kit.wire().messages()[3].sent.clone();
    kit.wire()
        .script(move |message| Some(if message.leg == Leg::FromKdc { too_big.clone() } else { message.sent.clone() }));
    let end = kit.handshake("alice", HTTP).run().initiator;
    assert_eq!(refused_with(&end), ErrorCode::KRB_ERR_RESPONSE_TOO_BIG);
}

#[test]
fn a_kdc_that_talks_nonsense_or_nothing_ends_it() {
    let kit = kit();
    let request = |says: Vec<Say>| {
        kit.kdc_says(says);
        kit.handshake("alice", HTTP).run()
    };
    let ends = request(vec![Say::Nothing]);
    let Some(Error::KdcUnreachable(unreachable)) = ends.initiator.error() else { panic!("{ends:?}") };
    assert_eq!((unreachable.realm.as_str(), unreachable.tried.len()), ("EXAMPLE.COM", 1));
    for say in
        [Say::Reflect, Say::Garbage(1), Say::Garbage(100_000), Say::Bytes(Vec::new()), Say::Bytes(vec![0x6b, 0x84])]
    {
        let end = request(vec![say]).initiator;
        assert!(matches!(exchange_error(&end), ExchangeError::Decode(_)), "{end}");
    }
    // The same in the middle of it.
    for kind in [Kind::AsRep, Kind::TgsRep] {
        kit.wire().fault(kind, Fault::Replace(vec![0; 64]));
        let end = kit.handshake("alice", HTTP).run().initiator;
        assert!(matches!(exchange_error(&end), ExchangeError::Decode(_)), "{end}");
        kit.wire().fault(kind, Fault::Drop);
        let end = kit.handshake("alice", HTTP).run().initiator;
        assert!(matches!(end.error(), Some(Error::KdcUnreachable(_))), "{end}");
    }
    // A KDC that asks for proof again and again.
    let required = kit.wire().messages().iter().find(|message| message.kind == Kind::KrbError).unwrap().sent.clone();
    let end = request(vec![Say::Bytes(required); 20]).initiator;
    assert_eq!(refused_with(&end), ErrorCode::KDC_ERR_PREAUTH_REQUIRED);
}

#[test]
fn lost_tokens_leave_both_ends_waiting_and_nobody_authenticated() {
    let kit = kit();
    kit.wire().fault(Leg::ToAcceptor, Fault::Drop);
    let ends = kit.handshake("alice", HTTP).run();
    assert!(matches!((&ends.initiator, &ends.acceptor), (End::Waiting, End::Waiting)), "{ends:?}");
    kit.wire().repair();
    kit.wire().fault(Which::Every(Leg::ToInitiator), Fault::Drop);
    let ends = kit.handshake("alice", HTTP).run();
    assert!(matches!(ends.initiator, End::Waiting) && ends.acceptor.is_established(), "{ends:?}");
}

#[test]
fn slow_wires_are_slow_and_too_slow() {
    let kit = kit();
    kit.wire().fault(Leg::FromKdc, Fault::Delay(Duration::from_secs(60)));
    kit.wire().fault(Kind::ApReq, Fault::Delay(Duration::from_secs(299)));
    kit.authenticate("alice", HTTP).unwrap();
    kit.wire().fault(Kind::ApReq, Fault::Delay(Duration::from_secs(301)));
    let ends = kit.handshake("alice", HTTP).run();
    assert!(matches!(refusal(&ends), Refusal::ClockSkew { seconds: -301, .. }), "{ends:?}");
    // The time in the reply to a login is the KDC's clock.
    kit.wire().fault(Kind::AsRep, Fault::Delay(Duration::from_secs(301)));
    let end = kit.handshake("alice", HTTP).run().initiator;
    assert!(matches!(exchange_error(&end), ExchangeError::ClockSkew { .. }), "{end}");
}

#[test]
fn an_oversized_token_is_not_looked_at_and_the_acceptor_goes_on() {
    let kit = kit();
    let acceptor = kit.acceptor(HTTP);
    let (end, _) = kit.accept(&acceptor, &vec![0x60; 65_537]);
    assert!(matches!(end.error(), Some(Error::TokenTooLarge { size: 65_537, .. })), "{end}");
    for token in [&b""[..], b"\0", b"\x60", b"\x60\x00", b"GET / HTTP/1.1\r\n", &[0x60; 65_536], &[0xff; 4096]] {
        let (end, _) = kit.accept(&acceptor, token);
        assert!(end.error().is_some(), "{end}");
    }
    kit.handshake("alice", HTTP).acceptor(&acceptor).run().contexts().unwrap();
}

#[test]
fn every_refusal_looks_the_same_to_the_client() {
    let kit = kit();
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    let ticket = kit.ticket(&tgt, HTTP, TicketOptions::default()).unwrap();
    let credential = || Credential::tickets(&kit.ccache("alice", [ticket.clone()]));
    let acceptor = kit.acceptor(HTTP);
    let answer = |fault: Option<Fault>, acceptor: &Acceptor| {
        fault.into_iter().for_each(|fault| kit.wire().fault(Kind::ApReq, fault));
        let ends = kit.handshake("alice", HTTP).credential(&credential()).acceptor(acceptor).run();
        assert!(ends.acceptor.error().is_some());
        kit.wire().last(Kind::KrbError).unwrap().sent
    };
    let first = answer(None, &kit.acceptor(HOST));
    kit.handshake("alice", HTTP).credential(&credential()).acceptor(&acceptor).run().contexts().unwrap();
    let replay = kit.wire().last(Kind::ApReq).unwrap().number;
    let faults = [
        Fault::Replay(replay),
        Fault::Cut(9),
        Fault::Flip { offset: 200, mask: 1 },
        Fault::Flip { offset: 540, mask: 1 },
    ];
    for fault in faults.into_iter().chain([Fault::Replace(b"nonsense".to_vec()), Fault::Append(vec![0])]) {
        assert_eq!(answer(Some(fault), &acceptor), first);
    }
}
