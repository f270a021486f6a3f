//! `handfast-bench [--quick]`: prints the table of `handfast_benches`.

use handfast_benches::contender::{Contender, Result};
use handfast_benches::measure::{Plan, compare};
use handfast_benches::mit::Mit;
use handfast_benches::table::{head, rows};
use std::time::Duration;

const USAGE: &str = "usage: handfast-bench [--quick]\n\
    --quick   one short pass per figure: shows that everything runs, not how fast";

fn main() -> Result<()> {
    let plan = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => Plan { rounds: 9, pass: Duration::from_millis(60) },
        [quick] if quick == "--quick" => Plan { rounds: 1, pass: Duration::from_millis(1) },
        _ => return Err(USAGE.into()),
    };
    // SAFETY: this is the only thread, now and later.
    let mit = unsafe { Mit::start()? };
    let mut contenders: Vec<Box<dyn Contender>> = vec![Box::new(mit)];
    print(&mut contenders, plan)
}

fn print(contenders: &mut [Box<dyn Contender>], plan: Plan) -> Result<()> {
    if cfg!(debug_assertions) {
        println!("a debug build: the figures mean nothing (cargo run --release -p handfast-benches)");
    }
    println!("best of {} interleaved passes of about {:?}, one thread", plan.rounds, plan.pass);
    println!("{}", head(&contenders.iter().map(|contender| contender.name()).collect::<Vec<_>>()));
    for row in rows() {
        let seconds = compare(contenders, row.work, plan)?;
        println!("{}", row.line(&seconds));
    }
    Ok(())
}
