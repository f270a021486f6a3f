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
