//! The examples of MS-NLMP 4.2.4: `tests/vectors/ntlm.txt`.

use super::message::{Authenticate, AvId, AvPairs, Challenge, utf16};
use super::per_message::{Role, halves, sealing_key, signing_key};
use super::response::{Response, exchange_key, nt_hash, nt_proof, ntowf_v2, session_base_key, temp};
use crate::crypto::Secret;
use crate::mech::Protection;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// One block of `name: value` lines.
struct Vector<'t>(BTreeMap<&'t str, &'t str>);

impl<'t> Vector<'t> {
    fn text(&self, name: &str) -> &'t str {
        self.0.get(name).unwrap_or_else(|| panic!("no `{name}:` in {:?}", self.0))
    }

    fn octets(&self, name: &str) -> Vec<u8> {
        let pair = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
        self.text(name).as_bytes().chunks(2).map(pair).collect()
    }

    fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        self.octets(name).try_into().unwrap()
    }

    fn key(&self, name: &str) -> Secret<[u8; 16]> {
        Secret::new(self.array(name))
    }

    fn flags(&self) -> u32 {
        u32::from_str_radix(self.text("flags"), 16).unwrap()
    }
}

fn vectors(file: &str) -> impl Iterator<Item = Vector<'_>> {
    file.split("\n\n").filter(|block| !block.starts_with('#')).map(|block| {
        let line = |text| str::split_once(text, ':').map(|(name, value): (&str, &str)| (name, value.trim()));
        Vector(block.lines().map(|text| line(text).unwrap()).collect())
    })
}

fn response_key() -> Secret<[u8; 16]> {
    ntowf_v2(&nt_hash("Password"), "User", "Domain")
}

/// `temp` of 4.2.4.1.3.
fn example_temp(timestamp: u64, client_challenge: [u8; 8]) -> Vec<u8> {
    let mut pairs = AvPairs::default();
    pairs.set(AvId::NB_DOMAIN_NAME, utf16("Domain"));
    pairs.set(AvId::NB_COMPUTER_NAME, utf16("Server"));
    temp(timestamp, &client_challenge, &pairs)
}

fn proof(vector: &Vector<'_>) -> [u8; 16] {
    nt_proof(&response_key(), &vector.array("server-challenge"), &example_temp(0, [0xaa; 8]))
}

fn seal(vector: &Vector<'_>) -> Vec<u8> {
    let key = vector.key("session-key");
    let (mut client, mut server) = (halves(&key, Role::Client, true), halves(&key, Role::Server, true));
    let mut token = Vec::new();
    client.seal.protect(Protection::Confidentiality, &vector.octets("message"), &mut token).unwrap();
    let mut received = token.clone();
    let opened = server.unseal.unprotect(Protection::Confidentiality, &mut received).unwrap();
    assert_eq!(opened.message, vector.octets("message"));
    token
}

fn challenge(vector: &Vector<'_>) -> Vec<u8> {
    let message = vector.octets("message");
    let challenge = Challenge::decode(&message).unwrap();
    assert_eq!((challenge.flags.0, challenge.target_name), (vector.flags(), &utf16("Server")[..]));
    assert_eq!(challenge.target_info.timestamp(), None);
    assert_eq!(Challenge::decode(&challenge.encode()).unwrap(), challenge);
    challenge.server_challenge.to_vec()
}

fn authenticate(vector: &Vector<'_>) -> Vec<u8> {
    let message = vector.octets("message");
    let authenticate = Authenticate::decode(&message).unwrap();
    assert_eq!((authenticate.flags.0, authenticate.mic), (vector.flags(), None));
    assert_eq!((authenticate.user, authenticate.domain), (&utf16("User")[..], &utf16("Domain")[..]));
    assert_eq!(authenticate.workstation, utf16("COMPUTER"));
    let response = Response::decode(authenticate.nt_response).unwrap();
    assert_eq!(response.temp, example_temp(0, [0xaa; 8]));
    assert_eq!(
        nt_proof(&response_key(), &[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef], response.temp),
        response.nt_proof
    );
    let again = Authenticate { mic: Some([7; 16]), ..authenticate.clone() };
    assert_eq!(Authenticate::decode(&again.encode()).unwrap(), again);
    authenticate.encrypted_session_key.to_vec()
}

#[test]
fn the_examples_of_the_specification() {
    let mut count = 0;
    for vector in vectors(include_str!("../../../tests/vectors/ntlm.txt")) {
        let found = match vector.text("test") {
            "nt-hash" => nt_hash("Password").expose().to_vec(),
            "ntowf-v2" => response_key().expose().to_vec(),
            "temp" => example_temp(u64::from_le_bytes(vector.array("timestamp")), vector.array("client-challenge")),
            "session-base-key" => session_base_key(&response_key(), &proof(&vector)).expose().to_vec(),
            "nt-proof" => proof(&vector).to_vec(),
            "encrypted-session-key" => {
                exchange_key(&vector.key("key-exchange-key"), &vector.array("session-key")).expose().to_vec()
            }
            "challenge" => challenge(&vector),
            "authenticate" => authenticate(&vector),
            "signing-key" => signing_key(&vector.key("session-key"), Role::Client).expose().to_vec(),
            "sealing-key" => sealing_key(&vector.key("session-key"), Role::Client).expose().to_vec(),
            "seal" => seal(&vector),
            other => panic!("unknown kind of vector: {other}"),
        };
        assert_eq!(found, vector.octets("expect"), "{}", vector.text("section"));
        count += 1;
    }
    assert_eq!(count, 11);
}
