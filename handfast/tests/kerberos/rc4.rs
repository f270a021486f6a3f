//! rc4-hmac (RFC 4757): refused everywhere unless a policy names it, and then with messages of its own.

use crate::forged::{ASKED, ap_req, field, framed, refusal_of};
use crate::pair::*;
use handfast::krb5::enctype::{CipherKey, EncryptionKey, Enctype, KeyUsage};
use handfast::krb5::message::{ApRep, EncApRepPart, EncryptedData, KeyRef};
use handfast::*;

const RC4: Enctype = Enctype::RC4_HMAC;
const AES: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;

fn rc4_pair() -> Pair {
    let policy = || Policy::default().weak_rc4();
    Pair { client_policy: policy(), server_policy: policy(), ..Pair::new(RC4) }
}

fn rc4_key() -> EncryptionKey {
    EncryptionKey::new(RC4, [6; 16]).unwrap()
}

/// What an acceptor says to this ticket and authenticator, with or without a subkey.
fn said(
    server_policy: Policy,
    ticket: Enctype,
    session: &EncryptionKey,
    subkey: Option<EncryptionKey>,
) -> Option<Refusal> {
    let subkey: Option<&'static EncryptionKey> = subkey.map(|key| &*Box::leak(Box::new(key)));
    let pair = Pair { session_key: session.clone(), server_policy, ..Pair::new(ticket) };
    let asked = field(ASKED | Flags::INTEGRITY);
    refusal_of(pair, |pair| ap_req(pair, &asked, session.enctype(), |said| said.subkey = subkey.map(KeyRef::from)))
}

#[test]
fn an_acceptor_takes_only_what_its_policy_names() {
    let refused = Some(Refusal::EnctypeNotPermitted(RC4));
    let (default, tickets, all) =
        (Policy::default, || Policy::default().weak_rc4_tickets(), || Policy::default().weak_rc4());
    let aes = Pair::new(AES).session_key;
    // The ticket alone, the session key alone, the subkey alone.
    assert_eq!(said(default(), RC4, &aes, None), refused);
    assert_eq!(said(default(), AES, &rc4_key(), None), refused);
    assert_eq!(said(default(), AES, &aes, Some(rc4_key())), refused);
    assert_eq!(said(tickets(), RC4, &aes, None), None);
    assert_eq!(said(tickets(), RC4, &rc4_key(), None), refused);
    assert_eq!(said(tickets(), RC4, &aes, Some(rc4_key())), refused);
    assert_eq!(said(all(), RC4, &rc4_key(), Some(rc4_key())), None);
    assert_eq!(said(default(), AES, &aes, None), None);
}

#[test]
fn an_initiator_presents_and_takes_only_what_its_policy_names() {
    let pair = Pair { client_policy: Policy::default(), ..rc4_pair() };
    let target = ServiceName::principal(pair.service.clone());
    let (initiator, credential) = (pair.initiator(), pair.credential());
    let error = initiator.to(&target).credential(&credential).begin(now(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::Credential(CredentialError::NoTicket { .. })), "{error}");

    // An acceptor's subkey.
    let answered = |client_policy| {
        let pair = Pair { client_policy, ..Pair::new(AES) };
        let Initiate::NeedsToken(waiting) = pair.begin(None).0 else { panic!() };
        let subkey = rc4_key();
        let subkey = Some(KeyRef::from(&subkey));
        let part = EncApRepPart { ctime: now().into(), cusec: now().into(), subkey, seq_number: Some(1) };
        let mut cipher = Vec::new();
        let key = CipherKey::new(&pair.session_key, KeyUsage::AP_REP_ENC_PART).unwrap();
        key.encrypt(&[5; 16], &part.to_der(), &mut cipher);
        let enc_part = EncryptedData { etype: AES, kvno: None, cipher: &cipher };
        complete(waiting.step(&framed(2, &ApRep { enc_part }.to_der()), now(), &mut Vec::new()))
    };
    let error = answered(Policy::default()).unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if **why == Refusal::EnctypeNotPermitted(RC4)), "{error}");
    assert_eq!(answered(Policy::default().weak_rc4()).unwrap().enctype(), Some(RC4));
}

/// Both ends of contexts with and without mutual authentication, in sequence and not.
fn contexts() -> [(Context, Context); 3] {
    let one_way = Policy::default().weak_rc4().dangerous_unproven_acceptor();
    let any_order = Policy::default().weak_rc4().any_message_order();
    let with = |client_policy| Pair { client_policy, ..rc4_pair() }.contexts();
    [rc4_pair().contexts(), with(one_way), with(any_order)]
}

fn signed_one_way(from: &mut Context, to: &mut Context, message: &[u8]) {
    let (mut signed, mut mic) = (Vec::new(), Vec::new());
    from.protect(Protection::Integrity, message, &mut signed).unwrap();
    assert_eq!(to.unseal(&mut signed.clone()).unwrap_err(), MessageError::NotSealed);
    let opened = to.unprotect(&mut signed).unwrap();
    assert_eq!((&*opened.message, opened.protection), (message, Protection::Integrity));
    from.sign(message, &mut mic).unwrap();
    assert_eq!(to.verify(message, &mic), Ok(Order::InOrder));
}

#[test]
fn two_contexts_talk_both_ways() {
    for (mut client, mut server) in contexts() {
        assert_eq!((client.enctype(), client.session_key()), (Some(RC4), server.session_key()));
        for message in [&b""[..], b"x", &[7; 80], &[7; 100], &[7; 1000], &[7; 70_000]] {
            assert_eq!(server.unseal(&mut seal(&mut client, message)).unwrap(), message);
            assert_eq!(client.unseal(&mut seal(&mut server, message)).unwrap(), message);
            signed_one_way(&mut client, &mut server, message);
            signed_one_way(&mut server, &mut client, message);
        }
    }
}

#[test]
fn every_changed_or_cut_message_is_refused_and_the_context_goes_on() {
    let (mut client, mut server) = rc4_pair().contexts();
    for protection in [Protection::Confidentiality, Protection::Integrity] {
        let mut token = Vec::new();
        client.protect(protection, b"attack at dawn", &mut token).unwrap();
        for position in 0..token.len() {
            assert!(server.unprotect(&mut token[..position].to_vec()).is_err(), "cut at {position}");
            for bit in 0..8 {
                let mut changed = token.clone();
                changed[position] ^= 1 << bit;
                let result = server.unprotect(&mut changed);
                assert!(result.is_err(), "bit {bit} of byte {position} of {protection:?} passed: {result:?}");
                assert!(protection == Protection::Integrity || !changed.windows(6).any(|part| part == b"attack"));
            }
        }
        assert!(server.unprotect(&mut [&token[..], &[0]].concat()).is_err());
        assert_eq!(server.unprotect(&mut token).unwrap().message, b"attack at dawn");
    }
    let mut mic = Vec::new();
    client.sign(b"signed", &mut mic).unwrap();
    for position in 0..mic.len() {
        assert!(server.verify(b"signed", &mic[..position]).is_err());
        for bit in 0..8 {
            let mut changed = mic.clone();
            changed[position] ^= 1 << bit;
            assert!(server.verify(b"signed", &changed).is_err(), "bit {bit} of byte {position}");
        }
    }
    assert!(server.verify(b"signed", &[&mic[..], &[0]].concat()).is_err());
    assert!(server.verify(b"Signed", &mic).is_err());
    assert!(server.verify(b"signed", &mic).is_ok());
}

/// RFC 4757 7.2 and 7.3: SGN_CKSUM doesn't cover SND_SEQ. Out of sequence, what is only signed can get another number, and nothing
/// else about it changes: the 4 bytes in front of the sender's are the only ones whose change passes.
#[test]
fn without_sequence_the_number_of_what_is_only_signed_is_all_that_can_be_changed() {
    let [_, _, (mut client, mut server)] = contexts();
    let mut signed = Vec::new();
    client.protect(Protection::Integrity, b"open", &mut signed).unwrap();
    let number = 13 + 8..13 + 12;
    for position in 0..signed.len() {
        let mut changed = signed.clone();
        changed[position] ^= 1;
        let result = server.unprotect(&mut changed).map(|opened| opened.message.to_vec());
        let behind = Err(MessageError::Order(OrderError::Old));
        let passes = number.contains(&position) && result != behind;
        assert_eq!(result.is_ok(), passes, "byte {position}: {result:?}");
        assert!(result.is_err() || result == Ok(b"open".to_vec()));
    }
}

#[test]
fn messages_pass_once_and_in_order_and_not_back() {
    let (mut client, mut server) = rc4_pair().contexts();
    let (one, two) = (seal(&mut client, b"one"), seal(&mut client, b"two"));
    let gap = MessageError::Order(OrderError::Gap { missing: 1 });
    assert_eq!(server.unseal(&mut two.clone()).unwrap_err(), gap);
    assert_eq!(server.unseal(&mut one.clone()).unwrap(), b"one");
    assert_eq!(client.unseal(&mut one.clone()).unwrap_err(), MessageError::WrongDirection);
    let mut mic = Vec::new();
    client.sign(b"two", &mut mic).unwrap();
    assert_eq!(client.verify(b"two", &mic), Err(MessageError::WrongDirection));
    assert_eq!(server.unseal(&mut two.clone()).unwrap(), b"two");
    assert_eq!(server.unseal(&mut one.clone()).unwrap_err(), MessageError::Order(OrderError::Replayed));
    assert_eq!(server.verify(b"two", &mic), Ok(Order::InOrder));
}

#[test]
fn in_place_is_for_dce_style_alone() {
    let (mut client, mut server) = rc4_pair().contexts();
    let mut header = vec![0; client.sizes(Protection::Confidentiality).0];
    let refused = client.protect_parts(Protection::Confidentiality, &mut header, &mut [], &mut []);
    assert_eq!(refused, Err(MessageError::NotInPlace));
    let refused = server.unprotect_parts(Protection::Integrity, &mut header, &mut [], &mut []);
    assert_eq!(refused.unwrap_err(), MessageError::NotInPlace);
    // What a token is longer than its message, at most.
    let (before, behind) = client.sizes(Protection::Confidentiality);
    assert!(seal(&mut client, &[1; 70_000]).len() <= 70_000 + before + behind);
}

#[test]
fn an_exported_context_goes_on() {
    let (mut client, mut server) = rc4_pair().contexts();
    server.unseal(&mut seal(&mut client, b"one")).unwrap();
    let (mut client, exported) = (Context::import(client.export().expose()).unwrap(), server.export());
    let mut server = Context::import(exported.expose()).unwrap();
    let two = seal(&mut client, b"two");
    assert_eq!(server.unseal(&mut two.clone()).unwrap(), b"two");
    assert_eq!(server.unseal(&mut two.clone()).unwrap_err(), MessageError::Order(OrderError::Replayed));
    assert_eq!(client.unseal(&mut seal(&mut server, b"three")).unwrap(), b"three");
    let exported = server.export();
    for cut in 0..exported.expose().len() {
        assert!(Context::import(&exported.expose()[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_token_of_another_length_in_a_frame_that_fits_is_refused() {
    let (mut client, mut server) = rc4_pair().contexts();
    let (mut mic, mut wrapped) = (Vec::new(), Vec::new());
    client.sign(b"", &mut mic).unwrap();
    client.protect(Protection::Integrity, b"", &mut wrapped).unwrap();
    for length in 0..60 {
        let framed = |token: &[u8]| {
            let mut framed = Vec::new();
            mech::framing::write_header(mech::MechanismId::KERBEROS, length, &mut framed);
            framed.extend(token[13..].iter().chain(&[0; 60]).take(length));
            framed
        };
        assert_eq!(server.verify(b"", &framed(&mic)).is_ok(), length == 24, "{length}");
        assert_eq!(server.unprotect(&mut framed(&wrapped)).is_ok(), length == 33, "{length}");
    }
}
