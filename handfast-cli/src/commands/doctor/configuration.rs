//! krb5.conf: which files were read, and what in them has no effect.

use super::Finding;
use crate::failure::{Exit, Failure};
use handfast::krb5::conf::{Treatment, WithoutEffect};
use handfast_net::Settings;
use std::path::PathBuf;

/// More than this of one kind are counted, not listed.
const LISTED: usize = 8;

pub(super) fn look(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![files(settings), default_realm(settings)];
    let warnings = settings.conf().warnings().iter().map(ToString::to_string);
    let without_effect = settings.conf().without_effect().into_iter().filter(matters);
    let odd: Vec<_> = warnings.chain(without_effect.map(|relation| relation.to_string())).collect();
    findings.extend(odd.iter().take(LISTED).map(|text| Finding::odd("configuration", text, "correct or remove it")));
    if odd.len() > LISTED {
        let text = format!("{} more lines without effect", odd.len() - LISTED);
        findings.push(Finding::odd("configuration", text, "correct or remove them"));
    }
    findings
}

/// What is ignored on purpose is as it should be.
fn matters(relation: &WithoutEffect) -> bool {
    relation.relation.is_none_or(|known| known.treatment == Treatment::Unsupported)
}

fn files(settings: &Settings) -> Finding {
    let files = settings.environment().config_files();
    let shown =
        |files: Vec<&PathBuf>| files.into_iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let there: Vec<_> = files.iter().filter(|path| path.exists()).collect();
    if there.is_empty() {
        let cause = format!("there is no configuration in {}", shown(files.iter().collect()));
        let next = "without one, all is found in the DNS; else write a krb5.conf, or set KRB5_CONFIG";
        return Finding::odd("configuration", cause, next);
    }
    Finding::good("configuration", format!("read from {}", shown(there)))
}

fn default_realm(settings: &Settings) -> Finding {
    match settings.default_realm() {
        Some(realm) => Finding::good("realm", format!("{realm} is the default realm")),
        None => Finding::wrong(
            "realm",
            Failure::new(Exit::Files, "the configuration names no default realm")
                .next("set default_realm in [libdefaults], or write names with their realm"),
        )
        .at_least_odd(),
    }
}
