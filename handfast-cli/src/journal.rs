//! The log of a program that goes on: one event at each stage of a connection, as text or as JSON objects, on standard error
//! or in a file.
//!
//! Each connection that was taken has one last event: `refused` or `closed`. Lines are written by a thread of their own, so
//! that a log that nobody reads holds up no connection; where it can't keep up, lines are left out, and how many is logged.

use crate::failure::{Exit, Failure};
use crate::output::{BAD, Output};
use crate::span;
use anstyle::Style;
use clap::ValueEnum;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::sync::Arc;

mod writer;

use writer::Writer;

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line to be read
    Text,
    /// A JSON object on a line
    Json,
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Level {
    /// What keeps the program from its work
    Error,
    /// Connections that were refused or broke
    Warn,
    /// Connections that were proven and ended; start, reload, stop
    Info,
    /// Each stage of each connection
    Debug,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }
}

/// Where the log goes, and what of it.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub(crate) struct Args {
    /// How events are logged [default: text, or json with --json]
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Log")]
    log: Option<Format>,
    /// The events that are logged: those that matter at least so much
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Level::Info, help_heading = "Log")]
    log_level: Level,
    /// Append the log to FILE instead of standard error; SIGHUP opens it anew
    #[arg(long, value_name = "FILE", help_heading = "Log")]
    log_file: Option<PathBuf>,
}

/// An event on its way.
#[derive(Debug)]
pub(crate) struct Event {
    level: Level,
    name: &'static str,
    style: Style,
    subject: Option<String>,
    text: String,
    fields: Map<String, Value>,
}

impl Event {
    /// An event called `name`, told as `text`.
    pub(crate) fn new(level: Level, name: &'static str, text: impl Into<String>) -> Self {
        Event { level, name, style: Style::new(), subject: None, text: text.into(), fields: Map::new() }
    }

    /// The same, in a colour where there are colours.
    pub(crate) fn styled(self, style: Style) -> Self {
        Event { style, ..self }
    }

    /// The same, of a connection with this number that comes from there.
    pub(crate) fn of(mut self, connection: u64, address: impl ToString) -> Self {
        let address = address.to_string();
        self.subject = Some(format!("#{connection} {address}"));
        self.with(json!({ "connection": connection, "address": address }))
    }

    /// The same with the fields of an object.
    pub(crate) fn with(mut self, fields: Value) -> Self {
        if let Value::Object(fields) = fields {
            self.fields.extend(fields);
        }
        self
    }
}

/// Takes events until its last clone is dropped, and has written them all then.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    format: Format,
    level: Level,
    color: bool,
    writer: Arc<Writer>,
}

impl Journal {
    /// Opens the log.
    pub(crate) fn open(args: &Args, output: &Output) -> Result<Self, Failure> {
        let format = args.log.unwrap_or(if output.json { Format::Json } else { Format::Text });
        let lost = if format == Format::Json { lost_object } else { lost_text };
        let writer = Arc::new(Writer::start(args.log_file.clone(), lost)?);
        let color = output.error_color() && args.log_file.is_none() && format == Format::Text;
        Ok(Journal { format, level: args.log_level, color, writer })
    }

    /// Logs an event, if its level is asked for.
    pub(crate) fn log(&self, event: Event) {
        if event.level <= self.level {
            self.writer.write(self.line(event));
        }
    }

    /// Closes the file and opens one of its name: somebody has moved it away.
    pub(crate) fn reopen(&self) -> Result<(), Failure> {
        self.writer.reopen()
    }

    fn line(&self, event: Event) -> String {
        match self.format {
            Format::Json => object(event).to_string(),
            Format::Text => self.text(&event),
        }
    }

    fn text(&self, event: &Event) -> String {
        let moment = span::moment(span::now());
        let subject = event.subject.as_ref().map(|subject| format!(" {subject}")).unwrap_or_default();
        if self.color {
            let (faint, style) = (crate::output::FAINT, event.style);
            return format!("{faint}{moment}{subject}{faint:#}  {style}{}{style:#}", shown(&event.text));
        }
        format!("{moment}{subject}  {}", shown(&event.text))
    }
}

/// One line, whatever a peer calls itself or asks for.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        // What ends a line, moves the cursor, or turns the direction of writing about: all that is not there to be seen.
        if matches!(c, '\\' | '"' | '\'') { shown.push(c) } else { shown.extend(c.escape_debug()) }
    }
    shown
}

fn object(event: Event) -> Value {
    let mut object = Map::new();
    object.insert("time".into(), span::now().to_string().into());
    object.insert("level".into(), event.level.name().into());
    object.insert("event".into(), event.name.into());
    object.extend(event.fields);
    object.into()
}

/// What became of one of the files that were to be read anew.
pub(crate) fn tell_reload(journal: &Journal, what: &'static str, result: Result<String, Failure>) {
    journal.log(match result {
        Ok(now) => {
            let text = format!("reloaded {what}: {now}");
            Event::new(Level::Info, "reload", text).with(json!({ "what": what, "done": true, "now": now }))
        }
        Err(failure) => {
            let text = format!("{what} stay as they were: {}", failure.cause);
            let fields = json!({ "what": what, "done": false, "reason": failure.cause });
            Event::new(Level::Error, "reload", text).styled(BAD).with(fields)
        }
    });
}

fn lost_object(lines: u64) -> String {
    object(Event::new(Level::Error, "lost", "").with(json!({ "lines": lines }))).to_string()
}

fn lost_text(lines: u64) -> String {
    format!("{}  {lines} lines of this log were left out: nobody took them in time", span::moment(span::now()))
}

/// The log can't be opened.
fn cannot_open(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Files, format!("the log {} can't be opened: {error}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn journal(format: Format, file: PathBuf) -> Journal {
        let args = Args { log: Some(format), log_level: Level::Info, log_file: Some(file) };
        Journal::open(&args, &Output::new(false)).unwrap()
    }

    fn event(level: Level) -> Event {
        Event::new(level, "proven", "bob is proven").of(7, "[::1]:9").with(json!({ "peer": "bob" }))
    }

    #[test]
    fn events_below_the_level_are_left_out_and_the_others_written_before_the_end() {
        let path = std::env::temp_dir().join(format!("handfast-journal-{}", std::process::id()));
        let log = journal(Format::Json, path.clone());
        log.log(event(Level::Debug));
        log.log(event(Level::Info));
        let moved = path.with_extension("1");
        std::fs::rename(&path, &moved).unwrap();
        log.reopen().unwrap();
        log.log(event(Level::Error));
        drop(log);
        let read = |path: &PathBuf| -> Vec<Value> {
            let text = std::fs::read_to_string(path).unwrap();
            std::fs::remove_file(path).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let (first, second) = (read(&moved), read(&path));
        assert_eq!((first.len(), second.len()), (1, 1));
        assert_eq!((&first[0]["event"], &first[0]["level"]), (&"proven".into(), &"info".into()));
        assert_eq!((&first[0]["connection"], &first[0]["address"]), (&7.into(), &"[::1]:9".into()));
        assert_eq!((&second[0]["level"], &second[0]["peer"]), (&"error".into(), &"bob".into()));
    }

    #[test]
    fn what_a_peer_writes_makes_no_line_of_its_own() {
        let path = std::env::temp_dir().join(format!("handfast-line-{}", std::process::id()));
        let log = journal(Format::Text, path.clone());
        let line = log.text(&Event::new(Level::Info, "refused", "bob\n2026 alice is proven\u{1b}[2J\u{9b}"));
        assert!(line.ends_with("  bob\\n2026 alice is proven\\u{1b}[2J\\u{9b}"), "{line}");
        let line = log.text(&Event::new(Level::Info, "refused", "\u{202e}A\\ecila\u{2028}'zoë'\u{200b}"));
        assert!(line.ends_with("  \\u{202e}A\\ecila\\u{2028}'zoë'\\u{200b}"), "{line}");
        drop(log);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_log_in_a_place_that_is_not_there_is_told() {
        let args = Args { log: None, log_level: Level::Info, log_file: Some("/nowhere/log".into()) };
        assert_eq!(Journal::open(&args, &Output::new(false)).unwrap_err().exit, Exit::Files);
    }
}
