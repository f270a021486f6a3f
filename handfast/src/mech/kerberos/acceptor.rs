use super::authorization::{self, TicketKeys};
use super::dce_style::WaitingForThirdLeg;
use super::decrypt;
use super::delegation::Delegator;
use super::iakerb::{Conversation, Relaying, refuse_finished};
use super::message::{Framing, GSS_CHECKSUM_TYPE, GssChecksum, Token, TokenId, read_token, write_refusal, write_token};
use super::on_behalf;
use super::per_message::{Agreement, Sender, has_old_tokens};
use super::seeds::Seeds;
use super::user_to_user::{Login, Offering};
use crate::crypto::{Random, Secret};
use crate::error::{Error, Refusal};
use crate::flags::Flags;
use crate::identity::Identity;
use crate::krb5::enctype::{CipherKey, CryptoError, EncryptionKey, KeyUsage};
use crate::krb5::keytab::Keytab;
use crate::krb5::message::{
    ApOptions, ApRep, ApReq, Authenticator, EncApRepPart, EncTicketPart, Encoded, EncryptedData, KeyRef, Ticket,
    TicketFlags,
};
use crate::krb5::pac::SignatureKey;
use crate::krb5::{Authorization, HeldTicket};
use crate::mech::{AcceptInput, AcceptRequest, AcceptStep, Accepting, Established, MechanismId, Progress, Why};
use crate::name::Principal;
use crate::policy::{AbsentBindings, IakerbDialect, Policy, Relay};
use crate::question::{Answer, Question};
use crate::replay::{ReplayGuard, ReplayTag, ReplayVerdict};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The keys of the services, scheduled once, and the replay guard.
#[derive(Clone)]
pub(crate) struct KerberosAcceptor(Arc<Shared>);

struct Shared {
    keys: Vec<ServiceKey>,
    guard: Option<Arc<ReplayGuard>>,
    random: Arc<dyn Random>,
}

pub(super) struct ServiceKey {
    pub(super) service: Principal,
    pub(super) kvno: u32,
    pub(super) cipher: CipherKey,
    pub(super) signature: SignatureKey,
    pub(super) key: EncryptionKey,
}

impl ServiceKey {
    pub(super) fn new(service: Principal, kvno: u32, key: EncryptionKey) -> Result<Self, CryptoError> {
        let cipher = CipherKey::new(&key, KeyUsage::TICKET)?;
        Ok(ServiceKey { service, kvno, cipher, signature: SignatureKey::new(&key)?, key })
    }
}

impl KerberosAcceptor {
    pub(crate) fn new(keytab: &Keytab, guard: Option<ReplayGuard>, random: Arc<dyn Random>) -> Self {
        KerberosAcceptor::with(keytab, guard.map(Arc::new), random)
    }

    /// Other keys; the same guard.
    pub(crate) fn with_keytab(&self, keytab: &Keytab) -> Self {
        KerberosAcceptor::with(keytab, self.0.guard.clone(), Arc::clone(&self.0.random))
    }

    fn with(keytab: &Keytab, guard: Option<Arc<ReplayGuard>>, random: Arc<dyn Random>) -> Self {
        let usable = |entry: &crate::krb5::keytab::KeytabEntry| {
            ServiceKey::new(entry.principal.clone(), entry.kvno, entry.key.clone()).ok()
        };
        let keys = keytab.entries().iter().filter_map(usable).collect();
        KerberosAcceptor(Arc::new(Shared { keys, guard, random }))
    }

    /// Whether there is a key for any ticket.
    pub(crate) fn has_keys(&self) -> bool {
        !self.0.keys.is_empty()
    }

    pub(crate) fn accept(&self, request: &AcceptRequest<'_>) -> Box<dyn Accepting> {
        Box::new(self.waiting(request, Style::Plain))
    }

    /// For clients that get their ticket for `login`.
    pub(crate) fn accept_user_to_user(&self, login: &Arc<Login>, request: &AcceptRequest<'_>) -> Box<dyn Accepting> {
        Box::new(Offering::new(self.waiting(request, Style::UserToUser(Arc::clone(login)))))
    }

    /// For clients that can't reach a KDC.
    pub(crate) fn accept_iakerb(&self, request: &AcceptRequest<'_>) -> Box<dyn Accepting> {
        let conversation = Conversation::new(IakerbDialect::Draft);
        Box::new(Relaying::new(self.waiting(request, Style::Iakerb(conversation))))
    }

    fn waiting(&self, request: &AcceptRequest<'_>, style: Style) -> Waiting {
        Waiting {
            shared: Arc::clone(&self.0),
            style,
            policy: Arc::clone(request.policy),
            bindings: request.bindings.map(|bindings| bindings.gss_hash()),
        }
    }
}

/// Waits for the driver's word on whether the client's proof is new. All else has been checked.
struct WaitingForVerdict {
    before: Waiting,
    client: Client,
    proof: Proof,
}

impl WaitingForVerdict {
    fn judged(self, input: AcceptInput<'_>, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        match input {
            AcceptInput::Answer(Answer::Fresh) => self.before.establish(self.client, self.proof, out),
            AcceptInput::Answer(Answer::Replayed) => refuse(Refusal::Replay),
            AcceptInput::Answer(Answer::ReplayUnknown(why)) => refuse(Refusal::ReplayUnknown(why)),
            AcceptInput::Declined => refuse(Refusal::ReplayUnknown("nobody answers for a replay cache".into())),
            _ => Err(Error::ApiMisuse("a Kerberos acceptor waits for whether the proof is new")),
        }
    }
}

impl Accepting for WaitingForVerdict {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let (start, mechanism) = (out.len(), self.before.mechanism());
        self.judged(input, out).inspect_err(|_| {
            out.truncate(start);
            write_refusal(mechanism, now, out);
        })
    }

    fn refuse(self: Box<Self>, now: Time, out: &mut Vec<u8>) {
        write_refusal(self.before.mechanism(), now, out);
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: self.before.mechanism(), flags: self.proof.flags }
    }
}

/// What clients get beside our proof.
#[derive(Clone)]
pub(super) enum Style {
    /// Nothing.
    Plain,
    /// A login, whose session key tickets are under.
    UserToUser(Arc<Login>),
    /// What a KDC says.
    Iakerb(Conversation),
}

/// Waits for the client's AP-REQ, the only token that it sends but for DCE style's third leg.
#[derive(Clone)]
pub(super) struct Waiting {
    shared: Arc<Shared>,
    pub(super) style: Style,
    pub(super) policy: Arc<Policy>,
    bindings: Option<[u8; 16]>,
}

impl Accepting for Waiting {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let AcceptInput::Token(token) = input else {
            return Err(Error::ApiMisuse("a Kerberos acceptor waits for the client's token"));
        };
        let start = out.len();
        self.accept(token, now, out).inspect_err(|_| {
            out.truncate(start);
            write_refusal(self.mechanism(), now, out);
        })
    }

    fn refuse(self: Box<Self>, now: Time, out: &mut Vec<u8>) {
        write_refusal(self.mechanism(), now, out);
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: self.mechanism(), flags: Flags::NONE }
    }
}

/// What the ticket proves, once it has been decrypted.
struct Client {
    principal: Principal,
    service: Principal,
    session_key: EncryptionKey,
    expires: Time,
    authorization: Box<Authorization>,
    evidence: Option<Box<HeldTicket>>,
}

/// What the authenticator proves, once it has been decrypted and checked.
struct Proof {
    at: (crate::krb5::message::KerberosTime, crate::krb5::message::Microseconds),
    flags: Flags,
    subkey: Option<EncryptionKey>,
    sequence_number: u32,
    delegated: Vec<HeldTicket>,
}

impl Waiting {
    pub(super) fn mechanism(&self) -> MechanismId {
        match &self.style {
            Style::Plain => MechanismId::KERBEROS,
            Style::UserToUser(_) => MechanismId::KERBEROS_USER_TO_USER,
            Style::Iakerb(_) => MechanismId::IAKERB,
        }
    }

    /// The realms whose KDCs `relay` lets us ask; our own are those of the keytab, in its order.
    pub(super) fn relay_realms(&self, relay: &Relay) -> Vec<String> {
        match relay {
            Relay::ForNobody => Vec::new(),
            Relay::Realms(realms) => realms.clone(),
            Relay::OwnRealms => {
                let mut realms: Vec<String> = Vec::new();
                for key in &self.shared.keys {
                    if realms.iter().all(|realm| realm != key.service.realm()) {
                        realms.push(key.service.realm().into());
                    }
                }
                realms
            }
        }
    }

    fn accept(&self, token: &[u8], now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let Some(Token { framing, id, message }) = read_token(token)? else { return Err(Error::UnknownMechanism) };
        if !matches!(framing, Framing::Bare) && framing != Framing::Gss(self.mechanism()) {
            return Err(Error::UnknownMechanism);
        }
        if id != TokenId::ApReq {
            return refuse(Refusal::Unsupported("a first token that is not an AP-REQ"));
        }
        let request = ApReq::decode(message)?;
        let user_to_user = matches!(self.style, Style::UserToUser(_));
        match (request.ap_options.contains(ApOptions::USE_SESSION_KEY), user_to_user) {
            (true, false) => return refuse(Refusal::Unsupported("user-to-user authentication")),
            (false, true) => return refuse(Refusal::NotUserToUser),
            _ => {}
        }
        let client = self.open_ticket(&request.ticket, now)?;
        let authenticator_key = CipherKey::new(&client.session_key, KeyUsage::AP_REQ_AUTHENTICATOR)?;
        let proof = self.open_authenticator(&request.authenticator, &authenticator_key, &client, now)?;
        if framing != Framing::of(self.mechanism(), proof.flags) {
            return refuse(Refusal::WrongFraming { bare: framing == Framing::Bare });
        }
        match self.guard_replay(&request.authenticator, &authenticator_key, now)? {
            None => self.establish(client, proof, out),
            Some(question) => {
                let waiting = WaitingForVerdict { before: self.clone(), client, proof };
                Ok(AcceptStep::NeedsAnswer(Box::new(waiting), question))
            }
        }
    }

    /// Decrypts the ticket with the service's key and checks what the KDC says in it (RFC 4120 3.2.3).
    fn open_ticket(&self, ticket: &Encoded<'_, Ticket<'_>>, now: Time) -> Result<Client, Error> {
        let enctype = ticket.enc_part.etype;
        if !self.policy.permits_ticket(enctype) {
            return refuse(Refusal::EnctypeNotPermitted(enctype));
        }
        let (key, plain) = self.decrypt_ticket(ticket, now)?;
        let part = EncTicketPart::decode(key.cipher.unpadded(plain.expose()))?;
        self.check_times(&part, now)?;
        self.check_transited(&part, ticket.realm)?;
        let keys = TicketKeys { server: key, kdc: self.shared.kdc_keys(ticket.realm) };
        let authorization = authorization::read(&part, &ticket.sname, &keys, &self.policy)?;
        let session_key = self.permitted_key(part.key)?;
        let kept = self.policy.keeps_evidence() && !matches!(self.style, Style::UserToUser(_));
        let evidence = kept.then(|| Box::new(on_behalf::evidence_of(ticket, &part, session_key.clone())));
        Ok(Client {
            principal: part.cname.to_principal(part.crealm),
            service: if ticket.sname.names(&key.service) {
                key.service.clone()
            } else {
                ticket.sname.to_principal(ticket.realm)
            },
            session_key,
            expires: part.endtime.to_time(),
            authorization: Box::new(authorization),
            evidence,
        })
    }

    /// Tries the keys of the service, or all where the ticket is for an alias of one of them.
    fn decrypt_ticket(&self, ticket: &Ticket<'_>, now: Time) -> Result<(&ServiceKey, Secret<Vec<u8>>), Error> {
        let keys = match &self.style {
            Style::UserToUser(login) => Vec::from([login.find(ticket, now)?]),
            Style::Plain | Style::Iakerb(_) => self.shared.find(ticket, &self.policy)?,
        };
        let mut refusal = None;
        for key in keys {
            match key.cipher.decrypt(ticket.enc_part.cipher) {
                Ok(plain) => return Ok((key, plain)),
                Err(CryptoError::IntegrityCheckFailed | CryptoError::TooShort { .. }) => {
                    let (service, enctype) = (key.service.clone(), key.cipher.enctype());
                    refusal = Some(Refusal::TicketNotDecryptable { service, enctype });
                }
                Err(error) => return Err(error.into()),
            }
        }
        // There is a key: `find` says otherwise why not.
        refuse(refusal.unwrap_or(Refusal::AuthenticatorNotDecryptable))
    }

    fn check_times(&self, part: &EncTicketPart<'_>, now: Time) -> Result<(), Error> {
        let skew = self.policy.clock_skew();
        let start = part.starttime.unwrap_or(part.authtime).to_time();
        if part.flags.contains(TicketFlags::INVALID) || start > now.saturating_add(skew) {
            return refuse(Refusal::TicketNotYetValid { start, now });
        }
        let end = part.endtime.to_time();
        if end < now.saturating_sub(skew) {
            return refuse(Refusal::TicketExpired { end, now });
        }
        Ok(())
    }

    /// A client of another realm must have come on a way that leads here, or the KDC must vouch for it (RFC 4120 2.7).
    fn check_transited(&self, part: &EncTicketPart<'_>, realm: &str) -> Result<(), Error> {
        let client_realm = part.crealm;
        if client_realm == realm || part.flags.contains(TicketFlags::TRANSITED_POLICY_CHECKED) {
            return Ok(());
        }
        let transited = part.transited.realms(client_realm, realm).map_err(|error| {
            Error::refused(Refusal::TransitedNotReadable { client_realm: client_realm.into(), error })
        })?;
        match self.policy.capaths().first_foreign(client_realm, realm, &transited) {
            Some(foreign) => refuse(Refusal::ForeignRealm { client_realm: client_realm.into(), realm: foreign.into() }),
            None => Ok(()),
        }
    }

    fn permitted_key(&self, key: KeyRef<'_>) -> Result<EncryptionKey, Error> {
        if !self.policy.permits(key.keytype) {
            return refuse(Refusal::EnctypeNotPermitted(key.keytype));
        }
        Ok(EncryptionKey::new(key.keytype, key.keyvalue)?)
    }

    /// Decrypts the authenticator with the ticket's session key and checks what the client says in it.
    fn open_authenticator(
        &self,
        encrypted: &EncryptedData<'_>,
        key: &CipherKey,
        client: &Client,
        now: Time,
    ) -> Result<Proof, Error> {
        let plain = decrypt(key, encrypted, Refusal::AuthenticatorNotDecryptable)?;
        let authenticator = Authenticator::decode(plain.expose())?;
        if !authenticator.cname.names(&client.principal) || authenticator.crealm != client.principal.realm() {
            return refuse(Refusal::ClientMismatch {
                ticket: client.principal.clone(),
                authenticator: authenticator.cname.to_principal(authenticator.crealm),
            });
        }
        self.check_skew(authenticator.ctime.with_micros(authenticator.cusec), now)?;
        authorization::check_critical(&authenticator.authorization_data, &self.policy)?;
        let field = self.check_gss_checksum(&authenticator)?;
        let subkey = authenticator.subkey.map(|key| self.permitted_key(key)).transpose()?;
        match &self.style {
            Style::Iakerb(conversation) => conversation.check(subkey.as_ref(), field.extensions)?,
            Style::Plain | Style::UserToUser(_) => refuse_finished(field.extensions)?,
        }
        let delegated = self.take_delegated(&field, client, subkey.as_ref(), now)?;
        let Some(sequence_number) = authenticator.seq_number else {
            return refuse(Refusal::NoSequenceNumber);
        };
        let at = (authenticator.ctime, authenticator.cusec);
        Ok(Proof { at, flags: field.flags, subkey, sequence_number, delegated })
    }

    /// What the client delegates; nothing if the policy does not ask for it.
    fn take_delegated(
        &self,
        field: &GssChecksum<'_>,
        client: &Client,
        subkey: Option<&EncryptionKey>,
        now: Time,
    ) -> Result<Vec<HeldTicket>, Error> {
        let Some(message) = field.delegated.filter(|_| self.policy.takes_delegated()) else { return Ok(Vec::new()) };
        let Client { principal, session_key, .. } = client;
        Delegator { client: principal, session_key, subkey, policy: &self.policy }.read(message, now)
    }

    fn check_skew(&self, client: Time, now: Time) -> Result<(), Error> {
        let limit = self.policy.clock_skew();
        if client.abs_diff(now) > limit {
            return refuse(Refusal::ClockSkew { seconds: client.seconds_since(now), limit });
        }
        Ok(())
    }

    fn check_gss_checksum<'a>(&self, authenticator: &Authenticator<'a>) -> Result<GssChecksum<'a>, Error> {
        let field = match authenticator.cksum {
            Some(checksum) if checksum.cksumtype == GSS_CHECKSUM_TYPE => GssChecksum::decode(checksum.checksum)?,
            _ => return refuse(Refusal::NoGssChecksum),
        };
        self.check_bindings(&field.bindings)?;
        let missing = field.flags.missing(self.policy.required_of_initiator());
        if missing != Flags::NONE {
            return refuse(Refusal::FlagsMissing(missing));
        }
        Ok(field)
    }

    /// Bindings of ours must be the client's too. Where we have none, the client's are not looked at (RFC 4121 4.1.1.2).
    fn check_bindings(&self, theirs: &[u8; 16]) -> Result<(), Error> {
        let Some(ours) = &self.bindings else { return Ok(()) };
        if *theirs == [0; 16] {
            return match self.policy.absent_bindings() {
                AbsentBindings::Accept => Ok(()),
                AbsentBindings::Refuse => refuse(Refusal::ChannelBindingsAbsent),
            };
        }
        if crate::crypto::constant_time_eq(ours, theirs) { Ok(()) } else { refuse(Refusal::ChannelBindingsMismatch) }
    }

    /// Last of the checks: only a proof that would have passed is remembered. What is returned is to be asked of the driver.
    fn guard_replay(
        &self,
        encrypted: &EncryptedData<'_>,
        key: &CipherKey,
        now: Time,
    ) -> Result<Option<Question>, Error> {
        let Some(guard) = &self.shared.guard else { return Ok(None) };
        let keep = self.policy.clock_skew().saturating_mul(2);
        let checksum = checksum_of(encrypted.cipher, key.mac_len());
        match guard.check(replay_tag(checksum), keep, now) {
            ReplayVerdict::Fresh => Ok(None),
            ReplayVerdict::Asked => Ok(Some(Question::Replay { checksum: checksum.to_vec(), keep })),
            ReplayVerdict::Replayed => refuse(Refusal::Replay),
            ReplayVerdict::Full => refuse(Refusal::ReplayGuardFull),
        }
    }

    fn establish(&self, client: Client, proof: Proof, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let seeds = Seeds::draw(&*self.shared.random)?;
        let base = proof.subkey.as_ref().unwrap_or(&client.session_key);
        let dce_style = proof.flags.contains(Flags::DCE_STYLE);
        let mutual = dce_style || proof.flags.contains(Flags::MUTUAL);
        let subkey = match mutual && (dce_style || !has_old_tokens(base.enctype())) {
            true => Some(seeds.subkey_like(base)?),
            false => None,
        };
        if mutual {
            let framing = Framing::of(self.mechanism(), proof.flags);
            write_ap_rep(&client.session_key, subkey.as_ref(), &proof, &seeds, framing, out)?;
        }
        let send_first = if mutual { seeds.sequence_number } else { proof.sequence_number };
        let acceptor_subkey = subkey.is_some();
        let key = subkey.unwrap_or_else(|| base.clone());
        let flags = self.effective_flags(&proof);
        let session_key = Secret::new(key.bytes().to_vec());
        let enctype = Some(key.enctype());
        let agreement = Agreement {
            role: Sender::Acceptor,
            key,
            acceptor_subkey,
            initiators_key: base.clone(),
            send_first,
            receive_first: proof.sequence_number,
            flags,
            confounder_secret: seeds.confounder_secret.clone(),
        };
        let third_leg =
            dce_style.then(|| CipherKey::new(&client.session_key, KeyUsage::AP_REP_ENC_PART)).transpose()?;
        let established = Box::new(Established {
            mechanism: self.mechanism(),
            why: Why::Raw,
            peer: Identity::Principal(client.principal),
            local: Identity::Principal(client.service),
            flags,
            expires: Some(client.expires),
            session_key,
            enctype,
            acquired: Vec::new(),
            delegated: proof.delegated,
            evidence: client.evidence,
            authorization: Some(client.authorization),
            halves: agreement.into_halves(),
        });
        let Some(key) = third_leg else { return Ok(AcceptStep::Complete(established)) };
        let (our_number, asked_at, clock_skew) = (send_first, proof.at, self.policy.clock_skew());
        Ok(AcceptStep::NeedsToken(Box::new(WaitingForThirdLeg { established, key, our_number, asked_at, clock_skew })))
    }

    /// What the client asked for and we do, and replay detection, which is ours to decide on what we receive.
    fn effective_flags(&self, proof: &Proof) -> Flags {
        let asked = proof.flags;
        let ours = Flags::MUTUAL
            | Flags::CONFIDENTIALITY
            | Flags::INTEGRITY
            | Flags::DCE_STYLE
            | Flags::IDENTIFY
            | Flags::EXTENDED_ERROR;
        let asked = if asked.contains(Flags::DCE_STYLE) { asked | Flags::MUTUAL } else { asked };
        let order = (asked | Flags::REPLAY) & (self.policy.flags() & (Flags::REPLAY | Flags::SEQUENCE));
        let delegated = if proof.delegated.is_empty() { Flags::NONE } else { Flags::DELEGATION };
        (asked & ours) | (asked & Flags::REPLAY) | order | delegated
    }
}

impl Shared {
    /// The keys that the ticket may be encrypted with: the one that it names, or for an alias those of all services.
    fn find(&self, ticket: &Ticket<'_>, policy: &Policy) -> Result<Vec<&ServiceKey>, Error> {
        let is_service = |key: &&ServiceKey| ticket.sname.names(&key.service) && ticket.realm == key.service.realm();
        let (kvno, enctype) = (ticket.enc_part.kvno, ticket.enc_part.etype);
        let fits = |key: &&ServiceKey| key.cipher.enctype() == enctype && kvno.is_none_or(|kvno| kvno == key.kvno);
        let of_service = || self.keys.iter().filter(is_service);
        if let Some(key) = of_service().filter(fits).max_by_key(|key| key.kvno) {
            return Ok(Vec::from([key]));
        }
        if policy.is_alias(&ticket.sname, ticket.realm) {
            let of_realm: Vec<_> =
                self.keys.iter().filter(|key| key.service.realm() == ticket.realm).filter(fits).collect();
            if !of_realm.is_empty() {
                return Ok(of_realm);
            }
        }
        let held: Vec<_> = of_service().map(|key| (key.kvno, key.cipher.enctype())).collect();
        let service = ticket.sname.to_principal(ticket.realm);
        if held.is_empty() {
            return refuse(Refusal::UnknownService { service, held: self.services() });
        }
        refuse(Refusal::NoKey { service, kvno, enctype, held })
    }

    /// The keys of the realm's ticket-granting service, which a KDC's own keytab has.
    fn kdc_keys(&self, realm: &str) -> Vec<&ServiceKey> {
        let krbtgt = |key: &&ServiceKey| key.service.is_krbtgt() && key.service.realm() == realm;
        let local = |key: &&ServiceKey| key.service.components().get(1).is_some_and(|of| of == realm);
        self.keys.iter().filter(krbtgt).filter(local).collect()
    }

    fn services(&self) -> Vec<Principal> {
        let mut services: Vec<Principal> = Vec::new();
        for key in &self.keys {
            if !services.contains(&key.service) {
                services.push(key.service.clone());
            }
        }
        services
    }
}

fn refuse<T>(refusal: Refusal) -> Result<T, Error> {
    Err(Error::refused(refusal))
}

/// The last bytes of the ciphertext are its checksum.
fn checksum_of(cipher: &[u8], mac_len: usize) -> &[u8] {
    cipher.get(cipher.len().saturating_sub(mac_len)..).unwrap_or(cipher)
}

fn replay_tag(checksum: &[u8]) -> ReplayTag {
    let mut tag = ReplayTag::default();
    for (to, from) in tag.iter_mut().zip(checksum) {
        *to = *from;
    }
    tag
}

fn write_ap_rep(
    session_key: &EncryptionKey,
    subkey: Option<&EncryptionKey>,
    proof: &Proof,
    seeds: &Seeds,
    framing: Framing,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let (ctime, cusec) = proof.at;
    let subkey = subkey.map(KeyRef::from);
    let part = EncApRepPart { ctime, cusec, subkey, seq_number: Some(seeds.sequence_number) };
    let plain = Secret::new(part.to_der());
    let mut cipher = Vec::new();
    CipherKey::new(session_key, KeyUsage::AP_REP_ENC_PART)?.encrypt(&seeds.confounder, plain.expose(), &mut cipher);
    let enc_part = EncryptedData { etype: session_key.enctype(), kvno: None, cipher: &cipher };
    write_token(framing, TokenId::ApRep, &ApRep { enc_part }.to_der(), out);
    Ok(())
}
