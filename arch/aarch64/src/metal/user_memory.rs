//! User memory, as the core reaches it: by the page tables, the fence, and the physical map.

use jacinth_kernel::hal::{AspaceId, Hal, NotMemory, read_by_page, write_by_page};
use jacinth_kernel::{Access, PhysAddr, VirtAddr};

use crate::layout::{physmap, pointer};
use crate::metal::machine::{Machine, bytes_of};

impl Hal for Machine {
    fn user_page(
        &mut self,
        aspace: AspaceId,
        at: VirtAddr,
        access: Access,
    ) -> Result<Option<PhysAddr>, NotMemory> {
        self.find_user(aspace, at, access)
    }

    fn read_user(
        &mut self,
        aspace: AspaceId,
        from: VirtAddr,
        to: &mut [u8],
    ) -> Result<bool, NotMemory> {
        if from.page_reaches(bytes_of(to))
            && let Some(phys) = self.known_user(aspace, from, Access::Read)
        {
            // SAFETY: the fence allowed that page to be copied, and still would; no Rust object is
            // in it.
            unsafe { copy(pointer(physmap(phys)), to.as_mut_ptr(), to.len()) };
            return Ok(true);
        }
        read_by_page(self, aspace, from, to)
    }

    fn write_user(
        &mut self,
        aspace: AspaceId,
        to: VirtAddr,
        from: &[u8],
    ) -> Result<bool, NotMemory> {
        if to.page_reaches(bytes_of(from))
            && let Some(phys) = self.known_user(aspace, to, Access::Write)
        {
            // SAFETY: as in `read_user`.
            unsafe { copy(from.as_ptr(), pointer(physmap(phys)), from.len()) };
            return Ok(true);
        }
        write_by_page(self, aspace, to, from)
    }
}

/// Copies bytes. Most are one number or two, which a load and a store copy: no call of `memcpy`.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline(always)]
unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    match len {
        // SAFETY: the caller's promise; arrays of bytes have no alignment.
        4 => unsafe { copy_array::<4>(from, to) },
        // SAFETY: as above.
        8 => unsafe { copy_array::<8>(from, to) },
        // SAFETY: as above.
        16 => unsafe { copy_array::<16>(from, to) },
        // SAFETY: as above.
        _ => unsafe { from.copy_to_nonoverlapping(to, len) },
    }
}

/// As [`copy`], for a number of bytes that the compiler knows.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline(always)]
unsafe fn copy_array<const LEN: usize>(from: *const u8, to: *mut u8) {
    let (from, to) = (from.cast::<[u8; LEN]>(), to.cast::<[u8; LEN]>());
    // SAFETY: the caller's promise.
    unsafe { from.copy_to_nonoverlapping(to, 1) };
}
