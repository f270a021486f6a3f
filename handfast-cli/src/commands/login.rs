//! `handfast login`: a ticket-granting ticket, by password, keytab or certificate, or a renewed one.

use super::list::ticket_object;
use super::login_armor::ArmorOptions;
use super::login_certificate::CertificateOptions;
use super::login_for_user::ForUser;
use super::login_ticket::TicketWishes;
use super::new_password::NewPasswordSource;
use super::one_time_password::OtpSource;
use crate::failure::{Exit, Failure};
use crate::output::{Output, STRONG};
use crate::secret::PasswordSource;
use crate::span;
use handfast::crypto::OsRandom;
use handfast::krb5::exchange::{ClientSecret, LoggedIn, Login, TicketOptions, TicketRequest};
use handfast::krb5::{Ccache, HeldTicket, TicketFlags};
use handfast::{Principal, Time};
use handfast_net::login::{get_ticket, log_in};
use handfast_net::store::{CacheCollection, CredentialCache, StoreError};
use handfast_net::{Clock, Settings};
use serde_json::json;
use std::sync::Arc;

/// Log in: get a ticket-granting ticket, and put it into the credential cache
///
/// The cache is the one that every Kerberos program uses. What was in it is replaced. Other commands get
/// tickets for services with it, and so do other programs. Where several caches come together (DIR, KEYRING,
/// KCM) everybody gets one of their own, and it becomes the primary one; --cache says which one is replaced.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast login                           as last time, or as USER@DEFAULT-REALM
  handfast login alice@EXAMPLE.COM --lifetime 8h --renewable 7d
  handfast login host/localhost --keytab host.keytab
  handfast login -E alice@example.com      by an enterprise name, as in Active Directory
  handfast login alice --certificate alice.p12 --trust ca.pem     with a certificate (PKINIT)
  handfast login --anonymous --trust ca.pem       a ticket without a name
  handfast login alice --armor-anonymous --trust ca.pem    an anonymous ticket protects alice's password (FAST)
  handfast login alice --armor FILE:/run/host.cc       the host's ticket protects alice's password (FAST)
  handfast login alice --armor FILE:/run/host.cc --otp     a one-time password instead, which FAST has to protect
  handfast login HTTP/www --keytab http.keytab --for-user alice --cache FILE:for-alice    to act for alice
  handfast login --starttime 12h           a ticket for tonight, where the realm gives such; then
  handfast login --validate                makes it good
  handfast login --renew                   a new ticket for the one in the cache, without a password"
)]
pub(crate) struct Args {
    /// Who logs in, as NAME or NAME@REALM [default: whose cache it is, else USER@DEFAULT-REALM]
    principal: Option<String>,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    keytab: KeytabOptions,
    #[command(flatten)]
    wishes: TicketWishes,
    /// Renew the ticket in the cache instead of logging in
    #[arg(long, short = 'R', conflicts_with_all = ["principal", "keytab", "keytab_file", "default_keytab", "password_stdin", "password_file", "ticket_wishes", "armor", "enterprise", "certificate", "attribute"])]
    renew: bool,
    /// Make a postdated ticket in the cache valid, once it has begun
    #[arg(long, short = 'v', conflicts_with_all = ["renew", "principal", "keytab", "keytab_file", "default_keytab", "password_stdin", "password_file", "ticket_wishes", "armor", "enterprise", "certificate", "attribute"])]
    validate: bool,
    /// Log in as nobody: a ticket without a name, for who may know it (anonymous PKINIT); @REALM names the realm
    ///
    /// The KDC proves itself by its certificate: --trust says whose word is taken for it, else krb5.conf.
    #[arg(long, short = 'n', conflicts_with_all = ["keytab", "keytab_file", "default_keytab", "password_stdin", "password_file", "renew", "enterprise", "certificate", "armor", "armor_anonymous"])]
    anonymous: bool,
    /// The name is an enterprise name (UPN), such as alice@example.com: a KDC says whose it is, and in which realm
    #[arg(long, short = 'E', requires = "principal")]
    enterprise: bool,
    #[command(flatten)]
    certificate: CertificateOptions,
    #[command(flatten)]
    armor: ArmorOptions,
    #[command(flatten)]
    new_password: NewPasswordSource,
    #[command(flatten)]
    otp: OtpSource,
    #[command(flatten)]
    for_user: ForUser,
    /// Log in by the method that the login in this cache proved itself by, if the realm still takes it
    #[arg(long, short = 'I', value_name = "CACHE", conflicts_with_all = ["renew", "validate", "anonymous"])]
    input_cache: Option<String>,
    /// Credential cache, such as FILE:/tmp/cc or KCM:1000 [default: KRB5CCNAME, else the configured one]
    #[arg(long, short = 'c', value_name = "NAME")]
    cache: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let settings = Settings::from_process()?;
    let collection = settings.ccaches(args.cache.as_deref())?;
    let file = settings.ccache(args.cache.as_deref())?;
    let cache = if args.renew || args.validate {
        again(args, &settings, &*file.load()?)?
    } else {
        Ccache::of_login(&first(args, &settings, &*file, output)?)
    };
    let choose = !(args.renew || args.validate) && args.cache.is_none() && settings.ccache_name(None)?.is_collection();
    let file = if choose { cache_for(&cache.principal, &*collection, file)? } else { file };
    let (cache, ticket) = args.for_user.cache(cache, args.keytab.named(), &settings)?;
    file.replace(&cache)?;
    if choose {
        make_primary(&*file, &*collection)?;
    }
    tell(args, &ticket, settings.kdc_time(&cache, span::now()), &*file, output)
}

fn tell(
    args: &Args,
    ticket: &HeldTicket,
    now: Time,
    file: &dyn CredentialCache,
    output: &Output,
) -> Result<(), Failure> {
    let client = output.paint(STRONG, &ticket.client);
    let good = match ticket.start_time.filter(|_| ticket.flags.contains(TicketFlags::INVALID)) {
        Some(start) => format!("to be validated from {} UTC on", span::moment(start)),
        None => format!("good for {}", span::words(ticket.remaining(now))),
    };
    output.line(format!("{client} has a ticket for {}, {good}, in {file}", ticket.server))?;
    args.wishes.tell(ticket, output)?;
    output.object(&json!({
        "cache": file.to_string(),
        "principal": ticket.client.to_string(),
        "ticket": ticket_object(ticket, now),
    }))
}

/// The cache of the same client; else the primary one if it is free, or one that is not there yet.
fn cache_for(
    client: &Principal,
    collection: &dyn CacheCollection,
    primary: Arc<dyn CredentialCache>,
) -> Result<Arc<dyn CredentialCache>, Failure> {
    let is_theirs = |held: &Ccache| held.principal == *client;
    match primary.load() {
        Ok(held) if is_theirs(&held) => Ok(primary),
        Ok(_) => match collection.cache_of(client)? {
            Some(cache) => Ok(cache),
            None => Ok(collection.unused()?),
        },
        Err(StoreError::Missing { .. } | StoreError::NoCache { .. }) => {
            Ok(collection.cache_of(client)?.unwrap_or(primary))
        }
        Err(_) => Ok(primary), // damaged: it is replaced
    }
}

/// Only where a collection has more than one cache to choose from.
fn make_primary(cache: &dyn CredentialCache, collection: &dyn CacheCollection) -> Result<(), Failure> {
    if collection.primary()?.name() != cache.name() {
        collection.switch_to(&cache.name())?;
    }
    Ok(())
}

/// The same ticket with other times, or valid.
fn again(args: &Args, settings: &Settings, cache: &Ccache) -> Result<Ccache, Failure> {
    let realm = cache.start_realm();
    let own = Principal::krbtgt(realm, realm);
    let what = if args.validate { "validate" } else { "renew" };
    let tgt = cache.tickets().find(|ticket| ticket.server == own).ok_or_else(|| {
        let cause = format!("the cache of {} has no ticket-granting ticket to {what}", cache.principal);
        Failure::new(Exit::NoCredentials, cause).next("log in with `handfast login`")
    })?;
    let ask = if args.validate { TicketRequest::validate } else { TicketRequest::renew };
    let request = ask(tgt, settings.ticket_options(), Arc::new(OsRandom)).knowing(cache);
    let ticket = get_ticket(request, settings.kdcs(), &Clock::system())?.ticket;
    let mut renewed = Ccache::new(ticket.client.clone());
    renewed.keep_memory_of(cache);
    renewed.replace(ticket);
    Ok(renewed)
}

fn first(args: &Args, settings: &Settings, file: &dyn CredentialCache, output: &Output) -> Result<LoggedIn, Failure> {
    if args.anonymous {
        return anonymous(args, settings);
    }
    let client = match &args.principal {
        Some(name) if args.enterprise => with_realm(settings.enterprise(name))?,
        name => client(name.as_deref(), settings, file)?,
    };
    let realm = client.realm().to_owned();
    let mut options = options(args, settings, &realm)?;
    args.certificate.set(&mut options, settings, &realm)?;
    let secret = secret(args, settings, &client)?;
    let login = Login::new(client, secret, options, Arc::new(OsRandom));
    let login = match &args.input_cache {
        Some(name) => login.remembering(&*settings.ccache(Some(name))?.load()?),
        None => login,
    };
    let login = args.armor.protect(login, settings, &realm, Some(&args.certificate))?;
    args.new_password.log_in(login, &args.otp, settings, output)
}

/// A ticket of nobody, of the realm that is named (`@REALM`), else of the default one.
fn anonymous(args: &Args, settings: &Settings) -> Result<LoggedIn, Failure> {
    let named = args.principal.as_deref().map(|name| name.strip_prefix('@').ok_or(name));
    let realm = match named.transpose() {
        Ok(Some(realm)) => realm.to_owned(),
        Ok(None) => with_realm(settings.principal("WELLKNOWN/ANONYMOUS")?)?.realm().to_owned(),
        Err(name) => {
            let cause = format!("{name} is a name, and --anonymous asks for a ticket without one");
            return Err(Failure::new(Exit::Usage, cause).next("leave it out, or write @REALM"));
        }
    };
    let (trust, mut options) = (args.certificate.trust(settings, &realm)?, options(args, settings, &realm)?);
    args.certificate.set(&mut options, settings, &realm)?;
    let login = Login::anonymous(realm, trust, options, Arc::new(OsRandom));
    Ok(log_in(login, settings.kdcs(), &Clock::system())?)
}

/// Who is named; else whose cache it is; else the user of this process.
pub(super) fn client(
    name: Option<&str>,
    settings: &Settings,
    file: &dyn CredentialCache,
) -> Result<Principal, Failure> {
    let name = match (name, file.load()) {
        (Some(name), _) => name.to_owned(),
        (None, Ok(cache)) => return Ok(cache.principal.clone()),
        (None, Err(_)) => username(settings)?,
    };
    with_realm(settings.principal(&name)?)
}

fn with_realm(principal: Principal) -> Result<Principal, Failure> {
    if principal.realm().is_empty() {
        let name = &principal;
        let cause = format!("{name} is named without a realm, and krb5.conf has no default_realm");
        return Err(Failure::new(Exit::Files, cause).next(format!("write {name}@REALM, or set KRB5_CONFIG")));
    }
    Ok(principal)
}

fn username(settings: &Settings) -> Result<String, Failure> {
    let next = "name who is to log in: handfast login NAME";
    settings.environment().expand("%{username}").map_err(|error| Failure::new(Exit::Usage, error).next(next))
}

fn options(args: &Args, settings: &Settings, realm: &str) -> Result<TicketOptions, Failure> {
    let mut options = args.wishes.options(settings, realm)?;
    options.forwardable |= args.for_user.is_there();
    args.armor.set(&mut options)?;
    Ok(options)
}

fn secret(args: &Args, settings: &Settings, client: &Principal) -> Result<ClientSecret, Failure> {
    if let Some(secret) = args.certificate.secret(settings, client)? {
        return Ok(secret);
    }
    if args.otp.is_alone() {
        if !args.armor.is_there() {
            let cause = "a one-time password takes a ticket to protect it with (FAST)";
            return Err(Failure::new(Exit::Usage, cause).next("say --armor CACHE or --armor-anonymous too"));
        }
        return Ok(ClientSecret::OneTimePassword);
    }
    match args.keytab.named() {
        Some(name) => keys(name, settings, client),
        None => Ok(ClientSecret::Password(args.password.read(&format!("Password for {client}: "))?)),
    }
}

/// Which keytab to log in with, if with one; kinit's ways to say it are taken, too.
#[derive(clap::Args, Debug)]
struct KeytabOptions {
    /// Log in with keys from a keytab instead of a password [default: KRB5_CLIENT_KTNAME, else the configured one]
    #[arg(long, short = 'k', value_name = "FILE", num_args = 0..=1, conflicts_with_all = ["password_stdin", "password_file"])]
    keytab: Option<Option<String>>,
    /// As kinit has it: the keytab, with or without -k
    #[arg(short = 't', id = "keytab_file", value_name = "FILE", conflicts_with_all = ["password_stdin", "password_file"])]
    file: Option<String>,
    /// As kinit has it: with -k, the client's keytab, which is taken here anyway
    #[arg(short = 'i', id = "default_keytab", conflicts_with = "keytab_file", requires = "keytab")]
    default: bool,
}

impl KeytabOptions {
    /// The name that is said, or none for the default one; nothing if no keytab is asked for.
    fn named(&self) -> Option<Option<&str>> {
        let said = self.keytab.as_ref().map(|name| name.as_deref());
        match &self.file {
            Some(file) => Some(Some(file)),
            None => said,
        }
    }
}

/// The keys of `client` in a keytab.
pub(super) fn keys(name: Option<&str>, settings: &Settings, client: &Principal) -> Result<ClientSecret, Failure> {
    let file = settings.client_keytab(name)?;
    let keytab = file.load()?;
    let keys: Vec<_> = keytab.keys_of(client).into_iter().map(|entry| entry.key.clone()).collect();
    if keys.is_empty() {
        let failure = Failure::new(Exit::NoCredentials, format!("{file} has no key of {client}"));
        return Err(failure.next("see whose keys it has with `handfast list --keytab FILE`"));
    }
    Ok(ClientSecret::Keys(keys))
}
