//! What holds for every enctype: round trips, refusals, and that borders between buffers don't matter.

use super::*;
use crate::crypto::Secret;
use alloc::vec;
use alloc::vec::Vec;

const CONFOUNDER: [u8; 16] = *b"a fine confound!";

fn key(enctype: Enctype) -> EncryptionKey {
    let octets: Vec<u8> = (7..).take(enctype.key_size().unwrap()).collect();
    EncryptionKey::new(enctype, octets).unwrap()
}

/// As much of the confounder as the enctype has.
fn confounder(cipher: &CipherKey) -> Vec<u8> {
    CONFOUNDER[..cipher.header_len()].to_vec()
}

fn cipher(enctype: Enctype) -> CipherKey {
    CipherKey::new(&key(enctype), KeyUsage::INITIATOR_SEAL).unwrap()
}

fn text(length: usize) -> Vec<u8> {
    (0..=255).cycle().take(length).collect()
}

/// Octets that data is padded to a multiple of.
fn block(enctype: Enctype) -> usize {
    if enctype == Enctype::DES3_CBC_SHA1_KD { 8 } else { 1 }
}

/// The data as it comes back.
fn padded(enctype: Enctype, mut plaintext: Vec<u8>) -> Vec<u8> {
    plaintext.resize(plaintext.len().next_multiple_of(block(enctype)), 0);
    plaintext
}

fn sealed(cipher: &CipherKey, plaintext: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    cipher.encrypt(&CONFOUNDER, plaintext, &mut out);
    out
}

/// Both forms refuse it, and the one in place leaves no plaintext behind.
fn assert_refused(cipher: &CipherKey, ciphertext: &[u8], plaintext: &[u8], expected: &CryptoError) {
    assert_eq!(cipher.decrypt(ciphertext).map(|_| ()).as_ref(), Err(expected));
    let mut buffer = ciphertext.to_vec();
    assert_eq!(cipher.decrypt_in_place(&mut buffer).map(|_| ()).as_ref(), Err(expected));
    let leaks = |window: &[u8]| plaintext.windows(window.len()).any(|plain| plain == window);
    assert!(!buffer.windows(8).any(leaks), "plaintext left behind");
}

#[test]
fn every_length_comes_back() {
    for enctype in Enctype::computable() {
        let cipher = cipher(enctype);
        for length in (0..=80).chain([127, 128, 129, 4096, 70_001]) {
            let plaintext = text(length);
            let mut out = b"before".to_vec();
            cipher.encrypt(&CONFOUNDER, &plaintext, &mut out);
            let ciphertext = out.strip_prefix(b"before").unwrap();
            assert_eq!(ciphertext.len(), cipher.sealed_len(length));
            let mut plaintext = padded(enctype, plaintext);
            assert_eq!(cipher.decrypt(ciphertext).as_ref().map(Secret::expose), Ok(&plaintext));
            assert_eq!(cipher.decrypt_in_place(&mut ciphertext.to_vec()), Ok(&mut plaintext[..]));
        }
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    for enctype in Enctype::computable() {
        let cipher = cipher(enctype);
        for length in [0, 1, 16, 17, 40] {
            let ciphertext = sealed(&cipher, &text(length));
            for bit in 0..ciphertext.len() * 8 {
                let mut flipped = ciphertext.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_refused(&cipher, &flipped, &text(length), &CryptoError::IntegrityCheckFailed);
            }
        }
    }
}

#[test]
fn every_truncation_and_an_octet_more_are_refused() {
    for enctype in Enctype::computable() {
        let cipher = cipher(enctype);
        let plaintext = text(40);
        let ciphertext = sealed(&cipher, &plaintext);
        let minimum = cipher.sealed_len(0);
        for actual in 0..ciphertext.len() {
            let expected = match actual < minimum {
                true => CryptoError::TooShort { minimum, actual },
                false => CryptoError::IntegrityCheckFailed,
            };
            assert_refused(&cipher, &ciphertext[..actual], &plaintext, &expected);
        }
        let longer = [&ciphertext[..], &[0]].concat();
        assert_refused(&cipher, &longer, &plaintext, &CryptoError::IntegrityCheckFailed);
    }
}

#[test]
fn another_key_or_usage_is_refused() {
    for enctype in Enctype::computable() {
        let ciphertext = sealed(&cipher(enctype), &text(40));
        let usage = CipherKey::new(&key(enctype), KeyUsage::ACCEPTOR_SEAL).unwrap();
        assert_refused(&usage, &ciphertext, &text(40), &CryptoError::IntegrityCheckFailed);

        let mut octets = key(enctype).bytes().to_vec();
        octets[0] ^= 2; // The lowest bit is a parity bit in triple DES.
        let other = EncryptionKey::new(enctype, octets).unwrap();
        let other = CipherKey::new(&other, KeyUsage::INITIATOR_SEAL).unwrap();
        assert_refused(&other, &ciphertext, &text(40), &CryptoError::IntegrityCheckFailed);
    }
}

#[test]
fn borders_between_sealed_parts_do_not_matter() {
    for enctype in Enctype::computable() {
        let cipher = cipher(enctype);
        let block = block(enctype);
        for length in [0, 1, 15, 16, 17, 31, 32, 33, 50].map(|length: usize| length.next_multiple_of(block)) {
            let whole = sealed(&cipher, &text(length));
            for first in (0..=length).step_by(block) {
                for second in (first..=length).step_by(block) {
                    let mut message = split(&text(length), first, second);
                    let (mut header, mut mac) = (confounder(&cipher), vec![0; cipher.mac_len()]);
                    cipher
                        .seal_parts(&mut header, &mut message.each_mut().map(|part| Part::Sealed(part)), &mut mac)
                        .unwrap();
                    assert_eq!(joined(enctype, [&header, &message.concat(), &mac]), whole);
                    cipher
                        .unseal_parts(&mut header, &mut message.each_mut().map(|part| Part::Sealed(part)), &mac)
                        .unwrap();
                    assert_eq!((header, message.concat()), (confounder(&cipher), text(length)));
                }
            }
        }
    }
}

/// A whole ciphertext of confounder, data and MAC.
fn joined(enctype: Enctype, [header, data, mac]: [&[u8]; 3]) -> Vec<u8> {
    if enctype == Enctype::RC4_HMAC { [mac, header, data].concat() } else { [header, data, mac].concat() }
}

fn split(text: &[u8], first: usize, second: usize) -> [Vec<u8>; 3] {
    [text[..first].to_vec(), text[first..second].to_vec(), text[second..].to_vec()]
}

/// What a DCE/RPC message looks like: a signed header, sealed data, a signed trailer, a sealed token.
fn dce<'a>(head: &'a [u8], data: &'a mut [u8], trailer: &'a [u8], token: &'a mut [u8]) -> [Part<'a>; 4] {
    [Part::Signed(head), Part::Sealed(data), Part::Signed(trailer), Part::Sealed(token)]
}

#[test]
fn signed_parts_stay_as_they_are_and_are_covered() {
    for enctype in Enctype::computable() {
        let (cipher, length) = (cipher(enctype), 37_usize.next_multiple_of(block(enctype)));
        let (mut header, mut data, mut token, mut mac) =
            (confounder(&cipher), text(length), [9; 16], vec![0; cipher.mac_len()]);
        cipher.seal_parts(&mut header, &mut dce(b"head", &mut data, b"tail", &mut token), &mut mac).unwrap();

        // The cipher sees one text: the same as without the signed parts, unless its key is made of the MAC.
        let contiguous = sealed(&cipher, &[text(length), vec![9; 16]].concat());
        let ciphertext = [&header[..], &data, &token].concat();
        assert!(enctype == Enctype::RC4_HMAC || ciphertext == contiguous[..ciphertext.len()]);

        let unseal = |head: &[u8], trailer: &[u8], mac: &[u8]| {
            let (mut header, mut data, mut token) = (header.clone(), data.clone(), token);
            cipher.unseal_parts(&mut header, &mut dce(head, &mut data, trailer, &mut token), mac)?;
            Ok((data, token))
        };
        assert_eq!(unseal(b"head", b"tail", &mac), Ok((text(length), [9; 16])));
        for (head, trailer) in [(b"heaD", b"tail"), (b"head", b"Tail"), (b"tail", b"head")] {
            assert_eq!(unseal(head, trailer, &mac), Err(CryptoError::IntegrityCheckFailed));
        }
        assert_eq!(unseal(b"hea", b"dtail", &mac), Err(CryptoError::IntegrityCheckFailed));
        mac[0] ^= 1;
        assert_eq!(unseal(b"head", b"tail", &mac), Err(CryptoError::IntegrityCheckFailed));
    }
}

/// The MAC of RFC 3961 covers the plaintext, so a signed part must stand where the plaintext's
/// neighbour stood; RFC 8009 MACs the ciphertext in the same order.
#[test]
fn the_order_of_parts_is_covered() {
    for enctype in Enctype::computable() {
        let cipher = cipher(enctype);
        let (mut header, mut data, mut mac) = (confounder(&cipher), text(32), vec![0; cipher.mac_len()]);
        let mut parts = [Part::Signed(b"signed"), Part::Sealed(&mut data)];
        cipher.seal_parts(&mut header, &mut parts, &mut mac).unwrap();
        let mut parts = [Part::Sealed(&mut data), Part::Signed(b"signed")];
        let result = cipher.unseal_parts(&mut header, &mut parts, &mac);
        assert_eq!(result, Err(CryptoError::IntegrityCheckFailed));
    }
}

#[test]
fn buffers_of_another_length_are_refused() {
    for enctype in Enctype::computable() {
        let cipher = cipher(enctype);
        let right = (cipher.header_len(), cipher.mac_len());
        for (header, mac) in [(-1, 0), (1, 0), (-8, 0), (0, 1), (0, -1)] {
            let [header_len, mac_len] =
                [(right.0, header), (right.1, mac)].map(|(right, off)| right.checked_add_signed(off).unwrap());
            let (mut header, mut mac) = (vec![0; header_len], vec![0; mac_len]);
            let (expected, actual) = if header_len == right.0 { (right.1, mac_len) } else { (right.0, header_len) };
            let expected = CryptoError::WrongBufferSize { expected, actual };
            assert_eq!(cipher.seal_parts(&mut header, &mut [], &mut mac).as_ref(), Err(&expected));
            assert_eq!(cipher.unseal_parts(&mut header, &mut [], &mac).as_ref(), Err(&expected));
        }
    }
}

#[test]
fn checksums_are_checked_to_the_last_bit_and_octet() {
    for enctype in Enctype::computable() {
        let sum = |usage| ChecksumKey::new(&key(enctype), usage).unwrap();
        let signing = sum(KeyUsage::INITIATOR_SIGN);
        let mac = signing.checksum(&[b"one", b"", b"two"]);
        assert_eq!((mac.len(), signing.mac_len()), (enctype.mac_len().unwrap(), mac.len()));
        assert_eq!(signing.verify(&[b"onetwo"], &mac), Ok(()));
        assert_eq!(Some(signing.checksum_type()), enctype.mandatory_checksum());

        let refused = Err(CryptoError::IntegrityCheckFailed);
        assert_eq!(signing.verify(&[b"onetwO"], &mac), refused);
        assert_eq!(sum(KeyUsage::ACCEPTOR_SIGN).verify(&[b"onetwo"], &mac), refused);
        for bit in 0..mac.len() * 8 {
            let mut flipped = mac.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(signing.verify(&[b"onetwo"], &flipped), refused);
        }
        for length in 0..mac.len() {
            assert_eq!(signing.verify(&[b"onetwo"], &mac[..length]), refused);
        }
        assert_eq!(signing.verify(&[b"onetwo"], &[&mac[..], &[0]].concat()), refused);
    }
}

#[test]
fn keys_have_the_length_of_their_enctype() {
    for enctype in Enctype::computable() {
        let expected = enctype.key_size().unwrap();
        for actual in (0..40).filter(|length| *length != expected) {
            let error = CryptoError::WrongKeySize { enctype, expected, actual };
            assert_eq!(EncryptionKey::new(enctype, vec![0; actual]).as_ref(), Err(&error));
            let key = EncryptionKey::unchecked(enctype, vec![0; actual]);
            assert_eq!(key.bytes().len(), actual);
            assert_eq!(CipherKey::new(&key, KeyUsage::TICKET).err().as_ref(), Some(&error));
            assert_eq!(ChecksumKey::new(&key, KeyUsage::TICKET).err().as_ref(), Some(&error));
            assert_eq!(key.prf(b"").err(), Some(error));
        }
    }
}

#[test]
fn a_key_of_an_unknown_enctype_is_held_and_not_used() {
    let key = EncryptionKey::new(Enctype(-99), b"any").unwrap();
    assert_eq!((key.enctype(), key.bytes()), (Enctype(-99), &b"any"[..]));
    let unsupported = Some(CryptoError::UnsupportedEnctype(Enctype(-99)));
    assert_eq!(CipherKey::new(&key, KeyUsage::TICKET).err(), unsupported);
    assert_eq!(ChecksumKey::new(&key, KeyUsage::TICKET).err(), unsupported);
    assert_eq!(key.prf(b"").err(), unsupported);
}

/// Counts up, or fails.
struct Scripted(Result<u8, crate::crypto::RandomError>);

impl crate::crypto::Random for Scripted {
    fn fill(&self, out: &mut [u8]) -> Result<(), crate::crypto::RandomError> {
        let first = self.0?;
        out.iter_mut().zip(first..).for_each(|(out, octet)| *out = octet);
        Ok(())
    }
}

#[test]
fn generated_keys_are_the_random_octets() {
    for enctype in Enctype::computable() {
        let expected = match enctype {
            Enctype::DES3_CBC_SHA1_KD => {
                EncryptionKey::random_to_key(enctype, &(7..).take(21).collect::<Vec<u8>>()).unwrap()
            }
            enctype => key(enctype),
        };
        assert_eq!(EncryptionKey::generate(enctype, &Scripted(Ok(7))), Ok(expected));
        let failed = crate::crypto::RandomError;
        assert_eq!(EncryptionKey::generate(enctype, &Scripted(Err(failed))), Err(CryptoError::Random(failed)));
    }
    let unknown = EncryptionKey::generate(Enctype(99), &Scripted(Ok(7)));
    assert_eq!(unknown, Err(CryptoError::UnsupportedEnctype(Enctype(99))));
}

#[test]
fn debug_shows_no_key() {
    let shown = alloc::format!("{:?}", key(Enctype::AES128_CTS_HMAC_SHA1_96));
    assert_eq!(shown, "EncryptionKey { enctype: Enctype(17), octets: Secret(..) }");
    let shown = alloc::format!("{:?}", cipher(Enctype::AES128_CTS_HMAC_SHA1_96));
    assert_eq!(shown, "CipherKey(aes128-cts-hmac-sha1-96)");
}

#[test]
fn scheduled_keys_are_small_and_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<CipherKey>();
    shared::<ChecksumKey>();
    assert!(size_of::<CipherKey>() <= 96, "{}", size_of::<CipherKey>());
    assert!(size_of::<ChecksumKey>() <= 80, "{}", size_of::<ChecksumKey>());
}

#[test]
fn sealed_parts_of_triple_des_are_of_whole_blocks() {
    let cipher = cipher(Enctype::DES3_CBC_SHA1_KD);
    let (mut header, mut data, mut mac) = (confounder(&cipher), text(37), vec![0; cipher.mac_len()]);
    let refused = Err(CryptoError::WrongBufferSize { expected: 40, actual: 37 });
    assert_eq!(cipher.seal_parts(&mut header, &mut [Part::Sealed(&mut data)], &mut mac), refused);
    assert_eq!(cipher.unseal_parts(&mut header, &mut [Part::Sealed(&mut data)], &mac), refused);
    assert_eq!(data, text(37));
    assert_eq!(cipher.seal_parts(&mut header, &mut [Part::Signed(&data)], &mut mac), Ok(()));
}
