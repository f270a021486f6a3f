use domain::base::iana::{Class, Opcode, Rcode};
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName, UnknownRecordData};
use domain::rdata::{A, Aaaa, Cname, Ptr, Soa, Srv, Txt};
use std::net::IpAddr;
use std::time::Duration;

use super::{CNAME_LIMIT, RecordType};

/// A question.
#[derive(Debug)]
pub(super) struct Query {
    record: RecordType,
    id: u16,
    name: Name<Vec<u8>>,
    bytes: Vec<u8>,
}

/// An SRV record (RFC 2782) or a URI record (RFC 7553).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) priority: u16,
    pub(super) weight: u16,
    /// The port; 0 in a URI record, which has it in its target.
    pub(super) port: u16,
    /// The host, without the last dot: empty if the service is not there. Or the URI.
    pub(super) target: String,
}

/// What a nameserver says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Records(Vec<Record>),
    /// The name that the one asked for is an alias of, or itself, and its first address.
    Host {
        name: String,
        address: IpAddr,
    },
    /// The name of the address that was asked for, or of a realm.
    Name(String),
    /// It is too long for a datagram.
    Truncated,
    NoSuchName,
    NoRecords,
    Failed(String),
}

/// What a nameserver says, and how long it is so.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) reply: Reply,
    /// Nothing, if it is not to be kept.
    pub(super) lasts: Duration,
}

impl Query {
    /// `None` if `name` can't be a name.
    pub(super) fn new(record: RecordType, name: &str, id: u16) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name = Some(name).filter(|name| name.chars().all(plain)).map(Name::vec_from_str)?.ok()?;
        let mut builder = MessageBuilder::new_vec();
        builder.header_mut().set_id(id);
        builder.header_mut().set_rd(true);
        let mut question = builder.question();
        question.push((&name, rtype(record))).ok()?;
        Some(Query { record, id, name, bytes: question.finish() })
    }

    /// The message.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What `bytes` say, and how long it is so; `None` if they are no answer to this.
    pub(super) fn hear(&self, bytes: &[u8]) -> Option<Heard> {
        let reply = self.read(bytes)?;
        let message = Message::from_slice(bytes).ok()?;
        let lasts = match reply {
            Reply::Records(_) | Reply::Host { .. } | Reply::Name(_) => answer_lasts(message),
            Reply::NoSuchName | Reply::NoRecords => nothing_lasts(message),
            Reply::Truncated | Reply::Failed(_) => None,
        };
        Some(Heard { reply, lasts: lasts.unwrap_or_default() })
    }

    /// What `bytes` say; `None` if they are no answer to this.
    pub(super) fn read(&self, bytes: &[u8]) -> Option<Reply> {
        let message = Message::from_slice(bytes).ok()?;
        let header = message.header();
        let question = message.sole_question().ok()?;
        let asked = question.qname().name_eq(&self.name);
        let (qtype, class) = (question.qtype(), question.qclass());
        if !header.qr() || header.id() != self.id || header.opcode() != Opcode::QUERY {
            return None;
        }
        if !asked || qtype != rtype(self.record) || class != Class::IN {
            return None;
        }
        match header.rcode() {
            _ if header.tc() => Some(Reply::Truncated),
            Rcode::NOERROR => self.records(message),
            Rcode::NXDOMAIN => Some(Reply::NoSuchName),
            code => Some(Reply::Failed(code.to_string())),
        }
    }

    /// The records of the name, or of the name that it is an alias of.
    fn records(&self, message: &Message<[u8]>) -> Option<Reply> {
        let mut owner = self.name.clone();
        for _ in 0..=CNAME_LIMIT {
            if let Some(reply) = self.of_owner(message, &owner)? {
                return Some(reply);
            }
            let mut aliases = message.answer().ok()?.limit_to_in::<Cname<_>>();
            match aliases.find(|alias| alias.as_ref().is_ok_and(|alias| alias.owner().name_eq(&owner))) {
                Some(alias) => owner = alias.ok()?.data().cname().to_vec(),
                None => return Some(Reply::NoRecords),
            }
        }
        None
    }
}

impl Query {
    /// The records of `owner`, if there are any.
    fn of_owner(&self, message: &Message<[u8]>, owner: &Name<Vec<u8>>) -> Option<Option<Reply>> {
        let some = |records: Vec<Record>| (!records.is_empty()).then_some(Reply::Records(records));
        let host = |address| Reply::Host { name: shown(owner), address };
        Some(match self.record {
            RecordType::Srv => some(srv_records(message, owner)?),
            RecordType::Uri => some(uri_records(message, owner)?),
            RecordType::A => {
                let mut records = message.answer().ok()?.limit_to_in::<A>().filter_map(Result::ok);
                let record = records.find(|record| record.owner().name_eq(owner));
                record.map(|record| host(record.data().addr().into()))
            }
            RecordType::Aaaa => {
                let mut records = message.answer().ok()?.limit_to_in::<Aaaa>().filter_map(Result::ok);
                let record = records.find(|record| record.owner().name_eq(owner));
                record.map(|record| host(record.data().addr().into()))
            }
            RecordType::Ptr => {
                let mut records = message.answer().ok()?.limit_to_in::<Ptr<_>>().filter_map(Result::ok);
                let record = records.find(|record| record.owner().name_eq(owner));
                record.map(|record| Reply::Name(shown(record.data().ptrdname())))
            }
            RecordType::Txt => {
                let mut records = message.answer().ok()?.limit_to_in::<Txt<_>>().filter_map(Result::ok);
                let realm = |text: &Txt<_>| realm_name(text.iter().next()?);
                let found = records.find_map(|record| realm(record.data()).filter(|_| record.owner().name_eq(owner)));
                found.map(Reply::Name)
            }
        })
    }
}

/// How long an answer is so: as its record of the shortest time, be it an alias.
fn answer_lasts(message: &Message<[u8]>) -> Option<Duration> {
    let mut shortest = None;
    for record in message.answer().ok()? {
        let time = lifetime(record.ok()?.ttl().as_secs());
        shortest = shortest.map_or(Some(time), |other: Duration| Some(other.min(time)));
    }
    shortest
}

/// How long it is so that there is nothing: as the zone's SOA record says in both of its ways (RFC 2308 5). Without one, not at all.
fn nothing_lasts(message: &Message<[u8]>) -> Option<Duration> {
    let soa = message.authority().ok()?.limit_to_in::<Soa<_>>().next()?.ok()?;
    Some(lifetime(soa.ttl().as_secs()).min(lifetime(soa.data().minimum().as_secs())))
}

/// A TTL with the highest bit set is none (RFC 2181 8).
fn lifetime(seconds: u32) -> Duration {
    Duration::from_secs(i32::try_from(seconds).map_or(0, i32::unsigned_abs).into())
}

/// Without the last dot.
fn shown(name: &impl std::fmt::Display) -> String {
    name.to_string().trim_end_matches('.').to_owned()
}

/// The realm that a text names, up to the first blank, without a last dot, as MIT krb5 reads it.
fn realm_name(text: &[u8]) -> Option<String> {
    let end = text.iter().position(|octet| octet.is_ascii_whitespace() || *octet == 0).unwrap_or(text.len());
    let realm = std::str::from_utf8(text.get(..end)?).ok()?.trim_end_matches('.');
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '@' | ':' | '\\');
    (!realm.is_empty() && realm.chars().all(is_plain)).then(|| realm.to_owned())
}

fn rtype(record: RecordType) -> Rtype {
    match record {
        RecordType::Srv => Rtype::SRV,
        RecordType::Uri => Rtype::URI,
        RecordType::A => Rtype::A,
        RecordType::Aaaa => Rtype::AAAA,
        RecordType::Ptr => Rtype::PTR,
        RecordType::Txt => Rtype::TXT,
    }
}

fn srv_records(message: &Message<[u8]>, owner: &Name<Vec<u8>>) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    for record in message.answer().ok()?.limit_to_in::<Srv<_>>() {
        let record = record.ok()?;
        if record.owner().name_eq(owner) {
            let data = record.data();
            let target = data.target().to_string().trim_end_matches('.').to_owned();
            records.push(Record { priority: data.priority(), weight: data.weight(), port: data.port(), target });
        }
    }
    Some(records)
}

fn uri_records(message: &Message<[u8]>, owner: &Name<Vec<u8>>) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    for record in message.answer().ok()?.limit_to_in::<UnknownRecordData<_>>() {
        let record = record.ok()?;
        if record.rtype() == Rtype::URI && record.owner().name_eq(owner) {
            records.push(uri_record(record.data().data())?);
        }
    }
    Some(records)
}

/// Priority, weight, and a target that fills the rest (RFC 7553 4.5).
fn uri_record(data: &[u8]) -> Option<Record> {
    let (&[p0, p1, w0, w1], target) = data.split_first_chunk()?;
    let [priority, weight] = [[p0, p1], [w0, w1]].map(u16::from_be_bytes);
    Some(Record { priority, weight, port: 0, target: String::from_utf8_lossy(target).into_owned() })
}
