use crate::handshake::AcceptorPeer;
use crate::{Clock, End, Handshake, HandshakeError, Leg, Party, Peer, Say, ScriptedPeer, SeededRandom, Wire};
use handfast::crypto::{Random, Secret};
use handfast::krb5::enctype::Enctype;
use handfast::krb5::exchange::{
    Acquired, ClientSecret, ExchangeError, ExchangeStep, KdcAttempt, KdcRequest, KdcUnreachable, Login, TicketOptions,
    TicketRequest,
};
use handfast::krb5::pac::{Rid, Sid};
use handfast::krb5::{Ccache, HeldTicket, Keytab};
use handfast::{
    Acceptor, Account, Context, Credential, Error, Initiator, Policy, Principal, ReplayGuard, ServiceName, Time,
};
use handfast_kdc::{
    Directory, Domain, DomainAccount, Event, MemoryDirectory, PrincipalEntry, Realm, Request, Settings, Transport,
};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A realm, its users and its services, in virtual time. Clones are the same kit, for the threads of a test.
///
/// A name without a realm is of the kit's. Methods that take names panic on one that can't be parsed, or that the
/// realm doesn't have: that is a mistake in the test.
#[derive(Clone)]
pub struct Testkit(Arc<Shared>);

struct Shared {
    realm: String,
    clock: Clock,
    wire: Wire,
    directory: Arc<RwLock<MemoryDirectory>>,
    state: Mutex<State>,
}

struct State {
    /// Where the randomness of every other party comes from.
    root: SeededRandom,
    kdc_random: Arc<SeededRandom>,
    settings: Settings,
    passwords: HashMap<Principal, Secret<String>>,
    kdc_says: ScriptedPeer,
    accounts_say: VecDeque<Account>,
    events: Vec<Event>,
}

type Step<M, T> = Result<ExchangeStep<M, T>, ExchangeError>;

impl Testkit {
    /// A realm without users and services, with a seed that is always the same.
    pub fn new(realm: &str) -> Self {
        Testkit::with_seed(realm, 0)
    }

    /// A realm without users and services. With the same seed and the same calls, every byte is the same.
    #[track_caller]
    pub fn with_seed(realm: &str, seed: u64) -> Self {
        let clock = Clock::default();
        let root = SeededRandom::new(seed);
        let directory = must(MemoryDirectory::new(realm, &root, clock.right()), realm);
        let state = State {
            kdc_random: Arc::new(root.fork()),
            root,
            settings: Settings::default(),
            passwords: HashMap::new(),
            kdc_says: ScriptedPeer::new([]),
            accounts_say: VecDeque::new(),
            events: Vec::new(),
        };
        Testkit(Arc::new(Shared {
            realm: realm.into(),
            wire: Wire::new(clock.clone()),
            clock,
            directory: Arc::new(RwLock::new(directory)),
            state: Mutex::new(state),
        }))
    }

    /// Goes on with other randomness, and a wire that has carried nothing: the same seed and calls give the same bytes
    /// again. Principals and their keys stay.
    pub fn reseed(&self, seed: u64) {
        self.with(|state| {
            state.root = SeededRandom::new(seed);
            state.kdc_random = Arc::new(state.root.fork());
        });
        self.wire().forget();
    }

    /// The realm's name.
    pub fn realm_name(&self) -> &str {
        &self.0.realm
    }

    /// The clock of all parties.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What `party` believes the time to be.
    pub fn now(&self, party: Party) -> Time {
        self.clock().now(party)
    }

    /// What carries the messages.
    pub fn wire(&self) -> &Wire {
        &self.0.wire
    }

    /// Randomness of one's own, from the kit's seed; another one with each call.
    pub fn random(&self) -> Arc<dyn Random> {
        Arc::new(self.with(|state| state.root.fork()))
    }

    /// Adds a user with keys of all AES enctypes, or gives the user another password.
    #[track_caller]
    pub fn user(&self, name: &str, password: &str) -> Principal {
        self.user_of(name, password, &handfast_kdc::DEFAULT_ENCTYPES)
    }

    /// Adds a user with keys of `enctypes`. Keys of passwords are slow to make, by design, here and in each login:
    /// those of AES with SHA-1 (RFC 3962) take the fewest iterations.
    #[track_caller]
    pub fn user_of(&self, name: &str, password: &str, enctypes: &[Enctype]) -> Principal {
        let (principal, now) = (self.principal(name), self.clock().right());
        let entry = must(PrincipalEntry::user_of(principal.clone(), password.as_bytes(), enctypes, now), name);
        self.directory_mut(|directory| directory.insert(entry));
        self.with(|state| state.passwords.insert(principal.clone(), Secret::new(password.into())));
        principal
    }

    /// Puts a user into groups of a domain, by their relative identifiers, the primary group first: its tickets have a PAC
    /// from then on. The domain is the realm's, `S-1-5-21-1-2-3` unless [`Testkit::settings`] names another one.
    #[track_caller]
    pub fn groups(&self, name: &str, rid: Rid, groups: &[Rid]) {
        self.settings(|settings| {
            let sid = Sid::new(5, &[21, 1, 2, 3]);
            settings.domain = settings.domain.take().or(sid.map(|sid| Domain { sid, netbios_name: "TESTKIT".into() }));
        });
        self.change(name, |entry| entry.account = Some(DomainAccount { rid, groups: groups.to_vec() }));
    }

    /// Adds a service with random keys of all AES enctypes, or gives it new ones.
    #[track_caller]
    pub fn service(&self, name: &str) -> ServiceName {
        self.service_of(name, &handfast_kdc::DEFAULT_ENCTYPES)
    }

    /// Adds a service with random keys of `enctypes`; its tickets are encrypted with the first.
    #[track_caller]
    pub fn service_of(&self, name: &str, enctypes: &[Enctype]) -> ServiceName {
        let service = self.service_name(name);
        let principal = service.to_principal(&self.0.realm);
        let random = self.random();
        let entry = PrincipalEntry::service_of(principal, enctypes, &*random, self.clock().right());
        self.directory_mut(|directory| directory.insert(must(entry, name)));
        service
    }

    /// Changes what the realm knows of a user or service: expiry, limits, keys, whether it is disabled.
    #[track_caller]
    pub fn change(&self, name: &str, change: impl FnOnce(&mut PrincipalEntry)) {
        let principal = self.known(name);
        self.directory_mut(|directory| directory.change(&principal, change));
    }

    /// Removes a user or service.
    #[track_caller]
    pub fn remove(&self, name: &str) {
        let principal = self.known(name);
        self.directory_mut(|directory| directory.remove(&principal));
    }

    /// Changes what holds for all of the realm: lifetimes, skew, enctypes, the limit of UDP.
    pub fn settings(&self, change: impl FnOnce(&mut Settings)) {
        self.with(|state| change(&mut state.settings));
    }

    /// The realm, to be asked without the wire.
    pub fn realm(&self) -> Realm {
        let (settings, random) = self.with(|state| (state.settings.clone(), Arc::clone(&state.kdc_random)));
        let directory: Arc<dyn Directory> = self.0.directory.clone();
        Realm::new(&*self.0.realm, directory, settings, random)
    }

    /// What became of every request that reached the realm.
    pub fn events(&self) -> Vec<Event> {
        self.with(|state| state.events.clone())
    }

    /// Puts somebody in the realm's place who answers the next requests with these, one after the other; then the
    /// realm answers again.
    pub fn kdc_says(&self, says: impl IntoIterator<Item = Say>) {
        let says: Vec<_> = says.into_iter().collect();
        self.with(|state| state.kdc_says.extend(says));
    }

    /// What the account store says of the next logons by NTLM, one after the other, whatever they are; then it says what
    /// it knows again.
    pub fn accounts_say(&self, says: impl IntoIterator<Item = Account>) {
        self.with(|state| state.accounts_say.extend(says));
    }

    pub(crate) fn next_account(&self) -> Option<Account> {
        self.with(|state| state.accounts_say.pop_front())
    }

    /// The password of a user of the realm who may log on; case doesn't count in the name.
    pub(crate) fn enabled_password(&self, user: &str) -> Option<Secret<String>> {
        let directory = self.0.directory.read().unwrap_or_else(PoisonError::into_inner);
        let is_meant = |name: &Principal| name.without_realm().to_string().eq_ignore_ascii_case(user);
        let entry = directory.entries().find(|entry| is_meant(&entry.principal))?;
        let enabled = !entry.disabled && entry.expires.is_none_or(|end| self.now(Party::Acceptor) < end);
        self.with(|state| state.passwords.get(&entry.principal).cloned()).filter(|_| enabled)
    }

    /// Sends a request to the realm and waits for the reply: what a client's driver calls, such as those of
    /// `handfast-net`.
    ///
    /// # Errors
    /// If request or reply are lost, or the request is for another realm.
    pub fn exchange(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
        let unreachable = |tried| Err(KdcUnreachable { realm: request.realm.clone(), tried });
        if request.realm != self.0.realm {
            return unreachable(Vec::new());
        }
        let transport = if request.tcp_required { Transport::Tcp } else { Transport::Udp };
        let arrived = self.wire().carry(Leg::ToKdc, request.bytes.clone());
        let reply = arrived.and_then(|bytes| self.kdc(&bytes, transport));
        match reply.and_then(|reply| self.wire().carry(Leg::FromKdc, reply)) {
            Some(reply) => Ok(reply),
            None => unreachable(vec![KdcAttempt { kdc: format!("{transport} testkit"), reason: "no answer".into() }]),
        }
    }

    fn kdc(&self, bytes: &[u8], transport: Transport) -> Option<Vec<u8>> {
        if self.with(|state| state.kdc_says.has_more()) {
            return self.with(|state| state.kdc_says.answer(bytes));
        }
        let answer = self.realm().handle(&Request { bytes, transport, peer: None }, self.now(Party::Kdc));
        self.with(|state| state.events.push(answer.event));
        answer.reply
    }

    /// The credential of a user (the password, for NTLM too) or service (its keys).
    #[track_caller]
    pub fn credential(&self, name: &str) -> Credential {
        let client = self.known(name);
        match self.with(|state| state.passwords.get(&client).cloned()) {
            Some(password) => {
                let (domain, user) = (client.realm().to_owned(), client.without_realm().to_string());
                let password = password.expose();
                Credential::password(client, password.as_bytes()).and_ntlm_password(&domain, &user, password)
            }
            None => must(Credential::keytab(client, &self.keytab(name)), name),
        }
    }

    /// The keys of a service, or of a user.
    #[track_caller]
    pub fn keytab(&self, name: &str) -> Keytab {
        let principal = self.known(name);
        self.0.directory.read().unwrap_or_else(PoisonError::into_inner).keytab(&principal)
    }

    /// An initiator with the default policy.
    pub fn initiator(&self) -> Initiator {
        self.initiator_with(Policy::default())
    }

    /// An initiator.
    pub fn initiator_with(&self, policy: Policy) -> Initiator {
        Initiator::with_random(policy, self.random())
    }

    /// An acceptor for a service, with the default policy and a replay guard of its own.
    #[track_caller]
    pub fn acceptor(&self, service: &str) -> Acceptor {
        Acceptor::with_random(&self.keytab(service), Some(ReplayGuard::in_memory()), self.random())
    }

    /// A handshake of `client` with `service`, to be changed and run.
    #[track_caller]
    pub fn handshake(&self, client: &str, service: &str) -> Handshake {
        Handshake::new(self, client, service)
    }

    /// Mutual authentication of `client` and `service`: login, ticket, tokens. Returns both contexts, the
    /// initiator's first.
    ///
    /// # Errors
    /// If one end has no context then.
    #[track_caller]
    pub fn authenticate(&self, client: &str, service: &str) -> Result<(Context, Context), HandshakeError> {
        self.handshake(client, service).run().contexts()
    }

    /// Hands a token to a new session of `acceptor`; returns where it came to and what it answered.
    pub fn accept(&self, acceptor: &Acceptor, token: &[u8]) -> (End, Option<Vec<u8>>) {
        let mut peer = AcceptorPeer::new(self, acceptor.session());
        let answer = peer.answer(token);
        (peer.end(), answer)
    }

    /// Logs a user in: the ticket-granting ticket, unless the options name another service.
    ///
    /// # Errors
    /// If the realm refuses or its reply is not believed.
    #[track_caller]
    pub fn login(&self, name: &str, options: TicketOptions) -> Result<HeldTicket, Error> {
        let client = self.known(name);
        let secret = match self.with(|state| state.passwords.get(&client).cloned()) {
            Some(password) => ClientSecret::Password(Secret::new(password.expose().clone().into_bytes())),
            None => ClientSecret::Keys(self.keytab(name).entries().iter().map(|entry| entry.key.clone()).collect()),
        };
        let login = Login::new(client, secret, options, self.random());
        Ok(self.ask(login.begin(self.now(Party::Initiator)), Login::reply)?.ticket)
    }

    /// Gets a ticket for a service with a ticket-granting ticket.
    ///
    /// # Errors
    /// If the realm refuses or its reply is not believed.
    #[track_caller]
    pub fn ticket(&self, tgt: &HeldTicket, service: &str, options: TicketOptions) -> Result<HeldTicket, Error> {
        let service = self.service_name(service).to_principal(&self.0.realm);
        Ok(self.request(TicketRequest::new(tgt, service, options, self.random()))?.ticket)
    }

    /// Renews a ticket.
    ///
    /// # Errors
    /// If it is not renewable, or the realm refuses, or its reply is not believed.
    pub fn renew(&self, ticket: &HeldTicket, options: TicketOptions) -> Result<HeldTicket, Error> {
        Ok(self.request(TicketRequest::renew(ticket, options, self.random()))?.ticket)
    }

    /// Makes any request to the ticket-granting service.
    ///
    /// # Errors
    /// If the realm refuses or its reply is not believed.
    pub fn request(&self, request: TicketRequest) -> Result<Acquired, Error> {
        self.ask(request.begin(self.now(Party::Initiator)), TicketRequest::reply)
    }

    /// Tickets as a credential cache of their client.
    #[track_caller]
    pub fn ccache(&self, client: &str, tickets: impl IntoIterator<Item = HeldTicket>) -> Ccache {
        let mut cache = Ccache::new(self.principal(client));
        tickets.into_iter().for_each(|ticket| cache.replace(ticket));
        cache
    }

    /// Goes on with an exchange until its ticket is here.
    fn ask<M, T>(&self, mut step: Step<M, T>, reply: fn(M, &[u8], Time) -> Step<M, T>) -> Result<T, Error> {
        loop {
            step = match step? {
                ExchangeStep::NeedsKdc(exchange, request) => {
                    let bytes = self.exchange(&request)?;
                    reply(exchange, &bytes, self.now(Party::Initiator))
                }
                ExchangeStep::NeedsAnswer(_, question) => {
                    return Err(ExchangeError::Declined(Box::new(question)).into());
                }
                ExchangeStep::Complete(ticket) => return Ok(*ticket),
            }
        }
    }

    #[track_caller]
    fn principal(&self, name: &str) -> Principal {
        must(Principal::parse_with_realm(name, &self.0.realm), name)
    }

    #[track_caller]
    pub(crate) fn service_name(&self, name: &str) -> ServiceName {
        must(name.parse(), name)
    }

    /// The principal of that name, of a user or (as `service@host` too) of a service, that the realm has.
    #[track_caller]
    fn known(&self, name: &str) -> Principal {
        let as_service = name.parse().map(|service: ServiceName| service.to_principal(&self.0.realm)).ok();
        let candidates = [Principal::parse_with_realm(name, &self.0.realm).ok(), as_service];
        let directory = self.0.directory.read().unwrap_or_else(PoisonError::into_inner);
        let found = directory.entries().find(|entry| candidates.iter().flatten().any(|name| *name == entry.principal));
        must(found.map(|entry| entry.principal.clone()).ok_or("the realm has no such user or service"), name)
    }

    fn directory_mut<T>(&self, change: impl FnOnce(&mut MemoryDirectory) -> T) -> T {
        change(&mut self.0.directory.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Testkit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Testkit").field("realm", &self.0.realm).field("clock", &self.0.clock).finish_non_exhaustive()
    }
}

/// What the test said must be right.
#[track_caller]
#[allow(clippy::panic, reason = "a mistake in the test, not of a peer")]
pub(crate) fn must<T, E: fmt::Display>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what:?}: {error}"))
}
