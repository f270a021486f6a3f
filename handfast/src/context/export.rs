//! Contexts that move: exported from one process, imported in another.

use super::Context;
use crate::crypto::Secret;
use crate::error::Error;
use crate::flags::Flags;
use crate::identity::Identity;
use crate::krb5::Authorization;
use crate::krb5::enctype::Enctype;
use crate::mech::{Established, Mechanism, MechanismId, Why, kerberos, ntlm};
use crate::name::{NameType, Principal};
use crate::time::Time;
use crate::wire::{DecodeError, Reader, Writer};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

const MAGIC: [u8; 4] = *b"HFC2";

impl Context {
    /// The context as bytes, for [`Context::import`] in another process. The context itself is gone, so that no
    /// sequence number is used twice.
    ///
    /// The bytes are secret: who has them has the context. They hold no tickets: acquired, delegated, or evidence. There is no check value:
    /// keep them where nobody else can write.
    #[doc(alias("gss_export_sec_context", "ExportSecurityContext"))]
    pub fn export(self) -> Secret<Vec<u8>> {
        let established = &*self.established;
        let mut bytes = Secret::new(Vec::new());
        let out = bytes.expose_mut();
        Writer::new(out).bytes(&MAGIC);
        write_bytes(established.mechanism.der_contents(), out);
        write_identity(&established.peer, out);
        write_identity(&established.local, out);
        let mut writer = Writer::new(out);
        writer.u32_be(established.flags.bits());
        writer.bytes(&established.expires.map_or(i64::MAX, Time::unix_micros).to_be_bytes());
        writer.i32_be(established.enctype.map_or(0, |enctype| enctype.0));
        write_bytes(established.session_key.expose(), out);
        Writer::new(out).u8(u8::from(established.authorization.is_some()));
        if let Some(authorization) = &established.authorization {
            authorization.export(out);
        }
        established.halves.seal.export(out);
        established.halves.unseal.export(out);
        bytes
    }

    /// A context that was exported.
    ///
    /// # Errors
    /// [`Error::Decode`] if the bytes are not whole, and [`Error::UnknownMechanism`] if the context is of an
    /// application's own mechanism: see [`Context::import_with`].
    #[doc(alias("gss_import_sec_context", "ImportSecurityContext"))]
    pub fn import(exported: &[u8]) -> Result<Context, Error> {
        read(exported, None)
    }

    /// A context that was exported, possibly of an application's own mechanism.
    ///
    /// # Errors
    /// As [`Context::import`].
    pub fn import_with(mechanism: &dyn Mechanism, exported: &[u8]) -> Result<Context, Error> {
        read(exported, Some(mechanism))
    }
}

fn read(exported: &[u8], own: Option<&dyn Mechanism>) -> Result<Context, Error> {
    let mut reader = Reader::new("exported context", exported);
    if reader.array()? != MAGIC {
        return Err(Reader::new("exported context", exported).invalid("does not start with HFC2").into());
    }
    let id = read_bytes(&mut reader)?;
    let (peer, local) = (read_identity(&mut reader)?, read_identity(&mut reader)?);
    let flags = Flags::from_bits(reader.u32_be()?);
    let expires = match i64::from_be_bytes(reader.array()?) {
        i64::MAX => None,
        micros => Some(Time::from_unix_micros(micros)),
    };
    let enctype = Some(Enctype(reader.i32_be()?)).filter(|enctype| enctype.0 != 0);
    let session_key = Secret::new(read_bytes(&mut reader)?.to_vec());
    let at = reader.clone();
    let authorization = match reader.u8()? {
        0 => None,
        1 => Some(Box::new(Authorization::import(&mut reader)?)),
        _ => return Err(at.invalid("whether there is authorization data is 0 or 1").into()),
    };
    let (mechanism, halves) = match own {
        Some(own) if own.id().der_contents() == id => (own.id(), own.import(&mut reader)?),
        _ if id == MechanismId::KERBEROS.der_contents() => (MechanismId::KERBEROS, kerberos::import(&mut reader)?),
        _ if id == MechanismId::KERBEROS_USER_TO_USER.der_contents() => {
            (MechanismId::KERBEROS_USER_TO_USER, kerberos::import(&mut reader)?)
        }
        _ if id == MechanismId::IAKERB.der_contents() => (MechanismId::IAKERB, kerberos::import(&mut reader)?),
        _ if id == MechanismId::NTLM.der_contents() => (MechanismId::NTLM, ntlm::import(&mut reader)?),
        _ => return Err(Error::UnknownMechanism),
    };
    reader.finish()?;
    let why = Why::Imported;
    let (acquired, delegated) = (Vec::new(), Vec::new());
    let established = Established {
        mechanism,
        why,
        peer,
        local,
        flags,
        expires,
        session_key,
        enctype,
        acquired,
        delegated,
        evidence: None,
        authorization,
        halves,
    };
    Ok(Context::new(Box::new(established)))
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    Writer::new(out).u32_be(length).bytes(bytes);
}

fn read_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = reader.u32_be()?;
    reader.take(usize::try_from(length).unwrap_or(usize::MAX))
}

fn read_string(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let at = reader.clone();
    let text = core::str::from_utf8(read_bytes(reader)?).map_err(|_| at.invalid("a name that is not UTF-8"))?;
    Ok(text.into())
}

fn write_identity(identity: &Identity, out: &mut Vec<u8>) {
    match identity {
        Identity::Principal(principal) => {
            Writer::new(out).u8(0).i32_be(principal.name_type().0);
            write_bytes(principal.realm().as_bytes(), out);
            Writer::new(out).u32_be(u32::try_from(principal.components().len()).unwrap_or(u32::MAX));
            principal.components().iter().for_each(|component| write_bytes(component.as_bytes(), out));
        }
        Identity::Name(name) => {
            Writer::new(out).u8(1);
            write_bytes(name.as_bytes(), out);
        }
    }
}

fn read_identity(reader: &mut Reader<'_>) -> Result<Identity, DecodeError> {
    let at = reader.clone();
    match reader.u8()? {
        0 => {
            let name_type = NameType(reader.i32_be()?);
            let realm = read_string(reader)?;
            // Bounded by what is left: every component takes bytes.
            let count = reader.u32_be()?;
            let components: Vec<String> = (0..count).map(|_| read_string(reader)).collect::<Result<_, _>>()?;
            Ok(Identity::Principal(Principal::new(name_type, components, realm)))
        }
        1 => Ok(Identity::Name(read_string(reader)?)),
        _ => Err(at.invalid("an unknown kind of identity")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_survive_however_many_components_they_have() {
        for count in [0, 1, 2, 255, 256, 1000] {
            let principal = Principal::new(NameType::PRINCIPAL, alloc::vec!["part"; count], "R");
            let (mut bytes, identity) = (Vec::new(), Identity::Principal(principal));
            write_identity(&identity, &mut bytes);
            assert_eq!(read_identity(&mut Reader::new("identity", &bytes)), Ok(identity), "{count}");
        }
    }
}
