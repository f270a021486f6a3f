use super::MechType;
use crate::asn1::{Asn1, DerReader, DerWriter, sequence, tag};
use crate::wire::DecodeError;
use alloc::vec::Vec;

/// What a hint's name always is (MS-SPNG 2.2.1): nothing.
pub const HINT_NAME: &[u8] = b"not_defined_in_RFC4178@please_ignore";

/// What the first token says: the mechanisms on offer, best first (RFC 4178 4.2.1); with `neg_hints`, what an acceptor that
/// speaks first says (MS-SPNG 2.2.1).
///
/// ```text
/// NegTokenInit ::= SEQUENCE {                         NegTokenInit2 ::= SEQUENCE {
///     mechTypes    [0] MechTypeList,                      mechTypes    [0] MechTypeList OPTIONAL,
///     reqFlags     [1] ContextFlags OPTIONAL,             reqFlags     [1] ContextFlags OPTIONAL,
///     mechToken    [2] OCTET STRING OPTIONAL,             mechToken    [2] OCTET STRING OPTIONAL,
///     mechListMIC  [3] OCTET STRING OPTIONAL,             negHints     [3] NegHints OPTIONAL,
///     ...                                                 mechListMIC  [4] OCTET STRING OPTIONAL,
/// }                                                       ...
///                                                     }
/// ```
/// What stands at \[3\] is told by its own tag. Unknown fields behind are ignored (RFC 4178 6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegTokenInit<'a> {
    /// The mechanisms on offer, best first. Empty is what an absent list is; both are no offer.
    pub mech_types: Vec<MechType<'a>>,
    /// Not protected and never heeded (RFC 4178 4.2.1); not sent.
    pub req_flags: Option<ContextFlags>,
    /// The first token of the first mechanism, in the hope that it is chosen.
    pub mech_token: Option<&'a [u8]>,
    /// What an acceptor that speaks first adds.
    pub neg_hints: Option<NegHints<'a>>,
    /// The MIC of the list of mechanisms.
    pub mech_list_mic: Option<&'a [u8]>,
}

impl<'a> Asn1<'a> for NegTokenInit<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            let mut init = NegTokenInit {
                mech_types: fields.optional(0)?,
                req_flags: fields.optional(1)?,
                mech_token: fields.optional(2)?,
                ..NegTokenInit::default()
            };
            if fields.peek() == Some(tag::context(3)) {
                (init.neg_hints, init.mech_list_mic) = fields.nested(tag::context(3), read_hints_or_mic)?;
            }
            if init.mech_list_mic.is_none() {
                init.mech_list_mic = fields.optional(4)?;
            }
            fields.ignore_rest()?;
            Ok(init)
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::SEQUENCE, |fields| {
            fields.optional(0, &self.mech_types);
            fields.optional(1, &self.req_flags);
            fields.optional(2, &self.mech_token);
            fields.optional(3, &self.neg_hints);
            fields.optional(if self.neg_hints.is_some() { 4 } else { 3 }, &self.mech_list_mic);
        });
    }
}

type HintsOrMic<'a> = (Option<NegHints<'a>>, Option<&'a [u8]>);

fn read_hints_or_mic<'a>(field: &mut DerReader<'a>) -> Result<HintsOrMic<'a>, DecodeError> {
    match field.peek() {
        Some(tag::OCTET_STRING) => Ok((None, Some(Asn1::read(field)?))),
        _ => Ok((Some(NegHints::read(field)?), None)),
    }
}

/// The service options that were once asked for here (RFC 4178 4.2.1): bit 0, delegation, is the most significant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContextFlags(pub u32);

impl<'a> Asn1<'a> for ContextFlags {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        Ok(ContextFlags(reader.bits32()?))
    }

    /// Without the zeros at the end, as DER wants bits that have names (X.690 11.2.2).
    fn write(&self, writer: &mut DerWriter<'_>) {
        let [a, b, c, d] = self.0.to_be_bytes();
        let zeros = self.0.trailing_zeros();
        let octets = usize::try_from(zeros / 8).map_or(0, |zero| 4 - zero);
        let unused = u8::try_from(zeros % 8).unwrap_or(0);
        writer.primitive(tag::BIT_STRING, [unused, a, b, c, d].get(..=octets).unwrap_or_default());
    }
}

/// What an acceptor that speaks first says of itself (MS-SPNG 2.2.1): nothing that would be believed.
///
/// ```text
/// NegHints ::= SEQUENCE {
///     hintName     [0] GeneralString OPTIONAL,
///     hintAddress  [1] OCTET STRING OPTIONAL
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NegHints<'a> {
    /// A name of no meaning: [`HINT_NAME`].
    pub hint_name: Option<HintName<'a>>,
    /// Never sent.
    pub hint_address: Option<&'a [u8]>,
}

sequence! { NegHints<'a>, fields { optional 0 hint_name, optional 1 hint_address }, extensible }

/// A GeneralString in whatever character set the sender has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HintName<'a>(pub &'a [u8]);

impl<'a> Asn1<'a> for HintName<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.primitive(tag::GENERAL_STRING).map(HintName)
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.primitive(tag::GENERAL_STRING, self.0);
    }
}
