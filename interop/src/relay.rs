use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Carries one connection from a client to `server` and gives the bytes that the client sent.
///
/// `client` is called with the port to connect to; it is the connection's client and ends it.
pub fn record(server: SocketAddr, client: impl FnOnce(u16)) -> Vec<u8> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap_or_else(|error| panic!("can't listen: {error}"));
    let address = listener.local_addr().unwrap_or_else(|error| panic!("no local address: {error}"));
    let relay = thread::spawn(move || relay(&listener, server));
    client(address.port());
    let sent = relay.join().unwrap_or_else(|_| panic!("the relay to {server} has failed"));
    sent.unwrap_or_else(|error| panic!("nothing was carried to {server}: {error}"))
}

fn relay(listener: &TcpListener, server: SocketAddr) -> io::Result<Vec<u8>> {
    let (mut client, mut server) = (listener.accept()?.0, TcpStream::connect(server)?);
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        // Either may be gone: then the other end sees the end of the connection.
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    let mut sent = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        let bytes = buffer.get(..count).unwrap_or_default();
        sent.extend_from_slice(bytes);
        if server.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
    let _ = back.join();
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_both_ways_and_the_clients_are_told() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut client, mut text) = (listener.accept().unwrap().0, [0; 4]);
            client.read_exact(&mut text).unwrap();
            client.write_all(b"pong").unwrap();
            text
        });
        let sent = record(address, |port| {
            let (mut client, mut text) = (TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap(), String::new());
            client.write_all(b"ping").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            client.read_to_string(&mut text).unwrap();
            assert_eq!(text, "pong");
        });
        assert_eq!((sent.as_slice(), &server.join().unwrap()), (&b"ping"[..], b"ping"));
    }
}
