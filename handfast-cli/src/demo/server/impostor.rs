//! Servers that have no secret, and answer all the same.

use super::PATIENCE;
use crate::demo::Trouble;
use crate::demo::stage::NTLM_DOMAIN;
use crate::demo::verdict::End;
use crate::span;
use handfast::crypto::{OsRandom, Random};
use handfast::krb5::Keytab;
use handfast::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage};
use handfast::krb5::message::{ApRep, ApReq, EncApRepPart, EncryptedData};
use handfast::mech::negotiate::message::{NegState, NegTokenResp, NegotiationToken};
use handfast::mech::{MechanismId, framing};
use handfast::{Acceptor, NtlmServer, ReplayGuard};
use handfast_net::framing::{FrameError, nns};
use handfast_net::{Deadline, Timed};
use std::net::TcpStream;

/// Answers the client's first token with what it can make up.
pub(super) fn pretend(tcp: &TcpStream) -> Result<Option<End>, Trouble> {
    let mut stream = Timed::new(tcp, Deadline::after(PATIENCE))?;
    let token = match nns::Handshake::read(&mut stream)? {
        nns::Handshake::InProgress(token) => token,
        // This client asks for no proof.
        _ => {
            nns::Handshake::Done(Vec::new()).write(&mut stream)?;
            return hear(&mut stream);
        }
    };
    if token.starts_with(b"NTLMSSP") {
        return pretend_by_ntlm(&mut stream, &token);
    }
    nns::Handshake::Done(made_up_answer(&token)?).write(&mut stream)?;
    hear(&mut stream)
}

/// Answers the client's first token with that token.
pub(super) fn reflect(tcp: &TcpStream) -> Result<Option<End>, Trouble> {
    let mut stream = Timed::new(tcp, Deadline::after(PATIENCE))?;
    match nns::Handshake::read(&mut stream)? {
        nns::Handshake::InProgress(token) => nns::Handshake::InProgress(token).write(&mut stream)?,
        // This client awaits no token.
        _ => nns::Handshake::Done(Vec::new()).write(&mut stream)?,
    }
    hear(&mut stream)
}

/// What the client says to that.
fn hear(stream: &mut Timed<'_>) -> Result<Option<End>, Trouble> {
    match nns::Handshake::read(stream)? {
        nns::Handshake::Error(code) => Ok(Some(End::told(code))),
        _ => Ok(None),
    }
}

/// Anybody can make a challenge, and say that the answer was right. What the client then says is opened by nobody, and
/// what comes back was made without the key.
fn pretend_by_ntlm(stream: &mut Timed<'_>, negotiate: &[u8]) -> Result<Option<End>, Trouble> {
    let names = NtlmServer::new("ECHO", NTLM_DOMAIN);
    let acceptor = Acceptor::new(&Keytab::new(), ReplayGuard::in_memory()).dangerous_with_ntlm(names);
    let mut challenge = Vec::new();
    acceptor.session().begin().step(negotiate, span::now(), &mut challenge)?;
    nns::Handshake::InProgress(challenge).write(stream)?;
    nns::Handshake::read(stream)?;
    nns::Handshake::Done(Vec::new()).write(stream)?;
    let mut sealed = Vec::new();
    nns::read_data(stream, &mut sealed)?;
    nns::write_data(stream, &sealed)?;
    Ok(nns::read_data(stream, &mut sealed).err().map(|error: FrameError| End::from(error)))
}

/// An answer to an AP-REQ, by itself or as Negotiate's first choice.
fn made_up_answer(token: &[u8]) -> Result<Vec<u8>, Trouble> {
    if !NegotiationToken::is_one(token) {
        return made_up_proof(token);
    }
    let NegotiationToken::Init(offer) = NegotiationToken::decode(token)? else {
        return Err(Trouble::new("a first token that offers nothing"));
    };
    let proof = made_up_proof(offer.mech_token.unwrap_or_default())?;
    let resp = NegTokenResp {
        neg_state: Some(NegState::AcceptCompleted),
        supported_mech: Some(MechanismId::KERBEROS.into()),
        response_token: Some(&proof),
        mech_list_mic: None,
    };
    let mut answer = Vec::new();
    NegotiationToken::Resp(resp).encode(&mut answer);
    Ok(answer)
}

fn made_up_proof(token: &[u8]) -> Result<Vec<u8>, Trouble> {
    let (_, mut inner) = framing::read(token)?;
    inner.take(2)?;
    let enctype = ApReq::decode(inner.all())?.authenticator.etype;
    let now = span::now();
    let part = EncApRepPart { ctime: now.into(), cusec: now.into(), subkey: None, seq_number: Some(0) };
    let mut confounder = [0; 16];
    OsRandom.fill(&mut confounder)?;
    let key = CipherKey::new(&EncryptionKey::generate(enctype, &OsRandom)?, KeyUsage::AP_REP_ENC_PART)?;
    let mut cipher = Vec::new();
    key.encrypt(&confounder, &part.to_der(), &mut cipher);
    let message = ApRep { enc_part: EncryptedData { etype: enctype, kvno: None, cipher: &cipher } }.to_der();
    let mut proof = Vec::new();
    framing::write_header(MechanismId::KERBEROS, 2 + message.len(), &mut proof);
    proof.extend_from_slice(&[2, 0]); // TOK_ID of a KRB_AP_REP (RFC 4121 4.1)
    proof.extend_from_slice(&message);
    Ok(proof)
}
