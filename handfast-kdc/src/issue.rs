use crate::directory::{LongTermKey, PrincipalEntry};
use crate::event::Outcome;
use crate::fast::Armor;
use crate::lifetime::Times;
use crate::pac::IssuedPac;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::user_to_user::UserKey;
use alloc::vec;
use alloc::vec::Vec;
use handfast::crypto::{Random, Secret};
use handfast::krb5::enctype::{ChecksumKey, CipherKey, EncryptionKey, Enctype};
use handfast::krb5::message::{
    AdElement, AdType, AuthorizationData, Checksum, EncKdcRepPart, EncTicketPart, Encoded, EncryptedData, ErrorCode,
    HostAddress, KdcExchange, KdcRep, KdcReqBody, KerberosTime, KeyRef, LastReqEntry, PaData, PaDataType,
    PrincipalName, Ticket, TicketFlags, TransitedEncoding,
};
use handfast::{Principal, Time};

/// A ticket that is about to be issued: everything but the bytes.
pub(crate) struct Grant<'a> {
    pub(crate) exchange: KdcExchange,
    pub(crate) body: &'a KdcReqBody<'a>,
    pub(crate) crealm: &'a str,
    pub(crate) cname: PrincipalName<'a>,
    pub(crate) service: &'a PrincipalEntry,
    pub(crate) sname: PrincipalName<'a>,
    pub(crate) session: Enctype,
    /// The session key, if it is not a random one.
    pub(crate) session_key: Option<EncryptionKey>,
    pub(crate) flags: TicketFlags,
    pub(crate) times: Times,
    /// The realms that the client has come through, as the ticket has them.
    pub(crate) transited: &'a [u8],
    pub(crate) caddr: Vec<HostAddress<'a>>,
    pub(crate) authorization_data: AuthorizationData<'a>,
    pub(crate) pac: Option<&'a IssuedPac>,
    /// The session key of the peer's ticket-granting ticket, in the place of the service's key.
    pub(crate) user_to_user: Option<&'a UserKey>,
}

/// What the reply says beside the ticket, and what it is sealed with.
pub(crate) struct Reply<'a> {
    pub(crate) key: &'a CipherKey,
    /// Of the client's key.
    pub(crate) kvno: Option<u32>,
    pub(crate) request_checksum: Option<Vec<u8>>,
    pub(crate) last_req: Vec<LastReqEntry>,
    pub(crate) key_expiration: Option<Time>,
    pub(crate) padata: Vec<PaData<'a>>,
    /// Inside of FAST: what protects the reply.
    pub(crate) armor: Option<Armored<'a>>,
}

/// What FAST does to a reply (RFC 6113 5.4.3).
pub(crate) struct Armored<'a> {
    pub(crate) armor: &'a Armor,
    /// What the reply key was strengthened with.
    pub(crate) strengthen_key: EncryptionKey,
    pub(crate) now: Time,
}

/// Room for what an encrypted part usually is, so that no outgrown copy of a session key stays behind.
const PART_ROOM: usize = 1024;

/// Session key and two confounders, asked for at once.
struct Randomness(Secret<[u8; 64]>);

impl Randomness {
    fn new(random: &dyn Random) -> Result<Self, Refusal> {
        let mut octets = Secret::new([0; 64]);
        random.fill(octets.expose_mut()).map_err(handfast::krb5::enctype::CryptoError::from)?;
        Ok(Randomness(octets))
    }

    fn key(&self, enctype: Enctype) -> Result<KeyRef<'_>, Refusal> {
        let octets = enctype.key_size().and_then(|size| self.0.expose().get(..size.min(32)));
        let none = || Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, "no session key of this enctype can be made");
        Ok(KeyRef { keytype: enctype, keyvalue: octets.ok_or_else(none)? })
    }

    fn confounders(&self) -> ([u8; 16], [u8; 16]) {
        let (mut first, mut second) = ([0; 16], [0; 16]);
        let (_, octets) = self.0.expose().split_at(32);
        let (one, two) = octets.split_at(16);
        first.copy_from_slice(one);
        second.copy_from_slice(two);
        (first, second)
    }
}

impl Grant<'_> {
    /// The reply with the ticket in it (RFC 4120 3.1.3, 3.3.3), and what the log shall say.
    pub(crate) fn issue(&self, reply: &Reply<'_>, random: &dyn Random) -> Result<(Vec<u8>, Outcome), Refusal> {
        let randomness = Randomness::new(random)?;
        let key = match &self.session_key {
            Some(key) => KeyRef::from(key),
            None => randomness.key(self.session)?,
        };
        let (ticket_confounder, reply_confounder) = randomness.confounders();
        let (ticket_key, kvno) = self.ticket_key()?;
        let sealed_ticket = self.sealed_ticket(key, ticket_key, &ticket_confounder)?;
        let ticket = Ticket {
            realm: self.service.principal.realm(),
            sname: self.sname.clone(),
            enc_part: EncryptedData { etype: ticket_key.enctype(), kvno, cipher: &sealed_ticket },
        };
        let sealed_part = self.sealed_part(reply, key, &reply_confounder);
        let mut buffer = Vec::with_capacity(sealed_ticket.len() + 256);
        let ticket = Encoded::<Ticket<'_>>::new(ticket, &mut buffer);
        let fast = self.fast(reply, ticket.bytes(), random)?;
        let fast = fast.as_deref().map(|value| PaData { padata_type: PaDataType::FX_FAST, padata_value: value });
        let anonymous = Principal::anonymous();
        let hidden = reply.armor.as_ref().is_some_and(|armored| armored.armor.hides_client);
        let message = KdcRep {
            exchange: self.exchange,
            padata: fast.map_or_else(|| reply.padata.clone(), |fast| vec![fast]),
            crealm: if hidden { anonymous.realm() } else { self.crealm },
            cname: if hidden { PrincipalName::from(&anonymous) } else { self.cname.clone() },
            ticket,
            enc_part: EncryptedData { etype: reply.key.enctype(), kvno: reply.kvno, cipher: &sealed_part },
        };
        Ok((message.to_der(), self.outcome(reply, ticket_key)))
    }

    /// The PA-FX-FAST that takes the place of the reply's padata.
    fn fast(&self, reply: &Reply<'_>, ticket: &[u8], random: &dyn Random) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(Armored { armor, strengthen_key, now }) = &reply.armor else { return Ok(None) };
        armor.seal_reply(&reply.padata, strengthen_key, (self.crealm, &self.cname), ticket, *now, random).map(Some)
    }

    /// The key that the ticket is under, with its version if it is a service's.
    fn ticket_key(&self) -> Result<(&CipherKey, Option<u32>), Refusal> {
        if let Some(key) = self.user_to_user {
            return Ok((&key.cipher, None));
        }
        let no_key = || Refusal::new(ErrorCode::KDC_ERR_NULL_KEY, "the service has no key");
        let key = self.service.current_keys().next().ok_or_else(no_key)?;
        Ok((&key.ticket, Some(key.kvno())))
    }

    fn sealed_ticket(
        &self,
        key: KeyRef<'_>,
        ticket_key: &CipherKey,
        confounder: &[u8; 16],
    ) -> Result<Vec<u8>, Refusal> {
        let mut part = EncTicketPart {
            flags: self.flags,
            key,
            crealm: self.crealm,
            cname: self.cname.clone(),
            transited: TransitedEncoding { tr_type: TransitedEncoding::DOMAIN_X500_COMPRESS, contents: self.transited },
            authtime: self.times.authtime.into(),
            starttime: Some(self.times.starttime.into()),
            endtime: self.times.endtime.into(),
            renew_till: self.times.renew_till.map(KerberosTime::from),
            caddr: self.caddr.clone(),
            authorization_data: self.authorization_data.clone(),
        };
        let service_key = self.service.current_keys().next().map(LongTermKey::key);
        let signed = self.pac.zip(self.user_to_user.map(|peer| &peer.key).or(service_key));
        let container = signed.map(|(pac, key)| pac.container(&part, &self.sname, key)).transpose()?;
        if let Some(ad_data) = container.as_deref() {
            part.authorization_data.0.insert(0, AdElement { ad_type: AdType::IF_RELEVANT, ad_data });
        }
        let mut plain = Secret::new(Vec::with_capacity(PART_ROOM));
        part.encode(plain.expose_mut());
        let mut sealed = Vec::new();
        ticket_key.encrypt(confounder, plain.expose(), &mut sealed);
        Ok(sealed)
    }

    fn sealed_part(&self, reply: &Reply<'_>, key: KeyRef<'_>, confounder: &[u8; 16]) -> Vec<u8> {
        let checksum = reply.request_checksum.as_deref();
        let checksum = checksum.map(|value| PaData { padata_type: PaDataType::REQ_ENC_PA_REP, padata_value: value });
        // Who sees this knows that nobody has hidden that FAST is taken here.
        let takes_fast = PaData { padata_type: PaDataType::FX_FAST, padata_value: &[] };
        let part = EncKdcRepPart {
            exchange: self.exchange,
            key,
            last_req: reply.last_req.clone(),
            nonce: self.body.nonce,
            key_expiration: reply.key_expiration.map(KerberosTime::from),
            flags: self.flags,
            authtime: self.times.authtime.into(),
            starttime: Some(self.times.starttime.into()),
            endtime: self.times.endtime.into(),
            renew_till: self.times.renew_till.map(KerberosTime::from),
            srealm: self.service.principal.realm(),
            sname: self.sname.clone(),
            caddr: self.caddr.clone(),
            encrypted_pa_data: checksum.into_iter().flat_map(|checksum| [checksum, takes_fast]).collect(),
        };
        let mut plain = Secret::new(Vec::with_capacity(PART_ROOM));
        part.encode(plain.expose_mut());
        let mut sealed = Vec::new();
        reply.key.encrypt(confounder, plain.expose(), &mut sealed);
        sealed
    }

    fn outcome(&self, reply: &Reply<'_>, ticket_key: &CipherKey) -> Outcome {
        Outcome::Issued {
            reply: reply.key.enctype(),
            ticket: ticket_key.enctype(),
            session: self.session,
            flags: self.flags,
            authtime: self.times.authtime,
            endtime: self.times.endtime,
        }
    }
}

/// The session key's enctype: the first in the request that the service takes and the realm allows (RFC 4120 3.1.3).
pub(crate) fn session_enctype(
    requested: &[Enctype],
    settings: &Settings,
    service: &PrincipalEntry,
) -> Result<Enctype, Refusal> {
    let allowed = |enctype: &Enctype| settings.session_enctypes.contains(enctype) && settings.permits(*enctype);
    let fits = |enctype: &&Enctype| allowed(enctype) && service.takes(**enctype);
    requested.iter().find(fits).copied().ok_or_else(|| {
        let reason = "no enctype of the request is one that the service takes and the realm allows";
        Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, reason)
    })
}

/// The checksum by which the client sees that nobody changed its request (RFC 6806 11).
pub(crate) fn request_checksum(key: &ChecksumKey, request: &[u8]) -> Vec<u8> {
    Checksum { cksumtype: key.checksum_type(), checksum: &key.checksum(&[request]) }.to_der()
}
