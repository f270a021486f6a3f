use crate::name::Principal;
use crate::words::words;

/// Why we refuse a client for the tickets that it delegates (RFC 4121 4.1.1), where the policy takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DelegationRefusal {
    /// They are neither under the session key of the client's ticket nor under its subkey.
    NotDecryptable,
    /// They are another client's.
    OfAnother {
        /// The client that has proven itself.
        client: Principal,
        /// The client of the delegated ticket.
        delegated: Principal,
    },
    /// Something must be there and is not; the text names it.
    Malformed(&'static str),
}

words! { DelegationRefusal {
    DelegationRefusal::NotDecryptable =>
        "the delegated tickets were not made with a key that the client and we share";
    DelegationRefusal::OfAnother { client, delegated } =>
        "the client is {client}, but delegates a ticket of {delegated}";
    DelegationRefusal::Malformed(missing) => "the delegated tickets lack {missing}";
} }
