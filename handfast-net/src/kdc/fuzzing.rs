//! A way in for `fuzz/`, which builds with `--cfg fuzzing`; other builds do not have it.

use super::{reply, tcp};

/// Whether this is taken for what a KDC says.
#[must_use]
pub fn looks_like_reply(bytes: &[u8]) -> bool {
    reply::looks_like_reply(bytes)
}

/// Whether it says that this KDC can't serve now.
#[must_use]
pub fn is_unavailable(bytes: &[u8]) -> bool {
    reply::is_unavailable(bytes)
}

/// How long the reply is that comes behind these four bytes, if that can be.
#[must_use]
pub fn tcp_length(header: &[u8; 4]) -> Option<u32> {
    tcp::reply_length(header).ok()
}
