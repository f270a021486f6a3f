use crate::directory::PrincipalEntry;
use crate::realm::Realm;
use crate::refusal::Refusal;
use alloc::sync::Arc;
use alloc::vec::Vec;
use handfast::crypto::{Random, Secret};
use handfast::krb5::enctype::{CipherKey, CryptoError, EncryptionKey, Enctype, KeyUsage, fx_cf2};
use handfast::krb5::message::{EncryptedData, KeyRef, PaDataType};
use handfast::krb5::pkinit::{CertificateRules, ClientRules, PkinitIdentity, PkinitOptions, TrustAnchors};
use handfast::{Principal, Time};

/// How a realm takes logins with certificates (RFC 4556), and of anonymous clients (RFC 8062).
#[derive(Clone, Debug)]
#[non_exhaustive]
#[doc(alias("pkinit_identity", "pkinit_anchors"))]
pub struct RealmPkinit {
    /// The KDC's certificate and its private key, which has to be here. Clients want it to name `krbtgt/REALM` and to be for KDCs.
    pub identity: PkinitIdentity,
    /// Who vouches for clients. Nobody, if only anonymous clients are taken.
    pub client_trust: TrustAnchors,
    /// What is taken of clients' certificates.
    pub certificates: CertificateRules,
    /// How a client is known by its certificate.
    pub clients: ClientRules,
    /// The groups and key derivations that are taken. The client's choice of a group counts, and our order of functions.
    pub agreement: PkinitOptions,
    /// Whether clients have to show that they hold their private key now, and have not signed the request before (RFC 8070).
    /// Off: older clients can't.
    #[doc(alias = "pkinit_require_freshness")]
    pub require_freshness: bool,
    /// Whether anybody gets anonymous tickets of the realm, which can armor logins. Off.
    pub anonymous: bool,
}

impl RealmPkinit {
    /// A KDC with this certificate, for clients for whose certificates `client_trust` vouches, by the strictest rules.
    pub fn new(identity: PkinitIdentity, client_trust: TrustAnchors) -> Self {
        RealmPkinit {
            identity,
            client_trust,
            certificates: CertificateRules::default(),
            clients: ClientRules::default(),
            agreement: PkinitOptions::default(),
            require_freshness: false,
            anonymous: false,
        }
    }
}

impl Realm {
    /// The realm, which takes certificates too: before all other methods, unless [`Settings::preauth`](crate::Settings::preauth) gives
    /// PKINIT another place.
    #[must_use]
    pub fn with_pkinit(mut self, pkinit: RealmPkinit) -> Self {
        if !self.settings.preauth.contains(&PaDataType::PK_AS_REQ) {
            self.settings.preauth.insert(0, PaDataType::PK_AS_REQ);
        }
        self.pkinit = Some(Arc::new(pkinit));
        self
    }

    /// The entry of nobody, where anonymous clients are taken; none for other names.
    pub(crate) fn nobody(&self, name: &Principal, now: Time) -> Option<Arc<PrincipalEntry>> {
        let taken = self.pkinit.as_ref().is_some_and(|pkinit| pkinit.anonymous);
        (taken && is_anonymous(name)).then(|| Arc::new(PrincipalEntry::bare(name.clone(), now)))
    }
}

/// A session key of a key that both sides have agreed on and of one of ours, and the PA-PKINIT-KX that tells ours (RFC 8062 7).
pub(crate) fn session_key(
    reply_key: &EncryptionKey,
    session: Enctype,
    random: &dyn Random,
) -> Result<(EncryptionKey, Vec<u8>), Refusal> {
    let contribution = EncryptionKey::generate(session, random)?;
    let session_key = fx_cf2(&contribution, reply_key, b"PKINIT", b"KEYEXCHANGE")?;
    let mut confounder = [0; 16];
    random.fill(&mut confounder).map_err(CryptoError::from)?;
    let plain = Secret::new(KeyRef::from(&contribution).to_der());
    let mut cipher = Vec::new();
    CipherKey::new(reply_key, KeyUsage::PA_PKINIT_KX)?.encrypt(&confounder, plain.expose(), &mut cipher);
    let sealed = EncryptedData { etype: reply_key.enctype(), kvno: None, cipher: &cipher };
    Ok((session_key, sealed.to_der()))
}

/// Whether it is `WELLKNOWN/ANONYMOUS`, of whatever realm (RFC 8062 3).
pub(crate) fn is_anonymous(name: &Principal) -> bool {
    name.components() == Principal::anonymous().components()
}
