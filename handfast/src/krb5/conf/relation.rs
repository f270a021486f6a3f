use super::relations::{ELSEWHERE, PAGE};
use super::{Conf, Section};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A relation of krb5.conf, and what becomes of it.
///
/// ```
/// use handfast::krb5::conf::{Place, Relation, Treatment};
/// let clockskew = Relation::find(Place::LibDefaults, "clockskew").unwrap();
/// assert_eq!(clockskew.treatment, Treatment::Honoured);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Relation {
    /// Where it stands.
    pub place: Place,
    /// Its name; `*` for any.
    pub name: &'static str,
    /// What becomes of it.
    pub treatment: Treatment,
    /// What it decides, or what holds instead.
    pub word: &'static str,
}

/// Where in a krb5.conf a relation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Before and between the sections.
    Directive,
    /// `[libdefaults]`, or a realm's subsection of it.
    LibDefaults,
    /// A realm's subsection of `[realms]`.
    Realms,
    /// `[domain_realm]`
    DomainRealm,
    /// A realm's subsection of `[capaths]`.
    Capaths,
    /// `[appdefaults]`, or a subsection of it.
    AppDefaults,
    /// An interface's subsection of `[plugins]`.
    Plugins,
    /// PKINIT's: either of `[libdefaults]` and `[realms]`.
    Pkinit,
    /// The sections of KDCs and administration servers, which are for kdc.conf: `[kdcdefaults]`, `[dbmodules]`, `[logging]` …
    Server,
}

/// What becomes of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It has the effect that it has in MIT krb5.
    Honoured,
    /// It has none, on purpose or since there is nothing that it could be about.
    Ignored,
    /// It has none yet, and one may miss it.
    Unsupported,
}

/// A relation of a configuration that has no effect: [`Conf::without_effect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutEffect {
    /// The names from the section down to the relation, with dots between: `libdefaults.rdns`.
    pub path: String,
    /// Which one it is; nothing if nobody knows it by this name, at this place.
    pub relation: Option<&'static Relation>,
}

impl Relation {
    /// Those of krb5.conf(5) as Debian 12 has it, in the order of the page.
    pub fn of_page() -> &'static [Relation] {
        PAGE
    }

    /// Others that are known: such as the page leaves out, newer ones, Heimdal's.
    pub fn elsewhere() -> &'static [Relation] {
        ELSEWHERE
    }

    /// The relation `name` at a place.
    pub fn find(place: Place, name: &str) -> Option<&'static Relation> {
        let is_pkinit = matches!(place, Place::LibDefaults | Place::Realms);
        let is_there = |at: Place| at == place || at == Place::Pkinit && is_pkinit;
        PAGE.iter()
            .chain(ELSEWHERE)
            .find(|relation| is_there(relation.place) && (relation.name == name || relation.name == "*"))
    }
}

impl Conf {
    /// The relations that have no effect, sorted by section and name: for somebody who wonders why.
    ///
    /// ```
    /// use handfast::krb5::{Conf, conf::Treatment};
    /// let conf = Conf::parse("krb5.conf", "[libdefaults]\n err_fmt = %s\n clokskew = 5\n clockskew = 5\n")?;
    /// let words: Vec<String> = conf.without_effect().iter().map(ToString::to_string).collect();
    /// assert_eq!(words[0], "libdefaults.clokskew is not known, and ignored");
    /// assert_eq!(words[1], "libdefaults.err_fmt is ignored: errors are values with a text of their own");
    /// # Ok::<(), handfast::krb5::conf::ConfError>(())
    /// ```
    pub fn without_effect(&self) -> Vec<WithoutEffect> {
        let mut found = Vec::new();
        look_through(self.root(), &mut Vec::new(), &mut found);
        found
    }
}

/// Adds the relations in `section`, which is at `path`, and below that have no effect. The parser bounds the depth.
fn look_through<'c>(section: &'c Section, path: &mut Vec<&'c str>, found: &mut Vec<WithoutEffect>) {
    for (name, _) in section.relations() {
        path.push(name);
        let relation = at(path);
        if relation.is_none_or(|relation| relation.treatment != Treatment::Honoured) {
            found.push(WithoutEffect { path: path.join("."), relation });
        }
        path.pop();
    }
    for (name, below) in section.sections() {
        path.push(name);
        look_through(below, path, found);
        path.pop();
    }
}

/// Which relation stands at the end of a path of names.
fn at(path: &[&str]) -> Option<&'static Relation> {
    match path {
        ["libdefaults", name] | ["libdefaults", _, name] => Relation::find(Place::LibDefaults, name),
        // The fourth is within a relation that has relations of its own, such as auth_to_local_names.
        ["realms", _, name] | ["realms", _, name, _] => Relation::find(Place::Realms, name),
        ["domain_realm", name] => Relation::find(Place::DomainRealm, name),
        ["capaths", _, name] => Relation::find(Place::Capaths, name),
        ["appdefaults", .., name] => Relation::find(Place::AppDefaults, name),
        ["plugins", _, name] => Relation::find(Place::Plugins, name),
        ["kdcdefaults" | "dbdefaults" | "dbmodules" | "logging" | "otp" | "kdc" | "kadmin", .., name] => {
            Relation::find(Place::Server, name)
        }
        _ => None,
    }
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Treatment::Honoured => "honoured",
            Treatment::Ignored => "ignored",
            Treatment::Unsupported => "unsupported",
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Directive => "directives",
            Place::LibDefaults => "[libdefaults]",
            Place::Realms => "[realms]",
            Place::DomainRealm => "[domain_realm]",
            Place::Capaths => "[capaths]",
            Place::AppDefaults => "[appdefaults]",
            Place::Plugins => "[plugins]",
            Place::Pkinit => "PKINIT, in [libdefaults] or [realms]",
            Place::Server => "sections for servers",
        })
    }
}

impl fmt::Display for WithoutEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.relation {
            Some(Relation { treatment, word, .. }) => write!(f, "{} is {treatment}: {word}", self.path),
            None => write!(f, "{} is not known, and ignored", self.path),
        }
    }
}

pub(super) const fn honoured(place: Place, name: &'static str, word: &'static str) -> Relation {
    Relation { place, name, treatment: Treatment::Honoured, word }
}

pub(super) const fn ignored(place: Place, name: &'static str, word: &'static str) -> Relation {
    Relation { place, name, treatment: Treatment::Ignored, word }
}

pub(super) const fn unsupported(place: Place, name: &'static str, word: &'static str) -> Relation {
    Relation { place, name, treatment: Treatment::Unsupported, word }
}
