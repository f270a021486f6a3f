//! The acceptor: the end that listens.
//!
//! ```text
//!    session().begin() or speak_first()
//!              │
//!              ▼
//!   ┌───► NeedsToken    NeedsKdc    NeedsAccount    NeedsAnswer
//!   │        │             │             │               │       every arrow also appends to `out` what is to
//!   │ step() │      reply()│     answer()│       answer()│       be sent, and may end in an error instead
//!   │        ▼             ▼             ▼      decline()▼
//!   └──────  ·  ─────────  ·  ─────────  ·  ──────────── ·
//!            │
//!            ▼
//!         Complete(Context)
//! ```

use crate::bindings::ChannelBindings;
use crate::context::Context;
use crate::crypto::Random;
use crate::error::Error;
use crate::flags::Flags;
use crate::krb5::HeldTicket;
use crate::krb5::exchange::{KdcRequest, KdcUnreachable};
use crate::krb5::keytab::Keytab;
use crate::legs::{Legs, waiting_arm};
use crate::mech::kerberos::{KerberosAcceptor, Login};
use crate::mech::negotiate::{self, Acceptable};
use crate::mech::ntlm::{NtlmAcceptor, NtlmServer};
use crate::mech::{AcceptInput, AcceptRequest, AcceptStep, Accepting, Mechanism, MechanismId};
use crate::policy::{Policy, Relay};
use crate::question::{Account, Answer, Logon, Question};
use crate::replay::ReplayGuard;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// Accepts handshakes for the services whose keys it holds. Clones share keys and replay guard.
///
/// ```
/// use handfast::{Acceptor, ReplayGuard, krb5::keytab::Keytab};
/// # let keytab = Keytab::default();
/// let acceptor = Acceptor::new(&keytab, ReplayGuard::in_memory());
/// let waiting = acceptor.session().begin();
/// ```
#[derive(Clone)]
#[doc(alias("AcceptSecurityContext", "gss_accept_sec_context"))]
pub struct Acceptor {
    policy: Arc<Policy>,
    kerberos: KerberosAcceptor,
    login: Option<Arc<Login>>,
    ntlm: Option<NtlmAcceptor>,
    random: Arc<dyn Random>,
}

impl Acceptor {
    /// An acceptor for every service in `keytab`, with the default policy.
    #[cfg(feature = "os-random")]
    pub fn new(keytab: &Keytab, guard: ReplayGuard) -> Self {
        Acceptor::with_random(keytab, Some(guard), Arc::new(crate::crypto::OsRandom))
    }

    /// An acceptor that does not tell a replayed proof from a first one: whoever records a client's token can be that
    /// client, for as long as the token's time is current.
    #[cfg(feature = "os-random")]
    pub fn dangerous_without_replay_guard(keytab: &Keytab) -> Self {
        Acceptor::with_random(keytab, None, Arc::new(crate::crypto::OsRandom))
    }

    /// An acceptor with another source of randomness. No guard is as dangerous here as in
    /// [`Acceptor::dangerous_without_replay_guard`].
    pub fn with_random(keytab: &Keytab, guard: Option<ReplayGuard>, random: Arc<dyn Random>) -> Self {
        let kerberos = KerberosAcceptor::new(keytab, guard, Arc::clone(&random));
        Acceptor { policy: Arc::new(Policy::default()), kerberos, login: None, ntlm: None, random }
    }

    /// The same, which also takes clients that speak NTLM: [`Accept::NeedsAccount`] asks for their accounts.
    ///
    /// NTLM is version 2 with a MIC, but its clients can't tell this server from another, whoever sees a handshake can guess
    /// at the password, and an account's hash is as good as its password. Without this, a token of NTLM is refused.
    #[must_use]
    pub fn dangerous_with_ntlm(mut self, server: NtlmServer) -> Self {
        self.ntlm = Some(NtlmAcceptor::new(server, Arc::clone(&self.random)));
        self
    }

    /// The same, which also takes clients that want to talk to the user whose login this is
    /// ([`Target::user_to_user`](crate::Target::user_to_user)): they see its ticket-granting ticket, and get tickets for its
    /// session key. The keytab may be empty. A login ends; call this again with the next one.
    ///
    /// # Errors
    /// [`Error::Crypto`] for a session key of an encryption type that is not known here.
    pub fn user_to_user(mut self, login: HeldTicket) -> Result<Self, Error> {
        self.login = Some(Arc::new(Login::new(login)?));
        Ok(self)
    }

    /// The same with other keys, for when a keytab was rotated. The replay guard is shared with the acceptor as it was: a
    /// proof that one of them has seen passes with neither.
    #[must_use]
    pub fn with_keytab(mut self, keytab: &Keytab) -> Self {
        self.kerberos = self.kerberos.with_keytab(keytab);
        self
    }

    /// The same with another policy.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// A handshake with one client.
    pub fn session(&self) -> Session<'_> {
        Session { acceptor: self, bindings: None, mechanism: None, offered: Vec::new() }
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// A handshake with one client that is about to begin.
#[derive(Clone)]
pub struct Session<'a> {
    acceptor: &'a Acceptor,
    bindings: Option<&'a ChannelBindings>,
    mechanism: Option<&'a dyn Mechanism>,
    offered: Vec<&'a dyn Mechanism>,
}

impl<'a> Session<'a> {
    /// The channel that the tokens travel in: a client that names another one is refused, and so is one that names
    /// none, unless the policy says otherwise.
    #[must_use]
    pub fn channel_bindings(mut self, bindings: &'a ChannelBindings) -> Self {
        self.bindings = Some(bindings);
        self
    }

    /// By an application's own mechanism and no other, and by its own tokens only. It brings its own credential.
    #[must_use]
    pub fn mechanism(mut self, mechanism: &'a dyn Mechanism) -> Self {
        self.mechanism = Some(mechanism);
        self
    }

    /// Takes clients of an application's own mechanism as well, negotiated or, where its tokens have the framing of
    /// RFC 2743 3.1, raw. It ranks behind Kerberos and those offered before, ahead of NTLM, and brings its own credential.
    #[must_use]
    pub fn offer(mut self, mechanism: &'a dyn Mechanism) -> Self {
        self.offered.push(mechanism);
        self
    }

    fn waiting(self) -> Waiting {
        let policy = &self.acceptor.policy;
        let request = AcceptRequest { policy, bindings: self.bindings };
        let handshake = match self.mechanism {
            Some(mechanism) => mechanism.accept(&request),
            None => negotiate::accept(self.acceptable(&request)),
        };
        Waiting { handshake, legs: Legs::new(policy) }
    }

    /// All that this end can do, best first.
    fn acceptable(&self, request: &AcceptRequest<'_>) -> Vec<Acceptable> {
        let Acceptor { kerberos, login, ntlm, .. } = self.acceptor;
        let user_to_user = login.iter().map(|login| Acceptable {
            id: MechanismId::KERBEROS_USER_TO_USER,
            handshake: kerberos.accept_user_to_user(login, request),
            ready: true,
        });
        let iakerb = (*request.policy.iakerb_relay() != Relay::ForNobody).then(|| Acceptable {
            id: MechanismId::IAKERB,
            handshake: kerberos.accept_iakerb(request),
            ready: kerberos.has_keys(),
        });
        let kerberos_with_keys =
            Acceptable { id: MechanismId::KERBEROS, handshake: kerberos.accept(request), ready: kerberos.has_keys() };
        let ready = |id, handshake| Acceptable { id, handshake, ready: true };
        let own = self.offered.iter().map(|own| ready(own.id(), own.accept(request)));
        let ntlm = ntlm.iter().map(|ntlm| ready(MechanismId::NTLM, ntlm.accept(request)));
        core::iter::once(kerberos_with_keys).chain(user_to_user).chain(iakerb).chain(own).chain(ntlm).collect()
    }

    /// Waits for the client's first token: of Negotiate, of Kerberos, or of NTLM where the acceptor takes it.
    pub fn begin(self) -> AcceptToken {
        AcceptToken { waiting: self.waiting() }
    }

    /// Makes the first token: the mechanisms that a client may choose from, as a NegTokenInit2 (MS-SPNG 2.2.1), or what a
    /// mechanism of [`Session::mechanism`] says first.
    pub fn speak_first(self, now: Time, out: &mut Vec<u8>) -> Result<Accept, Error> {
        self.waiting().step(AcceptInput::SpeakFirst, now, out)
    }
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("acceptor", self.acceptor).finish_non_exhaustive()
    }
}

/// What an acceptor's handshake needs next. What is in `out` is sent first.
#[derive(Debug)]
pub enum Accept {
    /// The client's next token.
    NeedsToken(AcceptToken),
    /// A reply from a KDC.
    NeedsKdc(AcceptKdc),
    /// An account's secret, or a verdict on a logon.
    NeedsAccount(AcceptAccount),
    /// The answer to a question.
    NeedsAnswer(AcceptAnswer),
    /// Nothing more: the context is established, once what is in `out` has been sent.
    Complete(Context),
}

struct Waiting {
    handshake: Box<dyn Accepting>,
    legs: Legs,
}

impl Waiting {
    fn step(mut self, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<Accept, Error> {
        if let Err(error) = self.legs.next() {
            self.handshake.refuse(now, out);
            return Err(error);
        }
        let legs = self.legs;
        Ok(match self.handshake.step(input, now, out)? {
            AcceptStep::NeedsToken(handshake) => {
                Accept::NeedsToken(AcceptToken { waiting: Waiting { handshake, legs } })
            }
            AcceptStep::NeedsKdc(handshake, request) => {
                Accept::NeedsKdc(AcceptKdc { waiting: Waiting { handshake, legs }, request })
            }
            AcceptStep::NeedsAccount(handshake, logon) => {
                Accept::NeedsAccount(AcceptAccount { waiting: Waiting { handshake, legs }, logon })
            }
            AcceptStep::NeedsAnswer(handshake, question) => {
                Accept::NeedsAnswer(AcceptAnswer { waiting: Waiting { handshake, legs }, question })
            }
            AcceptStep::Complete(established) => Accept::Complete(Context::new(established)),
        })
    }
}

waiting_arm!(AcceptToken);
waiting_arm!(AcceptKdc);
waiting_arm!(AcceptAccount);
waiting_arm!(AcceptAnswer);

/// Waits for the client's next token.
pub struct AcceptToken {
    waiting: Waiting,
}

impl AcceptToken {
    /// Takes the client's token.
    ///
    /// An error says what was wrong; what `out` then holds for the client is the same for every refusal.
    pub fn step(self, token: &[u8], now: Time, out: &mut Vec<u8>) -> Result<Accept, Error> {
        if let Err(error) = self.waiting.legs.check_token(token) {
            self.waiting.handshake.refuse(now, out);
            return Err(error);
        }
        self.waiting.step(AcceptInput::Token(token), now, out)
    }
}

/// Waits for a KDC's reply.
pub struct AcceptKdc {
    waiting: Waiting,
    request: KdcRequest,
}

impl AcceptKdc {
    /// What to send, and to whose KDC.
    pub fn request(&self) -> &KdcRequest {
        &self.request
    }

    /// Takes the KDC's reply.
    pub fn reply(self, reply: &[u8], now: Time, out: &mut Vec<u8>) -> Result<Accept, Error> {
        self.waiting.step(AcceptInput::KdcReply(reply), now, out)
    }

    /// Says that no KDC could be reached.
    pub fn unreachable(self, tried: KdcUnreachable, now: Time, out: &mut Vec<u8>) -> Result<Accept, Error> {
        self.waiting.step(AcceptInput::KdcUnreachable(tried), now, out)
    }
}

/// Waits for what the account store says of a logon.
pub struct AcceptAccount {
    waiting: Waiting,
    logon: Logon,
}

impl AcceptAccount {
    /// Who wants to log on, and with what proof.
    pub fn logon(&self) -> &Logon {
        &self.logon
    }

    /// Says what the account store knows.
    pub fn answer(self, account: Account, now: Time, out: &mut Vec<u8>) -> Result<Accept, Error> {
        self.waiting.step(AcceptInput::Account(account), now, out)
    }
}

/// Waits for the answer to a question.
pub struct AcceptAnswer {
    waiting: Waiting,
    question: Question,
}

impl AcceptAnswer {
    /// The question.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Answers it.
    pub fn answer(self, answer: Answer, now: Time, out: &mut Vec<u8>) -> Result<Accept, Error> {
        self.waiting.step(AcceptInput::Answer(answer), now, out)
    }

    /// Declines it, which fails closed.
    pub fn decline(self, now: Time, out: &mut Vec<u8>) -> Result<Accept, Error> {
        self.waiting.step(AcceptInput::Declined, now, out)
    }
}
