//! The layers below TLS: URLs, messages, and HTTP by a stream that says what a script says.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use handfast::krb5::message::{ErrorCode, KrbError, Microseconds, PrincipalName};

use super::url::{ProxyUrl, is_url};
use super::{ProxyError, http, message, passed_on, tls};
use crate::Deadline;

/// Says `says` and then, for ever, `then`; keeps what it is told.
struct Script<'a> {
    says: &'a [u8],
    then: &'a [u8],
    told: &'a mut Vec<u8>,
    said: u64,
}

impl Read for Script<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.says.is_empty() {
            self.says = self.then;
        }
        let count = self.says.read(buffer)?;
        self.said += u64::try_from(count).unwrap();
        assert!(self.said < 3 * http::BODY_LIMIT, "it is read on and on");
        Ok(count)
    }
}

impl Write for Script<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.told.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn posted(says: &[u8], then: &[u8]) -> (Result<Vec<u8>, ProxyError>, Vec<u8>) {
    let mut told = Vec::new();
    let url = "https://proxy:8443/KdcProxy".parse().unwrap();
    let answer = http::post(Script { says, then, told: &mut told, said: 0 }, &url, b"body");
    (answer, told)
}

fn answer(says: &str) -> Result<Vec<u8>, ProxyError> {
    posted(says.as_bytes(), b"").0
}

const COUNTED: &str = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 4\r\n\r\nabcd";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: t\r\n\r\n";

#[test]
fn a_request_is_posted_and_the_three_kinds_of_bodies_are_read() {
    let (body, told) = posted(COUNTED.as_bytes(), b"");
    assert_eq!(body.unwrap(), b"abcd");
    let told = String::from_utf8(told).unwrap();
    assert!(told.starts_with("POST /KdcProxy HTTP/1.1\r\nHost: proxy:8443\r\n"), "{told}");
    assert!(told.ends_with("Content-type: application/kerberos\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"));
    assert_eq!(answer(CHUNKED).unwrap(), b"abcd");
    assert_eq!(answer("HTTP/1.0 200\r\n\r\nabcd").unwrap(), b"abcd");
}

#[test]
fn an_answer_cut_at_any_octet_is_none() {
    for whole in [COUNTED, CHUNKED] {
        for cut in 0..whole.len() {
            assert!(matches!(answer(&whole[..cut]), Err(ProxyError::Http(_))), "{cut}");
        }
    }
}

#[test]
fn endless_heads_chunks_trailers_and_bodies_end() {
    let http = |says: &[u8], then: &[u8]| posted(says, then).0.unwrap_err();
    let head = ProxyError::Http("its head is longer than 16 KiB");
    assert_eq!(http(b"", b"x"), head);
    assert_eq!(http(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), head);
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(http(chunked, b"1\r\nx\r\n"), head);
    assert_eq!(http(&[&chunked[..], b"0\r\n"].concat(), b"X: y\r\n"), head);
    assert!(matches!(http(chunked, b"80000\r\n"), ProxyError::Http(_)));
    assert!(matches!(http(&[&chunked[..], b"ffffffffffffffff\r\n"].concat(), b"x"), ProxyError::TooLong(_)));
    assert!(matches!(http(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), ProxyError::TooLong(_)));
    let announced = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 16 << 20);
    assert!(matches!(http(announced.as_bytes(), b"x"), ProxyError::TooLong(_)));
}

#[test]
fn redirects_other_statuses_and_what_is_no_http_are_refused() {
    let redirect = answer("HTTP/1.1 302 Found\r\nLocation: https://other/\r\nContent-Length: 0\r\n\r\n").unwrap_err();
    assert_eq!(redirect.to_string(), "answered with HTTP status 302, and redirects are not followed");
    for status in [100, 204, 403, 503] {
        assert_eq!(answer(&format!("HTTP/1.1 {status} x\r\n\r\nabcd")), Err(ProxyError::Status(status)));
    }
    for says in [
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 3\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n",
    ] {
        assert!(matches!(answer(says), Err(ProxyError::Http(_))), "{says}");
    }
}

#[test]
fn messages_are_those_of_the_specification_and_come_back() {
    let encoded = message::encode("R", b"ab").unwrap();
    assert_eq!(encoded, b"\x30\x0f\xa0\x08\x04\x06\0\0\0\x02ab\xa1\x03\x1b\x01R");
    for length in [0, 100, 127, 128, 255, 256, 70_000] {
        let request = vec![7; length];
        assert_eq!(message::decode(&message::encode("R.TEST", &request).unwrap()).unwrap(), request);
    }
    let hinted = b"\x30\x0f\xa0\x08\x04\x06\0\0\0\x02ab\xa2\x03\x02\x01\x05";
    assert_eq!(message::decode(hinted).unwrap(), b"ab");
    assert_eq!(message::decode(b"\x30\x0a\xa0\x08\x04\x06\0\0\0\x02ab").unwrap(), b"ab");
}

#[test]
fn a_message_cut_lengthened_or_flipped_is_refused_or_has_all_its_octets() {
    let whole = message::encode("R", b"ab").unwrap();
    for cut in 0..whole.len() {
        assert!(message::decode(&whole[..cut]).is_err(), "{cut}");
    }
    assert!(message::decode(&[&whole[..], b"x"].concat()).is_err());
    // All but the two octets of the message and the one of the realm, which mean nothing to this layer.
    for octet in (0..10).chain(12..16) {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[octet] ^= 1 << bit;
            assert!(message::decode(&flipped).is_err(), "{octet} {bit}");
        }
    }
    assert!(message::decode(b"\x30\x0c\xa0\x0a\x04\x81\x06\0\0\0\x02ab").is_err(), "a length longer than it need be");
    assert!(message::decode(b"\x30\x0c\xa0\x08\x04\x06\0\0\0\x02ab\xa3\0").is_err(), "an unknown field");
}

#[test]
fn fields_of_another_kind_and_lengths_that_wrap_around_are_refused() {
    let with = |fields: &[u8]| {
        let fields = [b"\xa0\x08\x04\x06\0\0\0\x02ab", fields].concat();
        message::decode(&[&[0x30, u8::try_from(fields.len()).unwrap()], &fields[..]].concat()).map(<[u8]>::to_vec)
    };
    assert_eq!(with(b"\xa2\x03\x02\x01\x05").unwrap(), b"ab");
    let why = |why| Err(ProxyError::Message(why));
    assert_eq!(with(b"\xa2\x03\x04\x01\x05"), why("dclocator-hint is no INTEGER"));
    assert_eq!(with(b"\xa2\x04\x02\x01\x05\0"), why("dclocator-hint is no INTEGER"));
    assert_eq!(with(b"\xa1\x03\x0c\x01R"), why("target-domain is no realm"));
    assert_eq!(with(b"\xa2\x03\x02\x01\x05\xa1\x03\x1b\x01R"), why("something follows its last field"));
    // 2^64 + 200, of which the low 64 bits alone would be right.
    let reply = [&[0, 0, 0, 193][..], &[7; 193]].concat();
    let fields = [&[0xa0, 0x81, 200, 0x04, 0x81, 197], &reply[..]].concat();
    let wrapped = [&[0x30, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 203][..], &fields].concat();
    assert_eq!(message::decode(&[&[0x30, 0x81, 203], &fields[..]].concat()).unwrap(), [7; 193]);
    assert!(message::decode(&wrapped).is_err());
}

/// A KRB-ERROR with this code.
fn error(code: ErrorCode) -> Vec<u8> {
    KrbError {
        ctime: None,
        cusec: None,
        stime: handfast::Time::EPOCH.into(),
        susec: Microseconds::default(),
        error_code: code,
        crealm: None,
        cname: None,
        realm: "R",
        sname: PrincipalName::from(&"krbtgt/R@R".parse().unwrap()),
        e_text: None,
        e_data: None,
    }
    .to_der()
}

#[test]
fn only_an_answer_of_a_kdc_that_can_serve_is_passed_on() {
    let said = |reply: &[u8]| passed_on(&message::encode("R", reply).unwrap());
    let reply = b"\x6b\x02\x30\0";
    assert_eq!(said(reply).unwrap(), reply);
    let none = Err(ProxyError::Message("what it passed on is no answer of a KDC"));
    for nonsense in [&b""[..], b"\x30\0", b"\x6b\x02\x30", b"\x6b\x02\x30\0\0", b"<html>"] {
        assert_eq!(said(nonsense), none, "{nonsense:?}");
    }
    assert_eq!(said(&error(ErrorCode::KDC_ERR_SVC_UNAVAILABLE)), Err(ProxyError::Unavailable));
    let refusal = error(ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
    assert_eq!(said(&refusal).unwrap(), refusal, "any other error is the realm's answer");
}

#[test]
fn a_proxy_that_never_answers_and_one_that_is_no_tls_are_left() {
    let anchor = concat!("FILE:", env!("CARGO_MANIFEST_DIR"), "/../handfast/tests/pkinit/ca.pem").to_owned();
    let proxy = |says: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/KdcProxy", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut tcp, _) = listener.accept().unwrap();
            tcp.write_all(says).unwrap();
            // Listens for as long as it is asked.
            let _ = io::copy(&mut tcp, &mut io::sink());
        });
        let begun = Instant::now();
        let deadline = Deadline::after(Duration::from_millis(300));
        let answer = tls::post(&url.parse().unwrap(), std::slice::from_ref(&anchor), b"body", deadline);
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        answer.unwrap_err()
    };
    assert_eq!(proxy(b""), ProxyError::TimedOut);
    // The head of a record that does not come.
    assert_eq!(proxy(b"\x16\x03\x03@\0"), ProxyError::TimedOut);
    let plain = proxy(
        b"HTTP/1.1 200 OK
Content-Length: 0

",
    );
    assert!(matches!(plain, ProxyError::Tls(_)), "{plain:?}");
}

#[test]
fn urls_are_of_https_and_have_nothing_odd() {
    let url = |text: &str| text.parse::<ProxyUrl>();
    for (text, host, port, path, written) in [
        ("https://proxy/KdcProxy", "proxy", 443, "/KdcProxy", "proxy:443"),
        (" HTTPS://proxy:8443", "proxy", 8443, "/", "proxy:8443"),
        ("https://[::1]:1/a/b?c", "::1", 1, "/a/b?c", "[::1]:1"),
    ] {
        let parsed = url(text).unwrap();
        assert_eq!((parsed.host.as_str(), parsed.port, parsed.path.as_str()), (host, port, path));
        assert_eq!(parsed.to_string(), written);
    }
    let plain = url("http://proxy/KdcProxy").unwrap_err();
    assert_eq!(plain.to_string(), "was not asked: a KDC proxy is asked by https:// only");
    for text in [
        "https://",
        "https://:1/",
        "https://u:p@proxy/",
        "https://proxy:0/",
        "https://proxy:x/",
        "https://proxy:65536/",
        "https://[::1/",
        "https://[::1]x/",
        "https://proxy/a b",
        "https://proxy/a\r\nX: y",
        "https://proxy/#a",
    ] {
        assert!(matches!(url(text), Err(ProxyError::Url(_))), "{text}");
    }
    assert!(is_url("http://a") && is_url("Https://a") && !is_url("https:88") && !is_url("kdc"));
}

#[test]
fn anchors_of_the_environment_missing_files_and_none_at_all_are_refused_with_words() {
    let roots = |anchor: &str| tls::roots(&[anchor.to_owned()]).unwrap_err().to_string();
    assert!(roots("ENV:ANCHORS").contains("http_anchors = ENV:ANCHORS: FILE: and DIR: are taken here"));
    assert!(roots("FILE:/nonexistent/ca.pem").contains("can't read /nonexistent/ca.pem"));
    assert!(roots("DIR:/nonexistent").contains("can't read /nonexistent"));
    assert!(roots(concat!("FILE:", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).contains("neither http_anchors nor"));
}

#[test]
fn the_longest_reply_has_room() {
    let longest = u64::from(crate::kdc::TCP_REPLY_LIMIT);
    assert!((longest + 512..=longest + 4096).contains(&http::BODY_LIMIT));
}
