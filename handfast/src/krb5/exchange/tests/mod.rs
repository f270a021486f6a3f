//! Exchanges against a KDC that says whatever a test wants it to say.

mod canonical;
mod learned;
mod login;
mod new_password;
mod password;
mod preauth;
mod referrals;
mod refusals;
mod scripted_kdc;
mod ticket_request;

use super::{
    Acquired, ClientSecret, ExchangeError, ExchangeStep, KdcRequest, LOGIN_REQUEST_LIMIT, Login, TicketOptions,
    TicketRequest,
};
use crate::crypto::{Random, RandomError};
use crate::krb5::HeldTicket;
use crate::krb5::enctype::{EncryptionKey, Enctype};
use crate::krb5::message::KdcReq;
use crate::name::Principal;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU8, Ordering};
use scripted_kdc::Reply;

const NOW: Time = Time::from_unix_seconds(1_700_000_000);
const REALM: &str = "EXAMPLE.COM";

/// Fills with ones first, then with twos, and so on.
#[derive(Default)]
struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1));
        Ok(())
    }
}

struct Failing;

impl Random for Failing {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

fn random() -> Arc<dyn Random> {
    Arc::new(Counting::default())
}

fn principal(text: &str) -> Principal {
    Principal::parse_with_realm(text, REALM).unwrap()
}

fn alice() -> Principal {
    principal("alice")
}

fn key(enctype: i32, byte: u8) -> EncryptionKey {
    let enctype = Enctype(enctype);
    EncryptionKey::new(enctype, vec![byte; enctype.key_size().unwrap()]).unwrap()
}

fn seconds(count: i64) -> Time {
    Time::from_unix_seconds(NOW.unix_seconds() + count)
}

/// A machine of either exchange.
trait Exchange: Sized {
    fn begin(self, now: Time) -> Result<ExchangeStep<Self, HeldTicket>, ExchangeError>;
    fn reply(self, reply: &[u8], now: Time) -> Result<ExchangeStep<Self, HeldTicket>, ExchangeError>;

    /// Runs to the end with a KDC that answers as `kdc` does.
    fn run(self, mut kdc: impl FnMut(&KdcRequest) -> Vec<u8>) -> Result<HeldTicket, ExchangeError> {
        let mut step = self.begin(NOW)?;
        for _ in 0..LOGIN_REQUEST_LIMIT {
            step = match step {
                ExchangeStep::NeedsKdc(machine, request) => {
                    let reply = kdc(&request);
                    machine.reply(&reply, NOW)?
                }
                ExchangeStep::Complete(ticket) => return Ok(*ticket),
                ExchangeStep::NeedsAnswer(_, question) => return Err(ExchangeError::Declined(question.into())),
            };
        }
        match step {
            ExchangeStep::Complete(ticket) => Ok(*ticket),
            _ => panic!("more than {LOGIN_REQUEST_LIMIT} requests"),
        }
    }
}

/// The ticket alone.
fn alone<M, T>(step: ExchangeStep<M, T>, ticket: fn(T) -> HeldTicket) -> ExchangeStep<M, HeldTicket> {
    match step {
        ExchangeStep::NeedsKdc(machine, request) => ExchangeStep::NeedsKdc(machine, request),
        ExchangeStep::NeedsAnswer(machine, question) => ExchangeStep::NeedsAnswer(machine, question),
        ExchangeStep::Complete(end) => ExchangeStep::Complete(Box::new(ticket(*end))),
    }
}

macro_rules! exchange {
    ($type:ty, $take:expr) => {
        impl Exchange for $type {
            fn begin(self, now: Time) -> Result<ExchangeStep<Self, HeldTicket>, ExchangeError> {
                self.begin(now).map($take)
            }

            fn reply(self, reply: &[u8], now: Time) -> Result<ExchangeStep<Self, HeldTicket>, ExchangeError> {
                self.reply(reply, now).map($take)
            }
        }
    };
}
exchange!(Login, |step| alone(step, |got| got.ticket));
exchange!(TicketRequest, |step| alone(step, |acquired| acquired.ticket));

/// A login with the key of the scripted KDC.
fn key_login(options: TicketOptions) -> Login {
    Login::new(alice(), ClientSecret::Keys(vec![client_key()]), options, random())
}

fn client_key() -> EncryptionKey {
    key(17, 0xc1)
}

/// A login that the KDC answers at once, after `change`.
fn answered(options: TicketOptions, change: impl FnOnce(&mut Reply)) -> Result<HeldTicket, ExchangeError> {
    let mut change = Some(change);
    key_login(options).run(|request| {
        let mut reply = Reply::to_login(&request.bytes, &client_key());
        change.take().unwrap()(&mut reply);
        reply.to_bytes()
    })
}

/// A ticket-granting ticket.
fn tgt() -> HeldTicket {
    answered(TicketOptions::default(), |_| {}).unwrap()
}

/// A request for a ticket that the KDC answers after `change`.
fn granted(
    tgt: &HeldTicket,
    service: Principal,
    options: TicketOptions,
    change: impl FnOnce(&mut Reply),
) -> Result<HeldTicket, ExchangeError> {
    let mut change = Some(change);
    TicketRequest::new(tgt, service, options, random()).run(|request| {
        let mut reply = Reply::to_ticket_request(&request.bytes, &tgt.key);
        change.take().unwrap()(&mut reply);
        reply.to_bytes()
    })
}

fn decode(request: &KdcRequest) -> KdcReq<'_> {
    KdcReq::decode(&request.bytes).unwrap()
}
