//! User-to-user's machines: a question for a login, its answer, and a handshake with a ticket for that.

use crate::meeting::Recorder;
use crate::seeds::{holds, join, split};
use handfast::krb5::exchange::{TicketOptions, TicketRequest};
use handfast::krb5::{HeldTicket, Keytab};
use handfast::{Acceptor, Credential, Initiator, Policy, ReplayGuard, ServiceName};
use handfast_testkit::{AcceptorPeer, End, Party, Peer, SeededRandom, Testkit};
use std::sync::{Arc, OnceLock};

/// alice's ticket for bob's login, and what passed between honest ends.
struct Stage {
    kit: Testkit,
    login: HeldTicket,
    ticket: HeldTicket,
    client: Vec<Vec<u8>>,
    server: Vec<Vec<u8>>,
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(Stage::new)
}

impl Stage {
    fn new() -> Stage {
        let kit = Testkit::new("EXAMPLE.COM");
        let log_in = |user: &str| {
            kit.user(user, "correct horse");
            kit.reseed(1);
            kit.login(user, TicketOptions::default()).expect("honest")
        };
        let (tgt, login) = (log_in("alice"), log_in("bob"));
        let (peer, ticket) = (login.client.clone(), login.ticket.clone());
        let request = TicketRequest::user_to_user(&tgt, peer, ticket, TicketOptions::default(), kit.random());
        let ticket = kit.request(request).expect("honest").ticket;
        let mut stage = Stage { kit, login, ticket, client: Vec::new(), server: Vec::new() };
        let mut recorder = Recorder::of(stage.acceptor());
        let end = stage.initiate(&mut recorder);
        let (client, server, other) = recorder.tokens();
        assert!(end.is_established() && other.is_established(), "honest ends: {end}, {other}");
        (stage.client, stage.server) = (client, server);
        stage
    }

    fn acceptor(&self) -> AcceptorPeer {
        let random = Arc::new(SeededRandom::new(2));
        let acceptor = Acceptor::with_random(&Keytab::new(), Some(ReplayGuard::in_memory()), random);
        let acceptor = acceptor.user_to_user(self.login.clone()).expect("an enctype of ours");
        AcceptorPeer::new(&self.kit, acceptor.session())
    }

    fn initiate(&self, peer: &mut dyn Peer) -> End {
        self.kit.wire().forget();
        let initiator = Initiator::with_random(Policy::default(), Arc::new(SeededRandom::new(1)));
        let credential = Credential::tickets(&self.kit.ccache("alice", [self.ticket.clone()]));
        let target = ServiceName::principal(self.login.client.clone());
        let mut out = Vec::new();
        let target = initiator.to(&target).credential(&credential).user_to_user();
        let step = target.begin(self.kit.now(Party::Initiator), &mut out);
        self.kit.drive(step, out, peer)
    }

    fn accept(&self, tokens: &[&[u8]]) -> End {
        let mut peer = self.acceptor();
        for token in tokens {
            if peer.answer(token).is_none() {
                break;
            }
        }
        peer.end()
    }

    fn answered(&self, tokens: &[&[u8]]) -> End {
        let mut answers = tokens.iter();
        self.initiate(&mut |_: &[u8]| answers.next().map(|token| token.to_vec()))
    }
}

/// The end of a token, where its proof is.
fn proof(token: &[u8]) -> &[u8] {
    &token[token.len() - 40..]
}

/// A client's tokens. A context comes of the genuine authenticator only.
pub fn user_to_user_acceptor(data: &[u8]) {
    if let End::Established(context) = stage().accept(&split(data)) {
        assert!(holds(data, proof(&stage().client[1])), "established with {}", context.peer());
    }
}

/// A server's tokens. A context comes of the genuine AP-REP only, whoever's login was shown before.
pub fn user_to_user_initiator(data: &[u8]) {
    if let End::Established(context) = stage().answered(&split(data)) {
        assert!(holds(data, proof(&stage().server[1])), "established with {}", context.peer());
    }
}

/// The client's tokens, for `user_to_user_acceptor`: asking, and knowing the login already.
pub fn clients() -> Vec<Vec<u8>> {
    let honest = [join(&stage().client), join(&stage().client[1..])];
    for tokens in &honest {
        assert!(stage().accept(&split(tokens)).is_established(), "an honest client");
    }
    honest.to_vec()
}

/// The server's tokens, for `user_to_user_initiator`.
pub fn servers() -> Vec<Vec<u8>> {
    let honest = join(&stage().server);
    assert!(stage().answered(&split(&honest)).is_established(), "an honest server");
    vec![honest, join(&stage().server[..1])]
}
