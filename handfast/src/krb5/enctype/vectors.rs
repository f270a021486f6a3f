//! The examples of the RFCs, and some that another implementation made: `tests/vectors/*.txt`.

use super::cts::Message;
use super::*;
use crate::crypto::block::{Aes128, BlockKey, Camellia128, Camellia256};
use crate::crypto::hash::{Sha1, Sha256, Sha384};
use crate::crypto::hmac::{HmacKey, pbkdf2};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// One block of `name: value` lines.
struct Vector<'t>(BTreeMap<&'t str, &'t str>);

impl<'t> Vector<'t> {
    fn text(&self, name: &str) -> &'t str {
        self.0.get(name).unwrap_or_else(|| panic!("no `{name}:` in {:?}", self.0))
    }

    fn number<T: FromStr>(&self, name: &str) -> T {
        self.text(name).parse().unwrap_or_else(|_| panic!("`{name}:` is no number in {:?}", self.0))
    }

    fn octets(&self, name: &str) -> Vec<u8> {
        let pair = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
        self.text(name).as_bytes().chunks(2).map(pair).collect()
    }

    fn key(&self) -> EncryptionKey {
        EncryptionKey::new(Enctype(self.number("enctype")), self.octets("key")).unwrap()
    }

    fn usage(&self) -> KeyUsage {
        KeyUsage(self.number("usage"))
    }
}

/// The vectors of a file.
fn vectors(file: &str) -> impl Iterator<Item = Vector<'_>> {
    file.split("\n\n").filter(|block| !block.starts_with('#')).map(|block| {
        let line = |line| str::split_once(line, ':').map(|(name, value): (&str, &str)| (name, value.trim()));
        Vector(block.lines().map(|text| line(text).unwrap()).collect())
    })
}

/// Runs every vector of a file, each by its kind, and counts them.
fn run(file: &str) -> usize {
    vectors(file)
        .map(|vector| match vector.text("test") {
            "n-fold" => n_fold(&vector),
            "string-to-key" => password(&vector),
            "cbc-cts" => cbc_cts(&vector),
            "derive" => derive(&vector),
            "encrypt" => encrypt(&vector),
            "decrypt" => decrypt(&vector),
            "checksum" => checksum(&vector),
            "prf" => assert_eq!(vector.key().prf(&vector.octets("input")).unwrap().expose(), &vector.octets("expect")),
            "fx-cf2" => cf2(&vector),
            other => panic!("unknown kind of vector: {other}"),
        })
        .count()
}

fn n_fold(vector: &Vector<'_>) {
    let mut out = vec![0; vector.number::<usize>("bits") / 8];
    rfc3961::n_fold(&vector.octets("input"), &mut out);
    assert_eq!(out, vector.octets("expect"));
}

fn password(vector: &Vector<'_>) {
    let (password, salt) = (vector.octets("password"), vector.octets("salt"));
    let iterations = vector.0.contains_key("iterations").then(|| vector.number::<u32>("iterations"));
    let enctype = Enctype(vector.number("enctype"));
    let parameters = iterations.map(u32::to_be_bytes);
    let key = string_to_key(enctype, &password, &salt, parameters.as_ref().map(|octets| &octets[..])).unwrap();
    assert_eq!((key.enctype(), key.bytes()), (enctype, &vector.octets("expect")[..]));
    if vector.0.contains_key("pbkdf2") {
        let mut out = vec![0; key.bytes().len()];
        pbkdf2::<Sha1>(&password, &[&salt], iterations.unwrap(), &mut out);
        assert_eq!(out, vector.octets("pbkdf2"));
    }
}

fn cbc_cts(vector: &Vector<'_>) {
    let key = Aes128::filled_by(|key| key.copy_from_slice(&vector.octets("key")));
    let (input, expect) = (vector.octets("input"), vector.octets("expect"));
    let mut text = input.clone();
    let (header, rest) = text.split_at_mut(16);
    Message::new(header, &mut [Part::Sealed(rest)]).encrypt(&key.encrypt());
    assert_eq!(text, expect);
    let (header, rest) = text.split_at_mut(16);
    Message::new(header, &mut [Part::Sealed(rest)]).decrypt(&key.decrypt());
    assert_eq!(text, input);
}

/// RFC 8009 A and RFC 6803 10 print the derived keys.
fn derive(vector: &Vector<'_>) {
    let (key, expect) = (vector.octets("key"), vector.octets("expect"));
    let constant = vector.octets("constant");
    let mut out = vec![0; expect.len()];
    match vector.number("enctype") {
        19 => rfc8009::kdf(&HmacKey::<Sha256>::new(&key), &constant, &[], &mut out),
        20 => rfc8009::kdf(&HmacKey::<Sha384>::new(&key), &constant, &[], &mut out),
        25 => rfc6803::derive(&rfc6803::schedule::<Camellia128>(&key), &constant, &mut out),
        26 => rfc6803::derive(&rfc6803::schedule::<Camellia256>(&key), &constant, &mut out),
        16 => {
            out.copy_from_slice(&*des3::derived(&key, &constant));
            let random = EncryptionKey::random_to_key(Enctype(16), &vector.octets("random")).unwrap();
            assert_eq!(random.bytes(), expect);
        }
        other => panic!("enctype {other}"),
    }
    assert_eq!(out, expect);
}

fn encrypt(vector: &Vector<'_>) {
    let cipher = CipherKey::new(&vector.key(), vector.usage()).unwrap();
    let confounder = vector.octets("confounder").try_into().unwrap();
    let mut out = vec![];
    cipher.encrypt(&confounder, &vector.octets("plaintext"), &mut out);
    assert_eq!(out, vector.octets("expect"));
    assert_eq!(cipher.decrypt(&out).unwrap().expose(), &vector.octets("plaintext"));
}

fn decrypt(vector: &Vector<'_>) {
    let cipher = CipherKey::new(&vector.key(), vector.usage()).unwrap();
    assert_eq!(cipher.decrypt(&vector.octets("ciphertext")).unwrap().expose(), &vector.octets("expect"));
}

fn checksum(vector: &Vector<'_>) {
    let key = ChecksumKey::new(&vector.key(), vector.usage()).unwrap();
    let input = vector.octets("input");
    assert_eq!(key.checksum(&[&input])[..], vector.octets("expect"));
    assert_eq!(key.verify(&[&input], &vector.octets("expect")), Ok(()));
}

/// RFC 6113 A: the keys are those of two passwords, each its own salt.
fn cf2(vector: &Vector<'_>) {
    let key = |enctype, name| {
        string_to_key(Enctype(vector.number(enctype)), &vector.octets(name), &vector.octets(name), None).unwrap()
    };
    let (key1, key2) = (key("enctype", "password1"), key("enctype2", "password2"));
    let made = fx_cf2(&key1, &key2, &vector.octets("pepper1"), &vector.octets("pepper2"));
    assert_eq!(made.unwrap().bytes(), vector.octets("expect"));
}

#[test]
fn rfc6113_a() {
    assert_eq!(run(include_str!("../../../tests/vectors/rfc6113.txt")), 3);
}

#[test]
fn fx_cf2_made_by_mit_krb5() {
    assert_eq!(run(include_str!("../../../tests/vectors/mit-rfc6113.txt")), 10);
}

#[test]
fn rfc3961_a1() {
    assert_eq!(run(include_str!("../../../tests/vectors/rfc3961.txt")), 11);
}

#[test]
fn rfc3961_a3_and_a4() {
    assert_eq!(run(include_str!("../../../tests/vectors/rfc3961-des3.txt")), 14);
}

#[test]
fn triple_des_of_mit_krb5() {
    assert_eq!(run(include_str!("../../../tests/vectors/mit-rfc3961-des3.txt")), 6);
}

#[test]
fn rfc3962_b() {
    assert_eq!(run(include_str!("../../../tests/vectors/rfc3962.txt")), 20);
}

#[test]
fn rfc8009_a() {
    assert_eq!(run(include_str!("../../../tests/vectors/rfc8009.txt")), 20);
}

#[test]
fn rfc4757_2_and_made_by_mit_krb5() {
    assert_eq!(run(include_str!("../../../tests/vectors/rfc4757.txt")), 37);
}

#[test]
fn rfc6803_10() {
    assert_eq!(run(include_str!("../../../tests/vectors/rfc6803.txt")), 34);
}

#[test]
fn camellia_made_by_mit_krb5() {
    assert_eq!(run(include_str!("../../../tests/vectors/mit-rfc6803.txt")), 4);
}

#[test]
fn made_by_mit_krb5() {
    assert_eq!(run(include_str!("../../../tests/vectors/mit-rfc3962.txt")), 40);
}
