use crate::words::{First, words};
use alloc::string::String;
use alloc::vec::Vec;

/// Why we refuse a peer for how it speaks IAKERB (draft-ietf-kitten-iakerb-03).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IakerbRefusal {
    /// The client wants us to ask a KDC of a realm that the policy does not let us ask.
    RealmNotRelayed {
        /// The realm.
        realm: String,
        /// The realms that may be asked.
        relayed: Vec<String>,
    },
    /// The client wants something carried to a KDC that is neither an AS-REQ nor a TGS-REQ.
    NotForAKdc,
    /// The peer's token does not fit into the conversation; the text says why.
    OutOfOrder(&'static str),
    /// The peer speaks as MIT krb5 up to 1.21 does, or as the draft says, where the other was asked for.
    OtherDialect,
    /// The client has sent more messages for the KDC than any login takes.
    TooManyRounds {
        /// How many are relayed.
        limit: u32,
    },
    /// The messages relayed are longer than those of any login.
    TooManyBytes {
        /// How many bytes the conversation may have, in both directions.
        limit: usize,
    },
    /// The client does not prove which messages it has sent and received: somebody may have changed them on the way.
    FinishedAbsent,
    /// The client has sent or received other messages than we have: somebody has changed them on the way.
    FinishedMismatch,
    /// The client's proof belongs to a conversation with a KDC that was not held here.
    FinishedElsewhere,
}

words! { IakerbRefusal {
    IakerbRefusal::RealmNotRelayed { realm, relayed } =>
        "the client wants a KDC of the realm {realm:?} asked, and we ask those of {}: add the realm to the policy if its users may \
         log in through this service", First(relayed);
    IakerbRefusal::NotForAKdc => "the client wants something carried to a KDC that is no request for a ticket";
    IakerbRefusal::OutOfOrder(what) => "the peer's IAKERB token is out of order: {what}";
    IakerbRefusal::OtherDialect =>
        "the peer speaks another IAKERB than this end: MIT krb5 up to 1.21 differs from the draft, and is spoken where \
         IakerbDialect::Mit121 is set";
    IakerbRefusal::TooManyRounds { limit } =>
        "the client has had {limit} messages carried to KDCs, which is the limit";
    IakerbRefusal::TooManyBytes { limit } =>
        "the messages carried to KDCs and back are longer than {limit} bytes, which is the limit";
    IakerbRefusal::FinishedAbsent =>
        "the client does not prove which messages it sent to the KDC through us: they may have been changed on the way";
    IakerbRefusal::FinishedMismatch =>
        "the client sent or received other messages than we did: they were changed on the way";
    IakerbRefusal::FinishedElsewhere =>
        "the client's proof belongs to a conversation with a KDC that was held elsewhere";
} }
