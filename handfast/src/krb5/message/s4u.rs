//! Tickets in another's name (MS-SFU 2.2).

use super::encoded::{Encoded, encoded_methods};
use super::flags::kerberos_flags;
use super::{Checksum, PrincipalName};
use crate::asn1::{der_methods, sequence};

/// Who a service wants a ticket to itself for, by name (MS-SFU 2.2.1).
///
/// ```text
/// PA-FOR-USER  ::= SEQUENCE {
///     userName      [0] PrincipalName,
///     userRealm     [1] Realm,
///     cksum         [2] Checksum, -- HMAC-MD5 with the session key and usage 17
///     auth-package  [3] KerberosString ("Kerberos")
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaForUser<'a> {
    /// The user's name.
    pub user_name: PrincipalName<'a>,
    /// The user's realm.
    pub user_realm: &'a str,
    /// Over the names and the package: [`for_user_checksum`](crate::krb5::for_user_checksum).
    pub cksum: Checksum<'a>,
    /// `Kerberos`.
    pub auth_package: &'a str,
}

sequence! { PaForUser<'a>, fields { field 0 user_name, field 1 user_realm, field 2 cksum, field 3 auth_package } }
der_methods!(PaForUser<'a>, "PA-FOR-USER");

/// The same, covered by a checksum of the key's own type, in request and reply (MS-SFU 2.2.2).
///
/// ```text
/// PA-S4U-X509-USER  ::= SEQUENCE {
///     user-id   [0] S4UUserID,
///     checksum  [1] Checksum -- of user-id, with usage 26; in a reply 27 if the option for it is set
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaS4uX509User<'a> {
    /// Who, beside the bytes that the checksum covers.
    pub user_id: Encoded<'a, S4uUserId<'a>>,
    /// Over the bytes of `user_id`.
    pub checksum: Checksum<'a>,
}

sequence! { PaS4uX509User<'a>, fields { field 0 user_id, field 1 checksum } }
der_methods!(PaS4uX509User<'a>, "PA-S4U-X509-USER");

/// A user, by name or by certificate (MS-SFU 2.2.2).
///
/// ```text
/// S4UUserID  ::= SEQUENCE {
///     nonce                [0] UInt32, -- that of the request's body
///     cname                [1] PrincipalName OPTIONAL,
///     crealm               [2] Realm,
///     subject-certificate  [3] OCTET STRING OPTIONAL,
///     options              [4] BIT STRING OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S4uUserId<'a> {
    /// The nonce of the request.
    pub nonce: u32,
    /// The user's name, if a name it is.
    pub cname: Option<PrincipalName<'a>>,
    /// The user's realm.
    pub crealm: &'a str,
    /// The user's certificate, in DER.
    pub subject_certificate: Option<&'a [u8]>,
    /// Wishes.
    pub options: Option<S4uOptions>,
}

sequence! {
    S4uUserId<'a>,
    fields { field 0 nonce, optional 1 cname, field 2 crealm, optional 3 subject_certificate, optional 4 options }
}
der_methods!(S4uUserId<'a>, "S4UUserID");
encoded_methods!(S4uUserId<'a>, "S4UUserID");

kerberos_flags! {
    /// The options of an [`S4uUserId`] (MS-SFU 2.2.2).
    S4uOptions {
        /// Logon hours and the like shall be checked.
        CHECK_LOGON_RESTRICTIONS = 1;
        /// The checksum of the reply has a key usage of its own, 27.
        USE_REPLY_KEY_USAGE = 2;
    }
}

/// What a client can do with what a KDC does for a PAC (MS-KILE 2.2.10, MS-SFU 2.2.5).
///
/// ```text
/// PA-PAC-OPTIONS  ::= SEQUENCE {
///     flags  [0] KerberosFlags
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaPacOptions {
    /// The options.
    pub flags: PacOptions,
}

sequence! { PaPacOptions, fields { field 0 flags } }
der_methods!(PaPacOptions, "PA-PAC-OPTIONS");

kerberos_flags! {
    /// The flags of [`PaPacOptions`] (MS-KILE 2.2.10, MS-SFU 2.2.5).
    PacOptions {
        /// Claims are wished for.
        CLAIMS = 0;
        /// The client knows of branch domain controllers.
        BRANCH_AWARE = 1;
        /// The request shall go to a full domain controller.
        FORWARD_TO_FULL_DC = 2;
        /// Delegation that the resource allows will do (MS-SFU 2.2.5).
        RESOURCE_BASED_CONSTRAINED_DELEGATION = 3;
    }
}
