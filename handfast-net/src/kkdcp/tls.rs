//! TLS to a proxy, and whom it is trusted by.

use std::fs::{self, File};
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use super::url::ProxyUrl;
use super::{ProxyError, http};
use crate::resolve::addresses;
use crate::{Deadline, Timed};

/// For a TCP connection to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// Octets that are read of one file.
const FILE_LIMIT: u64 = 16 << 20;
/// How many files are read of a directory.
const FILES_LIMIT: usize = 1024;

/// Posts `body` to `url`, whose certificate chains to one of `anchors`, or of the system's if there are none.
pub(super) fn post(url: &ProxyUrl, anchors: &[String], body: &[u8], deadline: Deadline) -> Result<Vec<u8>, ProxyError> {
    let name = ServerName::try_from(url.host.clone()).map_err(|_| ProxyError::Url("it has no host name"))?;
    let failed = |error: rustls::Error| ProxyError::Tls(error.to_string());
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(roots(anchors)?)
        .with_no_client_auth();
    let mut session = ClientConnection::new(Arc::new(config), name).map_err(failed)?;
    let tcp = connect(url, deadline)?;
    let mut timed = Timed::new(&tcp, deadline)?;
    http::post(Stream::new(&mut session, &mut timed), url, body)
}

/// A connection to the first address that has one.
fn connect(url: &ProxyUrl, deadline: Deadline) -> Result<TcpStream, ProxyError> {
    let mut last = ProxyError::TimedOut;
    for address in resolve(url, deadline)? {
        let time = deadline.at_most(CONNECT).ok_or(ProxyError::TimedOut)?;
        match TcpStream::connect_timeout(&address, time) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

/// On a thread that is not waited for longer than the deadline: the system's resolver takes no time-out.
fn resolve(url: &ProxyUrl, deadline: Deadline) -> Result<Vec<SocketAddr>, ProxyError> {
    let (sender, receiver) = mpsc::channel();
    let (host, port) = (url.host.clone(), url.port);
    thread::Builder::new().name("handfast-kdc".to_owned()).spawn(move || {
        // Once the time is over nobody listens, and nobody needs to.
        let _ = sender.send(addresses(&host, port));
    })?;
    let time = deadline.left().unwrap_or(Duration::from_secs(3600));
    let found = receiver.recv_timeout(time).map_err(|_| ProxyError::TimedOut)?;
    found.map_err(|error| ProxyError::Unresolvable(error.to_string()))
}

/// Whom to trust. The system's certificates are read only if the realm names none.
pub(super) fn roots(anchors: &[String]) -> Result<RootCertStore, ProxyError> {
    let mut store = RootCertStore::empty();
    for anchor in anchors {
        add(&mut store, anchor)?;
    }
    if anchors.is_empty() {
        // One that can't be read is one that is not trusted.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if store.is_empty() {
        return Err(ProxyError::Anchors("neither http_anchors nor the system has a certificate".to_owned()));
    }
    Ok(store)
}

fn add(store: &mut RootCertStore, anchor: &str) -> Result<(), ProxyError> {
    if let Some(path) = anchor.strip_prefix("FILE:") {
        return add_file(store, Path::new(path));
    }
    let Some(path) = anchor.strip_prefix("DIR:") else {
        let why = format!("http_anchors = {anchor}: FILE: and DIR: are taken here; ENV: is not, name the file");
        return Err(ProxyError::Anchors(why));
    };
    for file in files(Path::new(path)).map_err(|error| unreadable(Path::new(path), &error))? {
        add_file(store, &file)?;
    }
    Ok(())
}

/// The files of a directory, but those whose name begins with a dot.
fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path)?.take(FILES_LIMIT) {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn add_file(store: &mut RootCertStore, path: &Path) -> Result<(), ProxyError> {
    let mut pem = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_LIMIT).read_to_end(&mut pem));
    read.map_err(|error| unreadable(path, &error))?;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let bad = |why: String| ProxyError::Anchors(format!("{}: {why}", path.display()));
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        store.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> ProxyError {
    ProxyError::Anchors(format!("can't read {}: {error}", path.display()))
}
