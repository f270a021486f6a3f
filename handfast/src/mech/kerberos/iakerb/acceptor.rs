//! The acceptor's end: carries requests to a KDC and replies back, until the client proves itself.

use super::message::{self, Kind, Proxied};
use crate::error::{Error, IakerbRefusal};
use crate::flags::Flags;
use crate::krb5::exchange::{KdcRequest, KdcUnreachable};
use crate::krb5::message::ErrorCode;
use crate::mech::kerberos::acceptor::Waiting;
use crate::mech::kerberos::message::write_refusal;
use crate::mech::kerberos::style::Style;
use crate::mech::{AcceptInput, AcceptStep, Accepting, MechanismId, Progress};
use crate::policy::IakerbDialect;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Waits for something to carry, or for the AP-REQ.
pub(in crate::mech::kerberos) struct Relaying {
    waiting: Waiting,
}

impl Relaying {
    pub(in crate::mech::kerberos) fn new(waiting: Waiting) -> Self {
        Relaying { waiting }
    }

    fn take(mut self, proxied: &Proxied<'_>, token: &[u8], now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let dialect = self.waiting.policy.iakerb_dialect();
        let Style::Iakerb(conversation) = &mut self.waiting.style else { return Err(Error::UnknownMechanism) };
        // The first token says which dialect it is. The client proves it with all others, or there is no context.
        if conversation.is_empty() && dialect == IakerbDialect::Mit121 {
            conversation.dialect = proxied.dialect;
        }
        if proxied.dialect != conversation.dialect {
            return Err(IakerbRefusal::OtherDialect.into());
        }
        conversation.heard(token)?;
        conversation.count()?;
        match (proxied.realm, proxied.message) {
            ("", []) if proxied.dialect == IakerbDialect::Draft => self.name_realm(now, out),
            ("", _) | (_, []) => Err(IakerbRefusal::OutOfOrder("a message without a realm, or a realm alone").into()),
            (realm, message) => self.carry(realm, message, now, out),
        }
    }

    /// Says which realm this acceptor is of, to a client that does not know its own: that of the keytab's first key.
    fn name_realm(mut self, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let realm = self.waiting.relayed_realms().into_iter().next();
        let Some(realm) = realm else {
            return Err(self.silent("", ErrorCode::KRB_AP_ERR_IAKERB_KDC_NOT_FOUND, now, out));
        };
        self.waiting.say(&realm, &[], out)?;
        Ok(AcceptStep::NeedsToken(Box::new(self)))
    }

    fn carry(mut self, realm: &str, message: &[u8], now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        if !matches!(message::kind(message), Ok(Kind::Request)) {
            return Err(IakerbRefusal::NotForAKdc.into());
        }
        let relayed = self.waiting.relayed_realms();
        if !relayed.iter().any(|relayed| relayed == realm) {
            self.silent(realm, ErrorCode::KRB_AP_ERR_IAKERB_KDC_NOT_FOUND, now, out);
            return Err(IakerbRefusal::RealmNotRelayed { realm: realm.to_string(), relayed }.into());
        }
        let request = KdcRequest { realm: realm.to_string(), bytes: message.to_vec(), tcp_required: false };
        Ok(AsksKdc { waiting: self.waiting, request }.ask())
    }

    /// Tells the client that there is no answer of a KDC.
    fn silent(&mut self, realm: &str, code: ErrorCode, now: Time, out: &mut Vec<u8>) -> Error {
        let told = self.waiting.say(realm, &message::no_answer(code, now), out);
        let unreachable = KdcUnreachable { realm: realm.to_string(), tried: Vec::new() };
        told.err().unwrap_or_else(|| unreachable.into())
    }
}

impl Waiting {
    /// The realms whose KDCs are asked, the acceptor's own first.
    fn relayed_realms(&self) -> Vec<String> {
        self.relay_realms(self.policy.iakerb_relay())
    }

    fn say(&mut self, realm: &str, message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let Style::Iakerb(conversation) = &mut self.style else { return Err(Error::UnknownMechanism) };
        conversation.say(realm, message, out)
    }
}

/// What every refusal ends with, unless the client has been told that there is no KDC.
fn refused(start: usize, now: Time, out: &mut Vec<u8>) {
    if out.len() == start {
        write_refusal(MechanismId::IAKERB, now, out);
    }
}

impl Accepting for Relaying {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let AcceptInput::Token(token) = input else {
            return Err(Error::ApiMisuse("an IAKERB acceptor waits for the client's token"));
        };
        let start = out.len();
        let first = matches!(&self.waiting.style, Style::Iakerb(conversation) if conversation.is_empty());
        match message::read(token, first) {
            Ok(Some(proxied)) => self.take(&proxied, token, now, out).inspect_err(|_| refused(start, now, out)),
            Ok(None) => Box::new(self.waiting).step(input, now, out),
            Err(error) => {
                refused(start, now, out);
                Err(error)
            }
        }
    }

    fn refuse(self: Box<Self>, now: Time, out: &mut Vec<u8>) {
        write_refusal(MechanismId::IAKERB, now, out);
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: MechanismId::IAKERB, flags: Flags::NONE }
    }
}

/// Waits for the KDC.
struct AsksKdc {
    waiting: Waiting,
    request: KdcRequest,
}

impl AsksKdc {
    fn ask(self) -> AcceptStep {
        let request = self.request.clone();
        AcceptStep::NeedsKdc(Box::new(self), request)
    }

    fn reply(mut self, reply: &[u8], now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        match message::kind(reply) {
            // It does not fit a datagram: the KDC is ours to ask, so the rest of it is ours to get (RFC 4120 7.2.1).
            Ok(Kind::Error) if !self.request.tcp_required && too_big(reply) => {
                self.request.tcp_required = true;
                Ok(self.ask())
            }
            Ok(Kind::Error | Kind::Reply) => {
                self.waiting.say(&self.request.realm, reply, out)?;
                Ok(AcceptStep::NeedsToken(Box::new(Relaying { waiting: self.waiting })))
            }
            Ok(Kind::Request) => {
                self.silent(Error::from(IakerbRefusal::OutOfOrder("a KDC's reply is a request")), now, out)
            }
            Err(error) => self.silent(error.into(), now, out),
        }
    }

    fn silent(self, error: Error, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let none_known = matches!(&error, Error::KdcUnreachable(unreachable) if unreachable.tried.is_empty());
        let code = match none_known {
            true => ErrorCode::KRB_AP_ERR_IAKERB_KDC_NOT_FOUND,
            false => ErrorCode::KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE,
        };
        Relaying { waiting: self.waiting }.silent(&self.request.realm, code, now, out);
        Err(error)
    }
}

fn too_big(reply: &[u8]) -> bool {
    message::error_code(reply) == Ok(ErrorCode::KRB_ERR_RESPONSE_TOO_BIG)
}

impl Accepting for AsksKdc {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let start = out.len();
        match input {
            AcceptInput::KdcReply(reply) => self.reply(reply, now, out).inspect_err(|_| refused(start, now, out)),
            AcceptInput::KdcUnreachable(tried) => self.silent(tried.into(), now, out),
            _ => Err(Error::ApiMisuse("an IAKERB acceptor waits for a KDC's reply")),
        }
    }

    fn refuse(self: Box<Self>, now: Time, out: &mut Vec<u8>) {
        write_refusal(MechanismId::IAKERB, now, out);
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: MechanismId::IAKERB, flags: Flags::NONE }
    }
}
