//! Where things are in the kernel's half of the address space, TTBR1's: 2^48 bytes.

use jacinth_kernel::{PhysAddr, PhysRun, VirtAddr, VirtRange};

/// All RAM, at a fixed distance from its physical address. The kernel's image is not in it.
pub const PHYSMAP: u64 = 0xffff_0000_0000_0000;
/// RAM from here on is not used: the map above ends.
pub const PHYSMAP_LIMIT: u64 = 1 << 47;
/// The kernel's heap, and room to grow.
pub const HEAP: VirtRange = VirtRange {
    start: VirtAddr::new(0xffff_8000_0000_0000),
    end: VirtAddr::new(0xffff_8080_0000_0000),
};
/// Registers of the kernel's own devices.
pub const DEVICES: VirtRange = VirtRange {
    start: VirtAddr::new(0xffff_9000_0000_0000),
    end: VirtAddr::new(0xffff_9080_0000_0000),
};
/// Stacks of all CPUs but the boot CPU.
pub const STACKS: VirtAddr = VirtAddr::new(0xffff_a000_0000_0000);
/// What user mappings may take: not page 0 and what is near it, nor the last 16 MiB.
pub const USER: VirtRange = VirtRange {
    start: VirtAddr::new(0x20_0000),
    end: VirtAddr::new(0xffff_ff00_0000),
};

/// Where the kernel's image is, which was loaded anywhere and linked elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// Where it was loaded.
    pub run: PhysRun,
    /// Where it is linked.
    pub at: VirtAddr,
}

impl Image {
    /// The physical address of something in the image; `None` for what is elsewhere.
    #[must_use]
    pub fn phys(&self, at: VirtAddr) -> Option<PhysAddr> {
        let offset = at.raw().checked_sub(self.at.raw())?;
        (offset < self.run.bytes()).then(|| PhysAddr::new(self.run.base.raw() + offset))
    }

    /// Where the kernel sees physical memory: RAM in its map, itself where it is linked. Anything
    /// else gives an address that is not mapped.
    #[must_use]
    pub fn window(&self, at: PhysAddr) -> VirtAddr {
        match at.raw().checked_sub(self.run.base.raw()) {
            Some(offset) if offset < self.run.bytes() => VirtAddr::new(self.at.raw() + offset),
            _ => physmap(at),
        }
    }
}

/// Where the kernel sees RAM outside its image.
#[must_use]
pub const fn physmap(at: PhysAddr) -> VirtAddr {
    VirtAddr::new(PHYSMAP | (at.raw() & (PHYSMAP_LIMIT - 1)))
}

/// A kernel address as a pointer.
#[must_use]
pub fn pointer<T>(at: VirtAddr) -> *mut T {
    core::ptr::with_exposed_provenance_mut(usize::try_from(at.raw()).unwrap_or(0))
}
