//! A Kerberos V5 realm as a function: request bytes and the time in, reply bytes out.
