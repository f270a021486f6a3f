//! The third leg of DCE style (MS-KILE 3.4.5.1): an AP-REP of the initiator, which answers the acceptor's.
//!
//! ```text
//! EncAPRepPart ::= [APPLICATION 27] SEQUENCE {
//!     ctime       [0] KerberosTime,  -- of the AP-REQ (Windows, Heimdal), or of now (MIT krb5)
//!     cusec       [1] Microseconds,
//!     seq-number  [3] UInt32         -- the acceptor's, from its AP-REP; no subkey
//! }
//! ```
//! It is under the ticket's session key, as the acceptor's own. So what tells the one from the other is the subkey: the
//! acceptor's has one, the initiator's must not, or an acceptor's answer sent back to it would pass.

use super::decrypt;
use super::message::{Framing, Token, TokenId, read_token, write_refusal, write_token};
use crate::crypto::Random;
use crate::error::{Error, Refusal};
use crate::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage};
use crate::krb5::message::{ApRep, EncApRepPart, EncryptedData, KerberosTime, Microseconds};
use crate::mech::{AcceptInput, AcceptStep, Accepting, Established, Progress};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

/// Appends the initiator's AP-REP, which answers the acceptor's of this sequence number.
pub(super) fn write_third_leg(
    session_key: &EncryptionKey,
    (ctime, cusec): (KerberosTime, Microseconds),
    acceptors_number: u32,
    random: &dyn Random,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut confounder = [0; 16];
    random.fill(&mut confounder)?;
    let part = EncApRepPart { ctime, cusec, subkey: None, seq_number: Some(acceptors_number) };
    let mut cipher = Vec::new();
    CipherKey::new(session_key, KeyUsage::AP_REP_ENC_PART)?.encrypt(&confounder, &part.to_der(), &mut cipher);
    let enc_part = EncryptedData { etype: session_key.enctype(), kvno: None, cipher: &cipher };
    write_token(Framing::Bare, TokenId::ApRep, &ApRep { enc_part }.to_der(), out);
    Ok(())
}

/// An acceptor that has answered, and waits for the initiator's AP-REP.
pub(super) struct WaitingForThirdLeg {
    pub(super) established: Box<Established>,
    /// The ticket's session key, for AP-REPs.
    pub(super) key: CipherKey,
    /// The sequence number in our AP-REP.
    pub(super) our_number: u32,
    /// The time in the AP-REQ.
    pub(super) asked_at: (KerberosTime, Microseconds),
    pub(super) clock_skew: Duration,
}

impl WaitingForThirdLeg {
    fn check(&self, token: &[u8], now: Time) -> Result<(), Error> {
        let Some(Token { framing: Framing::Bare, id: TokenId::ApRep, message }) = read_token(token)? else {
            return Err(Error::refused(Refusal::Unsupported("a third leg that is not a bare AP-REP")));
        };
        let reply = ApRep::decode(message)?;
        let plain = decrypt(&self.key, &reply.enc_part, Refusal::InitiatorNotProven)?;
        let part = EncApRepPart::decode(plain.expose())?;
        let answers = part.seq_number == Some(self.our_number) && part.subkey.is_none() && self.is_timely(&part, now);
        if answers { Ok(()) } else { Err(Error::refused(Refusal::InitiatorAnsweredAnother)) }
    }

    /// The time is that of the AP-REQ or, from MIT krb5, that of the answer.
    fn is_timely(&self, part: &EncApRepPart<'_>, now: Time) -> bool {
        let time = part.ctime.with_micros(part.cusec);
        (part.ctime, part.cusec) == self.asked_at || time.abs_diff(now) <= self.clock_skew
    }
}

impl Accepting for WaitingForThirdLeg {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let AcceptInput::Token(token) = input else {
            return Err(Error::ApiMisuse("a Kerberos acceptor waits for the client's third leg"));
        };
        match self.check(token, now) {
            Ok(()) => Ok(AcceptStep::Complete(self.established)),
            Err(error) => {
                write_refusal(self.established.mechanism, now, out);
                Err(error)
            }
        }
    }

    fn refuse(self: Box<Self>, now: Time, out: &mut Vec<u8>) {
        write_refusal(self.established.mechanism, now, out);
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: self.established.mechanism, flags: self.established.flags }
    }
}
