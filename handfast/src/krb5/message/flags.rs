/// A type of flags on the wire, KerberosFlags (RFC 4120 5.2.8), with names for some bits.
///
/// `BIT STRING (SIZE (32..MAX))`: 32 bits are written. Fewer are read as if the missing ones were zero, as the
/// section allows; no bit beyond the 32nd is defined, so those are not kept.
macro_rules! kerberos_flags {
    ($(#[$doc:meta])* $name:ident { $($(#[$bit_doc:meta])* $bit:ident = $number:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$bit_doc])* pub const $bit: $name = $name(0x8000_0000 >> $number);)+

            /// No flag set.
            pub const NONE: $name = $name(0);

            /// Whether all of `flags` are set.
            pub const fn contains(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }

            /// Whether any of `flags` is set.
            pub const fn intersects(self, flags: Self) -> bool {
                self.0 & flags.0 != 0
            }

            /// These flags and `flags`.
            pub const fn with(self, flags: Self) -> Self {
                $name(self.0 | flags.0)
            }

            /// These flags without `flags`.
            pub const fn without(self, flags: Self) -> Self {
                $name(self.0 & !flags.0)
            }
        }

        impl core::ops::BitOr for $name {
            type Output = $name;

            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl core::ops::BitOrAssign for $name {
            fn bitor_assign(&mut self, other: Self) {
                *self = self.with(other);
            }
        }

        impl core::ops::BitAnd for $name {
            type Output = $name;

            fn bitand(self, other: Self) -> Self {
                $name(self.0 & other.0)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut list = f.debug_set();
                let mut unnamed = *self;
                $(if self.contains($name::$bit) {
                    list.entry(&format_args!(stringify!($bit)));
                    unnamed = unnamed.without($name::$bit);
                })+
                if unnamed != $name::NONE {
                    list.entry(&format_args!("{:#010x}", unnamed.0));
                }
                list.finish()
            }
        }

        impl<'a> crate::asn1::Asn1<'a> for $name {
            fn read(reader: &mut crate::asn1::DerReader<'a>) -> Result<Self, crate::wire::DecodeError> {
                reader.bits32().map($name)
            }

            fn write(&self, writer: &mut crate::asn1::DerWriter<'_>) {
                writer.bits32(self.0);
            }
        }
    };
}
pub(super) use kerberos_flags;
