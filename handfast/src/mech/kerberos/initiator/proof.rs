//! The AP-REQ, and the acceptor's answer to it.

use super::{Handshake, offered};
use crate::crypto::Secret;
use crate::error::{Error, PeerRefusal, Refusal};
use crate::flags::Flags;
use crate::krb5::HeldTicket;
use crate::krb5::enctype::{CipherKey, EncryptionKey, Enctype, KeyUsage};
use crate::krb5::message::{
    ApOptions, ApRep, ApReq, Authenticator, Checksum, EncApRepPart, Encoded, EncryptedData, KerberosTime, KeyRef,
    KrbError, Microseconds, PrincipalName, Ticket,
};
use crate::mech::kerberos::dce_style::write_third_leg;
use crate::mech::kerberos::message::{
    Framing, GSS_CHECKSUM_TYPE, GssChecksum, Token, TokenId, read_token, write_token,
};
use crate::mech::kerberos::per_message::{Agreement, Sender, has_old_tokens};
use crate::mech::kerberos::seeds::Seeds;
use crate::mech::kerberos::style::Style;
use crate::mech::kerberos::{decrypt, delegation};
use crate::mech::{Established, InitiateInput, InitiateStep, Initiating, Progress};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

impl Handshake {
    /// Makes the AP-REQ (RFC 4120 3.2.2, RFC 4121 4.1.1).
    pub(in crate::mech::kerberos) fn present(
        self,
        ticket: Arc<HeldTicket>,
        handed_on: Option<&HeldTicket>,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        let enctype = ticket.key.enctype();
        if !self.policy.permits(enctype) {
            return Err(Error::refused(Refusal::EnctypeNotPermitted(enctype)));
        }
        let seeds = Seeds::draw(&*self.random)?;
        let subkey = seeds.subkey_like(&ticket.key)?;
        let flags = offered(&self.policy) | handed_on.map_or(Flags::NONE, |_| Flags::DELEGATION);
        let time = self.credential.proof_time(self.kdc_time(now));
        let delegated = handed_on.map(|tgt| delegation::write(tgt, &ticket.key, &*self.random, time)).transpose()?;
        let proof = Proof { ctime: time.into(), cusec: time.into(), flags, delegated, seeds };
        write_ap_req(&ticket, &subkey, &proof, &self, out)?;
        let waiting = WaitingForProof { ticket, handshake: self, subkey, proof };
        if flags.contains(Flags::MUTUAL) {
            return Ok(InitiateStep::NeedsToken(Box::new(waiting)));
        }
        // Without mutual authentication the acceptor counts from the initiator's number, as MIT krb5 and Heimdal do.
        let receive_first = waiting.proof.seeds.sequence_number;
        let key = waiting.subkey.clone();
        Ok(InitiateStep::Complete(waiting.establish(key, false, receive_first)))
    }
}

/// What was said of ourselves in the authenticator.
struct Proof {
    ctime: KerberosTime,
    cusec: Microseconds,
    flags: Flags,
    /// A KRB-CRED.
    delegated: Option<Vec<u8>>,
    seeds: Seeds,
}

/// What an AP-REQ is longer than its ticket and its authenticator, at most: tags, lengths and small fields.
const AP_REQ_FRAME: usize = 64;

fn write_ap_req(
    ticket: &HeldTicket,
    subkey: &EncryptionKey,
    proof: &Proof,
    handshake: &Handshake,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let extensions = match &handshake.style {
        Style::Iakerb(conversation) => conversation.prove(subkey)?,
        Style::Plain | Style::UserToUser(_) => Vec::new(),
    };
    let field = GssChecksum {
        bindings: handshake.bindings,
        flags: proof.flags,
        delegated: proof.delegated.as_deref(),
        extensions: &extensions,
    };
    let field = field.encode().ok_or(Error::ApiMisuse("a ticket to delegate of more than 65 535 bytes"))?;
    let authenticator = Authenticator {
        crealm: ticket.client.realm(),
        cname: PrincipalName::from(&ticket.client),
        cksum: Some(Checksum { cksumtype: GSS_CHECKSUM_TYPE, checksum: &field }),
        cusec: proof.cusec,
        ctime: proof.ctime,
        subkey: Some(KeyRef { keytype: subkey.enctype(), keyvalue: subkey.bytes() }),
        seq_number: Some(proof.seeds.sequence_number),
        authorization_data: Default::default(),
    };
    let plain = Secret::new(authenticator.to_der());
    let key = CipherKey::new(&ticket.key, KeyUsage::AP_REQ_AUTHENTICATOR)?;
    let mut cipher = Vec::new();
    key.encrypt(&proof.seeds.confounder, plain.expose(), &mut cipher);
    let mutual = if proof.flags.contains(Flags::MUTUAL) { ApOptions::MUTUAL_REQUIRED } else { ApOptions::NONE };
    let user_to_user = if ticket.is_skey { ApOptions::USE_SESSION_KEY } else { ApOptions::NONE };
    let request = ApReq {
        ap_options: mutual.with(user_to_user),
        ticket: Encoded::<Ticket<'_>>::decode(&ticket.ticket)?,
        authenticator: EncryptedData { etype: ticket.key.enctype(), kvno: None, cipher: &cipher },
    };
    let mut message = Vec::with_capacity(ticket.ticket.len() + cipher.len() + AP_REQ_FRAME);
    request.encode(&mut message);
    write_token(Framing::of(handshake.style.mechanism(), proof.flags), TokenId::ApReq, &message, out);
    Ok(())
}

/// Waits for the acceptor's AP-REP.
struct WaitingForProof {
    handshake: Handshake,
    ticket: Arc<HeldTicket>,
    subkey: EncryptionKey,
    proof: Proof,
}

impl Initiating for WaitingForProof {
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let InitiateInput::Token(token) = input else {
            return Err(Error::ApiMisuse("the handshake waits for the acceptor's token"));
        };
        let Some(Token { framing, id, message }) = read_token(token)? else { return Err(Error::UnknownMechanism) };
        match id {
            TokenId::ApRep if framing == Framing::of(self.handshake.style.mechanism(), self.proof.flags) => {
                self.check_proof(message, out).map(InitiateStep::Complete)
            }
            TokenId::Error => Err(refused_by_peer(message, now)?),
            _ => Err(Error::refused(Refusal::AcceptorNotProven)),
        }
    }

    fn progress(&self) -> Progress {
        self.handshake.progress()
    }
}

impl WaitingForProof {
    /// The acceptor's proof answers our time, under the key that only the service could take from the ticket
    /// (RFC 4120 3.2.5). In DCE style we answer it.
    fn check_proof(self, message: &[u8], out: &mut Vec<u8>) -> Result<Box<Established>, Error> {
        let reply = ApRep::decode(message)?;
        let key = CipherKey::new(&self.ticket.key, KeyUsage::AP_REP_ENC_PART)?;
        let plain = decrypt(&key, &reply.enc_part, Refusal::AcceptorNotProven)?;
        let part = EncApRepPart::decode(plain.expose())?;
        if (part.ctime, part.cusec) != (self.proof.ctime, self.proof.cusec) {
            return Err(Error::refused(Refusal::AcceptorAnsweredAnother));
        }
        let Some(receive_first) = part.seq_number else { return Err(Error::refused(Refusal::NoSequenceNumber)) };
        let (key, acceptor_subkey) = match part.subkey {
            Some(key) if !self.handshake.policy.permits(key.keytype) => {
                return Err(Error::refused(Refusal::EnctypeNotPermitted(key.keytype)));
            }
            Some(key) if self.ignores_subkey(key.keytype) => (self.subkey.clone(), false),
            Some(key) => (EncryptionKey::new(key.keytype, key.keyvalue)?, true),
            None => (self.subkey.clone(), false),
        };
        if self.proof.flags.contains(Flags::DCE_STYLE) {
            let at = (self.proof.ctime, self.proof.cusec);
            write_third_leg(&self.ticket.key, at, receive_first, &*self.handshake.random, out)?;
        }
        Ok(self.establish(key, acceptor_subkey, receive_first))
    }

    /// The acceptor's subkey of the same old enctype as ours goes unused, as in MIT krb5: tokens don't say that they are under it.
    fn ignores_subkey(&self, enctype: Enctype) -> bool {
        has_old_tokens(enctype) && enctype == self.subkey.enctype() && !self.proof.flags.contains(Flags::DCE_STYLE)
    }

    fn establish(self, key: EncryptionKey, acceptor_subkey: bool, receive_first: u32) -> Box<Established> {
        let Proof { flags, seeds, .. } = self.proof;
        let agreement = Agreement {
            role: Sender::Initiator,
            key,
            acceptor_subkey,
            initiators_key: self.subkey,
            send_first: seeds.sequence_number,
            receive_first,
            flags,
            confounder_secret: seeds.confounder_secret,
        };
        let expires = Some(self.handshake.by_our_clock(self.ticket.end_time));
        let Handshake { style, credential, acquired, .. } = self.handshake;
        let (acceptor, client) = (self.ticket.server.clone(), credential.acting());
        Box::new(Established { expires, acquired, ..agreement.established(style.mechanism(), acceptor, client) })
    }
}

/// Nothing protects a refusal, so it is believed as far as it goes: no context comes of it.
pub(in crate::mech::kerberos) fn refused_by_peer(message: &[u8], now: Time) -> Result<Error, Error> {
    let error = KrbError::decode(message)?;
    Ok(Error::RefusedByPeer(PeerRefusal {
        code: error.error_code,
        text: error.e_text.map(ToString::to_string),
        clock_skew: error.stime.with_micros(error.susec).seconds_since(now),
    }))
}
