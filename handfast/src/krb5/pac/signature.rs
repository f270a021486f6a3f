use super::{ClientInfo, Pac, PacBufferType, PacError};
use crate::krb5::enctype::{ChecksumKey, ChecksumType, CryptoError, EncryptionKey, Enctype, KeyUsage};
use crate::krb5::message::EncTicketPart;
use crate::wire::{DecodeError, Reader};
use alloc::vec::Vec;
use core::fmt;

/// The checksum type's size in a signature, in bytes.
pub(super) const TYPE_SIZE: usize = 4;
/// The identifier of the read-only DC that signed stands behind its signature, in two bytes (MS-PAC 2.8).
const RODC_IDENTIFIER_SIZE: usize = 2;

/// A signature: PAC_SIGNATURE_DATA (MS-PAC 2.8).
///
/// ```text
/// SignatureType (4 bytes), Signature (as long as the type says), RODCIdentifier (2 bytes, or none)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacSignature<'a> {
    /// The checksum type.
    pub checksum_type: ChecksumType,
    /// The signature, and behind it the identifier of a read-only DC if one has made it.
    pub signature: &'a [u8],
}

impl<'a> PacSignature<'a> {
    pub(super) fn read(mut reader: Reader<'a>) -> Result<Self, DecodeError> {
        let checksum_type = ChecksumType(i32::from_le_bytes(reader.array()?));
        Ok(PacSignature { checksum_type, signature: reader.all() })
    }
}

/// A key that makes and checks signatures of a PAC: a long-term key with usage 17 (MS-PAC 2.8), scheduled once.
pub struct SignatureKey {
    enctype: Enctype,
    checksum: ChecksumKey,
}

impl SignatureKey {
    /// Schedules the key.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedEnctype`] and [`CryptoError::WrongKeySize`].
    pub fn new(key: &EncryptionKey) -> Result<Self, CryptoError> {
        Ok(SignatureKey { enctype: key.enctype(), checksum: ChecksumKey::new(key, KeyUsage::PAC_SIGNATURE)? })
    }

    /// The key's enctype.
    pub fn enctype(&self) -> Enctype {
        self.enctype
    }

    /// The type of its signatures: the one that goes with its enctype.
    pub fn checksum_type(&self) -> ChecksumType {
        self.checksum.checksum_type()
    }

    /// Checks the signature of that type over `parts`. Nothing but the checksum type of the key is taken: an unkeyed one
    /// anybody can compute.
    fn check(&self, pac: &Pac<'_>, which: PacBufferType, parts: &[&[u8]]) -> Result<(), PacError> {
        let found = pac.signature(which)?.ok_or(PacError::Missing(which))?;
        if found.checksum_type != self.checksum_type() {
            return Err(PacError::ChecksumType { signature: which, found: found.checksum_type, key: self.enctype });
        }
        let wrong = |_| PacError::WrongSignature(which);
        let (signature, rest) = split(found.signature, self.checksum.mac_len());
        if !rest.is_empty() && rest.len() != RODC_IDENTIFIER_SIZE {
            return Err(PacError::WrongSignature(which));
        }
        self.checksum.verify(parts, signature).map_err(wrong)
    }

    /// A signature buffer without the signature: its type, then zeros.
    pub(super) fn blank(&self) -> Vec<u8> {
        let mut blank = self.checksum_type().0.to_le_bytes().to_vec();
        blank.resize(TYPE_SIZE.saturating_add(self.checksum.mac_len()), 0);
        blank
    }

    pub(super) fn sign(&self, parts: &[&[u8]]) -> Vec<u8> {
        self.checksum.checksum(parts).to_vec()
    }
}

fn split(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}

/// Shows the enctype, not the key.
impl fmt::Debug for SignatureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignatureKey({})", self.enctype)
    }
}

impl Pac<'_> {
    /// Checks the server signature, which is over the whole PAC with the signatures of server and KDC set to zero (MS-PAC
    /// 2.8.1), and that the PAC was made for the client of `ticket` (MS-PAC 2.7).
    ///
    /// This proves that the KDC has made the PAC, or somebody who has the service's key.
    ///
    /// # Errors
    /// [`PacError`] if a buffer is missing, does not decode, or says otherwise.
    pub fn verify(&self, ticket: &EncTicketPart<'_>, server: &SignatureKey) -> Result<(), PacError> {
        self.verify_server_signature(server)?;
        self.check_client(ticket)
    }

    /// Checks the server signature alone.
    ///
    /// # Errors
    /// As [`Pac::verify`].
    pub fn verify_server_signature(&self, server: &SignatureKey) -> Result<(), PacError> {
        let signed = self.zeroed(&[PacBufferType::SERVER_SIGNATURE, PacBufferType::KDC_SIGNATURE]);
        // A PAC without it is none: the server signature would stand alone.
        self.find(PacBufferType::KDC_SIGNATURE).ok_or(PacError::Missing(PacBufferType::KDC_SIGNATURE))?;
        server.check(self, PacBufferType::SERVER_SIGNATURE, &[&signed])
    }

    /// Checks that the PAC was made for the client of `ticket`, and for the login that the ticket is from.
    ///
    /// # Errors
    /// [`PacError::OtherClient`], [`PacError::Missing`] and [`PacError::Decode`].
    pub fn check_client(&self, ticket: &EncTicketPart<'_>) -> Result<(), PacError> {
        let info: ClientInfo = self.client_info()?.ok_or(PacError::Missing(PacBufferType::CLIENT_INFO))?;
        if info.is_of(&ticket.cname, ticket.authtime) { Ok(()) } else { Err(PacError::OtherClient) }
    }

    /// Checks the KDC signature, which is over the server signature (MS-PAC 2.8.2). Alone it proves that a KDC has seen
    /// that signature, not what was signed: check the server signature too.
    ///
    /// # Errors
    /// As [`Pac::verify`].
    pub fn verify_kdc_signature(&self, kdc: &SignatureKey) -> Result<(), PacError> {
        let which = PacBufferType::SERVER_SIGNATURE;
        let server = self.signature(which)?.ok_or(PacError::Missing(which))?;
        kdc.check(self, PacBufferType::KDC_SIGNATURE, &[server.signature])
    }

    /// Checks the signatures of KDC, ticket and whole PAC in a service's ticket (MS-PAC 2.8.2 to 2.8.4), so that not even
    /// the service itself can have changed it.
    ///
    /// A ticket for `krbtgt` or `kadmin/changepw` has the KDC signature alone. Older KDCs make no ticket signature (MIT
    /// krb5 before 1.20) or no full signature (before 1.21; Samba before 4.17.4): `full` says whether one must be there.
    /// One that is there is checked.
    ///
    /// # Errors
    /// As [`Pac::verify`].
    pub fn verify_kdc_signatures(
        &self,
        ticket: &EncTicketPart<'_>,
        kdc: &SignatureKey,
        full: bool,
    ) -> Result<(), PacError> {
        self.verify_kdc_signature(kdc)?;
        let signed = super::ticket_to_sign(ticket)?;
        kdc.check(self, PacBufferType::TICKET_SIGNATURE, &[&signed])?;
        if full || self.find(PacBufferType::FULL_SIGNATURE).is_some() {
            let signed = self.zeroed(&[
                PacBufferType::SERVER_SIGNATURE,
                PacBufferType::KDC_SIGNATURE,
                PacBufferType::FULL_SIGNATURE,
            ]);
            kdc.check(self, PacBufferType::FULL_SIGNATURE, &[&signed])?;
        }
        Ok(())
    }

    /// The PAC with zeros for what follows the checksum type in these signatures.
    fn zeroed(&self, signatures: &[PacBufferType]) -> Vec<u8> {
        let mut bytes = self.bytes().to_vec();
        for buffer in signatures.iter().filter_map(|which| self.find(*which)) {
            let signature = bytes.iter_mut().skip(buffer.offset).take(buffer.data.len()).skip(TYPE_SIZE);
            signature.for_each(|octet| *octet = 0);
        }
        bytes
    }
}
