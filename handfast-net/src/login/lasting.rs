use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use handfast::crypto::{OsRandom, Secret};
use handfast::krb5::exchange::{ClientSecret, LoggedIn, Login, TicketOptions, TicketRequest};
use handfast::krb5::{Ccache, HeldTicket};
use handfast::{Credential, Principal};

use super::{TicketError, get_ticket, log_in};
use crate::Clock;
use crate::driver::KdcExchange;
#[cfg(unix)]
use crate::store::{KeytabFile, StoreError};

mod flight;
mod held;

pub(crate) use flight::{Flight, Flights};
pub(crate) use held::{Got, Held, Look};

/// A login that lasts: it logs in when a ticket is wanted, renews the ticket or logs in again before it ends, and keeps tickets for
/// services. Share one (behind an [`Arc`]) between all threads or tasks of a program.
///
/// * However many ask at once, the KDC is asked once: the others wait for its answer, and get the same, be it a ticket or an error.
/// * At a random time between 60 and 80 hundredths of a ticket's life one caller fetches the next one; the others get what is held
///   meanwhile. If that fails, what is held stays, and it is tried again later: after half a minute at first, then
///   less often, up to every five minutes.
/// * Nothing happens between calls: there is no thread behind it.
///
/// ```no_run
/// use handfast::krb5::exchange::TicketOptions;
/// use handfast_net::{Settings, login::LastingLogin};
/// # #[cfg(unix)]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = Settings::from_process()?;
/// let keytab = settings.client_keytab(None)?; // KRB5_CLIENT_KTNAME, …
/// let login = LastingLogin::with_keytab(keytab, None, settings.ticket_options())?;
/// loop {
///     let credential = login.credential(settings.kdcs())?; // asks the KDC at first, and later now and then
///     // … Initiator::to(..).credential(&credential), and login.keep(context.acquired())
/// #   break Ok(());
/// }
/// # }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
///
/// Tasks of tokio use [`credential_async`](Self::credential_async) and [`ticket_async`](Self::ticket_async) (feature `tokio`). Who
/// mixes them with the blocking calls has two askers at most.
#[doc(alias("krb5_get_init_creds_keytab", "k5start"))]
pub struct LastingLogin {
    pub(crate) client: Principal,
    pub(crate) source: Source,
    options: TicketOptions,
    pub(crate) clock: Clock,
    pub(crate) held: Mutex<Held>,
    pub(crate) flight: Flight,
    pub(crate) services: Flights,
}

/// What proves the client.
#[derive(Clone)]
pub(crate) enum Source {
    Secret(ClientSecret),
    /// Read anew for each login: keys are rotated.
    #[cfg(unix)]
    Keytab(Arc<KeytabFile>),
}

impl LastingLogin {
    /// As `client`, with a password. It is kept in memory as long as this is.
    pub fn with_password(client: Principal, password: Secret, options: TicketOptions) -> Self {
        LastingLogin::new(client, Source::Secret(ClientSecret::Password(password)), options)
    }

    /// As `client`, or as the first one in it, with keys from a keytab, which is read anew for each login.
    ///
    /// # Errors
    /// [`LoginError`] if it can't be read, or has no key of the client.
    #[cfg(unix)]
    pub fn with_keytab(
        keytab: KeytabFile,
        client: Option<Principal>,
        options: TicketOptions,
    ) -> Result<Self, LoginError> {
        let keys = keytab.load()?;
        let client = match client.or_else(|| keys.principals().next().cloned()) {
            Some(client) if !keys.keys_of(&client).is_empty() => client,
            client => return Err(LoginError::NoKey { client, keytab: keytab.to_string() }),
        };
        Ok(LastingLogin::new(client, Source::Keytab(Arc::new(keytab)), options))
    }

    fn new(client: Principal, source: Source, options: TicketOptions) -> Self {
        LastingLogin {
            held: Mutex::new(Held::new(client.clone())),
            client,
            source,
            options,
            clock: Clock::system(),
            flight: Flight::default(),
            services: Flights::default(),
        }
    }

    /// By another clock than the system's.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        LastingLogin { clock, ..self }
    }

    /// Who logs in.
    pub fn client(&self) -> &Principal {
        &self.client
    }

    /// The tickets that are held now, be they good or not.
    pub fn tickets(&self) -> Arc<Ccache> {
        self.held().tickets()
    }

    /// Keeps tickets that a context has [acquired](handfast::Context::acquired), for the next one.
    pub fn keep(&self, acquired: &[HeldTicket]) {
        if !acquired.is_empty() {
            self.held().add(acquired, self.clock.now());
        }
    }

    /// What is held, after the KDC was asked if that is needed.
    ///
    /// # Errors
    /// [`LoginError`], only if no ticket-granting ticket is held that is good.
    pub fn credential(&self, kdc: &(impl KdcExchange + ?Sized)) -> Result<Credential, LoginError> {
        match self.look() {
            Look::Fresh(credential) => Ok(credential),
            Look::Stale(credential) => {
                self.refresh_alone(kdc);
                Ok(self.good().unwrap_or(credential))
            }
            Look::Nothing => self.flight.once(|| self.good(), || self.ask(kdc)),
        }
    }

    /// A ticket for `service`, from what is held or from the KDC. Of all who want the same one at once, one asks.
    ///
    /// # Errors
    /// [`LoginError`].
    pub fn ticket(&self, service: &Principal, kdc: &(impl KdcExchange + ?Sized)) -> Result<HeldTicket, LoginError> {
        let flight = self.services.of(service);
        let result = flight.once(|| self.good_ticket(service), || self.ask_for(service, kdc));
        self.services.done(service, &flight);
        result
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        // What is inside is replaced whole, so a panic elsewhere leaves it as good as it was.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn look(&self) -> Look {
        self.held().look(self.clock.now())
    }

    pub(crate) fn good(&self) -> Option<Credential> {
        match self.look() {
            Look::Fresh(credential) | Look::Stale(credential) => Some(credential),
            Look::Nothing => None,
        }
    }

    pub(crate) fn good_ticket(&self, service: &Principal) -> Option<HeldTicket> {
        self.held().ticket_for(service, self.clock.now())
    }

    /// If nobody else is at it.
    fn refresh_alone(&self, kdc: &(impl KdcExchange + ?Sized)) {
        let alone = match self.flight.gate.try_lock() {
            Ok(gate) => gate,
            Err(TryLockError::Poisoned(gate)) => gate.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if matches!(self.look(), Look::Stale(_)) {
            // What is held stays; when it is tried again is written down there.
            let _ = self.ask(kdc);
        }
        drop(alone);
    }

    fn ask(&self, kdc: &(impl KdcExchange + ?Sized)) -> Result<Credential, LoginError> {
        let result = match self.renewal().map(|renewal| get_ticket(renewal, kdc, &self.clock)) {
            Some(Ok(renewed)) => Ok(Got::Renewed(renewed.ticket)),
            Some(Err(_)) | None => self.log_in(kdc).map(Got::LoggedIn),
        };
        self.keep_result(result)
    }

    fn log_in(&self, kdc: &(impl KdcExchange + ?Sized)) -> Result<LoggedIn, LoginError> {
        Ok(log_in(self.login(self.source.secret(&self.client)?), kdc, &self.clock)?)
    }

    fn ask_for(&self, service: &Principal, kdc: &(impl KdcExchange + ?Sized)) -> Result<HeldTicket, LoginError> {
        self.credential(kdc)?;
        let acquired = get_ticket(self.request(service)?, kdc, &self.clock)?;
        Ok(self.held().add_for(service, acquired, self.clock.now()))
    }

    pub(crate) fn login(&self, secret: ClientSecret) -> Login {
        Login::new(self.client.clone(), secret, self.options.clone(), Arc::new(OsRandom))
    }

    /// The request that renews what is held, if that can make it last longer.
    pub(crate) fn renewal(&self) -> Option<TicketRequest> {
        let tgt = self.held().renewable(self.clock.now())?;
        let request = TicketRequest::renew(&tgt, self.options.clone(), Arc::new(OsRandom));
        Some(request.knowing(&self.tickets()))
    }

    pub(crate) fn request(&self, service: &Principal) -> Result<TicketRequest, LoginError> {
        let tgt = self.held().tgt(self.clock.now()).ok_or(LoginError::NoTgt)?;
        let request = TicketRequest::new(&tgt, service.clone(), self.options.clone(), Arc::new(OsRandom));
        Ok(request.knowing(&self.tickets()))
    }

    pub(crate) fn keep_result(&self, result: Result<Got, LoginError>) -> Result<Credential, LoginError> {
        let (mut held, now) = (self.held(), self.clock.now());
        match result {
            Ok(got) => Ok(held.begin(got, now)),
            Err(error) => {
                held.failed(now);
                Err(error)
            }
        }
    }
}

impl Source {
    /// May read a file.
    pub(crate) fn secret(&self, client: &Principal) -> Result<ClientSecret, LoginError> {
        #[cfg(not(unix))]
        let _ = client;
        match self {
            Source::Secret(secret) => Ok(secret.clone()),
            #[cfg(unix)]
            Source::Keytab(file) => {
                let keys: Vec<_> = file.load()?.keys_of(client).into_iter().map(|entry| entry.key.clone()).collect();
                let no_key = || LoginError::NoKey { client: Some(client.clone()), keytab: file.to_string() };
                if keys.is_empty() { Err(no_key()) } else { Ok(ClientSecret::Keys(keys)) }
            }
        }
    }
}

impl fmt::Debug for LastingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastingLogin").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Why there is no login. Clones are given to all who waited for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoginError {
    /// There is no ticket.
    Ticket(TicketError),
    /// The keytab can't be read.
    #[cfg(unix)]
    Keytab(Arc<StoreError>),
    /// The keytab has no key of the client, or none at all.
    NoKey {
        /// Whose key it should have.
        client: Option<Principal>,
        /// Where it is.
        keytab: String,
    },
    /// The ticket-granting ticket ended while another ticket was asked for.
    NoTgt,
}

impl From<TicketError> for LoginError {
    fn from(error: TicketError) -> Self {
        LoginError::Ticket(error)
    }
}

#[cfg(unix)]
impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        LoginError::Keytab(Arc::new(error))
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoginError::Ticket(error) => error.fmt(f),
            #[cfg(unix)]
            LoginError::Keytab(error) => error.fmt(f),
            LoginError::NoKey { client: Some(client), keytab } => write!(f, "{keytab} has no key of {client}"),
            LoginError::NoKey { client: None, keytab } => write!(f, "{keytab} has no key at all"),
            LoginError::NoTgt => f.write_str("the ticket-granting ticket has just ended: try again"),
        }
    }
}

impl std::error::Error for LoginError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LoginError::Ticket(error) => Some(error),
            #[cfg(unix)]
            LoginError::Keytab(error) => Some(&**error),
            LoginError::NoKey { .. } | LoginError::NoTgt => None,
        }
    }
}
