use super::{KerberosTime, Microseconds, int32};
use crate::asn1::{Asn1, DerReader, DerWriter, Listed, der_methods, sequence};
use crate::krb5::enctype::Enctype;
use crate::wire::DecodeError;
use alloc::vec::Vec;
use core::fmt;

/// The most PA-DATA that a list of them is read with.
pub const PADATA_LIMIT: usize = 64;

/// The most entries that an ETYPE-INFO or ETYPE-INFO2 is read with.
pub const ETYPE_INFO_LIMIT: usize = 64;

/// A typed hole in messages with the KDC, named for pre-authentication (RFC 4120 5.2.7).
///
/// ```text
/// PA-DATA  ::= SEQUENCE {
///     padata-type   [1] Int32,
///     padata-value  [2] OCTET STRING
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaData<'a> {
    /// What `padata_value` is.
    pub padata_type: PaDataType,
    /// Often DER of another type.
    pub padata_value: &'a [u8],
}

sequence! { PaData<'a>, fields { field 1 padata_type, field 2 padata_value } }
der_methods!(PaData<'a>, "PA-DATA");

impl Listed for PaData<'_> {
    const LIMIT: usize = PADATA_LIMIT;
}

/// The type of a [`PaData`] (RFC 4120 7.5.2 and later documents).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PaDataType(pub i32);

impl PaDataType {
    /// An AP-REQ for the ticket-granting service (RFC 4120 5.2.7.1).
    pub const TGS_REQ: PaDataType = PaDataType(1);
    /// A [`PaEncTsEnc`] in an EncryptedData (RFC 4120 5.2.7.2).
    pub const ENC_TIMESTAMP: PaDataType = PaDataType(2);
    /// A salt, not in ASN.1 (RFC 4120 5.2.7.3).
    pub const PW_SALT: PaDataType = PaDataType(3);
    /// An [`EtypeInfo`] (RFC 4120 5.2.7.4).
    pub const ETYPE_INFO: PaDataType = PaDataType(11);
    /// PKINIT request (RFC 4556 3.2.1).
    pub const PK_AS_REQ: PaDataType = PaDataType(16);
    /// PKINIT reply (RFC 4556 3.2.3).
    pub const PK_AS_REP: PaDataType = PaDataType(17);
    /// An [`EtypeInfo2`] (RFC 4120 5.2.7.5).
    pub const ETYPE_INFO2: PaDataType = PaDataType(19);
    /// Referral data (RFC 6806 appendix A).
    pub const SVR_REFERRAL_INFO: PaDataType = PaDataType(20);
    /// The certificate authorities that the KDC believes (TD-TRUSTED-CERTIFIERS, RFC 4556 3.2.2); the numbers of typed data and of
    /// padata are one registry.
    pub const TD_TRUSTED_CERTIFIERS: PaDataType = PaDataType(104);
    /// Certificates with a wrong signature (TD-INVALID-CERTIFICATES, RFC 4556 3.2.2).
    pub const TD_INVALID_CERTIFICATES: PaDataType = PaDataType(105);
    /// The groups that the KDC takes (TD-DH-PARAMETERS, RFC 4556 3.2.2).
    pub const TD_DH_PARAMETERS: PaDataType = PaDataType(109);
    /// A [`PaPacRequest`] (MS-KILE 2.2.3).
    pub const PAC_REQUEST: PaDataType = PaDataType(128);
    /// S4U2self by name (MS-SFU 2.2.1).
    pub const FOR_USER: PaDataType = PaDataType(129);
    /// S4U2self by name or certificate (MS-SFU 2.2.2).
    pub const S4U_X509_USER: PaDataType = PaDataType(130);
    /// The KDC's state, returned as it is (RFC 6113 5.2).
    pub const FX_COOKIE: PaDataType = PaDataType(133);
    /// Sets of methods (RFC 6113 5.3).
    pub const AUTHENTICATION_SET: PaDataType = PaDataType(134);
    /// The chosen set (RFC 6113 5.3).
    pub const AUTH_SET_SELECTED: PaDataType = PaDataType(135);
    /// FAST (RFC 6113 5.4.2).
    pub const FX_FAST: PaDataType = PaDataType(136);
    /// A KRB-ERROR inside FAST (RFC 6113 5.4.4).
    pub const FX_ERROR: PaDataType = PaDataType(137);
    /// Encrypted challenge (RFC 6113 5.4.6).
    pub const ENCRYPTED_CHALLENGE: PaDataType = PaDataType(138);
    /// OTP challenge (RFC 6560 4.1).
    pub const OTP_CHALLENGE: PaDataType = PaDataType(141);
    /// OTP request (RFC 6560 4.2).
    pub const OTP_REQUEST: PaDataType = PaDataType(142);
    /// OTP: a new PIN (RFC 6560 4.3).
    pub const OTP_PIN_CHANGE: PaDataType = PaDataType(144);
    /// PKINIT key exchange for anonymous clients (RFC 8062 7).
    pub const PKINIT_KX: PaDataType = PaDataType(147);
    /// The client checks the reply's encrypted padata; the KDC's checksum of the request (RFC 6806 11).
    pub const REQ_ENC_PA_REP: PaDataType = PaDataType(149);
    /// PKINIT freshness token (RFC 8070 3).
    pub const AS_FRESHNESS: PaDataType = PaDataType(150);
    /// SPAKE (RFC 9588).
    pub const SPAKE: PaDataType = PaDataType(151);
    /// The enctypes of an account (MS-KILE 2.2.8).
    pub const SUPPORTED_ENCTYPES: PaDataType = PaDataType(165);
    /// Wishes for the PAC (MS-KILE 2.2.10).
    pub const PAC_OPTIONS: PaDataType = PaDataType(167);
}

int32!(PaDataType);

impl PaDataType {
    /// What it is called, in plain words, for the methods of pre-authentication and their neighbours.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            PaDataType::ENC_TIMESTAMP => "encrypted timestamp",
            PaDataType::PW_SALT => "salt",
            PaDataType::ETYPE_INFO => "old enctype list",
            PaDataType::PK_AS_REQ => "PKINIT",
            PaDataType::ETYPE_INFO2 => "enctype list",
            PaDataType::FX_COOKIE => "cookie",
            PaDataType::FX_FAST => "FAST",
            PaDataType::FX_ERROR => "FAST error",
            PaDataType::ENCRYPTED_CHALLENGE => "encrypted challenge",
            PaDataType::OTP_CHALLENGE => "one-time password",
            PaDataType::PKINIT_KX => "anonymous PKINIT",
            PaDataType::SPAKE => "SPAKE",
            _ => return None,
        })
    }

    /// Whether it stands for a method by which a client proves itself, as far as it is known here.
    pub const fn is_preauth_method(self) -> bool {
        matches!(
            self,
            PaDataType::ENC_TIMESTAMP
                | PaDataType::PK_AS_REQ
                | PaDataType::ENCRYPTED_CHALLENGE
                | PaDataType::OTP_CHALLENGE
                | PaDataType::SPAKE
        )
    }
}

/// The name and the number, such as `encrypted timestamp (2)`, or `padata type N`.
impl fmt::Display for PaDataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "padata type {}", self.0),
        }
    }
}

/// What PA-ENC-TIMESTAMP encrypts: the client's time (RFC 4120 5.2.7.2).
///
/// ```text
/// PA-ENC-TS-ENC  ::= SEQUENCE {
///     patimestamp  [0] KerberosTime,
///     pausec       [1] Microseconds OPTIONAL
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaEncTsEnc {
    /// The client's time.
    pub patimestamp: KerberosTime,
    /// Its microseconds.
    pub pausec: Option<Microseconds>,
}

sequence! { PaEncTsEnc, fields { field 0 patimestamp, optional 1 pausec } }
der_methods!(PaEncTsEnc, "PA-ENC-TS-ENC");

/// A list that stands alone as a message.
macro_rules! list_message {
    ($(#[$doc:meta])* $name:ident, $item:ident, $asn1:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Default)]
        pub struct $name<'a>(pub Vec<$item<'a>>);

        impl<'a> Asn1<'a> for $name<'a> {
            fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
                Vec::read(reader).map($name)
            }

            fn write(&self, writer: &mut DerWriter<'_>) {
                self.0.write(writer);
            }
        }
        der_methods!($name<'a>, $asn1);
    };
}
pub(super) use list_message;

list_message! {
    /// The enctypes that a client's key is held in, and their salts (RFC 4120 5.2.7.5).
    ///
    /// ```text
    /// ETYPE-INFO2  ::= SEQUENCE SIZE (1..MAX) OF ETYPE-INFO2-ENTRY
    /// ```
    EtypeInfo2, EtypeInfo2Entry, "ETYPE-INFO2"
}

/// How a client's key is made from its password (RFC 4120 5.2.7.5).
///
/// ```text
/// ETYPE-INFO2-ENTRY  ::= SEQUENCE {
///     etype      [0] Int32,
///     salt       [1] KerberosString OPTIONAL,
///     s2kparams  [2] OCTET STRING OPTIONAL
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EtypeInfo2Entry<'a> {
    /// The key's enctype.
    pub etype: Enctype,
    /// The salt; the default salt (RFC 4120 4) if absent.
    pub salt: Option<&'a str>,
    /// Parameters of string-to-key, as the enctype defines them.
    pub s2kparams: Option<&'a [u8]>,
}

sequence! { EtypeInfo2Entry<'a>, fields { field 0 etype, optional 1 salt, optional 2 s2kparams } }

impl Listed for EtypeInfo2Entry<'_> {
    const LIMIT: usize = ETYPE_INFO_LIMIT;
}

list_message! {
    /// The older list of enctypes and salts, for clients that name no newer enctype (RFC 4120 5.2.7.4).
    ///
    /// ```text
    /// ETYPE-INFO  ::= SEQUENCE OF ETYPE-INFO-ENTRY
    /// ```
    EtypeInfo, EtypeInfoEntry, "ETYPE-INFO"
}

/// An enctype and its salt (RFC 4120 5.2.7.4).
///
/// ```text
/// ETYPE-INFO-ENTRY  ::= SEQUENCE {
///     etype  [0] Int32,
///     salt   [1] OCTET STRING OPTIONAL
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EtypeInfoEntry<'a> {
    /// The key's enctype.
    pub etype: Enctype,
    /// The salt; the default salt (RFC 4120 4) if absent.
    pub salt: Option<&'a [u8]>,
}

sequence! { EtypeInfoEntry<'a>, fields { field 0 etype, optional 1 salt } }

impl Listed for EtypeInfoEntry<'_> {
    const LIMIT: usize = ETYPE_INFO_LIMIT;
}

/// Whether the ticket shall carry a PAC (MS-KILE 2.2.3).
///
/// ```text
/// KERB-PA-PAC-REQUEST  ::= SEQUENCE {
///     include-pac  [0] BOOLEAN
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaPacRequest {
    /// True to have one.
    pub include_pac: bool,
}

sequence! { PaPacRequest, fields { field 0 include_pac } }
der_methods!(PaPacRequest, "KERB-PA-PAC-REQUEST");
