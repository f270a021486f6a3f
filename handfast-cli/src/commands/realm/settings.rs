//! `handfast realm settings`: what holds for all of a realm.

use super::modify::yes_or_no;
use super::password_settings::{self, PasswordSettings};
use super::proof_settings::{self, ProofSettings};
use super::{Book, DirectoryArgs, alias};
use crate::failure::{Exit, Failure};
use crate::output::{Output, STRONG};
use crate::span;
use clap::Args;
use handfast::crypto::{OsRandom, Random};
use handfast::krb5::Capaths;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::pac::Sid;
use handfast_kdc::{Domain, Settings};
use serde_json::{Value, json};
use std::time::Duration;

/// Show what holds for all of the realm, and change it
///
/// Without options it only shows. A KDC that runs keeps the settings that it started with: start it again.
#[derive(Args, Debug)]
#[command(
    name = "settings",
    verbatim_doc_comment,
    after_help = "Examples:
  handfast realm settings
  handfast realm settings --max-life 10h --max-renewable-life 7d
  handfast realm settings --password-history 5 --min-password-age 1d   none of the last 5, once a day
  handfast realm settings --max-failures 5 --lockout 15m         who guesses is locked out
  handfast realm settings --preauth spake,encrypted-challenge    who listens has nothing to guess at
  handfast realm settings --enterprise-suffix corp.com=EXAMPLE.COM    alice@corp.com is alice (login -E)
  handfast realm settings --domain EXAMPLE                       PACs in tickets, with a new SID
  handfast realm settings --host-realm .other.com=OTHER.COM      clients of those hosts are referred there
  handfast realm settings --capath A.COM:EXAMPLE.COM:B.COM       users of A.COM come through B.COM"
)]
pub(crate) struct Change {
    /// The longest life of tickets, such as 10h
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    max_life: Option<Duration>,
    /// How long tickets can be renewed at most, such as 7d
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    max_renewable_life: Option<Duration>,
    /// How far a client's clock may be from the KDC's, such as 5m
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    clock_skew: Option<Duration>,
    /// What session keys may be of; the client's order decides
    #[arg(long, value_name = "ENCTYPES", value_delimiter = ',')]
    session_enctypes: Option<Vec<Enctype>>,
    /// Whether rc4-hmac keys are used at all; whoever sees such tickets can guess passwords fast
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    weak_rc4: Option<bool>,
    /// Whether tickets may be postdated (`login --starttime`)
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    postdated: Option<bool>,
    /// Issue PACs of this domain (its NetBIOS name): for principals with a number there, see `realm modify`
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// The domain's SID, such as S-1-5-21-1-2-3 [default: as it is, or a random one]
    #[arg(long, value_name = "SID")]
    domain_sid: Option<Sid>,
    /// The realms of hosts that are not here: a host, or a domain with a dot in front; '' for none
    #[arg(long, value_name = "HOST=REALM", value_delimiter = ',')]
    host_realm: Option<Vec<String>>,
    /// A way that clients may come: the realm of the client, this one, and those between, in order; '' for none
    #[arg(long, value_name = "CLIENT:SERVER[:REALM…]", value_delimiter = ',')]
    capath: Option<Vec<String>>,
    /// Behind the @ of enterprise names, and the realm that knows such users; '' for none
    #[arg(long, value_name = "SUFFIX=REALM", value_delimiter = ',')]
    enterprise_suffix: Option<Vec<String>>,
    /// The domains of other realms, whose PACs are passed on; '' for none
    #[arg(long, value_name = "REALM=SID", value_delimiter = ',')]
    trusted_domain: Option<Vec<String>>,
    #[command(flatten)]
    proofs: ProofSettings,
    #[command(flatten)]
    passwords: PasswordSettings,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl Change {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let book = Book::open(&self.directory)?;
        let before = book.directory().settings()?;
        let mut settings = self.changed(before.clone())?;
        self.proofs.change(&mut settings)?;
        self.passwords.change(&mut settings, &book)?;
        if settings != before {
            book.directory().set_settings(&settings)?;
        }
        output.line(format!("realm {}", output.paint(STRONG, book.realm())))?;
        output.rows(&rows(&settings))?;
        output.object(&object(book.realm(), &settings))
    }

    fn changed(&self, mut settings: Settings) -> Result<Settings, Failure> {
        settings.max_life = self.max_life.unwrap_or(settings.max_life);
        settings.max_renewable_life = self.max_renewable_life.unwrap_or(settings.max_renewable_life);
        settings.clock_skew = self.clock_skew.unwrap_or(settings.clock_skew);
        settings.weak_rc4 = self.weak_rc4.unwrap_or(settings.weak_rc4);
        settings.postdated = self.postdated.unwrap_or(settings.postdated);
        if let Some(enctypes) = &self.session_enctypes {
            settings.session_enctypes = enctypes.clone();
        }
        if let Some(hosts) = &self.host_realm {
            settings.domain_realm = given(hosts).map(host_realm).collect::<Result<_, _>>()?;
        }
        if let Some(suffixes) = &self.enterprise_suffix {
            settings.enterprise_suffixes = given(suffixes).map(enterprise_suffix).collect::<Result<_, _>>()?;
        }
        if let Some(domains) = &self.trusted_domain {
            settings.trusted_domains = given(domains).map(trusted_domain).collect::<Result<_, _>>()?;
        }
        if let Some(ways) = &self.capath {
            settings.capaths = given(ways).try_fold(Capaths::default(), capath)?;
        }
        settings.domain = self.changed_domain(settings.domain)?;
        Ok(settings)
    }

    fn changed_domain(&self, before: Option<Domain>) -> Result<Option<Domain>, Failure> {
        let name = self.domain.clone().or_else(|| before.as_ref().map(|domain| domain.netbios_name.clone()));
        let Some(netbios_name) = name else {
            return match self.domain_sid {
                Some(_) => Err(Failure::new(Exit::Usage, "a SID without a domain").next("add --domain NAME")),
                None => Ok(None),
            };
        };
        let sid = match (self.domain_sid, before) {
            (Some(sid), _) => sid,
            (None, Some(before)) => before.sid,
            (None, None) => new_sid()?,
        };
        Ok(Some(Domain { sid, netbios_name }))
    }
}

fn given(items: &[String]) -> impl Iterator<Item = &str> {
    items.iter().map(String::as_str).filter(|item| !item.is_empty())
}

/// Both sides of an equals sign.
fn pair<'t>(text: &'t str, what: &str, next: &str) -> Result<(&'t str, &'t str), Failure> {
    let parts = text.split_once('=').filter(|(left, right)| !left.is_empty() && !right.is_empty());
    parts.ok_or_else(|| Failure::new(Exit::Usage, format!("{text:?} says no {what}")).next(next))
}

fn host_realm(text: &str) -> Result<(String, String), Failure> {
    let (host, realm) = pair(text, "host and realm", "write HOST=REALM or .DOMAIN=REALM")?;
    Ok((host.to_ascii_lowercase(), realm.to_owned()))
}

fn enterprise_suffix(text: &str) -> Result<(String, String), Failure> {
    let (suffix, realm) = pair(text, "suffix and realm", "write SUFFIX=REALM, such as example.com=EXAMPLE.COM")?;
    Ok((suffix.trim_start_matches('@').to_ascii_lowercase(), realm.to_owned()))
}

fn trusted_domain(text: &str) -> Result<(String, Sid), Failure> {
    let next = "write REALM=SID, such as OTHER.COM=S-1-5-21-1-2-3";
    let (realm, sid) = pair(text, "realm and SID", next)?;
    let sid = sid.parse().map_err(|error| Failure::new(Exit::Usage, format!("{sid}: {error}")).next(next))?;
    Ok((realm.to_owned(), sid))
}

fn capath(all: Capaths, text: &str) -> Result<Capaths, Failure> {
    let realms: Vec<&str> = text.split(':').collect();
    match realms.as_slice() {
        [client, server, through @ ..] if realms.iter().all(|realm| !realm.is_empty()) => {
            Ok(all.with(*client, *server, through.iter().copied()))
        }
        _ => Err(Failure::new(Exit::Usage, format!("{text:?} is no way between realms"))
            .next("write CLIENT:SERVER, and between more colons the realms on the way")),
    }
}

/// A SID of a domain that no other has (MS-DTYP 2.4.2.4: S-1-5-21 and three random numbers).
fn new_sid() -> Result<Sid, Failure> {
    let number = || {
        let mut octets = [0; 4];
        OsRandom.fill(&mut octets).map_err(|error| Failure::new(Exit::Other, error.to_string()))?;
        Ok::<_, Failure>(u32::from_be_bytes(octets))
    };
    let text = format!("S-1-5-21-{}-{}-{}", number()?, number()?, number()?);
    text.parse().map_err(|_| Failure::new(Exit::Other, "a SID could not be made"))
}

fn ways(settings: &Settings) -> Vec<String> {
    let way = |(client, server, through): (&str, &str, &[String])| {
        [&[client, server], through.iter().map(String::as_str).collect::<Vec<_>>().as_slice()].concat().join(":")
    };
    settings.capaths.iter().map(way).collect()
}

fn rows(settings: &Settings) -> Vec<(&'static str, String)> {
    let listed = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    let domain = settings.domain.as_ref();
    let hosts = settings.domain_realm.iter().map(|(host, realm)| format!("{host}={realm}")).collect();
    let mut rows = vec![
        ("tickets live", span::words(settings.max_life)),
        ("renewable for", span::words(settings.max_renewable_life)),
        ("clocks may differ", span::words(settings.clock_skew)),
        ("session keys", listed(settings.session_enctypes.iter().map(ToString::to_string).collect())),
        ("rc4-hmac", if settings.weak_rc4 { "used, and weak" } else { "not used" }.to_owned()),
        ("postdated tickets", if settings.postdated { "issued" } else { "not issued" }.to_owned()),
        (
            "domain of PACs",
            domain.map_or("none".to_owned(), |domain| format!("{} {}", domain.netbios_name, domain.sid)),
        ),
        ("hosts elsewhere", listed(hosts)),
        ("ways", listed(ways(settings))),
    ];
    rows.extend(optional_rows(settings));
    rows.extend(proof_settings::rows(settings));
    rows.extend(password_settings::rows(settings));
    rows
}

/// What few realms have.
fn optional_rows(settings: &Settings) -> impl Iterator<Item = (&'static str, String)> {
    let rows = [
        ("other names", alias::all(settings)),
        ("enterprise names", suffixes(settings)),
        ("trusted domains", domains(settings)),
    ];
    rows.into_iter().filter(|(_, items)| !items.is_empty()).map(|(name, items)| (name, items.join(", ")))
}

fn suffixes(settings: &Settings) -> Vec<String> {
    settings.enterprise_suffixes.iter().map(|(suffix, realm)| format!("{suffix}={realm}")).collect()
}

fn domains(settings: &Settings) -> Vec<String> {
    settings.trusted_domains.iter().map(|(realm, sid)| format!("{realm}={sid}")).collect()
}

fn object(realm: &str, settings: &Settings) -> Value {
    let hosts: Vec<_> =
        settings.domain_realm.iter().map(|(host, realm)| json!({ "host": host, "realm": realm })).collect();
    let domain = settings.domain.as_ref();
    let mut object = json!({
        "realm": realm,
        "max_life": settings.max_life.as_secs(),
        "max_renewable_life": settings.max_renewable_life.as_secs(),
        "clock_skew": settings.clock_skew.as_secs(),
        "session_enctypes": settings.session_enctypes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "weak_rc4": settings.weak_rc4,
        "postdated": settings.postdated,
        "domain": domain.map(|domain| json!({ "name": domain.netbios_name, "sid": domain.sid.to_string() })),
        "host_realm": hosts,
        "capaths": ways(settings),
        "aliases": alias::all(settings),
        "enterprise_suffixes": suffixes(settings),
        "trusted_domains": domains(settings),
        "passwords": password_settings::object(settings),
    });
    if let Value::Object(fields) = &mut object {
        fields.extend(proof_settings::object(settings).map(|(name, value)| (name.to_owned(), value)));
    }
    object
}
