//! NTLM's machines and messages: a peer without the password is nobody, and a server proves nothing.

use crate::machines::tokens;
use crate::meeting::{Meeting, Spoken, accept, initiate};
use crate::seeds::{Talk, holds, split};
use handfast::{Context, Flags};
use handfast_testkit::End;
use std::sync::OnceLock;

/// What passed between an honest client and server.
pub struct NtlmStage {
    /// NEGOTIATE_MESSAGE and AUTHENTICATE_MESSAGE.
    pub client: Vec<Vec<u8>>,
    /// CHALLENGE_MESSAGE.
    pub challenge: Vec<u8>,
    /// What only the client could make, over all three messages.
    pub mic: Vec<u8>,
    /// Both contexts, and what the client would send.
    pub talk: Talk,
}

/// The stage, made once.
pub fn ntlm_stage() -> &'static NtlmStage {
    static STAGE: OnceLock<NtlmStage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let Meeting { client, server, talk } = Meeting::of(Spoken::Ntlm, true);
        let mic = mic(&client[1]);
        NtlmStage { client, challenge: server[0].clone(), mic, talk }
    })
}

/// The MIC of the AUTHENTICATE_MESSAGE somewhere in `token` (MS-NLMP 2.2.1.3).
pub fn mic(token: &[u8]) -> Vec<u8> {
    let at = token.windows(9).position(|window| window == b"NTLMSSP\0\x03").expect("it is there");
    token[at + 72..at + 88].to_vec()
}

/// A client's tokens, for an acceptor that takes whatever comes. A context comes of the genuine MIC only.
pub fn ntlm_acceptor(data: &[u8]) {
    if let End::Established(context) = accept(split(data)) {
        assert!(holds(data, &ntlm_stage().mic), "established with {}", context.peer());
    }
}

/// A server's challenge. Whoever it is of, the context says that the server is unproven and has what the policy asks for.
pub fn ntlm_initiator(data: &[u8]) {
    let mut answers = split(data).into_iter();
    let end = initiate(Spoken::Ntlm, None, &mut |_: &[u8]| answers.next().map(<[u8]>::to_vec));
    if let End::Established(context) = end {
        unproven_and_protected(context);
    }
}

/// A context with an NTLM server.
pub fn unproven_and_protected(mut context: Context) {
    assert!(!context.flags().contains(Flags::MUTUAL));
    assert!(context.flags().contains(Flags::INTEGRITY | Flags::CONFIDENTIALITY | Flags::REPLAY | Flags::SEQUENCE));
    let mut token = Vec::new();
    context.seal(b"message", &mut token).expect("the flags allow it");
    assert!(context.unseal(&mut token).is_err(), "our own message");
}

/// Sealed messages and signatures for a live context: as `context_tokens`.
pub fn ntlm_tokens(data: &[u8]) {
    tokens(&ntlm_stage().talk, data);
}
