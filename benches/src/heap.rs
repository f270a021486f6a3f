//! How much of the heap is in use, by C and by Rust alike: both allocate with the C library.

use std::ffi::c_int;

/// `struct mallinfo2` of the GNU C library (mallinfo(3)).
#[repr(C)]
#[derive(Debug)]
struct MallInfo2 {
    /// `arena`, `ordblks`, `smblks`, `hblks`
    _free: [usize; 4],
    /// Bytes in blocks of their own mapping.
    mapped: usize,
    /// `usmblks`, `fsmblks`
    _unused: [usize; 2],
    /// Bytes in blocks that are in use.
    in_use: usize,
    /// `fordblks`, `keepcost`
    _rest: [usize; 2],
}

unsafe extern "C" {
    fn mallinfo2() -> MallInfo2;
    fn malloc_trim(pad: usize) -> c_int;
}

/// Bytes of the heap in use, the allocator's own headers included.
pub fn in_use() -> usize {
    // SAFETY: both only look at the allocator's state, under its locks.
    let info = unsafe {
        malloc_trim(0);
        mallinfo2()
    };
    info.in_use + info.mapped
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_vector_counts() {
        let before = super::in_use();
        let vector: Vec<u8> = Vec::with_capacity(1 << 16);
        let after = super::in_use();
        // Other tests allocate and release meanwhile.
        assert!(after.saturating_sub(before) >= vector.capacity() / 2, "{before} {after}");
    }
}
