//! The addresses of this host, as its network interfaces have them.

use std::io;
use std::net::IpAddr;

/// Those of interfaces that are up, each once; not those by which the host reaches itself.
///
/// # Errors
/// If the system does not tell them.
#[cfg(all(unix, feature = "addresses"))]
pub(crate) fn addresses() -> io::Result<Vec<IpAddr>> {
    use nix::ifaddrs::getifaddrs;
    use nix::net::if_::InterfaceFlags;
    let up = getifaddrs()?.filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP));
    Ok(usable(up.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    })))
}

/// Nobody tells them here.
#[cfg(not(all(unix, feature = "addresses")))]
pub(crate) fn addresses() -> io::Result<Vec<IpAddr>> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this program was built without the feature addresses of handfast-net, or for a system where it does nothing",
    ))
}

#[cfg(all(unix, feature = "addresses"))]
fn usable(all: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for address in all.filter(|address| !address.is_loopback()) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

#[cfg(all(test, unix, feature = "addresses"))]
mod tests {
    use super::*;

    #[test]
    fn each_address_counts_once_and_that_of_the_host_itself_not_at_all() {
        let all = ["127.0.0.1", "192.0.2.1", "::1", "2001:db8::1", "192.0.2.1"].map(|text| text.parse().unwrap());
        let found: Vec<_> = usable(all.into_iter()).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1", "2001:db8::1"]);
    }

    #[test]
    fn the_system_tells_its_addresses() {
        assert!(addresses().unwrap().iter().all(|address| !address.is_loopback()));
    }
}
