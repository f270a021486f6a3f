use crate::directory::{LongTermKey, PrincipalEntry};
use crate::event::Outcome;
use crate::issue::{Grant, request_checksum, session_enctype};
use crate::lifetime;
use crate::preauth;
use crate::realm::{Realm, Request};
use crate::refusal::{Refusal, Seen};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use handfast::Time;
use handfast::krb5::message::{
    AuthorizationData, ErrorCode, KdcExchange, KdcOptions, KdcReq, LastReqEntry, LrType, PaData, PaDataType,
    PrincipalName, TicketFlags,
};

/// Options that need a ticket to start from, or that are not supported.
const REFUSED_OPTIONS: KdcOptions = KdcOptions::NONE
    .with(KdcOptions::FORWARDED)
    .with(KdcOptions::PROXY)
    .with(KdcOptions::RENEW)
    .with(KdcOptions::VALIDATE)
    .with(KdcOptions::ENC_TKT_IN_SKEY)
    .with(KdcOptions::CNAME_IN_ADDL_TKT)
    .with(KdcOptions::ANONYMOUS);

impl Realm {
    /// The AS exchange (RFC 4120 3.1.3).
    pub(crate) fn answer_as(
        &self,
        request: &Request<'_>,
        message: &KdcReq<'_>,
        now: Time,
        seen: &mut Seen,
    ) -> Result<(Vec<u8>, Outcome), Refusal> {
        let body = &message.req_body;
        seen.client = body.cname.as_ref().map(|name| name.to_principal(body.realm));
        let client = self.client(seen, now)?;
        let service = self.service(seen, now)?;
        if body.kdc_options.intersects(REFUSED_OPTIONS) {
            return Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, "an option that no AS request can have"));
        }
        lifetime::refuse_postdating(body, &self.settings, now)?;
        let times = lifetime::initial(body, &self.settings, &client, &service, now)?;
        let session = session_enctype(&body.etype, &self.settings.session_enctypes, &service)?;
        let (key, proven) = self.authenticate(message, &client, now, seen)?;

        let info = preauth::etype_info(&[key]);
        let asked_for_checksum = preauth::find(&message.padata, PaDataType::REQ_ENC_PA_REP).is_some();
        Grant {
            exchange: KdcExchange::As,
            body,
            crealm: client.principal.realm(),
            cname: body.cname.clone().unwrap_or_else(|| PrincipalName::from(&client.principal)),
            service: &service,
            sname: body.sname.clone().unwrap_or_else(|| PrincipalName::from(&service.principal)),
            session,
            flags: flags(body.kdc_options, &client, &service, proven, times.renew_till.is_some()),
            times,
            caddr: body.addresses.clone(),
            authorization_data: AuthorizationData::default(),
            last_req: last_req(&client, now),
            key_expiration: earliest(client.password_expires, client.expires),
            padata: vec![PaData { padata_type: PaDataType::ETYPE_INFO2, padata_value: &info }],
            request_checksum: asked_for_checksum.then(|| request_checksum(&key.request, request.bytes)),
            reply_key: &key.as_rep,
            reply_kvno: Some(key.kvno()),
        }
        .issue(&*self.random)
    }

    /// The client, if it may have tickets.
    fn client(&self, seen: &Seen, now: Time) -> Result<Arc<PrincipalEntry>, Refusal> {
        let unknown = |reason| Refusal::new(ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN, reason);
        let name = seen.client.as_ref().ok_or_else(|| unknown("the request names no client"))?;
        let entry = self.directory.find(name)?.ok_or_else(|| unknown("the directory has no such client"))?;
        check_account(&entry, now)?;
        if entry.password_expires.is_some_and(|end| end <= now) {
            return Err(Refusal::new(ErrorCode::KDC_ERR_KEY_EXPIRED, "the client's password has expired"));
        }
        Ok(entry)
    }

    /// The key for the reply, and whether the client has proven to know it.
    fn authenticate<'a>(
        &self,
        message: &KdcReq<'_>,
        client: &'a PrincipalEntry,
        now: Time,
        seen: &mut Seen,
    ) -> Result<(&'a LongTermKey, bool), Refusal> {
        let etype = &message.req_body.etype;
        let key = preauth::preferred_key(client, etype)?;
        if let Some(value) = preauth::find(&message.padata, PaDataType::ENC_TIMESTAMP) {
            let skew = self.settings.clock_skew;
            return Ok((preauth::check_timestamp(value, client, etype, skew, now, seen)?, true));
        }
        if client.requires_preauth {
            let refusal = Refusal::new(ErrorCode::KDC_ERR_PREAUTH_REQUIRED, "no pre-authentication yet");
            return Err(refusal.with_data(preauth::hints(client, etype)));
        }
        Ok((key, false))
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
