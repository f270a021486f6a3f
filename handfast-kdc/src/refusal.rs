use crate::directory::DirectoryError;
use crate::fast::Armor;
use crate::preauth::{OwnedPaData, borrowed};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use handfast::crypto::Random;
use handfast::krb5::enctype::CryptoError;
use handfast::krb5::message::{
    ErrorCode, KerberosTime, KrbError, MethodData, Microseconds, PaData, PaDataType, PrincipalName, TypedData,
    TypedDataElement,
};
use handfast::{Principal, Time};

/// Why there is no ticket: what the client is told, and what the log is.
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) reason: Cow<'static, str>,
    /// What the client is told beside it, in METHOD-DATA.
    pub(crate) padata: Vec<OwnedPaData>,
    /// Whether that is TYPED-DATA instead, as some codes define it (RFC 4120 5.9.1). Inside of FAST both are padata
    /// (RFC 6113 5.4.4).
    pub(crate) typed: bool,
    /// What protects the answer.
    pub(crate) armor: Option<Box<Armor>>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Refusal { code, reason: reason.into(), padata: Vec::new(), typed: false, armor: None }
    }

    pub(crate) fn with_padata(self, padata: Vec<OwnedPaData>) -> Self {
        Refusal { padata, ..self }
    }

    #[cfg(feature = "pkinit")]
    pub(crate) fn with_typed_data(self, padata: Vec<OwnedPaData>) -> Self {
        Refusal { padata, typed: true, ..self }
    }

    pub(crate) fn inside(self, armor: Armor) -> Self {
        Refusal { armor: Some(Box::new(armor)), ..self }
    }

    fn method_data(&self) -> Option<Vec<u8>> {
        let padata = self.padata.iter().map(borrowed);
        match self.padata.is_empty() {
            true => None,
            false if self.typed => {
                let elements = self
                    .padata
                    .iter()
                    .map(|(kind, value)| TypedDataElement { data_type: kind.0, data_value: Some(value) });
                Some(TypedData(elements.collect()).to_der())
            }
            false => Some(MethodData(padata.collect()).to_der()),
        }
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
    /// The KRB-ERROR for `refusal` (RFC 4120 5.9.1), which stands inside of FAST too if the request did (RFC 6113 5.4.4). If
    /// there is no randomness for that, the client sees an error that nothing protects.
    pub(crate) fn error(&self, refusal: &Refusal, krbtgt: &Principal, now: Time, random: &dyn Random) -> Vec<u8> {
        let Some(armor) = &refusal.armor else {
            return self.message(refusal, krbtgt, now, self.client.as_ref(), refusal.method_data().as_deref());
        };
        let anonymous = Principal::anonymous();
        let client = if armor.hides_client { Some(&anonymous) } else { self.client.as_ref() };
        let inside = self.message(refusal, krbtgt, now, self.client.as_ref(), None);
        let armored = armor.seal_error(&inside, &refusal.padata, random).ok();
        let fast = armored.as_deref().map(|value| PaData { padata_type: PaDataType::FX_FAST, padata_value: value });
        let e_data = fast.map(|fast| MethodData(vec![fast]).to_der());
        self.message(refusal, krbtgt, now, client, e_data.as_deref())
    }

    /// A KRB-ERROR. The client's time is there if its proof could be read.
    fn message(
        &self,
        refusal: &Refusal,
        krbtgt: &Principal,
        now: Time,
        client: Option<&Principal>,
        e_data: Option<&[u8]>,
    ) -> Vec<u8> {
        let service = self.service.as_ref().unwrap_or(krbtgt);
        let error = KrbError {
            ctime: self.client_time.map(KerberosTime::from),
            cusec: self.client_time.map(Microseconds::from),
            stime: now.into(),
            susec: now.into(),
            error_code: refusal.code,
            crealm: client.map(Principal::realm),
            cname: client.map(PrincipalName::from),
            realm: service.realm(),
            sname: service.into(),
            e_text: refusal.code.explanation(),
            e_data,
        };
        error.to_der()
    }
}
