use std::fmt;
use std::str::FromStr;

use super::ProxyError;

const HTTPS_PORT: u16 = 443;

/// `https://host[:port][/path]`, the host a name, an IPv4 address or an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProxyUrl {
    /// Without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// With the slash before it.
    pub(super) path: String,
}

/// Whether an entry of `kdc =` is a URL of HTTP, and no address of a KDC.
pub(crate) fn is_url(text: &str) -> bool {
    scheme(text, "https://").or_else(|| scheme(text, "http://")).is_some()
}

/// Whether it is the URL of a proxy that can be asked.
#[cfg(feature = "dns")]
pub(crate) fn is_proxy_url(text: &str) -> bool {
    text.parse::<ProxyUrl>().is_ok()
}

fn scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (front, rest) = text.trim().split_at_checked(scheme.len())?;
    front.eq_ignore_ascii_case(scheme).then_some(rest)
}

impl FromStr for ProxyUrl {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let fail = ProxyError::Url;
        let rest = scheme(text, "https://").ok_or(fail("a KDC proxy is asked by https:// only"))?;
        // Whatever could end a line of the request, or mean something else than a place.
        if rest.contains(|c: char| !c.is_ascii_graphic() || matches!(c, '@' | '#' | '\\')) {
            return Err(fail("a URL is printable ASCII without user, password and fragment"));
        }
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match place.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']').ok_or(fail("a ']' is missing"))?,
            None => place.split_at(place.find(':').unwrap_or(place.len())),
        };
        if host.is_empty() || host.contains(['[', ']', '?']) {
            return Err(fail("it has no host name"));
        }
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => Some(HTTPS_PORT),
            None => None,
            Some(digits) => digits.parse().ok().filter(|port| *port != 0),
        };
        let path = if path.is_empty() { "/" } else { path };
        Ok(ProxyUrl { host: host.to_owned(), port: port.ok_or(fail("a port is 1 to 65535"))?, path: path.to_owned() })
    }
}

/// Host and port as the field `Host` has them (RFC 9110 7.2).
impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [open, close] = if self.host.contains(':') { ["[", "]"] } else { ["", ""] };
        write!(f, "{open}{}{close}:{}", self.host, self.port)
    }
}
