use super::int32;
use crate::asn1::{Listed, der_methods, sequence};
use crate::name::{NameType, Principal};
use alloc::string::String;
use alloc::vec::Vec;

/// The most components that a principal name is read with.
pub const NAME_COMPONENT_LIMIT: usize = 32;

/// A principal's name without its realm (RFC 4120 5.2.2).
///
/// ```text
/// Realm           ::= KerberosString
/// KerberosString  ::= GeneralString (IA5String)
/// PrincipalName   ::= SEQUENCE {
///     name-type    [0] Int32,
///     name-string  [1] SEQUENCE OF KerberosString
/// }
/// ```
/// Compared without the name type, which is a hint (RFC 4120 6.2).
///
/// ```
/// use handfast::{Principal, krb5::message::PrincipalName};
/// let alice: Principal = "alice@EXAMPLE.COM".parse()?;
/// let name = PrincipalName::from(&alice);
/// assert!(name.names(&alice));
/// assert_eq!(name.to_principal("EXAMPLE.COM"), alice);
/// # Ok::<(), handfast::ParseNameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PrincipalName<'a> {
    /// What kind of name it is.
    pub name_type: NameType,
    /// The components.
    pub name_string: Vec<&'a str>,
}

int32!(NameType);

impl Listed for &str {
    const LIMIT: usize = NAME_COMPONENT_LIMIT;
}

sequence! { PrincipalName<'a>, fields { field 0 name_type, field 1 name_string } }
der_methods!(PrincipalName<'a>, "PrincipalName");

impl PrincipalName<'_> {
    /// The principal of this name in `realm`.
    pub fn to_principal(&self, realm: &str) -> Principal {
        Principal::new(self.name_type, self.name_string.iter().copied(), realm)
    }

    /// Whether `principal` has these components, whatever its realm and name type.
    pub fn names(&self, principal: &Principal) -> bool {
        self.name_string.iter().copied().eq(principal.components().iter().map(String::as_str))
    }
}

impl<'a> From<&'a Principal> for PrincipalName<'a> {
    fn from(principal: &'a Principal) -> Self {
        PrincipalName {
            name_type: principal.name_type(),
            name_string: principal.components().iter().map(String::as_str).collect(),
        }
    }
}

impl PartialEq for PrincipalName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.name_string == other.name_string
    }
}

impl Eq for PrincipalName<'_> {}
