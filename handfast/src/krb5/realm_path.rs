//! The way from realm to realm where nothing else is said: up and down the tree that realm names stand in.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The most realms of a way, both ends included; names with more parts have no way but the direct one.
pub const REALM_PATH_LIMIT: usize = 32;

/// How the names of a tree of realms are written (RFC 4120 6.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `ATHENA.MIT.EDU`: the root is at the end.
    Domain,
    /// `/COM/HP/APOLLO`: the root is at the start.
    X500,
}

impl Style {
    fn of(realm: &str) -> Self {
        if realm.starts_with('/') { Style::X500 } else { Style::Domain }
    }

    /// The realms above `realm`, the nearest first.
    fn above(self, realm: &str) -> impl Iterator<Item = &str> {
        core::iter::successors(self.parent(realm), move |realm| self.parent(realm)).take(REALM_PATH_LIMIT)
    }

    fn parent(self, realm: &str) -> Option<&str> {
        let parent = match self {
            Style::Domain => realm.split_once('.')?.1,
            Style::X500 => realm.rsplit_once('/')?.0,
        };
        Some(parent).filter(|parent| !parent.is_empty())
    }
}

/// The realms from `client` to `server`, both included, by the hierarchy of their names (RFC 4120 1.2): up to the
/// nearest common ancestor and down from there. Where there is none, up to the one root and down from the other.
///
/// ```
/// use handfast::krb5::hierarchy;
/// assert_eq!(hierarchy("A.B.TEST", "C.TEST"), ["A.B.TEST", "B.TEST", "TEST", "C.TEST"]);
/// assert_eq!(hierarchy("A.TEST", "B.ORG"), ["A.TEST", "TEST", "ORG", "B.ORG"]);
/// assert_eq!(hierarchy("/COM/HP", "/COM"), ["/COM/HP", "/COM"]);
/// ```
pub fn hierarchy(client: &str, server: &str) -> Vec<String> {
    let style = Style::of(client);
    let direct = || if client == server { vec![client.into()] } else { vec![client.into(), server.into()] };
    if style != Style::of(server) {
        return direct();
    }
    let line = |realm| core::iter::once(realm).chain(style.above(realm));
    let down: Vec<&str> = line(server).collect();
    let mut path: Vec<&str> = Vec::new();
    let mut met = None;
    for realm in line(client) {
        path.push(realm);
        met = down.iter().position(|other| *other == realm);
        if met.is_some() {
            break;
        }
    }
    path.extend(down.iter().take(met.unwrap_or(down.len())).rev());
    if path.len() > REALM_PATH_LIMIT { direct() } else { path.into_iter().map(String::from).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_go_up_and_down() {
        for (client, server, path) in [
            ("A", "A", &["A"][..]),
            ("A", "B", &["A", "B"]),
            ("B.A", "A", &["B.A", "A"]),
            ("A", "C.B.A", &["A", "B.A", "C.B.A"]),
            ("D.B.A", "C.A", &["D.B.A", "B.A", "A", "C.A"]),
            ("A.B", "C.D", &["A.B", "B", "D", "C.D"]),
            ("/A/B/C", "/A/D", &["/A/B/C", "/A/B", "/A", "/A/D"]),
            ("/A/B", "B.A", &["/A/B", "B.A"]),
            ("XA", "A", &["XA", "A"]),
        ] {
            assert_eq!(hierarchy(client, server), path, "{client} {server}");
        }
    }

    #[test]
    fn long_names_are_reached_directly_or_not() {
        let deep = "a.".repeat(5000) + "b";
        assert_eq!(hierarchy(&deep, "b"), [deep.as_str(), "b"]);
        assert_eq!(hierarchy("x.c", &deep), ["x.c", deep.as_str()]);
    }
}
