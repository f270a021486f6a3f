//! What somebody sends who holds the session key and breaks the rules.

use crate::pair::*;
use handfast::krb5::enctype::{ChecksumKey, ChecksumType, CipherKey, EncryptionKey, Enctype, KeyUsage};
use handfast::krb5::message::{
    AdElement, AdType, ApOptions, ApRep, ApReq, Authenticator, AuthorizationData, Checksum, EncApRepPart, Encoded,
    EncryptedData, KeyRef, PrincipalName, Ticket,
};
use handfast::mech::{MechanismId, framing};
use handfast::*;

const AES128: Enctype = Enctype::AES128_CTS_HMAC_SHA1_96;
const AES256: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;
pub(crate) const ASKED: Flags = Flags::MUTUAL;

pub(crate) fn framed(id: u8, message: &[u8]) -> Vec<u8> {
    let mut token = Vec::new();
    framing::write_header(MechanismId::KERBEROS, 2 + message.len(), &mut token);
    [&token[..], &[id, 0], message].concat()
}

/// The checksum field of RFC 4121 4.1.1, without bindings.
pub(crate) fn field(flags: Flags) -> Vec<u8> {
    [&16_u32.to_le_bytes()[..], &[0; 16], &flags.bits().to_le_bytes()].concat()
}

/// An AP-REQ as its client makes it right, changed.
pub(crate) fn ap_req(
    pair: &Pair,
    field: &[u8],
    etype: Enctype,
    change: impl FnOnce(&mut Authenticator<'static>),
) -> Vec<u8> {
    let field: &'static [u8] = field.to_vec().leak();
    let mut authenticator = Authenticator {
        crealm: "EXAMPLE.COM",
        cname: PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["alice"] },
        cksum: Some(Checksum { cksumtype: ChecksumType(0x8003), checksum: field }),
        cusec: now().into(),
        ctime: now().into(),
        subkey: None,
        seq_number: Some(7),
        authorization_data: AuthorizationData::default(),
    };
    change(&mut authenticator);
    let mut cipher = Vec::new();
    let key = CipherKey::new(&pair.session_key, KeyUsage::AP_REQ_AUTHENTICATOR).unwrap();
    key.encrypt(&[5; 16], &authenticator.to_der(), &mut cipher);
    let ticket = pair.ticket();
    let request = ApReq {
        ap_options: ApOptions::MUTUAL_REQUIRED,
        ticket: Encoded::<Ticket<'_>>::decode(&ticket).unwrap(),
        authenticator: EncryptedData { etype, kvno: None, cipher: &cipher },
    };
    framed(1, &request.to_der())
}

fn refusal(change: impl FnOnce(&mut Authenticator<'static>)) -> Option<Refusal> {
    refusal_of(Pair::new(AES256), |pair| ap_req(pair, &field(ASKED | Flags::INTEGRITY), AES256, change))
}

pub(crate) fn refusal_of(mut pair: Pair, token: impl FnOnce(&Pair) -> Vec<u8>) -> Option<Refusal> {
    let token = token(&pair);
    match accept(&pair.acceptor(), &token, now()).0 {
        Ok(_) => None,
        Err(Error::Refused(refusal)) => Some(*refusal),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn an_authenticator_must_have_all_that_the_mechanism_needs() {
    assert_eq!(refusal(|_| ()), None);
    assert_eq!(refusal(|said| said.cksum = None), Some(Refusal::NoGssChecksum));
    let other = |said: &mut Authenticator<'static>| said.cksum.as_mut().unwrap().cksumtype = ChecksumType(16);
    assert_eq!(refusal(other), Some(Refusal::NoGssChecksum));
    assert_eq!(refusal(|said| said.seq_number = None), Some(Refusal::NoSequenceNumber));
    let restriction = AdElement { ad_type: AdType(4711), ad_data: &[] };
    let restricted = |said: &mut Authenticator<'static>| said.authorization_data.0.push(restriction);
    assert_eq!(refusal(restricted), Some(Refusal::CriticalAuthorizationData(4711)));
    let harmless = AdElement { ad_type: AdType::IF_RELEVANT, ad_data: &[0x30, 0] };
    assert_eq!(refusal(|said| said.authorization_data.0.push(harmless)), None);
}

#[test]
fn an_authenticator_that_asks_for_less_than_is_required_is_refused() {
    let asks = |flags| refusal_of(Pair::new(AES256), |pair| ap_req(pair, &field(flags), AES256, |_| ()));
    assert_eq!(asks(ASKED), Some(Refusal::FlagsMissing(Flags::INTEGRITY)));
}

#[test]
fn replays_of_messages_are_detected_whether_the_client_asks_for_it_or_not() {
    let mut pair = Pair::new(AES256);
    let token = ap_req(&pair, &field(Flags::CONFIDENTIALITY | Flags::INTEGRITY), AES256, |_| ());
    let mut server = accept(&pair.acceptor(), &token, now()).0.unwrap();
    assert!(server.flags().contains(Flags::REPLAY) && !server.flags().contains(Flags::SEQUENCE));
    let outer = header([5, 4], SEALED, 0, 7);
    let message = wrap(&pair.session_key, &outer, b"message", &outer);
    assert_eq!(server.unseal(&mut message.clone()).unwrap(), b"message");
    assert_eq!(server.unseal(&mut message.clone()).unwrap_err(), MessageError::Order(OrderError::Replayed));
}

#[test]
fn an_authenticator_is_under_the_enctype_of_the_session_key() {
    let token = |pair: &Pair| ap_req(pair, &field(ASKED | Flags::INTEGRITY), AES128, |_| ());
    assert_eq!(refusal_of(Pair::new(AES256), token), Some(Refusal::AuthenticatorNotDecryptable));
}

#[test]
fn the_policy_permits_the_enctypes_of_ticket_session_key_and_subkey() {
    let weak = EncryptionKey::new(AES128, [6; 16]).unwrap();
    let subkey: &'static EncryptionKey = Box::leak(Box::new(weak.clone()));
    let token = |pair: &Pair| ap_req(pair, &field(ASKED | Flags::INTEGRITY), pair.session_key.enctype(), |_| ());
    let with_subkey = |pair: &Pair| {
        ap_req(pair, &field(ASKED | Flags::INTEGRITY), AES256, |said| said.subkey = Some(KeyRef::from(subkey)))
    };
    let strong_only = |enctype| Pair { server_policy: Policy::default().with_enctypes([AES256]), ..Pair::new(enctype) };
    assert_eq!(refusal_of(strong_only(AES256), token), None);
    // The ticket alone, the session key alone, and the subkey alone.
    let session_key = Pair::new(AES256).session_key;
    let ticket = Pair { session_key, ..strong_only(AES128) };
    assert_eq!(refusal_of(ticket, token), Some(Refusal::EnctypeNotPermitted(AES128)));
    let session = Pair { session_key: weak.clone(), ..strong_only(AES256) };
    assert_eq!(refusal_of(session, token), Some(Refusal::EnctypeNotPermitted(AES128)));
    assert_eq!(refusal_of(strong_only(AES256), with_subkey), Some(Refusal::EnctypeNotPermitted(AES128)));
    assert_eq!(refusal_of(Pair::new(AES256), with_subkey), None);
}

#[test]
fn an_initiator_presents_no_ticket_that_its_policy_forbids() {
    let pair = Pair { client_policy: Policy::default().with_enctypes([AES128]), ..Pair::new(AES256) };
    let (initiator, credential) = (pair.initiator(), pair.credential());
    let target = ServiceName::principal(pair.service.clone());
    let mut out = Vec::new();
    let error = initiator.to(&target).credential(&credential).begin(now(), &mut out).unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if **why == Refusal::EnctypeNotPermitted(AES256)), "{error}");
    assert!(out.is_empty());
}

/// What the initiator makes of an acceptor's proof that says this.
fn answered(subkey: Option<&EncryptionKey>, seq_number: Option<u32>) -> Result<Context, Error> {
    let pair = Pair { client_policy: Policy::default().with_enctypes([AES256]), ..Pair::new(AES256) };
    let Initiate::NeedsToken(waiting) = pair.begin(None).0 else { panic!() };
    let part = EncApRepPart { ctime: now().into(), cusec: now().into(), subkey: subkey.map(KeyRef::from), seq_number };
    let mut cipher = Vec::new();
    let key = CipherKey::new(&pair.session_key, KeyUsage::AP_REP_ENC_PART).unwrap();
    key.encrypt(&[5; 16], &part.to_der(), &mut cipher);
    let enc_part = EncryptedData { etype: AES256, kvno: None, cipher: &cipher };
    complete(waiting.step(&framed(2, &ApRep { enc_part }.to_der()), now(), &mut Vec::new()))
}

#[test]
fn an_acceptors_proof_must_have_all_that_the_mechanism_needs() {
    let refused = |result: Result<Context, Error>| match result {
        Err(Error::Refused(refusal)) => *refusal,
        other => panic!("{other:?}"),
    };
    let (fits, weak) = (EncryptionKey::new(AES256, [3; 32]).unwrap(), EncryptionKey::new(AES128, [3; 16]).unwrap());
    assert_eq!(answered(Some(&fits), Some(1)).unwrap().session_key().expose(), fits.bytes());
    assert!(answered(None, Some(1)).is_ok());
    assert_eq!(refused(answered(Some(&fits), None)), Refusal::NoSequenceNumber);
    assert_eq!(refused(answered(Some(&weak), Some(1))), Refusal::EnctypeNotPermitted(AES128));
}

const SEALED: u8 = 2;
const ACCEPTOR_SUBKEY: u8 = 4;

/// A Wrap or MIC token's header (RFC 4121 4.2.6).
fn header(id: [u8; 2], flags: u8, extra_count: u16, number: u64) -> Vec<u8> {
    [&id[..], &[flags, 0xff], &extra_count.to_be_bytes(), &[0, 0], &number.to_be_bytes()].concat()
}

/// A sealed Wrap token of the initiator, with any inner header.
fn wrap(key: &EncryptionKey, outer: &[u8], message: &[u8], inner: &[u8]) -> Vec<u8> {
    let mut token = outer.to_vec();
    let key = CipherKey::new(key, KeyUsage::INITIATOR_SEAL).unwrap();
    key.encrypt(&[5; 16], &[message, inner].concat(), &mut token);
    token
}

/// The acceptor of a context, the key of its messages, and the number of the first one.
fn acceptor_of_messages() -> (Context, EncryptionKey, u64) {
    let (mut client, server) = Pair::new(AES256).contexts();
    let token = seal(&mut client, b"");
    let number = u64::from_be_bytes(token[8..16].try_into().unwrap());
    let key = EncryptionKey::new(AES256, server.session_key().expose().as_slice()).unwrap();
    (server, key, number)
}

#[test]
fn the_encrypted_header_must_say_what_the_outer_one_says() {
    let (mut server, key, number) = acceptor_of_messages();
    let flags = SEALED | ACCEPTOR_SUBKEY;
    let outer = header([5, 4], flags, 0, number);
    for inner in [
        header([5, 4], flags, 0, number + 1),
        header([5, 4], flags, 1, number),
        header([5, 4], flags | 8, 0, number),
        header([4, 4], flags, 0, number),
    ] {
        let mut token = wrap(&key, &outer, b"message", &inner);
        assert_eq!(server.unseal(&mut token).unwrap_err(), MessageError::NotAuthentic, "{inner:x?}");
    }
    let mut rotated = outer.clone();
    rotated[7] = 9;
    assert_eq!(server.unseal(&mut wrap(&key, &outer, b"message", &rotated)).unwrap(), b"message");
}

#[test]
fn a_filler_is_cut_off_and_may_not_be_longer_than_the_text() {
    let (mut server, key, number) = acceptor_of_messages();
    let with_filler = |number, count| header([5, 4], SEALED | ACCEPTOR_SUBKEY, count, number);
    let open = |server: &mut Context, header: &[u8]| {
        server.unseal(&mut wrap(&key, header, b"message", header)).map(|message| message.to_vec())
    };
    assert_eq!(open(&mut server, &with_filler(number, 8)).unwrap_err(), MessageError::NotAuthentic);
    assert_eq!(open(&mut server, &with_filler(number, 3)).unwrap(), b"mess");
    assert_eq!(open(&mut server, &with_filler(number + 1, 7)).unwrap(), b"");
}

#[test]
fn the_in_place_form_takes_neither_fillers_nor_rotation_nor_buffers_of_other_sizes() {
    let (mut server, key, number) = acceptor_of_messages();
    let mut open = |extra_count: u16, rotation: u8, cut: usize| {
        let mut outer = header([5, 4], SEALED | ACCEPTOR_SUBKEY, extra_count, number);
        let mut token = wrap(&key, &outer, b"message", &outer);
        outer[7] = rotation;
        token[..16].copy_from_slice(&outer);
        let (header, rest) = token.split_at_mut(32 - cut);
        let (message, trailer) = rest.split_at_mut(7 + cut);
        let parts = &mut [Part::Sealed(message)];
        server.unprotect_parts(Protection::Confidentiality, header, parts, trailer).map(|_| ())
    };
    assert_eq!(open(2, 0, 0).unwrap_err(), MessageError::NotAuthentic);
    assert!(matches!(open(0, 1, 0).unwrap_err(), MessageError::Decode(_)));
    assert_eq!(open(0, 0, 1).unwrap_err(), MessageError::BufferSize { needed: 16 });
    open(0, 0, 0).unwrap();
}

#[test]
fn a_token_names_its_key_and_a_signature_is_never_sealed() {
    let (mut server, key, number) = acceptor_of_messages();
    let outer = header([5, 4], SEALED, 0, number);
    assert_eq!(server.unseal(&mut wrap(&key, &outer, b"message", &outer)).unwrap_err(), MessageError::WrongKey);
    let sign = |flags: u8| {
        let header = [&[4, 4, flags, 0xff, 0xff, 0xff, 0xff, 0xff][..], &number.to_be_bytes()].concat();
        let key = ChecksumKey::new(&key, KeyUsage::INITIATOR_SIGN).unwrap();
        [&header[..], &key.checksum(&[b"message", &header])].concat()
    };
    assert_eq!(server.verify(b"message", &sign(0)).unwrap_err(), MessageError::WrongKey);
    assert_eq!(server.verify(b"message", &sign(ACCEPTOR_SUBKEY | 1)).unwrap_err(), MessageError::WrongDirection);
    assert!(matches!(server.verify(b"message", &sign(ACCEPTOR_SUBKEY | SEALED)).unwrap_err(), MessageError::Decode(_)));
    assert_eq!(server.verify(b"message", &sign(ACCEPTOR_SUBKEY)), Ok(Order::InOrder));
}
