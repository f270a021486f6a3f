use super::PrincipalName;
use crate::asn1::{der_methods, sequence};
use core::fmt;

/// The request of the set-password protocol, carried in a KRB-PRIV (RFC 3244 2).
///
/// ```text
/// ChangePasswdData  ::= SEQUENCE {
///     newpasswd  [0] OCTET STRING,
///     targname   [1] PrincipalName OPTIONAL,
///     targrealm  [2] Realm OPTIONAL
/// }
/// ```
/// Unknown fields behind the last one are ignored, as the section asks. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ChangePasswdData<'a> {
    /// The new password, in UTF-8.
    pub newpasswd: &'a [u8],
    /// Whose password it is, if not the sender's own.
    pub targname: Option<PrincipalName<'a>>,
    /// The realm of `targname`.
    pub targrealm: Option<&'a str>,
}

sequence! {
    ChangePasswdData<'a>, fields { field 0 newpasswd, optional 1 targname, optional 2 targrealm }, extensible
}
der_methods!(ChangePasswdData<'a>, "ChangePasswdData");

impl fmt::Debug for ChangePasswdData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ChangePasswdData");
        out.field("targname", &self.targname).field("targrealm", &self.targrealm).finish_non_exhaustive()
    }
}
