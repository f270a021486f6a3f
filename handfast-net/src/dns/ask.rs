use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::message::{Heard, Query};
use super::search::{Found, Search, Wanted};
use super::{Dns, DnsSilence, NONSENSE_LIMIT, NoKdcFound};
use crate::deadline::is_timeout;
use crate::kdc::{KdcAddress, Transport, udp};
use crate::{Deadline, Timed};

impl Dns {
    /// The KDCs of `realm`, in the order in which they are to be asked. May wait for as long as
    /// [`whole`](Self::whole) says.
    ///
    /// # Errors
    /// [`NoKdcFound`], with what came of each question.
    pub fn kdcs(&self, realm: &str) -> Result<Vec<KdcAddress>, NoKdcFound> {
        self.servers(Wanted::Kdc, realm)
    }

    /// The primary KDCs of `realm`, which learn of a new password first: the URI records with the flag `m`, or `_kerberos-master`, as
    /// MIT krb5 looks for them.
    ///
    /// # Errors
    /// [`NoKdcFound`], with what came of each question.
    pub fn primary_kdcs(&self, realm: &str) -> Result<Vec<KdcAddress>, NoKdcFound> {
        self.servers(Wanted::Primary, realm)
    }

    /// The password servers of `realm` (`_kpasswd`), in the same way.
    ///
    /// # Errors
    /// [`NoKdcFound`], with what came of each question.
    pub fn password_servers(&self, realm: &str) -> Result<Vec<KdcAddress>, NoKdcFound> {
        self.servers(Wanted::Password, realm)
    }

    /// The KDCs of `realm`, and its KDC proxies if URI records are asked for and proxies can be asked.
    pub(crate) fn kdcs_and_proxies(&self, realm: &str) -> Result<Found, NoKdcFound> {
        self.run(Search::new(self, Wanted::KdcOrProxy, realm))
    }

    fn servers(&self, wanted: Wanted, realm: &str) -> Result<Vec<KdcAddress>, NoKdcFound> {
        self.run(Search::new(self, wanted, realm)).map(|found| found.kdcs)
    }

    fn run(&self, mut search: Search<'_>) -> Result<Found, NoKdcFound> {
        let deadline = self.deadline();
        while let Some((server, over, query)) = search.next() {
            let heard = self.ask(server, over, query, deadline);
            search.take(server, over, heard);
        }
        search.finish()
    }

    /// Asks a nameserver, and waits for it and the whole look-up no longer than is said.
    pub(super) fn ask(
        &self,
        server: SocketAddr,
        over: Transport,
        query: &Query,
        deadline: Deadline,
    ) -> Result<Heard, DnsSilence> {
        let timeout = deadline.at_most(self.timeout).ok_or(DnsSilence::NotAsked { whole: self.whole })?;
        match over {
            Transport::Udp => by_udp(server, query, timeout),
            Transport::Tcp => by_tcp(server, query, timeout),
        }
    }
}

fn by_udp(server: SocketAddr, query: &Query, timeout: Duration) -> Result<Heard, DnsSilence> {
    let (socket, deadline) = (udp::connect(server)?, Deadline::after(timeout));
    socket.send(query.bytes())?;
    let mut buffer = vec![0; udp::DATAGRAM_LIMIT];
    let mut nonsense = 0;
    while let Some(wait) = deadline.at_most(timeout) {
        socket.set_read_timeout(Some(wait))?;
        match socket.recv(&mut buffer) {
            Ok(length) => match buffer.get(..length).and_then(|bytes| query.hear(bytes)) {
                Some(heard) => return Ok(heard),
                None => nonsense += 1,
            },
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error.into()),
        }
        if nonsense == NONSENSE_LIMIT {
            break;
        }
    }
    Err(silence(nonsense, timeout))
}

/// Why no answer came, if this many messages were none.
pub(super) fn silence(nonsense: u32, waited: Duration) -> DnsSilence {
    match nonsense {
        0 => DnsSilence::TimedOut { waited },
        count => DnsSilence::Nonsense { count },
    }
}

/// The query and the answer behind their lengths (RFC 1035 4.2.2).
fn by_tcp(server: SocketAddr, query: &Query, timeout: Duration) -> Result<Heard, DnsSilence> {
    let late = |error: std::io::Error| {
        if is_timeout(&error) { DnsSilence::TimedOut { waited: timeout } } else { error.into() }
    };
    let deadline = Deadline::after(timeout);
    let tcp = TcpStream::connect_timeout(&server, timeout).map_err(late)?;
    let mut timed = Timed::new(&tcp, deadline)?;
    timed.write_all(&framed(query)).map_err(late)?;
    let mut length = [0; 2];
    timed.read_exact(&mut length).map_err(late)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    timed.read_exact(&mut answer).map_err(late)?;
    query.hear(&answer).ok_or(DnsSilence::Nonsense { count: 1 })
}

pub(super) fn framed(query: &Query) -> Vec<u8> {
    let length = u16::try_from(query.bytes().len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), query.bytes()].concat()
}
