use super::ExchangeError;
use super::applicant::{Applicant, Draft};
use super::asked::Answer;
use super::learned::{KdcClock, LoggedIn};
use super::{ClientSecret, ExchangeStep, KdcRefusal, KdcRequest, PasswordChange, TicketOptions};
use crate::crypto::{Random, Secret};
use crate::krb5::ccache::KdcOffset;
use crate::krb5::message::{
    Encoded, FastOptions, KdcExchange, KdcReq, KdcReqBody, KrbFastReq, PaData, PaDataType, PrincipalName,
};
use crate::krb5::preauth::{Armor, Conversation, Move, OwnedPaData};
use crate::krb5::{Ccache, HeldTicket};
use crate::name::Principal;
use crate::question::{self, Question};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

mod refused;
mod reply;

/// The most requests of one login, whatever a KDC says; as many as MIT krb5 makes.
pub const LOGIN_REQUEST_LIMIT: u32 = 16;

/// The most realms that a login is referred on to (RFC 6806 7).
pub const LOGIN_REFERRAL_LIMIT: usize = 5;

/// The AS exchange (RFC 4120 3.1): a client's first ticket, for its password or keys.
///
/// The first request carries no proof. Most KDCs then ask for one, and name the methods that they take and how the client's
/// key is made; the first of [`TicketOptions::preauth`] among them is used, in as many requests as it takes. The ticket is one
/// for the ticket-granting service, unless [`TicketOptions::service`] names another.
pub struct Login {
    applicant: Box<Applicant>,
    conversation: Conversation,
    clock: KdcClock,
    /// Of this conversation.
    armor: Option<Armor>,
    /// Whether a KDC that seems not to know FAST is asked without.
    without_armor: bool,
    /// Whether the driver can change an expired password.
    may_change: bool,
    /// The change of an expired password that is under way.
    change: Option<Box<ExpiredPassword>>,
    /// Requests made.
    requests: u32,
    /// The realms that have referred to another.
    visited: Vec<String>,
    waiting: Option<Box<Waiting>>,
}

/// What a login waits for.
enum Waiting {
    Reply(Sent),
    Answer(Draft, Question),
    NewPassword,
}

/// An expired password, on the way to a new one.
struct ExpiredPassword {
    /// What the KDC said of the old one.
    refusal: Box<KdcRefusal>,
    /// The service that the login was for.
    service: Option<Principal>,
    /// A ticket for the password service, once the old password was found right.
    ticket: Option<Box<LoggedIn>>,
}

/// The request that waits for its answer.
struct Sent {
    draft: Draft,
    request: KdcRequest,
    /// When, by our clock.
    at: Time,
}

impl Login {
    /// A login of `client`, whose realm must be known.
    pub fn new(client: Principal, secret: ClientSecret, options: TicketOptions, random: Arc<dyn Random>) -> Login {
        let applicant = Box::new(Applicant { client, secret, options, random, armor: None, fast_known: false });
        let conversation = Conversation::default();
        Login {
            applicant,
            conversation,
            clock: KdcClock::default(),
            armor: None,
            without_armor: false,
            may_change: false,
            change: None,
            requests: 0,
            visited: Vec::new(),
            waiting: None,
        }
    }

    /// A login of nobody (RFC 8062 4.1.1): an anonymous ticket of the realm, from a KDC that proves itself by a certificate. It
    /// can be the armor of somebody's login.
    #[cfg(feature = "pkinit")]
    pub fn anonymous(
        realm: impl Into<String>,
        trust: Arc<crate::krb5::pkinit::KdcTrust>,
        options: TicketOptions,
        random: Arc<dyn Random>,
    ) -> Login {
        let client = Principal::anonymous().with_realm(realm);
        Login::new(client, ClientSecret::Anonymous { trust }, options, random)
    }

    /// Goes on inside of FAST (RFC 6113 5.4), protected by the session key of `ticket`: a ticket-granting ticket of anybody for
    /// the client's realm, such as one that the host got with its own keys. [`TicketOptions::fast`] says whether it must be so.
    #[must_use]
    pub fn with_armor(mut self, ticket: &HeldTicket) -> Login {
        self.applicant.armor = Some(Box::new(ticket.clone()));
        self
    }

    /// The same, with the ticket-granting ticket that `cache` has for the client's realm, and what is known there of the KDC: whether it
    /// takes FAST, and how far its clock is ahead. None if there is no such ticket.
    #[must_use]
    pub fn with_armor_from(mut self, cache: &Ccache) -> Option<Login> {
        let realm = self.applicant.client.realm();
        let fits = |ticket: &&HeldTicket| {
            ticket.server.is_krbtgt() && ticket.server.components().get(1).is_some_and(|of| of == realm)
        };
        let ticket = cache.tickets().find(fits)?;
        self.applicant.fast_known = cache.knows_fast(realm);
        Some(self.with_kdc_offset(cache.kdc_offset).with_armor(ticket))
    }

    /// Goes by what an earlier login of the same client has left in `cache` (`kinit -I`): the method by which it proved itself comes first
    /// among those that the options have, and the KDC's clock is as far ahead as it was.
    ///
    /// The method is the one that was offered then. Where the realm takes a better one since, it stays with the old one; so do
    /// this where a person asked for it, not each time.
    #[must_use]
    pub fn remembering(mut self, cache: &Ccache) -> Login {
        if let Some(method) = cache.preauth_method(self.applicant.client.realm()) {
            // It is sorted by whether it is another one; the others keep their order.
            self.applicant.options.preauth.sort_by_key(|kind| *kind != method);
        }
        self.with_kdc_offset(cache.kdc_offset)
    }

    /// Goes by a clock of the KDC's that is known to be so far ahead of ours, if [`TicketOptions::kdc_timesync`] lets it.
    #[must_use]
    pub fn with_kdc_offset(mut self, offset: impl Into<Option<KdcOffset>>) -> Login {
        self.clock.known = offset.into().filter(|_| self.applicant.options.kdc_timesync);
        self
    }

    /// Where the KDC says that the password has expired, gets a ticket for the password service with it, and asks
    /// [`Question::NewPassword`]. For drivers that know that question; without this the login just fails.
    #[must_use]
    pub fn asking_for_new_password(mut self) -> Login {
        self.may_change = true;
        self
    }

    /// While [`Question::NewPassword`] is asked: the ticket for `kadmin/changepw` to change the password with (RFC 3244 2).
    pub fn password_ticket(&self) -> Option<&HeldTicket> {
        self.change.as_ref()?.ticket.as_ref().map(|got| &got.ticket)
    }

    /// While [`Question::NewPassword`] is asked: the change of the password to `new_password`, in UTF-8.
    pub fn change_password(&self, new_password: Secret<Vec<u8>>) -> Option<PasswordChange> {
        let got = self.change.as_ref()?.ticket.as_ref()?;
        let random = Arc::clone(&self.applicant.random);
        Some(PasswordChange::new(&got.ticket, new_password, random).with_kdc_offset(got.learned.kdc_offset))
    }

    /// The same login from its beginning, to be begun once more at another KDC: at the primary one, where the first was refused by
    /// one that may not know the newest password yet.
    #[must_use]
    pub fn again(&self) -> Login {
        let mut clock = KdcClock::default();
        clock.known = self.clock.known;
        Login {
            applicant: self.applicant.clone(),
            conversation: Conversation::default(),
            clock,
            armor: None,
            without_armor: false,
            may_change: self.may_change,
            change: None,
            requests: 0,
            visited: Vec::new(),
            waiting: None,
        }
    }

    /// Makes the first request.
    ///
    /// # Errors
    /// [`ExchangeError::NoUsableEnctype`], [`ExchangeError::NoArmor`], [`ExchangeError::Random`], and
    /// [`ExchangeError::ApiMisuse`] for a client without a realm or a service of another realm.
    pub fn begin(self, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        self.start(false, now)
    }

    /// Takes the KDC's answer.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub fn reply(mut self, reply: &[u8], now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let Some(Waiting::Reply(sent)) = self.waiting.take().map(|waiting| *waiting) else {
            return Err(ExchangeError::ApiMisuse("a reply to no request"));
        };
        match Answer::decode(reply)? {
            Answer::Reply(reply) => {
                let got = self.accept(&sent, reply, now)?;
                Ok(self.finish(Box::new(got)))
            }
            Answer::Refusal(error) => self.hear(sent, &error, now),
        }
    }

    /// Takes the answer to the question that was asked.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub fn answer(mut self, answer: question::Answer, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let draft = match self.waiting.take().map(|waiting| *waiting) {
            Some(Waiting::NewPassword) => return self.renewed(answer, now),
            Some(Waiting::Answer(draft, _)) => draft,
            _ => return Err(ExchangeError::ApiMisuse("an answer to no question")),
        };
        let next = self
            .conversation
            .answered(answer, &self.applicant.round(&draft, self.armor.as_ref(), self.clock.time(now), now))?;
        self.follow(draft, next, now)
    }

    /// Goes on without an answer to the question that was asked: there is no ticket then.
    ///
    /// # Errors
    /// Always: [`ExchangeError::Declined`], [`ExchangeError::Refused`] for an expired password, or [`ExchangeError::ApiMisuse`] if nothing was asked.
    pub fn decline(mut self, _now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        Err(match self.waiting.take().map(|waiting| *waiting) {
            Some(Waiting::NewPassword) => self.expired().unwrap_or(ExchangeError::ApiMisuse("nothing was asked")),
            Some(Waiting::Answer(_, question)) => ExchangeError::Declined(Box::new(question)),
            _ => ExchangeError::ApiMisuse("nothing was asked"),
        })
    }

    /// With the ticket asked for, the end; with one for the password service, the question for a new password.
    fn finish(mut self, got: Box<LoggedIn>) -> ExchangeStep<Login> {
        let Some(change) = &mut self.change else { return ExchangeStep::Complete(got) };
        change.ticket = Some(got);
        self.waiting = Some(Box::new(Waiting::NewPassword));
        let question = Question::NewPassword { client: self.applicant.client.clone() };
        ExchangeStep::NeedsAnswer(self, question)
    }

    /// Logs in for the password service, with the password that has expired.
    fn begin_change(
        mut self,
        refusal: KdcRefusal,
        tcp_required: bool,
        now: Time,
    ) -> Result<ExchangeStep<Login>, ExchangeError> {
        let password_service = PasswordChange::service(self.applicant.client.realm());
        let service = self.applicant.options.service.replace(password_service);
        self.change = Some(Box::new(ExpiredPassword { refusal: Box::new(refusal), service, ticket: None }));
        self.start(tcp_required, now)
    }

    /// Logs in with the new password, once.
    fn renewed(mut self, answer: question::Answer, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let (question::Answer::NewPassword(password), Some(change)) = (answer, self.change.take()) else {
            return Err(ExchangeError::ApiMisuse("an answer to another question"));
        };
        self.applicant.secret = ClientSecret::Password(password);
        self.applicant.options.service = change.service;
        self.may_change = false;
        self.start(false, now)
    }

    /// The refusal of an expired password.
    fn expired(&self) -> Option<ExchangeError> {
        self.change.as_ref().map(|change| ExchangeError::Refused(change.refusal.clone()))
    }

    /// A new conversation; its first request has no proof.
    fn start(mut self, tcp_required: bool, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        self.conversation = Conversation::default();
        self.armor = if self.without_armor { None } else { self.applicant.armor(self.clock.time(now))? };
        let draft = self.applicant.draft(tcp_required, self.request_time(now))?;
        let first = self.applicant.first_padata();
        self.send(draft, &first, now)
    }

    fn follow(mut self, draft: Draft, next: Move, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        match next {
            Move::Send(padata) => self.send(draft, &padata, now),
            Move::Ask(question) => {
                self.waiting = Some(Box::new(Waiting::Answer(draft, question.clone())));
                Ok(ExchangeStep::NeedsAnswer(self, question))
            }
        }
    }

    fn send(mut self, draft: Draft, own: &[OwnedPaData], now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let bytes = self.request(&draft, own)?;
        let request = KdcRequest { realm: draft.asked.kdc_realm.clone(), bytes, tcp_required: draft.tcp_required };
        self.requests += 1;
        self.wait(Sent { draft, request, at: now })
    }

    /// The AS-REQ of a draft. It says that the KDC's view of it will be checked (RFC 6806 11).
    fn request(&self, draft: &Draft, own: &[OwnedPaData]) -> Result<Vec<u8>, ExchangeError> {
        let checked = PaData { padata_type: PaDataType::REQ_ENC_PA_REP, padata_value: &[] };
        let pac = self.applicant.pac_request();
        let pac = pac.iter().map(|value| PaData { padata_type: PaDataType::PAC_REQUEST, padata_value: value });
        let mut padata = self.conversation.padata(own);
        padata.extend(pac.chain([checked]));
        let req_body = Encoded::<KdcReqBody<'_>>::decode(&draft.body)?;
        let Some(armor) = &self.armor else {
            return Ok(KdcReq { exchange: KdcExchange::As, padata, req_body }.to_der());
        };
        let hidden = self.applicant.is_hidden();
        let fast_options = if hidden { FastOptions::HIDE_CLIENT_NAMES } else { FastOptions::NONE };
        let outside = if hidden { anonymous(&req_body) } else { draft.body.clone() };
        let inside = KrbFastReq { fast_options, padata, req_body };
        let armored = armor.seal(&inside, &outside, &*self.applicant.random)?;
        let padata = vec![PaData { padata_type: PaDataType::FX_FAST, padata_value: &armored }, checked];
        let req_body = Encoded::<KdcReqBody<'_>>::decode(&outside)?;
        Ok(KdcReq { exchange: KdcExchange::As, padata, req_body }.to_der())
    }

    /// The time to ask from.
    fn request_time(&self, now: Time) -> Time {
        self.clock.request_time(now, self.applicant.options.clock_skew)
    }

    fn wait(mut self, sent: Sent) -> Result<ExchangeStep<Login>, ExchangeError> {
        let request = sent.request.clone();
        self.waiting = Some(Box::new(Waiting::Reply(sent)));
        Ok(ExchangeStep::NeedsKdc(self, request))
    }
}

fn not_armored(sent: &Sent, refusal: Option<Box<KdcRefusal>>) -> ExchangeError {
    ExchangeError::NotArmored { realm: sent.draft.asked.kdc_realm.clone(), refusal }
}

/// The body to show outside of FAST, without the client's name.
fn anonymous(body: &KdcReqBody<'_>) -> Vec<u8> {
    let anonymous = Principal::anonymous();
    KdcReqBody { cname: Some(PrincipalName::from(&anonymous)), ..body.clone() }.to_der()
}

/// Shows the client, not its secret.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("client", &self.applicant.client).finish_non_exhaustive()
    }
}
