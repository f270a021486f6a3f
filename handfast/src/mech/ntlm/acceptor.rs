use super::account_name;
use super::message::{
    Authenticate, Challenge, MIC_PRESENT, Negotiate, NegotiateFlags, UNTRUSTED_TARGET, around_mic, utf16, utf16_text,
};
use super::per_message::{Role, halves};
use super::response::{Response, exchange_key, nt_proof, ntowf_v2, session_base_key};
use super::server::NtlmServer;
use crate::crypto::hmac_md5::hmac_md5;
use crate::crypto::{Random, Secret, constant_time_eq};
use crate::error::{Error, NtlmRefusal, Refusal};
use crate::flags::Flags;
use crate::identity::Identity;
use crate::mech::{AcceptInput, AcceptRequest, AcceptStep, Accepting, Established, MechanismId, Progress, Why};
use crate::policy::{AbsentBindings, Policy};
use crate::question::{Account, Logon};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

fn refuse<T>(refusal: Refusal) -> Result<T, Error> {
    Err(Error::refused(refusal))
}

fn refuse_ntlm<T>(refusal: NtlmRefusal) -> Result<T, Error> {
    Err(refusal.into())
}

/// The server's names and where its challenges come from.
#[derive(Clone)]
pub(crate) struct NtlmAcceptor {
    server: Arc<NtlmServer>,
    random: Arc<dyn Random>,
}

impl NtlmAcceptor {
    pub(crate) fn new(server: NtlmServer, random: Arc<dyn Random>) -> Self {
        NtlmAcceptor { server: Arc::new(server), random }
    }

    pub(crate) fn accept(&self, request: &AcceptRequest<'_>) -> Box<dyn Accepting> {
        Box::new(Waiting(Handshake {
            acceptor: self.clone(),
            policy: Arc::clone(request.policy),
            bindings: request.bindings.map(|bindings| bindings.gss_hash()),
        }))
    }
}

/// What stays the same from step to step.
struct Handshake {
    acceptor: NtlmAcceptor,
    policy: Arc<Policy>,
    bindings: Option<[u8; 16]>,
}

/// Waits for the NEGOTIATE_MESSAGE.
struct Waiting(Handshake);

impl Accepting for Waiting {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let AcceptInput::Token(negotiate) = input else {
            return Err(Error::ApiMisuse("an NTLM acceptor waits for the client's NEGOTIATE_MESSAGE"));
        };
        let (flags, server_challenge, challenge) = self.0.challenge(negotiate, now)?;
        out.extend_from_slice(&challenge);
        let negotiate = negotiate.to_vec();
        Ok(AcceptStep::NeedsToken(Box::new(Challenged {
            handshake: self.0,
            flags,
            server_challenge,
            negotiate,
            challenge,
        })))
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: MechanismId::NTLM, flags: Flags::NONE }
    }
}

/// Whoever offers a character set of its own is answered in Unicode all the same: curl offers nothing else, and answers in
/// Unicode then. An AUTHENTICATE_MESSAGE that is not in Unicode is refused.
fn in_unicode(asked: NegotiateFlags) -> NegotiateFlags {
    if asked.contains(NegotiateFlags::OEM) { asked | NegotiateFlags::UNICODE } else { asked }
}

impl Handshake {
    /// The answer to a NEGOTIATE_MESSAGE (MS-NLMP 3.2.5.1.1), with a timestamp always.
    fn challenge(&self, negotiate: &[u8], now: Time) -> Result<(NegotiateFlags, [u8; 8], Vec<u8>), Error> {
        let asked = in_unicode(Negotiate::decode(negotiate)?.flags);
        check_connected(asked)?;
        self.check_flags(asked)?;
        let flags = asked & SUPPORTED | NegotiateFlags::TARGET_INFO | NegotiateFlags::TARGET_TYPE_SERVER;
        let mut server_challenge = [0; 8];
        self.acceptor.random.fill(&mut server_challenge)?;
        let server = &self.acceptor.server;
        let target_name = utf16(server.computer());
        let target_info = server.target_info(now);
        let challenge = Challenge { flags, server_challenge, target_name: &target_name, target_info };
        Ok((flags, server_challenge, challenge.encode()))
    }

    /// What makes the context safe must be there, and what the policy insists on.
    fn check_flags(&self, flags: NegotiateFlags) -> Result<(), Error> {
        let missing = flags.missing(flags.needed());
        if missing != NegotiateFlags::NONE {
            return refuse_ntlm(NtlmRefusal::FlagsMissing(missing.0));
        }
        let missing = context_flags(flags).missing(self.policy.required_of_initiator());
        if missing != Flags::NONE {
            return refuse(Refusal::FlagsMissing(missing));
        }
        Ok(())
    }

    fn check_bindings(&self, theirs: Option<[u8; 16]>) -> Result<(), Error> {
        let Some(ours) = &self.bindings else { return Ok(()) };
        match theirs {
            Some(theirs) if constant_time_eq(ours, &theirs) => Ok(()),
            Some(_) => refuse(Refusal::ChannelBindingsMismatch),
            None => match self.policy.absent_bindings() {
                AbsentBindings::Accept => Ok(()),
                AbsentBindings::Refuse => refuse(Refusal::ChannelBindingsAbsent),
            },
        }
    }
}

/// Messages are protected as on a connection, and not as datagrams are (MS-NLMP 3.4.4.2, 3.4.5.3).
fn check_connected(flags: NegotiateFlags) -> Result<(), Error> {
    if flags.contains(NegotiateFlags::DATAGRAM) { refuse_ntlm(NtlmRefusal::Datagram) } else { Ok(()) }
}

/// The flags that are granted to a client that asks for them.
const SUPPORTED: NegotiateFlags = NegotiateFlags(
    NegotiateFlags::UNICODE.0
        | NegotiateFlags::REQUEST_TARGET.0
        | NegotiateFlags::SIGN.0
        | NegotiateFlags::SEAL.0
        | NegotiateFlags::NTLM.0
        | NegotiateFlags::ALWAYS_SIGN.0
        | NegotiateFlags::EXTENDED_SESSION_SECURITY.0
        | NegotiateFlags::IDENTIFY.0
        | NegotiateFlags::VERSION.0
        | NegotiateFlags::KEY_128.0
        | NegotiateFlags::KEY_EXCHANGE.0,
);

/// What a context with these flags offers. What is sealed is signed too (MS-NLMP 3.4.3), and signatures are in strict
/// sequence (3.4.4). Nothing proves the server.
pub(super) fn context_flags(flags: NegotiateFlags) -> Flags {
    let mut offered = Flags::NONE;
    if flags.protects() {
        offered |= Flags::INTEGRITY | Flags::REPLAY | Flags::SEQUENCE;
    }
    if flags.contains(NegotiateFlags::SEAL) {
        offered |= Flags::CONFIDENTIALITY;
    }
    if flags.contains(NegotiateFlags::IDENTIFY) {
        offered |= Flags::IDENTIFY;
    }
    offered
}

/// Waits for the AUTHENTICATE_MESSAGE.
struct Challenged {
    handshake: Handshake,
    flags: NegotiateFlags,
    server_challenge: [u8; 8],
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
}

impl Accepting for Challenged {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, _: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let AcceptInput::Token(message) = input else {
            return Err(Error::ApiMisuse("an NTLM acceptor waits for the client's AUTHENTICATE_MESSAGE"));
        };
        self.claim(message, now)
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: MechanismId::NTLM, flags: context_flags(self.flags) }
    }
}

impl Challenged {
    /// Checks all that needs no secret, and asks for the account (MS-NLMP 3.2.5.1.2).
    fn claim(self, message: &[u8], now: Time) -> Result<AcceptStep, Error> {
        let authenticate = Authenticate::decode(message)?;
        let flags = authenticate.flags & self.flags;
        check_connected(authenticate.flags)?;
        self.handshake.check_flags(flags)?;
        let response = version_2(&authenticate)?;
        let Some(mic) = authenticate.mic.filter(|_| response.pairs.flags() & MIC_PRESENT != 0) else {
            return refuse_ntlm(NtlmRefusal::MicAbsent);
        };
        check_age(&response, now)?;
        self.handshake.check_bindings(response.pairs.channel_bindings())?;
        let trusted = response.pairs.flags() & UNTRUSTED_TARGET == 0;
        let target = response.pairs.target_name()?.filter(|_| trusted);
        self.handshake.acceptor.server.check_target(target.as_deref())?;
        let logon = self.logon(&authenticate, flags)?;
        Ok(AcceptStep::NeedsAccount(
            Box::new(Claimed {
                mac_input: mac_input(&self.negotiate, &self.challenge, message),
                local: target.unwrap_or_else(|| self.handshake.acceptor.server.computer().into()),
                flags,
                mic,
                encrypted_session_key: encrypted_session_key(&authenticate, flags)?,
                logon: logon.clone(),
            }),
            logon,
        ))
    }

    fn logon(&self, authenticate: &Authenticate<'_>, flags: NegotiateFlags) -> Result<Logon, Error> {
        let (user, domain) =
            (utf16_text("UserName", authenticate.user)?, utf16_text("DomainName", authenticate.domain)?);
        // `A\B` and `C` must not read as `A` and `B\C` where the two are written as one.
        if user.contains('\\') || domain.contains('\\') {
            return refuse(Refusal::Unsupported("a backslash in the name of a user or a domain"));
        }
        Ok(Logon {
            user,
            domain,
            workstation: utf16_text("Workstation", authenticate.workstation)?,
            server_challenge: self.server_challenge,
            nt_response: authenticate.nt_response.to_vec(),
            lm_response: authenticate.lm_response.to_vec(),
            negotiate_flags: flags.0,
        })
    }
}

/// The response, which version 1 and anonymous clients don't have.
fn version_2<'a>(authenticate: &Authenticate<'a>) -> Result<Response<'a>, Error> {
    match authenticate.nt_response.len() {
        _ if authenticate.user.is_empty() => refuse_ntlm(NtlmRefusal::Anonymous),
        0 => refuse_ntlm(NtlmRefusal::Anonymous),
        1..=24 => refuse_ntlm(NtlmRefusal::NotVersion2),
        _ => Ok(Response::decode(authenticate.nt_response)?),
    }
}

/// `MaxLifetime` (MS-NLMP 3.2.5.1.2): how far from our time a response may be, in seconds.
const MAX_LIFETIME: u64 = 36 * 60 * 60;

/// A response does not keep (MS-NLMP 3.2.5.1.2).
fn check_age(response: &Response<'_>, now: Time) -> Result<(), Error> {
    let seconds = response.timestamp.seconds_from(now);
    if seconds.unsigned_abs() > MAX_LIFETIME { refuse_ntlm(NtlmRefusal::Stale { seconds }) } else { Ok(()) }
}

/// The three messages, with zeros for the MIC.
fn mac_input(negotiate: &[u8], challenge: &[u8], authenticate: &[u8]) -> Vec<u8> {
    let (before, behind) = around_mic(authenticate).unwrap_or((authenticate, &[]));
    [negotiate, challenge, before, &[0; 16], behind].concat()
}

/// The session key that the client chose, where there is a key exchange.
fn encrypted_session_key(message: &Authenticate<'_>, flags: NegotiateFlags) -> Result<Option<[u8; 16]>, Error> {
    if !exchanges_key(flags) {
        return Ok(None);
    }
    match message.encrypted_session_key.try_into() {
        Ok(key) => Ok(Some(key)),
        Err(_) => refuse_ntlm(NtlmRefusal::FlagsMissing(NegotiateFlags::KEY_EXCHANGE.0)),
    }
}

/// Whether the client chooses the session key (MS-NLMP 3.1.5.1.2).
pub(super) fn exchanges_key(flags: NegotiateFlags) -> bool {
    flags.contains(NegotiateFlags::KEY_EXCHANGE) && flags.protects()
}

/// Waits for what the account store says.
struct Claimed {
    mac_input: Vec<u8>,
    local: String,
    flags: NegotiateFlags,
    mic: [u8; 16],
    encrypted_session_key: Option<[u8; 16]>,
    logon: Logon,
}

impl Accepting for Claimed {
    fn step(self: Box<Self>, input: AcceptInput<'_>, _: Time, _: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let AcceptInput::Account(account) = input else {
            return Err(Error::ApiMisuse("an NTLM acceptor waits for what the account store says"));
        };
        let named = account_name(&self.logon.domain, &self.logon.user);
        let (session_base_key, peer) = match account {
            Account::NtHash(nt_hash) => (self.prove(&nt_hash, &named)?, named),
            Account::Verified { session_base_key, identity } => (session_base_key, identity),
            Account::Refused => return Err(Error::AccountRefused),
            Account::Unavailable => return Err(Error::AccountUnavailable),
        };
        self.establish(&session_base_key, peer).map(AcceptStep::Complete)
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: MechanismId::NTLM, flags: context_flags(self.flags) }
    }
}

impl Claimed {
    /// Checks `NTProofStr` with the account's secret (MS-NLMP 3.2.5.1.2), whatever else was negotiated.
    fn prove(&self, nt_hash: &Secret<[u8; 16]>, account: &str) -> Result<Secret<[u8; 16]>, Error> {
        let response = Response::decode(&self.logon.nt_response)?;
        let response_key = ntowf_v2(nt_hash, &self.logon.user, &self.logon.domain);
        let proof = nt_proof(&response_key, &self.logon.server_challenge, response.temp);
        if !constant_time_eq(&proof, &response.nt_proof) {
            return refuse_ntlm(NtlmRefusal::NotProven { account: account.into() });
        }
        Ok(session_base_key(&response_key, &proof))
    }

    /// Checks the MIC, which covers all three messages and is made with the session key, whoever checked the proof.
    fn establish(&self, session_base_key: &Secret<[u8; 16]>, peer: String) -> Result<Box<Established>, Error> {
        let key = match &self.encrypted_session_key {
            Some(encrypted) => exchange_key(session_base_key, encrypted),
            None => session_base_key.clone(),
        };
        if !constant_time_eq(&hmac_md5(&key, &[&self.mac_input]), &self.mic) {
            return refuse_ntlm(NtlmRefusal::MicMismatch);
        }
        let local = Identity::Name(self.local.clone());
        Ok(established(&key, self.flags, Role::Server, Identity::Name(peer), local))
    }
}

/// A context with this session key.
pub(super) fn established(
    key: &Secret<[u8; 16]>,
    flags: NegotiateFlags,
    role: Role,
    peer: Identity,
    local: Identity,
) -> Box<Established> {
    Box::new(Established {
        mechanism: MechanismId::NTLM,
        why: Why::Raw,
        peer,
        local,
        flags: context_flags(flags),
        expires: None,
        session_key: Secret::new(key.expose().to_vec()),
        enctype: None,
        acquired: Vec::new(),
        delegated: Vec::new(),
        evidence: None,
        authorization: None,
        halves: halves(key, role, flags.contains(NegotiateFlags::SEAL)),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::crypto::RandomError;
    use crate::mech::ntlm::message::{AvId, AvPairs, FileTime, put_mic};
    use crate::mech::ntlm::response::temp;
    use crate::mech::{InitiateInput, InitiateRequest, InitiateStep};
    use alloc::string::ToString;

    struct Fixed;

    impl Random for Fixed {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
            out.fill(0x5a);
            Ok(())
        }
    }

    /// Who knows the secret, such as a domain controller, answers with the session base key alone.
    #[test]
    fn a_verified_account_is_who_the_checker_says_and_the_mic_is_checked_still() {
        let (random, now): (Arc<dyn Random>, _) = (Arc::new(Fixed), Time::EPOCH);
        let policy = Arc::new(Policy::default().dangerous_ntlm_unproven_server());
        let credential = crate::mech::ntlm::NtlmCredential::password("D", "user", "secret");
        let hash = credential.nt_hash.clone();
        let target = "HTTP/host".parse().unwrap();
        let request = InitiateRequest { target: &target, policy: &policy, bindings: None };
        let client = crate::mech::ntlm::initiate(credential, Arc::clone(&random), &request);
        let acceptor = NtlmAcceptor::new(NtlmServer::new("S", "D"), random);
        let (mut one, mut two, mut three) = (Vec::new(), Vec::new(), Vec::new());
        let InitiateStep::NeedsToken(client) = client.step(InitiateInput::Begin, now, &mut one).unwrap() else {
            panic!()
        };
        let answer = |key: &mut dyn FnMut(&Logon) -> Secret<[u8; 16]>, three: &[u8], two: &mut Vec<u8>| {
            let server = acceptor.accept(&AcceptRequest { policy: &policy, bindings: None });
            let AcceptStep::NeedsToken(server) = server.step(AcceptInput::Token(&one), now, two).unwrap() else {
                panic!()
            };
            if three.is_empty() {
                return None;
            }
            let step = server.step(AcceptInput::Token(three), now, &mut Vec::new()).unwrap();
            let AcceptStep::NeedsAccount(server, logon) = step else { panic!() };
            let account = Account::Verified { session_base_key: key(&logon), identity: "CORP\\user".into() };
            Some(server.step(AcceptInput::Account(account), now, &mut Vec::new()))
        };
        assert!(answer(&mut |_| Secret::new([0; 16]), &[], &mut two).is_none());
        client.step(InitiateInput::Token(&two), now, &mut three).unwrap();
        let mut right = |logon: &Logon| {
            let response = Response::decode(&logon.nt_response).unwrap();
            session_base_key(&ntowf_v2(&hash, &logon.user, &logon.domain), &response.nt_proof)
        };
        let step = answer(&mut right, &three, &mut Vec::new()).unwrap().unwrap();
        let AcceptStep::Complete(established) = step else { panic!() };
        assert_eq!(established.peer.to_string(), "CORP\\user");
        let error = answer(&mut |_| Secret::new([0; 16]), &three, &mut Vec::new()).unwrap().unwrap_err();
        assert_eq!(error, Error::from(NtlmRefusal::MicMismatch));
    }

    /// What the client adds in its last message was not granted: it is told to nobody, and no context offers it.
    #[test]
    fn what_was_not_granted_is_not_agreed_on() {
        let (now, policy, key) = (Time::EPOCH, Arc::new(Policy::default().authentication_only()), Secret::new([3; 16]));
        let granted = NegotiateFlags::UNICODE | NegotiateFlags::EXTENDED_SESSION_SECURITY;
        let mut pairs = AvPairs::default();
        pairs.set(AvId::FLAGS, MIC_PRESENT.to_le_bytes().to_vec());
        let mut message = Authenticate {
            lm_response: &[],
            nt_response: &[&[9; 16][..], &temp(FileTime::of(now).0, &[7; 8], &pairs)].concat(),
            domain: &[],
            user: &utf16("user"),
            workstation: &[],
            encrypted_session_key: &[5; 16],
            flags: NegotiateFlags(!NegotiateFlags::DATAGRAM.0),
            mic: None,
        }
        .encode();
        let mic = hmac_md5(&key, &[&mac_input(&[], &[], &message)]);
        put_mic(&mut message, &mic);
        let acceptor = NtlmAcceptor::new(NtlmServer::new("S", "D"), Arc::new(Fixed));
        let handshake = Handshake { acceptor, policy, bindings: None };
        let (negotiate, challenge) = (Vec::new(), Vec::new());
        let waiting = Challenged { handshake, flags: granted, server_challenge: [6; 8], negotiate, challenge };
        let step = Box::new(waiting).step(AcceptInput::Token(&message), now, &mut Vec::new()).unwrap();
        let AcceptStep::NeedsAccount(claimed, logon) = step else { panic!() };
        assert_eq!((logon.negotiate_flags, claimed.progress().flags), (granted.0, Flags::NONE));
        let account = Account::Verified { session_base_key: key, identity: "user".into() };
        let step = claimed.step(AcceptInput::Account(account), now, &mut Vec::new()).unwrap();
        let AcceptStep::Complete(established) = step else { panic!() };
        assert_eq!(established.flags, Flags::NONE);
    }

    /// MS-NLMP 3.1.5.1.2: NTLMSSP_NEGOTIATE_KEY_EXCH, and SIGN or SEAL.
    #[test]
    fn keys_are_exchanged_where_that_and_protection_are_negotiated() {
        let (exchange, sign, seal) = (NegotiateFlags::KEY_EXCHANGE, NegotiateFlags::SIGN, NegotiateFlags::SEAL);
        assert!([exchange | sign, exchange | seal, exchange | sign | seal].into_iter().all(exchanges_key));
        assert!(![exchange, sign, seal, sign | seal].into_iter().any(exchanges_key));
    }
}
