//! Negotiate's machines and messages: who chooses for us must prove which list he chose from.

use crate::meeting::{Meeting, Spoken, accept, acceptor, initiate};
use crate::ntlm::mic;
use crate::seeds::{holds, join, split, stage};
use handfast::mech::MechanismId;
use handfast::mech::negotiate::message::NegotiationToken;
use handfast_testkit::{End, Party};
use std::sync::OnceLock;

/// A negotiation token: what is written reads as the same.
pub fn negotiate_messages(data: &[u8]) {
    let Ok(token) = NegotiationToken::decode(data) else { return };
    assert!(NegotiationToken::is_one(data), "read, and not known for one");
    let mut written = Vec::new();
    token.encode(&mut written);
    assert_eq!(NegotiationToken::decode(&written).expect("just written"), token);
}

/// What passed between honest ends.
pub struct NegotiateStage {
    /// Kerberos, the first choice of both.
    pub kerberos: Meeting,
    /// NTLM, of a client that offers nothing else.
    pub ntlm: Meeting,
    /// NTLM, of a client that offers both to a server without Kerberos.
    pub fallback: Meeting,
    /// What only the client could make: the authenticator, and both MICs of NTLM's messages.
    client_proofs: Vec<Vec<u8>>,
    /// The end of the AP-REP.
    ap_rep: Vec<u8>,
    /// The server's MIC over the list of mechanisms.
    mech_list_mic: Vec<u8>,
}

/// The stage, made once.
pub fn negotiate_stage() -> &'static NegotiateStage {
    static STAGE: OnceLock<NegotiateStage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let kerberos = Meeting::of(Spoken::Both, true);
        let (ntlm, fallback) = (Meeting::of(Spoken::NtlmOffered, true), Meeting::of(Spoken::Both, false));
        NegotiateStage {
            client_proofs: vec![end_of_mech_token(&kerberos.client[0]), mic(&ntlm.client[1])],
            ap_rep: end_of_mech_token(&kerberos.server[0]),
            mech_list_mic: mech_list_mic(fallback.server.last().expect("it has spoken")),
            kerberos,
            ntlm,
            fallback,
        }
    })
}

fn end_of_mech_token(token: &[u8]) -> Vec<u8> {
    let inner = match NegotiationToken::decode(token).expect("ours") {
        NegotiationToken::Init(init) => init.mech_token,
        NegotiationToken::Resp(resp) => resp.response_token,
    };
    let inner = inner.expect("it is there");
    inner[inner.len() - 40..].to_vec()
}

fn mech_list_mic(token: &[u8]) -> Vec<u8> {
    match NegotiationToken::decode(token).expect("ours") {
        NegotiationToken::Resp(resp) => resp.mech_list_mic.expect("it is there").to_vec(),
        NegotiationToken::Init(_) => panic!("the last of them"),
    }
}

/// A client's tokens, for an acceptor of Kerberos and NTLM. A context comes of a genuine proof only.
pub fn negotiate_acceptor(data: &[u8]) {
    if let End::Established(context) = accept(split(data)) {
        let genuine = negotiate_stage().client_proofs.iter().any(|proof| holds(data, proof));
        assert!(genuine, "established with {}", context.peer());
    }
}

/// Answers to an initiator that offers Kerberos and NTLM; if the first byte says so, the first of them before it has begun.
/// A context comes of Kerberos' genuine proof, or of the genuine MIC over the offer.
pub fn negotiate_initiator(data: &[u8]) {
    let Some((selector, tokens)) = data.split_first() else { return };
    let mut answers = split(tokens).into_iter();
    let hint = if selector & 1 == 1 { answers.next() } else { None };
    let end = initiate(Spoken::Both, hint, &mut |_: &[u8]| answers.next().map(<[u8]>::to_vec));
    let End::Established(context) = end else { return };
    let stage = negotiate_stage();
    let proof = if context.mechanism() == MechanismId::NTLM { &stage.mech_list_mic } else { &stage.ap_rep };
    assert!(holds(data, proof), "established by {}: {}", context.mechanism(), context.why());
}

/// Tokens, for `negotiate_messages`.
pub fn messages() -> Vec<Vec<u8>> {
    let stage = negotiate_stage();
    let all = [&stage.kerberos, &stage.ntlm, &stage.fallback];
    let tokens = all.into_iter().flat_map(|meeting| [&meeting.client[..], &meeting.server]).flatten();
    tokens.cloned().chain([hint()]).collect()
}

/// Clients' tokens, for `negotiate_acceptor`; each is taken.
pub fn clients() -> Vec<Vec<u8>> {
    let stage = negotiate_stage();
    let seeds = [&stage.kerberos, &stage.ntlm].map(|meeting| join(&meeting.client));
    seeds.iter().for_each(|seed| assert!(accept(split(seed)).is_established(), "an honest client"));
    seeds.into_iter().chain([join(&stage.fallback.client)]).collect()
}

/// Servers' tokens, for `negotiate_initiator`.
pub fn servers() -> Vec<Vec<u8>> {
    let stage = negotiate_stage();
    let seeds = [&stage.kerberos, &stage.fallback].map(|meeting| join(&meeting.server));
    for seed in &seeds {
        let mut answers = split(seed).into_iter();
        let end = initiate(Spoken::Both, None, &mut |_: &[u8]| answers.next().map(<[u8]>::to_vec));
        assert!(end.is_established(), "an honest server: {end}");
    }
    let hinted = join(&[&[hint()], &stage.kerberos.server[..]].concat());
    let begun = seeds.iter().map(|seed| [&[0], &seed[..]].concat());
    begun.chain([[&[1], &hinted[..]].concat()]).collect()
}

/// What an acceptor says that speaks first.
fn hint() -> Vec<u8> {
    let mut hint = Vec::new();
    let spoken = acceptor(true).session().speak_first(stage().kit.now(Party::Acceptor), &mut hint);
    spoken.expect("it may");
    hint
}
