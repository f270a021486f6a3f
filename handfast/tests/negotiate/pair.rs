use crate::kerberos;
pub(crate) use crate::kerberos::now;
use crate::ladder;
use handfast::crypto::Secret;
use handfast::krb5::Keytab;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::exchange::KdcUnreachable;
use handfast::mech::MechanismId;
use handfast::mech::negotiate::message::{NegTokenInit, NegTokenResp, NegotiationToken};
use handfast::*;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The NT hash of `Password` (MS-NLMP 4.2.2.1.2).
const NT_HASH: [u8; 16] =
    [0xa4, 0xf4, 0x9c, 0x40, 0x65, 0x10, 0xbd, 0xca, 0xb6, 0x82, 0x4e, 0xe7, 0xc3, 0x0f, 0xd8, 0x52];

/// What a client can do, and a server.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) client: Policy,
    pub(crate) server: Policy,
    /// The client has a ticket; without one it would ask a KDC.
    pub(crate) ticket: bool,
    pub(crate) ntlm_password: Option<&'static str>,
    pub(crate) server_keys: bool,
    pub(crate) server_ntlm: bool,
    pub(crate) speak_first: bool,
    pub(crate) account: Account,
}

pub(crate) type Contexts = (Context, Context);

impl Pair {
    /// Both can do Kerberos and NTLM.
    pub(crate) fn both() -> Self {
        Pair {
            client: Policy::default().dangerous_ntlm_unproven_server(),
            server: Policy::default(),
            ticket: true,
            ntlm_password: Some("Password"),
            server_keys: true,
            server_ntlm: true,
            speak_first: false,
            account: Account::NtHash(Secret::new(NT_HASH)),
        }
    }

    /// Neither can do NTLM.
    pub(crate) fn kerberos() -> Self {
        Pair { client: Policy::default(), ntlm_password: None, server_ntlm: false, ..Pair::both() }
    }

    /// The client can do both, the server NTLM alone.
    pub(crate) fn ntlm_server() -> Self {
        Pair { server_keys: false, ..Pair::both() }
    }

    pub(crate) fn credential(&self) -> Credential {
        let credential = if self.ticket {
            kerberos::Pair::new(Enctype::AES256_CTS_HMAC_SHA1_96).credential()
        } else {
            Credential::password("alice@EXAMPLE.COM".parse().unwrap(), "Password")
        };
        match self.ntlm_password {
            Some(password) => credential.and_ntlm_password("EXAMPLE", "alice", password),
            None => credential,
        }
    }

    pub(crate) fn acceptor(&self) -> Acceptor {
        let pair = kerberos::Pair::new(Enctype::AES256_CTS_HMAC_SHA1_96);
        let keytab = if self.server_keys { pair.keytab() } else { Keytab::new() };
        let acceptor = Acceptor::with_random(&keytab, None, Arc::new(kerberos::Counting(AtomicU64::new(1 << 40))))
            .policy(self.server.clone());
        if self.server_ntlm { acceptor.dangerous_with_ntlm(NtlmServer::new("WWW", "EXAMPLE")) } else { acceptor }
    }

    pub(crate) fn initiator(&self) -> Initiator {
        Initiator::with_random(self.client.clone(), Arc::new(kerberos::Counting::default()))
    }

    /// A whole handshake with a client and a server of this pair.
    pub(crate) fn run(&self, change: impl FnMut(usize, &mut Vec<u8>)) -> Result<Contexts, Error> {
        self.run_with(|target| target.negotiate(), |session| session, change)
    }

    pub(crate) fn established(&self) -> Contexts {
        self.run(|_, _| {}).unwrap()
    }

    /// Why one of them refuses, where `change` sees every token on its way: 1 and all odd ones are the client's.
    pub(crate) fn refusal(&self, change: impl FnMut(usize, &mut Vec<u8>)) -> Refusal {
        match self.run(change).map(drop).unwrap_err() {
            Error::Refused(refusal) => *refusal,
            other => panic!("{other:?}"),
        }
    }

    /// All tokens of a handshake that nobody disturbs.
    pub(crate) fn tokens(&self) -> Vec<Vec<u8>> {
        let mut tokens = Vec::new();
        self.run(|_, token| tokens.push(token.clone())).unwrap();
        tokens
    }

    pub(crate) fn run_with(
        &self,
        target: impl FnOnce(Target<'_>) -> Target<'_>,
        session: impl FnOnce(Session<'_>) -> Session<'_>,
        mut change: impl FnMut(usize, &mut Vec<u8>),
    ) -> Result<Contexts, Error> {
        let (initiator, acceptor, credential) = (self.initiator(), self.acceptor(), self.credential());
        let name = ServiceName::principal("HTTP/www.example.com@EXAMPLE.COM".parse().unwrap());
        let target = target(initiator.to(&name).credential(&credential));
        let session = session(acceptor.session());
        let mut number = 0;
        let mut sent = move |token: &mut Vec<u8>| {
            number += 1;
            change(number, token);
            core::mem::take(token)
        };
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        let (mut server, step) = if self.speak_first {
            let Accept::NeedsToken(server) = session.speak_first(now(), &mut to_client)? else { panic!() };
            let hint = core::mem::take(&mut to_client);
            (Accept::NeedsToken(server), target.begin_with(&hint, now(), &mut to_server)?)
        } else {
            (Accept::NeedsToken(session.begin()), target.begin(now(), &mut to_server)?)
        };
        let mut client = self.client_step(step, &mut to_server)?;
        loop {
            if !to_server.is_empty() {
                let token = sent(&mut to_server);
                let Accept::NeedsToken(next) = server else { panic!("a token too many: {server:?}") };
                server = match next
                    .step(&token, now(), &mut to_client)
                    .and_then(|step| self.server_step(step, &mut to_client))
                {
                    Ok(step) => step,
                    Err(error) => return Err(self.told(client, &to_client, error)),
                };
            }
            if !to_client.is_empty() {
                let token = sent(&mut to_client);
                let Initiate::NeedsToken(next) = client else { panic!("a token too many: {client:?}") };
                client = self.client_step(next.step(&token, now(), &mut to_server)?, &mut to_server)?;
            }
            match (client, server) {
                (Initiate::Complete(client), Accept::Complete(server)) => return Ok((client, server)),
                (client_now, server_now) => {
                    if to_server.is_empty() && to_client.is_empty() {
                        return Err(Error::Mechanism(format!("stuck: {client_now:?} {server_now:?}")));
                    }
                    (client, server) = (client_now, server_now);
                }
            }
        }
    }

    /// A refused client that still waits is told so, and gets no context of it.
    fn told(&self, client: Initiate, token: &[u8], error: Error) -> Error {
        if let Initiate::NeedsToken(next) = client {
            if token.is_empty() {
                return error;
            }
            let told = next.step(token, now(), &mut Vec::new()).map(drop);
            assert!(told.is_err(), "the client took a refusal for an answer");
        }
        error
    }

    /// Nobody answers the client but tokens, unless it is of [`ladder`].
    fn client_step(&self, mut step: Initiate, out: &mut Vec<u8>) -> Result<Initiate, Error> {
        loop {
            step = match step {
                Initiate::NeedsKdc(next) if next.request().realm == ladder::REALM => next.reply(b"", now(), out)?,
                Initiate::NeedsAnswer(next) => next.answer(Answer::Custom(Secret::new(vec![])), now(), out)?,
                Initiate::NeedsKdc(next) => {
                    let tried = KdcUnreachable { realm: next.request().realm.clone(), tried: Vec::new() };
                    next.unreachable(tried, now(), out)?
                }
                step => return Ok(step),
            }
        }
    }

    fn server_step(&self, step: Accept, out: &mut Vec<u8>) -> Result<Accept, Error> {
        match step {
            Accept::NeedsAccount(next) => next.answer(self.account.clone(), now(), out),
            step => Ok(step),
        }
    }
}

/// Changes what a token says.
pub(crate) fn edit_init(token: &mut Vec<u8>, edit: impl FnOnce(&mut NegTokenInit<'_>)) {
    let before = token.clone();
    let NegotiationToken::Init(mut init) = NegotiationToken::decode(&before).unwrap() else { panic!("no offer") };
    edit(&mut init);
    token.clear();
    NegotiationToken::Init(init).encode(token);
}

/// Changes what a token says.
pub(crate) fn edit_resp(token: &mut Vec<u8>, edit: impl FnOnce(&mut NegTokenResp<'_>)) {
    let before = token.clone();
    let NegotiationToken::Resp(mut resp) = NegotiationToken::decode(&before).unwrap() else { panic!("no reply") };
    edit(&mut resp);
    token.clear();
    NegotiationToken::Resp(resp).encode(token);
}

/// Messages go both ways, sealed and signed.
pub(crate) fn assert_they_talk(contexts: &mut Contexts) {
    let (client, server) = contexts;
    assert_eq!(client.session_key(), server.session_key());
    assert_eq!(client.mechanism(), server.mechanism());
    for round in 0..3_u8 {
        talk(client, server, round);
        talk(server, client, round);
    }
    assert_ne!(client.mechanism(), MechanismId::SPNEGO);
}

fn talk(from: &mut Context, to: &mut Context, round: u8) {
    let (mut token, mut signature) = (Vec::new(), Vec::new());
    from.seal(&[round; 100], &mut token).unwrap();
    assert_eq!(to.unseal(&mut token).unwrap(), [round; 100]);
    from.sign(b"signed", &mut signature).unwrap();
    assert_eq!(to.verify(b"signed", &signature), Ok(Order::InOrder));
}
