//! The bench runs to its end against MIT's library.

use handfast_benches::Way;
use handfast_benches::measure::Work;
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
        let line = run.stdout.lines().find_map(|line| line.strip_prefix(&row.title())?.strip_prefix(' '));
        let figures = line.unwrap_or_else(|| panic!("no row {:?} in {run}", row.title()));
        let figures: Vec<&str> = figures.split_whitespace().collect();
        let [unit, mit, ours, ..] = figures.as_slice() else { panic!("too few figures in {figures:?}") };
        assert_eq!(*unit, row.unit());
        let above_zero = |figure: &str| figure.parse::<f64>().is_ok_and(|figure| figure > 0.0);
        let has_none = matches!(row.work, Work::Kdc(_, Way::Call));
        assert!(if has_none { *mit == "-" } else { above_zero(mit) }, "{} {figures:?}", row.title());
        assert!(above_zero(ours), "{} {figures:?}", row.title());
    }
}
