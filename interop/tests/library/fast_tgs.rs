//! FAST in TGS exchanges: MIT's kvno at our realm, and our client at MIT's KDC, which answers inside or there is no ticket.

use crate::our_realm::OurRealm;
use crate::ours::{kdc, log_in, now};
use handfast::crypto::OsRandom;
use handfast::krb5::Ccache;
use handfast::krb5::exchange::{ClientSecret, FastUse, KdcRequest, Login, TicketOptions, TicketRequest};
use handfast::krb5::message::{KdcRep, KdcReq, PaDataType};
use handfast_interop::{MitClient, MitRealm, TempDir};
use handfast_net::Clock;
use handfast_net::driver::KdcExchange;
use handfast_net::login::{get_ticket, log_in as driven_login};
use std::cell::RefCell;
use std::sync::Arc;

#[test]
fn kvno_asks_inside_of_fast_and_takes_what_our_realm_says_there() {
    let realm = OurRealm::start();
    let alice = realm.client_of("alice");
    let said = ["Encoding request body and padata into FAST request", "Decoding FAST response", "FAST reply key: "];
    let before = alice.trace();
    assert!(said.iter().all(|said| !before.contains(said)), "{before}");
    alice.kvno("sample/localhost").expect_success();
    let trace = alice.trace();
    assert!(said.iter().all(|said| trace.contains(said)), "{trace}");
    let decoded = |trace: String| trace.matches("Decoding FAST response").count();
    let before = decoded(trace);
    alice.kvno("no-such/localhost").expect_failure().expect_text("not found in Kerberos database");
    assert!(decoded(alice.trace()) > before, "the refusal stands inside, too");
}

#[test]
fn mits_kdc_answers_our_ticket_requests_inside_of_fast() {
    let realm = MitRealm::shared();
    let login = log_in("alice@MIT.TEST", &realm.password("alice"), TicketOptions::default(), realm.kdc(), now());
    let tgt = login.unwrap();
    for hide_client_name in [false, true] {
        let options = TicketOptions { fast_tgs: FastUse::Required, hide_client_name, ..TicketOptions::default() };
        let request = |service: &str| {
            let service = format!("{service}@MIT.TEST").parse().unwrap();
            get_ticket(
                TicketRequest::new(&tgt, service, options.clone(), Arc::new(OsRandom)),
                &kdc(realm.kdc()),
                &Clock::system(),
            )
        };
        let ticket = request("host/localhost").unwrap().ticket;
        let dir = TempDir::new("klist");
        let mut cache = Ccache::new(ticket.client.clone());
        cache.replace(ticket);
        let path = dir.write("ccache", cache.encode().unwrap().expose());
        let listed = MitClient::with_ccache(realm.config(), &path).klist();
        assert_eq!(listed.principal, "alice@MIT.TEST");
        listed.ticket("host/localhost@MIT.TEST");
        let error = request("no-such/localhost").unwrap_err().to_string();
        assert!(!error.contains("outside of FAST") && error.contains("no-such/localhost"), "{error}");
    }
}

#[test]
fn by_default_mits_kdc_is_asked_inside_of_fast_once_its_reply_to_the_login_has_named_it() {
    let realm = MitRealm::shared();
    let password = ClientSecret::Password(handfast::crypto::Secret::new(realm.password("alice").into_bytes()));
    let login = Login::new("alice@MIT.TEST".parse().unwrap(), password, TicketOptions::default(), Arc::new(OsRandom));
    let got = driven_login(login, &kdc(realm.kdc()), &Clock::system()).unwrap();
    assert!(got.learned.fast_available);
    let cache = Ccache::of_login(&got);
    // Whether the request named FAST, and whether the KDC's reply did.
    let by_fast = |cache: &Ccache| {
        let seen = RefCell::new(None);
        let recorded = |request: &KdcRequest| {
            let reply = kdc(realm.kdc()).exchange(request)?;
            let asked =
                KdcReq::decode(&request.bytes).unwrap().padata.iter().any(|p| p.padata_type == PaDataType::FX_FAST);
            let said = KdcRep::decode(&reply).unwrap().padata.iter().any(|p| p.padata_type == PaDataType::FX_FAST);
            *seen.borrow_mut() = Some((asked, said));
            Ok(reply)
        };
        let service = "host/localhost@MIT.TEST".parse().unwrap();
        let request = TicketRequest::new(&got.ticket, service, TicketOptions::default(), Arc::new(OsRandom));
        get_ticket(request.knowing(cache), &recorded, &Clock::system()).unwrap();
        seen.take().unwrap()
    };
    assert_eq!(by_fast(&cache), (true, true));
    assert_eq!(by_fast(&Ccache::new(got.ticket.client.clone())), (false, false));
}
