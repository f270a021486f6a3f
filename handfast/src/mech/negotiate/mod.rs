//! Negotiate, SPNEGO (RFC 4178, MS-SPNG): the two ends agree on a mechanism, and prove to each other what was offered.

pub mod message;
