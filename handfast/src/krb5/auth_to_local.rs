//! From a principal to the name of a local account, by the rules of krb5.conf.

use crate::name::Principal;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use regex::bytes::{Regex, RegexBuilder};

/// The most rules, and the most substitutions in one rule.
const COUNT_LIMIT: usize = 256;
/// The longest rule, and the longest text that is matched or made, in bytes.
const LENGTH_LIMIT: usize = 4096;
/// What a compiled regular expression may take, in bytes.
const COMPILED_LIMIT: usize = 256 << 10;

/// Rules that make the name of a local account of a principal (`auth_to_local` in krb5.conf).
///
/// | rule | what it does |
/// |---|---|
/// | `DEFAULT` | the one component of a principal of the default realm |
/// | `RULE:[n:text](pattern)s/pattern/replacement/g…` | see below |
///
/// A `RULE` is for principals of *n* components. Of `text` a string is made, with `$0` for the realm and
/// `$1` to `$n` for the components; without brackets it is the principal without its realm, which is
/// dangerous where realms that aren't trusted alike can come in. If all of it matches the pattern in
/// parentheses, or if there is none, the substitutions are made one after another, once or with `g`
/// everywhere, and the result is the name.
///
/// Patterns are those of the `regex` crate, over bytes; common extended regular expressions mean the same,
/// but of alternatives the first that matches is taken, not the longest.
///
/// ```
/// use handfast::krb5::AuthToLocal;
/// let rules = ["RULE:[2:$1@$0](^.*@EXAMPLE\\.COM$)s/@.*//", "DEFAULT"];
/// let map = AuthToLocal::parse(&rules, Some("EXAMPLE.COM"))?;
/// assert_eq!(map.local_name(&"alice@EXAMPLE.COM".parse()?)?, "alice");
/// assert_eq!(map.local_name(&"bob/admin@EXAMPLE.COM".parse()?)?, "bob");
/// assert!(map.local_name(&"alice@ELSEWHERE.ORG".parse()?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "krb5_aname_to_localname")]
#[doc(alias = "gss_localname")]
#[derive(Clone, Debug)]
pub struct AuthToLocal {
    default_realm: Option<String>,
    names: Vec<(String, String)>,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
enum Rule {
    Default,
    Rule { selection: Option<Selection>, condition: Option<Regex>, substitutions: Vec<Substitution> },
}

/// `[n:text]`
#[derive(Clone, Debug)]
struct Selection {
    components: usize,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Realm,
    Component(usize),
}

/// `s/pattern/replacement/` with or without `g`
#[derive(Clone, Debug)]
struct Substitution {
    pattern: Regex,
    replacement: String,
    everywhere: bool,
}

/// A rule that can't be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthToLocalError {
    /// The rule.
    pub rule: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// No rule makes a local name of a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoLocalName {
    /// The principal.
    pub principal: Principal,
}

impl AuthToLocal {
    /// Reads rules; without any, `DEFAULT` is the only one. Without a default realm `DEFAULT` fits nobody.
    ///
    /// # Errors
    /// If a rule can't be parsed, or there are too many.
    pub fn parse(rules: &[impl AsRef<str>], default_realm: Option<&str>) -> Result<Self, AuthToLocalError> {
        let mut parsed = Vec::new();
        for rule in rules {
            let error = |reason| AuthToLocalError { rule: rule.as_ref().to_string(), reason };
            if parsed.len() >= COUNT_LIMIT {
                return Err(error("there are too many rules"));
            }
            parsed.push(Rule::parse(rule.as_ref()).map_err(error)?);
        }
        if parsed.is_empty() {
            parsed.push(Rule::Default);
        }
        Ok(AuthToLocal { default_realm: default_realm.map(ToString::to_string), names: Vec::new(), rules: parsed })
    }

    /// Adds names that go before all rules (`auth_to_local_names`): pairs of a principal without its realm,
    /// for the default realm, and its local name.
    pub fn with_names(mut self, names: impl IntoIterator<Item = (String, String)>) -> Self {
        self.names.extend(names);
        self
    }

    /// The local name of a principal, by the first rule that fits it.
    ///
    /// # Errors
    /// If none does.
    pub fn local_name(&self, principal: &Principal) -> Result<String, NoLocalName> {
        let name = self.listed(principal).or_else(|| self.rules.iter().find_map(|rule| self.apply(rule, principal)));
        name.filter(|name| !name.is_empty()).ok_or_else(|| NoLocalName { principal: principal.clone() })
    }

    /// Names are listed without a realm; only principals of the default realm are looked for among them.
    fn listed(&self, principal: &Principal) -> Option<String> {
        if self.default_realm.as_deref() != Some(principal.realm()) {
            return None;
        }
        let text = principal.without_realm().to_string();
        self.names.iter().find(|(name, _)| *name == text).map(|(_, local)| local.clone())
    }

    fn apply(&self, rule: &Rule, principal: &Principal) -> Option<String> {
        match rule {
            Rule::Default => self.apply_default(principal),
            Rule::Rule { selection, condition, substitutions } => {
                let text = match selection {
                    Some(selection) => selection.select(principal)?,
                    None => principal.without_realm().to_string(),
                };
                if text.len() > LENGTH_LIMIT || condition.as_ref().is_some_and(|all| !all.is_match(text.as_bytes())) {
                    return None;
                }
                substitutions.iter().try_fold(text, |text, substitution| substitution.apply(&text))
            }
        }
    }

    /// One component, or a second one that is the default realm, as MIT krb5 has it.
    fn apply_default(&self, principal: &Principal) -> Option<String> {
        let default_realm = self.default_realm.as_deref().filter(|realm| *realm == principal.realm())?;
        match principal.components() {
            [name] => Some(name.clone()),
            [name, second] if second == default_realm => Some(name.clone()),
            _ => None,
        }
    }
}

impl Rule {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.trim() == "DEFAULT" {
            return Ok(Rule::Default);
        }
        let Some(rest) = text.strip_prefix("RULE:") else { return Err("a rule is DEFAULT or starts with RULE:") };
        if rest.len() > LENGTH_LIMIT {
            return Err("the rule is too long");
        }
        let (selection, rest) = match rest.strip_prefix('[') {
            Some(rest) => Selection::parse(rest).map(|(selection, rest)| (Some(selection), rest))?,
            None => (None, rest),
        };
        let (condition, rest) = match rest.strip_prefix('(') {
            Some(rest) => {
                let (pattern, rest) = rest.split_once(')').ok_or("a ( has no )")?;
                (Some(compile(&alloc::format!("^(?:{pattern})$"))?), rest)
            }
            None => (None, rest),
        };
        Ok(Rule::Rule { selection, condition, substitutions: Substitution::parse_all(rest)? })
    }
}

impl Selection {
    /// Reads what follows the `[`; also returns what follows the `]`.
    fn parse(text: &str) -> Result<(Self, &str), &'static str> {
        let (count, mut rest) = text.split_once(':').ok_or("[ is followed by a number of components and a colon")?;
        let components = decimal(count).ok_or("[ is followed by a number of components and a colon")?;
        let mut parts = Vec::new();
        loop {
            let at = rest.find(['$', ']']).ok_or("a [ has no ]")?;
            let (literal, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
            parts.push(Part::Literal(literal.to_string()));
            let Some(behind_dollar) = behind.strip_prefix('$') else {
                return Ok((Selection { components, parts }, behind.strip_prefix(']').unwrap_or(behind)));
            };
            let digits = behind_dollar.bytes().take_while(u8::is_ascii_digit).count();
            let (index, behind_index) = behind_dollar.split_at_checked(digits).unwrap_or((behind_dollar, ""));
            parts.push(match decimal(index).filter(|index| *index <= components) {
                Some(0) => Part::Realm,
                Some(index) => Part::Component(index - 1),
                None => return Err("$ is followed by 0, or by the number of a component that there is"),
            });
            rest = behind_index;
        }
    }

    fn select(&self, principal: &Principal) -> Option<String> {
        if principal.components().len() != self.components {
            return None;
        }
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Realm => principal.realm().to_string(),
            Part::Component(index) => principal.components().get(*index).cloned().unwrap_or_default(),
        };
        Some(self.parts.iter().map(part).collect())
    }
}

impl Substitution {
    fn parse_all(text: &str) -> Result<Vec<Self>, &'static str> {
        let mut substitutions = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let parts = rest.strip_prefix("s/").and_then(|rest| rest.split_once('/'));
            let (pattern, behind) = parts.ok_or("a substitution is written s/pattern/replacement/")?;
            let parts = behind.split_once('/');
            let (replacement, behind) = parts.ok_or("a substitution is written s/pattern/replacement/")?;
            let everywhere = behind.starts_with('g');
            rest = behind.strip_prefix('g').unwrap_or(behind).trim_start();
            substitutions.push(Substitution {
                pattern: compile(pattern)?,
                replacement: replacement.to_string(),
                everywhere,
            });
            if substitutions.len() > COUNT_LIMIT {
                return Err("there are too many substitutions");
            }
        }
        Ok(substitutions)
    }

    /// The text with its matches replaced; nothing if it gets too long or is no text any more.
    fn apply(&self, text: &str) -> Option<String> {
        let limit = if self.everywhere { usize::MAX } else { 1 };
        let mut out = Vec::new();
        let mut copied = 0;
        for found in self.pattern.find_iter(text.as_bytes()).take(limit) {
            out.extend_from_slice(text.as_bytes().get(copied..found.start())?);
            out.extend_from_slice(self.replacement.as_bytes());
            copied = found.end();
            if out.len() > LENGTH_LIMIT {
                return None;
            }
        }
        out.extend_from_slice(text.as_bytes().get(copied..)?);
        String::from_utf8(out).ok().filter(|text| text.len() <= LENGTH_LIMIT)
    }
}

fn compile(pattern: &str) -> Result<Regex, &'static str> {
    let mut builder = RegexBuilder::new(pattern);
    builder.unicode(false).size_limit(COMPILED_LIMIT).nest_limit(32);
    builder.build().map_err(|_| "a regular expression in it can't be compiled")
}

fn decimal(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for AuthToLocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "auth_to_local = {}: {}", self.rule, self.reason)
    }
}

impl core::error::Error for AuthToLocalError {}

impl fmt::Display for NoLocalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no rule of auth_to_local makes a local name of {}", self.principal)
    }
}

impl core::error::Error for NoLocalName {}
