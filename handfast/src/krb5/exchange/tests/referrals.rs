//! Ways through realms that refer on.

use super::*;
use crate::krb5::Capaths;
use crate::krb5::exchange::{Mismatch, REFERRAL_LIMIT};
use crate::krb5::message::{ErrorCode, KdcOptions, PaDataType, TicketFlags};
use alloc::format;
use alloc::string::{String, ToString};

/// What one KDC after the other does.
enum Does {
    /// Gives what was asked for.
    Gives,
    /// Gives a ticket for the ticket-granting service of a realm, from its own.
    Refers(&'static str),
    /// Knows no such service.
    Refuses,
    /// Says anything else.
    Says(fn(&mut Reply)),
}

/// Goes from realm to realm; returns what was asked for, and the end.
fn walk(service: &str, options: TicketOptions, kdcs: &[Does]) -> (Vec<String>, Result<Acquired, ExchangeError>) {
    walk_from(&tgt(), service, options, kdcs)
}

fn walk_from(
    tgt: &HeldTicket,
    service: &str,
    options: TicketOptions,
    kdcs: &[Does],
) -> (Vec<String>, Result<Acquired, ExchangeError>) {
    let mut asked = Vec::new();
    // The scripted KDC gives every ticket the same session key, unlike that of the first.
    let mut session = tgt.key.clone();
    let mut step = TicketRequest::new(tgt, service.parse().unwrap(), options, random()).begin(NOW);
    for does in kdcs {
        let (machine, request) = match step {
            Ok(ExchangeStep::NeedsKdc(machine, request)) => (machine, request),
            Ok(ExchangeStep::Complete(acquired)) => return (asked, Ok(*acquired)),
            Ok(ExchangeStep::NeedsAnswer(_, question)) => panic!("{question}"),
            Err(error) => return (asked, Err(error)),
        };
        let mut reply = Reply::to_ticket_request(&request.bytes, &session);
        asked.push(format!("{} {}", request.realm, reply.service));
        let refer = |reply: &mut Reply, realm| {
            reply.service = Principal::krbtgt(realm, &request.realm);
            reply.ticket_service = reply.service.clone();
        };
        let bytes = match does {
            Does::Gives => reply.to_bytes(),
            Does::Refers(realm) => {
                refer(&mut reply, realm);
                reply.to_bytes()
            }
            Does::Refuses => scripted_kdc::refusal(ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, None, None),
            Does::Says(change) => {
                change(&mut reply);
                reply.to_bytes()
            }
        };
        if !matches!(does, Does::Refuses) {
            session = reply.session_key.clone();
        }
        step = machine.reply(&bytes, NOW);
    }
    match step {
        Ok(ExchangeStep::Complete(acquired)) => (asked, Ok(*acquired)),
        Ok(ExchangeStep::NeedsKdc(_, request)) => panic!("asks {} for more after {asked:?}", request.realm),
        Ok(ExchangeStep::NeedsAnswer(_, question)) => panic!("{question}"),
        Err(error) => (asked, Err(error)),
    }
}

fn options() -> TicketOptions {
    TicketOptions::default()
}

fn names(tickets: &[HeldTicket]) -> Vec<String> {
    tickets.iter().map(|ticket| ticket.server.to_string()).collect()
}

#[test]
fn referrals_lead_to_the_service() {
    let (asked, end) = walk("HTTP/www", options(), &[Does::Refers("B.NET"), Does::Refers("C.ORG"), Does::Gives]);
    assert_eq!(asked, ["EXAMPLE.COM HTTP/www@EXAMPLE.COM", "B.NET HTTP/www@B.NET", "C.ORG HTTP/www@C.ORG"]);
    let acquired = end.unwrap();
    assert_eq!(acquired.ticket.server.to_string(), "HTTP/www@C.ORG");
    assert_eq!(acquired.ticket.client, alice());
    assert_eq!(names(&acquired.ticket_granting), ["krbtgt/B.NET@EXAMPLE.COM", "krbtgt/C.ORG@B.NET"]);
}

#[test]
fn referrals_are_asked_for_and_what_the_kdc_saw_is_checked() {
    let tgt = tgt();
    let begun = |options| match TicketRequest::new(&tgt, principal("HTTP/www"), options, random()).begin(NOW).unwrap() {
        ExchangeStep::NeedsKdc(_, request) => request,
        _ => panic!(),
    };
    for referrals in [true, false] {
        let request = begun(TicketOptions { referrals, ..options() });
        let decoded = decode(&request);
        assert_eq!(decoded.req_body.kdc_options.contains(KdcOptions::CANONICALIZE), referrals);
        assert_eq!(decoded.padata.iter().any(|padata| padata.padata_type == PaDataType::REQ_ENC_PA_REP), referrals);
    }
    let saw = |what: fn(&EncryptionKey, &[u8]) -> Vec<u8>| {
        TicketRequest::new(&tgt, principal("HTTP/www"), options(), random()).run(|request| {
            let mut reply = Reply::to_ticket_request(&request.bytes, &tgt.key);
            reply.encrypted_padata = vec![(PaDataType::REQ_ENC_PA_REP, what(&reply.key, &request.bytes))];
            reply.to_bytes()
        })
    };
    saw(scripted_kdc::checksum).unwrap();
    let changed = Err(ExchangeError::mismatch(Mismatch::RequestChanged));
    assert_eq!(saw(|key, request| scripted_kdc::checksum(key, &request[1..])), changed);
    assert_eq!(saw(|_, request| scripted_kdc::checksum(&key(17, 1), request)), changed);
    assert_eq!(saw(|_, request| scripted_kdc::checksum(&key(18, 1), request)), changed);
}

#[test]
fn no_realm_is_asked_twice() {
    let looped = |kdcs: &[Does], realm: &str| {
        let (_, end) = walk("HTTP/www", options(), kdcs);
        let service: Principal = "HTTP/www".parse().unwrap();
        match end {
            Err(ExchangeError::ReferralLoop { service: of, realm: back }) => {
                assert_eq!((of.components(), &*back), (service.components(), realm));
            }
            other => panic!("{other:?}"),
        }
    };
    looped(&[Does::Refers("EXAMPLE.COM")], "EXAMPLE.COM");
    looped(&[Does::Refers("B.NET"), Does::Refers("B.NET")], "B.NET");
    looped(&[Does::Refers("B.NET"), Does::Refers("EXAMPLE.COM")], "EXAMPLE.COM");
    looped(&[Does::Refers("B.NET"), Does::Refers("C.ORG"), Does::Refers("B.NET")], "B.NET");
}

#[test]
fn referrals_end_at_the_limit() {
    const REALMS: [&str; 12] = ["R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12"];
    let mut kdcs: Vec<_> = REALMS.iter().take(REFERRAL_LIMIT).map(|realm| Does::Refers(realm)).collect();
    kdcs.push(Does::Gives);
    assert_eq!(walk("HTTP/www", options(), &kdcs).1.unwrap().ticket_granting.len(), REFERRAL_LIMIT);
    kdcs[REFERRAL_LIMIT] = Does::Refers("R11");
    let (asked, end) = walk("HTTP/www", options(), &kdcs);
    assert_eq!(asked.len(), REFERRAL_LIMIT + 1);
    assert!(matches!(end, Err(ExchangeError::TooManyReferrals { limit: REFERRAL_LIMIT, .. })), "{end:?}");
}

/// A ticket under another name, which stands inside of the reply and on the ticket.
fn renames(reply: &mut Reply) {
    reply.service = principal("HTTP/real.example.com");
    reply.ticket_service = reply.service.clone();
}

#[test]
fn a_service_under_another_name_is_asked_for_once_more_or_taken() {
    let alias = "HTTP/alias.example.com@EXAMPLE.COM";
    let (asked, end) = walk(alias, options(), &[Does::Says(renames), Does::Gives]);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(end.unwrap().ticket.server, principal("HTTP/alias.example.com"));
    // Without referrals nothing is renamed.
    let refused = Err(ExchangeError::mismatch(Mismatch::Service {
        asked: principal("HTTP/alias.example.com"),
        got: principal("HTTP/real.example.com"),
    }));
    assert_eq!(walk(alias, options(), &[Does::Says(renames), Does::Says(renames)]).1, refused);
    for renamed_service in [false, true] {
        let plain = TicketOptions { referrals: false, renamed_service, ..options() };
        assert_eq!(walk(alias, plain, &[Does::Says(renames)]).1, refused);
    }
    let takes = || TicketOptions { renamed_service: true, ..options() };
    let (_, end) = walk(alias, takes(), &[Does::Says(renames)]);
    assert_eq!(end.unwrap().ticket.server, principal("HTTP/real.example.com"));
    // Behind a referral, too.
    let there = |reply: &mut Reply| {
        reply.service = "HTTP/real@B.NET".parse().unwrap();
        reply.ticket_service = reply.service.clone();
    };
    let (_, end) = walk("HTTP/www", takes(), &[Does::Refers("B.NET"), Does::Says(there)]);
    assert_eq!(end.unwrap().ticket.server.to_string(), "HTTP/real@B.NET");
    let (asked, end) = walk("HTTP/www", options(), &[Does::Refers("B.NET"), Does::Says(there), Does::Gives]);
    assert_eq!((asked.len(), end.unwrap().ticket.server.to_string()), (3, "HTTP/www@B.NET".to_string()));
}

#[test]
fn a_service_is_renamed_by_its_own_kdc_inside_and_out() {
    let takes = TicketOptions { renamed_service: true, ..options() };
    let inside = |reply: &mut Reply| reply.service = principal("HTTP/real.example.com");
    let outside = |reply: &mut Reply| reply.ticket_service = principal("HTTP/real.example.com");
    let elsewhere = |reply: &mut Reply| {
        reply.service = "HTTP/real@B.NET".parse().unwrap();
        reply.ticket_service = reply.service.clone();
    };
    let changes: [fn(&mut Reply); 3] = [inside, outside, elsewhere];
    for change in changes {
        let (_, end) = walk("HTTP/alias@EXAMPLE.COM", takes.clone(), &[Does::Says(change)]);
        assert!(matches!(end, Err(ExchangeError::Mismatch(_))), "{end:?}");
    }
    // The ticket-granting service of the next realm has one name.
    let (_, end) = walk("HTTP/www@B.NET", takes.clone(), &[Does::Says(renames)]);
    assert!(matches!(end, Err(ExchangeError::Mismatch(_))), "{end:?}");
    // And so has a user, whose login the ticket is under.
    let request = TicketRequest::user_to_user(&tgt(), principal("bob"), tgt().ticket, takes, random());
    let Ok(ExchangeStep::NeedsKdc(machine, request)) = request.begin(NOW) else { panic!() };
    let mut reply = Reply::to_ticket_request(&request.bytes, &tgt().key);
    renames(&mut reply);
    let end = machine.reply(&reply.to_bytes(), NOW).err();
    assert!(matches!(end, Some(ExchangeError::Mismatch(_))), "{end:?}");
}

#[test]
fn a_forged_referral_is_no_referral() {
    let wrong = |change: fn(&mut Reply)| match walk("HTTP/www", options(), &[Does::Says(change)]).1 {
        Err(ExchangeError::Mismatch(mismatch)) => *mismatch,
        other => panic!("{other:?}"),
    };
    // Issued by another realm than the one that was asked.
    let foreign = |reply: &mut Reply| {
        reply.service = Principal::krbtgt("B.NET", "C.ORG");
        reply.ticket_service = reply.service.clone();
    };
    assert!(matches!(wrong(foreign), Mismatch::Service { .. }));
    // The ticket is for another realm than the protected part says, or the other way round.
    let inside = |reply: &mut Reply| reply.service = Principal::krbtgt("B.NET", REALM);
    assert!(matches!(wrong(inside), Mismatch::TicketService { .. }));
    let outside = |reply: &mut Reply| reply.ticket_service = Principal::krbtgt("B.NET", REALM);
    assert!(matches!(wrong(outside), Mismatch::TicketService { .. }));
    // A service of another name, or of another realm, is no referral.
    for name in ["HTTP/evil@EXAMPLE.COM", "HTTP/www@B.NET", "krbtgt/B.NET/x@EXAMPLE.COM"] {
        let tgt = tgt();
        let end = TicketRequest::new(&tgt, principal("HTTP/www"), options(), random()).run(|request| {
            let mut reply = Reply::to_ticket_request(&request.bytes, &tgt.key);
            reply.service = name.parse().unwrap();
            reply.ticket_service = reply.service.clone();
            reply.to_bytes()
        });
        assert!(
            matches!(&end, Err(ExchangeError::Mismatch(mismatch)) if matches!(**mismatch, Mismatch::Service { .. })),
            "{name}: {end:?}"
        );
    }
    // Nobody is referred on in another's name.
    assert!(matches!(
        walk("HTTP/www", options(), &[Does::Refers("B.NET"), Does::Says(|reply| reply.client = principal("bob"))]).1,
        Err(ExchangeError::Mismatch(mismatch)) if matches!(*mismatch, Mismatch::Client { .. })
    ));
}

#[test]
fn a_renewal_is_not_referred_on() {
    let mut renewable = tgt();
    (renewable.flags, renewable.renew_till) = (TicketFlags::RENEWABLE, Some(seconds(100_000)));
    let error = TicketRequest::renew(&renewable, options(), random()).run(|request| {
        let mut reply = Reply::to_ticket_request(&request.bytes, &renewable.key);
        reply.service = Principal::krbtgt("B.NET", REALM);
        reply.ticket_service = reply.service.clone();
        reply.to_bytes()
    });
    assert_eq!(error, Err(ExchangeError::Referral { name: renewable.server, realm: "B.NET".to_string() }));
}

#[test]
fn a_realm_that_is_named_is_asked_for_straight_and_then_step_by_step() {
    let straight = walk("HTTP/www@OTHER.ORG", options(), &[Does::Gives, Does::Gives]);
    assert_eq!(straight.0, ["EXAMPLE.COM krbtgt/OTHER.ORG@EXAMPLE.COM", "OTHER.ORG HTTP/www@OTHER.ORG"]);
    assert_eq!(names(&straight.1.unwrap().ticket_granting), ["krbtgt/OTHER.ORG@EXAMPLE.COM"]);

    let steps = [Does::Refuses, Does::Refuses, Does::Gives, Does::Refuses, Does::Gives, Does::Gives, Does::Gives];
    let (asked, end) = walk("HTTP/www@OTHER.ORG", options(), &steps);
    let expected = [
        "EXAMPLE.COM krbtgt/OTHER.ORG@EXAMPLE.COM",
        "EXAMPLE.COM krbtgt/ORG@EXAMPLE.COM",
        "EXAMPLE.COM krbtgt/COM@EXAMPLE.COM",
        "COM krbtgt/OTHER.ORG@COM",
        "COM krbtgt/ORG@COM",
        "ORG krbtgt/OTHER.ORG@ORG",
        "OTHER.ORG HTTP/www@OTHER.ORG",
    ];
    assert_eq!(asked, expected);
    let way = ["krbtgt/COM@EXAMPLE.COM", "krbtgt/ORG@COM", "krbtgt/OTHER.ORG@ORG"];
    assert_eq!(names(&end.unwrap().ticket_granting), way);

    // A KDC may know a nearer realm, on the way or not (RFC 4120 3.3.1).
    let (asked, _) = walk("HTTP/www@OTHER.ORG", options(), &[Does::Refers("X.NET"), Does::Gives, Does::Gives]);
    assert_eq!(asked[1..], ["X.NET krbtgt/OTHER.ORG@X.NET", "OTHER.ORG HTTP/www@OTHER.ORG"]);
}

#[test]
fn a_way_that_is_configured_is_gone() {
    let capaths = Capaths::default().with("EXAMPLE.COM", "OTHER.ORG", ["A.NET", "B.NET"]);
    let options = || TicketOptions { capaths: capaths.clone(), ..options() };
    let steps = [Does::Refuses, Does::Refuses, Does::Gives, Does::Refuses, Does::Gives, Does::Gives, Does::Gives];
    let (asked, end) = walk("HTTP/www@OTHER.ORG", options(), &steps);
    let expected = [
        "EXAMPLE.COM krbtgt/OTHER.ORG@EXAMPLE.COM",
        "EXAMPLE.COM krbtgt/B.NET@EXAMPLE.COM",
        "EXAMPLE.COM krbtgt/A.NET@EXAMPLE.COM",
        "A.NET krbtgt/OTHER.ORG@A.NET",
        "A.NET krbtgt/B.NET@A.NET",
        "B.NET krbtgt/OTHER.ORG@B.NET",
        "OTHER.ORG HTTP/www@OTHER.ORG",
    ];
    assert_eq!(asked, expected);
    end.unwrap();
    let (_, end) = walk("HTTP/www@OTHER.ORG", options(), &[Does::Refuses, Does::Refuses, Does::Refuses]);
    let error = end.unwrap_err();
    assert_eq!(
        error,
        ExchangeError::NoWay { service: "HTTP/www@OTHER.ORG".parse().unwrap(), realm: "EXAMPLE.COM".to_string() }
    );
    assert!(error.to_string().contains("[capaths]"), "{error}");
}

#[test]
fn tickets_of_the_way_allow_all_that_the_first_one_allows() {
    let mut tgt = tgt();
    tgt.flags = TicketFlags::FORWARDABLE;
    let request = match TicketRequest::new(&tgt, "HTTP/www@OTHER.ORG".parse().unwrap(), options(), random()).begin(NOW)
    {
        Ok(ExchangeStep::NeedsKdc(_, request)) => request,
        other => panic!("{other:?}"),
    };
    let options = decode(&request).req_body.kdc_options;
    assert_eq!(options, KdcOptions::FORWARDABLE.with(KdcOptions::CANONICALIZE));
}

#[test]
fn delegation_is_ok_where_every_realm_on_the_way_says_so() {
    let ok = |first: bool, second: bool| {
        let flagged: fn(&mut Reply) = |reply| {
            (reply.service, reply.flags) = (Principal::krbtgt("B.NET", REALM), TicketFlags::OK_AS_DELEGATE);
            reply.ticket_service = reply.service.clone();
        };
        let service: fn(&mut Reply) = |reply| reply.flags = TicketFlags::OK_AS_DELEGATE;
        let kdcs = [
            if first { Does::Says(flagged) } else { Does::Refers("B.NET") },
            if second { Does::Says(service) } else { Does::Gives },
        ];
        walk("HTTP/www", options(), &kdcs).1.unwrap().ticket.flags.contains(TicketFlags::OK_AS_DELEGATE)
    };
    assert_eq!([ok(true, true), ok(true, false), ok(false, true), ok(false, false)], [true, false, false, false]);
    // The same with a ticket-granting ticket that was got before.
    let from = |flags| {
        let foreign = HeldTicket { server: Principal::krbtgt("B.NET", REALM), flags, ..tgt() };
        let service: fn(&mut Reply) = |reply| reply.flags = TicketFlags::OK_AS_DELEGATE;
        let (asked, end) = walk_from(&foreign, "HTTP/www", options(), &[Does::Says(service)]);
        assert_eq!(asked, ["B.NET HTTP/www@B.NET"]);
        end.unwrap().ticket.flags.contains(TicketFlags::OK_AS_DELEGATE)
    };
    assert_eq!([from(TicketFlags::OK_AS_DELEGATE), from(TicketFlags::NONE)], [true, false]);
}
