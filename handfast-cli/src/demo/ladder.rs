//! The picture: three life lines, an arrow for each message, and beside it what it says.

use super::explain::Step;
use super::paper::Paper;
use super::play::Phase;
use super::show::milliseconds;
use super::wire::Party;
use crate::output::{FAINT, STRONG};

/// Where the client's life line stands.
const FIRST: usize = 4;

/// What stands before a sentence that goes on.
const HANGING: &str = "  ";

/// Where things stand on a paper.
struct Ladder<'p> {
    paper: &'p Paper,
    /// Between two life lines.
    gap: usize,
}

/// How much is said beside the arrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The gist of each message.
    Gist,
    /// All that it says, its size, and what it travels in.
    All,
}

/// Draws `steps`; each phase is announced where it begins.
pub(super) fn ladder(steps: &[Step], phases: &[Phase], detail: Detail, paper: &Paper) -> Vec<String> {
    let ladder = Ladder { paper, gap: if paper.width >= 110 { 20 } else { 15 } };
    let mut lines = vec![ladder.names()];
    let mut phases = phases.iter().peekable();
    for step in steps {
        let phase = phases.next_if(|phase| begins(phase, step));
        if phase.is_some() || detail == Detail::All {
            lines.push(ladder.beside(&ladder.idle(), ""));
        }
        if let Some(phase) = phase {
            let title = paper.paint(STRONG, phase.title);
            let took = paper.paint(FAINT, &format!("  {}", milliseconds(phase.took)));
            lines.push(ladder.beside(&ladder.idle(), &format!("{title}{took}")));
            if detail == Detail::All {
                lines.push(ladder.beside(&ladder.idle(), ""));
            }
        }
        match detail {
            Detail::All => ladder.step(step, &mut lines),
            Detail::Gist => ladder.gist(step, &mut lines),
        }
    }
    lines.push(ladder.beside(&ladder.idle(), ""));
    lines
}

fn begins(phase: &Phase, step: &Step) -> bool {
    phase.first == step.message
}

impl Ladder<'_> {
    fn place(&self, party: Party) -> usize {
        FIRST
            + self.gap
                * match party {
                    Party::Client => 0,
                    Party::Kdc => 1,
                    Party::Server => 2,
                }
    }

    /// Where the words begin.
    fn margin(&self) -> usize {
        self.place(Party::Server) + 3
    }

    fn names(&self) -> String {
        let mut line = String::new();
        for party in [Party::Client, Party::Kdc, Party::Server] {
            let start = self.place(party).saturating_sub(party.name().len() / 2);
            line.push_str(&" ".repeat(start.saturating_sub(line.len())));
            line.push_str(party.name());
        }
        self.paper.paint(STRONG, &line)
    }

    /// The life lines, with nothing between.
    fn idle(&self) -> String {
        let between = " ".repeat(self.gap - 1);
        format!("{}│{between}│{between}│", " ".repeat(FIRST))
    }

    /// The life lines, and the message on its way.
    fn arrow(&self, step: &Step) -> String {
        let (from, to) = (self.place(step.from), self.place(step.to));
        let (left, right) = (from.min(to), from.max(to));
        let shaft = shaft(step.message, right - left - 1, from < to);
        let before = if left > FIRST { format!("│{}", " ".repeat(self.gap - 1)) } else { String::new() };
        let last = self.place(Party::Server);
        let after = if right < last { format!("{}│", " ".repeat(last - right - 1)) } else { String::new() };
        format!("{}{before}│{shaft}│{after}", " ".repeat(FIRST))
    }

    /// `lines` of the picture with words beside them.
    fn beside(&self, picture: &str, words: &str) -> String {
        let gap = " ".repeat(self.margin().saturating_sub(picture.chars().count()));
        format!("{}{gap}{words}", self.paper.paint(FAINT, picture))
    }

    fn step(&self, step: &Step, lines: &mut Vec<String>) {
        let size = format!("{} bytes, {}", step.bytes, step.carrier);
        lines.push(self.arrow_beside(step, &self.paper.paint(FAINT, &size)));
        for sentence in &step.says {
            lines.extend(self.sentence(sentence).map(|line| self.beside(&self.idle(), &line)));
        }
    }

    /// The message's first sentence, beside its arrow.
    fn gist(&self, step: &Step, lines: &mut Vec<String>) {
        let mut words = step.says.first().into_iter().flat_map(|gist| self.sentence(gist));
        lines.push(self.arrow_beside(step, &words.next().unwrap_or_default()));
        lines.extend(words.map(|line| self.beside(&self.idle(), &line)));
    }

    /// The message on its way, with words beside it.
    fn arrow_beside(&self, step: &Step, words: &str) -> String {
        let picture = self.arrow(step);
        let gap = " ".repeat(self.margin().saturating_sub(picture.chars().count()));
        let picture = picture.replacen(step.message, &self.paper.paint(STRONG, step.message), 1);
        format!("{picture}{gap}{words}")
    }

    /// A sentence in lines.
    fn sentence(&self, sentence: &str) -> impl Iterator<Item = String> {
        let width = self.paper.width.saturating_sub(self.margin() + HANGING.len());
        let lines = self.paper.wrap(sentence, width).into_iter().enumerate();
        lines.map(|(index, line)| if index > 0 { format!("{HANGING}{line}") } else { line })
    }
}

/// An arrow of `length` characters with a name in its middle.
fn shaft(name: &str, length: usize, to_the_right: bool) -> String {
    let line = length.saturating_sub(name.len() + 3);
    let (before, after) = ("─".repeat(line / 2), "─".repeat(line - line / 2));
    if to_the_right { format!("{before} {name} {after}▶") } else { format!("◀{before} {name} {after}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shafts_are_as_long_as_asked_for() {
        for length in 12..40 {
            assert_eq!(shaft("KRB-ERROR", length, true).chars().count(), length);
            assert_eq!(shaft("KRB-ERROR", length, false).chars().count(), length);
        }
        assert_eq!(shaft("AP-REQ", 15, true), "─── AP-REQ ───▶");
    }
}
