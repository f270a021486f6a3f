//! Whose certificate it is, and for what: the KDC's (RFC 4556 3.2.4), a client's (3.2.2).

use super::{Certificate, CertificateError, CertificateRules, TrustAnchors};
use crate::name::Principal;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use der::asn1::ObjectIdentifier;

/// id-pkinit-KPKdc (RFC 4556 3.2.4).
const KP_KDC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.2.3.5");
/// id-pkinit-KPClientAuth (RFC 4556 3.2.2).
const KP_CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.2.3.4");
/// id-kp-serverAuth (RFC 5280 4.2.1.12).
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
/// Smart card logon, as Active Directory's clients have it (RFC 4556 3.2.2 names it as an alternative in use).
const SMARTCARD_LOGON: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.2");

/// How a client knows a KDC by its certificate. By default it must name the realm's ticket-granting service, and be for KDCs:
/// id-pkinit-san and id-pkinit-KPKdc (RFC 4556 3.2.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KdcRules {
    /// Whether a certificate for TLS servers (id-kp-serverAuth) passes as one for KDCs, as older Active Directory has it: every
    /// web server that the anchors vouch for has one. Off by default.
    #[doc(alias = "pkinit_eku_checking")]
    pub weak_server_auth: bool,
    /// Whether a certificate passes whatever it is for. Off by default.
    pub dangerous_any_purpose: bool,
    /// Hosts that are KDCs of the realm: a certificate that names one of them (dNSName) need not name the realm. None by
    /// default. Names are compared whole, without regard to case; wildcards count for nothing.
    #[doc(alias = "pkinit_kdc_hostname")]
    pub weak_host_names: Vec<String>,
}

impl KdcRules {
    /// Checks that a certificate, of which the path is proven, is that of a KDC of `realm`.
    ///
    /// # Errors
    /// [`CertificateError::Purpose`], [`CertificateError::NotTheKdc`].
    pub fn check(&self, certificate: &Certificate, realm: &str) -> Result<(), CertificateError> {
        let purposes = certificate.extensions().purposes.as_deref().unwrap_or_default();
        let fits = purposes.contains(&KP_KDC) || self.weak_server_auth && purposes.contains(&SERVER_AUTH);
        if !fits && !self.dangerous_any_purpose {
            return Err(CertificateError::Purpose { subject: certificate.subject().clone(), wanted: "KDCs" });
        }
        let names = &certificate.extensions().names;
        let is_named = names.principals.iter().any(|name| is_ticket_granting_service(name, realm));
        let is_host = |host: &String| self.weak_host_names.iter().any(|known| known.eq_ignore_ascii_case(host));
        if is_named || names.hosts.iter().any(is_host) {
            return Ok(());
        }
        Err(CertificateError::NotTheKdc { realm: realm.to_string(), names: names.to_strings() })
    }
}

/// Whether it is `krbtgt/REALM@REALM`.
fn is_ticket_granting_service(name: &Principal, realm: &str) -> bool {
    name.realm() == realm && name.components().iter().map(String::as_str).eq(["krbtgt", realm])
}

/// How a realm knows a client by its certificate. By default it must name the client, and be for Kerberos clients:
/// id-pkinit-san and id-pkinit-KPClientAuth (RFC 4556 3.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientRules {
    /// Whether a certificate for smart card logon passes as one for Kerberos clients. Off by default.
    pub smartcard_logon: bool,
    /// Whether a user principal name, `user@domain`, names the client `user` of the realm that is called as the domain, without
    /// regard to its case. Off by default.
    #[doc(alias = "pkinit_allow_upn")]
    pub user_principal_names: bool,
    /// Whether a certificate passes whatever it is for. Off by default.
    pub dangerous_any_purpose: bool,
}

impl ClientRules {
    /// Checks that a certificate, of which the path is proven, is that of `client`.
    ///
    /// # Errors
    /// [`CertificateError::Purpose`], [`CertificateError::NotTheClient`].
    pub fn check(&self, certificate: &Certificate, client: &Principal) -> Result<(), CertificateError> {
        let purposes = certificate.extensions().purposes.as_deref().unwrap_or_default();
        let fits = purposes.contains(&KP_CLIENT_AUTH) || self.smartcard_logon && purposes.contains(&SMARTCARD_LOGON);
        if !fits && !self.dangerous_any_purpose {
            let wanted = "clients of Kerberos";
            return Err(CertificateError::Purpose { subject: certificate.subject().clone(), wanted });
        }
        let names = &certificate.extensions().names;
        let is_upn = |upn: &String| self.user_principal_names && is_user_principal_name(upn, client);
        if names.principals.contains(client) || names.upns.iter().any(is_upn) {
            return Ok(());
        }
        Err(CertificateError::NotTheClient { client: client.clone(), names: names.to_strings() })
    }
}

fn is_user_principal_name(upn: &str, client: &Principal) -> bool {
    let Some((user, domain)) = upn.rsplit_once('@') else { return false };
    domain.eq_ignore_ascii_case(client.realm()) && client.components().iter().map(String::as_str).eq([user])
}

/// How a client knows that it speaks with its KDC, and no other: whom it believes, and by which rules.
#[derive(Clone, Debug, Default)]
pub struct KdcTrust {
    /// Who vouches for KDCs.
    pub anchors: TrustAnchors,
    /// What is taken of certificates.
    pub certificates: CertificateRules,
    /// How a KDC's certificate says that it is one.
    pub kdc: KdcRules,
}

impl KdcTrust {
    /// Believes `anchors`, by the strictest rules.
    pub fn new(anchors: TrustAnchors) -> Self {
        KdcTrust { anchors, ..KdcTrust::default() }
    }
}
