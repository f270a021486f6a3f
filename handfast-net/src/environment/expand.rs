use std::fmt;

use super::{Environment, Username};

/// A parameter in a name that has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpandError {
    /// A `%{` with no `}` behind it.
    Unclosed {
        /// The name.
        text: String,
    },
    /// A parameter of no known name.
    UnknownParameter {
        /// What stands between the braces.
        parameter: String,
    },
    /// A parameter whose value is not known here.
    NoValue {
        /// What stands between the braces.
        parameter: String,
    },
}

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExpandError::Unclosed { text } => write!(f, "a parameter has no closing brace: {text}"),
            ExpandError::UnknownParameter { parameter } => {
                write!(f, "%{{{parameter}}} is not known (known are uid, euid, USERID, username, TEMP, null)")
            }
            ExpandError::NoValue { parameter } => write!(f, "%{{{parameter}}} has no value for this process"),
        }
    }
}

impl std::error::Error for ExpandError {}

/// Replaces each `%{parameter}`; what comes out of one is not expanded again.
pub(super) fn expand(environment: &Environment, text: &str) -> Result<String, ExpandError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((literal, parameter)) = rest.split_once("%{") {
        let (parameter, behind) =
            parameter.split_once('}').ok_or_else(|| ExpandError::Unclosed { text: text.to_owned() })?;
        out.push_str(literal);
        out.push_str(&value(environment, parameter)?);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

fn value(environment: &Environment, parameter: &str) -> Result<String, ExpandError> {
    let value = match parameter {
        "uid" | "USERID" => environment.uid.map(|id| id.to_string()),
        "euid" => environment.euid.map(|id| id.to_string()),
        "username" => username(environment),
        "TEMP" => environment.tmpdir.as_deref().map_or(Some("/tmp"), |path| path.to_str()).map(str::to_owned),
        "null" => Some(String::new()),
        _ => return Err(ExpandError::UnknownParameter { parameter: parameter.to_owned() }),
    };
    value.ok_or_else(|| ExpandError::NoValue { parameter: parameter.to_owned() })
}

fn username(environment: &Environment) -> Option<String> {
    match &environment.username {
        Username::Unknown => None,
        Username::Is(name) => Some(name.clone()),
        Username::OfProcess => system_username(environment.euid?),
    }
}

#[cfg(unix)]
fn system_username(uid: u32) -> Option<String> {
    nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

#[cfg(not(unix))]
fn system_username(_uid: u32) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_has_its_value() {
        let mut environment = Environment { euid: Some(0), ..Environment::of_user(1000, "alice") };
        let all = "%{uid} %{USERID} %{euid} %{username} %{TEMP}/%{null}x";
        assert_eq!(environment.expand(all).unwrap(), "1000 1000 0 alice /tmp/x");
        environment.tmpdir = Some("/var/%{uid}".into());
        assert_eq!(environment.expand("%{TEMP}").unwrap(), "/var/%{uid}");
    }

    #[test]
    fn text_without_parameters_stays() {
        assert_eq!(Environment::default().expand("100% of {it} %").unwrap(), "100% of {it} %");
    }

    #[test]
    fn what_can_not_be_expanded_says_why() {
        let nobody = Environment::default();
        for (text, error) in [
            ("a%{uid", ExpandError::Unclosed { text: "a%{uid".into() }),
            ("%{}", ExpandError::UnknownParameter { parameter: "".into() }),
            ("%{u}", ExpandError::UnknownParameter { parameter: "u".into() }),
            ("%{LIBDIR}", ExpandError::UnknownParameter { parameter: "LIBDIR".into() }),
            ("%{uid}", ExpandError::NoValue { parameter: "uid".into() }),
            ("%{username}", ExpandError::NoValue { parameter: "username".into() }),
        ] {
            assert_eq!(nobody.expand(text).unwrap_err(), error, "{text:?}");
        }
    }
}
