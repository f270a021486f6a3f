//! The service behind: a connection to it for each client, and bytes both ways.

use super::options::Args;
use super::proxy::Told;
use super::session::Way;
use crate::failure::{Exit, Failure};
use crate::journal::{Event, Journal, Level};
use crate::listen::Stage;
use crate::relay::{self, Watch};
use crate::{mechanism, place};
use handfast::Context;
use handfast_net::tokio::NegotiateStream;
use serde_json::json;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// How long the service may take to take a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client is heard out whose service is not there.
const LINGER: Duration = Duration::from_secs(2);

/// Carries what the client and the service say to each other. A client whose service is not there is told that it was all.
pub(super) async fn run(
    args: &Args,
    mut stream: NegotiateStream,
    way: Way<'_>,
    watch: &Watch,
    stage: &Stage,
    journal: &Journal,
) -> Result<(), Failure> {
    let header = header(args, stream.context(), way)?;
    let (mut service, address) = match dial(way.place).await {
        Ok(service) => service,
        Err(failure) => {
            watch.in_time(part(&mut stream)).await?;
            return Err(failure);
        }
    };
    let far = format!("the service at {}", way.place);
    let text = format!("forwarded to {address}");
    let fields = json!({ "service": address.to_string() });
    let event = Event::new(Level::Debug, "forwarded", text).of(stage.connection.number, stage.connection.peer);
    journal.log(event.with(fields));
    watch
        .send(&mut service, &header)
        .await
        .map_err(|failure| Failure { cause: format!("{far}: {}", failure.cause), ..failure })?;
    relay::run(stream, &mut service, &far, watch, &stage.traffic).await
}

/// Says that it was all, and hears the client out for a while: what nobody reads would make the system break the connection off,
/// and the client would not see its end.
async fn part(stream: &mut NegotiateStream) -> io::Result<()> {
    stream.shutdown().await?;
    let heard_out = async {
        while let Ok(count @ 1..) = stream.fill_buf().await.map(<[u8]>::len) {
            stream.consume(count);
        }
    };
    // Who goes on speaking is broken off.
    let _ = timeout(LINGER, heard_out).await;
    Ok(())
}

/// The first of the service's addresses that takes the connection.
async fn dial(place: &place::Place) -> Result<(TcpStream, SocketAddr), Failure> {
    let failed = |what: String| Failure::new(Exit::Connection, format!("the service at {place} is not there: {what}"));
    let addresses = lookup_host((place.host.as_str(), place.port)).await.map_err(|error| failed(error.to_string()))?;
    let mut tried = Vec::new();
    for address in addresses {
        let late = || Err(io::Error::new(io::ErrorKind::TimedOut, "it does not answer"));
        match timeout(PATIENCE, TcpStream::connect(address)).await.unwrap_or_else(|_| late()) {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                return Ok((tcp, address));
            }
            Err(error) => tried.push(format!("{address}: {error}")),
        }
    }
    Err(failed(tried.join("; ")))
}

/// What the service is told first; nothing, if it is not to be told.
fn header(args: &Args, context: &Context, way: Way<'_>) -> Result<Vec<u8>, Failure> {
    let Some(version) = args.proxy_protocol else { return Ok(Vec::new()) };
    let local = context.local().to_string();
    let told = Told {
        source: way.peer,
        destination: way.local,
        authority: host(&local),
        peer: way.client,
        mechanism: &mechanism::word(context),
        local: &local,
    };
    let too_long = |_| Failure::new(Exit::PeerRefused, "its name has no place in a header of the PROXY protocol");
    told.header(version).map_err(too_long)
}

/// The host in a service's name: `host/www.example.com@EXAMPLE.COM`.
fn host(service: &str) -> Option<&str> {
    let (_, rest) = service.split_once('/')?;
    rest.split(['@', '/', ':']).next()
}
