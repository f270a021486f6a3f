use super::buffer::{ALIGNMENT, ENTRY_SIZE, HEADER_SIZE};
use super::signature::TYPE_SIZE;
use super::{
    AttributesInfo, ClientInfo, DelegationInfo, LogonInfo, PAC_BUFFER_LIMIT, PAC_LIMIT, Pac, PacBufferType, Sid,
    SignatureKey, UpnDnsInfo,
};
use crate::wire::{EncodeError, Writer};
use alloc::vec::Vec;

/// Makes a PAC: buffers first, then the signatures over all of them.
///
/// ```
/// use handfast::krb5::enctype::{EncryptionKey, Enctype};
/// use handfast::krb5::pac::{LogonInfo, Pac, PacBuilder, Rid, SignatureKey};
/// let key = |octet| EncryptionKey::new(Enctype::AES256_CTS_HMAC_SHA1_96, &[octet; 32]);
/// let (server, kdc) = (SignatureKey::new(&key(1)?)?, SignatureKey::new(&key(2)?)?);
/// let mut builder = PacBuilder::new();
/// builder.logon_info(&LogonInfo::of_user("S-1-5-21-1-2-3".parse()?, Rid(1103), "alice"))?;
/// let bytes = builder.sign(&server, &kdc)?;
/// let pac = Pac::decode(&bytes)?;
/// pac.verify_server_signature(&server)?;
/// pac.verify_kdc_signature(&kdc)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PacBuilder {
    buffers: Vec<(PacBufferType, Vec<u8>)>,
}

/// Where each buffer begins.
type Offsets = Vec<(PacBufferType, usize)>;

/// The types that [`PacBuilder::sign`] adds.
const SIGNATURES: [PacBufferType; 4] = [
    PacBufferType::SERVER_SIGNATURE,
    PacBufferType::KDC_SIGNATURE,
    PacBufferType::TICKET_SIGNATURE,
    PacBufferType::FULL_SIGNATURE,
];

impl PacBuilder {
    /// No buffers yet.
    pub fn new() -> Self {
        PacBuilder::default()
    }

    /// The buffers of `pac` as they are, without its signatures: to be issued again (MS-KILE 3.3.5.7.2).
    pub fn of(pac: &Pac<'_>) -> Self {
        let kept = pac.buffers().iter().filter(|buffer| !SIGNATURES.contains(&buffer.buffer_type));
        PacBuilder { buffers: kept.map(|buffer| (buffer.buffer_type, buffer.data.to_vec())).collect() }
    }

    /// Adds a buffer, in place of the one of its type if there is one.
    pub fn buffer(&mut self, buffer_type: PacBufferType, data: Vec<u8>) -> &mut Self {
        match self.buffers.iter_mut().find(|(held, _)| *held == buffer_type) {
            Some((_, held)) => *held = data,
            None => self.buffers.push((buffer_type, data)),
        }
        self
    }

    /// Leaves out the buffer of that type.
    pub fn without(&mut self, buffer_type: PacBufferType) -> &mut Self {
        self.buffers.retain(|(held, _)| *held != buffer_type);
        self
    }

    /// Who logged on.
    ///
    /// # Errors
    /// As [`LogonInfo::to_bytes`].
    pub fn logon_info(&mut self, info: &LogonInfo) -> Result<&mut Self, EncodeError> {
        Ok(self.buffer(PacBufferType::LOGON_INFO, info.to_bytes()?))
    }

    /// Whose ticket it is.
    ///
    /// # Errors
    /// As [`ClientInfo::to_bytes`].
    pub fn client_info(&mut self, info: &ClientInfo) -> Result<&mut Self, EncodeError> {
        Ok(self.buffer(PacBufferType::CLIENT_INFO, info.to_bytes()?))
    }

    /// The client's user principal name.
    ///
    /// # Errors
    /// As [`UpnDnsInfo::to_bytes`].
    pub fn upn_dns_info(&mut self, info: &UpnDnsInfo) -> Result<&mut Self, EncodeError> {
        Ok(self.buffer(PacBufferType::UPN_DNS_INFO, info.to_bytes()?))
    }

    /// The services that delegated.
    ///
    /// # Errors
    /// As [`DelegationInfo::to_bytes`].
    pub fn delegation_info(&mut self, info: &DelegationInfo) -> Result<&mut Self, EncodeError> {
        Ok(self.buffer(PacBufferType::DELEGATION_INFO, info.to_bytes()?))
    }

    /// How the PAC came to be.
    pub fn attributes(&mut self, info: AttributesInfo) -> &mut Self {
        self.buffer(PacBufferType::ATTRIBUTES, info.to_bytes())
    }

    /// The SID of who asked for the ticket.
    pub fn requestor(&mut self, sid: &Sid) -> &mut Self {
        self.buffer(PacBufferType::REQUESTOR, sid.to_bytes())
    }

    /// The buffers without signatures of ours, for those who bring their own: nobody else believes it.
    ///
    /// # Errors
    /// As [`PacBuilder::sign`].
    pub fn encode_unsigned(&self) -> Result<Vec<u8>, EncodeError> {
        self.encode().map(|(bytes, _)| bytes)
    }

    /// The PAC of a ticket-granting ticket: signed with the service's key and the KDC's (MS-PAC 2.8).
    ///
    /// # Errors
    /// [`EncodeError`] if it is larger than [`PAC_LIMIT`] or has more than [`PAC_BUFFER_LIMIT`] buffers.
    pub fn sign(&self, server: &SignatureKey, kdc: &SignatureKey) -> Result<Vec<u8>, EncodeError> {
        self.signed(server, kdc, None)
    }

    /// The PAC of a service's ticket: with the signatures of the ticket and the whole PAC too. `ticket` is what
    /// [`ticket_to_sign`](super::ticket_to_sign) says of a ticket with any PAC in it.
    ///
    /// # Errors
    /// As [`PacBuilder::sign`].
    pub fn sign_for_service(
        &self,
        server: &SignatureKey,
        kdc: &SignatureKey,
        ticket: &[u8],
    ) -> Result<Vec<u8>, EncodeError> {
        self.signed(server, kdc, Some(ticket))
    }

    fn signed(&self, server: &SignatureKey, kdc: &SignatureKey, ticket: Option<&[u8]>) -> Result<Vec<u8>, EncodeError> {
        let mut all = self.clone();
        SIGNATURES.into_iter().for_each(|signature| {
            all.without(signature);
        });
        if let Some(ticket) = ticket {
            let mut signature = kdc.blank();
            signature.truncate(TYPE_SIZE);
            signature.extend(kdc.sign(&[ticket]));
            all.buffer(PacBufferType::TICKET_SIGNATURE, signature);
            all.buffer(PacBufferType::FULL_SIGNATURE, kdc.blank());
        }
        all.buffer(PacBufferType::SERVER_SIGNATURE, server.blank());
        all.buffer(PacBufferType::KDC_SIGNATURE, kdc.blank());
        let (mut bytes, offsets) = all.encode()?;
        let mut put = |which: PacBufferType, key: &SignatureKey, over: Option<&[u8]>| {
            let signature = key.sign(&[over.unwrap_or(&bytes)]);
            let place = offsets.iter().find(|(held, _)| *held == which).map_or(usize::MAX, |(_, offset)| *offset);
            let octets = bytes.iter_mut().skip(place).skip(TYPE_SIZE);
            octets.zip(&signature).for_each(|(to, from)| *to = *from);
            signature
        };
        if ticket.is_some() {
            put(PacBufferType::FULL_SIGNATURE, kdc, None);
        }
        let by_server = put(PacBufferType::SERVER_SIGNATURE, server, None);
        put(PacBufferType::KDC_SIGNATURE, kdc, Some(&by_server));
        Ok(bytes)
    }

    /// Header and buffers, and where each buffer begins.
    fn encode(&self) -> Result<(Vec<u8>, Offsets), EncodeError> {
        let too_large = |item, limit| EncodeError { what: "PAC", item, limit };
        if self.buffers.len() > PAC_BUFFER_LIMIT {
            return Err(too_large("the list of buffers", PAC_BUFFER_LIMIT));
        }
        let fitting = |size: usize| u32::try_from(size).map_err(|_| too_large("a buffer", PAC_LIMIT));
        let mut header = Vec::new();
        Writer::new(&mut header).u32_le(fitting(self.buffers.len())?).u32_le(0);
        let mut body: Vec<u8> = Vec::new();
        let start = self.buffers.len().saturating_mul(ENTRY_SIZE).saturating_add(HEADER_SIZE);
        let mut offsets = Vec::new();
        for (buffer_type, data) in &self.buffers {
            let offset = start.saturating_add(body.len());
            offsets.push((*buffer_type, offset));
            Writer::new(&mut header).u32_le(buffer_type.0).u32_le(fitting(data.len())?);
            Writer::new(&mut header).u64_le(u64::from(fitting(offset)?));
            body.extend_from_slice(data);
            body.resize(body.len().next_multiple_of(ALIGNMENT), 0);
        }
        header.extend_from_slice(&body);
        if header.len() > PAC_LIMIT {
            return Err(too_large("all of it", PAC_LIMIT));
        }
        Ok((header, offsets))
    }
}
