//! Whom NTLM's contexts are between.

/// The account's domain, which is the server's too.
pub const DOMAIN: &str = "BENCH";
/// The account.
pub const USER: &str = "alice";
/// Its password.
pub const PASSWORD: &str = "correct horse battery staple";
/// The server's NetBIOS name.
pub const SERVER: &str = "SERVER";
/// The service, as RFC 2743 4.1 writes it.
pub const SERVICE: &str = "HTTP@localhost";
