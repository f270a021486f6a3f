use crate::directory::DirectoryError;
use crate::preauth::{OwnedPaData, borrowed};
use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::Vec;
use handfast::krb5::enctype::CryptoError;
use handfast::krb5::message::{ErrorCode, KerberosTime, KrbError, MethodData, Microseconds, PrincipalName};
use handfast::{Principal, Time};

/// Why there is no ticket: what the client is told, and what the log is.
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) reason: Cow<'static, str>,
    /// What the client is told beside it, in METHOD-DATA.
    pub(crate) padata: Vec<OwnedPaData>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Refusal { code, reason: reason.into(), padata: Vec::new() }
    }

    pub(crate) fn with_padata(self, padata: Vec<OwnedPaData>) -> Self {
        Refusal { padata, ..self }
    }

    fn method_data(&self) -> Option<Vec<u8>> {
        let padata = self.padata.iter().map(borrowed);
        (!self.padata.is_empty()).then(|| MethodData(padata.collect()).to_der())
    }
}

impl From<DirectoryError> for Refusal {
    fn from(error: DirectoryError) -> Self {
        Refusal::new(ErrorCode::KDC_ERR_SVC_UNAVAILABLE, error.to_string())
    }
}

/// What goes wrong with our own keys or randomness; peers' ciphertexts have codes of their own.
impl From<CryptoError> for Refusal {
    fn from(error: CryptoError) -> Self {
        Refusal::new(ErrorCode::KRB_ERR_GENERIC, error.to_string())
    }
}

/// What is known of a request before it is answered, for errors and the log.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) client: Option<Principal>,
    pub(crate) client_time: Option<Time>,
    pub(crate) service: Option<Principal>,
}

impl Seen {
    /// The KRB-ERROR for `refusal` (RFC 4120 5.9.1). The client's time is there if its proof could be read.
    pub(crate) fn error(&self, refusal: &Refusal, krbtgt: &Principal, now: Time) -> Vec<u8> {
        let service = self.service.as_ref().unwrap_or(krbtgt);
        let e_data = refusal.method_data();
        let error = KrbError {
            ctime: self.client_time.map(KerberosTime::from),
            cusec: self.client_time.map(Microseconds::from),
            stime: now.into(),
            susec: now.into(),
            error_code: refusal.code,
            crealm: self.client.as_ref().map(Principal::realm),
            cname: self.client.as_ref().map(PrincipalName::from),
            realm: service.realm(),
            sname: service.into(),
            e_text: refusal.code.explanation(),
            e_data: e_data.as_deref(),
        };
        error.to_der()
    }
}
