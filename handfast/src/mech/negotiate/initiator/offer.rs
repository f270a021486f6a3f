//! The offer of mechanisms, and the first token of the one that is tried first (RFC 4178 3.2).

use super::{Candidate, Inner, Talk, Waiting};
use crate::error::{CredentialError, Error, Refusal};
use crate::flags::Flags;
use crate::krb5::exchange::ExchangeError;
use crate::krb5::message::ErrorCode;
use crate::mech::negotiate::message::{MechType, NegTokenInit, NegotiationToken, mech_type_list};
use crate::mech::negotiate::{filled, names, unexpected};
use crate::mech::{InitiateInput, InitiateStep, Initiating, MechanismId, Progress, Why};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;

/// Has made nothing yet.
pub(super) struct Begun {
    pub(super) candidates: VecDeque<Candidate>,
}

impl Initiating for Begun {
    fn step(
        mut self: Box<Self>,
        input: InitiateInput<'_>,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        match input {
            InitiateInput::Begin => {}
            InitiateInput::Token(hint) => self.heed(hint)?,
            _ => return Err(Error::ApiMisuse("a negotiation begins with its beginning")),
        }
        let Some(first) = self.candidates.pop_front() else {
            return Err(Error::ApiMisuse("there is nothing to negotiate: no credential and no mechanism"));
        };
        let offer = Offer { current: first.id, others: self.candidates, why: Why::FirstChoice };
        let mut token = Vec::new();
        let step = first.handshake.step(InitiateInput::Begin, now, &mut token);
        offer.first_token(step, token, now, out)
    }

    fn progress(&self) -> Progress {
        let flags = self.candidates.front().map_or(Flags::NONE, |first| first.handshake.progress().flags);
        Progress { mechanism: MechanismId::SPNEGO, flags }
    }
}

impl Begun {
    /// Nothing protects what an acceptor says first (MS-SPNG 3.2.5.2), so nothing is left out of our offer for it: it only
    /// spares a handshake that can't succeed.
    fn heed(&self, hint: &[u8]) -> Result<(), Error> {
        let NegotiationToken::Init(hint) = NegotiationToken::decode(hint)? else {
            return unexpected("a reply before there was an offer");
        };
        let common = |ours: &Candidate| hint.mech_types.iter().any(|theirs| names(*theirs, ours.id));
        if hint.mech_types.is_empty() || self.candidates.iter().any(common) {
            return Ok(());
        }
        Err(Error::refused(Refusal::NoCommonMechanism {
            theirs: hint.mech_types.iter().map(ToString::to_string).collect(),
            ours: self.candidates.iter().map(|ours| ours.id).collect(),
        }))
    }
}

/// What will be offered, once the first token has been made.
pub(super) struct Offer {
    pub(super) current: MechanismId,
    pub(super) others: VecDeque<Candidate>,
    pub(super) why: Why,
}

impl Offer {
    /// Goes on where the mechanism that is tried first has made a step: to the offer, or to the next mechanism if this one
    /// can't begin.
    fn first_token(
        mut self,
        mut step: Result<InitiateStep, Error>,
        mut token: Vec<u8>,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        loop {
            let inner = match step {
                Ok(InitiateStep::NeedsKdc(handshake, request)) => {
                    return Ok(InitiateStep::NeedsKdc(Box::new(Starting { offer: self, handshake, token }), request));
                }
                Ok(InitiateStep::NeedsAnswer(handshake, question)) => {
                    return Ok(InitiateStep::NeedsAnswer(
                        Box::new(Starting { offer: self, handshake, token }),
                        question,
                    ));
                }
                Ok(InitiateStep::NeedsToken(handshake)) => Inner::Running(handshake),
                Ok(InitiateStep::Complete(established)) => Inner::Done(established),
                Err(error) => {
                    let handshake = self.fall_back(error)?;
                    token.clear();
                    step = handshake.step(InitiateInput::Begin, now, &mut token);
                    continue;
                }
            };
            return Ok(InitiateStep::NeedsToken(self.send(inner, &token, out)));
        }
    }

    /// The next mechanism, if the one before can't begin for a reason that lets it be left out of the offer.
    fn fall_back(&mut self, error: Error) -> Result<Box<dyn Initiating>, Error> {
        let (first_choice, reason) = match core::mem::replace(&mut self.why, Why::FirstChoice) {
            Why::Fallback { first_choice, reason } => (first_choice, reason),
            _ => (self.current, Box::new(error.clone())),
        };
        match self.others.pop_front() {
            Some(next) if cannot_begin(&error) => {
                self.current = next.id;
                self.why = Why::Fallback { first_choice, reason };
                Ok(next.handshake)
            }
            _ => Err(*reason),
        }
    }

    fn send(self, inner: Inner, token: &[u8], out: &mut Vec<u8>) -> Box<dyn Initiating> {
        let ids = [self.current].into_iter().chain(self.others.iter().map(|other| other.id));
        let mech_types: Vec<MechType<'_>> = ids.map(MechType::from).collect();
        let list = mech_type_list(&mech_types);
        let init = NegTokenInit { mech_types, mech_token: filled(Some(token)), ..NegTokenInit::default() };
        NegotiationToken::Init(init).encode(out);
        let talk = Talk { offer: self, list, replied: false, mic_required: false, mic_sent: false };
        Box::new(Waiting { talk, inner })
    }
}

/// Whether a mechanism that failed so, before its first token, may be left out: it can't reach this acceptor from here, or
/// has nothing to prove itself with. What speaks of a wrong secret, a locked account, clocks or forged replies may not, nor a
/// login that can't be delegated where it must be.
fn cannot_begin(error: &Error) -> bool {
    match error {
        Error::Credential(CredentialError::NotForwardable { .. }) => false,
        Error::KdcUnreachable(_) | Error::Mechanism(_) | Error::Credential(_) => true,
        Error::Exchange(error) => match &**error {
            ExchangeError::Refused(refusal) => matches!(
                refusal.code,
                ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN
                    | ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN
                    | ErrorCode::KDC_ERR_ETYPE_NOSUPP
                    | ErrorCode::KDC_ERR_SVC_UNAVAILABLE
                    | ErrorCode::KDC_ERR_WRONG_REALM
            ),
            ExchangeError::Referral { .. }
            | ExchangeError::OtherRealm { .. }
            | ExchangeError::NoWay { .. }
            | ExchangeError::ReferralLoop { .. }
            | ExchangeError::TooManyReferrals { .. }
            | ExchangeError::NoCommonEnctype { .. }
            | ExchangeError::NoCommonPreauth { .. } => true,
            _ => false,
        },
        _ => false,
    }
}

/// Makes the first token, and waits for a KDC or an answer meanwhile.
struct Starting {
    offer: Offer,
    handshake: Box<dyn Initiating>,
    token: Vec<u8>,
}

impl Initiating for Starting {
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let Starting { offer, handshake, mut token } = *self;
        let step = handshake.step(input, now, &mut token);
        offer.first_token(step, token, now, out)
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: MechanismId::SPNEGO, flags: self.handshake.progress().flags }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::krb5::exchange::{KdcRefusal, KdcUnreachable};
    use crate::krb5::message::ErrorCode as Code;
    use crate::name::Principal;
    use alloc::string::String;

    fn alice() -> Principal {
        "alice@R".parse().unwrap()
    }

    fn refused(code: Code) -> ExchangeError {
        ExchangeError::Refused(Box::new(KdcRefusal {
            code,
            realm: "R".into(),
            client: alice(),
            service: alice(),
            offered: Vec::new(),
            proof: None,
            tried: Vec::new(),
            takes: Vec::new(),
            trusted_certifiers: Vec::new(),
            invalid_certificates: Vec::new(),
            text: None,
            clock_difference: 0,
        }))
    }

    #[test]
    fn who_can_not_be_reached_or_has_no_key_for_us_is_left_out() {
        let (client, realm) = (alice(), String::from("R"));
        let no_enctype = ExchangeError::NoCommonEnctype { client: client.clone(), ours: Vec::new(), kdc: Vec::new() };
        let (enctypes, tried, offered) = (Vec::new(), Vec::new(), Vec::new());
        let errors = [
            ExchangeError::Referral { name: alice(), realm: realm.clone() },
            ExchangeError::OtherRealm { service: alice(), ticket: alice() },
            ExchangeError::NoWay { service: alice(), realm: realm.clone() },
            ExchangeError::ReferralLoop { service: alice(), realm: realm.clone() },
            ExchangeError::TooManyReferrals { service: alice(), limit: 5 },
            ExchangeError::NoCommonPreauth { client, enctypes, tried, offered },
            no_enctype,
            refused(Code::KDC_ERR_S_PRINCIPAL_UNKNOWN),
            refused(Code::KDC_ERR_C_PRINCIPAL_UNKNOWN),
            refused(Code::KDC_ERR_ETYPE_NOSUPP),
            refused(Code::KDC_ERR_SVC_UNAVAILABLE),
            refused(Code::KDC_ERR_WRONG_REALM),
        ];
        let unreachable = Error::KdcUnreachable(KdcUnreachable { realm, tried: Vec::new() });
        for error in errors.into_iter().map(Error::from).chain([unreachable, Error::Mechanism("no".into())]) {
            assert!(cannot_begin(&error), "{error:?}");
        }
    }

    #[test]
    fn a_wrong_secret_or_one_that_may_not_be_handed_on_is_no_reason_to_try_another_mechanism() {
        let errors = [
            refused(Code::KDC_ERR_PREAUTH_FAILED),
            refused(Code::KDC_ERR_CLIENT_REVOKED),
            refused(Code::KDC_ERR_KEY_EXPIRED),
            refused(Code::KRB_AP_ERR_SKEW),
            ExchangeError::ReplyNotProven { realm: "R".into() },
            ExchangeError::TooFewIterations { requested: 1, minimum: 4096 },
        ];
        for error in errors.into_iter().map(Error::from).chain([
            Error::from(CredentialError::NotForwardable { client: alice() }),
            Error::UnknownMechanism,
            Error::AccountRefused,
        ]) {
            assert!(!cannot_begin(&error), "{error:?}");
        }
    }
}
