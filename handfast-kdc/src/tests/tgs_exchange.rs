use super::*;
use handfast::krb5::message::{AdElement, AdType, AddressType, HostAddress, TicketFlags};
use std::time::Duration;

const WEB: &[&str] = &["HTTP", "web"];
const TGS: &[&str] = &["krbtgt", "R.TEST"];

#[test]
fn a_ticket_granting_ticket_gets_tickets_of_any_enctype() {
    let realm = realm();
    for enctype in Enctype::strong() {
        let tgt = tgt(&realm, |body| body.etype = vec![enctype]);
        let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.body.etype = vec![enctype]);
        let held = ask.held(&realm);
        assert_eq!(held.session.enctype(), enctype);
        assert_ne!(held.session.bytes(), tgt.session.bytes());
        assert_eq!((held.reply.nonce, held.reply.exchange), (0x7eed_cafe, KdcExchange::Tgs));
        assert_eq!(held.reply.sname.name_string, WEB);
        assert_eq!((held.inside.crealm, held.inside.cname.clone()), ("R.TEST", tgt.inside.cname.clone()));
        assert_eq!((held.inside.authtime, held.inside.endtime), (tgt.inside.authtime, tgt.inside.endtime));
        let flags = TicketFlags::PRE_AUTHENT | TicketFlags::TRANSITED_POLICY_CHECKED | TicketFlags::ENC_PA_REP;
        assert_eq!(held.inside.flags, flags);
    }
}

#[test]
fn a_ticket_is_under_the_first_of_the_services_keys() {
    for enctype in Enctype::strong() {
        let mut directory = directory();
        let enctypes = [enctype, Enctype(17), AES256];
        let web = PrincipalEntry::service_of(principal("HTTP/web@R.TEST"), &enctypes, &OsRandom, NOW).unwrap();
        directory.insert(web);
        let realm = over(directory);
        let ask = TgsAsk::new(&tgt(&realm, |_| ()), WEB);
        assert_eq!(super::ask(&realm, &ask.bytes(), NOW).unwrap().ticket.enc_part.etype, enctype);
        ask.held(&realm);
    }
}

#[test]
fn with_a_subkey_the_reply_is_under_it() {
    let realm = realm();
    let tgt = tgt(&realm, |_| ());
    let subkey = |keytype, keyvalue| Some(KeyRef { keytype, keyvalue });
    let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.authenticator.subkey = subkey(AES256, &[5; 32]));
    ask.held(&realm);
    for (keytype, keyvalue) in [(Enctype(23), &[5; 16][..]), (AES256, &[5; 16])] {
        let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.authenticator.subkey = subkey(keytype, keyvalue));
        assert_eq!(ask.refused(&realm), ErrorCode::KDC_ERR_ETYPE_NOSUPP);
    }
}

#[test]
fn a_request_without_its_proof_is_refused() {
    let bytes = request(KdcExchange::Tgs, vec![], &body(WEB));
    assert_eq!(refused(&realm(), &bytes, NOW), ErrorCode::KDC_ERR_PADATA_TYPE_NOSUPP);
    let padata = vec![PaData { padata_type: PaDataType::TGS_REQ, padata_value: b"\x6e\x00" }];
    let bytes = request(KdcExchange::Tgs, padata, &body(WEB));
    assert_eq!(refused(&realm(), &bytes, NOW), ErrorCode::KRB_AP_ERR_MSG_TYPE);
}

#[test]
fn the_body_must_be_covered_by_a_keyed_checksum() {
    let realm = realm();
    let tgt = tgt(&realm, |_| ());
    let code = |checksum| TgsAsk::new(&tgt, WEB).with(|ask| ask.checksum = Some(checksum)).refused(&realm);
    let of = |number, checksum| Some(Checksum { cksumtype: ChecksumType(number), checksum });
    assert_eq!(code(None), ErrorCode::KRB_AP_ERR_INAPP_CKSUM);
    // CRC-32, MD5, SHA-1: nothing keeps others from computing them.
    for (cksumtype, length) in [(1, 4), (7, 16), (14, 20), (15, 12)] {
        assert_eq!(code(of(cksumtype, &[0; 20][..length])), ErrorCode::KRB_AP_ERR_INAPP_CKSUM);
    }
    assert_eq!(code(of(16, &[0; 12])), ErrorCode::KRB_AP_ERR_MODIFIED);
    assert_eq!(code(of(16, &[])), ErrorCode::KRB_AP_ERR_MODIFIED);

    // A right checksum of another body.
    let other = TgsAsk::new(&tgt, &["NFS", "files"]).body.to_der();
    let key = ChecksumKey::new(&tgt.session, KeyUsage::TGS_REQ_AUTHENTICATOR_CHECKSUM).unwrap();
    let mac: &'static [u8] = key.checksum(&[&other]).to_vec().leak();
    assert_eq!(code(of(16, mac)), ErrorCode::KRB_AP_ERR_MODIFIED);
}

#[test]
fn the_authenticator_must_be_of_the_tickets_client_and_of_now() {
    let realm = realm();
    let tgt = tgt(&realm, |_| ());
    let other = PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["bob"] };
    let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.authenticator.cname = other);
    assert_eq!(ask.refused(&realm), ErrorCode::KRB_AP_ERR_BADMATCH);
    let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.authenticator.crealm = "S.TEST");
    assert_eq!(ask.refused(&realm), ErrorCode::KRB_AP_ERR_BADMATCH);
    for seconds in [301, -301] {
        let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.authenticator.ctime = at(seconds).into());
        let error = super::ask(&realm, &ask.bytes(), NOW).unwrap_err();
        assert_eq!(error.error_code, ErrorCode::KRB_AP_ERR_SKEW);
        assert_eq!(error.ctime.unwrap().with_micros(error.cusec.unwrap()), at(seconds));
        assert_eq!((error.crealm, error.cname), (Some("R.TEST"), Some(tgt.inside.cname.clone())));
    }
    for seconds in [300, -300] {
        TgsAsk::new(&tgt, WEB).with(|ask| ask.authenticator.ctime = at(seconds).into()).held(&realm);
    }
}

#[test]
fn another_session_key_proves_nothing() {
    let realm = realm();
    let tgt = tgt(&realm, |_| ());
    let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.session = EncryptionKey::new(AES256, [1; 32]).unwrap());
    assert_eq!(ask.refused(&realm), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
    let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.etype = Some(Enctype(17)));
    assert_eq!(ask.refused(&realm), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
    let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.session = EncryptionKey::new(Enctype(17), [1; 16]).unwrap());
    assert_eq!(ask.refused(&realm), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
}

/// The ticket with its outer, unprotected part changed.
fn relabeled(held: &Held, change: impl FnOnce(&mut Ticket<'static>)) -> Vec<u8> {
    let mut ticket = Ticket::decode(held.der).unwrap();
    change(&mut ticket);
    ticket.to_der()
}

#[test]
fn only_this_realms_ticket_granting_tickets_are_taken() {
    let realm = realm();
    let tgt = tgt(&realm, |_| ());
    let web = TgsAsk::new(&tgt, WEB).held(&realm);
    assert_eq!(TgsAsk::new(&web, WEB).refused(&realm), ErrorCode::KRB_AP_ERR_NOT_US);
    let code = |ticket| TgsAsk::new(&tgt, WEB).with(|ask| ask.ticket = ticket).refused(&realm);
    assert_eq!(code(relabeled(&tgt, |ticket| ticket.realm = "S.TEST")), ErrorCode::KRB_AP_ERR_NOT_US);
    // A service's ticket that says it is a ticket-granting one.
    let disguised = relabeled(&web, |ticket| ticket.sname.name_string = TGS.to_vec());
    let ask = TgsAsk::new(&web, WEB).with(|ask| ask.ticket = disguised);
    assert_eq!(ask.refused(&realm), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);

    assert_eq!(code(relabeled(&tgt, |ticket| ticket.enc_part.kvno = Some(7))), ErrorCode::KRB_AP_ERR_BADKEYVER);
    assert_eq!(code(relabeled(&tgt, |ticket| ticket.enc_part.etype = Enctype(23))), ErrorCode::KDC_ERR_ETYPE_NOSUPP);
    let other = Enctype::AES256_CTS_HMAC_SHA384_192;
    assert_eq!(code(relabeled(&tgt, |ticket| ticket.enc_part.etype = other)), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
    let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.ticket = relabeled(&tgt, |ticket| ticket.enc_part.kvno = None));
    ask.held(&realm);
}

/// A ticket that no KDC would issue, under the realm's true key.
pub(super) fn forged(realm: &Realm, tgt: &Held, change: impl FnOnce(&mut EncTicketPart<'static>)) -> Vec<u8> {
    let entry = realm.directory.find(&principal("krbtgt/R.TEST@R.TEST")).unwrap().unwrap();
    let key = entry.keys.iter().find(|key| key.enctype() == AES256).unwrap().key().clone();
    let mut inside = tgt.inside.clone();
    change(&mut inside);
    let cipher: &'static [u8] = sealed(&key, KeyUsage::TICKET, &inside.to_der()).leak();
    relabeled(tgt, |ticket| ticket.enc_part.cipher = cipher)
}

#[test]
fn tickets_are_taken_while_they_are_valid() {
    let realm = realm();
    let tgt = tgt(&realm, |body| body.till = at(HOUR).into());
    let ask = |ticket: Vec<u8>, now: Time| {
        TgsAsk::new(&tgt, WEB).with(|ask| {
            (ask.ticket, ask.now) = (ticket, now);
            ask.authenticator.ctime = now.into();
        })
    };
    let plain = tgt.der.to_vec();
    ask(plain.clone(), at(HOUR - 1)).held(&realm);
    assert_eq!(ask(plain, at(HOUR)).refused(&realm), ErrorCode::KRB_AP_ERR_TKT_EXPIRED);
    let later = forged(&realm, &tgt, |inside| inside.starttime = Some(at(400).into()));
    assert_eq!(ask(later.clone(), NOW).refused(&realm), ErrorCode::KRB_AP_ERR_TKT_NYV);
    ask(later, at(200)).held(&realm);
    let invalid = forged(&realm, &tgt, |inside| inside.flags |= TicketFlags::INVALID);
    assert_eq!(ask(invalid, NOW).refused(&realm), ErrorCode::KRB_AP_ERR_TKT_NYV);
}

#[test]
fn a_ticket_that_is_bound_to_addresses_is_taken_from_there() {
    let realm = realm();
    let v4 = HostAddress { addr_type: AddressType::IPV4, address: &[10, 0, 0, 1] };
    let v6 = HostAddress { addr_type: AddressType::IPV6, address: &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] };
    let tgt = tgt(&realm, |body| body.addresses = vec![v4, v6]);
    let bytes = TgsAsk::new(&tgt, WEB).bytes();
    let issued = |peer: Option<&str>| {
        let peer = peer.map(|peer| peer.parse().unwrap());
        let answer = realm.handle(&Request { bytes: &bytes, transport: Transport::Udp, peer }, NOW);
        let reply = answer.reply.unwrap();
        KdcRep::decode(&reply).map(|_| ()).map_err(|_| KrbError::decode(&reply).unwrap().error_code)
    };
    for peer in [None, Some("10.0.0.1"), Some("::ffff:10.0.0.1"), Some("::1")] {
        assert_eq!(issued(peer), Ok(()));
    }
    for peer in ["10.0.0.2", "::2"] {
        assert_eq!(issued(Some(peer)), Err(ErrorCode::KRB_AP_ERR_BADADDR));
    }
    assert_eq!(TgsAsk::new(&tgt, WEB).held(&realm).inside.caddr, [v4, v6]);
}

#[test]
fn clients_and_services_that_may_not_any_more_are_refused() {
    let good = realm();
    let tgt = tgt(&good, |_| ());
    let bytes = TgsAsk::new(&tgt, WEB).bytes();
    let cases: [(&str, Change, ErrorCode); 6] = [
        ("alice@R.TEST", |entry| entry.disabled = true, ErrorCode::KDC_ERR_CLIENT_REVOKED),
        ("alice@R.TEST", |entry| entry.expires = Some(NOW), ErrorCode::KDC_ERR_NAME_EXP),
        ("HTTP/web@R.TEST", |entry| entry.disabled = true, ErrorCode::KDC_ERR_SERVICE_REVOKED),
        ("HTTP/web@R.TEST", |entry| entry.expires = Some(NOW), ErrorCode::KDC_ERR_SERVICE_EXP),
        ("HTTP/web@R.TEST", |entry| entry.is_service = false, ErrorCode::KDC_ERR_MUST_USE_USER2USER),
        ("HTTP/web@R.TEST", |entry| entry.keys.clear(), ErrorCode::KDC_ERR_ETYPE_NOSUPP),
    ];
    for (name, change, code) in cases {
        assert_eq!(refused(&changed(name, change), &bytes, NOW), code);
    }
    let without = |name: &str| {
        let mut directory = directory();
        directory.remove(&principal(name)).unwrap();
        refused(&over(directory), &bytes, NOW)
    };
    assert_eq!(without("alice@R.TEST"), ErrorCode::KDC_ERR_TGT_REVOKED);
    assert_eq!(without("HTTP/web@R.TEST"), ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
    assert_eq!(without("krbtgt/R.TEST@R.TEST"), ErrorCode::KRB_AP_ERR_NOKEY);
    let elsewhere = TgsAsk::new(&tgt, WEB).with(|ask| ask.body.realm = "S.TEST");
    assert_eq!(elsewhere.refused(&good), ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
    let user = TgsAsk::new(&tgt, &["alice"]);
    assert_eq!(user.refused(&good), ErrorCode::KDC_ERR_MUST_USE_USER2USER);
}

#[test]
fn options_that_need_a_flag_need_it() {
    let realm = realm();
    let (bare, able) = (tgt(&realm, |_| ()), {
        let options = KdcOptions::FORWARDABLE | KdcOptions::PROXIABLE | KdcOptions::RENEWABLE;
        tgt(&realm, |body| body.kdc_options = options)
    });
    for (option, flag) in [
        (KdcOptions::FORWARDABLE, TicketFlags::FORWARDABLE),
        (KdcOptions::FORWARDED, TicketFlags::FORWARDED),
        (KdcOptions::PROXIABLE, TicketFlags::PROXIABLE),
        (KdcOptions::PROXY, TicketFlags::PROXY),
        (KdcOptions::RENEWABLE, TicketFlags::RENEWABLE),
    ] {
        let ask = |tgt| TgsAsk::new(tgt, WEB).with(|ask| ask.body.kdc_options = option);
        assert_eq!(ask(&bare).refused(&realm), ErrorCode::KDC_ERR_BADOPTION, "{option:?}");
        assert!(ask(&able).held(&realm).inside.flags.contains(flag), "{option:?}");
    }
    let wish = KdcOptions::FORWARDABLE | KdcOptions::PROXIABLE;
    let service = changed("HTTP/web@R.TEST", |entry| (entry.allow_forwardable, entry.ok_as_delegate) = (false, true));
    let flags = TgsAsk::new(&able, WEB).with(|ask| ask.body.kdc_options = wish).held(&service).inside.flags;
    assert!(!flags.intersects(TicketFlags::FORWARDABLE | TicketFlags::PROXIABLE));
    assert!(flags.contains(TicketFlags::OK_AS_DELEGATE));
    let proxy_tgt = TgsAsk::new(&able, TGS).with(|ask| ask.body.kdc_options = KdcOptions::PROXY);
    assert_eq!(proxy_tgt.refused(&realm), ErrorCode::KDC_ERR_BADOPTION);
}

#[test]
fn what_is_not_supported_is_refused() {
    let realm = realm();
    let tgt = tgt(&realm, |_| ());
    for option in [KdcOptions::ENC_TKT_IN_SKEY, KdcOptions::CNAME_IN_ADDL_TKT, KdcOptions::ANONYMOUS] {
        let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.body.kdc_options = option);
        assert_eq!(ask.refused(&realm), ErrorCode::KDC_ERR_BADOPTION, "{option:?}");
    }
    let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.body.kdc_options = KdcOptions::POSTDATED);
    assert_eq!(ask.refused(&realm), ErrorCode::KDC_ERR_BADOPTION, "the ticket may not be postdated");
    let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.body.etype = vec![Enctype(23)]);
    assert_eq!(ask.refused(&realm), ErrorCode::KDC_ERR_ETYPE_NOSUPP);
}

#[test]
fn a_forwarded_ticket_has_the_addresses_asked_for_and_hands_the_flag_on() {
    let realm = realm();
    let address = |last: &'static [u8]| HostAddress { addr_type: AddressType::IPV4, address: last };
    let (here, there) = (address(&[10, 0, 0, 1]), address(&[10, 0, 0, 2]));
    let tgt = tgt(&realm, |body| {
        body.kdc_options = KdcOptions::FORWARDABLE;
        body.addresses = vec![here];
    });
    let ask = TgsAsk::new(&tgt, TGS).with(|ask| {
        ask.body.kdc_options = KdcOptions::FORWARDED | KdcOptions::FORWARDABLE;
        ask.body.addresses = vec![there];
    });
    let forwarded = ask.held(&realm);
    assert_eq!(forwarded.inside.caddr, [there]);
    let web = TgsAsk::new(&forwarded, WEB).held(&realm);
    assert!(web.inside.flags.contains(TicketFlags::FORWARDED));
    assert!(!web.inside.flags.contains(TicketFlags::FORWARDABLE));
}

#[test]
fn a_ticket_ends_with_the_one_it_came_from_or_with_the_services_limit() {
    let plain = realm();
    let first = tgt(&plain, |body| body.till = at(10 * HOUR).into());
    let end = |realm: &Realm, till: KerberosTime| {
        TgsAsk::new(&first, WEB).with(|ask| ask.body.till = till).held(realm).inside.endtime
    };
    assert_eq!(end(&plain, at(20 * HOUR).into()), at(10 * HOUR).into());
    assert_eq!(end(&plain, at(2 * HOUR).into()), at(2 * HOUR).into());
    let short = changed("HTTP/web@R.TEST", |entry| entry.max_life = Some(Duration::from_secs(3600)));
    assert_eq!(end(&short, KerberosTime::EPOCH), at(HOUR).into());
    let past = TgsAsk::new(&first, WEB).with(|ask| ask.body.till = at(-5).into());
    assert_eq!(past.refused(&plain), ErrorCode::KDC_ERR_NEVER_VALID);

    let lasting = tgt(&plain, |body| {
        body.kdc_options = KdcOptions::RENEWABLE;
        body.till = at(10 * HOUR).into();
        body.rtime = Some(at(20 * HOUR).into());
    });
    let renewable = |change: fn(&mut KdcReqBody<'static>)| {
        TgsAsk::new(&lasting, WEB).with(|ask| change(&mut ask.body)).held(&plain).inside.renew_till
    };
    assert_eq!(renewable(|body| body.kdc_options = KdcOptions::RENEWABLE), Some(at(20 * HOUR).into()));
    assert_eq!(renewable(|body| body.kdc_options = KdcOptions::RENEWABLE_OK), Some(at(20 * HOUR).into()));
    assert_eq!(renewable(|_| ()), None);
}

#[test]
fn a_renewed_ticket_lives_its_life_again_until_it_may_not() {
    let realm = realm();
    let tgt = tgt(&realm, |body| {
        body.kdc_options = KdcOptions::RENEWABLE | KdcOptions::FORWARDABLE;
        body.till = at(10 * HOUR).into();
        body.rtime = Some(at(15 * HOUR).into());
    });
    let renew = |held: &Held, name: &[&'static str], now: Time| {
        TgsAsk::new(held, name).with(|ask| {
            ask.body.kdc_options = KdcOptions::RENEW;
            ask.now = now;
            ask.authenticator.ctime = now.into();
        })
    };
    let once = renew(&tgt, TGS, at(2 * HOUR)).held(&realm);
    assert_eq!(once.inside.endtime, at(12 * HOUR).into());
    assert_eq!((once.inside.authtime, once.inside.starttime), (tgt.inside.authtime, Some(at(2 * HOUR).into())));
    assert_eq!(once.inside.flags, tgt.inside.flags.without(TicketFlags::INITIAL));
    let twice = renew(&once, TGS, at(9 * HOUR)).held(&realm);
    assert_eq!((twice.inside.endtime, twice.inside.renew_till), (at(15 * HOUR).into(), Some(at(15 * HOUR).into())));
    assert_eq!(renew(&twice, TGS, at(15 * HOUR)).refused(&realm), ErrorCode::KRB_AP_ERR_TKT_EXPIRED);
    assert_eq!(renew(&tgt, TGS, at(10 * HOUR)).refused(&realm), ErrorCode::KRB_AP_ERR_TKT_EXPIRED);

    // Its end is the last there is: what comes from it is not renewable.
    let ask = TgsAsk::new(&twice, WEB).with(|ask| {
        ask.body.kdc_options = KdcOptions::RENEWABLE;
        ask.now = at(9 * HOUR);
        ask.authenticator.ctime = at(9 * HOUR).into();
    });
    assert_eq!(ask.held(&realm).inside.renew_till, None);

    // A ticket for a service can be renewed, for that service alone.
    let web = TgsAsk::new(&tgt, WEB).with(|ask| ask.body.kdc_options = KdcOptions::RENEWABLE).held(&realm);
    renew(&web, WEB, at(HOUR)).held(&realm);
    assert_eq!(renew(&web, TGS, at(HOUR)).refused(&realm), ErrorCode::KRB_AP_ERR_NOT_US);
    assert_eq!(renew(&tgt, WEB, at(HOUR)).refused(&realm), ErrorCode::KDC_ERR_SERVER_NOMATCH);
    let mut directory = directory();
    directory.insert(PrincipalEntry::service(principal("HTTP/web@S.TEST"), &OsRandom, NOW).unwrap());
    directory.insert((*realm.directory.find(&principal("HTTP/web@R.TEST")).unwrap().unwrap()).clone());
    let elsewhere = renew(&web, WEB, at(HOUR)).with(|ask| ask.body.realm = "S.TEST");
    assert_eq!(elsewhere.refused(&super::over(directory)), ErrorCode::KDC_ERR_SERVER_NOMATCH);
    let over = forged(&realm, &tgt, |inside| inside.renew_till = Some(at(HOUR).into()));
    let ask = renew(&tgt, TGS, at(HOUR)).with(|ask| ask.ticket = over);
    assert_eq!(ask.refused(&realm), ErrorCode::KRB_AP_ERR_TKT_EXPIRED);
}

#[test]
fn a_renewed_ticket_keeps_its_addresses() {
    let realm = realm();
    let wish = KdcOptions::FORWARDABLE | KdcOptions::PROXIABLE | KdcOptions::RENEWABLE;
    let tgt = tgt(&realm, |body| body.kdc_options = wish);
    let web = TgsAsk::new(&tgt, WEB).with(|ask| ask.body.kdc_options = wish).held(&realm);
    let renew = |other| TgsAsk::new(&web, WEB).with(|ask| ask.body.kdc_options = KdcOptions::RENEW | other);
    renew(KdcOptions::NONE).held(&realm);
    for other in [KdcOptions::FORWARDED, KdcOptions::PROXY] {
        assert_eq!(renew(other).refused(&realm), ErrorCode::KDC_ERR_BADOPTION, "{other:?}");
    }
}

#[test]
fn old_keys_of_the_realm_open_tickets_that_are_under_way() {
    let mut directory = directory();
    let tgt = tgt(&over(directory.clone()), |_| ());
    directory.change(&principal("krbtgt/R.TEST@R.TEST"), |entry| entry.rekey(&[AES256], &OsRandom, NOW).unwrap());
    let reply = ask(&over(directory.clone()), &TgsAsk::new(&tgt, TGS).bytes(), NOW).unwrap();
    assert_eq!(reply.ticket.enc_part.kvno, Some(2));
    directory.change(&principal("krbtgt/R.TEST@R.TEST"), |entry| entry.rekey(&[AES256], &OsRandom, NOW).unwrap());
    assert_eq!(TgsAsk::new(&tgt, TGS).refused(&over(directory)), ErrorCode::KRB_AP_ERR_BADKEYVER);
}

#[test]
fn restrictions_of_the_client_come_behind_those_of_the_ticket() {
    let realm = realm();
    let tgt = tgt(&realm, |_| ());
    let element = |ad_type, ad_data| AdElement { ad_type: AdType(ad_type), ad_data };
    let (held, added) = (element(200, b"held"), element(201, b"added"));
    let restricted = forged(&realm, &tgt, |inside| inside.authorization_data.0.push(held));
    let ask = |key: &EncryptionKey, usage, plain: &[u8], subkey: Option<KeyRef<'static>>| {
        let cipher: &'static [u8] = sealed(key, usage, plain).leak();
        let sealed = EncryptedData { etype: key.enctype(), kvno: None, cipher };
        TgsAsk::new(&tgt, WEB).with(|ask| {
            ask.ticket = restricted.clone();
            ask.body.enc_authorization_data = Some(sealed);
            ask.authenticator.subkey = subkey;
        })
    };
    let plain = AuthorizationData(vec![added]).to_der();
    let (by_session, by_subkey) =
        (KeyUsage::TGS_REQ_AUTHORIZATION_DATA_SESSION_KEY, KeyUsage::TGS_REQ_AUTHORIZATION_DATA_SUBKEY);
    let web = ask(&tgt.session, by_session, &plain, None).held(&realm);
    assert_eq!(web.inside.authorization_data.0, [held, added]);
    let subkey = EncryptionKey::new(AES256, [5; 32]).unwrap();
    let given = Some(KeyRef { keytype: AES256, keyvalue: &[5; 32] });
    let web = ask(&subkey, by_subkey, &plain, given).held(&realm);
    assert_eq!(web.inside.authorization_data.0, [held, added]);

    let wrong = ask(&tgt.session, by_session, &plain, given);
    assert_eq!(wrong.refused(&realm), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
    let mislabeled = ask(&tgt.session, by_session, &plain, None).with(|ask| {
        let sealed = ask.body.enc_authorization_data.as_mut().unwrap();
        sealed.etype = Enctype(17);
    });
    assert_eq!(mislabeled.refused(&realm), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
    let refused = |plain: &[u8]| ask(&tgt.session, by_session, plain, None).refused(&realm);
    assert_eq!(refused(b"garbage"), ErrorCode::KDC_ERR_POLICY);
    for ad_type in [4, 5, 8, 70, 96, 97, 128] {
        let forbidden = AuthorizationData(vec![element(ad_type, b"")]).to_der();
        assert_eq!(refused(&forbidden), ErrorCode::KDC_ERR_POLICY, "{ad_type}");
        let wrapped = AuthorizationData(vec![element(1, forbidden.leak())]).to_der();
        assert_eq!(refused(&wrapped), ErrorCode::KDC_ERR_POLICY, "{ad_type} inside AD-IF-RELEVANT");
    }
    let many = AuthorizationData(vec![added; 64]).to_der();
    assert_eq!(refused(&many), ErrorCode::KDC_ERR_POLICY);
}

#[test]
fn the_transited_flag_and_the_checksum_of_the_request_are_as_asked_for() {
    let realm = realm();
    let tgt = tgt(&realm, |_| ());
    let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.body.kdc_options = KdcOptions::DISABLE_TRANSITED_CHECK);
    assert!(!ask.held(&realm).inside.flags.contains(TicketFlags::TRANSITED_POLICY_CHECKED));
    let wish = PaData { padata_type: PaDataType::REQ_ENC_PA_REP, padata_value: &[] };
    let ask = TgsAsk::new(&tgt, WEB).with(|ask| ask.padata = vec![wish]);
    let bytes = ask.bytes();
    let reply = super::ask(&realm, &bytes, NOW).unwrap();
    let held = open(&realm, &reply, &tgt.session, KeyUsage::TGS_REP_ENC_PART_SESSION_KEY);
    let checksum = Checksum::decode(held.reply.encrypted_pa_data[0].padata_value).unwrap();
    assert_eq!(ChecksumKey::new(&tgt.session, KeyUsage(56)).unwrap().verify(&[&bytes], checksum.checksum), Ok(()));
}
