use super::*;
use crate::krb5::HostAddress;
use crate::krb5::enctype::KeyUsage;
use crate::krb5::exchange::{FastUse, Mismatch};
use crate::krb5::message::{ApOptions, ApReq, KdcExchange, KdcOptions, KerberosTime, PaDataType, TicketFlags};
use alloc::string::ToString;
use core::time::Duration;

fn options() -> TicketOptions {
    TicketOptions::default()
}

fn web() -> Principal {
    principal("HTTP/www.example.com")
}

fn spoilt(change: impl FnOnce(&mut Reply)) -> Mismatch {
    match granted(&tgt(), web(), options(), change) {
        Err(ExchangeError::Mismatch(mismatch)) => *mismatch,
        other => panic!("{other:?}"),
    }
}

fn first_request(request: TicketRequest) -> KdcRequest {
    match request.begin(NOW).unwrap() {
        ExchangeStep::NeedsKdc(_, request) => request,
        other => panic!("a ticket out of nothing: {other:?}"),
    }
}

/// A ticket that may be renewed until 100,000 s from now.
fn renewable() -> HeldTicket {
    let mut ticket = tgt();
    ticket.flags = TicketFlags::RENEWABLE.with(TicketFlags::FORWARDABLE);
    ticket.renew_till = Some(seconds(100_000));
    ticket
}

#[test]
fn a_ticket_is_what_the_kdc_says_under_the_subkey() {
    let ticket = granted(&tgt(), web(), options(), |_| {}).unwrap();
    assert_eq!((ticket.client, ticket.server), (alice(), web()));
    assert_eq!((ticket.auth_time, ticket.start_time), (seconds(-3600), Some(NOW)));
    assert_eq!(ticket.key, key(18, 0x5e));
    let unplaced = granted(&tgt(), "HTTP/www.example.com".parse().unwrap(), options(), |_| {}).unwrap();
    assert_eq!(unplaced.server, web(), "of the realm of the ticket-granting ticket");
}

#[test]
fn the_request_presents_the_ticket_as_it_is() {
    let tgt = tgt();
    let request = first_request(TicketRequest::new(&tgt, web(), options(), random()));
    assert_eq!((&*request.realm, request.tcp_required), (REALM, false));
    let decoded = decode(&request);
    assert_eq!(decoded.padata[0].padata_type, PaDataType::TGS_REQ);
    let proof = ApReq::decode(decoded.padata[0].padata_value).unwrap();
    assert_eq!((proof.ticket.bytes(), proof.ap_options), (&*tgt.ticket, ApOptions::NONE));
    assert_eq!(decoded.req_body.till, tgt.end_time.into(), "the ticket-granting ticket's end comes first");
    let short = TicketOptions { lifetime: Duration::from_secs(60), ..options() };
    let request = first_request(TicketRequest::new(&tgt, web(), short, random()));
    assert_eq!(decode(&request).req_body.till, seconds(60).into());
}

#[test]
fn what_the_ticket_lacks_is_not_wished() {
    let wishes = TicketOptions {
        forwardable: true,
        proxiable: true,
        renewable_for: Some(Duration::from_secs(200_000)),
        ..options()
    };
    let body = |tgt: &HeldTicket| {
        let request = first_request(TicketRequest::new(tgt, web(), wishes.clone(), random()));
        let body = decode(&request).req_body;
        (body.kdc_options, body.rtime)
    };
    assert_eq!(body(&tgt()), (KdcOptions::CANONICALIZE, None));
    let both = KdcOptions::FORWARDABLE.with(KdcOptions::RENEWABLE).with(KdcOptions::CANONICALIZE);
    assert_eq!(body(&renewable()), (both, Some(seconds(100_000).into())));
}

#[test]
fn the_same_checks_hold_as_for_a_login() {
    let mallory = principal("mallory");
    let expected = Mismatch::Client { asked: alice(), got: mallory.clone() };
    assert_eq!(spoilt(|reply| reply.client = mallory), expected);
    let got = principal("HTTP/other.example.com");
    let (inside, outside) = (got.clone(), got.clone());
    let expected = Mismatch::Service { asked: web(), got: got.clone() };
    assert_eq!(spoilt(|reply| reply.service = inside), expected);
    assert_eq!(spoilt(|reply| reply.ticket_service = outside), Mismatch::TicketService { asked: web(), got });
    assert_eq!(spoilt(|reply| reply.nonce ^= 1), Mismatch::Nonce);
    assert_eq!(spoilt(|reply| reply.exchange = KdcExchange::As), Mismatch::Exchange);
    assert_eq!(spoilt(|reply| reply.flags = TicketFlags::INVALID), Mismatch::InvalidFlag);
    let (asked, end) = (seconds(36_000), seconds(36_001));
    assert_eq!(spoilt(|reply| reply.endtime = end), Mismatch::EndsTooLate { asked, end });
    let only = TicketOptions { enctypes: vec![Enctype(18)], ..options() };
    let offered = only.enctypes.clone();
    let error = granted(&tgt(), web(), only, |reply| reply.session_key = key(17, 1)).unwrap_err();
    assert_eq!(error, ExchangeError::mismatch(Mismatch::SessionKeyEnctype { got: Enctype(17), offered }));
    let late = granted(&tgt(), web(), options(), |reply| reply.starttime = Some(seconds(301))).unwrap_err();
    assert_eq!(late, ExchangeError::ClockSkew { seconds: 301, limit: Duration::from_secs(300) });
}

#[test]
fn a_reply_under_the_session_key_or_any_other_is_not_proven() {
    let tgt = tgt();
    let unproven = Err(ExchangeError::ReplyNotProven { realm: REALM.to_string() });
    let session_key = tgt.key.clone();
    let under_session_key = |reply: &mut Reply| {
        reply.key = session_key;
        reply.usage = KeyUsage::TGS_REP_ENC_PART_SESSION_KEY;
    };
    assert_eq!(granted(&tgt, web(), options(), under_session_key), unproven);
    assert_eq!(granted(&tgt, web(), options(), |reply| reply.key = key(18, 9)), unproven);
    assert_eq!(granted(&tgt, web(), options(), |reply| reply.usage.0 = 8), unproven);
    let (got, offered) = (Enctype(17), vec![Enctype(18)]);
    assert_eq!(spoilt(|reply| reply.key = key(17, 9)), Mismatch::ReplyEnctype { got, offered });
}

#[test]
fn referrals_are_told_from_mistakes() {
    let refer = |reply: &mut Reply| reply.service = principal("krbtgt/OTHER.ORG");
    let alone = TicketOptions { referrals: false, ..options() };
    let error = granted(&tgt(), web(), alone, refer).unwrap_err();
    assert_eq!(error, ExchangeError::Referral { name: web(), realm: "OTHER.ORG".to_string() });
    assert!(error.to_string().contains("OTHER.ORG") && error.to_string().contains("not followed"), "{error}");
}

#[test]
fn a_ticket_asks_only_where_it_is_good() {
    let elsewhere: Principal = "HTTP/www.other.org@OTHER.ORG".parse().unwrap();
    let refused = |ticket: &HeldTicket, service: &Principal| {
        let request = TicketRequest::new(ticket, service.clone(), options(), random());
        assert_eq!(
            request.run(|_| panic!()),
            Err(ExchangeError::OtherRealm { service: service.clone(), ticket: ticket.server.clone() })
        );
    };
    for service in [web(), principal("host/EXAMPLE.COM")] {
        let service_ticket = granted(&tgt(), service, options(), |_| {}).unwrap();
        refused(&service_ticket, &principal("HTTP/other.example.com"));
    }
    // A ticket-granting ticket of another realm asks that realm's KDC.
    let mut foreign = tgt();
    foreign.server = principal("krbtgt/OTHER.ORG");
    let request = first_request(TicketRequest::new(&foreign, elsewhere, options(), random()));
    assert_eq!((&*request.realm, decode(&request).req_body.realm), ("OTHER.ORG", "OTHER.ORG"));
}

#[test]
fn the_session_key_presented_is_of_a_permitted_enctype() {
    let only = TicketOptions { enctypes: vec![Enctype(17)], ..options() };
    let error = granted(&tgt(), web(), only, |_| {}).unwrap_err();
    assert_eq!(error, ExchangeError::EnctypeNotPermitted { service: tgt().server, enctype: Enctype(18) });
    let mixed = TicketOptions { enctypes: vec![Enctype(23), Enctype(18)], ..options() };
    let request = first_request(TicketRequest::new(&tgt(), web(), mixed, random()));
    assert_eq!(decode(&request).req_body.etype, [Enctype(18)]);
    let none = TicketOptions { enctypes: vec![], ..options() };
    let error = granted(&tgt(), web(), none, |_| {}).unwrap_err();
    assert_eq!(error, ExchangeError::NoUsableEnctype { permitted: vec![] });
}

#[test]
fn a_broken_ticket_is_not_sent() {
    let mut broken = tgt();
    broken.ticket.pop();
    let request = TicketRequest::new(&broken, web(), options(), random());
    let result = request.run(|_| panic!());
    assert!(matches!(result, Err(ExchangeError::Decode(_))), "{result:?}");
    let request = TicketRequest::new(&tgt(), web(), options(), Arc::new(Failing));
    assert_eq!(request.run(|_| panic!()), Err(ExchangeError::Random(RandomError)));
    let unasked = TicketRequest::new(&tgt(), web(), options(), random()).reply(b"", NOW);
    assert!(matches!(unasked, Err(ExchangeError::ApiMisuse(_))), "{unasked:?}");
}

#[test]
fn addresses_are_those_of_the_ticket_presented() {
    let mut bound = tgt();
    bound.addresses = vec![HostAddress { addr_type: 2, address: vec![127, 0, 0, 1] }];
    for said in [vec![], vec![[127, 0, 0, 1]]] {
        let ticket = granted(&bound, web(), options(), |reply| reply.addresses = said).unwrap();
        assert_eq!(ticket.addresses, bound.addresses);
    }
    let error = granted(&bound, web(), options(), |reply| reply.addresses = vec![[127, 0, 0, 2]]).unwrap_err();
    assert_eq!(error, ExchangeError::mismatch(Mismatch::Addresses));
}

#[test]
fn a_renewal_asks_for_the_same_ticket_again() {
    let held = renewable();
    let renewal = || TicketRequest::renew(&held, options(), random());
    let request = first_request(renewal());
    let body = decode(&request).req_body;
    let expected = KdcOptions::RENEW.with(KdcOptions::RENEWABLE).with(KdcOptions::FORWARDABLE);
    assert_eq!((body.kdc_options, body.till), (expected, KerberosTime::EPOCH));
    assert_eq!(body.sname.clone().unwrap().to_principal(body.realm), held.server);
    let renewed = renewal().run(|request| {
        let mut reply = Reply::to_ticket_request(&request.bytes, &held.key);
        (reply.endtime, reply.renew_till) = (seconds(99_000), held.renew_till);
        reply.to_bytes()
    });
    let renewed = renewed.unwrap();
    assert_eq!((renewed.server, renewed.end_time), (held.server.clone(), seconds(99_000)));
    let longer = renewal().run(|request| {
        let mut reply = Reply::to_ticket_request(&request.bytes, &held.key);
        reply.renew_till = Some(seconds(100_001));
        reply.to_bytes()
    });
    let (asked, renew_till) = (seconds(100_000), seconds(100_001));
    assert_eq!(longer, Err(ExchangeError::mismatch(Mismatch::RenewableTooLong { asked, renew_till })));
}

#[test]
fn a_ticket_to_hand_on_is_asked_for_without_addresses() {
    let mut bound = renewable();
    bound.addresses = vec![HostAddress { addr_type: 2, address: vec![127, 0, 0, 1] }];
    let forward = |forwardable| TicketRequest::forward(&bound, TicketOptions { forwardable, ..options() }, random());
    let request = first_request(forward(false));
    let body = decode(&request).req_body;
    assert_eq!((body.kdc_options, request.realm.as_str()), (KdcOptions::FORWARDED, REALM));
    assert_eq!(body.sname.clone().unwrap().to_principal(body.realm), bound.server);
    let again = KdcOptions::FORWARDED.with(KdcOptions::FORWARDABLE);
    assert_eq!(decode(&first_request(forward(true))).req_body.kdc_options, again);
    let answered = |addresses: Vec<[u8; 4]>| {
        forward(true).run(|request| {
            let mut reply = Reply::to_ticket_request(&request.bytes, &bound.key);
            reply.addresses = addresses.clone();
            reply.to_bytes()
        })
    };
    let forwarded = answered(vec![]).unwrap();
    assert_eq!((&forwarded.server, forwarded.addresses.len()), (&bound.server, 0));
    assert_eq!(answered(vec![[127, 0, 0, 1]]), Err(ExchangeError::mismatch(Mismatch::Addresses)));
}

#[test]
fn a_ticket_for_another_host_is_what_was_asked_for() {
    let held = HeldTicket { flags: TicketFlags::PROXIABLE.with(TicketFlags::FORWARDABLE), ..tgt() };
    let there = vec![HostAddress { addr_type: 2, address: vec![10, 0, 0, 1] }];
    let proxy = |service| TicketRequest::proxy(&held, service, there.clone(), options(), random());
    let answered = |request: TicketRequest, change: fn(&mut Reply)| {
        request.run(|request| {
            let mut reply = Reply::to_ticket_request(&request.bytes, &held.key);
            change(&mut reply);
            reply.to_bytes()
        })
    };
    assert_eq!(answered(proxy(web()), |_| ()).unwrap().addresses, there);
    // Bound to nothing, or to another place: whoever takes it on its way can use it.
    for wrong in [|reply: &mut Reply| reply.addresses.clear(), |reply: &mut Reply| reply.addresses[0][3] = 2] {
        assert_eq!(answered(proxy(web()), wrong), Err(ExchangeError::mismatch(Mismatch::Addresses)));
    }
    let without = |reply: &mut Reply| reply.flags = TicketFlags::NONE;
    let missing = |missing| Err(ExchangeError::mismatch(Mismatch::FlagsMissing { missing }));
    assert_eq!(answered(proxy(web()), without), missing(TicketFlags::PROXY));
    let forward = || TicketRequest::forward(&held, options(), random());
    assert_eq!(answered(forward(), without), missing(TicketFlags::FORWARDED));
    // No other realm makes such, so none is asked on the way.
    let elsewhere: Principal = "HTTP/www.other.org@OTHER.ORG".parse().unwrap();
    let expected = ExchangeError::OtherRealm { service: elsewhere.clone(), ticket: held.server.clone() };
    assert_eq!(proxy(elsewhere).run(|_| panic!()), Err(expected));
}

#[test]
fn a_ticket_that_has_ended_is_none() {
    for end in [0, -1, -99] {
        let spoilt = spoilt(|reply| (reply.starttime, reply.endtime) = (Some(seconds(-100)), seconds(end)));
        assert_eq!(spoilt, Mismatch::Ended { start: seconds(-100), end: seconds(end), now: NOW });
    }
    assert!(granted(&tgt(), web(), options(), |reply| reply.endtime = seconds(1)).is_ok());
}

#[test]
fn what_cant_be_renewed_is_not_tried() {
    let mut over = renewable();
    over.renew_till = Some(NOW);
    for ticket in [tgt(), over] {
        let expected = ExchangeError::NotRenewable { service: ticket.server.clone(), renew_till: ticket.renew_till };
        assert_eq!(TicketRequest::renew(&ticket, options(), random()).run(|_| panic!()), Err(expected));
    }
    // A ticket for a service is renewed where it was issued.
    let mut foreign = renewable();
    foreign.server = "krbtgt/OTHER.ORG@EXAMPLE.COM".parse().unwrap();
    assert_eq!(first_request(TicketRequest::renew(&foreign, options(), random())).realm, REALM);
}

#[test]
fn no_reply_cut_or_changed_is_taken_for_another() {
    let tgt = tgt();
    let whole = granted(&tgt, web(), options(), |_| {}).unwrap();
    let request = || TicketRequest::new(&tgt, web(), options(), random());
    let good = Reply::to_ticket_request(&first_request(request()).bytes, &tgt.key).to_bytes();
    let given = |bytes: &[u8]| request().run(|_| bytes.to_vec());
    assert_eq!(given(&good).as_ref(), Ok(&whole));
    for end in 0..good.len() {
        assert!(matches!(given(&good[..end]), Err(ExchangeError::Decode(_))), "cut at {end}");
    }
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        if let Ok(ticket) = given(&changed) {
            assert_eq!(HeldTicket { ticket: whole.ticket.clone(), ..ticket }, whole, "changed at {at}");
        }
    }
}

#[test]
fn a_kdc_that_knows_fast_answers_inside() {
    // One that doesn't know it is asked all the same, and believed; one that does was asked without, by somebody on the way.
    let names_fast = |reply: &mut Reply| reply.encrypted_padata = vec![(PaDataType::FX_FAST, vec![])];
    let possible = TicketOptions { fast_tgs: FastUse::IfPossible, ..options() };
    let error = granted(&tgt(), web(), possible.clone(), names_fast).unwrap_err();
    assert_eq!(error, ExchangeError::Mismatch(Box::new(Mismatch::FastStripped)));
    assert!(granted(&tgt(), web(), possible, |_| {}).is_ok());
    assert!(granted(&tgt(), web(), options(), names_fast).is_ok(), "nobody asked");
    let required = TicketOptions { fast_tgs: FastUse::Required, ..options() };
    let error = granted(&tgt(), web(), required, |_| {}).unwrap_err();
    assert_eq!(error, ExchangeError::NotArmored { realm: REALM.to_string(), refusal: None });
}
