//! The initiator: the end that opens the connection.
//!
//! ```text
//!            begin
//!              │
//!              ▼             request()
//!   ┌───► NeedsToken   NeedsKdc ◄────────┐
//!   │        │            │              │      every arrow also appends to `out` what is to be sent,
//!   │ step() │            │ reply()      │      and may end in an error instead
//!   │        ▼            ▼ unreachable()│
//!   └──────  ·  ────────  ·  ────────────┘
//!            │            ▲
//!            │            │ answer(), decline()
//!            │       NeedsAnswer
//!            ▼
//!         Complete(Context)
//! ```

use crate::bindings::ChannelBindings;
use crate::context::Context;
use crate::credential::Credential;
use crate::crypto::Random;
use crate::error::Error;
use crate::flags::Flags;
use crate::krb5::exchange::{KdcRequest, KdcUnreachable};
use crate::legs::{Legs, waiting_arm};
use crate::mech::negotiate::{self, Candidate};
use crate::mech::{InitiateInput, InitiateRequest, InitiateStep, Initiating, Mechanism, MechanismId};
use crate::name::ServiceName;
use crate::policy::Policy;
use crate::question::{Answer, Question};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// Begins handshakes: a policy and a source of randomness, long-lived and shared.
///
/// ```
/// use handfast::{Initiator, Policy};
/// let initiator = Initiator::new(Policy::default());
/// ```
#[derive(Clone)]
#[doc(alias("InitializeSecurityContext", "gss_init_sec_context"))]
pub struct Initiator {
    policy: Arc<Policy>,
    random: Arc<dyn Random>,
}

impl Initiator {
    /// An initiator whose keys and nonces come from the operating system.
    #[cfg(feature = "os-random")]
    pub fn new(policy: Policy) -> Self {
        Initiator::with_random(policy, Arc::new(crate::crypto::OsRandom))
    }

    /// An initiator with another source of randomness.
    pub fn with_random(policy: Policy, random: Arc<dyn Random>) -> Self {
        Initiator { policy: Arc::new(policy), random }
    }

    /// A handshake with `target`, to be completed and begun.
    pub fn to<'a>(&'a self, target: &'a ServiceName) -> Target<'a> {
        Target {
            initiator: self,
            target,
            credential: None,
            bindings: None,
            mechanism: None,
            ntlm: false,
            user_to_user: false,
            iakerb: false,
            negotiate: false,
            offered: Vec::new(),
        }
    }
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initiator").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// A handshake that is about to begin: with whom, as whom, over what.
#[derive(Clone)]
pub struct Target<'a> {
    initiator: &'a Initiator,
    target: &'a ServiceName,
    credential: Option<&'a Credential>,
    bindings: Option<&'a ChannelBindings>,
    mechanism: Option<&'a dyn Mechanism>,
    ntlm: bool,
    user_to_user: bool,
    iakerb: bool,
    negotiate: bool,
    offered: Vec<&'a dyn Mechanism>,
}

impl<'a> Target<'a> {
    /// As whom.
    #[must_use]
    pub fn credential(mut self, credential: &'a Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// The channel that the tokens travel in; the acceptor must see the same one.
    #[must_use]
    pub fn channel_bindings(mut self, bindings: &'a ChannelBindings) -> Self {
        self.bindings = Some(bindings);
        self
    }

    /// By NTLM, even if the credential could do better. The policy must allow it:
    /// [`Policy::dangerous_ntlm_unproven_server`].
    #[must_use]
    pub fn ntlm(mut self) -> Self {
        self.ntlm = true;
        self
    }

    /// With an acceptor that has no key but a login of its own, as a desktop's user has: the target is that user, such as
    /// `ServiceName::principal("bob@EXAMPLE.COM".parse()?)`. It shows its ticket-granting ticket, and the KDC gives a ticket that
    /// only the holder of that can read (draft-swift-win2k-krb-user2user-03). Raw or, as the only offer, negotiated.
    #[must_use]
    pub fn user_to_user(mut self) -> Self {
        self.user_to_user = true;
        self
    }

    /// With an acceptor that carries requests to its KDC, for a client that can't reach one itself
    /// (IAKERB, draft-ietf-kitten-iakerb-03). Raw or, as the only offer, negotiated; [`Policy::offer_iakerb`] offers it behind
    /// Kerberos. A client whose realm is not known, such as a credential of `"alice"`, is of the acceptor's.
    ///
    /// Tickets that were obtained so are in [`Context::acquired`], and in the credential for the next time.
    #[must_use]
    #[doc(alias = "gss_mech_iakerb")]
    pub fn iakerb(mut self) -> Self {
        self.iakerb = true;
        self
    }

    /// By an application's own mechanism and no other. It brings its own credential.
    #[must_use]
    pub fn mechanism(mut self, mechanism: &'a dyn Mechanism) -> Self {
        self.mechanism = Some(mechanism);
        self
    }

    /// By whatever the two ends agree on (SPNEGO, RFC 4178). Offered are, best first: Kerberos, IAKERB with
    /// [`Policy::offer_iakerb`], the application's own mechanisms ([`Target::offer`]), and NTLM, which needs a secret for it and
    /// [`Policy::dangerous_ntlm_unproven_server`]. With [`Target::ntlm`], [`Target::iakerb`] or [`Target::mechanism`] the one named is
    /// alone.
    ///
    /// A mechanism that can't begin, such as Kerberos where no KDC answers, is left out of the offer;
    /// [`Context::why`] tells. Who changes the offer on its way, or its answer, ends the handshake. Integrity is asked for
    /// whatever the policy says (RFC 4178 3): it protects the choice.
    #[must_use]
    #[doc(alias("SPNEGO", "Negotiate", "gss_mech_spnego"))]
    pub fn negotiate(mut self) -> Self {
        self.negotiate = true;
        self
    }

    /// Negotiates, and offers an application's own mechanism as well: behind Kerberos and those offered before, ahead of
    /// NTLM. It brings its own credential.
    #[must_use]
    pub fn offer(mut self, mechanism: &'a dyn Mechanism) -> Self {
        self.offered.push(mechanism);
        self.negotiate()
    }

    /// Makes the first token, or says what is needed to make it.
    pub fn begin(self, now: Time, out: &mut Vec<u8>) -> Result<Initiate, Error> {
        self.start(InitiateInput::Begin, now, out)
    }

    /// As [`Target::begin`], where the acceptor spoke first: `hint` is its token.
    ///
    /// In a negotiation this is a NegTokenInit2 (MS-SPNG 2.2.1). Nothing protects it, so it changes nothing in our offer; it
    /// ends what can't succeed. Kerberos and NTLM alone know no such token.
    pub fn begin_with(self, hint: &[u8], now: Time, out: &mut Vec<u8>) -> Result<Initiate, Error> {
        Legs::new(&self.initiator.policy).check_token(hint)?;
        self.start(InitiateInput::Token(hint), now, out)
    }

    fn start(self, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<Initiate, Error> {
        let policy = &self.initiator.policy;
        let handshake = if self.negotiate { self.negotiation()? } else { self.raw(policy)? };
        Waiting { handshake, legs: Legs::new(policy) }.step(input, now, out)
    }

    fn request<'r>(&'r self, policy: &'r Arc<Policy>) -> InitiateRequest<'r> {
        InitiateRequest { target: self.target, policy, bindings: self.bindings }
    }

    /// One mechanism, by its own tokens.
    fn raw(&self, policy: &Arc<Policy>) -> Result<Box<dyn Initiating>, Error> {
        let request = self.request(policy);
        match (self.mechanism, self.credential) {
            (Some(mechanism), _) => Ok(mechanism.initiate(&request)),
            (None, Some(credential)) if self.user_to_user => {
                Ok(credential.initiate_user_to_user(&self.initiator.random, &request))
            }
            (None, Some(credential)) if self.iakerb => Ok(credential.initiate_iakerb(&self.initiator.random, &request)),
            (None, Some(credential)) => credential.initiate(&self.initiator.random, &request, self.ntlm),
            (None, None) => Err(Error::ApiMisuse("begin() needs a credential: call credential() before it")),
        }
    }

    fn negotiation(&self) -> Result<Box<dyn Initiating>, Error> {
        let policy = &with_integrity(&self.initiator.policy);
        let ours = match (self.user_to_user, self.iakerb, self.ntlm) {
            (true, _, _) => Some(MechanismId::KERBEROS_USER_TO_USER),
            (_, true, _) => Some(MechanismId::IAKERB),
            (_, _, true) => Some(MechanismId::NTLM),
            _ => None,
        };
        if let Some(id) = self.mechanism.map(Mechanism::id).or(ours) {
            return Ok(negotiate::initiate(Vec::from([Candidate { id, handshake: self.raw(policy)? }])));
        }
        let request = self.request(policy);
        let ours = self.credential.map(|credential| credential.candidates(&self.initiator.random, &request));
        let mut candidates = ours.unwrap_or_default();
        let own = self.offered.iter().map(|own| Candidate { id: own.id(), handshake: own.initiate(&request) });
        let last = candidates.iter().position(|ours| ours.id == MechanismId::NTLM).unwrap_or(candidates.len());
        candidates.splice(last..last, own);
        Ok(negotiate::initiate(candidates))
    }
}

/// What protects the choice of the mechanism (RFC 4178 3).
fn with_integrity(policy: &Arc<Policy>) -> Arc<Policy> {
    if policy.flags().contains(Flags::INTEGRITY) {
        return Arc::clone(policy);
    }
    Arc::new(Policy::clone(policy).with_flags(Flags::INTEGRITY))
}

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("target", &self.target).finish_non_exhaustive()
    }
}

/// What an initiator's handshake needs next. What is in `out` is sent first.
#[derive(Debug)]
#[doc(alias("SEC_I_CONTINUE_NEEDED", "GSS_S_CONTINUE_NEEDED"))]
pub enum Initiate {
    /// The acceptor's next token.
    NeedsToken(InitiateToken),
    /// A reply from a KDC.
    NeedsKdc(InitiateKdc),
    /// The answer to a question.
    NeedsAnswer(InitiateAnswer),
    /// Nothing more: the context is established, once what is in `out` has been sent.
    Complete(Context),
}

struct Waiting {
    handshake: Box<dyn Initiating>,
    legs: Legs,
}

impl Waiting {
    fn step(mut self, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<Initiate, Error> {
        self.legs.next()?;
        let legs = self.legs;
        Ok(match self.handshake.step(input, now, out)? {
            InitiateStep::NeedsToken(handshake) => {
                Initiate::NeedsToken(InitiateToken { waiting: Waiting { handshake, legs } })
            }
            InitiateStep::NeedsKdc(handshake, request) => {
                Initiate::NeedsKdc(InitiateKdc { waiting: Waiting { handshake, legs }, request })
            }
            InitiateStep::NeedsAnswer(handshake, question) => {
                Initiate::NeedsAnswer(InitiateAnswer { waiting: Waiting { handshake, legs }, question })
            }
            InitiateStep::Complete(established) => Initiate::Complete(Context::new(established)),
        })
    }
}

waiting_arm!(InitiateToken);
waiting_arm!(InitiateKdc);
waiting_arm!(InitiateAnswer);

/// Waits for the acceptor's next token.
pub struct InitiateToken {
    waiting: Waiting,
}

impl InitiateToken {
    /// Takes the acceptor's token.
    pub fn step(self, token: &[u8], now: Time, out: &mut Vec<u8>) -> Result<Initiate, Error> {
        self.waiting.legs.check_token(token)?;
        self.waiting.step(InitiateInput::Token(token), now, out)
    }
}

/// Waits for a KDC's reply.
pub struct InitiateKdc {
    waiting: Waiting,
    request: KdcRequest,
}

impl InitiateKdc {
    /// What to send, and to whose KDC.
    pub fn request(&self) -> &KdcRequest {
        &self.request
    }

    /// Takes the KDC's reply.
    pub fn reply(self, reply: &[u8], now: Time, out: &mut Vec<u8>) -> Result<Initiate, Error> {
        self.waiting.step(InitiateInput::KdcReply(reply), now, out)
    }

    /// Says that no KDC could be reached.
    pub fn unreachable(self, tried: KdcUnreachable, now: Time, out: &mut Vec<u8>) -> Result<Initiate, Error> {
        self.waiting.step(InitiateInput::KdcUnreachable(tried), now, out)
    }
}

/// Waits for the answer to a question.
pub struct InitiateAnswer {
    waiting: Waiting,
    question: Question,
}

impl InitiateAnswer {
    /// The question.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Answers it.
    pub fn answer(self, answer: Answer, now: Time, out: &mut Vec<u8>) -> Result<Initiate, Error> {
        self.waiting.step(InitiateInput::Answer(answer), now, out)
    }

    /// Declines it, which fails closed: by another way that proves as much, or with an error.
    pub fn decline(self, now: Time, out: &mut Vec<u8>) -> Result<Initiate, Error> {
        self.waiting.step(InitiateInput::Declined, now, out)
    }
}
