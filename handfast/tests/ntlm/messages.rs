//! Messages of an established context.

use crate::pair::*;
use handfast::*;

#[test]
fn messages_go_both_ways_in_order() {
    let (mut client, mut server) = Pair::new().established();
    for round in 0..5_usize {
        let message = vec![7; round * 100];
        let mut token = sealed(&mut client, &message);
        assert_eq!(token.len(), message.len() + 16);
        assert_eq!(server.unseal(&mut token).unwrap(), message);
        let mut token = sealed(&mut server, &message);
        assert_eq!(client.unseal(&mut token).unwrap(), message);
        let mut signature = Vec::new();
        server.sign(&message, &mut signature).unwrap();
        assert_eq!(client.verify(&message, &signature), Ok(Order::InOrder));
    }
    let (mut client, mut server) = (client.split().unwrap(), server.split().unwrap());
    let mut token = Vec::new();
    client.0.seal(b"halves", &mut token).unwrap();
    assert_eq!(server.1.unseal(&mut token).unwrap(), b"halves");
}

#[test]
fn a_refused_message_leaves_the_context_as_it_was() {
    let (mut client, mut server) = Pair::new().established();
    let first = sealed(&mut client, b"first");
    let second = sealed(&mut client, b"second");
    for bit in 0..first.len() * 8 {
        let mut changed = first.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(server.unseal(&mut changed).is_err(), "bit {bit}");
        assert!(!changed.ends_with(b"first"));
    }
    for cut in 0..first.len() {
        assert!(server.unseal(&mut first[..cut].to_vec()).is_err(), "cut at {cut}");
    }
    let error = server.unseal(&mut second.clone()).unwrap_err();
    assert_eq!(error, MessageError::Order(OrderError::Gap { missing: 1 }));
    assert_eq!(server.unseal(&mut first.clone()).unwrap(), b"first");
    assert_eq!(server.unseal(&mut first.clone()).unwrap_err(), MessageError::Order(OrderError::Replayed));
    assert_eq!(server.unseal(&mut second.clone()).unwrap(), b"second");
    let mut signature = Vec::new();
    client.sign(b"signed", &mut signature).unwrap();
    assert_eq!(server.verify(b"Signed", &signature).unwrap_err(), MessageError::NotAuthentic);
    assert_eq!(server.verify(b"signed", &signature), Ok(Order::InOrder));
}

#[test]
fn a_message_that_comes_back_to_its_sender_is_refused() {
    let (mut client, _) = Pair::new().established();
    let mut token = sealed(&mut client, b"to the server");
    assert_eq!(client.unseal(&mut token).unwrap_err(), MessageError::NotAuthentic);
}

#[test]
fn parts_in_place_are_the_same_token() {
    let (mut client, mut server) = Pair::new().established();
    let (mut header, mut a, mut b) = ([0; 16], *b"one ", *b"three");
    let mut parts = [Part::Sealed(&mut a), Part::Signed(b"two "), Part::Sealed(&mut b)];
    client.protect_parts(Protection::Confidentiality, &mut header, &mut parts, &mut []).unwrap();
    let (mut c, mut d) = (a, b);
    let mut parts = [Part::Sealed(&mut a), Part::Signed(b"two!"), Part::Sealed(&mut b)];
    let error = server.unprotect_parts(Protection::Confidentiality, &mut header, &mut parts, &mut []).unwrap_err();
    assert_eq!(error, MessageError::NotAuthentic);
    assert_eq!((a, b), ([0; 4], [0; 5]), "what is not authentic is wiped");
    let mut parts = [Part::Sealed(&mut c), Part::Signed(b"two "), Part::Sealed(&mut d)];
    let opened = server.unprotect_parts(Protection::Confidentiality, &mut header, &mut parts, &mut []).unwrap();
    assert_eq!((opened, &c, &d), ((Protection::Confidentiality, Order::InOrder), b"one ", b"three"));
    let error = client.protect_parts(Protection::Integrity, &mut [0; 15], &mut [], &mut []).unwrap_err();
    assert_eq!(error, MessageError::BufferSize { needed: 16 });
}

#[test]
fn contexts_that_move_go_on_where_they_were() {
    let (mut client, mut server) = Pair::new().established();
    let mut token = sealed(&mut client, b"before");
    server.unseal(&mut token).unwrap();
    let mut client = Context::import(client.export().expose()).unwrap();
    let mut server = Context::import(server.export().expose()).unwrap();
    assert_eq!(server.peer().to_string(), "EXAMPLE\\alice");
    let mut token = sealed(&mut client, b"after");
    assert_eq!(server.unseal(&mut token).unwrap(), b"after");
    let mut token = sealed(&mut server, b"and back");
    assert_eq!(client.unseal(&mut token).unwrap(), b"and back");
}

/// The end that stays knows nothing of the other's move: numbers, keys and key streams must be the right ones.
#[test]
fn either_end_moves_alone() {
    for client_moves in [true, false] {
        for talked in [true, false] {
            let (mut client, mut server) = Pair::new().established();
            if talked {
                server.unseal(&mut sealed(&mut client, b"before")).unwrap();
                client.unseal(&mut sealed(&mut server, b"and back")).unwrap();
            }
            if client_moves {
                client = Context::import(client.export().expose()).unwrap();
            } else {
                server = Context::import(server.export().expose()).unwrap();
            }
            assert_eq!(server.unseal(&mut sealed(&mut client, b"after")).unwrap(), b"after");
            assert_eq!(client.unseal(&mut sealed(&mut server, b"and back")).unwrap(), b"and back");
        }
    }
}

#[test]
fn signatures_and_pieces_of_another_length_are_refused() {
    let (mut client, mut server) = Pair::new().established();
    let mut signature = Vec::new();
    client.sign(b"signed", &mut signature).unwrap();
    for changed in [&[&signature[..], &[0]].concat()[..], &signature[..15]] {
        assert!(matches!(server.verify(b"signed", changed).unwrap_err(), MessageError::Decode(_)));
    }
    server.verify(b"signed", &signature).unwrap();
    let least = Protection::Confidentiality;
    let error = server.unprotect_parts(least, &mut [0; 16], &mut [], &mut [0]).unwrap_err();
    assert_eq!(error, MessageError::BufferSize { needed: 0 });
    let error = server.unprotect_parts(least, &mut [0; 17], &mut [], &mut []).unwrap_err();
    assert_eq!(error, MessageError::BufferSize { needed: 16 });
    let mut signed_only =
        Pair { client: Policy::default().dangerous_ntlm_unproven_server().integrity_only(), ..Pair::new() }
            .established()
            .0;
    let mut out = vec![7];
    signed_only.seal(b"secret", &mut out).unwrap_err();
    assert_eq!(out, [7], "nothing of what could not be sealed is sent");
}

#[test]
fn messages_only_signed_where_sealing_was_not_asked_for() {
    let client = Policy::default().dangerous_ntlm_unproven_server().integrity_only();
    let (mut client, mut server) = Pair { client, ..Pair::new() }.established();
    assert!(!server.flags().contains(Flags::CONFIDENTIALITY));
    assert!(client.seal(b"", &mut Vec::new()).is_err());
    let mut token = Vec::new();
    client.protect(Protection::Integrity, b"plain", &mut token).unwrap();
    assert!(token.ends_with(b"plain"));
    assert_eq!(server.unseal(&mut token.clone()).unwrap_err(), MessageError::NotSealed);
    let opened = server.unprotect(&mut token).unwrap();
    assert_eq!((&*opened.message, opened.protection), (&b"plain"[..], Protection::Integrity));
}

#[test]
fn there_is_no_pseudo_random_function() {
    let (client, server) = Pair::new().established();
    for context in [client, server] {
        assert_eq!(context.prf(PrfKey::Full, b"input", 16).map(|_| ()), Err(MessageError::NoPrf));
    }
}
