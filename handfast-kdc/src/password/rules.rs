//! Who may set whose password, and which passwords are taken.

use super::{Denied, PASSWORD_LIMIT, Proven};
use crate::as_exchange::check_account;
use crate::directory::{LongTermKey, PASSWORD_HISTORY_LIMIT, PrincipalEntry};
use crate::realm::Realm;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use handfast::krb5::enctype::{CryptoError, Enctype};
use handfast::krb5::message::PasswordResultCode;
use handfast::{Principal, Time};

impl Realm {
    /// Whether the client may set the password of `target` (RFC 3244 2): its own with a ticket that came from the old one, another's if
    /// it is an administrator.
    pub(super) fn may_set(&self, proven: &Proven, target: &Principal, now: Time) -> Result<(), Denied> {
        let client = self.directory.find(&proven.client)?;
        let gone = || Denied::silent(PasswordResultCode::ACCESSDENIED, "the client is not in the directory");
        let client = client.filter(|_| proven.client.realm() == self.name()).ok_or_else(gone)?;
        let allowed = check_account(&client, now);
        allowed.map_err(|refusal| Denied::silent(PasswordResultCode::ACCESSDENIED, refusal.reason))?;
        if *target == proven.client {
            return match proven.initial {
                true => self.check_age(&client, now),
                false => Err(Denied::silent(PasswordResultCode::INITIAL_FLAG_NEEDED, "the ticket is not initial")),
            };
        }
        if self.settings.password_administrators.contains(&proven.client) {
            return Ok(());
        }
        Err(Denied::told(PasswordResultCode::ACCESSDENIED, "only administrators set others' passwords"))
    }

    /// Whether a password is old enough to be changed by its owner; one that has expired is.
    fn check_age(&self, entry: &PrincipalEntry, now: Time) -> Result<(), Denied> {
        let least = self.settings.min_password_age;
        let until = entry.password_changed.map(|changed| changed.saturating_add(least));
        let has_expired = entry.password_expires.is_some_and(|end| end <= now);
        match until.filter(|until| *until > now && !least.is_zero() && !has_expired) {
            None => Ok(()),
            Some(until) => {
                let text = format!("The password was changed lately. It can be changed again from {until} on.");
                Err(Denied::told(PasswordResultCode::SOFTERROR, text))
            }
        }
    }

    /// Gives the principal another password, if it is one that is taken; the version of the new keys.
    pub(super) fn set_password(&self, target: &Principal, new_password: &[u8], now: Time) -> Result<u32, Denied> {
        let none = |reason| Denied::told(PasswordResultCode::HARDERROR, reason);
        let entry = self.directory.find(target)?.ok_or_else(|| none("there is no such principal"))?;
        if entry.is_service {
            return Err(none("a service has random keys and no password"));
        }
        self.check_new_password(&entry, new_password)?;
        let before = entry.kvno();
        let renewed = self.renewed(&entry, new_password, now)?;
        let change = |entry: &mut PrincipalEntry| {
            // Somebody else was faster: the keys were made for another version.
            let same = entry.kvno() == before && !entry.is_service;
            if same {
                entry.take_password_of(&renewed);
            }
            same
        };
        match self.directory.update(target, &change)? {
            true => Ok(renewed.kvno().unwrap_or_default()),
            false => Err(none("the password was changed at the same time")),
        }
    }

    /// The entry with keys of the new password: of the same enctypes as the old ones.
    fn renewed(&self, entry: &PrincipalEntry, new_password: &[u8], now: Time) -> Result<PrincipalEntry, CryptoError> {
        let enctypes: Vec<Enctype> = entry.current_keys().map(LongTermKey::enctype).collect();
        let iterations = entry.current_keys().find_map(LongTermKey::iterations);
        let mut renewed = entry.clone();
        renewed.remember_password(self.settings.password_history);
        renewed.set_password(new_password, &enctypes, iterations, now)?;
        renewed.password_expires = self.settings.max_password_age.map(|age| now.saturating_add(age));
        Ok(renewed)
    }

    fn check_new_password(&self, entry: &PrincipalEntry, new_password: &[u8]) -> Result<(), Denied> {
        let refused = |text| Err(Denied::told(PasswordResultCode::SOFTERROR, text));
        let least = self.settings.min_password_length;
        let length = core::str::from_utf8(new_password).map_or(new_password.len(), |text| text.chars().count());
        if length < least.max(1) {
            return refused(format!("The new password is too short: it needs at least {least} characters."));
        }
        if new_password.len() > PASSWORD_LIMIT {
            return refused(format!("The new password is too long: it may have {PASSWORD_LIMIT} bytes."));
        }
        if is_password_of(new_password, entry)? {
            return refused("The new password is the old one.".into());
        }
        if self.was_password_of(new_password, entry)? {
            let count = self.settings.password_history;
            return refused(format!("The new password was used before: it must differ from the last {count}."));
        }
        Ok(())
    }

    /// Whether it is one of the passwords before, as far back as the settings look.
    fn was_password_of(&self, password: &[u8], entry: &PrincipalEntry) -> Result<bool, CryptoError> {
        let others = self.settings.password_history.min(PASSWORD_HISTORY_LIMIT).saturating_sub(1);
        let others = usize::try_from(others).unwrap_or(usize::MAX);
        let mut known = false;
        for key in entry.password_history.iter().take(others) {
            // How long it takes tells nothing of which one it is.
            known |= comes_from(key, password)?;
        }
        Ok(known)
    }
}

/// Whether it is the password that the entry's keys are made from.
fn is_password_of(password: &[u8], entry: &PrincipalEntry) -> Result<bool, CryptoError> {
    entry.current_keys().find(|key| key.salt().is_some()).map_or(Ok(false), |key| comes_from(key, password))
}

/// Whether a key is made from this password. Keys are compared in constant time.
fn comes_from(key: &LongTermKey, password: &[u8]) -> Result<bool, CryptoError> {
    let Some(salt) = key.salt() else { return Ok(false) };
    let again = LongTermKey::from_password(key.kvno(), key.enctype(), password, salt, key.iterations())?;
    Ok(again.key() == key.key())
}

impl PrincipalEntry {
    /// Takes over what a new password has changed; failed proofs of the old one don't count any more.
    fn take_password_of(&mut self, renewed: &PrincipalEntry) {
        self.keys = renewed.keys.iter().map(Arc::clone).collect();
        self.password_expires = renewed.password_expires;
        self.password_changed = renewed.password_changed;
        self.password_history = renewed.password_history.iter().map(Arc::clone).collect();
        self.modified = renewed.modified;
        self.failures = 0;
    }
}
