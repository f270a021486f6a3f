//! Whole exchanges with MIT's KDC, replayed: the same requests come out, and the same tickets or errors.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code, its functions that aren't tests too"
)]

mod support;

use handfast::crypto::{Random, RandomError, Secret};
use handfast::krb5::HeldTicket;
use handfast::krb5::enctype::{Enctype, string_to_key};
use handfast::krb5::exchange::{
    ClientSecret, ExchangeError, ExchangeStep, KdcRequest, Login, Mismatch, TicketOptions, TicketRequest,
};
use handfast::krb5::message::PaDataType;
use handfast::{Principal, Time};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use support::{Case, cases, to_hex};

const VECTORS: &str = include_str!("vectors/kdc-exchange.txt");

/// Fills a first nonce with ones and a second one with threes, other things with twos, threes and so on: the order in which
/// they were drawn at the recording.
#[derive(Default)]
struct Counting {
    nonces: AtomicU8,
    others: AtomicU8,
}

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(match out.len() {
            4 => 1 + self.nonces.fetch_add(2, Ordering::Relaxed),
            _ => 2 + self.others.fetch_add(1, Ordering::Relaxed),
        });
        Ok(())
    }
}

fn random() -> Arc<dyn Random> {
    Arc::new(Counting::default())
}

/// A recorded exchange.
struct Recording {
    name: String,
    at: Time,
    requests: Vec<Vec<u8>>,
    replies: Vec<Vec<u8>>,
    expect: Vec<String>,
}

fn recordings() -> Vec<Recording> {
    let mut all: Vec<Recording> = Vec::new();
    for Case { name, file, expect } in cases(VECTORS) {
        let mut words = name.split(' ');
        let (name, kind) = (words.next().unwrap(), words.next().unwrap());
        if all.last().is_none_or(|last| last.name != name) {
            let at = expect[0].strip_prefix("at ").unwrap().parse().unwrap();
            let (name, at) = (name.to_string(), Time::from_unix_seconds(at));
            all.push(Recording { name, at, requests: vec![], replies: vec![], expect: vec![] });
        }
        let last = all.last_mut().unwrap();
        match kind {
            "request" => last.requests.push(file),
            "reply" => {
                last.replies.push(file);
                last.expect.extend(expect);
            }
            other => panic!("neither request nor reply: {other}"),
        }
    }
    all
}

fn recording(name: &str) -> Recording {
    recordings().into_iter().find(|recording| recording.name == name).unwrap()
}

/// Either machine.
enum Machine {
    Login(Login),
    Ticket(TicketRequest),
}

enum Step {
    Asks(Box<Machine>, KdcRequest),
    Holds(Box<HeldTicket>),
}

fn step<M, T>(step: ExchangeStep<M, T>, wrap: fn(M) -> Machine, ticket: fn(T) -> HeldTicket) -> Step {
    match step {
        ExchangeStep::NeedsKdc(machine, request) => Step::Asks(Box::new(wrap(machine)), request),
        ExchangeStep::Complete(acquired) => Step::Holds(Box::new(ticket(*acquired))),
        ExchangeStep::NeedsAnswer(_, question) => panic!("{question}"),
    }
}

impl Machine {
    fn begin(self, now: Time) -> Result<Step, ExchangeError> {
        match self {
            Machine::Login(login) => login.begin(now).map(|next| step(next, Machine::Login, |got| got.ticket)),
            Machine::Ticket(request) => {
                request.begin(now).map(|next| step(next, Machine::Ticket, |acquired| acquired.ticket))
            }
        }
    }

    fn reply(self, reply: &[u8], now: Time) -> Result<Step, ExchangeError> {
        match self {
            Machine::Login(login) => login.reply(reply, now).map(|next| step(next, Machine::Login, |got| got.ticket)),
            Machine::Ticket(request) => {
                request.reply(reply, now).map(|next| step(next, Machine::Ticket, |acquired| acquired.ticket))
            }
        }
    }

    /// Runs with these replies, at a time; requests must be those recorded.
    fn replay(self, recording: &Recording, replies: &[Vec<u8>], now: Time) -> Result<HeldTicket, ExchangeError> {
        let mut next = self.begin(now)?;
        for (index, reply) in replies.iter().enumerate() {
            let Step::Asks(machine, request) = next else { panic!("{}: {index}", recording.name) };
            if now == recording.at {
                assert_eq!(to_hex(&request.bytes), to_hex(&recording.requests[index]), "{} {index}", recording.name);
            }
            assert!(!request.tcp_required);
            next = machine.reply(reply, now)?;
        }
        match next {
            Step::Holds(ticket) => Ok(*ticket),
            Step::Asks(..) => panic!("{}: asks for more", recording.name),
        }
    }
}

/// What was offered when the exchanges were recorded: AES alone, and no way to other realms.
fn as_recorded() -> TicketOptions {
    let preauth = vec![PaDataType::ENCRYPTED_CHALLENGE, PaDataType::ENC_TIMESTAMP];
    let enctypes = [20, 19, 18, 17].map(Enctype).to_vec();
    TicketOptions { enctypes, preauth, referrals: false, kdc_timesync: false, ..TicketOptions::default() }
}

/// What the recorded exchange was started with.
fn start(name: &str) -> Machine {
    let (kind, enctype) = name.split_once('-').unwrap_or((name, ""));
    let mut options = as_recorded();
    if let Ok(number) = enctype.parse() {
        options.enctypes = vec![Enctype(number)];
        options.renewable_for = Some(Duration::from_secs(7 * 86_400));
        (options.forwardable, options.proxiable) = (true, true);
    }
    let password = |text: &str| ClientSecret::Password(Secret::new(text.as_bytes().to_vec()));
    let login = |client: &str, secret, options| {
        Machine::Login(Login::new(Principal::parse_with_realm(client, "LAB.TEST").unwrap(), secret, options, random()))
    };
    match (kind, name) {
        ("login", _) | (_, "tgt") => login("alice", password("alice-pw"), options),
        (_, "skew+" | "skew-") => login("alice", password("alice-pw"), options),
        ("ticket", _) => {
            let service = "host/localhost@LAB.TEST".parse().unwrap();
            Machine::Ticket(TicketRequest::new(&tgt(&format!("login-{enctype}")), service, options, random()))
        }
        ("renew", _) => Machine::Ticket(TicketRequest::renew(&tgt(&format!("login-{enctype}")), options, random())),
        ("keys", _) => {
            let key = string_to_key(options.enctypes[0], b"alice-pw", b"LAB.TESTalice", None).unwrap();
            login("alice", ClientSecret::Keys(vec![key]), as_recorded())
        }
        (_, "nopre") => login("nopre", password("nopre-pw"), options),
        (_, "nopre-wrong") => login("nopre", password("x"), options),
        (_, "wrong") => login("alice", password("nope"), options),
        (_, "unknown") => login("zed", password("x"), options),
        (_, "expired") => login("expired", password("expired-pw"), options),
        (_, "locked") => login("locked", password("locked-pw"), options),
        (_, "rc4") => login("rc4user", password("rc4user-pw"), options),
        (_, "unknown-service") => {
            let service = "HTTP/nowhere@LAB.TEST".parse().unwrap();
            Machine::Ticket(TicketRequest::new(&tgt("tgt"), service, options, random()))
        }
        other => panic!("no start for {other:?}"),
    }
}

fn tgt(name: &str) -> HeldTicket {
    let recording = recording(name);
    start(name).replay(&recording, &recording.replies, recording.at).unwrap()
}

fn tell(result: &Result<HeldTicket, ExchangeError>) -> String {
    match result {
        Err(error) => format!("error {error}"),
        Ok(ticket) => format!(
            "ticket {} {} {} {} to {} renew till {} {:?}",
            ticket.client,
            ticket.server,
            ticket.key.enctype(),
            ticket.starts(),
            ticket.end_time,
            ticket.renew_till.map_or("never".to_string(), |till| till.to_string()),
            ticket.flags
        ),
    }
}

#[test]
fn recorded_exchanges_come_out_the_same() {
    let recordings = recordings();
    assert_eq!(recordings.len(), 21);
    for recording in &recordings {
        let result = start(&recording.name).replay(recording, &recording.replies, recording.at);
        assert_eq!([tell(&result)], *recording.expect, "{}", recording.name);
    }
}

/// Makes the machine of `login-18` or `ticket-18` again and again, quickly: with the key instead of the password.
fn quick(name: &str) -> Box<dyn Fn() -> Machine> {
    let enctypes = vec![Enctype(18)];
    let renewable_for = Some(Duration::from_secs(7 * 86_400));
    let options = TicketOptions { enctypes, renewable_for, forwardable: true, proxiable: true, ..as_recorded() };
    if name == "ticket-18" {
        let tgt = tgt("login-18");
        let service: Principal = "host/localhost@LAB.TEST".parse().unwrap();
        return Box::new(move || Machine::Ticket(TicketRequest::new(&tgt, service.clone(), options.clone(), random())));
    }
    let key = string_to_key(Enctype(18), b"alice-pw", b"LAB.TESTalice", None).unwrap();
    let (client, secret) = ("alice@LAB.TEST".parse::<Principal>().unwrap(), ClientSecret::Keys(vec![key]));
    Box::new(move || Machine::Login(Login::new(client.clone(), secret.clone(), options.clone(), random())))
}

#[test]
fn recorded_replies_cut_anywhere_do_not_decode() {
    for name in ["login-18", "ticket-18"] {
        let (recording, start) = (recording(name), quick(name));
        let (last, before) = recording.replies.split_last().unwrap();
        for end in 0..last.len() {
            let mut replies = before.to_vec();
            replies.push(last[..end].to_vec());
            let result = start().replay(&recording, &replies, recording.at);
            assert!(matches!(result, Err(ExchangeError::Decode(_))), "{name} cut at {end}: {result:?}");
        }
    }
}

/// A changed reply is an error, or changes nothing but what RFC 4120 leaves unprotected: the encrypted part of the
/// ticket (opaque to the client), name types (6.2), and the padata and key version of an AS-REP that a key is found
/// without.
#[test]
fn recorded_replies_changed_anywhere_give_no_other_ticket() {
    for name in ["login-18", "ticket-18"] {
        let (recording, start) = (recording(name), quick(name));
        let whole = start().replay(&recording, &recording.replies, recording.at).unwrap();
        let (last, before) = recording.replies.split_last().unwrap();
        let mut refused = 0;
        for at in 0..last.len() {
            let mut replies = before.to_vec();
            let mut changed = last.clone();
            changed[at] ^= 0x01;
            replies.push(changed);
            match start().replay(&recording, &replies, recording.at) {
                Err(_) => refused += 1,
                Ok(ticket) => assert_eq!(HeldTicket { ticket: whole.ticket.clone(), ..ticket }, whole, "{name} {at}"),
            }
        }
        assert!(refused > 300, "{name}: {refused} of {}", last.len());
    }
}

#[test]
fn a_reply_of_an_earlier_exchange_is_refused() {
    // The same request at a later time: its nonce is the same here, but not the time.
    let recording = recording("nopre");
    let late = Time::from_unix_seconds(recording.at.unix_seconds() + 301);
    let result = start("nopre").replay(&recording, &recording.replies, late);
    assert!(matches!(result, Err(ExchangeError::ClockSkew { seconds: -301, .. })), "{result:?}");
    let long_after = Time::from_unix_seconds(recording.at.unix_seconds() + 86_400);
    let ticket = recordings().into_iter().find(|recording| recording.name == "ticket-18").unwrap();
    let result = start("ticket-18").replay(&ticket, &ticket.replies, long_after);
    let Err(ExchangeError::Mismatch(mismatch)) = &result else { panic!("{result:?}") };
    assert!(matches!(**mismatch, Mismatch::Ended { .. }), "{result:?}");
}

#[test]
fn a_reply_to_another_nonce_is_refused() {
    // The second reply of a login, given to its first request, which had another nonce.
    let recording = recording("keys-20");
    let result = start("keys-20").replay(&recording, &recording.replies[1..], recording.at);
    let Err(ExchangeError::Mismatch(mismatch)) = &result else { panic!("{result:?}") };
    assert_eq!(**mismatch, Mismatch::Nonce);
}
