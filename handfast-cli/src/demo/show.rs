//! Everything in text: who takes part, the picture, what each side is sure of, the cheats, and the table of them.

use super::cheats::Attempt;
use super::client::Proven;
use super::explain::day_and_time;
use super::ladder::ladder;
use super::paper::Paper;
use super::play::Play;
use super::verdict::Verdict;
use super::wire::Party;
use crate::output::{BAD, FAINT, GOOD, STRONG};
use crate::span;
use handfast::Time;
use std::time::Duration;

/// The width of the words that name a row.
const LABEL: usize = 12;

/// All of it.
pub(super) fn everything(play: &Play, paper: &Paper) -> String {
    let mut lines = opening(play, paper);
    lines.extend(ladder(&play.steps, &play.session.phases, paper));
    lines.extend(certainty(play, paper));
    lines.extend(cheats(play, paper));
    lines.extend(table(play, paper));
    lines.extend(last_line(play, paper));
    paper.finish(&lines.join("\n"))
}

/// The table and the last line alone.
pub(super) fn verdict(play: &Play, paper: &Paper) -> String {
    let mut lines = table(play, paper);
    lines.extend(last_line(play, paper));
    paper.finish(&lines.join("\n"))
}

fn opening(play: &Play, paper: &Paper) -> Vec<String> {
    let mut lines = vec![paper.paint(STRONG, "Two programs, one connection, each sure of the other"), String::new()];
    for (name, what) in [
        ("the KDC", format!("of {}, at {} by UDP and TCP, knows every key", play.realm, play.kdc)),
        ("the server", format!("{}, at {}, has a keytab", play.service, play.server)),
        ("the client", format!("{}, has a password and those two addresses", play.client)),
    ] {
        row(name, &what, paper, &mut lines);
    }
    let note = "They share nothing but sockets. This is what passed; the demo reads it out with their keys, which it shows to nobody.";
    lines.push(String::new());
    lines.extend(indented(note, paper).map(|line| paper.paint(FAINT, &line)));
    lines.push(String::new());
    lines
}

fn row(name: &str, what: &str, paper: &Paper, lines: &mut Vec<String>) {
    for (index, line) in paper.wrap(what, paper.width - LABEL - 2).into_iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        lines.push(format!("  {name:LABEL$}{line}"));
    }
}

fn indented(text: &str, paper: &Paper) -> impl Iterator<Item = String> {
    paper.wrap(text, paper.width - 2).into_iter().map(|line| format!("  {line}"))
}

/// What each side is sure of now.
fn certainty(play: &Play, paper: &Paper) -> Vec<String> {
    let (client, server) = (&play.session.client, &play.session.server);
    let column = (paper.width - LABEL - 2) / 2;
    let mut lines = vec![String::new(), paper.paint(STRONG, "Now each is sure of the other"), String::new()];
    let heads = format!("  {:LABEL$}{:column$}{}", "", "the client says", "the server says");
    lines.push(paper.paint(FAINT, &heads));
    type Field<'a> = (&'a str, &'a dyn Fn(&Proven) -> String);
    let fields: [Field<'_>; 5] = [
        ("I am", &|proven| proven.local.to_string()),
        ("you are", &|proven| proven.peer.to_string()),
        ("we have", &|proven| proven.flags.to_string()),
        ("sealed by", &|proven| proven.enctype.map_or("nothing".to_owned(), |enctype| enctype.to_string())),
        ("until", &|proven| proven.expires.map_or("ever".to_owned(), |end| until(end, play.today))),
    ];
    for (name, field) in fields {
        let (left, right) = (paper.wrap(&field(client), column - 2), paper.wrap(&field(server), column - 2));
        for index in 0..left.len().max(right.len()) {
            let name = if index == 0 { name } else { "" };
            let at = |lines: &[String]| lines.get(index).cloned().unwrap_or_default();
            lines.push(format!("  {name:LABEL$}{:column$}{}", at(&left), at(&right)));
        }
    }
    let count = play.session.echoes.len();
    let echo = format!("{count} sealed messages went out and came back as they were; none could be read on the way");
    row("echo", &echo, paper, &mut lines);
    let phases = play.session.phases.iter().map(|phase| format!("{} {}", phase.name, milliseconds(phase.took)));
    row("time", &phases.collect::<Vec<_>>().join(", "), paper, &mut lines);
    lines
}

/// A time to come, and how far it is.
fn until(end: Time, today: Time) -> String {
    // To the nearest minute.
    let left = end.saturating_since(today) + Duration::from_secs(30);
    format!("{}, for {}", day_and_time(end), span::words(left))
}

/// Each cheat, and what the sides say of it.
fn cheats(play: &Play, paper: &Paper) -> Vec<String> {
    let mut lines = vec![String::new(), paper.paint(STRONG, "Now somebody cheats"), String::new()];
    for attempt in &play.attempts {
        lines.push(format!("  {}", paper.paint(STRONG, attempt.cheat.title)));
        lines.extend(indented(attempt.cheat.what, paper));
        let refuser = attempt.cheat.expected.by;
        let refused = if refuser == Party::Client { Party::Server } else { Party::Client };
        told(attempt, refuser, "says", paper, &mut lines);
        told(attempt, refused, "hears", paper, &mut lines);
        lines.push(String::new());
    }
    lines
}

/// What one side said, or heard from the other.
fn told(attempt: &Attempt, party: Party, verb: &str, paper: &Paper, lines: &mut Vec<String>) {
    const LABEL: usize = 14;
    let Some(end) = attempt.end_of(party) else { return };
    let label = format!("{party} {verb}");
    for (index, line) in paper.wrap(&end.text, paper.width - LABEL - 4).into_iter().enumerate() {
        let line = format!("    {:LABEL$}{line}", if index == 0 { label.as_str() } else { "" });
        lines.push(if verb == "hears" { paper.paint(FAINT, &line) } else { line });
    }
}

fn table(play: &Play, paper: &Paper) -> Vec<String> {
    let titles = play.attempts.iter().map(|attempt| attempt.cheat.title.len()).max().unwrap_or_default() + 2;
    let heads = format!("    {:titles$}{:12}{}", "cheat", "refused by", "because");
    let mut lines = vec![paper.paint(FAINT, &heads)];
    lines.extend(play.attempts.iter().map(|attempt| table_row(attempt, titles, paper)));
    lines
}

fn table_row(attempt: &Attempt, titles: usize, paper: &Paper) -> String {
    let title = attempt.cheat.title;
    let expected = attempt.cheat.expected;
    match attempt.verdict() {
        Verdict::Refused => {
            let mark = paper.paint(GOOD, "✓");
            format!("  {mark} {title:titles$}{:12}{}", expected.by.to_string(), expected.reason.words())
        }
        Verdict::RefusedOtherwise(how) => {
            format!("  {} {title:titles$}{:12}{how}", paper.paint(BAD, "✗"), "otherwise")
        }
        Verdict::Passed => {
            let convinced = attempt.convinced.map_or("somebody", Party::name);
            let mark = paper.paint(BAD, "✗");
            format!(
                "  {mark} {title:titles$}{:12}{}",
                "NOBODY",
                paper.paint(BAD, &format!("the {convinced} was convinced"))
            )
        }
    }
}

fn last_line(play: &Play, paper: &Paper) -> Vec<String> {
    let refused = play.attempts.iter().filter(|attempt| attempt.verdict().is_good()).count();
    let count = play.attempts.len();
    let style = if refused == count { GOOD } else { BAD };
    let text = format!("{refused} of {count} cheats were refused by the other side.");
    let took = paper.paint(FAINT, &format!(" All of it took {}.", milliseconds(play.took)));
    vec![String::new(), format!("  {}{took}", paper.paint(style, &text))]
}

/// `12.3 ms`.
pub(super) fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}
