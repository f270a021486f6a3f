//! What stands inside of a field that was read: names and addresses on one line, keys kept, what they open opened.

use super::{
    AD_CAMMAC, AD_KDC_ISSUED, AP_REQ, AUTHENTICATOR, AUTHORIZATION_DATA, ENC_AP_REP_PART, ENC_KRB_CRED_PART,
    ENC_KRB_PRIV_PART, ENC_REPLY, ENC_TICKET_PART, ENCRYPTED_DATA, ENCTYPES, ETYPE_INFO, ETYPE_INFO2, FX_FAST_REPLY,
    FX_FAST_REQUEST, INDICATORS, KRB_ERROR, METHOD_DATA, PA_ENC_TS_ENC, PA_FOR_USER, PA_PAC_REQUEST, TYPED_DATA,
};
use crate::decode::asn1::Type;
use crate::decode::span::Span;
use crate::decode::tree::{Node, Value};
use crate::decode::{Decoder, gss, pac};
use handfast::krb5::enctype::KeyUsage;

pub(super) fn fold_name(_: &mut Decoder, node: &mut Node) {
    let components = node.field("name_string").map(|list| list.fields.as_slice()).unwrap_or_default();
    let texts = components.iter().filter_map(|component| match &component.value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let name = handfast::Principal::new(handfast::NameType::UNKNOWN, texts, "");
    let name = name.without_realm().to_string();
    node.means = node.field("name_type").map(shown_number).unwrap_or_default();
    node.value = Value::Text(name);
    node.folded = true;
}

fn shown_number(node: &Node) -> String {
    match (&node.value, node.means.as_str()) {
        (Value::Number(number), "") => number.to_string(),
        (_, means) => means.to_owned(),
    }
}

pub(super) fn fold_address(_: &mut Decoder, node: &mut Node) {
    let kind = node.number("addr_type");
    let Some((bytes, _)) = node.field("address").and_then(Node::bytes) else { return };
    let text = match (kind, bytes.as_slice()) {
        (Some(2), [a, b, c, d]) => format!("{a}.{b}.{c}.{d}"),
        (Some(24), bytes) => match <[u8; 16]>::try_from(bytes) {
            Ok(octets) => std::net::Ipv6Addr::from(octets).to_string(),
            Err(_) => return,
        },
        (Some(20), bytes) => String::from_utf8_lossy(bytes).trim_end().to_owned(),
        _ => return,
    };
    node.means = node.field("addr_type").map(shown_number).unwrap_or_default();
    node.value = Value::Text(text);
    node.folded = true;
}

/// A key opens what comes later.
pub(super) fn keep_key(decoder: &mut Decoder, node: &mut Node) {
    let Some(Value::Hidden(key)) = node.field("keyvalue").map(|key| &key.value) else { return };
    let Some(enctype) = node.number("keytype").and_then(|number| i32::try_from(number).ok()) else { return };
    let label = format!("the {} of the {}", node.name, decoder.within);
    decoder.keys.learn(label, enctype, key.expose());
}

pub(super) fn hide_plaintext(_: &mut Decoder, node: &mut Node) {
    if node.number("etype") == Some(0)
        && let Some(cipher) = node.field_mut("cipher")
    {
        cipher.hide();
    }
}

pub(super) fn hide_user_data(_: &mut Decoder, node: &mut Node) {
    if let Some(data) = node.field_mut("user_data") {
        data.hide();
    }
}

pub(super) fn open_ticket(decoder: &mut Decoder, node: &mut Node) {
    let name = match (node.field("sname").map(|name| &name.value), node.text("realm")) {
        (Some(Value::Text(name)), Some(realm)) => Some(format!("{name}@{realm}")),
        _ => None,
    };
    if let Some(part) = node.field_mut("enc_part") {
        decoder.open(part, name.as_deref(), &[(KeyUsage::TICKET, "enc_ticket_part", &ENC_TICKET_PART)]);
    }
}

pub(super) fn open_authenticator(decoder: &mut Decoder, node: &mut Node) {
    if let Some(part) = node.field_mut("authenticator") {
        const AP: KeyUsage = KeyUsage::AP_REQ_AUTHENTICATOR;
        const TGS: KeyUsage = KeyUsage::TGS_REQ_AUTHENTICATOR;
        decoder.open(part, None, &[(AP, "authenticator", &AUTHENTICATOR), (TGS, "authenticator", &AUTHENTICATOR)]);
    }
}

pub(super) fn open_ap_rep(decoder: &mut Decoder, node: &mut Node) {
    if let Some(part) = node.field_mut("enc_part") {
        decoder.open(part, None, &[(KeyUsage::AP_REP_ENC_PART, "enc_ap_rep_part", &ENC_AP_REP_PART)]);
    }
}

pub(super) fn open_reply(decoder: &mut Decoder, node: &mut Node) {
    let owner = match (node.field("cname").map(|name| &name.value), node.text("crealm")) {
        (Some(Value::Text(name)), Some(realm)) => Some(format!("{name}@{realm}")),
        _ => None,
    };
    let attempts: &[(KeyUsage, &'static str, &'static Type)] = match node.number("msg_type") {
        Some(11) => &[(KeyUsage::AS_REP_ENC_PART, "enc_as_rep_part", &ENC_REPLY)],
        _ => &[
            (KeyUsage::TGS_REP_ENC_PART_SUBKEY, "enc_tgs_rep_part", &ENC_REPLY),
            (KeyUsage::TGS_REP_ENC_PART_SESSION_KEY, "enc_tgs_rep_part", &ENC_REPLY),
        ],
    };
    if let Some(part) = node.field_mut("enc_part") {
        decoder.open(part, owner.as_deref(), attempts);
    }
}

pub(super) fn open_priv(decoder: &mut Decoder, node: &mut Node) {
    if let Some(part) = node.field_mut("enc_part") {
        decoder.open(part, None, &[(KeyUsage::KRB_PRIV_ENC_PART, "enc_krb_priv_part", &ENC_KRB_PRIV_PART)]);
    }
}

pub(super) fn open_cred(decoder: &mut Decoder, node: &mut Node) {
    if let Some(part) = node.field_mut("enc_part") {
        decoder.open(part, None, &[(KeyUsage::KRB_CRED_ENC_PART, "enc_krb_cred_part", &ENC_KRB_CRED_PART)]);
    }
}

pub(super) fn open_authorization(decoder: &mut Decoder, node: &mut Node) {
    if let Some(part) = node.field_mut("enc_authorization_data") {
        const SUBKEY: KeyUsage = KeyUsage::TGS_REQ_AUTHORIZATION_DATA_SUBKEY;
        const SESSION: KeyUsage = KeyUsage::TGS_REQ_AUTHORIZATION_DATA_SESSION_KEY;
        let name = "authorization_data";
        decoder.open(part, None, &[(SUBKEY, name, &AUTHORIZATION_DATA), (SESSION, name, &AUTHORIZATION_DATA)]);
    }
}

/// What padata holds, where its type tells.
pub(super) fn pre_authentication(decoder: &mut Decoder, node: &mut Node) {
    let kind = node.number("padata_type");
    node.means = node.field("padata_type").map(shown_number).unwrap_or_default();
    let Some(value) = node.field_mut("padata_value") else { return };
    match kind {
        Some(1) => decoder.embed(value, &AP_REQ),
        Some(2 | 138) => {
            decoder.embed(value, &ENCRYPTED_DATA);
            // 54 and 55 are the usages of the encrypted challenge, under another key than any that is held.
            decoder.open(value, None, &[(KeyUsage::AS_REQ_TIMESTAMP, "pa_enc_ts_enc", &PA_ENC_TS_ENC)]);
        }
        Some(11) => decoder.embed(value, &ETYPE_INFO),
        Some(19) => decoder.embed(value, &ETYPE_INFO2),
        Some(128) => decoder.embed(value, &PA_PAC_REQUEST),
        Some(129) => decoder.embed(value, &PA_FOR_USER),
        Some(136) => decoder.guess(value, &[&FX_FAST_REQUEST, &FX_FAST_REPLY]),
        Some(137) => decoder.embed(value, &KRB_ERROR),
        // Not ASN.1: a salt, a cookie, a token of the KDC's own.
        Some(3 | 10 | 133 | 150) => {}
        _ => decoder.guess(value, &[&Type::Any]),
    }
}

pub(super) fn armor(decoder: &mut Decoder, node: &mut Node) {
    if node.number("armor_type") == Some(1)
        && let Some(value) = node.field_mut("armor_value")
    {
        decoder.embed(value, &AP_REQ);
    }
}

/// What authorization data holds: containers are looked into.
pub(super) fn authorization(decoder: &mut Decoder, node: &mut Node) {
    let kind = node.number("ad_type");
    node.means = node.field("ad_type").map(shown_number).unwrap_or_default();
    let Some(data) = node.field_mut("ad_data") else { return };
    match kind {
        Some(1 | 8) => decoder.embed(data, &AUTHORIZATION_DATA),
        Some(4) => decoder.embed(data, &AD_KDC_ISSUED),
        Some(96) => decoder.guess(data, &[&AD_CAMMAC, &Type::Any]),
        Some(97) => decoder.guess(data, &[&INDICATORS]),
        Some(129) => decoder.embed(data, &ENCTYPES),
        Some(128) => {
            let Some((bytes, offset)) = data.bytes() else { return };
            let read = pac::read(data, Span::new(&bytes, offset));
            decoder.note(data, read);
        }
        _ => decoder.guess(data, &[&Type::Any]),
    }
}

pub(super) fn error_data(decoder: &mut Decoder, node: &mut Node) {
    if let Some(data) = node.field_mut("e_data") {
        decoder.guess(data, &[&METHOD_DATA, &TYPED_DATA, &Type::Any]);
    }
}

pub(super) fn gss_checksum(decoder: &mut Decoder, node: &mut Node) {
    let Some(checksum) = node.field_mut("cksum") else { return };
    if checksum.number("cksumtype") != Some(0x8003) {
        return;
    }
    let Some(field) = checksum.field_mut("checksum") else { return };
    let Some((bytes, offset)) = field.bytes() else { return };
    let read = gss::checksum_field(decoder, field, Span::new(&bytes, offset));
    decoder.note(field, read);
}
