//! Which client to be for a service: the rules of a file `.k5identity` (MIT krb5's k5identity(5)), and what MIT krb5 goes by where
//! they say nothing.

use crate::name::{NameType, Principal};
use alloc::string::String;
use alloc::vec::Vec;

mod pattern;

use pattern::matches;

/// The rules of a file `.k5identity`: in each line a client principal, and what holds for the services that it is for.
///
/// ```text
/// # client                 realm=…, service=… and host=…, each a pattern with shell wildcards
/// alice@EXAMPLE.COM        realm=EXAMPLE.COM
/// alice/root@EXAMPLE.COM   host=*.servers.example.com
/// alice/mail@EXAMPLE.COM   host=mail.example.com service=imap
/// ```
///
/// The first line counts whose patterns all match. One with a field that is not known, or without a value, or whose client is no name,
/// is a line that matches nothing, as in MIT krb5.
///
/// ```
/// use handfast::krb5::K5Identity;
/// let rules = K5Identity::parse(b"alice/root host=*.servers.example.com\n", "EXAMPLE.COM");
/// let service = handfast::ServiceName::host_based("host", "db.servers.example.com")?.to_principal("EXAMPLE.COM");
/// assert_eq!(rules.client_for(&service).unwrap().to_string(), "alice/root@EXAMPLE.COM");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct K5Identity {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    client: Principal,
    constraints: Vec<(Field, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Realm,
    Service,
    Host,
}

impl K5Identity {
    /// The largest file that is to be read, in bytes.
    pub const SIZE_LIMIT: usize = 1 << 20;
    /// The longest line that says something, in bytes.
    pub const LINE_LIMIT: usize = 4096;

    /// The rules in a text; a client without a realm is of `default_realm`. There is no text without a meaning: what is no rule
    /// matches nothing, and of more than [`SIZE_LIMIT`](Self::SIZE_LIMIT) bytes the rest is not looked at.
    pub fn parse(text: &[u8], default_realm: &str) -> Self {
        let text = text.get(..Self::SIZE_LIMIT).unwrap_or(text);
        let lines = text.split(|byte| *byte == b'\n').filter(|line| line.len() <= Self::LINE_LIMIT);
        let lines = lines.filter_map(|line| core::str::from_utf8(line).ok());
        K5Identity { rules: lines.filter_map(|line| Rule::parse(line, default_realm)).collect() }
    }

    /// The client to be for `service`; none if no rule is for it. Patterns for services and hosts match host-based services alone
    /// ([`NameType::SRV_HST`]).
    pub fn client_for(&self, service: &Principal) -> Option<&Principal> {
        self.rules.iter().find(|rule| rule.is_for(service)).map(|rule| &rule.client)
    }
}

impl Rule {
    fn parse(line: &str, default_realm: &str) -> Option<Self> {
        let mut words = line.split([' ', '\t', '\r']).filter(|word| !word.is_empty());
        let client = words.next().filter(|client| !client.starts_with('#'))?;
        let constraints = words.map(|word| {
            let (field, pattern) = word.split_once('=')?;
            let field = match field {
                "realm" => Field::Realm,
                "service" => Field::Service,
                "host" => Field::Host,
                _ => return None,
            };
            Some((field, String::from(pattern)))
        });
        let constraints = constraints.collect::<Option<_>>()?;
        Some(Rule { client: Principal::parse_with_realm(client, default_realm).ok()?, constraints })
    }

    fn is_for(&self, service: &Principal) -> bool {
        self.constraints.iter().all(|(field, pattern)| match (field, host_based(service)) {
            (Field::Realm, _) => matches(pattern, service.realm()),
            (Field::Service, Some((name, _))) => matches(pattern, name),
            (Field::Host, Some((_, host))) => matches(pattern, &host.to_ascii_lowercase()),
            (Field::Service | Field::Host, None) => false,
        })
    }
}

/// Service and host of a host-based service.
fn host_based(service: &Principal) -> Option<(&str, &str)> {
    match service.components() {
        [name, host, ..] if service.name_type() == NameType::SRV_HST => Some((name, host)),
        _ => None,
    }
}

/// Which of `clients` to be for `service` where no rule says it, as MIT krb5 guesses: the first of the service's realm; else, for a
/// host-based service, the one whose realm is the longest tail of the host's name in capitals. None: it does not matter.
pub fn guessed_client(service: &Principal, clients: &[Principal]) -> Option<usize> {
    let of_realm = || clients.iter().position(|client| client.realm() == service.realm());
    let by_realm = Some(service.realm()).filter(|realm| !realm.is_empty()).and_then(|_| of_realm());
    by_realm.or_else(|| {
        let host = host_based(service)?.1.to_ascii_uppercase();
        let is_tail = |realm: &str| {
            let before = host.strip_suffix(realm);
            !realm.is_empty() && before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        let tails = clients.iter().enumerate().filter(|(_, client)| is_tail(client.realm()));
        // Of equal ones the first.
        tails.rev().max_by_key(|(_, client)| client.realm().len()).map(|(index, _)| index)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ServiceName;
    use alloc::string::ToString;

    fn host(service: &str, host: &str, realm: &str) -> Principal {
        ServiceName::host_based(service, host).unwrap().to_principal(realm)
    }

    fn chosen(text: &str, service: &Principal) -> Option<String> {
        K5Identity::parse(text.as_bytes(), "R").client_for(service).map(ToString::to_string)
    }

    const PAGE: &str = "alice@KRBTEST.COM       realm=KRBTEST.COM\n\
                        alice/root@EXAMPLE.COM  host=*.servers.example.com\r\n\
                        \t alice/mail@EXAMPLE.COM  host=mail.example.com\tservice=imap";

    #[test]
    fn the_pages_example() {
        let of = |service| chosen(PAGE, &service);
        assert_eq!(of(host("imap", "a.b", "KRBTEST.COM")).unwrap(), "alice@KRBTEST.COM");
        assert_eq!(of(host("imap", "A.Servers.EXAMPLE.com", "E")).unwrap(), "alice/root@EXAMPLE.COM");
        assert_eq!(of(host("imap", "mail.example.com", "E")).unwrap(), "alice/mail@EXAMPLE.COM");
        assert_eq!(of(host("smtp", "mail.example.com", "E")), None);
        assert_eq!(of(host("imap", "servers.example.com", "E")), None);
        assert_eq!(of("imap/mail.example.com@E".parse().map(|name: Principal| name).unwrap()), None, "not host-based");
    }

    #[test]
    fn the_first_line_counts_whose_patterns_all_match() {
        let service = host("HTTP", "www.a", "R");
        for (text, expected) in [
            ("bob\nalice\n", Some("bob@R")),
            ("bob realm=X\nalice realm=R host=www.*\n", Some("alice@R")),
            ("bob realm=R host=x\n", None),
            ("#bob\n  # bob\n\n \nalice", Some("alice@R")),
            ("bob domain=a\nalice", Some("alice@R")),
            ("bob realm\nalice", Some("alice@R")),
            ("bob realm=\nalice", Some("alice@R")),
            ("bob@\\\nalice", Some("alice@R")),
            ("bob@S realm=R realm=X\n", None),
            ("bob@S service=H*P host=w?w.a realm=[A-R]", Some("bob@S")),
        ] {
            assert_eq!(chosen(text, &service).as_deref(), expected, "{text:?}");
        }
        let mut long = alloc::vec![b'a'; K5Identity::LINE_LIMIT + 1];
        assert_eq!(K5Identity::parse(&long, "R"), K5Identity::default());
        long.pop();
        assert_eq!(K5Identity::parse(&long, "R").rules.len(), 1);
        assert_eq!(K5Identity::parse(b"\xff\nalice", "R").rules.len(), 1);
    }

    #[test]
    fn guesses_are_by_the_services_realm_and_then_by_the_hosts_name() {
        let clients: Vec<Principal> =
            ["a@COM", "b@EXAMPLE.COM", "c@EXAMPLE.COM", "d@AMPLE.COM", "e@X"].map(|name| name.parse().unwrap()).into();
        let guess = |service: Principal| guessed_client(&service, &clients);
        assert_eq!(guess(host("h", "www.example.com", "X")), Some(4));
        assert_eq!(guess(host("h", "www.example.com", "Y")), Some(1));
        assert_eq!(guess(host("h", "www.example.com", "")), Some(1));
        assert_eq!(guess(host("h", "com", "")), Some(0));
        assert_eq!(guess(host("h", "sample.com", "")), Some(0));
        assert_eq!(guess(host("h", "www.example.org", "Y")), None);
        assert_eq!(guess("h/www.example.com@Y".parse().unwrap()), None);
    }
}
