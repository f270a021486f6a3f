use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use handfast::krb5::exchange::{KdcAttempt, KdcUnreachable};

use crate::kdc::Transport;

/// The DNS names no KDC of a realm: who was asked for what, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoKdcFound {
    /// The realm.
    pub realm: String,
    /// What came of the attempts, in order; what a nameserver says again is not said again here.
    pub tried: Vec<DnsAttempt>,
}

/// A question that gave no KDC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsAttempt {
    /// Which records were asked for.
    pub record: RecordType,
    /// The name that they were to have.
    pub name: String,
    /// Who was asked, and how; `None` if it did not come to that.
    pub nameserver: Option<(SocketAddr, Transport)>,
    /// What came of it.
    pub why: DnsSilence,
}

/// Which records are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordType {
    /// One name for each transport (RFC 2782, RFC 4120 7.2.3.2).
    Srv,
    /// One name for all (RFC 7553), as MIT krb5 uses it.
    Uri,
    /// An IPv4 address (RFC 1035 3.4.1).
    A,
    /// An IPv6 address (RFC 3596 2.1).
    Aaaa,
    /// The name of an address (RFC 1035 3.3.12).
    Ptr,
    /// Text (RFC 1035 3.3.14): the name of a realm.
    Txt,
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecordType::Srv => "SRV",
            RecordType::Uri => "URI",
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Ptr => "PTR",
            RecordType::Txt => "TXT",
        })
    }
}

/// Why a nameserver named no KDC.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DnsSilence {
    /// There is no such name.
    NoSuchName,
    /// The name has no such records.
    NoRecords,
    /// The record's target is `.`: the service is decidedly not there (RFC 2782).
    NotOffered,
    /// The name's URI records name nothing that can be asked, but KDC proxies, say.
    NoneUsable,
    /// It answered with this code (RFC 1035 4.1.1).
    Failed {
        /// The code's name.
        code: String,
    },
    /// Nobody listens on that port.
    Refused,
    /// No answer came.
    TimedOut {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The time for the whole look-up was over.
    NotAsked {
        /// How long that is.
        whole: Duration,
    },
    /// What came was no answer to the question.
    Nonsense {
        /// How many datagrams; 1 for a TCP connection.
        count: u32,
    },
    /// No nameserver is known.
    NoNameserver,
    /// The file that names the nameservers can't be read.
    NoResolvConf {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The realm's name can't be a domain's.
    NoDomain,
    /// There is no randomness for a query's id.
    NoRandom,
    /// Any other error of the system.
    Io {
        /// Its kind.
        kind: io::ErrorKind,
        /// What the system says.
        why: String,
    },
}

impl From<io::Error> for DnsSilence {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => DnsSilence::Refused,
            kind => DnsSilence::Io { kind, why: error.to_string() },
        }
    }
}

impl fmt::Display for DnsSilence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DnsSilence::NoSuchName => f.write_str("there is no such name"),
            DnsSilence::NoRecords => f.write_str("the name has no such records"),
            DnsSilence::NotOffered => f.write_str("the realm says that it offers no KDC so"),
            DnsSilence::NoneUsable => f.write_str("its records name no KDC that can be asked"),
            DnsSilence::Failed { code } => write!(f, "it answered {code}"),
            DnsSilence::Refused => f.write_str("it refused the connection"),
            DnsSilence::TimedOut { waited } => write!(f, "it did not answer in {:.1} s", waited.as_secs_f64()),
            DnsSilence::NotAsked { whole } => {
                write!(f, "it was not asked any more: the whole look-up may take {:.1} s", whole.as_secs_f64())
            }
            DnsSilence::Nonsense { count } => {
                write!(f, "it sent nothing that answers the question ({count} other messages)")
            }
            DnsSilence::NoNameserver => f.write_str("no nameserver is known"),
            DnsSilence::NoResolvConf { path, why } => {
                write!(f, "no nameserver is known, since {} can't be read: {why}", path.display())
            }
            DnsSilence::NoDomain => f.write_str("was not asked for: that is no name of a domain"),
            DnsSilence::NoRandom => f.write_str("was not asked for: there is no randomness for it"),
            DnsSilence::Io { why, .. } => write!(f, "it can't be reached: {why}"),
        }
    }
}

impl DnsAttempt {
    /// Who was asked: `nameserver 192.0.2.53:53 over UDP`, or `the DNS`.
    #[must_use]
    pub fn place(&self) -> String {
        self.nameserver.map_or("the DNS".to_owned(), |(server, over)| format!("nameserver {server} over {over}"))
    }

    /// What was asked for, and what came of it.
    #[must_use]
    pub fn reason(&self) -> String {
        format!("{} {}: {}", self.record, self.name.escape_debug(), self.why)
    }
}

impl fmt::Display for DnsAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.reason())
    }
}

impl fmt::Display for NoKdcFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the DNS names no KDC of the realm {}", self.realm)?;
        for (index, attempt) in self.tried.iter().enumerate() {
            write!(f, "{}{attempt}", if index == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for NoKdcFound {}

impl From<NoKdcFound> for KdcUnreachable {
    fn from(error: NoKdcFound) -> Self {
        let attempt = |attempt: &DnsAttempt| KdcAttempt { kdc: attempt.place(), reason: attempt.reason() };
        KdcUnreachable { tried: error.tried.iter().map(attempt).collect(), realm: error.realm }
    }
}
