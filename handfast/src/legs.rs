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

/// What every waiting arm shows of its handshake: the struct has a field `waiting` with a field `handshake`. Where it is
/// used, `Flags` and `MechanismId` are in scope.
macro_rules! waiting_arm {
    ($name:ident) => {
        impl $name {
            /// The mechanism, as far as it is chosen.
            pub fn mechanism(&self) -> MechanismId {
                self.waiting.handshake.progress().mechanism
            }

            /// The flags asked for or granted so far.
            pub fn flags(&self) -> Flags {
                self.waiting.handshake.progress().flags
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("mechanism", &self.mechanism())
                    .field("flags", &self.flags())
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use waiting_arm;
