//! The thread that writes the lines.

use super::cannot_open;
use crate::failure::{Exit, Failure};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How many lines may wait to be written.
const QUEUE: usize = 8192;
/// How long the end of the program waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(2);

enum Order {
    Line(String),
    Reopen(File),
}

/// Hands lines to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    orders: Option<SyncSender<Order>>,
    lost: Arc<AtomicU64>,
    path: Option<PathBuf>,
    done: Mutex<Receiver<()>>,
}

impl Writer {
    /// `tell` makes the line that says how many were left out.
    pub(super) fn start(path: Option<PathBuf>, tell: fn(u64) -> String) -> Result<Self, Failure> {
        let sink: Box<dyn Write + Send> = match &path {
            Some(path) => Box::new(open(path)?),
            None => Box::new(io::stderr()),
        };
        let (orders, queue) = sync_channel(QUEUE);
        let (finished, done) = channel();
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        thread::Builder::new()
            .name("log".into())
            .spawn(move || work(sink, &queue, &counted, tell, finished))
            .map_err(|error| Failure::new(Exit::Other, format!("the log can't be started: {error}")))?;
        Ok(Writer { orders: Some(orders), lost, path, done: Mutex::new(done) })
    }

    /// A line that has no place in the queue is counted and left out.
    pub(super) fn write(&self, line: String) {
        let taken = self.orders.as_ref().is_some_and(|orders| orders.try_send(Order::Line(line)).is_ok());
        if !taken {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn reopen(&self) -> Result<(), Failure> {
        if let (Some(path), Some(orders)) = (&self.path, &self.orders) {
            // If the thread is gone, there is nobody to write to the new file either.
            let _ = orders.send(Order::Reopen(open(path)?));
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        // Whoever holds the other end of standard error and does not read does not keep us.
        let done = self.done.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _: Result<(), RecvTimeoutError> = done.recv_timeout(PATIENCE);
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    OpenOptions::new().append(true).create(true).open(path).map_err(|error| cannot_open(path, &error))
}

/// `finished` tells by being dropped that all is written. A log that can't be written ends no server.
fn work(
    mut sink: Box<dyn Write + Send>,
    queue: &Receiver<Order>,
    lost: &AtomicU64,
    tell: fn(u64) -> String,
    finished: Sender<()>,
) {
    for order in queue {
        match order {
            Order::Line(line) => {
                let _ = sink.write_all((line + "\n").as_bytes());
                let lost = lost.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    let _ = sink.write_all((tell(lost) + "\n").as_bytes());
                }
            }
            Order::Reopen(file) => sink = Box::new(file),
        }
        let _ = sink.flush();
    }
    drop(finished);
}
