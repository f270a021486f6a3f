//! Tokens as trees: what kind they are, what every field says and where it stands, and what the keys at hand open.
//!
//! | room | what it reads |
//! |---|---|
//! | `input` | text, a file or standard input: hexadecimal, base64, dumps and HTTP headers, or the bytes themselves |
//! | `tree`, `render` | what comes out: nodes, their JSON, and their text |
//! | `span`, `asn1` | bytes with positions; DER along tables |
//! | `kerberos`, `names`, `keys` | RFC 4120; registered numbers; decryption |
//! | `gss`, `spnego`, `wrap` | RFC 2743 and RFC 4121 framing; RFC 4178 and MS-SPNG; RFC 4121 per-message tokens |
//! | `ntlm`, `pac` | MS-NLMP; MS-PAC |
//! | `frames` | what carries tokens: MS-NNS, MIT's sample programs, Kerberos over TCP |
//!
//! The tables read more than the library does, on purpose: what is cut off, or what the library refuses, is shown up
//! to where it breaks. Where the library reads a message too, its verdict is the last word.
//!
//! Whoever else wants to tell people what a token says (`demo` does, with a reader of its own): [`Decoder::decode`] gives
//! the tree, [`Node::field`](tree::Node::field) finds what is in it, and one `Decoder` remembers the keys on the way.

mod asn1;
mod frames;
mod gss;
mod iakerb;
pub(crate) mod input;
mod kerberos;
mod keys;
mod names;
mod ntlm;
mod pac;
mod pac_buffers;
pub(crate) mod render;
mod span;
mod spnego;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
mod wrap;

pub(crate) use keys::KeyRing;

use asn1::Type;
use handfast::krb5::enctype::KeyUsage;
use span::{Broken, Span};
use std::fmt;
use tree::{Node, Value};

/// The largest token that is read.
pub(crate) const TOKEN_LIMIT: usize = 4 << 20;
/// The most nodes that a tree has.
const NODE_LIMIT: usize = 20_000;
/// Tokens within tokens beyond this are not looked into.
const TOKEN_DEPTH: usize = 12;

/// Whether bytes begin as a kind of token does.
type Begins = fn(&[u8]) -> bool;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// NEGOTIATE, CHALLENGE, AUTHENTICATE, or a message signature (MS-NLMP)
    Ntlm,
    /// NegTokenInit, NegTokenInit2 or NegTokenResp, also without GSS-API framing (RFC 4178, MS-SPNG)
    Spnego,
    /// A Kerberos message, a ticket, or a decrypted part of one (RFC 4120)
    Kerberos,
    /// A token with its mechanism in front (RFC 2743 3.1)
    Gss,
    /// A token that carries a message to a KDC or from one (draft-ietf-kitten-iakerb-03)
    Iakerb,
    /// Wrap and MIC tokens (RFC 4121 4.2)
    Wrap,
    /// Handshake and data frames of .NET's NegotiateStream (MS-NNS)
    Nns,
    /// The frames of MIT's gss-client and gss-server
    GssSample,
    /// Kerberos messages over TCP, each with its length in front (RFC 4120 7.2.2)
    KerberosTcp,
}

impl Kind {
    /// Its name on the command line and in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Ntlm => "ntlm",
            Kind::Spnego => "spnego",
            Kind::Kerberos => "kerberos",
            Kind::Gss => "gss",
            Kind::Iakerb => "iakerb",
            Kind::Wrap => "wrap",
            Kind::Nns => "nns",
            Kind::GssSample => "gss-sample",
            Kind::KerberosTcp => "kerberos-tcp",
        }
    }

    /// What the bytes look like.
    pub(crate) fn detect(bytes: &[u8]) -> Option<Kind> {
        let framed: [(Kind, Begins); 3] = [
            (Kind::KerberosTcp, frames::begins_tcp),
            (Kind::Nns, frames::begins_nns),
            (Kind::GssSample, frames::begins_gss_sample),
        ];
        let framed = || framed.iter().find(|(_, begins)| begins(bytes)).map(|(kind, _)| *kind);
        Kind::detect_unframed(bytes).or_else(framed)
    }

    /// What a token that no stream carries looks like.
    fn detect_unframed(bytes: &[u8]) -> Option<Kind> {
        let kinds: [(Kind, Begins); 6] = [
            (Kind::Ntlm, ntlm::begins),
            (Kind::Gss, gss::begins),
            (Kind::Kerberos, kerberos::begins),
            (Kind::Spnego, spnego::begins),
            (Kind::Iakerb, iakerb::begins),
            (Kind::Wrap, wrap::begins),
        ];
        kinds.iter().find(|(_, begins)| begins(bytes)).map(|(kind, _)| *kind)
    }
}

/// Something that can't be understood, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The decrypted part that the offset counts in, if it is not the input.
    pub(crate) plaintext: Option<String>,
    pub(crate) broken: Broken,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.plaintext {
            Some(name) => write!(f, "in the decrypted {name}: {}", self.broken),
            None => self.broken.fmt(f),
        }
    }
}

/// A token, decoded as far as it can be.
#[derive(Debug)]
pub(crate) struct Report {
    /// Nothing, if it looks like no kind that is known.
    pub(crate) kind: Option<Kind>,
    pub(crate) tree: Node,
    pub(crate) problems: Vec<Problem>,
}

/// Decodes tokens, one after the other: keys that one brings along open the next.
#[derive(Default)]
pub(crate) struct Decoder {
    pub(crate) keys: KeyRing,
    problems: Vec<Problem>,
    /// Which decrypted parts the fields that are being read are in.
    layers: Vec<&'static str>,
    /// How many encrypted parts, or parts that are meant to be, are being read.
    decrypted: usize,
    /// The name of the structure whose fields are being read.
    within: String,
    depth: usize,
    tokens: usize,
    nodes: usize,
}

impl Decoder {
    /// Decodes a token of this kind, or of the one that it looks like.
    pub(crate) fn decode(&mut self, bytes: &[u8], kind: Option<Kind>) -> Report {
        (self.nodes, self.depth, self.decrypted) = (0, 0, 0);
        self.keys.begin();
        let span = Span::new(bytes, 0);
        let kind = kind.or_else(|| Kind::detect(bytes));
        let tree = match kind {
            Some(kind) => {
                let (mut node, read) = self.token(span, kind);
                self.note(&mut node, read);
                node
            }
            None => {
                let mut node = Node::with("unknown", Value::Bytes(bytes.to_vec())).at(span.range());
                self.note(&mut node, Err(span.broken("this looks like no token that is known here")));
                node
            }
        };
        Report { kind, tree, problems: std::mem::take(&mut self.problems) }
    }

    fn token(&mut self, span: Span<'_>, kind: Kind) -> (Node, Result<(), Broken>) {
        if self.tokens >= TOKEN_DEPTH {
            return (Node::new("token"), Err(span.broken(format!("tokens in tokens, more than {TOKEN_DEPTH} deep"))));
        }
        self.tokens += 1;
        let decoded = match kind {
            Kind::Ntlm => ntlm::read(self, span),
            Kind::Spnego => spnego::read(self, span),
            Kind::Kerberos => self.kerberos(span),
            Kind::Gss => gss::read(self, span),
            Kind::Iakerb => iakerb::read(self, span),
            Kind::Wrap => wrap::read(self, span),
            Kind::Nns => frames::read_nns(self, span),
            Kind::GssSample => frames::read_gss_sample(self, span),
            Kind::KerberosTcp => frames::read_tcp(self, span),
        };
        self.tokens -= 1;
        let (node, read) = decoded;
        (Node { at: node.at.clone().or(Some(span.range())), ..node }, read)
    }

    /// Decodes the token that `node` holds in place; one that looks like nothing stays opaque.
    fn inner(&mut self, node: &mut Node) {
        let Some((bytes, offset)) = node.bytes() else { return };
        let Some(kind) = Kind::detect(&bytes) else {
            if !bytes.is_empty() && node.means.is_empty() {
                node.means = "no token that is known here".to_owned();
            }
            return;
        };
        let (mut child, read) = self.token(Span::new(&bytes, offset), kind);
        self.note(&mut child, read);
        node.fields.push(child);
    }

    /// Decodes what `node` holds as a `ty`, which it has to be; nothing at all is a hint that such a value is wanted.
    fn embed(&mut self, node: &mut Node, ty: &'static Type) {
        let Some((bytes, offset)) = node.bytes().filter(|(bytes, _)| !bytes.is_empty()) else { return };
        let mut read_as = Node::new(node.name.clone());
        let read = self.read_all(&mut read_as, ty, Span::new(&bytes, offset));
        if read.is_err() && self.decrypted > 0 {
            node.hide();
        }
        node.fields = read_as.fields;
        if node.fields.is_empty() && read.is_ok() {
            node.value = read_as.value;
        }
        self.note(node, read);
    }

    /// Decodes what `node` holds as the first type that fits; if none does, it stays opaque.
    fn guess(&mut self, node: &mut Node, types: &[&'static Type]) {
        let Some((bytes, offset)) = node.bytes() else { return };
        // A lone string or number is more likely chance than meaning.
        if bytes.first().is_none_or(|tag| tag & 0x20 == 0 || bytes.len() < 4) {
            return;
        }
        for ty in types {
            let mut read_as = Node::new(node.name.clone());
            let problems = self.problems.len();
            let read = self.read_all(&mut read_as, ty, Span::new(&bytes, offset));
            if read.is_ok() && self.problems.len() == problems {
                node.fields = read_as.fields;
                return;
            }
            self.problems.truncate(problems);
        }
    }

    /// Opens an EncryptedData with the keys that are held, and reads what is in it.
    fn open(&mut self, node: &mut Node, owner: Option<&str>, attempts: &[(KeyUsage, &'static str, &'static Type)]) {
        let Some(enctype) = node.number("etype").and_then(|number| i32::try_from(number).ok()) else { return };
        let usages: Vec<KeyUsage> = attempts.iter().map(|attempt| attempt.0).collect();
        let cipher = node.field("cipher").map(|cipher| &cipher.value);
        let (plaintext, how, index) = match cipher {
            // RFC 3961 6.1.3: the null enctype is the plaintext.
            Some(Value::Hidden(plain)) if enctype == 0 => (plain.clone(), "not encrypted".to_owned(), 0),
            Some(Value::Bytes(cipher)) => match self.keys.open(Some(enctype), owner, &usages, cipher) {
                Some(opened) => {
                    let usage = usages.get(opened.usage).map_or(0, |usage| usage.0);
                    (opened.plaintext, format!("opened with {}, key usage {usage}", opened.label), opened.usage)
                }
                None => {
                    let why = self.keys.why_not(enctype, node.number("kvno"), owner);
                    node.means = format!("not opened: {why}");
                    return;
                }
            },
            _ => return,
        };
        let Some((_, name, ty)) = attempts.get(index) else { return };
        let mut child = Node::new(*name);
        self.layers.push(name);
        self.decrypted += 1;
        let read = self.read_all(&mut child, ty, Span::new(plaintext.expose(), 0));
        self.note(&mut child, read);
        self.decrypted -= 1;
        self.layers.pop();
        (child.means, child.plaintext) = (how, true);
        node.fields.push(child);
    }

    /// Keeps what is wrong with `node`, if anything is.
    fn note(&mut self, node: &mut Node, read: Result<(), Broken>) {
        if let Err(broken) = read {
            node.problem = Some(broken.to_string());
            self.problems.push(Problem { plaintext: self.layers.last().map(|name| (*name).to_owned()), broken });
        }
    }

    /// Counts a node.
    fn count(&mut self, span: &Span<'_>) -> Result<(), Broken> {
        self.nodes += 1;
        match self.nodes {
            ..=NODE_LIMIT => Ok(()),
            _ => Err(span.broken(format!("more than {NODE_LIMIT} fields"))),
        }
    }
}
