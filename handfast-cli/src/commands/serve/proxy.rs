//! The PROXY protocol (haproxy's proxy-protocol.txt): what the service behind is told before the first byte of the client.

use clap::ValueEnum;
use std::net::{IpAddr, SocketAddr};

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Version {
    /// One line of text, with the addresses and ports alone
    V1,
    /// Binary, with the client's name and mechanism as well
    V2,
}

/// What a service is told of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told<'a> {
    /// Where the client is.
    pub(super) source: SocketAddr,
    /// Where it has come to: our own address.
    pub(super) destination: SocketAddr,
    /// The host that it asked for, if it named one.
    pub(super) authority: Option<&'a str>,
    /// Who it has proven to be.
    pub(super) peer: &'a str,
    /// By what: `kerberos` or `ntlm`.
    pub(super) mechanism: &'a str,
    /// Who we are to it.
    pub(super) local: &'a str,
}

/// A name that has no place in a header: its length is 16 bits wide, names and addresses together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, command PROXY.
const VERSION_AND_COMMAND: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

/// `PP2_TYPE_AUTHORITY`: the host name that the client asked for.
const AUTHORITY: u8 = 0x02;
// 2.2.8 leaves 0xE0 to 0xEF to applications.
/// Who the client has proven to be, in UTF-8: `alice@EXAMPLE.COM`, `EXAMPLE\alice`.
pub(super) const PEER: u8 = 0xe0;
/// By what mechanism.
pub(super) const MECHANISM: u8 = 0xe1;
/// Who the server is to the client: `host/www.example.com@EXAMPLE.COM`.
pub(super) const LOCAL: u8 = 0xe2;

impl Told<'_> {
    /// The header, whole: it is to be sent at once.
    pub(super) fn header(&self, version: Version) -> Result<Vec<u8>, TooLong> {
        match version {
            Version::V1 => Ok(self.line().into_bytes()),
            Version::V2 => self.binary(),
        }
    }

    /// 2.1: `PROXY TCP4 source destination port port`.
    fn line(&self) -> String {
        let (source, destination) = self.addresses();
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        format!("PROXY {family} {source} {destination} {} {}\r\n", self.source.port(), self.destination.port())
    }

    /// 2.2.
    fn binary(&self) -> Result<Vec<u8>, TooLong> {
        let (source, destination) = self.addresses();
        let mut body = Vec::new();
        for address in [source, destination] {
            match address {
                IpAddr::V4(address) => body.extend(address.octets()),
                IpAddr::V6(address) => body.extend(address.octets()),
            }
        }
        for port in [self.source.port(), self.destination.port()] {
            body.extend(port.to_be_bytes());
        }
        for (kind, value) in [(AUTHORITY, self.authority.unwrap_or_default()), (PEER, self.peer)]
            .into_iter()
            .chain([(MECHANISM, self.mechanism), (LOCAL, self.local)])
            .filter(|(_, value)| !value.is_empty())
        {
            body.push(kind);
            body.extend(length(value.as_bytes())?);
            body.extend(value.as_bytes());
        }
        let mut header = SIGNATURE.to_vec();
        header.extend([VERSION_AND_COMMAND, if source.is_ipv4() { TCP_OVER_IPV4 } else { TCP_OVER_IPV6 }]);
        header.extend(length(&body)?);
        header.append(&mut body);
        Ok(header)
    }

    /// Both of one family: IPv4 if both are, also where they came over a socket of IPv6.
    fn addresses(&self) -> (IpAddr, IpAddr) {
        match (self.source.ip().to_canonical(), self.destination.ip().to_canonical()) {
            (IpAddr::V4(source), IpAddr::V6(destination)) => (source.to_ipv6_mapped().into(), destination.into()),
            (IpAddr::V6(source), IpAddr::V4(destination)) => (source.into(), destination.to_ipv6_mapped().into()),
            both => both,
        }
    }
}

fn length(bytes: &[u8]) -> Result<[u8; 2], TooLong> {
    u16::try_from(bytes.len()).map(u16::to_be_bytes).map_err(|_| TooLong)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn told(source: &str, destination: &str) -> Told<'static> {
        Told {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            authority: Some("h"),
            peer: "a@R",
            mechanism: "ntlm",
            local: "s/h",
        }
    }

    #[test]
    fn version_1_is_a_line_with_addresses() {
        // The example of 2.1.
        let line = told("192.168.0.1:56324", "192.168.0.11:443").header(Version::V1).unwrap();
        assert_eq!(line, b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
        let line = told("[2001:db8::1]:1", "[2001:db8::2]:2").header(Version::V1).unwrap();
        assert_eq!(line, b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n");
    }

    #[test]
    fn version_2_carries_the_names_behind_the_addresses() {
        let header = told("192.168.0.1:56324", "192.168.0.11:443").header(Version::V2).unwrap();
        let expected = [
            b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x11".as_slice(),
            &[0, 12 + 4 + 6 + 7 + 6],
            &[192, 168, 0, 1, 192, 168, 0, 11, 0xdc, 0x04, 0x01, 0xbb],
            b"\x02\x00\x01h\xe0\x00\x03a@R\xe1\x00\x04ntlm\xe2\x00\x03s/h",
        ];
        assert_eq!(header, expected.concat());
        let header = told("[::1]:1", "[::1]:2").header(Version::V2).unwrap();
        assert_eq!((header.get(13), header.get(15)), (Some(&0x21), Some(&(36 + 23))));
    }

    #[test]
    fn an_address_of_ipv4_that_came_over_ipv6_is_one_of_ipv4() {
        let line = told("[::ffff:192.168.0.1]:1", "[::ffff:192.168.0.2]:2").header(Version::V1).unwrap();
        assert_eq!(line, b"PROXY TCP4 192.168.0.1 192.168.0.2 1 2\r\n");
        let line = told("[::ffff:192.168.0.1]:1", "[::1]:2").header(Version::V1).unwrap();
        assert_eq!(line, b"PROXY TCP6 ::ffff:192.168.0.1 ::1 1 2\r\n");
    }

    #[test]
    fn names_that_have_no_place_are_refused() {
        let (long, half) = ("n".repeat(0x10000), "n".repeat(0x8000));
        let told = told("[::1]:1", "[::1]:2");
        assert_eq!(Told { peer: &long, ..told.clone() }.header(Version::V2), Err(TooLong));
        assert_eq!(Told { peer: &half, local: &half, ..told.clone() }.header(Version::V2), Err(TooLong));
        assert!(Told { peer: &half, ..told }.header(Version::V2).is_ok());
    }
}
