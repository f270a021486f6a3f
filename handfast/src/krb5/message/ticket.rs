use super::encoded::{Encoded, encoded_methods};
use super::flags::kerberos_flags;
use super::{AuthorizationData, EncryptedData, HostAddress, KerberosTime, KeyRef, PrincipalName};
use crate::asn1::{Listed, der_methods, sequence};
use crate::krb5::{TransitedError, decode_transited};
use alloc::string::String;
use alloc::vec::Vec;

/// The most tickets that a list of them is read with.
pub const TICKET_LIMIT: usize = 32;

/// A ticket (RFC 4120 5.3).
///
/// ```text
/// Ticket  ::= [APPLICATION 1] SEQUENCE {
///     tkt-vno   [0] INTEGER (5),
///     realm     [1] Realm,
///     sname     [2] PrincipalName,
///     enc-part  [3] EncryptedData -- EncTicketPart
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket<'a> {
    /// The realm that issued it.
    pub realm: &'a str,
    /// The service that it is for.
    pub sname: PrincipalName<'a>,
    /// An [`EncTicketPart`] under the service's key.
    pub enc_part: EncryptedData<'a>,
}

sequence! {
    Ticket<'a>,
    application 1,
    constants { 0 = 5, "tkt-vno must be 5" },
    fields { field 1 realm, field 2 sname, field 3 enc_part }
}
der_methods!(Ticket<'a>, "Ticket");
encoded_methods!(Ticket<'a>, "Ticket");

impl Listed for Encoded<'_, Ticket<'_>> {
    const LIMIT: usize = TICKET_LIMIT;
}

/// The part of a ticket that only the service (and its KDC) can read (RFC 4120 5.3).
///
/// ```text
/// EncTicketPart  ::= [APPLICATION 3] SEQUENCE {
///     flags               [0] TicketFlags,
///     key                 [1] EncryptionKey,
///     crealm              [2] Realm,
///     cname               [3] PrincipalName,
///     transited           [4] TransitedEncoding,
///     authtime            [5] KerberosTime,
///     starttime           [6] KerberosTime OPTIONAL,
///     endtime             [7] KerberosTime,
///     renew-till          [8] KerberosTime OPTIONAL,
///     caddr               [9] HostAddresses OPTIONAL,
///     authorization-data  [10] AuthorizationData OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncTicketPart<'a> {
    /// What the ticket may be used for, and how it came to be.
    pub flags: TicketFlags,
    /// The session key.
    pub key: KeyRef<'a>,
    /// The client's realm.
    pub crealm: &'a str,
    /// The client's name.
    pub cname: PrincipalName<'a>,
    /// The realms that the client's authentication went through.
    pub transited: TransitedEncoding<'a>,
    /// When the client first authenticated.
    pub authtime: KerberosTime,
    /// From when it is valid; `authtime` if absent.
    pub starttime: Option<KerberosTime>,
    /// Until when it is valid.
    pub endtime: KerberosTime,
    /// Until when it can be renewed at most.
    pub renew_till: Option<KerberosTime>,
    /// The addresses that it may be used from; empty for any.
    pub caddr: Vec<HostAddress<'a>>,
    /// Restrictions and attributes.
    pub authorization_data: AuthorizationData<'a>,
}

sequence! {
    EncTicketPart<'a>,
    application 3,
    fields {
        field 0 flags,
        field 1 key,
        field 2 crealm,
        field 3 cname,
        field 4 transited,
        field 5 authtime,
        optional 6 starttime,
        field 7 endtime,
        optional 8 renew_till,
        optional 9 caddr,
        optional 10 authorization_data,
    }
}
der_methods!(EncTicketPart<'a>, "EncTicketPart");

/// The realms that took part in a client's authentication (RFC 4120 5.3, 3.3.3.2).
///
/// ```text
/// TransitedEncoding  ::= SEQUENCE {
///     tr-type   [0] Int32,
///     contents  [1] OCTET STRING
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitedEncoding<'a> {
    /// How `contents` is to be read: 1 is DOMAIN-X500-COMPRESS (RFC 4120 7.5.5).
    pub tr_type: i32,
    /// The realms, without the client's and the server's.
    pub contents: &'a [u8],
}

impl TransitedEncoding<'_> {
    /// tr-type 1, the only one there is (RFC 4120 7.5.5).
    pub const DOMAIN_X500_COMPRESS: i32 = 1;

    /// The realms between those of client and server: [`decode_transited`](crate::krb5::decode_transited).
    ///
    /// # Errors
    /// [`TransitedError`], also for a type other than [`DOMAIN_X500_COMPRESS`](Self::DOMAIN_X500_COMPRESS) that is
    /// not empty.
    pub fn realms(&self, client: &str, server: &str) -> Result<Vec<String>, TransitedError> {
        match self.tr_type {
            _ if self.contents.is_empty() => Ok(Vec::new()),
            Self::DOMAIN_X500_COMPRESS => decode_transited(self.contents, client, server),
            other => Err(TransitedError::UnknownType(other)),
        }
    }
}

sequence! { TransitedEncoding<'a>, fields { field 0 tr_type, field 1 contents } }
der_methods!(TransitedEncoding<'a>, "TransitedEncoding");

kerberos_flags! {
    /// The flags of a ticket (RFC 4120 5.3 and 2), as 32 bits: bit 0 is the most significant.
    ///
    /// ```text
    /// TicketFlags  ::= KerberosFlags
    /// ```
    TicketFlags {
        /// The service may ask for a ticket-granting ticket with another address.
        FORWARDABLE = 1;
        /// Forwarded, or issued from a forwarded ticket-granting ticket.
        FORWARDED = 2;
        /// As `FORWARDABLE`, but not for ticket-granting tickets.
        PROXIABLE = 3;
        /// A proxy ticket.
        PROXY = 4;
        /// Postdated tickets may be issued from this one.
        MAY_POSTDATE = 5;
        /// Postdated.
        POSTDATED = 6;
        /// Not valid before a KDC has validated it.
        INVALID = 7;
        /// May be renewed until `renew-till`.
        RENEWABLE = 8;
        /// Issued by the AS exchange, not from another ticket.
        INITIAL = 9;
        /// The client was pre-authenticated.
        PRE_AUTHENT = 10;
        /// The client was pre-authenticated by hardware of its own.
        HW_AUTHENT = 11;
        /// The KDC has checked the transited realms.
        TRANSITED_POLICY_CHECKED = 12;
        /// The service may be delegated to, as the realm sees it.
        OK_AS_DELEGATE = 13;
        /// The KDC protects reply padata (RFC 6806 11).
        ENC_PA_REP = 15;
        /// The client is anonymous (RFC 8062 3).
        ANONYMOUS = 16;
    }
}
