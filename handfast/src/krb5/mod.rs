//! Kerberos V5 below the GSS-API: messages, encryption types, files and exchanges.

pub mod enctype;
