//! Security contexts of the library, and messages on them.

use super::library::{Gssapi, Handle, NO_HANDLE, RawBuffer, RawBufferSet, SESSION_KEY, Status};
use super::values::{Buffer, Credential, Name, take_buffer};
use crate::contender::Result;
use std::ptr::{null, null_mut};

// RFC 2744, appendix A
const MUTUAL: u32 = 2;
const REPLAY: u32 = 4;
const CONFIDENTIALITY: u32 = 16;
const INTEGRITY: u32 = 32;
/// What every context is asked for and must have.
const PROTECTION: u32 = CONFIDENTIALITY | INTEGRITY;
const CONTINUE_NEEDED: Status = 1;
/// No handshake here takes more tokens of each side.
const ROUNDS: usize = 3;

/// Whether the acceptor proves itself to the initiator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Only the initiator does. gss-ntlmssp does not say whether it detects replay; its messages are in strict sequence.
    Initiator,
    /// Both do, and replay is detected.
    Mutual,
}

/// One side's context.
#[derive(Debug)]
pub struct Context {
    library: &'static Gssapi,
    handle: Handle,
    /// What it must have when it is complete.
    flags: u32,
}

/// Sets up a context within this process by the credentials' mechanism: the initiator's side and the acceptor's.
pub fn establish(
    library: &'static Gssapi,
    initiator: &Credential,
    target: &Name,
    acceptor: &Credential,
    proof: Proof,
) -> Result<(Context, Context)> {
    let flags = if proof == Proof::Mutual { PROTECTION | REPLAY | MUTUAL } else { PROTECTION };
    let (mut ours, mut theirs) = (Context::new(library, flags), Context::new(library, flags));
    let (mut token, mut complete) = ours.initiate(initiator, target, &[])?;
    for _ in 0..ROUNDS {
        let (answer, accepted) = theirs.accept(acceptor, token.bytes())?;
        if accepted && complete && answer.bytes().is_empty() {
            return Ok((ours, theirs));
        }
        (token, complete) = ours.initiate(initiator, target, answer.bytes())?;
        if accepted && complete && token.bytes().is_empty() {
            return Ok((ours, theirs));
        }
    }
    Err(format!("the handshake is not complete after {ROUNDS} tokens of each side").into())
}

impl Context {
    fn new(library: &'static Gssapi, flags: u32) -> Self {
        Context { library, handle: NO_HANDLE, flags }
    }

    /// One step of the initiator: the token to send, and whether the context is complete.
    fn initiate(&mut self, credential: &Credential, target: &Name, input: &[u8]) -> Result<(Buffer, bool)> {
        let (mut minor, mut flags, mut output) = (0, 0, RawBuffer::EMPTY);
        let input = RawBuffer::of(input);
        let (context, init) = (&mut self.handle, self.library.gss_init_sec_context);
        // SAFETY: all pointers are to live values of the declared types, or null where RFC 2744 5.19 allows it.
        let major = unsafe {
            let (cred, name) = (credential.handle, target.handle);
            init(
                &mut minor,
                cred,
                context,
                name,
                credential.mechanism,
                self.flags,
                0,
                null(),
                &input,
                null_mut(),
                &mut output,
                &mut flags,
                null_mut(),
            )
        };
        let output = take_buffer(self.library, output);
        let major = self.library.check("gss_init_sec_context", major, minor)?;
        self.done(major, flags, output)
    }

    /// One step of the acceptor: the token to send, and whether the context is complete.
    fn accept(&mut self, credential: &Credential, input: &[u8]) -> Result<(Buffer, bool)> {
        let (mut minor, mut flags, mut output) = (0, 0, RawBuffer::EMPTY);
        let input = RawBuffer::of(input);
        let (context, accept) = (&mut self.handle, self.library.gss_accept_sec_context);
        // SAFETY: all pointers are to live values of the declared types, or null where RFC 2744 5.1 allows it.
        let major = unsafe {
            let cred = credential.handle;
            accept(
                &mut minor,
                context,
                cred,
                &input,
                null(),
                null_mut(),
                null_mut(),
                &mut output,
                &mut flags,
                null_mut(),
                null_mut(),
            )
        };
        let output = take_buffer(self.library, output);
        let major = self.library.check("gss_accept_sec_context", major, minor)?;
        self.done(major, flags, output)
    }

    fn done(&self, major: Status, flags: u32, output: Buffer) -> Result<(Buffer, bool)> {
        let complete = major & CONTINUE_NEEDED == 0;
        if complete && flags & self.flags != self.flags {
            return Err(format!("the context has flags {flags:#x}, not all of {:#x}", self.flags).into());
        }
        Ok((output, complete))
    }

    /// The encryption type, by its number, of the key that protects this context's messages.
    pub fn enctype(&self) -> Result<i32> {
        let (mut minor, mut set) = (0, null_mut::<RawBufferSet>());
        // SAFETY: the handle is this context's; all pointers are to live values of the declared types.
        let major =
            unsafe { (self.library.gss_inquire_sec_context_by_oid)(&mut minor, self.handle, &SESSION_KEY, &mut set) };
        self.library.check("gss_inquire_sec_context_by_oid", major, minor)?;
        // SAFETY: a set that the library made, with `count` buffers of `length` bytes each, until it is released.
        let last = unsafe {
            let buffers = std::slice::from_raw_parts((*set).elements, (*set).count);
            let oid = buffers.get(1).map(|oid| std::slice::from_raw_parts(oid.value.cast::<u8>(), oid.length));
            let last = oid.and_then(|oid| oid.last().copied());
            (self.library.gss_release_buffer_set)(&mut minor, &mut set);
            last
        };
        last.map(i32::from).ok_or_else(|| "the library does not tell the key's encryption type".into())
    }

    /// `gss_wrap` with confidentiality.
    pub fn wrap(&mut self, message: &[u8]) -> Result<Buffer> {
        let (mut minor, mut sealed, mut output) = (0, 0, RawBuffer::EMPTY);
        let input = RawBuffer::of(message);
        let wrap = self.library.gss_wrap;
        // SAFETY: the handle is this context's; all pointers are to live values of the declared types.
        let major = unsafe { wrap(&mut minor, self.handle, 1, 0, &input, &mut sealed, &mut output) };
        let output = take_buffer(self.library, output);
        self.library.check("gss_wrap", major, minor)?;
        if sealed == 0 { Err("gss_wrap did not encrypt".into()) } else { Ok(output) }
    }

    /// `gss_unwrap`
    pub fn unwrap(&mut self, token: &[u8]) -> Result<Buffer> {
        let (mut minor, mut sealed, mut output) = (0, 0, RawBuffer::EMPTY);
        let input = RawBuffer::of(token);
        let unwrap = self.library.gss_unwrap;
        // SAFETY: the handle is this context's; all pointers are to live values of the declared types, or null.
        let major = unsafe { unwrap(&mut minor, self.handle, &input, &mut output, &mut sealed, null_mut()) };
        let output = take_buffer(self.library, output);
        self.library.check("gss_unwrap", major, minor)?;
        Ok(output)
    }

    /// `gss_get_mic`
    pub fn get_mic(&mut self, message: &[u8]) -> Result<Buffer> {
        let (mut minor, mut output) = (0, RawBuffer::EMPTY);
        let input = RawBuffer::of(message);
        let get_mic = self.library.gss_get_mic;
        // SAFETY: the handle is this context's; all pointers are to live values of the declared types.
        let major = unsafe { get_mic(&mut minor, self.handle, 0, &input, &mut output) };
        let output = take_buffer(self.library, output);
        self.library.check("gss_get_mic", major, minor)?;
        Ok(output)
    }

    /// `gss_verify_mic`
    pub fn verify_mic(&mut self, message: &[u8], token: &[u8]) -> Result<()> {
        let mut minor = 0;
        let (message, token) = (RawBuffer::of(message), RawBuffer::of(token));
        let verify_mic = self.library.gss_verify_mic;
        // SAFETY: the handle is this context's; all pointers are to live values of the declared types, or null.
        let major = unsafe { verify_mic(&mut minor, self.handle, &message, &token, null_mut()) };
        self.library.check("gss_verify_mic", major, minor).map(|_| ())
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: made by this library, and deleted once; no token is asked for.
        unsafe { (self.library.gss_delete_sec_context)(&mut minor, &mut self.handle, null_mut()) };
    }
}
