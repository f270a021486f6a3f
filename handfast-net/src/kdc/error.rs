use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::{KdcAddress, Transport};

/// No KDC of a realm answered: whom we asked, and why each was silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// The realm.
    pub realm: String,
    /// Every attempt: those that were asked (in this order), then those that were not. Empty if no KDC of the realm is known.
    pub tried: Vec<Attempt>,
}

/// A KDC that was asked in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The KDC as configured.
    pub kdc: KdcAddress,
    /// The address that was asked; `None` if it did not come to that.
    pub address: Option<SocketAddr>,
    /// How it was asked; `None` if it did not come to that.
    pub transport: Option<Transport>,
    /// Why nothing came of it.
    pub why: Silence,
}

/// Why a KDC did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Silence {
    /// Its host name has no address.
    Unresolvable {
        /// What the system's resolver says.
        why: String,
    },
    /// Nobody listens on that port.
    Refused,
    /// No answer came.
    TimedOut {
        /// How long it was listened to, from the first time that it was asked.
        waited: Duration,
    },
    /// What came was no Kerberos message.
    Nonsense {
        /// How many datagrams; 1 for a TCP connection.
        count: u32,
    },
    /// It announced a reply over the limit, over TCP.
    TooLong {
        /// The length in bytes.
        length: u32,
        /// The limit in bytes.
        limit: u32,
    },
    /// It closed the connection before its reply was complete.
    Closed {
        /// How many bytes of the reply came.
        got: usize,
    },
    /// It said that it can't serve now (`KDC_ERR_SVC_UNAVAILABLE`).
    Unavailable,
    /// TCP is required, and it is configured for UDP only.
    OnlyUdp,
    /// It was not asked: its turn had not come when the time for the whole exchange was over.
    NotAsked,
    /// Any other error of the system.
    Io {
        /// Its kind.
        kind: io::ErrorKind,
        /// What the system says.
        why: String,
    },
}

impl From<io::Error> for Silence {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Silence::Refused,
            kind => Silence::Io { kind, why: error.to_string() },
        }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tried.is_empty() {
            return write!(f, "no KDC is known for realm {}", self.realm);
        }
        write!(f, "no KDC of realm {} answered", self.realm)?;
        for (index, attempt) in self.tried.iter().enumerate() {
            write!(f, "{}{attempt}", if index == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

impl Attempt {
    /// The KDC with its address, if that says more, and how it was asked: `kdc1.example.com:88 (192.0.2.1:88) over UDP`.
    #[must_use]
    pub fn place(&self) -> String {
        let KdcAddress { host, port, .. } = &self.kdc;
        let plain = KdcAddress { host: host.clone(), port: *port, transport: None }.to_string();
        let address = self.address.map(|address| address.to_string()).filter(|address| *address != plain);
        let address = address.map(|address| format!(" ({address})")).unwrap_or_default();
        let transport = self.transport.map(|transport| format!(" over {transport}")).unwrap_or_default();
        format!("{plain}{address}{transport}")
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place(), self.why)
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Silence::Unresolvable { why } => write!(f, "can't be found: {why}"),
            Silence::Refused => f.write_str("refused the connection"),
            Silence::TimedOut { waited } => write!(f, "did not answer in {:.1} s", waited.as_secs_f64()),
            Silence::Nonsense { count: 1 } => f.write_str("answered with something that is no Kerberos message"),
            Silence::Nonsense { count } => write!(f, "sent {count} datagrams that are no Kerberos message"),
            Silence::TooLong { length, limit } => {
                write!(f, "announced a reply of {length} bytes, over the limit of {limit}")
            }
            Silence::Closed { got } => write!(f, "closed the connection after {got} bytes of its reply"),
            Silence::Unavailable => f.write_str("said that it can't serve now (KDC_ERR_SVC_UNAVAILABLE)"),
            Silence::OnlyUdp => f.write_str("was not asked: TCP is required, and it is configured for UDP only"),
            Silence::NotAsked => f.write_str("was not asked: the time was over before its turn"),
            Silence::Io { why, .. } => write!(f, "can't be reached: {why}"),
        }
    }
}

impl std::error::Error for Unreachable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_each_kdc_and_its_reason() {
        let attempt = |kdc: &str, address: &str, transport, why| Attempt {
            kdc: kdc.parse().unwrap(),
            address: address.parse().ok(),
            transport,
            why,
        };
        let error = Unreachable {
            realm: "EXAMPLE.COM".into(),
            tried: vec![
                attempt("kdc1.example.com", "192.0.2.1:88", Some(Transport::Udp), Silence::Refused),
                attempt(
                    "tcp/192.0.2.2:88",
                    "192.0.2.2:88",
                    Some(Transport::Tcp),
                    Silence::TimedOut { waited: Duration::from_millis(12_345) },
                ),
                attempt("kdc3", "", None, Silence::Unresolvable { why: "unknown host".into() }),
            ],
        };
        assert_eq!(
            error.to_string(),
            "no KDC of realm EXAMPLE.COM answered: kdc1.example.com:88 (192.0.2.1:88) over UDP refused the connection; \
             192.0.2.2:88 over TCP did not answer in 12.3 s; kdc3:88 can't be found: unknown host"
        );
        let unknown = Unreachable { realm: "NOWHERE".into(), tried: Vec::new() };
        assert_eq!(unknown.to_string(), "no KDC is known for realm NOWHERE");
    }
}
