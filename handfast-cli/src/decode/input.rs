//! Where tokens come from, and how they are written: hexadecimal, base64, dumps, HTTP headers, or the bytes themselves.

use super::Kind;

/// How the input is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Encoding {
    /// Hexadecimal digits, with spaces, colons, 0x or \x between; dumps of hexdump -C, xxd and tcpdump -x
    Hex,
    /// Base64, standard or URL-safe, also wrapped or in PEM
    Base64,
    /// The bytes themselves
    Raw,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Encoding::Hex => "hex",
            Encoding::Base64 => "base64",
            Encoding::Raw => "raw",
        }
    }
}

/// A token's bytes, and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) bytes: Vec<u8>,
    /// `hex`, `base64`, `raw`, or a dump's or header's name.
    pub(crate) written: String,
}

/// Input that is no token, and why.
pub(crate) type Unreadable = String;

/// The tokens in the input; `from_text`: it was typed, so it is no binary.
pub(crate) fn tokens(input: &[u8], encoding: Option<Encoding>) -> Result<Vec<Token>, Unreadable> {
    if encoding == Some(Encoding::Raw) {
        return Ok(vec![Token { bytes: input.to_vec(), written: "raw".to_owned() }]);
    }
    let Some(text) = text(input) else {
        return match encoding {
            None => Ok(vec![Token { bytes: input.to_vec(), written: "raw".to_owned() }]),
            Some(encoding) => Err(format!("the input is not {}: it is not text", encoding.name())),
        };
    };
    if text.trim().is_empty() {
        return Err("the input is empty".to_owned());
    }
    if encoding.is_none() {
        let headers = http_headers(text)?;
        if !headers.is_empty() {
            return Ok(headers);
        }
    }
    if encoding != Some(Encoding::Base64)
        && let Some(token) = dump(text)?
    {
        return Ok(vec![token]);
    }
    several(text, encoding).map_or_else(|| one(text, encoding).map(|token| vec![token]), Ok)
}

/// The input as text, if it can be some.
fn text(input: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(input).ok()?;
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.contains(control) { None } else { Some(text) }
}

/// One token on each line, if each line by itself is one that is known.
fn several(text: &str, encoding: Option<Encoding>) -> Option<Vec<Token>> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.len() < 2 {
        return None;
    }
    let known = |line: &&str| one(line, encoding).ok().filter(|token| Kind::detect(&token.bytes).is_some());
    lines.iter().map(known).collect()
}

/// All of the text as one token. Hexadecimal digits can be base64 too: what is no token as the one may be as the other.
fn one(text: &str, encoding: Option<Encoding>) -> Result<Token, Unreadable> {
    let token = |bytes, written: &str| Token { bytes, written: written.to_owned() };
    match encoding {
        Some(Encoding::Hex) => hex(text).map(|bytes| token(bytes, "hex")),
        Some(_) => base64(text).map(|bytes| token(bytes, "base64")),
        None => match (hex(text), base64(text)) {
            (Ok(_), Ok(other)) if Kind::detect(&other).is_some() && !is_known_hex(text) => Ok(token(other, "base64")),
            (Ok(bytes), _) => Ok(token(bytes, "hex")),
            (Err(_), Ok(bytes)) => Ok(token(bytes, "base64")),
            (Err(hex), Err(base64)) => Err(format!("neither hexadecimal ({hex}) nor base64 ({base64})")),
        },
    }
}

fn is_known_hex(text: &str) -> bool {
    hex(text).is_ok_and(|bytes| Kind::detect(&bytes).is_some())
}

/// Hexadecimal digits in pairs; spaces, colons, commas, `0x` and `\x` between them mean nothing.
fn hex(text: &str) -> Result<Vec<u8>, Unreadable> {
    let mut digits = Vec::with_capacity(text.len());
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let next = rest.peek().map(|(_, c)| *c);
        match c {
            '0' | '\\' if matches!(next, Some('x' | 'X')) && digits.len() % 2 == 0 => {
                rest.next();
            }
            c if c.is_whitespace() || matches!(c, ':' | ',' | '-' | '"' | '\'') => {}
            c => match c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()) {
                Some(digit) => digits.push(digit),
                None => return Err(format!("character {} is {c:?}", at + 1)),
            },
        }
    }
    let (pairs, odd) = digits.as_chunks::<2>();
    match (pairs, odd) {
        ([], _) => Err("no digits".to_owned()),
        (_, [_, ..]) => Err(format!("{} digits, an odd number", digits.len())),
        (pairs, []) => Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect()),
    }
}

/// Base64 (RFC 4648 4 and 5), with or without `=`; white space and the lines of PEM mean nothing.
fn base64(text: &str) -> Result<Vec<u8>, Unreadable> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("-----"));
    let (mut out, mut bits, mut count, mut padding) = (Vec::new(), 0_u32, 0_usize, 0_usize);
    for c in lines.flat_map(str::chars).filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')) {
        let value = match c {
            'A'..='Z' => u32::from(c) - u32::from('A'),
            'a'..='z' => u32::from(c) - u32::from('a') + 26,
            '0'..='9' => u32::from(c) - u32::from('0') + 52,
            '+' | '-' => 62,
            '/' | '_' => 63,
            '=' => {
                padding += 1;
                continue;
            }
            _ => return Err(format!("{c:?} behind {count} characters")),
        };
        if padding > 0 {
            return Err(format!("{c:?} behind the padding"));
        }
        (bits, count) = ((bits << 6) | value, count + 1);
        if count % 4 == 0 {
            out.extend_from_slice(bits.to_be_bytes().get(1..).unwrap_or_default());
            bits = 0;
        }
    }
    let rest = match count % 4 {
        0 => [].as_slice(),
        2 => &(bits << 12).to_be_bytes()[1..2],
        3 => &(bits << 6).to_be_bytes()[1..3],
        _ => return Err(format!("{count} characters, which is no number of bytes")),
    };
    out.extend_from_slice(rest);
    match (out.is_empty(), padding > 2) {
        (true, _) => Err("nothing there".to_owned()),
        (_, true) => Err(format!("{padding} characters of padding")),
        _ => Ok(out),
    }
}

/// `Authorization: Negotiate TOKEN` and its relatives, one on each line, as curl -v and browsers show them.
fn http_headers(text: &str) -> Result<Vec<Token>, Unreadable> {
    let headers: Vec<Token> = text.lines().filter_map(http_header).collect::<Result<_, _>>()?;
    let offer = |line: &str| line.to_ascii_lowercase().contains("-authenticate: ");
    match headers.is_empty() && text.lines().any(offer) {
        true => Err("the headers name mechanisms, but hold no token".to_owned()),
        false => Ok(headers),
    }
}

fn http_header(line: &str) -> Option<Result<Token, Unreadable>> {
    let line = line.trim_start_matches(['>', '<', '*']).trim();
    let mut words = line.split_whitespace();
    let mut word = words.next()?;
    let header = word.strip_suffix(':').filter(|name| {
        let names = ["authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate"];
        names.iter().any(|known| known.eq_ignore_ascii_case(name))
    });
    if header.is_some() {
        word = words.next()?;
    }
    let scheme = ["Negotiate", "NTLM", "Kerberos"].into_iter().find(|known| known.eq_ignore_ascii_case(word))?;
    let token = words.next().filter(|token| !token.contains(','))?;
    let written = header.map_or(scheme.to_owned(), |header| format!("{header}: {scheme}"));
    Some(match base64(token) {
        Ok(bytes) => Ok(Token { bytes, written }),
        Err(why) => Err(format!("the token behind {written} is not base64: {why}")),
    })
}

/// A layout of lines that begin with their offset.
struct Layout {
    name: &'static str,
    /// Takes offset and text column away, and leaves the digits.
    digits: fn(&str) -> Option<(usize, &str)>,
}

const LAYOUTS: [Layout; 3] = [
    Layout { name: "hexdump -C", digits: hexdump_line },
    Layout { name: "xxd", digits: xxd_line },
    Layout { name: "tcpdump -x", digits: tcpdump_line },
];

/// The bytes of a dump, if each line is of one layout and the offsets follow each other.
fn dump(text: &str) -> Result<Option<Token>, Unreadable> {
    for layout in &LAYOUTS {
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && *line != "*");
        // tcpdump heads each packet with a line that is none of the dump.
        let wanted = |line: &&str| layout.name != "tcpdump -x" || line.trim_start().starts_with("0x");
        let lines: Option<Vec<(usize, &str)>> = lines.filter(wanted).map(layout.digits).collect();
        if let Some(lines) = lines.filter(|lines| lines.iter().any(|(_, digits)| !digits.trim().is_empty())) {
            return assemble(layout, &lines).map(Some);
        }
    }
    Ok(None)
}

fn assemble(layout: &Layout, lines: &[(usize, &str)]) -> Result<Token, Unreadable> {
    let mut bytes = Vec::new();
    let start = lines.first().map_or(0, |line| line.0);
    for (offset, digits) in lines {
        // Offsets can begin anywhere, and end where numbers do.
        let found = start.saturating_add(bytes.len());
        if *offset != found {
            return Err(format!(
                "a dump ({}) whose line {offset:#x} follows {found:#x}: lines are missing",
                layout.name
            ));
        }
        if !digits.trim().is_empty() {
            bytes.extend(hex(digits).map_err(|why| format!("a dump ({}), line {offset:#x}: {why}", layout.name))?);
        }
    }
    if layout.name == "tcpdump -x" {
        let payload = without_ip(&bytes).map(<[u8]>::to_vec);
        bytes = payload.unwrap_or(bytes);
    }
    Ok(Token { bytes, written: layout.name.to_owned() })
}

/// `00000010  60 82 …  |`.…|`; the last line is an offset alone.
fn hexdump_line(line: &str) -> Option<(usize, &str)> {
    let (offset, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let digits = rest.split_once('|').map_or(rest, |(digits, _)| digits);
    // Plain hexadecimal has no such first word and gap.
    let looks = offset.len() >= 7 && (rest.is_empty() || rest.starts_with(' '));
    if looks { Some((usize::from_str_radix(offset, 16).ok()?, digits)) } else { None }
}

/// `00000010: 6082 0271 …  `..q…`.
fn xxd_line(line: &str) -> Option<(usize, &str)> {
    let (offset, rest) = line.split_once(": ")?;
    let digits = rest.split_once("  ").map_or(rest, |(digits, _)| digits);
    if offset.len() >= 7 { Some((usize::from_str_radix(offset, 16).ok()?, digits)) } else { None }
}

/// A tab, and `0x0010:  6082 0271 …`.
fn tcpdump_line(line: &str) -> Option<(usize, &str)> {
    let (offset, rest) = line.trim_start().strip_prefix("0x")?.split_once(":  ")?;
    let digits = rest.split_once("  ").map_or(rest, |(digits, _)| digits);
    Some((usize::from_str_radix(offset, 16).ok()?, digits))
}

/// What an IP packet with TCP or UDP in it carries.
fn without_ip(packet: &[u8]) -> Option<&[u8]> {
    let (protocol, segment) = match packet.first()? >> 4 {
        4 => {
            let total = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
            (packet.get(9)?, packet.get(usize::from(packet.first()? & 15) * 4..total)?)
        }
        6 => {
            let length = usize::from(u16::from_be_bytes([*packet.get(4)?, *packet.get(5)?]));
            (packet.get(6)?, packet.get(40..40 + length)?)
        }
        _ => return None,
    };
    match protocol {
        6 => segment.get(usize::from(segment.get(12)? >> 4) * 4..),
        17 => segment.get(8..),
        _ => None,
    }
    .filter(|payload| !payload.is_empty())
}
