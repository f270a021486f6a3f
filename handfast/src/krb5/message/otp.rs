use super::flags::kerberos_flags;
use super::{EncryptedData, KerberosTime, Utf8String, int32};
use crate::asn1::{Asn1, DerReader, DerWriter, Listed, der_methods, sequence, tag};
use crate::wire::DecodeError;
use alloc::vec::Vec;
use core::fmt;

/// The most tokens that a [`PaOtpChallenge`], and hash algorithms that an [`OtpTokenInfo`], are read with.
pub const OTP_TOKEN_LIMIT: usize = 32;

/// What the KDC wants: a one-time password of one of some tokens (RFC 6560 4.1). Tags are implicit in all of RFC 6560.
///
/// ```text
/// PA-OTP-CHALLENGE ::= SEQUENCE {
///     nonce          [0] OCTET STRING,
///     otp-service    [1] UTF8String OPTIONAL,
///     otp-tokenInfo  [2] SEQUENCE (SIZE(1..MAX)) OF OTP-TOKENINFO,
///     salt           [3] KerberosString OPTIONAL,
///     s2kparams      [4] OCTET STRING OPTIONAL,
///     ...
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaOtpChallenge<'a> {
    /// To be sent back, encrypted.
    pub nonce: &'a [u8],
    /// What the password is for, in words.
    pub service: Option<Utf8String<'a>>,
    /// The tokens that may be used.
    pub token_info: Vec<OtpTokenInfo<'a>>,
    /// For the key made of the password, with [`OtpFlags::MUST_ENCRYPT_NONCE`].
    pub salt: Option<&'a str>,
    /// Parameters of string-to-key for the same.
    pub s2kparams: Option<&'a [u8]>,
}

sequence! {
    PaOtpChallenge<'a>,
    fields {
        implicit 0 nonce,
        optional_implicit 1 service,
        implicit 2 token_info,
        optional_implicit 3 salt,
        optional_implicit 4 s2kparams,
    },
    extensible
}
der_methods!(PaOtpChallenge<'a>, "PA-OTP-CHALLENGE");

/// A token, and how a password is made with it (RFC 6560 4.1).
///
/// ```text
/// OTP-TOKENINFO ::= SEQUENCE {
///     flags             [0] OTPFlags,
///     otp-vendor        [1] UTF8String OPTIONAL,
///     otp-challenge     [2] OCTET STRING (SIZE(1..MAX)) OPTIONAL,
///     otp-length        [3] Int32 OPTIONAL,
///     otp-format        [4] OTPFormat OPTIONAL,
///     otp-tokenID       [5] OCTET STRING OPTIONAL,
///     otp-algID         [6] AnyURI OPTIONAL,
///     supportedHashAlg  [7] SEQUENCE OF AlgorithmIdentifier OPTIONAL,
///     iterationCount    [8] Int32 OPTIONAL,
///     ...
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtpTokenInfo<'a> {
    /// What the client shall do.
    pub flags: OtpFlags,
    /// Who made the token.
    pub vendor: Option<Utf8String<'a>>,
    /// What the password answers.
    pub challenge: Option<&'a [u8]>,
    /// How long the password is, in characters (octets if it is binary).
    pub length: Option<i32>,
    /// What the password is made of.
    pub format: Option<OtpFormat>,
    /// Which token.
    pub token_id: Option<&'a [u8]>,
    /// How the token makes passwords, as a URI.
    pub alg_id: Option<Utf8String<'a>>,
    /// With what the password is hashed for a key; best first.
    pub supported_hash_alg: Vec<OtpAlgorithmIdentifier<'a>>,
    /// How often, at least.
    pub iteration_count: Option<i32>,
}

sequence! {
    OtpTokenInfo<'a>,
    fields {
        implicit 0 flags,
        optional_implicit 1 vendor,
        optional_implicit 2 challenge,
        optional_implicit 3 length,
        optional_implicit 4 format,
        optional_implicit 5 token_id,
        optional_implicit 6 alg_id,
        optional_implicit 7 supported_hash_alg,
        optional_implicit 8 iteration_count,
    },
    extensible
}

impl Listed for OtpTokenInfo<'_> {
    const LIMIT: usize = OTP_TOKEN_LIMIT;
}

/// The client's answer (RFC 6560 4.2).
///
/// ```text
/// PA-OTP-REQUEST ::= SEQUENCE {
///     flags           [0] OTPFlags,
///     nonce           [1] OCTET STRING OPTIONAL,
///     encData         [2] EncryptedData, -- PA-OTP-ENC-REQUEST or PA-ENC-TS-ENC
///     hashAlg         [3] AlgorithmIdentifier OPTIONAL,
///     iterationCount  [4] Int32 OPTIONAL,
///     otp-value       [5] OCTET STRING OPTIONAL,
///     otp-pin         [6] UTF8String OPTIONAL,
///     otp-challenge   [7] OCTET STRING (SIZE(1..MAX)) OPTIONAL,
///     otp-time        [8] KerberosTime OPTIONAL,
///     otp-counter     [9] OCTET STRING OPTIONAL,
///     otp-format      [10] OTPFormat OPTIONAL,
///     otp-tokenID     [11] OCTET STRING OPTIONAL,
///     otp-algID       [12] AnyURI OPTIONAL,
///     otp-vendor      [13] UTF8String OPTIONAL,
///     ...
/// }
/// ```
/// `Debug` shows neither password nor PIN.
#[derive(Clone, PartialEq, Eq)]
pub struct PaOtpRequest<'a> {
    /// How the password was made.
    pub flags: OtpFlags,
    /// The client's, where the password is hashed.
    pub nonce: Option<&'a [u8]>,
    /// A [`PaOtpEncRequest`], with usage 45.
    pub enc_data: EncryptedData<'a>,
    /// With what the password is hashed.
    pub hash_alg: Option<OtpAlgorithmIdentifier<'a>>,
    /// How often.
    pub iteration_count: Option<i32>,
    /// The password.
    pub value: Option<&'a [u8]>,
    /// The PIN, where it is not part of the password.
    pub pin: Option<Utf8String<'a>>,
    /// What the password answers, if the KDC doesn't know.
    pub challenge: Option<&'a [u8]>,
    /// When the token made it.
    pub time: Option<KerberosTime>,
    /// The token's counter.
    pub counter: Option<&'a [u8]>,
    /// What the password is made of.
    pub format: Option<OtpFormat>,
    /// Which token.
    pub token_id: Option<&'a [u8]>,
    /// How the token makes passwords.
    pub alg_id: Option<Utf8String<'a>>,
    /// Who made the token.
    pub vendor: Option<Utf8String<'a>>,
}

sequence! {
    PaOtpRequest<'a>,
    fields {
        implicit 0 flags,
        optional_implicit 1 nonce,
        implicit 2 enc_data,
        optional_implicit 3 hash_alg,
        optional_implicit 4 iteration_count,
        optional_implicit 5 value,
        optional_implicit 6 pin,
        optional_implicit 7 challenge,
        optional_implicit 8 time,
        optional_implicit 9 counter,
        optional_implicit 10 format,
        optional_implicit 11 token_id,
        optional_implicit 12 alg_id,
        optional_implicit 13 vendor,
    },
    extensible
}
der_methods!(PaOtpRequest<'a>, "PA-OTP-REQUEST");

impl fmt::Debug for PaOtpRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("PaOtpRequest");
        fields.field("flags", &self.flags).field("enc_data", &self.enc_data).field("vendor", &self.vendor);
        fields.finish_non_exhaustive()
    }
}

/// What proves that the client has the KDC's challenge, encrypted (RFC 6560 4.2).
///
/// ```text
/// PA-OTP-ENC-REQUEST ::= SEQUENCE {
///     nonce  [0] OCTET STRING,
///     ...
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaOtpEncRequest<'a> {
    /// That of the challenge.
    pub nonce: &'a [u8],
}

sequence! { PaOtpEncRequest<'a>, fields { implicit 0 nonce }, extensible }
der_methods!(PaOtpEncRequest<'a>, "PA-OTP-ENC-REQUEST");

/// An AlgorithmIdentifier (RFC 5280 4.1.1.2): the DER of its two fields, as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtpAlgorithmIdentifier<'a>(pub &'a [u8]);

impl<'a> Asn1<'a> for OtpAlgorithmIdentifier<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            fields.with_bytes(DerReader::ignore_rest).map(|((), bytes)| OtpAlgorithmIdentifier(bytes))
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::SEQUENCE, |fields| fields.raw(self.0));
    }
}

impl Listed for OtpAlgorithmIdentifier<'_> {
    const LIMIT: usize = OTP_TOKEN_LIMIT;
}

kerberos_flags! {
    /// How a one-time password is made (RFC 6560 4.1), as 32 bits: bit 0 is the most significant.
    ///
    /// ```text
    /// OTPFlags ::= KerberosFlags
    /// ```
    OtpFlags {
        /// With the token's next state: the last password was not in step.
        NEXT_OTP = 1;
        /// Of the challenge and the token's state together.
        COMBINE = 2;
        /// The client asks for the PIN.
        COLLECT_PIN = 3;
        /// The client does not ask for a PIN.
        DO_NOT_COLLECT_PIN = 4;
        /// The password is not sent: keys are made of it.
        MUST_ENCRYPT_NONCE = 5;
        /// The PIN goes beside the password, not into it.
        SEPARATE_PIN_REQUIRED = 6;
        /// The last digit checks the others (ISO/IEC 7812-1).
        CHECK_DIGIT = 7;
    }
}

/// What a one-time password is made of (OTPFormat, RFC 6560 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OtpFormat(pub i32);

int32!(OtpFormat);

impl OtpFormat {
    /// Digits.
    pub const DECIMAL: OtpFormat = OtpFormat(0);
    /// Hexadecimal digits.
    pub const HEXADECIMAL: OtpFormat = OtpFormat(1);
    /// Letters and digits.
    pub const ALPHANUMERIC: OtpFormat = OtpFormat(2);
    /// Octets.
    pub const BINARY: OtpFormat = OtpFormat(3);
    /// Octets in base64.
    pub const BASE64: OtpFormat = OtpFormat(4);
}
