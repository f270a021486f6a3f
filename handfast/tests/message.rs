//! The messages of RFC 4120 against those of MIT krb5, and against damage to them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code, its functions that aren't tests too"
)]

mod support;

use handfast::krb5::message::*;
use handfast::wire::{DecodeError, DecodeReason};
use support::{Case, cases, to_hex};

const VECTORS: &str = include_str!("vectors/message.txt");

/// The ASN.1 type of a case: the first word of its name.
fn type_name(case: &Case) -> &str {
    case.name.split(' ').next().unwrap()
}

/// For every type, by its ASN.1 name: how it is read and written, and how it is told in an `expect:` line.
macro_rules! types {
    ($($($name:literal)|+ $type:ident $tell:expr;)+) => {
        const TYPES: &[&str] = &[$($($name),+),+];

        fn rewrite(type_name: &str, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
            match type_name {
                $($($name)|+ => $type::decode(bytes).map(|value| value.to_der()),)+
                other => panic!("no type {other}"),
            }
        }

        fn tell(type_name: &str, bytes: &[u8]) -> String {
            match type_name {
                $($($name)|+ => { let tell: fn(&$type<'_>) -> String = $tell; tell(&$type::decode(bytes).unwrap()) })+
                other => panic!("no type {other}"),
            }
        }
    };
}

type Timestamp<'a> = PaEncTsEnc;

types! {
    "AS-REQ" | "TGS-REQ" KdcReq request;
    "AS-REP" | "TGS-REP" KdcRep reply;
    "EncKDCRepPart" EncKdcRepPart reply_part;
    "Ticket" Ticket ticket;
    "EncTicketPart" EncTicketPart ticket_part;
    "AP-REQ" ApReq |value| format!("{:?} {}", value.ap_options, ticket(&value.ticket));
    "Authenticator" Authenticator authenticator;
    "AP-REP" ApRep |value| encrypted(&value.enc_part);
    "EncAPRepPart" EncApRepPart ap_reply_part;
    "KRB-PRIV" KrbPriv |value| encrypted(&value.enc_part);
    "EncKrbPrivPart" EncKrbPrivPart private;
    "KRB-CRED" KrbCred |value| ticket(&value.tickets[0]);
    "EncKrbCredPart" EncKrbCredPart |value| cred_info(&value.ticket_info[0]);
    "KRB-ERROR" KrbError error;
    "METHOD-DATA" MethodData |value| padata(&value.0);
    "ETYPE-INFO2" EtypeInfo2 |value| format!("etype {} salt {}", value.0[0].etype.0, value.0[0].salt.unwrap());
    "PA-ENC-TS-ENC" Timestamp |value| value.patimestamp.to_string();
}

fn padata(list: &[PaData<'_>]) -> String {
    format!("padata {:?}", list.iter().map(|item| item.padata_type.0).collect::<Vec<_>>())
}

fn encrypted(data: &EncryptedData<'_>) -> String {
    let kvno = data.kvno.map_or_else(|| "-".to_string(), |kvno| kvno.to_string());
    format!("etype {} kvno {kvno}", data.etype.0)
}

/// The letters of `klist -f`.
fn flags(flags: TicketFlags) -> String {
    let letters = [
        (TicketFlags::FORWARDABLE, 'F'),
        (TicketFlags::FORWARDED, 'f'),
        (TicketFlags::RENEWABLE, 'R'),
        (TicketFlags::INITIAL, 'I'),
        (TicketFlags::PRE_AUTHENT, 'A'),
        (TicketFlags::TRANSITED_POLICY_CHECKED, 'T'),
        (TicketFlags::OK_AS_DELEGATE, 'O'),
    ];
    letters.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, letter)| letter).collect()
}

fn request(request: &KdcReq<'_>) -> String {
    let body = &request.req_body;
    let client = body.cname.as_ref().map_or_else(|| "-".to_string(), |name| name.to_principal(body.realm).to_string());
    let server = body.sname.as_ref().unwrap().to_principal(body.realm);
    let etypes: Vec<_> = body.etype.iter().map(|etype| etype.0).collect();
    format!("{:?} {client} {server} etypes {etypes:?} {}", request.exchange, padata(&request.padata))
}

fn reply(reply: &KdcRep<'_>) -> String {
    let client = reply.cname.to_principal(reply.crealm);
    format!("{:?} {client} {}, {}", reply.exchange, ticket(&reply.ticket), padata(&reply.padata))
}

fn reply_part(part: &EncKdcRepPart<'_>) -> String {
    let server = part.sname.to_principal(part.srealm);
    let (end, renew) = (part.endtime, part.renew_till.unwrap());
    format!("{server} {} until {end}, renew until {renew}, etype {}", flags(part.flags), part.key.keytype.0)
}

fn ticket(ticket: &Ticket<'_>) -> String {
    format!("{} {}", ticket.sname.to_principal(ticket.realm), encrypted(&ticket.enc_part))
}

fn ticket_part(part: &EncTicketPart<'_>) -> String {
    let client = part.cname.to_principal(part.crealm);
    let (end, renew) = (part.endtime, part.renew_till.unwrap());
    format!("{client} {} until {end}, renew until {renew}, etype {}", flags(part.flags), part.key.keytype.0)
}

fn authenticator(part: &Authenticator<'_>) -> String {
    let cksum = part.cksum.map_or_else(|| "-".to_string(), |cksum| cksum.cksumtype.0.to_string());
    let subkey = part.subkey.map_or(0, |key| key.keytype.0);
    format!("{} cksum {cksum} subkey {subkey}", part.cname.to_principal(part.crealm))
}

fn ap_reply_part(part: &EncApRepPart<'_>) -> String {
    format!("subkey {} numbered {}", part.subkey.map_or(0, |key| key.keytype.0), part.seq_number.is_some())
}

fn private(part: &EncKrbPrivPart<'_>) -> String {
    format!("{} from {}", part.user_data.escape_ascii(), to_hex(part.s_address.address))
}

fn cred_info(info: &KrbCredInfo<'_>) -> String {
    let client = info.pname.as_ref().unwrap().to_principal(info.prealm.unwrap());
    let server = info.sname.as_ref().unwrap().to_principal(info.srealm.unwrap());
    format!("{client} {server} {} until {}", flags(info.flags.unwrap()), info.endtime.unwrap())
}

fn error(error: &KrbError<'_>) -> String {
    let client = error.cname.as_ref().unwrap().to_principal(error.crealm.unwrap());
    let server = error.sname.to_principal(error.realm);
    format!("{} {} {client} {server}", error.error_code.name().unwrap(), error.e_text.unwrap())
}

#[test]
fn messages_by_mit_read_as_mit_reads_them_and_are_written_as_mit_writes_them() {
    for case in cases(VECTORS) {
        let written = rewrite(type_name(&case), &case.file).unwrap();
        assert_eq!(to_hex(&written), to_hex(&case.file), "{}", case.name);
        assert_eq!(vec![tell(type_name(&case), &case.file)], case.expect, "{}", case.name);
    }
}

#[test]
fn every_type_is_among_the_vectors() {
    let cases = cases(VECTORS);
    for name in TYPES {
        assert!(cases.iter().any(|case| type_name(case) == *name), "{name}");
    }
}

#[test]
fn every_truncation_is_an_error() {
    for case in cases(VECTORS) {
        for end in 0..case.file.len() {
            let error = rewrite(type_name(&case), &case.file[..end]).unwrap_err();
            assert!(error.offset <= end, "{} cut at {end}: {error}", case.name);
        }
    }
}

#[test]
fn a_byte_behind_is_an_error() {
    for case in cases(VECTORS) {
        let error = rewrite(type_name(&case), &[&case.file[..], &[0]].concat()).unwrap_err();
        assert_eq!(error.offset, case.file.len(), "{}", case.name);
        assert_eq!(error.reason, DecodeReason::Trailing { count: 1 }, "{}", case.name);
    }
}

#[test]
fn every_message_checks_its_version_and_its_type() {
    let mut checked = 0;
    for case in cases(VECTORS).iter().filter(|case| case.file[0] & 0xc0 == 0x40 && !case.name.starts_with("Enc")) {
        let version = case.file.windows(3).position(|window| window == [2, 1, 5]).unwrap() + 2;
        let why = change(case, version);
        assert!(matches!(why, DecodeReason::Invalid(rule) if rule.ends_with("must be 5")), "{}: {why}", case.name);
        if !["Ticket", "Authenticator"].contains(&type_name(case)) {
            // the field behind is the message type: [n] 03 02 01 type
            let why = change(case, version + 5);
            assert_eq!(why, DecodeReason::Invalid("msg-type and tag do not match"), "{}", case.name);
            checked += 1;
        }
    }
    assert_eq!(checked, 14);
}

/// Why a message can't be read with the lowest bit of the byte at `at` changed.
fn change(case: &Case, at: usize) -> DecodeReason {
    let mut bytes = case.file.clone();
    bytes[at] ^= 1;
    rewrite(type_name(case), &bytes).unwrap_err().reason
}

#[test]
fn changed_bytes_are_an_error_or_a_message_that_survives_writing() {
    for case in cases(VECTORS) {
        let mut bytes = case.file.clone();
        for at in 0..bytes.len() {
            let kept = bytes[at];
            for value in [kept ^ 0x01, kept ^ 0x80, !kept] {
                bytes[at] = value;
                survives_writing(&case, &bytes, at);
            }
            bytes[at] = kept;
        }
    }
}

/// What can be read can be read again when written, to the same bytes.
fn survives_writing(case: &Case, bytes: &[u8], at: usize) {
    let Ok(written) = rewrite(type_name(case), bytes) else { return };
    let again = rewrite(type_name(case), &written);
    assert_eq!(again.as_deref(), Ok(&written[..]), "{} changed at {at}", case.name);
}

#[test]
fn the_body_of_a_request_is_kept_byte_for_byte() {
    for case in cases(VECTORS).iter().filter(|case| type_name(case).ends_with("S-REQ")) {
        let request = KdcReq::decode(&case.file).unwrap();
        assert!(case.file.ends_with(request.req_body.bytes()), "{}", case.name);
        assert_eq!(KdcReqBody::decode(request.req_body.bytes()).unwrap(), *request.req_body);
    }
}

#[test]
fn each_message_is_of_one_type() {
    // those with an APPLICATION tag; AS and TGS messages are one type
    let one = |name: &str| name.replace("TGS-", "AS-");
    for case in cases(VECTORS).iter().filter(|case| case.file[0] & 0xc0 == 0x40) {
        for name in TYPES {
            let same = one(name) == one(type_name(case));
            assert_eq!(rewrite(name, &case.file).is_ok(), same, "{} as {name}", case.name);
        }
    }
}
