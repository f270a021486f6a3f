//! SPAKE (RFC 9588): our client's logins against the realm, and what somebody on the way can do to them.

use super::*;
use handfast::crypto::Secret;
use handfast::krb5::HeldTicket;
use handfast::krb5::exchange::{
    ClientProof, ClientSecret, ExchangeError, ExchangeStep, FastUse, KdcRequest, LOGIN_REQUEST_LIMIT, Login,
    TicketOptions,
};
use handfast::krb5::message::{
    EtypeInfo2, MethodData, PaSpake, SpakeChallenge, SpakeFactorType, SpakeGroup, SpakeResponse, SpakeSecondFactor,
    SpakeSupport, TicketFlags,
};
use handfast::krb5::spake::{Multiplier, Role, SpakeError, Transcript};

const SPAKE: PaDataType = PaDataType::SPAKE;
const TIMESTAMP: PaDataType = PaDataType::ENC_TIMESTAMP;
const ED: SpakeGroup = SpakeGroup::EDWARDS25519;
const GROUPS: [SpakeGroup; 4] = [ED, SpakeGroup::P256, SpakeGroup::P384, SpakeGroup::P521];

fn realm_with(groups: &[SpakeGroup], spake_challenge: Option<SpakeGroup>) -> Realm {
    let settings =
        Settings { preauth: vec![SPAKE], spake_groups: groups.to_vec(), spake_challenge, ..Settings::default() };
    Realm::new("R.TEST", Arc::new(directory()), settings, Arc::new(OsRandom))
}

/// SPAKE and nothing else.
fn options(groups: &[SpakeGroup]) -> TicketOptions {
    TicketOptions { preauth: vec![SPAKE], spake_groups: groups.to_vec(), ..TicketOptions::default() }
}

fn login(options: TicketOptions) -> Login {
    with_secret(ClientSecret::Keys(vec![user_key(AES256)]), options)
}

fn with_secret(secret: ClientSecret, options: TicketOptions) -> Login {
    Login::new(principal("alice@R.TEST"), secret, options, Arc::new(OsRandom))
}

/// Runs a login; `on_the_way` sees every message, requests with even numbers, replies with odd ones.
fn drive(
    realm: &Realm,
    login: Login,
    mut on_the_way: impl FnMut(usize, Vec<u8>) -> Vec<u8>,
) -> Result<HeldTicket, ExchangeError> {
    let mut step = login.begin(NOW)?;
    for number in 0.. {
        step = match step {
            ExchangeStep::NeedsKdc(next, KdcRequest { bytes, .. }) => {
                assert!(number < usize::try_from(LOGIN_REQUEST_LIMIT).unwrap());
                let bytes = on_the_way(2 * number, bytes);
                let reply = answer(realm, &bytes, NOW).reply.unwrap_or_default();
                next.reply(&on_the_way(2 * number + 1, reply), NOW)?
            }
            ExchangeStep::NeedsAnswer(..) => panic!("a question"),
            ExchangeStep::Complete(got) => return Ok(got.ticket),
        };
    }
    panic!("it never ends")
}

/// The requests that a login takes, if it ends with a ticket.
fn rounds(realm: &Realm, login: Login) -> Result<usize, ExchangeError> {
    let mut requests = 0;
    let ticket = drive(realm, login, |number, bytes| {
        requests = number / 2 + 1;
        bytes
    })?;
    assert!(ticket.flags.contains(TicketFlags::PRE_AUTHENT));
    Ok(requests)
}

/// The value of SPAKE in a message, changed. In a request the padata stand beside the body, in a KRB-ERROR in METHOD-DATA.
fn changed(message: &[u8], change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let with = |mut padata: Vec<PaData<'_>>, write: &dyn Fn(Vec<PaData<'_>>) -> Vec<u8>| {
        let Some(spake) = padata.iter_mut().find(|padata| padata.padata_type == SPAKE) else { return message.to_vec() };
        let value = change(spake.padata_value);
        let all: Vec<_> = padata
            .iter()
            .map(|padata| PaData {
                padata_value: if padata.padata_type == SPAKE { &value } else { padata.padata_value },
                ..*padata
            })
            .collect();
        write(all)
    };
    if let Ok(request) = KdcReq::decode(message) {
        return with(request.padata.clone(), &|padata| KdcReq { padata, ..request.clone() }.to_der());
    }
    let Ok(error) = KrbError::decode(message) else { return message.to_vec() };
    let methods = MethodData::decode(error.e_data.unwrap()).unwrap();
    with(methods.0, &|padata| {
        let e_data = MethodData(padata).to_der();
        KrbError { e_data: Some(&e_data), ..error.clone() }.to_der()
    })
}

fn spake_error(result: Result<HeldTicket, ExchangeError>) -> SpakeError {
    match result {
        Err(ExchangeError::Spake(error)) => *error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_login_in_each_group_with_either_secret() {
    let password = ClientSecret::Password(Secret::new(PASSWORD.to_vec()));
    for group in GROUPS {
        let realm = realm_with(&[group], None);
        assert_eq!(rounds(&realm, login(options(&[group]))), Ok(3), "{group}");
        assert_eq!(rounds(&realm, with_secret(password.clone(), options(&[group]))), Ok(3), "{group}");
    }
}

#[test]
fn an_optimistic_challenge_spares_a_round_trip_if_the_client_knows_the_group() {
    for group in GROUPS {
        let realm = realm_with(&GROUPS, Some(group));
        assert_eq!(rounds(&realm, login(options(&[SpakeGroup::P256, group]))), Ok(2), "{group}");
        let other = if group == ED { SpakeGroup::P521 } else { ED };
        assert_eq!(rounds(&realm, login(options(&[other]))), Ok(3), "{group}: declined for another");
    }
    let not_offered = realm_with(&[ED], Some(SpakeGroup::P256));
    assert_eq!(rounds(&not_offered, login(options(&GROUPS))), Ok(3));
}

#[test]
fn it_goes_on_inside_of_fast() {
    let armor = drive(&realm(), login(TicketOptions::default()), |_, bytes| bytes).unwrap();
    for (challenge, requests) in [(None, 3), (Some(ED), 2)] {
        let realm = realm_with(&[ED], challenge);
        let required = TicketOptions { fast: FastUse::Required, hide_client_name: true, ..options(&[ED]) };
        assert_eq!(rounds(&realm, login(required.clone()).with_armor(&armor)), Ok(requests));
        let wrong = ClientSecret::Password(Secret::new(b"wrong".to_vec()));
        let result = drive(&realm, with_secret(wrong, required).with_armor(&armor), |_, bytes| bytes);
        let Err(ExchangeError::Refused(refusal)) = result else { panic!("{result:?}") };
        assert_eq!(refusal.code, ErrorCode::KDC_ERR_PREAUTH_FAILED);
    }
}

#[test]
fn a_wrong_secret_is_refused_and_no_other_method_tried_after_it() {
    let wrong = ClientSecret::Password(Secret::new(b"wrong".to_vec()));
    for group in GROUPS {
        for challenge in [None, Some(group)] {
            let preauth = vec![SPAKE, TIMESTAMP];
            let spake_groups = vec![group];
            let settings = Settings { preauth, spake_groups, spake_challenge: challenge, ..Settings::default() };
            let realm = Realm::new("R.TEST", Arc::new(directory()), settings, Arc::new(OsRandom));
            let both = TicketOptions { preauth: vec![SPAKE, TIMESTAMP], ..options(&[group]) };
            let result = drive(&realm, with_secret(wrong.clone(), both), |_, bytes| bytes);
            let Err(ExchangeError::Refused(refusal)) = result else { panic!("{result:?}") };
            let proof = Some(ClientProof::Password(Enctype::AES256_CTS_HMAC_SHA384_192));
            assert_eq!((refusal.code, refusal.proof), (ErrorCode::KDC_ERR_PREAUTH_FAILED, proof));
            assert_eq!(refusal.tried, [SPAKE]);
            assert!(refusal.to_string().contains("most likely the password is wrong"), "{refusal}");
        }
    }
}

#[test]
fn the_client_prefers_it_to_the_timestamp_where_the_realm_offers_both() {
    let settings = Settings { preauth: vec![TIMESTAMP, SPAKE], ..Settings::default() };
    let realm = Realm::new("R.TEST", Arc::new(directory()), settings, Arc::new(OsRandom));
    let mut types = Vec::new();
    drive(&realm, login(TicketOptions::default()), |number, bytes| {
        if number == 2 {
            types.extend(KdcReq::decode(&bytes).unwrap().padata.iter().map(|padata| padata.padata_type));
        }
        bytes
    })
    .unwrap();
    assert!(types.contains(&SPAKE) && !types.contains(&TIMESTAMP), "{types:?}");
    // Without a group in common the timestamp has its turn.
    let other = TicketOptions { spake_groups: vec![SpakeGroup::P256], ..TicketOptions::default() };
    assert_eq!(rounds(&realm, login(other)), Ok(3));
    let none = TicketOptions { spake_groups: vec![SpakeGroup(99)], ..TicketOptions::default() };
    assert_eq!(rounds(&realm, login(none)), Ok(2));
}

#[test]
fn what_neither_side_permits_is_not_used() {
    let result = drive(&realm_with(&[ED], None), login(options(&[SpakeGroup::P256])), |_, bytes| bytes);
    assert!(matches!(result, Err(ExchangeError::Refused(_))), "{result:?}");
    assert_eq!(
        spake_error(drive(&realm_with(&[ED], None), login(options(&[])), |_, bytes| bytes)),
        SpakeError::NoGroup
    );
    let no_group = realm_with(&[SpakeGroup(99)], None);
    let result = drive(&no_group, login(options(&GROUPS)), |_, bytes| bytes);
    assert!(matches!(result, Err(ExchangeError::NoCommonPreauth { .. })), "{result:?}");
    let timestamp_only = TicketOptions { preauth: vec![TIMESTAMP], ..TicketOptions::default() };
    assert_eq!(rounds(&realm(), login(timestamp_only)), Ok(2));
}

#[test]
fn the_client_is_told_of_one_reply_key() {
    let body = KdcReqBody { etype: SESSION_ENCTYPES.to_vec(), ..as_body() };
    let told = |preauth: &[PaDataType]| {
        let settings = Settings { preauth: preauth.to_vec(), ..Settings::default() };
        let realm = Realm::new("R.TEST", Arc::new(directory()), settings, Arc::new(OsRandom));
        let error = ask(&realm, &request(KdcExchange::As, vec![], &body), NOW).unwrap_err();
        let methods = MethodData::decode(error.e_data.unwrap()).unwrap().0;
        let info = methods.iter().find(|padata| padata.padata_type == PaDataType::ETYPE_INFO2).unwrap();
        EtypeInfo2::decode(info.padata_value).unwrap().0.iter().map(|entry| entry.etype).collect::<Vec<_>>()
    };
    assert_eq!(told(&[SPAKE, TIMESTAMP]), [SESSION_ENCTYPES[0]]);
    assert_eq!(told(&[TIMESTAMP]), SESSION_ENCTYPES);
}

/// Changes the SPAKE value of one message of a login.
fn with_change(
    realm: &Realm,
    options: TicketOptions,
    message: usize,
    change: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Result<HeldTicket, ExchangeError> {
    let mut change = Some(change);
    drive(
        realm,
        login(options),
        |number, bytes| {
            if number == message { changed(&bytes, change.take().unwrap()) } else { bytes }
        },
    )
}

/// The SPAKE value of one message of a login.
fn value(realm: &Realm, message: usize) -> Vec<u8> {
    let mut seen = Vec::new();
    with_change(realm, options(&[ED]), message, |value| {
        seen = value.to_vec();
        value.to_vec()
    })
    .unwrap();
    seen
}

/// The support message is 2, the challenge 3, the response 4; with an optimistic challenge that is 1 and the response 2.
#[test]
fn every_octet_cut_and_every_bit_flipped_of_every_message_ends_without_a_ticket() {
    for (challenge, messages) in [(None, &[2, 3, 4][..]), (Some(ED), &[1, 2])] {
        let realm = realm_with(&[ED], challenge);
        for &message in messages {
            let length = value(&realm, message).len();
            for cut in 0..length {
                let result = with_change(&realm, options(&[ED]), message, |value| value[..cut].to_vec());
                // An offer without a value is one without a challenge: the client says what it can do, and all goes well.
                let is_offer = message == 1 && cut == 0;
                assert_eq!(result.is_ok(), is_offer, "{message} cut at {cut}: {result:?}");
            }
            for bit in 0..length * 8 {
                let result = with_change(&realm, options(&[ED]), message, |value| {
                    let mut value = value.to_vec();
                    value[bit / 8] ^= 1 << (bit % 8);
                    value
                });
                // Another group in an offer is declined, and the login goes on without that challenge.
                let declined = challenge.is_some() && message == 1 && matches!(bit / 8, 6..=8);
                assert!(declined || result.is_err(), "{message} bit {bit}");
            }
        }
    }
}

#[test]
fn a_challenge_in_a_group_that_was_not_offered_is_refused() {
    let realm = realm_with(&GROUPS, None);
    let result = with_change(&realm, options(&[ED]), 3, |value| {
        let PaSpake::Challenge(challenge) = PaSpake::decode(value).unwrap() else { panic!() };
        PaSpake::Challenge(SpakeChallenge { group: SpakeGroup::P256, ..challenge }).to_der()
    });
    assert_eq!(spake_error(result), SpakeError::GroupNotOffered { chosen: SpakeGroup::P256, offered: vec![ED] });
    // Who takes away the better groups that a client offers makes two transcripts.
    let result = with_change(&realm, options(&[SpakeGroup::P521, ED]), 2, |_| {
        PaSpake::Support(SpakeSupport { groups: vec![ED] }).to_der()
    });
    let Err(ExchangeError::Refused(refusal)) = result else { panic!("{result:?}") };
    assert_eq!(refusal.code, ErrorCode::KDC_ERR_PREAUTH_FAILED);
}

#[test]
fn a_second_factor_that_is_not_known_is_refused() {
    for (challenge, message) in [(None, 3), (Some(ED), 1)] {
        let result = with_change(&realm_with(&[ED], challenge), options(&[ED]), message, |value| {
            let PaSpake::Challenge(challenge) = PaSpake::decode(value).unwrap() else { panic!() };
            let factors = vec![SpakeSecondFactor { factor_type: SpakeFactorType(2), data: Some(b"?") }];
            PaSpake::Challenge(SpakeChallenge { factors, ..challenge }).to_der()
        });
        assert_eq!(spake_error(result), SpakeError::SecondFactor { offered: vec![SpakeFactorType(2)] });
    }
}

#[test]
fn messages_out_of_place_are_refused() {
    let realm = realm_with(&[ED], None);
    let support = PaSpake::Support(SpakeSupport { groups: vec![ED] }).to_der();
    let encdata = PaSpake::Encdata(EncryptedData { etype: AES256, kvno: None, cipher: b"?" }).to_der();
    let response = value(&realm, 4);
    for value in [support, encdata.clone(), response, vec![]] {
        let result = with_change(&realm, options(&[ED]), 3, |_| value);
        assert!(matches!(spake_error(result), SpakeError::Unexpected(_)));
    }
    let challenge = value(&realm, 3);
    for (message, value) in [(2, encdata.clone()), (2, challenge.clone()), (4, encdata), (4, challenge)] {
        let result = with_change(&realm, options(&[ED]), message, |_| value);
        let Err(ExchangeError::Refused(refusal)) = result else { panic!("{message}: {result:?}") };
        assert_eq!(refusal.code, ErrorCode::KDC_ERR_PREAUTH_FAILED);
    }
}

/// A challenge that is there already, again after the response.
#[test]
fn a_second_challenge_is_not_answered() {
    let realm = realm_with(&[ED], None);
    let mut challenge = Vec::new();
    let result = drive(&realm, login(options(&[ED])), |number, bytes| match number {
        3 => {
            challenge = bytes.clone();
            bytes
        }
        5 => challenge.clone(),
        _ => bytes,
    });
    assert!(matches!(spake_error(result), SpakeError::Unexpected(_)));
}

/// A client by hand: alice's response to a challenge of `realm`.
struct ByHand {
    cookie: Vec<u8>,
    response: Vec<u8>,
    reply_key: EncryptionKey,
}

fn padata_of(error: &KrbError<'_>, wanted: PaDataType) -> Vec<u8> {
    let methods = MethodData::decode(error.e_data.unwrap()).unwrap().0;
    methods.iter().find(|padata| padata.padata_type == wanted).unwrap().padata_value.to_vec()
}

fn asking(value: &[u8], cookie: &[u8], body: &KdcReqBody<'_>) -> Vec<u8> {
    let padata = |padata_type, padata_value| PaData { padata_type, padata_value };
    request(KdcExchange::As, vec![padata(SPAKE, value), padata(PaDataType::FX_COOKIE, cookie)], body)
}

/// With what the client puts into its transcript instead of the challenge, its factor, and its own element, if it is another.
fn by_hand(
    realm: &Realm,
    body: &KdcReqBody<'_>,
    heard: impl FnOnce(&[u8]) -> Vec<u8>,
    factor: SpakeSecondFactor<'_>,
) -> ByHand {
    let error = ask(realm, &request(KdcExchange::As, vec![], body), NOW).unwrap_err();
    let (challenge, cookie) = (padata_of(&error, SPAKE), padata_of(&error, PaDataType::FX_COOKIE));
    let PaSpake::Challenge(told) = PaSpake::decode(&challenge).unwrap() else { panic!() };
    let multiplier = Multiplier::new(&user_key(AES256), told.group).unwrap();
    let pair = multiplier.generate(Role::Client, &OsRandom).unwrap();
    let shared = multiplier.shared_element(Role::Client, &pair.private, told.pubkey).unwrap();
    let transcript = Transcript::new(told.group, None, &heard(&challenge)).unwrap();
    let transcript = transcript.with_response(&pair.public).unwrap();
    let key = |n| multiplier.derive(&shared, &transcript, &body.to_der(), n).unwrap();
    let cipher = sealed(&key(1), KeyUsage::SPAKE, &factor.to_der());
    let factor = EncryptedData { etype: AES256, kvno: None, cipher: &cipher };
    let response = PaSpake::Response(SpakeResponse { pubkey: &pair.public, factor }).to_der();
    ByHand { cookie, response, reply_key: key(0) }
}

#[test]
fn a_response_is_good_for_one_body_one_transcript_and_the_challenge_in_its_cookie() {
    let realm = realm_with(&GROUPS, Some(ED));
    let none = SpakeSecondFactor::NONE;
    let good = by_hand(&realm, &as_body(), <[u8]>::to_vec, none);
    let reply = ask(&realm, &asking(&good.response, &good.cookie, &as_body()), NOW).unwrap();
    assert_eq!(reply.enc_part.kvno, None);
    open(&realm, &reply, &good.reply_key, KeyUsage::AS_REP_ENC_PART);
    let failed = |bytes: &[u8]| {
        let refusal = ask(&realm, bytes, NOW).map(|_| ()).unwrap_err();
        assert_eq!(refusal.error_code, ErrorCode::KDC_ERR_PREAUTH_FAILED);
    };
    // For another request: the body is in the derivation (RFC 9588 7).
    let other_body = KdcReqBody { nonce: 1, ..as_body() };
    failed(&asking(&good.response, &good.cookie, &other_body));
    // With the cookie of another challenge, of another version of the state, of nothing, and without one.
    let other = by_hand(&realm, &as_body(), <[u8]>::to_vec, none);
    failed(&asking(&good.response, &other.cookie, &as_body()));
    failed(&asking(&good.response, b"", &as_body()));
    let no_challenge = realm_with(&GROUPS, None);
    let empty = ask(&no_challenge, &request(KdcExchange::As, vec![], &as_body()), NOW).unwrap_err();
    failed(&asking(&good.response, &padata_of(&empty, PaDataType::FX_COOKIE), &as_body()));
    // Another transcript: the client heard another challenge than was sent.
    let swapped = by_hand(&realm, &as_body(), |_| other.response.clone(), none);
    failed(&asking(&swapped.response, &swapped.cookie, &as_body()));
    // A factor that was not offered, under the right key.
    let factor = SpakeSecondFactor { factor_type: SpakeFactorType(2), data: None };
    let second = by_hand(&realm, &as_body(), <[u8]>::to_vec, factor);
    failed(&asking(&second.response, &second.cookie, &as_body()));
}

#[test]
fn elements_that_are_no_good_ones_are_refused_by_either_side() {
    let identity = [&[1][..], &[0; 31]].concat();
    let realm = realm_with(&[ED], None);
    for element in [identity, vec![0; 32], vec![0xff; 32], vec![], vec![0; 33]] {
        let result = with_change(&realm, options(&[ED]), 3, |value| {
            let PaSpake::Challenge(challenge) = PaSpake::decode(value).unwrap() else { panic!() };
            PaSpake::Challenge(SpakeChallenge { pubkey: &element, ..challenge }).to_der()
        });
        assert_eq!(spake_error(result), SpakeError::PublicElement(ED));
        let mut told = String::new();
        let result = drive(&realm, login(options(&[ED])), |number, bytes| {
            if number != 4 {
                return bytes;
            }
            let bytes = changed(&bytes, |value| {
                let PaSpake::Response(response) = PaSpake::decode(value).unwrap() else { panic!() };
                PaSpake::Response(SpakeResponse { pubkey: &element, ..response }).to_der()
            });
            told = answer(&realm, &bytes, NOW).event.to_string();
            bytes
        });
        assert!(result.is_err() && told.contains("public element is not a good one"), "{told}");
    }
}
