//! All that was said before the AP-REQ, and the proof that both ends have heard the same (draft-ietf-kitten-iakerb-03 4).

use super::message::Proxied;
use crate::error::{Error, IakerbRefusal};
use crate::krb5::enctype::{ChecksumKey, EncryptionKey, KeyUsage};
use crate::krb5::message::{Checksum, KrbFinished};
use crate::mech::kerberos::message::{Extension, extensions};
use crate::policy::IakerbDialect;
use alloc::vec::Vec;

/// How many messages are carried to a KDC in a handshake.
pub(super) const ROUND_LIMIT: u32 = 12;

/// How many bytes the tokens of a conversation may have together.
pub(super) const BYTE_LIMIT: usize = 256 * 1024;

/// The number of the extension that holds a KRB-FINISHED (GSS_EXTS_FINISHED), and with which key usage it is made.
const fn finished(dialect: IakerbDialect) -> (u32, KeyUsage) {
    match dialect {
        IakerbDialect::Draft => (2, KeyUsage::FINISHED),
        IakerbDialect::Mit121 => (1, KeyUsage::MIT_121_FINISHED),
    }
}

/// The tokens of an IAKERB conversation in both directions, in their order.
#[derive(Clone, Debug)]
pub(in crate::mech::kerberos) struct Conversation {
    pub(super) dialect: IakerbDialect,
    tokens: Vec<u8>,
    rounds: u32,
    /// What the acceptor wants to see again.
    pub(super) cookie: Option<Vec<u8>>,
}

impl Conversation {
    pub(in crate::mech::kerberos) fn new(dialect: IakerbDialect) -> Self {
        Conversation { dialect, tokens: Vec::new(), rounds: 0, cookie: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Counts one more message to a KDC.
    pub(super) fn count(&mut self) -> Result<(), Error> {
        self.rounds += 1;
        let limit = ROUND_LIMIT;
        if self.rounds > limit { Err(IakerbRefusal::TooManyRounds { limit }.into()) } else { Ok(()) }
    }

    /// Remembers the peer's token.
    pub(super) fn heard(&mut self, token: &[u8]) -> Result<(), Error> {
        let limit = BYTE_LIMIT;
        if token.len() > limit.saturating_sub(self.tokens.len()) {
            return Err(IakerbRefusal::TooManyBytes { limit }.into());
        }
        self.tokens.extend_from_slice(token);
        Ok(())
    }

    /// Appends a token of ours, and remembers it.
    pub(super) fn say(&mut self, realm: &str, message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let (start, first) = (out.len(), self.is_empty());
        let cookie = self.cookie.take();
        Proxied { realm, cookie: cookie.as_deref(), message, dialect: self.dialect }.write(first, out);
        self.heard(out.get(start..).unwrap_or_default())
    }

    /// The extension of the authenticator's checksum that proves this conversation; empty if there was none.
    pub(in crate::mech::kerberos) fn prove(&self, subkey: &EncryptionKey) -> Result<Vec<u8>, Error> {
        let mut extension = Vec::new();
        if !self.is_empty() {
            let (number, usage) = finished(self.dialect);
            let key = ChecksumKey::new(subkey, usage)?;
            let checksum = &*key.checksum(&[&self.tokens]);
            let gss_mic = Checksum { cksumtype: key.checksum_type(), checksum };
            Extension { number, contents: &KrbFinished { gss_mic }.to_der() }.write(&mut extension);
        }
        Ok(extension)
    }

    /// Whether the client, whose authenticator has this subkey and these extensions, has held this conversation.
    pub(in crate::mech::kerberos) fn check(&self, subkey: Option<&EncryptionKey>, octets: &[u8]) -> Result<(), Error> {
        if self.is_empty() {
            return refuse_finished(octets);
        }
        let (number, usage) = finished(self.dialect);
        let mut proven = false;
        for extension in extensions(octets) {
            let Extension { number: found, contents } = extension?;
            if found != number {
                continue;
            }
            let Some(subkey) = subkey else { return Err(IakerbRefusal::FinishedAbsent.into()) };
            let KrbFinished { gss_mic } = KrbFinished::decode(contents)?;
            let key = ChecksumKey::new(subkey, usage)?;
            let made = gss_mic.cksumtype == key.checksum_type();
            if proven || !made || key.verify(&[&self.tokens], gss_mic.checksum).is_err() {
                return Err(IakerbRefusal::FinishedMismatch.into());
            }
            proven = true;
        }
        if proven { Ok(()) } else { Err(IakerbRefusal::FinishedAbsent.into()) }
    }
}

/// A client that proves a conversation where there was none was talking to somebody else: its AP-REQ was taken from there.
pub(in crate::mech::kerberos) fn refuse_finished(octets: &[u8]) -> Result<(), Error> {
    let numbers = [IakerbDialect::Draft, IakerbDialect::Mit121].map(|dialect| finished(dialect).0);
    // Octets that are no extensions mean nothing, and are left alone (RFC 4121 4.1.1).
    match extensions(octets).map_while(Result::ok).any(|extension| numbers.contains(&extension.number)) {
        true => Err(IakerbRefusal::FinishedElsewhere.into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::krb5::enctype::Enctype;

    fn key(enctype: Enctype, fill: u8) -> EncryptionKey {
        EncryptionKey::new(enctype, alloc::vec![fill; enctype.key_size().unwrap()]).unwrap()
    }

    fn conversation(dialect: IakerbDialect) -> Conversation {
        let mut conversation = Conversation::new(dialect);
        conversation.say("EXAMPLE.COM", b"request", &mut Vec::new()).unwrap();
        conversation.heard(b"reply").unwrap();
        conversation
    }

    fn refusal(result: Result<(), Error>) -> IakerbRefusal {
        match result {
            Err(Error::Refused(refusal)) => match *refusal {
                crate::error::Refusal::Iakerb(refusal) => refusal,
                other => panic!("{other}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_conversation_is_proven_by_its_own_proof_alone() {
        for enctype in Enctype::strong() {
            for dialect in [IakerbDialect::Draft, IakerbDialect::Mit121] {
                let (subkey, ours) = (key(enctype, 1), conversation(dialect));
                let proof = ours.prove(&subkey).unwrap();
                assert_eq!(ours.check(Some(&subkey), &proof), Ok(()));
                let mut other = ours.clone();
                other.heard(b"!").unwrap();
                for wrong in [
                    ours.check(Some(&key(enctype, 2)), &proof),
                    other.check(Some(&subkey), &proof),
                    ours.check(Some(&subkey), &[&proof[..], &proof].concat()),
                ] {
                    assert_eq!(refusal(wrong), IakerbRefusal::FinishedMismatch);
                }
                for absent in [ours.check(None, &proof), ours.check(Some(&subkey), &[])] {
                    assert_eq!(refusal(absent), IakerbRefusal::FinishedAbsent);
                }
                let none = Conversation::new(dialect);
                assert_eq!(none.prove(&subkey).unwrap(), []);
                assert_eq!(refusal(none.check(Some(&subkey), &proof)), IakerbRefusal::FinishedElsewhere);
                assert_eq!(none.check(Some(&subkey), &[]), Ok(()));
                assert_eq!(refuse_finished(b"extension"), Ok(()), "octets that are no extension");
            }
        }
    }

    #[test]
    fn a_proof_is_whole_and_unchanged() {
        let (subkey, ours) = (key(Enctype::AES128_CTS_HMAC_SHA1_96, 1), conversation(IakerbDialect::Draft));
        let proof = ours.prove(&subkey).unwrap();
        for cut in 0..proof.len() {
            assert!(ours.check(Some(&subkey), &proof[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..proof.len() * 8 {
            let mut flipped = proof.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(ours.check(Some(&subkey), &flipped).is_err(), "bit {bit}");
        }
    }

    /// Each number and key usage is of one dialect: what proves a conversation in one proves none in the other.
    #[test]
    fn the_dialects_do_not_prove_for_each_other() {
        let subkey = key(Enctype::AES256_CTS_HMAC_SHA384_192, 1);
        let draft = Conversation { tokens: b"the same".to_vec(), ..Conversation::new(IakerbDialect::Draft) };
        let old = Conversation { dialect: IakerbDialect::Mit121, ..draft.clone() };
        let (of_draft, of_old) = (draft.prove(&subkey).unwrap(), old.prove(&subkey).unwrap());
        assert_eq!((&of_draft[..4], &of_old[..4]), (&[0, 0, 0, 2][..], &[0, 0, 0, 1][..]));
        assert_eq!(refusal(draft.check(Some(&subkey), &of_old)), IakerbRefusal::FinishedAbsent);
        assert_eq!(refusal(old.check(Some(&subkey), &of_draft)), IakerbRefusal::FinishedAbsent);
        let renumbered = [&of_old[..4], &of_draft[4..]].concat();
        assert_eq!(refusal(old.check(Some(&subkey), &renumbered)), IakerbRefusal::FinishedMismatch);
    }

    #[test]
    fn conversations_end_at_their_limits() {
        let mut ours = Conversation::new(IakerbDialect::Draft);
        for _ in 0..ROUND_LIMIT {
            assert_eq!(ours.count(), Ok(()));
        }
        assert_eq!(refusal(ours.count()), IakerbRefusal::TooManyRounds { limit: ROUND_LIMIT });
        let half = alloc::vec![0; BYTE_LIMIT / 2];
        assert_eq!((ours.heard(&half), ours.heard(&half)), (Ok(()), Ok(())));
        assert_eq!(refusal(ours.heard(&[0])), IakerbRefusal::TooManyBytes { limit: BYTE_LIMIT });
    }
}
