//! Who may come in, of those who have proven who they are.

use crate::failure::{Exit, Failure};
use handfast::krb5::Keytab;
use handfast::{Identity, Principal};
use handfast_net::Settings;

/// The clients that are served.
pub(super) struct Allowed {
    principals: Vec<Principal>,
    realms: Vec<String>,
}

impl Allowed {
    /// Those named, in the default realm or, if there is none, in the realm of the keytab, if they are named without one.
    pub(super) fn new(
        principals: &[String],
        realms: &[String],
        settings: &Settings,
        keytab: &Keytab,
    ) -> Result<Self, Failure> {
        let own = keytab.principals().next().map(Principal::realm);
        let realm = settings.default_realm().or(own).unwrap_or_default();
        let principals =
            principals.iter().map(|name| Principal::parse_with_realm(name, realm)).collect::<Result<_, _>>()?;
        Ok(Allowed { principals, realms: realms.to_vec() })
    }

    /// Refuses whoever is not served. If nobody is named, everybody is served.
    pub(super) fn check(&self, peer: &Identity) -> Result<(), Failure> {
        let named = |principal: &Principal| {
            self.principals.contains(principal) || self.realms.iter().any(|realm| realm == principal.realm())
        };
        let everybody = self.principals.is_empty() && self.realms.is_empty();
        if everybody || peer.principal().is_some_and(named) {
            Ok(())
        } else {
            Err(Failure::new(Exit::PeerRefused, format!("{peer} is proven, but is not one of those allowed")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(principals: &[&str], realms: &[&str]) -> Allowed {
        let principals = principals.iter().map(|name| name.parse().unwrap()).collect();
        Allowed { principals, realms: realms.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn only_who_is_named_is_served_unless_nobody_is() {
        let served = |allowed: &Allowed, name: &str| allowed.check(&Identity::Principal(name.parse().unwrap())).is_ok();
        let alice = allowed(&["alice@A"], &[]);
        assert!(served(&alice, "alice@A"));
        for other in ["bob@A", "alice@B", "alice/admin@A"] {
            assert!(!served(&alice, other), "{other}");
        }
        let realm = allowed(&["alice@A"], &["B"]);
        assert!(served(&realm, "alice@A") && served(&realm, "bob@B") && !served(&realm, "bob@A"));
        assert!(served(&allowed(&[], &[]), "anybody@C"));
        assert!(alice.check(&Identity::Name("alice@A".into())).is_err());
    }
}
