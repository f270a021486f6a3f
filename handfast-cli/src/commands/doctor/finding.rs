//! What is found, and how it is shown.

use crate::failure::{Exit, Failure};
use crate::output::{BAD, FAINT, GOOD, Output};
use serde_json::json;

/// One thing that was looked at.
#[derive(Debug)]
pub(super) struct Finding {
    about: &'static str,
    state: State,
    what: String,
    next: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// It may be meant so.
    Odd,
    Wrong(Exit),
}

impl Finding {
    /// It is as it has to be.
    pub(super) fn good(about: &'static str, what: impl ToString) -> Self {
        Finding { about, state: State::Good, what: what.to_string(), next: None }
    }

    /// It works, and may surprise.
    pub(super) fn odd(about: &'static str, what: impl ToString, next: impl ToString) -> Self {
        Finding { about, state: State::Odd, what: what.to_string(), next: Some(next.to_string()) }
    }

    /// It has to be mended.
    pub(super) fn wrong(about: &'static str, failure: Failure) -> Self {
        Finding { about, state: State::Wrong(failure.exit), what: failure.cause, next: failure.next }
    }

    /// Wrong things that do not matter while others are right.
    pub(super) fn at_least_odd(self) -> Self {
        Finding { state: if self.state == State::Good { State::Good } else { State::Odd }, ..self }
    }
}

/// All that was found so far.
pub(super) struct Report<'o> {
    output: &'o Output,
    /// How many things are wrong, and the class of the first.
    wrong: Option<(usize, Exit)>,
    odd: usize,
}

impl<'o> Report<'o> {
    pub(super) fn new(output: &'o Output) -> Self {
        Report { output, wrong: None, odd: 0 }
    }

    /// Shows it at once: the next look may take its time.
    pub(super) fn tell(&mut self, finding: Finding) -> Result<(), Failure> {
        let Finding { about, state, what, next } = finding;
        let (mark, name) = match state {
            State::Good => (self.output.paint(GOOD, "✓"), "good"),
            State::Odd => (self.output.paint(FAINT, "!"), "odd"),
            State::Wrong(_) => (self.output.paint(BAD, "✗"), "wrong"),
        };
        match state {
            State::Good => {}
            State::Odd => self.odd += 1,
            State::Wrong(exit) => self.wrong = Some(self.wrong.map_or((1, exit), |(count, first)| (count + 1, first))),
        }
        self.output.line(format!(" {mark} {about:<13} {what}"))?;
        if let Some(next) = &next {
            self.output.line(self.output.paint(FAINT, format!("{:17}→ {next}", "")))?;
        }
        self.output.object(&json!({ "about": about, "state": name, "what": what, "next": next }))
    }

    pub(super) fn tell_all(&mut self, findings: Vec<Finding>) -> Result<(), Failure> {
        findings.into_iter().try_for_each(|finding| self.tell(finding))
    }

    /// The sum of it.
    ///
    /// # Errors
    /// With the class of the first thing that is wrong.
    pub(super) fn end(self) -> Result<(), Failure> {
        match self.wrong {
            Some((1, exit)) => Err(Failure::new(exit, "one thing is wrong: see above")),
            Some((count, exit)) => Err(Failure::new(exit, format!("{count} things are wrong: see above"))),
            None if self.odd > 0 => {
                self.output.line("Nothing is wrong; what is marked with ! may not be what you want.")
            }
            None => self.output.line(self.output.paint(GOOD, "Nothing is wrong.")),
        }
    }
}
