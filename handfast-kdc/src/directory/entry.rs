use super::LongTermKey;
use crate::pac::DomainAccount;
use crate::settings::{DEFAULT_ENCTYPES, SESSION_ENCTYPES};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use handfast::crypto::Random;
use handfast::krb5::enctype::{CryptoError, Enctype};
use handfast::krb5::{Keytab, KeytabEntry};
use handfast::{NameType, Principal, Time};

/// How many passwords are remembered at most, the current one counted: each that is, costs a new one the making of a key.
pub const PASSWORD_HISTORY_LIMIT: u32 = 64;

/// What a directory knows of a principal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PrincipalEntry {
    /// Its name.
    pub principal: Principal,
    /// Its keys, the preferred enctype first. Those of the highest version are current. Older ones still open tickets
    /// that were made with them, and are good for nothing else.
    pub keys: Vec<Arc<LongTermKey>>,
    /// The client has to prove that it knows its key before it gets a reply to guess at.
    pub requires_preauth: bool,
    /// No tickets are issued to it or for it.
    pub disabled: bool,
    /// Tickets are issued for it. Not for users: who has such a ticket can guess at the password.
    pub is_service: bool,
    /// Its tickets may be forwardable and proxiable; for a user, services may act in its name.
    pub allow_forwardable: bool,
    /// Clients are told that they may delegate to this service.
    pub ok_as_delegate: bool,
    /// A service that may ask for a ticket in the name of a client that has a forwardable one to it, for these services
    /// (S4U2proxy, MS-SFU 3.2.5.2). That ticket has a PAC, by which the realm knows it for one of its own, or
    /// [`PrincipalEntry::protocol_transition`] is set too: without either, the service could make one for anybody.
    pub may_delegate_to: Vec<Principal>,
    /// A service whose tickets to itself in users' names, who need not have come to it by Kerberos, may be forwardable
    /// (S4U2self, MS-SFU 3.2.5.1): it can then delegate for anybody.
    pub protocol_transition: bool,
    /// The services that may ask for a ticket for this one in their clients' names: its own list (resource-based
    /// constrained delegation, MS-SFU 3.2.5.2).
    pub allowed_to_act: Vec<Principal>,
    /// When the account ends.
    pub expires: Option<Time>,
    /// When the password ends.
    pub password_expires: Option<Time>,
    /// When the password was set, if that is known.
    pub password_changed: Option<Time>,
    /// Keys of the passwords before the current one, the latest first: one of each, good for nothing but to know it again
    /// ([`Settings::password_history`](crate::Settings::password_history)).
    pub password_history: Vec<Arc<LongTermKey>>,
    /// The longest life of its tickets, if shorter than the realm's.
    pub max_life: Option<Duration>,
    /// The longest renewable life of its tickets, if shorter than the realm's.
    pub max_renewable_life: Option<Duration>,
    /// The enctypes that it takes session keys of; those of its current keys if `None`.
    pub session_enctypes: Option<Vec<Enctype>>,
    /// Who it is in the realm's domain, for its PACs.
    pub account: Option<DomainAccount>,
    /// How often in a row a proof of it has failed, as [`Settings::max_failures`](crate::Settings::max_failures) counts. Zero unlocks it.
    pub failures: u32,
    /// When a proof of it failed last.
    pub last_failure: Option<Time>,
    /// When it was added.
    pub created: Time,
    /// When it was last changed.
    pub modified: Time,
}

impl PrincipalEntry {
    /// A principal without keys and limits, not a service, with pre-authentication.
    pub(crate) fn bare(principal: Principal, now: Time) -> Self {
        PrincipalEntry {
            principal,
            keys: Vec::new(),
            requires_preauth: true,
            disabled: false,
            is_service: false,
            allow_forwardable: true,
            ok_as_delegate: false,
            may_delegate_to: Vec::new(),
            protocol_transition: false,
            allowed_to_act: Vec::new(),
            expires: None,
            password_expires: None,
            password_changed: None,
            password_history: Vec::new(),
            max_life: None,
            max_renewable_life: None,
            session_enctypes: None,
            account: None,
            failures: 0,
            last_failure: None,
            created: now,
            modified: now,
        }
    }

    /// A user with keys of [`DEFAULT_ENCTYPES`] from a password.
    ///
    /// # Errors
    /// If the keys can't be made.
    pub fn user(principal: Principal, password: &[u8], now: Time) -> Result<Self, CryptoError> {
        PrincipalEntry::user_of(principal, password, &DEFAULT_ENCTYPES, now)
    }

    /// A user with keys of `enctypes` from a password, the preferred first.
    ///
    /// # Errors
    /// If the keys can't be made.
    pub fn user_of(
        principal: Principal,
        password: &[u8],
        enctypes: &[Enctype],
        now: Time,
    ) -> Result<Self, CryptoError> {
        let mut entry = PrincipalEntry::bare(principal, now);
        entry.set_password(password, enctypes, None, now)?;
        Ok(entry)
    }

    /// The ticket-granting service of a realm, with random keys of [`DEFAULT_ENCTYPES`]. Its session keys are between
    /// the client and the KDC itself, so they may be of all [`SESSION_ENCTYPES`].
    pub(crate) fn krbtgt(realm: &str, random: &dyn Random, now: Time) -> Result<Self, CryptoError> {
        let entry = PrincipalEntry::service(Principal::krbtgt(realm, realm), random, now)?;
        Ok(PrincipalEntry { session_enctypes: Some(SESSION_ENCTYPES.to_vec()), ..entry })
    }

    /// The service of a realm that changes passwords, `kadmin/changepw`, with random keys of [`DEFAULT_ENCTYPES`]. Its tickets are short,
    /// and no others come of them.
    ///
    /// # Errors
    /// If the keys can't be made.
    pub fn password_service(realm: &str, random: &dyn Random, now: Time) -> Result<Self, CryptoError> {
        let name = Principal::new(NameType::SRV_INST, ["kadmin", "changepw"], realm);
        let entry = PrincipalEntry::service(name, random, now)?;
        let (max_life, max_renewable_life) = (Some(Duration::from_secs(300)), Some(Duration::ZERO));
        Ok(PrincipalEntry { max_life, max_renewable_life, allow_forwardable: false, ..entry })
    }

    /// The ticket-granting service of `to`, as `from` issues tickets for it: with keys of `enctypes` that both realms
    /// make from a password they share. A realm needs two for clients to go both ways; the passwords should differ.
    ///
    /// # Errors
    /// If the keys can't be made.
    pub fn cross_realm(
        from: &str,
        to: &str,
        password: &[u8],
        enctypes: &[Enctype],
        now: Time,
    ) -> Result<Self, CryptoError> {
        let entry = PrincipalEntry::user_of(Principal::krbtgt(to, from), password, enctypes, now)?;
        Ok(PrincipalEntry { is_service: true, ..entry })
    }

    /// A service with random keys of [`DEFAULT_ENCTYPES`].
    ///
    /// # Errors
    /// If the keys can't be made.
    pub fn service(principal: Principal, random: &dyn Random, now: Time) -> Result<Self, CryptoError> {
        PrincipalEntry::service_of(principal, &DEFAULT_ENCTYPES, random, now)
    }

    /// A service with random keys of `enctypes`, the first of which its tickets are encrypted with.
    ///
    /// # Errors
    /// If the keys can't be made.
    pub fn service_of(
        principal: Principal,
        enctypes: &[Enctype],
        random: &dyn Random,
        now: Time,
    ) -> Result<Self, CryptoError> {
        let mut entry = PrincipalEntry { is_service: true, ..PrincipalEntry::bare(principal, now) };
        entry.rekey(enctypes, random, now)?;
        Ok(entry)
    }

    /// Keeps a key of the current password, to be called before it is replaced: so that a new one can differ from `passwords`, the
    /// new current one counted. What is older is forgotten.
    pub fn remember_password(&mut self, passwords: u32) {
        let others = passwords.min(PASSWORD_HISTORY_LIMIT).saturating_sub(1);
        let current = self.kvno();
        let key = self.keys.iter().find(|key| Some(key.kvno()) == current && key.salt().is_some());
        if let Some(key) = key.map(Arc::clone) {
            self.password_history.insert(0, key);
        }
        self.password_history.truncate(usize::try_from(others).unwrap_or(usize::MAX));
    }

    /// Replaces all keys by those of a password, one version up. Tickets for the old ones can't be opened any more.
    ///
    /// # Errors
    /// If the keys can't be made; the old ones stay then.
    pub fn set_password(
        &mut self,
        password: &[u8],
        enctypes: &[Enctype],
        iterations: Option<u32>,
        now: Time,
    ) -> Result<(), CryptoError> {
        let (kvno, salt) = (self.next_kvno(), self.default_salt());
        let key = |enctype: &Enctype| LongTermKey::from_password(kvno, *enctype, password, &salt, iterations);
        self.keys = enctypes.iter().map(|enctype| key(enctype).map(Arc::new)).collect::<Result<_, _>>()?;
        self.password_changed = Some(now);
        self.modified = now;
        Ok(())
    }

    /// Adds random keys, one version up. The keys of the version before stay for tickets that are under way.
    ///
    /// # Errors
    /// If the keys can't be made; the old ones stay alone then.
    pub fn rekey(&mut self, enctypes: &[Enctype], random: &dyn Random, now: Time) -> Result<(), CryptoError> {
        let (kvno, before) = (self.next_kvno(), self.kvno());
        let key = |enctype: &Enctype| LongTermKey::generate(kvno, *enctype, random).map(Arc::new);
        let mut keys = enctypes.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        keys.extend(self.keys.drain(..).filter(|key| Some(key.kvno()) == before));
        self.keys = keys;
        self.modified = now;
        Ok(())
    }

    /// The version of the current keys.
    pub fn kvno(&self) -> Option<u32> {
        self.keys.iter().map(|key| key.kvno()).max()
    }

    /// The keys of the highest version, the preferred enctype first.
    pub fn current_keys(&self) -> impl Iterator<Item = &LongTermKey> {
        let current = self.kvno();
        self.keys.iter().map(Arc::as_ref).filter(move |key| Some(key.kvno()) == current)
    }

    /// The same with those keys alone whose enctype `permits` takes. No older key becomes current by it: where none of the current
    /// ones is left, none is.
    pub(crate) fn with_keys_of(mut self: Arc<Self>, permits: impl Fn(Enctype) -> bool) -> Arc<Self> {
        if self.keys.iter().any(|key| !permits(key.enctype())) {
            let current = self.kvno();
            let keys = &mut Arc::make_mut(&mut self).keys;
            keys.retain(|key| permits(key.enctype()));
            if !keys.iter().any(|key| Some(key.kvno()) == current) {
                keys.clear();
            }
        }
        self
    }

    /// All keys, as a service's keytab holds them.
    pub fn keytab_entries(&self) -> impl Iterator<Item = KeytabEntry> + '_ {
        self.keys.iter().map(|key| KeytabEntry {
            principal: self.principal.clone(),
            timestamp: self.modified,
            kvno: key.kvno(),
            key: key.key().clone(),
        })
    }

    /// All keys, as a keytab.
    pub fn keytab(&self) -> Keytab {
        self.keytab_entries().collect()
    }

    /// Whether it takes session keys of `enctype`.
    pub(crate) fn takes(&self, enctype: Enctype) -> bool {
        match &self.session_enctypes {
            Some(enctypes) => enctypes.contains(&enctype),
            None => self.current_keys().any(|key| key.enctype() == enctype),
        }
    }

    fn next_kvno(&self) -> u32 {
        self.kvno().unwrap_or(0).saturating_add(1)
    }

    /// Realm and components, one after the other (RFC 4120 4).
    fn default_salt(&self) -> String {
        let mut salt = String::from(self.principal.realm());
        self.principal.components().iter().for_each(|component| salt.push_str(component));
        salt
    }
}
