use handfast::krb5::message::{ErrorCode, KrbError};

/// Whether `bytes` have the outer shape of a KDC's answer: `[APPLICATION 11]` AS-REP, 13 TGS-REP or 30 KRB-ERROR (RFC 4120 5.4.2,
/// 5.9.1), and a definite length that is theirs.
pub(crate) fn looks_like_reply(bytes: &[u8]) -> bool {
    let Some((0x6b | 0x6d | 0x7e, rest)) = bytes.split_first() else { return false };
    content_length(rest).is_some_and(|(length, content)| length == content.len())
}

/// Whether it is a KRB-ERROR that says that this KDC can't serve now, though another may (RFC 4120 7.5.9).
pub(crate) fn is_unavailable(reply: &[u8]) -> bool {
    KrbError::decode(reply).is_ok_and(|error| error.error_code == ErrorCode::KDC_ERR_SVC_UNAVAILABLE)
}

/// The length at the front of `bytes` (X.690 8.1.3, at most four bytes of it), and what is behind it.
fn content_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let count = usize::from(first & 0x7f);
    if first & 0x80 == 0 {
        return Some((count, rest));
    }
    if !(1..=4).contains(&count) {
        return None;
    }
    let (digits, content) = rest.split_at_checked(count)?;
    let length = digits.iter().fold(0_u64, |length, digit| (length << 8) | u64::from(*digit));
    Some((usize::try_from(length).ok()?, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_a_kdcs_tag_and_their_own_length() {
        for tag in [0x6b, 0x6d, 0x7e] {
            assert!(looks_like_reply(&[tag, 2, 0x30, 0]));
            assert!(looks_like_reply(&[tag, 0x82, 0, 2, 0x30, 0]));
        }
        let long = [&[0x6b, 0x82, 1, 0][..], &[0; 256]].concat();
        assert!(looks_like_reply(&long));
    }

    #[test]
    fn everything_else_is_none() {
        for bytes in [
            &[][..],
            b"\x6b",
            b"\x6a\x02\x30\x00",
            b"\x6b\x02\x30",
            b"\x6b\x02\x30\x00\x00",
            b"\x6b\x80\x00\x00",
            b"\x6b\x85\x00\x00\x00\x00\x02\x30\x00",
            b"\x6b\x84\x00",
            b"\x6b\x84\xff\xff\xff\xff",
            b"HTTP/1.1 400",
        ] {
            assert!(!looks_like_reply(bytes), "{bytes:02x?}");
        }
    }
}
