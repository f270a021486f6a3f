//! Registered numbers, and the names that their documents give them.

use handfast::krb5::enctype::{ChecksumType, Enctype};
use handfast::krb5::message::{ApOptions, ErrorCode, KdcOptions, TicketFlags};

/// Looks a number up in a table.
macro_rules! table {
    ($(#[$doc:meta])* $function:ident { $($number:literal = $name:literal),* $(,)? }) => {
        $(#[$doc])*
        pub(super) fn $function(number: i64) -> Option<String> {
            Some(match number {
                $($number => $name,)*
                _ => return None,
            }.to_owned())
        }
    };
}

table! {
    /// RFC 4120 7.5.7 and 5.10.
    msg_type {
        10 = "AS-REQ", 11 = "AS-REP", 12 = "TGS-REQ", 13 = "TGS-REP", 14 = "AP-REQ", 15 = "AP-REP", 20 = "KRB-SAFE",
        21 = "KRB-PRIV", 22 = "KRB-CRED", 30 = "KRB-ERROR",
    }
}

table! {
    /// RFC 4120 6.2, RFC 6806 5, RFC 6111.
    name_type {
        0 = "NT-UNKNOWN", 1 = "NT-PRINCIPAL", 2 = "NT-SRV-INST", 3 = "NT-SRV-HST", 4 = "NT-SRV-XHST", 5 = "NT-UID",
        6 = "NT-X500-PRINCIPAL", 7 = "NT-SMTP-NAME", 10 = "NT-ENTERPRISE", 11 = "NT-WELLKNOWN",
    }
}

table! {
    /// RFC 4120 7.5.2 and the documents that `PaDataType` names.
    padata_type {
        1 = "PA-TGS-REQ", 2 = "PA-ENC-TIMESTAMP", 3 = "PA-PW-SALT", 10 = "PA-AFS3-SALT", 11 = "PA-ETYPE-INFO",
        12 = "PA-SAM-CHALLENGE", 13 = "PA-SAM-RESPONSE", 14 = "PA-PK-AS-REQ_OLD", 15 = "PA-PK-AS-REP_OLD",
        16 = "PA-PK-AS-REQ", 17 = "PA-PK-AS-REP", 19 = "PA-ETYPE-INFO2", 20 = "PA-SVR-REFERRAL-INFO",
        30 = "PA-SAM-CHALLENGE2", 31 = "PA-SAM-RESPONSE2", 41 = "PA-EXTRA-TGT", 128 = "PA-PAC-REQUEST",
        129 = "PA-FOR-USER", 130 = "PA-S4U-X509-USER", 133 = "PA-FX-COOKIE", 134 = "PA-AUTHENTICATION-SET",
        135 = "PA-AUTH-SET-SELECTED", 136 = "PA-FX-FAST", 137 = "PA-FX-ERROR", 138 = "PA-ENCRYPTED-CHALLENGE",
        141 = "PA-OTP-CHALLENGE", 142 = "PA-OTP-REQUEST", 144 = "PA-OTP-PIN-CHANGE", 147 = "PA-PKINIT-KX",
        149 = "PA-REQ-ENC-PA-REP", 150 = "PA-AS-FRESHNESS", 151 = "PA-SPAKE", 165 = "PA-SUPPORTED-ENCTYPES",
        167 = "PA-PAC-OPTIONS",
    }
}

table! {
    /// RFC 4120 7.5.4 and the documents that `AdType` names.
    ad_type {
        1 = "AD-IF-RELEVANT", 2 = "AD-INTENDED-FOR-SERVER", 3 = "AD-INTENDED-FOR-APPLICATION-CLASS",
        4 = "AD-KDC-ISSUED", 5 = "AD-AND-OR", 6 = "AD-MANDATORY-TICKET-EXTENSIONS", 7 = "AD-IN-TICKET-EXTENSIONS",
        8 = "AD-MANDATORY-FOR-KDC", 64 = "OSF-DCE", 65 = "SESAME", 70 = "AD-AUTHENTICATION-STRENGTH",
        71 = "AD-FX-FAST-ARMOR", 72 = "AD-FX-FAST-USED", 96 = "AD-CAMMAC", 97 = "AD-AUTHENTICATION-INDICATOR",
        128 = "AD-WIN2K-PAC", 129 = "AD-ETYPE-NEGOTIATION",
    }
}

table! {
    /// RFC 4120 7.5.3.
    address_type {
        2 = "IPv4", 3 = "Directional", 5 = "ChaosNet", 6 = "XNS", 7 = "ISO", 12 = "DECNET Phase IV",
        16 = "AppleTalk DDP", 20 = "NetBios", 24 = "IPv6",
    }
}

table! {
    /// RFC 4120 5.4.2.
    lr_type {
        0 = "no information", 1 = "last initial request for a TGT", 2 = "last initial request",
        3 = "the newest TGT was issued", 4 = "last renewal", 5 = "last request of any kind",
        6 = "the password will expire", 7 = "the account will expire",
    }
}

table! {
    /// RFC 4120 7.5.5.
    transited_type { 1 = "DOMAIN-X500-COMPRESS" }
}

table! {
    /// RFC 4178 4.2.2.
    neg_state { 0 = "accept-completed", 1 = "accept-incomplete", 2 = "reject", 3 = "request-mic" }
}

table! {
    /// Enctypes that this build can't compute with (RFC 3961 8, RFC 6803 4).
    other_enctype {
        0 = "null: not encrypted", 1 = "des-cbc-crc", 2 = "des-cbc-md4", 3 = "des-cbc-md5", 5 = "des3-cbc-md5",
        7 = "des3-cbc-sha1", 16 = "des3-cbc-sha1-kd", 23 = "rc4-hmac", 24 = "rc4-hmac-exp",
        25 = "camellia128-cts-cmac", 26 = "camellia256-cts-cmac",
    }
}

table! {
    /// Checksum types that this build can't compute (RFC 3961 8, RFC 6803 4, RFC 4757 2, RFC 4121 4.1.1).
    other_checksum {
        1 = "crc32", 2 = "rsa-md4", 3 = "rsa-md4-des", 4 = "des-mac", 7 = "rsa-md5", 8 = "rsa-md5-des",
        12 = "hmac-sha1-des3-kd", 14 = "sha1, without a key", 17 = "cmac-camellia128", 18 = "cmac-camellia256",
        -138 = "hmac-md5", 0x8003 = "GSS-API: bindings and flags",
    }
}

/// RFC 4120 5.2.4: what some peers write as the negative number of the same 32 bits.
pub(super) fn uint32(number: i64) -> Option<String> {
    let signed = i32::try_from(number).ok().filter(|number| *number < 0)?;
    Some(format!("{} as UInt32", u32::from_be_bytes(signed.to_be_bytes())))
}

pub(super) fn enctype(number: i64) -> Option<String> {
    let known = i32::try_from(number).ok().and_then(|number| Enctype(number).name());
    known.map(str::to_owned).or_else(|| other_enctype(number))
}

pub(super) fn checksum_type(number: i64) -> Option<String> {
    let known = i32::try_from(number).ok().and_then(|number| ChecksumType(number).name());
    known.map(str::to_owned).or_else(|| other_checksum(number))
}

pub(super) fn error_code(number: i64) -> Option<String> {
    let code = ErrorCode(i32::try_from(number).ok()?);
    Some(format!("{}: {}", code.name()?, code.explanation()?))
}

pub(super) fn kdc_options(bits: u32) -> Vec<String> {
    flag_names(&format!("{:?}", KdcOptions(bits)))
}

pub(super) fn ticket_flags(bits: u32) -> Vec<String> {
    flag_names(&format!("{:?}", TicketFlags(bits)))
}

pub(super) fn ap_options(bits: u32) -> Vec<String> {
    flag_names(&format!("{:?}", ApOptions(bits)))
}

/// RFC 4178 4.2.1, `ContextFlags`.
pub(super) fn context_flags(bits: u32) -> Vec<String> {
    const NAMES: [&str; 7] = ["deleg", "mutual", "replay", "sequence", "anon", "conf", "integ"];
    let set = NAMES.iter().enumerate().filter(|(index, _)| bits & (0x8000_0000 >> index) != 0);
    set.map(|(_, name)| (*name).to_owned()).collect()
}

/// The library's names are in its `Debug`: `{A, B, 0x00000001}`.
fn flag_names(shown: &str) -> Vec<String> {
    let inner = shown.trim_start_matches('{').trim_end_matches('}');
    let names = inner.split(", ").filter(|name| !name.is_empty());
    names.map(|name| name.to_lowercase().replace('_', "-")).collect()
}

/// The mechanisms and name types that one meets, by the contents of their identifiers.
pub(super) fn oid_name(contents: &[u8]) -> Option<&'static str> {
    const NAMES: [(&str, &str); 9] = [
        ("1.2.840.113554.1.2.2", "Kerberos V5"),
        ("1.2.840.48018.1.2.2", "Kerberos V5, as Microsoft misspelt it"),
        ("1.2.840.113554.1.2.2.3", "Kerberos V5 user-to-user"),
        ("1.3.6.1.5.2.5", "IAKERB"),
        ("1.3.6.1.5.5.2", "SPNEGO"),
        ("1.3.6.1.4.1.311.2.2.10", "NTLM"),
        ("1.3.6.1.4.1.311.2.2.30", "NEGOEX"),
        ("1.3.6.1.5.5.14", "SCRAM-SHA-1"),
        ("1.3.6.1.5.2.7", "PKU2U"),
    ];
    let dotted = super::asn1::dotted(contents)?;
    NAMES.iter().find(|(oid, _)| *oid == dotted).map(|(_, name)| *name)
}
