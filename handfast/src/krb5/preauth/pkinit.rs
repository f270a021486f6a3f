use super::{ClientSecret, Mechanism, Method, Move, OwnedPaData, Replied, Round, Said};
use crate::crypto::Secret;
use crate::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage, fx_cf2};
use crate::krb5::exchange::{ClientProof, ExchangeError};
use crate::krb5::message::{EncryptedData, ErrorCode, KdcReqBody, KeyRef, PaData, PaDataType};
use crate::krb5::pkinit::{
    AuthPack, ContentType, DhGroup, DhKeyPair, DhRepInfo, KdcDhKeyInfo, KdcTrust, KeyContext, PaPkAsRep, PaPkAsReq,
    PkAuthenticator, PkinitError, PkinitIdentity, PkinitKdf, SignedData, TdDhParameters, ToSign, request_hashes,
};
use crate::question::{Answer, Question};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// PKINIT (RFC 4556): the client signs its half of a key agreement with its certificate's key, or does not sign it and stays
/// anonymous (RFC 8062 4.1.1); the KDC signs the other half. Both make the reply key of them.
pub(super) struct Pkinit;

impl Method for Pkinit {
    fn padata_type(&self) -> PaDataType {
        PaDataType::PK_AS_REQ
    }

    fn begin(&self, round: &Round<'_>) -> Option<Box<dyn Mechanism>> {
        let (identity, trust) = match round.secret {
            ClientSecret::Certificate { identity, trust } => (Some(identity.clone()), Arc::clone(trust)),
            ClientSecret::Anonymous { trust } => (None, Arc::clone(trust)),
            ClientSecret::Password(_) | ClientSecret::Keys(_) | ClientSecret::OneTimePassword => return None,
        };
        Some(Box::new(InUse { identity, trust, freshness: None, half: None, to_sign: None, retried: false, key: None }))
    }
}

struct InUse {
    /// None of an anonymous client.
    identity: Option<PkinitIdentity>,
    trust: Arc<KdcTrust>,
    /// The KDC's last token, as it is (RFC 8070 2.3).
    freshness: Option<Vec<u8>>,
    half: Option<Half>,
    /// What somebody else signs.
    to_sign: Option<ToSign>,
    /// Whether the KDC has refused a group.
    retried: bool,
    /// The reply key, once it is there.
    key: Option<EncryptionKey>,
}

/// The client's half of a key agreement, and the nonce that goes with it.
struct Half {
    pair: DhKeyPair,
    nonce: u32,
}

fn failed(error: PkinitError) -> ExchangeError {
    ExchangeError::Pkinit(Box::new(error))
}

fn send(signed_auth_pack: &[u8]) -> Move {
    let value = PaPkAsReq { signed_auth_pack }.to_der();
    Move::Send(vec![OwnedPaData::new(PaDataType::PK_AS_REQ, value)])
}

impl Mechanism for InUse {
    fn step(&mut self, said: &Said<'_>, round: &Round<'_>) -> Result<Move, ExchangeError> {
        let group = round.options.pkinit.usable_groups().next();
        self.hear(said);
        self.prove(group.ok_or_else(|| no_group(round))?, round)
    }

    fn answered(&mut self, answer: Answer, _round: &Round<'_>) -> Result<Move, ExchangeError> {
        let (Answer::Signature(signature), Some(to_sign)) = (answer, self.to_sign.take()) else {
            return Err(ExchangeError::ApiMisuse("an answer to another question than for a signature"));
        };
        to_sign.finish(&signature).map(|message| send(&message)).map_err(|error| failed(PkinitError::Message(error)))
    }

    /// The KDC names the groups that it takes, once (RFC 4556 3.2.2). Nothing protects what it says: no group is taken that was not
    /// permitted before.
    fn refused(&mut self, code: ErrorCode, said: &Said<'_>, round: &Round<'_>) -> Option<Move> {
        if code != ErrorCode::KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED || self.retried {
            return None;
        }
        self.retried = true;
        self.hear(said);
        let refused = self.half.as_ref()?.pair.group();
        let parameters = TdDhParameters::decode(said.find(PaDataType::TD_DH_PARAMETERS)?).ok()?;
        let named = parameters.0.iter().filter_map(|parameters| DhGroup::of_parameters(parameters.0));
        let group = { named }.find(|group| *group != refused && round.options.pkinit.takes(*group))?;
        self.prove(group, round).ok()
    }

    fn proof(&self) -> Option<ClientProof> {
        let is_sent = self.half.is_some() && self.to_sign.is_none();
        let proof = if self.identity.is_some() { ClientProof::Certificate } else { ClientProof::Anonymous };
        is_sent.then_some(proof)
    }

    fn reply_keys(&mut self, reply: &Replied<'_>, round: &Round<'_>) -> Result<Vec<EncryptionKey>, ExchangeError> {
        let pk_as_rep = reply.find(PaDataType::PK_AS_REP).ok_or_else(|| failed(PkinitError::NoReply))?;
        let info = PaPkAsRep::decode(pk_as_rep)?.dh_info;
        let body = KdcReqBody::decode(round.body)?;
        let shared = self.agree(&info, body.realm, round)?;
        let context = KeyContext { enctype: reply.enctype, body: &body, as_req: reply.request, pk_as_rep };
        let key = context.reply_key(kdf(&info, round)?, &shared)?;
        self.key = Some(key.clone());
        Ok(vec![key])
    }

    /// A session key to which both have contributed (RFC 8062 7): always for an anonymous client, else if the KDC says so.
    fn check_session_key(&self, padata: &[PaData<'_>], session: &KeyRef<'_>) -> Result<(), ExchangeError> {
        let Some(value) = super::mechanism::find(padata, PaDataType::PKINIT_KX) else {
            return if self.identity.is_some() { Ok(()) } else { Err(failed(PkinitError::NoKeyExchange)) };
        };
        let wrong = || failed(PkinitError::SessionKey);
        let reply_key = self.key.as_ref().ok_or_else(wrong)?;
        let sealed = EncryptedData::decode(value)?;
        if sealed.etype != reply_key.enctype() {
            return Err(wrong());
        }
        let plain = CipherKey::new(reply_key, KeyUsage::PA_PKINIT_KX)?.decrypt(sealed.cipher).map_err(|_| wrong())?;
        let contribution = KeyRef::decode(plain.expose())?.to_key()?;
        let combined = fx_cf2(&contribution, reply_key, b"PKINIT", b"KEYEXCHANGE")?;
        if KeyRef::from(&combined) == *session { Ok(()) } else { Err(wrong()) }
    }
}

impl InUse {
    fn hear(&mut self, said: &Said<'_>) {
        if let Some(token) = said.find(PaDataType::AS_FRESHNESS) {
            self.freshness = Some(token.to_vec());
        }
    }

    /// A new half in the group, to be sent: signed here, or elsewhere, or not at all.
    fn prove(&mut self, group: DhGroup, round: &Round<'_>) -> Result<Move, ExchangeError> {
        // The body's nonce: some KDCs answer with that one, whatever stands here (RFC 4556 3.2.1 lets it be the same).
        let half = Half { pair: DhKeyPair::generate(group, round.random)?, nonce: round.nonce };
        let auth_pack = self.auth_pack(&half, round);
        self.half = Some(half);
        let Some(identity) = &self.identity else {
            return Ok(send(&SignedData::unsigned(ContentType::AuthData, &auth_pack)));
        };
        let to_sign = ToSign::new(ContentType::AuthData, &auth_pack, identity)
            .map_err(|error| failed(PkinitError::Message(error)))?;
        if !identity.holds_key() {
            let question = Question::Sign {
                algorithm: to_sign.algorithm(),
                octets: to_sign.octets().to_vec(),
                certificate: identity.certificate().der().to_vec(),
            };
            self.to_sign = Some(to_sign);
            return Ok(Move::Ask(question));
        }
        let signature = identity.sign(&to_sign, round.random).map_err(|error| failed(PkinitError::Identity(error)))?;
        to_sign.finish(&signature).map(|message| send(&message)).map_err(|error| failed(PkinitError::Message(error)))
    }

    fn auth_pack(&self, half: &Half, round: &Round<'_>) -> Vec<u8> {
        let (sha1, sha256) = request_hashes(round.body);
        let kdfs = &round.options.pkinit.kdfs;
        AuthPack {
            pk_authenticator: PkAuthenticator {
                cusec: round.now.into(),
                ctime: round.now.into(),
                nonce: half.nonce,
                pa_checksum: Some(&sha1),
                freshness_token: self.freshness.as_deref(),
                pa_checksum2: Some(sha256.as_message()),
            },
            client_public_value: Some(&half.pair.public_key_info()),
            supported_kdfs: (!kdfs.is_empty()).then(|| kdfs.iter().map(|kdf| kdf.id()).collect()),
        }
        .to_der()
    }

    /// The shared secret, with the half that a KDC of the realm has signed for this request (RFC 4556 3.2.4).
    fn agree(&self, info: &DhRepInfo<'_>, realm: &str, round: &Round<'_>) -> Result<Secret<Vec<u8>>, ExchangeError> {
        let unbelieved = |error| failed(PkinitError::Kdc(error));
        let half = self.half.as_ref().ok_or_else(|| failed(PkinitError::NoReply))?;
        let trust = &self.trust;
        let signed = SignedData::decode(info.dh_signed_data)?;
        let signer = signed
            .verify(ContentType::DhKeyData, &trust.anchors, &trust.certificates, round.here)
            .map_err(unbelieved)?;
        let content = signer.content_of_kdc(realm, &trust.kdc).map_err(unbelieved)?;
        let key_info = KdcDhKeyInfo::decode(content)?;
        // It was not asked to use its half again, which would make the nonce a zero.
        let is_used_again = key_info.dh_key_expiration.is_some() || info.server_dh_nonce.is_some();
        if key_info.nonce != half.nonce || is_used_again {
            return Err(failed(PkinitError::Nonce));
        }
        half.pair.agree(key_info.subject_public_key).map_err(|error| failed(PkinitError::PublicValue(error)))
    }
}

fn no_group(round: &Round<'_>) -> ExchangeError {
    failed(PkinitError::NoGroup { permitted: round.options.pkinit.usable_groups().collect() })
}

/// The function that the KDC has chosen among those offered (RFC 8636 6).
fn kdf(info: &DhRepInfo<'_>, round: &Round<'_>) -> Result<Option<PkinitKdf>, ExchangeError> {
    let options = &round.options.pkinit;
    let Some(chosen) = info.kdf else {
        return if options.weak_unbound_kdf { Ok(None) } else { Err(failed(PkinitError::NoKdf)) };
    };
    let offered = options.kdfs.iter().copied().find(|kdf| kdf.id() == chosen);
    offered.map(Some).ok_or_else(|| failed(PkinitError::Kdf { oid: chosen.kdf_id.to_string() }))
}
