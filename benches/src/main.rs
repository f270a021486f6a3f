//! `handfast-bench`: prints the table of `handfast_benches`.

use handfast_benches::contender::{Contender, Result};
use handfast_benches::measure::{Plan, compare};
use handfast_benches::mit::Mit;
use handfast_benches::ours::Handfast;
use handfast_benches::realm::Realm;
use handfast_benches::table::{Row, head, rows};
use handfast_benches::{first, machine};
use std::time::Duration;

const USAGE: &str = "usage: handfast-bench [--quick] [--json] [TEXT ...]\n\
    --quick   one short pass per figure: shows that everything runs, not how fast\n\
    --json    one object per line in place of the table\n\
    TEXT      only rows whose title holds one of the texts, such as \"contexts\" or \"64 B\"";

/// What the command line asks for.
struct Options {
    plan: Plan,
    json: bool,
    only: Vec<String>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((mode, rest)) if mode == first::ARGUMENT => first::run(rest),
        Some((help, _)) if help == "--help" || help == "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        _ => run(&options(arguments)?),
    }
}

fn options(arguments: Vec<String>) -> Result<Options> {
    let plan = Plan { rounds: 60, pass: Duration::from_millis(10) };
    let mut options = Options { plan, json: false, only: Vec::new() };
    for argument in arguments {
        match argument.as_str() {
            "--quick" => options.plan = Plan { rounds: 1, pass: Duration::from_millis(1) },
            "--json" => options.json = true,
            other if other.starts_with("--") => return Err(format!("unknown option {other}\n{USAGE}").into()),
            _ => options.only.push(argument),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<()> {
    let wanted = |row: &Row| options.only.is_empty() || options.only.iter().any(|text| row.title().contains(text));
    let rows: Vec<Row> = rows().into_iter().filter(wanted).collect();
    if rows.is_empty() {
        return Err("no row has such a title".into());
    }
    let realm = Realm::start();
    // SAFETY: this is the only thread; others are started by contenders alone, and end before these calls return.
    let mit = unsafe { Mit::start(&realm)? };
    let has_ntlm = mit.has_ntlm();
    let mut contenders: Vec<Box<dyn Contender>> = vec![Box::new(mit), Box::new(Handfast::new(&realm))];
    let names: Vec<&str> = contenders.iter().map(|contender| contender.name()).collect();
    if !options.json {
        print_head(&names, options.plan, has_ntlm);
    }
    for row in rows {
        let costs = compare(&mut contenders, row.work, options.plan)?;
        println!("{}", if options.json { row.json(&names, &costs) } else { row.line(&costs) });
    }
    Ok(())
}

fn print_head(names: &[&str], plan: Plan, has_ntlm: bool) {
    if cfg!(debug_assertions) {
        println!("a debug build: the figures mean nothing (cargo run --release -p handfast-benches)");
    }
    println!("{}", machine::describe());
    println!("best of {} interleaved passes of about {:?}; ! is a goal that is missed", plan.rounds, plan.pass);
    println!("ntlm in the peer's column is gss-ntlmssp{}", if has_ntlm { "" } else { ", which is not installed here" });
    println!("{}", head(names));
}
