//! The same cases for both ways of asking.

mod by_threads;

#[cfg(feature = "tokio")]
mod by_tasks;
