//! Running machines: a peer without the keys is refused, and nothing that it says spoils what goes on.

use crate::seeds::{Stage, Talk, holds, split, stage};
use handfast::krb5::exchange::{ClientSecret, ExchangeError, ExchangeStep, Login, TicketOptions, TicketRequest};
use handfast::krb5::message::{KdcRep, KrbError};
use handfast::{Context, Time};
use handfast_kdc::{Request, Transport};
use handfast_testkit::{End, Party};

/// A context that another process exported. It need not be one of ours, but what comes of it is no more than a context:
/// exported again, it is the same bytes.
pub fn context_import(data: &[u8]) {
    let Ok(mut context) = Context::import(data) else { return };
    let mut out = Vec::new();
    let _ = context.seal(b"message", &mut out);
    let _ = context.unprotect(&mut out);
    let written = context.export();
    let again = Context::import(written.expose()).expect("just exported").export();
    assert_eq!(again.expose(), written.expose());
}

/// Sealed messages and signatures for a live context: the first byte says which, the rest is the token. Only what the
/// peer made is taken, and the context goes on after what is refused.
pub fn context_tokens(data: &[u8]) {
    tokens(&stage().talk, data);
}

/// The same for any context.
pub fn tokens(talk: &Talk, data: &[u8]) {
    let Some((selector, token)) = data.split_first() else { return };
    let import = |bytes: &[u8]| Context::import(bytes).expect("exported by the stage");
    let (mut client, mut server) = (import(&talk.client), import(&talk.server));
    let turned = unrotated(token);
    let genuine = talk.messages.iter().any(|(_, made)| made == token || turned.is_some() && unrotated(made) == turned);
    let mut buffer = token.to_vec();
    let taken = match selector % 3 {
        0 => server.unseal(&mut buffer).is_ok(),
        1 => server.unprotect(&mut buffer).is_ok(),
        _ => server.verify(b"signed", token).is_ok(),
    };
    assert!(!taken || genuine, "taken, and not of the peer");
    if !taken {
        let mut sealed = Vec::new();
        client.seal(b"still here", &mut sealed).expect("the flags allow it");
        assert_eq!(server.unseal(&mut sealed).expect("it is the peer's"), b"still here");
    }
}

/// A Wrap token of Kerberos without its rotation. Nothing protects the count, and every count that turns the same bytes to the
/// same place is to be read (RFC 4121 4.2.5).
fn unrotated(token: &[u8]) -> Option<Vec<u8>> {
    let mut token = token.to_vec();
    let (header, body) = token.split_at_mut_checked(16)?;
    let count = header.strip_prefix(&[5, 4])?.get(4..6)?.try_into().ok().map(u16::from_be_bytes)?;
    body.rotate_left(usize::from(count).checked_rem(body.len())?);
    header.get_mut(6..8)?.fill(0);
    Some(token)
}

/// A first token for an acceptor. A context comes of the genuine authenticator only.
pub fn acceptor(data: &[u8]) {
    let stage = stage();
    let acceptor = stage.kit.acceptor(Stage::SERVICE);
    let (end, _) = stage.kit.accept(&acceptor, data);
    assert!(!end.is_established() || holds(data, &stage.authenticator), "{end}");
    if !end.is_established() {
        let (end, _) = stage.kit.accept(&acceptor, &stage.ap_req);
        assert!(end.is_established(), "an honest client after it: {end}");
    }
}

/// Answers to an initiator's token. A context comes of the genuine proof only.
pub fn initiator(data: &[u8]) {
    let stage = stage();
    let mut answers = split(data).into_iter();
    let end = stage.handshake().against(|_: &[u8]| answers.next().map(<[u8]>::to_vec));
    if let End::Established(context) = end {
        assert!(holds(data, &stage.ap_rep_proof), "established with {}", context.peer());
    }
}

/// A KDC's replies to a login. A ticket comes of the genuine reply only.
pub fn login(data: &[u8]) {
    let stage = stage();
    stage.kit.reseed(1);
    let secret = ClientSecret::Keys(stage.user_keys.clone());
    let login = Login::new(stage.user.clone(), secret, TicketOptions::default(), stage.kit.random());
    let now = stage.kit.now(Party::Initiator);
    let ticket = drive(login.begin(now), data, now, Login::reply);
    assert!(ticket.is_none() || holds(data, &stage.as_rep_proof), "a ticket of somebody without the key");
}

/// A KDC's replies to a request for a ticket. A ticket comes of the genuine reply only.
pub fn ticket_request(data: &[u8]) {
    let stage = stage();
    stage.kit.reseed(1);
    let request = TicketRequest::new(&stage.tgt, stage.service.clone(), TicketOptions::default(), stage.kit.random());
    let now = stage.kit.now(Party::Initiator);
    let ticket = drive(request.begin(now), data, now, TicketRequest::reply);
    assert!(ticket.is_none() || holds(data, &stage.tgs_rep_proof), "a ticket of somebody without the key");
}

type Step<M, T> = Result<ExchangeStep<M, T>, ExchangeError>;

/// Hands an exchange one reply after the other.
fn drive<M, T>(mut step: Step<M, T>, data: &[u8], now: Time, reply: fn(M, &[u8], Time) -> Step<M, T>) -> Option<T> {
    for bytes in split(data) {
        step = match step.ok()? {
            ExchangeStep::NeedsKdc(exchange, _) => reply(exchange, bytes, now),
            ExchangeStep::Complete(ticket) => return Some(*ticket),
            ExchangeStep::NeedsAnswer(..) => return None,
        };
    }
    match step.ok()? {
        ExchangeStep::Complete(ticket) => Some(*ticket),
        ExchangeStep::NeedsKdc(..) | ExchangeStep::NeedsAnswer(..) => None,
    }
}

/// A request to the KDC; the first byte says over what. What it answers is a message of a KDC, and a ticket goes to
/// those only who have shown a genuine proof.
pub fn kdc(data: &[u8]) {
    let Some((selector, bytes)) = data.split_first() else { return };
    let stage = stage();
    let transport = if selector % 2 == 0 { Transport::Udp } else { Transport::Tcp };
    let request = Request { bytes, transport, peer: None };
    let Some(reply) = stage.kit.realm().handle(&request, stage.kit.now(Party::Kdc)).reply else { return };
    match KdcRep::decode(&reply) {
        Ok(_) => assert!(stage.request_proofs.iter().any(|proof| holds(bytes, proof)), "a ticket without proof"),
        Err(_) => assert!(KrbError::decode(&reply).is_ok(), "no message of a KDC"),
    }
}
