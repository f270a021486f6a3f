//! One test per rule of reading.

use super::*;

fn reason<T: core::fmt::Debug>(result: Result<T, DecodeError>) -> (usize, DecodeReason) {
    let error = result.unwrap_err();
    (error.offset, error.reason)
}

/// `bytes` with the first `from` replaced by `to`, of the same length.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at..at + from.len()].copy_from_slice(to);
    bytes
}

#[test]
fn numbers_that_are_unsigned_are_read_from_negative_ones() {
    for (negative, value) in [(&[0xff][..], u32::MAX), (&[0x80, 0, 0, 0], 0x8000_0000), (&[0xff, 0x7f], 0xffff_ff7f)] {
        let mut der = vec![0x30, 0, 0xa0, 3, 2, 1, 18, 0xa1, 0, 2, 0];
        let length = u8::try_from(negative.len()).unwrap();
        (der[1], der[8], der[10]) = (14 + length, 2 + length, length);
        der.extend_from_slice(negative);
        der.extend_from_slice(&[0xa2, 3, 4, 1, 0xaa]);
        assert_eq!(usize::from(der[1]) + 2, der.len());
        let data = EncryptedData::decode(&der).unwrap();
        assert_eq!(data.kvno, Some(value));
        assert_ne!(data.to_der(), der, "written as a positive number");
        assert_eq!(EncryptedData::decode(&data.to_der()), Ok(data));
    }
}

#[test]
fn numbers_outside_their_type_are_refused() {
    // 2^32 as kvno, then -2^31 - 1
    for wide in [[1, 0, 0, 0, 0], [0xff, 0x7f, 0xff, 0xff, 0xff]] {
        let mut der = vec![0x30, 19, 0xa0, 3, 2, 1, 18, 0xa1, 7, 2, 5];
        der.extend_from_slice(&wide);
        der.extend_from_slice(&[0xa2, 3, 4, 1, 0xaa]);
        let rule = DecodeReason::Invalid("the INTEGER does not fit UInt32");
        assert_eq!(reason(EncryptedData::decode(&der)), (9, rule));
    }
    let der = [0x30, 15, 0xa0, 7, 2, 5, 0, 0x80, 0, 0, 0, 0xa1, 4, 4, 2, 1, 1];
    assert_eq!(reason(Checksum::decode(&der)), (4, DecodeReason::Invalid("the INTEGER does not fit Int32")));
}

#[test]
fn microseconds_end_at_999999() {
    let part = EncApRepPart { ctime: time(1), cusec: Microseconds::MAX, subkey: None, seq_number: None };
    let der = replaced(&part.to_der(), &[2, 3, 0x0f, 0x42, 0x3f], &[2, 3, 0x0f, 0x42, 0x40]);
    let rule = DecodeReason::Invalid("microseconds outside 0..999999");
    assert_eq!(reason(EncApRepPart::decode(&der)).1, rule);
    let der = replaced(&part.to_der(), &[2, 3, 0x0f, 0x42, 0x3f], &[2, 3, 0xf0, 0x42, 0x3f]);
    assert_eq!(reason(EncApRepPart::decode(&der)).1, rule);
    assert_eq!(Microseconds::new(1_000_000), None);
}

#[test]
fn integers_are_in_their_shortest_form() {
    let der = [0x30, 7, 0xa0, 4, 2, 2, 0, 18, 0];
    assert_eq!(
        reason(EncryptedData::decode(&der)).1,
        DecodeReason::Invalid("not the shortest encoding, as DER wants it")
    );
}

#[test]
fn versions_and_message_types_are_checked() {
    let der = ApRep { enc_part: encrypted(None) }.to_der();
    let wrong = replaced(&der, &[0xa0, 3, 2, 1, 5], &[0xa0, 3, 2, 1, 4]);
    assert_eq!(reason(ApRep::decode(&wrong)).1, DecodeReason::Invalid("pvno must be 5"));
    let wrong = replaced(&der, &[0xa1, 3, 2, 1, 15], &[0xa1, 3, 2, 1, 14]);
    assert_eq!(reason(ApRep::decode(&wrong)).1, DecodeReason::Invalid("msg-type and tag do not match"));
    let wrong = replaced(&ticket_value().to_der(), &[0xa0, 3, 2, 1, 5], &[0xa0, 3, 2, 1, 6]);
    assert_eq!(reason(Ticket::decode(&wrong)).1, DecodeReason::Invalid("tkt-vno must be 5"));
    let body = KrbSafeBody {
        user_data: b"",
        timestamp: None,
        usec: None,
        seq_number: None,
        s_address: address(),
        r_address: None,
    };
    let (mut of_safe, mut of_body) = (vec![], vec![]);
    let safe_body = Encoded::<KrbSafeBody<'_>>::new(body, &mut of_safe);
    let cksum = Checksum { cksumtype: ChecksumType::HMAC_SHA1_96_AES256, checksum: &[1; 12] };
    let der = KrbSafe { safe_body, cksum }.to_der();
    let wrong = replaced(&der, &[0xa1, 3, 2, 1, 20], &[0xa1, 3, 2, 1, 21]);
    assert_eq!(reason(KrbSafe::decode(&wrong)).1, DecodeReason::Invalid("msg-type and tag do not match"));
    let wrong = replaced(&der, &[0xa0, 3, 2, 1, 5], &[0xa0, 3, 2, 1, 4]);
    assert_eq!(reason(KrbSafe::decode(&wrong)).1, DecodeReason::Invalid("pvno must be 5"));
    let req_body = Encoded::<KdcReqBody<'_>>::new(body_value(vec![]), &mut of_body);
    let der = KdcReq { exchange: KdcExchange::As, padata: vec![], req_body }.to_der();
    let wrong = replaced(&der, &[0xa2, 3, 2, 1, 10], &[0xa2, 3, 2, 1, 12]);
    assert_eq!(reason(KdcReq::decode(&wrong)).1, DecodeReason::Invalid("msg-type and tag do not match"));
    let wrong = replaced(&der, &[0xa1, 3, 2, 1, 5], &[0xa1, 3, 2, 1, 0]);
    assert_eq!(reason(KdcReq::decode(&wrong)).1, DecodeReason::Invalid("pvno must be 5"));
}

#[test]
fn another_message_is_refused_by_its_tag() {
    let der = ApRep { enc_part: encrypted(None) }.to_der();
    let expected = DecodeReason::UnexpectedTag { expected: 0x6e, found: Some(0x6f) };
    assert_eq!(reason(ApReq::decode(&der)), (0, expected));
    let expected = DecodeReason::UnexpectedTag { expected: 0x6a, found: Some(0x6f) };
    assert_eq!(reason(KdcReq::decode(&der)), (0, expected));
    assert_eq!(reason(ApReq::decode(&[])), (0, DecodeReason::UnexpectedTag { expected: 0x6e, found: None }));
}

#[test]
fn an_unknown_field_is_refused_where_the_type_is_not_extensible() {
    let mut der = vec![0x30, 14, 0xa0, 3, 2, 1, 15, 0xa1, 3, 4, 1, 1, 0xa2, 2, 5, 0];
    assert_eq!(reason(Checksum::decode(&der)), (12, DecodeReason::Trailing { count: 4 }));
    der.truncate(12);
    der[1] = 10;
    assert!(Checksum::decode(&der).is_ok());
}

#[test]
fn an_unknown_field_is_ignored_behind_change_passwd_data() {
    let der = [0x30, 13, 0xa0, 5, 4, 3, b'n', b'e', b'w', 0xa3, 4, 4, 2, 1, 2];
    assert_eq!(ChangePasswdData::decode(&der).unwrap().newpasswd, b"new");
    let broken = [0x30, 13, 0xa0, 5, 4, 3, b'n', b'e', b'w', 0xa3, 5, 4, 2, 1, 2];
    assert_eq!(reason(ChangePasswdData::decode(&broken)), (11, DecodeReason::Truncated { needed: 5, left: 4 }));
}

#[test]
fn flags_may_be_shorter_or_longer_than_32_bits() {
    let read = |bits: &[u8]| {
        let mut der = vec![];
        crate::asn1::DerWriter::new(&mut der).primitive(crate::asn1::tag::BIT_STRING, bits);
        crate::asn1::decode::<TicketFlags>("flags", &der)
    };
    let forwardable = Ok(TicketFlags::FORWARDABLE);
    assert_eq!(read(&[0, 0x40, 0, 0, 0]), forwardable);
    assert_eq!(read(&[6, 0x40]), forwardable);
    assert_eq!(read(&[0, 0x40, 0, 0, 0, 0xff]), forwardable);
    assert_eq!(read(&[0]), Ok(TicketFlags::NONE));
    assert!(read(&[8, 0x40]).is_err(), "more than 7 unused bits");
    assert!(read(&[]).is_err());
    assert_eq!(TicketFlags::FORWARDABLE.0, 0x4000_0000);
    let named = alloc::format!("{:?}", TicketFlags::FORWARDABLE | TicketFlags(1));
    assert_eq!(named, "{FORWARDABLE, 0x00000001}");
}

#[test]
fn times_have_one_form() {
    for text in [
        &b"19851106210627.3Z"[..],
        b"198511062106Z",
        b"19851106210627",
        b"1985110621062+Z",
        b"19851306210627Z",
        b"19850230210627Z",
        b"19851106240627Z",
        b"19691231235959Z",
        b"",
    ] {
        let mut der = vec![];
        crate::asn1::DerWriter::new(&mut der).primitive(crate::asn1::tag::GENERALIZED_TIME, text);
        assert!(KerberosTime::decode(&der).is_err(), "{text:?}");
    }
    let time = KerberosTime::decode(b"\x18\x0f19851106210627Z").unwrap();
    assert_eq!(time.to_time(), crate::Time::from_unix_seconds(500_159_187));
    assert_eq!(time.with_micros(Microseconds::MAX).unix_micros(), 500_159_187_999_999);
}

#[test]
fn times_that_can_not_be_told_become_the_nearest() {
    let time = |seconds| KerberosTime::from(crate::Time::from_unix_seconds(seconds)).to_der();
    assert_eq!(time(-1), b"\x18\x0f19700101000000Z");
    assert_eq!(time(i64::MAX), b"\x18\x0f99991231235959Z");
}

#[test]
fn strings_must_be_utf8() {
    let der = replaced(&name(&["ab"]).to_der(), b"ab", &[b'a', 0xff]);
    assert_eq!(reason(PrincipalName::decode(&der)), (11, DecodeReason::Invalid("the GeneralString is not UTF-8")));
}

#[test]
fn an_empty_list_is_an_absent_one() {
    let body = KdcReqBody { enc_authorization_data: None, ..body_value(vec![]) };
    let mut der = body.to_der();
    der.extend_from_slice(&[0xab, 2, 0x30, 0]);
    let with_empty = [&[0x30, 0x81][..], &[der[2] + 4], &der[3..]].concat();
    assert_eq!(KdcReqBody::decode(&with_empty), Ok(body));
}

#[test]
fn lists_end_at_their_limits() {
    let components = vec!["a"; NAME_COMPONENT_LIMIT];
    assert!(PrincipalName::decode(&name(&components).to_der()).is_ok());
    let components = vec!["a"; NAME_COMPONENT_LIMIT + 1];
    let expected = DecodeReason::TooLarge { limit: NAME_COMPONENT_LIMIT };
    assert_eq!(reason(PrincipalName::decode(&name(&components).to_der())).1, expected);

    let list = MethodData(vec![padata()[0]; PADATA_LIMIT + 1]).to_der();
    assert_eq!(reason(MethodData::decode(&list)).1, DecodeReason::TooLarge { limit: PADATA_LIMIT });
    let body = KdcReqBody { etype: vec![Enctype(18); ETYPE_LIMIT + 1], ..body_value(vec![]) };
    assert_eq!(reason(KdcReqBody::decode(&body.to_der())).1, DecodeReason::TooLarge { limit: ETYPE_LIMIT });
    let body = KdcReqBody { addresses: vec![address(); ADDRESS_LIMIT + 1], ..body_value(vec![]) };
    assert_eq!(reason(KdcReqBody::decode(&body.to_der())).1, DecodeReason::TooLarge { limit: ADDRESS_LIMIT });
    let mut of_ticket = vec![];
    let ticket = Encoded::<Ticket<'_>>::new(ticket_value(), &mut of_ticket);
    let cred = KrbCred { tickets: vec![ticket; TICKET_LIMIT + 1], enc_part: encrypted(None) };
    assert_eq!(reason(KrbCred::decode(&cred.to_der())).1, DecodeReason::TooLarge { limit: TICKET_LIMIT });
    let list = AuthorizationData(vec![authorization_data().0[0]; AD_LIMIT + 1]).to_der();
    assert_eq!(reason(AuthorizationData::decode(&list)).1, DecodeReason::TooLarge { limit: AD_LIMIT });
}

#[test]
fn lengths_are_checked_before_use() {
    let left = DecodeReason::Truncated { needed: 0xffff_ffff, left: 1 };
    assert_eq!(reason(Ticket::decode(&[0x61, 0x84, 0xff, 0xff, 0xff, 0xff, 0])), (6, left));
    let indefinite = DecodeReason::Invalid("an indefinite length is not DER");
    assert_eq!(reason(Ticket::decode(&[0x61, 0x80, 0, 0])), (0, indefinite));
    let long = DecodeReason::Invalid("a length that is not in its shortest form, or not of the type");
    let padded = [&[0x61, 0x82, 0, 0x80][..], &[0; 0x80]].concat();
    for der in [&[0x61, 0x81, 1, 0][..], &[0x61, 0x81, 0x7f], &padded, &[0x61, 0x83, 0, 1, 0]] {
        assert_eq!(reason(Ticket::decode(der)), (0, long.clone()), "{der:02x?}");
    }
    assert!(Ticket::decode(&[0x61, 0x88, 1, 0, 0, 0, 0, 0, 0, 0]).is_err());
}

#[test]
fn booleans_are_0_or_255() {
    let read = |octet| PaPacRequest::decode(&[0x30, 5, 0xa0, 3, 1, 1, octet]).map(|request| request.include_pac);
    assert_eq!((read(0), read(0xff)), (Ok(false), Ok(true)));
    assert!(read(1).is_err());
}

#[test]
fn deep_nesting_is_refused_at_the_first_wrong_tag() {
    let mut der = vec![];
    for _ in 0..10_000 {
        let length = u32::try_from(der.len()).unwrap().to_be_bytes();
        der = if der.len() < 128 {
            [&[0x30, length[3]][..], &der].concat()
        } else if der.len() < 256 {
            [&[0x30, 0x81, length[3]][..], &der].concat()
        } else {
            [&[0x30, 0x82, length[2], length[3]][..], &der].concat()
        };
    }
    assert!(matches!(reason(KeyRef::decode(&der)).1, DecodeReason::UnexpectedTag { expected: 0xa0, .. }));
    assert!(matches!(reason(AuthorizationData::decode(&der)).1, DecodeReason::UnexpectedTag { .. }));
}

#[test]
fn authorization_data_is_found_inside_if_relevant() {
    let pac = AdElement { ad_type: AdType::WIN2K_PAC, ad_data: b"pac" };
    let mut data = AuthorizationData(vec![pac]).to_der();
    for depth in 1..=AD_DEPTH_LIMIT + 1 {
        let outer = AuthorizationData(vec![
            AdElement { ad_type: AdType(7), ad_data: b"other" },
            AdElement { ad_type: AdType::IF_RELEVANT, ad_data: &data },
        ]);
        let found = outer.find(AdType::WIN2K_PAC);
        if depth <= AD_DEPTH_LIMIT {
            assert_eq!(found, Ok(Some(&b"pac"[..])), "{depth} deep");
            assert_eq!(outer.find(AdType(1234)), Ok(None));
        } else {
            assert_eq!(reason(found).1, DecodeReason::TooLarge { limit: AD_DEPTH_LIMIT });
        }
        data = outer.to_der();
    }
    let broken = AuthorizationData(vec![AdElement { ad_type: AdType::IF_RELEVANT, ad_data: b"\x30\x01" }]);
    assert!(broken.find(AdType::WIN2K_PAC).is_err());
}

#[test]
fn bytes_are_kept_as_they_were_received() {
    // kvno -1 would be written as 4294967295
    let der = ticket_value().to_der();
    let received = replaced(&der, &[0xa1, 3, 2, 1, 3], &[0xa1, 3, 2, 1, 0xff]);
    let ticket = Encoded::<Ticket<'_>>::decode(&received).unwrap();
    assert_eq!((ticket.bytes(), ticket.enc_part.kvno), (&received[..], Some(u32::MAX)));
    assert_ne!(ticket.to_der(), received);
    let request = ApReq { ap_options: ApOptions::NONE, ticket, authenticator: encrypted(None) }.to_der();
    assert!(request.windows(received.len()).any(|window| window == received));
    assert_eq!(ApReq::decode(&request).unwrap().ticket.bytes(), received);
    assert_eq!(ApReq::decode(&request).unwrap().ticket.into_value().realm, "EXAMPLE.COM");
}

#[test]
fn an_as_reply_may_carry_the_tag_of_the_tgs() {
    // RFC 4120 5.4.2
    for (tag, exchange) in [(0x79, KdcExchange::As), (0x7a, KdcExchange::Tgs)] {
        let part = EncKdcRepPart {
            exchange,
            key: key(),
            last_req: vec![],
            nonce: 1,
            key_expiration: None,
            flags: TicketFlags::NONE,
            authtime: time(1),
            starttime: None,
            endtime: time(2),
            renew_till: None,
            srealm: "R",
            sname: name(&["s"]),
            caddr: vec![],
            encrypted_pa_data: vec![],
        };
        let der = part.to_der();
        assert_eq!(der[0], tag);
        assert_eq!(EncKdcRepPart::decode(&der), Ok(part));
    }
}

#[test]
fn principals_become_names_and_names_principals() {
    let principal: crate::Principal = "HTTP/www.example.com@EXAMPLE.COM".parse().unwrap();
    let name = PrincipalName::from(&principal);
    assert!(name.names(&principal.clone().with_realm("OTHER").with_name_type(NameType::SRV_HST)));
    assert!(!name.names(&crate::Principal::krbtgt("A", "EXAMPLE.COM")));
    let back = name.to_principal("EXAMPLE.COM");
    assert_eq!((&back, back.name_type()), (&principal, NameType::PRINCIPAL));
    assert_eq!(name, PrincipalName { name_type: NameType::SRV_HST, ..name.clone() }, "the name type is a hint");
}

#[test]
fn keys_are_copied_out_and_borrowed_back() {
    let owned = key().to_key().unwrap();
    assert_eq!((owned.enctype(), owned.bytes()), (key().keytype, key().keyvalue));
    assert_eq!(KeyRef::from(&owned), key());
    assert!(KeyRef { keyvalue: &[7; 31], ..key() }.to_key().is_err());
}

#[test]
fn debug_shows_no_key_and_no_password() {
    let data = ChangePasswdData { newpasswd: b"hunter2", targname: None, targrealm: None };
    let part = EncKrbPrivPart {
        user_data: b"hunter2",
        timestamp: None,
        usec: None,
        seq_number: None,
        s_address: address(),
        r_address: None,
    };
    let shown = alloc::format!("{:?} {data:?} {part:?}", KeyRef { keytype: Enctype(18), keyvalue: &[104; 16] });
    assert!(!shown.contains("104") && !shown.contains("117"), "{shown}");
}

#[test]
fn error_codes_have_names_and_say_what_they_mean() {
    use alloc::string::ToString;
    let code = ErrorCode::KDC_ERR_PREAUTH_REQUIRED;
    assert_eq!(code.to_string(), "KDC_ERR_PREAUTH_REQUIRED (25): the KDC wants pre-authentication");
    assert_eq!(ErrorCode(-7).to_string(), "error code -7");
    assert_eq!((ErrorCode(43).name(), ErrorCode(43).explanation()), (None, None));
    assert_eq!(ErrorCode::KRB_AP_ERR_SKEW, ErrorCode(37));
}

#[test]
fn a_growing_buffer_keeps_what_it_holds() {
    let mut out = b"before".to_vec();
    for _ in 0..20 {
        ticket_value().encode(&mut out);
    }
    let one = ticket_value().to_der();
    assert_eq!(out, [b"before".to_vec(), one.repeat(20)].concat());
}
