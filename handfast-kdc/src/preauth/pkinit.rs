use super::cookie::{self, State};
use super::{Ask, Method, Offer, OwnedPaData, Proof, ReplyKey, Verdict, check_skew};
use crate::pkinit::RealmPkinit;
use crate::refusal::{Refusal, Seen};
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use handfast::Time;
use handfast::krb5::enctype::{CryptoError, Enctype};
use handfast::krb5::message::{ErrorCode, PaDataType};
use handfast::krb5::pkinit::{
    AuthPack, CERTIFIER_LIMIT, Certificate, CertificateError, ContentType, DhGroup, DhKeyPair, DhRepInfo,
    DomainParameters, ExternalPrincipalIdentifier, KdcDhKeyInfo, KeyContext, PaPkAsRep, PaPkAsReq, PkAuthenticator,
    PkinitKdf, RequestHashError, SignedData, TdCertificates, TdDhParameters, ToSign, public_key_info,
};

/// PKINIT (RFC 4556): the client signs its half of a key agreement, or stays anonymous (RFC 8062 4.1.1); we sign ours. A request that
/// comes again gets another half, and a reply that only who made the request can read.
pub(super) struct Pkinit;

impl Method for Pkinit {
    fn padata_type(&self) -> PaDataType {
        PaDataType::PK_AS_REQ
    }

    fn offer(&self, ask: &Ask<'_>) -> Result<Option<Offer>, Refusal> {
        let usable = |pkinit: &&RealmPkinit| ask.is_anonymous() || !pkinit.client_trust.is_empty();
        Ok(ask.pkinit.filter(usable).map(|_| Offer { value: Vec::new(), state: None }))
    }

    fn verify<'a>(
        &self,
        value: &[u8],
        _state: Option<&[u8]>,
        ask: &Ask<'a>,
        seen: &mut Seen,
    ) -> Result<Verdict<'a>, Refusal> {
        let pkinit = ask.pkinit.ok_or_else(|| failed("PKINIT: the realm has no certificate"))?;
        let request = PaPkAsReq::decode(value).map_err(undecodable)?;
        let signed = SignedData::decode(request.signed_auth_pack).map_err(undecodable)?;
        let (content, until) = content(&signed, pkinit, ask)?;
        let auth_pack = AuthPack::decode(content).map_err(undecodable)?;
        check_authenticator(&auth_pack.pk_authenticator, pkinit, ask, seen)?;
        let (pair, shared) = agree(&auth_pack, pkinit, ask)?;
        let kdf = choose_kdf(&auth_pack, pkinit)?;
        let dh_signed_data = sign(&pair, auth_pack.pk_authenticator.nonce, pkinit, ask)?;
        let dh_info = DhRepInfo { dh_signed_data: &dh_signed_data, server_dh_nonce: None, kdf: kdf.map(PkinitKdf::id) };
        let pk_as_rep = PaPkAsRep { dh_info }.to_der();
        let context = KeyContext { enctype: enctype(ask)?, body: ask.body, as_req: ask.request, pk_as_rep: &pk_as_rep };
        let reply_key = ReplyKey::Agreed { key: context.reply_key(kdf, &shared)?, until };
        Ok(Verdict::Proven(Proof { reply_key, padata: vec![(PaDataType::PK_AS_REP, pk_as_rep)] }))
    }
}

/// What stands beside an offer of PKINIT: a freshness token (RFC 8070 2.2), and that anonymous clients are taken (RFC 8062 4.1.1).
pub(super) fn beside_offer(offered: &[OwnedPaData], ask: &Ask<'_>) -> Result<Vec<OwnedPaData>, Refusal> {
    let Some(pkinit) = ask.pkinit.filter(|_| offered.iter().any(|(kind, _)| *kind == PaDataType::PK_AS_REQ)) else {
        return Ok(Vec::new());
    };
    let anonymous = pkinit.anonymous.then_some((PaDataType::PKINIT_KX, Vec::new()));
    let token = (!ask.is_anonymous()).then(|| freshness_token(ask)).transpose()?;
    Ok(anonymous.into_iter().chain(token.map(|token| (PaDataType::AS_FRESHNESS, token))).collect())
}

fn failed(reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, reason)
}

fn undecodable(error: handfast::wire::DecodeError) -> Refusal {
    Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, format!("PKINIT: {error}"))
}

/// What the client has signed, and until when its certificate is good; or what an anonymous client has sent.
fn content<'m>(
    signed: &SignedData<'m>,
    pkinit: &RealmPkinit,
    ask: &Ask<'_>,
) -> Result<(&'m [u8], Option<Time>), Refusal> {
    if ask.is_anonymous() {
        return signed.unsigned_content(ContentType::AuthData).map(|content| (content, None)).map_err(refusal);
    }
    let verified = signed.verify(ContentType::AuthData, &pkinit.client_trust, &pkinit.certificates, ask.now);
    let signer = verified.map_err(|error| with_trusted(refusal(error), pkinit))?;
    let content = signer.content_of_client(&ask.client.principal, &pkinit.clients).map_err(refusal)?;
    Ok((content, Some(signer.certificate().not_after())))
}

/// The codes of RFC 4556 3.2.2.
fn refusal(error: CertificateError) -> Refusal {
    let code = match &error {
        CertificateError::NoPath { .. }
        | CertificateError::NoSignerCertificate
        | CertificateError::PathTooLong { .. } => ErrorCode::KDC_ERR_CANT_VERIFY_CERTIFICATE,
        CertificateError::Revoked { .. } => ErrorCode::KDC_ERR_REVOKED_CERTIFICATE,
        CertificateError::RevocationUnknown { .. } => ErrorCode::KDC_ERR_REVOCATION_STATUS_UNKNOWN,
        CertificateError::Purpose { .. } | CertificateError::KeyUsage { .. } => {
            ErrorCode::KDC_ERR_INCONSISTENT_KEY_PURPOSE
        }
        CertificateError::NotTheClient { .. } => ErrorCode::KDC_ERR_CLIENT_NAME_MISMATCH,
        CertificateError::Signature { .. } | CertificateError::Digest | CertificateError::Unsigned => {
            ErrorCode::KDC_ERR_INVALID_SIG
        }
        CertificateError::Expired { .. }
        | CertificateError::NotYetValid { .. }
        | CertificateError::NotAnAuthority { .. }
        | CertificateError::Extension { .. } => ErrorCode::KDC_ERR_INVALID_CERTIFICATE,
        _ => ErrorCode::KDC_ERR_CLIENT_NOT_TRUSTED,
    };
    Refusal::new(code, format!("PKINIT: {error}"))
}

/// Tells a client whose issuer is not known whom we believe (RFC 4556 3.2.2).
fn with_trusted(refusal: Refusal, pkinit: &RealmPkinit) -> Refusal {
    if refusal.code != ErrorCode::KDC_ERR_CANT_VERIFY_CERTIFICATE {
        return refusal;
    }
    let anchors = pkinit.client_trust.anchors().iter().take(CERTIFIER_LIMIT);
    let identifier = |anchor: &'_ Certificate| anchor.subject().der().to_vec();
    let names: Vec<_> = anchors.map(identifier).collect();
    let named = |name| ExternalPrincipalIdentifier { subject_name: Some(name), ..Default::default() };
    let list = TdCertificates(names.iter().map(|name| named(name.as_slice())).collect());
    refusal.with_typed_data(vec![(PaDataType::TD_TRUSTED_CERTIFIERS, list.to_der())])
}

/// The proof is of now, and of this request (RFC 4556 3.2.2, RFC 8070 2.4).
fn check_authenticator(
    authenticator: &PkAuthenticator<'_>,
    pkinit: &RealmPkinit,
    ask: &Ask<'_>,
    seen: &mut Seen,
) -> Result<(), Refusal> {
    let time = authenticator.ctime.with_micros(authenticator.cusec);
    seen.client_time = Some(time);
    check_skew(time, ask.settings.clock_skew, ask.now)?;
    authenticator.check_request(ask.body.bytes()).map_err(|error| match error {
        RequestHashError::Missing => {
            Refusal::new(ErrorCode::KDC_ERR_PA_CHECKSUM_MUST_BE_INCLUDED, "PKINIT: no paChecksum")
        }
        _ => Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, "PKINIT: the proof is for another request"),
    })?;
    match authenticator.freshness_token {
        Some(token) => check_freshness(token, ask),
        None if pkinit.require_freshness && !ask.is_anonymous() => {
            Err(failed("PKINIT: nothing shows that the client holds its key now"))
        }
        None => Ok(()),
    }
}

/// A token by which clients show that they have signed after it was made: a cookie of another kind.
fn freshness_token(ask: &Ask<'_>) -> Result<Vec<u8>, Refusal> {
    cookie::seal(&[State { padata_type: PaDataType::AS_FRESHNESS, state: Vec::new() }], ask)
}

fn check_freshness(token: &[u8], ask: &Ask<'_>) -> Result<(), Refusal> {
    let states = cookie::open(token, ask)?;
    if states.iter().any(|state| state.padata_type == PaDataType::AS_FRESHNESS) {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::KDC_ERR_PREAUTH_EXPIRED,
        "PKINIT: the freshness token is not one of ours for this client",
    ))
}

type Agreed = (DhKeyPair, handfast::crypto::Secret<Vec<u8>>);

/// Our half, and the shared secret.
fn agree(auth_pack: &AuthPack<'_>, pkinit: &RealmPkinit, ask: &Ask<'_>) -> Result<Agreed, Refusal> {
    let no_half = || {
        let reason = "PKINIT: the client wants its key encrypted, not agreed on";
        Refusal::new(ErrorCode::KDC_ERR_PUBLIC_KEY_ENCRYPTION_NOT_SUPPORTED, reason)
    };
    let info = auth_pack.client_public_value.ok_or_else(no_half)?;
    let (parameters, public) = public_key_info(info).map_err(undecodable)?;
    let taken = |group: &DhGroup| pkinit.agreement.takes(*group);
    let group = DhGroup::of_parameters(parameters).filter(taken).ok_or_else(|| other_groups(pkinit))?;
    let pair = DhKeyPair::generate(group, ask.random).map_err(CryptoError::from)?;
    let shared = pair
        .agree(public)
        .map_err(|error| Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, format!("PKINIT: {error}")))?;
    Ok((pair, shared))
}

/// The groups that we take (RFC 4556 3.2.2).
fn other_groups(pkinit: &RealmPkinit) -> Refusal {
    let parameters: Vec<_> = pkinit.agreement.usable_groups().map(DhGroup::parameters).collect();
    let list = TdDhParameters(parameters.iter().map(|parameters| DomainParameters(parameters)).collect());
    let reason = "PKINIT: the client's group is not one that is taken";
    Refusal::new(ErrorCode::KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED, reason)
        .with_typed_data(vec![(PaDataType::TD_DH_PARAMETERS, list.to_der())])
}

/// The first of our functions that the client has; none for a client that knows none of RFC 8636, where that is permitted.
fn choose_kdf(auth_pack: &AuthPack<'_>, pkinit: &RealmPkinit) -> Result<Option<PkinitKdf>, Refusal> {
    let refused = |reason: &str| Err(Refusal::new(ErrorCode::KDC_ERR_NO_ACCEPTABLE_KDF, reason.to_string()));
    let Some(offered) = &auth_pack.supported_kdfs else {
        return if pkinit.agreement.weak_unbound_kdf {
            Ok(None)
        } else {
            refused("PKINIT: the client knows no key derivation of RFC 8636")
        };
    };
    match pkinit.agreement.kdfs.iter().find(|kdf| offered.contains(&kdf.id())) {
        Some(kdf) => Ok(Some(*kdf)),
        None => refused("PKINIT: no key derivation function in common"),
    }
}

fn sign(pair: &DhKeyPair, nonce: u32, pkinit: &RealmPkinit, ask: &Ask<'_>) -> Result<Vec<u8>, Refusal> {
    let ours = |error: &dyn core::fmt::Display| {
        Refusal::new(ErrorCode::KRB_ERR_GENERIC, format!("PKINIT: the KDC's own certificate: {error}"))
    };
    let info = KdcDhKeyInfo { subject_public_key: pair.public_value(), nonce, dh_key_expiration: None };
    let message =
        ToSign::new(ContentType::DhKeyData, &info.to_der(), &pkinit.identity).map_err(|error| ours(&error))?;
    let signature = pkinit.identity.sign(&message, ask.random).map_err(|error| ours(&error))?;
    message.finish(&signature).map_err(|error| ours(&error))
}

/// The reply key's enctype: the first in the request that is used here (RFC 4120 3.1.3).
fn enctype(ask: &Ask<'_>) -> Result<Enctype, Refusal> {
    let used = |enctype: &Enctype| ask.settings.permits(*enctype) && enctype.can_compute();
    let none = || Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, "no enctype of the request is one that is used here");
    ask.body.etype.iter().copied().find(used).ok_or_else(none)
}
