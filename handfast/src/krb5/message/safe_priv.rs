use super::encoded::{Encoded, encoded_methods};
use super::{Checksum, EncryptedData, HostAddress, KerberosTime, Microseconds};
use crate::asn1::{der_methods, sequence};
use core::fmt;

/// A message with a checksum (RFC 4120 5.6.1).
///
/// ```text
/// KRB-SAFE  ::= [APPLICATION 20] SEQUENCE {
///     pvno       [0] INTEGER (5),
///     msg-type   [1] INTEGER (20),
///     safe-body  [2] KRB-SAFE-BODY,
///     cksum      [3] Checksum
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KrbSafe<'a> {
    /// The message, beside its bytes, which the checksum covers.
    pub safe_body: Encoded<'a, KrbSafeBody<'a>>,
    /// Over `safe_body`.
    pub cksum: Checksum<'a>,
}

sequence! {
    KrbSafe<'a>,
    application 20,
    constants { 0 = 5, "pvno must be 5"; 1 = 20, "msg-type and tag do not match" },
    fields { field 2 safe_body, field 3 cksum }
}
der_methods!(KrbSafe<'a>, "KRB-SAFE");

/// What a KRB-SAFE says (RFC 4120 5.6.1).
///
/// ```text
/// KRB-SAFE-BODY  ::= SEQUENCE {
///     user-data   [0] OCTET STRING,
///     timestamp   [1] KerberosTime OPTIONAL,
///     usec        [2] Microseconds OPTIONAL,
///     seq-number  [3] UInt32 OPTIONAL,
///     s-address   [4] HostAddress,
///     r-address   [5] HostAddress OPTIONAL
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KrbSafeBody<'a> {
    /// The application's data.
    pub user_data: &'a [u8],
    /// When it was sent.
    pub timestamp: Option<KerberosTime>,
    /// The microseconds of `timestamp`.
    pub usec: Option<Microseconds>,
    /// The message's number.
    pub seq_number: Option<u32>,
    /// The sender's address.
    pub s_address: HostAddress<'a>,
    /// The recipient's address.
    pub r_address: Option<HostAddress<'a>>,
}

sequence! {
    KrbSafeBody<'a>,
    fields {
        field 0 user_data,
        optional 1 timestamp,
        optional 2 usec,
        optional 3 seq_number,
        field 4 s_address,
        optional 5 r_address,
    }
}
der_methods!(KrbSafeBody<'a>, "KRB-SAFE-BODY");
encoded_methods!(KrbSafeBody<'a>, "KRB-SAFE-BODY");

/// An encrypted message (RFC 4120 5.7.1).
///
/// ```text
/// KRB-PRIV  ::= [APPLICATION 21] SEQUENCE {
///     pvno      [0] INTEGER (5),
///     msg-type  [1] INTEGER (21),
///     enc-part  [3] EncryptedData -- EncKrbPrivPart; there is no [2]
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KrbPriv<'a> {
    /// An [`EncKrbPrivPart`].
    pub enc_part: EncryptedData<'a>,
}

sequence! {
    KrbPriv<'a>,
    application 21,
    constants { 0 = 5, "pvno must be 5"; 1 = 21, "msg-type and tag do not match" },
    fields { field 3 enc_part }
}
der_methods!(KrbPriv<'a>, "KRB-PRIV");

/// What a KRB-PRIV says (RFC 4120 5.7.1). `Debug` does not show the data.
///
/// ```text
/// EncKrbPrivPart  ::= [APPLICATION 28] SEQUENCE {
///     user-data   [0] OCTET STRING,
///     timestamp   [1] KerberosTime OPTIONAL,
///     usec        [2] Microseconds OPTIONAL,
///     seq-number  [3] UInt32 OPTIONAL,
///     s-address   [4] HostAddress,
///     r-address   [5] HostAddress OPTIONAL
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EncKrbPrivPart<'a> {
    /// The application's data, which may be a password (RFC 3244).
    pub user_data: &'a [u8],
    /// When it was sent.
    pub timestamp: Option<KerberosTime>,
    /// The microseconds of `timestamp`.
    pub usec: Option<Microseconds>,
    /// The message's number.
    pub seq_number: Option<u32>,
    /// The sender's address.
    pub s_address: HostAddress<'a>,
    /// The recipient's address.
    pub r_address: Option<HostAddress<'a>>,
}

sequence! {
    EncKrbPrivPart<'a>,
    application 28,
    fields {
        field 0 user_data,
        optional 1 timestamp,
        optional 2 usec,
        optional 3 seq_number,
        field 4 s_address,
        optional 5 r_address,
    }
}
der_methods!(EncKrbPrivPart<'a>, "EncKrbPrivPart");

impl fmt::Debug for EncKrbPrivPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("EncKrbPrivPart");
        out.field("seq_number", &self.seq_number).field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}
