use super::Trouble;
use crate::span;
use handfast::crypto::{OsRandom, Random, Secret};
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::{Keytab, KeytabEntry};
use handfast::mech::ntlm::nt_hash;
use handfast::{Acceptor, Account, Credential, Logon, NtlmServer, Policy, Principal, ReplayGuard, ServiceName, Time};
use handfast_kdc::{LongTermKey, MemoryDirectory, PrincipalEntry, Realm, Settings};
use std::fmt::Write;
use std::sync::Arc;

/// The realm; names under `test` are nobody's (RFC 2606 2).
pub(super) const REALM: &str = "DEMO.TEST";
const CLIENT: &str = "alice@DEMO.TEST";
const SERVICE: &str = "echo/demo.test";
const OTHER_SERVICE: &str = "vault/demo.test";
/// The realm, and alice in it, as NTLM calls them.
pub(super) const NTLM_DOMAIN: &str = "DEMO";
const NTLM_USER: &str = "alice";

/// Who takes part, and what each of them holds. All secrets are made anew, and are gone when the demo ends.
pub(super) struct Stage {
    pub(super) enctype: Enctype,
    /// The realm: it knows every key.
    pub(super) realm: Arc<Realm>,
    /// The client: it has a name and a password.
    pub(super) client: Principal,
    pub(super) password: Secret,
    pub(super) policy: Policy,
    /// The server: it has a keytab.
    pub(super) service: ServiceName,
    pub(super) acceptor: Acceptor,
    /// What the server may ask of alice's account, where she comes by NTLM.
    pub(super) accounts: Accounts,
    /// Another service of the realm, which has no part in the play but its name.
    pub(super) other_service: ServiceName,
    /// What the demo knows, to read out what passes.
    pub(super) keys: Keys,
}

/// The long-term keys that the demo reads messages with. None is ever shown.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) client: EncryptionKey,
    pub(super) tickets: Vec<(Principal, EncryptionKey)>,
    pub(super) accounts: Accounts,
}

/// An account store with one account, which holds the NT hash of its password.
#[derive(Clone)]
pub(super) struct Accounts {
    pub(super) nt_hash: Secret<[u8; 16]>,
}

impl Accounts {
    pub(super) fn find(&self, logon: &Logon) -> Account {
        match (&*logon.domain, &*logon.user) {
            (NTLM_DOMAIN, NTLM_USER) => Account::NtHash(self.nt_hash.clone()),
            _ => Account::Refused,
        }
    }
}

/// The server's names as NTLM has them. It takes clients that mean `service`.
pub(super) fn ntlm_server(service: ServiceName) -> NtlmServer {
    NtlmServer::new("ECHO", NTLM_DOMAIN).dns("demo.test", "demo.test").only_targets([service])
}

impl Stage {
    /// A new realm with one user and two services, all keys of `enctype`.
    pub(super) fn new(enctype: Enctype) -> Result<Stage, Trouble> {
        let (now, password) = (span::now(), random_password()?);
        let service: ServiceName = SERVICE.parse()?;
        let other_service: ServiceName = OTHER_SERVICE.parse()?;
        let alice = user(CLIENT.parse()?, &password, enctype, now)?;
        let services =
            [Principal::krbtgt(REALM, REALM), service.to_principal(REALM), other_service.to_principal(REALM)]
                .map(|name| PrincipalEntry::service_of(name, &[enctype], &OsRandom, now));
        let mut directory = MemoryDirectory::default();
        let accounts = Accounts { nt_hash: nt_hash(std::str::from_utf8(password.expose())?) };
        let mut keys = Keys { client: current_key(&alice)?, tickets: Vec::new(), accounts: accounts.clone() };
        directory.insert(alice);
        for entry in services {
            let entry = entry?;
            keys.tickets.push((entry.principal.clone(), current_key(&entry)?));
            directory.insert(entry);
        }
        let keytab = directory.keytab(&service.to_principal(REALM));
        Ok(Stage {
            enctype,
            realm: Arc::new(Realm::new(REALM, Arc::new(directory), Settings::default(), Arc::new(OsRandom))),
            client: CLIENT.parse()?,
            password,
            policy: Policy::default().with_enctypes([enctype]),
            acceptor: Acceptor::new(&keytab, ReplayGuard::in_memory()),
            service,
            accounts,
            other_service,
            keys,
        })
    }

    /// The client's credential: its name and its password.
    pub(super) fn credential(&self) -> Result<Credential, Trouble> {
        self.credential_with(&self.password)
    }

    /// The client's name with that password, be it hers or a guess.
    pub(super) fn credential_with(&self, password: &Secret) -> Result<Credential, Trouble> {
        let text = std::str::from_utf8(password.expose())?;
        let kerberos = Credential::password(self.client.clone(), password.expose().clone());
        Ok(kerberos.and_ntlm_password(NTLM_DOMAIN, NTLM_USER, text))
    }

    /// What a server accepts by: Kerberos, and NTLM if it is to.
    pub(super) fn acceptor(&self, ntlm: bool) -> Acceptor {
        let kerberos = self.acceptor.clone();
        if ntlm { kerberos.dangerous_with_ntlm(ntlm_server(self.service.clone())) } else { kerberos }
    }

    /// The service's full name.
    pub(super) fn service_principal(&self) -> Principal {
        self.service.to_principal(REALM)
    }

    /// A keytab for the service with that key, be it the KDC's or another.
    pub(super) fn keytab_with(&self, key: EncryptionKey) -> Keytab {
        let timestamp = span::now();
        [KeytabEntry { principal: self.service_principal(), timestamp, kvno: 1, key }].into_iter().collect()
    }
}

fn user(name: Principal, password: &Secret, enctype: Enctype, now: Time) -> Result<PrincipalEntry, Trouble> {
    let mut entry = PrincipalEntry::service_of(name, &[], &OsRandom, now)?;
    entry.is_service = false;
    entry.set_password(password.expose(), &[enctype], None, now)?;
    Ok(entry)
}

fn current_key(entry: &PrincipalEntry) -> Result<EncryptionKey, Trouble> {
    let key = entry.current_keys().next().map(LongTermKey::key);
    key.cloned().ok_or_else(|| Trouble::new("a principal without a key"))
}

/// 128 random bits, as hexadecimal digits.
pub(super) fn random_password() -> Result<Secret, Trouble> {
    let mut bits = Secret::new([0; 16]);
    OsRandom.fill(bits.expose_mut())?;
    let mut text = String::with_capacity(32);
    bits.expose().iter().try_for_each(|byte| write!(text, "{byte:02x}"))?;
    Ok(Secret::new(text.into_bytes()))
}
