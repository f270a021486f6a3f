//! SIGINT (Ctrl-C), SIGTERM and SIGHUP, as something that one waits for.

use crate::failure::{Exit, Failure};
use nix::sys::signal::{SigSet, Signal};
use std::thread;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What a signal asks of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// SIGINT or SIGTERM: to end.
    Stop,
    /// SIGHUP: to read its files anew.
    Reload,
}

/// Calls `stop` when the first SIGINT or SIGTERM comes; with the second one the program ends at once.
///
/// To be called before other threads are started: they inherit that these signals are left to the thread that waits for them.
pub(crate) fn on_stop(stop: impl Fn() + Send + 'static) -> Result<(), Failure> {
    watch(false, move |_| stop())
}

/// The same for servers on tokio, which may reload their files, too. Without `reload`, SIGHUP ends the program.
pub(crate) fn asked(reload: bool) -> Result<UnboundedReceiver<Asked>, Failure> {
    let (sender, receiver) = unbounded_channel();
    watch(reload, move |asked| {
        // Who does not listen any more has stopped already.
        let _ = sender.send(asked);
    })?;
    Ok(receiver)
}

fn watch(reload: bool, tell: impl Fn(Asked) + Send + 'static) -> Result<(), Failure> {
    let stop = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
    let mut signals = stop;
    if reload {
        signals.add(Signal::SIGHUP);
    }
    signals.thread_block().map_err(|error| Failure::new(Exit::Other, format!("signals can't be awaited: {error}")))?;
    thread::spawn(move || {
        while let Ok(signal) = signals.wait() {
            if signal == Signal::SIGHUP {
                tell(Asked::Reload);
                continue;
            }
            // From here on these do what they do by default.
            let _ = stop.thread_unblock();
            tell(Asked::Stop);
            break;
        }
        loop {
            thread::park();
        }
    });
    Ok(())
}
