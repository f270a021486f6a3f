//! The bench of forwarding runs to its end with the program.

use handfast_benches::forward::{idle_works, title, works};
use std::process::Command;
use std::time::Duration;

#[test]
fn every_row_of_forwarding_has_a_figure() {
    handfast_interop::require_peers();
    let build = Command::new(env!("CARGO")).args(["build", "-q", "-p", "handfast-cli", "--bin", "handfast"]).status();
    assert!(build.is_ok_and(|status| status.success()), "the program is not built");
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast-forward-bench"));
    let run = handfast_interop::run(command.arg("--quick"), "", Duration::from_secs(120));
    run.expect_success();
    for work in works().into_iter().chain(idle_works()) {
        let title = title(work);
        let line = run.stdout.lines().find_map(|line| line.strip_prefix(&title)?.strip_prefix(' '));
        let figures = line.unwrap_or_else(|| panic!("no row {title:?} in {run}"));
        let ours = figures.split_whitespace().rfind(|figure| !figure.ends_with('x'));
        let above_zero = ours.and_then(|figure| figure.parse::<f64>().ok()).is_some_and(|figure| figure >= 0.0);
        assert!(above_zero, "{title} {figures:?}");
    }
}
