use super::{DhGroup, PkinitKdf};
use alloc::vec::Vec;

/// How a login with a certificate agrees on a key with the KDC. The same for a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PkinitOptions {
    /// The groups that are taken, best first: [`DhGroup::STRONG`] by default. A client begins with the first, and goes on with the
    /// one that the KDC names among them, once. One that is weak is passed over.
    #[doc(alias = "pkinit_dh_min_bits")]
    pub groups: Vec<DhGroup>,
    /// Whether the MODP group of 1024 bits is taken too, after all others. Off by default.
    pub weak_group_2: bool,
    /// How reply keys are derived: one of these, by default [`PkinitKdf::DEFAULT`].
    pub kdfs: Vec<PkinitKdf>,
    /// Whether a peer that knows no function of RFC 8636 is taken: nothing but the SHA-1 of the request's body then binds the
    /// request to the reply, and who changes messages on the way can make both sides believe that the other knows no better. Off
    /// by default; older KDCs, Active Directory's among them, need it.
    pub weak_unbound_kdf: bool,
}

impl Default for PkinitOptions {
    fn default() -> Self {
        PkinitOptions {
            groups: DhGroup::STRONG.to_vec(),
            weak_group_2: false,
            kdfs: PkinitKdf::DEFAULT.to_vec(),
            weak_unbound_kdf: false,
        }
    }
}

impl PkinitOptions {
    /// The groups that may be used, best first.
    pub fn usable_groups(&self) -> impl Iterator<Item = DhGroup> {
        let strong = self.groups.iter().copied().filter(|group| !group.is_weak());
        strong.chain(self.weak_group_2.then_some(DhGroup::Modp1024))
    }

    /// Whether the group may be used.
    pub fn takes(&self, group: DhGroup) -> bool {
        self.usable_groups().any(|usable| usable == group)
    }
}
