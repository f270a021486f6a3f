use crate::directory::{Directory, DirectoryError, PrincipalEntry};
use crate::event::{Event, Outcome};
use crate::refusal::{Refusal, Seen};
use crate::settings::Settings;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use handfast::crypto::Random;
use handfast::krb5::message::{ErrorCode, KdcExchange, KdcReq};
use handfast::wire::{DecodeError, DecodeReason};
use handfast::{Principal, ReplayGuard, Time};

/// The longest request that is looked at, in bytes.
pub const REQUEST_LIMIT: usize = 65_536;

/// The most requests to the password service that are remembered at a time; further ones are refused until older ones are forgotten.
const PASSWORD_REQUESTS: usize = 100_000;

/// A request as it came from a client.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The message, without the length that stands before it on TCP.
    pub bytes: &'a [u8],
    /// How it came.
    pub transport: Transport,
    /// Who sent it; tickets that are bound to addresses are checked against it if it is told.
    pub peer: Option<IpAddr>,
}

/// How a request came (RFC 4120 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// In a datagram, which limits the reply.
    Udp,
    /// In a stream.
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        })
    }
}

/// What is to be done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The message to send back; silence if there is none.
    pub reply: Option<Vec<u8>>,
    /// What happened, for the log.
    pub event: Event,
}

/// A Kerberos realm: answers requests about the principals of a directory, from many threads at once.
pub struct Realm {
    pub(crate) krbtgt: Principal,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) settings: Settings,
    pub(crate) random: Arc<dyn Random>,
    #[cfg(feature = "pkinit")]
    pub(crate) pkinit: Option<Arc<crate::pkinit::RealmPkinit>>,
    /// Requests to the password service that were seen.
    pub(crate) password_requests: ReplayGuard,
}

impl Realm {
    /// The realm of that name. The directory must have its ticket-granting service, `krbtgt/NAME@NAME`.
    pub fn new(
        name: impl Into<String>,
        directory: Arc<dyn Directory>,
        settings: Settings,
        random: Arc<dyn Random>,
    ) -> Self {
        let name = name.into();
        let password_requests = ReplayGuard::in_memory_with_limit(PASSWORD_REQUESTS);
        Realm {
            krbtgt: Principal::krbtgt(&name, &name),
            directory,
            settings,
            random,
            #[cfg(feature = "pkinit")]
            pkinit: None,
            password_requests,
        }
    }

    /// The realm's name.
    pub fn name(&self) -> &str {
        self.krbtgt.realm()
    }

    /// What holds for all of the realm.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Answers a request (RFC 4120 3.1, 3.3). Bytes that are no KDC-REQ get no reply; any other request gets a ticket
    /// or an error that says why not.
    pub fn handle(&self, request: &Request<'_>, now: Time) -> Answer {
        let decoded = if request.bytes.len() > REQUEST_LIMIT {
            Err(DecodeError { what: "KDC-REQ", offset: 0, reason: DecodeReason::TooLarge { limit: REQUEST_LIMIT } })
        } else {
            KdcReq::decode(request.bytes)
        };
        match decoded {
            Ok(message) => self.answer(request, &message, now),
            Err(error) => Answer {
                reply: None,
                event: Event {
                    exchange: None,
                    transport: request.transport,
                    peer: request.peer,
                    client: None,
                    service: None,
                    enctypes: Vec::new(),
                    outcome: Outcome::Ignored { error },
                },
            },
        }
    }

    fn answer(&self, request: &Request<'_>, message: &KdcReq<'_>, now: Time) -> Answer {
        let body = &message.req_body;
        let mut seen =
            Seen { service: body.sname.as_ref().map(|name| name.to_principal(body.realm)), ..Seen::default() };
        let result = match message.exchange {
            KdcExchange::As => self.answer_as(request, message, now, &mut seen),
            KdcExchange::Tgs => self.answer_tgs(request, message, now, &mut seen),
        };
        let told = |refusal: Refusal| {
            let error = seen.error(&refusal, &self.krbtgt, now, &*self.random);
            (error, Outcome::Refused { code: refusal.code, reason: refusal.reason })
        };
        let (reply, outcome) = self.fitting(request.transport, result.unwrap_or_else(told)).unwrap_or_else(told);
        let event = Event {
            exchange: Some(message.exchange),
            transport: request.transport,
            peer: request.peer,
            client: seen.client,
            service: seen.service,
            enctypes: body.etype.clone(),
            outcome,
        };
        Answer { reply: Some(reply), event }
    }

    /// A reply that is too long for a datagram is not sent in one (RFC 4120 7.2.1).
    fn fitting(&self, transport: Transport, reply: (Vec<u8>, Outcome)) -> Result<(Vec<u8>, Outcome), Refusal> {
        let (length, limit) = (reply.0.len(), self.settings.udp_reply_limit);
        if transport == Transport::Tcp || length <= limit {
            return Ok(reply);
        }
        let reason = format!("the reply has {length} bytes, {limit} are allowed by UDP");
        Err(Refusal::new(ErrorCode::KRB_ERR_RESPONSE_TOO_BIG, reason))
    }

    /// A principal of the directory, with those of its keys that the settings permit.
    pub(crate) fn find(&self, name: &Principal) -> Result<Option<Arc<PrincipalEntry>>, DirectoryError> {
        let entry = self.directory.find(name)?;
        Ok(entry.map(|entry| entry.with_keys_of(|enctype| self.settings.permits(enctype))))
    }

    /// The service that a ticket is asked for, if one may be issued for it.
    pub(crate) fn service(&self, seen: &Seen, now: Time) -> Result<Arc<PrincipalEntry>, Refusal> {
        let entry = self.peer(seen, now)?;
        if !entry.is_service {
            // A ticket under a password's key is one to guess at; its owner could do user-to-user (RFC 4120 3.7).
            let reason = "the principal is a user, not a service";
            return Err(Refusal::new(ErrorCode::KDC_ERR_MUST_USE_USER2USER, reason));
        }
        Ok(entry)
    }

    /// Who a ticket is asked for, service or user, if tickets may be issued for it.
    pub(crate) fn peer(&self, seen: &Seen, now: Time) -> Result<Arc<PrincipalEntry>, Refusal> {
        let unknown = |reason| Refusal::new(ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, reason);
        let name = seen.service.as_ref().ok_or_else(|| unknown("the request names no service"))?;
        if name.realm() != self.name() {
            // Keys of other realms' ticket-granting services are there to open their tickets, not to make such.
            return Err(unknown("the service is of another realm"));
        }
        let entry = self.resolve(name)?.ok_or_else(|| unknown("the directory has no such service"))?;
        if entry.disabled {
            return Err(Refusal::new(ErrorCode::KDC_ERR_SERVICE_REVOKED, "the service is disabled"));
        }
        if entry.expires.is_some_and(|end| end <= now) {
            return Err(Refusal::new(ErrorCode::KDC_ERR_SERVICE_EXP, "the service's account has expired"));
        }
        Ok(entry)
    }
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Realm").field("name", &self.name()).field("settings", &self.settings).finish_non_exhaustive()
    }
}
