//! `HOST:PORT`.

use std::fmt;
use std::str::FromStr;

/// Where something is: a host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The name or address; an IPv6 address without its brackets.
    pub(crate) host: String,
    /// Not zero.
    pub(crate) port: u16,
}

impl Place {
    /// The host as service names have it.
    pub(crate) fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl FromStr for Place {
    type Err = String;

    /// `HOST:PORT`, with an IPv6 address in brackets.
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let place = match parsed {
            Some((host, port)) if !host.is_empty() && port != 0 => match host.strip_prefix('[') {
                Some(address) => address.strip_suffix(']').map(|address| (address, port)),
                None => (!host.contains(':')).then_some((host, port)),
            },
            _ => None,
        };
        let place = place.filter(|(host, _)| !host.is_empty() && !host.contains(['[', ']']));
        place
            .map(|(host, port)| Place { host: host.to_owned(), port })
            .ok_or_else(|| format!("{text:?} is not HOST:PORT: write it as www.example.com:7777 or [::1]:7777"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.bracketed(), self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_hosts_and_ports() {
        for (text, host) in [("a.example:7", "a.example"), ("[::1]:7", "::1")] {
            let place: Place = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((place.host.as_str(), place.port, place.to_string().as_str()), (host, 7, text));
        }
        for text in ["", "a", ":7", "a:", "a:0", "a:65536", "::1:7", "[::1:7", "a:x", "[]:7", "[[a]:7", "a]:7"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
