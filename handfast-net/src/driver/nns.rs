use std::io::{Read, Write};

use super::{Carrier, HandshakeError, Reason};
use crate::framing::nns::{ErrorCode, Handshake};

/// Carries tokens as \[MS-NNS\] has it.
///
/// A side whose context is complete says so with HandshakeDone, the acceptor always, the initiator unless the acceptor has
/// said it before (3.1.5.1, 3.2.5.2).
#[derive(Debug)]
pub struct NnsCarrier<'s, S> {
    stream: &'s mut S,
    turns: Turns,
}

impl<'s, S: Read + Write> NnsCarrier<'s, S> {
    /// The initiator's end.
    pub fn initiator(stream: &'s mut S) -> Self {
        NnsCarrier { stream, turns: Turns::initiator() }
    }

    /// The acceptor's end.
    pub fn acceptor(stream: &'s mut S) -> Self {
        NnsCarrier { stream, turns: Turns::acceptor() }
    }
}

impl<S: Read + Write> Carrier for NnsCarrier<'_, S> {
    fn send(&mut self, token: &[u8], complete: bool) -> Result<(), HandshakeError> {
        match self.turns.message(token, complete) {
            Some(message) if self.turns.may_send(complete) => Ok(message.write(self.stream)?),
            Some(_) => {
                self.refuse(Reason::Denied, &[]);
                Err(HandshakeError::EndedEarly)
            }
            None => Ok(()),
        }
    }

    fn receive(&mut self) -> Result<Vec<u8>, HandshakeError> {
        self.turns.token(Handshake::read(self.stream)?)
    }

    fn finish(&mut self) -> Result<(), HandshakeError> {
        if self.turns.are_over() { Ok(()) } else { self.turns.end(Handshake::read(self.stream)?) }
    }

    fn refuse(&mut self, reason: Reason, _: &[u8]) {
        let _ = refusal(reason).write(self.stream); // the peer may be gone
    }
}

/// Who says what when; the stream is somebody else's.
#[derive(Debug)]
pub(crate) struct Turns {
    initiator: bool,
    peer_done: bool,
}

impl Turns {
    pub(crate) fn initiator() -> Self {
        Turns { initiator: true, peer_done: false }
    }

    pub(crate) fn acceptor() -> Self {
        Turns { initiator: false, peer_done: false }
    }

    /// The message for our token; none where the last one is empty and both sides know that it is the last.
    pub(crate) fn message(&self, token: &[u8], complete: bool) -> Option<Handshake> {
        match complete {
            true if self.initiator && self.peer_done && token.is_empty() => None,
            true => Some(Handshake::Done(token.to_vec())),
            false => Some(Handshake::InProgress(token.to_vec())),
        }
    }

    /// Whether the peer waits for one more token: if not, we can't send one and expect another ([`HandshakeError::EndedEarly`]).
    pub(crate) fn may_send(&self, complete: bool) -> bool {
        complete || !self.peer_done
    }

    /// The token in the peer's message.
    pub(crate) fn token(&mut self, message: Handshake) -> Result<Vec<u8>, HandshakeError> {
        match message {
            Handshake::InProgress(token) => Ok(token),
            Handshake::Done(token) => {
                self.peer_done = true;
                Ok(token)
            }
            Handshake::Error(code) => Err(HandshakeError::RefusedByPeer(code)),
        }
    }

    /// Whether, our context being complete, nothing more has to come.
    pub(crate) fn are_over(&self) -> bool {
        !self.initiator || self.peer_done
    }

    /// The peer's last message must be an empty HandshakeDone.
    pub(crate) fn end(&mut self, message: Handshake) -> Result<(), HandshakeError> {
        let token = self.token(message)?;
        if self.peer_done && token.is_empty() { Ok(()) } else { Err(HandshakeError::UnexpectedToken) }
    }
}

/// What a peer is told.
pub(crate) fn refusal(reason: Reason) -> Handshake {
    Handshake::Error(match reason {
        Reason::Denied => ErrorCode::LOGON_DENIED,
        Reason::NotProtected => ErrorCode::TRUST_FAILURE,
    })
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
