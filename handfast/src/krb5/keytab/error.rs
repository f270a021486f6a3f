use crate::krb5::enctype::Enctype;
use crate::name::Principal;
use alloc::vec::Vec;
use core::fmt;

/// No key in the keytab fits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyNotFound {
    /// There is no key of this principal at all.
    Principal {
        /// Whose key was wanted.
        principal: Principal,
        /// Whose keys there are; the first nine principals, if there are more.
        held: Vec<Principal>,
    },
    /// There is none of this version.
    Kvno {
        /// Whose key was wanted.
        principal: Principal,
        /// The version that was wanted.
        kvno: u32,
        /// The versions that there are.
        held: Vec<u32>,
    },
    /// There is none of this encryption type.
    Enctype {
        /// Whose key was wanted.
        principal: Principal,
        /// The encryption type that was wanted.
        enctype: Enctype,
        /// The encryption types that there are.
        held: Vec<Enctype>,
    },
}

impl fmt::Display for KeyNotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyNotFound::Principal { principal, held } => {
                write!(f, "the keytab has no key of {principal}; it has keys of {}", Listed(held))
            }
            KeyNotFound::Kvno { principal, kvno, held } => {
                write!(f, "the keytab has no key of {principal} with version {kvno}; it has versions {}", Listed(held))
            }
            KeyNotFound::Enctype { principal, enctype, held } => {
                let held: Vec<i32> = held.iter().map(|enctype| enctype.0).collect();
                write!(
                    f,
                    "the keytab has no key of {principal} with enctype {}; it has enctypes {}",
                    enctype.0,
                    Listed(&held)
                )
            }
        }
    }
}

impl core::error::Error for KeyNotFound {}

/// How many things an error lists.
pub(super) const LISTED: usize = 8;

/// At most [`LISTED`] of them, with commas.
struct Listed<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nobody");
        }
        for (index, item) in self.0.iter().take(LISTED).enumerate() {
            write!(f, "{}{item}", if index > 0 { ", " } else { "" })?;
        }
        f.write_str(if self.0.len() > LISTED { " and more" } else { "" })
    }
}
