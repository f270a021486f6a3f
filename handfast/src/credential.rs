use crate::crypto::{Random, Secret};
use crate::error::{CredentialError, Error};
use crate::krb5::enctype::EncryptionKey;
use crate::krb5::exchange::Known;
use crate::krb5::keytab::Keytab;
#[cfg(feature = "pkinit")]
use crate::krb5::pkinit::{KdcTrust, PkinitIdentity};
use crate::krb5::{Ccache, HeldTicket};
use crate::mech::kerberos::{self, KerberosCredential, Secrets};
use crate::mech::negotiate::Candidate;
use crate::mech::ntlm::{self, NtlmCredential};
use crate::mech::{InitiateRequest, Initiating, MechanismId};
use crate::name::{NameType, Principal};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// As whom an initiator acts, and what proves it.
///
/// Tickets obtained with a credential are kept in it for the next context; clones share them. Keep one credential for
/// as long as its secret is good, and make a new one when the secret changes.
///
/// ```
/// use handfast::Credential;
/// let credential = Credential::password("alice@EXAMPLE.COM".parse()?, "correct horse");
/// # Ok::<(), handfast::ParseNameError>(())
/// ```
#[derive(Clone)]
#[doc(alias("gss_cred_id_t", "CredHandle", "AcquireCredentialsHandle", "gss_acquire_cred"))]
pub struct Credential {
    kerberos: KerberosCredential,
    ntlm: Option<NtlmCredential>,
    /// Nothing here for Kerberos.
    only_ntlm: bool,
}

impl Credential {
    /// A user and a password. The initiator logs in when it first needs a ticket.
    #[doc(alias("gss_acquire_cred_with_password", "krb5_get_init_creds_password"))]
    pub fn password(client: Principal, password: impl Into<Vec<u8>>) -> Self {
        Credential::of(client, Secrets::Password(Secret::new(password.into())), Vec::new())
    }

    /// A client and its long-term keys, one for each encryption type.
    pub fn keys(client: Principal, keys: impl IntoIterator<Item = EncryptionKey>) -> Self {
        Credential::of(client, Secrets::Keys(keys.into_iter().collect()), Vec::new())
    }

    /// A client whose newest keys are in `keytab`.
    ///
    /// # Errors
    /// [`CredentialError::NoUsableKey`] if the keytab holds no key of the client.
    #[doc(alias = "krb5_get_init_creds_keytab")]
    pub fn keytab(client: Principal, keytab: &Keytab) -> Result<Self, CredentialError> {
        let entries = keytab.keys_of(&client);
        let newest = entries.iter().map(|entry| entry.kvno).max();
        let keys: Vec<_> = entries
            .iter()
            .filter(|entry| Some(entry.kvno) == newest)
            .map(|entry| entry.key.clone())
            .filter(|key| key.enctype().can_compute())
            .collect();
        if keys.is_empty() { Err(CredentialError::NoUsableKey { client }) } else { Ok(Credential::keys(client, keys)) }
    }

    /// A client and its certificate (RFC 4556); `trust` says by what the client knows its KDC. Where the private key is outside,
    /// [`Question::Sign`](crate::Question::Sign) asks for a signature when the initiator logs in.
    #[cfg(feature = "pkinit")]
    #[doc(alias("X509_user_identity", "pkinit_identities"))]
    pub fn certificate(client: Principal, identity: PkinitIdentity, trust: KdcTrust) -> Self {
        Credential::of(client, Secrets::Certificate(identity, Arc::new(trust)), Vec::new())
    }

    /// The tickets of a credential cache, as `kinit` leaves them: a snapshot. What is obtained later is in
    /// [`Context::acquired`](crate::Context::acquired).
    ///
    /// A cache that a service has made to act for a user, as MIT krb5 and `handfast login --for-user` do (`proxy_impersonator`
    /// stands in it), acts for the user: see [`Credential::on_behalf`].
    #[doc(alias = "KRB5CCNAME")]
    pub fn tickets(cache: &Ccache) -> Self {
        let tickets: Vec<_> = cache.tickets().cloned().collect();
        match cache.impersonator().and_then(|own| Some((cache.evidence(&own)?.clone(), own))) {
            None => {
                let client = KerberosCredential::new(cache.principal.clone(), Secrets::None, tickets);
                Credential::by_kerberos(client.knowing(Known::of_cache(cache)))
            }
            Some((evidence, own)) => {
                let own = KerberosCredential::new(own, Secrets::None, tickets.clone()).knowing(Known::of_cache(cache));
                Credential::by_kerberos(own.with_evidence(evidence, tickets))
            }
        }
    }

    /// The same, acting for the client of `evidence`, which is that client's ticket to this one: constrained delegation
    /// (S4U2proxy, MS-SFU 3.1.5.2.1). An acceptor's [`Context::evidence`](crate::Context::evidence) is such a ticket.
    ///
    /// Contexts are made in the client's name, with services that the realm lets this one delegate to. The login for it is this
    /// credential's own, and kept in it; tickets in the client's name are kept in what is returned.
    ///
    /// ```
    /// # fn example(web: &handfast::Credential, context: &handfast::Context) -> Option<handfast::Credential> {
    /// // A web server has proven its client, and goes on to a database in the client's name.
    /// Some(web.on_behalf(context.evidence()?.clone()))
    /// # }
    /// ```
    #[must_use]
    #[doc(alias("S4U2proxy", "gss_store_cred", "GssapiUseS4U2Proxy"))]
    pub fn on_behalf(&self, evidence: HeldTicket) -> Self {
        Credential::by_kerberos(self.kerberos.with_evidence(evidence, Vec::new()))
    }

    /// The same, acting for `user`, who has shown no ticket: protocol transition (S4U2self, MS-SFU 3.1.5.1.1), then as
    /// [`Credential::on_behalf`]. The realm must trust this client with naming its users. A user without a realm is of this
    /// client's.
    #[must_use]
    #[doc(alias("S4U2self", "gss_acquire_cred_impersonate_name", "SspiImpersonate"))]
    pub fn for_user(&self, user: Principal) -> Self {
        Credential::by_kerberos(self.kerberos.for_user(user))
    }

    /// Tickets that somebody else got.
    pub(crate) fn held(client: Principal, tickets: Vec<HeldTicket>) -> Self {
        Credential::of(client, Secrets::None, tickets)
    }

    fn of(client: Principal, secrets: Secrets, held: Vec<HeldTicket>) -> Self {
        Credential::by_kerberos(KerberosCredential::new(client, secrets, held))
    }

    fn by_kerberos(kerberos: KerberosCredential) -> Self {
        Credential { kerberos, ntlm: None, only_ntlm: false }
    }

    /// A user of a domain and a password, for NTLM alone. The domain may be empty, as with `user@domain` for a name.
    ///
    /// Only the password's hash is kept. The policy must allow NTLM:
    /// [`Policy::dangerous_ntlm_unproven_server`](crate::Policy::dangerous_ntlm_unproven_server).
    ///
    /// ```
    /// use handfast::Credential;
    /// let credential = Credential::ntlm_password("EXAMPLE", "alice", "correct horse");
    /// ```
    pub fn ntlm_password(domain: &str, user: &str, password: &str) -> Self {
        Credential::of_ntlm(domain, user, NtlmCredential::password(domain, user, password))
    }

    /// A user of a domain and the NT hash of a password, for NTLM alone.
    pub fn ntlm_hash(domain: &str, user: &str, nt_hash: Secret<[u8; 16]>) -> Self {
        Credential::of_ntlm(domain, user, NtlmCredential::hash(domain, user, nt_hash))
    }

    /// The same, with a password for NTLM as well. It is used where NTLM is asked for by name,
    /// [`Target::ntlm`](crate::Target::ntlm), and where [`Target::negotiate`](crate::Target::negotiate) and the policy allow it.
    #[must_use]
    pub fn and_ntlm_password(mut self, domain: &str, user: &str, password: &str) -> Self {
        self.ntlm = Some(NtlmCredential::password(domain, user, password));
        self
    }

    fn of_ntlm(domain: &str, user: &str, ntlm: NtlmCredential) -> Self {
        let client = Principal::new(NameType::PRINCIPAL, [user], domain);
        Credential { ntlm: Some(ntlm), only_ntlm: true, ..Credential::of(client, Secrets::None, Vec::new()) }
    }

    /// As whom it acts.
    pub fn client(&self) -> &Principal {
        self.kerberos.client()
    }

    /// By NTLM if it is asked for by name, or there is nothing else.
    pub(crate) fn initiate(
        &self,
        random: &Arc<dyn Random>,
        request: &InitiateRequest<'_>,
        by_ntlm: bool,
    ) -> Result<Box<dyn Initiating>, Error> {
        match &self.ntlm {
            Some(ntlm) if by_ntlm || self.only_ntlm => Ok(ntlm::initiate(ntlm.clone(), Arc::clone(random), request)),
            None if by_ntlm => Err(CredentialError::NoNtlmSecret { client: self.client().clone() }.into()),
            _ => Ok(kerberos::initiate(self.kerberos.clone(), Arc::clone(random), request)),
        }
    }

    /// By Kerberos, with an acceptor that has no key but a login of its own.
    pub(crate) fn initiate_user_to_user(
        &self,
        random: &Arc<dyn Random>,
        request: &InitiateRequest<'_>,
    ) -> Box<dyn Initiating> {
        kerberos::initiate_user_to_user(self.kerberos.clone(), Arc::clone(random), request)
    }

    /// By Kerberos, with an acceptor that asks the KDC.
    pub(crate) fn initiate_iakerb(
        &self,
        random: &Arc<dyn Random>,
        request: &InitiateRequest<'_>,
    ) -> Box<dyn Initiating> {
        kerberos::initiate_iakerb(self.kerberos.clone(), Arc::clone(random), request)
    }

    /// What it can do, best first: Kerberos, IAKERB if the policy asks for it, and NTLM if the policy allows it or there is nothing else, and then NTLM says so.
    pub(crate) fn candidates(&self, random: &Arc<dyn Random>, request: &InitiateRequest<'_>) -> Vec<Candidate> {
        let kerberos = || Candidate {
            id: MechanismId::KERBEROS,
            handshake: kerberos::initiate(self.kerberos.clone(), Arc::clone(random), request),
        };
        let ntlm = |ntlm: &NtlmCredential| Candidate {
            id: MechanismId::NTLM,
            handshake: ntlm::initiate(ntlm.clone(), Arc::clone(random), request),
        };
        let allowed = self.only_ntlm || request.policy.permits_ntlm_unproven_server();
        let iakerb = (!self.only_ntlm && request.policy.offers_iakerb())
            .then(|| Candidate { id: MechanismId::IAKERB, handshake: self.initiate_iakerb(random, request) });
        let kerberos = (!self.only_ntlm).then(kerberos);
        kerberos.into_iter().chain(iakerb).chain(self.ntlm.as_ref().filter(|_| allowed).map(ntlm)).collect()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("client", self.client()).finish_non_exhaustive()
    }
}
