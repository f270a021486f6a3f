//! The first context of a process, which needs a process of its own for each figure.

use crate::contender::Result;
use crate::mit::Mit;
use crate::ours;
use crate::realm::{Files, file};
use handfast_interop::Enctype;
use std::process::Command;
use std::time::{Duration, Instant};

/// The first argument of such a process.
pub const ARGUMENT: &str = "--first-context";

/// Starts this program again to set up one context by the contender of that name, and reads how long that took.
pub fn measure(contender: &str, enctype: Enctype, files: &Files) -> Result<Duration> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([ARGUMENT, contender, enctype.name()]).args([&files.ccache, &files.keytab, &files.config]);
    command.env("KRB5_CONFIG", &files.config).env("KRB5RCACHENAME", "none:");
    command.env("KRB5CCNAME", file(&files.ccache)).env("KRB5_KTNAME", file(&files.keytab));
    command.env_remove("KRB5_CLIENT_KTNAME");
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("the first context failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(Duration::from_nanos(String::from_utf8(output.stdout)?.trim().parse()?))
}

/// What such a process does: prints the nanoseconds.
pub fn run(arguments: &[String]) -> Result<()> {
    let [contender, enctype, ccache, keytab, config] = arguments else {
        return Err("five arguments are needed".into());
    };
    let named = |known: &Enctype| known.name() == enctype;
    let enctype = Enctype::ALL.into_iter().find(named).ok_or("an unknown encryption type")?;
    let files = Files { ccache: ccache.into(), keytab: keytab.into(), config: config.into() };
    let time = match contender.as_str() {
        "MIT" => {
            // A program is linked with the library; that its loader does is not counted here.
            let library = Mit::load()?;
            timed(|| Mit::first_context(library, enctype))?
        }
        _ => timed(|| ours::first_context(enctype, &files))?,
    };
    println!("{}", time.as_nanos());
    Ok(())
}

fn timed(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed())
}
