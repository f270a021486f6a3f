use crate::krb5::enctype::Enctype;
use crate::krb5::message::{EtypeInfo2, EtypeInfo2Entry, PaData, PaDataType};
use crate::wire::DecodeError;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a KDC says of a client's keys (RFC 4120 5.2.7.5). Nothing protects it: a key made by it proves itself, or doesn't.
///
/// The older ETYPE-INFO and PW-SALT are not looked at: a KDC must not send them to who names an enctype of today (3.1.3).
#[derive(Clone, Debug, Default)]
pub(in crate::krb5) struct KeyHints(Vec<KeyHint>);

/// How the key of one enctype is made from the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::krb5) struct KeyHint {
    enctype: Enctype,
    salt: Option<String>,
    parameters: Option<Vec<u8>>,
}

impl KeyHints {
    /// The hints among `padata`; none if there is no ETYPE-INFO2.
    pub(in crate::krb5) fn among(padata: &[PaData<'_>]) -> Result<Self, DecodeError> {
        match padata.iter().find(|padata| padata.padata_type == PaDataType::ETYPE_INFO2) {
            Some(info) => {
                Ok(KeyHints(EtypeInfo2::decode(info.padata_value)?.0.into_iter().map(KeyHint::from).collect()))
            }
            None => Ok(KeyHints::default()),
        }
    }

    /// Whether nothing is said.
    pub(in crate::krb5) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The enctypes that the KDC has keys of; none if it doesn't say.
    pub(in crate::krb5) fn enctypes(&self) -> Vec<Enctype> {
        self.0.iter().map(|hint| hint.enctype).collect()
    }

    /// The hint for `enctype`.
    pub(in crate::krb5) fn find(&self, enctype: Enctype) -> Option<&KeyHint> {
        self.0.iter().find(|hint| hint.enctype == enctype)
    }

    /// Whether the client may have a key of `enctype`, as far as the KDC says.
    pub(in crate::krb5) fn allow(&self, enctype: Enctype) -> bool {
        self.0.is_empty() || self.find(enctype).is_some()
    }
}

impl KeyHint {
    /// The salt, if it is not the default one.
    pub(in crate::krb5) fn salt(&self) -> Option<&str> {
        self.salt.as_deref()
    }

    /// The parameters of string-to-key, if they are not the enctype's own.
    pub(in crate::krb5) fn parameters(&self) -> Option<&[u8]> {
        self.parameters.as_deref()
    }

    /// The iteration count in the parameters, with which zero stands for 2^32 (RFC 3962 4).
    pub(in crate::krb5) fn iterations(&self) -> Option<u64> {
        let octets: [u8; 4] = self.parameters()?.try_into().ok()?;
        Some(match u32::from_be_bytes(octets) {
            0 => 1 << 32,
            count => count.into(),
        })
    }
}

impl From<EtypeInfo2Entry<'_>> for KeyHint {
    fn from(entry: EtypeInfo2Entry<'_>) -> Self {
        KeyHint {
            enctype: entry.etype,
            salt: entry.salt.map(ToString::to_string),
            parameters: entry.s2kparams.map(<[u8]>::to_vec),
        }
    }
}
