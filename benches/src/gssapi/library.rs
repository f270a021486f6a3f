//! The functions, as C declares them (RFC 2744 5), found by name in the shared library.

use super::values::take_buffer;
use crate::contender::Result;
use libloading::Library;
use std::ffi::{c_int, c_void};
use std::ptr::{null, null_mut};

/// `OM_uint32`
pub(super) type Status = u32;
/// `gss_name_t`, `gss_cred_id_t`, `gss_ctx_id_t`: pointers that only the library follows.
pub(super) type Handle = *mut c_void;

/// `gss_buffer_desc`
#[repr(C)]
#[derive(Debug)]
pub(super) struct RawBuffer {
    pub(super) length: usize,
    pub(super) value: *const c_void,
}

impl RawBuffer {
    pub(super) const EMPTY: RawBuffer = RawBuffer { length: 0, value: null() };

    /// Refers to `bytes`, which must outlive the call it is made for.
    pub(super) fn of(bytes: &[u8]) -> Self {
        RawBuffer { length: bytes.len(), value: bytes.as_ptr().cast() }
    }
}

/// `gss_buffer_set_desc`
#[repr(C)]
#[derive(Debug)]
pub(super) struct RawBufferSet {
    pub(super) count: usize,
    pub(super) elements: *const RawBuffer,
}

/// `gss_OID_desc`
#[repr(C)]
#[derive(Debug)]
pub struct Oid {
    length: u32,
    elements: *const u8,
}

// SAFETY: it refers to constant bytes only.
unsafe impl Sync for Oid {}

impl Oid {
    /// # Safety
    /// The bytes it refers to must be there.
    unsafe fn bytes(&self) -> &[u8] {
        let length = usize::try_from(self.length).unwrap_or(0);
        // SAFETY: as the caller says.
        unsafe { std::slice::from_raw_parts(self.elements, length) }
    }
}

/// `gss_OID_set_desc`
#[repr(C)]
#[derive(Debug)]
pub(super) struct OidSet {
    count: usize,
    elements: *const Oid,
}

impl OidSet {
    /// A set of one.
    pub(super) fn of(oid: &'static Oid) -> Self {
        OidSet { count: 1, elements: oid }
    }
}

/// SPNEGO, 1.3.6.1.5.5.2 (RFC 4178 3).
pub(super) static SPNEGO: Oid = Oid { length: 6, elements: b"\x2b\x06\x01\x05\x05\x02".as_ptr() };
/// NTLM, 1.3.6.1.4.1.311.2.2.10 (MS-SPNG 1.9).
pub static NTLM: Oid = Oid { length: 10, elements: b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a".as_ptr() };
/// The Kerberos V5 mechanism, 1.2.840.113554.1.2.2 (RFC 4121 1).
pub static KERBEROS: Oid = Oid { length: 9, elements: b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02".as_ptr() };
/// `GSS_C_NT_HOSTBASED_SERVICE`, 1.2.840.113554.1.2.1.4 (RFC 2743 4.1).
pub(super) static HOST_BASED_SERVICE: Oid =
    Oid { length: 10, elements: b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04".as_ptr() };

/// MIT's `GSS_C_INQ_SSPI_SESSION_KEY`, 1.2.840.113554.1.2.2.5.5: the key, and an OID that ends in its enctype.
pub(super) static SESSION_KEY: Oid =
    Oid { length: 11, elements: b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x05\x05".as_ptr() };

const GSS_ERROR_MASK: Status = 0xffff_0000;
const GSS_C_GSS_CODE: c_int = 1;
const GSS_C_MECH_CODE: c_int = 2;

macro_rules! functions {
    ($($name:ident($($argument:ty),* $(,)?);)*) => {
        /// The library's functions.
        #[derive(Debug)]
        pub struct Gssapi {
            $(pub(super) $name: unsafe extern "C" fn(*mut Status, $($argument),*) -> Status,)*
        }

        impl Gssapi {
            /// Loads the library by its name, such as `"libgssapi_krb5.so.2"`; it is never unloaded.
            ///
            /// It reads its environment (`KRB5_CONFIG` and others) at later calls too.
            pub fn load(name: &str) -> Result<&'static Self> {
                // SAFETY: the library's initialisers and its functions' types are those of a GSS-API library.
                let functions = unsafe {
                    let library: &'static Library = Box::leak(Box::new(Library::new(name)?));
                    Gssapi { $($name: *library.get(concat!(stringify!($name), "\0").as_bytes())?,)* }
                };
                Ok(Box::leak(Box::new(functions)))
            }
        }
    };
}

functions! {
    gss_import_name(*const RawBuffer, *const Oid, *mut Handle);
    gss_release_name(*mut Handle);
    // name, time, mechanisms, usage, credential, actual mechanisms, time
    gss_acquire_cred(Handle, u32, *const OidSet, c_int, *mut Handle, *mut *mut c_void, *mut u32);
    gss_release_cred(*mut Handle);
    gss_set_neg_mechs(Handle, *const OidSet);
    gss_indicate_mechs(*mut *mut OidSet);
    gss_release_oid_set(*mut *mut OidSet);
    // credential, context, target, mechanism, flags, time, bindings, input, actual mechanism, output, flags, time
    gss_init_sec_context(Handle, *mut Handle, Handle, *const Oid, u32, u32, *const c_void, *const RawBuffer,
        *mut *const Oid, *mut RawBuffer, *mut u32, *mut u32);
    // context, credential, input, bindings, source, mechanism, output, flags, time, delegated credential
    gss_accept_sec_context(*mut Handle, Handle, *const RawBuffer, *const c_void, *mut Handle, *mut *const Oid,
        *mut RawBuffer, *mut u32, *mut u32, *mut Handle);
    gss_delete_sec_context(*mut Handle, *mut RawBuffer);
    // context, confidentiality, quality, input, confidentiality, output
    gss_wrap(Handle, c_int, u32, *const RawBuffer, *mut c_int, *mut RawBuffer);
    // context, input, output, confidentiality, quality
    gss_unwrap(Handle, *const RawBuffer, *mut RawBuffer, *mut c_int, *mut u32);
    gss_get_mic(Handle, u32, *const RawBuffer, *mut RawBuffer);
    gss_verify_mic(Handle, *const RawBuffer, *const RawBuffer, *mut u32);
    gss_release_buffer(*mut RawBuffer);
    // context, attribute, values
    gss_inquire_sec_context_by_oid(Handle, *const Oid, *mut *mut RawBufferSet);
    gss_release_buffer_set(*mut *mut RawBufferSet);
    gss_display_status(u32, c_int, *const Oid, *mut u32, *mut RawBuffer);
}

impl Gssapi {
    /// Whether the library has this mechanism, its own or by a plug-in.
    pub fn has(&self, mechanism: &Oid) -> bool {
        let (mut minor, mut set) = (0, null_mut::<OidSet>());
        // SAFETY: all pointers are to live values of the declared types; the set and its OIDs are the library's until
        // the set is released.
        unsafe {
            if (self.gss_indicate_mechs)(&mut minor, &mut set) != 0 || set.is_null() {
                return false;
            }
            let known = std::slice::from_raw_parts((*set).elements, (*set).count);
            let has = known.iter().any(|known| known.bytes() == mechanism.bytes());
            (self.gss_release_oid_set)(&mut minor, &mut set);
            has
        }
    }

    /// The major status if it is no error, else what the library says of it.
    pub(super) fn check(&'static self, what: &str, major: Status, minor: Status) -> Result<Status> {
        if major & GSS_ERROR_MASK == 0 {
            return Ok(major);
        }
        let text = self.status_text(major, GSS_C_GSS_CODE);
        Err(format!("{what}: {text}: {}", self.status_text(minor, GSS_C_MECH_CODE)).into())
    }

    fn status_text(&'static self, code: Status, kind: c_int) -> String {
        let (mut minor, mut more, mut text) = (0, 0, RawBuffer::EMPTY);
        // SAFETY: all pointers are to live values of the declared types; the mechanism's OID is constant.
        unsafe { (self.gss_display_status)(&mut minor, code, kind, &KERBEROS, &mut more, &mut text) };
        String::from_utf8_lossy(take_buffer(self, text).bytes()).into_owned()
    }
}

/// "No credential", "no name", "no context".
pub(super) const NO_HANDLE: Handle = null_mut();
