//! SIGINT (Ctrl-C) and SIGTERM, as something that a thread waits for.

use crate::failure::{Exit, Failure};
use nix::sys::signal::{SigSet, Signal};
use std::thread;

/// Calls `stop` when the first SIGINT or SIGTERM comes; with the second one the program ends at once.
///
/// To be called before other threads are started: they inherit that these signals are left to the thread that waits for them.
pub(crate) fn on_stop(stop: impl FnOnce(&'static str) + Send + 'static) -> Result<(), Failure> {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
    signals.thread_block().map_err(|error| Failure::new(Exit::Other, format!("signals can't be awaited: {error}")))?;
    thread::spawn(move || {
        if let Ok(signal) = signals.wait() {
            // From here on the signals do what they do by default.
            let _ = signals.thread_unblock();
            stop(signal.as_str());
        }
        loop {
            thread::park();
        }
    });
    Ok(())
}
