//! One owned page frame, and the debt that a change of page tables leaves.

use crate::PhysAddr;

/// One page frame that its holder owns. Given back by value, never dropped.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a frame is given back to the pool, never dropped"]
pub struct Frame(PhysAddr);

impl Frame {
    /// Makes the claim. Only the pool, a machine that was lent a frame, and containers that store
    /// a claim as a number call this: one claim per frame is what `audit` checks.
    pub const fn claim(address: PhysAddr) -> Self {
        Self(address)
    }

    /// Where the frame is; page-aligned.
    #[must_use]
    pub const fn address(&self) -> PhysAddr {
        self.0
    }
}

/// What must be invalidated before the frames behind a change may be used again.
///
/// Made by `Mmu::unmap` and `Mmu::protect`, paid by `Mmu::flush`.
#[derive(Debug, Default)]
#[must_use = "a flush is a debt"]
pub struct TlbFlush {
    /// The addresses whose entries were changed or removed: page-aligned start and end; empty
    /// when nothing live was touched.
    pub range: Option<crate::VirtRange>,
    /// Of the page tables that were unlinked, the last: its frame is free once the flush is done. How
    /// it leads to the others is the machine's business.
    pub tables: Option<Frame>,
}

impl TlbFlush {
    /// Whether a table was unlinked, so that walk caches must go too.
    #[must_use]
    pub const fn are_tables_unlinked(&self) -> bool {
        self.tables.is_some()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.range.is_none() && self.tables.is_none()
    }
}
