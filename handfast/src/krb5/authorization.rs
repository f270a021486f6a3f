use super::AuthorizationDataElement;
use super::pac::{Pac, PacInfo, Sid};
use crate::wire::{DecodeError, DecodeReason, Reader, Writer};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// What a KDC says of a client beside its name: read from the client's ticket, and only what has been proven there.
///
/// Who the client is, is the name in the ticket ([`Context::peer`](crate::Context::peer)) and nothing in here.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Authorization {
    /// As it came, and checked; empty if there is none. Contexts wait in thousands, and few are asked.
    pub(crate) pac: Box<[u8]>,
    pub(crate) pac_signed_by_kdc: bool,
    pub(crate) indicators: Box<[String]>,
    pub(crate) elements: Box<[AuthorizationDataElement]>,
}

impl Authorization {
    /// The privilege attribute certificate (MS-PAC): SIDs, groups and more. Its server signature held and it is of the
    /// ticket's client. None if the ticket had none, or the policy ignores it
    /// ([`PacPolicy`](crate::PacPolicy)). It is read anew at each call.
    #[doc(alias("urn:mspac:", "urn:mspac:logon-info"))]
    pub fn pac(&self) -> Option<PacInfo> {
        PacInfo::read(&Pac::decode(&self.pac).ok()?).ok()
    }

    /// Whether the signatures of the PAC by KDC and of the ticket held too: where the keytab has the key of the realm's
    /// `krbtgt`. Then not even a holder of the service's key can have made it.
    pub fn pac_signed_by_kdc(&self) -> bool {
        self.pac_signed_by_kdc
    }

    /// How the client authenticated, in the words of its realm (RFC 8129): from an AD-CAMMAC whose verifier held. They are
    /// positive statements; to miss one means nothing. Words without a colon are those of the client's realm.
    pub fn indicators(&self) -> &[String] {
        &self.indicators
    }

    /// Other elements that the KDC vouches for: in an AD-CAMMAC (RFC 7751) or AD-KDCIssued (RFC 4120 5.2.6.2) whose
    /// checksum held.
    pub fn elements(&self) -> &[AuthorizationDataElement] {
        &self.elements
    }

    /// The client's SID, as the PAC says it.
    pub fn user_sid(&self) -> Option<Sid> {
        self.pac()?.user_sid()
    }

    /// Appends it, for a context that moves to another process.
    pub(crate) fn export(&self, out: &mut Vec<u8>) {
        write_bytes(&self.pac, out);
        Writer::new(out).u8(u8::from(self.pac_signed_by_kdc));
        Writer::new(out).u32_be(count(self.indicators.len()));
        self.indicators.iter().for_each(|indicator| write_bytes(indicator.as_bytes(), out));
        Writer::new(out).u32_be(count(self.elements.len()));
        for element in &self.elements {
            Writer::new(out).i32_be(element.ad_type);
            write_bytes(&element.ad_data, out);
        }
    }

    pub(crate) fn import(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = reader.clone();
        let pac = read_bytes(reader)?;
        if !pac.is_empty() {
            PacInfo::read(&Pac::decode(pac)?).map_err(|_| at.invalid("a PAC that can't be read"))?;
        }
        let pac_signed_by_kdc = match reader.u8()? {
            0 => false,
            1 if !pac.is_empty() => true,
            _ => return Err(at.invalid("whether the KDC signed the PAC is 0 or 1")),
        };
        // Bounded by what is left: every one takes bytes.
        let indicators = (0..reader.u32_be()?).map(|_| read_text(reader)).collect::<Result<_, _>>()?;
        let elements = (0..reader.u32_be()?).map(|_| read_element(reader)).collect::<Result<_, _>>()?;
        Ok(Authorization { pac: pac.into(), pac_signed_by_kdc, indicators, elements })
    }
}

fn count(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    Writer::new(out).u32_be(count(bytes.len())).bytes(bytes);
}

fn read_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = reader.u32_be()?;
    reader.take(usize::try_from(length).unwrap_or(usize::MAX))
}

fn read_text(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let at = reader.clone();
    let text = core::str::from_utf8(read_bytes(reader)?).map_err(|_| DecodeReason::Invalid("text that is not UTF-8"));
    text.map(String::from).map_err(|reason| at.error(reason))
}

fn read_element(reader: &mut Reader<'_>) -> Result<AuthorizationDataElement, DecodeError> {
    Ok(AuthorizationDataElement { ad_type: reader.i32_be()?, ad_data: read_bytes(reader)?.to_vec() })
}
