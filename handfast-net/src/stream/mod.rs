//! Streams between two proven programs: a handshake, then messages under its context.
//!
//! | stream | framing | what it is |
//! |---|---|---|
//! | [`NegotiateStream`] | \[MS-NNS\] | a byte stream, `Read` and `Write`; .NET's NegotiateStream is a peer |
//! | [`GssSampleStream`] | MIT's gss-sample | one message and its answer at a time; MIT's gss-client and gss-server are peers |
//!
//! ```no_run
//! use handfast::{Acceptor, ReplayGuard};
//! use handfast_net::stream::{NegotiateStream, StreamOptions};
//! use std::io::{Read, Write};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let keytab = handfast::krb5::Keytab::new();
//! let acceptor = Acceptor::new(&keytab, ReplayGuard::in_memory());
//! let options = StreamOptions::default();
//! for tcp in std::net::TcpListener::bind("0.0.0.0:8080")?.incoming() {
//!     let mut stream = match NegotiateStream::accept(tcp?, acceptor.session(), &options) {
//!         Ok(stream) => stream,
//!         Err(refused) => {
//!             eprintln!("{refused}");
//!             continue;
//!         }
//!     };
//!     write!(stream, "hello {}\n", stream.context().peer().to_string())?;
//!     stream.shut_down()?;
//! }
//! # Ok(())
//! # }
//! ```

mod error;
mod gss_sample;
pub(crate) mod halves;
mod lifetime;
pub(crate) mod negotiate;
mod options;
pub(crate) mod reader;
mod tamper;
pub(crate) mod writer;

pub use error::StreamError;
pub use gss_sample::{GssSampleStream, SampleMessage, SampleReceived};
pub use lifetime::Expiry;
pub use negotiate::{NegotiateStream, ReadHalf, WriteHalf};
pub use options::StreamOptions;
