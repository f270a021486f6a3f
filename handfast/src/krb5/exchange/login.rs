use super::asked::{Answer, Asked, draw_confounder, draw_nonce};
use super::error::{ExchangeError, Mismatch};
use super::{ClientProof, ClientSecret, ExchangeStep, KdcRefusal, KdcRequest, TicketOptions};
use crate::crypto::{Random, Secret};
use crate::krb5::HeldTicket;
use crate::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, Enctype, KeyUsage};
use crate::krb5::message::{
    Checksum, EncKdcRepPart, Encoded, EncryptedData, ErrorCode, KdcExchange, KdcOptions, KdcRep, KdcReq, KdcReqBody,
    KerberosTime, KrbError, MethodData, PaData, PaDataType, TicketFlags,
};
use crate::krb5::preauth::{KeyHint, KeyHints, encrypted_timestamp};
use crate::name::Principal;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// The key usage of the checksum with which a KDC says what request it saw (RFC 6806 11).
const AS_REQ_CHECKSUM: KeyUsage = KeyUsage(56);

/// The AS exchange (RFC 4120 3.1): a client's first ticket, for its password or keys.
///
/// The first request carries no proof. Most KDCs then ask for one and say how the client's key is made; the second
/// carries the time under that key. The ticket is one for the ticket-granting service, unless
/// [`TicketOptions::service`] names another.
pub struct Login {
    client: Principal,
    secret: ClientSecret,
    options: TicketOptions,
    random: Arc<dyn Random>,
    sent: Option<Box<Sent>>,
}

/// The request that waits for its answer.
struct Sent {
    asked: Asked,
    request: KdcRequest,
    hints: KeyHints,
    proof: Option<Proof>,
}

/// The key that the client proved itself with, and how it was made.
struct Proof {
    enctype: Enctype,
    hint: Option<KeyHint>,
    keys: Vec<EncryptionKey>,
}

impl Login {
    /// A login of `client`, whose realm must be known.
    pub fn new(client: Principal, secret: ClientSecret, options: TicketOptions, random: Arc<dyn Random>) -> Login {
        Login { client, secret, options, random, sent: None }
    }

    /// Makes the first request.
    ///
    /// # Errors
    /// [`ExchangeError::NoUsableEnctype`], [`ExchangeError::Random`], and [`ExchangeError::ApiMisuse`] for a client
    /// without a realm or a service of another realm.
    pub fn begin(self, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let asked = self.ask(now)?;
        let request = request(&asked, Vec::new(), false);
        Ok(self.send(Sent { asked, request, hints: KeyHints::default(), proof: None }))
    }

    /// Takes the KDC's answer.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub fn reply(mut self, reply: &[u8], now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let Some(sent) = self.sent.take() else { return Err(ExchangeError::ApiMisuse("a reply to no request")) };
        match Answer::decode(reply)? {
            Answer::Reply(reply) => self.accept(&sent, &reply, now).map(Box::new).map(ExchangeStep::Complete),
            Answer::Refusal(error) => self.go_on(*sent, &error, now),
        }
    }

    fn send(mut self, sent: Sent) -> ExchangeStep<Login> {
        let request = sent.request.clone();
        self.sent = Some(Box::new(sent));
        ExchangeStep::NeedsKdc(self, request)
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
            addresses: Vec::new(),
            clock_skew: self.options.clock_skew,
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
        let supported = self.options.enctypes.iter().copied().filter(|enctype| enctype.is_supported());
        let (mut held, other): (Vec<_>, Vec<_>) = supported.partition(|&enctype| self.secret.has(enctype));
        if held.is_empty() {
            return Err(ExchangeError::NoUsableEnctype { permitted: self.options.enctypes.clone() });
        }
        held.extend(other);
        Ok(held)
    }

    /// A refusal may tell how to ask better.
    fn go_on(self, mut sent: Sent, error: &KrbError<'_>, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        match error.error_code {
            ErrorCode::KRB_ERR_RESPONSE_TOO_BIG if !sent.request.tcp_required => {
                sent.request.tcp_required = true;
                Ok(self.send(sent))
            }
            ErrorCode::KDC_ERR_PREAUTH_REQUIRED if sent.proof.is_none() => self.prove(&sent, error, now),
            ErrorCode::KDC_ERR_WRONG_REALM => {
                let realm = error.crealm.unwrap_or_default().to_string();
                Err(ExchangeError::Referral { name: self.client, realm })
            }
            _ => {
                let proof = sent.proof.map(|proof| self.client_proof(proof.enctype));
                Err(ExchangeError::Refused(Box::new(KdcRefusal::new(&sent.asked, proof, error, now))))
            }
        }
    }

    fn client_proof(&self, enctype: Enctype) -> ClientProof {
        match self.secret {
            ClientSecret::Password(_) => ClientProof::Password(enctype),
            ClientSecret::Keys(_) => ClientProof::Key(enctype),
        }
    }

    /// Asks again, with proof (RFC 4120 3.1.1, 5.2.7.2).
    fn prove(self, sent: &Sent, error: &KrbError<'_>, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let methods = MethodData::decode(error.e_data.unwrap_or(EMPTY_LIST))?.0;
        let offers = |wanted| methods.iter().find(|method| method.padata_type == wanted);
        if offers(PaDataType::ENC_TIMESTAMP).is_none() {
            let offered = methods.iter().map(|method| method.padata_type).collect();
            let enctypes = sent.asked.enctypes.clone();
            return Err(ExchangeError::NoCommonPreauth { client: self.client, enctypes, offered });
        }
        let hints = KeyHints::among(&methods)?;
        let proof = self.choose_key(&sent.asked, &hints)?;
        let Some(key) = proof.keys.first() else { return Err(self.no_common_enctype(&sent.asked, &hints)) };
        let timestamp = encrypted_timestamp(key, &draw_confounder(&*self.random)?, now)?;
        let mut padata = vec![PaData { padata_type: PaDataType::ENC_TIMESTAMP, padata_value: &timestamp }];
        padata.extend(offers(PaDataType::FX_COOKIE));
        let asked = self.ask(now)?;
        let request = request(&asked, padata, sent.request.tcp_required);
        Ok(self.send(Sent { asked, request, hints, proof: Some(proof) }))
    }

    /// The best enctype, as we see it, that both sides have a key of.
    fn choose_key(&self, asked: &Asked, hints: &KeyHints) -> Result<Proof, ExchangeError> {
        let fits = |enctype: &Enctype| self.secret.has(*enctype) && hints.allow(*enctype);
        let enctype = asked.enctypes.iter().copied().find(fits);
        let enctype = enctype.ok_or_else(|| self.no_common_enctype(asked, hints))?;
        let hint = hints.find(enctype).cloned();
        let keys = self.keys(enctype, hint.as_ref())?;
        Ok(Proof { enctype, hint, keys })
    }

    fn no_common_enctype(&self, asked: &Asked, hints: &KeyHints) -> ExchangeError {
        let ours = asked.enctypes.iter().copied().filter(|&enctype| self.secret.has(enctype));
        ExchangeError::NoCommonEnctype { client: self.client.clone(), ours: ours.collect(), kdc: hints.enctypes() }
    }

    /// The client's keys of an enctype, unless they would be too easy to guess.
    fn keys(&self, enctype: Enctype, hint: Option<&KeyHint>) -> Result<Vec<EncryptionKey>, ExchangeError> {
        let minimum = enctype.default_iterations().unwrap_or(0);
        match (&self.secret, hint.and_then(KeyHint::iterations)) {
            (ClientSecret::Password(_), Some(requested))
                if requested < minimum.into() && !self.options.weak_string_to_key =>
            {
                Err(ExchangeError::TooFewIterations { requested, minimum })
            }
            _ => Ok(self.secret.keys(enctype, &self.client, hint)?),
        }
    }

    fn accept(&self, sent: &Sent, reply: &KdcRep<'_>, now: Time) -> Result<HeldTicket, ExchangeError> {
        sent.asked.check_outside(reply)?;
        let keys = self.reply_keys(sent, reply)?;
        let (key, plain) = self.decrypt(&keys, &reply.enc_part)?;
        let part = EncKdcRepPart::decode(plain.expose())?;
        let ticket = sent.asked.take(reply, &part, now)?;
        check_request(key, &sent.request.bytes, &part)?;
        Ok(ticket)
    }

    /// The keys that the reply may be under: hints of the reply itself come before those of the refusal.
    fn reply_keys(&self, sent: &Sent, reply: &KdcRep<'_>) -> Result<Vec<EncryptionKey>, ExchangeError> {
        let enctype = reply.enc_part.etype;
        if !self.secret.has(enctype) {
            return Err(self.no_common_enctype(&sent.asked, &sent.hints));
        }
        let latest = KeyHints::among(&reply.padata)?;
        let hint = latest.find(enctype).or_else(|| sent.hints.find(enctype));
        match &sent.proof {
            Some(proof) if proof.enctype == enctype && proof.hint.as_ref() == hint => Ok(proof.keys.clone()),
            _ => self.keys(enctype, hint),
        }
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
        Err(ExchangeError::WrongSecret { client: self.client.clone(), enctype: part.etype, kvno: part.kvno })
    }
}

/// An empty METHOD-DATA.
const EMPTY_LIST: &[u8] = &[0x30, 0];

/// An AS-REQ. It says that the KDC's view of it will be checked (RFC 6806 11).
fn request(asked: &Asked, mut padata: Vec<PaData<'_>>, tcp_required: bool) -> KdcRequest {
    padata.push(PaData { padata_type: PaDataType::REQ_ENC_PA_REP, padata_value: &[] });
    let mut body = Vec::new();
    let req_body = Encoded::<KdcReqBody<'_>>::new(asked.body(), &mut body);
    let bytes = KdcReq { exchange: KdcExchange::As, padata, req_body }.to_der();
    KdcRequest { realm: asked.kdc_realm.clone(), bytes, tcp_required }
}

/// Whether the KDC saw the request that was sent. It says so if it sets the flag enc-pa-rep (RFC 6806 11).
fn check_request(key: &EncryptionKey, request: &[u8], part: &EncKdcRepPart<'_>) -> Result<(), ExchangeError> {
    if !part.flags.contains(TicketFlags::ENC_PA_REP) {
        return Ok(());
    }
    let changed = || ExchangeError::mismatch(Mismatch::RequestChanged);
    let seen = part.encrypted_pa_data.iter().find(|padata| padata.padata_type == PaDataType::REQ_ENC_PA_REP);
    let seen = Checksum::decode(seen.ok_or_else(changed)?.padata_value)?;
    let key = ChecksumKey::new(key, AS_REQ_CHECKSUM)?;
    if seen.cksumtype != key.checksum_type() {
        return Err(changed());
    }
    key.verify(&[request], seen.checksum).map_err(|_| changed())
}

/// Shows the client, not its secret.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("client", &self.client).finish_non_exhaustive()
    }
}
