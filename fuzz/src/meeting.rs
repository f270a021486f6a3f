//! Meetings of an initiator and an acceptor that draw from sources of their own: each end says the same in every run, whether
//! the other one is there or its tokens come from the fuzzer.

use crate::seeds::{Stage, Talk, stage};
use handfast::krb5::Keytab;
use handfast::{Acceptor, Credential, Initiator, Policy, ReplayGuard, ServiceName};
use handfast_testkit::{AcceptorPeer, End, Party, Peer, SeededRandom};
use std::sync::Arc;

/// How an initiator begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// By raw NTLM.
    Ntlm,
    /// By Negotiate, with a ticket and a password for NTLM.
    Both,
    /// By Negotiate, with a password for NTLM alone.
    NtlmOffered,
    /// By raw Kerberos in DCE style, with a ticket.
    DceStyle,
}

/// What was said, and what came of it.
pub struct Meeting {
    /// The initiator's tokens.
    pub client: Vec<Vec<u8>>,
    /// The acceptor's tokens.
    pub server: Vec<Vec<u8>>,
    /// Both contexts, and what the client would send.
    pub talk: Talk,
}

/// An acceptor of NTLM and Negotiate, and of Kerberos if it is to have keys.
pub fn acceptor(with_keys: bool) -> Acceptor {
    let kit = &stage().kit;
    let keytab = if with_keys { kit.keytab(Stage::SERVICE) } else { Keytab::new() };
    Acceptor::with_random(&keytab, Some(ReplayGuard::in_memory()), Arc::new(SeededRandom::new(2)))
        .dangerous_with_ntlm(kit.ntlm_server(Stage::SERVICE))
}

/// Where an initiator comes to with `peer`, which may have spoken first.
pub fn initiate(spoken: Spoken, hint: Option<&[u8]>, peer: &mut dyn Peer) -> End {
    let stage = stage();
    stage.kit.wire().forget();
    let policy = match spoken {
        Spoken::DceStyle => Policy::default().dce_style(),
        _ => Policy::default().dangerous_ntlm_unproven_server(),
    };
    let initiator = Initiator::with_random(policy, Arc::new(SeededRandom::new(1)));
    let credential = match spoken {
        Spoken::Both => Credential::tickets(&stage.kit.ccache("alice", [stage.ticket.clone()])).and_ntlm_password(
            "EXAMPLE.COM",
            "alice",
            "correct horse",
        ),
        Spoken::DceStyle => Credential::tickets(&stage.kit.ccache("alice", [stage.ticket.clone()])),
        Spoken::Ntlm | Spoken::NtlmOffered => Credential::ntlm_password("EXAMPLE.COM", "alice", "correct horse"),
    };
    let target: ServiceName = Stage::SERVICE.parse().expect("a name");
    let target = initiator.to(&target).credential(&credential);
    let target = match spoken {
        Spoken::Ntlm => target.ntlm(),
        Spoken::DceStyle => target,
        Spoken::Both | Spoken::NtlmOffered => target.negotiate(),
    };
    let (mut out, now) = (Vec::new(), stage.kit.now(Party::Initiator));
    let step = match hint {
        Some(hint) => target.begin_with(hint, now, &mut out),
        None => target.begin(now, &mut out),
    };
    stage.kit.drive(step, out, peer)
}

/// Where an acceptor comes to with these tokens.
pub fn accept<'t>(tokens: impl IntoIterator<Item = &'t [u8]>) -> End {
    let mut peer = AcceptorPeer::new(&stage().kit, acceptor(true).session());
    for token in tokens {
        if peer.answer(token).is_none() {
            break;
        }
    }
    peer.end()
}

/// An acceptor, and what passed.
pub(crate) struct Recorder {
    peer: AcceptorPeer,
    client: Vec<Vec<u8>>,
    server: Vec<Vec<u8>>,
}

impl Recorder {
    pub(crate) fn of(peer: AcceptorPeer) -> Recorder {
        Recorder { peer, client: Vec::new(), server: Vec::new() }
    }

    /// The tokens of both ends, and where the acceptor came to.
    pub(crate) fn tokens(self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, End) {
        (self.client, self.server, self.peer.end())
    }
}

impl Peer for Recorder {
    fn answer(&mut self, token: &[u8]) -> Option<Vec<u8>> {
        self.client.push(token.to_vec());
        let answer = self.peer.answer(token)?;
        self.server.push(answer.clone());
        Some(answer)
    }
}

impl Meeting {
    /// Of honest ends.
    pub fn of(spoken: Spoken, with_keys: bool) -> Meeting {
        let mut recorder = Recorder::of(AcceptorPeer::new(&stage().kit, acceptor(with_keys).session()));
        let initiator = initiate(spoken, None, &mut recorder);
        let (said, answered, acceptor) = recorder.tokens();
        let (End::Established(client), End::Established(server)) = (initiator, acceptor) else {
            panic!("honest ends, and no contexts")
        };
        Meeting { client: said, server: answered, talk: Talk::of((client, server)) }
    }
}
