//! Kerberos V5 below the GSS-API: messages, encryption types, files and exchanges.

mod byte_order;
pub mod ccache;
pub mod enctype;
mod held_ticket;
pub mod keytab;
pub mod message;

pub use ccache::Ccache;
pub use held_ticket::{AuthorizationDataElement, HeldTicket, HostAddress};
pub use keytab::{Keytab, KeytabEntry};
pub use message::TicketFlags;
