use super::scripted_kdc::{Padata, check_timestamp, hints, methods, refusal, wants_proof};
use super::*;
use crate::crypto::Secret;
use crate::krb5::HostAddress;
use crate::krb5::enctype::string_to_key;
use crate::krb5::exchange::Mismatch;
use crate::krb5::message::{
    ErrorCode, EtypeInfo, EtypeInfoEntry, KdcExchange, KdcOptions, KerberosTime, PaDataType, PaPacRequest, TicketFlags,
};
use alloc::boxed::Box;
use alloc::string::ToString;
use core::net::IpAddr;
use core::time::Duration;

fn options() -> TicketOptions {
    TicketOptions::default()
}

fn mismatch(result: Result<HeldTicket, ExchangeError>) -> Mismatch {
    match result {
        Err(ExchangeError::Mismatch(mismatch)) => *mismatch,
        other => panic!("{other:?}"),
    }
}

fn spoilt(change: impl FnOnce(&mut Reply)) -> Mismatch {
    mismatch(answered(options(), change))
}

/// A login with a password against a KDC that wants a proof, given these methods' hints, and the reply's own.
fn proven(
    options: TicketOptions,
    entries: &[(i32, Option<&str>, Option<u32>)],
    in_reply: &[(i32, Option<&str>, Option<u32>)],
    key: &EncryptionKey,
) -> Result<HeldTicket, ExchangeError> {
    let password = ClientSecret::Password(Secret::new(b"alice-pw".to_vec()));
    let mut first = true;
    Login::new(alice(), password, options, random()).run(|request| {
        if core::mem::take(&mut first) {
            return wants_proof(&methods(entries));
        }
        check_timestamp(&request.bytes, key);
        let mut reply = Reply::to_login(&request.bytes, key);
        if !in_reply.is_empty() {
            reply.padata = vec![(PaDataType::ETYPE_INFO2, hints(in_reply))];
        }
        reply.to_bytes()
    })
}

#[test]
fn a_ticket_is_what_the_kdc_says_under_the_clients_key() {
    let ticket = answered(options(), |reply| reply.renew_till = Some(seconds(90_000))).unwrap();
    assert_eq!((ticket.client.clone(), ticket.server.to_string()), (alice(), "krbtgt/EXAMPLE.COM@EXAMPLE.COM".into()));
    assert_eq!(ticket.key, key(18, 0x5e));
    assert_eq!((ticket.auth_time, ticket.start_time, ticket.end_time), (NOW, Some(NOW), seconds(36_000)));
    assert_eq!(ticket.renew_till, Some(seconds(90_000)));
    assert_eq!(ticket.flags, TicketFlags::INITIAL.with(TicketFlags::ENC_PA_REP));
    assert!(!ticket.ticket.is_empty() && ticket.addresses.is_empty() && !ticket.is_skey);
}

#[test]
fn a_postdated_ticket_begins_when_it_was_asked_for_and_only_that_may_be_invalid() {
    let (hour, invalid) = (3600, TicketFlags::INVALID | TicketFlags::POSTDATED);
    let options = TicketOptions { start_in: Some(Duration::from_secs(2 * 3600)), ..options() };
    let beginning = |start: i64| {
        answered(options.clone(), move |reply| {
            (reply.starttime, reply.endtime) = (Some(seconds(start)), seconds(start + hour));
            reply.flags |= invalid;
        })
    };
    assert_eq!(beginning(2 * hour).unwrap().start_time, Some(seconds(2 * hour)));
    assert_eq!(beginning(2 * hour + 300).unwrap().start_time, Some(seconds(2 * hour + 300)));
    assert!(matches!(beginning(2 * hour + 301), Err(ExchangeError::ClockSkew { .. })));
    assert_eq!(spoilt(|reply| reply.flags |= invalid), Mismatch::InvalidFlag);
    let Ok(ExchangeStep::NeedsKdc(_, request)) = key_login(options).begin(NOW) else { panic!() };
    let body = decode(&request).req_body.into_value();
    assert!(body.kdc_options.contains(KdcOptions::POSTDATED | KdcOptions::ALLOW_POSTDATE));
    assert_eq!((body.from, body.till), (Some(seconds(2 * hour).into()), seconds(26 * hour).into()));
}

#[test]
fn the_first_request_says_what_is_wished() {
    let wishes = TicketOptions {
        lifetime: Duration::from_secs(600),
        renewable_for: Some(Duration::from_secs(1200)),
        forwardable: true,
        proxiable: true,
        ..options()
    };
    let ExchangeStep::NeedsKdc(login, request) = key_login(wishes).begin(NOW).unwrap() else { panic!() };
    let (body, padata) = (decode(&request).req_body, decode(&request).padata);
    assert_eq!((&*request.realm, request.tcp_required), (REALM, false));
    assert_eq!(body.kdc_options, KdcOptions::FORWARDABLE.with(KdcOptions::PROXIABLE).with(KdcOptions::RENEWABLE));
    assert_eq!((body.till, body.rtime), (seconds(600).into(), Some(seconds(1200).into())));
    assert_eq!((body.realm, body.nonce, body.from), (REALM, 0x0101_0101, None::<KerberosTime>));
    assert_eq!(body.etype, [17, 20, 19, 18, 26, 25].map(Enctype), "those with a key in front");
    let types: Vec<_> = padata.iter().map(|padata| padata.padata_type).collect();
    assert_eq!(types, [PaDataType::REQ_ENC_PA_REP]);
    assert_eq!(alloc::format!("{login:?}"), "Login { client: Principal(alice@EXAMPLE.COM, type 1), .. }");
}

#[test]
fn a_login_is_bound_to_the_addresses_asked_for_or_by_its_kdc_to_none() {
    let here = HostAddress::from(IpAddr::from([192, 0, 2, 1]));
    let bound = || TicketOptions { addresses: vec![here.clone()], ..options() };
    assert_eq!(answered(bound(), |_| {}).unwrap().addresses, core::slice::from_ref(&here));
    assert_eq!(answered(bound(), |reply| reply.addresses.clear()).unwrap().addresses, []);
    let other = |options| mismatch(answered(options, |reply| reply.addresses = vec![[192, 0, 2, 2]]));
    assert_eq!(other(bound()), Mismatch::Addresses);
    assert_eq!(other(options()), Mismatch::Addresses);
    let more = |reply: &mut Reply| reply.addresses.push([192, 0, 2, 2]);
    assert_eq!(mismatch(answered(bound(), more)), Mismatch::Addresses);
}

#[test]
fn each_request_of_a_login_says_what_is_wished_of_pacs() {
    for wish in [None, Some(true), Some(false)] {
        let password = ClientSecret::Password(Secret::new(b"alice-pw".to_vec()));
        let salt = "EXAMPLE.COMalice";
        let with = string_to_key(Enctype(18), b"alice-pw", salt.as_bytes(), None).unwrap();
        let mut said = Vec::new();
        let login = Login::new(alice(), password, TicketOptions { request_pac: wish, ..options() }, random());
        let got = login.run(|request| {
            let padata = decode(request).padata;
            let pac = padata.iter().find(|padata| padata.padata_type == PaDataType::PAC_REQUEST);
            said.push(pac.map(|padata| PaPacRequest::decode(padata.padata_value).unwrap().include_pac));
            match said.len() {
                1 => wants_proof(&methods(&[(18, Some(salt), None)])),
                _ => Reply::to_login(&request.bytes, &with).to_bytes(),
            }
        });
        got.unwrap();
        assert_eq!(said, [wish, wish]);
    }
}

#[test]
fn nonces_have_31_bits() {
    struct Ones;
    impl Random for Ones {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
            out.fill(0xff);
            Ok(())
        }
    }
    let login = Login::new(alice(), ClientSecret::Keys(vec![client_key()]), options(), Arc::new(Ones));
    let ExchangeStep::NeedsKdc(_, request) = login.begin(NOW).unwrap() else { panic!() };
    assert_eq!(decode(&request).req_body.nonce, 0x7fff_ffff);
}

#[test]
fn another_service_can_be_asked_for() {
    let asking = |name: &str| TicketOptions { service: Some(name.parse().unwrap()), ..options() };
    for name in ["kadmin/changepw", "kadmin/changepw@EXAMPLE.COM"] {
        assert_eq!(answered(asking(name), |_| {}).unwrap().server, principal("kadmin/changepw"));
    }
    let misuse = |result| assert!(matches!(result, Err(ExchangeError::ApiMisuse(_))), "{result:?}");
    misuse(answered(asking("kadmin/changepw@OTHER.ORG"), |_| {}));
    let nowhere = Login::new("alice".parse().unwrap(), ClientSecret::Keys(vec![client_key()]), options(), random());
    misuse(nowhere.run(|_| panic!()));
    misuse(key_login(options()).reply(b"", NOW).map(|_| tgt()));
}

#[test]
fn a_reply_of_the_other_tag_number_is_taken() {
    // RFC 4120 5.4.2: some KDCs send EncTGSRepPart in an AS-REP.
    assert!(answered(options(), |reply| reply.part_exchange = KdcExchange::Tgs).is_ok());
}

#[test]
fn names_are_those_asked_for_inside_and_outside() {
    for wrong in ["mallory@EXAMPLE.COM", "alice@OTHER.ORG", "alice/admin@EXAMPLE.COM"] {
        let got: Principal = wrong.parse().unwrap();
        let expected = Mismatch::Client { asked: alice(), got: got.clone() };
        assert_eq!(spoilt(|reply| reply.client = got), expected);
    }
    let asked = principal("krbtgt/EXAMPLE.COM");
    for wrong in ["krbtgt/OTHER.ORG@EXAMPLE.COM", "krbtgt/EXAMPLE.COM@OTHER.ORG", "kadmin/changepw@EXAMPLE.COM"] {
        let got: Principal = wrong.parse().unwrap();
        let (asked, inside, outside) = (asked.clone(), got.clone(), got.clone());
        let expected = Mismatch::Service { asked: asked.clone(), got: got.clone() };
        assert_eq!(spoilt(|reply| reply.service = inside), expected, "inside alone");
        let expected = Mismatch::TicketService { asked, got };
        assert_eq!(spoilt(|reply| reply.ticket_service = outside), expected, "outside alone");
    }
}

#[test]
fn another_nonce_is_another_request() {
    assert_eq!(spoilt(|reply| reply.nonce ^= 1), Mismatch::Nonce);
}

#[test]
fn a_reply_of_the_other_exchange_is_refused() {
    assert_eq!(spoilt(|reply| reply.exchange = KdcExchange::Tgs), Mismatch::Exchange);
}

#[test]
fn enctypes_are_those_offered() {
    let only = TicketOptions { enctypes: vec![Enctype(17)], ..options() };
    let offered = vec![Enctype(17)];
    assert_eq!(
        mismatch(answered(only.clone(), |_| {})),
        Mismatch::SessionKeyEnctype { got: Enctype(18), offered: offered.clone() }
    );
    let strong = TicketOptions { enctypes: vec![Enctype(17), Enctype(18)], ..options() };
    let offered_strong = strong.enctypes.clone();
    assert_eq!(
        mismatch(answered(strong, |reply| reply.key = key(19, 1))),
        Mismatch::ReplyEnctype { got: Enctype(19), offered: offered_strong }
    );
    assert!(answered(only, |reply| reply.session_key = key(17, 1)).is_ok());
}

#[test]
fn a_reply_under_an_enctype_without_a_key_names_both_sides() {
    let error = answered(options(), |reply| reply.key = key(18, 1)).unwrap_err();
    let expected = ExchangeError::NoCommonEnctype { client: alice(), ours: vec![Enctype(17)], kdc: vec![] };
    assert_eq!(error, expected);
}

#[test]
fn a_ticket_is_good_now_and_no_longer_than_asked_for() {
    let limit = Duration::from_secs(300);
    let skew = |seconds| Err(ExchangeError::ClockSkew { seconds, limit });
    let strict = || TicketOptions { kdc_timesync: false, ..options() };
    assert_eq!(answered(strict(), |reply| reply.authtime = seconds(-301)), skew(-301));
    assert_eq!(answered(strict(), |reply| reply.authtime = seconds(301)), skew(301));
    for good in [-300, 300] {
        let both = |reply: &mut Reply| (reply.authtime, reply.starttime) = (seconds(good), None);
        assert!(answered(strict(), both).is_ok());
    }
    for options in [strict(), options()] {
        assert_eq!(answered(options, |reply| reply.starttime = Some(seconds(301))), skew(301));
    }
    let ended = |start, end| Mismatch::Ended { start, end, now: NOW };
    assert_eq!(spoilt(|reply| reply.endtime = NOW), ended(NOW, NOW));
    let backwards = |reply: &mut Reply| (reply.starttime, reply.endtime) = (Some(seconds(9)), seconds(9));
    assert_eq!(spoilt(backwards), ended(seconds(9), seconds(9)));
    let (asked, end) = (seconds(86_400), seconds(86_401));
    assert_eq!(spoilt(|reply| reply.endtime = end), Mismatch::EndsTooLate { asked, end });
    assert!(answered(options(), |reply| reply.endtime = asked).is_ok());
}

#[test]
fn a_ticket_is_renewable_no_longer_than_asked_for() {
    let renewable = TicketOptions { renewable_for: Some(Duration::from_secs(90_000)), ..options() };
    let (asked, renew_till) = (seconds(90_000), seconds(90_001));
    assert_eq!(
        mismatch(answered(renewable.clone(), |reply| reply.renew_till = Some(renew_till))),
        Mismatch::RenewableTooLong { asked, renew_till }
    );
    assert!(answered(renewable, |reply| reply.renew_till = Some(asked)).is_ok());
}

#[test]
fn a_ticket_to_be_validated_or_bound_to_addresses_is_refused() {
    assert_eq!(spoilt(|reply| reply.flags = TicketFlags::INVALID), Mismatch::InvalidFlag);
    assert_eq!(spoilt(|reply| reply.addresses = vec![[127, 0, 0, 1]]), Mismatch::Addresses);
}

#[test]
fn a_request_changed_on_the_way_is_noticed() {
    assert_eq!(spoilt(|reply| reply.encrypted_padata.clear()), Mismatch::RequestChanged);
    let last = |reply: &mut Reply| *reply.encrypted_padata[0].1.last_mut().unwrap() ^= 1;
    assert_eq!(spoilt(last), Mismatch::RequestChanged);
    let other_type = |reply: &mut Reply| {
        let sum = &mut reply.encrypted_padata[0].1;
        let at = sum.iter().position(|&byte| byte == 15).unwrap();
        sum[at] = 16;
    };
    assert_eq!(spoilt(other_type), Mismatch::RequestChanged);
    // A KDC that doesn't know of this sets no flag.
    let older = |reply: &mut Reply| {
        reply.flags = TicketFlags::INITIAL;
        reply.encrypted_padata.clear();
    };
    assert!(answered(options(), older).is_ok());
}

#[test]
fn another_key_or_key_usage_does_not_decrypt() {
    let wrong = Err(ExchangeError::WrongSecret { client: alice(), enctype: Enctype(17), kvno: Some(3) });
    assert_eq!(answered(options(), |reply| reply.key = key(17, 9)), wrong);
    assert_eq!(answered(options(), |reply| reply.usage.0 = 8), wrong);
}

#[test]
fn an_older_key_of_the_keytab_is_tried_too() {
    let keys = ClientSecret::Keys(vec![key(17, 1), key(18, 2), client_key()]);
    let login = Login::new(alice(), keys, options(), random());
    assert!(login.run(|request| Reply::to_login(&request.bytes, &client_key()).to_bytes()).is_ok());
}

#[test]
fn the_proof_is_made_as_the_kdc_says() {
    let made = |enctype, salt: &str, count: Option<u32>| {
        let count = count.map(u32::to_be_bytes);
        string_to_key(Enctype(enctype), b"alice-pw", salt.as_bytes(), count.as_ref().map(<[u8; 4]>::as_slice)).unwrap()
    };
    let entries = [(17, Some("pepper"), None), (18, None, Some(5000)), (23, None, None)];
    // Our order counts, not the KDC's.
    proven(options(), &entries, &[], &made(18, "EXAMPLE.COMalice", Some(5000))).unwrap();
    let weaker = TicketOptions { enctypes: vec![Enctype(17), Enctype(18)], ..options() };
    proven(weaker.clone(), &entries, &[], &made(17, "pepper", None)).unwrap();
    // No hints at all: the best enctype, the default salt.
    let other_first = TicketOptions { enctypes: vec![Enctype(17)], ..options() };
    let session = |reply: &mut Reply| reply.session_key = key(17, 5);
    let mut first = true;
    let password = ClientSecret::Password(Secret::new(b"alice-pw".to_vec()));
    let login = Login::new(alice(), password, other_first, random());
    let no_hints = vec![(PaDataType::ENC_TIMESTAMP, vec![])];
    let result = login.run(|request| {
        if core::mem::take(&mut first) {
            return wants_proof(&no_hints);
        }
        let mut reply = Reply::to_login(&request.bytes, &made(17, "EXAMPLE.COMalice", None));
        session(&mut reply);
        reply.to_bytes()
    });
    assert!(result.is_ok());
}

#[test]
fn hints_in_the_reply_count_more() {
    let with = |salt: &str| string_to_key(Enctype(18), b"alice-pw", salt.as_bytes(), None).unwrap();
    let only = TicketOptions { enctypes: vec![Enctype(18)], ..options() };
    let hinted = [(18, Some("one"), None)];
    proven(only.clone(), &hinted, &hinted, &with("one")).unwrap();
    let error = proven(only, &hinted, &[(18, Some("two"), None)], &with("one")).unwrap_err();
    assert_eq!(error, ExchangeError::WrongSecret { client: alice(), enctype: Enctype(18), kvno: Some(3) });
}

#[test]
fn without_preauthentication_the_reply_tells_the_salt() {
    let password = ClientSecret::Password(Secret::new(b"alice-pw".to_vec()));
    let key = string_to_key(Enctype(18), b"alice-pw", b"pepper", None).unwrap();
    let result = Login::new(alice(), password, options(), random()).run(|request| {
        let mut reply = Reply::to_login(&request.bytes, &key);
        reply.padata = vec![(PaDataType::ETYPE_INFO2, hints(&[(18, Some("pepper"), None)]))];
        reply.to_bytes()
    });
    assert!(result.is_ok());
}

/// What KDCs from before RFC 4120 say (5.2.7.3, 5.2.7.4): of an error the list alone, of a reply a bare salt too.
#[test]
fn a_kdc_of_old_is_understood_and_its_bare_salt_beside_an_error_is_not_read() {
    let with = |salt: &[u8]| string_to_key(Enctype(18), b"alice-pw", salt, None).unwrap();
    let entry = EtypeInfoEntry { etype: Enctype(18), salt: Some(b"old\xff") };
    let list = || (PaDataType::ETYPE_INFO, EtypeInfo(vec![entry]).to_der());
    let bare = |salt: &[u8]| (PaDataType::PW_SALT, salt.to_vec());
    let login = |of_error: Padata, of_reply: Padata, proof: &EncryptionKey, key: &EncryptionKey| {
        let password = ClientSecret::Password(Secret::new(b"alice-pw".to_vec()));
        let mut first = true;
        let methods = [(PaDataType::ENC_TIMESTAMP, vec![]), (PaDataType::FX_COOKIE, b"a cookie".to_vec())];
        let of_error: Padata = methods.into_iter().chain(of_error).collect();
        Login::new(alice(), password, options(), random()).run(|request| {
            if core::mem::take(&mut first) {
                return wants_proof(&of_error);
            }
            check_timestamp(&request.bytes, proof);
            let mut reply = Reply::to_login(&request.bytes, key);
            reply.padata = of_reply.clone();
            reply.to_bytes()
        })
    };
    let (old, salted) = (with(b"old\xff"), with(b"bare"));
    login(vec![list(), bare(b"bare")], vec![], &old, &old).unwrap();
    login(vec![list()], vec![bare(b"bare")], &old, &old).unwrap();
    let newer = (PaDataType::ETYPE_INFO2, hints(&[(18, Some("newer"), None)]));
    login(vec![list(), newer], vec![list()], &with(b"newer"), &with(b"newer")).unwrap();
    let password = || ClientSecret::Password(Secret::new(b"alice-pw".to_vec()));
    let unproven = |of_reply: Padata| {
        Login::new(alice(), password(), options(), random()).run(|request| {
            let mut reply = Reply::to_login(&request.bytes, &salted);
            reply.padata = of_reply.clone();
            reply.to_bytes()
        })
    };
    unproven(vec![bare(b"bare")]).unwrap();
    for wrong in [vec![], vec![bare(b"other")], vec![list(), bare(b"bare")]] {
        let error = unproven(wrong).unwrap_err();
        assert_eq!(error, ExchangeError::WrongSecret { client: alice(), enctype: Enctype(18), kvno: Some(3) });
    }
}

#[test]
fn a_key_that_is_cheap_to_guess_is_not_made() {
    let only = TicketOptions { enctypes: vec![Enctype(18)], ..options() };
    let weak = string_to_key(Enctype(18), b"alice-pw", b"EXAMPLE.COMalice", Some(&4095_u32.to_be_bytes())).unwrap();
    let entries = [(18, None, Some(4095))];
    let refused = Err(ExchangeError::TooFewIterations { requested: 4095, minimum: 4096 });
    assert_eq!(proven(only.clone(), &entries, &[], &weak), refused);
    let permitted = TicketOptions { weak_string_to_key: true, ..only.clone() };
    assert!(proven(permitted, &entries, &[], &weak).is_ok());
    let endless = proven(only, &[(18, None, Some(0))], &[], &weak);
    assert!(matches!(endless, Err(ExchangeError::Crypto(_))), "{endless:?}");
}

#[test]
fn what_cant_be_computed_is_not_offered() {
    let mixed = TicketOptions { enctypes: vec![Enctype(23), Enctype(17)], ..options() };
    let ExchangeStep::NeedsKdc(_, request) = key_login(mixed).begin(NOW).unwrap() else { panic!() };
    assert_eq!(decode(&request).req_body.etype, [Enctype(17)]);
}

#[test]
fn a_proof_that_cant_be_made_names_both_sides() {
    let login = || key_login(options());
    let error = login().run(|_| wants_proof(&methods(&[(18, None, None), (23, None, None)]))).unwrap_err();
    let kdc = vec![Enctype(18), Enctype(23)];
    assert_eq!(error, ExchangeError::NoCommonEnctype { client: alice(), ours: vec![Enctype(17)], kdc });
    let error = login().run(|_| wants_proof(&vec![(PaDataType::PK_AS_REQ, vec![])])).unwrap_err();
    let enctypes = [17, 20, 19, 18, 26, 25].map(Enctype).to_vec();
    let offered = vec![PaDataType::PK_AS_REQ];
    assert_eq!(error, ExchangeError::NoCommonPreauth { client: alice(), enctypes, tried: vec![], offered });
    let error = login().run(|_| refusal(ErrorCode::KDC_ERR_PREAUTH_REQUIRED, None, None)).unwrap_err();
    assert!(matches!(&error, ExchangeError::NoCommonPreauth { offered, .. } if offered.is_empty()), "{error:?}");
    let error = login().run(|_| refusal(ErrorCode::KDC_ERR_PREAUTH_REQUIRED, None, Some(b"junk"))).unwrap_err();
    assert!(matches!(error, ExchangeError::Decode(_)), "{error:?}");
    let permitted = vec![Enctype(18), Enctype(23)];
    let unheld = TicketOptions { enctypes: permitted.clone(), ..options() };
    assert_eq!(key_login(unheld).run(|_| panic!()), Err(ExchangeError::NoUsableEnctype { permitted }));
}

#[test]
fn without_randomness_nothing_is_sent() {
    let login = Login::new(alice(), ClientSecret::Keys(vec![client_key()]), options(), Arc::new(Failing));
    assert_eq!(login.run(|_| panic!()), Err(ExchangeError::Random(RandomError)));
}

#[test]
fn a_key_of_a_wrong_length_is_refused() {
    let broken = EncryptionKey::unchecked(Enctype(17), vec![1; 15]);
    let login = Login::new(alice(), ClientSecret::Keys(vec![broken]), options(), random());
    let error = login.run(|request| Reply::to_login(&request.bytes, &client_key()).to_bytes()).unwrap_err();
    assert!(matches!(error, ExchangeError::Crypto(_)), "{error:?}");
    let error = answered(options(), |reply| reply.session_key = EncryptionKey::unchecked(Enctype(18), vec![1; 31]));
    assert!(matches!(error, Err(ExchangeError::Crypto(_))), "{error:?}");
}

#[test]
fn no_reply_cut_or_changed_is_taken_for_another() {
    let whole = answered(options(), |_| {}).unwrap();
    let mut good = Vec::new();
    key_login(options())
        .run(|request| {
            good = Reply::to_login(&request.bytes, &client_key()).to_bytes();
            good.clone()
        })
        .unwrap();
    let given = |bytes: &[u8]| key_login(options()).run(|_| bytes.to_vec());
    for end in 0..good.len() {
        assert!(matches!(given(&good[..end]), Err(ExchangeError::Decode(_))), "cut at {end}");
    }
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        // What nothing protects, and nothing is taken from: the ticket's inner bytes, name types, key versions.
        if let Ok(ticket) = given(&changed) {
            assert_eq!(HeldTicket { ticket: whole.ticket.clone(), ..ticket }, whole, "changed at {at}");
        }
    }
    let _: Box<dyn core::error::Error> = Box::new(given(&[]).unwrap_err());
}
