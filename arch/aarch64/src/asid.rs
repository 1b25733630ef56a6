//! Address-space identifiers: Arm's name for tags of translations in the TLB.
//!
//! When all are given out, further spaces share the last one, and whoever switches to one of those
//! flushes it first.

use jacinth_kernel::hal::{AspaceId, CpuId};
use jacinth_paging::{CpuMask, StaleTags, Tags, asid_of};

/// Which identifiers are in use.
#[derive(Debug)]
pub struct Asids {
    own: Tags,
    /// The last one, which is shared.
    shared: u16,
}

impl Asids {
    /// Makes the set for identifiers of `bits` bits, 8 or 16.
    #[must_use]
    pub const fn new(bits: u32) -> Self {
        Self::sharing(if bits >= 16 { 0xfff } else { 0xff })
    }

    /// Makes the set of those up to one that is shared, and more than 1.
    const fn sharing(shared: u16) -> Self {
        Self {
            own: Tags::new(shared),
            shared,
        }
    }

    /// Takes an identifier; the shared one when there is no other.
    pub fn take(&mut self) -> u16 {
        self.own.take().unwrap_or(self.shared)
    }

    /// Gives one back, of which nothing is left in any TLB, or noted as stale.
    pub fn give_back(&mut self, asid: u16) {
        self.own.give_back(asid);
    }

    /// Whether other spaces may have this identifier too.
    #[must_use]
    pub const fn is_shared(&self, asid: u16) -> bool {
        asid == self.shared
    }
}

/// How far a change must be told at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This CPU alone uses the space, or none.
    Here,
    /// Others do.
    Everywhere,
}

/// The CPUs that must forget what is under an identifier before they use it again.
///
/// A translation of a space does no harm while no table of the space is in TTBR0. So a change is
/// broadcast only where another CPU uses the space; else the others are noted here, and forget all
/// that is under the identifier when they use it next. Asked and told under the big lock.
#[derive(Debug)]
pub struct StaleAsids(StaleTags);

impl StaleAsids {
    /// Nobody has anything to forget.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is large: for a static only")]
    pub const fn new() -> Self {
        Self(StaleTags::new())
    }

    /// Notes that translations of a space change, or all of them end.
    pub fn change(&self, here: CpuId, aspace: AspaceId, is_used_elsewhere: bool) -> Reach {
        if is_used_elsewhere {
            return Reach::Everywhere;
        }
        self.0.note(asid_of(aspace), CpuMask::of(here).others());
        Reach::Here
    }

    /// Whether a CPU that begins to use a space must forget all that is under its identifier; asked
    /// once.
    pub fn enter(&self, cpu: CpuId, aspace: AspaceId) -> bool {
        self.0.take(asid_of(aspace), cpu)
    }
}

#[cfg(test)]
mod tests;
