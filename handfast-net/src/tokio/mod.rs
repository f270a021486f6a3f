//! Streams and handshakes for tokio: the twins of what blocks in [`crate::stream`] and [`crate::driver`], with the same options, errors
//! and bytes on the wire. Behind the feature `tokio`.
//!
//! A server that greets whoever proves a name, and its client:
//!
//! ```no_run
//! use handfast::{Acceptor, ReplayGuard};
//! use handfast_net::stream::StreamOptions;
//! use handfast_net::tokio::NegotiateStream;
//! use std::sync::Arc;
//! use tokio::io::AsyncWriteExt;
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! # let keytab = handfast::krb5::Keytab::new();
//! let acceptor = Arc::new(Acceptor::new(&keytab, ReplayGuard::in_memory()));
//! let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
//! loop {
//!     let (tcp, from) = listener.accept().await?;
//!     let acceptor = Arc::clone(&acceptor);
//!     tokio::spawn(async move {
//!         let mut stream = match NegotiateStream::accept(tcp, acceptor.session(), &StreamOptions::default()).await {
//!             Ok(stream) => stream,
//!             Err(refused) => return eprintln!("{from}: {refused}"),
//!         };
//!         let greeting = format!("hello {}\n", stream.context().peer());
//!         let _ = stream.write_all(greeting.as_bytes()).await;
//!         let _ = stream.shutdown().await;
//!     });
//! }
//! # }
//! ```
//!
//! KDCs are asked by the same [`Kdcs`](crate::Kdcs) and [`KdcClient`](crate::kdc::KdcClient) as ever: they are a
//! [`KdcExchange`] here, too, which waits in tasks. Nothing here blocks the executor, but files are not read here either: make
//! [`Settings`](crate::Settings) before, or in `spawn_blocking`.
//!
//! ```no_run
//! use handfast::{Credential, Initiator, Policy, ServiceName};
//! use handfast_net::Kdcs;
//! use handfast_net::stream::StreamOptions;
//! use handfast_net::tokio::NegotiateStream;
//! use tokio::io::AsyncReadExt;
//! # async fn greet(credential: Credential, kdcs: Kdcs) -> Result<(), Box<dyn std::error::Error>> {
//! let initiator = Initiator::new(Policy::default());
//! let target: ServiceName = "HTTP/www.example.com".parse()?;
//! let tcp = tokio::net::TcpStream::connect("www.example.com:8080").await?;
//! let to = initiator.to(&target).credential(&credential);
//! let mut stream = NegotiateStream::connect(tcp, to, &kdcs, &StreamOptions::default()).await?;
//! let mut greeting = String::new();
//! stream.read_to_string(&mut greeting).await?;
//! # Ok(())
//! # }
//! ```

mod carrier;
mod driver;
mod framing;
mod lasting;
mod login;
mod negotiate;
mod password;
mod poll;

pub use carrier::{Carrier, GssSampleCarrier, NnsCarrier};
pub use driver::{Accounts, Driver, KdcExchange};
pub use login::{get_ticket, log_in, log_in_answering, log_in_or_change};
pub use negotiate::{NegotiateStream, ReadHalf, WriteHalf};
pub use password::change_password;
