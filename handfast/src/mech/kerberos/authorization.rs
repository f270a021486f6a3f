//! Authorization data at the acceptor (RFC 4120 5.2.6): what restricts is understood or refuses the client, and what
//! grants is proven or left out.

use super::service_keys::ServiceKey;
use crate::error::{Error, Refusal};
use crate::krb5::enctype::{ChecksumKey, EncryptionKey, KeyUsage};
use crate::krb5::message::{
    AD_DEPTH_LIMIT, AdCammac, AdElement, AdKdcIssued, AdType, AuthenticationIndicators, AuthorizationData, Checksum,
    EncTicketPart, PrincipalName,
};
use crate::krb5::pac::{Pac, PacError, PacInfo, find_pac};
use crate::krb5::{Authorization, AuthorizationDataElement};
use crate::policy::{PacPolicy, Policy};
use crate::wire::{DecodeError, DecodeReason};
use alloc::string::String;
use alloc::vec::Vec;

/// The keys that signatures in a ticket are checked with.
pub(super) struct TicketKeys<'k> {
    /// That of the service, which the ticket was opened with.
    pub(super) server: &'k ServiceKey,
    /// Those of the realm's ticket-granting service, if the keytab has them.
    pub(super) kdc: Vec<&'k ServiceKey>,
}

/// Reads a ticket's authorization data.
pub(super) fn read(
    part: &EncTicketPart<'_>,
    sname: &PrincipalName<'_>,
    keys: &TicketKeys<'_>,
    policy: &Policy,
) -> Result<Authorization, Error> {
    check_critical(&part.authorization_data, policy)?;
    let mut reading = Reading { part, keys, indicators: Vec::new(), elements: Vec::new() };
    reading.walk(&part.authorization_data, AD_DEPTH_LIMIT)?;
    let (indicators, elements) = (reading.indicators.into(), reading.elements.into());
    let mut found = Authorization { indicators, elements, ..Authorization::default() };
    if policy.pac() != PacPolicy::Ignore {
        read_pac(part, sname, keys, &mut found).map_err(|error| Error::refused(Refusal::Pac(error)))?;
    }
    if policy.pac() == PacPolicy::Require && found.pac.is_empty() {
        return Err(Error::refused(Refusal::PacMissing));
    }
    Ok(found)
}

/// Elements that are not known are critical, unless they stand inside a container that says otherwise (RFC 4120 5.2.6):
/// AD-IF-RELEVANT, and those that a service may ignore (5.2.6.2, RFC 7751 5) or that are for the KDC (5.2.6.4). What
/// the application looks at by itself, the policy says.
pub(super) fn check_critical(data: &AuthorizationData<'_>, policy: &Policy) -> Result<(), Error> {
    const KNOWN: [AdType; 4] = [AdType::IF_RELEVANT, AdType::KDC_ISSUED, AdType::CAMMAC, AdType::MANDATORY_FOR_KDC];
    let known = |ad_type| KNOWN.contains(&ad_type) || policy.understands(ad_type);
    match data.0.iter().find(|element| !known(element.ad_type)) {
        Some(element) => Err(Error::refused(Refusal::CriticalAuthorizationData(element.ad_type.0))),
        None => Ok(()),
    }
}

/// Whether a ticket for `sname` has signatures of ticket and whole PAC (MS-PAC 2.8.3, 2.8.4): not if the KDC reads it itself.
fn is_for_a_service(sname: &PrincipalName<'_>) -> bool {
    sname.name_string.first() != Some(&"krbtgt") && sname.name_string != ["kadmin", "changepw"]
}

fn read_pac(
    part: &EncTicketPart<'_>,
    sname: &PrincipalName<'_>,
    keys: &TicketKeys<'_>,
    found: &mut Authorization,
) -> Result<(), PacError> {
    let Some(bytes) = find_pac(&part.authorization_data)? else { return Ok(()) };
    let pac = Pac::decode(bytes)?;
    pac.verify(part, &keys.server.signature)?;
    let signed = pac.signature(crate::krb5::pac::PacBufferType::KDC_SIGNATURE)?.map(|found| found.checksum_type);
    let of_type = |key: &&&ServiceKey| Some(key.signature.checksum_type()) == signed;
    let mut outcome = None;
    for key in keys.kdc.iter().filter(of_type) {
        let checked = match is_for_a_service(sname) {
            // Whether a KDC makes full signatures is its version's matter; one that is there is checked.
            true => pac.verify_kdc_signatures(part, &key.signature, false),
            false => pac.verify_kdc_signature(&key.signature),
        };
        let held = checked.is_ok();
        outcome = Some(checked);
        if held {
            break;
        }
    }
    outcome.clone().unwrap_or(Ok(()))?;
    found.pac_signed_by_kdc = outcome.is_some();
    PacInfo::read(&pac)?;
    found.pac = bytes.into();
    Ok(())
}

/// A walk through the containers.
struct Reading<'r, 't> {
    part: &'r EncTicketPart<'t>,
    keys: &'r TicketKeys<'r>,
    indicators: Vec<String>,
    elements: Vec<AuthorizationDataElement>,
}

impl Reading<'_, '_> {
    fn walk(&mut self, data: &AuthorizationData<'_>, depth: usize) -> Result<(), Error> {
        for element in &data.0 {
            match element.ad_type {
                AdType::IF_RELEVANT => self.walk(&AuthorizationData::decode(element.ad_data)?, deeper(depth)?)?,
                AdType::KDC_ISSUED => self.read_kdc_issued(element, depth)?,
                AdType::CAMMAC => self.read_cammac(element, depth)?,
                // Who does not do it must refuse the ticket, wherever it stands (5.2.6.3).
                AdType::AND_OR => return Err(Error::refused(Refusal::CriticalAuthorizationData(AdType::AND_OR.0))),
                _ => {}
            }
        }
        Ok(())
    }

    /// What has no right checksum is ignored, as RFC 4120 5.2.6.2 says.
    fn read_kdc_issued(&mut self, element: &AdElement<'_>, depth: usize) -> Result<(), Error> {
        let Ok(issued) = AdKdcIssued::decode(element.ad_data) else { return Ok(()) };
        let session = EncryptionKey::new(self.part.key.keytype, self.part.key.keyvalue)?;
        if holds(&session, KeyUsage::AD_KDC_ISSUED_CHECKSUM, &issued.ad_checksum, issued.elements.bytes()) {
            self.vouched(&issued.elements, deeper(depth)?, false)?;
        }
        Ok(())
    }

    /// What has no right verifier of ours is ignored, as RFC 7751 5 allows.
    fn read_cammac(&mut self, element: &AdElement<'_>, depth: usize) -> Result<(), Error> {
        let Ok(cammac) = AdCammac::decode(element.ad_data) else { return Ok(()) };
        let Some(verifier) = &cammac.svc_verifier else { return Ok(()) };
        if holds(&self.keys.server.key, KeyUsage::CAMMAC_VERIFIER, &verifier.mac, cammac.elements.bytes()) {
            self.vouched(&cammac.elements, deeper(depth)?, true)?;
        }
        Ok(())
    }

    /// Elements that the KDC vouches for; indicators count inside AD-CAMMAC alone (RFC 8129 5).
    fn vouched(&mut self, data: &AuthorizationData<'_>, depth: usize, cammac: bool) -> Result<(), Error> {
        for element in &data.0 {
            match element.ad_type {
                AdType::IF_RELEVANT => {
                    self.vouched(&AuthorizationData::decode(element.ad_data)?, deeper(depth)?, cammac)?;
                }
                AdType::AUTHENTICATION_INDICATOR if cammac => {
                    let indicators = AuthenticationIndicators::decode(element.ad_data)?;
                    self.indicators.extend(indicators.0.into_iter().map(Into::into));
                }
                AdType::AUTHENTICATION_INDICATOR | AdType::WIN2K_PAC => {}
                AdType(ad_type) => {
                    self.elements.push(AuthorizationDataElement { ad_type, ad_data: element.ad_data.to_vec() });
                }
            }
        }
        Ok(())
    }
}

fn deeper(depth: usize) -> Result<usize, DecodeError> {
    let reason = DecodeReason::TooLarge { limit: AD_DEPTH_LIMIT };
    depth.checked_sub(1).ok_or(DecodeError { what: "authorization data", offset: 0, reason })
}

/// Whether `checksum` is of the key's own type, and right.
fn holds(key: &EncryptionKey, usage: KeyUsage, checksum: &Checksum<'_>, data: &[u8]) -> bool {
    let Ok(key) = ChecksumKey::new(key, usage) else { return false };
    checksum.cksumtype == key.checksum_type() && key.verify(&[data], checksum.checksum).is_ok()
}
