//! Which class each typed error belongs to, and what to do next where its own words don't say.

use super::{Exit, Failure};
use handfast::crypto::RandomError;
use handfast::krb5::enctype::CryptoError;
use handfast::krb5::exchange::{ExchangeError, KdcUnreachable, PasswordError};
use handfast::krb5::message::ErrorCode;
use handfast::{CredentialError, Error, MessageError, ParseNameError, ParseServiceNameError};
use handfast_kdc::{DirectoryError, FileDirectoryError};
use handfast_net::config::ConfigError;
use handfast_net::driver::HandshakeError;
use handfast_net::environment::{Store, StoreNameError};
use handfast_net::framing::FrameError;
use handfast_net::login::{LoginError, TicketError};
use handfast_net::password::ChangeError;
use handfast_net::resolve::Unresolvable;
use handfast_net::store::StoreError;
use handfast_net::stream::StreamError;
use std::io::{self, ErrorKind};

const LOG_IN: &str = "log in with `handfast login`";
const REACH_KDC: &str =
    "make sure that krb5.conf (under [realms]) or the DNS names the realm's KDCs, and that one runs and is reached";

fn of_error(error: &Error) -> Exit {
    match error {
        Error::Exchange(error) => of_exchange(error),
        Error::KdcUnreachable(_) => Exit::KdcUnreachable,
        Error::Credential(_) => Exit::NoCredentials,
        Error::Name(_) => Exit::Usage,
        Error::Decode(_)
        | Error::TokenTooLarge { .. }
        | Error::TooManyLegs { .. }
        | Error::UnknownMechanism
        | Error::Refused(_)
        | Error::RefusedByPeer(_)
        | Error::RejectedByPeer { .. }
        | Error::AccountRefused
        | Error::AccountUnavailable
        | Error::Declined(_) => Exit::PeerRefused,
        _ => Exit::Other,
    }
}

/// What a KDC says and what is not believed of it are one class: there is no ticket because of the KDC.
fn of_exchange(error: &ExchangeError) -> Exit {
    match error {
        ExchangeError::NotRenewable { .. } | ExchangeError::NotPostdated { .. } | ExchangeError::NoArmor { .. } => {
            Exit::NoCredentials
        }
        ExchangeError::NoUsableEnctype { .. } => Exit::Files,
        ExchangeError::Crypto(_) | ExchangeError::Random(_) | ExchangeError::ApiMisuse(_) => Exit::Other,
        _ => Exit::KdcRefused,
    }
}

fn of_io(kind: ErrorKind) -> Exit {
    match kind {
        ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable | ErrorKind::PermissionDenied => Exit::Files,
        _ => Exit::Connection,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = Failure::new(of_error(&error), &error);
        match error {
            Error::Credential(CredentialError::NoTicket { .. } | CredentialError::TicketExpired { .. }) => {
                failure.next(LOG_IN)
            }
            Error::KdcUnreachable(error) if !error.tried.is_empty() => failure.next(REACH_KDC),
            Error::Decode(_) | Error::UnknownMechanism => {
                failure.next("make sure that the peer speaks Kerberos, with the same --framing")
            }
            _ => failure,
        }
    }
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        let expired = match &error {
            ExchangeError::Refused(refusal) if refusal.code == ErrorCode::KDC_ERR_KEY_EXPIRED => {
                Some(format!("handfast passwd {}", refusal.client))
            }
            _ => None,
        };
        let failure = Failure::new(of_exchange(&error), error);
        match expired {
            Some(next) => failure.next(next),
            None => failure,
        }
    }
}

impl From<HandshakeError> for Failure {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Mechanism(error) => error.into(),
            HandshakeError::Frame(FrameError::Io(ref inner)) => of_broken_handshake(of_io(inner.kind()), &error),
            HandshakeError::Frame(_) => of_broken_handshake(Exit::Connection, &error),
            error => Failure::new(Exit::PeerRefused, error),
        }
    }
}

fn of_broken_handshake(exit: Exit, error: &HandshakeError) -> Failure {
    Failure::new(exit, error).next("make sure that both ends use the same --framing; the peer's log may say more")
}

/// A connection's errors, with the stream's own reason inside where there is one.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match StreamError::of(&error) {
            Some(reason) => reason.clone().into(),
            None if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Failure::new(Exit::Connection, "the peer took too long")
            }
            None => Failure::new(of_io(error.kind()), format!("the connection failed: {error}")),
        }
    }
}

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        let exit = match error {
            StreamError::Message(_) | StreamError::Misplaced(_) | StreamError::NotProtected { .. } => Exit::PeerRefused,
            StreamError::Expired { .. } => Exit::NoCredentials,
            _ => Exit::Connection,
        };
        Failure::new(exit, error)
    }
}

/// A message that can't be opened: the peer, or somebody on the way, is not to be trusted with the rest.
impl From<MessageError> for Failure {
    fn from(error: MessageError) -> Self {
        Failure::new(Exit::PeerRefused, error)
    }
}

impl From<TicketError> for Failure {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::Exchange(error) => (*error).into(),
            TicketError::Unreachable(error) => error.into(),
            TicketError::Password(error) => (*error).into(),
            error => Failure::new(Exit::Other, error),
        }
    }
}

/// As with a KDC: what the server says, and what is not believed of it.
impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        let exit = match &error {
            ChangeError::Unreachable { .. } => Exit::KdcUnreachable,
            ChangeError::Password(inner) => match **inner {
                PasswordError::TooLong(_) => Exit::Usage,
                PasswordError::Crypto(_) | PasswordError::Random(_) => Exit::Other,
                _ => Exit::KdcRefused,
            },
            _ => Exit::Other,
        };
        Failure::new(exit, error)
    }
}

impl From<LoginError> for Failure {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Ticket(error) => error.into(),
            LoginError::NoKey { .. } | LoginError::NoTgt => Failure::new(Exit::NoCredentials, error),
            error => Failure::new(Exit::Files, error),
        }
    }
}

/// One that knows no KDC says itself what to do.
impl From<KdcUnreachable> for Failure {
    fn from(error: KdcUnreachable) -> Self {
        let failure = Failure::new(Exit::KdcUnreachable, &error);
        if error.tried.is_empty() { failure } else { failure.next(REACH_KDC) }
    }
}

/// A cache that is not there means that nobody has logged in.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing { store: Store::Ccache, ref path } => {
                Failure::new(Exit::NoCredentials, format!("there is no credential cache at FILE:{}", path.display()))
                    .next(LOG_IN)
            }
            StoreError::NoCache { name } => {
                Failure::new(Exit::NoCredentials, format!("there is no credential cache at {name}")).next(LOG_IN)
            }
            StoreError::NoCollection { .. } => Failure::new(Exit::Usage, error)
                .next("set KRB5CCNAME, or default_ccache_name of krb5.conf, to a DIR:, KEYRING: or KCM: name"),
            StoreError::NoCacheOf { ref client, .. } => {
                let next = format!("log in with `handfast login {client}`, or name a cache with --cache");
                Failure::new(Exit::NoCredentials, &error).next(next)
            }
            error => Failure::new(Exit::Files, error),
        }
    }
}

impl From<FileDirectoryError> for Failure {
    fn from(error: FileDirectoryError) -> Self {
        let failure = Failure::new(Exit::Files, &error);
        match error {
            FileDirectoryError::Io { path, error } if error.kind() == ErrorKind::AlreadyExists => {
                Failure { cause: format!("there is a realm in {} already", path.display()), ..failure }
                    .next("use that one, remove the file, or name another with --directory")
            }
            FileDirectoryError::Known(_) => failure.next(
                "remove it first; `handfast realm set-password` gives a user another password, `export-keytab` a service's keys",
            ),
            FileDirectoryError::Unknown(_) => failure.next("see who there is with `handfast realm list`"),
            FileDirectoryError::Crypto(_) => Failure { exit: Exit::Other, ..failure },
            FileDirectoryError::WrongRealm { .. } | FileDirectoryError::Needed(_) => {
                Failure { exit: Exit::Usage, ..failure }
            }
            _ => failure,
        }
    }
}

macro_rules! classes {
    ($($from:ty => $exit:ident),* $(,)?) => {$(
        impl From<$from> for Failure {
            fn from(error: $from) -> Self {
                Failure::new(Exit::$exit, error)
            }
        }
    )*};
}

classes! {
    ParseNameError => Usage,
    ParseServiceNameError => Usage,
    StoreNameError => Files,
    ConfigError => Files,
    DirectoryError => Files,
    Unresolvable => Connection,
    CryptoError => Other,
    RandomError => Other,
}
