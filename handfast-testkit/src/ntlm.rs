use crate::Testkit;
use crate::kit::must;
use handfast::mech::ntlm::nt_hash;
use handfast::{Acceptor, Account, Logon, NtlmServer, Policy};

impl Testkit {
    /// The policy of an initiator that may use NTLM.
    pub(crate) fn ntlm_policy() -> Policy {
        Policy::default().dangerous_ntlm_unproven_server()
    }

    /// What the realm's account store says of a logon by NTLM: the NT hash of the user's password.
    ///
    /// The domain is the realm's name, or its first label, or empty with `user@realm` for a user; case doesn't count.
    /// Users without a password, services, and users who are disabled or removed may not log on. It is what
    /// `handfast-net` takes for its `Accounts`: `|logon| kit.account(logon)`.
    pub fn account(&self, logon: &Logon) -> Account {
        if let Some(said) = self.next_account() {
            return said;
        }
        let realm = self.realm_name();
        let (user, domain) = match logon.user.split_once('@') {
            Some((user, domain)) if logon.domain.is_empty() => (user, domain),
            _ => (&*logon.user, &*logon.domain),
        };
        let is_ours = [realm, self.netbios_domain()].into_iter().any(|ours| ours.eq_ignore_ascii_case(domain));
        match self.enabled_password(user).filter(|_| is_ours) {
            Some(password) => Account::NtHash(nt_hash(password.expose())),
            None => Account::Refused,
        }
    }

    /// An acceptor for a service that also takes clients by NTLM, which ask for that service.
    #[track_caller]
    pub fn dangerous_ntlm_acceptor(&self, service: &str) -> Acceptor {
        self.acceptor(service).dangerous_with_ntlm(self.ntlm_server(service))
    }

    /// The names of a service's machine as NTLM has them; clients must ask for that service.
    #[track_caller]
    pub fn ntlm_server(&self, service: &str) -> NtlmServer {
        let name = self.service_name(service);
        let host = must(name.host().ok_or("the service is of no host"), service);
        let computer = host.split('.').next().unwrap_or(host).to_ascii_uppercase();
        NtlmServer::new(&computer, self.netbios_domain())
            .dns(host, &self.realm_name().to_ascii_lowercase())
            .only_targets([name])
    }

    /// The first label of the realm's name.
    fn netbios_domain(&self) -> &str {
        let realm = self.realm_name();
        realm.split('.').next().unwrap_or(realm)
    }
}
