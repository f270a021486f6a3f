use super::asked::{Asked, TgsTerms, draw_nonce};
use super::error::ExchangeError;
use super::{ClientSecret, FastUse, TicketOptions};
use crate::crypto::Random;
use crate::krb5::HeldTicket;
use crate::krb5::enctype::Enctype;
use crate::krb5::message::{
    Encoded, KdcExchange, KdcOptions, KdcReqBody, KerberosTime, PaDataType, PaPacRequest, TicketFlags,
};
use crate::krb5::preauth::{Armor, OwnedPaData, Round};
use crate::name::{NameType, Principal};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Who logs in, with what, and what for.
#[derive(Clone)]
pub(super) struct Applicant {
    pub(super) client: Principal,
    pub(super) secret: ClientSecret,
    pub(super) options: TicketOptions,
    pub(super) random: Arc<dyn Random>,
    /// A ticket-granting ticket, whose session key protects the login.
    pub(super) armor: Option<Box<HeldTicket>>,
    /// Whether the KDC is known to take FAST.
    pub(super) fast_known: bool,
}

/// A request in the making: a new body, with a new nonce, for each (RFC 6113 5.4.3).
pub(super) struct Draft {
    pub(super) asked: Asked,
    /// The KDC-REQ-BODY, in DER.
    pub(super) body: Vec<u8>,
    pub(super) tcp_required: bool,
}

impl Applicant {
    pub(super) fn draft(&self, tcp_required: bool, now: Time) -> Result<Draft, ExchangeError> {
        let asked = self.ask(now)?;
        let mut body = Vec::new();
        Encoded::<KdcReqBody<'_>>::new(asked.body(), &mut body);
        Ok(Draft { asked, body, tcp_required })
    }

    /// What pre-authentication needs to know of a request.
    ///
    /// `now` is the KDC's time, `here` our own clock.
    pub(super) fn round<'a>(&'a self, draft: &'a Draft, armor: Option<&'a Armor>, now: Time, here: Time) -> Round<'a> {
        Round {
            client: &self.client,
            secret: &self.secret,
            options: &self.options,
            random: &*self.random,
            now,
            here,
            enctypes: &draft.asked.enctypes,
            nonce: draft.asked.nonce,
            body: &draft.body,
            armor: armor.map(Armor::key),
        }
    }

    /// A new armor key for a conversation (RFC 6113 5.4), if there shall be one.
    pub(super) fn armor(&self, now: Time) -> Result<Option<Armor>, ExchangeError> {
        let own = Principal::krbtgt(self.client.realm(), self.client.realm());
        let fits = |ticket: &&HeldTicket| {
            ticket.server.components() == own.components() && ticket.is_valid_at(now) && ticket.has_usable_key()
        };
        let ticket = self.armor.as_deref();
        match (self.options.fast, ticket.filter(fits)) {
            (FastUse::IfKnown, _) if !self.fast_known => Ok(None),
            (FastUse::IfPossible | FastUse::IfKnown | FastUse::Required, Some(ticket)) => {
                Armor::of_ticket(ticket, &*self.random, now).map(Some)
            }
            (FastUse::Required, None) => Err(ExchangeError::NoArmor {
                realm: self.client.realm().to_string(),
                ticket: ticket.map(|ticket| ticket.server.clone()),
                end: ticket.map(|ticket| ticket.end_time),
            }),
            (FastUse::Off | FastUse::IfPossible | FastUse::IfKnown, _) => Ok(None),
        }
    }

    /// Whether the client's name shall stay inside of FAST.
    pub(super) fn is_hidden(&self) -> bool {
        self.options.hide_client_name && self.options.fast == FastUse::Required
    }

    /// Whether the KDC may know the client by another name (RFC 6806 5, 6).
    pub(super) fn may_be_renamed(&self) -> bool {
        self.options.canonicalize || self.client.name_type() == NameType::ENTERPRISE
    }

    /// What the first request carries: who will sign asks for a token that shows when (RFC 8070 2.1).
    pub(super) fn first_padata(&self) -> Vec<OwnedPaData> {
        let signs = self.secret.is_agreed() && !self.secret.is_anonymous();
        signs.then(|| OwnedPaData::new(PaDataType::AS_FRESHNESS, Vec::new())).into_iter().collect()
    }

    /// What each request says of PACs (MS-KILE 3.2.5.5).
    pub(super) fn pac_request(&self) -> Option<Vec<u8>> {
        self.options.request_pac.map(|include_pac| PaPacRequest { include_pac }.to_der())
    }

    /// What to ask for, from now on.
    fn ask(&self, now: Time) -> Result<Asked, ExchangeError> {
        let wish = |wanted, option| if wanted { option } else { KdcOptions::NONE };
        let anonymous = self.secret.is_anonymous();
        let from = self.options.start_in.map(|time| now.saturating_add(time).whole_seconds());
        let until = |life| KerberosTime::from(from.unwrap_or(now).saturating_add(life));
        Ok(Asked {
            exchange: KdcExchange::As,
            kdc_realm: self.client.realm().to_string(),
            client: if anonymous { Principal::anonymous() } else { self.client.clone() },
            service: self.service()?,
            options: wish(anonymous, KdcOptions::ANONYMOUS)
                .with(wish(self.options.forwardable, KdcOptions::FORWARDABLE))
                .with(wish(self.options.proxiable, KdcOptions::PROXIABLE))
                .with(wish(from.is_some(), KdcOptions::POSTDATED | KdcOptions::ALLOW_POSTDATE))
                .with(wish(self.options.renewable_for.is_some(), KdcOptions::RENEWABLE))
                .with(wish(self.may_be_renamed(), KdcOptions::CANONICALIZE)),
            from: from.map(KerberosTime::from),
            till: until(self.options.lifetime),
            rtime: self.options.renewable_for.map(until),
            nonce: draw_nonce(&*self.random)?,
            enctypes: self.enctypes()?,
            clock_skew: self.options.clock_skew,
            terms: TgsTerms {
                addresses: self.options.addresses.clone(),
                expected_addresses: self.options.addresses.clone(),
                required_flags: if anonymous { TicketFlags::ANONYMOUS } else { TicketFlags::NONE },
                ..TgsTerms::default()
            },
        })
    }

    fn service(&self) -> Result<Principal, ExchangeError> {
        let realm = self.client.realm();
        if realm.is_empty() {
            return Err(ExchangeError::ApiMisuse("a login of a client whose realm is not known"));
        }
        match &self.options.service {
            None => Ok(Principal::krbtgt(realm, realm)),
            Some(service) if service.realm().is_empty() => Ok(service.clone().with_realm(realm)),
            Some(service) if service.realm() == realm => Ok(service.clone()),
            Some(_) => Err(ExchangeError::ApiMisuse("a login for a service of another realm than the client's")),
        }
    }

    /// The enctypes to offer, those with a key in front: the KDC takes the first one that it can (RFC 4120 3.1.3).
    fn enctypes(&self) -> Result<Vec<Enctype>, ExchangeError> {
        let usable = self.options.usable_enctypes().into_iter();
        let (mut held, other): (Vec<_>, Vec<_>) = usable.partition(|&enctype| self.secret.has(enctype));
        if held.is_empty() {
            return Err(ExchangeError::NoUsableEnctype { permitted: self.options.enctypes.clone() });
        }
        held.extend(other);
        Ok(held)
    }
}
