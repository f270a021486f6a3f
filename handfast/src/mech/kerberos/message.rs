//! Context establishment tokens (RFC 4121 4.1) and what they carry.

use crate::flags::Flags;
use crate::krb5::enctype::ChecksumType;
use crate::krb5::message::{ErrorCode, KrbError, PrincipalName};
use crate::mech::{MechanismId, framing};
use crate::name::NameType;
use crate::time::Time;
use crate::wire::{DecodeError, Reader, Writer};
use alloc::vec;
use alloc::vec::Vec;

/// The checksum type of the authenticator's checksum (RFC 4121 4.1.1).
pub(super) const GSS_CHECKSUM_TYPE: ChecksumType = ChecksumType(0x8003);

/// Which Kerberos message a token carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenId {
    ApReq,
    ApRep,
    Error,
    /// KERB-TGT-REQUEST.
    TgtRequest,
    /// KERB-TGT-REPLY.
    TgtReply,
    /// IAKERB_PROXY.
    Proxy,
}

impl TokenId {
    const ALL: [TokenId; 6] =
        [TokenId::ApReq, TokenId::ApRep, TokenId::Error, TokenId::TgtRequest, TokenId::TgtReply, TokenId::Proxy];

    pub(super) const fn bytes(self) -> [u8; 2] {
        match self {
            TokenId::ApReq => [1, 0],
            TokenId::ApRep => [2, 0],
            TokenId::Error => [3, 0],
            TokenId::TgtRequest => [4, 0],
            TokenId::TgtReply => [4, 1],
            TokenId::Proxy => [5, 1],
        }
    }

    /// The tag that the message itself starts with (RFC 4120 5.10), if that tells.
    const fn tag(self) -> Option<u8> {
        match self {
            TokenId::ApReq => Some(0x60 | 14),
            TokenId::ApRep => Some(0x60 | 15),
            TokenId::Error => Some(0x60 | 30),
            TokenId::TgtRequest | TokenId::TgtReply | TokenId::Proxy => None,
        }
    }
}

/// How a token carries its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Behind the mechanism's identifier and the message's (RFC 2743 3.1, RFC 4121 4.1).
    Gss(MechanismId),
    /// As it is: DCE style (MS-KILE 3.4.5.1).
    Bare,
}

impl Framing {
    /// How a context of `mechanism` with `flags` is made.
    pub(super) fn of(mechanism: MechanismId, flags: Flags) -> Framing {
        if flags.contains(Flags::DCE_STYLE) { Framing::Bare } else { Framing::Gss(mechanism) }
    }
}

/// A token taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) framing: Framing,
    pub(super) id: TokenId,
    pub(super) message: &'a [u8],
}

/// Appends a token that carries `message`.
pub(super) fn write_token(framing: Framing, id: TokenId, message: &[u8], out: &mut Vec<u8>) {
    if let Framing::Gss(mechanism) = framing {
        framing::write_header(mechanism, 2 + message.len(), out);
        out.extend_from_slice(&id.bytes());
    }
    out.extend_from_slice(message);
}

/// Takes a token apart. `None`: it is of another mechanism.
pub(super) fn read_token(token: &[u8]) -> Result<Option<Token<'_>>, DecodeError> {
    let bare = TokenId::ALL.into_iter().find(|id| id.tag().is_some_and(|tag| token.first() == Some(&tag)));
    if let Some(id) = bare {
        return Ok(Some(Token { framing: Framing::Bare, id, message: token }));
    }
    let (mechanism, mut inner) = framing::read(token)?;
    let ours = [MechanismId::KERBEROS, MechanismId::KERBEROS_USER_TO_USER, MechanismId::IAKERB];
    let Some(mechanism) = ours.into_iter().find(|ours| ours.der_contents() == mechanism) else { return Ok(None) };
    let at = inner.clone();
    let bytes = inner.array()?;
    let known = TokenId::ALL.into_iter().find(|id| id.bytes() == bytes);
    let id = known.ok_or_else(|| at.invalid("an unknown token identifier (TOK_ID)"))?;
    Ok(Some(Token { framing: Framing::Gss(mechanism), id, message: inner.all() }))
}

/// The authenticator's checksum field (RFC 4121 4.1.1).
///
/// ```text
/// Lgth 4, 16 | Bnd 16 | Flags 4 | DlgOpt 2, 1 | Dlgth 2 | Deleg Dlgth | Exts       numbers least significant first
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GssChecksum<'a> {
    /// The hash of the channel bindings; all zero for none.
    pub(super) bindings: [u8; 16],
    pub(super) flags: Flags,
    /// A KRB-CRED, there if and only if the flags say so.
    pub(super) delegated: Option<&'a [u8]>,
    /// What stands behind: [`Extension`]s, or anything.
    pub(super) extensions: &'a [u8],
}

impl<'a> GssChecksum<'a> {
    const BINDINGS_LENGTH: u32 = 16;
    const DELEGATION_OPTION: u16 = 1;

    /// `None` if what is delegated is longer than its length can say.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(28 + self.delegated.map_or(0, <[u8]>::len) + self.extensions.len());
        let mut writer = Writer::new(&mut bytes);
        writer.u32_le(Self::BINDINGS_LENGTH).bytes(&self.bindings).u32_le(self.flags.bits());
        if let Some(delegated) = self.delegated {
            let length = u16::try_from(delegated.len()).ok()?;
            writer.u16_le(Self::DELEGATION_OPTION).u16_le(length).bytes(delegated);
        }
        bytes.extend_from_slice(self.extensions);
        Some(bytes)
    }

    /// Octets behind all that is known here are extensions, and left alone (RFC 4121 4.1.1).
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("GSS-API checksum field", bytes);
        if reader.u32_le()? != Self::BINDINGS_LENGTH {
            return Err(Reader::new("GSS-API checksum field", bytes).invalid("the bindings' length is not 16"));
        }
        let bindings = reader.array()?;
        let flags = Flags::from_bits(reader.u32_le()?);
        let delegated = flags.contains(Flags::DELEGATION).then(|| read_delegated(&mut reader)).transpose()?;
        Ok(GssChecksum { bindings, flags, delegated, extensions: reader.all() })
    }
}

/// One extension at the end of the checksum field (RFC 6542 3.1).
///
/// ```text
/// number 4 | length 4 | contents        numbers most significant first
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    pub(super) number: u32,
    pub(super) contents: &'a [u8],
}

impl Extension<'_> {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.contents.len()).unwrap_or(u32::MAX);
        Writer::new(out).u32_be(self.number).u32_be(length).bytes(self.contents);
    }
}

/// The extensions in `octets`, up to the first that is not whole: that is an error, and the last.
pub(super) fn extensions(octets: &[u8]) -> impl Iterator<Item = Result<Extension<'_>, DecodeError>> {
    let mut reader = Some(Reader::new("extensions of the GSS-API checksum field", octets));
    core::iter::from_fn(move || {
        let mut at = reader.take().filter(|reader| !reader.is_empty())?;
        let extension = read_extension(&mut at);
        reader = extension.is_ok().then_some(at);
        Some(extension)
    })
}

fn read_extension<'a>(reader: &mut Reader<'a>) -> Result<Extension<'a>, DecodeError> {
    let (number, length) = (reader.u32_be()?, reader.u32_be()?);
    let contents = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    Ok(Extension { number, contents })
}

fn read_delegated<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let at = reader.clone();
    if reader.u16_le()? != GssChecksum::DELEGATION_OPTION {
        return Err(at.invalid("the delegation option is not 1"));
    }
    let length = reader.u16_le()?;
    reader.take(usize::from(length))
}

/// Appends the one token that tells a client of a refusal: the same for every reason, and framed also in DCE style, as the
/// acceptors of MIT krb5 and Heimdal do.
///
/// The time in it is what lets an honest client see that its clock is wrong.
pub(super) fn write_refusal(mechanism: MechanismId, now: Time, out: &mut Vec<u8>) {
    let error = KrbError {
        ctime: None,
        cusec: None,
        stime: now.into(),
        susec: now.into(),
        error_code: ErrorCode::KRB_ERR_GENERIC,
        crealm: None,
        cname: None,
        realm: "",
        sname: PrincipalName { name_type: NameType::UNKNOWN, name_string: vec!["acceptor"] },
        e_text: Some("refused"),
        e_data: None,
    };
    write_token(Framing::Gss(mechanism), TokenId::Error, &error.to_der(), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_fields_survive() {
        let flags = Flags::MUTUAL | Flags::INTEGRITY;
        let field = GssChecksum { bindings: [7; 16], flags, delegated: None, extensions: &[] };
        assert_eq!(GssChecksum::decode(&field.encode().unwrap()), Ok(field));
        let delegated = GssChecksum { flags: flags | Flags::DELEGATION, delegated: Some(b"KRB-CRED"), ..field };
        assert_eq!(GssChecksum::decode(&delegated.encode().unwrap()), Ok(delegated));
        assert_eq!(GssChecksum { delegated: Some(&[0; 0x1_0000]), ..delegated }.encode(), None);
    }

    #[test]
    fn a_short_checksum_field_is_refused_and_extensions_are_ignored() {
        let field = GssChecksum { bindings: [7; 16], flags: Flags::MUTUAL, delegated: None, extensions: &[] };
        let bytes = field.encode().unwrap();
        for cut in 0..bytes.len() {
            assert!(GssChecksum::decode(&bytes[..cut]).is_err(), "{cut}");
        }
        let extended = GssChecksum { extensions: &[1, 2, 3], ..field };
        assert_eq!(GssChecksum::decode(&extended.encode().unwrap()), Ok(extended));
    }

    #[test]
    fn an_announced_delegation_must_be_whole() {
        let field = GssChecksum { bindings: [0; 16], flags: Flags::DELEGATION, delegated: None, extensions: &[] };
        let bytes = field.encode().unwrap();
        assert!(GssChecksum::decode(&bytes).is_err());
        assert!(GssChecksum::decode(&[&bytes[..], &[1, 0, 2, 0, 9]].concat()).is_err());
        assert!(GssChecksum::decode(&[&bytes[..], &[2, 0, 0, 0]].concat()).is_err());
        let whole = [&bytes[..], &[1, 0, 2, 0, 9, 9]].concat();
        assert_eq!(GssChecksum::decode(&whole), Ok(GssChecksum { delegated: Some(&[9, 9]), ..field }));
        let extended = [&whole[..], b"extension"].concat();
        let with_both = GssChecksum { delegated: Some(&[9, 9]), extensions: b"extension", ..field };
        assert_eq!(GssChecksum::decode(&extended), Ok(with_both));
    }

    #[test]
    fn extensions_are_read_up_to_the_first_that_is_not_whole() {
        let (one, two) = (Extension { number: 1, contents: b"" }, Extension { number: 2, contents: b"two" });
        let mut octets = Vec::new();
        one.write(&mut octets);
        two.write(&mut octets);
        assert!(extensions(&octets).eq([Ok(one), Ok(two)]));
        for cut in 9..octets.len() {
            let read: Vec<_> = extensions(&octets[..cut]).collect();
            assert!(read.len() == 2 && read[0] == Ok(one) && read[1].is_err(), "{cut}");
        }
    }

    #[test]
    fn tokens_survive() {
        let mut token = Vec::new();
        for mechanism in [MechanismId::KERBEROS, MechanismId::KERBEROS_USER_TO_USER, MechanismId::IAKERB] {
            token.clear();
            write_token(Framing::Gss(mechanism), TokenId::ApRep, b"message", &mut token);
            let read = Token { framing: Framing::Gss(mechanism), id: TokenId::ApRep, message: b"message" };
            assert_eq!(read_token(&token), Ok(Some(read)));
        }
    }

    #[test]
    fn bare_messages_are_told_by_their_tags() {
        for (tag, id) in [(0x6e, TokenId::ApReq), (0x6f, TokenId::ApRep), (0x7e, TokenId::Error)] {
            let (message, mut token) = ([tag, 1, 2], Vec::new());
            write_token(Framing::Bare, id, &message, &mut token);
            assert_eq!(token, message);
            assert_eq!(read_token(&token), Ok(Some(Token { framing: Framing::Bare, id, message: &message })));
        }
        assert!(read_token(&[0x6d, 1, 2]).is_err());
    }

    #[test]
    fn every_refusal_is_the_same() {
        let (mut one, mut two) = (Vec::new(), Vec::new());
        write_refusal(MechanismId::KERBEROS, Time::EPOCH, &mut one);
        write_refusal(MechanismId::KERBEROS, Time::EPOCH, &mut two);
        assert_eq!(one, two);
    }
}
