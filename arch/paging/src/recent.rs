//! User pages that were found lately: a TLB of the kernel's own, for its copies.
//!
//! An entry says what the page tables say of a page, and that the fence lets its frame be copied.
//! So it must go when either changes: the [`Walker`](crate::Walker) forgets every range in which a
//! live entry changed, before anybody can do anything else, and the [`Fence`](crate::Fence) every
//! frame that the machine takes for itself.

use jacinth_kernel::hal::AspaceId;
use jacinth_kernel::{Access, PAGE_SHIFT, PAGE_SIZE, PhysAddr, VirtAddr, VirtRange};

/// How many pages are known: what one program uses for its arguments, and another for the answers.
const ENTRIES: usize = 16;

/// The pages, each in the one place that its address allows.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    entries: [Entry; ENTRIES],
}

/// What is known of one page.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Its address, when user mode may read it.
    readable: u64,
    /// Its address, when user mode may write it.
    writable: u64,
    aspace: AspaceId,
    frame: PhysAddr,
}

/// The address of no page.
const NO_PAGE: u64 = u64::MAX;

impl Entry {
    const NONE: Self = Self {
        readable: NO_PAGE,
        writable: NO_PAGE,
        aspace: AspaceId(0),
        frame: PhysAddr::new(NO_PAGE),
    };

    /// Forgets the page if it begins in these bytes.
    const fn forget_within(&mut self, start: u64, bytes: u64) {
        if self.readable.wrapping_sub(start) < bytes {
            (self.readable, self.writable) = (NO_PAGE, NO_PAGE);
        }
    }
}

impl Recent {
    /// Knows nothing.
    pub(crate) const fn new() -> Self {
        Self {
            entries: [Entry::NONE; ENTRIES],
        }
    }

    /// Where the byte at `at` is, if its page is known and allows the access.
    #[inline(always)]
    pub(crate) fn find(&self, aspace: AspaceId, at: VirtAddr, access: Access) -> Option<PhysAddr> {
        let page = at.page().raw();
        let entry = self.entries.get(place(page))?;
        let known = match access {
            Access::Read => entry.readable,
            Access::Write => entry.writable,
            Access::Execute => return None,
        };
        (known == page && entry.aspace == aspace)
            .then(|| PhysAddr::new(entry.frame.raw() | at.page_offset()))
    }

    /// Notes that the page of `at` is the frame that `phys` is in, and readable.
    pub(crate) fn note(
        &mut self,
        aspace: AspaceId,
        at: VirtAddr,
        phys: PhysAddr,
        is_writable: bool,
    ) {
        let page = at.page().raw();
        if let Some(entry) = self.entries.get_mut(place(page)) {
            *entry = Entry {
                readable: page,
                writable: if is_writable { page } else { NO_PAGE },
                aspace,
                frame: phys.page(),
            };
        }
    }

    /// Forgets the pages of a range, whatever space they are in.
    #[inline]
    pub(crate) fn forget(&mut self, range: VirtRange) {
        let start = range.start.page().raw();
        let bytes = range.end.raw().saturating_sub(start);
        if bytes <= PAGE_SIZE {
            // As most changes are.
            if let Some(entry) = self.entries.get_mut(place(start)) {
                entry.forget_within(start, bytes);
            }
            return;
        }
        for entry in &mut self.entries {
            entry.forget_within(start, bytes);
        }
    }

    /// Forgets the pages that are this frame.
    #[inline]
    pub(crate) fn forget_frame(&mut self, frame: PhysAddr) {
        for entry in &mut self.entries {
            if entry.frame == frame {
                (entry.readable, entry.writable) = (NO_PAGE, NO_PAGE);
            }
        }
    }

    /// Forgets everything.
    pub(crate) fn forget_all(&mut self) {
        for entry in &mut self.entries {
            *entry = Entry::NONE;
        }
    }
}

/// The place of a page.
fn place(page: u64) -> usize {
    usize::try_from(page >> PAGE_SHIFT).unwrap_or(0) % ENTRIES
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES, Recent};
    use jacinth_kernel::hal::AspaceId;
    use jacinth_kernel::{Access, PAGE_SIZE, PhysAddr, VirtAddr, VirtRange};

    const ONE: AspaceId = AspaceId(0x1000);
    const OTHER: AspaceId = AspaceId(0x2000);
    const AT: VirtAddr = VirtAddr::new(0x7000_1234);
    const FRAME: PhysAddr = PhysAddr::new(0x9_9000);

    fn with_one(is_writable: bool) -> Recent {
        let mut recent = Recent::new();
        recent.note(ONE, AT, FRAME, is_writable);
        recent
    }

    fn reads(recent: &Recent, aspace: AspaceId, at: VirtAddr) -> Option<u64> {
        recent.find(aspace, at, Access::Read).map(PhysAddr::raw)
    }

    #[test]
    fn a_page_is_known_as_a_whole_in_its_own_space() {
        let recent = with_one(false);
        assert_eq!(reads(&recent, ONE, AT), Some(0x9_9234));
        assert_eq!(
            reads(&recent, ONE, VirtAddr::new(0x7000_1fff)),
            Some(0x9_9fff)
        );
        assert_eq!(reads(&recent, OTHER, AT), None);
        assert_eq!(reads(&recent, ONE, VirtAddr::new(0x7000_0fff)), None);
        assert_eq!(reads(&recent, ONE, VirtAddr::new(0x7000_2000)), None);
    }

    #[test]
    fn only_what_is_writable_is_written_and_nothing_is_executed() {
        let write = |recent: &Recent| recent.find(ONE, AT, Access::Write).map(PhysAddr::raw);
        assert_eq!(write(&with_one(true)), Some(0x9_9234));
        assert_eq!(write(&with_one(false)), None);
        assert_eq!(with_one(true).find(ONE, AT, Access::Execute), None);
    }

    #[test]
    fn a_page_that_shares_the_place_takes_it() {
        let mut recent = with_one(true);
        let later = VirtAddr::new(AT.raw() + PAGE_SIZE * u64::try_from(ENTRIES).unwrap());
        recent.note(ONE, later, FRAME, true);
        assert_eq!(reads(&recent, ONE, AT), None);
        assert_eq!(reads(&recent, ONE, later), Some(0x9_9234 & !0xfff | 0x234));
    }

    #[test]
    fn a_range_is_forgotten_and_nothing_beside_it() {
        let pages = |first: u64, count: u64| {
            VirtRange::new(VirtAddr::new(first * PAGE_SIZE), count * PAGE_SIZE).unwrap()
        };
        for (range, stays) in [
            (pages(0x7_0001, 1), false),
            (pages(0x7_0000, 2), false),
            (pages(0x7_0001, 3), false),
            (pages(0x7_0000, 1), true),
            (pages(0x7_0002, 5), true),
            (pages(0x7_0011, 1), true),
            (pages(0x6_0000, 0x2_0000), false),
            (pages(0x7_0001, 0), true),
        ] {
            let mut recent = with_one(true);
            recent.forget(range);
            assert_eq!(reads(&recent, ONE, AT).is_some(), stays, "{range:?}");
            assert_eq!(
                recent.find(ONE, AT, Access::Write).is_some(),
                stays,
                "{range:?}"
            );
        }
    }

    #[test]
    fn a_frame_is_forgotten_wherever_it_is_seen() {
        let mut recent = with_one(true);
        let elsewhere = VirtAddr::new(0x8000_5000);
        recent.note(OTHER, elsewhere, FRAME, true);
        recent.forget_frame(PhysAddr::new(0x9_8000));
        assert!(reads(&recent, ONE, AT).is_some());
        recent.forget_frame(FRAME);
        assert_eq!(reads(&recent, ONE, AT), None);
        assert_eq!(reads(&recent, OTHER, elsewhere), None);
    }
}
