use super::asked::{Answer, Asked, draw_nonce};
use super::learned::Known;
use super::proof::{Inside, check_request, write_request};
use super::purpose::{Purpose, options_of_hop};
use super::route::Route;
use super::s4u::check_user;
use super::{ExchangeError, Mismatch};
use super::{ExchangeStep, FastUse, KdcRefusal, KdcRequest, TicketOptions};
use crate::crypto::{Random, Secret};
use crate::krb5::enctype::{CipherKey, CryptoError, EncryptionKey, Enctype, KeyUsage};
use crate::krb5::message::{
    EncKdcRepPart, ErrorCode, FastOptions, KdcExchange, KdcOptions, KdcRep, KerberosTime, KrbError, PaDataType,
};
use crate::krb5::preauth::{Armor, ArmoredReply};
use crate::krb5::{Ccache, HeldTicket, HostAddress};
use crate::name::Principal;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// The TGS exchange (RFC 4120 3.3): a ticket for a service, for a ticket-granting ticket; or a ticket renewed,
/// validated, forwarded.
///
/// The KDC may refer to another realm (RFC 6806 8), and that one to a third, [`REFERRAL_LIMIT`](super::REFERRAL_LIMIT)
/// times, no realm twice. To a service of a realm that is named, the way goes there straight, or over the realms that
/// [`TicketOptions::capaths`] has, or the hierarchy of their names (RFC 4120 1.2). Each ticket-granting ticket on the
/// way is checked like any other ticket, and comes out beside the one that was asked for.
///
/// A KDC that gives a ticket under another name of the service is asked once more, for the very name, unless
/// [`TicketOptions::renamed_service`] takes it.
pub struct TicketRequest {
    /// The ticket that is presented.
    held: Box<HeldTicket>,
    service: Principal,
    purpose: Purpose,
    /// Keys of the service that asks for a ticket to itself.
    own_keys: Vec<EncryptionKey>,
    options: TicketOptions,
    random: Arc<dyn Random>,
    known: Known,
    route: Option<Route>,
    acquired: Vec<HeldTicket>,
    sent: Option<Box<Sent>>,
}

/// What a request to the ticket-granting service gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acquired {
    /// The ticket that was asked for. Its server may be of another realm than was asked for.
    pub ticket: HeldTicket,
    /// Ticket-granting tickets of the realms on the way, in order.
    pub ticket_granting: Vec<HeldTicket>,
}

/// The request that waits for its answer.
struct Sent {
    asked: Asked,
    request: KdcRequest,
    subkey: EncryptionKey,
    /// What FAST is under, if it goes on inside.
    armor: Option<Armor>,
}

type Step = ExchangeStep<TicketRequest, Acquired>;

impl TicketRequest {
    /// Asks for a ticket for `service`, from the realm that `tgt` is good for on; a service whose realm is not known
    /// is taken to be of that realm, until its KDC refers to another.
    pub fn new(tgt: &HeldTicket, service: Principal, options: TicketOptions, random: Arc<dyn Random>) -> TicketRequest {
        TicketRequest::with(tgt, service, Purpose::Ticket, options, random)
    }

    /// Asks for `ticket` again, with a new end (RFC 4120 2.3); it may be one for any service. Of the options, only
    /// the enctypes and the clock skew matter.
    pub fn renew(ticket: &HeldTicket, options: TicketOptions, random: Arc<dyn Random>) -> TicketRequest {
        TicketRequest::with(ticket, ticket.server.clone(), Purpose::Renewal, options, random)
    }

    /// Asks for a postdated `ticket` to be made valid, once it has begun (RFC 4120 2.4). Of the options, only the
    /// enctypes and the clock skew matter.
    pub fn validate(ticket: &HeldTicket, options: TicketOptions, random: Arc<dyn Random>) -> TicketRequest {
        TicketRequest::with(ticket, ticket.server.clone(), Purpose::Validation, options, random)
    }

    /// Asks for one more ticket-granting ticket of the client, for another host (RFC 4120 2.6): like `tgt`, bound to no
    /// address, and flagged as forwarded. What the KDC gives is forwardable, too, if `options` wish it.
    pub fn forward(tgt: &HeldTicket, options: TicketOptions, random: Arc<dyn Random>) -> TicketRequest {
        TicketRequest::forward_to(tgt, Vec::new(), options, random)
    }

    /// The same, to be used from `addresses` alone.
    pub fn forward_to(
        tgt: &HeldTicket,
        addresses: Vec<HostAddress>,
        options: TicketOptions,
        random: Arc<dyn Random>,
    ) -> TicketRequest {
        TicketRequest::with(tgt, tgt.server.clone(), Purpose::Forwarding(addresses), options, random)
    }

    /// Asks for a ticket for `service` of the KDC's realm, to be used by another host, from `addresses` (RFC 4120 2.5);
    /// from anywhere if there are none.
    pub fn proxy(
        tgt: &HeldTicket,
        service: Principal,
        addresses: Vec<HostAddress>,
        options: TicketOptions,
        random: Arc<dyn Random>,
    ) -> TicketRequest {
        TicketRequest::with(tgt, service, Purpose::Proxy(addresses), options, random)
    }

    /// Asks for a ticket that the holder of the ticket-granting ticket `peer_tgt` (in DER) can open, with the session
    /// key of that (RFC 4120 3.7). `peer` is that holder, who needs no key at the KDC.
    pub fn user_to_user(
        tgt: &HeldTicket,
        peer: Principal,
        peer_tgt: Vec<u8>,
        options: TicketOptions,
        random: Arc<dyn Random>,
    ) -> TicketRequest {
        TicketRequest::with(tgt, peer, Purpose::UserToUser(peer_tgt), options, random)
    }

    /// Asks, as the service that `tgt` is of, for a ticket to itself in the name of `user`, of the same realm (S4U2self,
    /// MS-SFU 3.1.5.1.1). Whether it can be forwarded is the realm's to say.
    #[doc(alias = "S4U2self")]
    pub fn for_user(
        tgt: &HeldTicket,
        user: Principal,
        options: TicketOptions,
        random: Arc<dyn Random>,
    ) -> TicketRequest {
        let user = if user.realm().is_empty() { user.with_realm(tgt.client.realm()) } else { user };
        TicketRequest::with(tgt, tgt.client.clone(), Purpose::ForUser(user), options, random)
    }

    /// For [`TicketRequest::for_user`]: the long-term keys of the service that asks. A KDC that does not prove in whose name the
    /// ticket is, as Samba's, is believed if one of them opens the ticket, and it says so.
    #[must_use]
    pub fn with_own_keys(mut self, keys: impl IntoIterator<Item = EncryptionKey>) -> TicketRequest {
        self.own_keys = keys.into_iter().collect();
        self
    }

    /// Asks, as the service that `tgt` is of, for a ticket for `service` in the name of the client of `evidence`, a ticket
    /// to itself (S4U2proxy, MS-SFU 3.1.5.2.1): that client's own, or one by [`TicketRequest::for_user`]. It must be
    /// forwardable, unless `service` lets the other act for its clients (resource-based constrained delegation).
    #[doc(alias = "S4U2proxy")]
    pub fn delegated(
        tgt: &HeldTicket,
        evidence: &HeldTicket,
        service: Principal,
        options: TicketOptions,
        random: Arc<dyn Random>,
    ) -> TicketRequest {
        TicketRequest::with(tgt, service, Purpose::Delegated(Box::new(evidence.clone())), options, random)
    }

    /// Goes by what the login has left in `cache` about the KDCs: how far their clock is ahead of ours, if
    /// [`TicketOptions::kdc_timesync`] lets it, and which of them take FAST. The times that the exchange is given stay those of our clock.
    #[must_use]
    pub fn knowing(mut self, cache: &Ccache) -> TicketRequest {
        self.known = Known::of_cache(cache).following_clock(self.options.kdc_timesync);
        self
    }

    pub(crate) fn with_known(mut self, known: Known) -> TicketRequest {
        self.known = known;
        self
    }

    fn with(
        held: &HeldTicket,
        service: Principal,
        purpose: Purpose,
        options: TicketOptions,
        random: Arc<dyn Random>,
    ) -> TicketRequest {
        let held = Box::new(held.clone());
        TicketRequest {
            held,
            service,
            purpose,
            own_keys: Vec::new(),
            options,
            random,
            known: Known::default(),
            route: None,
            acquired: Vec::new(),
            sent: None,
        }
    }

    /// Makes the request.
    ///
    /// # Errors
    /// [`ExchangeError::OtherRealm`], [`ExchangeError::NotRenewable`] and its like, [`ExchangeError::EnctypeNotPermitted`],
    /// [`ExchangeError::Random`]; [`ExchangeError::Decode`] and [`ExchangeError::Crypto`] for a ticket that can't
    /// be presented.
    pub fn begin(mut self, now: Time) -> Result<Step, ExchangeError> {
        self.purpose.check(&self.held, self.known.kdc_time(now))?;
        let realm = self.kdc_realm()?;
        let mut route = Route::new(&self.held, realm.clone());
        if self.service.realm().is_empty() {
            self.service = self.service.with_realm(realm);
        }
        route.plan(self.service.realm(), &self.options.capaths);
        self.route = Some(route);
        self.ask(now)
    }

    /// Takes the KDC's answer.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub fn reply(mut self, reply: &[u8], now: Time) -> Result<Step, ExchangeError> {
        let Some(sent) = self.sent.take() else { return Err(ExchangeError::ApiMisuse("a reply to no request")) };
        match Answer::decode(reply)? {
            Answer::Reply(reply) => {
                let ticket = self.accept(&sent, reply, now)?;
                self.arrive(ticket, now)
            }
            Answer::Refusal(error) => self.hear(*sent, &error, now),
        }
    }

    /// Goes on without an answer: nothing is asked here.
    ///
    /// # Errors
    /// Always: [`ExchangeError::ApiMisuse`].
    pub fn decline(self, _now: Time) -> Result<Step, ExchangeError> {
        Err(ExchangeError::ApiMisuse("nothing was asked"))
    }

    fn send(mut self, sent: Sent) -> Step {
        let request = sent.request.clone();
        self.sent = Some(Box::new(sent));
        ExchangeStep::NeedsKdc(self, request)
    }

    /// Asks where the request is now: for the service if it is of that realm, else for a way there.
    fn ask(mut self, now: Time) -> Result<Step, ExchangeError> {
        let Some(route) = &mut self.route else { return Err(ExchangeError::ApiMisuse("a request that has not begun")) };
        let realm = route.realm().to_string();
        let wanted = if self.service.realm() == realm {
            self.service.clone()
        } else {
            let next = route
                .next()
                .ok_or_else(|| ExchangeError::NoWay { service: self.service.clone(), realm: realm.clone() });
            Principal::krbtgt(&next?, &realm)
        };
        let kdc_time = self.known.kdc_time(now);
        let asked = self.asked(realm, wanted, kdc_time)?;
        let subkey = EncryptionKey::generate(self.held.key.enctype(), &*self.random)?;
        let wants_fast = self.wants_fast(&asked.kdc_realm);
        let armor = wants_fast.then(|| Armor::implicit(&subkey, &self.held.key, &asked.kdc_realm)).transpose()?;
        let options = if self.is_hidden() { FastOptions::HIDE_CLIENT_NAMES } else { FastOptions::NONE };
        let inside = armor.as_ref().map(|armor| Inside { armor, is_alone: self.requires_fast(), options });
        let request = write_request(&self.held, &asked, &subkey, inside, &*self.random, kdc_time)?;
        Ok(self.send(Sent { asked, request, subkey, armor }))
    }

    /// Whether a request to this realm's KDC goes inside of FAST.
    fn wants_fast(&self, realm: &str) -> bool {
        match self.options.fast_tgs {
            FastUse::Off => false,
            FastUse::IfKnown => self.known.knows_fast(realm),
            FastUse::IfPossible | FastUse::Required => true,
        }
    }

    fn requires_fast(&self) -> bool {
        self.options.fast_tgs == FastUse::Required
    }

    /// Whether names shall not be seen outside of FAST.
    fn is_hidden(&self) -> bool {
        self.options.hide_client_name && self.requires_fast()
    }

    /// A ticket: the one, or one for the next realm.
    fn arrive(mut self, ticket: HeldTicket, now: Time) -> Result<Step, ExchangeError> {
        let Some(route) = &mut self.route else { return Err(ExchangeError::ApiMisuse("a request that has not begun")) };
        let renamed = ticket.server != self.service && !ticket.server.is_krbtgt();
        if renamed && !self.options.renamed_service {
            // KDCs that have no referrals give it under the name that was asked for, or not at all.
            self.options.referrals = false;
            return self.ask(now);
        }
        if renamed || ticket.server == self.service {
            let mut ticket = ticket;
            route.end(&mut ticket);
            return Ok(ExchangeStep::Complete(Box::new(Acquired { ticket, ticket_granting: self.acquired })));
        }
        let referred = self.service.realm() == route.realm();
        let next = route.go(&ticket, &self.service)?;
        if referred {
            self.service = self.service.with_realm(&*next);
        }
        route.plan(self.service.realm(), &self.options.capaths);
        self.acquired.push(ticket.clone());
        self.held = Box::new(ticket);
        self.ask(now)
    }

    /// Takes a refusal: the one inside of FAST, if there is one (RFC 6113 5.4.4).
    fn hear(self, sent: Sent, outside: &KrbError<'_>, now: Time) -> Result<Step, ExchangeError> {
        let Some(armor) = &sent.armor else { return self.go_on(sent, outside, now) };
        if outside.error_code == ErrorCode::KRB_ERR_RESPONSE_TOO_BIG && !sent.request.tcp_required {
            return self.go_on(sent, outside, now); // All that comes of it is TCP.
        }
        if let Some(inside) = armor.open_error(outside, sent.asked.nonce)? {
            return self.go_on(sent, &KrbError::decode(&inside.error)?, now);
        }
        if self.requires_fast() {
            let refusal = Some(Box::new(KdcRefusal::new(&sent.asked, None, outside, now)));
            return Err(ExchangeError::NotArmored { realm: sent.asked.kdc_realm, refusal });
        }
        self.go_on(sent, outside, now)
    }

    /// A refusal may tell how to ask better.
    fn go_on(mut self, mut sent: Sent, error: &KrbError<'_>, now: Time) -> Result<Step, ExchangeError> {
        if error.error_code == ErrorCode::KRB_ERR_RESPONSE_TOO_BIG && !sent.request.tcp_required {
            sent.request.tcp_required = true;
            return Ok(self.send(sent));
        }
        let on_the_way = sent.asked.service != self.service;
        if on_the_way && error.error_code == ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN {
            self.sent = None;
            return self.ask(now);
        }
        Err(ExchangeError::Refused(Box::new(KdcRefusal::new(&sent.asked, None, error, now))))
    }

    /// The realm whose KDC takes the ticket.
    fn kdc_realm(&self) -> Result<String, ExchangeError> {
        let held = &self.held.server;
        match held.components() {
            _ if self.purpose.is_same_ticket() => Ok(held.realm().to_string()),
            [_, realm] if held.is_krbtgt() && (self.purpose.goes_on() || self.is_of(realm)) => Ok(realm.clone()),
            _ => Err(ExchangeError::OtherRealm { service: self.service.clone(), ticket: held.clone() }),
        }
    }

    fn is_of(&self, realm: &str) -> bool {
        self.service.realm() == realm || self.service.realm().is_empty()
    }

    /// What to ask for, from now on.
    fn asked(&self, kdc_realm: String, service: Principal, now: Time) -> Result<Asked, ExchangeError> {
        let held = &*self.held;
        let is_hop = service != self.service;
        let purpose = if is_hop { &Purpose::Ticket } else { &self.purpose };
        let until = |life| KerberosTime::from(now.saturating_add(life));
        let latest_renewal = held.renew_till.map(KerberosTime::from);
        let rtime = match self.options.renewable_for.map(until) {
            Some(wanted) if !purpose.is_same_ticket() => latest_renewal.map(|latest| latest.min(wanted)),
            _ => latest_renewal,
        };
        let options = if is_hop { options_of_hop(held, &self.options) } else { purpose.options(held, &self.options) };
        Ok(Asked {
            exchange: KdcExchange::Tgs,
            kdc_realm,
            client: purpose.client(held).clone(),
            service,
            options,
            from: None,
            till: if purpose.is_same_ticket() {
                KerberosTime::EPOCH
            } else {
                KerberosTime::from(held.end_time).min(until(self.options.lifetime))
            },
            rtime: rtime.filter(|_| options.contains(KdcOptions::RENEWABLE)),
            nonce: draw_nonce(&*self.random)?,
            enctypes: self.enctypes()?,
            clock_skew: self.options.clock_skew,
            terms: purpose.terms(held),
        })
    }

    fn enctypes(&self) -> Result<Vec<Enctype>, ExchangeError> {
        let usable = self.options.usable_enctypes();
        if usable.is_empty() {
            return Err(ExchangeError::NoUsableEnctype { permitted: self.options.enctypes.clone() });
        }
        let enctype = self.held.key.enctype();
        if !usable.contains(&enctype) {
            return Err(ExchangeError::EnctypeNotPermitted { service: self.held.server.clone(), enctype });
        }
        Ok(usable)
    }

    /// The reply must be under the subkey, as there is one (RFC 4120 3.3.4), which FAST strengthens. A reply outside of FAST under
    /// the subkey itself is of a KDC that doesn't know FAST, or that was asked without; the latter is seen in what it says inside.
    fn accept(&self, sent: &Sent, reply: KdcRep<'_>, now: Time) -> Result<HeldTicket, ExchangeError> {
        let inside = self.inside(sent, &reply)?;
        let reply = match &inside {
            Some(inside) => inside.as_inside(reply, self.is_hidden())?,
            None => reply,
        };
        sent.asked.check_outside(&reply)?;
        let (got, subkey) = (reply.enc_part.etype, sent.subkey.enctype());
        if got != subkey {
            return Err(ExchangeError::mismatch(Mismatch::ReplyEnctype { got, offered: vec![subkey] }));
        }
        let key = match &inside {
            Some(inside) => inside.strengthened(&sent.subkey)?,
            None => sent.subkey.clone(),
        };
        let plain = decrypt(&key, &reply, &sent.asked)?;
        let part = EncKdcRepPart::decode(plain.expose())?;
        let ticket = sent.asked.take(&reply, &part, inside.is_some(), self.known.kdc_time(now))?;
        check_request(&key, &sent.request.bytes, &part)?;
        let knows_fast = part.encrypted_pa_data.iter().any(|padata| padata.padata_type == PaDataType::FX_FAST);
        if sent.armor.is_some() && inside.is_none() && knows_fast {
            return Err(ExchangeError::mismatch(Mismatch::FastStripped));
        }
        check_user(&sent.asked, &sent.subkey, &self.own_keys, &reply)?;
        Ok(ticket)
    }

    /// What the KDC says inside of FAST; none if it answers outside.
    fn inside(&self, sent: &Sent, reply: &KdcRep<'_>) -> Result<Option<ArmoredReply>, ExchangeError> {
        let Some(armor) = &sent.armor else { return Ok(None) };
        match armor.open_reply(&reply.padata, sent.asked.nonce, reply.ticket.bytes())? {
            Some(inside) if inside.strengthen_key.is_none() => Err(ExchangeError::mismatch(Mismatch::NotStrengthened)),
            None if self.requires_fast() => {
                Err(ExchangeError::NotArmored { realm: sent.asked.kdc_realm.clone(), refusal: None })
            }
            inside => Ok(inside),
        }
    }
}

fn decrypt(key: &EncryptionKey, reply: &KdcRep<'_>, asked: &Asked) -> Result<Secret, ExchangeError> {
    let key = CipherKey::new(key, KeyUsage::TGS_REP_ENC_PART_SUBKEY)?;
    key.decrypt(reply.enc_part.cipher).map_err(|error| match error {
        CryptoError::IntegrityCheckFailed | CryptoError::TooShort { .. } => {
            ExchangeError::ReplyNotProven { realm: asked.kdc_realm.clone() }
        }
        error => error.into(),
    })
}

/// Shows who asks for what, not the keys.
impl fmt::Debug for TicketRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketRequest")
            .field("client", &self.held.client)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
