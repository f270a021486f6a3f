use super::*;
use handfast::krb5::message::{AddressType, EtypeInfo2, HostAddress, LrType, MethodData, TicketFlags};
use std::time::Duration;

fn preauth_hints(error: &KrbError<'static>) -> (Vec<PaDataType>, EtypeInfo2<'static>) {
    let MethodData(methods) = MethodData::decode(error.e_data.unwrap()).unwrap();
    let info = methods.iter().find(|method| method.padata_type == PaDataType::ETYPE_INFO2).unwrap();
    let info = EtypeInfo2::decode(info.padata_value).unwrap();
    (methods.iter().map(|method| method.padata_type).collect(), info)
}

#[test]
fn without_proof_the_client_is_told_how_to_prove_itself() {
    let realm = changed("alice@R.TEST", |alice| {
        alice.set_password(PASSWORD, &[AES256, Enctype::AES128_CTS_HMAC_SHA1_96], Some(5000), NOW).unwrap();
    });
    let etype = vec![Enctype(1), Enctype::AES128_CTS_HMAC_SHA1_96, AES256, Enctype::AES128_CTS_HMAC_SHA256_128];
    let body = KdcReqBody { etype, ..as_body() };
    let error = ask(&realm, &request(KdcExchange::As, vec![], &body), NOW).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_REQUIRED);
    assert_eq!((error.stime.with_micros(error.susec), error.ctime), (NOW, None));
    assert_eq!((error.crealm, error.realm), (Some("R.TEST"), "R.TEST"));
    assert_eq!((error.cname.clone(), Some(error.sname.clone())), (body.cname.clone(), body.sname.clone()));
    let (methods, info) = preauth_hints(&error);
    let expected = [PaDataType::FX_FAST, PaDataType::ETYPE_INFO2, PaDataType::ENC_TIMESTAMP, PaDataType::FX_COOKIE];
    assert_eq!(methods, expected);
    let told: Vec<_> = info.0.iter().map(|entry| (entry.etype.0, entry.salt, entry.s2kparams)).collect();
    let (salt, parameters) = (Some("R.TESTalice"), Some(&[0, 0, 0x13, 0x88][..]));
    assert_eq!(told, [(17, salt, parameters), (18, salt, parameters)]);
}

#[test]
fn an_enctype_that_is_named_again_and_again_is_hinted_at_once() {
    let mut body = as_body();
    body.etype = vec![AES256; 64];
    let reply = ask(&realm(), &request(KdcExchange::As, vec![], &body), NOW).unwrap_err();
    assert_eq!(preauth_hints(&reply).1.0.len(), 1);
}

#[test]
fn an_error_too_long_for_udp_is_asked_for_by_tcp() {
    let settings = Settings { udp_reply_limit: 200, ..Settings::default() };
    let realm = Realm::new("R.TEST", Arc::new(directory()), settings, Arc::new(OsRandom));
    let bytes = request(KdcExchange::As, vec![], &as_body());
    let error = ask(&realm, &bytes, NOW).unwrap_err();
    assert_eq!((error.error_code, error.e_data), (ErrorCode::KRB_ERR_RESPONSE_TOO_BIG, None));
    let by_tcp = realm.handle(&Request { bytes: &bytes, transport: Transport::Tcp, peer: None }, NOW);
    let reply = by_tcp.reply.unwrap();
    assert!(reply.len() > 200);
    assert_eq!(KrbError::decode(&reply).unwrap().error_code, ErrorCode::KDC_ERR_PREAUTH_REQUIRED);
}

#[test]
fn a_proof_with_a_key_of_any_enctype_gets_a_ticket() {
    for enctype in Enctype::strong() {
        let realm = realm();
        let body = KdcReqBody { etype: vec![enctype], ..as_body() };
        let key = user_key(enctype);
        let reply = ask(&realm, &proven(&body, &key, NOW), NOW).unwrap();
        assert_eq!(
            (reply.exchange, reply.crealm, Some(&reply.cname)),
            (KdcExchange::As, "R.TEST", body.cname.as_ref())
        );
        assert_eq!((reply.enc_part.etype, reply.enc_part.kvno), (enctype, Some(1)));
        assert_eq!((reply.ticket.enc_part.etype, reply.ticket.enc_part.kvno), (AES256, Some(1)));
        let info = EtypeInfo2::decode(reply.padata[0].padata_value).unwrap();
        assert_eq!((info.0[0].etype, info.0[0].salt, info.0[0].s2kparams), (enctype, Some("R.TESTalice"), None));

        let held = open(&realm, &reply, &key, KeyUsage::AS_REP_ENC_PART);
        assert_eq!(held.session.enctype(), enctype);
        assert_eq!((held.reply.nonce, held.reply.key_expiration), (body.nonce, None));
        assert_eq!(held.reply.flags, TicketFlags::INITIAL | TicketFlags::PRE_AUTHENT | TicketFlags::ENC_PA_REP);
        assert_eq!((held.inside.crealm, Some(held.inside.cname.clone())), ("R.TEST", body.cname.clone()));
        assert_eq!((held.reply.srealm, Some(held.reply.sname.clone())), ("R.TEST", body.sname.clone()));
        assert_eq!(held.inside.authtime, NOW.into());
        assert_eq!(held.inside.endtime, at(24 * HOUR).into());
        assert_eq!((held.inside.renew_till, held.inside.caddr.len()), (None, 0));
    }
}

#[test]
fn session_keys_are_new_each_time() {
    let realm = realm();
    let (one, two) = (tgt(&realm, |_| ()), tgt(&realm, |_| ()));
    assert_ne!(one.session.bytes(), two.session.bytes());
    assert_ne!(one.der, two.der);
}

#[test]
fn a_wrong_password_is_refused_with_hints() {
    let key = string_to_key(AES256, b"wrong", b"R.TESTalice", None).unwrap();
    let error = ask(&realm(), &proven(&as_body(), &key, NOW), NOW).unwrap_err();
    assert_eq!((error.error_code, error.ctime), (ErrorCode::KDC_ERR_PREAUTH_FAILED, None));
    assert_eq!(preauth_hints(&error).1.0.len(), 1);
}

#[test]
fn a_key_of_another_usage_or_a_changed_password_is_refused() {
    let plain = PaEncTsEnc { patimestamp: NOW.into(), pausec: None }.to_der();
    let cipher = sealed(&user_key(AES256), KeyUsage::TICKET, &plain);
    let value = EncryptedData { etype: AES256, kvno: None, cipher: &cipher }.to_der();
    let padata = vec![PaData { padata_type: PaDataType::ENC_TIMESTAMP, padata_value: &value }];
    let bytes = request(KdcExchange::As, padata, &as_body());
    assert_eq!(refused(&realm(), &bytes, NOW), ErrorCode::KDC_ERR_PREAUTH_FAILED);

    let realm = changed("alice@R.TEST", |alice| alice.set_password(b"new", &[AES256], None, NOW).unwrap());
    let bytes = proven(&as_body(), &user_key(AES256), NOW);
    assert_eq!(refused(&realm, &bytes, NOW), ErrorCode::KDC_ERR_PREAUTH_FAILED);
}

#[test]
fn old_keys_of_a_principal_with_several_versions_prove_nothing() {
    let mut directory = directory();
    let service = principal("HTTP/web@R.TEST");
    let old = directory.keytab(&service).find(&service, None, AES256).unwrap().key.clone();
    directory.change(&service, |entry| entry.rekey(&[AES256], &OsRandom, NOW).unwrap());
    let keytab = directory.keytab(&service);
    let new = keytab.find(&service, Some(2), AES256).unwrap().key.clone();
    assert_eq!(keytab.find(&service, Some(1), AES256).unwrap().key, old);
    let realm = over(directory);
    let cname = PrincipalName { name_type: NameType::SRV_HST, name_string: vec!["HTTP", "web"] };
    let body = KdcReqBody { cname: Some(cname), ..as_body() };
    assert!(ask(&realm, &proven(&body, &new, NOW), NOW).is_ok());
    assert_eq!(refused(&realm, &proven(&body, &old, NOW), NOW), ErrorCode::KDC_ERR_PREAUTH_FAILED);
}

#[test]
fn a_clock_that_is_off_is_told_our_time() {
    let key = user_key(AES256);
    for (seconds, code) in [(301, Some(37)), (-301, Some(37)), (300, None), (-300, None)] {
        let result = ask(&realm(), &proven(&as_body(), &key, at(seconds)), NOW);
        assert_eq!(result.as_ref().err().map(|error| error.error_code.0), code, "{seconds}");
        if let Err(error) = result {
            assert_eq!(error.stime.with_micros(error.susec), NOW);
            assert_eq!(error.ctime.unwrap().with_micros(error.cusec.unwrap()), at(seconds));
        }
    }
}

#[test]
fn accounts_and_services_that_may_not_are_refused() {
    let cases: [(&str, Change, ErrorCode); 7] = [
        ("alice@R.TEST", |entry| entry.disabled = true, ErrorCode::KDC_ERR_CLIENT_REVOKED),
        ("alice@R.TEST", |entry| entry.expires = Some(NOW), ErrorCode::KDC_ERR_NAME_EXP),
        ("alice@R.TEST", |entry| entry.password_expires = Some(NOW), ErrorCode::KDC_ERR_KEY_EXPIRED),
        ("alice@R.TEST", |entry| entry.keys.clear(), ErrorCode::KDC_ERR_ETYPE_NOSUPP),
        ("krbtgt/R.TEST@R.TEST", |entry| entry.disabled = true, ErrorCode::KDC_ERR_SERVICE_REVOKED),
        ("krbtgt/R.TEST@R.TEST", |entry| entry.expires = Some(NOW), ErrorCode::KDC_ERR_SERVICE_EXP),
        ("krbtgt/R.TEST@R.TEST", |entry| entry.is_service = false, ErrorCode::KDC_ERR_MUST_USE_USER2USER),
    ];
    let bytes = proven(&as_body(), &user_key(AES256), NOW);
    for (name, change, code) in cases {
        assert_eq!(refused(&changed(name, change), &bytes, NOW), code);
    }
    let soon = changed("alice@R.TEST", |entry| entry.expires = Some(at(1)));
    assert!(ask(&soon, &bytes, NOW).is_ok());
}

#[test]
fn unknown_names_are_refused() {
    let named = |name: &'static str| Some(PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec![name] });
    let refused = |body: &KdcReqBody<'_>| refused(&realm(), &proven(body, &user_key(AES256), NOW), NOW);
    let unknown = ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN;
    assert_eq!(refused(&KdcReqBody { cname: named("mallory"), ..as_body() }), unknown);
    assert_eq!(refused(&KdcReqBody { cname: None, ..as_body() }), unknown);
    assert_eq!(refused(&KdcReqBody { realm: "ELSEWHERE", ..as_body() }), unknown);
    let unknown = ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN;
    assert_eq!(refused(&KdcReqBody { sname: named("nobody"), ..as_body() }), unknown);
    assert_eq!(refused(&KdcReqBody { sname: None, ..as_body() }), unknown);
    let user = KdcReqBody { sname: named("alice"), ..as_body() };
    assert_eq!(refused(&user), ErrorCode::KDC_ERR_MUST_USE_USER2USER);
}

#[test]
fn enctypes_that_fit_nobody_are_refused() {
    let key = user_key(AES256);
    let code = |realm: &Realm, etype: Vec<Enctype>| {
        let body = KdcReqBody { etype, ..as_body() };
        refused(realm, &proven(&body, &key, NOW), NOW)
    };
    let refused = ErrorCode::KDC_ERR_ETYPE_NOSUPP;
    assert_eq!(code(&realm(), vec![]), refused);
    assert_eq!(code(&realm(), vec![Enctype(23), Enctype(3)]), refused);
    // The timestamp is under an enctype that the client did not list.
    assert_eq!(code(&realm(), vec![Enctype::AES128_CTS_HMAC_SHA1_96]), refused);
    let narrow = changed("krbtgt/R.TEST@R.TEST", |entry| entry.session_enctypes = Some(vec![Enctype(17)]));
    assert_eq!(code(&narrow, vec![AES256]), refused);
    let settings = Settings { session_enctypes: vec![Enctype(17)], ..Settings::default() };
    let narrow = Realm::new("R.TEST", Arc::new(directory()), settings, Arc::new(OsRandom));
    assert_eq!(code(&narrow, vec![AES256]), refused);
}

#[test]
fn the_requests_order_of_enctypes_decides() {
    let etype = [17, 99, 20, 18].map(Enctype).to_vec();
    let held = tgt(&realm(), |body| body.etype = etype.clone());
    assert_eq!(held.session.enctype(), Enctype(17));
    let narrow = changed("krbtgt/R.TEST@R.TEST", |entry| entry.session_enctypes = Some(vec![Enctype(20)]));
    let held = tgt(&narrow, |body| body.etype = etype);
    assert_eq!(held.session.enctype(), Enctype(20));
}

#[test]
fn options_of_tickets_from_tickets_are_refused() {
    for option in [
        KdcOptions::FORWARDED,
        KdcOptions::PROXY,
        KdcOptions::RENEW,
        KdcOptions::VALIDATE,
        KdcOptions::ENC_TKT_IN_SKEY,
        KdcOptions::CNAME_IN_ADDL_TKT,
        KdcOptions::ANONYMOUS,
    ] {
        let body = KdcReqBody { kdc_options: option, ..as_body() };
        let bytes = proven(&body, &user_key(AES256), NOW);
        assert_eq!(refused(&realm(), &bytes, NOW), ErrorCode::KDC_ERR_BADOPTION, "{option:?}");
    }
}

#[test]
fn postdated_tickets_are_refused() {
    let code = |change: fn(&mut KdcReqBody<'static>)| {
        let mut body = as_body();
        change(&mut body);
        ask(&realm(), &proven(&body, &user_key(AES256), NOW), NOW).err().map(|error| error.error_code)
    };
    let refused = Some(ErrorCode::KDC_ERR_CANNOT_POSTDATE);
    assert_eq!(code(|body| body.kdc_options = KdcOptions::POSTDATED), refused);
    assert_eq!(code(|body| body.kdc_options = KdcOptions::ALLOW_POSTDATE), refused);
    assert_eq!(code(|body| body.from = Some(at(301).into())), refused);
    assert_eq!(code(|body| body.from = Some(at(299).into())), None);
    assert_eq!(code(|body| body.from = Some(at(-HOUR).into())), None);
}

#[test]
fn flags_are_those_asked_for_and_allowed() {
    let wish = KdcOptions::FORWARDABLE | KdcOptions::PROXIABLE;
    let granted = TicketFlags::FORWARDABLE | TicketFlags::PROXIABLE;
    let flags = |realm: Realm| tgt(&realm, |body| body.kdc_options = wish).inside.flags;
    assert!(flags(realm()).contains(granted));
    for name in ["alice@R.TEST", "krbtgt/R.TEST@R.TEST"] {
        assert!(!flags(changed(name, |entry| entry.allow_forwardable = false)).intersects(granted));
    }
    let ok = changed("krbtgt/R.TEST@R.TEST", |entry| entry.ok_as_delegate = true);
    assert!(flags(ok).contains(TicketFlags::OK_AS_DELEGATE));
}

#[test]
fn without_required_pre_authentication_the_ticket_says_so() {
    let realm = changed("alice@R.TEST", |entry| entry.requires_preauth = false);
    let reply = ask(&realm, &request(KdcExchange::As, vec![], &as_body()), NOW).unwrap();
    let held = open(&realm, &reply, &user_key(AES256), KeyUsage::AS_REP_ENC_PART);
    assert!(!held.inside.flags.contains(TicketFlags::PRE_AUTHENT));
    assert!(tgt(&realm, |_| ()).inside.flags.contains(TicketFlags::PRE_AUTHENT));
    // A proof that is there is checked, even if none is needed.
    let wrong = string_to_key(AES256, b"wrong", b"R.TESTalice", None).unwrap();
    assert_eq!(refused(&realm, &proven(&as_body(), &wrong, NOW), NOW), ErrorCode::KDC_ERR_PREAUTH_FAILED);
}

#[test]
fn a_ticket_lives_as_long_as_all_agree_on() {
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
    let end = |realm: &Realm, till: KerberosTime| tgt(realm, |body| body.till = till).inside.endtime;
    assert_eq!(end(&realm(), at(HOUR).into()), at(HOUR).into());
    assert_eq!(end(&realm(), at(48 * HOUR).into()), at(24 * HOUR).into());
    for name in ["alice@R.TEST", "krbtgt/R.TEST@R.TEST"] {
        let realm = changed(name, |entry| entry.max_life = hours(3));
        assert_eq!(end(&realm, KerberosTime::EPOCH), at(3 * HOUR).into());
    }
    let body = KdcReqBody { till: at(0).into(), ..as_body() };
    let bytes = proven(&body, &user_key(AES256), NOW);
    assert_eq!(refused(&realm(), &bytes, NOW), ErrorCode::KDC_ERR_NEVER_VALID);
}

#[test]
fn a_ticket_is_renewable_if_that_was_asked_for_and_is_allowed() {
    let till = |realm: &Realm, options, till: i64, rtime: Option<i64>| {
        let held = tgt(realm, |body| {
            body.kdc_options = options;
            body.till = at(till).into();
            body.rtime = rtime.map(|seconds| at(seconds).into());
        });
        assert_eq!(held.inside.flags.contains(TicketFlags::RENEWABLE), held.inside.renew_till.is_some());
        held.inside.renew_till
    };
    let day = 24 * HOUR;
    let renewable = KdcOptions::RENEWABLE;
    assert_eq!(till(&realm(), KdcOptions::NONE, day, Some(2 * day)), None);
    assert_eq!(till(&realm(), renewable, day, Some(2 * day)), Some(at(2 * day).into()));
    assert_eq!(till(&realm(), renewable, day, Some(20 * day)), Some(at(7 * day).into()));
    assert_eq!(till(&realm(), renewable, day, None), Some(at(7 * day).into()));
    assert_eq!(till(&realm(), renewable, day, Some(HOUR)), None);
    assert_eq!(till(&realm(), KdcOptions::RENEWABLE_OK, day, None), None);
    assert_eq!(till(&realm(), KdcOptions::RENEWABLE_OK, 2 * day, None), Some(at(2 * day).into()));
    let short = changed("alice@R.TEST", |entry| entry.max_renewable_life = Some(Duration::ZERO));
    assert_eq!(till(&short, renewable, day, Some(2 * day)), None);
}

#[test]
fn addresses_are_copied() {
    let address = HostAddress { addr_type: AddressType::IPV4, address: &[10, 0, 0, 1] };
    let held = tgt(&realm(), |body| body.addresses = vec![address]);
    assert_eq!((held.inside.caddr, held.reply.caddr), (vec![address], vec![address]));
}

#[test]
fn the_client_learns_when_its_password_expires() {
    let realm = changed("alice@R.TEST", |entry| {
        entry.password_expires = Some(at(1000));
        entry.expires = Some(at(2000));
    });
    let held = tgt(&realm, |_| ());
    assert_eq!(held.reply.key_expiration, Some(at(1000).into()));
    let told: Vec<_> = held.reply.last_req.iter().map(|entry| (entry.lr_type, entry.lr_value)).collect();
    assert_eq!(told, [(LrType::PASSWORD_EXPIRES, at(1000).into()), (LrType::ACCOUNT_EXPIRES, at(2000).into())]);
}

#[test]
fn the_request_is_vouched_for_if_the_client_wants_that() {
    let realm = realm();
    let key = user_key(AES256);
    let value = timestamp(&key, NOW);
    let padata = |padata_type, padata_value| PaData { padata_type, padata_value };
    let wishes = vec![padata(PaDataType::REQ_ENC_PA_REP, &[]), padata(PaDataType::ENC_TIMESTAMP, &value)];
    let bytes = request(KdcExchange::As, wishes, &as_body());
    let held = open(&realm, &ask(&realm, &bytes, NOW).unwrap(), &key, KeyUsage::AS_REP_ENC_PART);
    let [padata, takes_fast] = held.reply.encrypted_pa_data[..] else { panic!() };
    assert_eq!((takes_fast.padata_type, takes_fast.padata_value), (PaDataType::FX_FAST, &b""[..]));
    assert_eq!(padata.padata_type, PaDataType::REQ_ENC_PA_REP);
    let checksum = Checksum::decode(padata.padata_value).unwrap();
    assert_eq!(checksum.cksumtype, ChecksumType(16));
    assert_eq!(ChecksumKey::new(&key, KeyUsage(56)).unwrap().verify(&[&bytes], checksum.checksum), Ok(()));
    assert!(tgt(&realm, |_| ()).reply.encrypted_pa_data.is_empty());
}

#[test]
fn a_reply_too_long_for_udp_is_sent_by_tcp() {
    let settings = Settings { udp_reply_limit: 500, ..Settings::default() };
    let realm = Realm::new("R.TEST", Arc::new(directory()), settings, Arc::new(OsRandom));
    let bytes = proven(&as_body(), &user_key(AES256), NOW);
    assert_eq!(refused(&realm, &bytes, NOW), ErrorCode::KRB_ERR_RESPONSE_TOO_BIG);
    let answer = realm.handle(&Request { bytes: &bytes, transport: Transport::Tcp, peer: None }, NOW);
    assert!(KdcRep::decode(&answer.reply.unwrap()).is_ok());
}

#[test]
fn an_expired_password_gets_a_ticket_to_change_it_and_no_other() {
    let mut directory = directory();
    directory.change(&principal("alice@R.TEST"), |alice| alice.password_expires = Some(NOW));
    directory.insert(PrincipalEntry::service(principal("kadmin/changepw@R.TEST"), &OsRandom, NOW).unwrap());
    let realm = over(directory);
    let cname = as_body().cname;
    let to_change = KdcReqBody { cname, ..body(&["kadmin", "changepw"]) };
    assert!(ask(&realm, &proven(&to_change, &user_key(AES256), NOW), NOW).is_ok());
    assert_eq!(refused(&realm, &proven(&as_body(), &user_key(AES256), NOW), NOW), ErrorCode::KDC_ERR_KEY_EXPIRED);
    // A realm without that service says so of the password, not of the service.
    let without = changed("alice@R.TEST", |alice| alice.password_expires = Some(NOW));
    assert_eq!(refused(&without, &proven(&to_change, &user_key(AES256), NOW), NOW), ErrorCode::KDC_ERR_KEY_EXPIRED);
}
