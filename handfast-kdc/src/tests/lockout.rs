//! Who guesses is locked out.

use super::*;
use crate::{Directory, Outcome};
use std::string::ToString;
use std::sync::RwLock;
use std::time::Duration;

fn settings() -> Settings {
    let minutes = |count: u64| Duration::from_secs(count * 60);
    Settings { max_failures: 3, failure_interval: minutes(10), lockout: minutes(5), ..Settings::default() }
}

struct Served {
    directory: Arc<RwLock<MemoryDirectory>>,
    realm: Realm,
}

fn served(settings: Settings) -> Served {
    let directory = Arc::new(RwLock::new(directory()));
    Served { realm: Realm::new("R.TEST", directory.clone(), settings, Arc::new(OsRandom)), directory }
}

impl Served {
    fn wrong(&self, now: Time) -> ErrorCode {
        let key = string_to_key(AES256, b"a guess", b"R.TESTalice", None).unwrap();
        refused(&self.realm, &proven(&as_body(), &key, now), now)
    }

    fn right(&self, now: Time) -> Result<(), ErrorCode> {
        let asked = ask(&self.realm, &proven(&as_body(), &user_key(AES256), now), now);
        asked.map(drop).map_err(|error| error.error_code)
    }

    fn failures(&self) -> u32 {
        self.directory.find(&principal("alice@R.TEST")).unwrap().unwrap().failures
    }
}

const FAILED: ErrorCode = ErrorCode::KDC_ERR_PREAUTH_FAILED;
const LOCKED: ErrorCode = ErrorCode::KDC_ERR_CLIENT_REVOKED;

#[test]
fn after_so_many_failures_even_the_right_password_is_refused_for_a_while() {
    let served = served(settings());
    for second in 0..3 {
        assert_eq!(served.wrong(at(second)), FAILED);
    }
    assert_eq!((served.right(at(3)), served.wrong(at(3))), (Err(LOCKED), LOCKED));
    let asked = answer(&served.realm, &request(KdcExchange::As, vec![], &as_body()), at(4));
    assert!(asked.event.to_string().contains("locked out: 3 proofs have failed"), "{}", asked.event);
    assert_eq!(served.right(at(2 + 299)), Err(LOCKED));
    assert_eq!(served.right(at(2 + 300)), Ok(()));
    assert_eq!(served.failures(), 0);
}

#[test]
fn a_good_proof_ends_the_count_and_so_does_time() {
    let served = served(settings());
    assert_eq!((served.wrong(at(0)), served.wrong(at(1)), served.failures()), (FAILED, FAILED, 2));
    assert_eq!((served.right(at(2)), served.failures()), (Ok(()), 0));
    assert_eq!((served.wrong(at(3)), served.wrong(at(4))), (FAILED, FAILED));
    assert_eq!((served.wrong(at(4 + 600)), served.failures()), (FAILED, 1), "too far apart");
    assert_eq!((served.wrong(at(4 + 600 + 599)), served.failures()), (FAILED, 2));
}

#[test]
fn a_guess_after_the_lock_locks_again() {
    let served = served(settings());
    assert!((0..3).all(|second| served.wrong(at(second)) == FAILED));
    assert_eq!((served.wrong(at(400)), served.right(at(401))), (FAILED, Err(LOCKED)));
}

/// What the directory said before others' proofs were counted, the first time that it is asked for a client.
struct Before {
    directory: Arc<RwLock<MemoryDirectory>>,
    said: RwLock<Option<Arc<PrincipalEntry>>>,
}

impl Directory for Before {
    fn find(&self, name: &Principal) -> Result<Option<Arc<PrincipalEntry>>, crate::DirectoryError> {
        let is_client = name.components() == ["alice"];
        match self.said.write().unwrap().take_if(|_| is_client) {
            Some(entry) => Ok(Some(entry)),
            None => self.directory.find(name),
        }
    }

    fn update(
        &self,
        name: &Principal,
        change: &dyn Fn(&mut PrincipalEntry) -> bool,
    ) -> Result<bool, crate::DirectoryError> {
        self.directory.update(name, change)
    }
}

/// Each of many requests at once sees an account that nobody has guessed at yet; the right password among them is one guess too many.
#[test]
fn guesses_that_come_at_once_are_all_counted() {
    for failures in [2, 3] {
        let served = served(settings());
        let said = RwLock::new(served.directory.find(&principal("alice@R.TEST")).unwrap());
        assert!((0..failures).all(|_| served.wrong(at(0)) == FAILED));
        let directory = Arc::new(Before { directory: Arc::clone(&served.directory), said });
        let late = Realm::new("R.TEST", directory, settings(), Arc::new(OsRandom));
        let asked = ask(&late, &proven(&as_body(), &user_key(AES256), at(0)), at(0));
        let expected = if failures < 3 { None } else { Some(LOCKED) };
        assert_eq!(asked.err().map(|error| error.error_code), expected, "{failures}");
        assert_eq!(served.failures(), if failures < 3 { 0 } else { 3 });
    }
}

#[test]
fn a_lock_without_end_lasts_until_it_is_taken_off() {
    let zero = Duration::ZERO;
    let served = served(Settings { failure_interval: zero, lockout: zero, ..settings() });
    assert!((0..3).all(|day| served.wrong(at(day * 86_400)) == FAILED));
    assert_eq!(served.right(at(100 * 86_400)), Err(LOCKED));
    served.directory.write().unwrap().change(&principal("alice@R.TEST"), |alice| alice.failures = 0);
    assert_eq!(served.right(at(100 * 86_400)), Ok(()));
}

#[test]
fn nobody_is_locked_out_unless_the_settings_say_so() {
    let served = served(Settings::default());
    assert!((0..20).all(|second| served.wrong(at(second)) == FAILED));
    assert_eq!((served.right(at(20)), served.failures()), (Ok(()), 0));
}

#[test]
fn only_wrong_proofs_count() {
    let served = served(settings());
    for _ in 0..4 {
        let unproven = refused(&served.realm, &request(KdcExchange::As, vec![], &as_body()), NOW);
        assert_eq!(unproven, ErrorCode::KDC_ERR_PREAUTH_REQUIRED);
        let skewed = refused(&served.realm, &proven(&as_body(), &user_key(AES256), at(-400)), NOW);
        assert_eq!(skewed, ErrorCode::KRB_AP_ERR_SKEW);
    }
    assert_eq!(served.failures(), 0);
}

#[test]
fn a_failure_that_can_not_be_counted_is_told_in_the_log() {
    let realm = Realm::new("R.TEST", Arc::new(directory()), settings(), Arc::new(OsRandom));
    let key = string_to_key(AES256, b"a guess", b"R.TESTalice", None).unwrap();
    let answer = answer(&realm, &proven(&as_body(), &key, NOW), NOW);
    assert!(matches!(&answer.event.outcome, Outcome::Refused { code, reason }
        if *code == FAILED && reason.contains("not counted: the directory can't answer")));
    assert!(ask(&realm, &proven(&as_body(), &user_key(AES256), NOW), NOW).is_ok());
}
