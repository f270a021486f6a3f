//! DCE style's machines: three legs, each with a proof.

use crate::meeting::{Meeting, Spoken, accept, initiate};
use crate::seeds::{holds, join, split};
use handfast_testkit::End;
use std::sync::OnceLock;

/// What passed between honest ends.
fn meeting() -> &'static Meeting {
    static MEETING: OnceLock<Meeting> = OnceLock::new();
    MEETING.get_or_init(|| Meeting::of(Spoken::DceStyle, true))
}

/// The end of a token, where its proof is.
fn proof(token: &[u8]) -> &[u8] {
    &token[token.len() - 40..]
}

/// A client's tokens. A context comes of the genuine authenticator and the genuine third leg only.
pub fn dce_acceptor(data: &[u8]) {
    if let End::Established(context) = accept(split(data)) {
        let genuine = meeting().client.iter().all(|token| holds(data, proof(token)));
        assert!(genuine, "established with {}", context.peer());
    }
}

/// A server's token. A context comes of the genuine AP-REP only.
pub fn dce_initiator(data: &[u8]) {
    let mut answers = split(data).into_iter();
    let end = initiate(Spoken::DceStyle, None, &mut |_: &[u8]| answers.next().map(<[u8]>::to_vec));
    if let End::Established(context) = end {
        assert!(holds(data, proof(&meeting().server[0])), "established with {}", context.peer());
    }
}

/// The client's tokens, for `dce_acceptor`.
pub fn clients() -> Vec<Vec<u8>> {
    let honest = join(&meeting().client);
    assert!(accept(split(&honest)).is_established(), "an honest client");
    let sent_back = join(&[meeting().client[0].clone(), meeting().server[0].clone()]);
    assert!(!accept(split(&sent_back)).is_established(), "our own answer");
    vec![honest, sent_back]
}

/// The server's tokens, for `dce_initiator`.
pub fn servers() -> Vec<Vec<u8>> {
    let honest = join(&meeting().server);
    let mut answers = split(&honest).into_iter();
    let end = initiate(Spoken::DceStyle, None, &mut |_: &[u8]| answers.next().map(<[u8]>::to_vec));
    assert!(end.is_established(), "an honest server: {end}");
    vec![honest]
}
