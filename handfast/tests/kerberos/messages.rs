//! Messages of an established context.

use crate::pair::*;
use handfast::*;

#[test]
fn every_changed_or_cut_message_is_refused_and_the_context_goes_on() {
    for enctype in ENCTYPES {
        let (mut client, mut server) = Pair::new(enctype).contexts();
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
                }
            }
            assert_eq!(server.unprotect(&mut token).unwrap().message, b"attack at dawn");
        }
        let mut mic = Vec::new();
        client.sign(b"signed", &mut mic).unwrap();
        for position in 0..mic.len() {
            assert!(server.verify(b"signed", &mic[..position]).is_err());
            let mut changed = mic.clone();
            changed[position] ^= 1;
            assert!(server.verify(b"signed", &changed).is_err());
        }
        assert!(server.verify(b"Signed", &mic).is_err());
        assert!(server.verify(b"signed", &mic).is_ok());
    }
}

#[test]
fn any_rotation_is_taken_modulo_the_length() {
    let (mut client, mut server) = Pair::new(ENCTYPES[1]).contexts();
    for protection in [Protection::Confidentiality, Protection::Integrity] {
        for rotation in [0_u16, 1, 12, 28, 59, 60, 61, 1000, 0xffff] {
            let mut token = Vec::new();
            client.protect(protection, b"sixteen octets..", &mut token).unwrap();
            let length = token.len() - 16;
            token[16..].rotate_right(usize::from(rotation) % length);
            token[6..8].copy_from_slice(&rotation.to_be_bytes());
            assert_eq!(server.unprotect(&mut token).unwrap().message, b"sixteen octets..", "{rotation}");
        }
    }
}

#[test]
fn messages_pass_once_and_in_order() {
    let (mut client, mut server) = Pair::new(ENCTYPES[1]).contexts();
    let (one, two) = (seal(&mut client, b"one"), seal(&mut client, b"two"));
    let gap = MessageError::Order(OrderError::Gap { missing: 1 });
    assert_eq!(server.unseal(&mut two.clone()).unwrap_err(), gap);
    assert_eq!(server.unseal(&mut one.clone()).unwrap(), b"one");
    assert_eq!(server.unseal(&mut two.clone()).unwrap(), b"two");
    assert_eq!(server.unseal(&mut one.clone()).unwrap_err(), MessageError::Order(OrderError::Replayed));
}

#[test]
fn datagrams_may_come_in_any_order_but_once() {
    let mut pair = Pair::new(ENCTYPES[1]);
    pair.client_policy = Policy::default().any_message_order();
    let (mut client, mut server) = pair.contexts();
    let (one, two) = (seal(&mut client, b"one"), seal(&mut client, b"two"));
    assert_eq!(server.unprotect(&mut two.clone()).unwrap().order, Order::Gap { missing: 1 });
    assert_eq!(server.unprotect(&mut one.clone()).unwrap().order, Order::OutOfOrder);
    assert_eq!(server.unseal(&mut one.clone()).unwrap_err(), MessageError::Order(OrderError::Replayed));
    for _ in 0..70 {
        server.unseal(&mut seal(&mut client, b"more")).unwrap();
    }
    assert_eq!(server.unseal(&mut two.clone()).unwrap_err(), MessageError::Order(OrderError::Old));
}

#[test]
fn unseal_refuses_what_is_only_signed_and_forgets_it() {
    let (mut client, mut server) = Pair::new(ENCTYPES[1]).contexts();
    let mut signed = Vec::new();
    client.protect(Protection::Integrity, b"open", &mut signed).unwrap();
    assert_eq!(server.unseal(&mut signed.clone()).unwrap_err(), MessageError::NotSealed);
    assert_eq!(server.unprotect(&mut signed).unwrap().message, b"open");
}

#[test]
fn a_context_without_confidentiality_does_not_seal() {
    let mut pair = Pair::new(ENCTYPES[1]);
    pair.client_policy = Policy::default().integrity_only();
    let (mut client, mut server) = pair.contexts();
    let refused = MessageError::NotNegotiated(Flags::CONFIDENTIALITY);
    assert_eq!(client.seal(b"x", &mut Vec::new()).unwrap_err(), refused);
    assert_eq!(server.seal(b"x", &mut Vec::new()).unwrap_err(), refused);
}

#[test]
fn the_in_place_form_and_the_plain_form_are_one() {
    for enctype in ENCTYPES {
        let (mut client, mut server) = Pair::new(enctype).contexts();
        for protection in [Protection::Confidentiality, Protection::Integrity] {
            let (header_len, trailer_len) = client.sizes(protection);
            let (mut header, mut trailer) = (vec![0; header_len], vec![0; trailer_len]);
            let (mut front, mut back) = (*b"in two ", *b"pieces");
            let parts = &mut [Part::Sealed(&mut front), Part::Sealed(&mut back)];
            client.protect_parts(protection, &mut header, parts, &mut trailer).unwrap();
            let mut joined = [&header[..], &front, &back, &trailer].concat();
            assert_eq!(server.unprotect(&mut joined).unwrap().message, b"in two pieces");

            let mut token = Vec::new();
            client.protect(protection, b"in two pieces", &mut token).unwrap();
            let (header, rest) = token.split_at_mut(header_len);
            let (body, trailer) = rest.split_at_mut(13);
            let (front, back) = body.split_at_mut(5);
            let parts = &mut [Part::Sealed(front), Part::Sealed(back)];
            server.unprotect_parts(protection, header, parts, trailer).unwrap();
            assert_eq!(body, b"in two pieces");
        }
    }
}

#[test]
fn what_is_signed_beside_a_sealed_part_is_bound_to_it() {
    let (mut client, mut server) = Pair::new(ENCTYPES[1]).contexts();
    let (header_len, trailer_len) = client.sizes(Protection::Confidentiality);
    let (mut header, mut trailer, mut body) = (vec![0; header_len], vec![0; trailer_len], *b"body");
    let parts = &mut [Part::Signed(b"head"), Part::Sealed(&mut body)];
    client.protect_parts(Protection::Confidentiality, &mut header, parts, &mut trailer).unwrap();
    let mut open = |head: &[u8]| {
        let (mut header, mut trailer, mut body) = (header.clone(), trailer.clone(), body);
        let parts = &mut [Part::Signed(head), Part::Sealed(&mut body)];
        server.unprotect_parts(Protection::Confidentiality, &mut header, parts, &mut trailer).map(|_| body)
    };
    assert_eq!(open(b"Head").unwrap_err(), MessageError::NotAuthentic);
    assert_eq!(open(b"head").unwrap(), *b"body");
}

#[test]
fn halves_work_apart() {
    let (client, server) = Pair::new(ENCTYPES[1]).contexts();
    let (mut sealer, _) = client.split().unwrap();
    let (_, mut unsealer) = server.split().unwrap();
    let handle = std::thread::spawn(move || {
        let mut token = Vec::new();
        sealer.seal(b"from another thread", &mut token).unwrap();
        token
    });
    assert_eq!(unsealer.unseal(&mut handle.join().unwrap()).unwrap(), b"from another thread");
}

#[test]
fn an_exported_context_goes_on_where_it_was() {
    let (mut client, mut server) = Pair::new(ENCTYPES[3]).contexts();
    let mut first = seal(&mut client, b"first");
    server.unseal(&mut first.clone()).unwrap();
    let (peer, flags) = (client.peer().clone(), client.flags());
    let mut client = Context::import(client.export().expose()).unwrap();
    let exported = server.export();
    for cut in 0..exported.expose().len() {
        assert!(Context::import(&exported.expose()[..cut]).is_err(), "cut at {cut}");
    }
    assert!(Context::import(&[exported.expose().as_slice(), &[0]].concat()).is_err());
    let mut server = Context::import(exported.expose()).unwrap();
    assert_eq!((client.peer(), client.flags()), (&peer, flags));
    assert!(server.unseal(&mut first).is_err());
    assert_eq!(server.unseal(&mut seal(&mut client, b"second")).unwrap(), b"second");
}
