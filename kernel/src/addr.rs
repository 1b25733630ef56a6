//! Addresses, as types: physical, virtual, and ranges of each.

use core::fmt;

/// log2 of the page size.
pub const PAGE_SHIFT: u32 = 12;
/// Bytes in a page, on both architectures.
pub const PAGE_SIZE: u64 = 1 << PAGE_SHIFT;

macro_rules! address {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[repr(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Makes an address from its number.
            #[must_use]
            pub const fn new(address: u64) -> Self {
                Self(address)
            }

            /// The number.
            #[must_use]
            pub const fn raw(self) -> u64 {
                self.0
            }

            /// The address `bytes` further, unless that leaves 64 bits.
            #[must_use]
            pub const fn checked_add(self, bytes: u64) -> Option<Self> {
                match self.0.checked_add(bytes) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }

            /// Whether the address is a multiple of `bytes`, a power of two.
            #[must_use]
            pub const fn is_aligned(self, bytes: u64) -> bool {
                self.0 & bytes.wrapping_sub(1) == 0
            }

            /// The start of the page that holds the address.
            #[must_use]
            pub const fn page(self) -> Self {
                Self(self.0 & !(PAGE_SIZE - 1))
            }

            /// The distance from the start of the page, in bytes.
            #[must_use]
            pub const fn page_offset(self) -> u64 {
                self.0 & (PAGE_SIZE - 1)
            }

            /// Whether the last of so many bytes from here on is in the same page; of none there is
            /// no last, and either answer is right.
            #[must_use]
            pub const fn page_reaches(self, bytes: u64) -> bool {
                let last = self.0.wrapping_add(bytes).wrapping_sub(1);
                (self.0 ^ last) < PAGE_SIZE
            }

            /// Whether so many bytes from here on, one at least, are all in one page.
            #[must_use]
            pub const fn page_holds(self, bytes: u64) -> bool {
                bytes.wrapping_sub(1) < PAGE_SIZE - self.page_offset()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self, f)
            }
        }
    };
}

address! {
    /// A physical address.
    PhysAddr
}
address! {
    /// A virtual address.
    VirtAddr
}

/// A range of whole physical pages that nobody owns by holding it: a device, or a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhysRun {
    /// The first byte; page-aligned.
    pub base: PhysAddr,
    /// How many pages.
    pub pages: u64,
}

impl PhysRun {
    /// The length in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.pages.saturating_mul(PAGE_SIZE)
    }

    /// The first address behind the run, saturating at the end of 64 bits.
    #[must_use]
    pub const fn end(self) -> PhysAddr {
        PhysAddr(self.base.0.saturating_add(self.bytes()))
    }

    /// Whether the two share a byte.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.base.0 < other.end().0 && other.base.0 < self.end().0
    }
}

/// A range of virtual addresses, `start` included, `end` not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtRange {
    /// The first byte.
    pub start: VirtAddr,
    /// The first byte behind.
    pub end: VirtAddr,
}

impl VirtRange {
    /// Makes the range of `bytes` bytes at `start`, unless it leaves 64 bits.
    #[must_use]
    pub const fn new(start: VirtAddr, bytes: u64) -> Option<Self> {
        match start.checked_add(bytes) {
            Some(end) => Some(Self { start, end }),
            None => None,
        }
    }

    /// The length in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.end.0.saturating_sub(self.start.0)
    }

    /// Whether `address` is inside.
    #[must_use]
    pub const fn contains(self, address: VirtAddr) -> bool {
        self.start.0 <= address.0 && address.0 < self.end.0
    }

    /// Whether all of `other` is inside.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        self.start.0 <= other.start.0 && other.end.0 <= self.end.0
    }
}
