//! `handfast passwd`: another password, one's own or, for who may, somebody else's.

use super::login;
use super::login_armor::ArmorOptions;
use super::new_password::NewPasswordSource;
use crate::failure::{Exit, Failure};
use crate::output::{Output, STRONG};
use crate::secret::PasswordSource;
use crate::span;
use handfast::Principal;
use handfast::crypto::OsRandom;
use handfast::krb5::HeldTicket;
use handfast::krb5::ccache::KdcOffset;
use handfast::krb5::exchange::{ClientSecret, Login, PasswordChange, TicketOptions, TicketRequest};
use handfast_net::login::{get_ticket, log_in};
use handfast_net::password::change_password;
use handfast_net::{Clock, Settings};
use serde_json::json;
use std::sync::Arc;

/// Change a password: your own, or set somebody else's
///
/// The old password is asked for once, the new one twice; the realm's password server (kpasswd_server of
/// krb5.conf) says whether it takes it. With --set an administrator sets another's password: by PRINCIPAL's own
/// password or keytab if PRINCIPAL is named, else with the login in the credential cache, where the realm takes
/// that (MIT's does not: name PRINCIPAL).
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast passwd                              your own, as whose cache it is, or as USER@DEFAULT-REALM
  handfast passwd alice@EXAMPLE.COM
  handfast passwd --set bob                    bob's, with the login in the cache
  handfast passwd admin/admin --set bob        bob's, by admin/admin's password
  handfast passwd alice --password-file old --new-password-file new"
)]
pub(crate) struct Args {
    /// Whose password it is, or with --set who sets it [default: whose cache it is, else USER@DEFAULT-REALM]
    principal: Option<String>,
    /// Set the password of TARGET
    #[arg(long, value_name = "TARGET")]
    set: Option<String>,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    new_password: NewPasswordSource,
    /// Prove who asks with keys from a keytab instead of the password [default: as for login]
    #[arg(long, short = 'k', value_name = "FILE", num_args = 0..=1, conflicts_with_all = ["password_stdin", "password_file"])]
    keytab: Option<Option<String>>,
    #[command(flatten)]
    armor: ArmorOptions,
    /// Credential cache, such as FILE:/tmp/cc or KCM:1000 [default: KRB5CCNAME, else the configured one]
    #[arg(long, short = 'c', value_name = "NAME")]
    cache: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let settings = Settings::from_process()?;
    let target = args.set.as_ref().map(|name| of_a_realm(&settings, name)).transpose()?;
    let (ticket, kdc_offset) = match &target {
        Some(target) if !args.says_who_asks() => from_login(args, &settings, target)?,
        _ => from_password(args, &settings, target.as_ref())?,
    };
    let whose = target.clone().unwrap_or_else(|| ticket.client.clone());
    let new_password = args.new_password.read(&whose)?;
    let change = match target {
        Some(target) => PasswordChange::set(&ticket, target, new_password, Arc::new(OsRandom)),
        None => PasswordChange::new(&ticket, new_password, Arc::new(OsRandom)),
    };
    let change = change.with_kdc_offset(kdc_offset);
    change_password(&change, settings.password_servers(), &Clock::system())?;
    let done = if whose == ticket.client { "changed" } else { "set" };
    output.result(
        format!("password of {} {done}", output.paint(STRONG, &whose)),
        &json!({ "principal": whose.to_string(), "by": ticket.client.to_string(), done: true }),
    )
}

impl Args {
    fn says_who_asks(&self) -> bool {
        let password = self.password.password_stdin || self.password.password_file.is_some();
        self.principal.is_some() || self.keytab.is_some() || password
    }
}

fn of_a_realm(settings: &Settings, name: &str) -> Result<Principal, Failure> {
    let principal = settings.principal(name)?;
    if principal.realm().is_empty() {
        let cause = format!("{name} is named without a realm, and krb5.conf has no default_realm");
        return Err(Failure::new(Exit::Files, cause).next(format!("write {name}@REALM, or set KRB5_CONFIG")));
    }
    Ok(principal)
}

/// A ticket for the password service, and how far the clock there is ahead.
type Proof = (HeldTicket, Option<KdcOffset>);

/// A ticket that came from the password itself, or from keys: the server sees that by its flag INITIAL.
fn from_password(args: &Args, settings: &Settings, target: Option<&Principal>) -> Result<Proof, Failure> {
    let file = settings.ccache(args.cache.as_deref())?;
    let client = login::client(args.principal.as_deref(), settings, &*file)?;
    let realm = client.realm().to_owned();
    if let Some(target) = target.filter(|target| target.realm() != realm) {
        let cause = format!("{client} is of another realm than {target}: its password gives no ticket there");
        return Err(Failure::new(Exit::Usage, cause).next("log in, and leave out who asks"));
    }
    let mut options = settings.login_options(&realm)?;
    options.service = Some(PasswordChange::service(&realm));
    // A ticket for one exchange.
    (options.renewable_for, options.forwardable, options.proxiable) = (None, false, false);
    options.lifetime = options.lifetime.min(std::time::Duration::from_secs(300));
    args.armor.set(&mut options)?;
    let secret = secret(args, settings, &client)?;
    let login = Login::new(client, secret, options, Arc::new(OsRandom));
    let login = args.armor.protect(login, settings, &realm, None)?;
    let got = log_in(login, settings.kdcs(), &Clock::system())?;
    Ok((got.ticket, got.learned.kdc_offset))
}

fn secret(args: &Args, settings: &Settings, client: &Principal) -> Result<ClientSecret, Failure> {
    match &args.keytab {
        Some(name) => login::keys(name.as_deref(), settings, client),
        None => Ok(ClientSecret::Password(args.password.read(&format!("Password for {client}: "))?)),
    }
}

/// A ticket with the login in the cache.
fn from_login(args: &Args, settings: &Settings, target: &Principal) -> Result<Proof, Failure> {
    let file = settings.ccache(args.cache.as_deref())?;
    let cache = file.load()?;
    let tgt = cache.tgt(cache.start_realm(), settings.kdc_time(&cache, span::now())).ok_or_else(|| {
        let cause = format!("{file} has no ticket-granting ticket of {} that is good now", cache.principal);
        Failure::new(Exit::NoCredentials, cause).next("log in with `handfast login`, or name who sets the password")
    })?;
    let (service, options) = (PasswordChange::service(target.realm()), options(settings));
    let kdc_offset = cache.kdc_offset.filter(|_| options.kdc_timesync);
    let request = TicketRequest::new(tgt, service, options, Arc::new(OsRandom)).knowing(&cache);
    match get_ticket(request, settings.kdcs(), &Clock::system()) {
        Ok(acquired) => Ok((acquired.ticket, kdc_offset)),
        Err(error) => Err(Failure::from(error).next(format!(
            "the realm may want a proof for this alone: handfast passwd {} --set {target}",
            cache.principal
        ))),
    }
}

fn options(settings: &Settings) -> TicketOptions {
    TicketOptions { renewable_for: None, forwardable: false, proxiable: false, ..settings.ticket_options() }
}
