//! The same as one JSON document.

use super::cheats::{Attempt, Count};
use super::client::Proven;
use super::explain::Step;
use super::play::{Play, Played, Session};
use super::show::proves_server;
use super::verdict::{End, Verdict};
use super::wire::Party;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// All of it.
pub(super) fn document(play: &Play) -> Value {
    json!({
        "realm": play.realm,
        "kdc": play.kdc.to_string(),
        "acts": play.acts.iter().map(act).collect::<Vec<_>>(),
        "cheats_tried": play.attempts().count(),
        "cheats_refused": play.attempts().filter(|attempt| attempt.verdict().is_good()).count(),
        "refused": play.attempts().all(|attempt| attempt.verdict().is_good()),
        "milliseconds": ms(play.took),
    })
}

fn act(played: &Played) -> Value {
    let Session { client, server, echoes, phases } = &played.session;
    let began = played.steps.first().map(|step| step.at);
    let phases = phases.iter().map(|phase| json!({ "phase": phase.name, "milliseconds": ms(phase.took) }));
    json!({
        "act": played.act.name,
        "title": played.act.title,
        "about": played.act.note,
        "server": played.server.to_string(),
        "server_is_proven": proves_server(client),
        "steps": played.steps.iter().map(|step| of_step(step, began)).collect::<Vec<_>>(),
        "client": proven(client),
        "service": proven(server),
        "echoes": echoes,
        "phases": phases.collect::<Vec<_>>(),
        "cheats": played.attempts.iter().map(attempt).collect::<Vec<_>>(),
    })
}

fn of_step(step: &Step, began: Option<Instant>) -> Value {
    json!({
        "from": party(step.from),
        "to": party(step.to),
        "message": step.message,
        "carrier": step.carrier,
        "bytes": step.bytes,
        "at_milliseconds": began.map(|began| ms(step.at.saturating_duration_since(began))),
        "says": step.says,
    })
}

fn proven(proven: &Proven) -> Value {
    json!({
        "local": proven.local.to_string(),
        "peer": proven.peer.to_string(),
        "flags": proven.flags.names().collect::<Vec<_>>(),
        "mechanism": proven.mechanism.to_string(),
        "why": proven.why.to_string(),
        "enctype": proven.enctype.map(|enctype| enctype.to_string()),
        "expires": proven.expires.map(|time| time.to_string()),
    })
}

fn attempt(attempt: &Attempt) -> Value {
    let verdict = attempt.verdict();
    let how = if let Verdict::RefusedOtherwise(how) = &verdict { Some(how) } else { None };
    let refuser = attempt.cheat.expected.by;
    json!({
        "cheat": attempt.cheat.name,
        "title": attempt.cheat.title,
        "what": attempt.cheat.what,
        "verdict": verdict.name(),
        "otherwise": how,
        "convinced": attempt.convinced.map(party),
        "refused_by": attempt.convinced.is_none().then(|| party(refuser)),
        "reason": attempt.end_of(refuser).map(|end| end.reason.name()),
        "sides": attempt.ends.iter().map(side).collect::<Vec<_>>(),
        "flag_sets": attempt.flag_sets.map(|Count { refused, tried }| json!({ "refused": refused, "tried": tried })),
        "bytes": attempt.bytes,
    })
}

fn side((who, end): &(Party, End)) -> Value {
    json!({ "side": party(*who), "reason": end.reason.name(), "text": end.text })
}

fn party(party: Party) -> String {
    party.name().to_ascii_lowercase()
}

/// Milliseconds, to the microsecond.
fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
