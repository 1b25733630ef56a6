//! Process-context identifiers: which one a space has, what CR3 is loaded with, who forgets what.
//!
//! All decisions about translations that a CPU keeps of spaces that it does not use, without the
//! instructions (Intel SDM 3A, 4.10):
//!
//! - An address space has its tag for life, the same on every CPU. Tag 0 is the kernel's own, and that
//!   of spaces for which none was left; a load of it forgets all that is under it, so that these spaces
//!   never see each other's. On a processor without tags all have this one.
//! - A change of a space is told to the CPUs that use it, and noted for the others, which forget all
//!   that is under the tag with the next load of it (bit 63 of CR3 clear).
//! - The end of a space is noted for all CPUs. Whoever has the tag next therefore finds nothing.
//! - The kernel's mappings are global: found under every tag, kept by every load, never changed.
//!
//! INVPCID, which forgets what is under a tag that is not in use, has no work left: it would do now,
//! for each change, what is done once, if ever, by a load that is made anyway.

use jacinth_kernel::hal::{AspaceId, CpuId};
use jacinth_kernel::{PAGE_SIZE, PhysAddr, VirtRange};
use jacinth_paging::{CpuMask, MOST_TAGS, StaleTags, Tags, asid_of, root_of};

/// The tag of those that have none of their own.
const NO_TAG: u16 = 0;
/// In a word for CR3: what is under the tag stays.
const KEEP: u64 = 1 << 63;
const TAG: u64 = 0xfff;
const ROOT: u64 = 0x000f_ffff_ffff_f000;
/// From this many pages on, forgetting a whole address space is the shorter way.
const MOST_PAGES: u64 = 64;

const _: () = assert!(TAG + 1 == MOST_TAGS as u64, "CR3 holds 12 bits of tag");

/// Which tags are in use.
#[derive(Debug)]
pub struct Pcids(Tags);

impl Pcids {
    /// Makes the set; `has` says whether the processor knows tags.
    #[must_use]
    pub const fn new(has: bool) -> Self {
        Self::up_to(if has { MOST_TAGS as u16 } else { 1 })
    }

    /// Makes the set of the tags below `end`.
    #[must_use]
    pub const fn up_to(end: u16) -> Self {
        Self(Tags::new(end))
    }

    /// A tag for a new space.
    pub fn take(&mut self) -> u16 {
        self.0.take().unwrap_or(NO_TAG)
    }

    /// Takes the tag of a space that ended; [`StalePcids::end`] was told.
    pub fn give_back(&mut self, aspace: AspaceId) {
        self.0.give_back(asid_of(aspace));
    }
}

/// How a CPU forgets a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forget {
    /// Not now: the space is not in use here.
    Later,
    /// Page by page (INVLPG).
    Pages,
    /// By loading this word into CR3.
    Load(u64),
}

/// Who must forget what is under a tag. Asked and told under the big lock, but for
/// [`here`](Self::here), which asks for nothing that others write.
#[derive(Debug)]
pub struct StalePcids(StaleTags);

impl StalePcids {
    /// Nobody has anything to forget.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is large: for a static only")]
    pub const fn new() -> Self {
        Self(StaleTags::new())
    }

    /// The word for CR3 by which a CPU begins to use a space.
    pub fn enter(&self, cpu: CpuId, aspace: AspaceId) -> u64 {
        let tag = asid_of(aspace);
        let keeps = tag != NO_TAG && !self.0.take(tag, cpu);
        word(aspace) | if keeps { KEEP } else { 0 }
    }

    /// How a CPU, whose CR3 holds `cr3`, forgets a range of a space whose tables were changed.
    /// `cpu` says which one it is; it is asked only when that matters.
    pub fn here(
        &self,
        cpu: impl FnOnce() -> CpuId,
        cr3: u64,
        aspace: AspaceId,
        range: VirtRange,
    ) -> Forget {
        if root_in(cr3) != root_of(aspace) {
            if Self::can_linger(aspace) {
                self.0.note(asid_of(aspace), CpuMask::of(cpu()));
            }
            Forget::Later
        } else if range.bytes() > MOST_PAGES * PAGE_SIZE {
            Forget::Load(word(aspace))
        } else {
            Forget::Pages
        }
    }

    /// Notes a change of a space for all CPUs but those that are `told`.
    pub fn elsewhere(&self, aspace: AspaceId, told: CpuMask) {
        self.note(aspace, told.others());
    }

    /// Notes the end of a space that no CPU uses.
    pub fn end(&self, aspace: AspaceId) {
        self.note(aspace, CpuMask::default().others());
    }

    /// Whether a CPU may have anything of a space that it does not use.
    #[must_use]
    pub fn can_linger(aspace: AspaceId) -> bool {
        asid_of(aspace) != NO_TAG
    }

    fn note(&self, aspace: AspaceId, cpus: CpuMask) {
        if Self::can_linger(aspace) {
            self.0.note(asid_of(aspace), cpus);
        }
    }
}

/// The root table that a word of CR3 names.
#[must_use]
pub const fn root_in(cr3: u64) -> PhysAddr {
    PhysAddr::new(cr3 & ROOT)
}

/// The word for CR3 that forgets what is under the tag.
fn word(aspace: AspaceId) -> u64 {
    root_of(aspace).raw() | (u64::from(asid_of(aspace)) & TAG)
}

#[cfg(test)]
mod tests;
