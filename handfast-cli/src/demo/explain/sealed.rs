//! Sealed messages: Wrap tokens (RFC 4121 4.2.6.2, 4.2.4), and those of NTLM.

use super::words::first_bytes;
use super::{Reader, Reading};
use crate::demo::Trouble;
use crate::demo::wire::Party;
use handfast::krb5::enctype::{CipherKey, KeyUsage};
use handfast::wire::Reader as Bytes;

/// The header before the ciphertext, and its copy inside (4.2.6.2).
const HEADER: usize = 16;

impl Reader<'_> {
    pub(super) fn sealed(&mut self, token: &[u8], from: Party) -> Result<Reading, Trouble> {
        let (sequence, plain, shown) =
            if self.ntlm.twins.is_some() { self.ntlm_sealed(token, from)? } else { self.wrap(token, from)? };
        let (text, length) = (String::from_utf8_lossy(&plain), plain.len());
        let says = match length {
            0 => vec!["An empty message, sealed too: that was all. Nobody else can say so.".to_owned()],
            _ => vec![
                format!("{text:?}, in {length} bytes. Sequence number {sequence:#010x}."),
                format!("On the wire: {shown} …"),
            ],
        };
        let message = if length == 0 { "end" } else { "sealed" };
        Ok(Reading { message, carrier: "NNS data".to_owned(), says })
    }

    /// A Wrap token: its sequence number, the plaintext, and the first bytes on the wire.
    fn wrap(&self, token: &[u8], from: Party) -> Result<(u64, Vec<u8>, String), Trouble> {
        let mut header = Bytes::new("Wrap token", token);
        if header.array()? != [5, 4] {
            return Err(Trouble::new("a data frame without a Wrap token"));
        }
        let (_flags, _filler) = (header.u8()?, header.u8()?);
        let extra = usize::from(header.u16_be()?);
        let rotation = usize::from(header.u16_be()?);
        let sequence = header.u64_be()?;
        let mut cipher = header.all().to_vec();
        let shown = first_bytes(&cipher, 8);
        // RRC counts modulo the length (4.2.5).
        let turned = rotation.checked_rem(cipher.len()).unwrap_or(0);
        cipher.rotate_left(turned);
        let usage = if from == Party::Client { KeyUsage::INITIATOR_SEAL } else { KeyUsage::ACCEPTOR_SEAL };
        let key = self.subkey.as_ref().ok_or_else(|| Trouble::new("a sealed message before a subkey"))?;
        let plain = CipherKey::new(key, usage)?.decrypt(&cipher)?;
        let length = plain.expose().len().saturating_sub(HEADER).saturating_sub(extra);
        Ok((sequence, plain.expose().get(..length).unwrap_or_default().to_vec(), shown))
    }
}
