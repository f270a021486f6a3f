//! A proxy that copies TCP and does nothing else: what forwarding costs at least, with a buffer and without tricks.

use crate::contender::Result;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

const BUFFER: usize = 64 << 10;

/// A proxy on loopback, for as long as the process runs. Each direction of a connection has a thread.
#[derive(Debug, Clone, Copy)]
pub struct CopyProxy {
    address: SocketAddr,
}

impl CopyProxy {
    /// Starts one in front of `to`.
    pub fn start(to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                // A connection that can't go on is dropped, which its client sees.
                drop(thread::Builder::new().spawn(move || both(tcp, to)));
            }
        });
        Ok(CopyProxy { address })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn both(client: TcpStream, to: SocketAddr) -> io::Result<()> {
    let service = TcpStream::connect(to)?;
    client.set_nodelay(true)?;
    service.set_nodelay(true)?;
    let (client_too, service_too) = (client.try_clone()?, service.try_clone()?);
    let outward = thread::Builder::new().spawn(move || copy(&service_too, &client_too))?;
    let inward = copy(&client, &service);
    drop(outward.join());
    inward
}

/// `std::io::copy` would have the kernel splice the sockets, which nothing that seals can do.
fn copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return to.shutdown(Shutdown::Write);
        }
        to.write_all(buffer.split_at(count).0)?;
    }
}
