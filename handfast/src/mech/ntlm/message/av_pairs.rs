use super::field::utf16_text;
use crate::wire::{DecodeError, DecodeReason, Reader, Writer};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// The bit of `MsvAvFlags` that says that the message has a MIC (MS-NLMP 2.2.2.1).
pub(in crate::mech::ntlm) const MIC_PRESENT: u32 = 2;

/// The bit of `MsvAvFlags` that says that the target's name comes from a source which the client does not trust.
pub(in crate::mech::ntlm) const UNTRUSTED_TARGET: u32 = 4;

/// More pairs than this are refused; MS-NLMP 2.2.2.1 knows eleven kinds.
const PAIR_LIMIT: usize = 32;

/// The kind of a pair (MS-NLMP 2.2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mech::ntlm) struct AvId(pub(in crate::mech::ntlm) u16);

impl AvId {
    const EOL: AvId = AvId(0);
    pub(in crate::mech::ntlm) const NB_COMPUTER_NAME: AvId = AvId(1);
    pub(in crate::mech::ntlm) const NB_DOMAIN_NAME: AvId = AvId(2);
    pub(in crate::mech::ntlm) const DNS_COMPUTER_NAME: AvId = AvId(3);
    pub(in crate::mech::ntlm) const DNS_DOMAIN_NAME: AvId = AvId(4);
    pub(in crate::mech::ntlm) const FLAGS: AvId = AvId(6);
    pub(in crate::mech::ntlm) const TIMESTAMP: AvId = AvId(7);
    pub(in crate::mech::ntlm) const TARGET_NAME: AvId = AvId(9);
    pub(in crate::mech::ntlm) const CHANNEL_BINDINGS: AvId = AvId(10);

    /// The length of a value that always has the same.
    fn fixed_len(self) -> Option<usize> {
        match self {
            AvId::EOL => Some(0),
            AvId::FLAGS => Some(4),
            AvId::TIMESTAMP => Some(8),
            AvId::CHANNEL_BINDINGS => Some(16),
            _ => None,
        }
    }
}

/// A list of `AV_PAIR` (MS-NLMP 2.2.2.1), each kind at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::mech::ntlm) struct AvPairs<'a>(Vec<(AvId, Cow<'a, [u8]>)>);

impl<'a> AvPairs<'a> {
    /// Reads up to the end that the list itself marks.
    pub(in crate::mech::ntlm) fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut pairs = AvPairs::default();
        loop {
            let at = reader.clone();
            let id = AvId(reader.u16_le()?);
            let len = usize::from(reader.u16_le()?);
            if id.fixed_len().is_some_and(|fixed| fixed != len) {
                return Err(at.invalid("an AV_PAIR of the wrong length"));
            }
            let value = reader.take(len)?;
            if id == AvId::EOL {
                return Ok(pairs);
            }
            if pairs.find(id).is_some() {
                return Err(at.invalid("an AV_PAIR that was there before"));
            }
            if pairs.0.len() == PAIR_LIMIT {
                return Err(at.error(DecodeReason::TooLarge { limit: PAIR_LIMIT }));
            }
            pairs.0.push((id, Cow::Borrowed(value)));
        }
    }

    pub(in crate::mech::ntlm) fn encode(&self, out: &mut Vec<u8>) {
        for (id, value) in &self.0 {
            let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
            Writer::new(out).u16_le(id.0).u16_le(len).bytes(value.get(..usize::from(len)).unwrap_or(value));
        }
        out.extend_from_slice(&[0; 4]);
    }

    /// Adds a pair, in place of one of the same kind.
    pub(in crate::mech::ntlm) fn set(&mut self, id: AvId, value: impl Into<Cow<'a, [u8]>>) {
        self.0.retain(|pair| pair.0 != id);
        self.0.push((id, value.into()));
    }

    pub(in crate::mech::ntlm) fn find(&self, id: AvId) -> Option<&[u8]> {
        self.0.iter().find(|pair| pair.0 == id).map(|pair| &*pair.1)
    }

    fn array<const N: usize>(&self, id: AvId) -> Option<[u8; N]> {
        self.find(id)?.try_into().ok()
    }

    /// `MsvAvFlags`; none are set if the pair isn't there.
    pub(in crate::mech::ntlm) fn flags(&self) -> u32 {
        self.array(AvId::FLAGS).map_or(0, u32::from_le_bytes)
    }

    /// `MsvAvTimestamp`, in 100 nanoseconds since 1601.
    pub(in crate::mech::ntlm) fn timestamp(&self) -> Option<u64> {
        self.array(AvId::TIMESTAMP).map(u64::from_le_bytes)
    }

    /// `MsvAvChannelBindings`; all zeros is as good as none (MS-NLMP 2.2.2.1).
    pub(in crate::mech::ntlm) fn channel_bindings(&self) -> Option<[u8; 16]> {
        self.array(AvId::CHANNEL_BINDINGS).filter(|hash| *hash != [0; 16])
    }

    /// `MsvAvTargetName`; an empty one is as good as none.
    pub(in crate::mech::ntlm) fn target_name(&self) -> Result<Option<String>, DecodeError> {
        let name = utf16_text("MsvAvTargetName", self.find(AvId::TARGET_NAME).unwrap_or_default())?;
        Ok(Some(name).filter(|name| !name.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<AvPairs<'_>, DecodeError> {
        AvPairs::decode(&mut Reader::new("pairs", bytes))
    }

    #[test]
    fn lists_survive() {
        let mut pairs = AvPairs::default();
        pairs.set(AvId::FLAGS, alloc::vec![1, 0, 0, 0]);
        pairs.set(AvId::TIMESTAMP, alloc::vec![9; 8]);
        pairs.set(AvId::FLAGS, alloc::vec![2, 0, 0, 0]);
        let mut bytes = Vec::new();
        pairs.encode(&mut bytes);
        assert_eq!(decode(&bytes).unwrap(), pairs);
        assert_eq!((pairs.flags(), pairs.timestamp()), (2, Some(0x0909_0909_0909_0909)));
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn an_empty_target_name_is_none() {
        let mut pairs = AvPairs::default();
        pairs.set(AvId::TARGET_NAME, Vec::new());
        assert_eq!(pairs.target_name(), Ok(None));
        pairs.set(AvId::TARGET_NAME, alloc::vec![b'a', 0]);
        assert_eq!(pairs.target_name(), Ok(Some("a".into())));
    }

    #[test]
    fn lists_without_end_duplicates_and_wrong_lengths_are_refused() {
        let reason = |bytes: &[u8]| decode(bytes).unwrap_err().reason;
        let endless: Vec<u8> = (1_u16..1000).flat_map(|id| [&(id + 100).to_le_bytes()[..], &[0, 0]].concat()).collect();
        assert_eq!(reason(&endless), DecodeReason::TooLarge { limit: PAIR_LIMIT });
        let twice = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(reason(&twice), DecodeReason::Invalid("an AV_PAIR that was there before"));
        for bad in [&[0, 0, 1, 0, 0][..], &[6, 0, 3, 0, 0, 0, 0], &[7, 0, 0, 0], &[10, 0, 15, 0]] {
            assert_eq!(reason(bad), DecodeReason::Invalid("an AV_PAIR of the wrong length"), "{bad:?}");
        }
    }
}
