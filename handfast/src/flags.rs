use core::fmt;
use core::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// What a security context offers: the GSS-API context flags (RFC 2743 1.2.1, values of RFC 4121 4.1.1.1).
///
/// ```
/// use handfast::Flags;
/// let flags = Flags::MUTUAL | Flags::INTEGRITY;
/// assert!(flags.contains(Flags::MUTUAL));
/// assert_eq!(flags.to_string(), "mutual, integrity");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[doc(alias("ISC_REQ_MUTUAL_AUTH", "GSS_C_MUTUAL_FLAG", "req_flags", "ret_flags"))]
pub struct Flags(u32);

impl Flags {
    /// No flag at all.
    pub const NONE: Flags = Flags(0);
    /// The initiator's credentials are delegated to the acceptor.
    #[doc(alias = "GSS_C_DELEG_FLAG")]
    pub const DELEGATION: Flags = Flags(1);
    /// The acceptor has proven itself to the initiator.
    #[doc(alias = "GSS_C_MUTUAL_FLAG")]
    pub const MUTUAL: Flags = Flags(2);
    /// Replayed messages are detected and refused.
    #[doc(alias = "GSS_C_REPLAY_FLAG")]
    pub const REPLAY: Flags = Flags(4);
    /// Messages out of order, and gaps, are detected and refused.
    #[doc(alias = "GSS_C_SEQUENCE_FLAG")]
    pub const SEQUENCE: Flags = Flags(8);
    /// Messages can be sealed (encrypted).
    #[doc(alias = "GSS_C_CONF_FLAG")]
    pub const CONFIDENTIALITY: Flags = Flags(16);
    /// Messages can be signed.
    #[doc(alias = "GSS_C_INTEG_FLAG")]
    pub const INTEGRITY: Flags = Flags(32);
    /// The initiator's identity is hidden from the acceptor.
    #[doc(alias = "GSS_C_ANON_FLAG")]
    pub const ANONYMOUS: Flags = Flags(64);
    /// Three legs and unframed tokens, as DCE RPC uses them (MS-KILE 3.2.1).
    #[doc(alias = "GSS_C_DCE_STYLE")]
    pub const DCE_STYLE: Flags = Flags(0x1000);
    /// The acceptor may identify the initiator but not impersonate it (MS-KILE 3.2.1).
    #[doc(alias = "GSS_C_IDENTIFY_FLAG")]
    pub const IDENTIFY: Flags = Flags(0x2000);
    /// Errors of more detail are wanted (MS-KILE 3.2.1).
    #[doc(alias = "GSS_C_EXTENDED_ERROR_FLAG")]
    pub const EXTENDED_ERROR: Flags = Flags(0x4000);

    const NAMES: [(Flags, &'static str); 10] = [
        (Flags::DELEGATION, "delegation"),
        (Flags::MUTUAL, "mutual"),
        (Flags::REPLAY, "replay"),
        (Flags::SEQUENCE, "sequence"),
        (Flags::CONFIDENTIALITY, "confidentiality"),
        (Flags::INTEGRITY, "integrity"),
        (Flags::ANONYMOUS, "anonymous"),
        (Flags::DCE_STYLE, "dce-style"),
        (Flags::IDENTIFY, "identify"),
        (Flags::EXTENDED_ERROR, "extended-error"),
    ];

    /// The flags of these bits; bits without a name are dropped, as RFC 4121 4.1.1.1 asks of a receiver.
    pub fn from_bits(bits: u32) -> Flags {
        Flags(Flags::NAMES.iter().fold(0, |known, (flag, _)| known | (bits & flag.0)))
    }

    /// The flags as RFC 4121 4.1.1.1 numbers them.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether every flag of `other` is set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of `other` that are not set here.
    pub const fn missing(self, other: Flags) -> Flags {
        Flags(other.0 & !self.0)
    }

    /// The names of the flags that are set, in the order of their bits.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Flags::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

impl BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

impl BitAnd for Flags {
    type Output = Flags;
    fn bitand(self, other: Flags) -> Flags {
        Flags(self.0 & other.0)
    }
}

impl Not for Flags {
    type Output = Flags;
    fn not(self) -> Flags {
        Flags::from_bits(!self.0)
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("none");
        }
        for (index, name) in self.names().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_bits_are_dropped() {
        assert_eq!(Flags::from_bits(0xffff_ffff).bits(), 0x707f);
        assert_eq!(Flags::from_bits(2 | 0x8000_0000), Flags::MUTUAL);
    }

    #[test]
    fn missing_flags() {
        let held = Flags::MUTUAL | Flags::REPLAY;
        assert_eq!(held.missing(Flags::MUTUAL | Flags::INTEGRITY), Flags::INTEGRITY);
    }
}
