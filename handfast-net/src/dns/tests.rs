use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

#[cfg(feature = "kkdcp")]
use handfast::krb5::exchange::KdcRequest;

use super::message::{Query, Reply};
use super::*;
use crate::kdc::{KdcAddress, Transport};

const UDP: &str = "_kerberos._udp.EXAMPLE.COM";
const TCP: &str = "_kerberos._tcp.EXAMPLE.COM";

/// An SRV record of the name that was asked for.
fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Vec<u8> {
    let data = [&priority.to_be_bytes()[..], &weight.to_be_bytes(), &port.to_be_bytes(), &name(target)].concat();
    record(&[0xc0, 12], 33, &data)
}

fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    [owner, &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 60], &length.to_be_bytes(), data].concat()
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A response to `query` with this code and these records.
fn response(query: &[u8], code: u8, records: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(records.len()).unwrap().to_be_bytes();
    let header = [query[0], query[1], 0x81, 0x80 | code, 0, 1, count[0], count[1], 0, 0, 0, 0];
    [&header[..], &query[12..], &records.concat()].concat()
}

/// The name in the question of `query`.
fn asked(query: &[u8]) -> String {
    let mut labels = Vec::new();
    let mut rest = &query[12..];
    while let Some((length, behind)) = rest.split_first().filter(|(length, _)| **length != 0) {
        let (label, behind) = behind.split_at(usize::from(*length));
        labels.push(String::from_utf8(label.to_vec()).unwrap());
        rest = behind;
    }
    labels.join(".")
}

/// A nameserver that sends what `answer` gives for a query and the way it came, for as long as the test runs.
fn nameserver(answer: impl Fn(&[u8], Transport) -> Vec<Vec<u8>> + Send + Sync + Clone + 'static) -> SocketAddr {
    let (tcp, udp) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            break (tcp, udp);
        }
    };
    let address = udp.local_addr().unwrap();
    let by_udp = answer.clone();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        loop {
            let (length, from) = udp.recv_from(&mut buffer).unwrap();
            for datagram in by_udp(&buffer[..length], Transport::Udp) {
                let _ = udp.send_to(&datagram, from); // the client may have its answer already
            }
        }
    });
    thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut query = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut query).unwrap();
            for answer in answer(&query, Transport::Tcp) {
                let length = u16::try_from(answer.len()).unwrap();
                stream.write_all(&[&length.to_be_bytes(), &answer[..]].concat()).unwrap();
            }
        }
    });
    address
}

/// A nameserver that has these records for both names.
fn nameserver_with(records: Vec<Vec<u8>>) -> SocketAddr {
    nameserver(move |query, _| vec![response(query, 0, &records)])
}

fn dns(servers: &[SocketAddr]) -> Dns {
    Dns::new(servers.iter().copied()).timeout(Duration::from_millis(300)).attempts(1)
}

/// Asks in both ways, which must come to the same.
fn kdcs_of(dns: &Dns, realm: &str) -> Result<Vec<String>, NoKdcFound> {
    let shown = |kdcs: Vec<KdcAddress>| kdcs.iter().map(ToString::to_string).collect::<Vec<_>>();
    let found = dns.kdcs(realm).map(shown);
    #[cfg(feature = "tokio")]
    {
        let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(dns.clone().answer_limit(8).kdcs_async(realm)).map(shown), found);
    }
    found
}

fn find(server: SocketAddr) -> Result<Vec<String>, NoKdcFound> {
    kdcs_of(&dns(&[server]), "EXAMPLE.COM")
}

fn reasons(result: Result<Vec<String>, NoKdcFound>) -> Vec<(String, Option<Transport>, DnsSilence)> {
    let tried = result.unwrap_err().tried;
    tried.into_iter().map(|attempt| (attempt.name, attempt.nameserver.map(|(_, over)| over), attempt.why)).collect()
}

#[test]
fn kdcs_come_by_priority_and_by_the_ways_that_the_records_name() {
    let server = nameserver(|query, _| {
        let records = match asked(query).as_str() {
            UDP => vec![srv(20, 0, 88, "two.example.com"), srv(10, 0, 750, "one.example.com")],
            TCP => vec![srv(5, 0, 750, "one.example.com"), srv(1, 0, 88, "three.example.com")],
            other => panic!("{other}"),
        };
        vec![response(query, 0, &records)]
    });
    let found = find(server).unwrap();
    assert_eq!(found, ["one.example.com:750", "udp/two.example.com:88", "tcp/three.example.com:88"]);
}

#[test]
fn aliases_are_followed_and_loops_of_them_are_not() {
    let alias = |from: &str, to: &str| record(&name(from), 5, &name(to));
    let server = nameserver(move |query, _| {
        let target = [&[0, 0, 0, 0, 0, 88][..], &name("kdc.example.com")].concat();
        let records = [record(&name("b.x"), 33, &target), alias("a.x", "b.x"), alias(&asked(query), "a.x")];
        vec![response(query, 0, &records)]
    });
    assert_eq!(find(server).unwrap(), ["kdc.example.com:88"]);
    let looping = nameserver(move |query, _| {
        vec![response(query, 0, &[alias(&asked(query), "a.x"), alias("a.x", "b.x"), alias("b.x", "a.x")])]
    });
    assert_eq!(reasons(find(looping)), [(UDP.to_owned(), Some(Transport::Udp), DnsSilence::Nonsense { count: 1 })]);
}

#[test]
fn records_of_another_name_are_not_taken() {
    let target = [&[0, 0, 0, 0, 0, 88][..], &name("evil.example.org")].concat();
    let server = nameserver_with(vec![record(&name("_kerberos._udp.example.org"), 33, &target)]);
    let why = DnsSilence::NoRecords;
    let by_udp = Some(Transport::Udp);
    assert_eq!(reasons(find(server)), [(UDP.to_owned(), by_udp, why.clone()), (TCP.to_owned(), by_udp, why)]);
}

#[test]
fn a_truncated_answer_is_asked_for_again_over_tcp() {
    let server = nameserver(|query, over| {
        let mut answer = response(query, 0, &[srv(0, 0, 88, "kdc.example.com")]);
        if over == Transport::Udp {
            answer = response(query, 0, &[]);
            answer[2] |= 2;
        }
        vec![answer]
    });
    assert_eq!(find(server).unwrap(), ["kdc.example.com:88"]);
}

#[test]
fn only_an_answer_to_the_question_counts() {
    let server = nameserver(|query, _| {
        let good = response(query, 0, &[srv(0, 0, 88, "kdc.example.com")]);
        let evil = response(query, 0, &[srv(0, 0, 88, "evil.example.com")]);
        let changed = |at: usize, bits: u8| {
            let mut bytes = evil.clone();
            bytes[at] ^= bits;
            bytes
        };
        let end = query.len();
        let none = [&evil[..4], &[0, 0, 0, 1, 0, 0, 0, 0][..], &evil[end..]].concat();
        // Another id, a query, another operation, another name, type or class; no question; nothing; half of it.
        let nonsense = [(0, 1), (1, 0x80), (2, 0x80), (2, 0x10), (14, 1), (end - 3, 1), (end - 1, 2)];
        let mut all: Vec<_> = nonsense.into_iter().map(|(at, bits)| changed(at, bits)).collect();
        all.extend([none, Vec::new(), evil[..evil.len() - 3].to_vec(), good]);
        all
    });
    assert_eq!(find(server).unwrap(), ["kdc.example.com:88"]);
}

/// An answer to this query about an alias with two records.
fn full_answer(query: &Query) -> Vec<u8> {
    let record_of_alias = |target: &str| record(b"\x01a\0", 33, &[&[0, 1, 0, 2, 0, 88], &name(target)[..]].concat());
    let records =
        [record(&[0xc0, 12], 5, b"\x01a\0"), record_of_alias("one.example.com"), record_of_alias("two.example.com")];
    response(query.bytes(), 0, &records)
}

#[test]
fn an_answer_that_is_cut_anywhere_is_none() {
    let query = Query::new(RecordType::Srv, UDP, 0x1234).unwrap();
    let whole = full_answer(&query);
    assert!(matches!(query.read(&whole), Some(Reply::Records(records)) if records.len() == 2));
    for length in 0..whole.len() {
        assert_eq!(query.read(&whole[..length]), None, "{length} of {}", whole.len());
    }
}

#[test]
fn a_bit_that_is_flipped_in_header_or_question_is_no_other_answer() {
    let query = Query::new(RecordType::Srv, UDP, 0x1234).unwrap();
    let whole = full_answer(&query);
    let honest = query.read(&whole);
    let asked = query.bytes().len();
    for (at, bit) in (0..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, 1_u8 << bit))) {
        let mut flipped = whole.clone();
        flipped[at] ^= bit;
        let read = query.read(&flipped);
        match (at, bit) {
            // AA, RD, RA, Z, AD and CD mean nothing here (RFC 1035 4.1.1, RFC 4035 3.2), nor what stands behind the answers.
            (2, 1 | 4) | (3, 0x10..) | (8..12, _) => assert_eq!(read, honest, "{at} {bit}"),
            (2, 2) => assert_eq!(read, Some(Reply::Truncated)),
            (3, _) => assert!(matches!(read, Some(Reply::NoSuchName | Reply::Failed(_))), "{at} {bit}: {read:?}"),
            // One answer instead of three: the alias alone. Two: one of its records.
            (7, 1 | 2) => assert_ne!(read, honest),
            // Names have no case (RFC 4343).
            (12.., 0x20) if at < asked && whole[at].is_ascii_alphabetic() => assert_eq!(read, honest, "{at}"),
            _ if at < asked => assert_eq!(read, None, "{at} {bit}"),
            // Nothing tells a changed record from another: the hosts that it names have to prove who they are.
            _ => {}
        }
    }
}

#[test]
fn only_the_nameserver_that_was_asked_is_heard() {
    let server = nameserver(|query, _| vec![response(query, 0, &[srv(0, 0, 88, "kdc.example.com")])]);
    // One that answers from another port: its answers are not heard, and the next nameserver is asked.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let elsewhere = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            let answer = response(&buffer[..length], 0, &[srv(0, 0, 88, "evil.example.com")]);
            UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&answer, from).unwrap();
        }
    });
    assert_eq!(kdcs_of(&dns(&[elsewhere, server]), "EXAMPLE.COM").unwrap(), ["kdc.example.com:88"]);
}

#[test]
fn hostile_records_do_no_harm() {
    // Compression that points to itself or ahead, and a name without end.
    for target in [&[0xc0, 12 + 28 + 4 + 12 + 6][..], &[0xc0, 0xff], &[63]] {
        let data = [&[0, 0, 0, 0, 0, 88][..], target].concat();
        let server = nameserver_with(vec![record(&[0xc0, 12], 33, &data)]);
        assert!(matches!(reasons(find(server))[..], [(_, _, DnsSilence::Nonsense { count: 1 })]));
    }
    // Port 0, and targets that are no host's name.
    let odd = ["a b.example.com", "a/b", "a\\b", "é", "a\0b"].map(|target| srv(0, 0, 88, target));
    let server = nameserver_with([&odd[..], &[srv(0, 0, 0, "zero"), srv(1, 1, 1, "good")]].concat());
    assert_eq!(find(server).unwrap(), ["good:1"]);
}

#[test]
fn a_thousand_records_of_any_weight_give_no_more_kdcs_than_are_used() {
    let server = nameserver(|query, over| match over {
        Transport::Udp => {
            let mut answer = response(query, 0, &[]);
            answer[2] |= 2;
            vec![answer]
        }
        Transport::Tcp => {
            let records: Vec<_> = (0..1000).map(|n| srv(n % 3, n * 7, 88, &format!("kdc{n}.example.com"))).collect();
            vec![response(query, 0, &records)]
        }
    });
    let found = dns(&[server]).timeout(Duration::from_secs(20)).kdcs("EXAMPLE.COM").unwrap();
    assert_eq!(found.len(), KDC_LIMIT);
    // And the longest message there can be, full of nothing.
    let server = nameserver(|query, _| {
        let mut answer = response(query, 0, &[]);
        answer[2] |= 2;
        answer[6..8].copy_from_slice(&[0xff, 0xff]);
        answer.resize(0xffff, 0);
        if answer[0] == 0 { vec![] } else { vec![answer[..512].to_vec()] }
    });
    assert!(dns(&[server]).kdcs("EXAMPLE.COM").is_err());
}

#[test]
fn a_service_that_is_not_offered_is_said_to_be() {
    let server = nameserver(|query, _| match asked(query).as_str() {
        UDP => vec![response(query, 0, &[srv(0, 0, 0, ".")])],
        _ => vec![response(query, 3, &[])],
    });
    let by_udp = Some(Transport::Udp);
    let expected = [(UDP.to_owned(), by_udp, DnsSilence::NotOffered), (TCP.to_owned(), by_udp, DnsSilence::NoSuchName)];
    assert_eq!(reasons(find(server)), expected);
}

#[test]
fn nameservers_that_fail_or_are_silent_are_passed_over_and_named() {
    let failing = nameserver(|query, _| vec![response(query, 2, &[])]);
    let silent = nameserver(|_, _| Vec::new());
    let good = nameserver_with(vec![srv(0, 0, 88, "kdc.example.com")]);
    assert_eq!(kdcs_of(&dns(&[failing, silent, good]), "EXAMPLE.COM").unwrap(), ["kdc.example.com:88"]);
    let error = kdcs_of(&dns(&[failing, silent]), "EXAMPLE.COM").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the DNS names no KDC of the realm EXAMPLE.COM: nameserver {failing} over UDP: SRV {UDP}: it answered \
             SERVFAIL; nameserver {silent} over UDP: SRV {UDP}: it did not answer in 0.3 s"
        )
    );
}

#[test]
fn a_flood_of_nonsense_ends() {
    let server = nameserver(|_, _| vec![b"junk".to_vec(); 1000]);
    let why = reasons(kdcs_of(&dns(&[server]).timeout(Duration::from_secs(20)), "EXAMPLE.COM"));
    assert!(matches!(why[..], [(_, _, DnsSilence::Nonsense { count: NONSENSE_LIMIT })]), "{why:?}");
}

#[test]
fn each_nameserver_is_asked_as_often_as_is_said() {
    let counting = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = std::sync::Arc::clone(&counting);
    let server = nameserver(move |query, _| match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => Vec::new(),
        _ => vec![response(query, 0, &[srv(0, 0, 88, "kdc.example.com")])],
    });
    assert_eq!(dns(&[server]).attempts(2).kdcs("EXAMPLE.COM").unwrap().len(), 1);
    assert_eq!(counting.load(std::sync::atomic::Ordering::Relaxed), 3);
}

#[test]
fn realms_that_are_no_domains_are_not_asked_for() {
    let server = nameserver(|_, _| panic!("asked"));
    for realm in ["C=DE/O=x", "a b", "x..y", "é", &"x".repeat(64), &"x.".repeat(130)] {
        let why = reasons(kdcs_of(&dns(&[server]), realm));
        assert!(matches!(why[..], [(_, None, DnsSilence::NoDomain)]), "{realm}: {why:?}");
    }
    let why = reasons(kdcs_of(&dns(&[]), "EXAMPLE.COM"));
    assert!(matches!(why[..], [(_, None, DnsSilence::NoNameserver)]), "{why:?}");
    let denied = Dns::unreadable("/a/resolv.conf".as_ref(), &std::io::ErrorKind::PermissionDenied.into());
    let error = kdcs_of(&denied, "EXAMPLE.COM").unwrap_err().to_string();
    assert!(error.contains("no nameserver is known, since /a/resolv.conf can't be read: permission denied"), "{error}");
}

#[test]
fn resolv_conf_says_whom_to_ask() {
    let dns = Dns::from_resolv_conf(
        "# a comment\nnameserver 192.0.2.1\n nameserver 2001:db8::1 # first\nnameserver nonsense\nnameserver 192.0.2.2\n\
         nameserver 192.0.2.3\noptions ndots:2 timeout:7 attempts:99\n",
    );
    let expected = ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"].map(|address| address.parse().unwrap());
    assert_eq!(dns.nameservers(), expected);
    assert_eq!((dns.timeout, dns.attempts), (Duration::from_secs(7), 5));
    let ports = Dns::from_resolv_conf(
        "nameserver [192.0.2.1]:5353\nnameserver [::1]:1\nnameserver [::1]\nnameserver [::1]:x\nnameserver [a]:1\n",
    );
    assert_eq!(ports.nameservers(), ["192.0.2.1:5353", "[::1]:1"].map(|address| address.parse().unwrap()));
    let local = ["127.0.0.1:53".parse().unwrap()];
    assert_eq!(Dns::from_resolv_conf("").nameservers(), local);
    let scratch = crate::scratch::Scratch::new("resolv");
    assert_eq!(Dns::load(&scratch.path("none")).unwrap().nameservers(), local);
    let file = scratch.file("resolv.conf", "nameserver 192.0.2.9\n");
    assert_eq!(Dns::load(&file).unwrap().nameservers(), ["192.0.2.9:53".parse().unwrap()]);
    assert!(Dns::load(&scratch.path("")).is_err());
}

/// A URI record (RFC 7553) of the name that was asked for.
fn uri(priority: u16, target: &str) -> Vec<u8> {
    record(&[0xc0, 12], 256, &[&priority.to_be_bytes()[..], &[0, 1], target.as_bytes()].concat())
}

/// A nameserver with these URI records, and one SRV record for either way; what it is asked for is in the list.
fn nameserver_with_uris(uris: Vec<Vec<u8>>) -> (SocketAddr, Arc<std::sync::Mutex<Vec<String>>>) {
    let asked_for = Arc::new(std::sync::Mutex::new(Vec::new()));
    let list = Arc::clone(&asked_for);
    let server = nameserver(move |query, _| {
        let is_uri = query.ends_with(&[1, 0, 0, 1]);
        list.lock().unwrap().push(asked(query));
        assert_eq!(is_uri, asked(query) == "_kerberos.EXAMPLE.COM");
        let srv = vec![srv(1, 0, 88, "by-srv.example.com")];
        vec![response(query, 0, if is_uri { &uris } else { &srv })]
    });
    (server, asked_for)
}

#[test]
fn uri_records_say_all_and_nothing_else_is_asked_for_then() {
    let uris = [
        (30, "krb5srv::kkdcp:https://proxy.example.com/KdcProxy"),
        (20, "krb5srv::udp:kdc.example.com"),
        (10, "krb5srv:m:tcp:kdc.example.com"),
        (40, "krb5srv:m:tcp:kdc.example.com"),
        (40, "krb5srv::udp:192.0.2.1:750"),
    ];
    let (server, asked_for) = nameserver_with_uris(uris.map(|(priority, target)| uri(priority, target)).to_vec());
    let found = kdcs_of(&dns(&[server]).uri_records(true), "EXAMPLE.COM").unwrap();
    assert_eq!(found, ["tcp/kdc.example.com:88", "udp/kdc.example.com:88", "udp/192.0.2.1:750"]);
    assert!(asked_for.lock().unwrap().iter().all(|name| name == "_kerberos.EXAMPLE.COM"));
    assert_eq!(find(server).unwrap(), ["by-srv.example.com:88"], "they are not asked for unless set");
}

#[test]
fn where_uri_records_name_no_kdc_srv_records_do() {
    let nothing =
        vec![uri(1, "krb5srv::kkdcp:https://proxy.example.com/KdcProxy"), uri(1, "https://a"), uri(1, "\u{7f}")];
    let of_another = record(&name("_kerberos.EXAMPLE.ORG"), 256, b"\0\x01\0\x01krb5srv::tcp:evil.example.org");
    let short = record(&[0xc0, 12], 256, &[0, 1, 0]);
    for uris in [nothing, vec![], vec![of_another], vec![short], vec![srv(1, 0, 88, "kdc.example.com")]] {
        let (server, _) = nameserver_with_uris(uris.clone());
        let found = kdcs_of(&dns(&[server]).uri_records(true), "EXAMPLE.COM").unwrap();
        assert_eq!(found, ["by-srv.example.com:88"], "{uris:02x?}");
    }
}

#[cfg(feature = "kkdcp")]
#[test]
fn proxies_of_uri_records_are_asked_once_no_kdc_answers() {
    let closed = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (kdc, proxies) = (closed(), [closed(), closed()]);
    let [first, second] = proxies.map(|place| format!("https://{place}/KdcProxy"));
    let (with_kdc, without) = (format!("tcp:{kdc}"), "tls:nobody".to_owned());
    for (place, mut expected) in [(with_kdc, vec![format!("{kdc} over TCP")]), (without, Vec::new())] {
        let uris = vec![
            uri(30, &format!("krb5srv::{place}")),
            uri(20, &format!("krb5srv::kkdcp:{second}")),
            uri(10, &format!("krb5srv:m:kkdcp:{first}")),
            uri(40, &format!("krb5srv::kkdcp:{first}")),
        ];
        let (server, asked_for) = nameserver_with_uris(uris);
        let kdcs = crate::Kdcs::new().dns(dns(&[server]).uri_records(true));
        let request = KdcRequest { realm: "EXAMPLE.COM".into(), bytes: b"request".to_vec(), tcp_required: true };
        let error = crate::driver::KdcExchange::exchange(&kdcs, &request).unwrap_err();
        expected.extend([first.clone(), second.clone()]);
        assert_eq!(error.tried.iter().map(|tried| tried.kdc.clone()).collect::<Vec<_>>(), expected, "{error}");
        #[cfg(feature = "tokio")]
        {
            let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let exchange = crate::tokio::KdcExchange::exchange(&kdcs, &request);
            assert_eq!(runtime.block_on(exchange).unwrap_err(), error);
        }
        assert!(asked_for.lock().unwrap().iter().all(|name| name == "_kerberos.EXAMPLE.COM"));
    }
}

#[test]
fn uri_records_without_a_kdc_are_told_of() {
    let server = nameserver(|query, _| {
        let records = [uri(1, "krb5srv::kkdcp:https://proxy.example.com/KdcProxy")];
        vec![response(query, 0, if query.ends_with(&[1, 0, 0, 1]) { &records } else { &[] })]
    });
    let error = kdcs_of(&dns(&[server]).uri_records(true), "EXAMPLE.COM").unwrap_err();
    let told: Vec<_> = error.tried.iter().map(DnsAttempt::reason).collect();
    assert_eq!(told[0], "URI _kerberos.EXAMPLE.COM: its records name no KDC that can be asked");
    assert_eq!((told.len(), error.tried[1].why.clone()), (3, DnsSilence::NoRecords));
}

#[test]
fn an_answer_with_uri_records_that_is_cut_anywhere_is_none() {
    let query = Query::new(RecordType::Uri, "_kerberos.EXAMPLE.COM", 0x1234).unwrap();
    let answer = response(query.bytes(), 0, &[uri(1, "krb5srv::tcp:kdc.example.com"), uri(2, "krb5srv::udp:b")]);
    assert!(matches!(query.read(&answer), Some(Reply::Records(records)) if records.len() == 2));
    for length in 0..answer.len() {
        assert_eq!(query.read(&answer[..length]), None, "{length}");
    }
    assert_eq!(Query::new(RecordType::Srv, "_kerberos.EXAMPLE.COM", 0x1234).unwrap().read(&answer), None);
}

#[test]
fn nameservers_that_know_no_uri_records_are_asked_for_srv_records() {
    for answer_to_uri in [Some(4), Some(5), None] {
        let server = nameserver(move |query, _| match query.ends_with(&[1, 0, 0, 1]) {
            true => answer_to_uri.map(|code| response(query, code, &[])).into_iter().collect(),
            false => vec![response(query, 0, &[srv(1, 0, 88, "kdc.example.com")])],
        });
        let found = kdcs_of(&dns(&[server]).uri_records(true), "EXAMPLE.COM").unwrap();
        assert_eq!(found, ["kdc.example.com:88"], "{answer_to_uri:?}");
    }
}

/// A nameserver with an alias, and the name of the address behind it.
fn nameserver_of_hosts() -> SocketAddr {
    nameserver(|query, _| {
        let alias = record(&[0xc0, 12], 5, &name("real.test"));
        let answer = match (asked(query).as_str(), query[query.len() - 3]) {
            ("alias.test", 1) => vec![alias, record(&name("real.test"), 1, &[10, 0, 0, 7])],
            ("six.test", 28) => vec![record(&[0xc0, 12], 28, &[0xfd; 16])],
            ("7.0.0.10.in-addr.arpa", 12) => vec![record(&[0xc0, 12], 12, &name("Front.test"))],
            // Of others than were asked for.
            ("other.test", 1) => vec![record(&name("evil.test"), 1, &[10, 0, 0, 66])],
            _ => vec![],
        };
        vec![response(query, 0, &answer)]
    })
}

#[test]
fn hosts_have_the_name_at_the_end_of_their_aliases() {
    let dns = dns(&[nameserver_of_hosts()]);
    assert_eq!(dns.host("alias.test"), Some(("real.test".into(), [10, 0, 0, 7].into())));
    assert_eq!(dns.host("six.test"), Some(("six.test".into(), [0xfd; 16].into())));
    assert_eq!((dns.host("other.test"), dns.host("nobody.test"), dns.host("no name")), (None, None, None));
    assert_eq!(dns.name_of([10, 0, 0, 7].into()), Some("Front.test".into()));
    assert_eq!(dns.name_of([10, 0, 0, 8].into()), None);
}

/// A TXT record of the name that was asked for.
fn txt(text: &[u8]) -> Vec<u8> {
    record(&[0xc0, 12], 16, &[&[u8::try_from(text.len()).unwrap()], text].concat())
}

#[test]
fn texts_say_the_realm_of_a_host_or_of_a_domain_above_it() {
    let asked_for = Arc::new(std::sync::Mutex::new(Vec::new()));
    let list = Arc::clone(&asked_for);
    let server = nameserver(move |query, _| {
        list.lock().unwrap().push(asked(query));
        let answer = match (asked(query).as_str(), query[query.len() - 3]) {
            ("_kerberos.www.example.test", 16) => vec![txt(b"WEB.TEST. and more")],
            ("_kerberos.example.test", 16) => vec![txt(b"EXAMPLE.TEST")],
            ("_kerberos.bad.test", 16) => {
                let of_another = record(&name("_kerberos.evil.test"), 16, b"\x04EVIL");
                let broken = record(&[0xc0, 12], 16, b"\x09EVIL");
                let others = [&b""[..], b" X", b"A/B", b"A@B", b"a:b", b"\xff", b"a\x1bb"].map(txt);
                [vec![of_another, broken], others.to_vec()].concat()
            }
            _ => vec![],
        };
        vec![response(query, 0, &answer)]
    });
    let dns = dns(&[server]);
    assert_eq!(dns.realm_of("www.example.test"), Some("WEB.TEST".into()));
    assert_eq!(dns.realm_of("db.eng.example.test."), Some("EXAMPLE.TEST".into()));
    let names = ["_kerberos.db.eng.example.test", "_kerberos.eng.example.test", "_kerberos.example.test"];
    assert_eq!(asked_for.lock().unwrap()[1..], names);
    for host in ["bad.test", "host", "", "no name"] {
        assert_eq!(dns.realm_of(host), None, "{host}");
    }
    asked_for.lock().unwrap().clear();
    assert_eq!(dns.realm_of(&"a.".repeat(60)), None);
    assert_eq!(asked_for.lock().unwrap().len(), 16, "no more than that");
}

#[test]
fn aliases_that_go_round_lead_nowhere() {
    let server = nameserver(|query, _| {
        let to = |owner: &str, target: &str| record(&name(owner), 5, &name(target));
        vec![response(query, 0, &[to("a.test", "b.test"), to("b.test", "a.test")])]
    });
    assert_eq!(dns(&[server]).host("a.test"), None);
}

#[test]
fn a_nameserver_that_fails_is_passed_over_for_hosts_too() {
    let fails = nameserver(|query, _| vec![response(query, 2, &[])]);
    assert_eq!(dns(&[fails, nameserver_of_hosts()]).host("alias.test").unwrap().0, "real.test");
}

#[test]
fn password_servers_have_names_of_their_own() {
    let server = nameserver(|query, _| {
        vec![match asked(query).as_str() {
            "_kpasswd._udp.EXAMPLE.COM" => response(query, 0, &[srv(0, 0, 464, "kdc.example.com")]),
            "_kpasswd._tcp.EXAMPLE.COM" => response(query, 0, &[srv(0, 0, 464, "kdc.example.com")]),
            _ => response(query, 3, &[]),
        }]
    });
    let found = Dns::new([server]).password_servers("EXAMPLE.COM").unwrap();
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["kdc.example.com:464"]);
    assert!(Dns::new([server]).kdcs("EXAMPLE.COM").is_err());
}

/// A response that there is nothing, with the zone's SOA record: its TTL, and its MINIMUM (RFC 2308 2.1, 3).
fn nothing(query: &[u8], code: u8, ttl: u8, minimum: u8) -> Vec<u8> {
    let data = [&name("ns.x")[..], &name("root.x"), &[0; 16], &[0, 0, 0, minimum]].concat();
    let mut soa = record(&name("x"), 6, &data);
    let at = name("x").len() + 7;
    soa[at] = ttl;
    let mut response = [response(query, code, &[]), soa].concat();
    response[9] = 1;
    response
}

/// What was asked of a nameserver that answers so.
fn counting(
    answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + Clone + 'static,
) -> (Dns, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let count = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let of_server = count.clone();
    let server = nameserver(move |query, _| {
        of_server.lock().unwrap().push(asked(query));
        vec![answer(query)]
    });
    (dns(&[server]), count)
}

#[test]
fn answers_are_kept_and_shared_by_clones_and_by_tasks() {
    let (dns, count) = counting(|query| response(query, 0, &[srv(0, 0, 88, "kdc.example.com")]));
    let found = dns.kdcs("EXAMPLE.COM").unwrap();
    assert_eq!(dns.clone().kdcs("example.com").unwrap(), found);
    #[cfg(feature = "tokio")]
    {
        let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(dns.kdcs_async("EXAMPLE.COM")).unwrap(), found);
    }
    assert_eq!(*count.lock().unwrap(), [UDP, TCP]);
    dns.password_servers("EXAMPLE.COM").unwrap();
    dns.answer_limit(8).kdcs("EXAMPLE.COM").unwrap();
    let again = [UDP, TCP, "_kpasswd._udp.EXAMPLE.COM", "_kpasswd._tcp.EXAMPLE.COM", UDP, TCP];
    assert_eq!(*count.lock().unwrap(), again);
}

#[test]
fn hosts_and_addresses_are_kept_too() {
    let (dns, count) = counting(|query| {
        let a = record(&[0xc0, 12], 1, &[192, 0, 2, 1]);
        let ptr = record(&[0xc0, 12], 12, &name("www.example.com"));
        response(query, 0, &[if asked(query).ends_with("arpa") { ptr } else { a }])
    });
    for _ in 0..2 {
        assert_eq!(dns.host("www.example.com").unwrap().1, IpAddr::from([192, 0, 2, 1]));
        assert_eq!(dns.name_of([192, 0, 2, 1].into()).unwrap(), "www.example.com");
    }
    assert_eq!(*count.lock().unwrap(), ["www.example.com", "1.2.0.192.in-addr.arpa"]);
}

#[test]
fn that_there_is_nothing_is_kept_as_the_zone_says() {
    for code in [0, 3] {
        let (dns, count) = counting(move |query| nothing(query, code, 60, 60));
        let errors = [dns.kdcs("EXAMPLE.COM").unwrap_err(), dns.kdcs("EXAMPLE.COM").unwrap_err()];
        assert_eq!(errors[0], errors[1]);
        assert_eq!(*count.lock().unwrap(), [UDP, TCP], "{code}");
    }
    // Without a time, without the zone's word, and after a failure it is asked for again.
    for code in [0, 3] {
        for (ttl, minimum) in [(0, 60), (60, 0)] {
            let (dns, count) = counting(move |query| nothing(query, code, ttl, minimum));
            let _ = (dns.kdcs("EXAMPLE.COM").unwrap_err(), dns.kdcs("EXAMPLE.COM").unwrap_err());
            assert_eq!(*count.lock().unwrap(), [UDP, TCP, UDP, TCP], "{code} {ttl} {minimum}");
        }
    }
    for code in [0, 3] {
        let (dns, count) = counting(move |query| response(query, code, &[]));
        let _ = (dns.kdcs("EXAMPLE.COM").unwrap_err(), dns.kdcs("EXAMPLE.COM").unwrap_err());
        assert_eq!(*count.lock().unwrap(), [UDP, TCP, UDP, TCP], "{code}");
    }
    let (dns, count) = counting(|query| nothing(query, 2, 60, 60));
    let _ = (dns.kdcs("EXAMPLE.COM").unwrap_err(), dns.kdcs("EXAMPLE.COM").unwrap_err());
    assert_eq!(*count.lock().unwrap(), [UDP, UDP]);
}

/// The shortest time of all records of an answer counts; with the highest bit set it is none (RFC 2181 8).
#[test]
fn an_answer_lasts_as_long_as_its_shortest_record() {
    let query = Query::new(RecordType::Srv, UDP, 0x1234).unwrap();
    let with = |ttls: [[u8; 4]; 2]| {
        let records = ttls.map(|ttl| {
            let mut record = srv(0, 0, 88, "kdc.example.com");
            record[6..10].copy_from_slice(&ttl);
            record
        });
        query.hear(&response(query.bytes(), 0, &records)).unwrap().lasts.as_secs()
    };
    assert_eq!(with([[0, 0, 1, 0], [0, 0, 0, 7]]), 7);
    assert_eq!(with([[0, 0, 0, 7], [0x7f, 0xff, 0xff, 0xff]]), 7);
    assert_eq!(with([[0x80, 0, 0, 1], [0, 0, 0, 7]]), 0);
}

#[test]
fn a_whole_look_up_has_one_deadline() {
    let silent = [(); 3].map(|()| nameserver(|_, _| Vec::new()));
    let dns = dns(&silent).timeout(Duration::from_millis(400)).attempts(5).whole(Duration::from_millis(600));
    let begun = std::time::Instant::now();
    let error = dns.kdcs("EXAMPLE.COM").unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    let not_asked = DnsSilence::NotAsked { whole: Duration::from_millis(600) };
    assert_eq!(error.tried.last().unwrap().why, not_asked);
    assert!(error.to_string().ends_with("it was not asked any more: the whole look-up may take 0.6 s"), "{error}");
    let begun = std::time::Instant::now();
    assert_eq!(dns.host("www.test"), None);
    assert!(begun.elapsed() < Duration::from_millis(1500), "A and AAAA together: {:?}", begun.elapsed());
    #[cfg(feature = "tokio")]
    {
        let begun = std::time::Instant::now();
        let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(dns.kdcs_async("EXAMPLE.COM")).unwrap_err().tried.last().unwrap().why, not_asked);
        assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    }
}

#[test]
fn primary_kdcs_have_names_of_their_own_or_a_flag() {
    let shown = |kdcs: Vec<KdcAddress>| kdcs.iter().map(ToString::to_string).collect::<Vec<_>>();
    let by_srv = nameserver(|query, _| {
        let records = match asked(query).as_str() {
            "_kerberos-master._udp.R" => vec![srv(0, 0, 750, "primary.r")],
            UDP | TCP => vec![srv(0, 0, 88, "kdc.r")],
            _ => vec![],
        };
        vec![response(query, 0, &records)]
    });
    assert_eq!(shown(dns(&[by_srv]).uri_records(true).primary_kdcs("R").unwrap()), ["udp/primary.r:750"]);
    let uri = |target: &str| record(&[0xc0, 12], 256, &[&[0; 4], target.as_bytes()].concat());
    let by_uri = nameserver(move |query, _| {
        let records = [uri("krb5srv::tcp:replica.r"), uri("krb5srv:m:tcp:primary.r")];
        let of_name = if asked(query) == "_kerberos.R" { &records[..] } else { &[] };
        vec![response(query, 0, of_name)]
    });
    let dns = dns(&[by_uri]).uri_records(true);
    assert_eq!(shown(dns.primary_kdcs("R").unwrap()), ["tcp/primary.r:88"]);
    assert_eq!(shown(dns.kdcs("R").unwrap()).len(), 2);
    #[cfg(feature = "tokio")]
    {
        let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(shown(runtime.block_on(dns.primary_kdcs_async("R")).unwrap()), ["tcp/primary.r:88"]);
    }
}
