//! What a handshake may ask of the outside besides tokens and KDC replies, and the answers.

use crate::crypto::{Secret, SignatureAlgorithm};
use crate::krb5::message::{OtpFlags, OtpFormat};
use crate::name::Principal;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Something that only the driver can answer. A driver that doesn't know a question declines it, and the handshake fails closed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// The client's password has expired, and was right. The driver changes it with the ticket that
    /// [`Login::password_ticket`](crate::krb5::exchange::Login::password_ticket) holds (RFC 3244), and answers with the new one.
    NewPassword {
        /// Whose password.
        client: Principal,
    },
    /// Whether a client's proof was presented before (RFC 4120 3.2.3): of an acceptor whose guard
    /// [asks the driver](crate::ReplayGuard::asks_driver). Everything else about the proof has been checked.
    Replay {
        /// The checksum of the encrypted authenticator, whole. Two proofs share it only if they are the same.
        checksum: Vec<u8>,
        /// How long the proof can pass as current, from now on: it is to be remembered for that long.
        keep: Duration,
    },
    /// A signature with a private key that is outside, on a smart card say (RFC 4556 3.2.1): of a login with a
    /// certificate alone.
    Sign {
        /// How to sign.
        algorithm: SignatureAlgorithm,
        /// What to sign: hashed and padded as the algorithm says, not yet hashed.
        octets: Vec<u8>,
        /// The certificate, in DER, whose public key verifies the signature.
        certificate: Vec<u8>,
    },
    /// A one-time password of one of some tokens (RFC 6560): of a login inside of FAST, whose KDC takes nothing else.
    Otp {
        /// Whose.
        client: Principal,
        /// What for, in the KDC's words.
        service: Option<String>,
        /// The tokens that may be used; at least one.
        tokens: Vec<OtpToken>,
    },
    /// A question of an application's own mechanism.
    Custom {
        /// Its name.
        name: &'static str,
        /// What it says.
        payload: Vec<u8>,
    },
}

/// What is asked for, in a few words.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Question::NewPassword { client } => write!(f, "a new password of {client}, whose old one has expired"),
            Question::Replay { .. } => f.write_str("whether a client's proof was presented before"),
            Question::Sign { algorithm, octets, .. } => {
                write!(f, "a signature ({algorithm}) of {} octets by a certificate's private key", octets.len())
            }
            Question::Otp { client, .. } => write!(f, "a one-time password of {client}"),
            Question::Custom { name, .. } => write!(f, "the question `{name}` of an application's own mechanism"),
        }
    }
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The answer to [`Question::NewPassword`]: it is the password now, the KDC knows.
    NewPassword(Secret<Vec<u8>>),
    /// The answer to [`Question::Replay`]: it was never presented, and is remembered from now on.
    Fresh,
    /// The answer to [`Question::Replay`]: it was presented before.
    Replayed,
    /// The answer to [`Question::Replay`]: that can't be told, and why. The client is refused.
    ReplayUnknown(String),
    /// The answer to [`Question::Sign`]: the octets of an RSA signature, or an ECDSA-Sig-Value in DER.
    Signature(Vec<u8>),
    /// The answer to [`Question::Otp`].
    Otp(OtpValue),
    /// The answer to [`Question::Custom`].
    Custom(Secret<Vec<u8>>),
}

/// A token that a KDC takes one-time passwords of (OTP-TOKENINFO, RFC 6560 4.1). All but the flags are a help to find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtpToken {
    /// How the password is made, and whether a PIN is asked for.
    pub flags: OtpFlags,
    /// Who made the token.
    pub vendor: Option<String>,
    /// What the token is to answer: whoever holds it must see this.
    pub challenge: Option<Vec<u8>>,
    /// How long the password is, in characters (octets if it is binary).
    pub length: Option<u32>,
    /// What the password is made of.
    pub format: Option<OtpFormat>,
    /// Which token.
    pub id: Option<Vec<u8>>,
    /// How the token makes passwords, as a URI.
    pub algorithm: Option<String>,
}

/// A one-time password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtpValue {
    /// The token's place in the question, from 0 on.
    pub token: usize,
    /// What the token shows; with the PIN in it, if `pin` is absent and there is one.
    pub value: Secret<Vec<u8>>,
    /// The token's PIN. It is sent as the token's flags say: beside the password, or in front of it.
    pub pin: Option<Secret<Vec<u8>>>,
}

/// An NTLM logon that an account store is asked about (MS-NLMP 3.2.5.1.2).
///
/// The names are as the client wrote them: compare them as the accounts do, without regard to case. `Debug` leaves out
/// the responses, from which a weak password can be guessed.
#[derive(Clone, PartialEq, Eq)]
pub struct Logon {
    /// The user's name, as the client sent it.
    pub user: String,
    /// The user's domain, as the client sent it; may be empty.
    pub domain: String,
    /// The client's machine, as it names itself: not proven.
    pub workstation: String,
    /// The challenge that the acceptor made.
    pub server_challenge: [u8; 8],
    /// The client's NTLMv2 response, whole.
    pub nt_response: Vec<u8>,
    /// The client's LMv2 response, whole.
    pub lm_response: Vec<u8>,
    /// The NTLM flags that were negotiated (MS-NLMP 2.2.2.5).
    pub negotiate_flags: u32,
}

impl fmt::Debug for Logon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logon")
            .field("user", &self.user)
            .field("domain", &self.domain)
            .field("workstation", &self.workstation)
            .field("negotiate_flags", &format_args!("{:#010x}", self.negotiate_flags))
            .finish_non_exhaustive()
    }
}

/// What an account store says of a [`Logon`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// The account's NT hash; the response is checked with it.
    NtHash(Secret<[u8; 16]>),
    /// Somebody who knows the secret, such as a domain controller, has checked the response.
    Verified {
        /// The key that NTLM calls `SessionBaseKey`.
        session_base_key: Secret<[u8; 16]>,
        /// Who the client is, in the checker's words.
        identity: String,
    },
    /// There is no such account, or it may not log on.
    Refused,
    /// The store can't tell now.
    Unavailable,
}
