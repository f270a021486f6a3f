use alloc::vec::Vec;
use core::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A value that must not leak: no contents in `Debug`, zeroized on drop, compared in constant time.
///
/// Leaving secrecy is a named call: [`Secret::expose`].
///
/// ```
/// use handfast::crypto::Secret;
/// let password = Secret::new(b"correct horse".to_vec());
/// assert_eq!(format!("{password:?}"), "Secret(..)");
/// assert_eq!(password.expose(), b"correct horse");
/// ```
#[derive(Clone)]
pub struct Secret<T: Zeroize = Vec<u8>>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in; the caller's own copies, if any, stay the caller's to wipe.
    pub fn new(value: T) -> Self {
        Secret(value)
    }

    /// The value itself. What is copied from it is no longer protected.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, to write to.
    pub fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(self.0.as_ref(), other.0.as_ref())
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
