use super::HandshakeError;

/// Carries the tokens of one handshake between the two sides.
///
/// The calls come in the order of a handshake: the initiator begins with [`send`](Self::send), the acceptor with
/// [`receive`](Self::receive).
pub trait Carrier {
    /// Sends our token; `complete` says that our context needs nothing more. Only the last token may be empty.
    ///
    /// # Errors
    /// If the stream fails, or there is no way to say it.
    fn send(&mut self, token: &[u8], complete: bool) -> Result<(), HandshakeError>;

    /// Waits for the peer's token.
    ///
    /// # Errors
    /// If the stream fails, or something else than a token comes.
    fn receive(&mut self) -> Result<Vec<u8>, HandshakeError>;

    /// Waits, after our context is complete and the last token sent, for what the framing still wants from the peer.
    ///
    /// # Errors
    /// As for [`receive`](Self::receive).
    fn finish(&mut self) -> Result<(), HandshakeError>;

    /// Tells the peer that we refuse, as far as that can be told; `token` is what the mechanism has to say to it, or empty. The
    /// handshake has failed already, so that a failure to tell it changes nothing.
    fn refuse(&mut self, reason: Reason, token: &[u8]);
}

/// What a peer may know of why it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not who it says it is, or may not come in, or its token is broken: all the same to it.
    Denied,
    /// It is proven, but wants less protection of messages than is required here.
    NotProtected,
}
