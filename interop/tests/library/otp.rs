//! One-time passwords (RFC 6560): our login at MIT's KDC, which asks a RADIUS server. `guarded/localhost` is for clients alone whose
//! ticket says that they had one.

use crate::ours::kdc;
use handfast::crypto::{OsRandom, Secret};
use handfast::krb5::Ccache;
use handfast::krb5::exchange::{ClientSecret, ExchangeError, FastUse, Login, TicketOptions};
use handfast::krb5::message::{OtpFlags, PaDataType};
use handfast::{OtpToken, OtpValue, Principal, Question};
use handfast_interop::{MitRealm, Radius};
use handfast_net::Clock;
use handfast_net::login::{Answers, TicketError, log_in_answering};
use std::sync::Arc;

/// carol has one-time passwords alone, alice a password too.
const GUARDED: &str = "addprinc -nokey +requires_preauth carol\nsetstr carol otp []\nsetstr alice otp []\n\
                       addprinc -randkey guarded/localhost\nsetstr guarded/localhost require_auth otped\n";

fn start() -> (Radius, MitRealm) {
    let radius = Radius::start("carol", &["755224"]);
    let realm = MitRealm::start_as(MitRealm::NAME, &radius.section("otped"));
    realm.kadmin(GUARDED);
    (radius, realm)
}

/// A login of `client`, with bob's ticket for armor.
fn login(realm: &MitRealm, client: &str, secret: ClientSecret, fast: FastUse) -> Login {
    let ccache = std::fs::read(realm.client_of("bob").ccache()).unwrap();
    let tickets = Ccache::decode(&ccache).unwrap();
    let armor = tickets.tickets().find(|ticket| ticket.server == Principal::krbtgt("MIT.TEST", "MIT.TEST")).unwrap();
    let options = TicketOptions { fast, ..TicketOptions::default() };
    Login::new(client.parse().unwrap(), secret, options, Arc::new(OsRandom)).with_armor(armor)
}

fn password() -> ClientSecret {
    ClientSecret::Password(Secret::new(b"alice-password".to_vec()))
}

#[test]
fn krb5kdc_takes_a_one_time_password_where_it_takes_nothing_else() {
    let (radius, realm) = start();
    let ask = |client: &Principal, service: Option<&str>, tokens: &[OtpToken]| {
        assert_eq!((client.to_string().as_str(), service), ("carol@MIT.TEST", None));
        let [token] = tokens else { panic!("{tokens:?}") };
        assert_eq!((token.flags, &token.challenge, &token.vendor), (OtpFlags::NONE, &None, &None));
        // The PIN goes in front where the KDC doesn't want it apart.
        let [pin, value] = ["755", "224"].map(|part| Secret::new(part.as_bytes().to_vec()));
        Some(OtpValue { token: 0, value, pin: Some(pin) })
    };
    let answers = Answers { one_time_password: Some(&ask), ..Answers::default() };
    let carol = login(&realm, "carol@MIT.TEST", password(), FastUse::Required);
    let got = log_in_answering(carol, &answers, &kdc(realm.kdc()), &Clock::system());
    radius.expect("accepted carol with 755224");
    let got = got.unwrap_or_else(|error| panic!("{error}: {}", realm.kdc_log()));
    let client = realm.client();
    let ccache = Ccache::of_login(&got);
    std::fs::write(client.ccache(), ccache.encode().unwrap().expose()).unwrap();
    assert_eq!(client.klist().principal, "carol@MIT.TEST");
    client.kvno("guarded/localhost").expect_success();
}

#[test]
fn without_an_answer_or_armor_there_is_no_one_time_password_and_a_password_comes_before_it() {
    let (_radius, realm) = start();
    let log_in = |login| log_in_answering(login, &Answers::default(), &kdc(realm.kdc()), &Clock::system());
    let carol = |fast| login(&realm, "carol@MIT.TEST", ClientSecret::OneTimePassword, fast);
    let exchange_error = |result: Result<_, TicketError>| match result {
        Err(TicketError::Exchange(error)) => *error,
        other => panic!("{other:?}"),
    };
    let declined = exchange_error(log_in(carol(FastUse::Required)));
    let ExchangeError::Declined(question) = &declined else { panic!("{declined:?}") };
    assert!(matches!(&**question, Question::Otp { .. }), "{declined}");
    let bare = exchange_error(log_in(carol(FastUse::Off)));
    let ExchangeError::NoCommonPreauth { tried, offered, .. } = &bare else { panic!("{bare:?}") };
    assert!(tried.is_empty() && !offered.contains(&PaDataType::OTP_CHALLENGE), "{bare}");
    // alice has a password, which is tried before anybody is asked.
    log_in(login(&realm, "alice@MIT.TEST", password(), FastUse::Required)).unwrap();
    let alone = login(&realm, "alice@MIT.TEST", ClientSecret::OneTimePassword, FastUse::Required);
    assert!(matches!(exchange_error(log_in(alone)), ExchangeError::Declined(_)));
}
