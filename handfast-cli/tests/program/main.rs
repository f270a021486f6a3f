//! The program as its users see it: started as a process, judged by its output and its exit code.
//!
//! Every test has a folder, a realm, a KDC and an environment of its own.

// These are tests, though not all of it is in functions that clippy knows to be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod certificates;
mod connections;
mod corners;
mod decode;
mod dns;
mod doctor;
mod forward;
mod habits;
mod help;
mod iakerb;
mod ntlm;
mod options;
mod realm;
mod realm_rules;
mod reload;
mod samples;
mod support;
mod tickets;
