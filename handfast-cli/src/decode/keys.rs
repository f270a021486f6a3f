//! The keys that are held: of a keytab, and those that tokens themselves bring along.

use handfast::crypto::Secret;
use handfast::krb5::Keytab;
use handfast::krb5::enctype::{ChecksumKey, CipherKey, EncryptionKey, Enctype, KeyUsage};
use std::cell::Cell;

/// More keys than this are not kept.
const KEY_LIMIT: usize = 4096;
/// No more keys than this are tried on one ciphertext.
const TRY_LIMIT: usize = 256;

/// Nor are keys tried more often than this in one token, however many ciphertexts it has.
const TOKEN_LIMIT: usize = 20_000;

/// A key, and whose it is.
struct Held {
    label: String,
    /// Of a keytab: whose key, and its version.
    of: Option<(String, u32)>,
    key: EncryptionKey,
}

/// The keys that are held. What is learned last is tried first.
#[derive(Default)]
pub(crate) struct KeyRing {
    held: Vec<Held>,
    /// How often a key was tried since the last token began.
    tried: Cell<usize>,
}

/// What a key has opened.
pub(super) struct Opened {
    pub(super) plaintext: Secret,
    /// The key's place in [`KeyRing::label`].
    pub(super) label: String,
    /// Which of the usages it was.
    pub(super) usage: usize,
}

impl KeyRing {
    /// A token begins.
    pub(super) fn begin(&self) {
        self.tried.set(0);
    }

    /// Counts an attempt; false if there were too many.
    fn may_try(&self) -> bool {
        self.tried.set(self.tried.get().saturating_add(1));
        self.tried.get() <= TOKEN_LIMIT
    }

    /// Takes the keys of a keytab.
    pub(crate) fn add_keytab(&mut self, keytab: &Keytab) {
        for entry in keytab.entries().iter().take(KEY_LIMIT) {
            let principal = entry.principal.to_string();
            let label = format!("the key of {principal}, kvno {}", entry.kvno);
            self.held.push(Held { label, of: Some((principal, entry.kvno)), key: entry.key.clone() });
        }
    }

    /// Takes a key that a token brought along.
    pub(super) fn learn(&mut self, label: String, enctype: i32, bytes: &[u8]) {
        let Ok(key) = EncryptionKey::new(Enctype(enctype), bytes) else { return };
        if self.held.len() < KEY_LIMIT && !self.held.iter().any(|held| held.key == key) {
            self.held.push(Held { label, of: None, key });
        }
    }

    /// Those of `enctype`: first those of `owner`, then what was learned last.
    fn candidates(&self, enctype: Option<i32>, owner: Option<&str>) -> Vec<&Held> {
        let mut fitting: Vec<&Held> = self.held.iter().rev().collect();
        fitting.retain(|held| enctype.is_none_or(|enctype| held.key.enctype().0 == enctype));
        fitting.sort_by_key(|held| match (&held.of, owner) {
            (Some((principal, _)), Some(owner)) if principal == owner => 0,
            (None, _) => 1,
            _ => 2,
        });
        fitting.truncate(TRY_LIMIT);
        fitting
    }

    /// The first key that opens `cipher` under one of the usages; `enctype` is unknown for per-message tokens.
    pub(super) fn open(
        &self,
        enctype: Option<i32>,
        owner: Option<&str>,
        usages: &[KeyUsage],
        cipher: &[u8],
    ) -> Option<Opened> {
        for held in self.candidates(enctype, owner) {
            for (usage, number) in usages.iter().enumerate().filter(|_| self.may_try()) {
                let opened = CipherKey::new(&held.key, *number).and_then(|key| key.decrypt(cipher));
                if let Ok(plaintext) = opened {
                    return Some(Opened { plaintext, label: label(held), usage });
                }
            }
        }
        None
    }

    /// The first key under which `mac` is the checksum of `parts`, and which of the usages it was.
    pub(super) fn verify(&self, usages: &[KeyUsage], parts: &[&[u8]], mac: &[u8]) -> Option<(String, usize)> {
        for held in self.candidates(None, None) {
            for (usage, number) in usages.iter().enumerate().filter(|_| self.may_try()) {
                if ChecksumKey::new(&held.key, *number).and_then(|key| key.verify(parts, mac)).is_ok() {
                    return Some((label(held), usage));
                }
            }
        }
        None
    }

    /// Whether there is none at all.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Why nothing opens a ciphertext of this enctype, key version and owner.
    pub(super) fn why_not(&self, enctype: i32, kvno: Option<i64>, owner: Option<&str>) -> String {
        if self.is_empty() {
            return "no key is held".to_owned();
        }
        if self.tried.get() > TOKEN_LIMIT {
            return format!("keys were tried {TOKEN_LIMIT} times in this token already");
        }
        if !Enctype(enctype).can_compute() {
            return "this build can't compute with its enctype".to_owned();
        }
        let fitting = self.candidates(Some(enctype), owner);
        if fitting.is_empty() {
            return "no key of its enctype is held".to_owned();
        }
        let versions: Vec<String> = fitting
            .iter()
            .filter_map(|held| held.of.as_ref().filter(|(principal, _)| Some(principal.as_str()) == owner))
            .map(|(_, kvno)| kvno.to_string())
            .collect();
        let wanted = kvno.map(|kvno| format!("it wants kvno {kvno}; ")).unwrap_or_default();
        match (owner, versions.is_empty()) {
            (Some(owner), true) => format!("{wanted}no key of {owner} of its enctype is held, and no other opens it"),
            (Some(owner), false) => format!("{wanted}kvno {} of {owner} does not open it", versions.join(", ")),
            (None, _) => format!("none of the {} keys of its enctype that are held opens it", fitting.len()),
        }
    }
}

fn label(held: &Held) -> String {
    format!("{} ({})", held.label, held.key.enctype())
}
