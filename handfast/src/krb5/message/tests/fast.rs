use super::*;

fn finished() -> KrbFastFinished<'static> {
    KrbFastFinished {
        timestamp: time(1_700_000_000),
        usec: Microseconds::default(),
        crealm: "R",
        cname: name(&["alice"]),
        ticket_checksum: Checksum { cksumtype: ChecksumType(16), checksum: &[1; 12] },
    }
}

fn body() -> Vec<u8> {
    KdcReqBody {
        kdc_options: KdcOptions::NONE,
        cname: Some(name(&["alice"])),
        realm: "R",
        sname: None,
        from: None,
        till: KerberosTime::EPOCH,
        rtime: None,
        nonce: 7,
        etype: vec![Enctype(18)],
        addresses: vec![],
        enc_authorization_data: None,
        additional_tickets: vec![],
    }
    .to_der()
}

#[test]
fn messages_of_fast_read_as_they_were_written() {
    let armor = KrbFastArmor { armor_type: ArmorType::AP_REQUEST, armor_value: &[1, 2, 3] };
    for armor in [Some(armor), None] {
        round_trip!(
            PaFxFastRequest<'_>,
            PaFxFastRequest(KrbFastArmoredReq {
                armor,
                req_checksum: Checksum { cksumtype: ChecksumType(16), checksum: &[1; 12] },
                enc_fast_req: encrypted(None),
            })
        );
    }
    let body = body();
    for padata in [vec![], vec![PaData { padata_type: PaDataType::FX_COOKIE, padata_value: b"c" }]] {
        round_trip!(
            KrbFastReq<'_>,
            KrbFastReq {
                fast_options: FastOptions::HIDE_CLIENT_NAMES,
                padata,
                req_body: Encoded::<KdcReqBody<'_>>::decode(&body).unwrap(),
            }
        );
    }
    round_trip!(PaFxFastReply<'_>, PaFxFastReply(KrbFastArmoredRep { enc_fast_rep: encrypted(None) }));
    for (strengthen_key, finished) in [(Some(key()), Some(finished())), (None, None)] {
        round_trip!(KrbFastResponse<'_>, KrbFastResponse { padata: vec![], strengthen_key, finished, nonce: 9 });
    }
}

/// Adds a field to the outermost SEQUENCE of these bytes, of less than 126 octets.
fn extended(bytes: &[u8]) -> Vec<u8> {
    let mut longer = bytes.to_vec();
    longer[1] += 4;
    longer.extend_from_slice(&[0xbe, 2, 5, 0]);
    longer
}

#[test]
fn unknown_fields_at_the_end_are_ignored() {
    // RFC 6113 5.4: the types are marked with an ellipsis.
    let response = KrbFastResponse { padata: vec![], strengthen_key: None, finished: None, nonce: 9 };
    let longer = extended(&response.to_der());
    assert_eq!(KrbFastResponse::decode(&longer), Ok(response));
    let body = body();
    let request = KrbFastReq {
        fast_options: FastOptions::NONE,
        padata: vec![],
        req_body: Encoded::<KdcReqBody<'_>>::decode(&body).unwrap(),
    };
    let longer = extended(&request.to_der());
    assert_eq!(KrbFastReq::decode(&longer), Ok(request));
    // One level deeper, in the armor's own types.
    let reply = PaFxFastReply(KrbFastArmoredRep { enc_fast_rep: EncryptedData { cipher: &[7; 8], ..encrypted(None) } });
    let der = reply.to_der();
    let mut longer = vec![der[0], der[1] + 4];
    longer.extend(extended(&der[2..]));
    assert_eq!(PaFxFastReply::decode(&longer), Ok(reply));
}

#[test]
fn another_alternative_is_an_error() {
    let mut bytes = PaFxFastReply(KrbFastArmoredRep { enc_fast_rep: encrypted(None) }).to_der();
    bytes[0] = 0xa1;
    let reason = PaFxFastReply::decode(&bytes).unwrap_err().reason;
    assert_eq!(reason, DecodeReason::UnexpectedTag { expected: 0xa0, found: Some(0xa1) });
}

#[test]
fn critical_options_are_the_first_sixteen() {
    let unknown = |bit: u32| FastOptions(0x8000_0000 >> bit).intersects(FastOptions::UNKNOWN_CRITICAL);
    let critical: Vec<u32> = (0..32).filter(|bit| unknown(*bit)).collect();
    assert_eq!(critical, [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
}
