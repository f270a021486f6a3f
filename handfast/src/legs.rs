use crate::error::Error;
use crate::policy::Policy;

/// How many steps a handshake has taken, and how long its tokens may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Legs {
    taken: u32,
    limit: u32,
    token_limit: usize,
}

impl Legs {
    pub(crate) fn new(policy: &Policy) -> Self {
        Legs { taken: 0, limit: policy.leg_limit(), token_limit: policy.token_limit() }
    }

    /// Counts one more step.
    pub(crate) fn next(&mut self) -> Result<(), Error> {
        self.taken = self.taken.saturating_add(1);
        if self.taken > self.limit { Err(Error::TooManyLegs { limit: self.limit }) } else { Ok(()) }
    }

    /// Refuses a token that is too long to be looked at.
    pub(crate) fn check_token(&self, token: &[u8]) -> Result<(), Error> {
        match token.len() {
            size if size > self.token_limit => Err(Error::TokenTooLarge { size, limit: self.token_limit }),
            _ => Ok(()),
        }
    }
}
