//! Physical memory through the kernel's window: page tables, and copies to and from frames.
//!
//! Every access is by raw pointer: memory that a user can write is copied, never referenced.

use core::ptr;

use jacinth_kernel::{PAGE_SIZE, PhysAddr};
use jacinth_paging::{TABLE_ENTRIES, TableWords};

use super::layout::in_physmap;

/// The page tables of this machine, by the physical address of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tables(());

impl Tables {
    /// Makes the accessor.
    ///
    /// # Safety
    /// Only frames that are page tables, and that the window shows, are named to it, and what is
    /// written keeps the kernel's half as it must be.
    pub(crate) const unsafe fn new() -> Self {
        Self(())
    }
}

impl TableWords for Tables {
    fn read(&self, table: PhysAddr, index: usize) -> u64 {
        let entry = entry(table, index);
        // SAFETY: `new` was promised a table in the window. Volatile: the processor writes it too.
        unsafe { entry.read_volatile() }
    }

    fn write(&mut self, table: PhysAddr, index: usize, entry_bits: u64) {
        let entry = entry(table, index);
        // SAFETY: as above; one store, so that a walk sees the old or the new.
        unsafe { entry.write_volatile(entry_bits) }
    }

    fn zero_table(&mut self, table: PhysAddr) {
        // SAFETY: as above; no walk uses the frame yet.
        unsafe { zero(table, PAGE_SIZE) }
    }

    // Stores are seen in their order on x86.
    fn publish(&mut self) {}
}

fn entry(table: PhysAddr, index: usize) -> *mut u64 {
    assert!(index < TABLE_ENTRIES, "a table has 512 entries");
    pointer(table).cast::<u64>().wrapping_add(index)
}

/// Where the window shows a physical address.
pub(crate) fn pointer(at: PhysAddr) -> *mut u8 {
    in_physmap(at).raw() as *mut u8
}

/// Fills physical memory with zeroes.
///
/// # Safety
/// All of it is RAM that the window shows and that nothing in Rust refers to.
pub(crate) unsafe fn zero(at: PhysAddr, bytes: u64) {
    // SAFETY: the caller says so.
    unsafe { pointer(at).write_bytes(0, size(bytes)) }
}

/// Copies physical memory into a buffer.
///
/// # Safety
/// As [`zero`].
pub(crate) unsafe fn read(from: PhysAddr, to: &mut [u8]) {
    // SAFETY: the caller says so; the buffer is Rust's own and so no part of it.
    unsafe { ptr::copy_nonoverlapping(pointer(from), to.as_mut_ptr(), to.len()) }
}

/// Copies a buffer into physical memory.
///
/// # Safety
/// As [`zero`].
pub(crate) unsafe fn write(to: PhysAddr, from: &[u8]) {
    // SAFETY: the caller says so; the buffer is Rust's own and so no part of it.
    unsafe { ptr::copy_nonoverlapping(from.as_ptr(), pointer(to), from.len()) }
}

/// Reads a word as one access.
///
/// # Safety
/// As [`zero`], and the address is a multiple of 4.
pub(crate) unsafe fn read_word(from: PhysAddr) -> u32 {
    // SAFETY: the caller says so. Volatile: other processors write it too.
    unsafe { pointer(from).cast::<u32>().read_volatile() }
}

/// Writes a word as one access.
///
/// # Safety
/// As [`read_word`].
pub(crate) unsafe fn write_word(to: PhysAddr, word: u32) {
    // SAFETY: as above.
    unsafe { pointer(to).cast::<u32>().write_volatile(word) }
}

/// Copies physical memory; the ranges may overlap.
///
/// # Safety
/// As [`zero`], for both ranges.
pub(crate) unsafe fn copy(to: PhysAddr, from: PhysAddr, bytes: u64) {
    // SAFETY: the caller says so.
    unsafe { ptr::copy(pointer(from), pointer(to), size(bytes)) }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
