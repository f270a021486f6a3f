//! A lock for what contexts share: the standard library's where there is one, a spinning one without.

#[cfg(feature = "std")]
pub(crate) struct Lock<T>(std::sync::Mutex<T>);

#[cfg(not(feature = "std"))]
pub(crate) struct Lock<T>(spin::Mutex<T>);

impl<T> Lock<T> {
    #[cfg(feature = "std")]
    pub(crate) fn new(value: T) -> Self {
        Lock(std::sync::Mutex::new(value))
    }

    #[cfg(not(feature = "std"))]
    pub(crate) fn new(value: T) -> Self {
        Lock(spin::Mutex::new(value))
    }

    /// Runs `work` on the value, alone. A holder that panicked before leaves the value as it was then.
    #[cfg(feature = "std")]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Runs `work` on the value, alone.
    #[cfg(not(feature = "std"))]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock())
    }
}
