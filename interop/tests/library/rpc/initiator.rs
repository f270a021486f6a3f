//! Samba's RPC server (C706, MS-RPCE) with a context of ours in DCE style: bound by Kerberos, bare and in Negotiate, a request
//! signed or sealed, and its answer opened. The verdict is Samba's: the answer says what its directory holds, and its log says
//! who has asked.

use super::pdu::{
    self, ALTER_CONTEXT, ALTER_CONTEXT_RESP, AUTH3, BIND, BIND_ACK, FAULT, FIRST, HEADER, HEADER_SIGN, INTEGRITY,
    KERBEROS, LAST, NDR, NEGOTIATE, PRIVACY, Pdu, REQUEST, RESPONSE, TRAILER,
};
use crate::ours::{kdc, now};
use handfast::{Context, Credential, Initiate, Initiator, Part, Policy, Protection, ServiceName};
use handfast_interop::SambaDomain;
use handfast_net::driver::KdcExchange;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// samr (MS-SAMR 1.9) 1.0, as it stands in PDUs.
const SAMR: [u8; 20] =
    [0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0, 1, 0x23, 0x45, 0x67, 0x89, 0xac, 1, 0, 0, 0];
/// SamrConnect5 (MS-SAMR 3.1.5.1.1), SamrEnumerateDomainsInSamServer (3.1.5.2.1).
const CONNECT: u16 = 64;
const ENUMERATE_DOMAINS: u16 = 6;

/// A connection to an RPC server.
struct Rpc {
    tcp: TcpStream,
    provider: u8,
    level: u8,
    calls: u32,
}

impl Rpc {
    fn new(domain: &SambaDomain, provider: u8, level: u8) -> Self {
        let tcp = TcpStream::connect(domain.rpc()).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Rpc { tcp, provider, level, calls: 1 }
    }

    fn trailer(&self, padding: usize) -> [u8; TRAILER] {
        [self.provider, self.level, padding.try_into().unwrap(), 0, 1, 0, 0, 0]
    }

    fn common(&self, kind: u8, flags: u8, body: usize, token: usize) -> Vec<u8> {
        pdu::common(kind, FIRST | LAST | flags, self.calls, body, token)
    }

    fn send(&mut self, kind: u8, body: &[u8], token: &[u8]) {
        let flags = if kind == BIND { HEADER_SIGN } else { 0 };
        let mut pdu = self.common(kind, flags, body.len(), token.len());
        pdu.extend(body);
        pdu.extend(self.trailer(0));
        pdu.extend(token);
        self.tcp.write_all(&pdu).unwrap();
    }

    /// A PDU of that kind.
    fn receive(&mut self, kind: u8) -> Pdu {
        let pdu = Pdu::read(&mut self.tcp).unwrap();
        assert_eq!(pdu.kind(), kind, "{pdu:02x?}");
        pdu
    }

    /// The token of a PDU's security trailer.
    fn token(&self, pdu: &Pdu) -> Vec<u8> {
        assert_eq!(pdu.trailer().unwrap()[..2], [self.provider, self.level]);
        pdu.token().to_vec()
    }

    /// Binds to samr, one token in each PDU. Kerberos' last one is not answered (MS-RPCE 2.2.2.5).
    fn bind(&mut self, domain: &SambaDomain, user: &str) -> Context {
        let client = format!("{user}@AD.TEST").parse().unwrap();
        let credential = Credential::password(client, SambaDomain::password(user).as_bytes());
        let target: ServiceName = "host/dc1.ad.test".parse().unwrap();
        // Samba reserves room for sealed messages in a context that can seal, whatever the level.
        let policy = Policy::default().dce_style();
        let initiator = Initiator::new(if self.level == INTEGRITY { policy.integrity_only() } else { policy });
        let target = initiator.to(&target).credential(&credential);
        let target = if self.provider == NEGOTIATE { target.negotiate() } else { target };
        let (mut token, mut kind) = (Vec::new(), BIND);
        let mut step = target.begin(now(), &mut token).unwrap();
        loop {
            step = match step {
                Initiate::NeedsKdc(next) => {
                    let reply = kdc(domain.kdc()).exchange(next.request()).unwrap();
                    next.reply(&reply, now(), &mut token).unwrap()
                }
                Initiate::NeedsToken(next) => {
                    self.send(kind, &contexts(), &token);
                    let answer = self.receive(if kind == BIND { BIND_ACK } else { ALTER_CONTEXT_RESP });
                    assert_eq!(answer.flags() & HEADER_SIGN != 0, kind == BIND, "headers are signed, too");
                    (kind, token) = (ALTER_CONTEXT, Vec::new());
                    next.step(&self.token(&answer), now(), &mut token).unwrap()
                }
                Initiate::Complete(context) => {
                    // Negotiate's last token, with the MIC of the mechanisms, is answered: it is accepted.
                    if self.provider == NEGOTIATE {
                        self.send(ALTER_CONTEXT, &contexts(), &token);
                        let answer = self.receive(ALTER_CONTEXT_RESP);
                        assert_eq!(self.token(&answer), [0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x00]);
                    } else {
                        self.send(AUTH3, &[0; 4], &token);
                    }
                    return context;
                }
                Initiate::NeedsAnswer(_) => panic!(),
            };
        }
    }

    /// A request, protected, and the body of its answer.
    fn call(&mut self, context: &mut Context, operation: u16, stub: &[u8]) -> Vec<u8> {
        self.calls += 1;
        let padding = stub.len().next_multiple_of(16) - stub.len();
        let mut body = [stub, &vec![0; padding]].concat();
        let trailer = self.trailer(padding);
        let token = self.token_length(context);
        let mut header = self.common(REQUEST, 0, 8 + body.len(), token);
        header.extend(u32::try_from(stub.len()).unwrap().to_le_bytes());
        header.extend([0, 0]);
        header.extend(operation.to_le_bytes());
        let made = self.protect(context, &header, &mut body, &trailer);
        assert_eq!(made.len(), token);
        self.tcp.write_all(&[&header[..], &body, &trailer, &made].concat()).unwrap();
        self.answer(context)
    }

    fn token_length(&self, context: &mut Context) -> usize {
        match self.level {
            PRIVACY => {
                let (header, trailer) = context.sizes(Protection::Confidentiality);
                header + trailer
            }
            _ => 28, // RFC 4121 4.2.6.1: 16, and the checksum of aes256-cts-hmac-sha1-96.
        }
    }

    fn protect(&self, context: &mut Context, header: &[u8], body: &mut [u8], trailer: &[u8]) -> Vec<u8> {
        let mut token = Vec::new();
        if self.level == INTEGRITY {
            context.sign_slices(&[header, body, trailer], &mut token).unwrap();
            return token;
        }
        token.resize(self.token_length(context), 0);
        let parts = &mut [Part::Signed(header), Part::Sealed(body), Part::Signed(trailer)];
        context.protect_parts(Protection::Confidentiality, &mut token, parts, &mut []).unwrap();
        token
    }

    fn answer(&mut self, context: &mut Context) -> Vec<u8> {
        let mut pdu = self.receive(RESPONSE);
        let mut token = self.token(&pdu);
        let (header, rest) = pdu.0.split_at_mut(HEADER);
        let at = rest.len() - token.len() - TRAILER;
        let (body, rest) = rest.split_at_mut(at);
        let trailer = &rest[..TRAILER];
        if self.level == INTEGRITY {
            context.verify_slices(&[header, body, trailer], &token).unwrap();
        } else {
            let parts = &mut [Part::Signed(header), Part::Sealed(body), Part::Signed(trailer)];
            context.unprotect_parts(Protection::Confidentiality, &mut token, parts, &mut []).unwrap();
        }
        body[..body.len() - usize::from(trailer[2])].to_vec()
    }
}

/// The lists of bind and alter_context (C706 12.6.4.3): samr in NDR.
fn contexts() -> Vec<u8> {
    let mut body = vec![0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0];
    body.extend(SAMR);
    body.extend(NDR);
    body
}

/// No name of a server; MAXIMUM_ALLOWED; revision 1 of the information, with the revision 2 in it.
fn connect() -> Vec<u8> {
    [0_u32, 0x0200_0000, 1, 1, 2, 0].iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn samba_answers_calls_that_our_contexts_protect() {
    let domain = SambaDomain::shared();
    for (provider, user) in [(KERBEROS, "alice"), (NEGOTIATE, "bob")] {
        for level in [INTEGRITY, PRIVACY] {
            let mut rpc = Rpc::new(&domain, provider, level);
            let mut context = rpc.bind(&domain, user);
            let connected = rpc.call(&mut context, CONNECT, &connect());
            assert_eq!((connected.len(), &connected[36..]), (40, &[0; 4][..]), "{connected:02x?}");
            let handle = &connected[16..36];
            let listed = rpc.call(&mut context, ENUMERATE_DOMAINS, &[handle, &[0; 4], &[0, 1, 0, 0]].concat());
            for name in ["ADTEST", "BUILTIN"] {
                assert!(listed.windows(2 * name.len()).any(|octets| octets == utf16(name)), "{name}: {listed:02x?}");
            }
            domain.expect_log(&format!("Successful AuthZ: [DCE/RPC,krb5] user [ADTEST]\\[{user}]"));
        }
    }
}

/// Samba hears a call alone that is protected as the header and the trailer say.
#[test]
fn samba_refuses_a_call_that_was_changed() {
    let domain = SambaDomain::shared();
    for (level, change) in [(INTEGRITY, 0), (INTEGRITY, 1), (PRIVACY, 0), (PRIVACY, 1)] {
        let mut rpc = Rpc::new(&domain, KERBEROS, level);
        let mut context = rpc.bind(&domain, "alice");
        let mut body = [connect(), vec![0; 8]].concat();
        rpc.calls += 1;
        let (trailer, token) = (rpc.trailer(8), rpc.token_length(&mut context));
        let mut header = rpc.common(REQUEST, 0, 8 + body.len(), token);
        header.extend([24, 0, 0, 0, 0, 0, 64, 0]);
        let made = rpc.protect(&mut context, &header, &mut body, &trailer);
        body[0] ^= change;
        rpc.tcp.write_all(&[&header[..], &body, &trailer, &made].concat()).unwrap();
        if change == 0 {
            assert_eq!(rpc.answer(&mut context).len(), 40);
            continue;
        }
        let mut answer = Vec::new();
        let _ = rpc.tcp.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer[2] == FAULT, "{answer:02x?}");
    }
}
