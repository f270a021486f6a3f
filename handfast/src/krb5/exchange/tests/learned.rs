//! What a login learns of its KDC: its clock, its method, whether it knows FAST. And what it does not believe.

use super::scripted_kdc::{self, Padata, Reply, checksum, methods, refusal};
use super::*;
use crate::krb5::Ccache;
use crate::krb5::ccache::KdcOffset;
use crate::krb5::enctype::{CipherKey, KeyUsage};
use crate::krb5::exchange::{Learned, LoggedIn};
use crate::krb5::message::{EncryptedData, ErrorCode, KrbError, PaDataType, PaEncTsEnc, TicketFlags};
use alloc::string::ToString;
use core::time::Duration;

const HOUR: i64 = 3600;

fn options() -> TicketOptions {
    TicketOptions { enctypes: vec![Enctype(18), Enctype(17)], ..TicketOptions::default() }
}

fn strict() -> TicketOptions {
    TicketOptions { kdc_timesync: false, ..options() }
}

/// Runs a login to its end, with all that it learned.
fn log_in(login: Login, mut kdc: impl FnMut(&KdcRequest) -> Vec<u8>) -> Result<LoggedIn, ExchangeError> {
    let mut step = login.begin(NOW)?;
    loop {
        step = match step {
            ExchangeStep::NeedsKdc(login, request) => login.reply(&kdc(&request), NOW)?,
            ExchangeStep::Complete(got) => return Ok(*got),
            ExchangeStep::NeedsAnswer(..) => panic!("a question"),
        };
    }
}

/// An error that asks for an encrypted timestamp, by a clock that is `ahead` seconds ahead.
fn asking(ahead: i64) -> Vec<u8> {
    let data = scripted_kdc::method_data(&methods(&[(17, Some("pepper"), None)]));
    let bytes = refusal(ErrorCode::KDC_ERR_PREAUTH_REQUIRED, None, Some(&data));
    KrbError { stime: seconds(ahead).into(), ..KrbError::decode(&bytes).unwrap() }.to_der()
}

/// The time in an encrypted timestamp, and the end that is asked for.
fn times_of(request: &KdcRequest) -> (Time, Time) {
    let request = decode(request);
    let sealed = request.padata.iter().find(|padata| padata.padata_type == PaDataType::ENC_TIMESTAMP).unwrap();
    let sealed = EncryptedData::decode(sealed.padata_value).unwrap();
    let plain = CipherKey::new(&client_key(), KeyUsage(1)).unwrap().decrypt(sealed.cipher).unwrap();
    let time = PaEncTsEnc::decode(plain.expose()).unwrap();
    (time.patimestamp.with_micros(time.pausec.unwrap()), request.req_body.till.into())
}

/// A KDC whose error says that its clock is `told` seconds ahead, and whose reply proves that it is `proven` seconds ahead; what
/// the proof said, too.
fn by_clocks(login: Login, told: i64, proven: i64) -> (Result<LoggedIn, ExchangeError>, Option<(Time, Time)>) {
    let mut sent = None;
    let mut first = true;
    let result = log_in(login, |request| {
        if core::mem::take(&mut first) {
            return asking(told);
        }
        sent = Some(times_of(request));
        let mut reply = Reply::to_login(&request.bytes, &client_key());
        (reply.authtime, reply.starttime) = (seconds(proven), None);
        reply.endtime = seconds(proven + 600);
        reply.to_bytes()
    });
    (result, sent)
}

fn offset(seconds: i32) -> KdcOffset {
    KdcOffset { seconds, microseconds: 0 }
}

#[test]
fn a_login_takes_the_time_of_its_kdc() {
    for ahead in [0, 299, 301, 30 * HOUR, -30 * HOUR] {
        let (result, sent) = by_clocks(key_login(options()), ahead, ahead);
        let from = if ahead.abs() <= 300 { 0 } else { ahead };
        assert_eq!(sent, Some((seconds(ahead), seconds(from + 24 * HOUR))), "proof and request are for its clock");
        let got = result.unwrap();
        assert_eq!(got.learned.kdc_offset, Some(offset(i32::try_from(ahead).unwrap())));
        assert_eq!(got.ticket.end_time, seconds(ahead + 600));
    }
}

#[test]
fn without_kdc_timesync_our_clock_is_right() {
    let (result, sent) = by_clocks(key_login(strict()), HOUR, HOUR);
    assert_eq!(sent, Some((NOW, seconds(24 * HOUR))));
    let limit = Duration::from_secs(300);
    assert_eq!(result, Err(ExchangeError::ClockSkew { seconds: HOUR, limit }));
    let (result, _) = by_clocks(key_login(strict()), 200, 200);
    assert_eq!(result.unwrap().learned.kdc_offset, None);
}

#[test]
fn what_an_error_says_of_the_time_is_not_kept_and_has_to_agree_with_the_reply() {
    let (result, sent) = by_clocks(key_login(options()), 250, 3);
    assert_eq!(sent, Some((seconds(250), seconds(24 * HOUR))));
    assert_eq!(result.unwrap().learned.kdc_offset, Some(offset(3)));
    for (told, proven) in [(HOUR, 3), (-HOUR, 3), (301, 0), (0, 301), (0, -301)] {
        let (result, _) = by_clocks(key_login(options()), told, proven);
        assert_eq!(result, Err(ExchangeError::mismatch(crate::krb5::exchange::Mismatch::OtherTimeTold)), "{told}");
    }
}

#[test]
fn an_error_that_asks_for_no_proof_sets_no_clock() {
    let mut number = 0;
    let result = log_in(key_login(options()), |request| {
        number += 1;
        match number {
            1 => asking(0),
            2 => {
                let bytes = refusal(ErrorCode::KRB_ERR_RESPONSE_TOO_BIG, None, None);
                KrbError { stime: seconds(HOUR).into(), ..KrbError::decode(&bytes).unwrap() }.to_der()
            }
            3 => {
                assert!(request.tcp_required);
                assert_eq!(times_of(request).0, NOW);
                refusal(ErrorCode::KDC_ERR_PREAUTH_EXPIRED, None, None)
            }
            4 => asking(0),
            _ => {
                assert_eq!(times_of(request).0, NOW);
                Reply::to_login(&request.bytes, &client_key()).to_bytes()
            }
        }
    });
    assert_eq!(result.unwrap().learned.kdc_offset, Some(offset(0)));
}

#[test]
fn a_challenge_sets_no_clock() {
    let method = crate::krb5::preauth::REHEARSED;
    let error = |code, ahead, value: &[u8]| {
        let data = scripted_kdc::method_data(&vec![(method, value.to_vec())]);
        let bytes = refusal(code, None, Some(&data));
        KrbError { stime: seconds(ahead).into(), ..KrbError::decode(&bytes).unwrap() }.to_der()
    };
    let (mut number, mut till) = (0, None);
    let end = log_in(key_login(TicketOptions { preauth: vec![method], ..options() }), |request| {
        number += 1;
        till = Some(Time::from(decode(request).req_body.till));
        match number {
            1 => error(ErrorCode::KDC_ERR_PREAUTH_REQUIRED, 0, b""),
            2 => error(ErrorCode::KDC_ERR_MORE_PREAUTH_DATA_REQUIRED, HOUR, b"challenge"),
            _ => refusal(ErrorCode::KDC_ERR_POLICY, None, None),
        }
    });
    assert!(matches!(end, Err(ExchangeError::Refused(_))), "{end:?}");
    assert_eq!((number, till), (3, Some(seconds(24 * HOUR))));
}

#[test]
fn what_a_login_before_has_learned_holds_from_the_first_request_on() {
    let first_till = |login: Login| {
        let Ok(ExchangeStep::NeedsKdc(_, request)) = login.begin(NOW) else { panic!() };
        Time::from(decode(&request).req_body.till)
    };
    let hour_ahead = offset(3600);
    assert_eq!(first_till(key_login(options()).with_kdc_offset(hour_ahead)), seconds(25 * HOUR));
    assert_eq!(first_till(key_login(strict()).with_kdc_offset(hour_ahead)), seconds(24 * HOUR));
    let (result, _) = by_clocks(key_login(options()).with_kdc_offset(hour_ahead), 5, 5);
    assert_eq!(result.unwrap().learned.kdc_offset, Some(offset(5)), "what is new counts");
}

#[test]
fn the_method_is_learned_and_fast_if_the_kdc_proves_what_it_was_asked() {
    let learned = |flags: TicketFlags, named: &[PaDataType], proof: bool| {
        let mut first = proof;
        let result = log_in(key_login(options()), |request| {
            if core::mem::take(&mut first) {
                return asking(0);
            }
            let mut reply = Reply::to_login(&request.bytes, &client_key());
            reply.flags = flags;
            reply.encrypted_padata.extend(named.iter().map(|kind| (*kind, Vec::new())));
            reply.to_bytes()
        });
        let Learned { preauth, fast_available, .. } = result.unwrap().learned;
        (preauth, fast_available)
    };
    let proven = TicketFlags::INITIAL.with(TicketFlags::ENC_PA_REP);
    assert_eq!(learned(proven, &[PaDataType::FX_FAST], true), (Some(PaDataType::ENC_TIMESTAMP), true));
    assert_eq!(learned(proven, &[], false), (None, false));
    assert_eq!(learned(TicketFlags::INITIAL, &[PaDataType::FX_FAST], false), (None, false));
}

/// A login's cache, with this value as `pa_type`.
fn noted(value: &[u8]) -> Ccache {
    let mut cache = Ccache::new(alice());
    cache.set_config("pa_type", Some(&Principal::krbtgt(REALM, REALM)), value);
    cache
}

#[test]
fn the_method_of_the_login_before_comes_first_if_it_may_be_used() {
    let chosen = |login: Login, offer: &Padata| {
        let Ok(ExchangeStep::NeedsKdc(login, _)) = login.begin(NOW) else { panic!() };
        let Ok(ExchangeStep::NeedsKdc(_, request)) = login.reply(&scripted_kdc::wants_proof(offer), NOW) else {
            panic!()
        };
        decode(&request).padata.first().unwrap().padata_type
    };
    let (timestamp, other) = (PaDataType::ENC_TIMESTAMP, crate::krb5::preauth::REHEARSED);
    let mut offer = methods(&[(17, Some("pepper"), None)]);
    offer.push((other, Vec::new()));
    let both = || TicketOptions { preauth: vec![timestamp, other], ..options() };
    assert_eq!(chosen(key_login(both()), &offer), timestamp);
    let number = other.0.to_string();
    assert_eq!(chosen(key_login(both()).remembering(&noted(number.as_bytes())), &offer), other);
    for value in [&b"2"[..], b"not a number", b"", b"99999999999", b"\xff"] {
        assert_eq!(chosen(key_login(both()).remembering(&noted(value)), &offer), timestamp, "{value:?}");
    }
    // A method that the options don't have stays out, whatever the cache says.
    let one = TicketOptions { preauth: vec![timestamp], ..options() };
    assert_eq!(chosen(key_login(one).remembering(&noted(number.as_bytes())), &offer), timestamp);
}

#[test]
fn a_ticket_is_asked_for_by_the_kdcs_clock_and_inside_of_fast_where_that_is_known() {
    let (tgt, service) = (tgt(), principal("HTTP/web"));
    let first = |options: TicketOptions, cache: &Ccache| {
        let request = TicketRequest::new(&tgt, service.clone(), options, random()).knowing(cache);
        let Ok(ExchangeStep::NeedsKdc(_, request)) = request.begin(NOW) else { panic!() };
        let request = decode(&request);
        let fast = request.padata.iter().any(|padata| padata.padata_type == PaDataType::FX_FAST);
        (fast, Time::from(request.req_body.till))
    };
    let short = |options: TicketOptions| TicketOptions { lifetime: Duration::from_secs(60), ..options };
    let learned = Learned { fast_available: true, kdc_offset: Some(offset(3600)), ..Learned::default() };
    let known = Ccache::of_login(&LoggedIn { ticket: tgt.clone(), learned });
    assert_eq!(first(short(options()), &known), (true, seconds(HOUR + 60)));
    assert_eq!(first(short(strict()), &known), (true, seconds(60)));
    let unknown = Ccache::of_login(&LoggedIn { ticket: tgt.clone(), learned: Learned::default() });
    assert_eq!(first(short(options()), &unknown), (false, seconds(60)), "no FAST to a KDC that did not say so");
    let mut of_another = Ccache::new(alice());
    of_another.set_config("fast_avail", Some(&Principal::krbtgt("OTHER", "OTHER")), b"yes");
    of_another.set_config("fast_avail", Some(&Principal::krbtgt(REALM, "OTHER")), b"yes");
    of_another.set_config("fast_avail", None, b"yes");
    assert!(!first(options(), &of_another).0);
}

#[test]
fn a_reply_to_a_request_by_another_clock_is_held_against_that_clock() {
    let tgt = tgt();
    let mut cache = Ccache::new(alice());
    let take = |cache: &Ccache| {
        let request = TicketRequest::new(&tgt, principal("HTTP/web"), options(), random()).knowing(cache);
        let Ok(ExchangeStep::NeedsKdc(next, request)) = request.begin(NOW) else { panic!() };
        let subkey = scripted_kdc::subkey_of(&request.bytes, &tgt.key);
        let mut reply = Reply::to_body_of(&request.bytes, alice(), &subkey);
        (reply.authtime, reply.starttime, reply.endtime) = (seconds(-60), Some(seconds(2 * HOUR)), seconds(3 * HOUR));
        next.reply(&reply.to_bytes(), NOW).map(drop)
    };
    assert!(matches!(take(&cache), Err(ExchangeError::ClockSkew { .. })));
    cache.kdc_offset = Some(offset(7200));
    assert_eq!(take(&cache), Ok(()));
}

#[test]
fn the_checksum_covers_a_request_by_the_kdcs_clock() {
    // The proof that the KDC saw the request stays one over what was sent.
    let (result, _) = by_clocks(key_login(options()), HOUR, HOUR);
    assert!(result.is_ok());
    let mut first = true;
    let spoilt = log_in(key_login(options()), |request| {
        if core::mem::take(&mut first) {
            return asking(HOUR);
        }
        let mut reply = Reply::to_login(&request.bytes, &client_key());
        reply.encrypted_padata = vec![(PaDataType::REQ_ENC_PA_REP, checksum(&client_key(), b"another"))];
        (reply.authtime, reply.starttime) = (seconds(HOUR), None);
        reply.to_bytes()
    });
    assert!(matches!(spoilt, Err(ExchangeError::Mismatch(..))), "{spoilt:?}");
}
