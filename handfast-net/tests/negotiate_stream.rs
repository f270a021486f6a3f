//! NegotiateStream over loopback: whole streams, and everything that can go wrong with one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use handfast::{Flags, MessageError, Order, Policy, Protection};
use handfast_net::driver::NoKdc;
use handfast_net::framing::nns::Handshake;
use handfast_net::stream::{Expiry, NegotiateStream, StreamError, StreamOptions};
use support::nns::*;
use support::*;

#[test]
fn both_ends_know_each_other() {
    let (client, server) = pair();
    assert_eq!(client.context().peer().to_string(), "HTTP/www.example.com@EXAMPLE.COM");
    assert_eq!(server.context().peer().to_string(), "alice@EXAMPLE.COM");
    assert!(client.context().flags().contains(Flags::MUTUAL | Flags::CONFIDENTIALITY));
    assert_eq!(client.inner().local_addr().unwrap(), server.inner().peer_addr().unwrap());
}

#[test]
fn megabytes_pass_in_both_directions_at_once() {
    echoes(serve(acceptor(), options()), &pattern(5 << 20));
}

#[test]
fn small_reads_and_writes_of_all_sizes_come_together() {
    let (mut client, mut server) = pair();
    let data = pattern(40_000);
    let sent = data.clone();
    let writing = thread::spawn(move || {
        let mut rest = &sent[..];
        for size in (1..).take_while(|size| size * 7 < 5000) {
            let (chunk, left) = rest.split_at(rest.len().min(size * 7));
            client.write_all(chunk).unwrap();
            client.flush().unwrap();
            rest = left;
        }
        client.write_all(rest).unwrap();
        client.shut_down().unwrap();
        client
    });
    let mut got = Vec::new();
    let mut size = 1;
    loop {
        let mut buffer = vec![0; size];
        match server.read(&mut buffer).unwrap() {
            0 => break,
            count => got.extend_from_slice(&buffer[..count]),
        }
        size = size % 97 + 1;
    }
    assert!(got == data);
    writing.join().unwrap();
}

#[test]
fn a_message_is_as_long_as_a_frame_allows_and_empty_writes_send_nothing() {
    let (mut client, mut server) = pair();
    assert_eq!(client.write(&[]).unwrap(), 0);
    let first = client.write(&pattern(100_000)).unwrap();
    assert_eq!(first, client.context().message_limit(Protection::Confidentiality, 0xfc30));
    assert_eq!(server.fill_buf().unwrap(), &pattern(first)[..]);
    server.consume(first);
    assert_eq!(server.read(&mut []).unwrap(), 0);
    client.write_all(b"next").unwrap();
    assert_eq!(server.fill_buf().unwrap(), b"next");
}

#[test]
fn what_is_on_the_wire_is_sealed_frames() {
    let (listener, address) = listen();
    let server = thread::spawn(move || {
        let mut stream =
            NegotiateStream::accept(listener.accept().unwrap().0, acceptor().session(), &options()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tap = Arc::clone(&seen);
    let (proxied, carrying) = proxy(address, move |from_client, bytes| {
        if from_client {
            tap.lock().unwrap().extend_from_slice(&bytes);
        }
        Some(bytes)
    });
    let mut client = connect(proxied);
    client.write_all(b"attack at dawn").unwrap();
    client.shut_down().unwrap();
    assert_eq!(server.join().unwrap(), "attack at dawn");
    drop(client);
    carrying.join().unwrap();
    let seen = seen.lock().unwrap();
    assert!(!seen.windows(6).any(|part| part == b"attack"));
    let (Handshake::InProgress(_), length) = Handshake::decode(&seen).unwrap().unwrap() else { panic!() };
    // Header and confounder, message, header and MAC (RFC 4121 4.2.4); then the same around nothing.
    assert_eq!(seen[length..length + 6], [32 + 14 + 16 + 12, 0, 0, 0, 5, 4]);
    assert_eq!(seen[length + 78..length + 82], [32 + 16 + 12, 0, 0, 0]);
    assert_eq!(seen.len(), length + 78 + 64);
}

/// A pair of which the client's raw connection is at hand.
fn raw_pair(server: &StreamOptions) -> (TcpStream, handfast::Context, NegotiateStream) {
    let (client, server) = pair_with(&options(), server, Policy::default());
    let (tcp, context) = client.into_inner();
    (tcp, context, server)
}

fn frame(context: &mut handfast::Context, message: &[u8]) -> Vec<u8> {
    let mut token = Vec::new();
    context.seal(message, &mut token).unwrap();
    let mut frame = u32::try_from(token.len()).unwrap().to_le_bytes().to_vec();
    frame.extend_from_slice(&token);
    frame
}

/// The kind is as given, the reason is inside, and both stay.
fn fails_for_good(stream: &mut NegotiateStream, kind: ErrorKind) -> StreamError {
    let first = stream.read(&mut [0; 10]).unwrap_err();
    assert_eq!(first.kind(), kind, "{first}");
    let reason = StreamError::of(&first).unwrap().clone();
    for _ in 0..2 {
        let again = stream.read(&mut [0; 10]).unwrap_err();
        assert_eq!(StreamError::of(&again), Some(&reason));
    }
    if kind == ErrorKind::InvalidData {
        assert_eq!(StreamError::of(&stream.write(b"x").unwrap_err()), Some(&reason));
    }
    reason
}

#[test]
fn a_changed_byte_anywhere_in_a_frame_breaks_the_stream_for_good() {
    for at in 4..4 + 32 + 5 + 16 + 12 {
        let (mut tcp, mut context, mut server) = raw_pair(&options());
        let mut bytes = frame(&mut context, b"hello");
        bytes[at] ^= 0x40;
        tcp.write_all(&bytes).unwrap();
        tcp.write_all(&frame(&mut context, b"more")).unwrap();
        let reason = fails_for_good(&mut server, ErrorKind::InvalidData);
        assert!(matches!(reason, StreamError::Message(_)), "{at}: {reason}");
    }
}

#[test]
fn replayed_and_missing_messages_break_the_stream() {
    let (mut tcp, mut context, mut server) = raw_pair(&options());
    let bytes = frame(&mut context, b"pay 10");
    tcp.write_all(&[&bytes[..], &bytes[..]].concat()).unwrap();
    server.read_exact(&mut [0; 6]).unwrap();
    let reason = fails_for_good(&mut server, ErrorKind::InvalidData);
    assert!(matches!(reason, StreamError::Message(MessageError::Order(_))), "{reason}");

    let (mut tcp, mut context, mut server) = raw_pair(&options());
    frame(&mut context, b"do not");
    tcp.write_all(&frame(&mut context, b"pay")).unwrap();
    let reason = fails_for_good(&mut server, ErrorKind::InvalidData);
    assert!(matches!(reason, StreamError::Message(MessageError::Order(_))), "{reason}");
}

#[test]
fn a_stream_stays_in_sequence_even_if_the_context_would_not() {
    let (client, mut server) = pair_with(&options(), &options(), Policy::default().any_message_order());
    let (mut tcp, mut context) = client.into_inner();
    frame(&mut context, b"do not");
    tcp.write_all(&frame(&mut context, b"pay")).unwrap();
    let reason = fails_for_good(&mut server, ErrorKind::InvalidData);
    assert_eq!(reason, StreamError::Misplaced(Order::Gap { missing: 1 }));
}

#[test]
fn a_signed_message_in_a_sealed_stream_is_refused() {
    let (mut tcp, mut context, mut server) = raw_pair(&options());
    let mut token = Vec::new();
    context.protect(Protection::Integrity, b"hello", &mut token).unwrap();
    tcp.write_all(&u32::try_from(token.len()).unwrap().to_le_bytes()).unwrap();
    tcp.write_all(&token).unwrap();
    let reason = fails_for_good(&mut server, ErrorKind::InvalidData);
    assert_eq!(reason, StreamError::NotProtected { least: Protection::Confidentiality });
}

#[test]
fn frames_of_impossible_length_are_refused() {
    for length in [0x1_0001_u32, u32::MAX] {
        let (mut tcp, _, mut server) = raw_pair(&options());
        tcp.write_all(&length.to_le_bytes()).unwrap();
        let reason = fails_for_good(&mut server, ErrorKind::InvalidData);
        let length = usize::try_from(length).unwrap();
        assert_eq!(reason, StreamError::TooLong { length, limit: 0x1_0000 });
    }
    let (mut tcp, _, mut server) = raw_pair(&options());
    tcp.write_all(&[0; 4]).unwrap();
    assert!(matches!(
        fails_for_good(&mut server, ErrorKind::InvalidData),
        StreamError::Message(MessageError::Decode(_))
    ));
}

#[test]
fn a_frame_over_what_is_written_is_still_read() {
    let (mut tcp, mut context, mut server) = raw_pair(&options());
    let longest = context.message_limit(Protection::Confidentiality, 0x1_0000);
    tcp.write_all(&frame(&mut context, &pattern(longest))).unwrap();
    assert_eq!(server.fill_buf().unwrap(), pattern(longest));
}

#[test]
fn a_connection_that_ends_without_the_end_message_is_an_error_unless_told_otherwise() {
    let (mut tcp, mut context, mut server) = raw_pair(&options());
    tcp.write_all(&frame(&mut context, b"all of it")).unwrap();
    drop(tcp);
    let mut got = Vec::new();
    let error = server.read_to_end(&mut got).unwrap_err();
    assert_eq!((got.as_slice(), StreamError::of(&error)), (&b"all of it"[..], Some(&StreamError::Unannounced)));
    assert_eq!(fails_for_good(&mut server, ErrorKind::UnexpectedEof), StreamError::Unannounced);

    let (mut tcp, mut context, mut server) = raw_pair(&options().dangerous_unannounced_end());
    tcp.write_all(&frame(&mut context, b"all of it")).unwrap();
    drop(tcp);
    let mut got = Vec::new();
    server.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"all of it");
}

#[test]
fn a_connection_that_ends_inside_a_frame_is_always_an_error() {
    for server_options in [options(), options().dangerous_unannounced_end()] {
        for cut in [1, 3, 4, 5, 60] {
            let (mut tcp, mut context, mut server) = raw_pair(&server_options);
            tcp.write_all(&frame(&mut context, b"hello")[..cut]).unwrap();
            drop(tcp);
            let reason = fails_for_good(&mut server, ErrorKind::UnexpectedEof);
            assert!(matches!(reason, StreamError::Truncated { got, .. } if got == cut), "{reason}");
        }
    }
}

#[test]
fn the_end_can_be_announced_in_one_direction_only() {
    let (mut client, mut server) = pair();
    client.write_all(b"question").unwrap();
    client.shut_down().unwrap();
    assert_eq!(kind(client.write(b"more")), ErrorKind::BrokenPipe);
    client.shut_down().unwrap();
    let mut text = String::new();
    server.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), server.read(&mut [0]).unwrap()), ("question", 0));
    server.write_all(b"answer").unwrap();
    server.announce_end().unwrap();
    text.clear();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "answer");
}

#[test]
fn a_read_that_times_out_goes_on_where_it_was() {
    let (mut tcp, mut context, mut server) = raw_pair(&options());
    server.inner().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let bytes = frame(&mut context, b"hello");
    for part in bytes.chunks(7) {
        assert!(matches!(kind(server.read(&mut [0; 5])), ErrorKind::WouldBlock | ErrorKind::TimedOut));
        tcp.write_all(part).unwrap();
    }
    let mut got = [0; 5];
    server.inner().set_read_timeout(None).unwrap();
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"hello");
}

#[test]
fn writes_that_time_out_lose_and_repeat_nothing() {
    let (mut client, mut server) = pair();
    client.inner().set_write_timeout(Some(Duration::from_millis(5))).unwrap();
    let data = pattern(16 << 20);
    let sent = data.clone();
    let stalled = Arc::new(AtomicUsize::new(0));
    let stalls = Arc::clone(&stalled);
    let writing = thread::spawn(move || {
        let mut rest = &sent[..];
        while !rest.is_empty() {
            match client.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    stalls.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("{error}"),
            }
        }
        client.inner().set_write_timeout(None).unwrap();
        client.shut_down().unwrap();
        client
    });
    while stalled.load(Ordering::Relaxed) < 3 {
        thread::yield_now();
    }
    let mut got = Vec::new();
    server.read_to_end(&mut got).unwrap();
    assert!(got == data);
    writing.join().unwrap();
}

#[test]
fn a_stream_ends_with_its_ticket() {
    let ahead = Arc::new(AtomicUsize::new(0));
    let timed = options().clock(clock_with(&ahead));
    let (mut client, mut server) = pair_with(&timed, &timed, Policy::default());
    client.write_all(b"in time").unwrap();
    server.read_exact(&mut [0; 7]).unwrap();
    client.write_all(b"sent in time").unwrap();
    ahead.store(3601, Ordering::Relaxed);
    let error = client.write(b"late").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let Some(StreamError::Expired { at, now }) = StreamError::of(&error) else { panic!("{error}") };
    assert_eq!(Some(*at), client.context().expires());
    assert!(now >= at);
    assert!(matches!(fails_for_good(&mut server, ErrorKind::PermissionDenied), StreamError::Expired { .. }));
    ahead.store(0, Ordering::Relaxed);
    assert_eq!(kind(client.write(b"again")), ErrorKind::PermissionDenied);
}

#[test]
fn a_stream_may_outlive_its_ticket_with_or_without_a_warning() {
    let ahead = Arc::new(AtomicUsize::new(0));
    let warnings = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&warnings);
    let timed = options().clock(clock_with(&ahead));
    let warned = timed.clone().expiry(Expiry::warn(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    let (mut client, mut server) = pair_with(&warned, &timed.expiry(Expiry::Ignore), Policy::default());
    client.write_all(b"one").unwrap();
    assert_eq!(warnings.load(Ordering::Relaxed), 0);
    ahead.store(3601, Ordering::Relaxed);
    client.write_all(b"two").unwrap();
    client.write_all(b"six").unwrap();
    assert_eq!(warnings.load(Ordering::Relaxed), 1);
    let mut got = [0; 9];
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"onetwosix");
    server.write_all(b"back").unwrap();
    client.read_exact(&mut got[..4]).unwrap();
    assert_eq!(warnings.load(Ordering::Relaxed), 2);
}

#[test]
fn many_clients_at_once_and_a_server_that_goes_on_after_bad_ones() {
    let short = StreamOptions::default().handshake_time(Duration::from_millis(500));
    let address = serve(acceptor(), short);
    let bad = |bytes: &[u8]| TcpStream::connect(address).unwrap().write_all(bytes).unwrap();
    thread::scope(|scope| {
        for number in 0..16_usize {
            scope.spawn(move || echoes(address, &pattern(50_000 + number * 1000)));
            scope.spawn(move || match number % 4 {
                0 => bad(b"GET / HTTP/1.1\r\n\r\n"),
                1 => bad(&[0x16, 1, 0, 0xff, 0xff]),
                2 => {
                    let mut stream = connect(address);
                    stream.write_all(b"and gone").unwrap();
                }
                _ => {
                    let (mut tcp, _) = connect(address).into_inner();
                    tcp.write_all(&[0xff; 64]).unwrap();
                }
            });
        }
    });
    echoes(address, b"still here");
}

#[test]
fn streams_work_over_anything_that_reads_and_writes() {
    let (listener, address) = listen();
    let server = thread::spawn(move || {
        let tcp = Dribble(listener.accept().unwrap().0);
        let acceptor = acceptor();
        let mut stream =
            NegotiateStream::accept_over(tcp, acceptor.session(), &handfast_net::driver::NoAccounts, &options())
                .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    let (initiator, target, credential) = (initiator(), target(), credential());
    let tcp = Dribble(TcpStream::connect(address).unwrap());
    let to = initiator.to(&target).credential(&credential);
    let mut stream = NegotiateStream::connect_over(tcp, to, &NoKdc, &options()).unwrap();
    stream.write_all(b"three bytes at a time").unwrap();
    stream.announce_end().unwrap();
    assert_eq!(server.join().unwrap(), "three bytes at a time");
}

/// Takes and gives three bytes at a time.
struct Dribble(TcpStream);

impl Read for Dribble {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(3);
        self.0.read(&mut into[..count])
    }
}

impl Write for Dribble {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(3)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
