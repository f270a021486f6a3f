use super::encoded::Encoded;
use super::{
    EncryptedData, HostAddress, KerberosTime, KeyRef, Microseconds, PrincipalName, TICKET_LIMIT, Ticket, TicketFlags,
};
use crate::asn1::{Listed, der_methods, sequence};
use alloc::vec::Vec;

/// The most entries that an EncKrbCredPart is read with: one per ticket.
pub const CRED_LIMIT: usize = TICKET_LIMIT;

/// Credentials passed on to a peer (RFC 4120 5.8.1).
///
/// ```text
/// KRB-CRED  ::= [APPLICATION 22] SEQUENCE {
///     pvno      [0] INTEGER (5),
///     msg-type  [1] INTEGER (22),
///     tickets   [2] SEQUENCE OF Ticket,
///     enc-part  [3] EncryptedData -- EncKrbCredPart
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KrbCred<'a> {
    /// The tickets.
    pub tickets: Vec<Encoded<'a, Ticket<'a>>>,
    /// An [`EncKrbCredPart`]; etype 0 where the carrier encrypts already.
    pub enc_part: EncryptedData<'a>,
}

sequence! {
    KrbCred<'a>,
    application 22,
    constants { 0 = 5, "pvno must be 5"; 1 = 22, "msg-type and tag do not match" },
    fields { field 2 tickets, field 3 enc_part }
}
der_methods!(KrbCred<'a>, "KRB-CRED");

/// The keys of the tickets in a KRB-CRED, in their order (RFC 4120 5.8.1).
///
/// ```text
/// EncKrbCredPart  ::= [APPLICATION 29] SEQUENCE {
///     ticket-info  [0] SEQUENCE OF KrbCredInfo,
///     nonce        [1] UInt32 OPTIONAL,
///     timestamp    [2] KerberosTime OPTIONAL,
///     usec         [3] Microseconds OPTIONAL,
///     s-address    [4] HostAddress OPTIONAL,
///     r-address    [5] HostAddress OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncKrbCredPart<'a> {
    /// One entry per ticket.
    pub ticket_info: Vec<KrbCredInfo<'a>>,
    /// A nonce that the recipient had given.
    pub nonce: Option<u32>,
    /// When it was made.
    pub timestamp: Option<KerberosTime>,
    /// The microseconds of `timestamp`.
    pub usec: Option<Microseconds>,
    /// The sender's address.
    pub s_address: Option<HostAddress<'a>>,
    /// The recipient's address.
    pub r_address: Option<HostAddress<'a>>,
}

sequence! {
    EncKrbCredPart<'a>,
    application 29,
    fields {
        field 0 ticket_info,
        optional 1 nonce,
        optional 2 timestamp,
        optional 3 usec,
        optional 4 s_address,
        optional 5 r_address,
    }
}
der_methods!(EncKrbCredPart<'a>, "EncKrbCredPart");

/// What the holder of a ticket has to know of it (RFC 4120 5.8.1).
///
/// ```text
/// KrbCredInfo  ::= SEQUENCE {
///     key         [0] EncryptionKey,
///     prealm      [1] Realm OPTIONAL,
///     pname       [2] PrincipalName OPTIONAL,
///     flags       [3] TicketFlags OPTIONAL,
///     authtime    [4] KerberosTime OPTIONAL,
///     starttime   [5] KerberosTime OPTIONAL,
///     endtime     [6] KerberosTime OPTIONAL,
///     renew-till  [7] KerberosTime OPTIONAL,
///     srealm      [8] Realm OPTIONAL,
///     sname       [9] PrincipalName OPTIONAL,
///     caddr       [10] HostAddresses OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KrbCredInfo<'a> {
    /// The session key.
    pub key: KeyRef<'a>,
    /// The client's realm.
    pub prealm: Option<&'a str>,
    /// The client's name.
    pub pname: Option<PrincipalName<'a>>,
    /// The ticket's flags.
    pub flags: Option<TicketFlags>,
    /// When the client first authenticated.
    pub authtime: Option<KerberosTime>,
    /// From when the ticket is valid.
    pub starttime: Option<KerberosTime>,
    /// Until when it is valid.
    pub endtime: Option<KerberosTime>,
    /// Until when it can be renewed at most.
    pub renew_till: Option<KerberosTime>,
    /// The server's realm.
    pub srealm: Option<&'a str>,
    /// The server's name.
    pub sname: Option<PrincipalName<'a>>,
    /// The addresses that it may be used from; empty for any.
    pub caddr: Vec<HostAddress<'a>>,
}

sequence! {
    KrbCredInfo<'a>,
    fields {
        field 0 key,
        optional 1 prealm,
        optional 2 pname,
        optional 3 flags,
        optional 4 authtime,
        optional 5 starttime,
        optional 6 endtime,
        optional 7 renew_till,
        optional 8 srealm,
        optional 9 sname,
        optional 10 caddr,
    }
}

impl Listed for KrbCredInfo<'_> {
    const LIMIT: usize = CRED_LIMIT;
}
