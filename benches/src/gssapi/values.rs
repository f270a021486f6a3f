//! Names, credentials and buffers of the library, released on drop.

use super::library::{Gssapi, HOST_BASED_SERVICE, Handle, NO_HANDLE, Oid, OidSet, RawBuffer, SPNEGO};
use crate::contender::Result;
use std::ffi::c_int;
use std::ptr::null_mut;

const GSS_C_INDEFINITE: u32 = u32::MAX;

/// Bytes that the library has allocated.
#[derive(Debug)]
pub struct Buffer {
    library: &'static Gssapi,
    raw: RawBuffer,
}

pub(super) fn take_buffer(library: &'static Gssapi, raw: RawBuffer) -> Buffer {
    Buffer { library, raw }
}

impl Buffer {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        if self.raw.value.is_null() {
            return &[];
        }
        // SAFETY: the library gave `length` bytes at `value`, which live until this value releases them.
        unsafe { std::slice::from_raw_parts(self.raw.value.cast(), self.raw.length) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: allocated by this library, and released once.
        unsafe { (self.library.gss_release_buffer)(&mut minor, &mut self.raw) };
    }
}

/// The name of a host-based service.
#[derive(Debug)]
pub struct Name {
    library: &'static Gssapi,
    pub(super) handle: Handle,
}

impl Name {
    /// Imports `service@host`.
    pub fn host_based_service(library: &'static Gssapi, name: &str) -> Result<Self> {
        let (mut minor, mut handle) = (0, NO_HANDLE);
        let text = RawBuffer::of(name.as_bytes());
        // SAFETY: all pointers are to live values of the declared types.
        let major = unsafe { (library.gss_import_name)(&mut minor, &text, &HOST_BASED_SERVICE, &mut handle) };
        library.check("gss_import_name", major, minor)?;
        Ok(Name { library, handle })
    }
}

// SAFETY: the library only reads a name once it is made.
unsafe impl Sync for Name {}

impl Drop for Name {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: made by this library, and released once.
        unsafe { (self.library.gss_release_name)(&mut minor, &mut self.handle) };
    }
}

/// What a credential is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// `GSS_C_INITIATE`
    Initiate,
    /// `GSS_C_ACCEPT`
    Accept,
}

/// How a mechanism is used.
#[derive(Debug, Clone, Copy)]
pub enum Offer {
    /// By itself.
    Raw(&'static Oid),
    /// As the only one that SPNEGO may negotiate.
    Negotiated(&'static Oid),
}

/// A credential from the library's environment: `KRB5CCNAME`, `KRB5_CLIENT_KTNAME`, `KRB5_KTNAME`,
/// `NTLM_USER_FILE`.
#[derive(Debug)]
pub struct Credential {
    library: &'static Gssapi,
    pub(super) handle: Handle,
    pub(super) mechanism: &'static Oid,
}

impl Credential {
    /// The credential of `name`, or the default one, for `usage` by one mechanism.
    pub fn acquire(library: &'static Gssapi, offer: Offer, name: Option<&Name>, usage: Usage) -> Result<Self> {
        match offer {
            Offer::Raw(mechanism) => Self::acquire_for(library, mechanism, name, usage),
            Offer::Negotiated(mechanism) => {
                let credential = Self::acquire_for(library, &SPNEGO, name, usage)?;
                credential.negotiate_only(mechanism)?;
                Ok(credential)
            }
        }
    }

    fn acquire_for(
        library: &'static Gssapi,
        mechanism: &'static Oid,
        name: Option<&Name>,
        usage: Usage,
    ) -> Result<Self> {
        let (mut minor, mut handle) = (0, NO_HANDLE);
        let name = name.map_or(NO_HANDLE, |name| name.handle);
        let usage: c_int = if usage == Usage::Initiate { 1 } else { 2 };
        let mechanisms = OidSet::of(mechanism);
        // SAFETY: all pointers are to live values of the declared types, or null where RFC 2744 5.2 allows it.
        let major = unsafe {
            let acquire = library.gss_acquire_cred;
            acquire(&mut minor, name, GSS_C_INDEFINITE, &mechanisms, usage, &mut handle, null_mut(), null_mut())
        };
        library.check("gss_acquire_cred", major, minor)?;
        Ok(Credential { library, handle, mechanism })
    }

    /// RFC 4178, appendix A.1
    fn negotiate_only(&self, mechanism: &'static Oid) -> Result<()> {
        let (mut minor, mechanisms) = (0, OidSet::of(mechanism));
        // SAFETY: the handle is this credential's; the set is only read.
        let major = unsafe { (self.library.gss_set_neg_mechs)(&mut minor, self.handle, &mechanisms) };
        self.library.check("gss_set_neg_mechs", major, minor).map(drop)
    }
}

// SAFETY: MIT's library locks a credential while it uses it.
unsafe impl Sync for Credential {}

impl Drop for Credential {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: made by this library, and released once.
        unsafe { (self.library.gss_release_cred)(&mut minor, &mut self.handle) };
    }
}
