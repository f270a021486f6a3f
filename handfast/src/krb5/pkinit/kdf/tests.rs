use super::*;
use crate::krb5::message::{KdcOptions, KerberosTime, NAME_COMPONENT_LIMIT};
use crate::name::NameType;
use alloc::vec;

/// The examples of RFC 8636 8, and of RFC 4556's function, made by another implementation.
const VECTORS: &str = include_str!("../../../../tests/vectors/rfc8636.txt");

fn octets(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn field<'t>(block: &'t str, name: &str) -> &'t str {
    let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no `{name}:` in {block}")).trim()
}

fn body<'a>(realm: &'a str, client: &'a str, service: &'a str) -> KdcReqBody<'a> {
    let name = |name: &'a str| PrincipalName { name_type: NameType::PRINCIPAL, name_string: name.split('/').collect() };
    KdcReqBody {
        kdc_options: KdcOptions::NONE,
        cname: Some(name(client)),
        realm,
        sname: Some(name(service)),
        from: None,
        till: KerberosTime::EPOCH,
        rtime: None,
        nonce: 0,
        etype: vec![],
        addresses: vec![],
        enc_authorization_data: None,
        additional_tickets: vec![],
    }
}

#[test]
fn vectors_of_rfc_8636() {
    let blocks: Vec<_> = VECTORS.split("\n\n").filter(|block| !block.starts_with('#')).collect();
    assert_eq!((blocks.len(), NAME_COMPONENT_LIMIT > 2), (5, true));
    for block in blocks {
        let (as_req, pk_as_rep) = (octets(field(block, "as-req")), octets(field(block, "pk-as-rep")));
        let body = body(field(block, "realm"), field(block, "client"), field(block, "service"));
        let enctype = Enctype(field(block, "enctype").parse().unwrap());
        let context = KeyContext { enctype, body: &body, as_req: &as_req, pk_as_rep: &pk_as_rep };
        let shared = octets(field(block, "z"));
        let expect = octets(field(block, "expect"));
        let kdf = PkinitKdf::ALL.into_iter().find(|kdf| alloc::format!("{kdf}") == field(block, "kdf"));
        let derived = match kdf {
            Some(kdf) => kdf.derive(&shared, &context.other_info(kdf), enctype.seed_size().unwrap()),
            None => octet_string_to_key(&shared, enctype.seed_size().unwrap()),
        };
        let key = EncryptionKey::random_to_key(enctype, derived.expose()).unwrap();
        assert_eq!(key.bytes(), expect, "{block}");
        let key = context.reply_key(kdf, &Secret::new(shared)).unwrap();
        assert_eq!(key.bytes(), expect, "{block}");
    }
}

#[test]
fn a_key_is_bound_to_everything() {
    let shared = Secret::new(vec![7; 32]);
    let bodies = [body("A", "c", "s"), body("B", "c", "s"), body("A", "d", "s"), body("A", "c", "t")];
    let mut keys = Vec::new();
    for enctype in [17, 19] {
        for body in &bodies {
            for (as_req, pk_as_rep) in [(&b"1"[..], &b"2"[..]), (b"1", b"3"), (b"4", b"2")] {
                let context = KeyContext { enctype: Enctype(enctype), body, as_req, pk_as_rep };
                for kdf in PkinitKdf::ALL {
                    keys.push(context.reply_key(Some(kdf), &shared).unwrap().bytes().to_vec());
                }
            }
        }
    }
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count);
}
