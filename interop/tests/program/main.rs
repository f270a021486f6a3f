//! The `handfast` program with MIT's programs: their KDC and ours, their gss-client and gss-server, their klist. The verdict is
//! theirs: what they print, log and trace.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(unreachable_pub, reason = "a test binary has no users")]

mod caches;
mod connect;
mod doctor;
mod fast;
mod for_user;
mod habits;
mod handfast;
mod host_names;
mod iakerb;
mod identities;
mod kdcs;
mod keytabs;
mod kkdcp;
mod lasting;
mod learned;
mod otp;
mod passwd;
mod peers;
mod pkinit;
mod postdated;
mod realm;
mod refusals;
mod replicas;
mod rules;
mod serve;
mod spake;
mod tickets;
