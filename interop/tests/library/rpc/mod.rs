//! DCE/RPC with Samba at the other end, both ways: Samba's server with our initiator, Samba's client with our acceptor.

mod acceptor;
mod initiator;
mod pdu;
mod server;
