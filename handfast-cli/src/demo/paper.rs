//! What is drawn on: how wide, in which characters, with which colours.

use crate::output::Output;
use anstyle::Style;
use std::env;

/// The width where there is no terminal to ask, and the least one.
const NARROW: usize = 80;
/// Wider lines are hard to read.
const WIDE: usize = 132;

/// What is drawn on.
pub(super) struct Paper {
    output: Output,
    ascii: bool,
    pub(super) width: usize,
}

impl Paper {
    pub(super) fn new(output: &Output, ascii: bool, width: Option<u16>) -> Self {
        let terminal = || terminal_size::terminal_size().map(|(terminal_size::Width(width), _)| width);
        let width = width.or_else(terminal).map_or(NARROW, usize::from).clamp(NARROW, WIDE);
        Paper { output: *output, ascii: ascii || !locale_is_utf8(|name| env::var(name).ok()), width }
    }

    /// `text` in `style`, where there are colours.
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        self.output.paint(style, text)
    }

    /// `text` in lines of at most `width` characters, and in ASCII if need be.
    pub(super) fn wrap(&self, text: &str, width: usize) -> Vec<String> {
        let text = if self.ascii { text.replace('…', "...") } else { text.to_owned() };
        let mut lines = vec![String::new()];
        for word in text.split(' ').flat_map(|word| pieces(word, width)) {
            match lines.last_mut() {
                Some(line) if line.is_empty() => line.push_str(&word),
                Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                    line.push(' ');
                    line.push_str(&word);
                }
                _ => lines.push(word),
            }
        }
        lines
    }

    /// A finished drawing: its lines and arrows in ASCII if need be.
    pub(super) fn finish(&self, drawing: &str) -> String {
        let drawing = drawing.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        if self.ascii { drawing.chars().map(in_ascii).collect() } else { drawing }
    }
}

/// A word, cut where it is longer than a line.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    match letters.len() {
        0 => vec![String::new()],
        _ => letters.chunks(width.max(1)).map(|piece| piece.iter().collect()).collect(),
    }
}

fn in_ascii(c: char) -> char {
    match c {
        '│' => '|',
        '─' => '-',
        '▶' => '>',
        '◀' => '<',
        '✓' => '+',
        '✗' => '!',
        c if c.is_ascii() => c,
        _ => '?',
    }
}

/// Whether the locale's characters are UTF-8: the first of these variables that is set decides (POSIX, "Environment Variables").
fn locale_is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    match locale {
        Some(locale) => {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
        None => cfg!(windows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let utf8 = |set: &[(&str, &str)]| {
            locale_is_utf8(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(utf8(&[("LANG", "en_GB.UTF-8")]));
        assert!(utf8(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!utf8(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")]));
        assert_eq!(utf8(&[]), cfg!(windows));
    }

    #[test]
    fn no_line_is_too_long() {
        let paper = Paper { output: Output::new(false), ascii: true, width: 80 };
        let lines = paper.wrap("one two … three abcdefghijklmnop", 7);
        assert_eq!(lines, ["one two", "...", "three", "abcdefg", "hijklmn", "op"]);
    }
}
