//! IAKERB_PROXY tokens (draft-ietf-kitten-iakerb-03 3).

use crate::error::{Error, IakerbRefusal};
use crate::krb5::message::{ErrorCode, IakerbHeader, KrbError, PrincipalName, TargetRealm};
use crate::mech::kerberos::message::TokenId;
use crate::mech::{MechanismId, framing};
use crate::name::NameType;
use crate::policy::IakerbDialect;
use crate::time::Time;
use crate::wire::{DecodeError, Reader};
use alloc::string::ToString;
use alloc::vec::Vec;

const PROXY: [u8; 2] = TokenId::Proxy.bytes();

/// What a token carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proxied<'a> {
    pub(super) realm: &'a str,
    pub(super) cookie: Option<&'a [u8]>,
    /// A Kerberos message; empty in the question for the realm, and its answer.
    pub(super) message: &'a [u8],
    pub(super) dialect: IakerbDialect,
}

impl Proxied<'_> {
    /// Appends the token. In MIT krb5's old dialect only a conversation's `first` one is framed.
    pub(super) fn write(&self, first: bool, out: &mut Vec<u8>) {
        let is_octet_string = self.dialect == IakerbDialect::Mit121;
        let target_realm = TargetRealm { name: self.realm, is_octet_string };
        let header = IakerbHeader { target_realm, cookie: self.cookie }.to_der();
        if first || !is_octet_string {
            framing::write_header(MechanismId::IAKERB, PROXY.len() + header.len() + self.message.len(), out);
        }
        out.extend_from_slice(&PROXY);
        out.extend_from_slice(&header);
        out.extend_from_slice(self.message);
    }
}

/// Reads an IAKERB_PROXY token. `None`: it is something else.
pub(super) fn read(token: &[u8], first: bool) -> Result<Option<Proxied<'_>>, Error> {
    let (framed, inner) = match token {
        [5, 1, rest @ ..] => (false, rest),
        _ => match framed(token)? {
            Some(rest) => (true, rest),
            None => return Ok(None),
        },
    };
    let (header, message) = IakerbHeader::decode_front(inner)?;
    let dialect = if header.target_realm.is_octet_string { IakerbDialect::Mit121 } else { IakerbDialect::Draft };
    if framed != (first || dialect == IakerbDialect::Draft) {
        return Err(IakerbRefusal::OutOfOrder("it is framed where it must not be, or not where it must").into());
    }
    Ok(Some(Proxied { realm: header.target_realm.name, cookie: header.cookie, message, dialect }))
}

fn framed(token: &[u8]) -> Result<Option<&[u8]>, DecodeError> {
    // A bare AP-REQ (DCE style) is no framed token.
    let Ok((mechanism, mut inner)) = framing::read(token) else { return Ok(None) };
    if mechanism != MechanismId::IAKERB.der_contents() || inner.array()? != PROXY {
        return Ok(None);
    }
    Ok(Some(inner.all()))
}

/// Which message of Kerberos this is, by its tag (RFC 4120 5.10), and that it ends where it says.
///
/// Nothing else is looked at: who carries it can't read most of it, and need not believe any.
pub(super) fn kind(message: &[u8]) -> Result<Kind, DecodeError> {
    let kind = match message.first() {
        Some(0x6a | 0x6c) => Kind::Request,
        Some(0x6b | 0x6d) => Kind::Reply,
        Some(0x7e) => Kind::Error,
        _ => return Err(Reader::new("a Kerberos message", message).invalid("no message to a KDC or from one")),
    };
    framing::check_length(message)?;
    Ok(kind)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// AS-REQ, TGS-REQ.
    Request,
    /// AS-REP, TGS-REP.
    Reply,
    /// KRB-ERROR.
    Error,
}

/// The error with which an acceptor says that there is no answer of a KDC.
pub(super) fn no_answer(error_code: ErrorCode, now: Time) -> Vec<u8> {
    let error = KrbError {
        ctime: None,
        cusec: None,
        stime: now.into(),
        susec: now.into(),
        error_code,
        crealm: None,
        cname: None,
        realm: "",
        sname: PrincipalName { name_type: NameType::UNKNOWN, name_string: Vec::from(["acceptor"]) },
        e_text: error_code.explanation(),
        e_data: None,
    };
    error.to_der()
}

/// The code of a KRB-ERROR.
pub(super) fn error_code(message: &[u8]) -> Result<ErrorCode, DecodeError> {
    Ok(KrbError::decode(message)?.error_code)
}

/// What an acceptor's error says of its KDC, in words; `None` for the errors of a KDC.
pub(super) fn of_the_acceptor(code: ErrorCode) -> Option<alloc::string::String> {
    match code {
        ErrorCode::KRB_AP_ERR_IAKERB_KDC_NOT_FOUND | ErrorCode::KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE => {
            Some(code.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAFT: Proxied<'static> =
        Proxied { realm: "KRBTEST.COM", cookie: None, message: b"", dialect: IakerbDialect::Draft };

    fn token(proxied: &Proxied<'_>, first: bool) -> Vec<u8> {
        let mut out = Vec::new();
        proxied.write(first, &mut out);
        out
    }

    /// The question for a realm and its answer, byte for byte as MIT krb5 1.22's own test has them.
    #[test]
    fn realm_discovery_is_as_mit_krb5_has_it() {
        let question = [
            0x60, 0x10, 0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x02, 0x05, 0x05, 0x01, 0x30, 0x04, 0xa1, 0x02, 0x0c, 0x00,
        ];
        assert_eq!(token(&Proxied { realm: "", ..DRAFT }, true), question);
        let answer = [
            &[
                0x60, 0x1b, 0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x02, 0x05, 0x05, 0x01, 0x30, 0x0f, 0xa1, 0x0d, 0x0c,
                0x0b,
            ][..],
            b"KRBTEST.COM",
        ]
        .concat();
        assert_eq!(token(&DRAFT, false), answer);
        assert_eq!(read(&question, true), Ok(Some(Proxied { realm: "", ..DRAFT })));
        assert_eq!(read(&answer, false), Ok(Some(DRAFT)));
    }

    #[test]
    fn tokens_survive_and_only_the_first_of_the_old_dialect_is_framed() {
        for dialect in [IakerbDialect::Draft, IakerbDialect::Mit121] {
            for first in [true, false] {
                let proxied = Proxied { cookie: Some(b"cookie"), message: b"message", dialect, ..DRAFT };
                let token = token(&proxied, first);
                assert_eq!(token.starts_with(&[0x60]), first || dialect == IakerbDialect::Draft);
                assert_eq!(read(&token, first), Ok(Some(proxied)));
                assert_eq!(read(&token, !first).is_ok(), dialect == IakerbDialect::Draft, "{dialect:?}");
                for cut in 0..token.len() - proxied.message.len() {
                    assert!(!matches!(read(&token[..cut], first), Ok(Some(_))), "{cut}");
                }
            }
        }
    }

    #[test]
    fn later_fields_of_the_header_are_ignored_and_other_tokens_are_somebody_elses() {
        let mut header = Vec::from([0x05, 0x01, 0x30, 0x0d, 0xa1, 0x03, 0x04, 0x01, b'R', 0xa3, 0x06]);
        header.extend_from_slice(&[0x03, 0x04, 0x00, 0x80, 0x00, 0x00]);
        let read_it = read(&header, false).unwrap().unwrap();
        assert_eq!((read_it.realm, read_it.cookie, read_it.message), ("R", None, &b""[..]));
        for other in [&[0x6e, 3, 1, 2, 3][..], b"NTLMSSP\0", &[]] {
            assert_eq!(read(other, true), Ok(None));
        }
        let mut kerberos = Vec::new();
        framing::write_header(MechanismId::KERBEROS, 2, &mut kerberos);
        kerberos.extend_from_slice(&PROXY);
        assert_eq!(read(&kerberos, true), Ok(None), "of another mechanism");
    }

    #[test]
    fn messages_are_told_by_their_tags_and_end_where_they_say() {
        for (tag, expected) in [(0x6a, Kind::Request), (0x6c, Kind::Request), (0x6b, Kind::Reply), (0x7e, Kind::Error)]
        {
            assert_eq!(kind(&[tag, 1, 0]), Ok(expected));
            assert!(kind(&[tag, 2, 0]).is_err() && kind(&[tag, 1, 0, 0]).is_err() && kind(&[tag]).is_err());
        }
        assert!(kind(&[0x6e, 1, 0]).is_err() && kind(&[]).is_err());
    }
}
