use super::padata::list_message;
use super::{KerberosTime, Microseconds, PaData, PrincipalName, int32};
use crate::asn1::{Asn1, DerReader, DerWriter, Listed, der_methods, sequence};
use crate::wire::DecodeError;
use alloc::vec::Vec;
use core::fmt;

/// The most elements that a TYPED-DATA is read with.
pub const TYPED_DATA_LIMIT: usize = 64;

/// A refusal (RFC 4120 5.9.1). Nothing protects it: anyone on the way may have made it.
///
/// ```text
/// KRB-ERROR  ::= [APPLICATION 30] SEQUENCE {
///     pvno        [0] INTEGER (5),
///     msg-type    [1] INTEGER (30),
///     ctime       [2] KerberosTime OPTIONAL,
///     cusec       [3] Microseconds OPTIONAL,
///     stime       [4] KerberosTime,
///     susec       [5] Microseconds,
///     error-code  [6] Int32,
///     crealm      [7] Realm OPTIONAL,
///     cname       [8] PrincipalName OPTIONAL,
///     realm       [9] Realm, -- the service's
///     sname       [10] PrincipalName, -- the service's
///     e-text      [11] KerberosString OPTIONAL,
///     e-data      [12] OCTET STRING OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KrbError<'a> {
    /// The client's time, from its request.
    pub ctime: Option<KerberosTime>,
    /// The microseconds of `ctime`.
    pub cusec: Option<Microseconds>,
    /// The server's time.
    pub stime: KerberosTime,
    /// The microseconds of `stime`.
    pub susec: Microseconds,
    /// Why.
    pub error_code: ErrorCode,
    /// The client's realm.
    pub crealm: Option<&'a str>,
    /// The client's name.
    pub cname: Option<PrincipalName<'a>>,
    /// The service's realm.
    pub realm: &'a str,
    /// The service's name.
    pub sname: PrincipalName<'a>,
    /// Why, in words.
    pub e_text: Option<&'a str>,
    /// More about it: a [`MethodData`], a [`TypedData`], or what the code defines.
    pub e_data: Option<&'a [u8]>,
}

sequence! {
    KrbError<'a>,
    application 30,
    constants { 0 = 5, "pvno must be 5"; 1 = 30, "msg-type and tag do not match" },
    fields {
        optional 2 ctime,
        optional 3 cusec,
        field 4 stime,
        field 5 susec,
        field 6 error_code,
        optional 7 crealm,
        optional 8 cname,
        field 9 realm,
        field 10 sname,
        optional 11 e_text,
        optional 12 e_data,
    }
}
der_methods!(KrbError<'a>, "KRB-ERROR");

list_message! {
    /// The methods that a KDC asks for, e-data of KDC_ERR_PREAUTH_REQUIRED (RFC 4120 5.9.1).
    ///
    /// ```text
    /// METHOD-DATA  ::= SEQUENCE OF PA-DATA
    /// ```
    MethodData, PaData, "METHOD-DATA"
}

list_message! {
    /// e-data of codes that define it so (RFC 4120 5.9.1).
    ///
    /// ```text
    /// TYPED-DATA  ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE {
    ///     data-type   [0] Int32,
    ///     data-value  [1] OCTET STRING OPTIONAL
    /// }
    /// ```
    TypedData, TypedDataElement, "TYPED-DATA"
}

/// One element of a [`TypedData`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypedDataElement<'a> {
    /// What `data_value` is (RFC 4120 7.5.2, the names with TD).
    pub data_type: i32,
    /// The data.
    pub data_value: Option<&'a [u8]>,
}

sequence! { TypedDataElement<'a>, fields { field 0 data_type, optional 1 data_value } }

impl Listed for TypedDataElement<'_> {
    const LIMIT: usize = TYPED_DATA_LIMIT;
}

/// The reason of a [`KrbError`] (RFC 4120 7.5.9 and later documents). Unknown numbers are representable.
///
/// ```
/// use handfast::krb5::message::ErrorCode;
/// assert_eq!(ErrorCode(37).name(), Some("KRB_AP_ERR_SKEW"));
/// assert_eq!(ErrorCode(37).to_string(), "KRB_AP_ERR_SKEW (37): the clocks are too far apart");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i32);

int32!(ErrorCode);

macro_rules! error_codes {
    ($($name:ident = $number:literal, $explanation:literal;)+) => {
        impl ErrorCode {
            $(#[doc = concat!("Code ", $number, ": ", $explanation, ".")]
            pub const $name: ErrorCode = ErrorCode($number);)+

            /// The name in the RFC, for codes that are known.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)+
                    _ => None,
                }
            }

            /// What it means, in a few words, for codes that are known.
            pub const fn explanation(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($explanation),)+
                    _ => None,
                }
            }
        }
    };
}

error_codes! {
    KDC_ERR_NONE = 0, "no error";
    KDC_ERR_NAME_EXP = 1, "the client's account has expired";
    KDC_ERR_SERVICE_EXP = 2, "the service's account has expired";
    KDC_ERR_BAD_PVNO = 3, "the protocol version is not supported";
    KDC_ERR_C_OLD_MAST_KVNO = 4, "the client's key is stored under an old master key";
    KDC_ERR_S_OLD_MAST_KVNO = 5, "the service's key is stored under an old master key";
    KDC_ERR_C_PRINCIPAL_UNKNOWN = 6, "the KDC does not know the client";
    KDC_ERR_S_PRINCIPAL_UNKNOWN = 7, "the KDC does not know the service";
    KDC_ERR_PRINCIPAL_NOT_UNIQUE = 8, "the KDC knows several principals of that name";
    KDC_ERR_NULL_KEY = 9, "the client or the service has no key";
    KDC_ERR_CANNOT_POSTDATE = 10, "the ticket may not be postdated";
    KDC_ERR_NEVER_VALID = 11, "the ticket would end before it starts";
    KDC_ERR_POLICY = 12, "the KDC's policy refuses the request";
    KDC_ERR_BADOPTION = 13, "the KDC can't grant an option of the request";
    KDC_ERR_ETYPE_NOSUPP = 14, "the KDC has no enctype in common with the request";
    KDC_ERR_SUMTYPE_NOSUPP = 15, "the KDC does not support the checksum type";
    KDC_ERR_PADATA_TYPE_NOSUPP = 16, "the KDC does not support the padata type";
    KDC_ERR_TRTYPE_NOSUPP = 17, "the KDC does not support the transited encoding";
    KDC_ERR_CLIENT_REVOKED = 18, "the client's account is disabled or locked";
    KDC_ERR_SERVICE_REVOKED = 19, "the service's account is disabled or locked";
    KDC_ERR_TGT_REVOKED = 20, "the ticket-granting ticket has been revoked";
    KDC_ERR_CLIENT_NOTYET = 21, "the client's account is not valid yet";
    KDC_ERR_SERVICE_NOTYET = 22, "the service's account is not valid yet";
    KDC_ERR_KEY_EXPIRED = 23, "the password has expired and must be changed";
    KDC_ERR_PREAUTH_FAILED = 24, "the pre-authentication was wrong, most often the password";
    KDC_ERR_PREAUTH_REQUIRED = 25, "the KDC wants pre-authentication";
    KDC_ERR_SERVER_NOMATCH = 26, "the ticket is for another service than the request";
    KDC_ERR_MUST_USE_USER2USER = 27, "the service takes user-to-user authentication only";
    KDC_ERR_PATH_NOT_ACCEPTED = 28, "the KDC's policy refuses the realms on the way";
    KDC_ERR_SVC_UNAVAILABLE = 29, "a service that the KDC needs is not available";
    KRB_AP_ERR_BAD_INTEGRITY = 31, "what was decrypted fails its integrity check: a wrong key, or changed on the way";
    KRB_AP_ERR_TKT_EXPIRED = 32, "the ticket has expired";
    KRB_AP_ERR_TKT_NYV = 33, "the ticket is not valid yet";
    KRB_AP_ERR_REPEAT = 34, "the request was seen before";
    KRB_AP_ERR_NOT_US = 35, "the ticket is for another service";
    KRB_AP_ERR_BADMATCH = 36, "ticket and authenticator name different clients";
    KRB_AP_ERR_SKEW = 37, "the clocks are too far apart";
    KRB_AP_ERR_BADADDR = 38, "the ticket is bound to another address";
    KRB_AP_ERR_BADVERSION = 39, "the protocol versions do not match";
    KRB_AP_ERR_MSG_TYPE = 40, "the message is of the wrong type";
    KRB_AP_ERR_MODIFIED = 41, "the message was changed, or is under another key";
    KRB_AP_ERR_BADORDER = 42, "the message is out of order";
    KRB_AP_ERR_BADKEYVER = 44, "the service has no key of that version";
    KRB_AP_ERR_NOKEY = 45, "the service has no key";
    KRB_AP_ERR_MUT_FAIL = 46, "the service failed to prove itself";
    KRB_AP_ERR_BADDIRECTION = 47, "the message goes in the wrong direction";
    KRB_AP_ERR_METHOD = 48, "another authentication method is required";
    KRB_AP_ERR_BADSEQ = 49, "the sequence number is wrong";
    KRB_AP_ERR_INAPP_CKSUM = 50, "the checksum is missing or of the wrong type";
    KRB_AP_PATH_NOT_ACCEPTED = 51, "policy refuses the realms on the way";
    KRB_ERR_RESPONSE_TOO_BIG = 52, "the reply is too long for UDP: ask over TCP";
    KRB_ERR_GENERIC = 60, "an error that only the text describes";
    KRB_ERR_FIELD_TOOLONG = 61, "a field is too long";
    KDC_ERR_CLIENT_NOT_TRUSTED = 62, "the KDC does not trust the client's certificate";
    KDC_ERROR_KDC_NOT_TRUSTED = 63, "the client does not trust the KDC's certificate";
    KDC_ERR_INVALID_SIG = 64, "the signature is wrong";
    KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED = 65, "the KDC does not accept the Diffie-Hellman parameters";
    KDC_ERR_CERTIFICATE_MISMATCH = 66, "the certificate does not belong to the client";
    KRB_AP_ERR_NO_TGT = 67, "there is no ticket-granting ticket to check user-to-user with";
    KDC_ERR_WRONG_REALM = 68, "the client belongs to another realm";
    KRB_AP_ERR_USER_TO_USER_REQUIRED = 69, "the ticket must be for user-to-user";
    KDC_ERR_CANT_VERIFY_CERTIFICATE = 70, "the certificate's issuer is not known";
    KDC_ERR_INVALID_CERTIFICATE = 71, "the certificate is not valid";
    KDC_ERR_REVOKED_CERTIFICATE = 72, "the certificate has been revoked";
    KDC_ERR_REVOCATION_STATUS_UNKNOWN = 73, "whether the certificate is revoked is not known";
    KDC_ERR_REVOCATION_STATUS_UNAVAILABLE = 74, "whether the certificate is revoked can't be found out";
    KDC_ERR_CLIENT_NAME_MISMATCH = 75, "the certificate names another client";
    KDC_ERR_KDC_NAME_MISMATCH = 76, "the certificate names another KDC";
    KDC_ERR_INCONSISTENT_KEY_PURPOSE = 77, "the certificate is not for this purpose";
    KDC_ERR_DIGEST_IN_CERT_NOT_ACCEPTED = 78, "the certificate's digest algorithm is not accepted";
    KDC_ERR_PA_CHECKSUM_MUST_BE_INCLUDED = 79, "the paChecksum is missing";
    KDC_ERR_DIGEST_IN_SIGNED_DATA_NOT_ACCEPTED = 80, "the signed data's digest algorithm is not accepted";
    KDC_ERR_PUBLIC_KEY_ENCRYPTION_NOT_SUPPORTED = 81, "public key encryption is not supported, use Diffie-Hellman";
    KRB_AP_ERR_PRINCIPAL_UNKNOWN = 82, "a well-known principal name that is not known here";
    KRB_AP_ERR_REALM_UNKNOWN = 83, "a well-known realm name that is not known here";
    KRB_AP_ERR_PRINCIPAL_RESERVED = 84, "the principal name is reserved";
    KRB_AP_ERR_IAKERB_KDC_NOT_FOUND = 85, "the acceptor knows no KDC of the realm, or asks none for us";
    KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE = 86, "the acceptor asked the realm's KDC, which did not answer";
    KDC_ERR_PREAUTH_EXPIRED = 90, "the pre-authentication took too long and must start again";
    KDC_ERR_MORE_PREAUTH_DATA_REQUIRED = 91, "the pre-authentication needs another step";
    KDC_ERR_PREAUTH_BAD_AUTHENTICATION_SET = 92, "the KDC does not know the chosen authentication set";
    KDC_ERR_UNKNOWN_CRITICAL_FAST_OPTIONS = 93, "the KDC does not know a critical FAST option";
    KDC_ERR_INVALID_HASH_ALG = 94, "the KDC does not accept the hash algorithm";
    KDC_ERR_INVALID_ITERATION_COUNT = 95, "the KDC does not accept the iteration count";
    KDC_ERR_PIN_EXPIRED = 96, "the PIN has expired";
    KDC_ERR_PIN_REQUIRED = 97, "a PIN is required";
    KDC_ERR_NO_ACCEPTABLE_KDF = 100, "no key derivation function in common";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.explanation()) {
            (Some(name), Some(explanation)) => write!(f, "{name} ({}): {explanation}", self.0),
            _ => write!(f, "error code {}", self.0),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorCode({}, {})", self.0, self.name().unwrap_or("unknown"))
    }
}
