//! Clients and services by other names, in this realm and in another, asked for by our own client (RFC 6806 5, 6, 7).

use super::*;
use handfast::crypto::Secret;
use handfast::krb5::HeldTicket;
use handfast::krb5::exchange::{
    ClientSecret, ExchangeError, ExchangeStep, FastUse, Login, TicketOptions, TicketRequest,
};

const OTHER: &str = "S.TEST";

/// R.TEST, where alice has other names, and S.TEST, where bob is.
fn realms(change: impl Fn(&mut Settings)) -> [Realm; 2] {
    let alias = |alias: &str, right: &str| (principal(alias), principal(right));
    let mut settings = Settings {
        aliases: vec![
            alias("al@R.TEST", "alice@R.TEST"),
            alias("roberta@R.TEST", "bob@S.TEST"),
            alias("HTTP/www@R.TEST", "HTTP/web@R.TEST"),
            alias("HTTP/trap@R.TEST", "krbtgt/R.TEST@R.TEST"),
            alias("gone@R.TEST", "nobody@R.TEST"),
            (Principal::enterprise("first.last@mail.test", "R.TEST"), principal("alice@R.TEST")),
        ],
        enterprise_suffixes: vec![("example.test".into(), "R.TEST".into()), ("b.test".into(), OTHER.into())],
        ..Settings::default()
    };
    change(&mut settings);
    let mut directory = MemoryDirectory::new(OTHER, &OsRandom, NOW).unwrap();
    directory.insert(PrincipalEntry::user(principal("bob@S.TEST"), PASSWORD, NOW).unwrap());
    let suffixes = vec![("b.test".into(), OTHER.into()), ("back.test".into(), "R.TEST".into())];
    let other = Settings {
        aliases: vec![alias("roberta@S.TEST", "bob@S.TEST")],
        enterprise_suffixes: suffixes,
        ..Settings::default()
    };
    let realm = |name: &str, directory, settings| Realm::new(name, Arc::new(directory), settings, Arc::new(OsRandom));
    [realm("R.TEST", super::directory(), settings), realm(OTHER, directory, other)]
}

fn login(client: Principal, canonicalize: bool) -> Login {
    let options = TicketOptions { canonicalize, ..TicketOptions::default() };
    let secret = ClientSecret::Password(Secret::new(PASSWORD.to_vec()));
    Login::new(client, secret, options, Arc::new(OsRandom))
}

fn reply(realms: &[Realm], realm: &str, bytes: &[u8]) -> Vec<u8> {
    let realm = realms.iter().find(|found| found.name() == realm).unwrap();
    realm.handle(&Request { bytes, transport: Transport::Tcp, peer: None }, NOW).reply.unwrap()
}

/// Runs a login to its end; the realms that were asked, and the end.
fn run(realms: &[Realm], login: Login) -> (Vec<String>, Result<HeldTicket, ExchangeError>) {
    let (mut asked, mut step) = (vec![], login.begin(NOW));
    loop {
        step = match step {
            Ok(ExchangeStep::NeedsKdc(login, request)) => {
                asked.push(request.realm.clone());
                login.reply(&reply(realms, &request.realm, &request.bytes), NOW)
            }
            Ok(ExchangeStep::Complete(got)) => return (asked, Ok(got.ticket)),
            Ok(ExchangeStep::NeedsAnswer(..)) => panic!(),
            Err(error) => return (asked, Err(error)),
        };
    }
}

fn enterprise(name: &str) -> Principal {
    Principal::enterprise(name, "R.TEST")
}

fn code(result: Result<HeldTicket, ExchangeError>) -> ErrorCode {
    match result {
        Err(ExchangeError::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_logs_in_by_another_name_if_it_takes_the_right_one() {
    let realms = realms(|_| ());
    for name in [principal("al@R.TEST"), principal("alice@R.TEST")] {
        let ticket = run(&realms, login(name, true)).1.unwrap();
        assert_eq!(ticket.client, principal("alice@R.TEST"));
        let get =
            TicketRequest::new(&ticket, principal("HTTP/web@R.TEST"), TicketOptions::default(), Arc::new(OsRandom));
        let Ok(ExchangeStep::NeedsKdc(get, request)) = get.begin(NOW) else { panic!() };
        let got = get.reply(&reply(&realms, "R.TEST", &request.bytes), NOW);
        assert!(matches!(got, Ok(ExchangeStep::Complete(_))), "the name in the ticket is another");
    }
    assert_eq!(code(run(&realms, login(principal("al@R.TEST"), false)).1), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
    assert_eq!(code(run(&realms, login(principal("gone@R.TEST"), true)).1), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
}

#[test]
fn enterprise_names_are_known_by_what_stands_behind_the_at_sign() {
    let realms = realms(|_| ());
    for name in ["alice@example.test", "alice@EXAMPLE.TEST", "alice@r.test", "alice", "first.last@mail.test"] {
        let ticket = run(&realms, login(enterprise(name), false)).1.unwrap();
        assert_eq!(
            (ticket.client.to_string(), ticket.client.name_type()),
            ("alice@R.TEST".into(), NameType::PRINCIPAL)
        );
    }
    for name in ["alice@other.test", "alice@", "@r.test", "bob@r.test", "al@ice@r.test", "alice@mail.test"] {
        let result = run(&realms, login(enterprise(name), false)).1;
        assert_eq!(code(result), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN, "{name}");
    }
}

#[test]
fn a_client_of_another_realm_is_referred_there() {
    let realms = realms(|_| ());
    for name in [enterprise("bob@b.test"), principal("roberta@R.TEST")] {
        let (asked, ticket) = run(&realms, login(name, true));
        let ticket = ticket.unwrap();
        assert_eq!((ticket.client, ticket.server), (principal("bob@S.TEST"), principal("krbtgt/S.TEST@S.TEST")));
        assert_eq!(asked, ["R.TEST", OTHER, OTHER], "one refusal, then a whole login in the other realm");
    }
    let asked_for = principal("roberta@R.TEST");
    let (asked, end) = run(&realms, login(asked_for, false));
    assert_eq!((asked.len(), code(end)), (1, ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN));
}

#[test]
fn referrals_that_lead_back_are_not_followed() {
    let realms = realms(|settings| settings.enterprise_suffixes.push(("back.test".into(), OTHER.into())));
    let (asked, end) = run(&realms, login(enterprise("bob@back.test"), false));
    assert_eq!(asked, ["R.TEST", OTHER]);
    let expected =
        ExchangeError::ReferralLoop { service: Principal::enterprise("bob@back.test", OTHER), realm: "R.TEST".into() };
    assert_eq!(end, Err(expected));
}

#[test]
fn a_referral_inside_of_fast_is_followed_as_any() {
    let realms = realms(|_| ());
    let armor = run(&realms, login(principal("alice@R.TEST"), false)).1.unwrap();
    let armored = |fast, hide_client_name| {
        let options = TicketOptions { fast, hide_client_name, ..TicketOptions::default() };
        let secret = ClientSecret::Password(Secret::new(PASSWORD.to_vec()));
        Login::new(enterprise("bob@b.test"), secret, options, Arc::new(OsRandom)).with_armor(&armor)
    };
    let (asked, end) = run(&realms, armored(FastUse::IfPossible, false));
    assert_eq!((asked.len(), end.unwrap().client), (3, principal("bob@S.TEST")));
    // There is no armor for the other realm.
    for hidden in [false, true] {
        let (asked, end) = run(&realms, armored(FastUse::Required, hidden));
        assert_eq!(asked.len(), 1);
        assert!(matches!(end, Err(ExchangeError::NoArmor { realm, .. }) if realm == OTHER), "{hidden}");
    }
}

#[test]
fn inside_of_fast_the_right_name_stands_under_the_armor() {
    let realms = realms(|_| ());
    let armor = run(&realms, login(principal("alice@R.TEST"), false)).1.unwrap();
    for hide_client_name in [false, true] {
        let options = TicketOptions {
            fast: FastUse::Required,
            fast_tgs: FastUse::Required,
            hide_client_name,
            ..TicketOptions::default()
        };
        let secret = ClientSecret::Password(Secret::new(PASSWORD.to_vec()));
        let login = Login::new(enterprise("alice@example.test"), secret, options, Arc::new(OsRandom));
        assert_eq!(run(&realms, login.with_armor(&armor)).1.unwrap().client, principal("alice@R.TEST"));
    }
}

#[test]
fn tickets_for_a_service_keep_the_name_that_was_asked_for() {
    let realms = realms(|_| ());
    let tgt = run(&realms, login(principal("alice@R.TEST"), false)).1.unwrap();
    let get = |name: &str| {
        let request = TicketRequest::new(&tgt, principal(name), TicketOptions::default(), Arc::new(OsRandom));
        let Ok(ExchangeStep::NeedsKdc(get, request)) = request.begin(NOW) else { panic!() };
        match get.reply(&reply(&realms, "R.TEST", &request.bytes), NOW)? {
            ExchangeStep::Complete(acquired) => Ok(acquired.ticket),
            _ => panic!(),
        }
    };
    let ticket = get("HTTP/www@R.TEST").unwrap();
    assert_eq!(ticket.server, principal("HTTP/www@R.TEST"));
    let decoded = Ticket::decode(&ticket.ticket).unwrap();
    let keytab = directory().keytab(&principal("HTTP/web@R.TEST"));
    let key = &keytab.find(&principal("HTTP/web@R.TEST"), decoded.enc_part.kvno, decoded.enc_part.etype).unwrap().key;
    assert!(CipherKey::new(key, KeyUsage::TICKET).unwrap().decrypt(decoded.enc_part.cipher).is_ok());
    assert_eq!(code(get("HTTP/trap@R.TEST")), ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
    assert_eq!(code(get("al@R.TEST")), ErrorCode::KDC_ERR_MUST_USE_USER2USER);
}
