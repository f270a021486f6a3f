use handfast::{Context, Error};
use std::fmt;

/// Where one end of a handshake has come to.
#[derive(Debug)]
pub enum End {
    /// To a context.
    Established(Context),
    /// To an error.
    Failed(Error),
    /// It waits for a token that never came.
    Waiting,
}

impl End {
    /// The context, if there is one.
    pub fn context(self) -> Option<Context> {
        match self {
            End::Established(context) => Some(context),
            End::Failed(_) | End::Waiting => None,
        }
    }

    /// The error, if it failed.
    pub fn error(&self) -> Option<&Error> {
        match self {
            End::Failed(error) => Some(error),
            End::Established(_) | End::Waiting => None,
        }
    }

    /// Whether there is a context.
    pub fn is_established(&self) -> bool {
        matches!(self, End::Established(_))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Established(context) => write!(f, "established with {}", context.peer()),
            End::Failed(error) => error.fmt(f),
            End::Waiting => f.write_str("waits for a token that never came"),
        }
    }
}

/// Where both ends of a handshake have come to.
#[derive(Debug)]
pub struct Ends {
    /// The client's.
    pub initiator: End,
    /// The service's.
    pub acceptor: End,
}

impl Ends {
    /// The contexts, initiator's first, if both ends have one.
    ///
    /// # Errors
    /// If one has none.
    pub fn contexts(self) -> Result<(Context, Context), HandshakeError> {
        match (self.initiator, self.acceptor) {
            (End::Established(initiator), End::Established(acceptor)) => Ok((initiator, acceptor)),
            (initiator, acceptor) => Err(HandshakeError(Box::new(Ends { initiator, acceptor }))),
        }
    }
}

/// A handshake that did not end in two contexts.
#[derive(Debug)]
pub struct HandshakeError(Box<Ends>);

impl HandshakeError {
    /// Where both ends have come to; one of them may have a context.
    pub fn ends(&self) -> &Ends {
        &self.0
    }

    /// The initiator's error, if it has one.
    pub fn initiator(&self) -> Option<&Error> {
        self.0.initiator.error()
    }

    /// The acceptor's error, if it has one.
    pub fn acceptor(&self) -> Option<&Error> {
        self.0.acceptor.error()
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no two contexts; initiator: {}; acceptor: {}", self.0.initiator, self.0.acceptor)
    }
}

impl std::error::Error for HandshakeError {}
