//! Who guesses at a password is locked out, and its owner too: MIT krb5's rules, with the counts in the directory.

use crate::directory::PrincipalEntry;
use crate::preauth::Proof;
use crate::realm::Realm;
use crate::refusal::Refusal;
use crate::settings::Settings;
use alloc::format;
use core::time::Duration;
use handfast::Time;
use handfast::krb5::message::ErrorCode;

impl PrincipalEntry {
    /// Whether the principal is locked out, after so many failed proofs as `settings` take.
    pub fn is_locked_out(&self, settings: &Settings, now: Time) -> bool {
        let Some(last) = self.last_failure.filter(|_| settings.max_failures != 0) else { return false };
        self.failures >= settings.max_failures && is_within(settings.lockout, last, now)
    }

    /// Counts a failed proof.
    fn count_failure(&mut self, settings: &Settings, now: Time) {
        let together = self.last_failure.is_some_and(|last| is_within(settings.failure_interval, last, now));
        self.failures = if together { self.failures.saturating_add(1) } else { 1 };
        self.last_failure = Some(now);
    }
}

/// Whether no longer time than `span` is between them; zero is for ever.
fn is_within(span: Duration, last: Time, now: Time) -> bool {
    span.is_zero() || now < last.saturating_add(span)
}

impl Realm {
    /// What is locked out gets no tickets, and its proofs are not looked at.
    pub(crate) fn check_lockout(&self, client: &PrincipalEntry, now: Time) -> Result<(), Refusal> {
        if !client.is_locked_out(&self.settings, now) {
            return Ok(());
        }
        let reason = format!("the client is locked out: {} proofs have failed", client.failures);
        Err(Refusal::new(ErrorCode::KDC_ERR_CLIENT_REVOKED, reason))
    }

    /// Whether there are failed proofs to forget after a good one. Others may have been looked at while this one was: who guesses
    /// many times at once is locked out as if it had done so one after the other (CVE-2021-20251).
    fn has_failed_meanwhile(&self, client: &PrincipalEntry, now: Time) -> Result<bool, Refusal> {
        let Some(current) = self.directory.find(&client.principal)? else { return Ok(false) };
        self.check_lockout(&current, now)?;
        Ok(current.failures != 0)
    }

    /// Counts a proof that failed; one that is good ends the count.
    pub(crate) fn count_proof<'a>(
        &self,
        client: &PrincipalEntry,
        proof: Result<Option<Proof<'a>>, Refusal>,
        now: Time,
    ) -> Result<Option<Proof<'a>>, Refusal> {
        let failed = matches!(&proof, Err(refusal) if refusal.code == ErrorCode::KDC_ERR_PREAUTH_FAILED);
        if self.settings.max_failures == 0 || !(failed || matches!(&proof, Ok(Some(_)))) {
            return proof;
        }
        if !failed && !self.has_failed_meanwhile(client, now)? {
            return proof;
        }
        let count = |entry: &mut PrincipalEntry| {
            if failed {
                entry.count_failure(&self.settings, now)
            } else {
                entry.failures = 0
            }
            true
        };
        match (self.directory.update(&client.principal, &count), proof) {
            (Err(error), Err(refusal)) => {
                Err(Refusal { reason: format!("{}; it was not counted: {error}", refusal.reason).into(), ..refusal })
            }
            (_, proof) => proof,
        }
    }
}
