//! The privilege attribute certificate (MS-PAC): who a client is in its domain, with what groups, signed by the KDC.
//!
//! [`Pac::decode`] finds the buffers, [`Pac::verify`] checks the signatures that the keys at hand can check, and the typed
//! buffers ([`LogonInfo`], [`ClientInfo`], …) are read one by one, or all at once as [`PacInfo`]. A KDC makes one
//! with [`PacBuilder`].
//!
//! Nothing in a PAC is to be believed before [`Pac::verify`].

mod account_control;
mod attributes;
mod buffer;
mod builder;
mod claims;
mod client_info;
mod delegation_info;
mod device_info;
mod error;
mod file_time;
mod group;
mod info;
mod logon_info;
mod ndr;
mod ndr_writer;
mod sid;
mod signature;
mod ticket;
mod upn_dns_info;
mod utf16;

pub use account_control::{AccountControl, UserFlags};
pub use attributes::AttributesInfo;
pub use buffer::{PAC_BUFFER_LIMIT, PAC_LIMIT, Pac, PacBuffer, PacBufferType};
pub use builder::PacBuilder;
pub use claims::{Claim, ClaimValues, Claims, ClaimsArray};
pub use client_info::ClientInfo;
pub use delegation_info::DelegationInfo;
pub use device_info::DeviceInfo;
pub use error::PacError;
pub use file_time::FileTime;
pub use group::{DomainGroups, GroupAttributes, GroupMembership, SidAndAttributes};
pub use info::PacInfo;
pub use logon_info::LogonInfo;
pub use sid::{ParseSidError, Rid, SUB_AUTHORITY_LIMIT, Sid};
pub use signature::{PacSignature, SignatureKey};
pub use ticket::{find_pac, ticket_to_sign, with_pac};
pub use upn_dns_info::UpnDnsInfo;
