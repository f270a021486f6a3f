use super::asked::Asked;
use super::error::Skew;
use crate::krb5::enctype::Enctype;
use crate::krb5::message::{ErrorCode, KdcExchange, KrbError, PaDataType};
use crate::name::Principal;
use crate::time::Time;
use crate::words::Listing;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The most characters of a KDC's text that are kept.
const TEXT_LIMIT: usize = 256;

/// Seconds between the clocks that may explain a refusal, whatever its code.
const TELLING_DIFFERENCE: u64 = 60;

/// A KDC's refusal (RFC 4120 5.9.1). Nothing protects it: anyone on the way may have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcRefusal {
    /// Why.
    pub code: ErrorCode,
    /// Whose KDC was asked.
    pub realm: String,
    /// Who asked.
    pub client: Principal,
    /// The service that a ticket was asked for.
    pub service: Principal,
    /// The enctypes offered.
    pub offered: Vec<Enctype>,
    /// What the client proved itself with, in a login.
    pub proof: Option<ClientProof>,
    /// The methods of pre-authentication that were begun, in a login.
    pub tried: Vec<PaDataType>,
    /// The padata that the KDC named as what it takes, in a login.
    pub takes: Vec<PaDataType>,
    /// The authorities that the KDC believes, where it does not know the issuer of the client's certificate (TD-TRUSTED-CERTIFIERS, RFC
    /// 4556 3.2.2). Nothing protects what it says here and below.
    pub trusted_certifiers: Vec<String>,
    /// The client's certificates that the KDC does not take (TD-INVALID-CERTIFICATES).
    pub invalid_certificates: Vec<String>,
    /// The KDC's own words; cut after 256 characters.
    pub text: Option<String>,
    /// The KDC's clock less ours, in seconds, as the KDC says.
    pub clock_difference: i64,
}

/// What a client proved itself with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientProof {
    /// A key of this enctype, made from the password.
    Password(Enctype),
    /// A key of this enctype that was given.
    Key(Enctype),
    /// A certificate (RFC 4556).
    Certificate,
    /// A one-time password (RFC 6560).
    OneTimePassword,
    /// Nothing: it is anonymous (RFC 8062).
    Anonymous,
}

impl KdcRefusal {
    pub(super) fn new(asked: &Asked, proof: Option<ClientProof>, error: &KrbError<'_>, now: Time) -> Self {
        KdcRefusal {
            code: error.error_code,
            realm: asked.kdc_realm.clone(),
            client: asked.client.clone(),
            service: asked.service.clone(),
            offered: asked.enctypes.clone(),
            proof: proof.filter(|_| asked.exchange == KdcExchange::As),
            tried: Vec::new(),
            takes: Vec::new(),
            trusted_certifiers: Vec::new(),
            invalid_certificates: Vec::new(),
            text: error.e_text.filter(|text| !text.is_empty()).map(|text| text.chars().take(TEXT_LIMIT).collect()),
            clock_difference: error.stime.with_micros(error.susec).seconds_since(now),
        }
    }

    fn write_cause(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { realm, client, service, .. } = self;
        match self.code {
            ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN => {
                write!(f, "the KDC of {realm} does not know {client}: check the name and the realm")
            }
            ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN => write!(
                f,
                "the KDC of {realm} does not know the service {service}: check the host's name, or add the service \
                 to the realm"
            ),
            ErrorCode::KDC_ERR_PREAUTH_FAILED => self.write_wrong_proof(f),
            ErrorCode::KDC_ERR_ETYPE_NOSUPP => write!(
                f,
                "the KDC of {realm} has no key for {client} and {service} of an enctype offered: {}",
                Listing(&self.offered)
            ),
            ErrorCode::KRB_AP_ERR_SKEW => {
                write!(f, "the KDC of {realm} refuses {client}: {}: set the clocks", Skew(self.clock_difference))
            }
            ErrorCode::KDC_ERR_KEY_EXPIRED => write!(f, "the password of {client} has expired: change it"),
            ErrorCode::KDC_ERR_CLIENT_REVOKED | ErrorCode::KDC_ERR_NAME_EXP | ErrorCode::KDC_ERR_CLIENT_NOTYET => {
                let why = self.code.explanation().unwrap_or_default();
                write!(f, "the KDC of {realm} refuses {client}: {why}; ask the realm's administrator")
            }
            ErrorCode::KRB_AP_ERR_TKT_EXPIRED => write!(
                f,
                "the KDC of {realm} gives {client} no ticket for {service}: the ticket presented has expired; log in \
                 again"
            ),
            code => write!(f, "the KDC of {realm} gives {client} no ticket for {service}: {code}"),
        }
    }

    /// Names what the KDC would have taken as well, if something was tried.
    fn write_other_methods(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let other = |kind: &PaDataType| kind.is_preauth_method() && !self.tried.contains(kind);
        let others: Vec<_> = self.takes.iter().copied().filter(other).collect();
        let of_preauth = matches!(self.code, ErrorCode::KDC_ERR_PREAUTH_FAILED | ErrorCode::KDC_ERR_PREAUTH_REQUIRED);
        if !of_preauth || self.tried.is_empty() || others.is_empty() {
            return Ok(());
        }
        write!(f, "; tried: {}; the KDC takes {} too", Listing(&self.tried), Listing(&others))
    }

    fn write_wrong_proof(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { realm, client, .. } = self;
        match self.proof {
            Some(ClientProof::Password(enctype)) => write!(
                f,
                "the KDC of {realm} does not take the proof of {client} ({enctype}): most likely the password is wrong"
            ),
            Some(ClientProof::Key(enctype)) => write!(
                f,
                "the KDC of {realm} does not take the proof of {client} ({enctype}): most likely the key is not the \
                 KDC's; make a new keytab"
            ),
            Some(ClientProof::Certificate) => write!(
                f,
                "the KDC of {realm} does not take the certificate as one of {client}: {}; does it name {client}, and does \
                 the KDC believe its issuer?",
                self.code
            ),
            Some(ClientProof::OneTimePassword) => write!(
                f,
                "the KDC of {realm} does not take the one-time password of {client}: most likely it is wrong, or was used \
                 before"
            ),
            Some(ClientProof::Anonymous) => {
                write!(f, "the KDC of {realm} takes no anonymous clients, or not so: {}", self.code)
            }
            None => write!(f, "the KDC of {realm} refuses {client}: {}", self.code),
        }
    }
}

/// Names that a peer has written, one after the other.
struct Quoted<'a>(&'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            let between = if at == 0 { "" } else { "; " };
            write!(f, "{between}{}", name.escape_debug())?;
        }
        Ok(())
    }
}

impl fmt::Display for KdcRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_cause(f)?;
        self.write_other_methods(f)?;
        if !self.trusted_certifiers.is_empty() {
            write!(f, "; the KDC believes certificates of {}", Quoted(&self.trusted_certifiers))?;
        }
        if !self.invalid_certificates.is_empty() {
            write!(f, "; the KDC does not take {}", Quoted(&self.invalid_certificates))?;
        }
        if self.code != ErrorCode::KRB_AP_ERR_SKEW && self.clock_difference.unsigned_abs() > TELLING_DIFFERENCE {
            write!(f, "; {}", Skew(self.clock_difference))?;
        }
        match &self.text {
            Some(text) => write!(f, " (the KDC's words: {})", text.escape_debug()),
            None => Ok(()),
        }
    }
}

impl core::error::Error for KdcRefusal {}
