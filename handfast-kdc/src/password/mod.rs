//! The password service (RFC 3244): changes of one's own password, and passwords that administrators set.
//!
//! What is not the start of a request is not answered at all. A message with an AP-REQ in it is one; no reply has one, ours or another
//! server's, so that no two servers can be made to answer each other for ever (CVE-2002-2443).

mod event;
mod proof;
mod rules;

use crate::realm::{Realm, Request};
use crate::refusal::Refusal;
use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::IpAddr;
use handfast::krb5::enctype::{CipherKey, CryptoError, KeyUsage};
use handfast::krb5::message::{
    ApRep, ApReq, ChangePasswdData, EncApRepPart, EncKrbPrivPart, EncryptedData, ErrorCode, KrbError, KrbPriv,
    PasswordMessage, PasswordResult, PasswordResultCode, PrincipalName,
};
use handfast::wire::{DecodeError, DecodeReason};
use handfast::{NameType, Principal, Time};

pub use event::{PasswordEvent, PasswordOutcome};
pub(crate) use proof::Proven;

/// The longest new password that is taken, in bytes.
pub const PASSWORD_LIMIT: usize = 1024;

/// What is to be done with a request to the password service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordAnswer {
    /// The message to send back; silence if there is none.
    pub reply: Option<Vec<u8>>,
    /// What happened, for the log.
    pub event: PasswordEvent,
}

/// Why a password stays as it is: what the client is told, and what the log is.
pub(crate) struct Denied {
    code: PasswordResultCode,
    /// For the client, in its words.
    text: Cow<'static, str>,
    /// For the log alone.
    reason: Cow<'static, str>,
}

impl Denied {
    /// With a text for the client, which the log has too.
    fn told(code: PasswordResultCode, text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        Denied { code, reason: text.clone(), text }
    }

    /// With a reason for the log alone.
    fn silent(code: PasswordResultCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Denied { code, text: Cow::Borrowed(""), reason: reason.into() }
    }

    fn malformed(error: &DecodeError) -> Self {
        Denied::silent(PasswordResultCode::MALFORMED, error.to_string())
    }
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Denied::silent(PasswordResultCode::AUTHERROR, refusal.reason)
    }
}

impl From<CryptoError> for Denied {
    fn from(error: CryptoError) -> Self {
        Denied::silent(PasswordResultCode::HARDERROR, error.to_string())
    }
}

impl From<crate::DirectoryError> for Denied {
    fn from(error: crate::DirectoryError) -> Self {
        Denied::silent(PasswordResultCode::HARDERROR, error.to_string())
    }
}

/// A request whose sender may not be proven.
struct Asked<'a> {
    version: u16,
    ap_req: ApReq<'a>,
    message: &'a [u8],
}

/// What is known of a request before it is answered, for the log.
#[derive(Default)]
struct Seen {
    client: Option<Principal>,
    target: Option<Principal>,
}

impl Realm {
    /// The name of the service that changes passwords.
    pub fn password_service(&self) -> Principal {
        Principal::new(NameType::SRV_INST, ["kadmin", "changepw"], self.name())
    }

    /// Answers a request to the password service, and changes the directory as it asks ([`Directory::update`](crate::Directory)).
    /// `from` is the address that the reply is sent from, which some clients want to know from us.
    ///
    /// What is no request gets no reply. There is no password service without an entry for
    /// [`Realm::password_service`]: [`PrincipalEntry::password_service`](crate::PrincipalEntry::password_service) makes one.
    pub fn handle_password(&self, request: &Request<'_>, from: Option<IpAddr>, now: Time) -> PasswordAnswer {
        let mut seen = Seen::default();
        let (reply, outcome) = match read(request.bytes) {
            Ok(asked) => {
                let (reply, outcome) = self.answer_password(&asked, request, from, now, &mut seen);
                (Some(reply), outcome)
            }
            Err(error) => (None, PasswordOutcome::Ignored { error }),
        };
        let Seen { client, target } = seen;
        let event = PasswordEvent { transport: request.transport, peer: request.peer, client, target, outcome };
        PasswordAnswer { reply, event }
    }

    fn answer_password(
        &self,
        asked: &Asked<'_>,
        request: &Request<'_>,
        from: Option<IpAddr>,
        now: Time,
        seen: &mut Seen,
    ) -> (Vec<u8>, PasswordOutcome) {
        let told = |denied: &Denied| PasswordResult { code: denied.code, text: denied.text.as_bytes() }.to_bytes();
        let refused = |denied: Denied| PasswordOutcome::Refused { code: denied.code, reason: denied.reason };
        let proven = match self.prove(asked, request, now) {
            Ok(proven) => proven,
            Err(denied) => return (self.password_error(asked.version, &told(&denied), now), refused(denied)),
        };
        seen.client = Some(proven.client.clone());
        let result = self.change(asked.version, &proven, now, seen);
        let data = match &result {
            Ok(_) => PasswordResult { code: PasswordResultCode::SUCCESS, text: &[] }.to_bytes(),
            Err(denied) => told(denied),
        };
        let outcome = match result {
            Ok(kvno) => PasswordOutcome::Changed { kvno },
            Err(denied) => refused(denied),
        };
        match self.sealed_reply(&proven, &data, from) {
            Ok(reply) => (reply, outcome),
            // The client learns nothing of what was done, as if the reply had been lost.
            Err(_) => (self.password_error(asked.version, &hard_error(), now), outcome),
        }
    }

    /// Does what a proven client asks for; the new version of the keys.
    fn change(&self, version: u16, proven: &Proven, now: Time, seen: &mut Seen) -> Result<u32, Denied> {
        let part = EncKrbPrivPart::decode(proven.part.expose()).map_err(|error| Denied::malformed(&error))?;
        if version == PasswordMessage::CHANGE {
            return self.set(proven, &proven.client, part.user_data, now, seen);
        }
        let data = ChangePasswdData::decode(part.user_data).map_err(|error| Denied::malformed(&error))?;
        let target = match (&data.targname, data.targrealm) {
            (Some(name), Some(realm)) => name.to_principal(realm),
            (None, None) => proven.client.clone(),
            _ => return Err(Denied::silent(PasswordResultCode::MALFORMED, "half a target")),
        };
        self.set(proven, &target, data.newpasswd, now, seen)
    }

    fn set(
        &self,
        proven: &Proven,
        target: &Principal,
        new_password: &[u8],
        now: Time,
        seen: &mut Seen,
    ) -> Result<u32, Denied> {
        seen.target = Some(target.clone());
        self.may_set(proven, target, now)?;
        self.set_password(target, new_password, now)
    }

    /// AP-REP and KRB-PRIV (RFC 3244 2).
    fn sealed_reply(&self, proven: &Proven, data: &[u8], from: Option<IpAddr>) -> Result<Vec<u8>, Denied> {
        let mut drawn = [0; 36];
        self.random.fill(&mut drawn).map_err(CryptoError::from)?;
        let [a, b, c, d, confounders @ ..] = drawn;
        let sequence_number = u32::from_be_bytes([a, b, c, d]) & 0x3fff_ffff;
        let (first, second) = proof::halves(&confounders);
        let part = EncApRepPart {
            ctime: proven.time.0,
            cusec: proven.time.1,
            subkey: None,
            seq_number: Some(sequence_number),
        };
        let mut sealed = Vec::new();
        CipherKey::new(&proven.session, KeyUsage::AP_REP_ENC_PART)?.encrypt(&first, &part.to_der(), &mut sealed);
        let enc_part = EncryptedData { etype: proven.session.enctype(), kvno: None, cipher: &sealed };
        let ap = ApRep { enc_part }.to_der();
        let octets = proof::AddressOctets::of(from);
        let part = EncKrbPrivPart {
            user_data: data,
            timestamp: None,
            usec: None,
            seq_number: Some(sequence_number),
            s_address: octets.as_message(),
            r_address: None,
        };
        let mut sealed = Vec::new();
        CipherKey::new(&proven.subkey, KeyUsage::KRB_PRIV_ENC_PART)?.encrypt(&second, &part.to_der(), &mut sealed);
        let enc_part = EncryptedData { etype: proven.subkey.enctype(), kvno: None, cipher: &sealed };
        let message = KrbPriv { enc_part }.to_der();
        let reply = PasswordMessage { version: PasswordMessage::CHANGE, ap: &ap, message: &message };
        reply.to_bytes().map_err(|error| Denied::silent(PasswordResultCode::HARDERROR, error.to_string()))
    }

    /// A KRB-ERROR: as it is for RFC 3244, framed in the original protocol.
    fn password_error(&self, version: u16, e_data: &[u8], now: Time) -> Vec<u8> {
        let service = self.password_service();
        let error = KrbError {
            ctime: None,
            cusec: None,
            stime: now.into(),
            susec: now.into(),
            error_code: ErrorCode::KRB_ERR_GENERIC,
            crealm: None,
            cname: None,
            realm: self.name(),
            sname: PrincipalName::from(&service),
            e_text: None,
            e_data: Some(e_data),
        }
        .to_der();
        match version {
            PasswordMessage::CHANGE => {
                let framed = PasswordMessage { version, ap: &[], message: &error }.to_bytes();
                framed.unwrap_or(error)
            }
            _ => error,
        }
    }
}

fn hard_error() -> Vec<u8> {
    PasswordResult { code: PasswordResultCode::HARDERROR, text: &[] }.to_bytes()
}

/// Reads what may be a request.
fn read(bytes: &[u8]) -> Result<Asked<'_>, DecodeError> {
    let message = PasswordMessage::decode(bytes)?;
    if message.ap.is_empty() {
        let reason = DecodeReason::Invalid("there is no AP-REQ");
        return Err(DecodeError { what: "password message", offset: 4, reason });
    }
    let ap_req = ApReq::decode(message.ap)?;
    Ok(Asked { version: message.version, ap_req, message: message.message })
}
