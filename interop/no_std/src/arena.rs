//! An allocator over a static array: it hands out what comes next and takes back only what was handed out last.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering};

const SIZE: usize = 16 << 20;

struct Arena {
    bytes: UnsafeCell<[u8; SIZE]>,
    next: AtomicUsize,
}

// SAFETY: `next` gives every byte to one owner at a time, by compare-and-exchange.
unsafe impl Sync for Arena {}

#[global_allocator]
static ARENA: Arena = Arena { bytes: UnsafeCell::new([0; SIZE]), next: AtomicUsize::new(0) };

pub(crate) fn allocated() -> usize {
    ARENA.next.load(Ordering::Relaxed)
}

// SAFETY: blocks are inside the array, aligned as asked for, and disjoint.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.bytes.get().cast::<u8>();
        let place = |next: usize| {
            let padding = base.wrapping_add(next).align_offset(layout.align());
            let start = next.checked_add(padding)?;
            let end = start.checked_add(layout.size()).filter(|end| *end <= SIZE)?;
            Some((start, end))
        };
        let grow = |next| place(next).map(|(_, end)| end);
        match self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow) {
            Ok(before) => place(before).map_or(core::ptr::null_mut(), |(start, _)| base.wrapping_add(start)),
            Err(_) => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let start = block.addr() - self.bytes.get().addr();
        // Not the last one: it stays until the end.
        let _ = self.next.compare_exchange(start + layout.size(), start, Ordering::Relaxed, Ordering::Relaxed);
    }
}
