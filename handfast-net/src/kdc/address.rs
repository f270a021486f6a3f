use std::fmt;
use std::str::FromStr;

use super::Transport;

/// The port of KDCs (RFC 4120 7.2).
pub(crate) const KDC_PORT: u16 = 88;

/// Where a KDC listens, as `kdc =` in `krb5.conf` has it: `host`, `host:port`, `[v6]:port`, with `tcp/` or `udp/` before it if it
/// is to be asked in this way only.
///
/// ```
/// use handfast_net::kdc::{KdcAddress, Transport};
/// let kdc: KdcAddress = "tcp/[2001:db8::1]:750".parse()?;
/// assert_eq!((kdc.host.as_str(), kdc.port, kdc.transport), ("2001:db8::1", 750, Some(Transport::Tcp)));
/// # Ok::<(), handfast_net::kdc::ParseKdcAddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KdcAddress {
    /// A host name, or an IP address without brackets.
    pub host: String,
    /// The port, 88 where none is given.
    pub port: u16,
    /// The only way in which it is asked; `None` for both.
    pub transport: Option<Transport>,
}

impl FromStr for KdcAddress {
    type Err = ParseKdcAddressError;

    fn from_str(text: &str) -> Result<Self, ParseKdcAddressError> {
        KdcAddress::parse(text, KDC_PORT)
    }
}

impl KdcAddress {
    /// The same with another port where none is given.
    pub(crate) fn parse(text: &str, default_port: u16) -> Result<Self, ParseKdcAddressError> {
        let fail = |why| ParseKdcAddressError { text: text.to_owned(), why };
        if text.contains("://") {
            return Err(fail("that is a URL, and KDC proxies want the feature kkdcp"));
        }
        let (transport, place) = split_transport(text.trim());
        let (host, port) = split_port(place).ok_or_else(|| fail("a ']' is missing, or something odd follows it"))?;
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '[' | ']')) {
            return Err(fail("that is no host name"));
        }
        let port = port.map_or(Ok(default_port), str::parse).ok().filter(|port| *port != 0);
        Ok(KdcAddress { host: host.to_owned(), port: port.ok_or_else(|| fail("a port is 1 to 65535"))?, transport })
    }
}

fn split_transport(text: &str) -> (Option<Transport>, &str) {
    if let Some(place) = text.strip_prefix("tcp/") {
        (Some(Transport::Tcp), place)
    } else if let Some(place) = text.strip_prefix("udp/") {
        (Some(Transport::Udp), place)
    } else {
        (None, text)
    }
}

/// Host and port; an IPv6 address needs brackets only if a port follows.
fn split_port(place: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = place.strip_prefix('[') {
        let (host, behind) = bracketed.split_once(']')?;
        return if behind.is_empty() { Some((host, None)) } else { Some((host, Some(behind.strip_prefix(':')?))) };
    }
    match place.split_once(':') {
        Some((_, port)) if port.contains(':') => Some((place, None)),
        Some((host, port)) => Some((host, Some(port))),
        None => Some((place, None)),
    }
}

impl fmt::Display for KdcAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.transport {
            Some(Transport::Udp) => f.write_str("udp/")?,
            Some(Transport::Tcp) => f.write_str("tcp/")?,
            None => {}
        }
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Text that names no KDC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseKdcAddressError {
    /// The text.
    pub text: String,
    why: &'static str,
}

impl ParseKdcAddressError {
    /// What is wrong with it.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.why
    }
}

impl fmt::Display for ParseKdcAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no KDC (host, host:port or [v6]:port, with tcp/ or udp/ before): {}", self.text, self.why)
    }
}

impl std::error::Error for ParseKdcAddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_written() {
        for (text, host, port, transport, written) in [
            ("kdc.example.com", "kdc.example.com", 88, None, "kdc.example.com:88"),
            (" kdc:750 ", "kdc", 750, None, "kdc:750"),
            ("192.0.2.1:88", "192.0.2.1", 88, None, "192.0.2.1:88"),
            ("[::1]", "::1", 88, None, "[::1]:88"),
            ("[::1]:89", "::1", 89, None, "[::1]:89"),
            ("2001:db8::1", "2001:db8::1", 88, None, "[2001:db8::1]:88"),
            ("tcp/kdc", "kdc", 88, Some(Transport::Tcp), "tcp/kdc:88"),
            ("udp/[::1]:1", "::1", 1, Some(Transport::Udp), "udp/[::1]:1"),
        ] {
            let parsed: KdcAddress = text.parse().unwrap();
            assert_eq!(parsed, KdcAddress { host: host.into(), port, transport }, "{text:?}");
            assert_eq!(parsed.to_string(), written);
            assert_eq!(written.parse::<KdcAddress>().unwrap(), parsed);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":88",
            "tcp/",
            "kdc:",
            "kdc:0",
            "kdc:65536",
            "kdc:x",
            "[::1",
            "[::1]x",
            "[::1]:",
            "[[::1]",
            "::1]:88:",
            "a b",
            "http/kdc",
            "https://proxy/KdcProxy",
        ] {
            let error = text.parse::<KdcAddress>().unwrap_err();
            assert_eq!(error.text, text);
        }
    }
}
