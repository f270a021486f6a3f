//! The manual: how to, what the defaults are and why, and what went wrong elsewhere.
//!
//! - [`certificates`]: logins with a certificate, and whose are believed
//! - [`coming_from_mit`]: what of MIT's programs is called how in `handfast`
//! - [`defaults`]: every default, its reason, and the name of what turns it off
//! - [`how_to`]: short recipes
//! - [`krb5_conf`]: what becomes of each relation of `krb5.conf`
//! - [`limits`]: every limit on what a peer can make us do
//! - [`negotiate`]: how two ends agree on a mechanism, and what keeps the choice honest
//! - [`past_vulnerabilities`]: mistakes of this field, and the test that we don't make them

#[doc = include_str!("certificates.md")]
pub mod certificates {}

#[doc = include_str!("coming_from_mit.md")]
pub mod coming_from_mit {}

#[doc = include_str!("defaults.md")]
pub mod defaults {}

#[doc = include_str!("how_to.md")]
pub mod how_to {}

#[doc = include_str!("krb5_conf.md")]
pub mod krb5_conf {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("negotiate.md")]
pub mod negotiate {}

#[doc = include_str!("past_vulnerabilities.md")]
pub mod past_vulnerabilities {}
