use super::encoded::Encoded;
use super::flags::kerberos_flags;
use super::{AuthorizationData, Checksum, EncryptedData, KerberosTime, KeyRef, Microseconds, PrincipalName, Ticket};
use crate::asn1::{der_methods, sequence};

/// A client's proof to a service (RFC 4120 5.5.1).
///
/// ```text
/// AP-REQ  ::= [APPLICATION 14] SEQUENCE {
///     pvno           [0] INTEGER (5),
///     msg-type       [1] INTEGER (14),
///     ap-options     [2] APOptions,
///     ticket         [3] Ticket,
///     authenticator  [4] EncryptedData -- Authenticator
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApReq<'a> {
    /// Mutual authentication, user-to-user.
    pub ap_options: ApOptions,
    /// The ticket, byte for byte as the KDC issued it.
    pub ticket: Encoded<'a, Ticket<'a>>,
    /// An [`Authenticator`] under the ticket's session key.
    pub authenticator: EncryptedData<'a>,
}

sequence! {
    ApReq<'a>,
    application 14,
    constants { 0 = 5, "pvno must be 5"; 1 = 14, "msg-type and tag do not match" },
    fields { field 2 ap_options, field 3 ticket, field 4 authenticator }
}
der_methods!(ApReq<'a>, "AP-REQ");

kerberos_flags! {
    /// The options of an AP-REQ (RFC 4120 5.5.1), as 32 bits: bit 0 is the most significant.
    ///
    /// ```text
    /// APOptions  ::= KerberosFlags
    /// ```
    ApOptions {
        /// The ticket is encrypted with the session key of the server's ticket (user-to-user).
        USE_SESSION_KEY = 1;
        /// The server shall prove itself with an AP-REP.
        MUTUAL_REQUIRED = 2;
    }
}

/// Proof that the client knows the session key now (RFC 4120 5.5.1).
///
/// ```text
/// Authenticator  ::= [APPLICATION 2] SEQUENCE {
///     authenticator-vno   [0] INTEGER (5),
///     crealm              [1] Realm,
///     cname               [2] PrincipalName,
///     cksum               [3] Checksum OPTIONAL,
///     cusec               [4] Microseconds,
///     ctime               [5] KerberosTime,
///     subkey              [6] EncryptionKey OPTIONAL,
///     seq-number          [7] UInt32 OPTIONAL,
///     authorization-data  [8] AuthorizationData OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticator<'a> {
    /// The client's realm.
    pub crealm: &'a str,
    /// The client's name.
    pub cname: PrincipalName<'a>,
    /// Of application data, such as channel bindings or a request's body.
    pub cksum: Option<Checksum<'a>>,
    /// The microseconds of the client's time.
    pub cusec: Microseconds,
    /// The client's time.
    pub ctime: KerberosTime,
    /// A key that the client proposes for this association.
    pub subkey: Option<KeyRef<'a>>,
    /// The client's first sequence number.
    pub seq_number: Option<u32>,
    /// Further restrictions.
    pub authorization_data: AuthorizationData<'a>,
}

sequence! {
    Authenticator<'a>,
    application 2,
    constants { 0 = 5, "authenticator-vno must be 5" },
    fields {
        field 1 crealm,
        field 2 cname,
        optional 3 cksum,
        field 4 cusec,
        field 5 ctime,
        optional 6 subkey,
        optional 7 seq_number,
        optional 8 authorization_data,
    }
}
der_methods!(Authenticator<'a>, "Authenticator");

/// A service's proof to the client (RFC 4120 5.5.2).
///
/// ```text
/// AP-REP  ::= [APPLICATION 15] SEQUENCE {
///     pvno      [0] INTEGER (5),
///     msg-type  [1] INTEGER (15),
///     enc-part  [2] EncryptedData -- EncAPRepPart
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApRep<'a> {
    /// An [`EncApRepPart`] under the ticket's session key.
    pub enc_part: EncryptedData<'a>,
}

sequence! {
    ApRep<'a>,
    application 15,
    constants { 0 = 5, "pvno must be 5"; 1 = 15, "msg-type and tag do not match" },
    fields { field 2 enc_part }
}
der_methods!(ApRep<'a>, "AP-REP");

/// What an AP-REP proves knowledge of (RFC 4120 5.5.2).
///
/// ```text
/// EncAPRepPart  ::= [APPLICATION 27] SEQUENCE {
///     ctime       [0] KerberosTime,
///     cusec       [1] Microseconds,
///     subkey      [2] EncryptionKey OPTIONAL,
///     seq-number  [3] UInt32 OPTIONAL
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncApRepPart<'a> {
    /// The authenticator's `ctime`.
    pub ctime: KerberosTime,
    /// The authenticator's `cusec`.
    pub cusec: Microseconds,
    /// The key that the service chooses for this association.
    pub subkey: Option<KeyRef<'a>>,
    /// The service's first sequence number.
    pub seq_number: Option<u32>,
}

sequence! {
    EncApRepPart<'a>,
    application 27,
    fields { field 0 ctime, field 1 cusec, optional 2 subkey, optional 3 seq_number }
}
der_methods!(EncApRepPart<'a>, "EncAPRepPart");
