use core::fmt;

/// Declares the known bits of a 32-bit field.
macro_rules! bits {
    ($(#[$doc:meta])* $name:ident { $($(#[$bit_doc:meta])* $bit:ident = $value:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$bit_doc])* pub const $bit: $name = $name($value);)*

            /// Whether all bits of `other` are set.
            pub fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }

            /// The names of the known bits that are set.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                [$(($value, $text)),*].into_iter().filter(move |(bit, _)| self.0 & bit != 0).map(|(_, name)| name)
            }
        }

        impl core::ops::BitOr for $name {
            type Output = $name;

            fn bitor(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}(0x{:08x}", stringify!($name), self.0)?;
                self.names().try_for_each(|name| write!(f, " {name}"))?;
                f.write_str(")")
            }
        }
    };
}

bits! {
    /// What holds of an account: UserAccountControl as MS-PAC 2.5 has it (MS-SAMR 2.2.1.12, USER_*).
    AccountControl {
        /// The account is disabled.
        DISABLED = 0x1, "disabled";
        /// No password is needed.
        PASSWORD_NOT_REQUIRED = 0x4, "no password required";
        /// A user.
        NORMAL = 0x10, "user";
        /// A trusted domain.
        INTERDOMAIN_TRUST = 0x40, "trusted domain";
        /// A computer.
        WORKSTATION = 0x80, "computer";
        /// A domain controller.
        SERVER = 0x100, "domain controller";
        /// The password does not expire.
        PASSWORD_NEVER_EXPIRES = 0x200, "password never expires";
        /// Locked after too many wrong passwords.
        LOCKED = 0x400, "locked";
        /// Only smart cards may log in.
        SMARTCARD_REQUIRED = 0x1000, "smart card required";
        /// May be delegated any ticket.
        TRUSTED_FOR_DELEGATION = 0x2000, "trusted for delegation";
        /// Its tickets may not be delegated.
        NOT_DELEGATED = 0x4000, "not delegated";
        /// Only DES keys are used.
        USE_DES_ONLY = 0x8000, "DES keys only";
        /// Needs no pre-authentication.
        NO_PREAUTH_REQUIRED = 0x1_0000, "no pre-authentication required";
        /// The password has expired.
        PASSWORD_EXPIRED = 0x2_0000, "password expired";
        /// May ask for tickets in other users' names (S4U2self).
        TRUSTED_TO_AUTHENTICATE = 0x4_0000, "trusted to authenticate for delegation";
        /// Its tickets need no PAC.
        NO_AUTH_DATA_REQUIRED = 0x8_0000, "no authorization data required";
    }
}

bits! {
    /// What holds of a logon (MS-PAC 2.5, UserFlags).
    UserFlags {
        /// A guest.
        GUEST = 0x1, "guest";
        /// [`LogonInfo::extra_sids`](super::LogonInfo::extra_sids) is in use.
        EXTRA_SIDS = 0x20, "extra SIDs";
        /// [`LogonInfo::resource_groups`](super::LogonInfo::resource_groups) is in use.
        RESOURCE_GROUPS = 0x200, "resource groups";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn known_bits_have_names() {
        let control = AccountControl::NORMAL | AccountControl::PASSWORD_NEVER_EXPIRES;
        assert_eq!(format!("{control:?}"), "AccountControl(0x00000210 user password never expires)");
        assert!(control.contains(AccountControl::NORMAL) && !control.contains(AccountControl::DISABLED));
        assert_eq!(format!("{:?}", UserFlags(0x220)), "UserFlags(0x00000220 extra SIDs resource groups)");
    }
}
