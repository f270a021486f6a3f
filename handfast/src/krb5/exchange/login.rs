use super::applicant::{Applicant, Draft};
use super::asked::Answer;
use super::learned::{KdcClock, Learned, LoggedIn, offset_of_reply};
use super::{ClientSecret, ExchangeStep, FastUse, KdcRefusal, KdcRequest, PasswordChange, TicketOptions};
use super::{ExchangeError, Mismatch};
use crate::crypto::{Random, Secret};
use crate::krb5::ccache::KdcOffset;
use crate::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, KeyUsage};
use crate::krb5::message::{
    Checksum, EncKdcRepPart, Encoded, EncryptedData, ErrorCode, FastOptions, KdcExchange, KdcRep, KdcReq, KdcReqBody,
    KrbError, KrbFastReq, PaData, PaDataType, PrincipalName, TicketFlags,
};
use crate::krb5::preauth::{Armor, ArmoredReply, Conversation, Move, OwnedPaData, any_data, method_data};
use crate::krb5::{Ccache, HeldTicket};
use crate::name::Principal;
use crate::question::{self, Question};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

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

    fn wait(mut self, sent: Sent) -> Result<ExchangeStep<Login>, ExchangeError> {
        let request = sent.request.clone();
        self.waiting = Some(Box::new(Waiting::Reply(sent)));
        Ok(ExchangeStep::NeedsKdc(self, request))
    }

    /// Takes a refusal: inside of FAST, the one that stands inside (RFC 6113 5.4.4).
    fn hear(mut self, sent: Sent, outside: &KrbError<'_>, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let Some(armor) = &self.armor else { return self.go_on(sent, outside, true, now) };
        if outside.error_code == ErrorCode::KRB_ERR_RESPONSE_TOO_BIG && !sent.request.tcp_required {
            return self.go_on(sent, outside, true, now); // All that comes of it is TCP.
        }
        if let Some(inside) = armor.open_error(outside, sent.draft.asked.nonce)? {
            let error = KrbError::decode(&inside.error)?;
            let error = KrbError { e_data: Some(&inside.method_data), ..error };
            return self.go_on(sent, &error, inside.has_cookie, now);
        }
        // Who names FAST knows it, and would have answered inside.
        let knows = |methods: Vec<PaData<'_>>| methods.iter().any(|padata| padata.padata_type == PaDataType::FX_FAST);
        if !self.may_go_without_armor() || method_data(outside.e_data).is_ok_and(knows) {
            let refusal = KdcRefusal::new(&sent.draft.asked, None, outside, now);
            return Err(not_armored(&sent, Some(Box::new(refusal))));
        }
        (self.armor, self.without_armor) = (None, true);
        self.go_on(sent, outside, true, now)
    }

    /// Whether a KDC that answers outside of FAST may be one that doesn't know FAST: to the first request, and if the options
    /// let it be.
    fn may_go_without_armor(&self) -> bool {
        self.applicant.options.fast != FastUse::Required && self.conversation.tried().is_empty()
    }

    /// A refusal may tell how to ask better.
    fn go_on(
        mut self,
        mut sent: Sent,
        error: &KrbError<'_>,
        may_continue: bool,
        now: Time,
    ) -> Result<ExchangeStep<Login>, ExchangeError> {
        let tcp_required = sent.request.tcp_required;
        match error.error_code {
            ErrorCode::KRB_ERR_RESPONSE_TOO_BIG if !tcp_required => {
                (sent.request.tcp_required, sent.at) = (true, now);
                self.wait(sent)
            }
            ErrorCode::KDC_ERR_WRONG_REALM => {
                let realm = error.crealm.unwrap_or_default().to_string();
                self.refer(realm, now)
            }
            ErrorCode::KDC_ERR_KEY_EXPIRED if self.can_change() => {
                let refusal = self.refusal(&sent, error, now);
                self.begin_change(refusal, tcp_required, now)
            }
            _ if self.requests >= LOGIN_REQUEST_LIMIT => Err(self.refused(&sent, error, now)),
            // The KDC has forgotten the conversation (RFC 6113 5.2).
            ErrorCode::KDC_ERR_PREAUTH_EXPIRED => self.start(tcp_required, now),
            _ if !may_continue => Err(self.refused(&sent, error, now)),
            _ => {
                self.hear_time(error, now);
                let draft = self.applicant.draft(tcp_required, self.request_time(now))?;
                match self.next(&draft, error, now)? {
                    Some(next) => self.follow(draft, next, now),
                    None => Err(self.refused(&sent, error, now)),
                }
            }
        }
    }

    /// Asks the KDC of another realm for the same client (RFC 6806 7), if names may change and the realm is a new one. Nothing
    /// of the conversation with the one before is of use there.
    fn refer(mut self, realm: String, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let applicant = &mut self.applicant;
        let fixed = applicant.options.service.as_ref().is_some_and(|service| !service.realm().is_empty());
        if !applicant.may_be_renamed() || fixed || realm.is_empty() {
            return Err(ExchangeError::Referral { name: applicant.client.clone(), realm });
        }
        self.visited.push(applicant.client.realm().to_string());
        if self.visited.contains(&realm) {
            return Err(ExchangeError::ReferralLoop { service: applicant.client.clone(), realm });
        }
        if self.visited.len() > LOGIN_REFERRAL_LIMIT {
            return Err(ExchangeError::TooManyReferrals {
                service: applicant.client.clone(),
                limit: LOGIN_REFERRAL_LIMIT,
            });
        }
        applicant.client = applicant.client.clone().with_realm(realm);
        self.clock.forget_heard();
        self.without_armor = false;
        self.start(false, now)
    }

    /// What the client's pre-authentication makes of an error (RFC 6113 2.3); none if it ends the conversation.
    fn next(&mut self, draft: &Draft, error: &KrbError<'_>, now: Time) -> Result<Option<Move>, ExchangeError> {
        let round = self.applicant.round(draft, self.armor.as_ref(), self.clock.time(now), now);
        let (proven, begun) = (self.conversation.proof().is_some(), !self.conversation.tried().is_empty());
        match error.error_code {
            ErrorCode::KDC_ERR_PREAUTH_REQUIRED if !proven => {
                self.conversation.choose(&method_data(error.e_data)?, &round).map(Some)
            }
            ErrorCode::KDC_ERR_PREAUTH_FAILED if begun && !proven => Ok(match method_data(error.e_data) {
                Ok(methods) if !methods.is_empty() => self.conversation.choose(&methods, &round).ok(),
                _ => self.conversation.next(&round).ok(),
            }),
            ErrorCode::KDC_ERR_MORE_PREAUTH_DATA_REQUIRED => {
                self.conversation.go_on(&method_data(error.e_data)?, &round)
            }
            code if begun => self.conversation.refused(code, &any_data(error.e_data), &round),
            _ => Ok(None),
        }
    }

    /// The time to ask from.
    fn request_time(&self, now: Time) -> Time {
        self.clock.request_time(now, self.applicant.options.clock_skew)
    }

    /// Takes the KDC's time from an error that asks for a proof, or for another one, as MIT krb5 does; from no other.
    fn hear_time(&mut self, error: &KrbError<'_>, now: Time) {
        let asks = matches!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_REQUIRED | ErrorCode::KDC_ERR_PREAUTH_FAILED);
        if asks && self.applicant.options.kdc_timesync {
            self.clock.hear(error.stime, error.susec, now);
        }
    }

    /// Whether there is a password that could be changed, and has not been.
    fn can_change(&self) -> bool {
        let is_password = matches!(self.applicant.secret, ClientSecret::Password(_));
        self.may_change && is_password && self.change.is_none()
    }

    /// The end of it. That a realm has no password service is not what the user wants to know of an expired password.
    fn refused(&self, sent: &Sent, error: &KrbError<'_>, now: Time) -> ExchangeError {
        let of_proof = error.error_code == ErrorCode::KDC_ERR_PREAUTH_FAILED;
        let expired = self.expired().filter(|_| !of_proof);
        expired.unwrap_or_else(|| ExchangeError::Refused(Box::new(self.refusal(sent, error, now))))
    }

    fn refusal(&self, sent: &Sent, error: &KrbError<'_>, now: Time) -> KdcRefusal {
        let refusal = KdcRefusal::new(&sent.draft.asked, self.conversation.proof(), error, now);
        let (tried, takes) = (self.conversation.tried(), self.conversation.offered());
        KdcRefusal { tried, takes, ..refusal }
    }

    fn accept(&mut self, sent: &Sent, reply: KdcRep<'_>, now: Time) -> Result<LoggedIn, ExchangeError> {
        let asked = &sent.draft.asked;
        let inside = self.inside(sent, &reply)?;
        let reply = match &inside {
            Some(inside) => inside.as_inside(reply, self.applicant.is_hidden())?,
            None => reply,
        };
        asked.check_outside(&reply)?;
        let round = self.applicant.round(&sent.draft, self.armor.as_ref(), self.clock.time(now), now);
        let keys = self.conversation.reply_keys(&reply.padata, reply.enc_part.etype, &sent.request.bytes, &round)?;
        let keys = match &inside {
            Some(inside) => keys.iter().map(|key| inside.strengthened(key)).collect::<Result<_, _>>()?,
            None => keys,
        };
        let (key, plain) = self.decrypt(&keys, &reply.enc_part)?;
        let part = EncKdcRepPart::decode(plain.expose())?;
        self.conversation.check_session_key(&reply.padata, &part.key)?;
        let learned = self.learned(sent, &part);
        let kdc_time = learned.kdc_offset.map_or(now, |offset| offset.kdc_time(now));
        let ticket = asked.take(&reply, &part, inside.is_some(), kdc_time)?;
        check_request(key, &sent.request.bytes, &part)?;
        if learned.kdc_offset.is_some_and(|offset| !self.clock.agrees(offset, self.applicant.options.clock_skew)) {
            return Err(ExchangeError::mismatch(Mismatch::OtherTimeTold));
        }
        if self.without_armor && names_fast(&part) {
            return Err(ExchangeError::mismatch(Mismatch::FastStripped));
        }
        Ok(LoggedIn { ticket, learned })
    }

    /// What a reply teaches, once all checks are passed. Its `authtime` is the KDC's clock (RFC 4120 3.1.3). That the KDC knows FAST
    /// counts where it also says what it was asked (RFC 6806 11).
    fn learned(&self, sent: &Sent, part: &EncKdcRepPart<'_>) -> Learned {
        let kdc_offset = offset_of_reply(sent.at, part.authtime.into());
        Learned {
            preauth: self.conversation.method(),
            fast_available: part.flags.contains(TicketFlags::ENC_PA_REP) && names_fast(part),
            kdc_offset: self.applicant.options.kdc_timesync.then_some(kdc_offset),
        }
    }

    /// What the KDC says inside of FAST; none if the login goes on without.
    fn inside(&mut self, sent: &Sent, reply: &KdcRep<'_>) -> Result<Option<ArmoredReply>, ExchangeError> {
        let Some(armor) = &self.armor else { return Ok(None) };
        let inside = armor.open_reply(&reply.padata, sent.draft.asked.nonce, reply.ticket.bytes())?;
        if inside.is_none() {
            if !self.may_go_without_armor() {
                return Err(not_armored(sent, None));
            }
            (self.armor, self.without_armor) = (None, true);
        }
        Ok(inside)
    }

    fn decrypt<'k>(
        &self,
        keys: &'k [EncryptionKey],
        part: &EncryptedData<'_>,
    ) -> Result<(&'k EncryptionKey, Secret), ExchangeError> {
        for key in keys {
            match CipherKey::new(key, KeyUsage::AS_REP_ENC_PART)?.decrypt(part.cipher) {
                Ok(plain) => return Ok((key, plain)),
                Err(CryptoError::IntegrityCheckFailed | CryptoError::TooShort { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let client = self.applicant.client.clone();
        Err(ExchangeError::WrongSecret { client, enctype: part.etype, kvno: part.kvno })
    }
}

fn not_armored(sent: &Sent, refusal: Option<Box<KdcRefusal>>) -> ExchangeError {
    ExchangeError::NotArmored { realm: sent.draft.asked.kdc_realm.clone(), refusal }
}

/// Whether the KDC says that it knows FAST (RFC 6113 5.4.3).
fn names_fast(part: &EncKdcRepPart<'_>) -> bool {
    part.encrypted_pa_data.iter().any(|padata| padata.padata_type == PaDataType::FX_FAST)
}

/// The body to show outside of FAST, without the client's name.
fn anonymous(body: &KdcReqBody<'_>) -> Vec<u8> {
    let anonymous = Principal::anonymous();
    KdcReqBody { cname: Some(PrincipalName::from(&anonymous)), ..body.clone() }.to_der()
}

/// Whether the KDC saw the request that was sent. It says so if it sets the flag enc-pa-rep (RFC 6806 11).
fn check_request(key: &EncryptionKey, request: &[u8], part: &EncKdcRepPart<'_>) -> Result<(), ExchangeError> {
    if !part.flags.contains(TicketFlags::ENC_PA_REP) {
        return Ok(());
    }
    let changed = || ExchangeError::mismatch(Mismatch::RequestChanged);
    let seen = part.encrypted_pa_data.iter().find(|padata| padata.padata_type == PaDataType::REQ_ENC_PA_REP);
    let seen = Checksum::decode(seen.ok_or_else(changed)?.padata_value)?;
    let key = ChecksumKey::new(key, KeyUsage::AS_REQ_CHECKSUM)?;
    if seen.cksumtype != key.checksum_type() {
        return Err(changed());
    }
    key.verify(&[request], seen.checksum).map_err(|_| changed())
}

/// Shows the client, not its secret.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("client", &self.applicant.client).finish_non_exhaustive()
    }
}
