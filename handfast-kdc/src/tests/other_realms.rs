//! Three realms in a row: R.TEST, S.TEST and T.TEST, each of which shares keys with the next.

use super::*;
use handfast::krb5::Capaths;
use handfast::krb5::message::{PaForUser, TicketFlags, TransitedEncoding};
use handfast::krb5::{FOR_USER_CHECKSUM_TYPE, for_user_checksum};
use std::collections::HashMap;

const REALMS: [&str; 3] = ["R.TEST", "S.TEST", "T.TEST"];
const WEB: &[&str] = &["HTTP", "web.t.test"];

/// The realms; each knows its services, the keys of its neighbours, and where hosts are.
struct World {
    realms: HashMap<&'static str, Realm>,
}

fn world(change: impl Fn(&str, &mut Settings)) -> World {
    let mut realms = HashMap::new();
    for (at, name) in REALMS.into_iter().enumerate() {
        let mut directory = if at == 0 { directory() } else { MemoryDirectory::new(name, &OsRandom, NOW).unwrap() };
        let web = format!("HTTP/web.{}@{name}", name.to_lowercase());
        directory.insert(PrincipalEntry::service(principal(&web), &OsRandom, NOW).unwrap());
        for neighbour in [at.wrapping_sub(1), at + 1] {
            let Some(neighbour) = REALMS.get(neighbour) else { continue };
            for (from, to) in [(name, *neighbour), (*neighbour, name)] {
                let password = format!("{from} to {to}");
                let entry = PrincipalEntry::cross_realm(from, to, password.as_bytes(), &[AES256], NOW).unwrap();
                directory.insert(entry);
            }
        }
        let mut settings = Settings {
            capaths: Capaths::default().with("R.TEST", "T.TEST", ["S.TEST"]).with("T.TEST", "R.TEST", ["S.TEST"]),
            domain_realm: vec![(".t.test".into(), "T.TEST".into()), (".s.test".into(), "S.TEST".into())],
            ..Settings::default()
        };
        change(name, &mut settings);
        realms.insert(name, Realm::new(name, Arc::new(directory), settings, Arc::new(OsRandom)));
    }
    World { realms }
}

fn as_they_are() -> World {
    world(|_, _| ())
}

/// What a realm is asked with a ticket, by alice.
fn to(realm: &'static str, held: &Held, sname: &[&'static str]) -> TgsAsk {
    TgsAsk::new(held, sname).with(|ask| {
        ask.body.realm = realm;
        ask.body.kdc_options = KdcOptions::CANONICALIZE;
    })
}

impl World {
    fn tgt(&self) -> Held {
        tgt(&self.realms["R.TEST"], |_| ())
    }

    fn get(&self, realm: &'static str, held: &Held, sname: &[&'static str]) -> Held {
        to(realm, held, sname).held(&self.realms[realm])
    }

    fn refused(&self, ask: &TgsAsk) -> ErrorCode {
        ask.refused(&self.realms[ask.body.realm])
    }

    /// A ticket as the realm `from` might make it for the ticket-granting service of `to`.
    fn forged(&self, from: &str, to: &str, change: impl FnOnce(&mut EncTicketPart<'static>)) -> Held {
        let entry = self.realms[to].directory.find(&Principal::krbtgt(to, from)).unwrap().unwrap();
        let key = entry.current_keys().next().unwrap();
        let genuine = self.tgt();
        let mut part = genuine.inside.clone();
        change(&mut part);
        let cipher = sealed(key.key(), KeyUsage::TICKET, &part.to_der());
        let enc_part = EncryptedData { etype: key.enctype(), kvno: Some(key.kvno()), cipher: &cipher };
        let krbtgt = Principal::krbtgt(to, from);
        let der = Ticket { realm: from, sname: PrincipalName::from(&krbtgt), enc_part }.to_der();
        Held { der: der.leak(), session: genuine.session, reply: genuine.reply, inside: part }
    }
}

fn issued_for(held: &Held) -> String {
    held.reply.sname.to_principal(held.reply.srealm).to_string()
}

#[test]
fn a_client_is_referred_from_realm_to_realm() {
    let world = as_they_are();
    let hop = world.get("R.TEST", &world.tgt(), WEB);
    assert_eq!(issued_for(&hop), "krbtgt/S.TEST@R.TEST");
    assert!(hop.inside.transited.contents.is_empty());
    let second = world.get("S.TEST", &hop, WEB);
    assert_eq!(issued_for(&second), "krbtgt/T.TEST@S.TEST");
    assert!(second.inside.transited.contents.is_empty(), "the client's own realm is not transited");
    let web = world.get("T.TEST", &second, WEB);
    assert_eq!(issued_for(&web), "HTTP/web.t.test@T.TEST");
    assert_eq!(web.inside.transited, TransitedEncoding { tr_type: 1, contents: b"S.TEST" });
    assert!(web.inside.flags.contains(TicketFlags::TRANSITED_POLICY_CHECKED));
    assert_eq!((web.inside.crealm, web.inside.authtime), ("R.TEST", hop.inside.authtime));
}

#[test]
fn nobody_is_referred_who_does_not_ask_for_it() {
    let world = as_they_are();
    let mut ask = to("R.TEST", &world.tgt(), WEB);
    ask.body.kdc_options = KdcOptions::NONE;
    assert_eq!(world.refused(&ask), ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
    // For a ticket-granting service the way goes on without (RFC 4120 3.3.3).
    ask.body.sname = to("R.TEST", &world.tgt(), &["krbtgt", "T.TEST"]).body.sname;
    assert_eq!(issued_for(&ask.held(&world.realms["R.TEST"])), "krbtgt/S.TEST@R.TEST");
    for (host, known) in [("web.s.test", true), ("WEB.S.TEST:80", true), ("web.u.test", false), ("s.test", false)] {
        let ask = to("R.TEST", &world.tgt(), [["HTTP", host].to_vec().leak()][0]);
        let answer = super::ask(&world.realms["R.TEST"], &ask.bytes(), NOW);
        assert_eq!(answer.is_ok(), known, "{host}");
    }
    let unknown = |sname: &[&'static str]| world.refused(&to("R.TEST", &world.tgt(), sname));
    let of_another = to("R.TEST", &world.tgt(), WEB).with(|ask| ask.body.realm = "S.TEST");
    assert_eq!(of_another.refused(&world.realms["R.TEST"]), ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
    for sname in [&["krbtgt", "U.TEST"][..], &["web.t.test"], &["HTTP"]] {
        assert_eq!(unknown(sname), ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, "{sname:?}");
    }
}

#[test]
fn a_forwarded_ticket_is_not_made_by_another_realm() {
    let world = as_they_are();
    let forwardable = tgt(&world.realms["R.TEST"], |body| body.kdc_options = KdcOptions::FORWARDABLE);
    let forwarded = to("R.TEST", &forwardable, WEB)
        .with(|ask| ask.body.kdc_options = KdcOptions::FORWARDED.with(KdcOptions::CANONICALIZE));
    assert_eq!(world.refused(&forwarded), ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
}

/// Nobody gets a ticket that says another realm had issued it.
#[test]
fn keys_of_other_realms_make_no_tickets() {
    let world = as_they_are();
    let ask = to("R.TEST", &world.tgt(), &["krbtgt", "R.TEST"]).with(|ask| ask.body.realm = "S.TEST");
    assert_eq!(ask.refused(&world.realms["R.TEST"]), ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
    let renewable = world.forged("S.TEST", "R.TEST", |part| {
        (part.crealm, part.flags) = ("S.TEST", TicketFlags::RENEWABLE);
        part.renew_till = Some(at(HOUR).into());
    });
    let ask = to("S.TEST", &renewable, &["krbtgt", "R.TEST"]).with(|ask| {
        ask.authenticator.crealm = "S.TEST";
        ask.body.kdc_options = KdcOptions::RENEW;
    });
    assert_eq!(ask.refused(&world.realms["R.TEST"]), ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
}

#[test]
fn a_realm_vouches_for_its_own_clients_and_those_that_came_through_it() {
    let world = as_they_are();
    // S.TEST says that it knows a client of R.TEST's.
    let ours = world.forged("S.TEST", "R.TEST", |part| part.crealm = "R.TEST");
    // Whoever asks that the way is not looked at does not get around that.
    let ask =
        to("R.TEST", &ours, &["HTTP", "web"]).with(|ask| ask.body.kdc_options = KdcOptions::DISABLE_TRANSITED_CHECK);
    assert_eq!(world.refused(&ask), ErrorCode::KDC_ERR_POLICY);
    let theirs = world.forged("S.TEST", "R.TEST", |part| part.crealm = "S.TEST");
    let ask = to("R.TEST", &theirs, &["HTTP", "web"]).with(|ask| ask.authenticator.crealm = "S.TEST");
    assert!(ask.held(&world.realms["R.TEST"]).inside.transited.contents.is_empty());
    // S.TEST says that it knows one of T.TEST's: its name is written down.
    let theirs = world.forged("S.TEST", "R.TEST", |part| part.crealm = "T.TEST");
    let ask = to("R.TEST", &theirs, &["HTTP", "web"]).with(|ask| ask.authenticator.crealm = "T.TEST");
    assert_eq!(ask.held(&world.realms["R.TEST"]).inside.transited.contents, b"S.TEST");
    // Of a realm that shares no keys, and under keys of another.
    let unknown = relabeled(&world, &theirs, "U.TEST");
    let ask = to("R.TEST", &theirs, &["HTTP", "web"]).with(|ask| ask.ticket = unknown);
    assert_eq!(world.refused(&ask), ErrorCode::KRB_AP_ERR_NOT_US);
}

/// The names of another realm's services and users are no names of ours, whatever keys both realms share.
#[test]
fn a_client_of_another_realm_is_none_of_ours_by_the_same_name() {
    let world = as_they_are();
    let realm = &world.realms["R.TEST"];
    let name = |components: &[&'static str]| PrincipalName {
        name_type: NameType::PRINCIPAL,
        name_string: components.to_vec(),
    };
    let their_web =
        world.forged("S.TEST", "R.TEST", |part| (part.crealm, part.cname) = ("S.TEST", name(&["HTTP", "web"])));
    let by_their_web = |session: &EncryptionKey, user: &[&'static str], of: &'static str| {
        let user_name = name(user);
        let checksum = for_user_checksum(session, &user_name, of, "Kerberos");
        let cksum = Checksum { cksumtype: FOR_USER_CHECKSUM_TYPE, checksum: &checksum };
        let named = PaForUser { user_name, user_realm: of, cksum, auth_package: "Kerberos" }.to_der().leak();
        vec![PaData { padata_type: PaDataType::FOR_USER, padata_value: named }]
    };
    let theirs = |sname: &[&'static str]| {
        to("R.TEST", &their_web, sname).with(|ask| {
            (ask.authenticator.crealm, ask.authenticator.cname) = ("S.TEST", name(&["HTTP", "web"]));
        })
    };
    theirs(&["HTTP", "web"]).held(realm);
    let itself = theirs(&["HTTP", "web"]).with(|ask| ask.padata = by_their_web(&ask.session, &["alice"], "R.TEST"));
    assert_eq!(world.refused(&itself), ErrorCode::KDC_ERR_BADOPTION);

    // Evidence for our service, shown by theirs.
    let alice = world.tgt();
    let evidence = to("R.TEST", &alice, &["HTTP", "web"]).held(realm);
    let shown = Encoded::<Ticket<'_>>::decode(evidence.der).unwrap();
    let onward = theirs(&["NFS", "files"]).with(|ask| {
        (ask.body.kdc_options, ask.body.additional_tickets) = (KdcOptions::CNAME_IN_ADDL_TKT, vec![shown]);
    });
    let reason = "the ticket that shows whom the service acts for is not one to that service";
    match answer(realm, &onward.bytes(), NOW).event.outcome {
        crate::Outcome::Refused { code: ErrorCode::KDC_ERR_BADOPTION, reason: told } => assert_eq!(told, reason),
        other => panic!("{other:?}"),
    }

    // The other realm's ticket-granting service is in the directory, and no user.
    let own = super::tgs_exchange::forged(realm, &alice, |part| part.cname = name(&["HTTP", "web"]));
    let for_krbtgt = to("R.TEST", &alice, &["HTTP", "web"]).with(|ask| {
        (ask.ticket, ask.authenticator.cname) = (own, name(&["HTTP", "web"]));
        ask.padata = by_their_web(&ask.session, &["krbtgt", "R.TEST"], "S.TEST");
    });
    assert_eq!(world.refused(&for_krbtgt), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);

    // S.TEST knows the session key of a ticket that it writes: under that, alice would get a ticket for S.TEST to read.
    let bobs = world.forged("S.TEST", "R.TEST", |part| (part.crealm, part.cname) = ("R.TEST", name(&["alice"])));
    let to_user = to("R.TEST", &alice, &["alice"]).with(|ask| {
        ask.body.kdc_options = KdcOptions::ENC_TKT_IN_SKEY;
        ask.body.additional_tickets = vec![Encoded::<Ticket<'_>>::decode(bobs.der).unwrap()];
    });
    assert_eq!(world.refused(&to_user), ErrorCode::KDC_ERR_POLICY);
}

fn relabeled(_: &World, held: &Held, realm: &'static str) -> Vec<u8> {
    let ticket = Ticket::decode(held.der).unwrap();
    Ticket { realm, ..ticket }.to_der()
}

#[test]
fn a_realm_that_is_not_on_the_way_is_refused() {
    let world = as_they_are();
    let through = |contents: &'static [u8]| {
        let held = world.forged("S.TEST", "R.TEST", |part| {
            part.crealm = "T.TEST";
            part.transited = TransitedEncoding { tr_type: 1, contents };
        });
        to("R.TEST", &held, &["HTTP", "web"]).with(|ask| ask.authenticator.crealm = "T.TEST")
    };
    let flagged = |ask: &TgsAsk| {
        let inside = ask.held(&world.realms["R.TEST"]).inside;
        inside.flags.contains(TicketFlags::TRANSITED_POLICY_CHECKED)
    };
    assert!(flagged(&through(b"")) && flagged(&through(b"S.TEST")));
    assert_eq!(through(b"S.TEST").held(&world.realms["R.TEST"]).inside.transited.contents, b"S.TEST", "not twice");
    assert_eq!(world.refused(&through(b"EVIL")), ErrorCode::KDC_ERR_POLICY);
    let local = through(b"EVIL").with(|ask| ask.body.sname = body(&["krbtgt", "R.TEST"]).sname);
    assert_eq!(world.refused(&local), ErrorCode::KDC_ERR_POLICY, "a further ticket of ours is no way to another realm");
    let unchecked = through(b"EVIL").with(|ask| ask.body.kdc_options = KdcOptions::DISABLE_TRANSITED_CHECK);
    let inside = unchecked.held(&world.realms["R.TEST"]).inside;
    assert!(!inside.flags.contains(TicketFlags::TRANSITED_POLICY_CHECKED));
    assert_eq!(inside.transited.contents, b"EVIL,S.TEST");
    // Cut, and too long to add to.
    assert_eq!(world.refused(&through(b"X\\")), ErrorCode::KDC_ERR_POLICY);
    assert_eq!(world.refused(&through(vec![b'x'; 4097].leak())), ErrorCode::KDC_ERR_POLICY);
    let many: Vec<String> = (0..64).map(|number| number.to_string()).collect();
    let full = through(many.join(",").leak().as_bytes())
        .with(|ask| ask.body.kdc_options = KdcOptions::DISABLE_TRANSITED_CHECK);
    assert_eq!(world.refused(&full), ErrorCode::KDC_ERR_POLICY);
}

#[test]
fn on_the_way_to_a_third_realm_the_way_is_told_not_judged() {
    let world = world(|_, settings| settings.capaths = Capaths::default());
    let hop = world.forged("R.TEST", "S.TEST", |part| {
        part.crealm = "U.ORG";
        part.transited = TransitedEncoding { tr_type: 1, contents: b"V.ORG" };
    });
    let ask = to("S.TEST", &hop, &["krbtgt", "T.TEST"]).with(|ask| ask.authenticator.crealm = "U.ORG");
    let inside = ask.held(&world.realms["S.TEST"]).inside;
    assert_eq!(inside.transited.contents, b"V.ORG,R.TEST");
    assert!(!inside.flags.contains(TicketFlags::TRANSITED_POLICY_CHECKED));
}

#[test]
fn a_ticket_stays_what_it_is_when_it_is_exchanged_where_it_was_issued() {
    let world = as_they_are();
    let hop = world.get("S.TEST", &world.get("R.TEST", &world.tgt(), WEB), WEB);
    let local = world.get("T.TEST", &hop, &["krbtgt", "T.TEST"]);
    assert_eq!(local.inside.transited.contents, b"S.TEST");
    let web = world.get("T.TEST", &local, WEB);
    assert_eq!(web.inside.transited.contents, b"S.TEST", "nothing is added by the realm itself");
}

#[test]
fn the_longest_domain_counts() {
    let settings = Settings {
        domain_realm: [(".test", "A"), (".t.test", "B"), ("web.t.test", "C")]
            .map(|(domain, realm)| (domain.into(), realm.into()))
            .to_vec(),
        ..Settings::default()
    };
    for (host, realm) in [("x.test", Some("A")), ("x.T.test", Some("B")), ("WEB.t.test:8", Some("C")), ("test", None)] {
        assert_eq!(settings.realm_of_host(host).map(String::as_str), realm, "{host}");
    }
}
