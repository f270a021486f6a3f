use super::{KeyHints, LongTermKeys, METHODS, Mechanism, Method, Move, OwnedPaData, Replied, Round, Said};
use crate::krb5::enctype::{EncryptionKey, Enctype};
use crate::krb5::exchange::{ClientProof, ExchangeError};
use crate::krb5::message::{ErrorCode, KeyRef, MethodData, PaData, PaDataType, TypedData};
use crate::question::Answer;
use crate::wire::DecodeError;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// One conversation with a realm's KDCs (RFC 6113 2): what it has said, and what the client has tried.
#[derive(Default)]
pub(in crate::krb5) struct Conversation {
    /// What the KDC takes, as it last said.
    offer: Vec<OwnedPaData>,
    hints: KeyHints,
    /// The KDC's state, from its last message (RFC 6113 5.2).
    cookie: Option<OwnedPaData>,
    /// The methods that were begun, in that order.
    tried: Vec<PaDataType>,
    current: Option<Box<dyn Mechanism>>,
}

impl Conversation {
    /// What the client has proven itself with; none if its secret was not used.
    pub(in crate::krb5) fn proof(&self) -> Option<ClientProof> {
        self.current.as_deref().and_then(Mechanism::proof)
    }

    /// The method in use.
    pub(in crate::krb5) fn method(&self) -> Option<PaDataType> {
        self.current.as_ref().and_then(|_| self.tried.last().copied())
    }

    /// The methods that were tried.
    pub(in crate::krb5) fn tried(&self) -> Vec<PaDataType> {
        self.tried.clone()
    }

    /// What the KDC takes, as it last said.
    pub(in crate::krb5) fn offered(&self) -> Vec<PaDataType> {
        self.offer.iter().map(|padata| padata.padata_type).collect()
    }

    /// Takes a list of what the KDC takes, and begins the first method of ours in it that was not tried.
    ///
    /// # Errors
    /// For an undecodable hint; the first reason why a method could not be used, if there was one;
    /// [`ExchangeError::NoCommonPreauth`].
    pub(in crate::krb5) fn choose(&mut self, padata: &[PaData<'_>], round: &Round<'_>) -> Result<Move, ExchangeError> {
        self.hear(padata)?;
        self.offer = padata.iter().map(OwnedPaData::from).collect();
        self.next(round)
    }

    /// Begins the next method, among those last offered.
    ///
    /// # Errors
    /// As [`Conversation::choose`].
    pub(in crate::krb5) fn next(&mut self, round: &Round<'_>) -> Result<Move, ExchangeError> {
        self.current = None;
        let offer: Vec<_> = self.offer.iter().map(OwnedPaData::borrowed).collect();
        let said = Said { padata: &offer, hints: &self.hints };
        let mut reason = None;
        for method in in_order(round) {
            let kind = method.padata_type();
            if self.tried.contains(&kind) || said.find(kind).is_none() || !round.secret.is_for(kind) {
                continue;
            }
            let Some(mut mechanism) = method.begin(round) else { continue };
            self.tried.push(kind);
            match mechanism.step(&said, round) {
                Ok(next) => {
                    self.current = Some(mechanism);
                    return Ok(next);
                }
                Err(error) => reason = reason.or(Some(error)),
            }
        }
        Err(reason.unwrap_or_else(|| ExchangeError::NoCommonPreauth {
            client: round.client.clone(),
            enctypes: round.enctypes.to_vec(),
            tried: self.tried(),
            offered: self.offered(),
        }))
    }

    /// Goes on with the method in use, which the KDC has a challenge for; none if there is no such method.
    ///
    /// # Errors
    /// The mechanism's.
    pub(in crate::krb5) fn go_on(
        &mut self,
        padata: &[PaData<'_>],
        round: &Round<'_>,
    ) -> Result<Option<Move>, ExchangeError> {
        self.hear(padata)?;
        let said = Said { padata, hints: &self.hints };
        self.current.as_deref_mut().map(|mechanism| mechanism.step(&said, round)).transpose()
    }

    /// Whether the method in use knows a better way to ask after a refusal of its own.
    ///
    /// # Errors
    /// For an undecodable hint.
    pub(in crate::krb5) fn refused(
        &mut self,
        code: ErrorCode,
        padata: &[PaData<'_>],
        round: &Round<'_>,
    ) -> Result<Option<Move>, ExchangeError> {
        self.hear(padata)?;
        let said = Said { padata, hints: &self.hints };
        Ok(self.current.as_deref_mut().and_then(|mechanism| mechanism.refused(code, &said, round)))
    }

    /// Goes on with the answer to the question of the method in use.
    ///
    /// # Errors
    /// The mechanism's, and [`ExchangeError::ApiMisuse`] if there is none.
    pub(in crate::krb5) fn answered(&mut self, answer: Answer, round: &Round<'_>) -> Result<Move, ExchangeError> {
        let none = ExchangeError::ApiMisuse("an answer to no question");
        self.current.as_deref_mut().ok_or(none)?.answered(answer, round)
    }

    /// Everything that a request carries: the method's padata, and the KDC's cookie as it came (RFC 6113 5.2).
    pub(in crate::krb5) fn padata<'a>(&'a self, own: &'a [OwnedPaData]) -> Vec<PaData<'a>> {
        own.iter().chain(&self.cookie).map(OwnedPaData::borrowed).collect()
    }

    /// The keys that a reply with this padata, to `request`, may be under.
    ///
    /// # Errors
    /// If the KDC is not proven, or no key is here.
    pub(in crate::krb5) fn reply_keys(
        &mut self,
        padata: &[PaData<'_>],
        enctype: Enctype,
        request: &[u8],
        round: &Round<'_>,
    ) -> Result<Vec<EncryptionKey>, ExchangeError> {
        let reply = &Replied { padata, hints: &self.hints, enctype, request };
        match &mut self.current {
            Some(mechanism) => mechanism.reply_keys(reply, round),
            #[cfg(feature = "pkinit")]
            None if round.secret.is_agreed() => {
                Err(ExchangeError::Pkinit(Box::new(crate::krb5::pkinit::PkinitError::NoReply)))
            }
            None => LongTermKeys::of_reply(None, reply, round),
        }
    }

    /// Checks the session key of a reply with this padata, where it is not the KDC's alone to make.
    ///
    /// # Errors
    /// If it is not the one that it has to be.
    pub(in crate::krb5) fn check_session_key(
        &self,
        padata: &[PaData<'_>],
        session: &KeyRef<'_>,
    ) -> Result<(), ExchangeError> {
        self.current.as_deref().map_or(Ok(()), |mechanism| mechanism.check_session_key(padata, session))
    }

    /// Takes what every error may carry: hints, and a cookie that is good for the next request alone.
    fn hear(&mut self, padata: &[PaData<'_>]) -> Result<(), DecodeError> {
        let hints = KeyHints::among(padata)?;
        if !hints.is_empty() {
            self.hints = hints;
        }
        let cookie = padata.iter().find(|padata| padata.padata_type == PaDataType::FX_COOKIE);
        self.cookie = cookie.map(OwnedPaData::from);
        Ok(())
    }
}

/// The methods that the options name, in their order.
fn in_order<'a>(round: &Round<'a>) -> impl Iterator<Item = &'static dyn Method> + use<'a> {
    let named = |wanted: &PaDataType| METHODS.iter().copied().find(|method| method.padata_type() == *wanted);
    round.options.preauth.iter().filter_map(named)
}

/// The METHOD-DATA of an error (RFC 4120 5.9.1).
///
/// # Errors
/// If it doesn't decode.
pub(in crate::krb5) fn method_data(e_data: Option<&[u8]>) -> Result<Vec<PaData<'_>>, DecodeError> {
    e_data.map_or(Ok(Vec::new()), |e_data| MethodData::decode(e_data).map(|methods| methods.0))
}

/// What the e-data of any error says: METHOD-DATA, or TYPED-DATA, as codes of PKINIT define it (RFC 4556 3.2.2). Their numbers are
/// one registry (RFC 6113 7.1). Nothing of anything else.
pub(in crate::krb5) fn any_data(e_data: Option<&[u8]>) -> Vec<PaData<'_>> {
    let typed = |e_data| {
        let elements = TypedData::decode(e_data).map(|typed| typed.0).unwrap_or_default();
        let padata = |data_type, value: Option<_>| {
            value.map(|padata_value| PaData { padata_type: PaDataType(data_type), padata_value })
        };
        elements.into_iter().filter_map(|element| padata(element.data_type, element.data_value)).collect()
    };
    method_data(e_data).unwrap_or_else(|_| e_data.map(typed).unwrap_or_default())
}
