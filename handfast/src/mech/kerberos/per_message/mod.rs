//! Per-message tokens (RFC 4121 4.2): Wrap, sealed or signed only, and MIC. Contexts of RC4 have others: [`rfc4757`].
//!
//! ```text
//! Wrap, sealed   header | encrypt( message | filler | header' )     EC = length of the filler
//! Wrap, signed   header | message | checksum( message | header' )   EC = length of the checksum
//! MIC            header | checksum( message | header )
//! ```
//! `header'` is the header as it was before rotation (RRC = 0), for the checksum also with EC = 0. Behind the header,
//! a Wrap token may be rotated to the right by RRC bytes.
//!
//! In DCE style, and wherever nothing can stand behind a message, all but the message is in the header (MS-KILE 3.4.5.4.1):
//! ```text
//! Wrap, sealed   header | encrypted filler and header', MAC | confounder | encrypted message     RRC = header' and MAC
//! Wrap, signed   header | checksum | message                                                     RRC = EC = checksum
//! ```

mod direction;
mod header;
mod pieces;
mod rfc4757;
mod seal;
mod unseal;

use crate::crypto::Secret;
use crate::flags::Flags;
use crate::identity::Identity;
use crate::krb5::enctype::{EncryptionKey, Enctype};
use crate::mech::{Established, Halves, MechanismId, Seal, Unseal};
use crate::name::Principal;
use crate::window::SequenceWindow;
use crate::wire::{DecodeError, Reader};
use alloc::boxed::Box;
use direction::Direction;
use rfc4757::{Rc4Seal, Rc4Unseal};
use seal::KerberosSeal;
use unseal::KerberosUnseal;

/// Bytes of a token's header (RFC 4121 4.2.6).
const HEADER: usize = 16;
/// Bytes of confounder in front of what is sealed: a block of AES.
const CONFOUNDER: usize = 16;
/// Bytes of filler behind what is sealed in DCE style: a block of AES.
const FILLER: usize = 16;

/// Which end of the context sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Initiator,
    Acceptor,
}

/// What the handshake agreed on for messages.
pub(super) struct Agreement {
    /// Who we are.
    pub(super) role: Sender,
    /// The base key (RFC 4121 2): the acceptor's subkey, else the initiator's, else the ticket's session key.
    pub(super) key: EncryptionKey,
    /// Whether the base key is the acceptor's subkey.
    pub(super) acceptor_subkey: bool,
    /// The initiator's subkey, else the ticket's session key.
    pub(super) initiators_key: EncryptionKey,
    /// The number of our first message.
    pub(super) send_first: u32,
    /// The number of the peer's first message.
    pub(super) receive_first: u32,
    /// What the context offers.
    pub(super) flags: Flags,
    /// From which our confounders are made.
    pub(super) confounder_secret: Secret<[u8; 16]>,
}

impl Agreement {
    /// What is agreed on, with a peer that has proven itself.
    pub(super) fn established(self, mechanism: MechanismId, peer: Principal, local: Principal) -> Established {
        let (flags, enctype) = (self.flags, Some(self.key.enctype()));
        let session_key = Secret::new(self.key.bytes().to_vec());
        let (peer, local) = (Identity::Principal(peer), Identity::Principal(local));
        Established { enctype, ..Established::new(mechanism, peer, local, flags, session_key, self.into_halves()) }
    }

    fn into_halves(self) -> Halves {
        let dce_style = self.flags.contains(Flags::DCE_STYLE);
        let ours = Direction::new(self.role, self.acceptor_subkey, dce_style, self.key.clone());
        let theirs = Direction::new(self.role.other(), self.acceptor_subkey, dce_style, self.key);
        let window = SequenceWindow::new(u64::from(self.receive_first), self.flags);
        let (first, secret) = (self.send_first, self.confounder_secret);
        let initiators = self.acceptor_subkey.then_some(self.initiators_key);
        if has_old_tokens(ours.key.enctype()) {
            let seal = Box::new(Rc4Seal::new(ours, first, secret).initiators(initiators));
            return Halves { seal, unseal: Box::new(Rc4Unseal::new(theirs, window)), splittable: true };
        }
        let seal = Box::new(KerberosSeal::new(ours, u64::from(first), secret).initiators(initiators));
        Halves { seal, unseal: Box::new(KerberosUnseal::new(theirs, window)), splittable: true }
    }
}

/// Whether contexts with keys of `enctype` have the tokens of RFC 1964, and no acceptor's subkey, since those tokens don't say
/// which key they are under (RFC 4121 1, RFC 4757 7).
pub(super) fn has_old_tokens(enctype: Enctype) -> bool {
    enctype == Enctype::RC4_HMAC
}

/// Both halves, from what their `export` wrote.
pub(super) fn import(reader: &mut Reader<'_>) -> Result<Halves, DecodeError> {
    let ours = Direction::import(reader)?;
    let seal: Box<dyn Seal> = match has_old_tokens(ours.key.enctype()) {
        true => Box::new(Rc4Seal::resume(ours, reader)?),
        false => Box::new(KerberosSeal::resume(ours, reader)?),
    };
    let theirs = Direction::import(reader)?;
    let unseal: Box<dyn Unseal> = match has_old_tokens(theirs.key.enctype()) {
        true => Box::new(Rc4Unseal::resume(theirs, reader)?),
        false => Box::new(KerberosUnseal::resume(theirs, reader)?),
    };
    Ok(Halves { seal, unseal, splittable: true })
}
