//! Authentication indicators (RFC 8129) that MIT's KDC puts into its tickets inside of AD-CAMMAC (RFC 7751), at our acceptor.

use crate::ours::{kdc, log_in, now};
use handfast::krb5::exchange::TicketOptions;
use handfast::krb5::message::PaDataType;
use handfast::krb5::{Ccache, Keytab};
use handfast::{Accept, Acceptor, Credential, Initiate, Initiator, Policy, ReplayGuard, ServiceName};
use handfast_interop::{Enctype, MitRealm};
use handfast_net::driver::KdcExchange;

/// What our acceptor knows of how alice logged in, who has proven herself by `method` alone.
fn indicators(realm: &MitRealm, method: PaDataType, service: &str) -> Vec<String> {
    let options = TicketOptions { preauth: vec![method], ..TicketOptions::default() };
    let ticket = log_in("alice@MIT.TEST", "alice-password", options, realm.kdc(), now()).unwrap();
    let mut ccache = Ccache::new(ticket.client.clone());
    ccache.replace(ticket);
    let (credential, initiator) = (Credential::tickets(&ccache), Initiator::new(Policy::default()));
    let target = ServiceName::principal(format!("{service}@MIT.TEST").parse().unwrap());
    let mut token = Vec::new();
    let mut step = initiator.to(&target).credential(&credential).begin(now(), &mut token).unwrap();
    while let Initiate::NeedsKdc(next) = step {
        let reply = kdc(realm.kdc()).exchange(next.request()).unwrap();
        step = next.reply(&reply, now(), &mut token).unwrap();
    }
    let keytab = Keytab::decode(&std::fs::read(realm.service_keytab()).unwrap()).unwrap();
    let acceptor = Acceptor::new(&keytab, ReplayGuard::in_memory());
    match acceptor.session().begin().step(&token, now(), &mut Vec::new()).unwrap() {
        Accept::Complete(context) => {
            assert_eq!(context.peer().to_string(), "alice@MIT.TEST");
            context.authorization().map(|found| found.indicators().to_vec()).unwrap_or_default()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn our_acceptor_knows_by_krb5kdcs_word_how_a_client_logged_in() {
    let realm = MitRealm::start_with(&["spake_preauth_groups = edwards25519"]);
    for service in Enctype::ALL.map(Enctype::service_principal) {
        assert_eq!(indicators(&realm, PaDataType::SPAKE, &service), ["spaked"], "{service}");
    }
    assert_eq!(indicators(&realm, PaDataType::ENC_TIMESTAMP, "sample/localhost"), [""; 0]);
}
