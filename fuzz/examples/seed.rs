//! Writes the corpora: `seed CORPUS` makes a folder for each target there.

use handfast_fuzz::dce_style;
use handfast_fuzz::dns;
use handfast_fuzz::iakerb;
use handfast_fuzz::negotiate;
use handfast_fuzz::ntlm::ntlm_stage;
use handfast_fuzz::on_behalf;
use handfast_fuzz::parsers::MESSAGES;
use handfast_fuzz::password;
use handfast_fuzz::pkinit;
use handfast_fuzz::replay_file;
use handfast_fuzz::seeds::{Talk, join, stage};
use handfast_fuzz::user_to_user;
use handfast_fuzz::{streams, tools};
use std::path::Path;

/// What the core's own tests read.
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../handfast/tests/vectors");

fn main() -> std::io::Result<()> {
    let corpus = std::env::args_os().nth(1).expect("usage: seed CORPUS");
    let put = |target: &str, number: usize, bytes: &[u8]| {
        let folder = Path::new(&corpus).join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("seed-{number:03}")), bytes)
    };
    let all = |target: &str, seeds: Vec<Vec<u8>>| -> std::io::Result<()> {
        assert!(!seeds.is_empty(), "{target} has no seeds");
        println!("{target}: {} seeds", seeds.len());
        seeds.iter().enumerate().try_for_each(|(number, seed)| put(target, number, seed))
    };
    all("messages", messages()?)?;
    all("keytab", vectors("keytab")?)?;
    all("pac", vectors("pac")?)?;
    all("ccache", vectors("ccache")?)?;
    all("cache_parts", cache_parts()?)?;
    all("certificate", vectors("server-end-point")?)?;
    all("framing", framing())?;
    all("conf", texts(&CONF))?;
    all("auth_to_local", texts(&RULES))?;
    all("transited", texts(&TRANSITED))?;
    all("names", texts(&NAMES))?;
    all("accounts", texts(&ACCOUNTS))?;
    all("decode", decode())?;
    all("allow_list", texts(&ALLOWED))?;
    all("words", words())?;
    all("resolv_conf", texts(&RESOLV_CONF))?;
    all("dns", answers())?;
    all("directory", tools::directory_seeds())?;
    all("streams", streams::seeds())?;
    all("x509", pkinit::x509_seeds())?;
    all("signed_data", pkinit::signed_data_seeds())?;
    all("identity", pkinit::identity_seeds())?;
    all("replay_file", replay_file::seeds())?;
    machines(&all)
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The bytes of every case of a vector file: its indented lines are hex.
fn vectors(name: &str) -> std::io::Result<Vec<Vec<u8>>> {
    let text = std::fs::read_to_string(format!("{VECTORS}/{name}.txt"))?;
    let cases = text.split("name: ").skip(1);
    let hex = |case: &str| case.lines().filter(|line| line.starts_with("  ")).map(str::trim).collect::<String>();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex");
    Ok(cases.map(|case| hex(case).as_bytes().chunks(2).map(byte).collect()).collect())
}

/// Every message of the vectors, for every type that reads it.
fn messages() -> std::io::Result<Vec<Vec<u8>>> {
    let bytes = [vectors("message")?, vectors("kdc-exchange")?].concat();
    let mut seeds = Vec::new();
    for (selector, (_, rewrite)) in (0u8..).zip(MESSAGES) {
        let read = bytes.iter().filter(|bytes| rewrite(bytes).is_ok());
        seeds.extend(read.map(|bytes| [&[selector], &bytes[..]].concat()));
    }
    Ok(seeds)
}

/// The principal and entries of the vectors, each by itself, and a reply of each kind.
fn cache_parts() -> std::io::Result<Vec<Vec<u8>>> {
    use handfast::krb5::Ccache;
    use handfast::krb5::ccache::{encode_principal, keyring::encode_primary};
    let mut seeds = vec![[&[2], &encode_primary("tkt").expect("short")[..]].concat()];
    for cache in vectors("ccache")?.iter().filter_map(|bytes| Ccache::decode(bytes).ok()) {
        seeds.push([&[1], &encode_principal(&cache.principal).expect("just read")[..]].concat());
        for entry in cache.entries() {
            let entry = entry.encode().expect("just read");
            let length = u32::try_from(entry.expose().len()).expect("short").to_be_bytes();
            seeds.push([&[0], &entry.expose()[..]].concat());
            seeds.push([&[3, 0, 0, 0, 1][..], &length, entry.expose()].concat());
        }
    }
    seeds.extend([b"\x041000:7\0".to_vec(), [&[5], &[7; 32][..]].concat()]);
    Ok(seeds)
}

fn framing() -> Vec<Vec<u8>> {
    let token = &stage().ap_req;
    let short = &token[..40];
    vec![
        [&[0, 0x16, 1, 0, 0, 40], short].concat(),
        [&[0, 0x14, 1, 0, 0, 0][..]].concat(),
        vec![0, 0x15, 1, 0, 0, 8, 0, 0, 0, 0, 0x80, 9, 3, 8],
        [&[1, 40, 0, 0, 0], short].concat(),
        [&[2, 0x42, 0, 0, 0, 40], short].concat(),
        [&[3], &token[..]].concat(),
    ]
}

/// Every sample of `handfast decode`: its bytes, and as text in the ways that it may be written.
fn decode() -> Vec<Vec<u8>> {
    const ANY: u8 = 0xff;
    let mut seeds: Vec<Vec<u8>> = tools::samples().map(|(_, bytes)| [&[2, 8], &bytes[..]].concat()).collect();
    let (_, token) = tools::samples().find(|(name, _)| *name == "ntlm-negotiate").expect("a sample");
    let hex: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = "TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==";
    let line = &hex[..32];
    for text in [
        hex.clone(),
        base64.to_owned(),
        format!("-----BEGIN TOKEN-----\n{base64}\n-----END TOKEN-----\n"),
        format!("< WWW-Authenticate: NTLM {base64}\nProxy-Authorization: Negotiate {base64}\n"),
        format!("00000000  {line}  |NTLMSSP|\n00000010\n"),
        format!("00000000: {line}  NTLMSSP\n00000010: {line}  NTLMSSP\n"),
        format!("IP a > b\n\t0x0000:  {line}  NTLMSSP\n\t0x0010:  {line}\n"),
    ] {
        seeds.push([&[ANY, 8], text.as_bytes()].concat());
    }
    seeds
}

/// A word of each kind.
fn words() -> Vec<Vec<u8>> {
    let words = [
        (0, "www.example.com:7777"),
        (0, "[::1]:7777"),
        (1, "1d12h"),
        (1, "8:30:00"),
        (2, "tcp/[2001:db8::1]:750"),
        (2, "kdc.example.com"),
        (3, "aes256-cts-hmac-sha1-96"),
        (3, "camellia256-cts"),
        (4, "FILE:%{TEMP}/krb5cc_%{uid}"),
        (4, "%{username}%{null}%{euid}"),
        (5, "true"),
    ];
    words.iter().map(|(selector, word)| [&[*selector], word.as_bytes()].concat()).collect()
}

/// Answers of a nameserver to the query: a record, an alias and its record, a loop, none, no such name, a truncated one.
fn answers() -> Vec<Vec<u8>> {
    let query = dns::query();
    let answer = |flags: [u8; 2], count: u8, records: &[u8]| {
        [&query[..2], &flags, &[0, 1, 0, count, 0, 0, 0, 0], &query[12..], records].concat()
    };
    // Owners point to the question (RFC 1035 4.1.4), or are `a`.
    let record = |owner: &[u8], kind: u8, data: &[u8]| {
        let length = u8::try_from(data.len()).expect("short");
        [owner, &[0, kind, 0, 1, 0, 0, 0, 60, 0, length], data].concat()
    };
    let uris = dns::uri_query();
    let uri = |target: &[u8]| {
        let length = u8::try_from(4 + target.len()).expect("short");
        [&[0xc0, 12, 1, 0, 0, 1, 0, 0, 0, 60, 0, length, 0, 10, 0, 1], target].concat()
    };
    let uri_records =
        [uri(b"krb5srv:m:tcp:kdc.example.com"), uri(b"krb5srv::udp:[::1]:89"), uri(b"krb5srv::kkdcp:https://p/")];
    let srv = |owner: &[u8]| record(owner, 33, b"\0\x0a\0\x01\0\x58\x03kdc\x07example\x03com\0");
    let (asked, a): (&[u8], &[u8]) = (&[0xc0, 12], b"\x01a\0");
    vec![
        answer([0x81, 0x80], 2, &srv(asked).repeat(2)),
        answer([0x81, 0x80], 2, &[record(asked, 5, a), srv(a)].concat()),
        answer([0x81, 0x80], 2, &[record(asked, 5, a), record(a, 5, asked)].concat()),
        answer([0x81, 0x80], 0, &[]),
        answer([0x81, 0x83], 0, &[]),
        answer([0x83, 0x80], 0, &[]),
        [&uris[..2], &[0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0], &uris[12..], &uri_records.concat()].concat(),
    ]
}

type All<'a> = &'a dyn Fn(&str, Vec<Vec<u8>>) -> std::io::Result<()>;

fn machines(all: All<'_>) -> std::io::Result<()> {
    let (stage, ntlm) = (stage(), ntlm_stage());
    let contexts = [&stage.talk, &ntlm.talk].map(|talk| [talk.client.clone(), talk.server.clone()]);
    all("context_import", contexts.concat())?;
    let tokens =
        |talk: &Talk| talk.messages.iter().map(|(selector, token)| [&[*selector], &token[..]].concat()).collect();
    all("context_tokens", tokens(&stage.talk))?;
    all("ntlm_tokens", tokens(&ntlm.talk))?;
    all("ntlm_acceptor", vec![join(&ntlm.client), join(&ntlm.client[..1])])?;
    all("ntlm_initiator", vec![join(&[ntlm.challenge.clone()])])?;
    all("dce_acceptor", dce_style::clients())?;
    all("dce_initiator", dce_style::servers())?;
    all("user_to_user_acceptor", user_to_user::clients())?;
    all("user_to_user_initiator", user_to_user::servers())?;
    all("on_behalf", on_behalf::seeds())?;
    all("iakerb_acceptor", iakerb::clients())?;
    all("iakerb_initiator", iakerb::servers())?;
    all("negotiate_messages", negotiate::messages())?;
    all("negotiate_acceptor", negotiate::clients())?;
    all("negotiate_initiator", negotiate::servers())?;
    all("acceptor", vec![stage.ap_req.clone()])?;
    all("initiator", vec![join(&[stage.ap_rep.clone()])])?;
    let lone = |replies: &[Vec<u8>]| replies.iter().map(|reply| join(&[reply.clone()])).collect::<Vec<_>>();
    all("login", [vec![join(&stage.login_replies)], lone(&stage.login_replies)].concat())?;
    let errors = &stage.login_replies[..1];
    all("ticket_request", [lone(std::slice::from_ref(&stage.tgs_rep)), lone(errors)].concat())?;
    let passwords = password::stage();
    all("password_request", passwords.requests.to_vec())?;
    all("password_reply", passwords.replies.clone())?;
    all("kdc_reply", [&stage.login_replies[..], std::slice::from_ref(&stage.tgs_rep)].concat())?;
    let requests = stage.requests.iter();
    all("kdc", requests.flat_map(|request| [0, 1].map(|over| [&[over], &request[..]].concat())).collect())
}

const CONF: [&str; 3] = [
    "[libdefaults]\n default_realm = EXAMPLE.COM\n clockskew = 5m\n permitted_enctypes = DEFAULT -rc4\n dns_lookup_kdc = no\n",
    "[realms]\nEXAMPLE.COM = {\n kdc = kdc1.example.com:88\n kdc = tcp/[::1]:1088\n auth_to_local = RULE:[1:$1@$0](.*@A)s/@.*//\n}\n",
    "include /etc/x\nincludedir /etc/y\n[domain_realm]* \n .example.com = EXAMPLE.COM\n[capaths]\n A = {\n  B = .\n  C = \"B\\n\"\n }*\n",
];

const RULES: [&str; 3] = [
    "johndoe/admin@R\nRULE:[2:$1](johndoe)s/^.*$/guest/\nDEFAULT",
    "jane/admin@R\nRULE:[2:$1;$2](^.*;admin$)s/;admin$//",
    "alice@EXAMPLE.COM\nRULE:[1:$1@$0](a|alice@[A-Z.]*)s/(a|b)+/x/g\nDEFAULT",
];

/// The examples of RFC 4120 3.3.3.2, and quoting.
const TRANSITED: [&str; 5] =
    ["EDU,MIT.,ATHENA.,WASHINGTON.EDU,CS.", "/COM,/HP,/APOLLO, /COM/DEC", ",EDU, /COM,", ",", "A\\,B\\\\,C\\., D"];

const NAMES: [&str; 8] = [
    "alice@EXAMPLE.COM",
    "HTTP/www.example.com@EXAMPLE.COM",
    "a\\/b\\@c\\n\\t\\b\\0@R\\\\",
    "HTTP@www.example.com",
    "MSSQLSvc/db.example.com:1433",
    "HTTP/[::1]",
    "krbtgt/A@B",
    "host/example.com:80/EXAMPLE.COM",
];

const ACCOUNTS: [&str; 3] = [
    "EXAMPLE\nalice\n# who may log on\nEXAMPLE\\alice:$NT$8846f7eaee8fb117ad06bdd830b7586c\n",
    "\nbob\nLAB:bob:correct horse\n:bob:secret\n",
    "host\ncarol\ncarol:1000:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:8846F7EAEE8FB117AD06BDD830B7586C:[U          ]:LCT-00000000:\n",
];

const ALLOWED: [&str; 3] = [
    "alice@EXAMPLE.COM\n# who\n\nalice@EXAMPLE.COM\n",
    "carol@HOME\n@EXAMPLE.COM\ncarol\nCORP\\bob\n\\local\n",
    "HTTP/www.example.com@B\n@B\n",
];

const RESOLV_CONF: [&str; 2] = [
    "# a comment\nnameserver 192.0.2.1\nnameserver 2001:db8::1 # first\noptions ndots:2 timeout:7 attempts:99\n",
    "nameserver [192.0.2.1]:5353\nnameserver [::1]:1\nnameserver nonsense\n",
];
