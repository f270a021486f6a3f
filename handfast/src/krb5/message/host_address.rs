use super::int32;
use crate::asn1::{Listed, der_methods, sequence};

/// The most addresses that a HostAddresses is read with.
pub const ADDRESS_LIMIT: usize = 256;

/// An address of a host (RFC 4120 5.2.5).
///
/// ```text
/// HostAddress    ::= SEQUENCE {
///     addr-type  [0] Int32,
///     address    [1] OCTET STRING
/// }
/// HostAddresses  ::= SEQUENCE OF HostAddress
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostAddress<'a> {
    /// What kind of address it is.
    pub addr_type: AddressType,
    /// The address, most significant byte first.
    pub address: &'a [u8],
}

sequence! { HostAddress<'a>, fields { field 0 addr_type, field 1 address } }
der_methods!(HostAddress<'a>, "HostAddress");

impl Listed for HostAddress<'_> {
    const LIMIT: usize = ADDRESS_LIMIT;
}

/// The type of a host address (RFC 4120 7.5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressType(pub i32);

impl AddressType {
    /// IPv4, 4 bytes.
    pub const IPV4: AddressType = AddressType(2);
    /// Which side of an association sent a message (RFC 4120 7.1), 4 bytes.
    pub const DIRECTIONAL: AddressType = AddressType(3);
    /// NetBIOS name, 16 bytes.
    pub const NETBIOS: AddressType = AddressType(20);
    /// IPv6, 16 bytes.
    pub const IPV6: AddressType = AddressType(24);
}

int32!(AddressType);
