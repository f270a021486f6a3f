//! User-to-user authentication (draft-swift-win2k-krb-user2user-03): a server without a key offers its login.
//!
//! ```text
//!  initiator                                                     acceptor
//!     │── KERB-TGT-REQUEST: whose ────────────────────────────────▶│
//!     │◀─ KERB-TGT-REPLY: the acceptor's ticket-granting ticket ───│
//!     │   TGS-REQ with it, ENC-TKT-IN-SKEY (RFC 4120 3.7)
//!     │── AP-REQ, USE-SESSION-KEY ────────────────────────────────▶│  the ticket is under that login's session key
//!     │◀─ AP-REP ──────────────────────────────────────────────────│
//! ```
//! All tokens name the mechanism 1.2.840.113554.1.2.2.3.

use super::acceptor::Waiting;
use super::initiator::Handshake;
use super::message::{Framing, Token, TokenId, read_token, write_refusal, write_token};
use super::service_keys::ServiceKey;
use super::style::Style;
use crate::error::{Error, Refusal};
use crate::flags::Flags;
use crate::krb5::HeldTicket;
use crate::krb5::enctype::CryptoError;
use crate::krb5::message::{Encoded, KerbTgtReply, KerbTgtRequest, PrincipalName, Ticket};
use crate::mech::{AcceptInput, AcceptStep, Accepting, InitiateInput, InitiateStep, Initiating, MechanismId, Progress};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::vec::Vec;

const GSS: Framing = Framing::Gss(MechanismId::KERBEROS_USER_TO_USER);

/// The login that an acceptor offers, and its session key for the tickets of clients.
pub(crate) struct Login {
    tgt: HeldTicket,
    key: ServiceKey,
}

impl Login {
    pub(crate) fn new(tgt: HeldTicket) -> Result<Self, CryptoError> {
        let key = ServiceKey::new(tgt.client.clone(), 0, tgt.key.clone())?;
        Ok(Login { tgt, key })
    }

    /// The key of a ticket for this user. Its version is of no key that anybody keeps.
    pub(super) fn find(&self, ticket: &Ticket<'_>, now: Time) -> Result<&ServiceKey, Error> {
        self.check_end(now)?;
        let user = &self.tgt.client;
        if !ticket.sname.names(user) || ticket.realm != user.realm() {
            let service = ticket.sname.to_principal(ticket.realm);
            return refuse(Refusal::UnknownService { service, held: Vec::from([user.clone()]) });
        }
        let (enctype, ours) = (ticket.enc_part.etype, self.key.cipher.enctype());
        if enctype != ours {
            let (service, held) = (user.clone(), Vec::from([(self.key.kvno, ours)]));
            return refuse(Refusal::NoKey { service, kvno: ticket.enc_part.kvno, enctype, held });
        }
        Ok(&self.key)
    }

    fn check_end(&self, now: Time) -> Result<(), Error> {
        let HeldTicket { client, end_time, .. } = &self.tgt;
        if now < *end_time { Ok(()) } else { refuse(Refusal::LoginEnded { user: client.clone(), end: *end_time }) }
    }

    /// Answers the question for the ticket-granting ticket.
    fn answer(&self, message: &[u8], now: Time, out: &mut Vec<u8>) -> Result<(), Error> {
        let asked = KerbTgtRequest::decode(message)?;
        self.check_end(now)?;
        let user = &self.tgt.client;
        let other_name = asked.server_name.as_ref().is_some_and(|name| !name.names(user));
        if other_name || asked.realm.is_some_and(|realm| realm != user.realm()) {
            let name = asked.server_name.unwrap_or_else(|| PrincipalName::from(user));
            let wanted = name.to_principal(asked.realm.unwrap_or(user.realm()));
            return refuse(Refusal::OtherUser { wanted, user: user.clone() });
        }
        let reply = KerbTgtReply { ticket: Encoded::<Ticket<'_>>::decode(&self.tgt.ticket)? };
        write_token(GSS, TokenId::TgtReply, &reply.to_der(), out);
        Ok(())
    }
}

fn refuse<T>(refusal: Refusal) -> Result<T, Error> {
    Err(Error::refused(refusal))
}

/// An acceptor that is asked for its login, or by a client that knows it already for a context.
pub(super) struct Offering {
    waiting: Waiting,
}

impl Offering {
    pub(super) fn new(waiting: Waiting) -> Self {
        Offering { waiting }
    }
}

impl Accepting for Offering {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let AcceptInput::Token(token) = input else {
            return Err(Error::ApiMisuse("a Kerberos acceptor waits for the client's token"));
        };
        let waiting = Box::new(self.waiting);
        match (read_token(token), &waiting.style) {
            (Ok(Some(Token { framing: GSS, id: TokenId::TgtRequest, message })), Style::UserToUser(login)) => {
                match login.answer(message, now, out) {
                    Ok(()) => Ok(AcceptStep::NeedsToken(waiting)),
                    Err(error) => {
                        write_refusal(MechanismId::KERBEROS_USER_TO_USER, now, out);
                        Err(error)
                    }
                }
            }
            _ => waiting.step(input, now, out),
        }
    }

    fn refuse(self: Box<Self>, now: Time, out: &mut Vec<u8>) {
        write_refusal(MechanismId::KERBEROS_USER_TO_USER, now, out);
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: MechanismId::KERBEROS_USER_TO_USER, flags: Flags::NONE }
    }
}

/// Asks the acceptor for its login.
pub(super) fn ask(handshake: Handshake, out: &mut Vec<u8>) -> InitiateStep {
    let service = &handshake.service;
    let question = KerbTgtRequest { server_name: Some(PrincipalName::from(service)), realm: Some(service.realm()) };
    write_token(GSS, TokenId::TgtRequest, &question.to_der(), out);
    InitiateStep::NeedsToken(Box::new(WaitingForLogin { handshake }))
}

/// Waits for the acceptor's ticket-granting ticket.
struct WaitingForLogin {
    handshake: Handshake,
}

impl Initiating for WaitingForLogin {
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let InitiateInput::Token(token) = input else {
            return Err(Error::ApiMisuse("the handshake waits for the acceptor's login"));
        };
        match read_token(token)? {
            Some(Token { framing: GSS, id: TokenId::TgtReply, message }) => {
                let ticket = KerbTgtReply::decode(message)?.ticket;
                if !ticket.sname.to_principal(ticket.realm).is_krbtgt() {
                    return refuse(Refusal::Unsupported("a ticket of the acceptor that is not a ticket-granting one"));
                }
                self.handshake.with_peers_login(ticket.bytes(), now, out)
            }
            Some(Token { id: TokenId::Error, message, .. }) => Err(super::initiator::refused_by_peer(message, now)?),
            Some(_) => refuse(Refusal::AcceptorNotProven),
            None => Err(Error::UnknownMechanism),
        }
    }

    fn progress(&self) -> Progress {
        self.handshake.progress()
    }
}
