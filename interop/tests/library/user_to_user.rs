//! User-to-user at MIT krb5's KDC. MIT's library has no such mechanism in the GSS-API, so both ends are ours; the tickets are the
//! KDC's: it reads the acceptor's login, and makes tickets for its session key.

use crate::ours::{kdc, log_in, no_kdc, now, tickets_of};
use handfast::krb5::exchange::TicketOptions;
use handfast::krb5::{Ccache, HeldTicket, Keytab};
use handfast::mech::MechanismId;
use handfast::{Accept, Acceptor, Context, Credential, Error, Initiate, Initiator, Policy, ReplayGuard, ServiceName};
use handfast_interop::{MitClient, MitRealm, run};
use handfast_net::driver::KdcExchange;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// alice talks to bob, whose login this is.
fn meet(alice: &Credential, login: HeldTicket, kdc: &impl KdcExchange) -> Result<(Context, Context), Error> {
    let acceptor = Acceptor::new(&Keytab::new(), ReplayGuard::in_memory()).user_to_user(login)?;
    let (initiator, bob) = (Initiator::new(Policy::default()), ServiceName::principal("bob@MIT.TEST".parse()?));
    let (mut token, mut reply) = (Vec::new(), Vec::new());
    let mut server = Accept::NeedsToken(acceptor.session().begin());
    let mut client = initiator.to(&bob).credential(alice).user_to_user().begin(now(), &mut token)?;
    loop {
        if !token.is_empty() {
            let Accept::NeedsToken(waiting) = server else { panic!("{server:?}") };
            server = waiting.step(&std::mem::take(&mut token), now(), &mut reply)?;
        }
        client = match client {
            Initiate::NeedsToken(next) => next.step(&std::mem::take(&mut reply), now(), &mut token)?,
            Initiate::NeedsKdc(next) => match kdc.exchange(next.request()) {
                Ok(reply) => next.reply(&reply, now(), &mut token)?,
                Err(tried) => next.unreachable(tried, now(), &mut token)?,
            },
            Initiate::NeedsAnswer(next) => next.decline(now(), &mut token)?,
            Initiate::Complete(client) => match server {
                Accept::Complete(server) => return Ok((client, server)),
                other => panic!("{other:?}"),
            },
        };
    }
}

fn expect_talk((mut client, mut server): (Context, Context)) {
    assert_eq!(
        (server.peer().to_string().as_str(), client.peer().to_string().as_str()),
        ("alice@MIT.TEST", "bob@MIT.TEST")
    );
    assert_eq!(client.mechanism(), MechanismId::KERBEROS_USER_TO_USER);
    let mut token = Vec::new();
    client.seal(b"hello, bob", &mut token).unwrap();
    assert_eq!(server.unseal(&mut token).unwrap(), b"hello, bob");
}

#[test]
fn mits_kdc_makes_a_ticket_for_the_login_that_our_acceptor_shows() {
    let realm = MitRealm::shared();
    let login =
        || log_in("bob@MIT.TEST", &realm.password("bob"), TicketOptions::default(), realm.kdc(), now()).unwrap();
    let alice = Credential::password("alice@MIT.TEST".parse().unwrap(), realm.password("alice"));
    let bobs = login();
    let contexts = meet(&alice, bobs.clone(), &kdc(realm.kdc())).unwrap();
    let tickets = contexts.0.acquired().iter().filter(|ticket| ticket.is_skey).count();
    assert_eq!(tickets, 1, "{:?}", contexts.0.acquired());
    expect_talk(contexts);
    realm.expect_kdc_log("alice@MIT.TEST for bob@MIT.TEST");
    // For this login the ticket is here already; for bob's next one it is of no use.
    expect_talk(meet(&alice, bobs, &no_kdc).unwrap());
    assert!(meet(&alice, login(), &no_kdc).is_err());
    expect_talk(meet(&alice, login(), &kdc(realm.kdc())).unwrap());
}

/// `kvno --u2u` is MIT's own client of such tickets.
#[test]
fn a_ticket_of_mits_kvno_is_presented_and_taken() {
    let realm = MitRealm::shared();
    let (alice, bob) = (realm.client_of("alice"), realm.client_of("bob"));
    let asked = |cache: &MitClient| {
        let cache = format!("FILE:{}", cache.ccache().display());
        run(alice.command("kvno").args(["--u2u", &cache, "bob"]), "", LIMIT)
    };
    asked(&bob).expect_success();
    let login = Ccache::decode(&std::fs::read(bob.ccache()).unwrap()).unwrap();
    let login = login.tickets().find(|ticket| ticket.server.is_krbtgt()).unwrap().clone();
    expect_talk(meet(&tickets_of(alice.ccache()), login, &no_kdc).unwrap());
}
