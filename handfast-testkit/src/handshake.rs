use crate::{End, Ends, Leg, Party, Peer, Testkit};
use handfast::{
    Accept, Acceptor, ChannelBindings, Credential, Error, Initiate, Initiator, Policy, ServiceName, Session,
};

/// A handshake to be run: whose, with whom, over what. What is not said is as [`Testkit`] makes it.
///
/// ```
/// use handfast::{ChannelBindings, Policy};
/// use handfast_testkit::Testkit;
/// let kit = Testkit::new("EXAMPLE.COM");
/// kit.user("alice", "correct horse");
/// kit.service("HTTP/www.example.com");
/// let ends = kit
///     .handshake("alice", "HTTP/www.example.com")
///     .initiator(kit.initiator_with(Policy::default().integrity_only()))
///     .initiator_bindings(ChannelBindings::raw(b"this connection"))
///     .acceptor_bindings(ChannelBindings::raw(b"another connection"))
///     .run();
/// assert!(ends.acceptor.error().is_some() && ends.initiator.error().is_some());
/// ```
#[derive(Debug)]
#[must_use = "nothing happens until it is run"]
pub struct Handshake {
    kit: Testkit,
    service: String,
    target: ServiceName,
    credential: Credential,
    spoken: Spoken,
    acceptor_first: bool,
    initiator: Option<Initiator>,
    acceptor: Option<Acceptor>,
    initiator_bindings: Option<ChannelBindings>,
    acceptor_bindings: Option<ChannelBindings>,
}

/// What the initiator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoken {
    Kerberos,
    Ntlm,
    Iakerb,
    Negotiate,
    NegotiateIakerb,
    NegotiateWithNtlm,
}

impl Spoken {
    /// Whether ends that are not given otherwise allow NTLM.
    fn allows_ntlm(self) -> bool {
        matches!(self, Spoken::Ntlm | Spoken::NegotiateWithNtlm)
    }

    /// Whether an acceptor that is not given otherwise relays to the realm.
    fn is_relayed(self) -> bool {
        matches!(self, Spoken::Iakerb | Spoken::NegotiateIakerb)
    }
}

impl Handshake {
    #[track_caller]
    pub(crate) fn new(kit: &Testkit, client: &str, service: &str) -> Self {
        Handshake {
            kit: kit.clone(),
            service: service.into(),
            target: kit.service_name(service),
            credential: kit.credential(client),
            spoken: Spoken::Kerberos,
            acceptor_first: false,
            initiator: None,
            acceptor: None,
            initiator_bindings: None,
            acceptor_bindings: None,
        }
    }

    /// By NTLM, without Negotiate around it. Ends that are not given otherwise allow it:
    /// [`Policy::dangerous_ntlm_unproven_server`](handfast::Policy::dangerous_ntlm_unproven_server) and
    /// [`Testkit::dangerous_ntlm_acceptor`].
    ///
    /// The initiator has its context as soon as it has sent its proof, and learns of no refusal.
    ///
    /// ```
    /// use handfast::Flags;
    /// use handfast_testkit::Testkit;
    /// let kit = Testkit::new("EXAMPLE.COM");
    /// kit.user("alice", "correct horse");
    /// kit.service("HTTP/www.example.com");
    /// let (client, server) = kit.handshake("alice", "HTTP/www.example.com").ntlm().run().contexts()?;
    /// assert_eq!(server.peer().to_string(), "EXAMPLE.COM\\alice");
    /// assert!(!client.flags().contains(Flags::MUTUAL)); // nothing proves an NTLM server
    /// # Ok::<(), handfast_testkit::HandshakeError>(())
    /// ```
    pub fn ntlm(mut self) -> Self {
        self.spoken = Spoken::Ntlm;
        self
    }

    /// By IAKERB: the acceptor asks the realm for the client. One that is not given otherwise does so
    /// ([`Policy::relay_iakerb`](handfast::Policy::relay_iakerb)).
    ///
    /// ```
    /// use handfast_testkit::{Leg, Testkit};
    /// let kit = Testkit::new("EXAMPLE.COM");
    /// kit.user("alice", "correct horse");
    /// kit.service("HTTP/www.example.com");
    /// let (client, _) = kit.handshake("alice", "HTTP/www.example.com").iakerb().run().contexts()?;
    /// assert_eq!(kit.wire().messages()[0].leg, Leg::ToAcceptor);
    /// assert_eq!(client.acquired().len(), 2);
    /// # Ok::<(), handfast_testkit::HandshakeError>(())
    /// ```
    pub fn iakerb(mut self) -> Self {
        self.spoken = Spoken::Iakerb;
        self
    }

    /// By Negotiate (SPNEGO) with IAKERB as its only offer.
    pub fn negotiate_iakerb(mut self) -> Self {
        self.spoken = Spoken::NegotiateIakerb;
        self
    }

    /// By Negotiate (SPNEGO), which has nothing but Kerberos to offer, unless the test's own ends do.
    ///
    /// ```
    /// use handfast_testkit::Testkit;
    /// let kit = Testkit::new("EXAMPLE.COM");
    /// kit.user("alice", "correct horse");
    /// kit.service("HTTP/www.example.com");
    /// let (client, _) = kit.handshake("alice", "HTTP/www.example.com").negotiate().run().contexts()?;
    /// assert_eq!(client.mechanism(), handfast_testkit::handfast::mech::MechanismId::KERBEROS);
    /// # Ok::<(), handfast_testkit::HandshakeError>(())
    /// ```
    pub fn negotiate(mut self) -> Self {
        self.spoken = Spoken::Negotiate;
        self
    }

    /// By Negotiate (SPNEGO), with Kerberos or NTLM. Ends that are not given otherwise allow NTLM, as with
    /// [`Handshake::ntlm`].
    ///
    /// ```
    /// use handfast_testkit::handfast::mech::{MechanismId, Why};
    /// use handfast_testkit::{Fault, Leg, Testkit};
    /// let kit = Testkit::new("EXAMPLE.COM");
    /// kit.user("alice", "correct horse");
    /// kit.service("HTTP/www.example.com");
    /// kit.wire().fault(Leg::ToKdc, Fault::Drop); // no KDC answers
    /// let by_negotiate = kit.handshake("alice", "HTTP/www.example.com").negotiate_with_ntlm();
    /// let (client, _) = by_negotiate.run().contexts()?;
    /// assert_eq!(client.mechanism(), MechanismId::NTLM);
    /// assert!(matches!(client.why(), Why::Fallback { first_choice: MechanismId::KERBEROS, .. }));
    /// # Ok::<(), handfast_testkit::HandshakeError>(())
    /// ```
    pub fn negotiate_with_ntlm(mut self) -> Self {
        self.spoken = Spoken::NegotiateWithNtlm;
        self
    }

    /// With an acceptor that speaks first, as Negotiate's can (MS-SPNG 3.2.5.2): what it says may be lost.
    ///
    /// ```
    /// use handfast_testkit::{Leg, Testkit};
    /// let kit = Testkit::new("EXAMPLE.COM");
    /// kit.user("alice", "correct horse");
    /// kit.service("HTTP/www.example.com");
    /// kit.handshake("alice", "HTTP/www.example.com").negotiate().acceptor_first().run().contexts()?;
    /// assert_eq!(kit.wire().messages()[0].leg, Leg::ToInitiator);
    /// # Ok::<(), handfast_testkit::HandshakeError>(())
    /// ```
    pub fn acceptor_first(mut self) -> Self {
        self.acceptor_first = true;
        self
    }

    /// By this client instead.
    pub fn credential(mut self, credential: &Credential) -> Self {
        self.credential = credential.clone();
        self
    }

    /// With this service as target instead; the acceptor stays.
    pub fn target(mut self, target: &ServiceName) -> Self {
        self.target = target.clone();
        self
    }

    /// With this initiator.
    pub fn initiator(mut self, initiator: Initiator) -> Self {
        self.initiator = Some(initiator);
        self
    }

    /// With this acceptor, which may have seen other clients.
    pub fn acceptor(mut self, acceptor: &Acceptor) -> Self {
        self.acceptor = Some(acceptor.clone());
        self
    }

    /// With this channel, as the initiator sees it.
    pub fn initiator_bindings(mut self, bindings: ChannelBindings) -> Self {
        self.initiator_bindings = Some(bindings);
        self
    }

    /// With this channel, as the acceptor sees it.
    pub fn acceptor_bindings(mut self, bindings: ChannelBindings) -> Self {
        self.acceptor_bindings = Some(bindings);
        self
    }

    /// Runs it, both ends and the realm, until both have a context or nobody has anything to say.
    #[track_caller]
    pub fn run(self) -> Ends {
        let acceptor = match &self.acceptor {
            Some(acceptor) => acceptor.clone(),
            None if self.spoken.allows_ntlm() => self.kit.dangerous_ntlm_acceptor(&self.service),
            None if self.spoken.is_relayed() => {
                self.kit.acceptor(&self.service).policy(Policy::default().relay_iakerb())
            }
            None => self.kit.acceptor(&self.service),
        };
        let mut session = acceptor.session();
        if let Some(bindings) = &self.acceptor_bindings {
            session = session.channel_bindings(bindings);
        }
        let (mut acceptor, hint) = match self.acceptor_first {
            true => AcceptorPeer::speaking_first(&self.kit, session),
            false => (AcceptorPeer::new(&self.kit, session), None),
        };
        let hint = hint.and_then(|hint| self.kit.wire().carry(Leg::ToInitiator, hint));
        let initiator = self.initiate(hint.as_deref(), &mut acceptor);
        Ends { initiator, acceptor: acceptor.end() }
    }

    /// Runs the initiator's end, with `peer` in the acceptor's place.
    pub fn against(self, mut peer: impl Peer) -> End {
        self.initiate(None, &mut peer)
    }

    fn initiate(&self, hint: Option<&[u8]>, peer: &mut dyn Peer) -> End {
        let initiator = match &self.initiator {
            Some(initiator) => initiator.clone(),
            None if self.spoken.allows_ntlm() => self.kit.initiator_with(Testkit::ntlm_policy()),
            None => self.kit.initiator(),
        };
        let mut request = initiator.to(&self.target).credential(&self.credential);
        request = match self.spoken {
            Spoken::Kerberos => request,
            Spoken::Ntlm => request.ntlm(),
            Spoken::Iakerb => request.iakerb(),
            Spoken::NegotiateIakerb => request.iakerb().negotiate(),
            Spoken::Negotiate | Spoken::NegotiateWithNtlm => request.negotiate(),
        };
        if let Some(bindings) = &self.initiator_bindings {
            request = request.channel_bindings(bindings);
        }
        let mut out = Vec::new();
        let now = self.kit.now(Party::Initiator);
        let step = match hint {
            Some(hint) => request.begin_with(hint, now, &mut out),
            None => request.begin(now, &mut out),
        };
        self.kit.drive(step, out, peer)
    }
}

impl Testkit {
    /// Drives an initiator from `step`, and `out` that came with it, to its end: tokens go over the wire to `peer`
    /// and its answers back, requests to the realm. Questions are declined.
    pub fn drive(&self, mut step: Result<Initiate, Error>, mut out: Vec<u8>, peer: &mut dyn Peer) -> End {
        let mut inbox = None;
        loop {
            if !out.is_empty() {
                inbox = self.to_peer(std::mem::take(&mut out), peer);
            }
            let now = self.now(Party::Initiator);
            step = match step {
                Ok(Initiate::NeedsToken(next)) => match inbox.take() {
                    Some(token) => next.step(&token, now, &mut out),
                    None => return End::Waiting,
                },
                Ok(Initiate::NeedsKdc(next)) => match self.exchange(next.request()) {
                    Ok(reply) => next.reply(&reply, self.now(Party::Initiator), &mut out),
                    Err(tried) => next.unreachable(tried, self.now(Party::Initiator), &mut out),
                },
                Ok(Initiate::NeedsAnswer(next)) => next.decline(now, &mut out),
                Ok(Initiate::Complete(context)) => return End::Established(context),
                Err(error) => return End::Failed(error),
            };
        }
    }

    fn to_peer(&self, token: Vec<u8>, peer: &mut dyn Peer) -> Option<Vec<u8>> {
        let arrived = self.wire().carry(Leg::ToAcceptor, token)?;
        let answer = peer.answer(&arrived)?;
        self.wire().carry(Leg::ToInitiator, answer)
    }
}

/// An acceptor's end of one handshake, as a [`Peer`]: it answers tokens until it has a context or has refused.
#[derive(Debug)]
pub struct AcceptorPeer {
    kit: Testkit,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting(Accept),
    Ended(End),
}

impl AcceptorPeer {
    /// The acceptor's end of `session`.
    pub fn new(kit: &Testkit, session: Session<'_>) -> Self {
        AcceptorPeer { kit: kit.clone(), state: State::Waiting(Accept::NeedsToken(session.begin())) }
    }

    /// The acceptor's end of `session`, which speaks first, and what it says.
    pub fn speaking_first(kit: &Testkit, session: Session<'_>) -> (Self, Option<Vec<u8>>) {
        let mut peer = AcceptorPeer { kit: kit.clone(), state: State::Ended(End::Waiting) };
        let mut out = Vec::new();
        let step = session.speak_first(kit.now(Party::Acceptor), &mut out);
        peer.state = peer.go_on(step, &mut out);
        (peer, (!out.is_empty()).then_some(out))
    }

    /// Where it has come to.
    pub fn end(self) -> End {
        match self.state {
            State::Waiting(_) => End::Waiting,
            State::Ended(end) => end,
        }
    }

    /// Goes on until the next token is needed, or to the end. The kit knows the accounts; questions are declined.
    fn go_on(&self, mut step: Result<Accept, Error>, out: &mut Vec<u8>) -> State {
        loop {
            let now = self.kit.now(Party::Acceptor);
            step = match step {
                Ok(Accept::NeedsKdc(next)) => match self.kit.exchange(next.request()) {
                    Ok(reply) => next.reply(&reply, self.kit.now(Party::Acceptor), out),
                    Err(tried) => next.unreachable(tried, self.kit.now(Party::Acceptor), out),
                },
                Ok(Accept::NeedsAccount(next)) => {
                    let account = self.kit.account(next.logon());
                    next.answer(account, now, out)
                }
                Ok(Accept::NeedsAnswer(next)) => next.decline(now, out),
                Ok(waiting @ Accept::NeedsToken(_)) => return State::Waiting(waiting),
                Ok(Accept::Complete(context)) => return State::Ended(End::Established(context)),
                Err(error) => return State::Ended(End::Failed(error)),
            };
        }
    }
}

impl Peer for AcceptorPeer {
    fn answer(&mut self, token: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.state = match std::mem::replace(&mut self.state, State::Ended(End::Waiting)) {
            State::Waiting(Accept::NeedsToken(next)) => {
                let step = next.step(token, self.kit.now(Party::Acceptor), &mut out);
                self.go_on(step, &mut out)
            }
            ended => ended,
        };
        (!out.is_empty()).then_some(out)
    }
}
