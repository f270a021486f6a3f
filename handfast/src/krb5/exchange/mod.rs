//! Exchanges with a KDC as sans-IO machines: requests come out, replies go in.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A message for a KDC of `realm`; the driver sends it and brings the reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcRequest {
    /// Whose KDC to ask.
    pub realm: String,
    /// The request, without TCP's length prefix.
    pub bytes: Vec<u8>,
    /// Whether it must go over TCP: the KDC said that its reply does not fit a datagram (RFC 4120 7.2.1).
    pub tcp_required: bool,
}

/// No KDC of a realm gave an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcUnreachable {
    /// The realm.
    pub realm: String,
    /// The KDCs that were asked, in order, and why each was silent. Empty: none is known.
    pub tried: Vec<KdcAttempt>,
}

/// One KDC that was asked in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcAttempt {
    /// Transport and address, such as `udp 192.0.2.1:88`.
    pub kdc: String,
    /// Why it gave no answer, such as `no answer within 3 s`.
    pub reason: String,
}

impl fmt::Display for KdcUnreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tried.is_empty() {
            return write!(f, "no KDC is known for the realm {}: name one in krb5.conf, under [realms]", self.realm);
        }
        write!(f, "no KDC of the realm {} answered", self.realm)?;
        for (index, attempt) in self.tried.iter().enumerate() {
            write!(f, "{} {}: {}", if index == 0 { ":" } else { ";" }, attempt.kdc, attempt.reason)?;
        }
        Ok(())
    }
}

impl core::error::Error for KdcUnreachable {}
