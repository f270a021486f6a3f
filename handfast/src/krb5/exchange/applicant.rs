use super::asked::{Asked, TgsTerms, draw_nonce};
use super::error::ExchangeError;
use super::{ClientSecret, TicketOptions};
use crate::crypto::Random;
use crate::krb5::enctype::Enctype;
use crate::krb5::message::{Encoded, KdcExchange, KdcOptions, KdcReqBody, KerberosTime};
use crate::krb5::preauth::Round;
use crate::name::Principal;
use crate::time::Time;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Who logs in, with what, and what for.
pub(super) struct Applicant {
    pub(super) client: Principal,
    pub(super) secret: ClientSecret,
    pub(super) options: TicketOptions,
    pub(super) random: Arc<dyn Random>,
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
    pub(super) fn round<'a>(&'a self, draft: &'a Draft, now: Time) -> Round<'a> {
        Round {
            client: &self.client,
            secret: &self.secret,
            options: &self.options,
            random: &*self.random,
            now,
            enctypes: &draft.asked.enctypes,
            nonce: draft.asked.nonce,
            body: &draft.body,
            armor: None,
        }
    }

    /// What to ask for, from now on.
    fn ask(&self, now: Time) -> Result<Asked, ExchangeError> {
        let wish = |wanted, option| if wanted { option } else { KdcOptions::NONE };
        let until = |life| KerberosTime::from(now.saturating_add(life));
        Ok(Asked {
            exchange: KdcExchange::As,
            kdc_realm: self.client.realm().to_string(),
            client: self.client.clone(),
            service: self.service()?,
            options: wish(self.options.forwardable, KdcOptions::FORWARDABLE)
                .with(wish(self.options.proxiable, KdcOptions::PROXIABLE))
                .with(wish(self.options.renewable_for.is_some(), KdcOptions::RENEWABLE)),
            till: until(self.options.lifetime),
            rtime: self.options.renewable_for.map(until),
            nonce: draw_nonce(&*self.random)?,
            enctypes: self.enctypes()?,
            clock_skew: self.options.clock_skew,
            terms: TgsTerms::default(),
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
        let supported = self.options.enctypes.iter().copied().filter(|enctype| enctype.can_compute());
        let (mut held, other): (Vec<_>, Vec<_>) = supported.partition(|&enctype| self.secret.has(enctype));
        if held.is_empty() {
            return Err(ExchangeError::NoUsableEnctype { permitted: self.options.enctypes.clone() });
        }
        held.extend(other);
        Ok(held)
    }
}
