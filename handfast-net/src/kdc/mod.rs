//! Carries a request to the KDCs of a realm and brings back the first answer (RFC 4120 7.2).
//!
//! A request goes to the KDCs one after the other, [`Pace::between`] apart, while all that were asked are still listened to: by UDP
//! first, then by TCP to those that did not answer; by TCP first if it is longer than
//! [`udp_preference_limit`](KdcClient::udp_preference_limit); by TCP only if that is required (after `KRB_ERR_RESPONSE_TOO_BIG`).
//! If nobody answers, datagrams are sent again in further passes, with a longer wait after each. A KDC that refuses the connection is
//! passed over at once. This is how MIT's library goes about it, so that a set of KDCs that serves one serves the other.
//!
//! ```no_run
//! use handfast_net::kdc::{KdcAddress, KdcClient};
//! let kdcs: Vec<KdcAddress> = vec!["kdc1.example.com".parse()?, "tcp/kdc2.example.com:88".parse()?];
//! # let request = vec![];
//! let reply = KdcClient::default().exchange("EXAMPLE.COM", &kdcs, &request, false)?;
//! println!("{} bytes from {} over {}", reply.bytes.len(), reply.address, reply.transport);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What counts as an answer
//! A message tagged AS-REP, TGS-REP or KRB-ERROR whose ASN.1 length is the length of what came, from the address that was asked.
//! Other datagrams are ignored, and counted in the error if no answer comes; anything else on a TCP connection ends it. Whether an
//! answer is *true* is not decided here: `handfast` believes only what is encrypted.
//!
//! # Limits
//! A reply is at most 64 KiB over UDP and [`TCP_REPLY_LIMIT`] over TCP; at most [`NONSENSE_LIMIT`] datagrams of one KDC that
//! are no reply are read; a host has at most [`crate::resolve::ADDRESS_LIMIT`] addresses; and the whole ends after [`Pace::whole`].
//! Each KDC that is asked costs a thread (with `exchange_async` a task) until the exchange is over (up to a tenth of a second longer; for one in the system's
//! resolver, or in the middle of a TCP connect, as long as that takes).

use std::fmt;

mod address;
mod conversation;
mod error;
mod exchange;
#[cfg(fuzzing)]
pub mod fuzzing;
mod memory;
mod reply;
#[cfg(feature = "tokio")]
mod tasks;
mod tcp;
pub(crate) mod udp;
mod watch;

#[cfg(feature = "dns")]
pub(crate) use address::KDC_PORT;
pub use address::{KdcAddress, ParseKdcAddressError};
pub use error::{Attempt, Silence, Unreachable};
pub use exchange::{KdcClient, KdcReply, Pace};
pub(crate) use memory::Memory;
pub use memory::SILENCE_REMEMBERED;
#[cfg(feature = "kkdcp")]
pub(crate) use reply::{is_unavailable, looks_like_reply};
pub use tcp::TCP_REPLY_LIMIT;
pub(crate) use tcp::framed;
pub use udp::NONSENSE_LIMIT;

/// How a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// In one datagram (RFC 4120 7.2.1).
    Udp,
    /// On a connection, behind its length (RFC 4120 7.2.2).
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        })
    }
}

#[cfg(test)]
mod tests;
