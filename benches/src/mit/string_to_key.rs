//! `krb5_c_string_to_key` of MIT's libkrb5.

use crate::contender::Result;
use libloading::Library;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr::null_mut;

/// `krb5_data`
#[repr(C)]
struct Data {
    magic: i32,
    length: c_uint,
    data: *const c_char,
}

impl Data {
    fn of(bytes: &[u8]) -> Result<Self> {
        Ok(Data { magic: 0, length: c_uint::try_from(bytes.len())?, data: bytes.as_ptr().cast() })
    }
}

/// `krb5_keyblock`
#[repr(C)]
struct Keyblock {
    magic: i32,
    enctype: i32,
    length: c_uint,
    contents: *mut u8,
}

type Init = unsafe extern "C" fn(*mut *mut c_void) -> c_int;
type Exit = unsafe extern "C" fn(*mut c_void);
type StringToKey = unsafe extern "C" fn(*mut c_void, i32, *const Data, *const Data, *mut Keyblock) -> c_int;
type FreeContents = unsafe extern "C" fn(*mut c_void, *mut Keyblock);

/// The library, with a context.
pub(super) struct Libkrb5 {
    exit: Exit,
    string_to_key: StringToKey,
    free_contents: FreeContents,
    context: *mut c_void,
    _library: Library,
}

impl Libkrb5 {
    const LIBRARY: &'static str = "libkrb5.so.3";

    pub(super) fn load() -> Result<Self> {
        // SAFETY: the library's initialisers and its functions' types are those of MIT's krb5.h; what `init` writes
        // is read if it succeeds.
        unsafe {
            let library = Library::new(Self::LIBRARY)?;
            let init: Init = *library.get(b"krb5_init_context\0")?;
            let exit = *library.get(b"krb5_free_context\0")?;
            let string_to_key = *library.get(b"krb5_c_string_to_key\0")?;
            let free_contents = *library.get(b"krb5_free_keyblock_contents\0")?;
            let mut context = null_mut();
            match init(&mut context) {
                0 => Ok(Libkrb5 { exit, string_to_key, free_contents, context, _library: library }),
                code => Err(format!("krb5_init_context: error {code}").into()),
            }
        }
    }

    /// Makes a key and releases it.
    pub(super) fn string_to_key(&self, enctype: i32, password: &[u8], salt: &[u8]) -> Result<()> {
        let (password, salt) = (Data::of(password)?, Data::of(salt)?);
        let mut key = Keyblock { magic: 0, enctype: 0, length: 0, contents: null_mut() };
        // SAFETY: all pointers are to live values of the declared types; the key is released once.
        let code = unsafe {
            let code = (self.string_to_key)(self.context, enctype, &password, &salt, &mut key);
            (self.free_contents)(self.context, &mut key);
            code
        };
        if code == 0 { Ok(()) } else { Err(format!("krb5_c_string_to_key: error {code}").into()) }
    }
}

impl Drop for Libkrb5 {
    fn drop(&mut self) {
        // SAFETY: made by this library, and released once.
        unsafe { (self.exit)(self.context) };
    }
}
