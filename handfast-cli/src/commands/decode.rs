//! `handfast decode`: any token as a tree.

use crate::decode::input::{Encoding, Token, tokens};
use crate::decode::render::Canvas;
use crate::decode::{Decoder, Kind, Report, TOKEN_LIMIT};
use crate::failure::{Exit, Failure};
use crate::output::{FAINT, Output, STRONG};
use crate::span;
use handfast_net::Settings;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Show what is in a token: NTLM, SPNEGO, Kerberos, GSS-API, MS-NNS
///
/// Prints every field with its name, what its value means, and where it stands: messages of NTLM, SPNEGO and Kerberos,
/// what they carry inside, per-message tokens, and the frames that carry tokens over a stream. With a keytab, it opens
/// tickets, and with what it finds in them, what comes after: authenticator, AP-REP, delegated credentials, sealed
/// messages. The tokens of one conversation are given together.
///
/// A TOKEN is text, @FILE, or - for standard input, which is read if none is given. How it is written is found out:
/// hexadecimal, base64, hexdump -C, xxd, tcpdump -x, HTTP headers, or the bytes themselves. What can't be understood is
/// shown up to where it breaks, with an error that says where, and exit code 8.
///
/// Nothing is sent, and nothing but the keytab is needed. Keys are not printed unless --show-keys says so.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast decode TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==
  handfast decode 'Authorization: Negotiate YIIC…'      a header, as a browser or curl -v shows it
  curl -sv --negotiate -u : http://www.example.com/ 2>&1 | grep -i ': negotiate' | handfast decode
  xxd token.bin | handfast decode                       so can hexdump -C, and tcpdump -x of one packet
  handfast decode @request.bin @reply.bin --keytab http.keytab
  handfast decode @stream.bin --as nns --keytab host.keytab --json

In the text, the number before each field is its position in bytes; with a + it counts in what was decrypted.

JSON: one object for each token: {kind, written, bytes, tree, problems}. A node of the tree has a name and, where there
is one, a value, what it means, flags (the names of a number's bits), at ([from, to] in bytes), hidden (how many bytes
are not shown), plaintext (true: it was decrypted, positions in it start anew), problem, and fields (more nodes)."
)]
pub(crate) struct Args {
    /// The tokens: text, @FILE, or - for standard input
    #[arg(value_name = "TOKEN")]
    tokens: Vec<String>,
    /// Read a token from FILE, as @FILE does
    #[arg(long, short = 'f', value_name = "FILE")]
    file: Vec<PathBuf>,
    /// How the input is written, if it is not to be found out
    #[arg(long, value_enum, value_name = "ENCODING")]
    input: Option<Encoding>,
    /// What the token is, if it is not to be found out
    #[arg(long = "as", value_enum, value_name = "KIND")]
    kind: Option<Kind>,
    /// Open what this keytab opens; put it behind the tokens [without FILE: KRB5_KTNAME, else the configured one]
    #[arg(long, short = 'k', value_name = "FILE", num_args = 0..=1)]
    keytab: Option<Option<String>>,
    /// Print keys that are found, and data that may be a password
    #[arg(long)]
    show_keys: bool,
    /// Print opaque bytes to their end
    #[arg(long)]
    full: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let mut decoder = Decoder::default();
    if let Some(name) = &args.keytab {
        let keytab = Settings::from_process()?.keytab(name.as_deref())?.load()?;
        decoder.keys.add_keytab(&keytab);
    }
    let tokens = read_all(args)?;
    // What is sealed may stand before the token that brings its key: two streams of a connection overlap.
    for token in &tokens {
        decoder.decode(&token.bytes, args.kind);
    }
    let mut failure = None;
    for (index, token) in tokens.iter().enumerate() {
        let report = decoder.decode(&token.bytes, args.kind);
        output.object(&object(token, &report, args.show_keys))?;
        if !output.json {
            text(args, output, (index, tokens.len()), token, &report)?;
        }
        failure = failure.or_else(|| broken((index, tokens.len()), &report));
    }
    failure.map_or(Ok(()), Err)
}

/// The tokens of all inputs, in their order.
fn read_all(args: &Args) -> Result<Vec<Token>, Failure> {
    let mut all = Vec::new();
    for text in &args.tokens {
        all.extend(match text.strip_prefix('@') {
            Some(file) => of_file(Path::new(file), args.input)?,
            None if text == "-" => of_reader(io::stdin().lock(), "standard input", args.input)?,
            None => readable("the token", text.as_bytes(), args.input)?,
        });
    }
    for file in &args.file {
        all.extend(of_file(file, args.input)?);
    }
    if args.tokens.is_empty() && args.file.is_empty() {
        all = of_reader(io::stdin().lock(), "standard input", args.input)?;
    }
    Ok(all)
}

fn of_file(path: &Path, encoding: Option<Encoding>) -> Result<Vec<Token>, Failure> {
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    of_reader(file, &path.display().to_string(), encoding)
}

fn of_reader(reader: impl Read, name: &str, encoding: Option<Encoding>) -> Result<Vec<Token>, Failure> {
    let limit = TOKEN_LIMIT.saturating_mul(4);
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = reader.take(most).read_to_end(&mut bytes);
    read.map_err(|error| Failure::new(Exit::Files, format!("{name} can't be read: {error}")))?;
    if bytes.len() > limit {
        return Err(Failure::new(Exit::Files, format!("{name} is longer than {limit} bytes")));
    }
    readable(name, &bytes, encoding)
}

fn readable(name: &str, bytes: &[u8], encoding: Option<Encoding>) -> Result<Vec<Token>, Failure> {
    let tokens = tokens(bytes, encoding).map_err(|why| {
        let next = match bytes.trim_ascii() {
            [] => "give the token as an argument, as @FILE, or on standard input",
            _ => "name the encoding with --input hex, base64 or raw",
        };
        Failure::new(Exit::Files, format!("{name}: {why}")).next(next)
    })?;
    match tokens.iter().find(|token| token.bytes.len() > TOKEN_LIMIT) {
        Some(_) => Err(Failure::new(Exit::Files, format!("{name}: a token is longer than {TOKEN_LIMIT} bytes"))),
        None => Ok(tokens),
    }
}

/// The documented JSON.
pub(crate) fn object(token: &Token, report: &Report, show_keys: bool) -> Value {
    let problems: Vec<Value> = report
        .problems
        .iter()
        .map(|problem| {
            json!({
                "offset": problem.broken.offset,
                "cause": problem.broken.cause,
                "plaintext": problem.plaintext,
            })
        })
        .collect();
    json!({
        "kind": report.kind.map(Kind::name),
        "written": token.written,
        "bytes": token.bytes.len(),
        "tree": report.tree.json(show_keys),
        "problems": problems,
    })
}

fn text(
    args: &Args,
    output: &Output,
    (index, count): (usize, usize),
    token: &Token,
    report: &Report,
) -> Result<(), Failure> {
    if index > 0 {
        output.line("")?;
    }
    let number = if count > 1 { format!("token {} of {count}: ", index + 1) } else { String::new() };
    let kind = report.kind.map_or("unknown", Kind::name);
    let about = format!("{number}{kind}, {} bytes, from {}", token.bytes.len(), token.written);
    output.line(output.paint(if count > 1 { STRONG } else { FAINT }, about))?;
    let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)).clamp(60, 120);
    let canvas = Canvas { output, width, now: span::now(), show_keys: args.show_keys, full: args.full };
    canvas.draw(&report.tree).iter().try_for_each(|line| output.line(line))
}

/// The first of a token's problems as the program's failure.
fn broken((index, count): (usize, usize), report: &Report) -> Option<Failure> {
    let problem = report.problems.first()?;
    let number = if count > 1 { format!("token {}: ", index + 1) } else { String::new() };
    let more = match report.problems.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let failure = Failure::new(Exit::Files, format!("{number}{problem}{more}"));
    Some(match report.kind {
        None => {
            failure.next("if you know what it is, say so with --as KIND, and how it is written with --input ENCODING")
        }
        Some(_) => failure,
    })
}
