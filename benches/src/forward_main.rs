//! `handfast-forward-bench`: prints the tables of `handfast_benches::forward`.

use handfast_benches::contender::Result;
use handfast_benches::forward::{Backend, Plan, Route, Socat, Work, compare, head, idle_works, line, works};
use handfast_benches::machine;
use handfast_benches::realm::Realm;
use std::time::Duration;

const USAGE: &str = "usage: handfast-forward-bench [--quick]\n\
    --quick   one short pass per figure: shows that everything runs, not how fast";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => run(Plan { rounds: 10, pass: Duration::from_millis(100), idle: 2000 }),
        ["--quick"] => run(Plan { rounds: 1, pass: Duration::from_millis(1), idle: 100 }),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(USAGE.into()),
    }
}

fn run(plan: Plan) -> Result<()> {
    println!("{}", machine::describe());
    println!("best of {} interleaved passes of about {:?}, all on loopback", plan.rounds, plan.pass);
    let (backend, realm) = (Backend::start()?, Realm::start());
    println!("\nclient, serve --forward, service; beside it one copy in between");
    let routes = beside(backend, 1, Route::serve(backend, &realm)?)?;
    table(&routes, works().into_iter().chain(idle_works()), plan)?;
    println!("\nclient, connect --listen, serve --forward, service; beside it two copies in between");
    let routes = beside(backend, 2, Route::chain(backend, &realm)?)?;
    table(&routes, works(), plan)
}

/// The others first.
fn beside(backend: Backend, hops: usize, ours: Route) -> Result<Vec<Route>> {
    let mut routes = vec![Route::copy(backend, hops)?];
    if Socat::is_installed() {
        routes.push(Route::socat(backend, hops)?);
    }
    routes.push(ours);
    Ok(routes)
}

fn table(routes: &[Route], works: impl IntoIterator<Item = Work>, plan: Plan) -> Result<()> {
    println!("{}", head(&routes.iter().map(Route::name).collect::<Vec<_>>()));
    for work in works {
        println!("{}", line(work, &compare(routes, work, plan)?));
    }
    Ok(())
}
