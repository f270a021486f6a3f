//! KDC proxies (MS-KKDCP; feature `kkdcp`): a request in a KDC-PROXY-MESSAGE, sent by HTTPS to who passes it on to the KDC.
//!
//! A realm's `kdc = https://host[:port]/path` in krb5.conf names one. Its certificate must chain to one of the realm's `http_anchors`
//! (`FILE:` and `DIR:`, in PEM), or, if there are none, to one of the system's; and it must have the host's name.

mod http;
mod message;
#[cfg(test)]
mod tests;
mod tls;
mod url;

use std::fmt;
use std::io;

use handfast::krb5::exchange::{KdcAttempt, KdcRequest};

use crate::Deadline;
use crate::kdc::{is_unavailable, looks_like_reply};
use url::ProxyUrl;
#[cfg(feature = "dns")]
pub(crate) use url::is_proxy_url;
pub(crate) use url::is_url;

/// The KDC proxies of a realm, as its section of krb5.conf has them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    /// URLs, in the order in which they are asked.
    pub(crate) urls: Vec<String>,
    /// `http_anchors`.
    pub(crate) anchors: Vec<String>,
}

impl Proxies {
    /// The reply by way of the first proxy that has one; else why each has none.
    pub(crate) fn exchange(&self, request: &KdcRequest, deadline: Deadline) -> Result<Vec<u8>, Vec<KdcAttempt>> {
        let mut tried = Vec::new();
        for url in &self.urls {
            match self.ask(url, request, deadline) {
                Ok(reply) => return Ok(reply),
                Err(error) => tried.push(KdcAttempt { kdc: url.clone(), reason: error.to_string() }),
            }
        }
        Err(tried)
    }

    fn ask(&self, url: &str, request: &KdcRequest, deadline: Deadline) -> Result<Vec<u8>, ProxyError> {
        let url: ProxyUrl = url.parse()?;
        let body = message::encode(&request.realm, &request.bytes)?;
        passed_on(&tls::post(&url, &self.anchors, &body, deadline)?)
    }
}

/// The reply of a KDC that can serve, in the answer of a proxy.
fn passed_on(answer: &[u8]) -> Result<Vec<u8>, ProxyError> {
    let reply = message::decode(answer)?;
    if !looks_like_reply(reply) {
        return Err(ProxyError::Message("what it passed on is no answer of a KDC"));
    }
    if is_unavailable(reply) {
        return Err(ProxyError::Unavailable);
    }
    Ok(reply.to_vec())
}

/// Why nothing came of asking a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProxyError {
    Url(&'static str),
    /// The trust anchors can't be had.
    Anchors(String),
    Unresolvable(String),
    Certificate(String),
    Tls(String),
    TimedOut,
    Io(io::ErrorKind, String),
    Status(u16),
    Http(&'static str),
    /// The answer is over the limit, in bytes.
    TooLong(usize),
    Message(&'static str),
    Unavailable,
}

impl From<io::Error> for ProxyError {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(why)) => ProxyError::Certificate(why.to_string()),
            Some(other) => ProxyError::Tls(other.to_string()),
            None if error.kind() == io::ErrorKind::TimedOut => ProxyError::TimedOut,
            None => ProxyError::Io(error.kind(), error.to_string()),
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxyError::Url(why) => write!(f, "was not asked: {why}"),
            ProxyError::Anchors(why) => write!(f, "was not asked, for nobody can be trusted: {why}"),
            ProxyError::Unresolvable(why) => f.write_str(why),
            ProxyError::Certificate(why) => {
                write!(
                    f,
                    "its certificate is refused: {why}; http_anchors of the realm names who is trusted to issue it"
                )
            }
            ProxyError::Tls(why) => write!(f, "no TLS came about: {why}"),
            ProxyError::TimedOut => f.write_str("did not answer in time"),
            ProxyError::Io(io::ErrorKind::ConnectionRefused, _) => f.write_str("refused the connection"),
            ProxyError::Io(_, why) => f.write_str(why),
            ProxyError::Status(status @ 300..=399) => {
                write!(f, "answered with HTTP status {status}, and redirects are not followed")
            }
            ProxyError::Status(status) => write!(f, "answered with HTTP status {status}"),
            ProxyError::Http(why) => write!(f, "its answer is no HTTP: {why}"),
            ProxyError::TooLong(limit) => write!(f, "its answer is longer than {limit} bytes"),
            ProxyError::Message(why) => write!(f, "its answer is no KDC-PROXY-MESSAGE: {why}"),
            ProxyError::Unavailable => f.write_str("passed on that the KDC can't serve now"),
        }
    }
}
