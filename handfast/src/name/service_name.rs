use super::{NameType, ParseNameError, Principal};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;

/// The service that an initiator wants to talk to, before it is known which realm it is in.
///
/// Three ways of writing one are understood:
///
/// | text | what it is |
/// |---|---|
/// | `HTTP/www.example.com`, `MSSQLSvc/db.example.com:1433`, `ldap/dc1.example.com/example.com` | a service principal name (SPN), as Windows writes it |
/// | `HTTP@www.example.com` | a GSS-API host-based service (RFC 2743 4.1) |
/// | `HTTP/www.example.com@EXAMPLE.COM` | a principal, taken as it stands |
///
/// In the first two the host is lower-cased and one final dot is dropped. An IPv6 address stands in
/// brackets if a port follows. A lone `alice@EXAMPLE.COM` reads as a service of the host
/// `example.com`: for the principal of a user, take [`ServiceName::principal`].
///
/// ```
/// use handfast::ServiceName;
/// let name: ServiceName = "HTTP/WWW.Example.com".parse()?;
/// assert_eq!((name.service(), name.host()), ("HTTP", Some("www.example.com")));
/// assert_eq!(name.to_principal("EXAMPLE.COM").to_string(), "HTTP/www.example.com@EXAMPLE.COM");
/// # Ok::<(), handfast::ParseServiceNameError>(())
/// ```
#[doc(alias = "GSS_C_NT_HOSTBASED_SERVICE")]
#[doc(alias = "gss_import_name")]
#[doc(alias = "krb5_sname_to_principal")]
#[doc(alias = "SPN")]
#[doc(alias = "pszTargetName")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceName {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    HostBased { service: String, host: Host, instance: Option<String> },
    Principal(Principal),
}

/// A host as the second component of a name, with the port that may belong to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Host {
    name: String,
    port: Option<u16>,
}

/// A text that names no service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseServiceNameError {
    /// It is no name at all.
    Name(ParseNameError),
    /// Nothing stands before the `/` or `@`.
    NoService,
    /// No host is given.
    NoHost,
    /// This is no name or address of a host.
    BadHost(String),
    /// This is no port: 1 to 65535.
    BadPort(String),
    /// More than `service/host/name`.
    TooManyParts {
        /// How many parts there are.
        count: usize,
    },
}

impl ServiceName {
    /// The host-based service `service@host` of the GSS-API.
    ///
    /// # Errors
    /// If `service` is empty or `host` is no host, with or without a port.
    pub fn host_based(service: &str, host: &str) -> Result<Self, ParseServiceNameError> {
        Self::from_components(&[service, host])
    }

    /// The service with this principal. A realm that it has is kept.
    #[doc(alias = "GSS_KRB5_NT_PRINCIPAL_NAME")]
    pub fn principal(principal: Principal) -> Self {
        ServiceName { kind: Kind::Principal(principal) }
    }

    /// The service or service class, such as `HTTP`.
    pub fn service(&self) -> &str {
        match &self.kind {
            Kind::HostBased { service, .. } => service,
            Kind::Principal(principal) => principal.components().first().map_or("", String::as_str),
        }
    }

    /// The host, without brackets and port; of a principal its second component, if it has one.
    pub fn host(&self) -> Option<&str> {
        match &self.kind {
            Kind::HostBased { host, .. } => Some(&host.name),
            Kind::Principal(principal) => principal.components().get(1).map(String::as_str),
        }
    }

    /// The port, if one was written.
    pub fn port(&self) -> Option<u16> {
        match &self.kind {
            Kind::HostBased { host, .. } => host.port,
            Kind::Principal(_) => None,
        }
    }

    /// The same service on the host that is called `host`; a port stays. A principal stays as it is.
    ///
    /// ```
    /// use handfast::ServiceName;
    /// let name: ServiceName = "HTTP/www:8080".parse()?;
    /// assert_eq!(name.with_host("www.example.com")?.to_string(), "HTTP/www.example.com:8080");
    /// # Ok::<(), handfast::ParseServiceNameError>(())
    /// ```
    ///
    /// # Errors
    /// If `host` is none.
    pub fn with_host(&self, host: &str) -> Result<Self, ParseServiceNameError> {
        let Kind::HostBased { service, host: Host { port, .. }, instance } = &self.kind else {
            return Ok(self.clone());
        };
        let Host { name, .. } = host.parse()?;
        let host = Host { name, port: *port };
        Ok(ServiceName { kind: Kind::HostBased { service: service.clone(), host, instance: instance.clone() } })
    }

    /// The realm, if one was written.
    pub fn realm(&self) -> Option<&str> {
        match &self.kind {
            Kind::HostBased { .. } => None,
            Kind::Principal(principal) => Some(principal.realm()).filter(|realm| !realm.is_empty()),
        }
    }

    /// Its principal in `realm`, or in the realm that the name itself has.
    ///
    /// A service of a host has the name type NT-SRV-HST, one with a further part NT-SRV-INST (RFC 4120 6.2).
    pub fn to_principal(&self, realm: &str) -> Principal {
        match &self.kind {
            Kind::Principal(principal) if principal.realm().is_empty() => principal.clone().with_realm(realm),
            Kind::Principal(principal) => principal.clone(),
            Kind::HostBased { service, host, instance } => {
                let name_type = if instance.is_some() { NameType::SRV_INST } else { NameType::SRV_HST };
                let parts = [Some(service.clone()), Some(host.to_string()), instance.clone()];
                Principal::new(name_type, parts.into_iter().flatten(), realm)
            }
        }
    }

    fn from_components(components: &[&str]) -> Result<Self, ParseServiceNameError> {
        let (service, host, instance) = match *components {
            [service, host] => (service, host, None),
            [service, host, instance] => (service, host, Some(instance.to_string())),
            [_] | [] => return Err(ParseServiceNameError::NoHost),
            _ => return Err(ParseServiceNameError::TooManyParts { count: components.len() }),
        };
        if service.is_empty() {
            return Err(ParseServiceNameError::NoService);
        }
        Ok(ServiceName { kind: Kind::HostBased { service: service.to_string(), host: host.parse()?, instance } })
    }
}

impl FromStr for ServiceName {
    type Err = ParseServiceNameError;

    fn from_str(text: &str) -> Result<Self, ParseServiceNameError> {
        let name = Principal::parse_with_realm(text, "").map_err(ParseServiceNameError::Name)?;
        let components: Vec<&str> = name.components().iter().map(String::as_str).collect();
        match (components.as_slice(), name.realm()) {
            ([service], host) => Self::from_components(&[service, host]),
            // A realm is no host: its case counts.
            (["krbtgt", _], _) => Ok(ServiceName::principal(name)),
            (_, "") => Self::from_components(&components),
            (["", ..], _) => Err(ParseServiceNameError::NoService),
            _ => Ok(ServiceName::principal(name.with_name_type(NameType::SRV_INST))),
        }
    }
}

impl From<Principal> for ServiceName {
    fn from(principal: Principal) -> Self {
        ServiceName::principal(principal)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_principal("").fmt(f)
    }
}

impl FromStr for Host {
    type Err = ParseServiceNameError;

    fn from_str(text: &str) -> Result<Self, ParseServiceNameError> {
        let bad = || ParseServiceNameError::BadHost(text.to_string());
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, behind) = rest.split_once(']').ok_or_else(bad)?;
                if !is_ipv6(address) || !(behind.is_empty() || behind.starts_with(':')) {
                    return Err(bad());
                }
                (address, behind.strip_prefix(':'))
            }
            None => split_port(text),
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let is_stray = |c: char| c.is_whitespace() || c.is_control() || "/@\\[]".contains(c);
        match port.map(parse_port).transpose()? {
            _ if name.is_empty() && text.is_empty() => Err(ParseServiceNameError::NoHost),
            _ if name.is_empty() || name.contains(is_stray) => Err(bad()),
            _ if name.contains(':') && !is_ipv6(&name) => Err(bad()),
            _ if name.split('.').any(str::is_empty) => Err(bad()),
            port => Ok(Host { name, port }),
        }
    }
}

/// An IPv6 address, with or without a zone (RFC 4007 11).
fn is_ipv6(text: &str) -> bool {
    text.split('%').next().unwrap_or(text).parse::<Ipv6Addr>().is_ok()
}

/// What follows a lone colon is a port; more than one colon are those of an IPv6 address.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, Some(port)),
        _ => (text, None),
    }
}

fn parse_port(text: &str) -> Result<u16, ParseServiceNameError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|port| digits && *port != 0)
        .ok_or_else(|| ParseServiceNameError::BadPort(text.to_string()))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => f.write_str(&self.name),
            Some(port) if self.name.contains(':') => write!(f, "[{}]:{port}", self.name),
            Some(port) => write!(f, "{}:{port}", self.name),
        }
    }
}

impl fmt::Display for ParseServiceNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseServiceNameError::Name(error) => error.fmt(f),
            ParseServiceNameError::NoService => f.write_str("no service stands before the host"),
            ParseServiceNameError::NoHost => {
                f.write_str("the service name has no host: write service/host or service@host")
            }
            ParseServiceNameError::BadHost(host) => write!(f, "{host:?} is no host"),
            ParseServiceNameError::BadPort(port) => write!(f, "{port:?} is no port"),
            ParseServiceNameError::TooManyParts { count } => {
                write!(f, "the service name has {count} parts: it may have service/host/name")
            }
        }
    }
}

impl core::error::Error for ParseServiceNameError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ServiceName {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn names_become_principals() {
        for (text, principal) in [
            ("HTTP/www.example.com", "HTTP/www.example.com@R"),
            ("HTTP@www.example.com", "HTTP/www.example.com@R"),
            ("HTTP/WWW.Example.COM.", "HTTP/www.example.com@R"),
            ("HTTP/Www.example.com@Other", "HTTP/Www.example.com@Other"),
            ("MSSQLSvc/db.example.com:1433", "MSSQLSvc/db.example.com:1433@R"),
            ("ldap/DC1.example.com/Example.com", "ldap/dc1.example.com/Example.com@R"),
            ("krbtgt/EXAMPLE.COM", "krbtgt/EXAMPLE.COM@R"),
            ("krbtgt/EXAMPLE.COM@OTHER", "krbtgt/EXAMPLE.COM@OTHER"),
            ("host/FD00::1", "host/fd00::1@R"),
            ("host/[FD00::1]", "host/fd00::1@R"),
            ("host@[fd00::1]:88", "host/[fd00::1]:88@R"),
            ("host@127.0.0.1", "host/127.0.0.1@R"),
        ] {
            assert_eq!(parse(text).to_principal("R").to_string(), principal, "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for text in ["HTTP/h", "a/h:1", "a/[::1]:1", "a/h/n", "HTTP/H@R", "krbtgt/R"] {
            let name = parse(text);
            assert_eq!(name.to_string(), text);
            assert_eq!(parse(&name.to_string()), name);
        }
    }

    #[test]
    fn parts() {
        let name = parse("MSSQLSvc/[::1]:1433");
        assert_eq!(
            (name.service(), name.host(), name.port(), name.realm()),
            ("MSSQLSvc", Some("::1"), Some(1433), None)
        );
        let name = parse("HTTP/h@R");
        assert_eq!((name.service(), name.host(), name.port(), name.realm()), ("HTTP", Some("h"), None, Some("R")));
        let alice = ServiceName::principal("alice@R".parse().unwrap());
        assert_eq!((alice.service(), alice.host(), alice.realm()), ("alice", None, Some("R")));
        assert_eq!(ServiceName::host_based("HTTP", "H"), Ok(parse("HTTP@h")));
    }

    #[test]
    fn name_types() {
        for (text, name_type) in [
            ("HTTP/h", NameType::SRV_HST),
            ("HTTP@h", NameType::SRV_HST),
            ("ldap/h/d", NameType::SRV_INST),
            ("krbtgt/R", NameType::SRV_INST),
            ("HTTP/h@R", NameType::SRV_INST),
        ] {
            assert_eq!(parse(text).to_principal("R").name_type(), name_type, "{text}");
        }
    }

    #[test]
    fn what_names_no_service_is_refused() {
        use ParseServiceNameError::*;
        for (text, error) in [
            ("", Name(ParseNameError::Empty)),
            ("HTTP", NoHost),
            ("HTTP/", NoHost),
            ("HTTP@", Name(ParseNameError::EmptyRealm)),
            ("/h", NoService),
            ("/h@R", NoService),
            ("@h", Name(ParseNameError::Empty)),
            ("a@b@c", Name(ParseNameError::TwoRealms)),
            ("a/b/c/d", TooManyParts { count: 4 }),
            ("a/h:0", BadPort("0".into())),
            ("a/h:65536", BadPort("65536".into())),
            ("a/h:+1", BadPort("+1".into())),
            ("a/h:", BadPort(String::new())),
            ("a/[::1", BadHost("[::1".into())),
            ("a/[::1]x", BadHost("[::1]x".into())),
            ("a/[h]", BadHost("[h]".into())),
            ("a/[a:80]", BadHost("[a:80]".into())),
            ("a/b:c:d", BadHost("b:c:d".into())),
            ("a/b..", BadHost("b..".into())),
            ("a/.b", BadHost(".b".into())),
            ("a/b c", BadHost("b c".into())),
            ("a/b\\/c", BadHost("b/c".into())),
            ("a/.", BadHost(".".into())),
            ("a/:80", BadHost(":80".into())),
        ] {
            assert_eq!(text.parse::<ServiceName>(), Err(error), "{text:?}");
        }
    }
}
