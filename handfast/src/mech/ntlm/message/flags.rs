use core::ops::{BitAnd, BitOr};

/// `NegotiateFlags` (MS-NLMP 2.2.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mech::ntlm) struct NegotiateFlags(pub(in crate::mech::ntlm) u32);

impl NegotiateFlags {
    pub(in crate::mech::ntlm) const NONE: Self = Self(0);
    /// Names are in UTF-16.
    pub(in crate::mech::ntlm) const UNICODE: Self = Self(0x0000_0001);
    /// Names are in the client's own character set, unless they are in UTF-16.
    pub(in crate::mech::ntlm) const OEM: Self = Self(0x0000_0002);
    pub(in crate::mech::ntlm) const REQUEST_TARGET: Self = Self(0x0000_0004);
    pub(in crate::mech::ntlm) const SIGN: Self = Self(0x0000_0010);
    pub(in crate::mech::ntlm) const SEAL: Self = Self(0x0000_0020);
    /// Without a connection: another key for each message.
    pub(in crate::mech::ntlm) const DATAGRAM: Self = Self(0x0000_0040);
    pub(in crate::mech::ntlm) const NTLM: Self = Self(0x0000_0200);
    pub(in crate::mech::ntlm) const ALWAYS_SIGN: Self = Self(0x0000_8000);
    pub(in crate::mech::ntlm) const TARGET_TYPE_SERVER: Self = Self(0x0002_0000);
    /// Signing keys, and a sealing key for each direction.
    pub(in crate::mech::ntlm) const EXTENDED_SESSION_SECURITY: Self = Self(0x0008_0000);
    pub(in crate::mech::ntlm) const IDENTIFY: Self = Self(0x0010_0000);
    pub(in crate::mech::ntlm) const TARGET_INFO: Self = Self(0x0080_0000);
    pub(in crate::mech::ntlm) const VERSION: Self = Self(0x0200_0000);
    pub(in crate::mech::ntlm) const KEY_128: Self = Self(0x2000_0000);
    pub(in crate::mech::ntlm) const KEY_EXCHANGE: Self = Self(0x4000_0000);

    pub(in crate::mech::ntlm) fn contains(self, other: Self) -> bool {
        self & other == other
    }

    /// The flags of `needed` that are not set here.
    pub(in crate::mech::ntlm) fn missing(self, needed: Self) -> Self {
        Self(needed.0 & !self.0)
    }

    /// Whether messages are protected at all.
    pub(in crate::mech::ntlm) fn protects(self) -> bool {
        self & (Self::SIGN | Self::SEAL) != Self::NONE
    }

    /// What must be there beside the flags that are: Unicode and extended session security always, and where messages
    /// are protected, keys of 128 bits that are exchanged.
    pub(in crate::mech::ntlm) fn needed(self) -> Self {
        let always = Self::UNICODE | Self::EXTENDED_SESSION_SECURITY;
        if self.protects() { always | Self::KEY_128 | Self::KEY_EXCHANGE } else { always }
    }
}

impl BitOr for NegotiateFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for NegotiateFlags {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}
