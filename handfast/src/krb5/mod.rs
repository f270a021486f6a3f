//! Kerberos V5 below the GSS-API: messages, encryption types, files and exchanges.

pub mod auth_to_local;
mod authorization;
mod byte_order;
pub mod ccache;
pub mod conf;
pub mod enctype;
pub mod exchange;
mod held_ticket;
mod k5identity;
pub mod keytab;
pub mod message;
pub mod pac;
#[cfg(feature = "pkinit")]
pub mod pkinit;
mod preauth;
mod realm_path;
mod s4u;
pub mod spake;
mod transited;

pub use auth_to_local::AuthToLocal;
pub use authorization::Authorization;
pub use ccache::Ccache;
pub use conf::{Capaths, Conf};
pub use held_ticket::{AuthorizationDataElement, HeldTicket, HostAddress};
pub use k5identity::{K5Identity, guessed_client};
pub use keytab::{Keytab, KeytabEntry};
pub use message::TicketFlags;
pub use realm_path::{REALM_PATH_LIMIT, hierarchy};
pub use s4u::{FOR_USER_CHECKSUM_TYPE, FOR_USER_PACKAGE, for_user_checksum};
pub use transited::{TRANSITED_LIMIT, TRANSITED_REALM_LIMIT, TransitedError, decode_transited, encode_transited};
