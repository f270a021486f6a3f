use super::SpakeError;
use super::group::Group;
use crate::krb5::message::SpakeGroup;
use alloc::vec;
use alloc::vec::Vec;

/// The hash of all that was said before there was a key (RFC 9588 6). Who changes a message on its way has two transcripts, and no
/// key in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transcript {
    group: SpakeGroup,
    hash: Vec<u8>,
}

impl Transcript {
    /// Of the client's support message, if it sent one before this challenge, and the KDC's challenge: each the padata-value as it
    /// was sent.
    ///
    /// # Errors
    /// [`SpakeError::UnsupportedGroup`].
    pub fn new(group: SpakeGroup, support: Option<&[u8]>, challenge: &[u8]) -> Result<Self, SpakeError> {
        let zeros = vec![0; Group::of(group)?.hash(&[]).expose().len()];
        Transcript { group, hash: zeros }.with(&[support.unwrap_or_default(), challenge])
    }

    /// One that was kept elsewhere, of [`Transcript::hash`].
    ///
    /// # Errors
    /// [`SpakeError::UnsupportedGroup`], and [`SpakeError::Unexpected`] if the hash is not as long as the group's.
    pub fn resume(group: SpakeGroup, hash: &[u8]) -> Result<Self, SpakeError> {
        if Group::of(group)?.hash(&[]).expose().len() != hash.len() {
            return Err(SpakeError::Unexpected("a transcript of another length than the group's hash"));
        }
        Ok(Transcript { group, hash: hash.to_vec() })
    }

    /// With the public element of the client's response, the end of it.
    ///
    /// # Errors
    /// [`SpakeError::UnsupportedGroup`].
    pub fn with_response(self, public: &[u8]) -> Result<Self, SpakeError> {
        self.with(&[public])
    }

    /// The hash so far. Not secret.
    pub fn hash(&self) -> &[u8] {
        &self.hash
    }

    fn with(self, parts: &[&[u8]]) -> Result<Self, SpakeError> {
        let all: Vec<&[u8]> = [&self.hash[..]].into_iter().chain(parts.iter().copied()).collect();
        let hash = Group::of(self.group)?.hash(&all).expose().clone();
        Ok(Transcript { group: self.group, hash })
    }
}
