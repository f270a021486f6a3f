//! Somebody on the way between MIT's programs and ours, who repeats, swaps and changes what passes: each end finds it.

use crate::ours::{OurServer, Served, connect, no_kdc, now, tickets_of};
use handfast::krb5::Keytab;
use handfast::{Accept, Acceptor, Error, Policy, Refusal, ReplayGuard, Time};
use handfast_interop::{GssServer, MitClient, MitRealm, Run, record};
use handfast_net::driver::HandshakeError;
use handfast_net::framing::gss_sample::{Flags, Token};
use handfast_net::stream::{GssSampleStream, SampleMessage, StreamOptions};
use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Carries tokens between one client and `server`, each as `change` makes it: none, one or several.
fn between(
    server: SocketAddr,
    from_client: impl Fn(Token) -> Vec<Token> + Send + 'static,
    from_server: impl Fn(Token) -> Vec<Token> + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (client, server) = (listener.accept().unwrap().0, TcpStream::connect(server).unwrap());
        let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let back = thread::spawn(move || carry(server_too, client_too, from_server));
        carry(client, server, from_client);
        back.join().unwrap();
    });
    address
}

fn carry(mut from: TcpStream, mut to: TcpStream, change: impl Fn(Token) -> Vec<Token>) {
    while let Ok(token) = Token::read(&mut from) {
        if change(token).iter().any(|token| token.write(&mut to).is_err()) {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn as_it_is(token: Token) -> Vec<Token> {
    vec![token]
}

fn twice(kind: Flags) -> impl Fn(Token) -> Vec<Token> {
    move |token| if token.flags.contains(kind) { vec![token.clone(), token] } else { vec![token] }
}

/// With a bit of the last byte flipped, or of the one so many before it.
fn flipped(kind: Flags, from_end: usize) -> impl Fn(Token) -> Vec<Token> {
    move |mut token| {
        if token.flags.contains(kind) {
            let at = token.body.len() - 1 - from_end;
            token.body[at] ^= 1;
        }
        vec![token]
    }
}

/// gss-client and our acceptor, with somebody in between.
fn gss_client_through(
    from_client: impl Fn(Token) -> Vec<Token> + Send + 'static,
    from_server: impl Fn(Token) -> Vec<Token> + Send + 'static,
) -> (Run, Result<Served, HandshakeError>) {
    let realm = MitRealm::shared();
    let mut server = OurServer::new(realm.service_keytab());
    server.accept_one();
    let way = between(server.address(), from_client, from_server);
    let client = realm.client_of("alice").gss_client(way.port(), "sample@localhost", "hello", &["-seq"]);
    (client, server.result())
}

/// An open connection of ours to gss-server, with somebody in between.
fn to_gss_server_through(
    from_client: impl Fn(Token) -> Vec<Token> + Send + 'static,
    from_server: impl Fn(Token) -> Vec<Token> + Send + 'static,
) -> (GssServer, Result<GssSampleStream, HandshakeError>) {
    let realm = MitRealm::shared();
    let client = with_ticket(&realm);
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let way = between(server.address(), from_client, from_server);
    let options = StreamOptions::default();
    let credential = tickets_of(client.ccache());
    let stream = connect(way, "sample@localhost", &credential, Policy::default(), &no_kdc, &options);
    (server, stream)
}

fn with_ticket(realm: &MitRealm) -> MitClient {
    let client = realm.client_of("alice");
    client.kvno("sample/localhost").expect_success();
    client
}

#[test]
fn nothing_changed_is_nothing_found() {
    let (client, served) = gss_client_through(as_it_is, as_it_is);
    client.expect_text("Signature verified.");
    assert_eq!(served.unwrap().received.len(), 1);
    let (server, stream) = to_gss_server_through(as_it_is, as_it_is);
    stream.unwrap().send(b"hello", SampleMessage::default()).unwrap();
    server.expect_log("Received message: \"hello\"");
}

#[test]
fn a_repeated_message_of_gss_client_is_found_by_us() {
    let (_, served) = gss_client_through(twice(Flags::DATA), as_it_is);
    let error = served.unwrap_err().to_string();
    assert!(error.contains("the message is") && error.contains("repl"), "{error}");
}

#[test]
fn a_changed_message_of_gss_client_is_found_by_us() {
    for from_end in [0, 20, 40] {
        let (client, served) = gss_client_through(flipped(Flags::DATA, from_end), as_it_is);
        assert!(!client.text().contains("Signature verified."), "{client}");
        assert!(served.unwrap_err().to_string().contains("not authentic"));
    }
}

#[test]
fn a_changed_signature_of_ours_is_found_by_gss_client() {
    let (client, _) = gss_client_through(as_it_is, flipped(Flags::MIC, 0));
    client.expect_text("GSS-API error verifying signature");
    client.expect_text("A token had an invalid Message Integrity Check (MIC)");
}

#[test]
fn a_changed_proof_of_ours_is_found_by_gss_client() {
    let (client, _) = gss_client_through(as_it_is, flipped(Flags::CONTEXT, 0));
    client.expect_text("GSS-API error initializing context");
    assert!(!client.text().contains("Signature verified."), "{client}");
}

#[test]
fn a_repeated_message_of_ours_is_found_by_gss_server() {
    let (server, stream) = to_gss_server_through(twice(Flags::DATA), as_it_is);
    stream.unwrap().send(b"hello", SampleMessage::default()).unwrap();
    server.expect_log("The token was a duplicate of an earlier token");
}

#[test]
fn a_changed_message_of_ours_is_found_by_gss_server() {
    for from_end in [0, 20, 40] {
        let (server, stream) = to_gss_server_through(flipped(Flags::DATA, from_end), as_it_is);
        assert!(stream.unwrap().send(b"hello", SampleMessage::default()).is_err());
        server.expect_log("A token had an invalid Message Integrity Check (MIC)");
    }
}

#[test]
fn messages_of_ours_in_another_order_are_found_by_gss_server() {
    let (server, stream) = to_gss_server_through(as_it_is, as_it_is);
    let (mut tcp, mut context) = stream.unwrap().into_inner();
    let mut messages: [Vec<u8>; 2] = Default::default();
    messages.iter_mut().for_each(|message| context.seal(b"hello", message).unwrap());
    for message in messages.into_iter().rev() {
        let flags = Flags::DATA | Flags::WRAPPED | Flags::ENCRYPTED | Flags::SEND_MIC;
        let _ = Token::new(flags, message).write(&mut tcp);
    }
    server.expect_log("An expected per-message token was not received");
}

#[test]
fn a_changed_signature_or_proof_of_gss_server_is_found_by_us() {
    let (server, stream) = to_gss_server_through(as_it_is, flipped(Flags::MIC, 0));
    let error = stream.unwrap().send(b"hello", SampleMessage::default()).unwrap_err();
    assert!(error.to_string().contains("not authentic"), "{error}");
    server.expect_log("Received message: \"hello\"");
    for from_end in [0, 30, 60] {
        let (server, stream) = to_gss_server_through(as_it_is, flipped(Flags::CONTEXT, from_end));
        assert!(matches!(stream, Err(HandshakeError::Mechanism(_))), "{stream:?}");
        server.expect_log("Accepted connection");
    }
}

#[test]
fn a_proof_of_gss_server_for_another_request_of_ours_is_refused() {
    // One client with one ticket, so that both proofs are under the same key.
    let realm = MitRealm::shared();
    let client = with_ticket(&realm);
    let credential = tickets_of(client.ccache());
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let first: Arc<Mutex<Option<Token>>> = Arc::default();
    let ask = || {
        let kept = first.clone();
        // The first proof is delivered to everybody.
        let replaced = move |token: Token| match token.flags.contains(Flags::CONTEXT) {
            true => vec![kept.lock().unwrap().get_or_insert(token).clone()],
            false => vec![token],
        };
        let way = between(server.address(), as_it_is, replaced);
        connect(way, "sample@localhost", &credential, Policy::default(), &no_kdc, &StreamOptions::default())
    };
    ask().unwrap();
    match ask() {
        Err(HandshakeError::Mechanism(Error::Refused(refusal))) => {
            assert_eq!(*refusal, Refusal::AcceptorAnsweredAnother);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(server.log().matches("Creating AP-REP").count(), 2, "{}", server.log());
}

/// One step of an acceptor that has seen nothing before.
fn accept(keytab: &Keytab, token: &[u8], now: Time) -> Result<(String, handfast::Flags), Error> {
    let acceptor = Acceptor::new(keytab, ReplayGuard::in_memory());
    match acceptor.session().begin().step(token, now, &mut Vec::new())? {
        Accept::Complete(context) => Ok((context.peer().to_string(), context.flags())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_ap_req_of_gss_client_with_any_byte_changed_proves_nothing_else() {
    let realm = MitRealm::shared();
    let mut server = OurServer::new(realm.service_keytab());
    server.accept_one();
    let client = with_ticket(&realm);
    let sent = record(server.address(), |port| _ = client.gss_client(port, "sample@localhost", "hello", &[]));
    let (_, first) = Token::decode(&sent).unwrap().unwrap();
    let (token, _) = Token::decode(&sent[first..]).unwrap().unwrap();
    let keytab = Keytab::decode(&std::fs::read(realm.service_keytab()).unwrap()).unwrap();
    let now = now();
    let right = accept(&keytab, &token.body, now).unwrap();
    let mut tolerated = 0;
    for at in 0..token.body.len() {
        let mut changed = token.body.clone();
        changed[at] ^= 1 << (at % 8);
        if let Ok(proven) = accept(&keytab, &changed, now) {
            assert_eq!(proven, right, "byte {at} of {}", token.body.len());
            tolerated += 1;
        }
        assert!(accept(&keytab, &token.body[..at], now).is_err(), "cut after {at} bytes");
    }
    // Outside of what is encrypted there are options (RFC 4120 5.5.1) and types of names, which prove nothing.
    assert!(tolerated <= 8, "{tolerated} changes were not noticed");
    let mut longer = token.body.clone();
    longer.write_all(&[0]).unwrap();
    assert!(accept(&keytab, &longer, now).is_err());
}
