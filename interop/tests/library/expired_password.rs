//! An expired password at MIT's KDC: our login gets a ticket to change it with, and asks for a new one.

use crate::ours::{kdc, now};
use handfast::Question;
use handfast::crypto::{OsRandom, Secret};
use handfast::krb5::exchange::{ClientSecret, ExchangeStep, Login, TicketOptions};
use handfast_interop::MitRealm;
use handfast_net::driver::KdcExchange;
use std::sync::Arc;

#[test]
fn krb5kdc_gives_a_ticket_for_kadmin_changepw_to_who_has_an_expired_password() {
    let realm = MitRealm::shared();
    let secret = ClientSecret::Password(Secret::new(realm.password("expired").into_bytes()));
    let client = "expired@MIT.TEST".parse().unwrap();
    let login = Login::new(client, secret, TicketOptions::default(), Arc::new(OsRandom)).asking_for_new_password();
    let mut step = login.begin(now()).unwrap();
    let (login, question) = loop {
        step = match step {
            ExchangeStep::NeedsKdc(next, request) => {
                next.reply(&kdc(realm.kdc()).exchange(&request).unwrap(), now()).unwrap()
            }
            ExchangeStep::NeedsAnswer(login, question) => break (login, question),
            ExchangeStep::Complete(ticket) => panic!("{ticket:?}"),
        };
    };
    assert_eq!(question, Question::NewPassword { client: "expired@MIT.TEST".parse().unwrap() });
    assert_eq!(login.password_ticket().unwrap().server.to_string(), "kadmin/changepw@MIT.TEST");
    realm.expect_kdc_log("expired@MIT.TEST for kadmin/changepw@MIT.TEST");
    let refused = login.decline(now()).unwrap_err();
    assert!(refused.to_string().contains("the password of expired@MIT.TEST has expired"), "{refused}");
}
