//! What errors say to people: a table of words for each, and how values stand in them.

use core::fmt;

/// `Display` for an error, as a table: what it is, and the words for it, as `write!` takes them.
macro_rules! words {
    ($error:ty { $($(#[$attribute:meta])* $what:pat $(if $guard:expr)? => $words:literal $(, $value:expr)*;)+ }) => {
        impl ::core::fmt::Display for $error {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self {
                    $($(#[$attribute])* $what $(if $guard)? => ::core::write!(f, $words $(, $value)*),)+
                }
            }
        }
    };
}
pub(crate) use words;

/// Values with commas between, or `none`.
pub(crate) struct Listing<'a, T>(pub(crate) &'a [T]);

impl<T: fmt::Display> fmt::Display for Listing<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// The first eight values with commas between, and how many more there are.
pub(crate) struct First<'a, T>(pub(crate) &'a [T]);

impl<T: fmt::Display> fmt::Display for First<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, more) = self.0.split_at_checked(8).unwrap_or((self.0, &[]));
        Listing(shown).fmt(f)?;
        if more.is_empty() { Ok(()) } else { write!(f, " and {} more", more.len()) }
    }
}

/// A value between words, or nothing at all.
pub(crate) struct Given<'a, T>(pub(crate) &'a str, pub(crate) Option<T>, pub(crate) &'a str);

impl<T: fmt::Display> fmt::Display for Given<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Given(before, value, behind) = self;
        value.as_ref().map_or(Ok(()), |value| write!(f, "{before}{value}{behind}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn values_stand_in_words() {
        assert_eq!(Listing::<u8>(&[]).to_string(), "none");
        assert_eq!(Listing(&[1, 2, 3]).to_string(), "1, 2, 3");
        assert_eq!(First::<u8>(&[]).to_string(), "none");
        assert_eq!(First(&[1; 8]).to_string(), "1, 1, 1, 1, 1, 1, 1, 1");
        assert_eq!(First(&[1; 10]).to_string(), "1, 1, 1, 1, 1, 1, 1, 1 and 2 more");
        assert_eq!(Given("of ", Some(3), ",").to_string(), "of 3,");
        assert_eq!(Given("of ", None::<u8>, ",").to_string(), "");
    }
}
