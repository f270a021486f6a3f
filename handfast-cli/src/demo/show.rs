//! Everything in text: who takes part, the picture, what each side is sure of, the cheats, and the table of them.

use super::acts;
use super::cheats::{Attempt, Count};
use super::client::{Proven, Spoken};
use super::explain::day_and_time;
use super::ladder::{Detail, ladder};
use super::paper::Paper;
use super::play::{Play, Played, Session};
use super::verdict::Verdict;
use super::wire::Party;
use crate::output::{BAD, FAINT, GOOD, STRONG};
use crate::span;
use handfast::mech::MechanismId;
use handfast::{Flags, Time};
use std::time::Duration;

/// The width of the words that name a row.
const LABEL: usize = 12;

/// All of it: each act, what each side is sure of in the end, and the table of its cheats. Where only a mechanism was asked for,
/// all that its messages carry, and what the sides say of each cheat.
pub(super) fn everything(play: &Play, paper: &Paper) -> String {
    let mut lines = opening(play, paper);
    let detail = play.detail();
    for (index, played) in play.acts.iter().enumerate() {
        lines.extend(heading(index, play.acts.len(), played, paper));
        lines.extend(ladder(&played.steps, &played.session.phases, detail, paper));
        lines.extend(certainty(played, play.today, detail, paper));
        match detail {
            Detail::All => lines.extend(cheats(played, paper)),
            Detail::Gist => lines.push(String::new()),
        }
        lines.extend(table(played, paper));
        lines.push(String::new());
    }
    lines.extend(last_lines(play, paper));
    paper.finish(&lines.join("\n"))
}

/// The tables and the last line alone.
pub(super) fn verdict(play: &Play, paper: &Paper) -> String {
    let mut lines = Vec::new();
    for played in &play.acts {
        if play.acts.len() > 1 {
            lines.push(format!("  {}", paper.paint(STRONG, played.act.title)));
        }
        lines.extend(table(played, paper));
        lines.push(String::new());
    }
    lines.extend(last_lines(play, paper));
    paper.finish(&lines.join("\n"))
}

/// Which act it is, and what it is about.
fn heading(index: usize, count: usize, played: &Played, paper: &Paper) -> Vec<String> {
    let number = if count > 1 { format!("{}. ", index + 1) } else { String::new() };
    let title = format!("{number}{}", played.act.title);
    let mut lines = vec![paper.paint(STRONG, &title), String::new()];
    lines.extend(indented(played.act.note, paper));
    lines.push(String::new());
    lines
}

fn opening(play: &Play, paper: &Paper) -> Vec<String> {
    let mut lines = vec![paper.paint(STRONG, "Two programs, one connection, each sure of the other"), String::new()];
    let by_ticket = play.acts.iter().any(|played| played.act.spoken != Spoken::Ntlm);
    if by_ticket {
        let kdc = format!("of {}, at {} by UDP and TCP, knows every key", play.realm, play.kdc);
        row("the KDC", &kdc, paper, &mut lines);
    }
    row("the server", &server(play), paper, &mut lines);
    let client = format!("{}, has a password and the addresses of the others", play.client);
    row("the client", &client, paper, &mut lines);
    let note = "They share nothing but sockets. This is what passed; the demo reads it out with their keys, which it shows to nobody.";
    lines.push(String::new());
    lines.extend(indented(note, paper).map(|line| paper.paint(FAINT, &line)));
    lines.push(String::new());
    lines
}

fn server(play: &Play) -> String {
    let address = match &play.acts[..] {
        [only] => format!("at {}", only.server),
        _ => "at a port for each act".to_owned(),
    };
    let ntlm = if play.acts.iter().any(|played| played.act.ntlm) { ", and alice's NT hash for NTLM" } else { "" };
    format!("{}, {address}, has a keytab{ntlm}", play.service)
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
fn certainty(played: &Played, today: Time, detail: Detail, paper: &Paper) -> Vec<String> {
    let Session { client, server, echoes, phases } = &played.session;
    let column = (paper.width - LABEL - 2) / 2;
    let title = if proves_server(client) {
        "Now each is sure of the other"
    } else {
        "Now the server is sure of alice; she can't be sure of the server"
    };
    let mut lines = vec![String::new(), paper.paint(STRONG, title), String::new()];
    let heads = format!("  {:LABEL$}{:column$}{}", "", "the client says", "the server says");
    lines.push(paper.paint(FAINT, &heads));
    type Field<'a> = (&'a str, &'a dyn Fn(&Proven) -> String);
    let fields: [Field<'_>; 5] = [
        ("I am", &|proven| proven.local.to_string()),
        ("you are", &|proven| proven.peer.to_string()),
        ("we have", &|proven| proven.flags.to_string()),
        ("sealed by", &|proven| cipher(proven)),
        ("until", &|proven| proven.expires.map_or("ever".to_owned(), |end| until(end, today))),
    ];
    for (name, field) in fields {
        if name == "until" && detail == Detail::Gist {
            continue;
        }
        let unproven = if name == "you are" && !proves_server(client) { ", or anybody: unproven" } else { "" };
        let mine = format!("{}{unproven}", field(client));
        let (left, right) = (paper.wrap(&mine, column - 2), paper.wrap(&field(server), column - 2));
        for index in 0..left.len().max(right.len()) {
            let name = if index == 0 { name } else { "" };
            let at = |lines: &[String]| lines.get(index).cloned().unwrap_or_default();
            lines.push(format!("  {name:LABEL$}{:column$}{}", at(&left), at(&right)));
        }
    }
    if played.act.spoken == Spoken::Negotiate {
        let why = client.why.to_string().replace(&MechanismId::KERBEROS.to_string(), "Kerberos");
        row("why", &why, paper, &mut lines);
    }
    if detail == Detail::All {
        row("echo", &echoed(echoes.len()), paper, &mut lines);
    }
    let phases = phases.iter().map(|phase| format!("{} {}", phase.name, milliseconds(phase.took)));
    row("time", &phases.collect::<Vec<_>>().join(", "), paper, &mut lines);
    lines
}

fn echoed(count: usize) -> String {
    match count {
        1 => "a sealed message went out and came back as it was; it could not be read on the way".to_owned(),
        _ => format!("{count} sealed messages went out and came back as they were; none could be read on the way"),
    }
}

/// Whether the client has proof of the server.
pub(super) fn proves_server(client: &Proven) -> bool {
    client.flags.contains(Flags::MUTUAL)
}

fn cipher(proven: &Proven) -> String {
    match (proven.mechanism, proven.enctype) {
        (_, Some(enctype)) => enctype.to_string(),
        (MechanismId::NTLM, None) => "RC4 with 128 bits (NTLM's)".to_owned(),
        _ => "nothing".to_owned(),
    }
}

/// A time to come, and how far it is.
fn until(end: Time, today: Time) -> String {
    // To the nearest minute.
    let left = end.saturating_since(today) + Duration::from_secs(30);
    format!("{}, for {}", day_and_time(end), span::words(left))
}

/// Each cheat, and what the sides say of it.
fn cheats(played: &Played, paper: &Paper) -> Vec<String> {
    let mut lines = vec![String::new(), paper.paint(STRONG, "Now somebody cheats"), String::new()];
    for attempt in &played.attempts {
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

fn table(played: &Played, paper: &Paper) -> Vec<String> {
    // As wide in every act.
    let titles = [&acts::KERBEROS, &acts::NTLM, &acts::NEGOTIATE_KERBEROS, &acts::NEGOTIATE_NTLM]
        .iter()
        .flat_map(|act| act.cheats.iter().map(|cheat| cheat.title.len()))
        .max()
        .unwrap_or_default()
        + 2;
    let heads = format!("    {:titles$}{:12}{}", "cheat", "refused by", "because");
    let mut lines = vec![paper.paint(FAINT, &heads)];
    lines.extend(played.attempts.iter().map(|attempt| table_row(attempt, titles, paper)));
    lines
}

fn table_row(attempt: &Attempt, titles: usize, paper: &Paper) -> String {
    let title = attempt.cheat.title;
    let expected = attempt.cheat.expected;
    match attempt.verdict() {
        Verdict::Refused => {
            let mark = paper.paint(GOOD, "✓");
            let reason = match attempt.flag_sets {
                Some(Count { refused, tried }) => format!("{refused} of {tried} sets of flags refused"),
                None => expected.reason.words().to_owned(),
            };
            format!("  {mark} {title:titles$}{:12}{reason}", expected.by.to_string())
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

fn last_lines(play: &Play, paper: &Paper) -> Vec<String> {
    let refused = play.attempts().filter(|attempt| attempt.verdict().is_good()).count();
    let count = play.attempts().count();
    let style = if refused == count { GOOD } else { BAD };
    let text = format!("{refused} of {count} cheats were refused by the other side.");
    let took = paper.paint(FAINT, &format!(" All of it took {}.", milliseconds(play.took)));
    let mut lines = vec![format!("  {}{took}", paper.paint(style, &text))];
    if play.acts.iter().any(|played| !proves_server(&played.session.client)) {
        let warning = "NTLM does not prove the server: use Kerberos where there is a KDC.";
        lines.extend(indented(warning, paper));
    }
    if play.detail() == Detail::Gist {
        let hint = "All that the messages carry, and what the sides say of each cheat: handfast demo --mechanism kerberos, or ntlm, or negotiate";
        lines.extend(indented(hint, paper).map(|line| paper.paint(FAINT, &line)));
    }
    lines
}

/// `12.3 ms`.
pub(super) fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}
