//! MIT krb5: its KDC, its programs, its configuration files.

pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod enctype;
pub(crate) mod gss_server;
pub(crate) mod klist;
pub(crate) mod realm;
