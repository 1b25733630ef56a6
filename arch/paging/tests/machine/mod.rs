//! A machine that has nothing but page tables, and is strict about them.
//!
//! It knows which tables are linked, and what the processor may still remember of entries that
//! were valid. It panics where hardware would be left with a wrong translation.

use std::collections::{BTreeMap, BTreeSet};

use jacinth_kernel::hal::{AspaceId, EntryCounts};
use jacinth_kernel::mem::{Mem, TlbFlush};
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_paging::{
    Entry, Fence, Leaf, Level, PteCodec, TABLE_ENTRIES, TableMem, TableWords, Walker, root_of,
};

/// All RAM: frames for tables.
pub(crate) const RAM: PhysRun = PhysRun {
    base: PhysAddr::new(0x4000_0000),
    pages: 4096,
};
/// What user mappings may use; the end lies inside a root entry.
pub(crate) const USER: VirtRange = VirtRange {
    start: VirtAddr::new(0x20_0000),
    end: VirtAddr::new(0x7fff_ffff_f000),
};

/// Where a linked table stands in the tree.
#[derive(Clone, Copy, Debug)]
struct Place {
    level: Level,
    at: u64,
}

/// The tables, and what the processor remembers.
#[derive(Debug)]
pub(crate) struct Tables<C> {
    codec: C,
    words: BTreeMap<PhysAddr, Vec<u64>>,
    claimed: BTreeSet<PhysAddr>,
    linked: BTreeMap<PhysAddr, Place>,
    /// Tables with writes that walks may not see yet.
    unpublished: BTreeSet<PhysAddr>,
    /// Address ranges whose old translations may still be in a TLB.
    stale: Vec<(u64, u64)>,
    /// Unlinked tables that a walk cache may still hold, with the range they covered.
    walked: BTreeMap<PhysAddr, (u64, u64)>,
    fence: Fence,
    /// How often an invalidation had to be done at once.
    pub(crate) breaks: usize,
}

impl<C: PteCodec> Tables<C> {
    pub(crate) fn new(codec: C) -> Self {
        Self {
            codec,
            words: BTreeMap::new(),
            claimed: BTreeSet::new(),
            linked: BTreeMap::new(),
            unpublished: BTreeSet::new(),
            stale: Vec::new(),
            walked: BTreeMap::new(),
            fence: Fence::new(&[RAM], &[]).unwrap(),
            breaks: 0,
        }
    }

    /// Every leaf below a root: address, size, what it says.
    pub(crate) fn leaves(&self, aspace: AspaceId) -> Vec<(u64, u64, Leaf)> {
        let mut leaves = Vec::new();
        let _in_root = self.leaves_in(
            root_of(aspace),
            Place {
                level: Level::ROOT,
                at: 0,
            },
            &mut leaves,
        );
        leaves
    }

    /// What the machine does for `Mmu::flush` before it settles.
    pub(crate) fn flush(&mut self, flush: &TlbFlush) {
        self.publish();
        if let Some(range) = flush.range {
            self.forget(
                range.start.raw(),
                range.end.raw(),
                flush.are_tables_unlinked(),
            );
        }
    }

    /// Panics when the processor may remember anything that is not so.
    pub(crate) fn assert_clean(&self) {
        assert!(
            self.stale.is_empty(),
            "stale translations of {:x?}",
            self.stale
        );
        assert!(
            self.walked.is_empty(),
            "unlinked tables in walk caches: {:x?}",
            self.walked
        );
        assert!(
            self.unpublished
                .iter()
                .all(|table| !self.linked.contains_key(table)),
            "writes not published"
        );
    }

    pub(crate) fn claimed(&self) -> u64 {
        assert_eq!(
            self.fence.private_frames(),
            u64::try_from(self.claimed.len()).unwrap()
        );
        self.fence.private_frames()
    }

    fn word(&self, table: PhysAddr, index: usize) -> u64 {
        self.words
            .get(&table)
            .map_or(0xdead_beef_dead_beef, |words| words[index])
    }

    /// The leaves below a table; the answer is how many of its entries are in use.
    fn leaves_in(&self, table: PhysAddr, place: Place, leaves: &mut Vec<(u64, u64, Leaf)>) -> u64 {
        let mut entries = 0;
        for index in 0..TABLE_ENTRIES {
            let inner = place.entry(index);
            let word = self.word(table, index);
            match self.codec.decode(word, place.level) {
                Entry::Empty => {
                    assert_eq!(word, 0, "something is left of an entry at {:#x}", inner.at);
                    continue;
                }
                Entry::Table(next) => {
                    let live = self.leaves_in(next, inner, leaves);
                    assert_eq!(self.codec.live(word), live, "at {:#x}", inner.at);
                }
                Entry::Leaf(leaf) => leaves.push((inner.at, place.level.bytes(), leaf)),
            }
            entries += 1;
        }
        assert!(
            entries > 0 || place.level == Level::ROOT,
            "an empty table is linked at {:#x}",
            place.at
        );
        entries
    }

    fn forget(&mut self, start: u64, end: u64, walk_caches: bool) {
        let is_left = |range: &(u64, u64)| range.0 < start || range.1 > end;
        self.stale.retain(is_left);
        if walk_caches {
            // One address inside is enough for the walk to a table.
            self.walked
                .retain(|_, range| range.1 <= start || range.0 >= end);
        }
    }

    /// Follows what a write to a linked table changes.
    fn relink(&mut self, place: Place, index: usize, old: u64, new: u64) {
        let inner = place.entry(index);
        let range = (inner.at, inner.at + place.level.bytes());
        let (before, after) = (
            self.codec.decode(old, place.level),
            self.codec.decode(new, place.level),
        );
        if before == Entry::Empty && after != Entry::Empty {
            let overlaps = |stale: &(u64, u64)| stale.0 < range.1 && range.0 < stale.1;
            assert!(
                !self.stale.iter().any(overlaps),
                "made before the break was waited for: {range:x?}"
            );
        }
        match (before, after) {
            (Entry::Leaf(one), Entry::Leaf(other)) => {
                assert_eq!(
                    (one.phys, one.cache),
                    (other.phys, other.cache),
                    "valid over valid at {:#x}",
                    inner.at
                );
            }
            (Entry::Leaf(_), Entry::Table(_)) => {
                assert!(
                    !self.codec.needs_break(),
                    "block to table without a break at {:#x}",
                    inner.at
                );
            }
            (Entry::Table(one), Entry::Table(other)) => {
                assert_eq!(one, other, "a table replaced at {:#x}", inner.at);
                let rest = |entry| self.codec.with_live(entry, 0);
                assert_eq!(rest(old), rest(new), "more than the count changed");
                return;
            }
            (Entry::Table(_), Entry::Leaf(_)) => {
                panic!("a table replaced at {:#x}", inner.at)
            }
            _ => {}
        }
        if matches!(before, Entry::Leaf(_)) && !self.codec.is_same(old, new) {
            self.stale.push(range);
        }
        if let Entry::Table(table) = before {
            assert!(self.linked.remove(&table).is_some());
            assert!(
                (0..TABLE_ENTRIES).all(|index| self.word(table, index) == 0),
                "unlinked with entries in it"
            );
            self.walked.insert(table, range);
        }
        if let Entry::Table(table) = after {
            self.link(table, inner);
        }
    }

    fn link(&mut self, table: PhysAddr, place: Place) {
        assert!(
            self.claimed.contains(&table),
            "a table that the fence does not know"
        );
        assert!(
            !self.unpublished.contains(&table),
            "linked before it was published"
        );
        assert!(
            !self.walked.contains_key(&table),
            "linked again before the flush"
        );
        assert!(self.linked.insert(table, place).is_none(), "linked twice");
        for index in 0..TABLE_ENTRIES {
            if let Entry::Table(next) = self.codec.decode(self.word(table, index), place.level) {
                self.link(next, place.entry(index));
            }
        }
    }
}

impl Place {
    /// Where the table stands that an entry points at.
    fn entry(self, index: usize) -> Self {
        let at = self.at + u64::try_from(index).unwrap() * self.level.bytes();
        Self {
            level: self.level.below(),
            at,
        }
    }
}

impl<C: PteCodec> TableWords for Tables<C> {
    fn read(&self, table: PhysAddr, index: usize) -> u64 {
        assert!(
            self.claimed.contains(&table),
            "read of a frame that is no table"
        );
        self.word(table, index)
    }

    fn write(&mut self, table: PhysAddr, index: usize, entry: u64) {
        assert!(
            self.claimed.contains(&table),
            "write to a frame that is no table"
        );
        let words = self
            .words
            .entry(table)
            .or_insert_with(|| vec![0xdead_beef_dead_beef; TABLE_ENTRIES]);
        let old = core::mem::replace(&mut words[index], entry);
        self.unpublished.insert(table);
        if let Some(place) = self.linked.get(&table).copied() {
            self.relink(place, index, old, entry);
        }
    }

    fn zero_table(&mut self, table: PhysAddr) {
        assert!(
            self.claimed.contains(&table),
            "zeroed a frame that is no table"
        );
        assert!(!self.linked.contains_key(&table), "zeroed a live table");
        self.words.insert(table, vec![0; TABLE_ENTRIES]);
        self.unpublished.insert(table);
    }

    fn publish(&mut self) {
        self.unpublished.clear();
    }
}

impl<C: PteCodec> TableMem for Tables<C> {
    fn break_entry(&mut self, _aspace: AspaceId, at: VirtAddr, bytes: u64) {
        assert!(
            self.unpublished.is_empty(),
            "invalidated before the change was visible"
        );
        self.breaks += 1;
        self.forget(at.raw(), at.raw() + bytes, true);
    }

    fn claim_table(&mut self, table: PhysAddr) {
        assert!(self.claimed.insert(table), "claimed twice");
        self.fence.claim(table);
    }

    fn release_table(&mut self, table: PhysAddr) {
        assert!(self.claimed.remove(&table), "released twice");
        assert!(!self.linked.contains_key(&table), "freed while linked");
        assert!(!self.walked.contains_key(&table), "freed before the flush");
        self.words.remove(&table);
        self.fence.release(table);
    }

    fn fence(&self) -> &Fence {
        &self.fence
    }

    fn fence_mut(&mut self) -> &mut Fence {
        &mut self.fence
    }
}

/// One address space with everything that a walker needs.
pub(crate) struct Machine<C: PteCodec> {
    pub(crate) walker: Walker<C>,
    pub(crate) tables: Tables<C>,
    pub(crate) mem: Mem,
    pub(crate) aspace: AspaceId,
    /// The sum of all changes.
    pub(crate) counts: EntryCounts,
}

impl<C: PteCodec> Machine<C> {
    pub(crate) fn new(codec: C) -> Self {
        let (walker, mut tables) = (Walker::new(codec, USER), Tables::new(codec));
        let mut mem = Mem::new(&[RAM]).unwrap();
        let root = mem.frame_alloc().unwrap();
        let aspace = walker.adopt_root(&mut tables, root, 7);
        tables.linked.insert(
            root_of(aspace),
            Place {
                level: Level::ROOT,
                at: 0,
            },
        );
        Self {
            walker,
            tables,
            mem,
            aspace,
            counts: EntryCounts::default(),
        }
    }

    /// Checks what must hold after every operation.
    pub(crate) fn audit(&self) {
        let leaves = i64::try_from(self.tables.leaves(self.aspace).len()).unwrap();
        let sums = self.counts;
        assert_eq!(sums.pages_4k + sums.blocks_2m + sums.blocks_1g, leaves);
        self.tables.assert_clean();
        assert_eq!(self.walker.count(&self.tables, self.aspace), self.counts);
        assert_eq!(
            self.mem.frames.free_frames() + self.tables.claimed(),
            RAM.pages,
            "a frame is lost"
        );
        let tables = u64::try_from(self.counts.tables).unwrap();
        assert_eq!(
            self.tables.claimed(),
            tables + 1,
            "a table is neither linked nor free"
        );
    }

    /// Frees the space; all frames must be back.
    pub(crate) fn free(mut self) {
        let root = root_of(self.aspace);
        self.tables.linked.remove(&root);
        let in_tree = self.tables.linked.keys().copied().collect::<Vec<_>>();
        for table in in_tree {
            self.tables.linked.remove(&table);
        }
        self.walker
            .free_all(&mut self.tables, self.aspace, &mut self.mem);
        assert_eq!(self.mem.frames.free_frames(), RAM.pages);
        assert_eq!(self.tables.claimed(), 0);
    }
}

/// Pages in a range.
pub(crate) const fn pages(bytes: u64) -> u64 {
    bytes / PAGE_SIZE
}
