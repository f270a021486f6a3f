//! Patterns with shell wildcards, as POSIX fnmatch() takes them (IEEE 1003.1, 2.14): `*`, `?`, `[…]` and `\`.

/// Whether all of `text` is like `pattern`. Takes time by the product of their lengths at most.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // What follows the last asterisk, and what it was held against last.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        if let Some(rest) = pattern.strip_prefix('*') {
            (pattern, retry) = (rest, Some((rest, text)));
            continue;
        }
        match one(pattern, text) {
            Some(Rest { pattern: "", text: "" }) => return true,
            None if pattern.is_empty() && text.is_empty() => return true,
            Some(rest) => (pattern, text) = (rest.pattern, rest.text),
            None => {
                let Some((after, held)) = retry else { return false };
                let mut longer = held.chars();
                if longer.next().is_none() {
                    return false;
                }
                (pattern, text) = (after, longer.as_str());
                retry = Some((after, text));
            }
        }
    }
}

/// What is left of both.
struct Rest<'p, 't> {
    pattern: &'p str,
    text: &'t str,
}

/// Takes one character off the text, and what it is like off the pattern.
fn one<'p, 't>(pattern: &'p str, text: &'t str) -> Option<Rest<'p, 't>> {
    let (mut wanted, mut chars) = (pattern.chars(), text.chars());
    let (first, got) = (wanted.next()?, chars.next()?);
    let rest = |pattern| Some(Rest { pattern, text: chars.as_str() });
    match first {
        '?' => rest(wanted.as_str()),
        '[' => match set(wanted.as_str(), got) {
            Some((true, after)) => rest(after),
            Some((false, _)) => None,
            // A bracket that nothing closes is one.
            None if got == '[' => rest(wanted.as_str()),
            None => None,
        },
        '\\' => match wanted.next() {
            Some(escaped) if escaped == got => rest(wanted.as_str()),
            _ => None,
        },
        literal if literal == got => rest(wanted.as_str()),
        _ => None,
    }
}

/// Whether `got` is of the set that begins here, behind its bracket, and what follows the set; none if it does not end.
fn set(pattern: &str, got: char) -> Option<(bool, &str)> {
    let inside = pattern.strip_prefix(['!', '^']);
    let (negated, mut rest) = (inside.is_some(), inside.unwrap_or(pattern));
    let (mut found, mut first) = (false, true);
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !first) {
            return Some((found != negated, after));
        }
        first = false;
        if let Some((name, after)) = rest.strip_prefix("[:").and_then(|class| class.split_once(":]")) {
            found |= class(name, got);
            rest = after;
            continue;
        }
        let (low, after) = element(rest)?;
        let range = after.strip_prefix('-').filter(|high| !high.starts_with(']')).and_then(element);
        let (high, after) = range.unwrap_or((low, after));
        found |= (low..=high).contains(&got);
        rest = after;
    }
}

/// A character of a set, which may be escaped.
fn element(set: &str) -> Option<(char, &str)> {
    let mut chars = set.chars();
    let first = chars.next()?;
    let element = if first == '\\' { chars.next()? } else { first };
    Some((element, chars.as_str()))
}

/// The classes of the POSIX locale.
fn class(name: &str, got: char) -> bool {
    match name {
        "alnum" => got.is_ascii_alphanumeric(),
        "alpha" => got.is_ascii_alphabetic(),
        "digit" => got.is_ascii_digit(),
        "lower" => got.is_ascii_lowercase(),
        "punct" => got.is_ascii_punctuation(),
        "space" => got.is_ascii_whitespace(),
        "upper" => got.is_ascii_uppercase(),
        "xdigit" => got.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_are_those_of_a_shell() {
        for (pattern, yes, no) in [
            ("", &[""][..], &["a"][..]),
            ("*", &["", "a", "a/b", ".x"], &[]),
            ("a*b*c", &["abc", "aXbYc", "abbcbc"], &["ab", "abcd", "bc"]),
            (
                "*.example.com",
                &["a.example.com", "a.b.example.com", ".example.com"],
                &["example.com", "a.example.com."],
            ),
            ("w?w", &["www", "wéw"], &["ww", "wwww"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "x", "Ax"]),
            ("[!a-c]x", &["dx", "]x"], &["ax"]),
            ("[^a]", &["b"], &["a"]),
            ("[]a]", &["]", "a"], &["b"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[[:digit:]x]*", &["1", "x2"], &["a", ""]),
            ("[[:nothing:]]", &[], &["n", ":"]),
            ("[a", &["[a"], &["a"]),
            ("[\\]]", &["]"], &["\\"]),
            ("\\*", &["*"], &["a", "\\*"]),
            ("a\\", &[], &["a", "a\\"]),
            ("**a**", &["a", "bab"], &["b"]),
        ] {
            for text in yes {
                assert!(matches(pattern, text), "{pattern} {text}");
            }
            for text in no {
                assert!(!matches(pattern, text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn many_asterisks_take_no_time() {
        let pattern = "*a".repeat(2000);
        assert!(!matches(&(pattern + "b"), &"a".repeat(4000)));
    }
}
