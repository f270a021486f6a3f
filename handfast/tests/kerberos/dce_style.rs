//! DCE style (MS-KILE 3.4.5.1): three legs of bare Kerberos messages, and messages protected in their places.

use crate::pair::*;
use handfast::krb5::enctype::{CipherKey, EncryptionKey, Enctype, KeyUsage};
use handfast::krb5::message::{ApRep, EncApRepPart, EncryptedData, KeyRef};
use handfast::mech::{MechanismId, framing};
use handfast::*;
use std::time::Duration;

const AES256: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;

fn dce_pair(enctype: Enctype) -> Pair {
    Pair { client_policy: Policy::default().dce_style(), ..Pair::new(enctype) }
}

/// A handshake before its third leg.
struct Legs {
    pair: Pair,
    first: Vec<u8>,
    second: Vec<u8>,
    client: InitiateToken,
    server: AcceptToken,
}

impl Legs {
    fn of(mut pair: Pair) -> Legs {
        let acceptor = pair.acceptor();
        let (step, first) = pair.begin(None);
        let Initiate::NeedsToken(client) = step else { panic!("{step:?}") };
        let mut second = Vec::new();
        let step = acceptor.session().begin().step(&first, now(), &mut second).unwrap();
        let Accept::NeedsToken(server) = step else { panic!("{step:?}") };
        Legs { pair, first, second, client, server }
    }

    fn new() -> Legs {
        Legs::of(dce_pair(AES256))
    }

    /// The third leg, and the client's context.
    fn third(client: InitiateToken, second: &[u8]) -> (Vec<u8>, Context) {
        let mut third = Vec::new();
        let context = complete(client.step(second, now(), &mut third)).unwrap();
        (third, context)
    }

    fn contexts(self) -> (Context, Context) {
        let (third, client) = Legs::third(self.client, &self.second);
        (client, end(self.server, &third).unwrap())
    }

    /// What the acceptor says to this third leg; the client learns no more than of any refusal.
    fn refusal(self, third: &[u8]) -> Refusal {
        match end(self.server, third) {
            Err(Error::Refused(refusal)) => *refusal,
            other => panic!("{other:?}"),
        }
    }
}

fn end(server: AcceptToken, third: &[u8]) -> Result<Context, Error> {
    let mut out = Vec::new();
    let ended = server.step(third, now(), &mut out);
    assert_eq!(out.is_empty(), ended.is_ok(), "a refusal is told, and nothing else");
    ended.map(|step| match step {
        Accept::Complete(context) => context,
        other => panic!("{other:?}"),
    })
}

/// An AP-REP under the session key, as somebody makes it who has it.
fn ap_rep(pair: &Pair, at: Time, seq_number: Option<u32>, subkey: Option<&EncryptionKey>) -> Vec<u8> {
    let part = EncApRepPart { ctime: at.into(), cusec: at.into(), subkey: subkey.map(KeyRef::from), seq_number };
    sealed_ap_rep(&pair.session_key, KeyUsage::AP_REP_ENC_PART, &part)
}

fn sealed_ap_rep(key: &EncryptionKey, usage: KeyUsage, part: &EncApRepPart<'_>) -> Vec<u8> {
    let mut cipher = Vec::new();
    CipherKey::new(key, usage).unwrap().encrypt(&[5; 16], &part.to_der(), &mut cipher);
    let enc_part = EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher };
    ApRep { enc_part }.to_der()
}

/// The acceptor's sequence number, as whoever holds the session key reads it in its AP-REP.
fn acceptors_number(legs: &Legs) -> u32 {
    let reply = ApRep::decode(&legs.second).unwrap();
    let key = CipherKey::new(&legs.pair.session_key, KeyUsage::AP_REP_ENC_PART).unwrap();
    let plain = key.decrypt(reply.enc_part.cipher).unwrap();
    EncApRepPart::decode(plain.expose()).unwrap().seq_number.unwrap()
}

#[test]
fn three_bare_legs_make_two_contexts_that_talk() {
    for enctype in ENCTYPES {
        let legs = Legs::of(dce_pair(enctype));
        assert_eq!((legs.first[0], legs.second[0]), (0x6e, 0x6f), "AP-REQ and AP-REP (RFC 4120 5.10)");
        assert!(legs.server.flags().contains(Flags::DCE_STYLE | Flags::MUTUAL));
        let (third, mut client) = Legs::third(legs.client, &legs.second);
        assert_eq!(third[0], 0x6f);
        let mut server = end(legs.server, &third).unwrap();
        assert_eq!((client.flags(), client.session_key()), (server.flags(), server.session_key()));
        assert_eq!(client.flags(), Policy::default().flags() | Flags::DCE_STYLE);
        assert_eq!(server.peer().to_string(), "alice@EXAMPLE.COM");
        for message in [&b""[..], b"x", &[7; 16], &[7; 1000]] {
            assert_eq!(server.unseal(&mut seal(&mut client, message)).unwrap(), message);
            assert_eq!(client.unseal(&mut seal(&mut server, message)).unwrap(), message);
            let mut signed = Vec::new();
            server.protect(Protection::Integrity, message, &mut signed).unwrap();
            assert_eq!(client.unprotect(&mut signed).unwrap().message, message);
            let mut mic = Vec::new();
            client.sign(message, &mut mic).unwrap();
            assert_eq!(server.verify(message, &mic), Ok(Order::InOrder));
        }
    }
}

#[test]
fn dce_style_is_mutual_even_where_that_is_named_off() {
    let policy = Policy::default().dangerous_unproven_acceptor().with_flags(Flags::DCE_STYLE);
    let (client, server) = Legs::of(Pair { client_policy: policy, ..Pair::new(AES256) }).contexts();
    assert!(client.flags().contains(Flags::MUTUAL) && server.flags().contains(Flags::MUTUAL));
}

#[test]
fn the_third_leg_holds_the_acceptors_number_the_clients_time_and_no_subkey() {
    let legs = Legs::new();
    let (key, number) = (legs.pair.session_key.clone(), acceptors_number(&legs));
    let (third, _) = Legs::third(legs.client, &legs.second);
    let reply = ApRep::decode(&third).unwrap();
    let key = CipherKey::new(&key, KeyUsage::AP_REP_ENC_PART).unwrap();
    let plain = key.decrypt(reply.enc_part.cipher).unwrap();
    let part = EncApRepPart::decode(plain.expose()).unwrap();
    let expected = EncApRepPart { ctime: now().into(), cusec: now().into(), subkey: None, seq_number: Some(number) };
    assert_eq!(part, expected);
}

#[test]
fn a_third_leg_must_answer_the_acceptors_proof() {
    let answered = |make: &dyn Fn(&Pair, u32) -> Vec<u8>| {
        let legs = Legs::new();
        let third = make(&legs.pair, acceptors_number(&legs));
        end(legs.server, &third).map(drop)
    };
    let another = Err(Error::Refused(Box::new(Refusal::InitiatorAnsweredAnother)));
    let later = |seconds| now().saturating_add(Duration::from_secs(seconds));
    assert_eq!(answered(&|pair, number| ap_rep(pair, now(), Some(number), None)), Ok(()));
    // MIT krb5 says when it answers, not what it answers.
    assert_eq!(answered(&|pair, number| ap_rep(pair, later(299), Some(number), None)), Ok(()));
    assert_eq!(answered(&|pair, number| ap_rep(pair, later(301), Some(number), None)), another);
    assert_eq!(answered(&|pair, number| ap_rep(pair, now(), Some(number + 1), None)), another);
    assert_eq!(answered(&|pair, _| ap_rep(pair, now(), None, None)), another);
    let subkey = EncryptionKey::new(AES256, [3; 32]).unwrap();
    assert_eq!(answered(&|pair, number| ap_rep(pair, now(), Some(number), Some(&subkey))), another);
    let not_proven = Err(Error::Refused(Box::new(Refusal::InitiatorNotProven)));
    let part =
        |number| EncApRepPart { ctime: now().into(), cusec: now().into(), subkey: None, seq_number: Some(number) };
    let other_key = |_: &Pair, number| sealed_ap_rep(&subkey, KeyUsage::AP_REP_ENC_PART, &part(number));
    assert_eq!(answered(&other_key), not_proven);
    let other_usage = |pair: &Pair, number| sealed_ap_rep(&pair.session_key, KeyUsage::TICKET, &part(number));
    assert_eq!(answered(&other_usage), not_proven);
}

/// By a clock that is set back between the legs, the time of the request is still an answer to it.
#[test]
fn the_time_of_the_request_is_taken_whatever_the_clock_says_by_then() {
    let legs = Legs::new();
    let (third, _) = Legs::third(legs.client, &legs.second);
    let hours_later = now().saturating_add(Duration::from_secs(7200));
    assert!(matches!(legs.server.step(&third, hours_later, &mut Vec::new()), Ok(Accept::Complete(_))));
}

#[test]
fn an_acceptors_own_answer_sent_back_to_it_proves_nothing() {
    let legs = Legs::new();
    let second = legs.second.clone();
    assert_eq!(legs.refusal(&second), Refusal::InitiatorAnsweredAnother);
}

#[test]
fn a_third_leg_of_another_handshake_proves_nothing() {
    let old = {
        let legs = Legs::new();
        Legs::third(legs.client, &legs.second).0
    };
    // The same ticket and the same time, but the acceptor draws another number.
    let mut pair = Pair { guard: None, ..dce_pair(AES256) };
    let acceptor = pair.acceptor();
    let (_, first) = pair.begin(None);
    accept_first(&acceptor, &first);
    let error = end(accept_first(&acceptor, &first), &old).unwrap_err();
    assert_eq!(error, Error::Refused(Box::new(Refusal::InitiatorAnsweredAnother)));
}

fn accept_first(acceptor: &Acceptor, first: &[u8]) -> AcceptToken {
    match acceptor.session().begin().step(first, now(), &mut Vec::new()).unwrap() {
        Accept::NeedsToken(server) => server,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_bare_ap_rep_is_no_third_leg() {
    let unsupported = |refusal| assert!(matches!(refusal, Refusal::Unsupported(_)), "{refusal:?}");
    let legs = Legs::new();
    let first = legs.first.clone();
    unsupported(legs.refusal(&first));
    let legs = Legs::new();
    let third = ap_rep(&legs.pair, now(), Some(acceptors_number(&legs)), None);
    unsupported(legs.refusal(&framed(2, &third)));
    for nothing in [&b""[..], b"\x05\x04\x02\xff"] {
        assert!(matches!(end(Legs::new().server, nothing), Err(Error::Decode(_))));
    }
}

fn framed(id: u8, message: &[u8]) -> Vec<u8> {
    let mut token = Vec::new();
    framing::write_header(MechanismId::KERBEROS, 2 + message.len(), &mut token);
    [&token[..], &[id, 0], message].concat()
}

#[test]
fn a_first_token_is_bare_if_and_only_if_it_asks_for_dce_style() {
    for (policy, token) in [(Policy::default().dce_style(), true), (Policy::default(), false)] {
        let mut pair = Pair { client_policy: policy, ..Pair::new(AES256) };
        let acceptor = pair.acceptor();
        let first = pair.begin(None).1;
        // The AP-REQ with the framing that it must not have, or without the one that it must.
        let changed = if token { framed(1, &first) } else { first[first.len() - ap_req_length(&first)..].to_vec() };
        let error = accept(&acceptor, &changed, now()).0.unwrap_err();
        assert_eq!(error, Error::Refused(Box::new(Refusal::WrongFraming { bare: !token })), "{error}");
        // Nobody was told a proof that could be used elsewhere: the right one still passes.
        assert!(acceptor.session().begin().step(&first, now(), &mut Vec::new()).is_ok());
    }
}

/// The length of the AP-REQ behind the framing: identifier, and the two octets of TOK_ID.
fn ap_req_length(framed: &[u8]) -> usize {
    let (_, mut inner) = framing::read(framed).unwrap();
    inner.all().len() - 2
}

#[test]
fn an_acceptors_token_has_the_framing_that_was_asked_for() {
    let legs = Legs::new();
    let error = complete(legs.client.step(&framed(2, &legs.second), now(), &mut Vec::new())).unwrap_err();
    assert_eq!(error, Error::Refused(Box::new(Refusal::AcceptorNotProven)));
    let Initiate::NeedsToken(client) = Pair::new(AES256).begin(None).0 else { panic!() };
    let error = complete(client.step(&legs.second, now(), &mut Vec::new())).unwrap_err();
    assert_eq!(error, Error::Refused(Box::new(Refusal::AcceptorNotProven)));
}

#[test]
fn a_refusal_reaches_the_client_framed_or_bare() {
    let mut pair = Pair { kvno: 9, ..dce_pair(AES256) };
    let acceptor = pair.acceptor();
    for bare in [false, true] {
        let (step, first) = pair.begin(None);
        let (refused, mut reply) = accept(&acceptor, &first, now());
        refused.unwrap_err();
        let Initiate::NeedsToken(client) = step else { panic!() };
        if bare {
            let (_, mut inner) = framing::read(&reply).unwrap();
            reply = inner.all()[2..].to_vec();
        }
        let told = complete(client.step(&reply, now(), &mut Vec::new())).unwrap_err();
        assert!(matches!(&told, Error::RefusedByPeer(refusal) if refusal.code.0 == 60), "{told}");
    }
}

#[test]
fn every_changed_or_cut_leg_is_refused() {
    let fresh = || Legs::of(Pair { guard: None, ..dce_pair(AES256) });
    let second = fresh().second;
    let (third, _) = Legs::third(fresh().client, &second);
    let each = |token: &[u8], passes: &dyn Fn(&[u8]) -> bool| {
        assert!(passes(token));
        assert!(!passes(&[token, &[0]].concat()), "a byte more");
        for position in 0..token.len() {
            assert!(!passes(&token[..position]), "cut at {position}");
            for bit in 0..8 {
                let mut changed = token.to_vec();
                changed[position] ^= 1 << bit;
                assert!(!passes(&changed), "bit {bit} of byte {position}");
            }
        }
    };
    each(&second, &|token| complete(fresh().client.step(token, now(), &mut Vec::new())).is_ok());
    each(&third, &|token| end(fresh().server, token).is_ok());
}

/// MS-KILE 3.4.5.4.1, as MIT krb5 and Heimdal do it: EC is 16, RRC leaves it out, and all but the message is in front.
#[test]
fn tokens_are_laid_out_as_sspi_does() {
    for enctype in ENCTYPES {
        let (mut client, mut server) = Legs::of(dce_pair(enctype)).contexts();
        let mac = enctype.mac_len().unwrap();
        assert_eq!(client.sizes(Protection::Confidentiality), (16 + 16 + 16 + mac + 16, 0));
        assert_eq!(client.sizes(Protection::Integrity), (16 + mac, 0));
        for (protection, flags, extra_count, rotation) in
            [(Protection::Confidentiality, 6, 16, 16 + mac), (Protection::Integrity, 4, mac, mac)]
        {
            let (mut header, mut body) = (vec![0; client.sizes(protection).0], *b"stub data");
            let parts = &mut [Part::Signed(b"pdu header"), Part::Sealed(&mut body), Part::Signed(b"sec_trailer")];
            client.protect_parts(protection, &mut header, parts, &mut []).unwrap();
            assert_eq!(&header[..4], [5, 4, flags, 0xff]);
            let two = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
            assert_eq!(header[4..8], [two(extra_count), two(rotation)].concat());
            let parts = &mut [Part::Signed(b"pdu header"), Part::Sealed(&mut body), Part::Signed(b"sec_trailer")];
            server.unprotect_parts(protection, &mut header, parts, &mut []).unwrap();
            assert_eq!(&body, b"stub data");
        }
    }
}

#[test]
fn a_message_in_place_and_as_one_token_is_the_same() {
    let (mut client, mut server) = Legs::new().contexts();
    for protection in [Protection::Confidentiality, Protection::Integrity] {
        let (mut header, mut body) = (vec![0; client.sizes(protection).0], *b"stub data");
        client.protect_parts(protection, &mut header, &mut [Part::Sealed(&mut body)], &mut []).unwrap();
        assert_eq!(server.unprotect(&mut [&header[..], &body].concat()).unwrap().message, b"stub data");
        let mut token = Vec::new();
        client.protect(protection, b"stub data", &mut token).unwrap();
        let (header, body) = token.split_at_mut(client.sizes(protection).0);
        server.unprotect_parts(protection, header, &mut [Part::Sealed(body)], &mut []).unwrap();
        assert_eq!(body, b"stub data");
    }
}

/// Without DCE style, a message that nothing may follow is rotated as RFC 4121 4.2.5 has it.
#[test]
fn where_nothing_can_follow_a_message_all_is_in_its_header() {
    for enctype in ENCTYPES {
        let (mut client, mut server) = Pair::new(enctype).contexts();
        for protection in [Protection::Confidentiality, Protection::Integrity] {
            let (header, trailer) = client.sizes(protection);
            let (mut front, mut body) = (vec![0; header + trailer], *b"message");
            client.protect_parts(protection, &mut front, &mut [Part::Sealed(&mut body)], &mut []).unwrap();
            assert_eq!(usize::from(u16::from_be_bytes([front[6], front[7]])), trailer);
            let mut joined = [&front[..], &body].concat();
            server.unprotect_parts(protection, &mut front, &mut [Part::Sealed(&mut body)], &mut []).unwrap();
            assert_eq!(&body, b"message");
            let again = server.unprotect(&mut joined).unwrap_err();
            assert_eq!(again, MessageError::Order(OrderError::Replayed), "the token as one piece is the same message");
        }
    }
}

/// A header of a sealed message between two signed parts, and the message.
fn sealed_between(client: &mut Context) -> (Vec<u8>, Vec<u8>) {
    let (mut header, mut body) = (vec![0; client.sizes(Protection::Confidentiality).0], b"stub data".to_vec());
    let parts = &mut [Part::Signed(b"front"), Part::Sealed(&mut body), Part::Signed(b"back")];
    client.protect_parts(Protection::Confidentiality, &mut header, parts, &mut []).unwrap();
    (header, body)
}

fn open(
    server: &mut Context,
    parts: [&[u8]; 2],
    header: &[u8],
    body: &[u8],
    trailer: &[u8],
) -> Result<(), MessageError> {
    let (mut header, mut body, mut trailer) = (header.to_vec(), body.to_vec(), trailer.to_vec());
    let [front, back] = parts;
    let parts = &mut [Part::Signed(front), Part::Sealed(&mut body), Part::Signed(back)];
    server.unprotect_parts(Protection::Confidentiality, &mut header, parts, &mut trailer)?;
    assert_eq!(body, b"stub data");
    Ok(())
}

#[test]
fn every_changed_octet_of_a_message_in_pieces_is_noticed() {
    let (mut client, mut server) = Legs::new().contexts();
    let (header, body) = sealed_between(&mut client);
    let all = [&b"front"[..], b"back", &header, &body].concat();
    let mut passes = |all: &[u8]| {
        let (front, rest) = all.split_at(5);
        let (back, rest) = rest.split_at(4);
        let (header, body) = rest.split_at(header.len());
        open(&mut server, [front, back], header, body, &[]).is_ok()
    };
    for bit in 0..all.len() * 8 {
        let mut changed = all.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!passes(&changed), "bit {} of byte {}", bit % 8, bit / 8);
    }
    assert!(passes(&all));
}

#[test]
fn pieces_in_other_places_are_refused() {
    let (mut client, mut server) = Legs::new().contexts();
    let (header, body) = sealed_between(&mut client);
    let (outer, rest) = header.split_at(16);
    let (tail, confounder) = rest.split_at(rest.len() - 16);
    let parts: [&[u8]; 2] = [b"front", b"back"];
    let mut opened = |parts, header: &[u8], trailer: &[u8]| open(&mut server, parts, header, &body, trailer);
    // Header and trailer swapped, the parts before and behind, the confounder and what it stands behind.
    let front = [outer, confounder].concat();
    assert!(matches!(opened(parts, tail, &front), Err(MessageError::Decode(_))));
    assert_eq!(opened([b"back", b"front"], &header, &[]), Err(MessageError::NotAuthentic));
    assert_eq!(opened(parts, &[outer, confounder, tail].concat(), &[]), Err(MessageError::NotAuthentic));
    // As a trailer, where RRC says that it is in front; or not rotated at all, and in front.
    assert!(matches!(opened(parts, &front, tail), Err(MessageError::Decode(_))));
    for rotation in [0_u8, 27, 29, 44] {
        let mut other = header.clone();
        other[7] = rotation;
        assert!(matches!(opened(parts, &other, &[]), Err(MessageError::Decode(_))), "{rotation}");
    }
    assert!(matches!(opened(parts, &header[..header.len() - 60], &[]), Err(MessageError::BufferSize { .. })));
    assert_eq!(opened(parts, &header, &[]), Ok(()));
}

#[test]
fn a_trailer_may_hold_what_follows_the_message() {
    let (mut client, mut server) = Legs::new().contexts();
    let tail = client.sizes(Protection::Confidentiality).0 - 32;
    let (mut header, mut trailer, mut body) = (vec![0; 32], vec![0; tail], b"stub data".to_vec());
    let parts = &mut [Part::Signed(b"front"), Part::Sealed(&mut body), Part::Signed(b"back")];
    client.protect_parts(Protection::Confidentiality, &mut header, parts, &mut trailer).unwrap();
    assert_eq!(header[4..8], [0, 16, 0, 0], "EC 16, not rotated");
    let parts: [&[u8]; 2] = [b"front", b"back"];
    // EC is not what the buffers hold.
    let mut other = header.clone();
    other[5] = 15;
    assert_eq!(open(&mut server, parts, &other, &body, &trailer), Err(MessageError::NotAuthentic));
    assert_eq!(open(&mut server, parts, &header, &body, &trailer), Ok(()));
}

#[test]
fn slices_are_signed_as_one() {
    let (mut client, mut server) = Legs::new().contexts();
    let mut mic = Vec::new();
    client.sign_slices(&[b"pdu header", b"stub", b"sec_trailer"], &mut mic).unwrap();
    let cut = |signature: &[u8], server: &mut Context| server.verify_slices(&[b"pdu head", b"erstub"], signature);
    assert_eq!(cut(&mic, &mut server), Err(MessageError::NotAuthentic));
    assert_eq!(server.verify_slices(&[b"pdu header", b"stubsec_", b"trailer"], &mic), Ok(Order::InOrder));
    let mut mic = Vec::new();
    client.sign(b"whole", &mut mic).unwrap();
    assert_eq!(server.verify_slices(&[b"wh", b"ole"], &mic), Ok(Order::InOrder));
    let nine: [&[u8]; 9] = [b"x"; 9];
    assert_eq!(client.sign_slices(&nine, &mut mic), Err(MessageError::TooManyParts { limit: 8 }));
}

#[test]
fn an_exported_context_stays_in_its_style() {
    let (mut client, server) = Legs::new().contexts();
    let mut server = Context::import(server.export().expose()).unwrap();
    let sizes = client.sizes(Protection::Confidentiality);
    assert_eq!(server.sizes(Protection::Confidentiality), sizes);
    assert_eq!(server.unseal(&mut seal(&mut client, b"on")).unwrap(), b"on");
    let mut client = Context::import(client.export().expose()).unwrap();
    assert_eq!(client.unseal(&mut seal(&mut server, b"and on")).unwrap(), b"and on");
}

/// RFC 4757 7.3 as MIT krb5 lays it out in DCE style: a frame around the header alone, no padding, and an acceptor's subkey.
#[test]
fn messages_of_rc4_are_protected_in_place() {
    let client_policy = Policy::default().weak_rc4().dce_style();
    let server_policy = Policy::default().weak_rc4();
    let (mut client, mut server) =
        Legs::of(Pair { client_policy, server_policy, ..Pair::new(Enctype::RC4_HMAC) }).contexts();
    for protection in [Protection::Confidentiality, Protection::Integrity] {
        for (header, data, changed) in [(*b"head", *b"some data", false), (*b"Head", *b"some data", true)] {
            assert_eq!(client.sizes(protection), (45, 0));
            let (mut before, mut text) = ([0; 45], data);
            let parts = &mut [Part::Signed(b"head"), Part::Sealed(&mut text), Part::Signed(b"tail")];
            client.protect_parts(protection, &mut before, parts, &mut []).unwrap();
            assert_eq!(before[..2], [0x60, 43]);
            assert_eq!(text == data, protection == Protection::Integrity);
            let parts = &mut [Part::Signed(&header), Part::Sealed(&mut text), Part::Signed(b"tail")];
            let result = server.unprotect_parts(protection, &mut before.clone(), parts, &mut []);
            if changed {
                assert_eq!(result.unwrap_err(), MessageError::NotAuthentic);
                break;
            }
            assert_eq!((result.unwrap(), text), ((protection, Order::InOrder), data));
        }
        // The refused one still counts: its number was not seen.
        let (client_next, server_next) = Legs::of(Pair {
            client_policy: Policy::default().weak_rc4().dce_style(),
            server_policy: Policy::default().weak_rc4(),
            ..Pair::new(Enctype::RC4_HMAC)
        })
        .contexts();
        (client, server) = (client_next, server_next);
    }
    let mut whole = seal(&mut client, b"in one piece");
    assert_eq!(server.unseal(&mut whole).unwrap(), b"in one piece");
    // Nothing stands behind a message, and nothing less in front of it.
    let (mut header, mut text) = ([0; 45], *b"text");
    let part = &mut [Part::Sealed(&mut text)];
    client.protect_parts(Protection::Confidentiality, &mut header, part, &mut [0]).unwrap_err();
    client.protect_parts(Protection::Confidentiality, &mut header[..44], part, &mut []).unwrap_err();
    client.protect_parts(Protection::Confidentiality, &mut header, part, &mut []).unwrap();
    server.unprotect_parts(Protection::Confidentiality, &mut header.clone(), part, &mut [0]).unwrap_err();
    server.unprotect_parts(Protection::Confidentiality, &mut header[..44].to_vec(), part, &mut []).unwrap_err();
    server.unprotect_parts(Protection::Confidentiality, &mut header, part, &mut []).unwrap();
    assert_eq!(text, *b"text");
}
