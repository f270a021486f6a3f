use super::acceptor::{context_flags, established, exchanges_key};
use super::credential::NtlmCredential;
use super::message::{Authenticate, AvId, AvPairs, Challenge, MIC_PRESENT, Negotiate, NegotiateFlags, put_mic, utf16};
use super::per_message::Role;
use super::response::{exchange_key, nt_proof, ntowf_v2, session_base_key, temp};
use super::server::spn;
use crate::crypto::hmac_md5::hmac_md5;
use crate::crypto::{Random, Secret};
use crate::error::{CredentialError, Error, NtlmRefusal};
use crate::flags::Flags;
use crate::identity::Identity;
use crate::mech::{InitiateInput, InitiateRequest, InitiateStep, Initiating, MechanismId, Progress};
use crate::name::ParseNameError;
use crate::policy::Policy;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The longest name that is sent, in bytes of UTF-8: twice as many at most in UTF-16.
const NAME_LIMIT: usize = 1024;

/// A handshake that begins with `credential`.
pub(crate) fn initiate(
    credential: NtlmCredential,
    random: Arc<dyn Random>,
    request: &InitiateRequest<'_>,
) -> Box<dyn Initiating> {
    Box::new(Begun(Handshake {
        credential,
        random,
        policy: Arc::clone(request.policy),
        bindings: request.bindings.map_or([0; 16], |bindings| bindings.gss_hash()),
        target: spn(request.target),
    }))
}

/// The flags that we ask for (MS-NLMP 3.1.5.1.1), as the policy wants them.
fn offered(policy: &Policy) -> NegotiateFlags {
    let mut flags = NegotiateFlags::UNICODE
        | NegotiateFlags::REQUEST_TARGET
        | NegotiateFlags::NTLM
        | NegotiateFlags::ALWAYS_SIGN
        | NegotiateFlags::EXTENDED_SESSION_SECURITY
        | NegotiateFlags::TARGET_INFO
        | NegotiateFlags::VERSION;
    if policy.flags().contains(Flags::INTEGRITY) {
        flags = flags | NegotiateFlags::SIGN;
    }
    if policy.flags().contains(Flags::CONFIDENTIALITY) {
        flags = flags | NegotiateFlags::SIGN | NegotiateFlags::SEAL;
    }
    if policy.flags().contains(Flags::IDENTIFY) {
        flags = flags | NegotiateFlags::IDENTIFY;
    }
    flags | flags.needed()
}

struct Handshake {
    credential: NtlmCredential,
    random: Arc<dyn Random>,
    policy: Arc<Policy>,
    bindings: [u8; 16],
    target: String,
}

impl Handshake {
    fn progress(&self) -> Progress {
        Progress { mechanism: MechanismId::NTLM, flags: context_flags(offered(&self.policy)) }
    }
}

impl Handshake {
    /// Names that the acceptor's end would not take, or that a field can't hold.
    fn check_names(&self) -> Result<(), Error> {
        let NtlmCredential { user, domain, .. } = &self.credential;
        let long = [user, domain, &self.target].into_iter().any(|name| name.len() > NAME_LIMIT);
        if long { Err(ParseNameError::TooLong { limit: NAME_LIMIT }.into()) } else { Ok(()) }
    }
}

/// Has sent nothing yet.
struct Begun(Handshake);

impl Initiating for Begun {
    fn step(self: Box<Self>, input: InitiateInput<'_>, _: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let InitiateInput::Begin = input else {
            return Err(Error::ApiMisuse("an NTLM initiator begins first"));
        };
        if !self.0.policy.permits_ntlm_unproven_server() {
            return Err(CredentialError::NtlmServerUnproven { target: self.0.target }.into());
        }
        self.0.check_names()?;
        let negotiate = Negotiate { flags: offered(&self.0.policy) }.encode();
        out.extend_from_slice(&negotiate);
        Ok(InitiateStep::NeedsToken(Box::new(Asked { handshake: self.0, negotiate })))
    }

    fn progress(&self) -> Progress {
        self.0.progress()
    }
}

/// Waits for the CHALLENGE_MESSAGE.
struct Asked {
    handshake: Handshake,
    negotiate: Vec<u8>,
}

impl Initiating for Asked {
    fn step(self: Box<Self>, input: InitiateInput<'_>, _: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let InitiateInput::Token(challenge) = input else {
            return Err(Error::ApiMisuse("an NTLM initiator waits for the server's CHALLENGE_MESSAGE"));
        };
        let Answer { message, key, flags } = self.answer(challenge)?;
        out.extend_from_slice(&message);
        let Handshake { credential, target, .. } = self.handshake;
        let (peer, local) = (Identity::Name(target), Identity::Name(credential.account()));
        Ok(InitiateStep::Complete(established(&key, flags, Role::Client, peer, local)))
    }

    fn progress(&self) -> Progress {
        self.handshake.progress()
    }
}

/// The AUTHENTICATE_MESSAGE, and what was agreed on with it.
struct Answer {
    message: Vec<u8>,
    key: Secret<[u8; 16]>,
    flags: NegotiateFlags,
}

impl Asked {
    /// The AUTHENTICATE_MESSAGE (MS-NLMP 3.1.5.1.2), and the session key.
    fn answer(&self, challenge: &[u8]) -> Result<Answer, Error> {
        let received = Challenge::decode(challenge)?;
        let flags = self.agree(received.flags)?;
        let Some(timestamp) = received.target_info.timestamp() else {
            return Err(NtlmRefusal::NoTimestamp.into());
        };
        let client_challenge = self.draw()?;
        let pairs = self.answered_pairs(received.target_info);
        let temp = temp(timestamp, &client_challenge, &pairs);
        let NtlmCredential { user, domain, nt_hash } = &self.handshake.credential;
        let response_key = ntowf_v2(nt_hash, user, domain);
        let proof = nt_proof(&response_key, &received.server_challenge, &temp);
        let (key, encrypted) = self.session_key(session_base_key(&response_key, &proof), flags)?;
        let mut message = Authenticate {
            lm_response: &[0; 24], // Z(24): with a timestamp there is no LMv2 response
            nt_response: &[&proof[..], &temp].concat(),
            domain: &utf16(domain),
            user: &utf16(user),
            workstation: &[],
            encrypted_session_key: &encrypted,
            flags,
            mic: None,
        }
        .encode();
        let mic = hmac_md5(&key, &[&self.negotiate, challenge, &message]);
        put_mic(&mut message, &mic);
        Ok(Answer { message, key, flags })
    }

    /// What both want; the server must grant all that makes the context what the policy asks for.
    fn agree(&self, granted: NegotiateFlags) -> Result<NegotiateFlags, Error> {
        if granted.contains(NegotiateFlags::DATAGRAM) {
            return Err(NtlmRefusal::Datagram.into());
        }
        let offered = offered(&self.handshake.policy);
        let wanted = offered & (NegotiateFlags::SIGN | NegotiateFlags::SEAL);
        let missing = granted.missing(wanted | wanted.needed() | NegotiateFlags::TARGET_INFO);
        if missing != NegotiateFlags::NONE {
            return Err(NtlmRefusal::FlagsMissing(missing.0).into());
        }
        Ok(offered & granted)
    }

    fn draw<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut drawn = [0; N];
        self.handshake.random.fill(&mut drawn)?;
        Ok(drawn)
    }

    /// The server's pairs with ours: that there is a MIC, the channel, and whom we mean to reach.
    fn answered_pairs<'a>(&self, mut pairs: AvPairs<'a>) -> AvPairs<'a> {
        let flags = pairs.flags() | MIC_PRESENT;
        pairs.set(AvId::FLAGS, flags.to_le_bytes().to_vec());
        pairs.set(AvId::CHANNEL_BINDINGS, self.handshake.bindings.to_vec());
        pairs.set(AvId::TARGET_NAME, utf16(&self.handshake.target));
        pairs
    }

    /// The session key, and how the server is told it.
    fn session_key(
        &self,
        key_exchange_key: Secret<[u8; 16]>,
        flags: NegotiateFlags,
    ) -> Result<(Secret<[u8; 16]>, Vec<u8>), Error> {
        if !exchanges_key(flags) {
            return Ok((key_exchange_key, Vec::new()));
        }
        let key = Secret::new(self.draw()?);
        let encrypted = exchange_key(&key_exchange_key, key.expose()).expose().to_vec();
        Ok((key, encrypted))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::crypto::RandomError;

    struct NoRandom;

    impl Random for NoRandom {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Ok(())
        }
    }

    /// A server that grants what was not asked for is not followed (MS-NLMP 3.1.5.1.2).
    #[test]
    fn what_was_not_offered_is_not_agreed_on() {
        let policy = Policy::default().dangerous_ntlm_unproven_server().integrity_only();
        let ours = offered(&policy);
        let credential = NtlmCredential { user: "u".into(), domain: "d".into(), nt_hash: Secret::new([0; 16]) };
        let (random, target) = (Arc::new(NoRandom), "HTTP/h".into());
        let handshake = Handshake { credential, random, policy: Arc::new(policy), bindings: [0; 16], target };
        let asked = Asked { handshake, negotiate: Vec::new() };
        let all = NegotiateFlags(!NegotiateFlags::DATAGRAM.0);
        assert_eq!(asked.agree(all).unwrap(), ours);
        assert!(!ours.contains(NegotiateFlags::SEAL));
        let least = NegotiateFlags::SIGN | NegotiateFlags::SIGN.needed() | NegotiateFlags::TARGET_INFO;
        assert_eq!(asked.agree(least).unwrap(), least, "nor what was not granted");
    }

    #[test]
    fn each_name_has_a_limit() {
        let check = |lengths: [usize; 3]| {
            let [user, domain, target] = lengths.map(|length| "n".repeat(length));
            let credential = NtlmCredential { user, domain, nt_hash: Secret::new([0; 16]) };
            let (random, policy) = (Arc::new(NoRandom), Arc::new(Policy::default()));
            Handshake { credential, random, policy, bindings: [0; 16], target }.check_names()
        };
        assert_eq!(check([NAME_LIMIT; 3]), Ok(()));
        for long in 0..3 {
            let lengths = core::array::from_fn(|at| if at == long { NAME_LIMIT + 1 } else { 1 });
            assert_eq!(check(lengths), Err(ParseNameError::TooLong { limit: NAME_LIMIT }.into()), "{long}");
        }
    }
}
