//! What passed, in plain words: read from the bytes with the message room, opened with the keys that the demo holds.

use super::Trouble;
use super::stage::Keys;
use super::wire::{Party, Passed};
use handfast::crypto::Secret;
use handfast::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage};
use handfast::krb5::message::{EncTicketPart, EncryptedData, Ticket};
use handfast_net::kdc::Transport;
use std::time::Instant;

mod ap;
mod kdc;
mod negotiate;
mod ntlm;
mod sealed;
mod twins;
mod words;

pub(super) use words::day_and_time;

/// One message, and what it says.
pub(super) struct Step {
    pub(super) from: Party,
    pub(super) to: Party,
    /// The name that its RFC gives it.
    pub(super) message: &'static str,
    /// What it travels in.
    pub(super) carrier: String,
    pub(super) bytes: usize,
    pub(super) at: Instant,
    /// What it says, each in a sentence or two.
    pub(super) says: Vec<String>,
}

/// A message's name and what it says.
struct Reading {
    message: &'static str,
    carrier: String,
    says: Vec<String>,
}

/// Whoever reads along: the long-term keys, and the keys that it has come upon on the way.
struct Reader<'a> {
    keys: &'a Keys,
    /// The session key of the ticket presented last, or the subkey that was proposed with it.
    session: Option<EncryptionKey>,
    subkey: Option<EncryptionKey>,
    ntlm: ntlm::Ntlm,
    /// Whether the handshake is complete, so that sealed messages follow.
    complete: bool,
}

/// Reads what passed, in its order.
pub(super) fn explain(passed: &[Passed], keys: &Keys) -> Result<Vec<Step>, Trouble> {
    let mut reader = Reader { keys, session: None, subkey: None, ntlm: ntlm::Ntlm::default(), complete: false };
    let mut steps = Vec::new();
    for passed in passed {
        let with_kdc = [passed.from, passed.to].contains(&Party::Kdc);
        let readings =
            if with_kdc { vec![(passed.bytes.len(), reader.kdc_message(passed)?)] } else { reader.frames(passed)? };
        steps.extend(readings.into_iter().map(|(bytes, reading)| Step {
            from: passed.from,
            to: passed.to,
            message: reading.message,
            carrier: reading.carrier,
            bytes,
            at: passed.at,
            says: reading.says,
        }));
    }
    Ok(steps)
}

impl Reader<'_> {
    /// Opens a ticket with the key of the service it is for; remembers its session key.
    fn open_ticket<T>(
        &mut self,
        ticket: &Ticket<'_>,
        read: impl FnOnce(&EncTicketPart<'_>) -> T,
    ) -> Result<T, Trouble> {
        let held = self.keys.tickets.iter().find(|(service, _)| ticket.sname.names(service));
        let (_, key) = held.ok_or_else(|| Trouble::new("a ticket for somebody unknown"))?;
        let plain = open(key, KeyUsage::TICKET, &ticket.enc_part)?;
        let part = EncTicketPart::decode(plain.expose())?;
        self.session = Some(part.key.to_key()?);
        Ok(read(&part))
    }

    fn session(&self) -> Result<&EncryptionKey, Trouble> {
        self.session.as_ref().ok_or_else(|| Trouble::new("a message under a key that was not seen before"))
    }
}

fn open(key: &EncryptionKey, usage: KeyUsage, data: &EncryptedData<'_>) -> Result<Secret, Trouble> {
    Ok(CipherKey::new(key, usage)?.decrypt(data.cipher)?)
}

fn datagram(via: Transport) -> String {
    match via {
        Transport::Udp => "UDP datagram".to_owned(),
        Transport::Tcp => "TCP".to_owned(),
    }
}
