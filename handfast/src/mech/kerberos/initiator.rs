use super::credential::{KerberosCredential, Secrets};
use super::delegation::AskingToHandOn;
use super::iakerb::Conversation;
use super::style::Style;
use super::user_to_user;
use crate::crypto::Random;
use crate::error::{CredentialError, Error};
use crate::flags::Flags;
use crate::krb5::HeldTicket;
use crate::krb5::enctype::Enctype;
use crate::krb5::exchange::{Acquired, ClientSecret, ExchangeStep, Login, TicketOptions, TicketRequest};
use crate::mech::{InitiateInput, InitiateRequest, InitiateStep, Initiating, Progress};
use crate::name::Principal;
use crate::policy::{Delegation, Policy};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

mod proof;

pub(super) use proof::refused_by_peer;

/// The flags that this end can do; others that the policy asks for are left out. DCE style is mutual in any case: its third
/// leg answers the acceptor's proof.
fn offered(policy: &Policy) -> Flags {
    let dce_style = policy.flags().contains(Flags::DCE_STYLE);
    let mutual = if dce_style { Flags::MUTUAL } else { Flags::NONE };
    (policy.flags() | mutual)
        & (Flags::MUTUAL
            | Flags::REPLAY
            | Flags::SEQUENCE
            | Flags::CONFIDENTIALITY
            | Flags::INTEGRITY
            | Flags::DCE_STYLE
            | Flags::IDENTIFY
            | Flags::EXTENDED_ERROR)
}

/// A handshake that begins with `credential`.
pub(crate) fn initiate(
    credential: KerberosCredential,
    random: Arc<dyn Random>,
    request: &InitiateRequest<'_>,
) -> Box<dyn Initiating> {
    begun(credential, random, request, Style::Plain)
}

/// The same with an acceptor that has no key but a login of its own.
pub(crate) fn initiate_user_to_user(
    credential: KerberosCredential,
    random: Arc<dyn Random>,
    request: &InitiateRequest<'_>,
) -> Box<dyn Initiating> {
    begun(credential, random, request, Style::UserToUser(None))
}

/// The same with an acceptor that asks the KDC for us.
pub(crate) fn initiate_iakerb(
    credential: KerberosCredential,
    random: Arc<dyn Random>,
    request: &InitiateRequest<'_>,
) -> Box<dyn Initiating> {
    let conversation = Conversation::new(request.policy.iakerb_dialect());
    begun(credential, random, request, Style::Iakerb(conversation))
}

fn begun(
    credential: KerberosCredential,
    random: Arc<dyn Random>,
    request: &InitiateRequest<'_>,
    style: Style<Option<Vec<u8>>>,
) -> Box<dyn Initiating> {
    let service = request.target.to_principal(credential.logs_in().acting().realm());
    Box::new(Begun(Handshake {
        style,
        credential,
        random,
        policy: Arc::clone(request.policy),
        bindings: request.bindings.map_or([0; 16], |bindings| bindings.gss_hash()),
        service,
        of_the_clients_realm: request.target.realm().is_none(),
        acquired: Vec::new(),
    }))
}

/// What stays the same from step to step.
pub(super) struct Handshake {
    pub(super) credential: KerberosCredential,
    random: Arc<dyn Random>,
    pub(super) policy: Arc<Policy>,
    bindings: [u8; 16],
    pub(super) style: Style<Option<Vec<u8>>>,
    pub(super) service: Principal,
    /// Nobody has said of which realm the service is: it is asked for in the client's.
    of_the_clients_realm: bool,
    acquired: Vec<HeldTicket>,
}

impl Handshake {
    pub(super) fn progress(&self) -> Progress {
        Progress { mechanism: self.style.mechanism(), flags: offered(&self.policy) }
    }

    /// The acceptor's ticket-granting ticket, in DER once it is here.
    fn peers_login(&self) -> Option<&Vec<u8>> {
        match &self.style {
            Style::UserToUser(login) => login.as_ref(),
            _ => None,
        }
    }

    /// The same with a client, and a service, of this realm where none was known.
    pub(super) fn of_realm(mut self, realm: &str) -> Self {
        self.credential = self.credential.of_realm(realm);
        if self.service.realm().is_empty() {
            self.service = self.service.with_realm(realm);
        }
        self
    }

    pub(super) fn random(&self) -> Arc<dyn Random> {
        Arc::clone(&self.random)
    }

    pub(super) fn options(&self) -> TicketOptions {
        TicketOptions {
            enctypes: self.policy.enctypes().to_vec(),
            weak_rc4: self.policy.permits(Enctype::RC4_HMAC),
            clock_skew: self.policy.clock_skew(),
            kdc_timesync: self.policy.kdc_timesync(),
            // Evidence is forwardable only if the login of who shows it is.
            forwardable: self.policy.delegation() != Delegation::Never || self.credential.on_behalf().is_some(),
            capaths: self.policy.capaths().clone(),
            ..TicketOptions::default()
        }
    }

    /// What the KDC's clock shows, as far as it is known, when ours shows `now`. Tickets begin and end by it, and acceptors share it.
    pub(super) fn kdc_time(&self, now: Time) -> Time {
        self.credential.known(&self.policy).kdc_time(now)
    }

    /// A request that goes by what is known of the KDC.
    pub(super) fn knowing(&self, request: TicketRequest) -> TicketRequest {
        request.with_known(self.credential.known(&self.policy))
    }

    /// What our clock shows when the KDC's shows `kdc_time`.
    fn by_our_clock(&self, kdc_time: Time) -> Time {
        self.credential.known(&self.policy).kdc_offset.map_or(kdc_time, |offset| offset.client_time(kdc_time))
    }

    /// With a ticket at hand, goes on to the acceptor; without one, to a KDC.
    pub(super) fn begin(self, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        if self.asks_for_realm() {
            return self.ask_for_realm(out);
        }
        if self.service.realm().is_empty() {
            return Err(CredentialError::UnknownRealm { name: self.service.to_string() }.into());
        }
        if matches!(self.style, Style::UserToUser(_)) && self.credential.on_behalf().is_some() {
            return Err(Error::ApiMisuse("user-to-user authentication in another's name"));
        }
        if matches!(self.style, Style::UserToUser(None)) {
            return Ok(user_to_user::ask(self, out));
        }
        let kdc_time = self.kdc_time(now);
        let held = match self.peers_login() {
            Some(login) => self.credential.find_user_to_user(&self.service, login, &self.policy, kdc_time),
            None => {
                let of_no_realm = || self.credential.find_of_no_realm(&self.service, &self.policy, kdc_time);
                let found = self.credential.find_for(&self.service, &self.policy, kdc_time);
                found.or_else(|| self.of_the_clients_realm.then(of_no_realm).flatten())
            }
        };
        let held = held.filter(|_| !self.must_log_in_to_delegate(kdc_time) && !self.must_converse(kdc_time));
        if let Some(ticket) = held {
            return self.with_ticket(ticket, now, out);
        }
        let realm = self.credential.logs_in().acting().realm().to_string();
        let krbtgt = Principal::krbtgt(&realm, &realm);
        let find = |server| self.credential.find(server, &self.policy, kdc_time);
        let tgt = match self.credential.on_behalf() {
            Some(behalf) => behalf.login(&krbtgt, &self.policy, kdc_time),
            None => find(&Principal::krbtgt(self.service.realm(), &realm)).or_else(|| find(&krbtgt)),
        };
        match tgt {
            Some(tgt) => self.ask_for_ticket(&tgt, now, out),
            None => self.log_in(krbtgt, now, out),
        }
    }

    /// With the acceptor's ticket-granting ticket, in DER, goes on as with any other acceptor.
    pub(super) fn with_peers_login(
        mut self,
        login: &[u8],
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        self.style = Style::UserToUser(Some(login.to_vec()));
        self.begin(now, out)
    }

    fn log_in(self, krbtgt: Principal, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let own = self.credential.logs_in();
        let client = own.client().clone();
        let secret = match own.secrets() {
            Secrets::Password(password) => ClientSecret::Password(password.clone()),
            Secrets::Keys(keys) => ClientSecret::Keys(keys.clone()),
            #[cfg(feature = "pkinit")]
            Secrets::Certificate(identity, trust) => {
                ClientSecret::Certificate { identity: identity.clone(), trust: Arc::clone(trust) }
            }
            Secrets::None => {
                let service = self.service;
                let of_client = self.credential.find_ended(&service, &self.policy);
                let ended = of_client.or_else(|| own.find_ended(&krbtgt, &self.policy));
                return Err(match ended {
                    Some(ticket) => CredentialError::TicketExpired { client, end: ticket.end_time }.into(),
                    None => CredentialError::NoTicket { client, service }.into(),
                });
            }
        };
        let login = Login::new(client, secret, self.options(), Arc::clone(&self.random))
            .with_kdc_offset(self.credential.known(&self.policy).kdc_offset);
        let step = login.begin(now)?;
        self.logging_in(step, now, out)
    }

    fn logging_in(self, step: ExchangeStep<Login>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        match step {
            ExchangeStep::NeedsKdc(login, request) => {
                self.ask_kdc(request, out, |handshake| Box::new(LoggingIn { handshake, login }))
            }
            ExchangeStep::NeedsAnswer(login, question) => {
                Ok(InitiateStep::NeedsAnswer(Box::new(LoggingIn { handshake: self, login }), question))
            }
            ExchangeStep::Complete(got) => {
                let tgt = got.ticket;
                self.credential.learn(tgt.server.realm(), &got.learned);
                let (handshake, tgt) = self.named(&tgt.client).keep_login(tgt, now);
                handshake.ask_for_ticket(&tgt, now, out)
            }
        }
    }

    /// Goes on under the name that the KDC knows the client by, in its realm (RFC 6806 6, 7).
    fn named(mut self, client: &Principal) -> Self {
        if self.of_the_clients_realm {
            self.service = self.service.with_realm(client.realm());
        }
        self.credential.logs_in().is_known_as(client);
        self
    }

    fn keep_login(mut self, tgt: HeldTicket, now: Time) -> (Self, Arc<HeldTicket>) {
        self.acquired.push(tgt.clone());
        let tgt = Arc::new(tgt);
        self.credential.logs_in().hold(Arc::clone(&tgt), self.kdc_time(now));
        (self, tgt)
    }

    fn keep(mut self, mut ticket: HeldTicket, now: Time) -> (Self, Arc<HeldTicket>) {
        if let Some(login) = self.peers_login().filter(|_| ticket.is_skey) {
            ticket.second_ticket.clone_from(login);
        }
        let ticket = Arc::new(ticket);
        self.credential.hold(Arc::clone(&ticket), self.kdc_time(now));
        self.acquired.push((*ticket).clone());
        (self, ticket)
    }

    /// Keeps the ticket for the service, and those for the realms on the way.
    fn keep_all(self, acquired: Acquired, now: Time) -> (Self, Arc<HeldTicket>) {
        let all = acquired.ticket_granting.into_iter();
        let handshake = all.fold(self, |handshake, ticket| handshake.keep(ticket, now).0);
        handshake.credential.refer(&handshake.service, &acquired.ticket.server);
        handshake.keep(acquired.ticket, now)
    }

    fn ask_for_ticket(self, tgt: &HeldTicket, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let credential = self.credential.clone();
        let (service, options, random) = (self.service.clone(), self.options(), self.random());
        let request = match (self.peers_login(), credential.on_behalf()) {
            (_, Some(behalf)) => return self.ask_on_behalf(behalf, tgt, now, out),
            (Some(login), None) => TicketRequest::user_to_user(tgt, service, login.clone(), options, random),
            (None, None) => TicketRequest::new(tgt, service, options, random),
        };
        self.ask_with(request, now, out)
    }

    pub(super) fn ask_with(self, request: TicketRequest, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        match self.knowing(request).begin(now)? {
            ExchangeStep::NeedsKdc(exchange, request) => {
                self.ask_kdc(request, out, |handshake| Box::new(AskingForTicket { handshake, exchange }))
            }
            ExchangeStep::Complete(_) | ExchangeStep::NeedsAnswer(..) => {
                Err(Error::ApiMisuse("a ticket before it was asked for"))
            }
        }
    }

    /// With a ticket for the service, goes on to the acceptor; but first to the KDC, if the acceptor shall have one too.
    pub(super) fn with_ticket(
        self,
        ticket: Arc<HeldTicket>,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        let Some(tgt) = self.to_hand_on(&ticket, self.kdc_time(now))? else {
            return self.present(ticket, None, now, out);
        };
        let exchange = TicketRequest::forward(&tgt, self.options(), Arc::clone(&self.random));
        let exchange = self.knowing(exchange).begin(now)?;
        let ExchangeStep::NeedsKdc(exchange, request) = exchange else {
            return Err(Error::ApiMisuse("a ticket before it was asked for"));
        };
        self.ask_kdc(request, out, |handshake| Box::new(AskingToHandOn { handshake, ticket, exchange }))
    }
}

struct Begun(Handshake);

impl Initiating for Begun {
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        match input {
            InitiateInput::Begin => self.0.begin(now, out),
            _ => Err(Error::ApiMisuse("a handshake begins with its beginning")),
        }
    }

    fn progress(&self) -> Progress {
        self.0.progress()
    }
}

struct LoggingIn {
    handshake: Handshake,
    login: Login,
}

impl Initiating for LoggingIn {
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let LoggingIn { mut handshake, login } = *self;
        let step = match input {
            InitiateInput::Answer(answer) => login.answer(answer, now)?,
            InitiateInput::Declined => login.decline(now)?,
            input => login.reply(handshake.kdc_reply(input, now)?, now)?,
        };
        handshake.logging_in(step, now, out)
    }

    fn progress(&self) -> Progress {
        self.handshake.progress()
    }
}

struct AskingForTicket {
    handshake: Handshake,
    exchange: TicketRequest,
}

impl Initiating for AskingForTicket {
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let AskingForTicket { mut handshake, exchange } = *self;
        match exchange.reply(handshake.kdc_reply(input, now)?, now)? {
            ExchangeStep::NeedsKdc(exchange, request) => {
                handshake.ask_kdc(request, out, |handshake| Box::new(AskingForTicket { handshake, exchange }))
            }
            ExchangeStep::NeedsAnswer(..) => Err(Error::ApiMisuse("a request for a ticket asks nobody but the KDC")),
            ExchangeStep::Complete(ticket) => {
                let (handshake, ticket) = handshake.keep_all(*ticket, now);
                handshake.with_ticket(ticket, now, out)
            }
        }
    }

    fn progress(&self) -> Progress {
        self.handshake.progress()
    }
}
