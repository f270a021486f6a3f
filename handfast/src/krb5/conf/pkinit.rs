use super::value::ConfValueError;
use super::{Conf, Section, parse_boolean};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What krb5.conf says about logins with certificates (its section "PKINIT options"). Names are `FILE:path`, `DIR:path` and such.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PkinitConf {
    /// Whose certificates are believed.
    pub anchors: Vec<String>,
    /// Certificates that may stand on the way to them.
    pub pool: Vec<String>,
    /// Lists of revoked certificates.
    pub revoke: Vec<String>,
    /// The client's certificates and private keys: the first that can be read counts.
    pub identities: Vec<String>,
    /// What the KDC's certificate must be for.
    pub eku_checking: EkuChecking,
    /// Hosts that are KDCs: a certificate that names one of them need not name the realm.
    pub kdc_hostname: Vec<String>,
    /// Bits that a group of a Diffie-Hellman exchange must have, if it is said.
    pub dh_min_bits: Option<u32>,
    /// Whether every certificate must be looked up in a list of revoked ones; no.
    pub require_crl_checking: bool,
}

/// What a KDC's certificate must be for: `pkinit_eku_checking`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EkuChecking {
    /// `kpKDC`: for KDCs (RFC 4556 3.2.4).
    #[default]
    KpKdc,
    /// `kpServerAuth`: for KDCs or TLS servers.
    KpServerAuth,
    /// `none`: anything.
    None,
}

impl Conf {
    /// What is said about logins with certificates to `realm`: in the realm's subsection of `[libdefaults]`, else in the realm's of
    /// `[realms]`, else in `[libdefaults]`; for each relation the first of them that has it counts alone.
    ///
    /// # Errors
    /// If a value is not what its relation wants.
    pub fn pkinit(&self, realm: &str) -> Result<PkinitConf, ConfValueError> {
        let places = [&["libdefaults", realm][..], &["realms", realm], &["libdefaults"]];
        let sections: Vec<&Section> = places.iter().filter_map(|path| self.root().section_at(path)).collect();
        let list = |name: &str| {
            let found = sections.iter().map(|section| section.values(name)).find(|values| !values.is_empty());
            found.unwrap_or_default().to_vec()
        };
        let wrong = |name: &str, value: String, wanted| ConfValueError { name: name.to_string(), value, wanted };
        let one = |name: &str| list(name).into_iter().next();
        let eku_checking = match one("pkinit_eku_checking") {
            None => EkuChecking::default(),
            Some(text) => EkuChecking::parse(&text)
                .ok_or_else(|| wrong("pkinit_eku_checking", text, "kpKDC, kpServerAuth or none"))?,
        };
        let dh_min_bits = one("pkinit_dh_min_bits")
            .map(|text| text.parse().map_err(|_| wrong("pkinit_dh_min_bits", text, "a number of bits")));
        let require_crl_checking = one("pkinit_require_crl_checking")
            .map(|text| parse_boolean(&text).ok_or_else(|| wrong("pkinit_require_crl_checking", text, "yes or no")));
        Ok(PkinitConf {
            anchors: list("pkinit_anchors"),
            pool: list("pkinit_pool"),
            revoke: list("pkinit_revoke"),
            identities: list("pkinit_identities"),
            eku_checking,
            kdc_hostname: list("pkinit_kdc_hostname"),
            dh_min_bits: dh_min_bits.transpose()?,
            require_crl_checking: require_crl_checking.transpose()?.unwrap_or(false),
        })
    }
}

impl EkuChecking {
    fn parse(text: &str) -> Option<Self> {
        [("kpKDC", EkuChecking::KpKdc), ("kpServerAuth", EkuChecking::KpServerAuth), ("none", EkuChecking::None)]
            .into_iter()
            .find_map(|(name, value)| text.eq_ignore_ascii_case(name).then_some(value))
    }
}
