//! `handfast realm modify`: what holds for a user or a service.

use super::show::entry_object;
use super::{Book, DirectoryArgs};
use crate::failure::{Exit, Failure};
use crate::output::{Output, STRONG};
use crate::span;
use clap::Args;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::pac::Rid;
use handfast::{Principal, Time};
use handfast_kdc::{DomainAccount, PrincipalEntry};
use std::time::Duration;

/// Change what a user or a service may do
///
/// Only what is named changes. A running KDC sees it at once; tickets that exist stay good until they end.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast realm modify alice --disabled yes
  handfast realm modify alice --expires 90d --password-expires never
  handfast realm modify alice --unlock                             after too many failed proofs (see `realm settings`)
  handfast realm modify alice --rid 1103 --groups 513,1200         the groups in her PAC (see `realm settings`)
  handfast realm modify HTTP/web.example.com --delegate-to nfs/files.example.com --protocol-transition yes
  handfast realm modify nfs/files.example.com --allow-to-act HTTP/web.example.com
  handfast realm modify HTTP/web.example.com --delegate-to ''      nobody any more"
)]
pub(crate) struct Modify {
    /// The user, or the service as SERVICE/HOST
    name: String,
    /// No tickets are issued to it or for it
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    disabled: Option<bool>,
    /// Whether it must prove itself before it gets a reply that its password could be guessed from
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    preauth: Option<bool>,
    /// Whether its tickets may be forwardable; of a user, whether services may act in that name
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    forwardable: Option<bool>,
    /// Clients are told that they may delegate to this service
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    ok_as_delegate: Option<bool>,
    /// When the account ends, from now, such as 90d; or never
    #[arg(long, value_name = "SPAN|never", value_parser = Until::parse)]
    expires: Option<Until>,
    /// When the password ends, from now, such as 90d; or never, or now
    #[arg(long, value_name = "SPAN|never|now", value_parser = Until::parse)]
    password_expires: Option<Until>,
    /// Forget its failed proofs, so that it is not locked out any more
    #[arg(long)]
    unlock: bool,
    /// The longest life of its tickets, if shorter than the realm's; or realm
    #[arg(long, value_name = "SPAN|realm", value_parser = Life::parse)]
    max_life: Option<Life>,
    /// How long its tickets can be renewed at most, if shorter than in the realm; or realm
    #[arg(long, value_name = "SPAN|realm", value_parser = Life::parse)]
    max_renewable_life: Option<Life>,
    /// The services that this one may get tickets for in its clients' names (S4U2proxy)
    #[arg(long, value_name = "SERVICES", value_delimiter = ',')]
    delegate_to: Option<Vec<String>>,
    /// Whether it may do so for users who have not come to it by Kerberos (S4U2self): it can then be anybody
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    protocol_transition: Option<bool>,
    /// The services that may get tickets for this one in their clients' names (resource-based delegation)
    #[arg(long, value_name = "SERVICES", value_delimiter = ',')]
    allow_to_act: Option<Vec<String>>,
    /// The types that its session keys may be of; or keys, for those of its own keys
    #[arg(long, value_name = "ENCTYPES|keys", value_parser = SessionEnctypes::parse)]
    session_enctypes: Option<SessionEnctypes>,
    /// Its number in the realm's domain, for PACs
    #[arg(long, value_name = "NUMBER")]
    rid: Option<u32>,
    /// The numbers of its groups in the realm's domain, the primary one first
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    groups: Option<Vec<u32>>,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl Modify {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let book = Book::open(&self.directory)?;
        let before = book.existing(&self.name)?;
        if self.names_nothing() {
            let cause = format!("nothing is named that shall change for {}", before.principal);
            return Err(Failure::new(Exit::Usage, cause)
                .next("see what can change with `handfast realm modify --help`, and what holds with `realm show`"));
        }
        let delegation = Delegation {
            to: self.delegate_to.as_deref().map(|names| services(&book, names)).transpose()?,
            from: self.allow_to_act.as_deref().map(|names| services(&book, names)).transpose()?,
        };
        let account = self.account(&before)?;
        let now = span::now();
        book.directory().change(&before.principal, |entry| {
            self.change(entry, now);
            delegation.change(entry);
            entry.account = account;
            entry.modified = now;
            Ok(())
        })?;
        let entry = book.existing(&self.name)?;
        output.result(format!("{} changed", output.paint(STRONG, &entry.principal)), &entry_object(&entry))
    }

    fn names_nothing(&self) -> bool {
        let flags = [self.disabled, self.preauth, self.forwardable, self.ok_as_delegate, self.protocol_transition];
        let ends = [self.expires.is_some(), self.password_expires.is_some(), self.unlock];
        let lives = [self.max_life.is_some(), self.max_renewable_life.is_some(), self.session_enctypes.is_some()];
        let services = [self.delegate_to.is_some(), self.allow_to_act.is_some()];
        let account = [self.rid.is_some(), self.groups.is_some()];
        let named =
            flags.map(|flag| flag.is_some()).into_iter().chain(ends).chain(lives).chain(services).chain(account);
        !named.into_iter().any(|named| named)
    }

    fn change(&self, entry: &mut PrincipalEntry, now: Time) {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        set(&mut entry.disabled, self.disabled);
        set(&mut entry.requires_preauth, self.preauth);
        set(&mut entry.allow_forwardable, self.forwardable);
        set(&mut entry.ok_as_delegate, self.ok_as_delegate);
        set(&mut entry.protocol_transition, self.protocol_transition);
        set(&mut entry.expires, self.expires.map(|until| until.from(now)));
        set(&mut entry.password_expires, self.password_expires.map(|until| until.from(now)));
        set(&mut entry.failures, self.unlock.then_some(0));
        set(&mut entry.max_life, self.max_life.map(|life| life.0));
        set(&mut entry.max_renewable_life, self.max_renewable_life.map(|life| life.0));
        set(&mut entry.session_enctypes, self.session_enctypes.clone().map(|enctypes| enctypes.0));
    }

    /// The account with what is named here.
    fn account(&self, before: &PrincipalEntry) -> Result<Option<DomainAccount>, Failure> {
        let groups = self.groups.as_ref().map(|all| all.iter().map(|group| Rid(*group)).collect::<Vec<_>>());
        let account = match (self.rid, before.account.clone()) {
            (Some(rid), before) => {
                Some(DomainAccount { rid: Rid(rid), groups: before.map(|account| account.groups).unwrap_or_default() })
            }
            (None, None) if groups.is_some() => {
                let cause = format!("{} has no number in the realm's domain yet", before.principal);
                return Err(Failure::new(Exit::Usage, cause).next("give it one with --rid NUMBER"));
            }
            (None, before) => before,
        };
        Ok(account.map(|account| DomainAccount { groups: groups.unwrap_or(account.groups), ..account }))
    }
}

/// Who may act for whom, where that is named.
struct Delegation {
    to: Option<Vec<Principal>>,
    from: Option<Vec<Principal>>,
}

impl Delegation {
    fn change(self, entry: &mut PrincipalEntry) {
        if let Some(to) = self.to {
            entry.may_delegate_to = to;
        }
        if let Some(from) = self.from {
            entry.allowed_to_act = from;
        }
    }
}

/// The services of these names, which need not be there yet; none for an empty one.
fn services(book: &Book, names: &[String]) -> Result<Vec<Principal>, Failure> {
    names.iter().filter(|name| !name.is_empty()).map(|name| book.service(name)).collect()
}

/// The end of something.
#[derive(Clone, Copy, Debug)]
enum Until {
    Never,
    In(Duration),
}

impl Until {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Until::Never),
            "now" => Ok(Until::In(Duration::ZERO)),
            span => span::parse(span).map(Until::In),
        }
    }

    fn from(self, now: Time) -> Option<Time> {
        match self {
            Until::Never => None,
            Until::In(span) => Some(now.saturating_add(span)),
        }
    }
}

/// A limit of its own, or the realm's.
#[derive(Clone, Copy, Debug)]
struct Life(Option<Duration>);

impl Life {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "realm" { Ok(Life(None)) } else { span::parse(text).map(|span| Life(Some(span))) }
    }
}

/// Enctypes of its own, or those of its keys.
#[derive(Clone, Debug)]
struct SessionEnctypes(Option<Vec<Enctype>>);

impl SessionEnctypes {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "keys" {
            return Ok(SessionEnctypes(None));
        }
        let parse = |name: &str| name.parse::<Enctype>().map_err(|error| error.to_string());
        text.split(',').map(parse).collect::<Result<_, _>>().map(|enctypes| SessionEnctypes(Some(enctypes)))
    }
}

pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("expected yes or no".to_owned()),
    }
}
