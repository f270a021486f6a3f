//! The streams of `handfast_net::tokio`, over pipes and loopback: whole streams, futures that are dropped, and what can go wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::future::{Future, pending};
use std::io::{self, ErrorKind, Read, Write};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handfast::krb5::exchange::KdcRequest;
use handfast::{Credential, Flags, Policy, Principal};
use handfast_net::driver::{HandshakeError, NoAccounts, NoKdc};
use handfast_net::framing::FrameError;
use handfast_net::framing::nns::ErrorCode;
use handfast_net::stream::{Expiry, StreamError, StreamOptions};
use handfast_net::tokio::{Driver, GssSampleCarrier, NegotiateStream, NnsCarrier, ReadHalf, WriteHalf};
use handfast_net::{Clock, Deadline};
use support::nns::{options, serve};
use support::*;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};

type Stream = NegotiateStream<DuplexStream>;

/// A pair of streams over pipes that hold `capacity` bytes in each direction.
async fn pair_over(capacity: usize, client: &StreamOptions, server: &StreamOptions) -> (Stream, Stream) {
    let (ours, theirs) = duplex(capacity);
    let (initiator, target, credential, acceptor) = (initiator(), target(), credential(), acceptor());
    let to = initiator.to(&target).credential(&credential);
    let (client, server) = tokio::join!(
        NegotiateStream::connect(ours, to, &NoKdc, client),
        NegotiateStream::accept(theirs, acceptor.session(), server)
    );
    (client.unwrap(), server.unwrap())
}

async fn pair() -> (Stream, Stream) {
    pair_over(1 << 16, &options(), &options()).await
}

/// A pair of which the client's raw pipe is at hand.
async fn raw_pair(server: &StreamOptions) -> (DuplexStream, handfast::Context, Stream) {
    let (client, server) = pair_over(1 << 17, &options(), server).await;
    let (pipe, context) = client.into_inner();
    (pipe, context, server)
}

fn frame(context: &mut handfast::Context, message: &[u8]) -> Vec<u8> {
    let mut token = Vec::new();
    context.seal(message, &mut token).unwrap();
    [&u32::try_from(token.len()).unwrap().to_le_bytes()[..], &token].concat()
}

/// Polls a future once, and drops it.
fn once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn reason<T: std::fmt::Debug>(result: io::Result<T>) -> StreamError {
    StreamError::of(&result.unwrap_err()).unwrap().clone()
}

#[tokio::test]
async fn both_ends_know_each_other() {
    let (client, server) = pair().await;
    assert_eq!(client.context().peer().to_string(), "HTTP/www.example.com@EXAMPLE.COM");
    assert_eq!(server.context().peer().to_string(), "alice@EXAMPLE.COM");
    assert!(client.context().flags().contains(Flags::MUTUAL | Flags::CONFIDENTIALITY));
}

/// Echoes everything until the end, then says that this is the end.
async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut buffer = vec![0; 10_000];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return stream.shutdown().await,
            count => stream.write_all(&buffer[..count]).await?,
        }
        stream.flush().await?;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn megabytes_pass_in_both_directions_at_once() {
    let (client, server) = pair_over(1000, &options(), &options()).await;
    let echoing = tokio::spawn(echo(server));
    let (mut reading, mut writing) = client.into_split().unwrap();
    let data = pattern(3 << 20);
    let sent = data.clone();
    let sending = tokio::spawn(async move {
        writing.write_all(&sent).await.unwrap();
        writing.shutdown().await.unwrap();
    });
    let mut got = Vec::new();
    reading.read_to_end(&mut got).await.unwrap();
    assert!(got == data);
    sending.await.unwrap();
    echoing.await.unwrap().unwrap();
}

/// Every future of either side is dropped after its first poll, and the pipe takes one byte at a time: half a header, half a
/// token, half a frame are lost to each of them.
#[test]
fn futures_dropped_at_every_poll_lose_and_repeat_nothing() {
    let (mut client, mut server) = block_on(pair_over(1, &options(), &options()));
    let data = pattern(3000);
    let (mut rest, mut got, mut size, mut shut) = (&data[..], Vec::new(), 1, false);
    let mut buffer = [0; 97];
    loop {
        if rest.is_empty() {
            shut = shut || once(client.shutdown()).is_some_and(|done| done.map(|()| true).unwrap());
        } else if let Some(count) = once(client.write(&rest[..rest.len().min(size)])) {
            rest = &rest[count.unwrap()..];
            size = size * 3 % 301 + 1;
        } else {
            // What was taken is sent on by a flush, too.
            once(client.flush()).map_or(Ok(()), |flushed| flushed).unwrap();
        }
        match once(server.read(&mut buffer[..size.min(97)])).transpose().unwrap() {
            Some(0) => break,
            Some(count) => got.extend_from_slice(&buffer[..count]),
            None => {}
        }
    }
    while !shut {
        shut = once(client.shutdown()).is_some();
    }
    assert!(got == data);
}

#[test]
fn parted_futures_dropped_at_every_poll_lose_and_repeat_nothing() {
    let (client, server) = block_on(pair_over(1, &options(), &options()));
    let ((_keep, mut writing), (mut reading, _open)) = (client.into_split().unwrap(), server.into_split().unwrap());
    let data = pattern(500);
    let (mut rest, mut got) = (&data[..], Vec::new());
    loop {
        if rest.is_empty() {
            once(writing.shutdown()).map_or(Ok(()), |done| done).unwrap();
        } else if let Some(count) = once(writing.write(&rest[..rest.len().min(77)])) {
            rest = &rest[count.unwrap()..];
        }
        match once(reading.fill_buf()).transpose().unwrap().map(<[u8]>::to_vec) {
            Some(end) if end.is_empty() => break,
            Some(part) => {
                reading.consume(part.len().min(10));
                got.extend_from_slice(&part[..part.len().min(10)]);
            }
            None => {}
        }
    }
    assert!(got == data);
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[tokio::test]
async fn a_write_that_was_taken_goes_before_all_that_follow() {
    let (mut client, mut server) = pair_over(16, &options(), &options()).await;
    // The pipe has room for a part of the frame only, and yet the bytes are taken.
    assert_eq!(once(client.write(b"first")).unwrap().unwrap(), 5);
    assert!(once(client.write(b"second")).is_none());
    assert!(once(client.flush()).is_none());
    let reading = tokio::spawn(async move {
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        text
    });
    client.write_all(b", third").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(reading.await.unwrap(), "first, third");
}

#[tokio::test]
async fn handshakes_and_streams_can_be_sent_to_other_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let (ours, theirs) = duplex(100);
    let (initiator, target, credential, acceptor) = (initiator(), target(), credential(), acceptor());
    let to = initiator.to(&target).credential(&credential);
    let options = options();
    let kdcs = handfast_net::Kdcs::new();
    drop(is_send(NegotiateStream::connect(duplex(1).0, to.clone(), &kdcs, &options)));
    let connecting = is_send(NegotiateStream::connect(ours, to, &NoKdc, &options));
    let accepting = is_send(NegotiateStream::accept_with_accounts(theirs, acceptor.session(), &NoAccounts, &options));
    let (client, server) = tokio::join!(connecting, accepting);
    let (mut client, server) = (client.unwrap(), is_send(server).unwrap());
    drop(is_send(client.read(&mut [0])));
    is_send::<(ReadHalf<_>, WriteHalf<_>)>(server.into_split().unwrap());
    // As a whole program has it: everything owned by a task.
    let (ours, theirs) = duplex(100);
    tokio::spawn(async move { NegotiateStream::accept(theirs, self::acceptor().session(), &self::options()).await });
    drop(ours);
}

#[tokio::test]
async fn tasks_and_threads_speak_the_same() {
    // A client that blocks, a server of tasks.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let blocking = std::thread::spawn(move || {
        let mut stream = support::nns::connect(address);
        stream.write_all(&pattern(100_000)).unwrap();
        stream.announce_end().unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).unwrap();
        assert!(got == pattern(100_000));
    });
    let acceptor = acceptor();
    let tcp = listener.accept().await.unwrap().0;
    let mut stream = NegotiateStream::accept(tcp, acceptor.session(), &options()).await.unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).await.unwrap();
    stream.write_all(&got).await.unwrap();
    stream.shutdown().await.unwrap();
    tokio::task::spawn_blocking(move || blocking.join().unwrap()).await.unwrap();
    // And the other way round.
    let tcp = tokio::net::TcpStream::connect(serve(self::acceptor(), options())).await.unwrap();
    let (initiator, target, credential) = (initiator(), target(), credential());
    let to = initiator.to(&target).credential(&credential);
    let mut stream = NegotiateStream::connect(tcp, to, &NoKdc, &options()).await.unwrap();
    assert_eq!(stream.inner().peer_addr().unwrap().ip().to_string(), "127.0.0.1");
    stream.write_all(b"there and back").await.unwrap();
    stream.announce_end().await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "there and back");
}

#[tokio::test]
async fn what_was_tampered_with_ends_both_directions() {
    let (mut pipe, mut context, mut server) = raw_pair(&options()).await;
    let mut bytes = frame(&mut context, b"hello");
    bytes[30] ^= 1;
    pipe.write_all(&bytes).await.unwrap();
    let error = server.read(&mut [0; 9]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let found = reason(server.read(&mut [0; 9]).await);
    assert!(matches!(found, StreamError::Message(_)), "{found}");
    assert_eq!(reason(server.write(b"x").await), found);
}

#[tokio::test]
async fn what_was_tampered_with_ends_the_other_half() {
    let (mut pipe, mut context, server) = raw_pair(&options()).await;
    let (mut reading, mut writing) = server.into_split().unwrap();
    writing.write_all(b"before").await.unwrap();
    let mut bytes = frame(&mut context, b"hello");
    bytes[30] ^= 1;
    pipe.write_all(&bytes).await.unwrap();
    let found = reason(reading.read(&mut [0; 9]).await);
    assert!(matches!(found, StreamError::Message(_)), "{found}");
    assert_eq!(reason(writing.write(b"after").await), found);
}

#[test]
fn what_was_tampered_with_ends_the_other_half_of_a_blocking_stream() {
    let (client, server) = support::nns::pair();
    let (mut tcp, mut context) = client.into_inner();
    let (mut reading, mut writing) = server.split().unwrap();
    writing.write_all(b"before").unwrap();
    let mut bytes = frame(&mut context, b"hello");
    bytes[30] ^= 1;
    tcp.write_all(&bytes).unwrap();
    let found = reason(reading.read(&mut [0; 9]));
    assert_eq!(reason(writing.write(b"after")), found);
}

#[tokio::test]
async fn a_connection_that_ends_without_the_end_message_is_an_error_unless_told_otherwise() {
    let end = |options: StreamOptions, cut: usize| async move {
        let (mut pipe, mut context, mut server) = raw_pair(&options).await;
        let bytes = frame(&mut context, b"all of it");
        pipe.write_all(&bytes).await.unwrap();
        pipe.write_all(&frame(&mut context, b"more")[..cut]).await.unwrap();
        drop(pipe);
        let mut got = Vec::new();
        let result = server.read_to_end(&mut got).await;
        assert_eq!(got, b"all of it");
        result.map_err(|error| StreamError::of(&error).unwrap().clone())
    };
    assert_eq!(end(options(), 0).await, Err(StreamError::Unannounced));
    assert_eq!(end(options().dangerous_unannounced_end(), 0).await, Ok(9));
    for cut in [1, 4, 10] {
        let truncated = end(options().dangerous_unannounced_end(), cut).await;
        assert!(matches!(truncated, Err(StreamError::Truncated { got, .. }) if got == cut), "{truncated:?}");
    }
}

#[tokio::test]
async fn after_the_end_nothing_is_written_and_what_comes_is_still_read() {
    let (mut client, mut server) = pair().await;
    client.write_all(b"question").await.unwrap();
    client.announce_end().await.unwrap();
    assert_eq!(reason(client.write(b"more").await), StreamError::ShutDown);
    client.announce_end().await.unwrap();
    let mut text = String::new();
    server.read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), server.read(&mut [0]).await.unwrap()), ("question", 0));
    server.write_all(b"answer").await.unwrap();
    server.shutdown().await.unwrap();
    text.clear();
    client.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "answer");
}

#[tokio::test]
async fn a_frame_that_broke_off_is_not_sent_again_nor_anything_after_it() {
    let (mut client, server) = pair_over(16, &options(), &options()).await;
    assert_eq!(client.write(b"taken").await.unwrap(), 5);
    drop(server);
    assert_eq!(kind(client.flush().await), ErrorKind::BrokenPipe);
    assert_eq!(reason(client.flush().await), StreamError::Broken(ErrorKind::BrokenPipe));
    assert_eq!(reason(client.write(b"more").await), StreamError::Broken(ErrorKind::BrokenPipe));
    assert_eq!(reason(client.shutdown().await), StreamError::Broken(ErrorKind::BrokenPipe));
}

#[tokio::test]
async fn a_stream_ends_with_its_ticket_or_outlives_it() {
    let (ahead, warnings) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let timed = options().clock(clock_with(&ahead));
    let count = Arc::clone(&warnings);
    let warned = timed.clone().expiry(Expiry::warn(move |_| _ = count.fetch_add(1, Ordering::Relaxed)));
    let (mut client, mut server) = pair_over(1000, &timed, &warned).await;
    client.write_all(b"in time").await.unwrap();
    server.write_all(b"back").await.unwrap();
    ahead.store(3601, Ordering::Relaxed);
    assert!(matches!(reason(client.write(b"late").await), StreamError::Expired { .. }));
    let error = client.read(&mut [0; 9]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    server.read_exact(&mut [0; 7]).await.unwrap();
    assert_eq!(warnings.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn refusals_are_told_and_told_apart() {
    let (ours, theirs) = duplex(1000);
    let (initiator, target, credential, acceptor) = (initiator(), target(), forged_credential(), acceptor());
    let (options, to) = (options(), initiator.to(&target).credential(&credential));
    let (client, server) = tokio::join!(
        NegotiateStream::connect(ours, to, &NoKdc, &options),
        NegotiateStream::accept(theirs, acceptor.session(), &options)
    );
    assert!(matches!(client, Err(HandshakeError::RefusedByPeer(ErrorCode::LOGON_DENIED))), "{client:?}");
    assert!(matches!(server, Err(HandshakeError::Mechanism(handfast::Error::Refused(_)))), "{server:?}");

    let (ours, theirs) = duplex(1000);
    let initiator = handfast::Initiator::new(Policy::default().integrity_only());
    let credential = self::credential();
    let signed = options.clone().least_protection(handfast::Protection::Integrity);
    let (client, server) = tokio::join!(
        NegotiateStream::connect(ours, initiator.to(&target).credential(&credential), &NoKdc, &signed),
        NegotiateStream::accept(theirs, acceptor.session(), &options)
    );
    assert!(matches!(client, Err(HandshakeError::RefusedByPeer(ErrorCode::TRUST_FAILURE))), "{client:?}");
    assert!(matches!(server, Err(HandshakeError::NotProtected { .. })), "{server:?}");
}

fn late<T: std::fmt::Debug>(result: Result<T, HandshakeError>, who: &str) {
    let Err(HandshakeError::Frame(FrameError::Io(error))) = result else { panic!("{result:?}") };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.to_string().contains(who), "{error}");
}

#[tokio::test]
async fn the_time_of_a_handshake_ends_for_silent_and_dripping_peers_and_for_kdcs() {
    let short = StreamOptions::default().handshake_time(Duration::from_millis(60));
    let (initiator, target, credential, acceptor) = (initiator(), target(), credential(), acceptor());
    let to = initiator.to(&target).credential(&credential);
    // Nobody reads or writes on the other side.
    let (ours, _theirs) = duplex(1);
    late(NegotiateStream::connect(ours, to, &NoKdc, &short).await, "the peer");
    // A peer that sends a byte now and then.
    let (ours, mut theirs) = duplex(1);
    let dripping = tokio::spawn(async move {
        let _ = theirs.write_all(&[0x16, 1, 0, 0xff, 0xff]).await;
        while theirs.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    late(NegotiateStream::accept(ours, acceptor.session(), &short).await, "the peer");
    dripping.await.unwrap();
    // A KDC that takes its time.
    let alice: Principal = "alice@EXAMPLE.COM".parse().unwrap();
    let credential = Credential::password(alice, "correct horse");
    let to = initiator.to(&target).credential(&credential);
    let kdc = |_: &KdcRequest| pending();
    late(NegotiateStream::connect(duplex(1).0, to, &kdc, &short).await, "the KDCs of the realm EXAMPLE.COM");
}

#[tokio::test]
async fn drivers_carry_tokens_in_both_framings() {
    let (initiator, target, credential, acceptor) = (initiator(), target(), credential(), acceptor());
    let driver = Driver::new(Clock::system()).deadline(Deadline::after(Duration::from_secs(20)));
    let (mut ours, mut theirs) = duplex(1);
    let (mut connecting, mut accepting) =
        (GssSampleCarrier::initiator(&mut ours), GssSampleCarrier::acceptor(&mut theirs));
    let (client, server) = tokio::join!(
        driver.initiate(initiator.to(&target).credential(&credential), &NoKdc, &mut connecting),
        driver.accept(acceptor.session(), &NoAccounts, &mut accepting)
    );
    assert_eq!(client.unwrap().peer().to_string(), "HTTP/www.example.com@EXAMPLE.COM");
    assert_eq!(server.unwrap().peer().to_string(), "alice@EXAMPLE.COM");

    let driver = Driver::new(Clock::system()).least_protection(handfast::Protection::Confidentiality);
    let (mut connecting, mut accepting) = (NnsCarrier::initiator(&mut ours), NnsCarrier::acceptor(&mut theirs));
    let (client, server) = tokio::join!(
        driver.initiate(initiator.to(&target).credential(&credential), &NoKdc, &mut connecting),
        driver.accept(acceptor.session(), &NoAccounts, &mut accepting)
    );
    let (client, mut server) = (client.unwrap(), server.unwrap());
    let mut stream = NegotiateStream::established(ours, client, &options()).unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut bytes = vec![0; 4 + 32 + 5 + 16 + 12];
    let (flushed, read) = tokio::join!(stream.flush(), theirs.read_exact(&mut bytes));
    flushed.and(read).unwrap();
    assert_eq!(server.unseal(&mut bytes[4..]).unwrap(), b"hello");
}

#[tokio::test]
async fn one_message_at_a_time_without_a_copy() {
    let (mut client, mut server) = pair().await;
    client.write_all(b"one").await.unwrap();
    client.write_all(b"two").await.unwrap();
    assert_eq!(server.fill_buf().await.unwrap(), b"one");
    server.consume(1);
    assert_eq!(server.fill_buf().await.unwrap(), b"ne");
    server.consume(5);
    assert_eq!(server.fill_buf().await.unwrap(), b"two");
    assert_eq!(server.read(&mut []).await.unwrap(), 0);
    assert_eq!(client.write(&[]).await.unwrap(), 0);
}
