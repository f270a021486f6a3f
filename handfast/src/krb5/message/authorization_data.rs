use super::encoded::{Encoded, encoded_methods};
use super::{Checksum, PrincipalName, int32};
use crate::asn1::{Asn1, DerReader, DerWriter, Listed, Optional, der_methods, sequence};
use crate::wire::{DecodeError, DecodeReason};
use alloc::vec::Vec;

/// The most elements that one AuthorizationData is read with.
pub const AD_LIMIT: usize = 64;

/// How deep AD-IF-RELEVANT containers are looked into.
pub const AD_DEPTH_LIMIT: usize = 8;

/// Authorization data (RFC 4120 5.2.6); empty where the field is absent.
///
/// ```text
/// AuthorizationData  ::= SEQUENCE OF SEQUENCE {
///     ad-type  [0] Int32,
///     ad-data  [1] OCTET STRING
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AuthorizationData<'a>(pub Vec<AdElement<'a>>);

/// One element of an [`AuthorizationData`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdElement<'a> {
    /// What `ad_data` is.
    pub ad_type: AdType,
    /// The data, often DER of another type.
    pub ad_data: &'a [u8],
}

sequence! { AdElement<'a>, fields { field 0 ad_type, field 1 ad_data } }
der_methods!(AuthorizationData<'a>, "AuthorizationData");
encoded_methods!(AuthorizationData<'a>, "AuthorizationData");

impl Listed for AdElement<'_> {
    const LIMIT: usize = AD_LIMIT;
}

impl<'a> AuthorizationData<'a> {
    /// The first element of type `ad_type`, here or inside AD-IF-RELEVANT (5.2.6.1), in order.
    ///
    /// A container that does not decode, or is nested more than [`AD_DEPTH_LIMIT`] deep, is an error; its position
    /// counts from the start of that container.
    pub fn find(&self, ad_type: AdType) -> Result<Option<&'a [u8]>, DecodeError> {
        self.find_within(ad_type, AD_DEPTH_LIMIT)
    }

    fn find_within(&self, ad_type: AdType, depth: usize) -> Result<Option<&'a [u8]>, DecodeError> {
        for element in &self.0 {
            if element.ad_type == ad_type {
                return Ok(Some(element.ad_data));
            }
            if element.ad_type == AdType::IF_RELEVANT {
                let Some(depth) = depth.checked_sub(1) else {
                    let reason = DecodeReason::TooLarge { limit: AD_DEPTH_LIMIT };
                    return Err(DecodeError { what: "AD-IF-RELEVANT", offset: 0, reason });
                };
                if let Some(found) = AuthorizationData::decode(element.ad_data)?.find_within(ad_type, depth)? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }
}

impl<'a> Asn1<'a> for AuthorizationData<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        Vec::read(reader).map(AuthorizationData)
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        self.0.write(writer);
    }
}

impl<'a> Optional<'a> for AuthorizationData<'a> {
    fn absent() -> Self {
        AuthorizationData::default()
    }

    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }

    fn read_present(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        Self::read(reader)
    }

    fn write_present(&self, writer: &mut DerWriter<'_>) {
        self.write(writer);
    }
}

/// The type of an authorization data element (RFC 4120 7.5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AdType(pub i32);

impl AdType {
    /// A nested AuthorizationData that may be ignored by who does not know what is in it (5.2.6.1).
    pub const IF_RELEVANT: AdType = AdType(1);
    /// An [`AdKdcIssued`] (5.2.6.2).
    pub const KDC_ISSUED: AdType = AdType(4);
    /// A count and elements of which so many must hold (5.2.6.3).
    pub const AND_OR: AdType = AdType(5);
    /// A nested AuthorizationData that a KDC must understand (5.2.6.4).
    pub const MANDATORY_FOR_KDC: AdType = AdType(8);
    /// How strongly the client authenticated (RFC 6113 5.5).
    pub const AUTHENTICATION_STRENGTH: AdType = AdType(70);
    /// This ticket is for FAST armor only (RFC 6113 5.4.1.1).
    pub const FX_FAST_ARMOR: AdType = AdType(71);
    /// FAST was used (RFC 6113 5.4.2).
    pub const FX_FAST_USED: AdType = AdType(72);
    /// Authorization data with verifiers by KDC and service (RFC 7751).
    pub const CAMMAC: AdType = AdType(96);
    /// Authentication indicators (RFC 8129).
    pub const AUTHENTICATION_INDICATOR: AdType = AdType(97);
    /// A PAC (MS-PAC), inside AD-IF-RELEVANT.
    pub const WIN2K_PAC: AdType = AdType(128);
    /// The enctypes that the client takes for a subkey (RFC 4537 3), inside AD-IF-RELEVANT.
    pub const ETYPE_NEGOTIATION: AdType = AdType(129);
}

int32!(AdType);

/// Authorization data vouched for by the KDC (RFC 4120 5.2.6.2).
///
/// ```text
/// AD-KDCIssued  ::= SEQUENCE {
///     ad-checksum  [0] Checksum, -- of elements, with the session key and usage 19
///     i-realm      [1] Realm OPTIONAL,
///     i-sname      [2] PrincipalName OPTIONAL,
///     elements     [3] AuthorizationData
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdKdcIssued<'a> {
    /// Over the bytes of `elements`.
    pub ad_checksum: Checksum<'a>,
    /// The issuer's realm, if it is not the KDC itself.
    pub i_realm: Option<&'a str>,
    /// The issuer's name, if it is not the KDC itself.
    pub i_sname: Option<PrincipalName<'a>>,
    /// What the issuer vouches for.
    pub elements: Encoded<'a, AuthorizationData<'a>>,
}

sequence! {
    AdKdcIssued<'a>, fields { field 0 ad_checksum, optional 1 i_realm, optional 2 i_sname, field 3 elements }
}
der_methods!(AdKdcIssued<'a>, "AD-KDCIssued");
