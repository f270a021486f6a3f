use super::dce_style::WaitingForThirdLeg;
use super::iakerb::{Conversation, Relaying};
use super::message::{Framing, Token, TokenId, read_token, write_refusal, write_token};
use super::per_message::{Agreement, Sender, has_old_tokens};
use super::seeds::Seeds;
use super::service_keys::ServiceKeys;
use super::style::Style;
use super::user_to_user::{Login, Offering};
use crate::crypto::{Random, Secret};
use crate::error::{Error, Refusal};
use crate::flags::Flags;
use crate::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage};
use crate::krb5::keytab::Keytab;
use crate::krb5::message::{ApOptions, ApRep, ApReq, EncApRepPart, EncryptedData, KeyRef};
use crate::mech::{AcceptInput, AcceptRequest, AcceptStep, Accepting, Established, MechanismId, Progress};
use crate::policy::{IakerbDialect, Policy, Relay};
use crate::question::{Answer, Question};
use crate::replay::{ReplayGuard, ReplayTag, ReplayVerdict};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

mod authenticator;
mod ticket;

use authenticator::Proof;
use ticket::Client;

/// The keys of the services, scheduled once, and the replay guard.
#[derive(Clone)]
pub(crate) struct KerberosAcceptor(Arc<Shared>);

struct Shared {
    keys: ServiceKeys,
    guard: Option<Arc<ReplayGuard>>,
    random: Arc<dyn Random>,
}

impl KerberosAcceptor {
    pub(crate) fn new(keytab: &Keytab, guard: Option<ReplayGuard>, random: Arc<dyn Random>) -> Self {
        KerberosAcceptor::with(keytab, guard.map(Arc::new), random)
    }

    /// Other keys; the same guard.
    pub(crate) fn with_keytab(&self, keytab: &Keytab) -> Self {
        KerberosAcceptor::with(keytab, self.0.guard.clone(), Arc::clone(&self.0.random))
    }

    fn with(keytab: &Keytab, guard: Option<Arc<ReplayGuard>>, random: Arc<dyn Random>) -> Self {
        KerberosAcceptor(Arc::new(Shared { keys: ServiceKeys::new(keytab), guard, random }))
    }

    /// Whether there is a key for any ticket.
    pub(crate) fn has_keys(&self) -> bool {
        !self.0.keys.is_empty()
    }

    pub(crate) fn accept(&self, request: &AcceptRequest<'_>) -> Box<dyn Accepting> {
        Box::new(self.waiting(request, Style::Plain))
    }

    /// For clients that get their ticket for `login`.
    pub(crate) fn accept_user_to_user(&self, login: &Arc<Login>, request: &AcceptRequest<'_>) -> Box<dyn Accepting> {
        Box::new(Offering::new(self.waiting(request, Style::UserToUser(Arc::clone(login)))))
    }

    /// For clients that can't reach a KDC.
    pub(crate) fn accept_iakerb(&self, request: &AcceptRequest<'_>) -> Box<dyn Accepting> {
        let conversation = Conversation::new(IakerbDialect::Draft);
        Box::new(Relaying::new(self.waiting(request, Style::Iakerb(conversation))))
    }

    fn waiting(&self, request: &AcceptRequest<'_>, style: Style<Arc<Login>>) -> Waiting {
        Waiting {
            shared: Arc::clone(&self.0),
            style,
            policy: Arc::clone(request.policy),
            bindings: request.bindings.map(|bindings| bindings.gss_hash()),
        }
    }
}

/// Waits for the driver's word on whether the client's proof is new. All else has been checked.
struct WaitingForVerdict {
    before: Waiting,
    client: Client,
    proof: Proof,
}

impl WaitingForVerdict {
    fn judged(self, input: AcceptInput<'_>, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        match input {
            AcceptInput::Answer(Answer::Fresh) => self.before.establish(self.client, self.proof, out),
            AcceptInput::Answer(Answer::Replayed) => refuse(Refusal::Replay),
            AcceptInput::Answer(Answer::ReplayUnknown(why)) => refuse(Refusal::ReplayUnknown(why)),
            AcceptInput::Declined => refuse(Refusal::ReplayUnknown("nobody answers for a replay cache".into())),
            _ => Err(Error::ApiMisuse("a Kerberos acceptor waits for whether the proof is new")),
        }
    }
}

impl Accepting for WaitingForVerdict {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let (start, mechanism) = (out.len(), self.before.mechanism());
        self.judged(input, out).inspect_err(|_| {
            out.truncate(start);
            write_refusal(mechanism, now, out);
        })
    }

    fn refuse(self: Box<Self>, now: Time, out: &mut Vec<u8>) {
        write_refusal(self.before.mechanism(), now, out);
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: self.before.mechanism(), flags: self.proof.flags }
    }
}

/// Waits for the client's AP-REQ, the only token that it sends but for DCE style's third leg.
#[derive(Clone)]
pub(super) struct Waiting {
    shared: Arc<Shared>,
    pub(super) style: Style<Arc<Login>>,
    pub(super) policy: Arc<Policy>,
    bindings: Option<[u8; 16]>,
}

impl Accepting for Waiting {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let AcceptInput::Token(token) = input else {
            return Err(Error::ApiMisuse("a Kerberos acceptor waits for the client's token"));
        };
        let start = out.len();
        self.accept(token, now, out).inspect_err(|_| {
            out.truncate(start);
            write_refusal(self.mechanism(), now, out);
        })
    }

    fn refuse(self: Box<Self>, now: Time, out: &mut Vec<u8>) {
        write_refusal(self.mechanism(), now, out);
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: self.mechanism(), flags: Flags::NONE }
    }
}

impl Waiting {
    pub(super) fn mechanism(&self) -> MechanismId {
        self.style.mechanism()
    }

    /// The realms whose KDCs `relay` lets us ask; our own are those of the keytab, in its order.
    pub(super) fn relay_realms(&self, relay: &Relay) -> Vec<String> {
        match relay {
            Relay::ForNobody => Vec::new(),
            Relay::Realms(realms) => realms.clone(),
            Relay::OwnRealms => self.shared.keys.realms(),
        }
    }

    fn accept(&self, token: &[u8], now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let Some(Token { framing, id, message }) = read_token(token)? else { return Err(Error::UnknownMechanism) };
        if !matches!(framing, Framing::Bare) && framing != Framing::Gss(self.mechanism()) {
            return Err(Error::UnknownMechanism);
        }
        if id != TokenId::ApReq {
            return refuse(Refusal::Unsupported("a first token that is not an AP-REQ"));
        }
        let request = ApReq::decode(message)?;
        let user_to_user = matches!(self.style, Style::UserToUser(_));
        match (request.ap_options.contains(ApOptions::USE_SESSION_KEY), user_to_user) {
            (true, false) => return refuse(Refusal::Unsupported("user-to-user authentication")),
            (false, true) => return refuse(Refusal::NotUserToUser),
            _ => {}
        }
        let client = self.open_ticket(&request.ticket, now)?;
        let authenticator_key = CipherKey::new(&client.session_key, KeyUsage::AP_REQ_AUTHENTICATOR)?;
        let proof = self.open_authenticator(&request.authenticator, &authenticator_key, &client, now)?;
        if framing != Framing::of(self.mechanism(), proof.flags) {
            return refuse(Refusal::WrongFraming { bare: framing == Framing::Bare });
        }
        match self.guard_replay(&request.authenticator, &authenticator_key, now)? {
            None => self.establish(client, proof, out),
            Some(question) => {
                let waiting = WaitingForVerdict { before: self.clone(), client, proof };
                Ok(AcceptStep::NeedsAnswer(Box::new(waiting), question))
            }
        }
    }

    /// Last of the checks: only a proof that would have passed is remembered. What is returned is to be asked of the driver.
    fn guard_replay(
        &self,
        encrypted: &EncryptedData<'_>,
        key: &CipherKey,
        now: Time,
    ) -> Result<Option<Question>, Error> {
        let Some(guard) = &self.shared.guard else { return Ok(None) };
        let keep = self.policy.clock_skew().saturating_mul(2);
        let checksum = checksum_of(encrypted.cipher, key.mac_len());
        match guard.check(replay_tag(checksum), keep, now) {
            ReplayVerdict::Fresh => Ok(None),
            ReplayVerdict::Asked => Ok(Some(Question::Replay { checksum: checksum.to_vec(), keep })),
            ReplayVerdict::Replayed => refuse(Refusal::Replay),
            ReplayVerdict::Full => refuse(Refusal::ReplayGuardFull),
        }
    }

    /// Answers the client where it asks for that, and makes the context; in DCE style it has one more word.
    fn establish(&self, client: Client, proof: Proof, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let seeds = Seeds::draw(&*self.shared.random)?;
        let dce_style = proof.flags.contains(Flags::DCE_STYLE);
        let mutual = dce_style || proof.flags.contains(Flags::MUTUAL);
        let initiators_key = proof.subkey.clone().unwrap_or_else(|| client.session_key.clone());
        let takes_subkey = mutual && (dce_style || !has_old_tokens(initiators_key.enctype()));
        let subkey = takes_subkey.then(|| seeds.subkey_like(&initiators_key)).transpose()?;
        if mutual {
            let framing = Framing::of(self.mechanism(), proof.flags);
            write_ap_rep(&client.session_key, subkey.as_ref(), &proof, &seeds, framing, out)?;
        }
        let agreement = Agreement {
            role: Sender::Acceptor,
            acceptor_subkey: subkey.is_some(),
            key: subkey.unwrap_or_else(|| initiators_key.clone()),
            initiators_key,
            send_first: if mutual { seeds.sequence_number } else { proof.sequence_number },
            receive_first: proof.sequence_number,
            flags: self.effective_flags(&proof),
            confounder_secret: seeds.confounder_secret,
        };
        let established = Box::new(Established {
            expires: Some(client.expires),
            delegated: proof.delegated,
            evidence: client.evidence,
            authorization: Some(client.authorization),
            ..agreement.established(self.mechanism(), client.principal, client.service)
        });
        if !dce_style {
            return Ok(AcceptStep::Complete(established));
        }
        Ok(AcceptStep::NeedsToken(Box::new(WaitingForThirdLeg {
            established,
            key: CipherKey::new(&client.session_key, KeyUsage::AP_REP_ENC_PART)?,
            our_number: seeds.sequence_number,
            asked_at: proof.at,
            clock_skew: self.policy.clock_skew(),
        })))
    }

    /// What the client asked for and we do, and replay detection, which is ours to decide on what we receive.
    fn effective_flags(&self, proof: &Proof) -> Flags {
        let asked = proof.flags;
        let ours = Flags::MUTUAL
            | Flags::CONFIDENTIALITY
            | Flags::INTEGRITY
            | Flags::DCE_STYLE
            | Flags::IDENTIFY
            | Flags::EXTENDED_ERROR;
        let asked = if asked.contains(Flags::DCE_STYLE) { asked | Flags::MUTUAL } else { asked };
        let order = (asked | Flags::REPLAY) & (self.policy.flags() & (Flags::REPLAY | Flags::SEQUENCE));
        let delegated = if proof.delegated.is_empty() { Flags::NONE } else { Flags::DELEGATION };
        (asked & ours) | (asked & Flags::REPLAY) | order | delegated
    }
}

fn refuse<T>(refusal: Refusal) -> Result<T, Error> {
    Err(Error::refused(refusal))
}

/// The last bytes of the ciphertext are its checksum.
fn checksum_of(cipher: &[u8], mac_len: usize) -> &[u8] {
    cipher.get(cipher.len().saturating_sub(mac_len)..).unwrap_or(cipher)
}

fn replay_tag(checksum: &[u8]) -> ReplayTag {
    let mut tag = ReplayTag::default();
    for (to, from) in tag.iter_mut().zip(checksum) {
        *to = *from;
    }
    tag
}

fn write_ap_rep(
    session_key: &EncryptionKey,
    subkey: Option<&EncryptionKey>,
    proof: &Proof,
    seeds: &Seeds,
    framing: Framing,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let (ctime, cusec) = proof.at;
    let subkey = subkey.map(KeyRef::from);
    let part = EncApRepPart { ctime, cusec, subkey, seq_number: Some(seeds.sequence_number) };
    let plain = Secret::new(part.to_der());
    let mut cipher = Vec::new();
    CipherKey::new(session_key, KeyUsage::AP_REP_ENC_PART)?.encrypt(&seeds.confounder, plain.expose(), &mut cipher);
    let enc_part = EncryptedData { etype: session_key.enctype(), kvno: None, cipher: &cipher };
    write_token(framing, TokenId::ApRep, &ApRep { enc_part }.to_der(), out);
    Ok(())
}
