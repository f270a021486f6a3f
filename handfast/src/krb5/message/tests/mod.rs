use super::*;
use crate::krb5::enctype::{ChecksumType, Enctype};
use crate::name::NameType;
use crate::wire::{DecodeError, DecodeReason};
use alloc::vec;
use alloc::vec::Vec;

mod rules;

/// What every type must hold: the same bytes again, no truncation, nothing behind, no panic on changed bytes.
fn check<'a, T>(
    bytes: &'a [u8],
    decode: impl for<'b> Fn(&'b [u8]) -> Result<(), DecodeError>,
    value: &T,
    decoded: Result<T, DecodeError>,
) where
    T: PartialEq + core::fmt::Debug + 'a,
{
    assert_eq!(decoded.as_ref(), Ok(value));
    for end in 0..bytes.len() {
        let error = decode(&bytes[..end]).unwrap_err();
        assert!(error.offset <= end, "{error}");
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    let error = decode(&longer).unwrap_err();
    assert_eq!((error.offset, error.reason), (bytes.len(), DecodeReason::Trailing { count: 1 }));
    let mut changed = bytes.to_vec();
    for at in 0..bytes.len() {
        for mask in [0x01, 0x20, 0x80, 0xff] {
            changed[at] ^= mask;
            let _ = decode(&changed);
            changed[at] ^= mask;
        }
    }
}

macro_rules! round_trip {
    ($type:ty, $value:expr) => {{
        let value = $value;
        let bytes = value.to_der();
        check(&bytes, |bytes| <$type>::decode(bytes).map(drop), &value, <$type>::decode(&bytes));
        assert_eq!(<$type>::decode(&bytes).unwrap().to_der(), bytes, "written as it was read");
    }};
}

mod fast;
mod otp;
mod spake;

fn time(seconds: i64) -> KerberosTime {
    crate::Time::from_unix_seconds(seconds).into()
}

fn name<'a>(parts: &[&'a str]) -> PrincipalName<'a> {
    PrincipalName { name_type: NameType::PRINCIPAL, name_string: parts.to_vec() }
}

fn encrypted(kvno: Option<u32>) -> EncryptedData<'static> {
    EncryptedData { etype: Enctype(18), kvno, cipher: &[0xa5; 200] }
}

fn key() -> KeyRef<'static> {
    KeyRef { keytype: Enctype(18), keyvalue: &[7; 32] }
}

fn address() -> HostAddress<'static> {
    HostAddress { addr_type: AddressType::IPV4, address: &[127, 0, 0, 1] }
}

fn ticket_value() -> Ticket<'static> {
    Ticket { realm: "EXAMPLE.COM", sname: name(&["HTTP", "www.example.com"]), enc_part: encrypted(Some(3)) }
}

fn padata() -> Vec<PaData<'static>> {
    vec![
        PaData { padata_type: PaDataType::PAC_REQUEST, padata_value: b"\x30\x05\xa0\x03\x01\x01\xff" },
        PaData { padata_type: PaDataType(-5), padata_value: b"" },
    ]
}

fn authorization_data() -> AuthorizationData<'static> {
    AuthorizationData(vec![AdElement { ad_type: AdType(-1), ad_data: b"data" }])
}

#[test]
fn names_and_times_round_trip() {
    round_trip!(PrincipalName<'_>, name(&["a", "", "ü/@"]));
    round_trip!(PrincipalName<'_>, name(&[]));
    for seconds in [0, 1, 951_782_400, 1_700_000_000, 4_102_444_799, 253_402_300_799] {
        round_trip!(KerberosTime, time(seconds));
    }
    round_trip!(HostAddress<'_>, address());
}

#[test]
fn keys_and_ciphertexts_round_trip() {
    for kvno in [None, Some(0), Some(127), Some(128), Some(255), Some(256), Some(0x7fff_ffff), Some(u32::MAX)] {
        round_trip!(EncryptedData<'_>, encrypted(kvno));
    }
    round_trip!(KeyRef<'_>, key());
    for cksumtype in [i32::MIN, -138, -129, -128, -1, 0, 15, 0x8003, i32::MAX] {
        round_trip!(Checksum<'_>, Checksum { cksumtype: ChecksumType(cksumtype), checksum: &[1, 2, 3] });
    }
    let long = vec![9; 70_000];
    for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000] {
        let cipher = long.get(..length).unwrap();
        let value = EncryptedData { etype: Enctype(-1), kvno: None, cipher };
        assert_eq!(EncryptedData::decode(&value.to_der()), Ok(value));
    }
}

#[test]
fn tickets_round_trip() {
    round_trip!(Ticket<'_>, ticket_value());
    let transited = TransitedEncoding { tr_type: TransitedEncoding::DOMAIN_X500_COMPRESS, contents: b"A.B,C." };
    round_trip!(TransitedEncoding<'_>, transited);
    let full = EncTicketPart {
        flags: TicketFlags::FORWARDABLE | TicketFlags::ENC_PA_REP | TicketFlags(1),
        key: key(),
        crealm: "EXAMPLE.COM",
        cname: name(&["alice"]),
        transited,
        authtime: time(1),
        starttime: Some(time(2)),
        endtime: time(3),
        renew_till: Some(time(4)),
        caddr: vec![address(), address()],
        authorization_data: authorization_data(),
    };
    let least = EncTicketPart {
        starttime: None,
        renew_till: None,
        caddr: vec![],
        authorization_data: AuthorizationData::default(),
        ..full.clone()
    };
    round_trip!(EncTicketPart<'_>, full);
    round_trip!(EncTicketPart<'_>, least);
}

fn body_value<'a>(additional_tickets: Vec<Encoded<'a, Ticket<'a>>>) -> KdcReqBody<'a> {
    KdcReqBody {
        kdc_options: KdcOptions::CANONICALIZE | KdcOptions::RENEWABLE_OK,
        cname: Some(name(&["alice"])),
        realm: "EXAMPLE.COM",
        sname: Some(name(&["krbtgt", "EXAMPLE.COM"])),
        from: Some(time(1)),
        till: KerberosTime::EPOCH,
        rtime: Some(time(3)),
        nonce: 0xffff_fffe,
        etype: vec![Enctype(20), Enctype(18), Enctype(-133)],
        addresses: vec![address()],
        enc_authorization_data: Some(encrypted(None)),
        additional_tickets,
    }
}

#[test]
fn requests_to_the_kdc_round_trip() {
    let (mut of_ticket, mut of_body, mut of_least) = (vec![], vec![], vec![]);
    let ticket = Encoded::<Ticket<'_>>::new(ticket_value(), &mut of_ticket);
    let full = body_value(vec![ticket.clone(), ticket]);
    let least = KdcReqBody {
        cname: None,
        sname: None,
        from: None,
        rtime: None,
        etype: vec![],
        addresses: vec![],
        enc_authorization_data: None,
        additional_tickets: vec![],
        ..full.clone()
    };
    round_trip!(KdcReqBody<'_>, full.clone());
    let req_body = Encoded::<KdcReqBody<'_>>::new(full, &mut of_body);
    round_trip!(KdcReq<'_>, KdcReq { exchange: KdcExchange::Tgs, padata: padata(), req_body });
    let req_body = Encoded::<KdcReqBody<'_>>::new(least, &mut of_least);
    round_trip!(KdcReq<'_>, KdcReq { exchange: KdcExchange::As, padata: vec![], req_body });
}

#[test]
fn replies_of_the_kdc_round_trip() {
    let mut of_ticket = vec![];
    let ticket = Encoded::<Ticket<'_>>::new(ticket_value(), &mut of_ticket);
    for exchange in [KdcExchange::As, KdcExchange::Tgs] {
        round_trip!(
            KdcRep<'_>,
            KdcRep {
                exchange,
                padata: padata(),
                crealm: "EXAMPLE.COM",
                cname: name(&["alice"]),
                ticket: ticket.clone(),
                enc_part: encrypted(Some(1)),
            }
        );
        let full = EncKdcRepPart {
            exchange,
            key: key(),
            last_req: vec![LastReqEntry { lr_type: LrType::PASSWORD_EXPIRES, lr_value: time(9) }],
            nonce: 7,
            key_expiration: Some(time(1)),
            flags: TicketFlags::INITIAL,
            authtime: time(2),
            starttime: Some(time(3)),
            endtime: time(4),
            renew_till: Some(time(5)),
            srealm: "EXAMPLE.COM",
            sname: name(&["krbtgt", "EXAMPLE.COM"]),
            caddr: vec![address()],
            encrypted_pa_data: padata(),
        };
        let least = EncKdcRepPart {
            last_req: vec![],
            key_expiration: None,
            starttime: None,
            renew_till: None,
            caddr: vec![],
            encrypted_pa_data: vec![],
            ..full.clone()
        };
        round_trip!(EncKdcRepPart<'_>, full);
        round_trip!(EncKdcRepPart<'_>, least);
    }
}

#[test]
fn the_ap_exchange_round_trips() {
    let mut of_ticket = vec![];
    let ticket = Encoded::<Ticket<'_>>::new(ticket_value(), &mut of_ticket);
    round_trip!(ApReq<'_>, ApReq { ap_options: ApOptions::MUTUAL_REQUIRED, ticket, authenticator: encrypted(None) });
    let full = Authenticator {
        crealm: "EXAMPLE.COM",
        cname: name(&["alice"]),
        cksum: Some(Checksum { cksumtype: ChecksumType(0x8003), checksum: &[0; 24] }),
        cusec: Microseconds::MAX,
        ctime: time(1_700_000_000),
        subkey: Some(key()),
        seq_number: Some(0x8000_0001),
        authorization_data: authorization_data(),
    };
    let least = Authenticator {
        cksum: None,
        subkey: None,
        seq_number: None,
        authorization_data: AuthorizationData::default(),
        ..full.clone()
    };
    round_trip!(Authenticator<'_>, full);
    round_trip!(Authenticator<'_>, least);
    round_trip!(ApRep<'_>, ApRep { enc_part: encrypted(None) });
    for (subkey, seq_number) in [(None, None), (Some(key()), Some(0)), (None, Some(u32::MAX))] {
        let cusec = Microseconds::default();
        round_trip!(EncApRepPart<'_>, EncApRepPart { ctime: time(1), cusec, subkey, seq_number });
    }
}

#[test]
fn the_question_for_a_login_and_its_answer_round_trip() {
    let mut of_ticket = vec![];
    let ticket = Encoded::<Ticket<'_>>::new(ticket_value(), &mut of_ticket);
    round_trip!(KerbTgtReply<'_>, KerbTgtReply { ticket });
    for (server_name, realm) in [(None, None), (Some(name(&["bob"])), Some("EXAMPLE.COM"))] {
        round_trip!(KerbTgtRequest<'_>, KerbTgtRequest { server_name, realm });
    }
    // draft-swift-win2k-krb-user2user 4: pvno 5 and msg-type 16, and nothing else.
    assert_eq!(KerbTgtRequest::default().to_der(), [0x30, 10, 0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 16]);
    for wrong in [[4, 16], [5, 17]] {
        let [pvno, msg_type] = wrong;
        assert!(KerbTgtRequest::decode(&[0x30, 10, 0xa0, 3, 2, 1, pvno, 0xa1, 3, 2, 1, msg_type]).is_err());
    }
}

#[test]
fn credentials_round_trip() {
    let mut of_ticket = vec![];
    let ticket = Encoded::<Ticket<'_>>::new(ticket_value(), &mut of_ticket);
    round_trip!(KrbCred<'_>, KrbCred { tickets: vec![ticket.clone(), ticket], enc_part: encrypted(None) });
    let full = KrbCredInfo {
        key: key(),
        prealm: Some("EXAMPLE.COM"),
        pname: Some(name(&["alice"])),
        flags: Some(TicketFlags::FORWARDED),
        authtime: Some(time(1)),
        starttime: Some(time(2)),
        endtime: Some(time(3)),
        renew_till: Some(time(4)),
        srealm: Some("EXAMPLE.COM"),
        sname: Some(name(&["krbtgt", "EXAMPLE.COM"])),
        caddr: vec![address()],
    };
    let least = KrbCredInfo {
        key: key(),
        prealm: None,
        pname: None,
        flags: None,
        authtime: None,
        starttime: None,
        endtime: None,
        renew_till: None,
        srealm: None,
        sname: None,
        caddr: vec![],
    };
    round_trip!(
        EncKrbCredPart<'_>,
        EncKrbCredPart {
            ticket_info: vec![full, least],
            nonce: Some(1),
            timestamp: Some(time(2)),
            usec: Some(Microseconds::MAX),
            s_address: Some(address()),
            r_address: Some(address()),
        }
    );
    round_trip!(
        EncKrbCredPart<'_>,
        EncKrbCredPart {
            ticket_info: vec![],
            nonce: None,
            timestamp: None,
            usec: None,
            s_address: None,
            r_address: None,
        }
    );
}

#[test]
fn safe_and_private_messages_round_trip() {
    let body = KrbSafeBody {
        user_data: b"hello",
        timestamp: Some(time(1)),
        usec: Some(Microseconds::MAX),
        seq_number: Some(4),
        s_address: address(),
        r_address: Some(address()),
    };
    let mut of_body = vec![];
    let safe_body = Encoded::<KrbSafeBody<'_>>::new(body, &mut of_body);
    let cksum = Checksum { cksumtype: ChecksumType::HMAC_SHA1_96_AES256, checksum: &[1; 12] };
    round_trip!(KrbSafeBody<'_>, body);
    round_trip!(KrbSafe<'_>, KrbSafe { safe_body, cksum });
    round_trip!(KrbPriv<'_>, KrbPriv { enc_part: encrypted(None) });
    round_trip!(
        EncKrbPrivPart<'_>,
        EncKrbPrivPart {
            user_data: b"secret",
            timestamp: None,
            usec: None,
            seq_number: Some(u32::MAX),
            s_address: address(),
            r_address: None,
        }
    );
    let targname = Some(name(&["bob"]));
    round_trip!(ChangePasswdData<'_>, ChangePasswdData { newpasswd: b"new", targname, targrealm: Some("R") });
}

#[test]
fn errors_round_trip() {
    let full = KrbError {
        ctime: Some(time(1)),
        cusec: Some(Microseconds::MAX),
        stime: time(2),
        susec: Microseconds::default(),
        error_code: ErrorCode::KDC_ERR_PREAUTH_REQUIRED,
        crealm: Some("EXAMPLE.COM"),
        cname: Some(name(&["alice"])),
        realm: "EXAMPLE.COM",
        sname: name(&["krbtgt", "EXAMPLE.COM"]),
        e_text: Some("NEEDED_PREAUTH"),
        e_data: Some(b"data"),
    };
    let least =
        KrbError { ctime: None, cusec: None, crealm: None, cname: None, e_text: None, e_data: None, ..full.clone() };
    round_trip!(KrbError<'_>, full);
    round_trip!(KrbError<'_>, least);
    round_trip!(MethodData<'_>, MethodData(padata()));
    let element = TypedDataElement { data_type: 104, data_value: None };
    round_trip!(TypedData<'_>, TypedData(vec![element, TypedDataElement { data_value: Some(b"x"), ..element }]));
}

#[test]
fn padata_round_trip() {
    round_trip!(PaData<'_>, padata()[0]);
    for pausec in [None, Some(Microseconds::MAX)] {
        round_trip!(PaEncTsEnc, PaEncTsEnc { patimestamp: time(1_700_000_000), pausec });
    }
    for include_pac in [false, true] {
        round_trip!(PaPacRequest, PaPacRequest { include_pac });
    }
    let entry = EtypeInfo2Entry { etype: Enctype(18), salt: Some("EXAMPLE.COMalice"), s2kparams: Some(&[0, 0, 16, 0]) };
    let bare = EtypeInfo2Entry { etype: Enctype(17), salt: None, s2kparams: None };
    round_trip!(EtypeInfo2<'_>, EtypeInfo2(vec![entry, bare]));
    let entry = EtypeInfoEntry { etype: Enctype(23), salt: Some(b"") };
    round_trip!(EtypeInfo<'_>, EtypeInfo(vec![entry, EtypeInfoEntry { salt: None, ..entry }]));
}

#[test]
fn authorization_data_round_trips() {
    let mut of_elements = vec![];
    round_trip!(AuthorizationData<'_>, authorization_data());
    let elements = Encoded::<AuthorizationData<'_>>::new(authorization_data(), &mut of_elements);
    let ad_checksum = Checksum { cksumtype: ChecksumType::HMAC_SHA1_96_AES256, checksum: &[1; 12] };
    let (i_realm, i_sname) = (Some("R"), Some(name(&["s"])));
    round_trip!(AdKdcIssued<'_>, AdKdcIssued { ad_checksum, i_realm, i_sname, elements });
}
