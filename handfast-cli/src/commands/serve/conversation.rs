//! One client: the handshake, and what follows in each framing.

use super::Server;
use super::log::Connection;
use crate::failure::Failure;
use crate::framing::Framing;
use crate::pipe;
use crate::traffic::Traffic;
use handfast::Protection;
use handfast_net::stream::{GssSampleStream, NegotiateStream};
use std::io::{self, BufRead, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// Proves both ends, sees whether the client is allowed, and does with it what this server is for.
pub(super) fn hold(
    server: &Server<'_>,
    tcp: TcpStream,
    connection: Connection,
    traffic: &Arc<Traffic>,
) -> Result<(), Failure> {
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(server.args.idle_time)?;
    tcp.set_write_timeout(server.args.idle_time)?;
    match server.args.framing {
        Framing::Nns => {
            let stream = NegotiateStream::accept(tcp, server.acceptor.session(), &server.options)?;
            server.log.proven(connection, stream.context());
            server.allowed.check(stream.context().peer())?;
            if server.args.echo { echo(stream, traffic) } else { pipe::run(stream, io::stdin(), traffic) }
        }
        Framing::GssSample => {
            let stream = GssSampleStream::accept(tcp, server.acceptor.session(), &server.options)?;
            server.log.proven(connection, stream.context());
            server.allowed.check(stream.context().peer())?;
            samples(server, stream, connection, traffic)
        }
    }
}

/// Sends back what comes, until the client says that it was all.
fn echo(mut stream: NegotiateStream, traffic: &Traffic) -> Result<(), Failure> {
    loop {
        let data = stream.fill_buf()?.to_vec();
        if data.is_empty() {
            stream.shut_down()?;
            return Ok(());
        }
        stream.consume(data.len());
        traffic.count_received(data.len());
        stream.write_all(&data)?;
        traffic.count_sent(data.len());
    }
}

/// Signs each message, as gss-server does, and shows it.
fn samples(
    server: &Server<'_>,
    mut stream: GssSampleStream,
    connection: Connection,
    traffic: &Traffic,
) -> Result<(), Failure> {
    while let Some(received) = stream.receive()? {
        let how = match received.how.protection {
            Some(Protection::Confidentiality) => "sealed",
            Some(Protection::Integrity) => "signed",
            None => "unprotected",
        };
        traffic.count_received(received.message.len());
        server.log.message(connection, &String::from_utf8_lossy(&received.message), received.message.len(), how);
    }
    Ok(())
}
