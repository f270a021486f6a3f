//! A login that lasts, shared by a thousand: what the realm is asked, and what everybody gets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use handfast::crypto::Secret;
use handfast::krb5::Ccache;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::exchange::{KdcRequest, KdcUnreachable, TicketOptions};
use handfast::{Credential, Principal};
use handfast_net::Clock;
use handfast_net::login::{LastingLogin, LoginError};
use handfast_net::store::KeytabFile;
use handfast_testkit::{Party, Testkit};

const MANY: usize = 1000;
const HOUR: Duration = Duration::from_secs(3600);
const HTTP: &str = "HTTP/www.example.com";

/// A realm that counts what it is asked, takes its time, and can be out of reach.
struct Kdc {
    kit: Testkit,
    asked: AtomicUsize,
    dead: AtomicBool,
    /// The kit has one wire.
    wire: Mutex<()>,
}

impl Kdc {
    fn new() -> Arc<Self> {
        let kit = Testkit::new("EXAMPLE.COM");
        kit.user_of("alice", "pencil", &[Enctype::AES256_CTS_HMAC_SHA1_96]);
        kit.service(HTTP);
        Arc::new(Kdc { kit, asked: AtomicUsize::new(0), dead: AtomicBool::new(false), wire: Mutex::default() })
    }

    fn answer(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
        self.asked.fetch_add(1, SeqCst);
        let _wire = self.wire.lock().unwrap();
        if self.dead.load(SeqCst) {
            return Err(KdcUnreachable { realm: request.realm.clone(), tried: Vec::new() });
        }
        self.kit.exchange(request)
    }

    fn slowly(self: &Arc<Self>) -> impl Fn(&KdcRequest) -> Result<Vec<u8>, KdcUnreachable> + use<> {
        let kdc = Arc::clone(self);
        move |request| {
            std::thread::sleep(Duration::from_millis(100));
            kdc.answer(request)
        }
    }

    /// How many requests there were since the last time.
    fn asked(&self) -> usize {
        self.asked.swap(0, SeqCst)
    }

    fn clock(&self) -> Clock {
        let clock = self.kit.clock().clone();
        Clock::from_fn(move || clock.now(Party::Initiator))
    }

    fn login(&self, options: TicketOptions) -> Arc<LastingLogin> {
        let password = Secret::new(b"pencil".to_vec());
        Arc::new(LastingLogin::with_password(alice(), password, options).clock(self.clock()))
    }

    fn advance(&self, by: Duration) {
        self.kit.clock().advance(by);
    }
}

fn alice() -> Principal {
    "alice@EXAMPLE.COM".parse().unwrap()
}

fn http() -> Principal {
    format!("{HTTP}@EXAMPLE.COM").parse().unwrap()
}

fn renewable() -> TicketOptions {
    TicketOptions { lifetime: 10 * HOUR, renewable_for: Some(24 * HOUR), ..TicketOptions::default() }
}

fn end_of(tickets: &Ccache) -> i64 {
    let tgt = Principal::krbtgt("EXAMPLE.COM", "EXAMPLE.COM");
    tickets.tickets().find(|ticket| ticket.server == tgt).unwrap().end_time.unix_seconds()
}

/// What a thousand threads get who all begin at once.
fn by_threads<T: Send>(ask: impl Fn() -> T + Sync) -> Vec<T> {
    let start = std::sync::Barrier::new(MANY);
    let one = || {
        start.wait();
        ask()
    };
    std::thread::scope(|scope| {
        let spawn = |_| std::thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, one).unwrap();
        let threads: Vec<_> = (0..MANY).map(spawn).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_thousand_threads_do_one_login_one_renewal_and_one_ticket() {
    let kdc = Kdc::new();
    let (login, slow) = (kdc.login(renewable()), kdc.slowly());
    let all = by_threads(|| login.credential(&slow).is_ok());
    assert!(all.into_iter().all(|is_ok| is_ok));
    assert_eq!(kdc.asked(), 2, "one login: pre-authentication is asked for, and given");
    let first = end_of(&login.tickets());
    kdc.advance(5 * HOUR);
    by_threads(|| login.credential(&slow).unwrap());
    assert_eq!(kdc.asked(), 0, "half of its life is left");
    kdc.advance(3 * HOUR + HOUR / 2);
    by_threads(|| login.credential(&slow).unwrap());
    assert_eq!(kdc.asked(), 1, "one renewal");
    assert!(end_of(&login.tickets()) > first);
    let tickets = by_threads(|| login.ticket(&http(), &slow).unwrap());
    assert_eq!(kdc.asked(), 1, "one ticket for the service");
    assert!(tickets.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tasks_do_one_login_one_renewal_and_one_ticket() {
    let kdc = Kdc::new();
    let login = kdc.login(renewable());
    let all = |kdc: &Arc<Kdc>, service: bool| {
        let tasks = (0..MANY).map(|_| {
            let (login, kdc) = (Arc::clone(&login), Arc::clone(kdc));
            tokio::spawn(async move {
                let slow = move |request: &KdcRequest| {
                    let (kdc, request) = (Arc::clone(&kdc), request.clone());
                    async move {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        kdc.answer(&request)
                    }
                };
                match service {
                    true => login.ticket_async(&http(), &slow).await.map(|ticket| ticket.server),
                    false => login.credential_async(&slow).await.map(|credential| credential.client().clone()),
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        async move {
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        }
    };
    all(&kdc, false).await;
    assert_eq!(kdc.asked(), 2);
    kdc.advance(8 * HOUR + HOUR / 2);
    all(&kdc, false).await;
    assert_eq!(kdc.asked(), 1);
    all(&kdc, true).await;
    assert_eq!(kdc.asked(), 1);
    all(&kdc, true).await;
    assert_eq!(kdc.asked(), 0);
}

#[test]
fn what_can_not_be_renewed_any_more_is_logged_in_again() {
    let kdc = Kdc::new();
    let ask = |request: &KdcRequest| kdc.answer(request);
    let login = kdc.login(TicketOptions { lifetime: 10 * HOUR, renewable_for: None, ..TicketOptions::default() });
    login.credential(&ask).unwrap();
    kdc.asked();
    kdc.advance(9 * HOUR);
    login.credential(&ask).unwrap();
    assert_eq!(kdc.asked(), 2, "it was not renewable");
    kdc.advance(30 * HOUR);
    login.credential(&ask).unwrap();
    assert_eq!(kdc.asked(), 2, "it had ended");
}

#[test]
fn a_kdc_that_is_gone_takes_nothing_away_and_is_not_asked_by_everybody() {
    let kdc = Kdc::new();
    let ask = |request: &KdcRequest| kdc.answer(request);
    let login = kdc.login(renewable());
    login.credential(&ask).unwrap();
    kdc.asked();
    let held = end_of(&login.tickets());
    kdc.dead.store(true, SeqCst);
    kdc.advance(9 * HOUR);
    for _ in 0..100 {
        login.credential(&ask).unwrap();
    }
    assert_eq!(kdc.asked(), 2, "a renewal and a login were tried, once");
    assert_eq!(end_of(&login.tickets()), held);
    kdc.advance(Duration::from_secs(40));
    login.credential(&ask).unwrap();
    assert_eq!(kdc.asked(), 2, "and again after a pause");
    kdc.dead.store(false, SeqCst);
    kdc.advance(Duration::from_secs(80));
    login.credential(&ask).unwrap();
    assert_eq!(kdc.asked(), 1);
    assert!(end_of(&login.tickets()) > held);
    kdc.dead.store(true, SeqCst);
    kdc.advance(30 * HOUR);
    assert!(matches!(login.credential(&ask), Err(LoginError::Ticket(_))), "nothing good is left");
}

#[test]
fn a_failure_is_the_failure_of_all_who_waited() {
    let kdc = Kdc::new();
    kdc.dead.store(true, SeqCst);
    let (login, slow) = (kdc.login(renewable()), kdc.slowly());
    let all = by_threads(|| matches!(login.credential(&slow), Err(LoginError::Ticket(_))));
    assert!(all.into_iter().all(|failed| failed));
    let asked = kdc.asked();
    assert!(asked < 10, "{asked} requests: only who came late asked again");
}

#[tokio::test]
async fn a_task_that_is_dropped_leaves_the_asking_to_another() {
    let kdc = Kdc::new();
    let login = kdc.login(renewable());
    let silent = |_: &KdcRequest| std::future::pending();
    let first = tokio::time::timeout(Duration::from_millis(50), login.credential_async(&silent)).await;
    assert!(first.is_err());
    let ask = |request: &KdcRequest| std::future::ready(kdc.answer(request));
    login.credential_async(&ask).await.unwrap();
}

#[test]
fn a_keytab_is_read_anew_for_each_login() {
    let kdc = Kdc::new();
    let ask = |request: &KdcRequest| kdc.answer(request);
    let path = std::env::temp_dir().join(format!("handfast-lasting-{}", std::process::id()));
    let file = || KeytabFile::new(&path);
    assert!(matches!(LastingLogin::with_keytab(file(), None, renewable()), Err(LoginError::Keytab(_))));
    file().replace(&kdc.kit.keytab("alice")).unwrap();
    let other = Some("bob@EXAMPLE.COM".parse().unwrap());
    assert!(matches!(LastingLogin::with_keytab(file(), other, renewable()), Err(LoginError::NoKey { .. })));
    let login = LastingLogin::with_keytab(file(), None, renewable()).unwrap().clock(kdc.clock());
    assert_eq!(*login.client(), alice());
    login.credential(&ask).unwrap();
    kdc.kit.user_of("alice", "another", &[Enctype::AES256_CTS_HMAC_SHA1_96]);
    kdc.advance(30 * HOUR);
    assert!(matches!(login.credential(&ask), Err(LoginError::Ticket(_))), "the key was changed");
    file().replace(&kdc.kit.keytab("alice")).unwrap();
    login.credential(&ask).unwrap();
    std::fs::remove_file(&path).unwrap();
    kdc.advance(30 * HOUR);
    assert!(matches!(login.credential(&ask), Err(LoginError::Keytab(_))));
}

#[test]
fn tickets_that_a_context_acquired_are_kept_until_they_end() {
    let kdc = Kdc::new();
    let ask = |request: &KdcRequest| kdc.answer(request);
    let login = kdc.login(renewable());
    let one = login.ticket(&http(), &ask).unwrap();
    let other = kdc.login(renewable());
    other.credential(&ask).unwrap();
    other.keep(&[one]);
    kdc.asked();
    other.ticket(&http(), &ask).unwrap();
    assert_eq!(kdc.asked(), 0);
    kdc.advance(12 * HOUR);
    other.credential(&ask).unwrap();
    assert!(other.tickets().tickets().all(|ticket| ticket.server != http()), "it has ended");
    let _: Credential = other.credential(&ask).unwrap();
}
