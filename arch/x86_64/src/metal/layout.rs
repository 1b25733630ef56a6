//! The kernel's half of every address space.

use jacinth_kernel::{PhysAddr, VirtAddr, VirtRange};

/// The window onto physical memory: RAM, and the firmware's tables; never devices, never
/// executable. 64 TiB are kept free for it.
const PHYSMAP: u64 = 0xffff_8000_0000_0000;
/// The kernel's heap.
pub const HEAP: VirtRange = VirtRange {
    start: VirtAddr::new(0xffff_c000_0000_0000),
    end: VirtAddr::new(0xffff_c080_0000_0000),
};
/// Registers of the devices that the kernel drives, uncached: each at its physical address from here.
const DEVICES: u64 = 0xffff_e000_0000_0000;
/// Stacks of all CPUs but the boot CPU.
pub(crate) const OTHER_STACKS: u64 = 0xffff_f000_0000_0000;
/// Where the image's physical address 0 would be: the linker script says the same.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;
/// What user mappings may take. The last page is left out: a `syscall` at its very end would
/// return to an address that is not canonical.
pub const USER: VirtRange = VirtRange {
    start: VirtAddr::new(0x20_0000),
    end: VirtAddr::new(0x7fff_ffff_f000),
};

/// Where physical memory is seen in the window.
#[must_use]
pub const fn in_physmap(at: PhysAddr) -> VirtAddr {
    VirtAddr::new(PHYSMAP.wrapping_add(at.raw()))
}

/// Where the registers of a device that the kernel drives are seen.
#[must_use]
pub(crate) const fn in_devices(at: PhysAddr) -> VirtAddr {
    VirtAddr::new(DEVICES.wrapping_add(at.raw()))
}
/// Addresses of the user's half have no bit set from this one on.
pub(crate) const USER_ADDRESS_BITS: u32 = 47;
