use crate::directory::{LongTermKey, PrincipalEntry};
use crate::event::Outcome;
use crate::fast::{self, Armor};
use crate::issue::{Grant, Reply, request_checksum, session_enctype};
use crate::lifetime::{self, Times};
use crate::preauth::{self, Ask, OwnedPaData, Proof, ReplyKey};
use crate::realm::{Realm, Request};
use crate::refusal::{Refusal, Seen};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::message::{
    AuthorizationData, Encoded, ErrorCode, KdcExchange, KdcOptions, KdcReq, KdcReqBody, LastReqEntry, LrType, PaData,
    PaDataType, PrincipalName, TicketFlags,
};
use handfast::{NameType, Principal, Time};

/// Options that need a ticket to start from, or that are not supported.
const REFUSED_OPTIONS: KdcOptions = KdcOptions::NONE
    .with(KdcOptions::FORWARDED)
    .with(KdcOptions::PROXY)
    .with(KdcOptions::RENEW)
    .with(KdcOptions::VALIDATE)
    .with(KdcOptions::ENC_TKT_IN_SKEY)
    .with(KdcOptions::CNAME_IN_ADDL_TKT);

/// What counts of a request: what is inside of FAST, if something is.
struct Asked<'a> {
    body: &'a Encoded<'a, KdcReqBody<'a>>,
    padata: &'a [PaData<'a>],
    armor: Option<&'a Armor>,
    /// The whole request, as it came.
    bytes: &'a [u8],
}

/// Who asks for a ticket, and for which service.
struct Parties {
    client: Arc<PrincipalEntry>,
    service: Arc<PrincipalEntry>,
    /// The anonymous principal, if the client has no name (RFC 8062).
    anonymous: Option<Principal>,
}

impl Realm {
    /// The AS exchange (RFC 4120 3.1.3), inside of FAST or not.
    pub(crate) fn answer_as(
        &self,
        request: &Request<'_>,
        message: &KdcReq<'_>,
        now: Time,
        seen: &mut Seen,
    ) -> Result<(Vec<u8>, Outcome), Refusal> {
        let Some(opened) = self.open_as_armor(request, message, now)? else {
            let asked = Asked { body: &message.req_body, padata: &message.padata, armor: None, bytes: request.bytes };
            return self.answer_asked(&asked, now, seen);
        };
        let (inside, armor) = opened.request()?;
        seen.service = inside.req_body.sname.as_ref().map(|name| name.to_principal(inside.req_body.realm));
        let asked = Asked { body: &inside.req_body, padata: &inside.padata, armor: Some(&armor), bytes: request.bytes };
        let answer = fast::check_options(inside.fast_options).and_then(|()| self.answer_asked(&asked, now, seen));
        answer.map_err(|refusal| refusal.inside(armor))
    }

    /// Who asks and what for, the client's proof, the key of the reply: the ticket and what is told beside it.
    fn answer_asked(&self, asked: &Asked<'_>, now: Time, seen: &mut Seen) -> Result<(Vec<u8>, Outcome), Refusal> {
        let body = asked.body;
        let parties = self.parties(body, now, seen)?;
        let Parties { client, service, .. } = &parties;
        let mut times = lifetime::initial(body, &self.settings, client, service, now)?;
        let session = session_enctype(&body.etype, &self.settings, service)?;
        let krbtgt = self.krbtgt()?;
        let (proof, proven) = self.proof(asked, &parties, &krbtgt, now, seen)?;
        let session_key = self.session_key(&proof, session)?;
        if let Some(until) = proof.until() {
            times.limit(until);
        }
        let (key, kvno, mut padata) = reply_parts(proof)?;
        let session_key = session_key.map(|(key, exchange)| {
            padata.push((PaDataType::PKINIT_KX, exchange));
            key
        });
        let armored = asked.armor.map(|armor| armor.strengthen(key.key(), &*self.random, now)).transpose()?;
        let (key, armor) = match armored {
            Some((key, armored)) => (Held::Made(Box::new(LongTermKey::new(0, key)?)), Some(armored)),
            None => (key, None),
        };
        let cname = named(body, client);
        let for_krbtgt = service.principal.is_krbtgt();
        let pac = self.new_pac(client, &cname, times.authtime.into(), for_krbtgt, asked.padata)?;
        let flags = flags(body.kdc_options, client, service, proven, times.renew_till.is_some());
        let flags = flags.with(lifetime::later(&times, &self.settings, now));
        let asked_for_checksum = preauth::find(asked.padata, PaDataType::REQ_ENC_PA_REP).is_some();
        let reply = Reply {
            key: &key.as_rep,
            kvno,
            request_checksum: asked_for_checksum.then(|| request_checksum(&key.request, asked.bytes)),
            last_req: last_req(client, now),
            key_expiration: earliest(client.password_expires, client.expires),
            padata: padata.iter().map(preauth::borrowed).collect(),
            armor,
        };
        let grant = Grant { cname, session_key, pac: pac.as_ref(), ..grant(body, &parties, session, flags, times) };
        grant.issue(&reply, &*self.random)
    }

    /// The client and the service, if a ticket may be asked for in this way.
    fn parties(&self, body: &KdcReqBody<'_>, now: Time, seen: &mut Seen) -> Result<Parties, Refusal> {
        seen.client = body.cname.as_ref().map(|name| name.to_principal(body.realm));
        let client = self.client(body, seen, now)?;
        let service = self.service(seen, now)?;
        if body.kdc_options.intersects(REFUSED_OPTIONS) {
            return Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, "an option that no AS request can have"));
        }
        let anonymous = Principal::anonymous();
        let anonymous = (client.principal.components() == anonymous.components()).then_some(anonymous);
        if anonymous.is_some() != body.kdc_options.contains(KdcOptions::ANONYMOUS) {
            // RFC 8062 4.1. Known clients get no tickets without their name here.
            let reason = "an anonymous ticket for a client with a name, or another for one without";
            return Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, reason));
        }
        Ok(Parties { client, service, anonymous })
    }

    /// The client's proof, or its long-term key where the realm asks for none; and whether it is a proof.
    fn proof<'a>(
        &'a self,
        asked: &'a Asked<'_>,
        parties: &'a Parties,
        krbtgt: &'a PrincipalEntry,
        now: Time,
        seen: &mut Seen,
    ) -> Result<(Proof<'a>, bool), Refusal> {
        let client = &*parties.client;
        // Who has no name has no key of its own.
        let preferred = preauth::preferred_key(client, &asked.body.etype);
        let preferred = if parties.anonymous.is_some() { preferred.ok() } else { Some(preferred?) };
        let ask = Ask {
            settings: &self.settings,
            random: &*self.random,
            krbtgt,
            client,
            body: asked.body,
            request: asked.bytes,
            armor: asked.armor.map(|armor| &armor.key),
            now,
            #[cfg(feature = "pkinit")]
            pkinit: self.pkinit.as_deref(),
        };
        let proof = self.count_proof(client, preauth::authenticate(asked.padata, &ask, seen), now)?;
        let proven = proof.is_some();
        let unproven = preferred.map(|key| Proof { reply_key: ReplyKey::LongTerm(key), padata: Vec::new() });
        let no_key = || Refusal::new(ErrorCode::KDC_ERR_NULL_KEY, "an anonymous client has no key for the reply");
        Ok((proof.or(unproven).ok_or_else(no_key)?, proven))
    }

    /// The session key, where it is made of an agreed reply key and of one of ours, and what tells the client ours (RFC 8062 7).
    #[cfg_attr(
        not(feature = "pkinit"),
        allow(clippy::unused_self, unused_variables, reason = "PKINIT alone agrees on keys")
    )]
    fn session_key(&self, proof: &Proof<'_>, session: Enctype) -> Result<Option<(EncryptionKey, Vec<u8>)>, Refusal> {
        match &proof.reply_key {
            #[cfg(feature = "pkinit")]
            ReplyKey::Agreed { key, .. } => crate::pkinit::session_key(key, session, &*self.random).map(Some),
            _ => Ok(None),
        }
    }

    /// The client, if it may have tickets.
    fn client(&self, body: &KdcReqBody<'_>, seen: &mut Seen, now: Time) -> Result<Arc<PrincipalEntry>, Refusal> {
        #[cfg(feature = "pkinit")]
        if let Some(nobody) = seen.client.as_ref().and_then(|name| self.nobody(name, now)) {
            return Ok(nobody);
        }
        let entry = self.named_client(body, seen)?;
        check_account(&entry, now)?;
        self.check_lockout(&entry, now)?;
        if entry.password_expires.is_some_and(|end| end <= now) && !self.is_to_change_password(seen)? {
            return Err(Refusal::new(ErrorCode::KDC_ERR_KEY_EXPIRED, "the client's password has expired"));
        }
        Ok(entry)
    }

    /// With an expired password, there are tickets to change it with (RFC 3244 2), in a realm that has that service.
    fn is_to_change_password(&self, seen: &Seen) -> Result<bool, Refusal> {
        let service = seen.service.as_ref().filter(|service| service.components() == ["kadmin", "changepw"]);
        Ok(service.map(|service| self.directory.find(service)).transpose()?.flatten().is_some())
    }

    /// The ticket-granting service of this realm.
    pub(crate) fn krbtgt(&self) -> Result<Arc<PrincipalEntry>, Refusal> {
        let none = || Refusal::new(ErrorCode::KRB_ERR_GENERIC, "the directory has no ticket-granting service");
        self.find(&self.krbtgt)?.ok_or_else(none)
    }
}

/// A key of the directory's, or one for a single reply.
enum Held<'a> {
    Shared(&'a LongTermKey),
    Made(Box<LongTermKey>),
}

impl core::ops::Deref for Held<'_> {
    type Target = LongTermKey;

    fn deref(&self) -> &LongTermKey {
        match self {
            Held::Shared(key) => key,
            Held::Made(key) => key,
        }
    }
}

/// The key of a reply, its version if it is a key of the client's, and what the client is told beside the ticket: how a key of
/// its own was made, too.
fn reply_parts(proof: Proof<'_>) -> Result<(Held<'_>, Option<u32>, Vec<OwnedPaData>), Refusal> {
    let mut padata = proof.padata;
    Ok(match proof.reply_key {
        ReplyKey::LongTerm(key) => {
            padata.push((PaDataType::ETYPE_INFO2, preauth::etype_info(&[key])));
            (Held::Shared(key), Some(key.kvno()), padata)
        }
        #[cfg(feature = "pkinit")]
        ReplyKey::Agreed { key, .. } => (Held::Made(Box::new(LongTermKey::new(0, key)?)), None, padata),
        ReplyKey::Replaced(key) => (Held::Made(Box::new(LongTermKey::new(0, key)?)), None, padata),
    })
}

/// The client as it wrote its name, which may be with another name type, unless it is another name (RFC 6806 6).
fn named<'a>(body: &KdcReqBody<'a>, client: &'a PrincipalEntry) -> PrincipalName<'a> {
    let same = |name: &&PrincipalName<'_>| name.names(&client.principal) && name.name_type != NameType::ENTERPRISE;
    body.cname.as_ref().filter(same).cloned().unwrap_or_else(|| PrincipalName::from(&client.principal))
}

/// A ticket in the client's name as the directory has it, with a session key that is a random one.
fn grant<'a>(
    body: &'a KdcReqBody<'a>,
    parties: &'a Parties,
    session: Enctype,
    flags: TicketFlags,
    times: Times,
) -> Grant<'a> {
    let Parties { client, service, anonymous } = parties;
    Grant {
        exchange: KdcExchange::As,
        body,
        crealm: anonymous.as_ref().unwrap_or(&client.principal).realm(),
        cname: PrincipalName::from(&client.principal),
        service,
        sname: body.sname.clone().unwrap_or_else(|| PrincipalName::from(&service.principal)),
        session,
        session_key: None,
        flags,
        times,
        transited: &[],
        caddr: body.addresses.clone(),
        authorization_data: AuthorizationData::default(),
        pac: None,
        user_to_user: None,
    }
}

/// Whether the account is one that may have tickets now.
pub(crate) fn check_account(client: &PrincipalEntry, now: Time) -> Result<(), Refusal> {
    if client.disabled {
        return Err(Refusal::new(ErrorCode::KDC_ERR_CLIENT_REVOKED, "the client is disabled"));
    }
    if client.expires.is_some_and(|end| end <= now) {
        return Err(Refusal::new(ErrorCode::KDC_ERR_NAME_EXP, "the client's account has expired"));
    }
    Ok(())
}

fn flags(
    options: KdcOptions,
    client: &PrincipalEntry,
    service: &PrincipalEntry,
    proven: bool,
    renewable: bool,
) -> TicketFlags {
    let mut flags = TicketFlags::INITIAL | TicketFlags::ENC_PA_REP;
    let may_forward = client.allow_forwardable && service.allow_forwardable;
    for (set, flag) in [
        (proven, TicketFlags::PRE_AUTHENT),
        (renewable, TicketFlags::RENEWABLE),
        (may_forward && options.contains(KdcOptions::FORWARDABLE), TicketFlags::FORWARDABLE),
        (may_forward && options.contains(KdcOptions::PROXIABLE), TicketFlags::PROXIABLE),
        (options.contains(KdcOptions::ALLOW_POSTDATE), TicketFlags::MAY_POSTDATE),
        (options.contains(KdcOptions::ANONYMOUS), TicketFlags::ANONYMOUS),
        (service.ok_as_delegate, TicketFlags::OK_AS_DELEGATE),
    ] {
        flags = if set { flags | flag } else { flags };
    }
    flags
}

/// When password and account expire. No bookkeeping of requests: for those the entry says "nothing" (5.4.2).
fn last_req(client: &PrincipalEntry, now: Time) -> Vec<LastReqEntry> {
    let entry = |lr_type, time: Time| LastReqEntry { lr_type, lr_value: time.into() };
    let password = client.password_expires.map(|time| entry(LrType::PASSWORD_EXPIRES, time));
    let account = client.expires.map(|time| entry(LrType::ACCOUNT_EXPIRES, time));
    let told: Vec<_> = password.into_iter().chain(account).collect();
    if told.is_empty() { vec![entry(LrType::NONE, now)] } else { told }
}

fn earliest(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    a.into_iter().chain(b).min()
}
