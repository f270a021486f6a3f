//! The checksum of PA-FOR-USER (MS-SFU 2.2.1).

use super::enctype::{ChecksumType, EncryptionKey};
use super::message::PrincipalName;
use crate::crypto::hash::{Hasher, Md5};
use crate::crypto::hmac_md5::HmacMd5Key;
use alloc::vec::Vec;

/// HMAC-MD5 (RFC 4757 4), the only type that PA-FOR-USER has (MS-SFU 2.2.1).
pub const FOR_USER_CHECKSUM_TYPE: ChecksumType = ChecksumType(-138);

/// The package that PA-FOR-USER names.
pub const FOR_USER_PACKAGE: &str = "Kerberos";

/// KERB_NON_KERB_CKSUM_SALT: the message type that the checksum is for (MS-SFU 2.2.1).
const MESSAGE_TYPE: u32 = 17;

/// The checksum that keeps others than the holder of a ticket-granting ticket from asking for tickets in a user's name:
/// HMAC-MD5 as RFC 4757 4 has it, with the session key `key` of whatever enctype.
pub fn for_user_checksum(key: &EncryptionKey, user: &PrincipalName<'_>, realm: &str, package: &str) -> [u8; 16] {
    let mut names = Vec::from(user.name_type.0.to_le_bytes());
    user.name_string.iter().for_each(|component| names.extend_from_slice(component.as_bytes()));
    names.extend_from_slice(realm.as_bytes());
    names.extend_from_slice(package.as_bytes());
    let mac = |key: &[u8], message: &[u8]| {
        let mut mac = [0; 16];
        HmacMd5Key::new(key).mac(&[message], &mut mac);
        mac
    };
    let signing = zeroize::Zeroizing::new(mac(key.bytes(), b"signaturekey\0"));
    let mut hasher = Hasher::<Md5>::new();
    hasher.update(&MESSAGE_TYPE.to_le_bytes());
    hasher.update(&names);
    let mut digest = [0; 16];
    <Md5 as crate::crypto::hash::Hash>::write(&hasher.finish(), &mut digest);
    mac(&*signing, &digest)
}
