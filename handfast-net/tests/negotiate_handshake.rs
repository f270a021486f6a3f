//! The handshake of NegotiateStream over loopback: who is refused, who learns what of it, and what is no handshake at all.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use handfast::{Flags, Initiator, Policy, Protection, Refusal};
use handfast_net::driver::{HandshakeError, NoKdc};
use handfast_net::framing::FrameError;
use handfast_net::framing::nns::{ErrorCode, Handshake};
use handfast_net::stream::{NegotiateStream, StreamOptions};
use support::nns::*;
use support::*;

#[test]
fn signed_only_streams_need_the_policy_and_the_option_of_both_sides() {
    let signed = options().least_protection(Protection::Integrity);
    let (mut client, mut server) = pair_with(&signed, &signed, Policy::default().integrity_only());
    assert!(!client.context().flags().contains(Flags::CONFIDENTIALITY));
    client.write_all(&pattern(200_000)).unwrap();
    client.shut_down().unwrap();
    let mut got = Vec::new();
    server.read_to_end(&mut got).unwrap();
    assert!(got == pattern(200_000));

    let address = serve(acceptor(), options());
    let (initiator, target, credential) = (Initiator::new(Policy::default().integrity_only()), target(), credential());
    let to = initiator.to(&target).credential(&credential);
    let result = NegotiateStream::connect(TcpStream::connect(address).unwrap(), to.clone(), &NoKdc, &signed);
    assert!(matches!(result, Err(HandshakeError::RefusedByPeer(ErrorCode::TRUST_FAILURE))), "{result:?}");
    let result = NegotiateStream::connect(TcpStream::connect(address).unwrap(), to, &NoKdc, &options());
    assert!(matches!(result, Err(HandshakeError::RefusedByPeer(ErrorCode::TRUST_FAILURE))), "{result:?}");
}

#[test]
fn the_initiator_refuses_a_context_that_protects_too_little() {
    let signed = options().least_protection(Protection::Integrity);
    let address = serve(acceptor(), signed);
    let (initiator, target, credential) = (Initiator::new(Policy::default().integrity_only()), target(), credential());
    let to = initiator.to(&target).credential(&credential);
    let result = NegotiateStream::connect(TcpStream::connect(address).unwrap(), to, &NoKdc, &options());
    let Err(HandshakeError::NotProtected { least: Protection::Confidentiality, flags }) = result else {
        panic!("{result:?}")
    };
    assert!(flags.contains(Flags::INTEGRITY));
    echoes(address, b"still here");
}

#[test]
fn a_context_without_any_protection_makes_no_stream() {
    let unprotected = options().dangerous_unprotected_messages();
    let address = serve(acceptor().policy(Policy::default().authentication_only()), unprotected.clone());
    let initiator = Initiator::new(Policy::default().authentication_only());
    let (target, credential) = (target(), credential());
    let to = initiator.to(&target).credential(&credential);
    let result = NegotiateStream::connect(TcpStream::connect(address).unwrap(), to, &NoKdc, &unprotected);
    assert!(matches!(result, Err(HandshakeError::NotProtected { least: Protection::Integrity, .. })), "{result:?}");
}

#[test]
fn a_forged_ticket_is_refused_and_the_client_learns_only_that() {
    let (listener, address) = listen();
    let server =
        thread::spawn(move || NegotiateStream::accept(listener.accept().unwrap().0, acceptor().session(), &options()));
    let (initiator, target, credential) = (initiator(), target(), forged_credential());
    let to = initiator.to(&target).credential(&credential);
    let result = NegotiateStream::connect(TcpStream::connect(address).unwrap(), to, &NoKdc, &options());
    assert!(matches!(result, Err(HandshakeError::RefusedByPeer(ErrorCode::LOGON_DENIED))), "{result:?}");
    let refused = server.join().unwrap().unwrap_err();
    let HandshakeError::Mechanism(handfast::Error::Refused(refusal)) = &refused else { panic!("{refused}") };
    assert!(matches!(**refusal, Refusal::TicketNotDecryptable { .. }), "{refused}");
    assert_eq!(io::Error::from(refused).kind(), ErrorKind::PermissionDenied);
}

/// What the server makes of a client that sends `bytes` and closes, and what it answers.
fn accept_bytes(bytes: &[u8]) -> (HandshakeError, Vec<u8>) {
    let (listener, address) = listen();
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            NegotiateStream::accept(listener.accept().unwrap().0, acceptor().session(), &options()).unwrap_err()
        });
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.write_all(bytes).unwrap();
        let _ = tcp.shutdown(Shutdown::Write); // the server may have closed already
        let mut answer = Vec::new();
        let _ = tcp.read_to_end(&mut answer); // may be reset, where the server leaves bytes unread
        (server.join().unwrap(), answer)
    })
}

#[test]
fn garbage_instead_of_a_handshake_is_refused() {
    let (error, _) = accept_bytes(b"GET / HTTP/1.1\r\n\r\n");
    assert!(matches!(error, HandshakeError::Frame(FrameError::Invalid(_))), "{error}");
    assert_eq!(io::Error::from(error).kind(), ErrorKind::InvalidData);
    let (error, _) = accept_bytes(&[0x16, 1, 0, 0, 0]);
    assert!(matches!(error, HandshakeError::Frame(FrameError::Invalid(_))), "{error}");
    let denied = [0x15, 1, 0, 0, 8, 0, 0, 0, 0, 0x80, 9, 3, 0x0c];
    for token in [&b"\x16\x01\0\0\x04abcd"[..], b"\x14\x01\0\0\x04abcd", b"\x14\x01\0\0\0"] {
        let (error, answer) = accept_bytes(token);
        assert!(matches!(error, HandshakeError::Mechanism(handfast::Error::Decode(_))), "{error}");
        assert_eq!(answer, denied, "every refusal looks the same");
    }
    let (error, answer) = accept_bytes(&[0x15, 1, 0, 0, 8, 0, 0, 0, 0, 0x80, 9, 3, 0x0c]);
    assert!(matches!(error, HandshakeError::RefusedByPeer(ErrorCode::LOGON_DENIED)), "{error}");
    assert_eq!(answer, []);
}

#[test]
fn a_client_that_goes_away_in_the_handshake_is_an_error() {
    let (error, _) = accept_bytes(&[]);
    assert!(matches!(error, HandshakeError::Frame(FrameError::Ended)), "{error}");
    let (error, _) = accept_bytes(&[0x16, 1, 0, 1, 0, 0x60]);
    assert!(matches!(error, HandshakeError::Frame(FrameError::Truncated { .. })), "{error}");
    assert_eq!(io::Error::from(error).kind(), ErrorKind::UnexpectedEof);
}

/// What the client makes of a server that answers its first token with `messages`, then closes.
fn connect_to(messages: Vec<u8>) -> HandshakeError {
    let (listener, address) = listen();
    let server = thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        assert!(matches!(Handshake::read(&mut tcp).unwrap(), Handshake::InProgress(_)));
        tcp.write_all(&messages).unwrap();
        let _ = tcp.shutdown(Shutdown::Write); // the client may have closed already
        let _ = io::copy(&mut tcp, &mut io::sink()); // may be reset, where the client leaves bytes unread
    });
    let error = connect_with(address, &options()).unwrap_err();
    server.join().unwrap();
    error
}

#[test]
fn a_server_that_proves_nothing_gets_no_context() {
    for message in [&b"\x14\x01\0\0\0"[..], b"\x14\x01\0\0\x04abcd", b"\x16\x01\0\0\x04abcd"] {
        let error = connect_to(message.to_vec());
        assert!(matches!(error, HandshakeError::Mechanism(_)), "{error}");
    }
    assert!(matches!(connect_to(Vec::new()), HandshakeError::Frame(FrameError::Ended)));
    assert!(matches!(connect_to(b"HTTP/1.1 400 Bad Request".to_vec()), HandshakeError::Frame(FrameError::Invalid(_))));
}

#[test]
fn dripping_peers_run_out_of_time_on_both_sides() {
    let short = StreamOptions::default().handshake_time(Duration::from_millis(100));
    let drip = |mut tcp: TcpStream| {
        let _ = tcp.write_all(&[0x16, 1, 0, 0xff, 0xff]);
        while tcp.write_all(&[0]).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    };
    let timed_out = |error: HandshakeError| {
        assert_eq!(io::Error::from(error).kind(), ErrorKind::TimedOut);
    };
    let (listener, address) = listen();
    let client = thread::spawn(move || drip(TcpStream::connect(address).unwrap()));
    timed_out(NegotiateStream::accept(listener.accept().unwrap().0, acceptor().session(), &short).unwrap_err());
    client.join().unwrap();
    let server = thread::spawn(move || drip(listener.accept().unwrap().0));
    timed_out(connect_with(address, &short).unwrap_err());
    server.join().unwrap();
}

#[test]
fn the_time_out_of_the_handshake_is_not_the_streams() {
    let (client, server) = pair();
    assert_eq!(client.inner().read_timeout().unwrap(), None);
    assert_eq!(server.inner().write_timeout().unwrap(), None);
}

#[test]
fn a_replayed_handshake_is_refused() {
    let (listener, address) = listen();
    let server = thread::spawn(move || {
        let acceptor = acceptor();
        let accept = || NegotiateStream::accept(listener.accept().unwrap().0, acceptor.session(), &options());
        (accept().map(|_| ()), accept().map(|_| ()))
    });
    let first = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tap = Arc::clone(&first);
    let (proxied, carrying) = proxy(address, move |from_client, bytes| {
        if from_client {
            tap.lock().unwrap().extend_from_slice(&bytes);
        }
        Some(bytes)
    });
    drop(connect(proxied));
    carrying.join().unwrap();
    let mut tcp = TcpStream::connect(address).unwrap();
    tcp.write_all(&first.lock().unwrap()).unwrap();
    assert!(matches!(Handshake::read(&mut tcp).unwrap(), Handshake::Error(ErrorCode::LOGON_DENIED)));
    let (one, two) = server.join().unwrap();
    one.unwrap();
    let Err(HandshakeError::Mechanism(handfast::Error::Refused(refusal))) = two else { panic!("{two:?}") };
    assert_eq!(*refusal, Refusal::Replay);
}
