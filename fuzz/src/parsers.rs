//! Parsers: what can be read can be written, and is the same when read again.

use handfast::krb5::message::*;
use handfast::krb5::{
    AuthToLocal, Ccache, Conf, K5Identity, Keytab, TRANSITED_REALM_LIMIT, decode_transited, encode_transited,
};
use handfast::wire::DecodeError;
use handfast::{Account, ChannelBindings, Logon, Principal, ServiceName};
use handfast_net::accounts::AccountList;
use handfast_net::driver::Accounts;
use handfast_net::framing::{gss_sample, nns};

type Rewrite = fn(&[u8]) -> Result<Vec<u8>, DecodeError>;

macro_rules! types {
    ($($type:ident),+ $(,)?) => {
        /// The messages of RFC 4120 by name; the first byte of an input is an index into this list.
        pub const MESSAGES: &[(&str, Rewrite)] =
            &[$((stringify!($type), |bytes| $type::decode(bytes).map(|value| value.to_der()))),+];
    };
}

types! {
    KdcReq, KdcRep, EncKdcRepPart, Ticket, EncTicketPart, ApReq, Authenticator, ApRep, EncApRepPart, KrbPriv,
    EncKrbPrivPart, KrbCred, EncKrbCredPart, KrbError, MethodData, EtypeInfo2, PaEncTsEnc, KdcReqBody, KrbSafe,
    EtypeInfo, PaPacRequest, TypedData, AuthorizationData, AdKdcIssued, ChangePasswdData, EncryptedData,
    PaFxFastRequest, KrbFastReq, PaFxFastReply, KrbFastResponse, AdCammac, AuthenticationIndicators,
    KerbTgtRequest, KerbTgtReply,
    PaForUser, PaS4uX509User, S4uUserId, PaPacOptions,
    PaSpake, SpakeSecondFactor,
    PaOtpChallenge, PaOtpRequest, PaOtpEncRequest,
}

/// A message of every type: written, it reads as itself.
pub fn messages(data: &[u8]) {
    let Some((selector, bytes)) = data.split_first() else { return };
    let (name, rewrite) = MESSAGES[usize::from(*selector) % MESSAGES.len()];
    let Ok(written) = rewrite(bytes) else { return };
    assert_eq!(rewrite(&written).as_deref(), Ok(&written[..]), "{name}");
}

/// The realms that a ticket has come through: what is written of them reads as the same.
pub fn transited(data: &[u8]) {
    let Ok(realms) = decode_transited(data, "CS.MIT.EDU", "/COM/HP/LAB") else { return };
    assert!(realms.len() <= TRANSITED_REALM_LIMIT);
    let Ok(written) = encode_transited(&realms) else { return };
    let again = decode_transited(&written, "CS.MIT.EDU", "/COM/HP/LAB").expect("just written");
    assert_eq!(again, realms);
}

/// Both framings; how a reader of a stream reads them is how a buffer is read.
pub fn framing(data: &[u8]) {
    let Some((selector, bytes)) = data.split_first() else { return };
    match selector % 4 {
        0 => {
            let decoded = nns::Handshake::decode(bytes);
            if let Ok(read) = nns::Handshake::read(&mut &*bytes) {
                let (message, length) = decoded.expect("a reader took it").expect("whole");
                assert!(message == read && length <= bytes.len());
                let mut out = Vec::new();
                if read.encode(&mut out).is_ok() {
                    assert_eq!(nns::Handshake::decode(&out).expect("just written"), Some((read, out.len())));
                }
            } else {
                assert!(!matches!(decoded, Ok(Some(_))), "a reader refused it");
            }
        }
        1 => {
            let mut payload = Vec::new();
            let read = nns::read_data(&mut &*bytes, &mut payload);
            match nns::decode_data(bytes) {
                Ok(Some((found, length))) => {
                    assert!(read.is_ok() && found == payload && length == found.len() + 4);
                    let mut out = Vec::new();
                    if nns::encode_data(found, &mut out).is_ok() {
                        assert_eq!(out, bytes[..length]);
                    }
                }
                Ok(None) | Err(_) => assert!(read.is_err()),
            }
        }
        2 => {
            let read = gss_sample::Token::read(&mut &*bytes);
            match gss_sample::Token::decode(bytes) {
                Ok(Some((token, length))) => {
                    let mut out = Vec::new();
                    token.encode(&mut out).expect("it was decoded");
                    assert_eq!(out, bytes[..length]);
                    assert_eq!(read.expect("it was decoded"), token);
                }
                Ok(None) | Err(_) => assert!(read.is_err()),
            }
        }
        _ => {
            // The GSS-API's own (RFC 2743 3.1): there is one way to write it.
            let Ok((mechanism, mut inner)) = handfast::mech::framing::read(bytes) else { return };
            let body = inner.all();
            assert!(mechanism.len() + body.len() < bytes.len());
            assert!(bytes.ends_with(body), "nothing may be behind it");
        }
    }
}

/// A keytab: written, it reads as itself.
pub fn keytab(data: &[u8]) {
    let Ok(keytab) = Keytab::decode(data) else { return };
    for entry in keytab.entries() {
        assert!(!keytab.keys_of(&entry.principal).is_empty());
    }
    let Ok(written) = keytab.encode() else { return };
    let again = Keytab::decode(written.expose()).expect("just written");
    assert!(again.entries() == keytab.entries());
    assert_eq!(again.encode().expect("once before").expose(), written.expose());
}

/// A credential cache: written, it reads as itself; and what it remembers.
pub fn ccache(data: &[u8]) {
    let Ok(cache) = Ccache::decode(data) else { return };
    let now = cache.kdc_time(handfast::Time::EPOCH);
    let _ = std::hint::black_box((cache.kdc_offset.map(|offset| offset.client_time(now)), cache.fast_realms()));
    let _ = std::hint::black_box((cache.preauth_method(cache.start_realm()), cache.knows_fast(cache.start_realm())));
    let Ok(written) = cache.encode() else { return };
    let again = Ccache::decode(written.expose()).expect("just written");
    assert_eq!(again.entries().len(), cache.entries().len());
    assert!(again.principal == cache.principal);
    assert_eq!(again.encode().expect("once before").expose(), written.expose());
}

/// What the kernel's keyring and a KCM daemon keep or say of caches; the first byte says which: written, it reads as itself.
pub fn cache_parts(data: &[u8]) {
    use handfast::krb5::ccache::{self, CcacheEntry, kcm, keyring};
    let Some((selector, bytes)) = data.split_first() else { return };
    match selector % 6 {
        0 => {
            let Ok(Some(entry)) = CcacheEntry::decode(bytes) else { return };
            let Ok(written) = entry.encode() else { return };
            assert!(CcacheEntry::decode(written.expose()).expect("just written") == Some(entry));
        }
        1 => {
            let Ok(principal) = ccache::decode_principal(bytes) else { return };
            assert_eq!(ccache::encode_principal(&principal).expect("just read"), bytes);
        }
        2 => {
            let Ok(name) = keyring::decode_primary(bytes) else { return };
            assert_eq!(keyring::encode_primary(&name).expect("just read"), bytes);
        }
        3 => {
            let Ok(entries) = kcm::decode_entries(bytes) else { return };
            assert!(entries.len() <= kcm::LIST_LIMIT);
        }
        4 => {
            let Ok(name) = kcm::decode_name(bytes) else { return };
            assert_eq!([name.as_bytes(), &[0]].concat(), bytes);
        }
        _ => {
            let Ok(uuids) = kcm::decode_uuids(bytes) else { return };
            assert_eq!(uuids.concat(), bytes);
        }
    }
}

/// krb5.conf, with a file that includes itself, and every view of it; and the same text as rules of `.k5identity`.
pub fn conf(data: &[u8]) {
    let service = ServiceName::host_based("HTTP", "www.example.com").expect("a name").to_principal("EXAMPLE.COM");
    let _ = std::hint::black_box(K5Identity::parse(data, "EXAMPLE.COM").client_for(&service));
    let mut conf = Conf::new();
    let source = handfast::krb5::conf::Source { name: "fuzz".into(), text: data.to_vec() };
    let mut again = |_: handfast::krb5::conf::Include<'_>| Ok(vec![source.clone()]);
    let _ = conf.add(&source, &mut again);
    let Ok(conf) = Conf::parse("fuzz", data) else { return };
    std::hint::black_box(format!("{:?} {:?}", conf.root(), conf.warnings()));
    views(&conf);
}

fn views(conf: &Conf) {
    let _ = std::hint::black_box(conf.libdefaults(Some("EXAMPLE.COM")));
    let _ = std::hint::black_box(conf.realm("EXAMPLE.COM"));
    let _ = std::hint::black_box(conf.realm_of_host("www.example.com"));
    let _ = std::hint::black_box(conf.path_between("A", "C"));
    if let Ok(map) = conf.auth_to_local() {
        let _ = std::hint::black_box(map.local_name(&Principal::krbtgt("EXAMPLE.COM", "A")));
    }
}

/// Rules, one for each line but the first, for the principal on the first.
pub fn auth_to_local(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let Some(Ok(principal)) = lines.next().map(str::parse::<Principal>) else { return };
    let rules: Vec<&str> = lines.collect();
    let Ok(map) = AuthToLocal::parse(&rules, Some("EXAMPLE.COM")) else { return };
    if let Ok(name) = map.local_name(&principal) {
        assert!(!name.is_empty());
    }
}

/// Names: printed, they read as themselves.
pub fn names(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    // Escapes can make a printed name longer than one may be that is read.
    if text.len() > 512 {
        return;
    }
    if let Ok(principal) = text.parse::<Principal>() {
        let printed = principal.to_string();
        assert_eq!(printed.parse::<Principal>().as_ref(), Ok(&principal), "{printed:?}");
    }
    if let Ok(name) = text.parse::<ServiceName>() {
        let printed = name.to_string();
        let again: ServiceName = printed.parse().expect("just printed");
        assert_eq!(again.to_principal("R"), name.to_principal("R"), "{printed:?}");
    }
}

/// Accounts of NTLM, behind a line with a domain and one with a user who logs on.
pub fn accounts(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let mut text = || parts.next().unwrap_or_default();
    let (domain, user, list) = (text(), text(), text());
    let name = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let logon = Logon {
        user: name(user),
        domain: name(domain),
        workstation: String::new(),
        server_challenge: [0; 8],
        nt_response: Vec::new(),
        lm_response: Vec::new(),
        negotiate_flags: 0,
    };
    let found = match AccountList::parse(list) {
        Ok(list) => list.local_domains(["HOST"]).find(&logon),
        Err(error) => return drop(std::hint::black_box(error.to_string())),
    };
    assert!(!matches!(found, Account::NtHash(_)) || !logon.user.is_empty(), "nobody, and found");
}

/// A server's certificate, for tls-server-end-point.
pub fn certificate(data: &[u8]) {
    let Ok(bindings) = ChannelBindings::tls_server_end_point(data) else { return };
    assert!(bindings.application_data().starts_with(b"tls-server-end-point:"));
    assert!(bindings.matches(&bindings.gss_hash()));
}
