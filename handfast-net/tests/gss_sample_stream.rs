//! GssSampleStream over loopback, in MIT's framing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use handfast::{Initiator, MessageError, Policy, Protection};
use handfast_net::driver::{HandshakeError, NoKdc};
use handfast_net::framing::FrameError;
use handfast_net::framing::gss_sample::{Flags, Token};
use handfast_net::stream::{GssSampleStream, SampleMessage, SampleReceived, StreamError, StreamOptions};
use support::*;

/// The server's thread: what it has received, and how that ended.
type Served = thread::JoinHandle<(Vec<SampleReceived>, io::Result<()>)>;

fn options() -> StreamOptions {
    StreamOptions::default().handshake_time(Duration::from_secs(20))
}

fn connect_with(
    address: SocketAddr,
    credential: &handfast::Credential,
    options: &StreamOptions,
) -> Result<GssSampleStream, HandshakeError> {
    let (initiator, target) = (Initiator::new(Policy::default()), target());
    let tcp = TcpStream::connect(address).unwrap();
    GssSampleStream::connect(tcp, initiator.to(&target).credential(credential), &NoKdc, options)
}

/// The server's thread: everything it receives until the end or an error.
fn serve(options: StreamOptions) -> (SocketAddr, Served) {
    let (listener, address) = listen();
    let handle = thread::spawn(move || {
        let acceptor = acceptor();
        let mut stream = match GssSampleStream::accept(listener.accept().unwrap().0, acceptor.session(), &options) {
            Ok(stream) => stream,
            Err(error) => return (Vec::new(), Err(error.into())),
        };
        let mut received = Vec::new();
        loop {
            match stream.receive() {
                Ok(Some(message)) => received.push(message),
                Ok(None) => return (received, Ok(())),
                Err(error) => {
                    assert_eq!(kind(stream.receive()), error.kind(), "errors stay");
                    return (received, Err(error));
                }
            }
        }
    });
    (address, handle)
}

const HOWS: [SampleMessage; 4] = [
    SampleMessage { protection: Some(Protection::Confidentiality), answer_signed: true },
    SampleMessage { protection: Some(Protection::Confidentiality), answer_signed: false },
    SampleMessage { protection: Some(Protection::Integrity), answer_signed: true },
    SampleMessage { protection: None, answer_signed: true },
];

#[test]
fn messages_of_every_kind_arrive_and_are_answered() {
    let lax = options().dangerous_unprotected_messages();
    let (address, server) = serve(lax.clone());
    let mut client = connect_with(address, &credential(), &lax).unwrap();
    for how in HOWS {
        client.send(b"message", how).unwrap();
    }
    client.send(&pattern(200_000), SampleMessage::default()).unwrap();
    client.end().unwrap();
    let (received, end) = server.join().unwrap();
    end.unwrap();
    for (received, how) in received.iter().zip(HOWS) {
        assert_eq!(*received, SampleReceived { message: b"message".to_vec(), how });
    }
    assert_eq!((received.len(), &received[4].message), (5, &pattern(200_000)));
}

#[test]
fn what_is_less_protected_than_required_is_neither_sent_nor_taken() {
    for (least, how) in [
        (Protection::Confidentiality, HOWS[2]),
        (Protection::Confidentiality, HOWS[3]),
        (Protection::Integrity, HOWS[3]),
    ] {
        let strict = options().least_protection(least);
        let (address, server) = serve(strict.clone());
        let mut client = connect_with(address, &credential(), &strict).unwrap();
        let error = client.send(b"message", how).unwrap_err();
        assert_eq!(StreamError::of(&error), Some(&StreamError::NotProtected { least }));
        client.send(b"message", HOWS[0]).unwrap();
        client.end().unwrap();
        assert_eq!(server.join().unwrap().0.len(), 1);

        let (address, server) = serve(strict);
        let mut client = connect_with(address, &credential(), &options().dangerous_unprotected_messages()).unwrap();
        assert_eq!(kind(client.send(b"message", how)), ErrorKind::UnexpectedEof);
        let (received, end) = server.join().unwrap();
        assert_eq!(
            (received.len(), StreamError::of(&end.unwrap_err())),
            (0, Some(&StreamError::NotProtected { least }))
        );
    }
}

/// A server, and a client's raw connection to it with the context.
fn raw(options: &StreamOptions) -> (TcpStream, handfast::Context, Served) {
    let (address, server) = serve(options.clone());
    let (tcp, context) = connect_with(address, &credential(), options).unwrap().into_inner();
    (tcp, context, server)
}

fn reason(server: Served) -> StreamError {
    let error = server.join().unwrap().1.unwrap_err();
    StreamError::of(&error).unwrap_or_else(|| panic!("{error}")).clone()
}

#[test]
fn a_message_that_claims_to_be_encrypted_must_be() {
    let (mut tcp, mut context, server) = raw(&options().least_protection(Protection::Integrity));
    let mut body = Vec::new();
    context.protect(Protection::Integrity, b"not sealed", &mut body).unwrap();
    Token::new(Flags::DATA | Flags::WRAPPED | Flags::ENCRYPTED, body).write(&mut tcp).unwrap();
    assert_eq!(reason(server), StreamError::NotProtected { least: Protection::Confidentiality });
}

#[test]
fn changed_unexpected_oversize_and_cut_tokens_are_refused() {
    let (mut tcp, mut context, server) = raw(&options());
    let mut body = Vec::new();
    context.seal(b"message", &mut body).unwrap();
    body[40] ^= 1;
    Token::new(Flags::DATA | Flags::WRAPPED, body).write(&mut tcp).unwrap();
    assert_eq!(reason(server), StreamError::Message(MessageError::NotAuthentic));

    let (mut tcp, _, server) = raw(&options());
    Token::new(Flags::MIC, vec![1]).write(&mut tcp).unwrap();
    assert!(matches!(reason(server), StreamError::Unexpected { .. }));

    let (mut tcp, _, server) = raw(&options());
    tcp.write_all(&[4, 0, 0x10, 0, 1]).unwrap();
    assert!(matches!(reason(server), StreamError::TooLong { length: 0x10_0001, .. }));

    let (mut tcp, _, server) = raw(&options());
    tcp.write_all(&[4, 0, 0, 0, 9, 1]).unwrap();
    drop(tcp);
    assert!(matches!(reason(server), StreamError::Truncated { needed: 9, got: 1 }));

    let (mut tcp, _, server) = raw(&options());
    tcp.write_all(&[0; 5]).unwrap();
    assert!(matches!(reason(server), StreamError::Unexpected { .. }));
}

#[test]
fn a_conversation_ends_with_its_ticket_on_either_side() {
    let expired = |error: &io::Error| matches!(StreamError::of(error), Some(StreamError::Expired { .. }));
    for late in 0..2 {
        let ahead = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        let [client_options, server_options] = ahead.each_ref().map(|ahead| options().clock(clock_with(ahead)));
        let (address, server) = serve(server_options);
        let mut client = connect_with(address, &credential(), &client_options).unwrap();
        client.send(b"in time", HOWS[0]).unwrap();
        ahead[late].store(3601, Ordering::Relaxed);
        let error = client.send(b"late", HOWS[0]).unwrap_err();
        assert_eq!(expired(&error), late == 0, "{error}");
        drop(client);
        let (received, end) = server.join().unwrap();
        assert_eq!(received.len(), 1);
        assert_eq!(end.is_err_and(|error| expired(&error)), late == 1);
    }
}

#[test]
fn an_answer_that_comes_too_late_is_not_taken() {
    let ahead = Arc::new(AtomicUsize::new(0));
    let (address, _server) = serve(options());
    let timed = options().clock(clock_with(&ahead));
    let (tcp, context) = connect_with(address, &credential(), &timed).unwrap().into_inner();
    let slow = Slow { tcp, ahead };
    let mut client = GssSampleStream::established(slow, context, &timed);
    let error = client.send(b"message", HOWS[0]).unwrap_err();
    assert!(matches!(StreamError::of(&error), Some(StreamError::Expired { .. })), "{error}");
}

/// A connection over which nothing comes within the ticket's time.
struct Slow {
    tcp: TcpStream,
    ahead: Arc<AtomicUsize>,
}

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.ahead.store(3601, Ordering::Relaxed);
        self.tcp.read(into)
    }
}

impl Write for Slow {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.tcp.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

#[test]
fn a_connection_that_ends_between_messages_is_the_end() {
    let (tcp, _, server) = raw(&options());
    drop(tcp);
    server.join().unwrap().1.unwrap();
}

#[test]
fn the_client_believes_no_answer_but_the_right_signature() {
    for (flags, body) in [(Flags::MIC, vec![0; 28]), (Flags::NOOP, Vec::new()), (Flags::DATA, Vec::new())] {
        let (listener, address) = listen();
        let server = thread::spawn(move || {
            let acceptor = acceptor();
            let stream = GssSampleStream::accept(listener.accept().unwrap().0, acceptor.session(), &options()).unwrap();
            let (mut tcp, _) = stream.into_inner();
            Token::read(&mut tcp).unwrap();
            Token::new(flags, body).write(&mut tcp).unwrap();
        });
        let mut client = connect_with(address, &credential(), &options()).unwrap();
        assert_eq!(kind(client.send(b"message", SampleMessage::default())), ErrorKind::InvalidData);
        assert_eq!(kind(client.send(b"message", SampleMessage::default())), ErrorKind::InvalidData, "errors stay");
        server.join().unwrap();
    }
}

#[test]
fn the_mechanisms_refusal_reaches_the_client() {
    let (address, server) = serve(options());
    let error = connect_with(address, &forged_credential(), &options()).unwrap_err();
    assert!(matches!(error, HandshakeError::Mechanism(handfast::Error::RefusedByPeer(_))), "{error}");
    assert_eq!(server.join().unwrap().1.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

/// What the server makes of a client that sends `bytes` and ends.
fn accept_bytes(bytes: &[u8]) -> HandshakeError {
    let (listener, address) = listen();
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            GssSampleStream::accept(listener.accept().unwrap().0, acceptor().session(), &options()).unwrap_err()
        });
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.write_all(bytes).unwrap();
        let _ = tcp.shutdown(Shutdown::Write); // the server may have closed already
        let _ = tcp.read_to_end(&mut Vec::new()); // may be reset, where the server leaves bytes unread
        server.join().unwrap()
    })
}

#[test]
fn a_conversation_that_does_not_begin_with_a_context_is_refused() {
    assert!(matches!(accept_bytes(&[]), HandshakeError::Frame(FrameError::Ended)));
    assert!(matches!(accept_bytes(&[0; 5]), HandshakeError::Frame(FrameError::Invalid(_))));
    assert!(matches!(accept_bytes(&[1, 0, 0, 0, 0]), HandshakeError::UnexpectedFlags { .. }));
    assert!(matches!(accept_bytes(&[0x11, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0x60]), HandshakeError::UnexpectedFlags { .. }));
    assert!(matches!(accept_bytes(&[0x11, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0x60]), HandshakeError::Mechanism(_)));
    let long = [0x11, 0, 0, 0, 0, 2, 0, 1, 0, 1];
    assert!(matches!(accept_bytes(&long), HandshakeError::Frame(FrameError::TooLong { limit: 0x1_0000, .. })));
}
