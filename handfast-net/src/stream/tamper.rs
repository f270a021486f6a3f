use std::sync::{Arc, OnceLock};

use super::StreamError;

/// The one thing that the two directions of a stream share: once somebody has tampered with what is received, nothing more is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Tamper {
    found: Arc<OnceLock<StreamError>>,
}

impl Tamper {
    /// Remembers the first error that shows it.
    pub(super) fn report(&self, error: &StreamError) {
        if error.kind() == std::io::ErrorKind::InvalidData {
            self.found.get_or_init(|| error.clone());
        }
    }

    /// Fails if it was found.
    pub(super) fn check(&self) -> Result<(), StreamError> {
        self.found.get().map_or(Ok(()), |error| Err(error.clone()))
    }
}
