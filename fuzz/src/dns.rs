//! What is believed of nameservers and of KDCs before anything is proven.

use handfast::krb5::message::{ErrorCode, KdcRep, KrbError};
use handfast_net::dns::{Dns, NAMESERVER_LIMIT, fuzzing};
use handfast_net::kdc::TCP_REPLY_LIMIT;
use handfast_net::kdc::fuzzing::{is_unavailable, looks_like_reply, tcp_length};

/// What is asked for.
pub const NAME: &str = "_kerberos._udp.EXAMPLE.COM";
/// The query's id.
pub const ID: u16 = 0x1234;

/// The query.
pub fn query() -> Vec<u8> {
    fuzzing::query(NAME, ID).expect("a name")
}

/// A datagram from a nameserver (RFC 1035 4.1). Only a response with the id and the question of the query is believed, and what is
/// believed has been in it.
pub fn dns(data: &[u8]) {
    uris(data);
    let Some(records) = fuzzing::answer(NAME, ID, data) else { return };
    let (asked, believed) = (query(), "believed, and it is");
    assert_eq!(data.get(..2), asked.get(..2), "{believed} of another id");
    let flags = data.get(2).copied().unwrap_or_default();
    // QR is 1, and OPCODE 0.
    assert_eq!(flags & 0xf8, 0x80, "{believed} no response to a query");
    assert_eq!(data.get(4..6), Some(&[0, 1][..]), "{believed} about several questions, or none");
    let question = data.get(12..asked.len()).unwrap_or_default();
    assert!(question.eq_ignore_ascii_case(&asked[12..]), "{believed} about another question");
    let room = data.len().saturating_sub(asked.len());
    // An owner, type, class, lifetime, length, numbers, and a target of one octet at least.
    assert!(records.len() <= room / (1 + 10 + 6 + 1), "{} records in {room} octets", records.len());
    let taken = |count: usize| {
        data.get(6..8).is_some_and(|stated| count <= usize::from(u16::from_be_bytes([stated[0], stated[1]])))
    };
    assert!(taken(records.len()), "more than the answer states");
    for (_, _, _, host) in &records {
        // 255 octets (RFC 1035 2.3.4), each in up to four characters.
        assert!(host.len() <= 4 * 255, "{host}");
    }
}

/// The name of URI records (RFC 7553).
pub const URI_NAME: &str = "_kerberos.EXAMPLE.COM";

/// The query for them.
pub fn uri_query() -> Vec<u8> {
    fuzzing::uri_query(URI_NAME, ID).expect("a name")
}

/// A datagram from a nameserver with URI records: what is believed are places, each with its way.
fn uris(data: &[u8]) {
    let Some(kdcs) = fuzzing::uri_answer(URI_NAME, ID, data) else { return };
    let asked = uri_query();
    let question = data.get(12..asked.len()).unwrap_or_default();
    assert!(question.eq_ignore_ascii_case(&asked[12..]), "believed, and it is about another question");
    // An owner, type, class, lifetime, length, numbers, and the least that a target has: krb5srv::udp:a
    let room = data.len().saturating_sub(asked.len());
    assert!(kdcs.len() <= room / (1 + 10 + 4 + 14), "{} KDCs in {room} octets", kdcs.len());
    for kdc in kdcs {
        assert!(kdc.transport.is_some() && kdc.port != 0 && !kdc.host.is_empty(), "{kdc}");
        assert_eq!(kdc.to_string().parse().as_ref(), Ok(&kdc), "it is written as it is read");
    }
}

/// A resolv.conf.
pub fn resolv_conf(data: &[u8]) {
    let dns = Dns::from_resolv_conf(&String::from_utf8_lossy(data));
    assert!((1..=NAMESERVER_LIMIT).contains(&dns.nameservers().len()));
    let text: String =
        dns.nameservers().iter().map(|server| format!("nameserver [{}]:{}\n", server.ip(), server.port())).collect();
    let ports = dns.nameservers().iter().all(|server| server.ip().is_ipv4());
    assert!(!ports || Dns::from_resolv_conf(&text).nameservers() == dns.nameservers(), "{text}");
}

/// What comes back from a KDC's port. A reply that can be read is not thrown away, and one that is taken has a KDC's tag.
pub fn kdc_reply(data: &[u8]) {
    let taken = looks_like_reply(data);
    let read = KdcRep::decode(data).is_ok() || KrbError::decode(data).is_ok();
    assert!(taken || !read, "a KDC's message, not taken");
    assert!(!taken || matches!(data.first(), Some(0x6b | 0x6d | 0x7e)));
    let says = KrbError::decode(data).is_ok_and(|error| error.error_code == ErrorCode::KDC_ERR_SVC_UNAVAILABLE);
    assert_eq!(is_unavailable(data), says);
    if let Some(header) = data.first_chunk::<4>() {
        let length = u32::from_be_bytes(*header);
        assert_eq!(tcp_length(header), Some(length).filter(|length| *length <= TCP_REPLY_LIMIT));
    }
}
