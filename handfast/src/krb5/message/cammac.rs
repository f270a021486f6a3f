use super::encoded::Encoded;
use super::{AuthorizationData, Checksum, PrincipalName, Utf8String};
use crate::asn1::{Asn1, DerReader, DerWriter, Listed, der_methods, sequence};
use crate::krb5::enctype::Enctype;
use crate::wire::DecodeError;
use alloc::vec::Vec;

/// The most verifiers, and the most authentication indicators, that a list of them is read with.
pub const CAMMAC_LIMIT: usize = 32;

/// Authorization data with verifiers by service and KDC (RFC 7751 4).
///
/// ```text
/// AD-CAMMAC  ::= SEQUENCE {
///     elements         [0] AuthorizationData,
///     kdc-verifier     [1] Verifier-MAC OPTIONAL,
///     svc-verifier     [2] Verifier-MAC OPTIONAL,
///     other-verifiers  [3] SEQUENCE (SIZE (1..MAX)) OF Verifier OPTIONAL
/// }
/// Verifier  ::= CHOICE { mac Verifier-MAC, ... }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdCammac<'a> {
    /// What the KDC vouches for.
    pub elements: Encoded<'a, AuthorizationData<'a>>,
    /// With the key of the ticket-granting service, over the ticket with `elements` for its authorization data.
    pub kdc_verifier: Option<VerifierMac<'a>>,
    /// With the key of the service, over `elements`.
    pub svc_verifier: Option<VerifierMac<'a>>,
    /// With keys of others, over `elements`.
    pub other_verifiers: Vec<VerifierMac<'a>>,
}

sequence! {
    AdCammac<'a>,
    fields { field 0 elements, optional 1 kdc_verifier, optional 2 svc_verifier, optional 3 other_verifiers }
}
der_methods!(AdCammac<'a>, "AD-CAMMAC");

/// A checksum of authorization data, and whose key it is made with (RFC 7751 4).
///
/// ```text
/// Verifier-MAC  ::= SEQUENCE {
///     identifier  [0] PrincipalName OPTIONAL,
///     kvno        [1] UInt32 OPTIONAL,
///     enctype     [2] Int32 OPTIONAL,
///     mac         [3] Checksum
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierMac<'a> {
    /// Whose key it is, if that is not obvious.
    pub identifier: Option<PrincipalName<'a>>,
    /// Its version.
    pub kvno: Option<u32>,
    /// Its enctype.
    pub enctype: Option<Enctype>,
    /// The checksum, with usage 64.
    pub mac: Checksum<'a>,
}

sequence! {
    VerifierMac<'a>, fields { optional 0 identifier, optional 1 kvno, optional 2 enctype, field 3 mac }
}

impl Listed for VerifierMac<'_> {
    const LIMIT: usize = CAMMAC_LIMIT;
}

/// How the client authenticated, in the words of its site (RFC 8129 3); inside an [`AdCammac`] alone.
///
/// ```text
/// AD-AUTHENTICATION-INDICATOR ::= SEQUENCE OF UTF8String
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationIndicators<'a>(pub Vec<&'a str>);

der_methods!(AuthenticationIndicators<'a>, "AD-AUTHENTICATION-INDICATOR");

impl<'a> Asn1<'a> for AuthenticationIndicators<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let strings: Vec<Utf8String<'a>> = Vec::read(reader)?;
        Ok(AuthenticationIndicators(strings.into_iter().map(|string| string.0).collect()))
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        let strings: Vec<Utf8String<'_>> = self.0.iter().map(|text| Utf8String(text)).collect();
        strings.write(writer);
    }
}

impl Listed for Utf8String<'_> {
    const LIMIT: usize = CAMMAC_LIMIT;
}
