use super::Conf;
use crate::krb5::hierarchy;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Ways between realms: what the section `[capaths]` of a krb5.conf says, and the hierarchy of their names for all
/// others.
///
/// ```
/// use handfast::krb5::Capaths;
/// let capaths = Capaths::default().with("A.TEST", "C.TEST", ["B.TEST"]);
/// assert_eq!(capaths.path("A.TEST", "C.TEST"), ["A.TEST", "B.TEST", "C.TEST"]);
/// assert_eq!(capaths.path("C.TEST", "A.TEST"), ["C.TEST", "TEST", "A.TEST"]);
/// assert_eq!(capaths.first_foreign("A.TEST", "C.TEST", &["D.TEST"]), Some("D.TEST"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capaths {
    through: BTreeMap<(String, String), Vec<String>>,
}

impl Capaths {
    /// From `client` to `server` the way goes through these realms, in order; through none if they share keys.
    #[must_use]
    pub fn with<R: Into<String>>(
        mut self,
        client: impl Into<String>,
        server: impl Into<String>,
        through: impl IntoIterator<Item = R>,
    ) -> Self {
        self.through.insert((client.into(), server.into()), through.into_iter().map(Into::into).collect());
        self
    }

    /// The realms from `client` to `server`, both included: as said, else by the hierarchy of their names.
    pub fn path(&self, client: &str, server: &str) -> Vec<String> {
        let Some(through) = self.through.get(&(client.into(), server.into())) else {
            return hierarchy(client, server);
        };
        let ends = |realm: &str| core::iter::once(String::from(realm));
        ends(client).chain(through.iter().cloned()).chain(ends(server)).collect()
    }

    /// All ways that were said: client's realm, server's realm, and those between.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &[String])> {
        self.through.iter().map(|((client, server), through)| (client.as_str(), server.as_str(), through.as_slice()))
    }

    /// The first of the realms that a ticket has come through which is not on the way from `client` to `server`.
    pub fn first_foreign<'r, R: AsRef<str>>(&self, client: &str, server: &str, transited: &'r [R]) -> Option<&'r str> {
        let path = self.path(client, server);
        transited.iter().map(AsRef::as_ref).find(|realm| !path.iter().any(|on_path| on_path == realm))
    }
}

impl Conf {
    /// The ways between realms that the section `[capaths]` names.
    pub fn capaths(&self) -> Capaths {
        let mut capaths = Capaths::default();
        for (client, servers) in self.root().section("capaths").into_iter().flat_map(|section| section.sections()) {
            for (server, through) in servers.relations() {
                capaths = capaths.with(client, server, through.iter().filter(|realm| *realm != ".").cloned());
            }
        }
        capaths
    }
}
