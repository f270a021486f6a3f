use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use ::tokio::net::{TcpStream, UdpSocket};
use ::tokio::time::timeout;

use super::ask::{framed, silence};
use super::message::{Heard, Query};
use super::search::{Found, Search, Wanted};
use super::{Dns, DnsSilence, NONSENSE_LIMIT, NoKdcFound};
use crate::Deadline;
use crate::kdc::{KdcAddress, Transport, udp};

impl Dns {
    /// [`kdcs`](Self::kdcs) for tasks of tokio.
    ///
    /// # Errors
    /// As for [`kdcs`](Self::kdcs).
    pub async fn kdcs_async(&self, realm: &str) -> Result<Vec<KdcAddress>, NoKdcFound> {
        self.servers_async(Wanted::Kdc, realm).await
    }

    /// [`primary_kdcs`](Self::primary_kdcs) for tasks of tokio.
    ///
    /// # Errors
    /// As for [`primary_kdcs`](Self::primary_kdcs).
    pub async fn primary_kdcs_async(&self, realm: &str) -> Result<Vec<KdcAddress>, NoKdcFound> {
        self.servers_async(Wanted::Primary, realm).await
    }

    /// [`password_servers`](Self::password_servers) for tasks of tokio.
    ///
    /// # Errors
    /// As for [`password_servers`](Self::password_servers).
    pub async fn password_servers_async(&self, realm: &str) -> Result<Vec<KdcAddress>, NoKdcFound> {
        self.servers_async(Wanted::Password, realm).await
    }

    /// The KDCs of `realm`, and its KDC proxies if URI records are asked for and proxies can be asked.
    pub(crate) async fn kdcs_and_proxies_async(&self, realm: &str) -> Result<Found, NoKdcFound> {
        self.run_async(Search::new(self, Wanted::KdcOrProxy, realm)).await
    }

    async fn servers_async(&self, wanted: Wanted, realm: &str) -> Result<Vec<KdcAddress>, NoKdcFound> {
        self.run_async(Search::new(self, wanted, realm)).await.map(|found| found.kdcs)
    }

    async fn run_async(&self, mut search: Search<'_>) -> Result<Found, NoKdcFound> {
        let deadline = self.deadline();
        while let Some((server, over, query)) = search.next() {
            let heard = self.ask_async(server, over, query, deadline).await;
            search.take(server, over, heard);
        }
        search.finish()
    }

    async fn ask_async(
        &self,
        server: SocketAddr,
        over: Transport,
        query: &Query,
        deadline: Deadline,
    ) -> Result<Heard, DnsSilence> {
        let wait = deadline.at_most(self.timeout).ok_or(DnsSilence::NotAsked { whole: self.whole })?;
        let nonsense = AtomicU32::new(0);
        let heard = match over {
            Transport::Udp => timeout(wait, by_udp(server, query, &nonsense)).await,
            Transport::Tcp => timeout(wait, by_tcp(server, query)).await,
        };
        heard.unwrap_or_else(|_| Err(silence(nonsense.load(Ordering::Relaxed), wait)))
    }
}

async fn by_udp(server: SocketAddr, query: &Query, nonsense: &AtomicU32) -> Result<Heard, DnsSilence> {
    let socket = udp::connect(server)?;
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(socket)?;
    socket.send(query.bytes()).await?;
    let mut buffer = vec![0; udp::DATAGRAM_LIMIT];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if let Some(heard) = buffer.get(..length).and_then(|bytes| query.hear(bytes)) {
            return Ok(heard);
        }
        let count = nonsense.fetch_add(1, Ordering::Relaxed) + 1;
        if count == NONSENSE_LIMIT {
            return Err(DnsSilence::Nonsense { count });
        }
    }
}

async fn by_tcp(server: SocketAddr, query: &Query) -> Result<Heard, DnsSilence> {
    let mut tcp = TcpStream::connect(server).await?;
    tcp.write_all(&framed(query)).await?;
    let mut answer = vec![0; tcp.read_u16().await?.into()];
    tcp.read_exact(&mut answer).await?;
    query.hear(&answer).ok_or(DnsSilence::Nonsense { count: 1 })
}
