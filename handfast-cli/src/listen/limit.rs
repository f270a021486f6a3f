//! How many files the system lets this program have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files that are no connections.
const OTHERS: u64 = 64;

/// Raises the soft limit of open files to the hard one, and tells how many connections of `each` files there can be: `wanted`, or
/// as many as the limit allows.
pub(crate) fn within_open_files(wanted: usize, each: u64) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return wanted };
    let limit = if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft };
    usize::try_from(limit.saturating_sub(OTHERS) / each).unwrap_or(usize::MAX).clamp(1, wanted.max(1))
}
