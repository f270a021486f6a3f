//! The PDUs of connection-oriented RPC (C706 12.6, MS-RPCE 2.2.2), as much of them as these tests speak.

use std::io::{self, Read};

/// PTYPE (C706 12.6.4).
pub const REQUEST: u8 = 0;
pub const RESPONSE: u8 = 2;
pub const FAULT: u8 = 3;
pub const BIND: u8 = 11;
pub const BIND_ACK: u8 = 12;
pub const BIND_NAK: u8 = 13;
pub const ALTER_CONTEXT: u8 = 14;
pub const ALTER_CONTEXT_RESP: u8 = 15;
pub const AUTH3: u8 = 16;

/// PFC_FIRST_FRAG, PFC_LAST_FRAG, PFC_SUPPORT_HEADER_SIGN (MS-RPCE 2.2.2.3).
pub const FIRST: u8 = 1;
pub const LAST: u8 = 2;
pub const HEADER_SIGN: u8 = 4;

/// Security providers (MS-RPCE 2.2.1.1.7).
pub const NEGOTIATE: u8 = 9;
pub const KERBEROS: u8 = 16;
/// Authentication levels (MS-RPCE 2.2.1.1.8).
pub const CONNECT_LEVEL: u8 = 2;
pub const INTEGRITY: u8 = 5;
pub const PRIVACY: u8 = 6;

/// NDR 2.0 (C706 14), as it stands in PDUs: least significant byte first.
pub const NDR: [u8; 20] =
    [0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0, 0x2b, 0x10, 0x48, 0x60, 2, 0, 0, 0];

/// The common fields; what stands before the body of a request or response; what stands before the token of a security trailer.
pub const COMMON: usize = 16;
pub const HEADER: usize = 24;
pub const TRAILER: usize = 8;

/// The common fields (C706 12.6.3.1), for a body and a token of these lengths.
pub fn common(kind: u8, flags: u8, call: u32, body: usize, token: usize) -> Vec<u8> {
    let trailer = if token == 0 { 0 } else { TRAILER };
    let length = u16::try_from(COMMON + body + trailer + token).unwrap().to_le_bytes();
    let mut header = vec![5, 0, kind, flags, 0x10, 0, 0, 0];
    header.extend(length);
    header.extend(u16::try_from(token).unwrap().to_le_bytes());
    header.extend(call.to_le_bytes());
    header
}

/// A whole PDU.
#[derive(Debug)]
pub struct Pdu(pub Vec<u8>);

impl Pdu {
    pub fn read(from: &mut impl Read) -> io::Result<Pdu> {
        let mut pdu = Pdu(vec![0; COMMON]);
        from.read_exact(&mut pdu.0)?;
        let length = usize::from(pdu.u16(8));
        pdu.0.resize(length, 0);
        from.read_exact(&mut pdu.0[COMMON..])?;
        Ok(pdu)
    }

    pub fn kind(&self) -> u8 {
        self.0[2]
    }

    pub fn flags(&self) -> u8 {
        self.0[3]
    }

    pub fn call(&self) -> u32 {
        u32::from_le_bytes(self.0[12..16].try_into().unwrap())
    }

    pub fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    /// Where the token of the security trailer begins; none if there is no trailer.
    pub fn token_at(&self) -> Option<usize> {
        match usize::from(self.u16(10)) {
            0 => None,
            length => Some(self.0.len() - length),
        }
    }

    /// The security trailer without its token: provider, level, padding of the body, and the context's number.
    pub fn trailer(&self) -> Option<[u8; TRAILER]> {
        self.token_at().map(|at| self.0[at - TRAILER..at].try_into().unwrap())
    }

    pub fn token(&self) -> &[u8] {
        self.token_at().map_or(&[], |at| &self.0[at..])
    }
}
