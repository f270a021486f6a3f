use super::asked::{Answer, Asked, draw_confounder, draw_nonce};
use super::error::{ExchangeError, Mismatch};
use super::{ExchangeStep, KdcRefusal, KdcRequest, TicketOptions};
use crate::crypto::{Random, Secret};
use crate::krb5::HeldTicket;
use crate::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, Enctype, KeyUsage};
use crate::krb5::message::{
    ApOptions, ApReq, Authenticator, AuthorizationData, Checksum, EncKdcRepPart, Encoded, EncryptedData, ErrorCode,
    KdcExchange, KdcOptions, KdcRep, KdcReq, KdcReqBody, KerberosTime, KeyRef, KrbError, PaData, PaDataType,
    PrincipalName, Ticket, TicketFlags,
};
use crate::name::Principal;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// The TGS exchange (RFC 4120 3.3): a ticket for a service, for a ticket-granting ticket; the renewal of a ticket; or a
/// ticket-granting ticket to hand on.
pub struct TicketRequest {
    /// The ticket that is presented.
    held: Box<HeldTicket>,
    service: Principal,
    purpose: Purpose,
    options: TicketOptions,
    random: Arc<dyn Random>,
    sent: Option<Box<Sent>>,
}

/// What the ticket presented is presented for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Service,
    Renewal,
    Forwarding,
}

/// The request that waits for its answer.
struct Sent {
    asked: Asked,
    request: KdcRequest,
    subkey: EncryptionKey,
}

impl TicketRequest {
    /// Asks for a ticket for `service`, of the realm that `tgt` is good for; a service whose realm is not known is
    /// taken to be of that realm.
    pub fn new(tgt: &HeldTicket, service: Principal, options: TicketOptions, random: Arc<dyn Random>) -> TicketRequest {
        TicketRequest::of(tgt, service, Purpose::Service, options, random)
    }

    /// Asks for `ticket` again, with a new end (RFC 4120 2.3); it may be one for any service. Of the options, only
    /// the enctypes and the clock skew matter.
    pub fn renew(ticket: &HeldTicket, options: TicketOptions, random: Arc<dyn Random>) -> TicketRequest {
        let service = ticket.server.clone();
        TicketRequest::of(ticket, service, Purpose::Renewal, options, random)
    }

    /// Asks for one more ticket-granting ticket of the client, for another host (RFC 4120 2.6): like `tgt`, bound to no address, and
    /// flagged as forwarded. `tgt` must be forwardable, or the KDC refuses; what it gives is so too if `options` wish it.
    pub fn forward(tgt: &HeldTicket, options: TicketOptions, random: Arc<dyn Random>) -> TicketRequest {
        TicketRequest::of(tgt, tgt.server.clone(), Purpose::Forwarding, options, random)
    }

    fn of(
        presented: &HeldTicket,
        service: Principal,
        purpose: Purpose,
        options: TicketOptions,
        random: Arc<dyn Random>,
    ) -> TicketRequest {
        TicketRequest { held: Box::new(presented.clone()), service, purpose, options, random, sent: None }
    }

    /// Makes the request.
    ///
    /// # Errors
    /// [`ExchangeError::OtherRealm`], [`ExchangeError::NotRenewable`], [`ExchangeError::EnctypeNotPermitted`],
    /// [`ExchangeError::Random`]; [`ExchangeError::Decode`] and [`ExchangeError::Crypto`] for a ticket that can't
    /// be presented.
    pub fn begin(mut self, now: Time) -> Result<ExchangeStep<TicketRequest>, ExchangeError> {
        let realm = self.kdc_realm(now)?;
        if self.service.realm().is_empty() {
            self.service = self.service.with_realm(&*realm);
        }
        let asked = self.ask(realm, now)?;
        let subkey = EncryptionKey::generate(self.held.key.enctype(), &*self.random)?;
        let request = self.request(&asked, &subkey, now)?;
        Ok(self.send(Sent { asked, request, subkey }))
    }

    /// Takes the KDC's answer.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub fn reply(mut self, reply: &[u8], now: Time) -> Result<ExchangeStep<TicketRequest>, ExchangeError> {
        let Some(sent) = self.sent.take() else { return Err(ExchangeError::ApiMisuse("a reply to no request")) };
        match Answer::decode(reply)? {
            Answer::Reply(reply) => accept(&sent, &reply, now).map(Box::new).map(ExchangeStep::Complete),
            Answer::Refusal(error) => self.go_on(*sent, &error, now),
        }
    }

    /// Goes on without an answer: nothing is asked here.
    ///
    /// # Errors
    /// Always: [`ExchangeError::ApiMisuse`].
    pub fn decline(self, _now: Time) -> Result<ExchangeStep<TicketRequest>, ExchangeError> {
        Err(ExchangeError::ApiMisuse("nothing was asked"))
    }

    fn send(mut self, sent: Sent) -> ExchangeStep<TicketRequest> {
        let request = sent.request.clone();
        self.sent = Some(Box::new(sent));
        ExchangeStep::NeedsKdc(self, request)
    }

    /// A refusal may tell how to ask better.
    fn go_on(
        self,
        mut sent: Sent,
        error: &KrbError<'_>,
        now: Time,
    ) -> Result<ExchangeStep<TicketRequest>, ExchangeError> {
        if error.error_code == ErrorCode::KRB_ERR_RESPONSE_TOO_BIG && !sent.request.tcp_required {
            sent.request.tcp_required = true;
            return Ok(self.send(sent));
        }
        Err(ExchangeError::Refused(Box::new(KdcRefusal::new(&sent.asked, None, error, now))))
    }

    /// The realm whose KDC takes the ticket.
    fn kdc_realm(&self, now: Time) -> Result<String, ExchangeError> {
        if self.purpose == Purpose::Renewal {
            let renew_till = self.held.renew_till;
            let renewable =
                self.held.flags.contains(TicketFlags::RENEWABLE) && renew_till.is_some_and(|till| till > now);
            if !renewable {
                return Err(ExchangeError::NotRenewable { service: self.service.clone(), renew_till });
            }
            return Ok(self.held.server.realm().to_string());
        }
        match self.held.server.components() {
            [_, realm]
                if self.held.server.is_krbtgt()
                    && (self.service.realm() == realm || self.service.realm().is_empty()) =>
            {
                Ok(realm.clone())
            }
            _ => Err(ExchangeError::OtherRealm { service: self.service.clone(), ticket: self.held.server.clone() }),
        }
    }

    /// What to ask for, from now on. Options that the ticket presented lacks would be refused (RFC 4120 5.4.1).
    fn ask(&self, kdc_realm: String, now: Time) -> Result<Asked, ExchangeError> {
        let held = &*self.held;
        let (renewal, forwarding) = (self.purpose == Purpose::Renewal, self.purpose == Purpose::Forwarding);
        let wish = |wanted, flag, option| {
            if (wanted || renewal) && held.flags.contains(flag) { option } else { KdcOptions::NONE }
        };
        let renewable = wish(self.options.renewable_for.is_some(), TicketFlags::RENEWABLE, KdcOptions::RENEWABLE);
        let until = |life| KerberosTime::from(now.saturating_add(life));
        let latest_renewal = held.renew_till.map(KerberosTime::from);
        let rtime = match self.options.renewable_for.map(until) {
            Some(wanted) if !renewal => latest_renewal.map(|latest| latest.min(wanted)),
            _ => latest_renewal,
        };
        Ok(Asked {
            exchange: KdcExchange::Tgs,
            kdc_realm,
            client: held.client.clone(),
            service: self.service.clone(),
            options: wish(self.options.forwardable, TicketFlags::FORWARDABLE, KdcOptions::FORWARDABLE)
                .with(wish(self.options.proxiable, TicketFlags::PROXIABLE, KdcOptions::PROXIABLE))
                .with(renewable)
                .with(if renewal { KdcOptions::RENEW } else { KdcOptions::NONE })
                .with(if forwarding { KdcOptions::FORWARDED } else { KdcOptions::NONE }),
            till: if renewal {
                KerberosTime::EPOCH
            } else {
                KerberosTime::from(held.end_time).min(until(self.options.lifetime))
            },
            rtime: rtime.filter(|_| renewable != KdcOptions::NONE),
            nonce: draw_nonce(&*self.random)?,
            enctypes: self.enctypes()?,
            addresses: if forwarding { Vec::new() } else { held.addresses.clone() },
            clock_skew: self.options.clock_skew,
        })
    }

    fn enctypes(&self) -> Result<Vec<Enctype>, ExchangeError> {
        let permitted = &self.options.enctypes;
        let usable: Vec<_> = permitted.iter().copied().filter(|enctype| enctype.can_compute()).collect();
        if usable.is_empty() {
            return Err(ExchangeError::NoUsableEnctype { permitted: permitted.clone() });
        }
        let enctype = self.held.key.enctype();
        if !usable.contains(&enctype) {
            return Err(ExchangeError::EnctypeNotPermitted { service: self.held.server.clone(), enctype });
        }
        Ok(usable)
    }

    /// The TGS-REQ: the body, and beside it the proof that covers the body's bytes (RFC 4120 5.2.7.1).
    fn request(&self, asked: &Asked, subkey: &EncryptionKey, now: Time) -> Result<KdcRequest, ExchangeError> {
        let mut body = Vec::new();
        let req_body = Encoded::<KdcReqBody<'_>>::new(asked.body(), &mut body);
        let proof = self.proof(req_body.bytes(), subkey, now)?;
        let padata = vec![PaData { padata_type: PaDataType::TGS_REQ, padata_value: &proof }];
        let bytes = KdcReq { exchange: KdcExchange::Tgs, padata, req_body }.to_der();
        Ok(KdcRequest { realm: asked.kdc_realm.clone(), bytes, tcp_required: false })
    }

    /// The AP-REQ of PA-TGS-REQ.
    fn proof(&self, body: &[u8], subkey: &EncryptionKey, now: Time) -> Result<Vec<u8>, ExchangeError> {
        let key = &self.held.key;
        let checksum_key = ChecksumKey::new(key, KeyUsage::TGS_REQ_AUTHENTICATOR_CHECKSUM)?;
        let authenticator = Authenticator {
            crealm: self.held.client.realm(),
            cname: PrincipalName::from(&self.held.client),
            cksum: Some(Checksum {
                cksumtype: checksum_key.checksum_type(),
                checksum: &checksum_key.checksum(&[body]),
            }),
            cusec: now.into(),
            ctime: now.into(),
            subkey: Some(KeyRef::from(subkey)),
            seq_number: None,
            authorization_data: AuthorizationData::default(),
        };
        let plain = Secret::new(authenticator.to_der());
        let confounder = draw_confounder(&*self.random)?;
        let mut cipher = Vec::new();
        CipherKey::new(key, KeyUsage::TGS_REQ_AUTHENTICATOR)?.encrypt(&confounder, plain.expose(), &mut cipher);
        let request = ApReq {
            ap_options: ApOptions::NONE,
            ticket: Encoded::<Ticket<'_>>::decode(&self.held.ticket)?,
            authenticator: EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher },
        };
        Ok(request.to_der())
    }
}

/// The reply must be under the subkey, as there is one (RFC 4120 3.3.4).
fn accept(sent: &Sent, reply: &KdcRep<'_>, now: Time) -> Result<HeldTicket, ExchangeError> {
    sent.asked.check_outside(reply)?;
    let (got, subkey) = (reply.enc_part.etype, sent.subkey.enctype());
    if got != subkey {
        return Err(ExchangeError::mismatch(Mismatch::ReplyEnctype { got, offered: vec![subkey] }));
    }
    let key = CipherKey::new(&sent.subkey, KeyUsage::TGS_REP_ENC_PART_SUBKEY)?;
    let plain = key.decrypt(reply.enc_part.cipher).map_err(|error| match error {
        CryptoError::IntegrityCheckFailed | CryptoError::TooShort { .. } => {
            ExchangeError::ReplyNotProven { realm: sent.asked.kdc_realm.clone() }
        }
        error => error.into(),
    })?;
    sent.asked.take(reply, &EncKdcRepPart::decode(plain.expose())?, now)
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
