//! A way in for `fuzz/`, which builds with `--cfg fuzzing`; other builds do not have it.

use super::message::{Query, Reply};
use super::{RecordType, uri};
use crate::kdc::KdcAddress;

/// The query for the SRV records of `name`; `None` if that is no name.
#[must_use]
pub fn query(name: &str, id: u16) -> Option<Vec<u8>> {
    Query::new(RecordType::Srv, name, id).map(|query| query.bytes().to_vec())
}

/// What is believed of an answer to that query: `None` if it is no answer to it, else its records' priority, weight, port and
/// host.
#[must_use]
pub fn answer(name: &str, id: u16, bytes: &[u8]) -> Option<Vec<(u16, u16, u16, String)>> {
    let Reply::Records(records) = Query::new(RecordType::Srv, name, id)?.hear(bytes)?.reply else {
        return Some(Vec::new());
    };
    Some(records.into_iter().map(|record| (record.priority, record.weight, record.port, record.target)).collect())
}

/// The query for the URI records of `name`; `None` if that is no name.
#[must_use]
pub fn uri_query(name: &str, id: u16) -> Option<Vec<u8>> {
    Query::new(RecordType::Uri, name, id).map(|query| query.bytes().to_vec())
}

/// The KDCs that are believed of an answer to that query; `None` if it is no answer to it.
#[must_use]
pub fn uri_answer(name: &str, id: u16, bytes: &[u8]) -> Option<Vec<KdcAddress>> {
    let reply = Query::new(RecordType::Uri, name, id)?.hear(bytes)?.reply;
    let Reply::Records(records) = reply else { return Some(Vec::new()) };
    Some(records.iter().filter_map(|record| uri::kdc(&record.target, 88)).collect())
}
