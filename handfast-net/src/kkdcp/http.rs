//! One request and its answer by HTTP/1.1 (RFC 9112), all of it bounded.

use std::io::{self, BufRead, BufReader, Read, Write};

use super::ProxyError;
use super::url::ProxyUrl;

/// The longest head of an answer, with the lines between chunks and behind them, in bytes.
pub(super) const HEAD_LIMIT: u64 = 16 << 10;

/// The longest body of an answer, in bytes: the longest reply (`TCP_REPLY_LIMIT`, 1 MiB), and what KDC-PROXY-MESSAGE puts around it.
pub(super) const BODY_LIMIT: u64 = (1 << 20) + 1024;

/// Posts `body`, and reads the body of the answer.
pub(super) fn post(stream: impl Read + Write, url: &ProxyUrl, body: &[u8]) -> Result<Vec<u8>, ProxyError> {
    let mut answer = Answer { stream: BufReader::new(stream), lines: HEAD_LIMIT };
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {url}\r\nCache-Control: no-cache\r\nPragma: no-cache\r\nUser-Agent: handfast\r\n\
         Content-type: application/kerberos\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        url.path,
        body.len()
    );
    let stream = answer.stream.get_mut();
    stream.write_all(&[head.as_bytes(), body].concat())?;
    stream.flush()?;
    let status = status(&answer.line()?)?;
    let framing = answer.fields()?;
    if status != 200 {
        return Err(ProxyError::Status(status));
    }
    match framing {
        Framing::Length(length) => answer.counted(length),
        Framing::Chunked => answer.chunked(),
        Framing::UntilClose => answer.until_close(),
    }
}

/// How it is told where a body ends (RFC 9112 6.3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

fn status(line: &str) -> Result<u16, ProxyError> {
    let fail = ProxyError::Http("it has no status line");
    let rest = line.strip_prefix("HTTP/1.").ok_or(fail.clone())?;
    match rest.as_bytes() {
        [b'0' | b'1', b' ', a, b, c, rest @ ..]
            if [a, b, c].iter().all(|digit| digit.is_ascii_digit())
                && rest.first().is_none_or(|byte| *byte == b' ') =>
        {
            Ok([a, b, c].iter().fold(0, |status, digit| status * 10 + u16::from(**digit - b'0')))
        }
        _ => Err(fail),
    }
}

struct Answer<S> {
    stream: BufReader<S>,
    /// How many bytes of lines may still come.
    lines: u64,
}

impl<S: Read> Answer<S> {
    /// The next line, without its end.
    fn line(&mut self) -> Result<String, ProxyError> {
        let mut line = Vec::new();
        let got = self.stream.by_ref().take(self.lines).read_until(b'\n', &mut line)?;
        self.lines = self.lines.saturating_sub(u64::try_from(got).unwrap_or(u64::MAX));
        if line.pop() != Some(b'\n') {
            let over = "its head is longer than 16 KiB";
            return Err(ProxyError::Http(if self.lines == 0 { over } else { "it ends within its head" }));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_err(|_| ProxyError::Http("a line of its head is no text"))
    }

    /// Reads all fields.
    fn fields(&mut self) -> Result<Framing, ProxyError> {
        let mut framing = Framing::UntilClose;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(framing);
            }
            let (name, value) = line.split_once(':').ok_or(ProxyError::Http("a field has no colon"))?;
            let told = match name.to_ascii_lowercase().as_str() {
                "content-length" => Framing::Length(number(value.trim(), 10)?),
                "transfer-encoding" if value.trim().eq_ignore_ascii_case("chunked") => Framing::Chunked,
                "transfer-encoding" => return Err(ProxyError::Http("its transfer encoding is not chunked")),
                _ => continue,
            };
            // Two that differ are how one answer is smuggled into another (RFC 9112 6.3).
            if framing != Framing::UntilClose && framing != told {
                return Err(ProxyError::Http("it tells its length in two ways"));
            }
            framing = told;
        }
    }

    /// `count` bytes behind those in `body`; takes memory as they arrive.
    fn read(&mut self, count: u64, body: &mut Vec<u8>) -> Result<(), ProxyError> {
        let before = u64::try_from(body.len()).unwrap_or(u64::MAX);
        if before.saturating_add(count) > BODY_LIMIT {
            return Err(too_long());
        }
        let got = self.stream.by_ref().take(count).read_to_end(body)?;
        if u64::try_from(got) == Ok(count) { Ok(()) } else { Err(ProxyError::Http("it ends within its body")) }
    }

    fn counted(&mut self, length: u64) -> Result<Vec<u8>, ProxyError> {
        let mut body = Vec::new();
        self.read(length, &mut body)?;
        Ok(body)
    }

    /// RFC 9112 7.1. Extensions of chunks and the fields behind the last mean nothing here.
    fn chunked(&mut self) -> Result<Vec<u8>, ProxyError> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = number(line.split(';').next().unwrap_or_default().trim(), 16)?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            self.read(size, &mut body)?;
            if !self.line()?.is_empty() {
                return Err(ProxyError::Http("a chunk is longer than it says"));
            }
        }
    }

    /// Whether all of it came is told by the lengths in the message: many servers end TLS without a word, which is an
    /// unexpected end to the layer below.
    fn until_close(&mut self) -> Result<Vec<u8>, ProxyError> {
        let mut body = Vec::new();
        match self.stream.by_ref().take(BODY_LIMIT + 1).read_to_end(&mut body) {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
            _ => {}
        }
        if u64::try_from(body.len()).is_ok_and(|length| length <= BODY_LIMIT) { Ok(body) } else { Err(too_long()) }
    }
}

fn too_long() -> ProxyError {
    ProxyError::TooLong(usize::try_from(BODY_LIMIT).unwrap_or(usize::MAX))
}

/// Digits and nothing else: `parse` would take a sign.
fn number(digits: &str, base: u32) -> Result<u64, ProxyError> {
    let fail = ProxyError::Http("a length is no number");
    if !digits.chars().all(|digit| digit.is_digit(base)) {
        return Err(fail);
    }
    u64::from_str_radix(digits, base).map_err(|_| fail)
}
