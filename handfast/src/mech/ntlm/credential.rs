use super::account_name;
use super::response::nt_hash;
use crate::crypto::Secret;
use alloc::string::String;

/// A user's names and the secret that NTLM needs.
#[derive(Clone)]
pub(crate) struct NtlmCredential {
    pub(super) user: String,
    pub(super) domain: String,
    pub(super) nt_hash: Secret<[u8; 16]>,
}

impl NtlmCredential {
    pub(crate) fn password(domain: &str, user: &str, password: &str) -> Self {
        NtlmCredential::hash(domain, user, nt_hash(password))
    }

    pub(crate) fn hash(domain: &str, user: &str, nt_hash: Secret<[u8; 16]>) -> Self {
        NtlmCredential { user: user.into(), domain: domain.into(), nt_hash }
    }

    /// `DOMAIN\user`, or the user alone.
    pub(crate) fn account(&self) -> String {
        account_name(&self.domain, &self.user)
    }
}
