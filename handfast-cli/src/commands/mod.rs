//! One file per command: its arguments, and how it is run.

pub(crate) mod connect;
pub(crate) mod decode;
pub(crate) mod doctor;
pub(crate) mod get;
pub(crate) mod keytab;
pub(crate) mod list;
pub(crate) mod login;
mod login_armor;
mod login_certificate;
mod login_for_user;
mod login_ticket;
pub(crate) mod logout;
mod new_password;
mod one_time_password;
pub(crate) mod passwd;
pub(crate) mod realm;
pub(crate) mod serve;
pub(crate) mod switch;
