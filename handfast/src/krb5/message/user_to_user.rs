use super::{Encoded, PrincipalName, Ticket};
use crate::asn1::{der_methods, sequence};

/// A client's question for the ticket-granting ticket of a server that has no key (draft-swift-win2k-krb-user2user 4).
///
/// ```text
/// KERB-TGT-REQUEST  ::= SEQUENCE {
///     pvno         [0] INTEGER (5),
///     msg-type     [1] INTEGER (16),
///     server-name  [2] PrincipalName OPTIONAL,
///     realm        [3] Realm OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KerbTgtRequest<'a> {
    /// Whose ticket, if the client knows.
    pub server_name: Option<PrincipalName<'a>>,
    /// Of which realm that is.
    pub realm: Option<&'a str>,
}

sequence! {
    KerbTgtRequest<'a>,
    constants { 0 = 5, "pvno must be 5"; 1 = 16, "msg-type must be 16" },
    fields { optional 2 server_name, optional 3 realm }
}
der_methods!(KerbTgtRequest<'a>, "KERB-TGT-REQUEST");

/// The server's answer (draft-swift-win2k-krb-user2user 4).
///
/// ```text
/// KERB-TGT-REPLY  ::= SEQUENCE {
///     pvno      [0] INTEGER (5),
///     msg-type  [1] INTEGER (17),
///     ticket    [2] Ticket
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KerbTgtReply<'a> {
    /// Its ticket-granting ticket.
    pub ticket: Encoded<'a, Ticket<'a>>,
}

sequence! {
    KerbTgtReply<'a>,
    constants { 0 = 5, "pvno must be 5"; 1 = 17, "msg-type must be 17" },
    fields { field 2 ticket }
}
der_methods!(KerbTgtReply<'a>, "KERB-TGT-REPLY");
