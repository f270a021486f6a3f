//! The bench runs to its end against MIT's library.

use std::process::Command;

#[test]
fn every_row_has_a_figure_above_zero() {
    handfast_interop::require_peers();
    let run = handfast_interop::run(
        Command::new(env!("CARGO_BIN_EXE_handfast-bench")).arg("--quick"),
        "",
        std::time::Duration::from_secs(120),
    );
    run.expect_success();
    for row in handfast_benches::table::rows() {
        let line = run.stdout.lines().find_map(|line| line.strip_prefix(&row.title()));
        let figures = line.unwrap_or_else(|| panic!("no row {:?} in {run}", row.title()));
        let mit: f64 = figures.split_whitespace().next().and_then(|figure| figure.parse().ok()).unwrap();
        assert!(mit > 0.0, "{} {figures}", row.title());
    }
}
