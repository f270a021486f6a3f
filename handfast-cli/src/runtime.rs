//! tokio, for the commands that need it.

use crate::failure::{Exit, Failure};
use tokio::runtime::Builder;

/// Runs `work`, and does not wait for what was left waiting on other threads.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Other, format!("no threads for connections: {error}")))?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}
