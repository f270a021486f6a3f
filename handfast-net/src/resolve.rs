//! Host names to addresses, by the system's resolver (files, DNS, whatever it is set up to ask).
//!
//! The system's call can't be given a time-out: it may take as long as the system's resolver lets it (for glibc, `options
//! timeout` and `attempts` in `resolv.conf`; 10 seconds or more by default). [`crate::kdc`] therefore resolves on a thread that it
//! does not wait for. SRV records, which name the KDCs of a realm, are the affair of the feature `dns`.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// The most addresses of one host that are used.
pub const ADDRESS_LIMIT: usize = 16;

/// A host name for which there is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolvable {
    /// The name.
    pub host: String,
    /// What the system says of it.
    pub why: String,
}

impl fmt::Display for Unresolvable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no address for host {}: {}", self.host, self.why)
    }
}

impl std::error::Error for Unresolvable {}

/// The addresses of `host` with `port`, in the system's order, each once, at most [`ADDRESS_LIMIT`]. An IP address stands for itself.
///
/// May take as long as the system's resolver takes: see the [module](self).
///
/// # Errors
/// [`Unresolvable`] if there is none.
///
/// ```
/// let addresses = handfast_net::resolve::addresses("127.0.0.1", 88)?;
/// assert_eq!(addresses, ["127.0.0.1:88".parse().unwrap()]);
/// # Ok::<(), handfast_net::resolve::Unresolvable>(())
/// ```
pub fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, Unresolvable> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    usable(host, (host, port).to_socket_addrs())
}

/// Those of the system's answer that are used.
pub(crate) fn usable(
    host: &str,
    answer: std::io::Result<impl Iterator<Item = SocketAddr>>,
) -> Result<Vec<SocketAddr>, Unresolvable> {
    let fail = |why: String| Unresolvable { host: host.to_owned(), why };
    let mut found: Vec<SocketAddr> = Vec::new();
    for address in answer.map_err(|error| fail(error.to_string()))? {
        if found.len() < ADDRESS_LIMIT && !found.contains(&address) {
            found.push(address);
        }
    }
    if found.is_empty() { Err(fail("the system knows none".to_owned())) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_resolves_to_addresses_each_once() {
        let found = addresses("localhost", 88).unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 88), "{found:?}");
        assert!(found.iter().enumerate().all(|(index, address)| !found[..index].contains(address)), "{found:?}");
    }

    #[test]
    fn an_ipv6_address_stands_for_itself() {
        assert_eq!(addresses("::1", 88).unwrap(), ["[::1]:88".parse().unwrap()]);
    }

    #[test]
    fn a_name_that_nobody_has_says_so() {
        let error = addresses("nobody.invalid", 88).unwrap_err();
        assert_eq!(error.host, "nobody.invalid");
        assert!(error.to_string().starts_with("no address for host nobody.invalid: "), "{error}");
    }
}
