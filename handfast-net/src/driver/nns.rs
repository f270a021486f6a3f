use std::io::{Read, Write};

use super::{Carrier, HandshakeError, Reason};
use crate::framing::FrameError;
use crate::framing::nns::{ErrorCode, Handshake};

/// Carries tokens as \[MS-NNS\] has it.
///
/// A side whose context is complete says so with HandshakeDone, the acceptor always, the initiator unless the acceptor has
/// said it before (3.1.5.1, 3.2.5.2).
#[derive(Debug)]
pub struct NnsCarrier<'s, S> {
    stream: &'s mut S,
    initiator: bool,
    peer_done: bool,
}

impl<'s, S: Read + Write> NnsCarrier<'s, S> {
    /// The initiator's end.
    pub fn initiator(stream: &'s mut S) -> Self {
        NnsCarrier { stream, initiator: true, peer_done: false }
    }

    /// The acceptor's end.
    pub fn acceptor(stream: &'s mut S) -> Self {
        NnsCarrier { stream, initiator: false, peer_done: false }
    }

    fn read(&mut self) -> Result<Vec<u8>, HandshakeError> {
        match Handshake::read(self.stream)? {
            Handshake::InProgress(token) => Ok(token),
            Handshake::Done(token) => {
                self.peer_done = true;
                Ok(token)
            }
            Handshake::Error(code) => Err(HandshakeError::RefusedByPeer(code)),
        }
    }

    fn write(&mut self, message: &Handshake) -> Result<(), FrameError> {
        message.write(self.stream)
    }
}

impl<S: Read + Write> Carrier for NnsCarrier<'_, S> {
    fn send(&mut self, token: &[u8], complete: bool) -> Result<(), HandshakeError> {
        match (complete, self.peer_done) {
            (true, true) if self.initiator && token.is_empty() => Ok(()),
            (true, _) => Ok(self.write(&Handshake::Done(token.to_vec()))?),
            (false, false) => Ok(self.write(&Handshake::InProgress(token.to_vec()))?),
            (false, true) => {
                self.refuse(Reason::Denied, &[]);
                Err(HandshakeError::EndedEarly)
            }
        }
    }

    fn receive(&mut self) -> Result<Vec<u8>, HandshakeError> {
        self.read()
    }

    fn finish(&mut self) -> Result<(), HandshakeError> {
        if !self.initiator || self.peer_done {
            return Ok(());
        }
        let token = self.read()?;
        if self.peer_done && token.is_empty() { Ok(()) } else { Err(HandshakeError::UnexpectedToken) }
    }

    fn refuse(&mut self, reason: Reason, _: &[u8]) {
        let code = match reason {
            Reason::Denied => ErrorCode::LOGON_DENIED,
            Reason::NotProtected => ErrorCode::TRUST_FAILURE,
        };
        let _ = self.write(&Handshake::Error(code)); // the peer may be gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// Says what it is told to, and hears nothing.
    struct Peer<'a>(&'a [u8]);

    impl Read for Peer<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Peer<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whose_context_is_complete_waits_for_an_empty_done_and_takes_nothing_else() {
        let finish = |peer: &[u8]| {
            let mut peer = Peer(peer);
            let mut carrier = NnsCarrier::initiator(&mut peer);
            carrier.send(b"token", true).unwrap();
            carrier.finish()
        };
        finish(b"\x14\x01\0\0\0").unwrap();
        for wrong in [&b"\x14\x01\0\0\x01x"[..], b"\x16\x01\0\0\x01x"] {
            assert!(matches!(finish(wrong), Err(HandshakeError::UnexpectedToken)));
        }
        let refused = finish(b"\x15\x01\0\0\x08\0\0\0\0\x80\x09\x03\x0c");
        assert!(matches!(refused, Err(HandshakeError::RefusedByPeer(ErrorCode::LOGON_DENIED))));
    }

    #[test]
    fn a_peer_that_is_done_gets_no_further_token() {
        let mut peer = Peer(b"\x14\x01\0\0\x01x");
        let mut carrier = NnsCarrier::initiator(&mut peer);
        carrier.send(b"token", false).unwrap();
        assert_eq!(carrier.receive().unwrap(), b"x");
        assert!(matches!(carrier.send(b"more", false), Err(HandshakeError::EndedEarly)));
    }
}
