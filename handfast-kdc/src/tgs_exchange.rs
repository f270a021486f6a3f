use crate::as_exchange::check_account;
use crate::authorization;
use crate::directory::PrincipalEntry;
use crate::event::Outcome;
use crate::fast::{self, Armor};
use crate::issue::{Grant, Reply, request_checksum};
use crate::on_behalf::{ForUser, Standing, for_user, standing};
use crate::pac;
use crate::preauth;
use crate::realm::{Realm, Request};
use crate::refusal::{Refusal, Seen};
use crate::tgs_policy::{Allowed, check_renewal};
use crate::tgs_proof::{ap_req, open_authenticator, proof};
use crate::user_to_user::UserKey;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use handfast::Time;
use handfast::crypto::Secret;
use handfast::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, KeyUsage};
use handfast::krb5::message::{
    Authenticator, EncTicketPart, ErrorCode, KdcExchange, KdcReq, KeyRef, LastReqEntry, LrType, PaData, PaDataType,
    Ticket,
};

/// The ticket of a TGS request, whose proof was found right, and the keys that go with it.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    pub(crate) sealed: &'a Ticket<'a>,
    pub(crate) ticket: &'a EncTicketPart<'a>,
    pub(crate) session: &'a EncryptionKey,
    pub(crate) subkey: Option<&'a EncryptionKey>,
}

impl<'a> Presented<'a> {
    /// The reply's key: the subkey if there is one, and the usage that goes with it (RFC 4120 3.3.3, 7.5.1).
    fn reply_key(&self) -> (&'a EncryptionKey, KeyUsage) {
        match self.subkey {
            Some(subkey) => (subkey, KeyUsage::TGS_REP_ENC_PART_SUBKEY),
            None => (self.session, KeyUsage::TGS_REP_ENC_PART_SESSION_KEY),
        }
    }
}

/// What counts of a request, and the ticket that comes with it.
pub(crate) struct Asked<'a> {
    /// As it came.
    request: &'a Request<'a>,
    /// What is inside of FAST, if something is.
    pub(crate) message: &'a KdcReq<'a>,
    armor: Option<&'a Armor>,
    pub(crate) presented: Presented<'a>,
    pub(crate) now: Time,
}

/// The ticket that is asked for, by how that is done.
pub(crate) struct Wanted<'a> {
    pub(crate) standing: Standing,
    /// Whom it is for: the service, the way to it, or the peer whose own ticket's key it is under.
    pub(crate) service: Arc<PrincipalEntry>,
    to_user: Option<UserKey>,
    /// In whose name a service asks for one to itself.
    user: Option<ForUser<'a>>,
    /// The ticket that shows whom a service acts for, opened.
    evidence: Option<Secret>,
}

impl Realm {
    /// The TGS exchange (RFC 4120 3.3.3), inside of FAST or not.
    pub(crate) fn answer_tgs(
        &self,
        request: &Request<'_>,
        message: &KdcReq<'_>,
        now: Time,
        seen: &mut Seen,
    ) -> Result<(Vec<u8>, Outcome), Refusal> {
        let ap_req = ap_req(message)?;
        let opened = self.open_ticket(&ap_req.ticket, &message.req_body)?;
        let ticket = EncTicketPart::decode(opened.expose()).map_err(|_| unreadable("the ticket"))?;
        seen.client = Some(ticket.cname.to_principal(ticket.crealm));
        let session = self.held_key(ticket.key)?;
        let opened = open_authenticator(&ap_req, &session)?;
        let authenticator = Authenticator::decode(opened.expose()).map_err(|_| unreadable("the authenticator"))?;
        self.check_authenticator(&authenticator, &ticket, &session, message.req_body.bytes(), now, seen)?;
        let subkey = authenticator.subkey.map(|key| self.held_key(key)).transpose()?;
        let opened = fast::open_tgs_armor(message, proof(message)?, &session, subkey.as_ref())?;
        fast::check_restrictions(&ticket, &authenticator, opened.is_some())?;
        let presented =
            Presented { sealed: &ap_req.ticket, ticket: &ticket, session: &session, subkey: subkey.as_ref() };
        let Some(opened) = opened else {
            return self.answer_presented(&Asked { request, message, armor: None, presented, now }, seen);
        };
        let (inside, armor) = opened.request()?;
        seen.service = inside.req_body.sname.as_ref().map(|name| name.to_principal(inside.req_body.realm));
        let message = KdcReq { exchange: message.exchange, padata: inside.padata, req_body: inside.req_body };
        let asked = Asked { request, message: &message, armor: Some(&armor), presented, now };
        let answer = fast::check_options(inside.fast_options).and_then(|()| self.answer_presented(&asked, seen));
        answer.map_err(|refusal| refusal.inside(armor))
    }

    /// The ticket presented, the one asked for, what that is made from, what the realm's policy makes of it: the reply.
    fn answer_presented(&self, asked: &Asked<'_>, seen: &mut Seen) -> Result<(Vec<u8>, Outcome), Refusal> {
        self.check_use(asked, seen)?;
        let wanted = self.wanted(asked, seen)?;
        let evidence = wanted.evidence.as_ref().map(|opened| EncTicketPart::decode(opened.expose())).transpose();
        let evidence = evidence.map_err(|_| unreadable("the additional ticket"))?;
        let basis = self.basis(asked, &wanted, evidence.as_ref())?;
        if wanted.standing != Standing::Own {
            seen.client = Some(basis.cname.to_principal(basis.crealm));
        }
        let allowed = self.allowed(asked, &wanted, evidence.as_ref(), &basis)?;
        let Asked { request, message, armor, presented, now } = asked;
        let (key, usage) = presented.reply_key();
        let (strengthened, armored) =
            armor.map(|armor| armor.strengthen(key, &*self.random, *now)).transpose()?.unzip();
        let key = strengthened.as_ref().unwrap_or(key);
        let asked_for_checksum = preauth::find(&message.padata, PaDataType::REQ_ENC_PA_REP).is_some();
        let checksum = asked_for_checksum.then(|| ChecksumKey::new(key, KeyUsage::AS_REQ_CHECKSUM)).transpose()?;
        let reply = Reply {
            key: &CipherKey::new(key, usage)?,
            kvno: None,
            request_checksum: checksum.map(|key| request_checksum(&key, request.bytes)),
            last_req: vec![LastReqEntry { lr_type: LrType::NONE, lr_value: (*now).into() }],
            key_expiration: None,
            padata: wanted.user.iter().filter_map(|user| user.reply.as_deref()).map(s4u_reply).collect(),
            armor: armored,
        };
        grant(asked, &wanted, &basis, &allowed)?.issue(&reply, &*self.random)
    }

    /// Whether the ticket presented may ask for another at all.
    fn check_use(&self, asked: &Asked<'_>, seen: &Seen) -> Result<(), Refusal> {
        let (body, Presented { sealed, ticket, .. }) = (&asked.message.req_body, asked.presented);
        self.check_presentable(sealed, body)?;
        self.check_presented(ticket, body.kdc_options, asked.request.peer, asked.now)?;
        self.check_issuer(ticket, sealed.realm)?;
        self.check_client(seen, asked.now)?;
        check_renewal(body, sealed)
    }

    fn wanted<'a>(&self, asked: &Asked<'a>, seen: &Seen) -> Result<Wanted<'a>, Refusal> {
        let Asked { message, presented, now, .. } = *asked;
        let standing = standing(message)?;
        let (service, to_user) = match standing {
            Standing::UserToUser => {
                let to_user = self.to_user(message, seen, now)?;
                (to_user.peer, Some(to_user.key))
            }
            _ => (self.service_or_referral(&message.req_body, seen, now)?, None),
        };
        let user = (standing == Standing::ForUser).then(|| for_user(message, presented.session, presented.subkey));
        let user = user.transpose()?;
        let evidence = (standing == Standing::Delegated).then(|| self.open_evidence(message, presented.ticket));
        Ok(Wanted { standing, service, to_user, user, evidence: evidence.transpose()? })
    }

    /// What the ticket wanted is made from: the one presented, or one in another's name.
    fn basis<'a>(
        &self,
        asked: &Asked<'a>,
        wanted: &Wanted<'a>,
        evidence: Option<&EncTicketPart<'a>>,
    ) -> Result<EncTicketPart<'a>, Refusal> {
        let Asked { message, presented: Presented { ticket, .. }, now, .. } = *asked;
        match (&wanted.user, evidence) {
            (Some(user), _) => self.in_users_name(user, ticket, &wanted.service, now),
            (_, Some(evidence)) => {
                self.check_ticket(evidence, None, now)?;
                self.in_clients_name(evidence, ticket, message, &wanted.service, now)
            }
            _ => Ok(ticket.clone()),
        }
    }

    /// A key out of a ticket or authenticator, if it is of an enctype that is used here.
    pub(crate) fn held_key(&self, key: KeyRef<'_>) -> Result<EncryptionKey, Refusal> {
        let unusable = |error: CryptoError| Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, format!("{error}"));
        if !self.settings.permits(key.keytype) {
            return Err(unusable(CryptoError::UnsupportedEnctype(key.keytype)));
        }
        EncryptionKey::new(key.keytype, key.keyvalue).map_err(unusable)
    }

    /// A client that was removed or disabled after it got its ticket gets no further ones (RFC 4120 3.3.3.1). Another
    /// realm's clients are that realm's business.
    fn check_client(&self, seen: &Seen, now: Time) -> Result<(), Refusal> {
        if seen.client.as_ref().is_some_and(|client| client.realm() != self.name()) {
            return Ok(());
        }
        let gone = || Refusal::new(ErrorCode::KDC_ERR_TGT_REVOKED, "the ticket's client is not in the directory");
        let entry = seen.client.as_ref().map(|name| self.find(name)).transpose()?.flatten();
        check_account(&*entry.ok_or_else(gone)?, now)
    }
}

fn grant<'a>(
    asked: &Asked<'a>,
    wanted: &'a Wanted<'_>,
    basis: &EncTicketPart<'a>,
    allowed: &'a Allowed<'_>,
) -> Result<Grant<'a>, Refusal> {
    let added = allowed.added.as_ref().map(|data| data.expose().as_slice());
    Ok(Grant {
        exchange: KdcExchange::Tgs,
        body: &asked.message.req_body,
        crealm: basis.crealm,
        cname: basis.cname.clone(),
        service: &wanted.service,
        sname: allowed.sname.clone(),
        session: allowed.session,
        session_key: None,
        flags: allowed.flags,
        transited: &allowed.transited.contents,
        times: allowed.times,
        caddr: allowed.caddr.clone(),
        authorization_data: authorization::combined(&pac::without_pac(&basis.authorization_data), added)?,
        pac: allowed.pac.as_ref(),
        user_to_user: wanted.to_user.as_ref(),
    })
}

fn s4u_reply(value: &[u8]) -> PaData<'_> {
    PaData { padata_type: PaDataType::S4U_X509_USER, padata_value: value }
}

fn unreadable(what: &str) -> Refusal {
    Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, format!("{what} does not decode"))
}
