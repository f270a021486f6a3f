//! The pieces of the kit, each by itself.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use handfast_testkit::handfast::crypto::Random;
use handfast_testkit::handfast::krb5::exchange::{KdcRequest, TicketOptions};
use handfast_testkit::*;
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

const HTTP: &str = "HTTP/www.example.com";

fn kit(seed: u64) -> Testkit {
    let kit = Testkit::with_seed("EXAMPLE.COM", seed);
    kit.user("alice", "correct horse");
    kit.service(HTTP);
    kit
}

/// Every message of a login, a handshake and one sealed line each way.
fn transcript(kit: &Testkit) -> Vec<Vec<u8>> {
    let (mut client, mut server) = kit.authenticate("alice", HTTP).unwrap();
    let mut sealed = [Vec::new(), Vec::new()];
    client.seal(b"to", &mut sealed[0]).unwrap();
    server.seal(b"fro", &mut sealed[1]).unwrap();
    kit.wire().messages().into_iter().map(|message| message.sent).chain(sealed).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let first = transcript(&kit(7));
    assert_eq!(first.len(), 10);
    assert_eq!(transcript(&kit(7)), first);
    let other = transcript(&kit(8));
    assert!(first.iter().zip(&other).skip(2).all(|(first, other)| first != other));
}

#[test]
fn a_new_seed_keeps_principals_and_keys() {
    let kit = kit(7);
    let keytab = kit.keytab(HTTP);
    kit.reseed(1);
    let first = transcript(&kit);
    kit.reseed(1);
    assert_eq!(transcript(&kit), first);
    assert_eq!(kit.keytab(HTTP), keytab);
}

#[test]
fn no_two_draws_are_the_same() {
    let random = SeededRandom::new(3);
    let forks = [random.fork(), random.fork(), random];
    let draws = forks.iter().flat_map(|random| {
        (0..1000).map(|_| {
            let mut bytes = [0; 8];
            random.fill(&mut bytes).unwrap();
            bytes
        })
    });
    let draws: std::collections::HashSet<_> = draws.collect();
    assert_eq!(draws.len(), 3000);
}

#[test]
fn time_passes_when_it_is_told_to() {
    let clock = Clock::default();
    assert_eq!(clock.now(Party::Kdc), Clock::START);
    clock.skew(Party::Kdc, -60);
    clock.advance(Duration::from_secs(90));
    assert_eq!(clock.now(Party::Kdc).seconds_since(Clock::START), 30);
    assert_eq!(clock.now(Party::Initiator).seconds_since(Clock::START), 90);
    clock.set(Clock::START);
    assert_eq!(clock.now(Party::Acceptor), Clock::START);
    assert_eq!(clock.now(Party::Kdc).seconds_since(Clock::START), -60);
}

#[test]
fn the_wire_does_what_it_is_told_and_remembers() {
    let clock = Clock::default();
    let wire = Wire::new(clock.clone());
    let carry = |fault: Option<Fault>| {
        let number = wire.messages().len();
        fault.into_iter().for_each(|fault| wire.fault(number, fault));
        wire.carry(Leg::ToAcceptor, b"abc".to_vec())
    };
    assert_eq!(carry(None).unwrap(), b"abc");
    assert_eq!(carry(Some(Fault::Drop)), None);
    assert_eq!(carry(Some(Fault::Replace(b"x".to_vec()))).unwrap(), b"x");
    assert_eq!(carry(Some(Fault::Cut(1))).unwrap(), b"a");
    assert_eq!(carry(Some(Fault::Append(b"d".to_vec()))).unwrap(), b"abcd");
    assert_eq!(carry(Some(Fault::Flip { offset: 1, mask: 3 })).unwrap(), b"aac");
    assert_eq!(carry(Some(Fault::Flip { offset: 3, mask: 3 })).unwrap(), b"abc");
    assert_eq!(carry(Some(Fault::Delay(Duration::from_secs(5)))).unwrap(), b"abc");
    assert_eq!(clock.right().seconds_since(Clock::START), 5);
    assert_eq!(wire.messages().len(), 8);
    assert_eq!(wire.messages()[3].sent, b"abc");
    assert_eq!(wire.messages()[3].arrived.as_deref(), Some(&b"a"[..]));
    wire.fault(Leg::ToAcceptor, Fault::Replay(0));
    assert_eq!(wire.carry(Leg::ToAcceptor, b"new".to_vec()).unwrap(), b"abc");
    assert_eq!(wire.carry(Leg::ToInitiator, b"new".to_vec()).unwrap(), b"new");
    wire.script(|message| (message.number % 2 == 1).then(|| b"script".to_vec()));
    assert_eq!(wire.carry(Leg::ToInitiator, b"new".to_vec()), None);
    assert_eq!(wire.carry(Leg::ToInitiator, b"new".to_vec()).unwrap(), b"script");
    wire.repair();
    assert_eq!(wire.carry(Leg::ToAcceptor, b"new".to_vec()).unwrap(), b"new");
    wire.fault(Kind::Other, Fault::Drop);
    assert_eq!(wire.carry(Leg::ToAcceptor, b"new".to_vec()), None);
    assert_eq!(wire.carry(Leg::ToAcceptor, b"new".to_vec()).unwrap(), b"new");
    wire.forget();
    assert_eq!(wire.messages(), []);
}

#[test]
fn messages_are_known_by_their_first_bytes() {
    let kit = kit(0);
    transcript(&kit);
    let kinds: Vec<_> = kit.wire().messages().iter().map(|message| (message.leg, message.kind)).collect();
    assert_eq!(
        kinds,
        [
            (Leg::ToKdc, Kind::AsReq),
            (Leg::FromKdc, Kind::KrbError),
            (Leg::ToKdc, Kind::AsReq),
            (Leg::FromKdc, Kind::AsRep),
            (Leg::ToKdc, Kind::TgsReq),
            (Leg::FromKdc, Kind::TgsRep),
            (Leg::ToAcceptor, Kind::ApReq),
            (Leg::ToInitiator, Kind::ApRep),
        ]
    );
    assert_eq!(kit.events().len(), 3);
    let (_, refusal) = kit.accept(&kit.acceptor(HTTP), b"nonsense");
    assert_eq!(Kind::of(&refusal.unwrap()), Kind::KrbError);
    assert_eq!(Kind::of(b""), Kind::Other);
    assert_eq!(Kind::of(b"\x60\x00"), Kind::Other);
}

#[test]
fn somebody_else_answers_for_the_realm_and_then_the_realm_again() {
    let kit = kit(0);
    let request = KdcRequest { realm: "EXAMPLE.COM".into(), bytes: b"?".to_vec(), tcp_required: false };
    kit.kdc_says([Say::Bytes(b"one".to_vec()), Say::Nothing, Say::Reflect, Say::Garbage(9)]);
    assert_eq!(kit.exchange(&request).unwrap(), b"one");
    assert_eq!(kit.exchange(&request).unwrap_err().tried[0].kdc, "UDP testkit");
    assert_eq!(kit.exchange(&request).unwrap(), b"?");
    assert_eq!(kit.exchange(&request).unwrap().len(), 9);
    assert_eq!(kit.events(), []);
    // The realm itself is silent to what is no request, and says so in its log.
    kit.exchange(&request).unwrap_err();
    assert_eq!(kit.events().len(), 1);
    let elsewhere = KdcRequest { realm: "OTHER.COM".into(), ..request };
    assert_eq!(kit.exchange(&elsewhere).unwrap_err().tried, []);
}

#[test]
fn names_may_have_the_realm_or_not() {
    let kit = kit(0);
    kit.authenticate("alice@EXAMPLE.COM", "HTTP@www.example.com").unwrap();
    assert_eq!(kit.credential(HTTP).client().to_string(), "HTTP/www.example.com@EXAMPLE.COM");
    // A service as a client of another one, by its keys.
    kit.service("ldap/dc.example.com");
    let (_, server) = kit.authenticate(HTTP, "ldap/dc.example.com").unwrap();
    assert_eq!(server.peer().to_string(), "HTTP/www.example.com@EXAMPLE.COM");
}

#[test]
#[should_panic(expected = "no such user or service")]
fn a_name_that_the_realm_does_not_have_is_a_mistake_in_the_test() {
    kit(0).credential("bob");
}

#[test]
fn tickets_one_by_one() {
    let kit = kit(0);
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    assert!(tgt.server.is_krbtgt());
    let ticket = kit.ticket(&tgt, HTTP, TicketOptions::default()).unwrap();
    assert_eq!(ticket.server.to_string(), "HTTP/www.example.com@EXAMPLE.COM");
    let credential = handfast::Credential::tickets(&kit.ccache("alice", [ticket]));
    kit.wire().forget();
    kit.handshake("alice", HTTP).credential(&credential).run().contexts().unwrap();
    assert_eq!(kit.wire().messages().len(), 2);
}

#[test]
fn pipes_end_when_their_other_end_does() {
    let (mut near, far) = Pipe::pair();
    let clone = far.clone();
    drop(far);
    clone.clone().write_all(b"left").unwrap();
    drop(clone);
    let mut read = Vec::new();
    near.read_to_end(&mut read).unwrap();
    assert_eq!(read, b"left");
    assert_eq!(near.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_shut_pipe_still_reads() {
    let (mut near, mut far) = Pipe::pair();
    near.shutdown();
    assert_eq!(near.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(far.read(&mut [0; 4]).unwrap(), 0);
    far.write_all(b"back").unwrap();
    let mut read = [0; 4];
    near.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"back");
}

#[test]
fn a_small_pipe_carries_much() {
    let (mut near, mut far) = Pipe::pair_with_capacity(3);
    far.limit_reads(2);
    let writer = std::thread::spawn(move || near.write_all(&[7; 1000]));
    assert_eq!(far.read(&mut [0; 10]).unwrap(), 2);
    let mut read = Vec::new();
    far.read_to_end(&mut read).unwrap();
    assert_eq!(read, [7; 998]);
    writer.join().unwrap().unwrap();
}

#[test]
fn a_read_that_may_not_wait_fails() {
    let (mut near, _far) = Pipe::pair();
    near.set_read_timeout(Some(Duration::ZERO));
    assert_eq!(near.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::TimedOut);
}
