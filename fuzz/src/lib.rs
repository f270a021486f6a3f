//! What the fuzz targets do with their input, one function for each target, and the seeds of their corpora.
//!
//! A finding is a panic: of the library, or of an `assert!` here. See `README.md`.
#![forbid(unsafe_code)]

pub mod dce_style;
pub mod dns;
pub mod iakerb;
pub mod machines;
pub mod meeting;
pub mod negotiate;
pub mod ntlm;
pub mod on_behalf;
pub mod pac;
pub mod parsers;
pub mod password;
pub mod pkinit;
pub mod replay_file;
pub mod seeds;
pub mod streams;
pub mod tools;
pub mod user_to_user;
