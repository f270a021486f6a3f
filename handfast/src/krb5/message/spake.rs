use super::{EncryptedData, int32};
use crate::asn1::{Asn1, DerReader, DerWriter, Listed, der_methods, sequence, tag};
use crate::wire::DecodeError;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// The most groups that a [`SpakeSupport`], and factors that a [`SpakeChallenge`], are read with.
pub const SPAKE_LIMIT: usize = 32;

/// The padata-value of PA-SPAKE (RFC 9588 4). A KDC's offer without a challenge is empty, and none of these.
///
/// ```text
/// PA-SPAKE ::= CHOICE {
///     support    [0] SPAKESupport,
///     challenge  [1] SPAKEChallenge,
///     response   [2] SPAKEResponse,
///     encdata    [3] EncryptedData,
///     ...
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaSpake<'a> {
    /// The client's groups.
    Support(SpakeSupport),
    /// The KDC's public element.
    Challenge(SpakeChallenge<'a>),
    /// The client's public element.
    Response(SpakeResponse<'a>),
    /// What a second factor needs more of, from either side.
    Encdata(EncryptedData<'a>),
}

impl<'a> Asn1<'a> for PaSpake<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let [support, challenge, response, encdata] =
            [tag::context(0), tag::context(1), tag::context(2), tag::context(3)];
        match reader.peek() {
            Some(tag) if tag == support => reader.nested(support, SpakeSupport::read).map(PaSpake::Support),
            Some(tag) if tag == challenge => reader.nested(challenge, SpakeChallenge::read).map(PaSpake::Challenge),
            Some(tag) if tag == response => reader.nested(response, SpakeResponse::read).map(PaSpake::Response),
            Some(tag) if tag == encdata => reader.nested(encdata, EncryptedData::read).map(PaSpake::Encdata),
            _ => Err(reader.invalid("PA-SPAKE is one of [0] to [3]")),
        }
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        match self {
            PaSpake::Support(support) => writer.nested(tag::context(0), |inner| support.write(inner)),
            PaSpake::Challenge(challenge) => writer.nested(tag::context(1), |inner| challenge.write(inner)),
            PaSpake::Response(response) => writer.nested(tag::context(2), |inner| response.write(inner)),
            PaSpake::Encdata(encdata) => writer.nested(tag::context(3), |inner| encdata.write(inner)),
        }
    }
}
der_methods!(PaSpake<'a>, "PA-SPAKE");

/// What a client can do, the first message (RFC 9588 4.1).
///
/// ```text
/// SPAKESupport ::= SEQUENCE {
///     groups  [0] SEQUENCE (SIZE(1..MAX)) OF Int32,
///     ...
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpakeSupport {
    /// The groups, best first.
    pub groups: Vec<SpakeGroup>,
}

sequence! { SpakeSupport, fields { field 0 groups }, extensible }

/// The KDC's part of the key exchange (RFC 9588 4.2).
///
/// ```text
/// SPAKEChallenge ::= SEQUENCE {
///     group    [0] Int32,
///     pubkey   [1] OCTET STRING,
///     factors  [2] SEQUENCE (SIZE(1..MAX)) OF SPAKESecondFactor,
///     ...
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpakeChallenge<'a> {
    /// The group that the KDC chose.
    pub group: SpakeGroup,
    /// T, the KDC's public element.
    pub pubkey: &'a [u8],
    /// The second factors that the client may choose of.
    pub factors: Vec<SpakeSecondFactor<'a>>,
}

sequence! { SpakeChallenge<'a>, fields { field 0 group, field 1 pubkey, field 2 factors }, extensible }

/// A second factor (RFC 9588 4.2).
///
/// ```text
/// SPAKESecondFactor ::= SEQUENCE {
///     type  [0] Int32,
///     data  [1] OCTET STRING OPTIONAL
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpakeSecondFactor<'a> {
    /// What it is.
    pub factor_type: SpakeFactorType,
    /// As the type defines it.
    pub data: Option<&'a [u8]>,
}

impl SpakeSecondFactor<'_> {
    /// SF-NONE: no second factor, the password alone (RFC 9588 8).
    pub const NONE: SpakeSecondFactor<'static> = SpakeSecondFactor { factor_type: SpakeFactorType::NONE, data: None };
}

sequence! { SpakeSecondFactor<'a>, fields { field 0 factor_type, optional 1 data } }
der_methods!(SpakeSecondFactor<'a>, "SPAKESecondFactor");

impl Listed for SpakeSecondFactor<'_> {
    const LIMIT: usize = SPAKE_LIMIT;
}

/// The client's part of the key exchange (RFC 9588 4.3).
///
/// ```text
/// SPAKEResponse ::= SEQUENCE {
///     pubkey  [0] OCTET STRING,
///     factor  [1] EncryptedData, -- SPAKESecondFactor
///     ...
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpakeResponse<'a> {
    /// S, the client's public element.
    pub pubkey: &'a [u8],
    /// A [`SpakeSecondFactor`] under K'\[1\], with usage 65.
    pub factor: EncryptedData<'a>,
}

sequence! { SpakeResponse<'a>, fields { field 0 pubkey, field 1 factor }, extensible }

/// The type of a second factor (RFC 9588 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpakeFactorType(pub i32);

impl SpakeFactorType {
    /// SF-NONE: the password alone.
    pub const NONE: SpakeFactorType = SpakeFactorType(1);
}

int32!(SpakeFactorType);

/// A group, with its constants and its hash (RFC 9588 12.2). Unknown numbers are representable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpakeGroup(pub i32);

int32!(SpakeGroup);

impl SpakeGroup {
    /// The prime-order subgroup of edwards25519, with SHA-256: the one that everybody must have.
    pub const EDWARDS25519: SpakeGroup = SpakeGroup(1);
    /// NIST P-256, with SHA-256.
    pub const P256: SpakeGroup = SpakeGroup(2);
    /// NIST P-384, with SHA-384.
    pub const P384: SpakeGroup = SpakeGroup(3);
    /// NIST P-521, with SHA-512.
    pub const P521: SpakeGroup = SpakeGroup(4);

    /// Its registered name, if it has one; those of `spake_preauth_groups` in krb5.conf.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            SpakeGroup::EDWARDS25519 => "edwards25519",
            SpakeGroup::P256 => "P-256",
            SpakeGroup::P384 => "P-384",
            SpakeGroup::P521 => "P-521",
            _ => return None,
        })
    }
}

impl Listed for SpakeGroup {
    const LIMIT: usize = SPAKE_LIMIT;
}

/// The name and the number, such as `P-256 (2)`, or `SPAKE group N`.
impl fmt::Display for SpakeGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "SPAKE group {}", self.0),
        }
    }
}

/// From a registered name, in whatever case.
impl FromStr for SpakeGroup {
    type Err = UnknownSpakeGroup;

    fn from_str(text: &str) -> Result<Self, UnknownSpakeGroup> {
        let known = [SpakeGroup::EDWARDS25519, SpakeGroup::P256, SpakeGroup::P384, SpakeGroup::P521];
        let named = |group: &SpakeGroup| group.name().is_some_and(|name| name.eq_ignore_ascii_case(text));
        known.into_iter().find(named).ok_or(UnknownSpakeGroup)
    }
}

/// A name that is no group's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSpakeGroup;

impl fmt::Display for UnknownSpakeGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no SPAKE group; there are edwards25519, P-256, P-384 and P-521")
    }
}

impl core::error::Error for UnknownSpakeGroup {}
