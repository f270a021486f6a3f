//! Two programs, one connection, each sure of the other.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod crypto;
pub mod krb5;
pub mod mech;
pub mod wire;

mod accept;
mod asn1;
mod bindings;
mod context;
mod credential;
mod error;
mod flags;
mod identity;
mod initiate;
mod legs;
mod name;
mod policy;
mod question;
mod replay;
mod sync;
mod time;
mod window;

pub use accept::{Accept, AcceptAccount, AcceptAnswer, AcceptKdc, AcceptToken, Acceptor, Session};
pub use bindings::{ChannelAddress, ChannelBindings, ServerEndPointError};
pub use context::{Context, Sealer, Unsealer};
pub use credential::Credential;
pub use error::{CredentialError, Error, MessageError, PeerRefusal, Refusal};
pub use flags::Flags;
pub use identity::Identity;
pub use initiate::{Initiate, InitiateAnswer, InitiateKdc, InitiateToken, Initiator, Target};
pub use mech::{Part, Protection, Unprotected};
pub use name::{NameType, ParseNameError, ParseServiceNameError, Principal, ServiceName};
pub use policy::Policy;
pub use question::{Account, Answer, Logon, Question};
pub use replay::ReplayGuard;
pub use time::Time;
pub use window::{Order, OrderError};
