//! The handshake between client and server: MS-NNS frames, GSS-API tokens, AP exchange (RFC 4121 4.1, RFC 4120 3.2).

use super::words::{day_and_time, full, time_of_day};
use super::{Reader, Reading, open};
use crate::demo::Trouble;
use crate::demo::wire::{Party, Passed};
use handfast::Flags;
use handfast::krb5::enctype::KeyUsage;
use handfast::krb5::message::{ApRep, ApReq, Authenticator, Checksum, EncApRepPart, KrbError};
use handfast::mech::negotiate::message::NegotiationToken;
use handfast::mech::{MechanismId, framing};
use handfast::wire::Reader as Bytes;
use handfast_net::framing::nns;

impl Reader<'_> {
    /// Reads one frame after the other.
    pub(super) fn frames(&mut self, passed: &Passed) -> Result<Vec<(usize, Reading)>, Trouble> {
        let mut readings = Vec::new();
        let mut rest = passed.bytes.as_slice();
        while !rest.is_empty() {
            let (size, reading) = if self.complete {
                let (token, size) = nns::decode_data(rest)?.ok_or_else(half)?;
                (size, self.sealed(token, passed.from)?)
            } else {
                let (frame, size) = nns::Handshake::decode(rest)?.ok_or_else(half)?;
                (size, self.handshake(&frame, passed.from)?)
            };
            readings.push((size, reading));
            rest = rest.get(size..).unwrap_or_default();
        }
        Ok(readings)
    }

    fn handshake(&mut self, frame: &nns::Handshake, from: Party) -> Result<Reading, Trouble> {
        let (frame_name, token) = match frame {
            nns::Handshake::InProgress(token) => ("HandshakeInProgress", token),
            nns::Handshake::Done(token) => {
                // The server says so, with its last token.
                self.complete = from == Party::Server;
                ("HandshakeDone", token)
            }
            nns::Handshake::Error(code) => {
                let says = vec![code.to_string()];
                return Ok(Reading { message: "refused", carrier: "NNS HandshakeError".to_owned(), says });
            }
        };
        let (message, says) =
            if token.is_empty() { ("done", vec!["My side is complete.".to_owned()]) } else { self.token(token, from)? };
        Ok(Reading { message, carrier: format!("NNS {frame_name}"), says })
    }

    /// A token of whatever mechanism.
    fn token(&mut self, token: &[u8], from: Party) -> Result<(&'static str, Vec<String>), Trouble> {
        if NegotiationToken::is_one(token) { self.negotiation(token, from) } else { self.mechanism_token(token, token) }
    }

    /// A message of NTLM, or a GSS-API token: mechanism, TOK_ID, message (RFC 4121 4.1). `whole` is the token that it came in.
    pub(super) fn mechanism_token(
        &mut self,
        token: &[u8],
        whole: &[u8],
    ) -> Result<(&'static str, Vec<String>), Trouble> {
        if token.starts_with(b"NTLMSSP\0") {
            return self.ntlm_message(token, whole);
        }
        let (mechanism, mut inner) = framing::read(token)?;
        if mechanism != MechanismId::KERBEROS.der_contents() {
            return Err(Trouble::new("a token of another mechanism"));
        }
        match inner.array()? {
            [1, 0] => Ok(("AP-REQ", self.ap_req(&ApReq::decode(inner.all())?)?)),
            [2, 0] => Ok(("AP-REP", self.ap_rep(&ApRep::decode(inner.all())?)?)),
            _ => Ok(("KRB-ERROR", vec![KrbError::decode(inner.all())?.error_code.to_string()])),
        }
    }

    fn ap_req(&mut self, ap_req: &ApReq<'_>) -> Result<Vec<String>, Trouble> {
        let ticket = &ap_req.ticket;
        let service = full(&ticket.sname, ticket.realm);
        let inside = self.open_ticket(ticket, |part| {
            let (client, until) = (full(&part.cname, part.crealm), day_and_time(part.endtime.to_time()));
            format!("The ticket for {service}; in it, {client}, until {until}, and the session key.")
        })?;
        let plain = open(self.session()?, KeyUsage::AP_REQ_AUTHENTICATOR, &ap_req.authenticator)?;
        let authenticator = Authenticator::decode(plain.expose())?;
        let time = time_of_day(authenticator.ctime.with_micros(authenticator.cusec));
        let (flags, bindings) = gss_checksum(authenticator.cksum)?;
        let subkey = if authenticator.subkey.is_some() { ", a subkey" } else { "" };
        self.subkey = authenticator.subkey.map(|key| key.to_key()).transpose()?;
        let sequence = authenticator.seq_number.map_or("none".to_owned(), |number| format!("{number:#010x}"));
        Ok(vec![
            inside,
            format!(
                "It is mine: the time, {time}{subkey} and my first sequence number, {sequence}, under the session key."
            ),
            format!("I ask for {flags}. Channel bindings: {bindings}."),
        ])
    }

    fn ap_rep(&mut self, ap_rep: &ApRep<'_>) -> Result<Vec<String>, Trouble> {
        let plain = open(self.session()?, KeyUsage::AP_REP_ENC_PART, &ap_rep.enc_part)?;
        let part = EncApRepPart::decode(plain.expose())?;
        let time = time_of_day(part.ctime.with_micros(part.cusec));
        let sequence = part.seq_number.map_or("none".to_owned(), |number| format!("{number:#010x}"));
        let mut says = vec![format!(
            "My proof: your time, {time}, under the session key. Only I could take that from the ticket."
        )];
        if let Some(subkey) = part.subkey {
            says.push(format!(
                "From here on we use my subkey, {}. My first sequence number is {sequence}.",
                subkey.keytype
            ));
            self.subkey = Some(subkey.to_key()?);
        } else {
            says.push(format!("From here on we use your subkey. My first sequence number is {sequence}."));
        }
        Ok(says)
    }
}

/// Flags and bindings in the authenticator's checksum field (RFC 4121 4.1.1).
fn gss_checksum(checksum: Option<Checksum<'_>>) -> Result<(Flags, &'static str), Trouble> {
    let field = checksum.ok_or_else(|| Trouble::new("an authenticator without a GSS-API checksum"))?.checksum;
    let mut bytes = Bytes::new("GSS-API checksum field", field);
    let length = usize::try_from(bytes.u32_le()?)?;
    let bindings =
        if bytes.take(length)?.iter().all(|byte| *byte == 0) { "none, this is plain TCP" } else { "present" };
    Ok((Flags::from_bits(bytes.u32_le()?), bindings))
}

fn half() -> Trouble {
    Trouble::new("a frame that is not whole")
}
