//! A ticket together with its session key, as its client holds it.

use super::enctype::EncryptionKey;
use super::message::{AddressType, TicketFlags};
use crate::name::Principal;
use crate::time::Time;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

/// An address of a host, with its type number (RFC 4120 5.2.5, 7.5.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostAddress {
    /// 2 is IPv4, 24 is IPv6, 20 is NetBIOS.
    pub addr_type: i32,
    /// The address in network byte order.
    pub address: Vec<u8>,
}

impl HostAddress {
    /// The IP address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match AddressType(self.addr_type) {
            AddressType::IPV4 => <[u8; 4]>::try_from(&*self.address).ok().map(IpAddr::from),
            AddressType::IPV6 => <[u8; 16]>::try_from(&*self.address).ok().map(IpAddr::from),
            _ => None,
        }
    }

    /// As a message has it.
    pub(crate) fn as_message(&self) -> super::message::HostAddress<'_> {
        super::message::HostAddress { addr_type: AddressType(self.addr_type), address: &self.address }
    }
}

/// An address of IPv4 or IPv6 (RFC 4120 7.1).
impl From<IpAddr> for HostAddress {
    fn from(address: IpAddr) -> Self {
        let (AddressType(addr_type), address) = match address {
            IpAddr::V4(address) => (AddressType::IPV4, address.octets().to_vec()),
            IpAddr::V6(address) => (AddressType::IPV6, address.octets().to_vec()),
        };
        HostAddress { addr_type, address }
    }
}

/// An IP address as usual, another by its type and bytes.
impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = self.ip() {
            return address.fmt(f);
        }
        write!(f, "type {} ", self.addr_type)?;
        self.address.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// One element of authorization data (RFC 4120 5.2.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuthorizationDataElement {
    /// The type number.
    pub ad_type: i32,
    /// What it says, encoded as its type wants.
    pub ad_data: Vec<u8>,
}

/// A ticket together with its session key, as its client holds it.
#[doc(alias = "krb5_creds")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTicket {
    /// Who may use it.
    pub client: Principal,
    /// Whom it is for.
    pub server: Principal,
    /// The session key.
    pub key: EncryptionKey,
    /// When the client first authenticated.
    pub auth_time: Time,
    /// From when on it is good, if that is not `auth_time`.
    pub start_time: Option<Time>,
    /// Until when it is good.
    pub end_time: Time,
    /// Until when it may be renewed, if it may.
    pub renew_till: Option<Time>,
    /// Whether it is encrypted in the session key of another ticket (user-to-user).
    pub is_skey: bool,
    /// Its flags.
    pub flags: TicketFlags,
    /// The addresses that it may be used from; none means from anywhere.
    pub addresses: Vec<HostAddress>,
    /// Authorization data that the client asked for.
    pub authorization_data: Vec<AuthorizationDataElement>,
    /// The ticket, in DER.
    pub ticket: Vec<u8>,
    /// For user-to-user, the ticket that holds the key of the first one, in DER; else empty.
    pub second_ticket: Vec<u8>,
}

impl HeldTicket {
    /// From when on it is good.
    pub fn starts(&self) -> Time {
        self.start_time.unwrap_or(self.auth_time)
    }

    /// Whether it is good at `now`, a time by the KDC's clock: neither expired nor postdated.
    pub fn is_valid_at(&self, now: Time) -> bool {
        self.starts() <= now && now < self.end_time
    }

    /// Whether its session key can be used here: of a supported enctype, and as long as those are.
    pub fn has_usable_key(&self) -> bool {
        self.key.enctype().key_size() == Some(self.key.bytes().len())
    }

    /// How long it is still good; zero once it has expired.
    pub fn remaining(&self, now: Time) -> Duration {
        self.end_time.saturating_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    #[test]
    fn addresses_are_shown_as_usual_where_they_are_of_ip() {
        for text in ["192.0.2.1", "2001:db8::1"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(
                (HostAddress::from(address).ip(), HostAddress::from(address).to_string()),
                (Some(address), text.into())
            );
        }
        let short = HostAddress { addr_type: 2, address: vec![1, 2, 3] };
        assert_eq!((short.ip(), short.to_string()), (None, "type 2 010203".into()));
        assert_eq!(HostAddress { addr_type: 20, address: vec![0x41] }.to_string(), "type 20 41");
    }
}
