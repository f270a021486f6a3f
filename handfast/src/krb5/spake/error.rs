use crate::krb5::enctype::CryptoError;
use crate::krb5::message::{SpakeFactorType, SpakeGroup};
use alloc::vec::Vec;
use core::fmt;

/// Why a SPAKE exchange (RFC 9588) can't go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpakeError {
    /// This build can't compute with the group.
    UnsupportedGroup(SpakeGroup),
    /// No group of the options is known to this build.
    NoGroup,
    /// The KDC chose a group that it was not offered.
    GroupNotOffered {
        /// The one it chose.
        chosen: SpakeGroup,
        /// Those it was offered.
        offered: Vec<SpakeGroup>,
    },
    /// The KDC wants a second factor that is not known here.
    SecondFactor {
        /// Those it takes.
        offered: Vec<SpakeFactorType>,
    },
    /// The peer's public element is none of the group, is one that tells the result to everybody, or is not written as the group
    /// says.
    PublicElement(SpakeGroup),
    /// The client's key can't be used.
    Key(CryptoError),
    /// A message came that has no place here; the text says which.
    Unexpected(&'static str),
}

impl fmt::Display for SpakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedGroup(group) => write!(f, "SPAKE: this build can't compute with {group}"),
            Self::NoGroup => f.write_str("SPAKE: no group that is permitted can be used here"),
            Self::GroupNotOffered { chosen, offered } => {
                write!(f, "SPAKE: the KDC chose {chosen}, which it was not offered; offered:")?;
                list(f, offered)
            }
            Self::SecondFactor { offered } => {
                write!(f, "SPAKE: the KDC wants a second factor that is not known here; it takes the types")?;
                offered.iter().try_for_each(|factor| write!(f, " {}", factor.0))
            }
            Self::PublicElement(group) => write!(f, "SPAKE: the peer's public element is not a good one of {group}"),
            Self::Key(error) => error.fmt(f),
            Self::Unexpected(what) => write!(f, "SPAKE: {what}"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, groups: &[SpakeGroup]) -> fmt::Result {
    if groups.is_empty() {
        return f.write_str(" none");
    }
    groups.iter().try_for_each(|group| write!(f, " {group}"))
}

impl core::error::Error for SpakeError {}

impl From<CryptoError> for SpakeError {
    fn from(error: CryptoError) -> Self {
        SpakeError::Key(error)
    }
}
