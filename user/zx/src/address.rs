//! Addresses that are passed to the kernel as they are.

/// An address of this process that no Rust object lives at.
///
/// Made from nothing (null, the kernel's half) or from a [`Region`](crate::Region) of mapped
/// memory, so that a program can show the kernel bad and odd pointers without `unsafe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(u64);

impl Address {
    /// The null pointer.
    pub const NULL: Self = Self(0);
    /// An address in the half of the address space that is the kernel's, on both architectures.
    pub const KERNEL: Self = Self(0xFFFF_8000_0000_0000);
    /// An address that no x86_64 CPU accepts, and that lies outside the user's part on aarch64.
    pub const NON_CANONICAL: Self = Self(0x0001_2345_0000_0000);

    /// Makes the address of something in a region.
    pub(crate) const fn new(raw: u64) -> Self {
        Self(raw)
    }

    /// The number.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0
    }
}
