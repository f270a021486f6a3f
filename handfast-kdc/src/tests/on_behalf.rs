//! Tickets in another's name, and user-to-user: who may have them, and what a request for one must prove.

use super::tgs_exchange::forged;
use super::*;
use handfast::krb5::message::{
    AdElement, AdType, AddressType, HostAddress, PaForUser, PaPacOptions, PaS4uX509User, PacOptions, S4uOptions,
    S4uUserId, TicketFlags,
};
use handfast::krb5::{FOR_USER_CHECKSUM_TYPE, for_user_checksum};

const WEB: &[&str] = &["HTTP", "web"];
const FILES: &[&str] = &["NFS", "files"];

fn name(components: &[&'static str]) -> PrincipalName<'static> {
    PrincipalName { name_type: NameType::PRINCIPAL, name_string: components.to_vec() }
}

/// What the service HTTP/web asks with its own ticket-granting ticket, which is forwardable.
fn by_web(realm: &Realm, sname: &[&'static str]) -> TgsAsk {
    let alice = tgt(realm, |body| body.kdc_options = KdcOptions::FORWARDABLE);
    let own = forged(realm, &alice, |inside| inside.cname = name(WEB));
    TgsAsk::new(&alice, sname).with(|ask| {
        ask.ticket = own;
        ask.authenticator.cname = name(WEB);
        ask.body.kdc_options = KdcOptions::FORWARDABLE;
    })
}

fn padata(padata_type: PaDataType, value: Vec<u8>) -> PaData<'static> {
    PaData { padata_type, padata_value: value.leak() }
}

fn for_user(key: &EncryptionKey, user: &'static str, change: impl FnOnce(&mut PaForUser<'static>)) -> PaData<'static> {
    let user_name = name(&[user]);
    let checksum = for_user_checksum(key, &user_name, "R.TEST", "Kerberos");
    let cksum = Checksum { cksumtype: FOR_USER_CHECKSUM_TYPE, checksum: checksum.to_vec().leak() };
    let mut value = PaForUser { user_name, user_realm: "R.TEST", cksum, auth_package: "Kerberos" };
    change(&mut value);
    padata(PaDataType::FOR_USER, value.to_der())
}

fn x509_user(key: &EncryptionKey, usage: u32, change: impl FnOnce(&mut S4uUserId<'static>)) -> PaData<'static> {
    let options = Some(S4uOptions::USE_REPLY_KEY_USAGE);
    let cname = Some(name(&["alice"]));
    let mut user = S4uUserId { nonce: 0x7eed_cafe, cname, crealm: "R.TEST", subject_certificate: None, options };
    change(&mut user);
    let mut buffer = vec![];
    let user_id = Encoded::<S4uUserId<'_>>::new(user, &mut buffer);
    let key = ChecksumKey::new(key, KeyUsage(usage)).unwrap();
    let mac = key.checksum(&[user_id.bytes()]);
    let checksum = Checksum { cksumtype: key.checksum_type(), checksum: &mac };
    padata(PaDataType::S4U_X509_USER, PaS4uX509User { user_id: user_id.clone(), checksum }.to_der())
}

/// A request for a ticket to itself in alice's name.
fn to_itself(realm: &Realm) -> TgsAsk {
    by_web(realm, WEB).with(|ask| ask.padata = vec![for_user(&ask.session, "alice", |_| ())])
}

#[test]
fn a_service_gets_a_ticket_to_itself_in_a_users_name() {
    let realm = realm();
    let held = to_itself(&realm).held(&realm);
    assert_eq!((held.inside.crealm, held.inside.cname.clone()), ("R.TEST", name(&["alice"])));
    assert!(held.inside.authorization_data.0.is_empty());
    let flags = held.inside.flags;
    assert!(!flags.contains(TicketFlags::FORWARDABLE) && !flags.contains(TicketFlags::PRE_AUTHENT), "{flags:?}");

    let trusted = changed("HTTP/web@R.TEST", |web| web.protocol_transition = true);
    assert!(to_itself(&trusted).held(&trusted).inside.flags.contains(TicketFlags::FORWARDABLE));
    let unasked = to_itself(&trusted).with(|ask| ask.body.kdc_options = KdcOptions::NONE);
    assert!(!unasked.held(&trusted).inside.flags.contains(TicketFlags::FORWARDABLE));
    let mut both = directory();
    both.change(&principal("HTTP/web@R.TEST"), |web| web.protocol_transition = true);
    both.change(&principal("alice@R.TEST"), |alice| alice.allow_forwardable = false);
    let sensitive = over(both);
    let alice = tgt(&sensitive, |_| ());
    let own = forged(&sensitive, &alice, |inside| {
        (inside.cname, inside.flags) = (name(WEB), TicketFlags::FORWARDABLE);
    });
    let ask = to_itself(&sensitive).with(|ask| {
        (ask.ticket, ask.session) = (own, alice.session.clone());
        ask.padata = vec![for_user(&alice.session, "alice", |_| ())];
    });
    assert!(!ask.held(&sensitive).inside.flags.contains(TicketFlags::FORWARDABLE));
}

#[test]
fn what_the_service_says_of_the_user_must_be_proven() {
    let realm = realm();
    let base = by_web(&realm, WEB);
    let code = |padata: Vec<PaData<'static>>| {
        let ask = TgsAsk { padata, ..base_like(&base) };
        ask.refused(&realm)
    };
    let key = &base.session;
    // CRC-32, MD5, SHA-1: nothing keeps others from computing them; and keyed ones that MS-SFU doesn't name.
    for cksumtype in [1, 2, 7, 14, 15, 16] {
        let unkeyed = for_user(key, "alice", |user| user.cksum.cksumtype = ChecksumType(cksumtype));
        assert_eq!(code(vec![unkeyed]), ErrorCode::KRB_AP_ERR_INAPP_CKSUM, "{cksumtype}");
    }
    let modified = ErrorCode::KRB_AP_ERR_MODIFIED;
    let bob = for_user(key, "alice", |user| user.user_name = name(&["bob"]));
    let realm_changed = for_user(key, "alice", |user| user.user_realm = "S.TEST");
    let package = for_user(key, "alice", |user| user.auth_package = "kerberos");
    let cut = for_user(key, "alice", |user| user.cksum.checksum = &[]);
    let other_key = for_user(&EncryptionKey::new(AES256, [1; 32]).unwrap(), "alice", |_| ());
    for padata in [bob, realm_changed, package, cut, other_key] {
        assert_eq!(code(vec![padata]), modified, "{padata:?}");
    }
    // Right, but for a package of another name.
    let odd = {
        let checksum = for_user_checksum(key, &name(&["alice"]), "R.TEST", "NTLM").to_vec().leak();
        for_user(key, "alice", |user| (user.auth_package, user.cksum.checksum) = ("NTLM", checksum))
    };
    assert_eq!(code(vec![odd]), modified);
    assert_eq!(code(vec![padata(PaDataType::FOR_USER, vec![])]), modified);
    assert_eq!(code(vec![padata(PaDataType::S4U_X509_USER, vec![0x30, 0])]), modified);
    let whole = for_user(key, "alice", |_| ()).padata_value;
    for length in 0..whole.len() {
        assert_eq!(code(vec![padata(PaDataType::FOR_USER, whole[..length].to_vec())]), modified, "{length}");
    }
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        let ask = TgsAsk { padata: vec![padata(PaDataType::FOR_USER, changed)], ..base_like(&base) };
        assert!(super::ask(&realm, &ask.bytes(), NOW).is_err(), "bit {bit}");
    }
}

fn base_like(base: &TgsAsk) -> TgsAsk {
    TgsAsk {
        body: base.body.clone(),
        ticket: base.ticket.clone(),
        session: base.session.clone(),
        authenticator: base.authenticator.clone(),
        checksum: None,
        padata: vec![],
        etype: None,
        now: base.now,
    }
}

#[test]
fn the_newer_name_is_proven_too_and_repeated_in_the_reply() {
    let realm = realm();
    let base = by_web(&realm, WEB);
    let key = &base.session;
    let asked = |padata: Vec<PaData<'static>>| TgsAsk { padata, ..base_like(&base) };
    let code = |padata| asked(vec![padata]).refused(&realm);
    let reply = super::ask(&realm, &asked(vec![x509_user(key, 26, |_| ())]).bytes(), NOW).unwrap();
    let said = PaS4uX509User::decode(reply.padata[0].padata_value).unwrap();
    assert_eq!((said.user_id.nonce, said.user_id.cname.clone()), (0x7eed_cafe, Some(name(&["alice"]))));
    let checksum = ChecksumKey::new(key, KeyUsage(27)).unwrap();
    assert_eq!(checksum.verify(&[said.user_id.bytes()], said.checksum.checksum), Ok(()));
    // One that knows no usage of its own for replies.
    let older = x509_user(key, 26, |user| user.options = None);
    let reply = super::ask(&realm, &asked(vec![older]).bytes(), NOW).unwrap();
    let said = PaS4uX509User::decode(reply.padata[0].padata_value).unwrap();
    let checksum = ChecksumKey::new(key, KeyUsage(26)).unwrap();
    assert_eq!(checksum.verify(&[said.user_id.bytes()], said.checksum.checksum), Ok(()));

    let modified = ErrorCode::KRB_AP_ERR_MODIFIED;
    assert_eq!(code(x509_user(key, 26, |user| user.nonce = 7)), modified, "of another request");
    assert_eq!(code(x509_user(key, 27, |_| ())), modified);
    let other = EncryptionKey::new(Enctype(17), [1; 16]).unwrap();
    assert_eq!(code(x509_user(&other, 26, |_| ())), ErrorCode::KRB_AP_ERR_INAPP_CKSUM);
    let certificate = x509_user(key, 26, |user| (user.cname, user.subject_certificate) = (None, Some(&b"DER"[..])));
    assert_eq!(code(certificate), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
    let alice = || for_user(key, "alice", |_| ());
    for other in [
        x509_user(key, 26, |user| user.crealm = "S.TEST"),
        x509_user(key, 26, |user| user.cname = Some(name(&["bob"]))),
    ] {
        assert_eq!(asked(vec![alice(), other]).refused(&realm), ErrorCode::KDC_ERR_BADOPTION);
    }
    asked(vec![alice(), x509_user(key, 26, |_| ())]).held(&realm);
}

#[test]
fn a_service_asks_for_itself_and_for_users_that_there_are() {
    let realm = realm();
    let key = by_web(&realm, WEB).session;
    drop(key);
    let ask = by_web(&realm, FILES).with(|ask| ask.padata = vec![for_user(&ask.session, "alice", |_| ())]);
    assert_eq!(ask.refused(&realm), ErrorCode::KDC_ERR_BADOPTION);
    let ask = by_web(&realm, WEB).with(|ask| ask.padata = vec![for_user(&ask.session, "nobody", |_| ())]);
    assert_eq!(ask.refused(&realm), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
    let foreign = |ask: &TgsAsk| {
        let checksum = for_user_checksum(&ask.session, &name(&["alice"]), "S.TEST", "Kerberos").to_vec().leak();
        for_user(&ask.session, "alice", |user| (user.user_realm, user.cksum.checksum) = ("S.TEST", checksum))
    };
    let ask = by_web(&realm, WEB).with(|ask| ask.padata = vec![foreign(ask)]);
    assert_eq!(ask.refused(&realm), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
    for option in [KdcOptions::FORWARDED, KdcOptions::CNAME_IN_ADDL_TKT, KdcOptions::ENC_TKT_IN_SKEY] {
        let ask = to_itself(&realm).with(|ask| ask.body.kdc_options = option);
        assert_eq!(ask.refused(&realm), ErrorCode::KDC_ERR_BADOPTION, "{option:?}");
    }
    // By a ticket to itself, which the service can write: renewed or validated, it would have what flags the service likes.
    let session = EncryptionKey::new(AES256, [7; 32]).unwrap();
    for (option, flags) in [
        (KdcOptions::RENEW, TicketFlags::RENEWABLE),
        (KdcOptions::VALIDATE, TicketFlags::INVALID),
        (KdcOptions::PROXY, TicketFlags::PROXIABLE),
    ] {
        let change = |inside: &mut EncTicketPart<'static>| {
            (inside.cname, inside.flags, inside.renew_till) = (name(WEB), flags, Some(at(HOUR).into()));
            inside.key = KeyRef { keytype: AES256, keyvalue: &[7; 32] };
        };
        let own = match option {
            KdcOptions::PROXY => forged(&realm, &tgt(&realm, |_| ()), change),
            _ => evidence(&realm, flags, "HTTP/web@R.TEST", change).bytes().to_vec(),
        };
        let asked = |padata: Vec<PaData<'static>>| {
            by_web(&realm, WEB).with(|ask| {
                (ask.ticket, ask.session, ask.padata) = (own, session.clone(), padata);
                (ask.body.sname, ask.body.kdc_options) = (Some(name(WEB)), option);
            })
        };
        let ask = asked(vec![for_user(&session, "alice", |_| ())]);
        assert_eq!(ask.refused(&realm), ErrorCode::KDC_ERR_BADOPTION, "{option:?}");
        let in_its_own_name = ask.with(|ask| ask.padata.clear());
        assert_eq!(in_its_own_name.held(&realm).inside.cname, name(WEB), "{option:?}");
    }
    let mut gone = directory();
    gone.change(&principal("alice@R.TEST"), |alice| alice.disabled = true);
    let gone = over(gone);
    let held = to_itself(&realm);
    // Tickets of one realm are good in the other: it has the same keys.
    assert_eq!(held.refused(&gone), ErrorCode::KDC_ERR_CLIENT_REVOKED);
}

/// A request of HTTP/web for a ticket for NFS/files in alice's name, who has come with a ticket of these flags.
fn onward(realm: &Realm, flags: TicketFlags) -> TgsAsk {
    let evidence = evidence(realm, flags, "HTTP/web@R.TEST", |_| ());
    by_web(realm, FILES).with(|ask| {
        ask.body.kdc_options = KdcOptions::CNAME_IN_ADDL_TKT.with(KdcOptions::FORWARDABLE);
        ask.body.additional_tickets = vec![evidence];
    })
}

fn evidence(
    realm: &Realm,
    flags: TicketFlags,
    service: &str,
    change: impl FnOnce(&mut EncTicketPart<'static>),
) -> Encoded<'static, Ticket<'static>> {
    let mut inside = tgt(realm, |_| ()).inside;
    inside.flags = flags;
    change(&mut inside);
    let service = principal(service);
    let entry = realm.directory.find(&service).unwrap().unwrap();
    let key = entry.current_keys().next().unwrap();
    let cipher = sealed(key.key(), KeyUsage::TICKET, &inside.to_der());
    let enc_part = EncryptedData { etype: key.enctype(), kvno: Some(key.kvno()), cipher: &cipher };
    let der = Ticket { realm: "R.TEST", sname: PrincipalName::from(&service), enc_part }.to_der();
    Encoded::<Ticket<'_>>::decode(der.leak()).unwrap()
}

fn rbcd() -> PaData<'static> {
    let flags = PacOptions::RESOURCE_BASED_CONSTRAINED_DELEGATION;
    padata(PaDataType::PAC_OPTIONS, PaPacOptions { flags }.to_der())
}

#[test]
fn a_service_acts_for_its_client_where_its_list_says_so() {
    let listed = changed("HTTP/web@R.TEST", |web| {
        (web.protocol_transition, web.may_delegate_to) = (true, vec![principal("NFS/files@R.TEST")]);
    });
    let held = onward(&listed, TicketFlags::FORWARDABLE).held(&listed);
    assert_eq!((held.inside.crealm, held.inside.cname.clone()), ("R.TEST", name(&["alice"])));
    assert!(held.inside.flags.contains(TicketFlags::FORWARDABLE));
    assert_eq!(held.reply.sname.name_string, FILES);
    let plain = onward(&listed, TicketFlags::NONE);
    assert_eq!(plain.refused(&listed), ErrorCode::KDC_ERR_BADOPTION, "the client's ticket is not forwardable");
    let others = |web: &mut PrincipalEntry| {
        (web.protocol_transition, web.may_delegate_to) = (true, vec![principal("NFS/x@R.TEST")]);
    };
    for realm in [realm(), changed("HTTP/web@R.TEST", others)] {
        assert_eq!(onward(&realm, TicketFlags::FORWARDABLE).refused(&realm), ErrorCode::KDC_ERR_BADOPTION);
    }
}

#[test]
fn a_service_acts_for_its_client_where_the_other_allows_it() {
    let allowed = changed("NFS/files@R.TEST", |files| files.allowed_to_act = vec![principal("HTTP/web@R.TEST")]);
    for flags in [TicketFlags::FORWARDABLE, TicketFlags::NONE] {
        let ask = onward(&allowed, flags);
        assert_eq!(ask.refused(&allowed), ErrorCode::KDC_ERR_BADOPTION, "who does not know of it");
        let held = ask.with(|ask| ask.padata = vec![rbcd()]).held(&allowed);
        assert_eq!(held.inside.cname, name(&["alice"]));
        assert_eq!(held.inside.flags.contains(TicketFlags::FORWARDABLE), flags == TicketFlags::FORWARDABLE);
    }
    let other = changed("NFS/files@R.TEST", |files| files.allowed_to_act = vec![principal("NFS/files@R.TEST")]);
    let ask = onward(&other, TicketFlags::FORWARDABLE).with(|ask| ask.padata = vec![rbcd()]);
    assert_eq!(ask.refused(&other), ErrorCode::KDC_ERR_BADOPTION);
    let broken = onward(&allowed, TicketFlags::NONE)
        .with(|ask| ask.padata = vec![padata(PaDataType::PAC_OPTIONS, vec![0x30, 1])]);
    assert_eq!(broken.refused(&allowed), ErrorCode::KRB_AP_ERR_MODIFIED);
}

#[test]
fn nobody_acts_for_who_is_gone_or_must_not_be_acted_for() {
    let mut listed = directory();
    listed.change(&principal("HTTP/web@R.TEST"), |web| {
        (web.protocol_transition, web.may_delegate_to) = (true, vec![principal("NFS/files@R.TEST")]);
    });
    let ask = onward(&over(listed.clone()), TicketFlags::FORWARDABLE);
    let code = |change: fn(&mut PrincipalEntry)| {
        let mut directory = listed.clone();
        directory.change(&principal("alice@R.TEST"), change);
        ask.refused(&over(directory))
    };
    assert_eq!(code(|alice| alice.disabled = true), ErrorCode::KDC_ERR_CLIENT_REVOKED);
    assert_eq!(code(|alice| alice.allow_forwardable = false), ErrorCode::KDC_ERR_BADOPTION);
    let mut without = listed.clone();
    without.remove(&principal("alice@R.TEST"));
    assert_eq!(ask.refused(&over(without)), ErrorCode::KDC_ERR_TGT_REVOKED);
}

/// The service has the key of the ticket that it shows: what it could have written there itself, it can't say.
#[test]
fn a_service_cannot_say_what_only_the_kdc_says() {
    let listed = changed("HTTP/web@R.TEST", |web| {
        (web.protocol_transition, web.may_delegate_to) = (true, vec![principal("NFS/files@R.TEST")]);
    });
    let allowed = changed("NFS/files@R.TEST", |files| files.allowed_to_act = vec![principal("HTTP/web@R.TEST")]);
    let flags = TicketFlags::FORWARDABLE | TicketFlags::PRE_AUTHENT | TicketFlags::HW_AUTHENT;
    let element = |ad_type, ad_data| AdElement { ad_type, ad_data };
    let hidden = AuthorizationData(vec![element(AdType::AUTHENTICATION_INDICATOR, b"x")]).to_der().leak();
    let kept = [element(AdType::IF_RELEVANT, &[0x30, 0]), element(AdType(-77), b"a restriction")];
    let said = vec![
        element(AdType::CAMMAC, b"x"),
        kept[0],
        element(AdType::KDC_ISSUED, b"x"),
        element(AdType::IF_RELEVANT, hidden),
        kept[1],
    ];
    for realm in [listed, allowed] {
        let shown = evidence(&realm, flags, "HTTP/web@R.TEST", |inside| {
            inside.authorization_data = AuthorizationData(said.clone());
        });
        let ask = onward(&realm, flags).with(|ask| {
            (ask.padata, ask.body.additional_tickets) = (vec![rbcd()], vec![shown]);
        });
        let inside = ask.held(&realm).inside;
        assert!(!inside.flags.intersects(TicketFlags::PRE_AUTHENT | TicketFlags::HW_AUTHENT), "{:?}", inside.flags);
        assert_eq!(inside.authorization_data.0, kept);
    }
}

/// There is no asking another realm whether its client has come, or may be acted for.
#[test]
fn nobody_acts_for_clients_of_other_realms_by_a_ticket_that_it_may_have_made() {
    let mut both = directory();
    both.change(&principal("HTTP/web@R.TEST"), |web| {
        (web.protocol_transition, web.may_delegate_to) = (true, vec![principal("NFS/files@R.TEST")]);
    });
    both.change(&principal("NFS/files@R.TEST"), |files| files.allowed_to_act = vec![principal("HTTP/web@R.TEST")]);
    let realm = over(both);
    for (crealm, padata) in [("S.TEST", vec![]), ("S.TEST", vec![rbcd()]), ("WELLKNOWN:ANONYMOUS", vec![rbcd()])] {
        let shown = evidence(&realm, TicketFlags::FORWARDABLE, "HTTP/web@R.TEST", |inside| inside.crealm = crealm);
        let ask = onward(&realm, TicketFlags::FORWARDABLE).with(|ask| {
            (ask.padata, ask.body.additional_tickets) = (padata.clone(), vec![shown]);
        });
        assert_eq!(ask.refused(&realm), ErrorCode::KDC_ERR_BADOPTION, "{crealm}");
    }
}

#[test]
fn the_ticket_that_is_shown_must_be_one_to_the_service_and_good() {
    let realm = changed("HTTP/web@R.TEST", |web| {
        web.protocol_transition = true;
        web.may_delegate_to = vec![principal("NFS/files@R.TEST"), principal("krbtgt/R.TEST@R.TEST")];
    });
    let good = TicketFlags::FORWARDABLE;
    let shown = |tickets: Vec<Encoded<'static, Ticket<'static>>>| {
        onward(&realm, good).with(|ask| ask.body.additional_tickets = tickets).refused(&realm)
    };
    let to_files = evidence(&realm, good, "NFS/files@R.TEST", |_| ());
    assert_eq!(shown(vec![to_files]), ErrorCode::KDC_ERR_BADOPTION);
    let to_web = || evidence(&realm, good, "HTTP/web@R.TEST", |_| ());
    for tickets in [vec![], vec![to_web(), to_web()]] {
        assert_eq!(shown(tickets), ErrorCode::KDC_ERR_BADOPTION);
    }
    let ended = evidence(&realm, good, "HTTP/web@R.TEST", |inside| inside.endtime = at(-1).into());
    assert_eq!(shown(vec![ended]), ErrorCode::KRB_AP_ERR_TKT_EXPIRED);
    // Under a key that is not the service's.
    let mut forged = Ticket::decode(to_web().bytes()).unwrap();
    let cipher = sealed(&EncryptionKey::new(AES256, [1; 32]).unwrap(), KeyUsage::TICKET, b"x").leak();
    forged.enc_part.cipher = cipher;
    let forged = Encoded::<Ticket<'_>>::decode(forged.to_der().leak()).unwrap();
    assert_eq!(shown(vec![forged]), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
    let elsewhere = Ticket { realm: "S.TEST", ..Ticket::decode(to_web().bytes()).unwrap() }.to_der();
    assert_eq!(shown(vec![Encoded::<Ticket<'_>>::decode(elsewhere.leak()).unwrap()]), ErrorCode::KDC_ERR_BADOPTION);
    let tgs = onward(&realm, good).with(|ask| ask.body.sname = Some(name(&["krbtgt", "R.TEST"])));
    assert_eq!(tgs.refused(&realm), ErrorCode::KDC_ERR_BADOPTION);
    // It lasts as long as the shorter of both, and is bound to no address of the client's.
    let short = evidence(&realm, good, "HTTP/web@R.TEST", |inside| {
        inside.endtime = at(HOUR).into();
        inside.caddr = vec![HostAddress { addr_type: AddressType::IPV4, address: &[10, 0, 0, 1] }];
    });
    let held = onward(&realm, good).with(|ask| ask.body.additional_tickets = vec![short]).held(&realm);
    assert_eq!((held.inside.endtime, held.inside.caddr.len()), (at(HOUR).into(), 0));
}

#[test]
fn a_user_gets_a_ticket_under_the_session_key_of_its_own() {
    let mut two = directory();
    two.insert(PrincipalEntry::user_of(principal("bob@R.TEST"), PASSWORD, &[AES256], NOW).unwrap());
    let realm = over(two);
    let alice = tgt(&realm, |_| ());
    let bob_body = KdcReqBody { cname: Some(name(&["bob"])), ..as_body() };
    let bob_key = string_to_key(AES256, PASSWORD, b"R.TESTbob", None).unwrap();
    let reply = ask(&realm, &proven(&bob_body, &bob_key, NOW), NOW).unwrap();
    let bob = open(&realm, &reply, &bob_key, KeyUsage::AS_REP_ENC_PART);
    let shown = |held: &Held| Encoded::<Ticket<'_>>::decode(held.der).unwrap();
    let asked = |sname: &[&'static str], ticket| {
        TgsAsk::new(&alice, sname).with(|ask| {
            ask.body.kdc_options = KdcOptions::ENC_TKT_IN_SKEY;
            ask.body.additional_tickets = vec![ticket];
        })
    };
    let reply = ask(&realm, &asked(&["bob"], shown(&bob)).bytes(), NOW).unwrap();
    assert_eq!((reply.ticket.enc_part.kvno, reply.ticket.enc_part.etype), (None, AES256));
    let key = CipherKey::new(&bob.session, KeyUsage::TICKET).unwrap();
    let plain = key.decrypt(reply.ticket.enc_part.cipher).unwrap();
    assert_eq!(EncTicketPart::decode(plain.expose()).unwrap().cname, name(&["alice"]));

    assert_eq!(asked(&["alice"], shown(&bob)).refused(&realm), ErrorCode::KDC_ERR_SERVER_NOMATCH);
    let web = TgsAsk::new(&bob, WEB).with(|ask| ask.authenticator.cname = name(&["bob"])).held(&realm);
    assert_eq!(asked(&["bob"], shown(&web)).refused(&realm), ErrorCode::KDC_ERR_POLICY, "no ticket-granting ticket");
    let ended = asked(&["bob"], shown(&bob)).with(|ask| ask.body.additional_tickets.push(shown(&bob)));
    assert_eq!(ended.refused(&realm), ErrorCode::KDC_ERR_BADOPTION);
    // Without the other's ticket there is none for a user.
    assert_eq!(TgsAsk::new(&alice, &["bob"]).refused(&realm), ErrorCode::KDC_ERR_MUST_USE_USER2USER);
    let old = forged(&realm, &bob, |inside| inside.endtime = at(-1).into());
    let old = asked(&["bob"], Encoded::<Ticket<'_>>::decode(old.leak()).unwrap());
    assert_eq!(old.refused(&realm), ErrorCode::KRB_AP_ERR_TKT_EXPIRED);
}
