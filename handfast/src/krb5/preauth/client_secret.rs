use super::KeyHint;
use crate::crypto::Secret;
use crate::krb5::enctype::{CryptoError, EncryptionKey, Enctype, default_salt, string_to_key};
use crate::krb5::message::PaDataType;
#[cfg(feature = "pkinit")]
use crate::krb5::pkinit::{KdcTrust, PkinitIdentity};
use crate::name::Principal;
#[cfg(feature = "pkinit")]
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// What a client proves itself with to the KDC.
#[derive(Clone, Debug)]
pub enum ClientSecret {
    /// A password; keys are made from it as the KDC says.
    Password(Secret<Vec<u8>>),
    /// Keys, such as those of a keytab. Of several with the same enctype, the newest first.
    Keys(Vec<EncryptionKey>),
    /// Nothing that is kept: whoever drives the login is asked for a one-time password (RFC 6560), where the KDC wants one. It
    /// takes [armor](crate::krb5::exchange::Login::with_armor).
    OneTimePassword,
    /// A certificate (RFC 4556), and how the client knows the KDC.
    #[cfg(feature = "pkinit")]
    Certificate {
        /// The certificate and its private key.
        identity: PkinitIdentity,
        /// Whose certificates are believed to be the KDC's.
        trust: Arc<KdcTrust>,
    },
    /// Nothing: the client stays anonymous, and knows the KDC (RFC 8062 4.1.1). See
    /// [`Login::anonymous`](crate::krb5::exchange::Login::anonymous).
    #[cfg(feature = "pkinit")]
    Anonymous {
        /// Whose certificates are believed to be the KDC's.
        trust: Arc<KdcTrust>,
    },
}

impl ClientSecret {
    /// Whether there is a key of `enctype`, or can be one.
    pub(in crate::krb5) fn has(&self, enctype: Enctype) -> bool {
        match self {
            ClientSecret::Password(_) => enctype.can_compute(),
            ClientSecret::Keys(keys) => keys.iter().any(|key| key.enctype() == enctype),
            ClientSecret::OneTimePassword => enctype.can_compute(),
            #[cfg(feature = "pkinit")]
            ClientSecret::Certificate { .. } | ClientSecret::Anonymous { .. } => enctype.can_compute(),
        }
    }

    /// Whether keys come of an agreement with the KDC, and not of anything that both know before.
    pub(in crate::krb5) fn is_agreed(&self) -> bool {
        match self {
            ClientSecret::Password(_) | ClientSecret::Keys(_) | ClientSecret::OneTimePassword => false,
            #[cfg(feature = "pkinit")]
            ClientSecret::Certificate { .. } | ClientSecret::Anonymous { .. } => true,
        }
    }

    /// Whether the method of this padata type may prove it. Where there is nothing but one-time passwords, no other does.
    pub(in crate::krb5) fn is_for(&self, method: PaDataType) -> bool {
        !matches!(self, ClientSecret::OneTimePassword) || method == PaDataType::OTP_CHALLENGE
    }

    /// Whether the client has no name.
    pub(in crate::krb5) fn is_anonymous(&self) -> bool {
        match self {
            #[cfg(feature = "pkinit")]
            ClientSecret::Anonymous { .. } => true,
            _ => false,
        }
    }

    /// The keys of `enctype`, those to try first in front.
    pub(in crate::krb5) fn keys(
        &self,
        enctype: Enctype,
        client: &Principal,
        hint: Option<&KeyHint>,
    ) -> Result<Vec<EncryptionKey>, CryptoError> {
        let password = match self {
            ClientSecret::Keys(keys) => {
                return Ok(keys.iter().filter(|key| key.enctype() == enctype).cloned().collect());
            }
            ClientSecret::Password(password) => password.expose(),
            ClientSecret::OneTimePassword => return Ok(Vec::new()),
            #[cfg(feature = "pkinit")]
            ClientSecret::Certificate { .. } | ClientSecret::Anonymous { .. } => return Ok(Vec::new()),
        };
        let parameters = hint.and_then(KeyHint::parameters);
        Ok(vec![match hint.and_then(KeyHint::salt) {
            Some(salt) => string_to_key(enctype, password, salt, parameters)?,
            None => string_to_key(enctype, password, &default_salt(client), parameters)?,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_salt_is_realm_and_components() {
        let client: Principal = "host/www.example.com@EXAMPLE.COM".parse().unwrap();
        assert_eq!(default_salt(&client), b"EXAMPLE.COMhostwww.example.com");
    }

    #[test]
    fn keys_are_of_the_enctype_and_in_order() {
        let key = |enctype, byte| EncryptionKey::new(Enctype(enctype), [byte; 16]).unwrap();
        let secret = ClientSecret::Keys(vec![key(17, 1), key(19, 2), key(17, 3)]);
        let client: Principal = "a@B".parse().unwrap();
        assert_eq!(secret.keys(Enctype(17), &client, None).unwrap(), [key(17, 1), key(17, 3)]);
        assert!(secret.keys(Enctype(18), &client, None).unwrap().is_empty());
        assert!(secret.has(Enctype(19)) && !secret.has(Enctype(18)));
    }
}
