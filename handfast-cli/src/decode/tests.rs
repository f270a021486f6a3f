use super::input::{Encoding, Token, tokens};
use super::render::Canvas;
use super::tree::{Node, Value, hex};
use super::{Decoder, Kind, Report};
use crate::output::Output;
use handfast::krb5::enctype::{Enctype, KeyUsage, string_to_key};
use handfast::krb5::message::{
    AdElement, AdType, AuthorizationData, EncApRepPart, EncTicketPart, EncryptedData, KerberosTime, KeyRef, KrbCred,
    Microseconds, PrincipalName, Ticket, TicketFlags, TransitedEncoding,
};
use handfast::mech::MechanismId;
use handfast::mech::negotiate::message::{NegHints, NegState, NegTokenInit, NegTokenResp, NegotiationToken};
use handfast::{NameType, Time};

/// The bytes of a line of `tests/vectors/decode.txt`.
fn vector(name: &str) -> Vec<u8> {
    let file = include_str!("../../tests/vectors/decode.txt");
    let line = file.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let digits = line.unwrap_or_else(|| panic!("no {name}"));
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Every sample; some are streams, which may end between two frames.
const SAMPLES: [(&str, Kind); 15] = [
    ("ntlm-negotiate", Kind::Ntlm),
    ("ntlm-challenge", Kind::Ntlm),
    ("ntlm-authenticate", Kind::Ntlm),
    ("kdc-as-req", Kind::KerberosTcp),
    ("kdc-error", Kind::KerberosTcp),
    ("kdc-as-req-with-proof", Kind::KerberosTcp),
    ("kdc-as-rep", Kind::KerberosTcp),
    ("kdc-tgs-req", Kind::KerberosTcp),
    ("kdc-tgs-rep", Kind::KerberosTcp),
    ("nns-client", Kind::Nns),
    ("nns-server", Kind::Nns),
    ("mit-client", Kind::GssSample),
    ("mit-server", Kind::GssSample),
    ("mit-spnego-client", Kind::GssSample),
    ("mit-spnego-server", Kind::GssSample),
];

/// With the services' keys, and alice's.
fn with_keys() -> Decoder {
    let mut decoder = Decoder::default();
    decoder.keys.learn("mit".to_owned(), 20, &vector("mit-key"));
    decoder.keys.learn("nns".to_owned(), 18, &vector("nns-key"));
    for enctype in [20, 18] {
        let key = string_to_key(Enctype(enctype), b"pw", b"A.TESTalice", None).unwrap();
        decoder.keys.learn("alice".to_owned(), enctype, key.bytes());
    }
    decoder
}

fn decode(bytes: &[u8]) -> Report {
    Decoder::default().decode(bytes, None)
}

/// The node at the end of a path of names.
#[track_caller]
fn at<'n>(node: &'n Node, path: &str) -> &'n Node {
    let step =
        |node: &'n Node, name: &str| node.field(name).unwrap_or_else(|| panic!("no {name} of {path}: {node:#?}"));
    path.split('/').fold(node, step)
}

#[track_caller]
fn text(node: &Node, path: &str) -> String {
    match &at(node, path).value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Flags(_, names) => names.join(" "),
        Value::Time(time) => time.to_string(),
        Value::Bytes(bytes) => hex(bytes),
        other => panic!("{path}: {other:?}"),
    }
}

/// All nodes, the tree's own first.
fn all(node: &Node) -> Vec<&Node> {
    std::iter::once(node).chain(node.fields.iter().flat_map(all)).collect()
}

fn drawn(report: &Report) -> Vec<String> {
    let output = Output::new(false);
    let now = Time::from_unix_seconds(1_795_000_000);
    Canvas { output: &output, width: 80, now, show_keys: false, full: false }.draw(&report.tree)
}

#[test]
fn every_sample_is_recognised_and_understood_without_and_with_keys() {
    for mut decoder in [Decoder::default(), with_keys()] {
        for (name, kind) in SAMPLES {
            let report = decoder.decode(&vector(name), None);
            assert_eq!((report.kind, &report.problems), (Some(kind), &vec![]), "{name}");
            let long = drawn(&report).into_iter().find(|line| line.chars().count() > 80);
            assert_eq!(long, None, "{name}");
        }
    }
}

#[test]
fn the_example_of_ms_nlmp_4_2_4_3() {
    let tree = decode(&vector("ntlm-authenticate")).tree;
    assert_eq!((tree.name.as_ref(), tree.means.as_str()), ("authenticate_message", "NTLM AUTHENTICATE"));
    for (path, value) in [
        ("domain_name", "Domain"),
        ("user_name", "User"),
        ("workstation", "COMPUTER"),
        ("version", "5.1.2600"),
        ("nt_challenge_response/nt_proof_str", "68cd0ab851e51c96aabc927bebef6a1c"),
        ("nt_challenge_response/challenge_from_client", "aaaaaaaaaaaaaaaa"),
        ("nt_challenge_response/av_pairs/msv_av_nb_computer_name", "Server"),
        ("encrypted_random_session_key", "c5dad2544fc9799094ce1ce90bc9d03e"),
    ] {
        assert_eq!(text(&tree, path), value, "{path}");
    }
    assert!(text(&tree, "negotiate_flags").ends_with("negotiate-128 negotiate-key-exch negotiate-56"));
    assert_eq!(at(&tree, "user_name").at, Some(84..92));
    assert!(tree.field("mic").is_none(), "the example has none");
}

#[test]
fn pairs_with_times_flags_and_bindings() {
    // MS-NLMP 2.2.2.1; 2009-02-13 23:31:30 UTC as a FILETIME.
    let pairs: Vec<u8> = [
        &[7, 0, 8, 0][..],
        &128_790_414_900_000_000_u64.to_le_bytes(),
        &[6, 0, 4, 0, 2, 0, 0, 0],
        &[10, 0, 16, 0],
        &[0; 16],
        &[9, 0, 4, 0, b'h', 0, b'/', 0],
        &[0, 0, 0, 0],
    ]
    .concat();
    let challenge = with_target_info(&pairs);
    let report = decode(&challenge);
    assert_eq!(report.problems, []);
    let info = at(&report.tree, "target_info");
    assert_eq!(text(info, "msv_av_timestamp"), "2009-02-13T23:31:30Z");
    assert_eq!(text(info, "msv_av_flags"), "mic-present");
    assert_eq!(at(info, "msv_av_channel_bindings").means, "no channel bindings");
    assert_eq!(text(info, "msv_av_target_name"), "h/");
    let twice = with_target_info(&[&pairs[..12], &pairs].concat());
    assert_eq!(decode(&twice).problems[0].to_string(), "at byte 60: the pair 7 was there before");
    let endless = with_target_info(&pairs[..pairs.len() - 4]);
    assert!(decode(&endless).problems[0].to_string().contains("AvId: 2 bytes needed, 0 left"));
    let odd = with_target_info(&[1, 0, 3, 0, b'h', 0, b'x', 0, 0, 0, 0]);
    assert!(decode(&odd).problems[0].to_string().contains("UTF-16 of an odd number of bytes"));
}

/// A CHALLENGE whose TargetInfo starts at byte 48.
fn with_target_info(pairs: &[u8]) -> Vec<u8> {
    let length = u16::try_from(pairs.len()).unwrap().to_le_bytes();
    let fixed = [b"NTLMSSP\0\x02\0\0\0".as_slice(), &[0; 8], &[1, 0, 0, 0], &[7; 8], &[0; 8]].concat();
    [&fixed[..], &length, &length, &48_u32.to_le_bytes(), pairs].concat()
}

#[test]
fn fields_that_overlap_or_point_astray_are_named() {
    let whole = vector("ntlm-authenticate");
    let with = |at: usize, value: u8| {
        let mut message = whole.clone();
        message[at] = value;
        decode(&message).problems.first().map(ToString::to_string).unwrap_or_default()
    };
    assert_eq!(with(40, 74), "at byte 36: user_name: it overlaps domain_name");
    assert_eq!(with(40, 8), "at byte 36: user_name: it points to byte 8, into the fixed part of the message");
    assert_eq!(with(40, 230), "at byte 36: user_name: it points to bytes 230 to 238 of a message of 232");
    let longer = [&whole[..], b"x"].concat();
    assert_eq!(decode(&longer).problems[0].to_string(), "at byte 232: 1 byte left over at the end");
}

#[test]
fn a_refusal_of_the_kdc_is_explained_with_what_it_asks_for() {
    let report = decode(&vector("kdc-error"));
    let error = at(&report.tree, "message/payload/krb_error");
    assert_eq!(text(error, "error_code"), "25");
    assert_eq!(at(error, "error_code").means, "KDC_ERR_PREAUTH_REQUIRED: the KDC wants pre-authentication");
    assert_eq!((text(error, "sname"), at(error, "sname").means.as_str()), ("krbtgt/A.TEST".to_owned(), "NT-SRV-INST"));
    let hint = at(error, "e_data/pa_data");
    assert_eq!(hint.means, "PA-ETYPE-INFO2");
    assert_eq!(text(hint, "padata_value/entry/salt"), "A.TESTalice");
}

#[test]
fn a_login_is_opened_with_the_key_of_the_password() {
    let mut decoder = with_keys();
    let request = decoder.decode(&vector("kdc-as-req-with-proof"), None).tree;
    let proof = at(&request, "message/payload/as_req/padata/pa_data/padata_value/pa_enc_ts_enc");
    assert!(proof.means.contains("opened with alice"), "{}", proof.means);
    assert!(text(proof, "patimestamp").starts_with("2026-11-22T19:08:1"));
    let reply = decoder.decode(&vector("kdc-as-rep"), None).tree;
    let part = at(&reply, "message/payload/as_rep/enc_part/enc_as_rep_part");
    assert_eq!(text(part, "sname"), "krbtgt/A.TEST");
    // The session key in it opens what follows.
    let request = decoder.decode(&vector("kdc-tgs-req"), None).tree;
    let proof = at(&request, "message/payload/tgs_req/padata/pa_data/padata_value/authenticator/authenticator");
    assert_eq!(proof.means, "opened with the key of the enc_as_rep_part (aes256-cts-hmac-sha384-192), key usage 7");
    let reply = decoder.decode(&vector("kdc-tgs-rep"), None).tree;
    assert_eq!(text(&reply, "message/payload/tgs_rep/enc_part/enc_tgs_rep_part/sname"), "host/localhost");
}

#[test]
fn mits_conversation_is_opened_from_the_ticket_to_the_message() {
    let mut decoder = with_keys();
    for name in ["mit-client", "mit-server"] {
        decoder.decode(&vector(name), None);
    }
    let tree = decoder.decode(&vector("mit-client"), None).tree;
    let ap_req = at(&tree.fields[1], "payload/initial_context_token/ap_req");
    let ticket = at(ap_req, "ticket/enc_part/enc_ticket_part");
    assert_eq!(ticket.means, "opened with mit (aes256-cts-hmac-sha384-192), key usage 2");
    assert_eq!(text(ticket, "cname"), "alice");
    let data = at(ticket, "authorization_data/element/ad_data/element");
    assert_eq!(data.means, "AD-WIN2K-PAC", "inside AD-IF-RELEVANT");
    assert!(at(data, "ad_data/server_checksum").means.starts_with("type 6, hmac-sha"));
    let client = at(data, "ad_data/client_name_and_ticket_information");
    assert_eq!(text(client, "name"), "alice");
    let field = at(ap_req, "authenticator/authenticator/cksum/checksum");
    assert_eq!(text(field, "flags"), "delegation mutual replay confidentiality integrity 0x00000100");
    let delegated = at(field, "deleg/enc_part/enc_krb_cred_part/ticket_info/krb_cred_info");
    assert_eq!((text(delegated, "pname"), text(delegated, "srealm")), ("alice".to_owned(), "LAB.TEST".to_owned()));
    let message = at(&tree.fields[2], "payload/wrap/data/plaintext");
    assert_eq!(text(&tree.fields[2], "payload/wrap/data/plaintext"), hex(b"hello mit"));
    assert_eq!(message.means, "opened with the subkey of the enc_ap_rep_part (aes256-cts-hmac-sha384-192)");
}

#[test]
fn mits_negotiation_holds_its_tokens_in_place() {
    let tree = decode(&vector("mit-spnego-client")).tree;
    let init = at(&tree.fields[1], "payload/initial_context_token/neg_token_init");
    assert_eq!(at(init, "mech_types/mech_type").means, "Kerberos V5");
    assert_eq!(text(init, "mech_token/initial_context_token/ap_req/ticket/sname"), "sample/localhost");
    let tree = decode(&vector("mit-spnego-server")).tree;
    let resp = at(&tree.fields[0], "payload/neg_token_resp");
    assert_eq!(at(resp, "neg_state").means, "accept-completed");
    assert!(resp.field("response_token").is_some());
}

#[test]
fn positions_are_those_of_the_bytes() {
    let bytes = vector("mit-spnego-client");
    let report = decode(&bytes);
    let mut compared = 0;
    for node in all(&report.tree) {
        if let (Value::Bytes(value), Some(range)) = (&node.value, &node.at) {
            assert_eq!(bytes.get(range.clone()), Some(&value[..]), "{}", node.name);
            compared += 1;
        }
    }
    assert!(compared > 5, "{compared}");
}

#[test]
fn negotiation_with_ntlm_inside_and_the_acceptor_that_speaks_first() {
    let ntlm = vector("ntlm-negotiate");
    let init = NegTokenInit {
        mech_types: vec![MechanismId::NTLM.into()],
        req_flags: None,
        mech_token: Some(&ntlm),
        neg_hints: None,
        mech_list_mic: None,
    };
    let mut token = Vec::new();
    NegotiationToken::Init(init.clone()).encode(&mut token);
    let report = decode(&token);
    assert_eq!((report.kind, &report.problems), (Some(Kind::Gss), &vec![]));
    let inner = at(&report.tree, "neg_token_init/mech_token/negotiate_message");
    assert_eq!(text(inner, "message_type"), "1");
    let hints = NegHints { hint_name: None, hint_address: Some(b"x") };
    let mut token = Vec::new();
    NegotiationToken::Init(NegTokenInit { mech_token: None, neg_hints: Some(hints), ..init }).encode(&mut token);
    assert_eq!(text(&decode(&token).tree, "neg_token_init2/neg_hints/hint_address"), "78");
    let signature = [&[1, 0, 0, 0][..], &[9; 8], &[5, 0, 0, 0]].concat();
    let resp = NegTokenResp {
        neg_state: Some(NegState::RequestMic),
        supported_mech: Some(MechanismId::NTLM.into()),
        response_token: None,
        mech_list_mic: Some(&signature),
    };
    let mut token = Vec::new();
    NegotiationToken::Resp(resp).encode(&mut token);
    let report = decode(&token);
    assert_eq!((report.kind, &report.problems), (Some(Kind::Spnego), &vec![]));
    assert_eq!(text(&report.tree, "mech_list_mic/message_signature/seq_num"), "5");
    assert_eq!(at(&report.tree, "supported_mech").means, "NTLM");
}

#[test]
fn tokens_of_rfc_1964_are_named() {
    let inner = [&[2, 1, 0x11, 0, 0x10, 0, 0xff, 0xff][..], &[1; 8], &[2; 8], b"data"].concat();
    let mut token = Vec::new();
    handfast::mech::framing::write_header(MechanismId::KERBEROS, inner.len(), &mut token);
    token.extend_from_slice(&inner);
    let report = decode(&token);
    assert_eq!(report.problems, []);
    assert_eq!(at(&report.tree, "tok_id").means, "Wrap token of RFC 1964 1.2.2");
    assert_eq!(at(&report.tree, "seal_alg").means, "RC4 (RFC 4757)");
}

#[test]
fn why_a_ticket_stays_closed_is_said() {
    let mut decoder = Decoder::default();
    let why = |decoder: &mut Decoder| {
        let tree = decoder.decode(&vector("mit-client"), None).tree;
        at(&tree.fields[1], "payload/initial_context_token/ap_req/ticket/enc_part").means.clone()
    };
    assert_eq!(why(&mut decoder), "not opened: no key is held");
    decoder.keys.learn("other".to_owned(), 18, &[1; 32]);
    assert_eq!(why(&mut decoder), "not opened: no key of its enctype is held");
    let mut keytab = handfast::krb5::Keytab::new();
    keytab.add(handfast::krb5::KeytabEntry {
        principal: "sample/localhost@LAB.TEST".parse().unwrap(),
        timestamp: Time::EPOCH,
        kvno: 7,
        key: handfast::krb5::enctype::EncryptionKey::new(Enctype(20), [7; 32]).unwrap(),
    });
    decoder.keys.add_keytab(&keytab);
    assert_eq!(why(&mut decoder), "not opened: it wants kvno 2; kvno 7 of sample/localhost@LAB.TEST does not open it");
}

const KEY: [u8; 32] = [0xe7; 32];

/// What is in a ticket, with a session key.
fn ticket_part() -> Vec<u8> {
    let part = EncTicketPart {
        flags: TicketFlags::INITIAL,
        key: KeyRef { keytype: Enctype(20), keyvalue: &KEY },
        crealm: "A.TEST",
        cname: PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["alice"] },
        transited: TransitedEncoding { tr_type: 1, contents: b"" },
        authtime: KerberosTime::EPOCH,
        starttime: None,
        endtime: KerberosTime::EPOCH,
        renew_till: None,
        caddr: vec![],
        authorization_data: Default::default(),
    };
    part.to_der()
}

/// The tree as JSON and as text, without the keys.
fn shown(report: &Report) -> String {
    format!("{}\n{}", report.tree.json(false), drawn(report).join(""))
}

#[test]
fn keys_are_shown_only_when_asked_for_and_never_of_what_is_broken() {
    let whole = ticket_part();
    let report = decode(&whole);
    assert_eq!(report.problems, []);
    assert!(!shown(&report).contains("e7e7e7e7"), "{}", shown(&report));
    assert_eq!(report.tree.json(true)["fields"][1]["fields"][1]["value"], hex(&KEY));
    // Whatever is cut off or flipped behind the first tag. (Another tag makes it another thing; what is nothing at all is
    // shown as it was given.)
    for mutated in mutations(&whole).filter(|mutated| mutated.first() == whole.first()) {
        let report = Decoder::default().decode(&mutated, Some(Kind::Kerberos));
        assert!(!shown(&report).contains("e7e7e7e7"), "{}: {}", hex(&mutated), shown(&report));
    }
}

#[test]
fn credentials_that_nothing_encrypts_are_not_dumped_either() {
    let part = ticket_part();
    let sealed = EncryptedData { etype: Enctype(0), kvno: None, cipher: &part };
    let credentials = KrbCred { tickets: vec![], enc_part: sealed }.to_der();
    let report = decode(&credentials);
    assert!(!report.problems.is_empty(), "what is in it is no EncKrbCredPart");
    assert!(!shown(&report).contains("e7e7e7e7"));
    for cut in 1..credentials.len() {
        assert!(!shown(&decode(&credentials[..cut])).contains("e7e7e7e7"), "{cut}");
    }
}

#[test]
fn what_was_encrypted_and_is_not_what_it_should_be_is_not_dumped() {
    let element = AdElement { ad_type: AdType::IF_RELEVANT, ad_data: &KEY };
    let bytes = ticket_part();
    let mut part = EncTicketPart::decode(&bytes).unwrap();
    part.authorization_data = AuthorizationData(vec![element]);
    let report = decode(&part.to_der());
    assert_eq!(report.problems.len(), 1);
    assert!(!shown(&report).contains("e7e7e7e7"), "{}", shown(&report));
}

/// Every cut, and every bit flipped.
fn mutations(whole: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cuts = (0..whole.len()).map(|cut| whole[..cut].to_vec());
    let flips = (0..whole.len() * 8).map(|bit| {
        let mut flipped = whole.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    });
    cuts.chain(flips)
}

#[test]
fn every_cut_and_every_flipped_bit_ends_in_a_tree_and_positions_that_are_in_it() {
    for (name, kind) in SAMPLES {
        let whole = vector(name);
        for mutated in mutations(&whole) {
            let report = Decoder::default().decode(&mutated, Some(kind));
            for problem in &report.problems {
                assert!(problem.broken.offset <= mutated.len(), "{name}: {problem}: {}", hex(&mutated));
            }
        }
    }
}

#[test]
fn what_is_cut_off_is_an_error_and_what_came_before_is_shown() {
    // Streams may end between two frames; these are of one message each.
    for name in ["ntlm-challenge", "ntlm-authenticate", "kdc-error", "kdc-as-req", "kdc-as-rep", "kdc-tgs-rep"] {
        let whole = vector(name);
        let kind = decode(&whole).kind;
        for cut in 0..whole.len() {
            let report = Decoder::default().decode(&whole[..cut], kind);
            assert!(!report.problems.is_empty(), "{name}: {cut}");
        }
    }
    let whole = vector("kdc-error");
    let report = Decoder::default().decode(&whole[..100], Some(Kind::KerberosTcp));
    let error = at(&report.tree, "message/payload/krb_error");
    assert_eq!(text(error, "cname"), "alice");
    assert_eq!(at(error, "error_code").means, "KDC_ERR_PREAUTH_REQUIRED: the KDC wants pre-authentication");
}

#[test]
fn with_keys_too_nothing_that_is_flipped_panics() {
    let whole = vector("nns-client");
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        with_nns_key().decode(&flipped, Some(Kind::Nns));
    }
    // Whoever has the key can put anything into the plaintext.
    let key = handfast::krb5::enctype::EncryptionKey::new(Enctype(18), vector("nns-key")).unwrap();
    let cipher = handfast::krb5::enctype::CipherKey::new(&key, KeyUsage::TICKET).unwrap();
    for mutated in mutations(&ticket_part()) {
        let mut sealed = Vec::new();
        cipher.encrypt(&[1; 16], &mutated, &mut sealed);
        let ticket = Ticket {
            realm: "A.TEST",
            sname: PrincipalName { name_type: NameType::SRV_HST, name_string: vec!["host", "localhost"] },
            enc_part: EncryptedData { etype: Enctype(18), kvno: Some(1), cipher: &sealed },
        };
        let report = with_nns_key().decode(&ticket.to_der(), None);
        for problem in &report.problems {
            assert_eq!(problem.plaintext.as_deref(), Some("enc_ticket_part"));
        }
        assert!(!shown(&report).contains("e7e7e7e7"), "{}", hex(&mutated));
    }
}

fn with_nns_key() -> Decoder {
    let mut decoder = Decoder::default();
    decoder.keys.learn("nns".to_owned(), 18, &vector("nns-key"));
    decoder
}

#[test]
fn a_pac_is_not_read_beyond_its_end() {
    let entry = |offset: u64| [&1_u32.to_le_bytes()[..], &4_u32.to_le_bytes(), &offset.to_le_bytes()].concat();
    for (count, offset, problem) in [
        (1_u32, 24, None),
        (1, 25, Some("at byte 8: buffer 1: 4 bytes from 25 on, in a PAC of 28")),
        (1, u64::MAX, Some("buffer 1: 4 bytes from 18446744073709551615 on")),
        (65, 24, Some("at byte 0: 65 buffers, over the limit of 64")),
        (2, 24, Some("cbBufferSize: 4 bytes needed, 0 left")),
    ] {
        let pac = [&count.to_le_bytes()[..], &[0; 4], &entry(offset), &[9; 4]].concat();
        let read = super::pac::read(&mut Node::new("pac"), super::span::Span::new(&pac, 0));
        match problem {
            None => assert_eq!(read, Ok(())),
            Some(problem) => assert!(read.unwrap_err().to_string().contains(problem), "{problem}"),
        }
    }
}

#[test]
fn keys_are_not_tried_without_end() {
    let mut decoder = Decoder::default();
    for number in 0..200_u8 {
        decoder.keys.learn("one".to_owned(), 18, &[number; 32]);
    }
    let ticket = Ticket {
        realm: "A.TEST",
        sname: PrincipalName { name_type: NameType::SRV_HST, name_string: vec!["host"] },
        enc_part: EncryptedData { etype: Enctype(18), kvno: None, cipher: &[7; 64] },
    };
    let der = ticket.to_der();
    let length = u32::try_from(der.len()).unwrap().to_be_bytes();
    let stream = [&length[..], &der].concat().repeat(105);
    let report = decoder.decode(&stream, Some(Kind::KerberosTcp));
    let last = at(report.tree.fields.last().unwrap(), "payload/ticket/enc_part");
    assert_eq!(last.means, "not opened: keys were tried 20000 times in this token already");
}

/// An element in DER.
fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(contents.len()).unwrap().to_be_bytes();
    match (high, low) {
        (0, ..=0x7f) => [&[tag, low], contents].concat(),
        (0, _) => [&[tag, 0x81, low], contents].concat(),
        _ => [&[tag, 0x82, high, low], contents].concat(),
    }
}

#[test]
fn nothing_is_nested_without_end() {
    let nested = (0..200).fold(vec![0x30, 0], |inner, _| element(0x30, &inner));
    let error = element(0xa0, &nested);
    let report = Decoder::default().decode(&error, Some(Kind::Spnego));
    assert!(report.problems[0].to_string().ends_with("nested more than 48 deep"), "{:?}", report.problems);
    let mut ntlm = vector("ntlm-negotiate");
    for _ in 0..40 {
        let init = NegTokenInit {
            mech_types: vec![MechanismId::NTLM.into()],
            req_flags: None,
            mech_token: Some(&ntlm),
            neg_hints: None,
            mech_list_mic: None,
        };
        let mut outer = Vec::new();
        NegotiationToken::Init(init).encode(&mut outer);
        ntlm = outer;
    }
    let report = decode(&ntlm);
    let deep = |report: &Report| report.problems.iter().any(|problem| problem.to_string().contains(" deep"));
    assert!(deep(&report), "{:?}", report.problems);
    let many = [0x16, 1, 0, 0, 0].repeat(30_000);
    assert!(!Decoder::default().decode(&many, Some(Kind::Nns)).problems.is_empty());
}

#[test]
fn the_json_of_a_small_token() {
    let part = EncApRepPart {
        ctime: KerberosTime::from(Time::from_unix_seconds(500_159_187)),
        cusec: Microseconds::new(5).unwrap(),
        subkey: None,
        seq_number: Some(17),
    };
    assert_eq!(
        decode(&part.to_der()).tree.json(false),
        serde_json::json!({
            "name": "enc_ap_rep_part", "means": "EncAPRepPart", "at": [0, 33], "fields": [
                {"name": "ctime", "value": "1985-11-06T21:06:27Z", "at": [8, 23]},
                {"name": "cusec", "value": 5, "at": [27, 28]},
                {"name": "seq_number", "value": 17, "at": [32, 33]},
            ]
        })
    );
}

#[track_caller]
fn written(input: &str) -> (Vec<u8>, String) {
    let mut tokens = tokens(input.as_bytes(), None).unwrap();
    assert_eq!(tokens.len(), 1, "{input}");
    let Token { bytes, written } = tokens.remove(0);
    (bytes, written)
}

#[test]
fn every_way_to_write_a_token_is_found_out() {
    let bytes = vector("ntlm-negotiate");
    let base64 = "TlRMTVNTUAABAAAABoIIAAAAAAAAAAAAAAAAAAAAAAA=";
    let digits = hex(&bytes);
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let dump = "00000000  4e 54 4c 4d 53 53 50 00  01 00 00 00 06 82 08 00  |NTLMSSP.........|\n\
                00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n00000020\n";
    let xxd = "00000000: 4e54 4c4d 5353 5000 0100 0000 0682 0800  NTLMSSP.........\n\
               00000010: 0000 0000 0000 0000 0000 0000 0000 0000  ................\n";
    for (text, how) in [
        (digits.clone(), "hex"),
        (digits.to_uppercase(), "hex"),
        (pairs.join(" "), "hex"),
        (pairs.join(":"), "hex"),
        (format!("0x{digits}"), "hex"),
        (format!("0x{}", pairs.join(", 0x")), "hex"),
        (format!("\\x{}", pairs.join("\\x")), "hex"),
        (format!("{}\n  {}", &digits[..20], &digits[20..]), "hex"),
        (base64.to_owned(), "base64"),
        (base64.trim_end_matches('=').to_owned(), "base64"),
        (format!("{}\n{}\n", &base64[..24], &base64[24..]), "base64"),
        (format!("-----BEGIN TOKEN-----\n{base64}\n-----END TOKEN-----\n"), "base64"),
        (dump.to_owned(), "hexdump -C"),
        (xxd.to_owned(), "xxd"),
        (format!("Authorization: NTLM {base64}"), "Authorization: NTLM"),
        (format!("> authorization: negotiate {base64}\r\n"), "authorization: Negotiate"),
        (format!("WWW-Authenticate: Negotiate {base64}"), "WWW-Authenticate: Negotiate"),
        (
            format!("< HTTP/1.1 401 Unauthorized\n< WWW-Authenticate: Negotiate\n< www-authenticate: NTLM {base64}"),
            "www-authenticate: NTLM",
        ),
    ] {
        assert_eq!(written(&text), (bytes.clone(), how.to_owned()), "{text}");
    }
    assert_eq!(tokens(&bytes, None).unwrap()[0].written, "raw");
    let two = tokens(format!("{base64}\n{digits}\n").as_bytes(), None).unwrap();
    assert_eq!(two.iter().map(|token| token.written.as_str()).collect::<Vec<_>>(), ["base64", "hex"]);
    assert_eq!(tokens(b"abcd", Some(Encoding::Base64)).unwrap()[0].bytes, [0x69, 0xb7, 0x1d]);
    assert_eq!(tokens(b"abcd", Some(Encoding::Hex)).unwrap()[0].bytes, [0xab, 0xcd]);
    assert_eq!(tokens(b"abcd", Some(Encoding::Raw)).unwrap()[0].bytes, b"abcd");
    assert_eq!(tokens(b"-_-_", None).unwrap()[0].bytes, [0xfb, 0xff, 0xbf], "URL-safe");
}

#[test]
fn packets_of_tcpdump_are_taken_out_of_ip_and_tcp() {
    // IPv4 and TCP headers of 20 bytes each (RFC 791 3.1, RFC 9293 3.1), then an NTLM NEGOTIATE of 32 bytes.
    let packet = "12:00:00.0 IP 127.0.0.1.1 > 127.0.0.1.2: Flags [P.]\n\
        \t0x0000:  4500 0048 0000 4000 4006 0000 7f00 0001\n\
        \t0x0010:  7f00 0001 0001 0002 0000 0000 0000 0000\n\
        \t0x0020:  5018 0000 0000 0000 4e54 4c4d 5353 5000\n\
        \t0x0030:  0100 0000 0682 0800 0000 0000 0000 0000\n\
        \t0x0040:  0000 0000 0000 0000\n";
    assert_eq!(written(packet), (vector("ntlm-negotiate"), "tcpdump -x".to_owned()));
}

#[test]
fn what_is_no_token_in_writing_is_said_to_be_none() {
    for (input, why) in [
        ("", "the input is empty"),
        ("   \n", "the input is empty"),
        ("héllo", "neither hexadecimal (character 1 is 'h') nor base64"),
        ("abc!", "'!' behind 3 characters"),
        ("Authorization: Negotiate !!!", "the token behind Authorization: Negotiate is not base64"),
        ("HTTP/1.1 401\nWWW-Authenticate: Negotiate\n", "the headers name mechanisms, but hold no token"),
        ("00000000: 4e54  NT\n00000010: 4e54  NT\n", "lines are missing"),
    ] {
        let error = tokens(input.as_bytes(), None).unwrap_err();
        assert!(error.contains(why), "{input:?}: {error}");
    }
    assert!(tokens(b"abc", Some(Encoding::Hex)).unwrap_err().contains("an odd number"));
    assert!(tokens(b"a====", Some(Encoding::Base64)).is_err());
    assert!(tokens(b"\xff\xfe", Some(Encoding::Hex)).unwrap_err().contains("not text"));
}

#[test]
fn garbage_is_no_token() {
    for bytes in [&b""[..], b"\0", b"hello world", &[0xff; 64], &[0; 64], &[0x30, 3, 2, 1, 5]] {
        let report = decode(bytes);
        assert_eq!(report.kind, None, "{bytes:?}");
        assert_eq!(report.problems[0].to_string(), "at byte 0: this looks like no token that is known here");
    }
    for kind in [Kind::Ntlm, Kind::Spnego, Kind::Kerberos, Kind::Gss, Kind::Wrap, Kind::Nns, Kind::GssSample] {
        // Zeros are empty data frames of MS-NNS.
        let garbage = [&b""[..], &[0xff; 40], &[0; 40]]
            .into_iter()
            .filter(|bytes| kind != Kind::Nns || bytes.first() != Some(&0));
        for bytes in garbage {
            assert!(!Decoder::default().decode(bytes, Some(kind)).problems.is_empty(), "{kind:?} {bytes:?}");
        }
    }
}

#[test]
fn a_dump_may_begin_anywhere_but_not_run_over_the_last_number() {
    let token = |text: &str| tokens(text.as_bytes(), None).map(|tokens| tokens[0].bytes.clone());
    assert_eq!(token("fffffffffffffff0: 4e54 4c4d\n"), Ok(b"NTLM".to_vec()));
    let over = token("ffffffffffffffff: 4e54 4c4d\n00000003: 5353\n").unwrap_err();
    assert!(over.contains("lines are missing"), "{over}");
}

/// A token of IAKERB, as the draft has it or as MIT krb5 to 1.21 does.
fn iakerb(realm: &str, is_octet_string: bool, framed: bool, message: &[u8]) -> Vec<u8> {
    let target_realm = handfast::krb5::message::TargetRealm { name: realm, is_octet_string };
    let header = handfast::krb5::message::IakerbHeader { target_realm, cookie: Some(&[7, 8]) }.to_der();
    let body = [&[5, 1][..], &header, message].concat();
    let mut token = Vec::new();
    if framed {
        handfast::mech::framing::write_header(MechanismId::IAKERB, body.len(), &mut token);
    }
    [token, body].concat()
}

#[test]
fn iakerb_tokens_show_their_realm_and_what_they_carry() {
    let error = handfast::krb5::message::KrbError {
        ctime: None,
        cusec: None,
        stime: handfast::Time::EPOCH.into(),
        susec: handfast::Time::EPOCH.into(),
        error_code: handfast::krb5::message::ErrorCode::KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE,
        crealm: None,
        cname: None,
        realm: "R",
        sname: handfast::krb5::message::PrincipalName {
            name_type: handfast::NameType::UNKNOWN,
            name_string: vec!["a"],
        },
        e_text: None,
        e_data: None,
    };
    for (is_octet_string, framed) in [(false, true), (true, true), (true, false)] {
        let report = decode(&iakerb("EXAMPLE.COM", is_octet_string, framed, &error.to_der()));
        assert_eq!(report.problems, []);
        let proxy = if framed { at(&report.tree, "iakerb_proxy") } else { &report.tree };
        assert_eq!(proxy.name, "iakerb_proxy");
        assert_eq!(text(proxy, "header/target_realm"), "EXAMPLE.COM");
        assert_eq!(at(proxy, "header/target_realm").means.contains("1.21"), is_octet_string);
        assert!(at(proxy, "krb_error/error_code").means.contains("IAKERB_KDC_NO_RESPONSE"), "{:?}", report.tree);
    }
    let token = iakerb("", false, true, &[]);
    let report = decode(&token);
    assert_eq!(
        (report.problems.len(), at(&report.tree, "iakerb_proxy/header").means.as_str()),
        (0, "asks for the acceptor's realm")
    );
    for cut in 0..token.len() {
        assert!(!decode(&token[..cut]).problems.is_empty(), "{cut}");
    }
}
