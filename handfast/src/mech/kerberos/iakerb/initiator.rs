//! The initiator's end: what its machines have for a KDC goes into tokens for the acceptor.

use super::message::{self, Kind, Proxied};
use crate::error::{Error, IakerbRefusal};
use crate::krb5::exchange::{KdcAttempt, KdcRequest, KdcUnreachable};
use crate::mech::kerberos::credential::Secrets;
use crate::mech::kerberos::initiator::{Handshake, refused_by_peer};
use crate::mech::kerberos::message::{Token, TokenId, read_token};
use crate::mech::kerberos::style::Style;
use crate::mech::{InitiateInput, InitiateStep, Initiating, Progress};
use crate::name::Principal;
use crate::policy::IakerbDialect;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

impl Handshake {
    /// Sends a request to a KDC, by the driver or in a token to the acceptor; `next` waits for the answer.
    pub(in crate::mech::kerberos) fn ask_kdc(
        mut self,
        request: KdcRequest,
        out: &mut Vec<u8>,
        next: impl FnOnce(Handshake) -> Box<dyn Initiating>,
    ) -> Result<InitiateStep, Error> {
        let Style::Iakerb(conversation) = &mut self.style else {
            return Ok(InitiateStep::NeedsKdc(next(self), request));
        };
        conversation.count()?;
        conversation.say(&request.realm, &request.bytes, out)?;
        Ok(InitiateStep::NeedsToken(next(self)))
    }

    /// The answer of a KDC, from the driver or out of the acceptor's token.
    pub(in crate::mech::kerberos) fn kdc_reply<'i>(
        &mut self,
        input: InitiateInput<'i>,
        now: Time,
    ) -> Result<&'i [u8], Error> {
        match (&self.style, input) {
            (Style::Iakerb(_), InitiateInput::Token(token)) => {
                let Proxied { realm, message, .. } = self.proxied(token, now)?;
                let kind = message::kind(message)?;
                if kind == Kind::Request {
                    return Err(IakerbRefusal::OutOfOrder("a request, where a KDC's reply must be").into());
                }
                if kind == Kind::Error {
                    no_error_of_the_acceptor(realm, message)?;
                }
                Ok(message)
            }
            (Style::Iakerb(_), _) => Err(Error::ApiMisuse("the handshake waits for the acceptor's token")),
            (_, InitiateInput::KdcReply(reply)) => Ok(reply),
            (_, InitiateInput::KdcUnreachable(tried)) => Err(tried.into()),
            _ => Err(Error::ApiMisuse("the handshake waits for a KDC's reply")),
        }
    }

    /// Takes the acceptor's token apart, and remembers it.
    fn proxied<'t>(&mut self, token: &'t [u8], now: Time) -> Result<Proxied<'t>, Error> {
        let Style::Iakerb(conversation) = &mut self.style else { return Err(Error::UnknownMechanism) };
        let Some(proxied) = message::read(token, false)? else {
            return Err(match read_token(token)? {
                Some(Token { id: TokenId::Error, message, .. }) => refused_by_peer(message, now)?,
                Some(_) => IakerbRefusal::OutOfOrder("it carries no message of a KDC").into(),
                None => Error::UnknownMechanism,
            });
        };
        if proxied.dialect != conversation.dialect {
            return Err(IakerbRefusal::OtherDialect.into());
        }
        conversation.heard(token)?;
        conversation.cookie = proxied.cookie.map(<[u8]>::to_vec);
        Ok(proxied)
    }

    /// Whether the acceptor must first say of which realm we are.
    pub(in crate::mech::kerberos) fn asks_for_realm(&self) -> bool {
        let draft = matches!(&self.style, Style::Iakerb(talk) if talk.dialect == IakerbDialect::Draft);
        draft && self.credential.client().realm().is_empty()
    }

    /// Whether something must be carried though a ticket is at hand: acceptors of MIT krb5 1.20 do not survive a conversation that
    /// begins with the AP-REQ. So a ticket is asked for again, if there is something to ask with.
    pub(in crate::mech::kerberos) fn must_converse(&self, now: Time) -> bool {
        let old = matches!(&self.style, Style::Iakerb(talk) if talk.dialect == IakerbDialect::Mit121);
        let realm = self.credential.client().realm();
        let can_ask = || {
            let tgt = Principal::krbtgt(realm, realm);
            !matches!(self.credential.secrets(), Secrets::None)
                || self.credential.find(&tgt, &self.policy, now).is_some()
        };
        old && can_ask()
    }

    /// Asks for the acceptor's realm.
    pub(in crate::mech::kerberos) fn ask_for_realm(mut self, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let Style::Iakerb(conversation) = &mut self.style else { return Err(Error::UnknownMechanism) };
        conversation.say("", &[], out)?;
        Ok(InitiateStep::NeedsToken(Box::new(WaitingForRealm { handshake: self })))
    }
}

/// Nothing protects an error, so it is believed as far as it goes: no context comes of it.
fn no_error_of_the_acceptor(realm: &str, message: &[u8]) -> Result<(), Error> {
    let Some(reason) = message::of_the_acceptor(message::error_code(message)?) else { return Ok(()) };
    let attempt = KdcAttempt { kdc: "through the server (IAKERB)".to_string(), reason };
    Err(KdcUnreachable { realm: realm.to_string(), tried: Vec::from([attempt]) }.into())
}

/// Waits for the acceptor's realm, which is then the client's.
///
/// An acceptor that names another one gets a request for a ticket of that realm, whose KDC does not know the client's secret, and so
/// makes no reply that passes.
struct WaitingForRealm {
    handshake: Handshake,
}

impl Initiating for WaitingForRealm {
    fn step(
        mut self: Box<Self>,
        input: InitiateInput<'_>,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        let InitiateInput::Token(token) = input else {
            return Err(Error::ApiMisuse("the handshake waits for the acceptor's realm"));
        };
        let Proxied { realm, message, .. } = self.handshake.proxied(token, now)?;
        if !message.is_empty() {
            message::kind(message)?;
            no_error_of_the_acceptor(realm, message)?;
            return Err(IakerbRefusal::OutOfOrder("a message, where the acceptor's realm must be").into());
        }
        if realm.is_empty() {
            return Err(IakerbRefusal::OutOfOrder("the acceptor names no realm").into());
        }
        self.handshake.of_realm(realm).begin(now, out)
    }

    fn progress(&self) -> Progress {
        self.handshake.progress()
    }
}
