use super::{LongTermKeys, Mechanism, Method, Move, OwnedPaData, Replied, Round, Said};
use crate::crypto::Secret;
use crate::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage};
use crate::krb5::exchange::{ClientProof, ExchangeError, draw_confounder};
use crate::krb5::message::{
    EncryptedData, PaDataType, PaSpake, SpakeChallenge, SpakeFactorType, SpakeGroup, SpakeResponse, SpakeSecondFactor,
    SpakeSupport,
};
use crate::krb5::spake::{Multiplier, Role, SpakeError, Transcript, is_supported};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// SPAKE (RFC 9588): a key exchange that both sides authenticate with the client's key. Nobody who sees it, or answers in the KDC's
/// place, has anything to guess at.
pub(super) struct Spake;

impl Method for Spake {
    fn padata_type(&self) -> PaDataType {
        PaDataType::SPAKE
    }

    fn begin(&self, round: &Round<'_>) -> Option<Box<dyn Mechanism>> {
        let groups: Vec<_> = round.options.spake_groups.iter().copied().filter(|group| is_supported(*group)).collect();
        Some(Box::new(InUse { groups, support: None, proven: None }))
    }
}

struct InUse {
    groups: Vec<SpakeGroup>,
    /// The support message that was sent, if one was: it is in the transcript.
    support: Option<Vec<u8>>,
    proven: Option<Proven>,
}

/// Once the response is made.
struct Proven {
    proof: ClientProof,
    reply_key: EncryptionKey,
}

impl Mechanism for InUse {
    fn step(&mut self, said: &Said<'_>, round: &Round<'_>) -> Result<Move, ExchangeError> {
        if self.proven.is_some() {
            return Err(
                SpakeError::Unexpected("the KDC goes on after the response, which nothing here asks for").into()
            );
        }
        let none = SpakeError::Unexpected("the KDC goes on without a message of SPAKE");
        let value = said.find(PaDataType::SPAKE).ok_or(none)?;
        if value.is_empty() {
            return self.support();
        }
        match PaSpake::decode(value)? {
            // An optimistic challenge in another group is declined by saying which are known (RFC 9588 4.6).
            PaSpake::Challenge(challenge) if !self.groups.contains(&challenge.group) && self.support.is_none() => {
                self.support()
            }
            PaSpake::Challenge(challenge) => self.respond(&challenge, value, said, round),
            _ => {
                Err(SpakeError::Unexpected("the KDC sent a message that only clients send, or no key is there for")
                    .into())
            }
        }
    }

    fn proof(&self) -> Option<ClientProof> {
        self.proven.as_ref().map(|proven| proven.proof)
    }

    /// The reply key is replaced (RFC 9588 4.5): who can encrypt with it has the client's key, so the KDC is proven too.
    fn reply_keys(&mut self, reply: &Replied<'_>, round: &Round<'_>) -> Result<Vec<EncryptionKey>, ExchangeError> {
        match &self.proven {
            Some(proven) => Ok(vec![proven.reply_key.clone()]),
            None => LongTermKeys::of_reply(None, reply, round),
        }
    }
}

impl InUse {
    fn support(&mut self) -> Result<Move, ExchangeError> {
        if self.support.is_some() {
            return Err(SpakeError::Unexpected("the KDC has no challenge in answer to our groups").into());
        }
        if self.groups.is_empty() {
            return Err(SpakeError::NoGroup.into());
        }
        let support = PaSpake::Support(SpakeSupport { groups: self.groups.clone() }).to_der();
        self.support = Some(support.clone());
        Ok(Move::Send(vec![OwnedPaData::new(PaDataType::SPAKE, support)]))
    }

    /// Answers a challenge (RFC 9588 4.3).
    fn respond(
        &mut self,
        challenge: &SpakeChallenge<'_>,
        value: &[u8],
        said: &Said<'_>,
        round: &Round<'_>,
    ) -> Result<Move, ExchangeError> {
        self.check(challenge)?;
        let transcript = Transcript::new(challenge.group, self.support.as_deref(), value)?;
        let keys = LongTermKeys::choose(round, said.hints)?;
        let multiplier = Multiplier::new(keys.first(), challenge.group)?;
        let pair = multiplier.generate(Role::Client, round.random)?;
        let shared = multiplier.shared_element(Role::Client, &pair.private, challenge.pubkey)?;
        let transcript = transcript.with_response(&pair.public)?;
        let reply_key = multiplier.derive(&shared, &transcript, round.body, 0)?;
        let factor_key = multiplier.derive(&shared, &transcript, round.body, 1)?;
        let response = response(&pair.public, &factor_key, round)?;
        self.proven = Some(Proven { proof: keys.proof(round.secret), reply_key });
        Ok(Move::Send(vec![OwnedPaData::new(PaDataType::SPAKE, response)]))
    }

    /// Whether the challenge is one that was asked for, and takes the password alone.
    fn check(&self, challenge: &SpakeChallenge<'_>) -> Result<(), SpakeError> {
        if !self.groups.contains(&challenge.group) {
            return Err(SpakeError::GroupNotOffered { chosen: challenge.group, offered: self.groups.clone() });
        }
        let factors: Vec<_> = challenge.factors.iter().map(|factor| factor.factor_type).collect();
        if !factors.contains(&SpakeFactorType::NONE) {
            return Err(SpakeError::SecondFactor { offered: factors });
        }
        Ok(())
    }
}

/// The response, with SF-NONE under K'\[1\].
fn response(public: &[u8], key: &EncryptionKey, round: &Round<'_>) -> Result<Vec<u8>, ExchangeError> {
    let plain = Secret::new(SpakeSecondFactor::NONE.to_der());
    let mut cipher = Vec::new();
    CipherKey::new(key, KeyUsage::SPAKE)?.encrypt(&draw_confounder(round.random)?, plain.expose(), &mut cipher);
    let factor = EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher };
    Ok(PaSpake::Response(SpakeResponse { pubkey: public, factor }).to_der())
}
