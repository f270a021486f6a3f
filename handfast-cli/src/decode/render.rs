//! A tree as text: one field on a line, its position first, within the width of a terminal.

use super::tree::{Node, Value, hex, printable};
use crate::output::{BAD, FAINT, GOOD, Output, STRONG};
use crate::span::{moment, words};
use handfast::Time;

/// Names are padded up to this width, so that values stand in a column.
const NAME_WIDTH: usize = 22;
/// Opaque bytes beyond these are counted, not shown.
const SHOWN_BYTES: usize = 16;
/// Values have at least this much room, however deep they stand.
const VALUE_WIDTH: usize = 26;
/// Positions, and the gap behind them.
const MARGIN: usize = 8;

/// How trees are drawn.
pub(crate) struct Canvas<'a> {
    pub(crate) output: &'a Output,
    /// Columns.
    pub(crate) width: usize,
    /// What times are told relative to.
    pub(crate) now: Time,
    pub(crate) show_keys: bool,
    /// Opaque bytes are shown to their end.
    pub(crate) full: bool,
}

/// A piece of a line that has one style.
struct Piece {
    text: String,
    style: anstyle::Style,
}

fn plain(text: impl Into<String>) -> Piece {
    Piece { text: text.into(), style: anstyle::Style::new() }
}

impl Canvas<'_> {
    /// The lines of a tree.
    pub(crate) fn draw(&self, node: &Node) -> Vec<String> {
        let mut lines = Vec::new();
        self.node(node, 0, false, &mut lines);
        lines
    }

    fn node(&self, node: &Node, depth: usize, plaintext: bool, lines: &mut Vec<String>) {
        let shown: &[Node] = if node.folded { &[] } else { &node.fields };
        // Deep down there is less room for values in a column.
        let pad = NAME_WIDTH.saturating_sub((depth * 2).saturating_sub(12)).max(12);
        let padded = if self.leaf(node) { format!("{:<pad$}  ", node.name) } else { format!("{}  ", node.name) };
        let position = match &node.at {
            Some(at) if plaintext || node.plaintext => format!("{:>6}", format!("+{}", at.start)),
            Some(at) => format!("{:>6}", at.start),
            None => " ".repeat(6),
        };
        let indent = depth * 2;
        let column = MARGIN + indent + padded.chars().count();
        let start = format!(
            "{}  {}{}",
            self.output.paint(FAINT, position),
            " ".repeat(indent),
            if self.leaf(node) { padded } else { self.output.paint(STRONG, padded) }
        );
        self.wrap(start, column, self.pieces(node), lines);
        for field in shown {
            self.node(field, depth + 1, plaintext || node.plaintext, lines);
        }
        // The cause of a failure stands where the reading stopped.
        if let Some(problem) = &node.problem {
            let start = " ".repeat(MARGIN + indent + 2);
            let column = start.len();
            self.wrap(start, column, vec![Piece { text: format!("! {}", printable(problem)), style: BAD }], lines);
        }
    }

    fn leaf(&self, node: &Node) -> bool {
        node.folded || node.fields.is_empty()
    }

    /// Value and meaning of a node.
    fn pieces(&self, node: &Node) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if let Some(value) = self.value(node) {
            pieces.push(plain(value));
        }
        if let Value::Time(time) = node.value {
            pieces.push(Piece { text: self.relative(time), style: FAINT });
        }
        if !node.means.is_empty() {
            let style = match node.means.as_str() {
                means if means.starts_with("opened with") || means.starts_with("verified") => GOOD,
                means if means.starts_with("not opened") || means.starts_with("not verified") => FAINT,
                _ if pieces.is_empty() => anstyle::Style::new(),
                _ => FAINT,
            };
            pieces.push(Piece { text: printable(&node.means), style });
        }
        pieces
    }

    fn value(&self, node: &Node) -> Option<String> {
        Some(match &node.value {
            Value::None => return None,
            Value::Number(number) => number.to_string(),
            Value::Boolean(boolean) => boolean.to_string(),
            Value::Text(text) => match text.is_empty() {
                true => "\"\"".to_owned(),
                false => printable(text),
            },
            Value::Time(time) => format!("{} UTC", moment(*time)),
            Value::Flags(_, names) if names.is_empty() => "none".to_owned(),
            Value::Flags(_, names) => names.join(", "),
            Value::Bytes(bytes) if node.fields.is_empty() => self.bytes(bytes),
            Value::Bytes(_) => return None,
            Value::Hidden(secret) if self.show_keys => hex(secret.expose()),
            Value::Hidden(secret) => format!("{} bytes, not shown (--show-keys)", secret.expose().len()),
        })
    }

    /// The first bytes and how many there are; in words if they are words.
    fn bytes(&self, bytes: &[u8]) -> String {
        let limit = if self.full { bytes.len() } else { SHOWN_BYTES };
        let shown = hex(bytes.get(..limit).unwrap_or(bytes));
        let text = match std::str::from_utf8(bytes) {
            Ok(text) if bytes.len() > 3 && bytes.len() <= 64 && !text.contains(char::is_control) => {
                format!(" {text:?}")
            }
            _ => String::new(),
        };
        match bytes.len() {
            0 => "empty".to_owned(),
            count if count > limit => format!("{shown} … {count} bytes{text}"),
            _ => format!("{shown}{text}"),
        }
    }

    fn relative(&self, time: Time) -> String {
        match time.unix_micros() {
            0 => "no time".to_owned(),
            micros if micros <= self.now.unix_micros() => format!("{} ago", words(self.now.saturating_since(time))),
            _ => format!("in {}", words(time.saturating_since(self.now))),
        }
    }

    /// Writes pieces behind `start`, and below it in the same column where they are too long.
    fn wrap(&self, start: String, column: usize, pieces: Vec<Piece>, lines: &mut Vec<String>) {
        // What stands too deep is not squeezed against the edge.
        let (column, mut line, mut used) = if column + VALUE_WIDTH > self.width && !pieces.is_empty() {
            let narrow = self.width.saturating_sub(VALUE_WIDTH).min(column);
            if column > self.width.saturating_sub(VALUE_WIDTH / 2) {
                lines.push(start.trim_end().to_owned());
                (narrow, " ".repeat(narrow), narrow)
            } else {
                (narrow, start, column)
            }
        } else {
            (column, start, column)
        };
        let room = self.width.saturating_sub(column).max(VALUE_WIDTH / 2);
        for (index, piece) in pieces.iter().enumerate() {
            let gap = if index > 0 { 2 } else { 0 };
            for (place, word) in piece.text.split(' ').flat_map(|word| chunks(word, room)).enumerate() {
                let space = if place > 0 { 1 } else { gap };
                let length = word.chars().count();
                if used > column && used + space + length > self.width {
                    lines.push(line.trim_end().to_owned());
                    (line, used) = (" ".repeat(column), column);
                } else {
                    line.push_str(&" ".repeat(space));
                    used += space;
                }
                line.push_str(&self.output.paint(piece.style, &word));
                used += length;
            }
        }
        lines.push(line.trim_end().to_owned());
    }
}

/// A word in pieces of at most `size` characters.
fn chunks(word: &str, size: usize) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    match characters.len() > size {
        true => characters.chunks(size).map(|chunk| chunk.iter().collect()).collect(),
        false => vec![word.to_owned()],
    }
}
