//! Tickets for later (RFC 4120 2.4).

use super::*;
use handfast::krb5::message::TicketFlags;

const LATER: KdcOptions = KdcOptions::POSTDATED.with(KdcOptions::ALLOW_POSTDATE);
const KRBTGT: &[&str] = &["krbtgt", "R.TEST"];
const WEB: &[&str] = &["HTTP", "web"];

fn allowing() -> Realm {
    let settings = Settings { postdated: true, ..Settings::default() };
    Realm::new("R.TEST", Arc::new(directory()), settings, Arc::new(OsRandom))
}

fn later(hours: i64) -> KerberosTime {
    at(hours * HOUR).into()
}

/// A ticket-granting ticket that begins in two hours.
fn postdated(realm: &Realm) -> Held {
    tgt(realm, |body| (body.kdc_options, body.from) = (LATER, Some(later(2))))
}

/// The request to validate it, at a time.
fn validation(held: &Held, now: Time) -> TgsAsk {
    TgsAsk::new(held, KRBTGT).with(|ask| {
        ask.body.kdc_options = KdcOptions::VALIDATE;
        (ask.authenticator.ctime, ask.authenticator.cusec, ask.now) = (now.into(), now.into(), now);
    })
}

#[test]
fn a_postdated_ticket_is_invalid_until_it_is_validated_after_it_has_begun() {
    let realm = allowing();
    let held = postdated(&realm);
    let marks = TicketFlags::POSTDATED | TicketFlags::INVALID;
    assert!(held.inside.flags.contains(marks | TicketFlags::MAY_POSTDATE), "{:?}", held.inside.flags);
    let begins = later(2);
    assert_eq!((held.inside.authtime, held.inside.starttime), (NOW.into(), Some(begins)));
    assert_eq!(held.inside.endtime, later(26), "its life counts from its start");
    let early = TgsAsk::new(&held, WEB).refused(&realm);
    assert_eq!(
        (early, validation(&held, NOW).refused(&realm)),
        (ErrorCode::KRB_AP_ERR_TKT_NYV, ErrorCode::KRB_AP_ERR_TKT_NYV)
    );
    let now = at(3 * HOUR);
    let unvalidated = TgsAsk::new(&held, WEB).with(|ask| {
        (ask.authenticator.ctime, ask.authenticator.cusec, ask.now) = (now.into(), now.into(), now);
    });
    assert_eq!(unvalidated.refused(&realm), ErrorCode::KRB_AP_ERR_TKT_NYV, "begun, but not validated");
    let valid = validation(&held, now).held(&realm);
    assert!(valid.inside.flags.contains(TicketFlags::POSTDATED) && !valid.inside.flags.contains(TicketFlags::INVALID));
    assert_eq!((valid.inside.starttime, valid.inside.endtime), (Some(begins), held.inside.endtime));
    let service = TgsAsk::new(&valid, WEB).with(|ask| {
        (ask.authenticator.ctime, ask.authenticator.cusec, ask.now) = (now.into(), now.into(), now);
    });
    assert_eq!(service.held(&realm).inside.endtime, held.inside.endtime);
    assert_eq!(validation(&valid, now).refused(&realm), ErrorCode::KDC_ERR_BADOPTION, "it is valid already");
    assert_eq!(validation(&held, at(27 * HOUR)).refused(&realm), ErrorCode::KRB_AP_ERR_TKT_EXPIRED);
}

#[test]
fn a_ticket_is_validated_for_its_own_service_and_address_alone() {
    let realm = allowing();
    let held = postdated(&realm);
    let now = at(3 * HOUR);
    let other = validation(&held, now).with(|ask| ask.body.sname = body(WEB).sname);
    assert_eq!(other.refused(&realm), ErrorCode::KDC_ERR_SERVER_NOMATCH);
    let forwarded =
        validation(&held, now).with(|ask| ask.body.kdc_options = KdcOptions::VALIDATE | KdcOptions::FORWARDED);
    assert_eq!(forwarded.refused(&realm), ErrorCode::KDC_ERR_BADOPTION);
}

#[test]
fn tickets_for_services_are_postdated_from_a_ticket_that_allows_it() {
    let realm = allowing();
    let allows = tgt(&realm, |body| body.kdc_options = KdcOptions::ALLOW_POSTDATE);
    assert!(allows.inside.flags.contains(TicketFlags::MAY_POSTDATE));
    let ask = |held: &Held| {
        TgsAsk::new(held, WEB)
            .with(|ask| (ask.body.kdc_options, ask.body.from) = (KdcOptions::POSTDATED, Some(later(1))))
    };
    let held = ask(&allows).held(&realm);
    assert!(held.inside.flags.contains(TicketFlags::POSTDATED | TicketFlags::INVALID));
    assert_eq!(held.inside.starttime, Some(later(1)));
    assert_eq!(ask(&tgt(&realm, |_| ())).refused(&realm), ErrorCode::KDC_ERR_BADOPTION);
    let more = TgsAsk::new(&tgt(&realm, |_| ()), KRBTGT).with(|ask| ask.body.kdc_options = KdcOptions::ALLOW_POSTDATE);
    assert_eq!(more.refused(&realm), ErrorCode::KDC_ERR_BADOPTION);
}

#[test]
fn a_start_is_within_limits_and_asked_for_as_such() {
    let code = |realm: &Realm, change: fn(&mut KdcReqBody<'static>)| {
        let mut body = as_body();
        change(&mut body);
        ask(realm, &proven(&body, &user_key(AES256), NOW), NOW).err().map(|error| error.error_code)
    };
    let refused = Some(ErrorCode::KDC_ERR_CANNOT_POSTDATE);
    assert_eq!(code(&allowing(), |body| body.from = Some(later(1))), refused, "without the option");
    assert_eq!(code(&allowing(), |body| (body.kdc_options, body.from) = (LATER, Some(later(24 * 7 + 1)))), refused);
    assert_eq!(code(&allowing(), |body| (body.kdc_options, body.from) = (LATER, Some(later(24 * 7 - 1)))), None);
    assert_eq!(code(&realm(), |body| (body.kdc_options, body.from) = (LATER, Some(later(1)))), refused);
    let early = |body: &mut KdcReqBody<'static>| {
        (body.kdc_options, body.from, body.till) = (LATER, Some(later(2)), later(1));
    };
    assert_eq!(code(&allowing(), early), Some(ErrorCode::KDC_ERR_NEVER_VALID));
    let now = tgt(&allowing(), |body| (body.kdc_options, body.from) = (LATER, Some(at(10).into())));
    assert!(
        !now.inside.flags.intersects(TicketFlags::POSTDATED | TicketFlags::INVALID),
        "within the clocks' difference"
    );
}
