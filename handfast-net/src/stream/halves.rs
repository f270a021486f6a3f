//! A context, or half of one, for one direction of a stream.

use handfast::{Context, MessageError, Order, Protection, Sealer, Unprotected, Unsealer};

use super::StreamError;

/// Protects messages.
pub(crate) trait Seals {
    fn protect(&mut self, protection: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError>;
    fn message_limit(&self, protection: Protection, token: usize) -> usize;
}

impl Seals for Context {
    fn protect(&mut self, protection: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        Context::protect(self, protection, message, out)
    }

    fn message_limit(&self, protection: Protection, token: usize) -> usize {
        Context::message_limit(self, protection, token)
    }
}

impl Seals for Sealer {
    fn protect(&mut self, protection: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        Sealer::protect(self, protection, message, out)
    }

    fn message_limit(&self, protection: Protection, token: usize) -> usize {
        Sealer::message_limit(self, protection, token)
    }
}

/// Opens messages.
pub(crate) trait Opens {
    fn unprotect<'t>(&mut self, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError>;

    /// Opens the next message of a stream in place.
    fn open<'t>(&mut self, least: Protection, token: &'t mut [u8]) -> Result<&'t mut [u8], StreamError> {
        let opened = self.unprotect(token)?;
        if opened.protection < least {
            return Err(StreamError::NotProtected { least });
        }
        match opened.order {
            Order::InOrder => Ok(opened.message),
            order => Err(StreamError::Misplaced(order)),
        }
    }
}

impl Opens for Context {
    fn unprotect<'t>(&mut self, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
        Context::unprotect(self, token)
    }
}

impl Opens for Unsealer {
    fn unprotect<'t>(&mut self, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
        Unsealer::unprotect(self, token)
    }
}
