//! Kerberos V5 (RFC 4121).

mod acceptor;
mod authorization;
mod credential;
mod dce_style;
mod delegation;
mod iakerb;
mod initiator;
mod message;
mod on_behalf;
mod per_message;
mod seeds;
mod service_keys;
mod style;
mod user_to_user;

pub(crate) use acceptor::KerberosAcceptor;
pub(crate) use credential::{KerberosCredential, Secrets};
pub(crate) use initiator::{initiate, initiate_iakerb, initiate_user_to_user};
pub(crate) use user_to_user::Login;

use super::Halves;
use crate::crypto::Secret;
use crate::error::{Error, Refusal};
use crate::krb5::enctype::CipherKey;
use crate::krb5::message::EncryptedData;
use crate::wire::Reader;
use alloc::vec::Vec;

/// The proof in `encrypted`, under a session key; if it is not under that key, the peer has failed as `refusal` says.
fn decrypt(key: &CipherKey, encrypted: &EncryptedData<'_>, refusal: Refusal) -> Result<Secret<Vec<u8>>, Error> {
    if encrypted.etype != key.enctype() {
        return Err(Error::refused(refusal));
    }
    key.decrypt(encrypted.cipher).map_err(|_| Error::refused(refusal))
}

/// The halves of an exported context.
pub(crate) fn import(exported: &mut Reader<'_>) -> Result<Halves, Error> {
    Ok(per_message::import(exported)?)
}
