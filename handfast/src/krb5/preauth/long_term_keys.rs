use super::{ClientSecret, KeyHint, KeyHints, Replied, Round};
use crate::krb5::enctype::{EncryptionKey, Enctype};
use crate::krb5::exchange::{ClientProof, ExchangeError};
use alloc::vec::Vec;

/// The keys of one enctype that client and KDC share, and how they were made.
pub(in crate::krb5) struct LongTermKeys {
    enctype: Enctype,
    hint: Option<KeyHint>,
    /// The one to prove knowledge of.
    first: EncryptionKey,
    /// All, those to try first in front.
    keys: Vec<EncryptionKey>,
}

impl LongTermKeys {
    /// Those of the best enctype, as we see it, that both sides have a key of.
    pub(in crate::krb5) fn choose(round: &Round<'_>, hints: &KeyHints) -> Result<Self, ExchangeError> {
        let fits = |enctype: &Enctype| round.secret.has(*enctype) && hints.allow(*enctype);
        let enctype = round.enctypes.iter().copied().find(fits);
        let enctype = enctype.ok_or_else(|| no_common_enctype(round, hints))?;
        let hint = hints.find(enctype).cloned();
        let keys = keys(round, enctype, hint.as_ref())?;
        let first = keys.first().cloned().ok_or_else(|| no_common_enctype(round, hints))?;
        Ok(LongTermKeys { enctype, hint, first, keys })
    }

    /// The one to prove knowledge of.
    pub(in crate::krb5) fn first(&self) -> &EncryptionKey {
        &self.first
    }

    /// What a proof with them is.
    pub(in crate::krb5) fn proof(&self, secret: &ClientSecret) -> ClientProof {
        match secret {
            ClientSecret::Password(_) => ClientProof::Password(self.enctype),
            ClientSecret::Keys(_) | ClientSecret::OneTimePassword => ClientProof::Key(self.enctype),
            // It has no long-term keys, and none was chosen.
            #[cfg(feature = "pkinit")]
            ClientSecret::Certificate { .. } | ClientSecret::Anonymous { .. } => ClientProof::Key(self.enctype),
        }
    }

    /// The keys that a reply may be under, if `proven` are those of the proof before it: hints of the reply itself come
    /// before those of the refusal.
    pub(in crate::krb5) fn of_reply(
        proven: Option<&LongTermKeys>,
        reply: &Replied<'_>,
        round: &Round<'_>,
    ) -> Result<Vec<EncryptionKey>, ExchangeError> {
        let enctype = reply.enctype;
        if !round.secret.has(enctype) {
            return Err(no_common_enctype(round, reply.hints));
        }
        let hint = reply.hints.of_reply(reply.padata, enctype)?;
        match proven {
            Some(proven) if proven.enctype == enctype && proven.hint == hint => Ok(proven.keys.clone()),
            _ => keys(round, enctype, hint.as_ref()),
        }
    }
}

fn no_common_enctype(round: &Round<'_>, hints: &KeyHints) -> ExchangeError {
    let ours = round.enctypes.iter().copied().filter(|&enctype| round.secret.has(enctype));
    ExchangeError::NoCommonEnctype { client: round.client.clone(), ours: ours.collect(), kdc: hints.enctypes() }
}

/// The client's keys of an enctype, unless they would be too easy to guess.
fn keys(round: &Round<'_>, enctype: Enctype, hint: Option<&KeyHint>) -> Result<Vec<EncryptionKey>, ExchangeError> {
    let minimum = enctype.default_iterations().unwrap_or(0);
    match (round.secret, hint.and_then(KeyHint::iterations)) {
        (ClientSecret::Password(_), Some(requested))
            if requested < minimum.into() && !round.options.weak_string_to_key =>
        {
            Err(ExchangeError::TooFewIterations { requested, minimum })
        }
        _ => Ok(round.secret.keys(enctype, round.client, hint)?),
    }
}
