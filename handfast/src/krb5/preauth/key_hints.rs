use crate::krb5::enctype::Enctype;
use crate::krb5::message::{EtypeInfo, EtypeInfo2, EtypeInfo2Entry, EtypeInfoEntry, PaData, PaDataType};
use crate::wire::DecodeError;
use alloc::vec::Vec;

/// What a KDC says of a client's keys (RFC 4120 5.2.7.5). Nothing protects it: a key made by it proves itself, or doesn't.
///
/// ETYPE-INFO2 comes before ETYPE-INFO, and that before PW-SALT. No KDC of RFC 4120 sends the older two to who names an enctype
/// of today (3.1.3); those before it do. PA-AFS3-SALT is not looked at: it is for keys of single DES alone.
#[derive(Clone, Debug, Default)]
pub(in crate::krb5) struct KeyHints {
    hints: Vec<KeyHint>,
    /// They are of an ETYPE-INFO, which has no parameters.
    old: bool,
}

/// How the key of one enctype is made from the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::krb5) struct KeyHint {
    enctype: Enctype,
    salt: Option<Vec<u8>>,
    parameters: Option<Vec<u8>>,
}

impl KeyHints {
    /// The hints among `padata`: those of ETYPE-INFO2, or else of ETYPE-INFO; none if there is neither. A PW-SALT beside an error
    /// is not looked at (RFC 4120 5.2.7.3): some KDCs send a wrong one.
    pub(in crate::krb5) fn among(padata: &[PaData<'_>]) -> Result<Self, DecodeError> {
        if let Some(info) = value(padata, PaDataType::ETYPE_INFO2) {
            let hints = EtypeInfo2::decode(info)?.0.into_iter().map(KeyHint::from).collect();
            return Ok(KeyHints { hints, old: false });
        }
        let Some(info) = value(padata, PaDataType::ETYPE_INFO) else { return Ok(KeyHints::default()) };
        Ok(KeyHints { hints: EtypeInfo::decode(info)?.0.into_iter().map(KeyHint::from).collect(), old: true })
    }

    /// The hint for a reply of `enctype` with `padata`, after an error with these hints: what the reply says comes first, but
    /// nothing old before an ETYPE-INFO2, and a PW-SALT, which is the octets of the salt (RFC 4120 5.2.7.3), behind all else.
    pub(in crate::krb5) fn of_reply(
        &self,
        padata: &[PaData<'_>],
        enctype: Enctype,
    ) -> Result<Option<KeyHint>, DecodeError> {
        let latest = Self::among(padata)?;
        let (latest_old, latest) = (latest.old, latest.find(enctype).cloned());
        let known = self.find(enctype).cloned();
        let said = if latest_old && !self.old { known.or(latest) } else { latest.or(known) };
        let salted = |salt: &[u8]| KeyHint { enctype, salt: Some(salt.to_vec()), parameters: None };
        Ok(said.or_else(|| value(padata, PaDataType::PW_SALT).map(salted)))
    }

    /// Whether nothing is said.
    pub(in crate::krb5) fn is_empty(&self) -> bool {
        self.hints.is_empty()
    }

    /// The enctypes that the KDC has keys of; none if it doesn't say.
    pub(in crate::krb5) fn enctypes(&self) -> Vec<Enctype> {
        self.hints.iter().map(|hint| hint.enctype).collect()
    }

    /// The hint for `enctype`.
    pub(in crate::krb5) fn find(&self, enctype: Enctype) -> Option<&KeyHint> {
        self.hints.iter().find(|hint| hint.enctype == enctype)
    }

    /// Whether the client may have a key of `enctype`, as far as the KDC says.
    pub(in crate::krb5) fn allow(&self, enctype: Enctype) -> bool {
        self.hints.is_empty() || self.find(enctype).is_some()
    }
}

impl KeyHint {
    /// The salt, if it is not the default one.
    pub(in crate::krb5) fn salt(&self) -> Option<&[u8]> {
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
            salt: entry.salt.map(|salt| salt.as_bytes().to_vec()),
            parameters: entry.s2kparams.map(<[u8]>::to_vec),
        }
    }
}

impl From<EtypeInfoEntry<'_>> for KeyHint {
    fn from(entry: EtypeInfoEntry<'_>) -> Self {
        KeyHint { enctype: entry.etype, salt: entry.salt.map(<[u8]>::to_vec), parameters: None }
    }
}

/// The first value of that type.
fn value<'a>(padata: &[PaData<'a>], padata_type: PaDataType) -> Option<&'a [u8]> {
    padata.iter().find(|padata| padata.padata_type == padata_type).map(|padata| padata.padata_value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const AES: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;

    fn newer() -> Vec<u8> {
        EtypeInfo2(vec![EtypeInfo2Entry { etype: AES, salt: Some("newer"), s2kparams: Some(&[0, 0, 0x80, 0]) }])
            .to_der()
    }

    fn older() -> Vec<u8> {
        EtypeInfo(vec![EtypeInfoEntry { etype: AES, salt: Some(b"older\xff") }]).to_der()
    }

    fn padata<'a>(values: &[(PaDataType, &'a [u8])]) -> Vec<PaData<'a>> {
        values.iter().map(|&(padata_type, padata_value)| PaData { padata_type, padata_value }).collect()
    }

    fn salt(hint: Option<&KeyHint>) -> Option<&[u8]> {
        hint.and_then(KeyHint::salt)
    }

    #[test]
    fn of_an_error_the_newer_list_wins_and_a_bare_salt_is_nothing() {
        let (newer, older) = (newer(), older());
        let among = |values: &[_]| KeyHints::among(&padata(values)).unwrap();
        let both = among(&[(PaDataType::ETYPE_INFO, &older), (PaDataType::ETYPE_INFO2, &newer)]);
        assert_eq!(salt(both.find(AES)), Some(&b"newer"[..]));
        assert_eq!(both.find(AES).unwrap().iterations(), Some(0x8000));
        let old = among(&[(PaDataType::PW_SALT, b"bare"), (PaDataType::ETYPE_INFO, &older)]);
        assert_eq!((salt(old.find(AES)), old.enctypes()), (Some(&b"older\xff"[..]), vec![AES]));
        assert!(!old.allow(Enctype::AES128_CTS_HMAC_SHA1_96));
        assert!(among(&[(PaDataType::PW_SALT, b"bare")]).is_empty());
    }

    #[test]
    fn of_a_reply_nothing_old_comes_before_what_is_newer() {
        let (newer, older) = (newer(), older());
        let said = |values: &[_]| KeyHints::among(&padata(values)).unwrap();
        let (new, old) = (said(&[(PaDataType::ETYPE_INFO2, &newer)]), said(&[(PaDataType::ETYPE_INFO, &older)]));
        for (before, values, expected) in [
            (&new, &[(PaDataType::ETYPE_INFO, &older[..])][..], Some(&b"newer"[..])),
            (&old, &[(PaDataType::ETYPE_INFO2, &newer)], Some(b"newer")),
            (&new, &[(PaDataType::PW_SALT, b"bare")], Some(b"newer")),
            (&old, &[(PaDataType::PW_SALT, b"bare")], Some(b"older\xff")),
            (
                &KeyHints::default(),
                &[(PaDataType::PW_SALT, b"bare"), (PaDataType::ETYPE_INFO, &older)],
                Some(b"older\xff"),
            ),
            (&KeyHints::default(), &[(PaDataType::PW_SALT, b"bare\xfe")], Some(b"bare\xfe")),
            (&KeyHints::default(), &[], None),
        ] {
            assert_eq!(salt(before.of_reply(&padata(values), AES).unwrap().as_ref()), expected, "{values:?}");
        }
    }

    #[test]
    fn an_older_list_that_is_cut_is_an_error() {
        let older = older();
        for length in 0..older.len() {
            assert!(KeyHints::among(&padata(&[(PaDataType::ETYPE_INFO, &older[..length])])).is_err(), "{length}");
        }
    }
}
