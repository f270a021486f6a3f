//! Contexts in the name of another: constrained delegation (MS-SFU), as a service does it for its clients.
//!
//! ```text
//!  service                                             KDC
//!     │   its own login; then, if it has no ticket of the user's to itself:
//!     │── TGS-REQ, PA-FOR-USER ─────────────────────────▶│   S4U2self
//!     │◀─ TGS-REP: the user's ticket to the service ─────│   the evidence
//!     │── TGS-REQ, the evidence, CNAME-IN-ADDL-TKT ─────▶│   S4U2proxy
//!     │◀─ TGS-REP: the user's ticket to the target ──────│
//!     │── AP-REQ to the target, in the user's name
//! ```

use super::credential::{KerberosCredential, Secrets};
use super::initiator::Handshake;
use crate::error::{CredentialError, Error};
use crate::krb5::HeldTicket;
use crate::krb5::enctype::EncryptionKey;
use crate::krb5::exchange::{ExchangeStep, TicketRequest};
use crate::krb5::message::{EncTicketPart, Encoded, Ticket, TicketFlags};
use crate::mech::{InitiateInput, InitiateStep, Initiating, Progress};
use crate::name::Principal;
use crate::policy::Policy;
use crate::sync::Lock;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Who acts in another's name, and by what right.
pub(super) struct OnBehalf {
    /// The one who acts: its own login is what the KDC is asked with.
    own: KerberosCredential,
    right: Right,
}

enum Right {
    /// The other's ticket to the one who acts.
    Evidence(Arc<HeldTicket>),
    /// The realm trusts the one who acts with naming its users, and gives such a ticket (S4U2self); the last one.
    ProtocolTransition(Lock<Option<Arc<HeldTicket>>>),
}

impl OnBehalf {
    /// With a ticket of the other's.
    pub(super) fn with_evidence(own: KerberosCredential, evidence: HeldTicket) -> Self {
        OnBehalf { own, right: Right::Evidence(Arc::new(evidence)) }
    }

    /// By name alone.
    pub(super) fn by_protocol_transition(own: KerberosCredential) -> Self {
        OnBehalf { own, right: Right::ProtocolTransition(Lock::new(None)) }
    }

    pub(super) fn own(&self) -> &KerberosCredential {
        &self.own
    }

    /// The login of who acts. One that is not forwardable gives no forwardable evidence, so a better one is got where there is a
    /// secret for it.
    pub(super) fn login(&self, krbtgt: &Principal, policy: &Policy, now: Time) -> Option<Arc<HeldTicket>> {
        let can_log_in = !matches!(self.own.secrets(), Secrets::None);
        let good = |tgt: &Arc<HeldTicket>| tgt.flags.contains(TicketFlags::FORWARDABLE) || !can_log_in;
        self.own.find(krbtgt, policy, now).filter(good)
    }

    /// Evidence that has not ended; `None` if the KDC is to be asked for it.
    fn evidence(&self, now: Time) -> Result<Option<Arc<HeldTicket>>, CredentialError> {
        match &self.right {
            Right::Evidence(held) if now < held.end_time => Ok(Some(Arc::clone(held))),
            Right::Evidence(held) => {
                Err(CredentialError::TicketExpired { client: held.client.clone(), end: held.end_time })
            }
            Right::ProtocolTransition(held) => Ok(held.with(|held| held.clone()).filter(|held| now < held.end_time)),
        }
    }

    fn keep(&self, evidence: HeldTicket) {
        if let Right::ProtocolTransition(held) = &self.right {
            held.with(|held| *held = Some(Arc::new(evidence)));
        }
    }
}

impl Handshake {
    /// Asks, with the login `tgt` of the one who acts, for a ticket in the other's name. To the one who acts itself, the
    /// evidence is that ticket.
    pub(super) fn ask_on_behalf(
        self,
        behalf: &OnBehalf,
        tgt: &HeldTicket,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        match behalf.evidence(self.kdc_time(now))? {
            Some(evidence) if evidence.server == self.service => self.with_ticket(evidence, now, out),
            Some(evidence) => {
                let service = self.service.clone();
                let request = TicketRequest::delegated(tgt, &evidence, service, self.options(), self.random());
                self.ask_with(request, now, out)
            }
            None => self.ask_for_evidence(behalf, tgt.clone(), now, out),
        }
    }

    fn ask_for_evidence(
        self,
        behalf: &OnBehalf,
        tgt: HeldTicket,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        let user = self.credential.acting();
        let request = TicketRequest::for_user(&tgt, user, self.options(), self.random());
        match self.knowing(request.with_own_keys(own_keys(&behalf.own))).begin(now)? {
            ExchangeStep::NeedsKdc(exchange, request) => {
                self.ask_kdc(request, out, |handshake| Box::new(AskingForEvidence { handshake, tgt, exchange }))
            }
            ExchangeStep::Complete(_) | ExchangeStep::NeedsAnswer(..) => {
                Err(Error::ApiMisuse("a ticket before it was asked for"))
            }
        }
    }
}

fn own_keys(own: &KerberosCredential) -> Vec<EncryptionKey> {
    match own.secrets() {
        Secrets::Keys(keys) => keys.clone(),
        _ => Vec::new(),
    }
}

/// Asks the KDC for a ticket to ourselves in the other's name.
struct AskingForEvidence {
    handshake: Handshake,
    tgt: HeldTicket,
    exchange: TicketRequest,
}

impl Initiating for AskingForEvidence {
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let AskingForEvidence { mut handshake, tgt, exchange } = *self;
        match exchange.reply(handshake.kdc_reply(input, now)?, now)? {
            ExchangeStep::NeedsKdc(exchange, request) => {
                handshake.ask_kdc(request, out, |handshake| Box::new(AskingForEvidence { handshake, tgt, exchange }))
            }
            ExchangeStep::NeedsAnswer(..) => Err(Error::ApiMisuse("a request for a ticket asks nobody but the KDC")),
            ExchangeStep::Complete(acquired) => {
                let credential = handshake.credential.clone();
                let Some(behalf) = credential.on_behalf() else { return Err(Error::ApiMisuse("evidence for nobody")) };
                behalf.keep(acquired.ticket);
                handshake.ask_on_behalf(behalf, &tgt, now, out)
            }
        }
    }

    fn progress(&self) -> Progress {
        self.handshake.progress()
    }
}

/// A client's ticket as an acceptor has seen it: evidence for a KDC that the client was here.
pub(super) fn evidence_of(
    ticket: &Encoded<'_, Ticket<'_>>,
    part: &EncTicketPart<'_>,
    key: EncryptionKey,
) -> HeldTicket {
    HeldTicket {
        client: part.cname.to_principal(part.crealm),
        server: ticket.sname.to_principal(ticket.realm),
        key,
        auth_time: part.authtime.to_time(),
        start_time: part.starttime.map(|start| start.to_time()),
        end_time: part.endtime.to_time(),
        renew_till: part.renew_till.map(|till| till.to_time()),
        is_skey: false,
        flags: part.flags,
        addresses: Vec::new(),
        authorization_data: Vec::new(),
        ticket: ticket.bytes().to_vec(),
        second_ticket: Vec::new(),
    }
}
