//! The user in whose name a service asks for a ticket to itself (MS-SFU 3.1.5.1.1).

use super::asked::Asked;
use super::{ExchangeError, Mismatch};
use crate::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, KeyUsage};
use crate::krb5::message::{
    Checksum, EncTicketPart, Encoded, KdcRep, PaData, PaDataType, PaForUser, PaS4uX509User, PrincipalName, S4uOptions,
    S4uUserId,
};
use crate::krb5::{FOR_USER_CHECKSUM_TYPE, FOR_USER_PACKAGE, for_user_checksum};
use crate::name::{NameType, Principal};
use alloc::vec;
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
/// must repeat it, with a checksum under the reply's key (MS-SFU 3.1.5.1.1.3). One that knows PA-FOR-USER alone, as Samba's, does
/// not: then the ticket itself tells, which is to the service that asks, and is opened with `own_keys` of that.
pub(super) fn check_user(
    asked: &Asked,
    key: &EncryptionKey,
    own_keys: &[EncryptionKey],
    reply: &KdcRep<'_>,
) -> Result<(), ExchangeError> {
    let Some(user) = &asked.terms.for_user else { return Ok(()) };
    let unproven = || ExchangeError::mismatch(Mismatch::UserNotProven);
    let said = reply.padata.iter().find(|padata| padata.padata_type == PaDataType::S4U_X509_USER);
    let Some(said) = said else { return check_inside(user, own_keys, reply) };
    let said = PaS4uX509User::decode(said.padata_value)?;
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
        Some(name) => check_name(user, name, said.user_id.crealm),
        None => check_name(user, &PrincipalName { name_type: NameType::UNKNOWN, name_string: vec![""] }, ""),
    }
}

fn check_name(user: &Principal, name: &PrincipalName<'_>, realm: &str) -> Result<(), ExchangeError> {
    if name.names(user) && realm == user.realm() {
        return Ok(());
    }
    let got = name.to_principal(realm);
    Err(ExchangeError::mismatch(Mismatch::Client { asked: user.clone(), got }))
}

/// Whether the ticket, opened with one of `keys`, is in the user's name.
fn check_inside(user: &Principal, keys: &[EncryptionKey], reply: &KdcRep<'_>) -> Result<(), ExchangeError> {
    let sealed = &reply.ticket.enc_part;
    for key in keys.iter().filter(|key| key.enctype() == sealed.etype) {
        if let Ok(opened) = CipherKey::new(key, KeyUsage::TICKET)?.decrypt(sealed.cipher) {
            let part = EncTicketPart::decode(opened.expose())?;
            return check_name(user, &part.cname, part.crealm);
        }
    }
    Err(ExchangeError::mismatch(Mismatch::UserNotProven))
}
