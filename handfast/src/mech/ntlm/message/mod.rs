//! The three messages (MS-NLMP 2.2.1) and what they are made of.

mod authenticate;
mod av_pairs;
mod challenge;
mod field;
mod file_time;
mod flags;
mod negotiate;

pub(super) use authenticate::{Authenticate, around_mic, put_mic};
pub(super) use av_pairs::{AvId, AvPairs, MIC_PRESENT, UNTRUSTED_TARGET};
pub(super) use challenge::Challenge;
pub(super) use field::{utf16, utf16_text};
pub(super) use file_time::FileTime;
pub(super) use flags::NegotiateFlags;
pub(super) use negotiate::Negotiate;

use crate::wire::{DecodeError, Reader};

/// `Signature` (MS-NLMP 2.2.1), the first field of every message.
const SIGNATURE: [u8; 8] = *b"NTLMSSP\0";

/// `VERSION` (MS-NLMP 2.2.2.10): the product's version means nothing here; the last octet is NTLMSSP_REVISION_W2K3. All
/// zeros where it is not negotiated (2.2.1).
fn version(flags: NegotiateFlags) -> [u8; 8] {
    let revision = if flags.contains(NegotiateFlags::VERSION) { 0x0f } else { 0 };
    [0, 0, 0, 0, 0, 0, 0, revision]
}

/// Whether `token` is meant as a message of NTLM.
pub(crate) fn is_ntlm(token: &[u8]) -> bool {
    token.starts_with(&SIGNATURE)
}

/// Reads past the signature and the message type, which must be `message_type`.
fn read_start(reader: &mut Reader<'_>, message_type: u32) -> Result<(), DecodeError> {
    let at = reader.clone();
    if reader.array()? != SIGNATURE {
        return Err(at.invalid("does not start with NTLMSSP"));
    }
    let at = reader.clone();
    if reader.u32_le()? != message_type {
        return Err(at.invalid("another message type than the one whose turn it is"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::DecodeReason;

    /// MS-NLMP 2.2.2.10: the revision is the last octet; 2.2.1: zeros where the version is not negotiated.
    #[test]
    fn the_version_is_sent_where_it_is_negotiated() {
        let ends = |flags| Negotiate { flags }.encode().split_off(32);
        assert_eq!(ends(NegotiateFlags::VERSION), [0, 0, 0, 0, 0, 0, 0, 15]);
        assert_eq!(ends(NegotiateFlags::NONE), [0; 8]);
    }

    #[test]
    fn another_signature_or_type_is_refused_where_it_stands() {
        let refused = |at: usize| {
            let mut message = Negotiate { flags: NegotiateFlags::UNICODE }.encode();
            assert!(Negotiate::decode(&message).is_ok());
            message[at] ^= 2;
            Negotiate::decode(&message).unwrap_err()
        };
        for at in 0..8 {
            let error = refused(at);
            assert_eq!((error.offset, error.reason), (0, DecodeReason::Invalid("does not start with NTLMSSP")), "{at}");
        }
        for at in 8..12 {
            let error = refused(at);
            let another = DecodeReason::Invalid("another message type than the one whose turn it is");
            assert_eq!((error.offset, error.reason), (8, another), "{at}");
        }
    }

    /// The list of pairs is the whole of its field (MS-NLMP 2.2.1.2, TargetInfoFields).
    #[test]
    fn what_follows_the_pairs_in_their_field_is_refused() {
        let challenge = Challenge {
            flags: NegotiateFlags::NONE,
            server_challenge: [7; 8],
            target_name: &[],
            target_info: AvPairs::default(),
        };
        let mut message = challenge.encode();
        assert_eq!(Challenge::decode(&message).unwrap(), challenge);
        message.push(0);
        message[40] += 1;
        let error = Challenge::decode(&message).unwrap_err();
        assert_eq!(
            (error.what, error.offset, error.reason),
            ("NTLM TargetInfo", 4, DecodeReason::Trailing { count: 1 })
        );
    }

    /// MS-NLMP 2.2.1.2: fields that are empty, with a version behind them or none.
    #[test]
    fn a_challenge_without_a_payload_ends_with_its_version() {
        let challenge = Challenge {
            flags: NegotiateFlags::NONE,
            server_challenge: [7; 8],
            target_name: &[],
            target_info: AvPairs::default(),
        };
        let mut message = challenge.encode();
        message[40..42].fill(0);
        for len in [48, 56] {
            message.resize(len, 0);
            assert_eq!(Challenge::decode(&message).unwrap(), challenge, "{len}");
        }
        message.push(0);
        let error = Challenge::decode(&message).unwrap_err();
        assert_eq!((error.offset, error.reason), (56, DecodeReason::Trailing { count: 1 }));
    }

    /// Where the payload begins in the place of version or MIC, neither is there (MS-NLMP 2.2.1.3).
    #[test]
    fn what_follows_an_early_payload_is_refused() {
        let of_a = Authenticate {
            lm_response: &[],
            nt_response: &[],
            domain: &[],
            user: b"a\0",
            workstation: &[],
            encrypted_session_key: &[],
            flags: NegotiateFlags::NONE,
            mic: None,
        };
        let nothing = Authenticate { user: &[], ..of_a.clone() }.encode();
        assert_eq!((nothing.len(), Authenticate::decode(&nothing).unwrap().mic), (88, Some([0; 16])));
        let error = Authenticate::decode(&[&nothing[..], &[0]].concat()).unwrap_err();
        assert_eq!((error.offset, error.reason), (88, DecodeReason::Trailing { count: 1 }));
        for start in [64, 72] {
            let mut message = of_a.encode();
            message.truncate(start);
            message.extend(b"a\0");
            message[40] = u8::try_from(start).unwrap();
            let decoded = Authenticate::decode(&message).unwrap();
            assert_eq!((decoded.user, decoded.mic), (&b"a\0"[..], None));
            message.extend([0; 6]);
            let error = Authenticate::decode(&message).unwrap_err();
            assert_eq!((error.offset, error.reason), (start + 2, DecodeReason::Trailing { count: 6 }));
        }
    }
}
