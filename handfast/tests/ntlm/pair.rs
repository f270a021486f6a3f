//! A client and a server in one hand.

use handfast::crypto::{Random, RandomError, Secret};
use handfast::krb5::Keytab;
use handfast::mech::MechanismId;
use handfast::*;
use md5::{Digest, Md5};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) fn now() -> Time {
    Time::from_unix_micros(1_700_000_000_123_456)
}

/// Counts, so that no two draws are the same and every run is.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        for chunk in out.chunks_mut(8) {
            let number = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            chunk.copy_from_slice(&number.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// The NT hash of `Password` (MS-NLMP 4.2.2.1.2).
pub(crate) const NT_HASH: [u8; 16] =
    [0xa4, 0xf4, 0x9c, 0x40, 0x65, 0x10, 0xbd, 0xca, 0xb6, 0x82, 0x4e, 0xe7, 0xc3, 0x0f, 0xd8, 0x52];

pub(crate) fn hash() -> Account {
    Account::NtHash(Secret::new(NT_HASH))
}

/// HMAC-MD5 (RFC 2104) under a key of at most one block.
fn hmac_md5(key: &[u8], message: &[u8]) -> [u8; 16] {
    let pad = |with: u8| (0..64).map(|at| key.get(at).unwrap_or(&0) ^ with).collect::<Vec<u8>>();
    let inner = Md5::digest([&pad(0x36), message].concat());
    Md5::digest([&pad(0x5c)[..], &inner[..]].concat()).into()
}

/// Who knows alice's secret, answers with the key of whatever proof has come, right or wrong (MS-NLMP 3.3.2).
pub(crate) fn believes_any_proof(logon: &Logon) -> Account {
    let name: Vec<u8> = "ALICEEXAMPLE".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let key = hmac_md5(&hmac_md5(&NT_HASH, &name), &logon.nt_response[..16]);
    Account::Verified { session_base_key: Secret::new(key), identity: "EXAMPLE\\alice".into() }
}

/// A client and a server, with what each of them wants.
pub(crate) struct Pair {
    pub(crate) credential: Credential,
    pub(crate) client: Policy,
    pub(crate) server: Policy,
    pub(crate) names: NtlmServer,
    pub(crate) client_bindings: Option<ChannelBindings>,
    pub(crate) server_bindings: Option<ChannelBindings>,
    pub(crate) account: Account,
    /// Asked before `account`.
    pub(crate) checker: Option<fn(&Logon) -> Account>,
    pub(crate) target: &'static str,
    /// When the client's answer comes.
    pub(crate) answered: Time,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Pair {
            credential: Credential::ntlm_password("EXAMPLE", "alice", "Password"),
            client: Policy::default().dangerous_ntlm_unproven_server(),
            server: Policy::default(),
            names: NtlmServer::new("WWW", "EXAMPLE").dns("www.example.com", "example.com"),
            client_bindings: None,
            server_bindings: None,
            account: hash(),
            checker: None,
            target: "HTTP/www.example.com",
            answered: now(),
        }
    }

    /// A whole handshake; `change` sees each message (1, 2, 3) on its way.
    pub(crate) fn run(&self, mut change: impl FnMut(u8, &mut Vec<u8>)) -> Result<(Context, Context), Error> {
        let initiator = Initiator::with_random(self.client.clone(), Arc::new(Counting::default()));
        let target: ServiceName = self.target.parse().unwrap();
        let mut to = initiator.to(&target).credential(&self.credential);
        if let Some(bindings) = &self.client_bindings {
            to = to.channel_bindings(bindings);
        }
        let mut negotiate = Vec::new();
        let Initiate::NeedsToken(client) = to.begin(now(), &mut negotiate)? else { panic!() };
        change(1, &mut negotiate);
        let acceptor = Acceptor::with_random(&Keytab::new(), None, Arc::new(Counting::default()))
            .policy(self.server.clone())
            .dangerous_with_ntlm(self.names.clone());
        let mut session = acceptor.session();
        if let Some(bindings) = &self.server_bindings {
            session = session.channel_bindings(bindings);
        }
        let mut challenge = Vec::new();
        let step = session.begin().step(&negotiate, now(), &mut challenge);
        // What does not begin as NTLM, or is too long to be looked at, is met by Kerberos, which has an answer to all.
        let is_ntlm = negotiate.starts_with(b"NTLMSSP\0") && negotiate.len() <= self.server.token_limit();
        assert!(step.is_ok() || challenge.is_empty() || !is_ntlm, "a refusal says nothing");
        let Accept::NeedsToken(server) = step? else { panic!() };
        change(2, &mut challenge);
        let mut authenticate = Vec::new();
        let Initiate::Complete(client) = client.step(&challenge, now(), &mut authenticate)? else { panic!() };
        change(3, &mut authenticate);
        let mut out = Vec::new();
        let step = server.step(&authenticate, self.answered, &mut out);
        assert!(out.is_empty(), "a refusal says nothing");
        let Accept::NeedsAccount(server) = step? else { panic!() };
        assert_eq!(server.mechanism(), MechanismId::NTLM);
        let account = self.checker.map_or_else(|| self.account.clone(), |checker| checker(server.logon()));
        let step = server.answer(account, self.answered, &mut out);
        assert!(out.is_empty(), "NTLM has no fourth message, whatever the account store says");
        let Accept::Complete(server) = step? else { panic!() };
        Ok((client, server))
    }

    pub(crate) fn established(&self) -> (Context, Context) {
        self.run(|_, _| {}).unwrap()
    }

    pub(crate) fn refusal(&self, change: impl FnMut(u8, &mut Vec<u8>)) -> Refusal {
        match self.run(change).unwrap_err() {
            Error::Refused(refusal) => *refusal,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ntlm_refusal(&self, change: impl FnMut(u8, &mut Vec<u8>)) -> NtlmRefusal {
        match self.refusal(change) {
            Refusal::Ntlm(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }
}

/// The offset of the flags in each message.
const FLAGS: [usize; 3] = [12, 20, 60];

/// Changes the flags of message `number`.
pub(crate) fn set_flags(number: u8, message: &mut [u8], change: impl FnOnce(u32) -> u32) {
    let at = FLAGS[usize::from(number) - 1];
    let flags = u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
    message[at..at + 4].copy_from_slice(&change(flags).to_le_bytes());
}

pub(crate) fn sealed(context: &mut Context, message: &[u8]) -> Vec<u8> {
    let mut token = Vec::new();
    context.seal(message, &mut token).unwrap();
    token
}

/// All flag sets that we offer, as policies of the client.
pub(crate) fn policies() -> Vec<Policy> {
    let all = Policy::default().dangerous_ntlm_unproven_server();
    vec![
        all.clone(),
        all.clone().integrity_only(),
        all.clone().authentication_only(),
        all.clone().with_flags(Flags::IDENTIFY),
        all.clone().integrity_only().with_flags(Flags::IDENTIFY),
        all.authentication_only().with_flags(Flags::IDENTIFY),
    ]
}

/// Where the value of an AV_PAIR that starts with these four bytes is.
pub(crate) fn pair_at(message: &[u8], id: u8, len: u8) -> usize {
    message.windows(4).position(|bytes| bytes == [id, 0, len, 0]).unwrap() + 4
}

/// A change of message `number` alone.
pub(crate) fn at(number: u8, mut change: impl FnMut(&mut Vec<u8>)) -> impl FnMut(u8, &mut Vec<u8>) {
    move |passing, message| {
        if passing == number {
            change(message)
        }
    }
}
