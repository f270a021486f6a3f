use core::fmt;

/// A piece of a message in several buffers, in the order in which the MAC covers them.
///
/// All `Sealed` pieces together are one text for the cipher, wherever the borders between them are.
pub enum Part<'a> {
    /// Encrypted or decrypted in place, and covered by the MAC.
    Sealed(&'a mut [u8]),
    /// Covered by the MAC; left as it is.
    Signed(&'a [u8]),
}

impl Part<'_> {
    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Part::Sealed(octets) => octets,
            Part::Signed(octets) => octets,
        }
    }

    /// What of it is encrypted: nothing of a signed part.
    pub(super) fn sealed(&self) -> &[u8] {
        match self {
            Part::Sealed(octets) => octets,
            Part::Signed(_) => &[],
        }
    }

    pub(super) fn sealed_mut(&mut self) -> &mut [u8] {
        match self {
            Part::Sealed(octets) => octets,
            Part::Signed(_) => &mut [],
        }
    }
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Part::Sealed(_) => "Sealed",
            Part::Signed(_) => "Signed",
        };
        write!(f, "{name}({} octets)", self.octets().len())
    }
}
