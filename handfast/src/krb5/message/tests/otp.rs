use super::*;
use alloc::format;

fn full_token() -> OtpTokenInfo<'static> {
    OtpTokenInfo {
        flags: OtpFlags::COMBINE | OtpFlags::CHECK_DIGIT,
        vendor: Some(Utf8String("Maker")),
        challenge: Some(b"1234"),
        length: Some(6),
        format: Some(OtpFormat::DECIMAL),
        token_id: Some(b"id"),
        alg_id: Some(Utf8String("urn:x")),
        supported_hash_alg: vec![OtpAlgorithmIdentifier(&[6, 1, 42, 5, 0])],
        iteration_count: Some(1000),
    }
}

fn least_token() -> OtpTokenInfo<'static> {
    let flags = OtpFlags::NONE;
    OtpTokenInfo {
        flags,
        vendor: None,
        challenge: None,
        length: None,
        format: None,
        token_id: None,
        alg_id: None,
        supported_hash_alg: vec![],
        iteration_count: None,
    }
}

fn challenge(token_info: Vec<OtpTokenInfo<'_>>) -> PaOtpChallenge<'_> {
    PaOtpChallenge { nonce: b"nonce", service: None, token_info, salt: None, s2kparams: None }
}

#[test]
fn messages_of_otp_read_as_they_were_written() {
    round_trip!(PaOtpChallenge<'_>, challenge(vec![full_token(), least_token()]));
    let (service, salt) = (Some(Utf8String("door")), Some("SALT"));
    round_trip!(PaOtpChallenge<'_>, PaOtpChallenge { service, salt, s2kparams: Some(b"p"), ..challenge(vec![]) });
    round_trip!(PaOtpEncRequest<'_>, PaOtpEncRequest { nonce: b"nonce" });
    let request = PaOtpRequest {
        flags: OtpFlags::NEXT_OTP,
        nonce: Some(b"n"),
        enc_data: encrypted(None),
        hash_alg: Some(OtpAlgorithmIdentifier(&[6, 1, 42])),
        iteration_count: Some(3),
        value: Some(b"755224"),
        pin: Some(Utf8String("pin")),
        challenge: Some(b"c"),
        time: Some(KerberosTime::default()),
        counter: Some(b"7"),
        format: Some(OtpFormat::BASE64),
        token_id: Some(b"id"),
        alg_id: Some(Utf8String("urn:x")),
        vendor: Some(Utf8String("Maker")),
    };
    assert!(!format!("{request:?}").contains("755224"));
    round_trip!(PaOtpRequest<'_>, request);
}

/// The octets are those of RFC 6560 appendix A, with its implicit tags, by hand.
#[test]
fn tags_are_implicit() {
    let least = [0x30, 0x07, 0x80, 0x05, 0, 0, 0, 0, 0];
    let whole = [&[0x30, 0x12, 0x80, 5][..], b"nonce", &[0xa2, 9], &least].concat();
    assert_eq!(challenge(vec![least_token()]).to_der(), whole);
    assert_eq!(PaOtpChallenge::decode(&whole), Ok(challenge(vec![least_token()])));
    for (at, octet) in [(2, 0xa0), (9, 0x82), (11, 0x31), (13, 0xa0), (13, 0x03)] {
        let mut changed = whole.clone();
        changed[at] = octet;
        assert!(PaOtpChallenge::decode(&changed).is_err(), "{at}");
    }
    let many = challenge(vec![least_token(); OTP_TOKEN_LIMIT + 1]).to_der();
    assert!(PaOtpChallenge::decode(&many).is_err());
}
