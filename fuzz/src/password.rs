//! The password service and its client: who has no key changes nothing, and is not believed.

use crate::seeds::holds;
use handfast::Time;
use handfast::crypto::Secret;
use handfast::krb5::HeldTicket;
use handfast::krb5::exchange::{
    ClientSecret, ExchangeStep, Login, PasswordChange, PasswordExchange, PasswordStep, TicketOptions,
};
use handfast::krb5::message::{PasswordMessage, PasswordPolicy, PasswordResult};
use handfast_kdc::{MemoryDirectory, PasswordAnswer, PrincipalEntry, Realm, Request, Settings, Transport};
use handfast_testkit::SeededRandom;
use std::sync::{Arc, OnceLock, RwLock};

const NOW: Time = Time::from_unix_seconds(1_700_000_000);

/// A user, her ticket for the password service, her requests, and the replies to them.
pub struct Stage {
    members: MemoryDirectory,
    ticket: HeldTicket,
    /// In the original protocol, and in that of RFC 3244.
    pub requests: [Vec<u8>; 2],
    pub replies: Vec<Vec<u8>>,
}

fn served(members: &MemoryDirectory) -> Realm {
    let directory = Arc::new(RwLock::new(members.clone()));
    Realm::new("R.TEST", directory, Settings::default(), Arc::new(SeededRandom::new(1)))
}

fn answer(realm: &Realm, bytes: &[u8]) -> PasswordAnswer {
    realm.handle_password(&Request { bytes, transport: Transport::Udp, peer: None }, None, NOW)
}

fn members() -> MemoryDirectory {
    let random = SeededRandom::new(2);
    let mut members = MemoryDirectory::new("R.TEST", &random, NOW).expect("keys");
    let alice = PrincipalEntry::user("alice@R.TEST".parse().expect("a name"), b"correct horse", NOW);
    members.insert(alice.expect("keys"));
    members.insert(PrincipalEntry::password_service("R.TEST", &random, NOW).expect("keys"));
    members
}

fn ticket(realm: &Realm) -> HeldTicket {
    let secret = ClientSecret::Password(Secret::new(b"correct horse".to_vec()));
    let service = Some(PasswordChange::service("R.TEST"));
    let options = TicketOptions { service, ..TicketOptions::default() };
    let client = "alice@R.TEST".parse().expect("a name");
    let mut step = Login::new(client, secret, options, Arc::new(SeededRandom::new(3))).begin(NOW);
    loop {
        step = match step.expect("an honest KDC") {
            ExchangeStep::Complete(got) => return got.ticket,
            ExchangeStep::NeedsKdc(login, request) => {
                let request = Request { bytes: &request.bytes, transport: Transport::Tcp, peer: None };
                login.reply(&realm.handle(&request, NOW).reply.expect("a reply"), NOW)
            }
            ExchangeStep::NeedsAnswer(_, question) => panic!("{question}"),
        };
    }
}

/// The same request each time.
fn begun(ticket: &HeldTicket, sets: bool) -> PasswordExchange {
    let (new_password, random) = (Secret::new(b"battery staple".to_vec()), Arc::new(SeededRandom::new(4)));
    let change = match sets {
        false => PasswordChange::new(ticket, new_password, random),
        true => PasswordChange::set(ticket, ticket.client.clone(), new_password, random),
    };
    change.begin(None, NOW).expect("a good ticket")
}

pub fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let members = members();
        let ticket = ticket(&served(&members));
        let requests = [false, true].map(|sets| begun(&ticket, sets).request().to_vec());
        let realm = served(&members);
        // Done, and refused since they were seen before: framed, and bare.
        let sent = [&requests[0], &requests[0], &requests[1], &requests[1]];
        let replies = sent.iter().filter_map(|request| answer(&realm, request).reply).collect();
        Stage { members, ticket, requests, replies }
    })
}

/// The end of a message: of its last ciphertext.
fn end(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.len() - 40..]
}

/// A request to the password service. Nobody is believed to be a client but who shows the genuine proof, and what is answered is a request.
pub fn request(data: &[u8]) {
    let stage = stage();
    if let Ok(message) = PasswordMessage::decode(data) {
        assert_eq!(message.to_bytes().expect("it was read"), data);
    }
    let answer = answer(&served(&stage.members), data);
    let genuine = stage.requests.iter().any(|request| holds(data, end(request)));
    assert!(answer.event.client.is_none() || genuine, "{}", answer.event);
    let is_request = PasswordMessage::decode(data).is_ok_and(|message| !message.ap.is_empty());
    assert!(answer.reply.is_none() || is_request, "servers would talk to each other");
}

/// A reply of the password service. Only the genuine one says that it is done.
pub fn reply(data: &[u8]) {
    let stage = stage();
    let _ = PasswordResult::decode(data).map(|result| PasswordPolicy::decode(result.text));
    for sets in [false, true] {
        let done = matches!(begun(&stage.ticket, sets).reply(data, NOW), Ok(PasswordStep::Complete));
        assert!(!done || stage.replies.iter().any(|reply| holds(data, end(reply))), "done, says somebody else");
    }
}
