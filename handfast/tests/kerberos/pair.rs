use handfast::crypto::{Random, RandomError};
use handfast::krb5::enctype::{CipherKey, EncryptionKey, Enctype, KeyUsage};
use handfast::krb5::message::{
    AdElement, AdType, AuthorizationData, EncTicketPart, EncryptedData, KeyRef, PrincipalName, Ticket, TicketFlags,
    TransitedEncoding,
};
use handfast::krb5::{Ccache, HeldTicket, Keytab, KeytabEntry};
use handfast::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) const ENCTYPES: [Enctype; 6] = [
    Enctype::AES128_CTS_HMAC_SHA1_96,
    Enctype::AES256_CTS_HMAC_SHA1_96,
    Enctype::AES128_CTS_HMAC_SHA256_128,
    Enctype::AES256_CTS_HMAC_SHA384_192,
    Enctype::CAMELLIA128_CTS_CMAC,
    Enctype::CAMELLIA256_CTS_CMAC,
];

pub(crate) fn now() -> Time {
    Time::from_unix_micros(1_700_000_000_123_456)
}

/// Counts, so that no two draws are the same and every run is.
#[derive(Default)]
pub(crate) struct Counting(pub(crate) AtomicU64);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        for chunk in out.chunks_mut(8) {
            let number = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            chunk.copy_from_slice(&number.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// A client with a ticket, and the service that the ticket is for.
pub(crate) struct Pair {
    pub(crate) enctype: Enctype,
    pub(crate) service_key: EncryptionKey,
    pub(crate) session_key: EncryptionKey,
    pub(crate) client: Principal,
    pub(crate) ticket_client: Principal,
    pub(crate) service: Principal,
    pub(crate) kvno: u32,
    pub(crate) flags: TicketFlags,
    pub(crate) start: Time,
    pub(crate) end: Time,
    pub(crate) restriction: Option<AdType>,
    pub(crate) authorization_data: Vec<(AdType, Vec<u8>)>,
    pub(crate) more_keys: Vec<KeytabEntry>,
    pub(crate) transited: &'static [u8],
    pub(crate) guard: Option<ReplayGuard>,
    pub(crate) client_policy: Policy,
    pub(crate) server_policy: Policy,
}

impl Pair {
    pub(crate) fn new(enctype: Enctype) -> Self {
        let key = |fill| EncryptionKey::new(enctype, vec![fill; enctype.key_size().unwrap()]).unwrap();
        Pair {
            enctype,
            service_key: key(1),
            session_key: key(2),
            client: "alice@EXAMPLE.COM".parse().unwrap(),
            ticket_client: "alice@EXAMPLE.COM".parse().unwrap(),
            service: "HTTP/www.example.com@EXAMPLE.COM".parse().unwrap(),
            kvno: 3,
            flags: TicketFlags::default(),
            start: now().saturating_sub(Duration::from_secs(60)).whole_seconds(),
            end: now().saturating_add(Duration::from_secs(3600)).whole_seconds(),
            restriction: None,
            authorization_data: Vec::new(),
            more_keys: Vec::new(),
            transited: &[],
            guard: Some(ReplayGuard::in_memory()),
            client_policy: Policy::default(),
            server_policy: Policy::default(),
        }
    }

    pub(crate) fn ticket(&self) -> Vec<u8> {
        let part = self.ticket_part();
        let mut cipher = Vec::new();
        CipherKey::new(&self.service_key, KeyUsage::TICKET).unwrap().encrypt(&[9; 16], &part.to_der(), &mut cipher);
        let enc_part = EncryptedData { etype: self.enctype, kvno: Some(self.kvno), cipher: &cipher };
        Ticket { realm: self.service.realm(), sname: PrincipalName::from(&self.service), enc_part }.to_der()
    }

    pub(crate) fn ticket_part(&self) -> EncTicketPart<'_> {
        let restriction = self.restriction.map(|ad_type| AdElement { ad_type, ad_data: &[] });
        let others = self.authorization_data.iter().map(|(ad_type, ad_data)| AdElement { ad_type: *ad_type, ad_data });
        EncTicketPart {
            flags: self.flags,
            key: KeyRef { keytype: self.session_key.enctype(), keyvalue: self.session_key.bytes() },
            crealm: self.ticket_client.realm(),
            cname: PrincipalName::from(&self.ticket_client),
            transited: TransitedEncoding { tr_type: 1, contents: self.transited },
            authtime: self.start.into(),
            starttime: None,
            endtime: self.end.into(),
            renew_till: None,
            caddr: Vec::new(),
            authorization_data: AuthorizationData(restriction.into_iter().chain(others).collect()),
        }
    }

    pub(crate) fn credential(&self) -> Credential {
        let mut cache = Ccache::new(self.client.clone());
        cache.replace(HeldTicket {
            client: self.client.clone(),
            server: "HTTP/www.example.com@EXAMPLE.COM".parse().unwrap(),
            key: self.session_key.clone(),
            auth_time: self.start,
            start_time: None,
            end_time: Time::from_unix_seconds(4_000_000_000),
            renew_till: None,
            is_skey: false,
            flags: Default::default(),
            addresses: Vec::new(),
            authorization_data: Vec::new(),
            ticket: self.ticket(),
            second_ticket: Vec::new(),
        });
        Credential::tickets(&cache)
    }

    pub(crate) fn keytab(&self) -> Keytab {
        let mut keytab = Keytab::new();
        let entry =
            |name: &str, kvno, key| KeytabEntry { principal: name.parse().unwrap(), timestamp: now(), kvno, key };
        keytab.add(entry(
            "HTTP/www.example.com@EXAMPLE.COM",
            3,
            EncryptionKey::new(self.enctype, self.key(1)).unwrap(),
        ));
        keytab.add(entry(
            "HTTP/www.example.com@EXAMPLE.COM",
            2,
            EncryptionKey::new(self.enctype, self.key(7)).unwrap(),
        ));
        keytab.add(entry(
            "host/www.example.com@EXAMPLE.COM",
            3,
            EncryptionKey::new(self.enctype, self.key(8)).unwrap(),
        ));
        self.more_keys.iter().cloned().for_each(|entry| keytab.add(entry));
        keytab
    }

    pub(crate) fn key(&self, fill: u8) -> Vec<u8> {
        vec![fill; self.enctype.key_size().unwrap()]
    }

    pub(crate) fn acceptor(&mut self) -> Acceptor {
        Acceptor::with_random(&self.keytab(), self.guard.take(), Arc::new(Counting(AtomicU64::new(1 << 40))))
            .policy(self.server_policy.clone())
    }

    pub(crate) fn initiator(&self) -> Initiator {
        Initiator::with_random(self.client_policy.clone(), Arc::new(Counting::default()))
    }

    pub(crate) fn begin(&self, bindings: Option<&ChannelBindings>) -> (Initiate, Vec<u8>) {
        let (initiator, credential) = (self.initiator(), self.credential());
        let target = ServiceName::principal("HTTP/www.example.com@EXAMPLE.COM".parse().unwrap());
        let mut request = initiator.to(&target).credential(&credential);
        if let Some(bindings) = bindings {
            request = request.channel_bindings(bindings);
        }
        let mut out = Vec::new();
        (request.begin(now(), &mut out).unwrap(), out)
    }

    /// The whole handshake.
    pub(crate) fn contexts(&mut self) -> (Context, Context) {
        let acceptor = self.acceptor();
        let (step, token) = self.begin(None);
        let (server, reply) = accept(&acceptor, &token, now());
        let server = server.unwrap();
        let client = match step {
            Initiate::NeedsToken(next) => complete(next.step(&reply, now(), &mut Vec::new())).unwrap(),
            Initiate::Complete(context) => context,
            other => panic!("{other:?}"),
        };
        (client, server)
    }

    /// Why the acceptor refuses the client's token at `at`; the client learns nothing but that it is refused.
    pub(crate) fn refusal_at(&mut self, at: Time) -> Refusal {
        let acceptor = self.acceptor();
        let (step, token) = self.begin(None);
        let (result, reply) = accept(&acceptor, &token, at);
        let Err(Error::Refused(refusal)) = result else { panic!("{result:?}") };
        let Initiate::NeedsToken(next) = step else { panic!() };
        let told = complete(next.step(&reply, at, &mut Vec::new())).unwrap_err();
        assert!(matches!(&told, Error::RefusedByPeer(refusal) if refusal.code.0 == 60), "{told}");
        *refusal
    }

    pub(crate) fn refusal(&mut self) -> Refusal {
        self.refusal_at(now())
    }
}

pub(crate) fn accept(acceptor: &Acceptor, token: &[u8], at: Time) -> (Result<Context, Error>, Vec<u8>) {
    let mut reply = Vec::new();
    let result = acceptor.session().begin().step(token, at, &mut reply).map(|step| match step {
        Accept::Complete(context) => context,
        other => panic!("{other:?}"),
    });
    (result, reply)
}

pub(crate) fn complete(step: Result<Initiate, Error>) -> Result<Context, Error> {
    step.map(|step| match step {
        Initiate::Complete(context) => context,
        other => panic!("{other:?}"),
    })
}

pub(crate) fn seal(context: &mut Context, message: &[u8]) -> Vec<u8> {
    let mut token = Vec::new();
    context.seal(message, &mut token).unwrap();
    token
}
