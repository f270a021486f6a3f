//! The user in whose name a service asks for a ticket to itself (MS-SFU 3.1.5.1.1).

use super::asked::Asked;
use super::error::{ExchangeError, Mismatch};
use crate::krb5::enctype::{ChecksumKey, CryptoError, EncryptionKey, KeyUsage};
use crate::krb5::message::{
    Checksum, Encoded, KdcRep, PaData, PaDataType, PaForUser, PaS4uX509User, PrincipalName, S4uOptions, S4uUserId,
};
use crate::krb5::{FOR_USER_CHECKSUM_TYPE, FOR_USER_PACKAGE, for_user_checksum};
use crate::name::Principal;
use alloc::vec::Vec;

/// The checksum of PA-S4U-X509-USER in a request (MS-SFU 2.2.2).
const REQUEST: KeyUsage = KeyUsage(26);
/// The same in the reply of a KDC that knows of it.
const REPLY: KeyUsage = KeyUsage(27);

/// The padata that name a user, each with the checksum that only the holder of the ticket's key can make.
pub(super) struct NamedUser {
    for_user: Vec<u8>,
    x509_user: Vec<u8>,
}

impl NamedUser {
    pub(super) fn new(
        user: &Principal,
        nonce: u32,
        session: &EncryptionKey,
        subkey: &EncryptionKey,
    ) -> Result<Self, CryptoError> {
        let name = PrincipalName::from(user);
        let checksum = for_user_checksum(session, &name, user.realm(), FOR_USER_PACKAGE);
        let for_user = PaForUser {
            user_name: name.clone(),
            user_realm: user.realm(),
            cksum: Checksum { cksumtype: FOR_USER_CHECKSUM_TYPE, checksum: &checksum },
            auth_package: FOR_USER_PACKAGE,
        };
        let mut buffer = Vec::new();
        let user_id = S4uUserId {
            nonce,
            cname: Some(name.clone()),
            crealm: user.realm(),
            subject_certificate: None,
            options: Some(S4uOptions::USE_REPLY_KEY_USAGE),
        };
        let user_id = Encoded::<S4uUserId<'_>>::new(user_id, &mut buffer);
        let key = ChecksumKey::new(subkey, REQUEST)?;
        let mac = key.checksum(&[user_id.bytes()]);
        let checksum = Checksum { cksumtype: key.checksum_type(), checksum: &mac };
        let x509_user = PaS4uX509User { user_id, checksum }.to_der();
        Ok(NamedUser { for_user: for_user.to_der(), x509_user })
    }

    pub(super) fn padata(&self) -> [PaData<'_>; 2] {
        [
            PaData { padata_type: PaDataType::FOR_USER, padata_value: &self.for_user },
            PaData { padata_type: PaDataType::S4U_X509_USER, padata_value: &self.x509_user },
        ]
    }
}

/// Whether the reply is for the user that was named. The client's name in a reply is protected by nothing, so the KDC
/// must repeat it, with a checksum under the reply's key (MS-SFU 3.1.5.1.1.3).
pub(super) fn check_user(asked: &Asked, key: &EncryptionKey, reply: &KdcRep<'_>) -> Result<(), ExchangeError> {
    let Some(user) = &asked.terms.for_user else { return Ok(()) };
    let unproven = || ExchangeError::mismatch(Mismatch::UserNotProven);
    let said = reply.padata.iter().find(|padata| padata.padata_type == PaDataType::S4U_X509_USER);
    let said = PaS4uX509User::decode(said.ok_or_else(unproven)?.padata_value)?;
    let knows = said.user_id.options.is_some_and(|options| options.contains(S4uOptions::USE_REPLY_KEY_USAGE));
    let key = ChecksumKey::new(key, if knows { REPLY } else { REQUEST })?;
    if said.checksum.cksumtype != key.checksum_type() {
        return Err(unproven());
    }
    key.verify(&[said.user_id.bytes()], said.checksum.checksum).map_err(|_| unproven())?;
    if said.user_id.nonce != asked.nonce {
        return Err(ExchangeError::mismatch(Mismatch::Nonce));
    }
    match &said.user_id.cname {
        Some(name) if name.names(user) && said.user_id.crealm == user.realm() => Ok(()),
        name => {
            let got = name.as_ref().map_or_else(
                || Principal::new(crate::name::NameType::UNKNOWN, [""], said.user_id.crealm),
                |name| name.to_principal(said.user_id.crealm),
            );
            Err(ExchangeError::mismatch(Mismatch::Client { asked: user.clone(), got }))
        }
    }
}
