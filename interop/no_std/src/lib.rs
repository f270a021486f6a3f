//! Kerberos without a standard library: login, ticket, mutual authentication and sealed messages, with nothing below
//! but `core`, `alloc`, the allocator in `arena` and the panic handler here. `../check` builds, links and runs it.
#![no_std]

extern crate alloc;

mod arena;
mod handshake;
mod source;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: `abort` of the C library (or of a firmware) has no preconditions and does not return.
    unsafe { abort() }
}

unsafe extern "C" {
    fn abort() -> !;
}

/// Precompiled `core` and `alloc` name these two in their unwind tables; with `panic = "abort"` nobody calls them.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// See [`rust_eh_personality`].
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    // SAFETY: as in `panic`.
    unsafe { abort() }
}

/// Runs the handshake; 0 if it ended as it should, else the number of the step that failed (see [`handshake::Failed`]).
#[unsafe(no_mangle)]
pub extern "C" fn handfast_no_std_proof() -> i32 {
    handshake::run().map_or_else(handshake::Failed::number, |()| 0)
}

/// How many bytes have been allocated since the start.
#[unsafe(no_mangle)]
pub extern "C" fn handfast_no_std_allocated() -> usize {
    arena::allocated()
}
