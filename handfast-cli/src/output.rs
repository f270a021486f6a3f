//! What the program prints: text for people, JSON for programs, and errors.

use crate::failure::Failure;
use crate::help;
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Names, and whatever else the eye should find first.
pub(crate) const STRONG: Style = Style::new().bold();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What went wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What is said beside the matter.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// How results are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// JSON instead of text.
    pub(crate) json: bool,
    color: bool,
    error_color: bool,
}

impl Output {
    /// Colours where a terminal shows them, unless `NO_COLOR` is set.
    pub(crate) fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Output {
            json,
            color: wanted && !json && io::stdout().is_terminal(),
            error_color: wanted && !json && io::stderr().is_terminal(),
        }
    }

    /// Text without colours, for lines that go elsewhere.
    pub(crate) fn plain() -> Self {
        Output { json: false, color: false, error_color: false }
    }

    /// `text` in `style`, if there are colours.
    pub(crate) fn paint(&self, style: Style, text: impl Display) -> String {
        painted(self.color, style, text)
    }

    /// Whether standard error shows colours.
    pub(crate) fn error_color(&self) -> bool {
        self.error_color
    }

    /// A line of text on standard output; nothing if JSON is wanted.
    pub(crate) fn line(&self, text: impl Display) -> Result<(), Failure> {
        if self.json { Ok(()) } else { print(&text) }
    }

    /// Names and values below each other. Lists that are wider than the terminal go on below their beginning; where there is no
    /// terminal, each stays on its line.
    pub(crate) fn rows(&self, rows: &[(&str, String)]) -> Result<(), Failure> {
        let names = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let room = match io::stdout().is_terminal() {
            true => help::columns().saturating_sub(names + 4).max(20),
            false => usize::MAX,
        };
        rows.iter().try_for_each(|(name, value)| {
            let below = format!("\n{:1$}", "", names + 4);
            let value = folded(value, room).join(&below);
            self.line(format!("  {}  {value}", self.paint(FAINT, format!("{name:<names$}"))))
        })
    }

    /// A JSON object on a line of standard output; nothing if text is wanted.
    pub(crate) fn object(&self, object: &Value) -> Result<(), Failure> {
        if self.json { print(object) } else { Ok(()) }
    }

    /// The same result either way.
    pub(crate) fn result(&self, text: impl Display, object: &Value) -> Result<(), Failure> {
        self.line(text)?;
        self.object(object)
    }

    /// A remark on standard error, where it disturbs no data; in JSON an object.
    pub(crate) fn remark(&self, text: impl Display, object: &Value) {
        let mut stderr = io::stderr().lock();
        // There is no other place to tell that standard error is gone.
        let _ = match self.json {
            true => writeln!(stderr, "{object}"),
            false => writeln!(stderr, "{}", painted(self.error_color, FAINT, text)),
        };
    }

    /// A failure on standard error: the cause, and what to do next.
    pub(crate) fn failure(&self, failure: &Failure) {
        let mut stderr = io::stderr().lock();
        let _ = if self.json {
            let (class, code) = (failure.exit.name(), failure.exit.code());
            let error = json!({ "error": failure.cause, "next": failure.next, "class": class, "exit": code });
            writeln!(stderr, "{error}")
        } else {
            let next = failure.next.as_ref().map(|next| format!("\n  next: {next}")).unwrap_or_default();
            writeln!(stderr, "{} {}{next}", painted(self.error_color, BAD, "error:"), failure.cause)
        };
    }
}

/// A list in lines of at most `room` columns, broken behind commas.
fn folded(list: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in list.split_inclusive(", ") {
        match lines.last_mut() {
            Some(line) if line.chars().count() + item.trim_end().chars().count() <= room => line.push_str(item),
            _ => lines.push(item.to_owned()),
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

fn painted(color: bool, style: Style, text: impl Display) -> String {
    if color { format!("{style}{text}{style:#}") } else { text.to_string() }
}

/// Whoever closes a pipe has seen enough: that is no failure.
fn print(text: &impl Display) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::output(&error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_folded_behind_commas() {
        assert_eq!(folded("one, two, three", 9), ["one, two,", "three"]);
        assert_eq!(folded("one, two, three", 8), ["one,", "two,", "three"]);
        assert_eq!(folded("one and only", 4), ["one and only"]);
        assert_eq!(folded("one, two, three", usize::MAX), ["one, two, three"]);
    }
}
