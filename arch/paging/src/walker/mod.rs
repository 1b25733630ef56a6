//! The one page-table walker, which does the work of `hal::Mmu` for a machine.
//!
//! Invariants, which [`Walker::count`] and the tests check: an entry that points at a table says how
//! many entries of it are in use; no table below the root is empty; an entry is never changed from
//! one frame or type to another while it is live.

mod map;
mod spare;
mod sweep;
mod way;

use jacinth_kernel::hal::{
    AspaceId, Changed, EntryCounts, MapAttrs, MapError, MmuFlags, Translation,
};
use jacinth_kernel::mem::{Frame, Mem, TlbFlush, Work};
use jacinth_kernel::{Access, PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};

use crate::codec::{Entry, Leaf, Level, PteCodec, TABLE_ENTRIES};
use crate::fence::Refused;
use crate::table::{TableMem, TableWords, aspace_id, root_of};
use sweep::{Edit, Sweep};

/// Walks and changes the page tables of user address spaces.
#[derive(Clone, Copy, Debug)]
pub struct Walker<C> {
    codec: C,
    user: VirtRange,
    phys_limit: u64,
}

/// A part of the address space: from `start` to before `end`, page-aligned, below 2^48.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    start: u64,
    end: u64,
}

impl Part {
    /// Cuts the part at the borders of a level's entries.
    fn pieces(self, level: Level) -> impl Iterator<Item = Self> {
        let (mut start, low_bits) = (self.start, level.bytes().wrapping_sub(1));
        core::iter::from_fn(move || {
            if start >= self.end {
                return None;
            }
            let border = (start | low_bits).wrapping_add(1);
            let piece = Self {
                start,
                end: border.min(self.end),
            };
            start = piece.end;
            Some(piece)
        })
    }

    /// Whether the part is all that one entry of the level covers.
    const fn is_whole(self, level: Level) -> bool {
        self.start & level.bytes().wrapping_sub(1) == 0 && self.bytes() == level.bytes()
    }

    /// All that the entry covers that the part, a piece, lies in.
    const fn entry(self, level: Level) -> Self {
        let start = self.start & !level.bytes().wrapping_sub(1);
        Self {
            start,
            end: start.wrapping_add(level.bytes()),
        }
    }

    const fn bytes(self) -> u64 {
        self.end.wrapping_sub(self.start)
    }
}

impl<C: PteCodec> Walker<C> {
    /// Makes a walker for these entries; `user` is the range that user mappings may lie in, page-
    /// aligned and below 2^48.
    pub fn new(codec: C, user: VirtRange) -> Self {
        let phys_limit = codec.phys_limit();
        Self {
            codec,
            user,
            phys_limit,
        }
    }

    /// The codec.
    #[must_use]
    pub const fn codec(&self) -> C {
        self.codec
    }

    /// Takes a frame as the root table of a new, empty address space.
    pub fn adopt_root(&self, tables: &mut impl TableMem, root: Frame, asid: u16) -> AspaceId {
        tables.claim_table(root.address());
        tables.zero_table(root.address());
        tables.publish();
        aspace_id(root.address(), asid)
    }

    /// Gives all tables of a space back, the root included. Nothing is mapped in it, no CPU uses
    /// it, and nothing of it is left in any TLB.
    pub fn free_all(&self, tables: &mut impl TableMem, aspace: AspaceId, mem: &mut Mem) {
        let root = root_of(aspace);
        let user = Part {
            start: self.user.start.raw(),
            end: self.user.end.raw(),
        };
        self.free_below(tables, root, Level::ROOT, user, mem);
        // Another space may be given the same name.
        tables.fence_mut().recent.forget_all();
        give_back(tables, Frame::claim(root), mem);
    }

    /// Does `hal::Mmu::map`.
    ///
    /// # Errors
    /// See [`MapError`]; nothing was changed.
    pub fn map<T: TableMem>(
        &self,
        tables: &mut T,
        aspace: AspaceId,
        at: VirtAddr,
        run: PhysRun,
        attrs: MapAttrs,
        mem: &mut Mem,
    ) -> Result<EntryCounts, MapError> {
        map::map(self, tables, aspace, map::Request { at, run, attrs }, mem)
    }

    /// Does `hal::Mmu::unmap`. What of `range` is not user addresses counts as done.
    pub fn unmap<T: TableMem>(
        &self,
        tables: &mut T,
        aspace: AspaceId,
        range: VirtRange,
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed {
        let part = self.part_of(range);
        if let Some((gone, counts)) = sweep::remove_row(self.codec, tables, aspace, part, work) {
            let range_gone = gone.range();
            if let Some(range) = range_gone {
                tables.fence_mut().recent.forget(range);
            }
            let flush = TlbFlush {
                range: range_gone,
                tables: None,
            };
            return Changed {
                reached: range.end,
                flush,
                counts,
            };
        }
        self.unmap_many(tables, aspace, range, work, mem)
    }

    /// Kept out of line, so that removing a row of entries does not pay for its registers.
    #[inline(never)]
    fn unmap_many<T: TableMem>(
        &self,
        tables: &mut T,
        aspace: AspaceId,
        range: VirtRange,
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed {
        self.sweep(
            Sweep::new(self.codec, tables, aspace, Edit::Remove, work, mem),
            range,
        )
    }

    /// Does `hal::Mmu::protect`. Where a block cannot be split after all, it goes as a whole, as
    /// in `unmap`: never does anything keep more than `flags`.
    pub fn protect<T: TableMem>(
        &self,
        tables: &mut T,
        aspace: AspaceId,
        (range, flags): (VirtRange, MmuFlags),
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed {
        let edit = if flags.is_empty() {
            Edit::Remove
        } else {
            Edit::Protect(flags)
        };
        self.sweep(
            Sweep::new(self.codec, tables, aspace, edit, work, mem),
            range,
        )
    }

    /// Does `hal::Mmu::query`.
    #[inline(always)]
    pub fn query(
        &self,
        tables: &impl TableWords,
        aspace: AspaceId,
        at: VirtAddr,
    ) -> Option<Translation> {
        if !self.user.contains(at) {
            return None;
        }
        let mut table = root_of(aspace);
        for level in Level::WITH_TABLES {
            let entry = tables.read(table, level.index(at.raw()));
            match self.codec.table(entry, level) {
                Some(next) => table = next,
                None => return self.translation(entry, level, at),
            }
        }
        let level = Level::Kib4;
        self.translation(tables.read(table, level.index(at.raw())), level, at)
    }

    /// Where a byte of user memory is that the kernel is to copy: `None` where the page tables do
    /// not allow it. It can be copied up to the end of its page, until the tables change.
    ///
    /// # Errors
    /// [`Refused`]: it is no memory of the pool.
    #[inline(always)]
    pub fn find(
        &self,
        tables: &mut impl TableMem,
        aspace: AspaceId,
        at: VirtAddr,
        access: Access,
    ) -> Result<Option<PhysAddr>, Refused> {
        match tables.fence().find(aspace, at, access) {
            Some(phys) => Ok(Some(phys)),
            None => self.find_anew(tables, aspace, at, access),
        }
    }

    /// As [`Walker::find`], for a page that is not known.
    #[inline(never)]
    fn find_anew(
        &self,
        tables: &mut impl TableMem,
        aspace: AspaceId,
        at: VirtAddr,
        access: Access,
    ) -> Result<Option<PhysAddr>, Refused> {
        let wanted = match access {
            Access::Read => MmuFlags::READ,
            Access::Write => MmuFlags::WRITE,
            Access::Execute => MmuFlags::EXECUTE,
        };
        let Some(Translation { phys, flags, .. }) = self.query(tables, aspace, at) else {
            return Ok(None);
        };
        if !flags.contains(wanted) {
            return Ok(None);
        }
        let fence = tables.fence_mut();
        fence.check_frame(phys)?;
        let is_writable = flags.contains(MmuFlags::WRITE);
        fence.recent.note(aspace, at, phys, is_writable);
        Ok(Some(phys))
    }

    /// What an entry that points at no table makes of an address.
    #[inline(always)]
    fn translation(&self, entry: u64, level: Level, at: VirtAddr) -> Option<Translation> {
        let Entry::Leaf(Leaf { phys, flags, cache }) = self.codec.decode(entry, level) else {
            return None;
        };
        Some(Translation {
            phys: phys.checked_add(at.raw() & (level.bytes() - 1))?,
            flags,
            cache,
            entry_bytes: level.bytes(),
        })
    }

    /// Frees the table frames of a debt, once the machine has done the flush itself.
    pub fn settle(&self, tables: &mut impl TableMem, flush: TlbFlush, mem: &mut Mem) {
        spare::settle(tables, flush, mem);
    }

    /// Counts all entries and tables of a space by looking at every one, for audits.
    ///
    /// # Panics
    /// When an entry that points at a table says another number of its entries, or none.
    pub fn count(&self, tables: &impl TableWords, aspace: AspaceId) -> EntryCounts {
        let mut counts = EntryCounts::default();
        let user = Part {
            start: self.user.start.raw(),
            end: self.user.end.raw(),
        };
        let _in_root = self.count_in(tables, root_of(aspace), Level::ROOT, user, &mut counts);
        counts
    }

    fn sweep<T: TableMem>(&self, mut sweep: Sweep<'_, C, T>, range: VirtRange) -> Changed {
        let stopped = sweep.run(self.part_of(range));
        let (flush, counts) = sweep.finish();
        Changed {
            reached: stopped.map_or(range.end, VirtAddr::new),
            flush,
            counts,
        }
    }

    /// What of a range is user addresses, in whole pages.
    fn part_of(&self, range: VirtRange) -> Part {
        let start = range.start.page().max(self.user.start);
        let end = page_up(range.end.min(self.user.end));
        Part {
            start: start.raw(),
            end: end.raw(),
        }
    }

    fn free_below(
        &self,
        tables: &mut impl TableMem,
        table: PhysAddr,
        level: Level,
        part: Part,
        mem: &mut Mem,
    ) {
        for piece in part.pieces(level) {
            let index = level.index(piece.start);
            if let Entry::Table(next) = self.codec.decode(tables.read(table, index), level) {
                tables.write(table, index, 0);
                self.free_below(tables, next, level.below(), piece, mem);
                give_back(tables, Frame::claim(next), mem);
            }
        }
    }

    /// Adds up what is in a table; the answer is how many of its entries are in use.
    fn count_in(
        &self,
        tables: &impl TableWords,
        table: PhysAddr,
        level: Level,
        part: Part,
        counts: &mut EntryCounts,
    ) -> u64 {
        let mut live = 0;
        for piece in part.pieces(level) {
            let entry = tables.read(table, level.index(piece.start));
            match self.codec.decode(entry, level) {
                Entry::Empty => continue,
                Entry::Leaf(_) => count_leaves(counts, level, 1),
                Entry::Table(next) => {
                    counts.tables += 1;
                    let there = self.count_in(tables, next, level.below(), piece, counts);
                    let said = self.codec.live(entry);
                    assert!(
                        said == there && said > 0,
                        "{said} entries at {next}: {there}"
                    );
                }
            }
            live += 1;
        }
        live
    }

    /// Makes a block a table of smaller entries that say the same. `next` is the frame for the
    /// table. The caller invalidates the block's translation, unless the codec needs a break.
    fn split<T: TableMem>(
        codec: C,
        tables: &mut T,
        aspace: AspaceId,
        block: Block,
        next: PhysAddr,
    ) {
        let below = block.level.below();
        let mut leaf = block.leaf;
        for index in 0..TABLE_ENTRIES {
            tables.write(next, index, codec.encode(leaf, below));
            leaf.phys = PhysAddr::new(leaf.phys.raw().wrapping_add(below.bytes()));
        }
        tables.publish();
        let index = block.level.index(block.part.start);
        if codec.needs_break() {
            tables.write(block.table, index, 0);
            tables.publish();
            tables.break_entry(aspace, VirtAddr::new(block.part.start), block.part.bytes());
        }
        let live = u64::try_from(TABLE_ENTRIES).unwrap_or(0);
        let entry = codec.with_live(codec.encode_table(next), live);
        tables.write(block.table, index, entry);
        tables.publish();
    }
}

/// The smallest range around all live entries that were changed.
#[derive(Clone, Copy)]
struct Stale(Part);

impl Stale {
    const NOTHING: Self = Self(Part {
        start: u64::MAX,
        end: 0,
    });

    fn add(&mut self, part: Part) {
        self.0.start = self.0.start.min(part.start);
        self.0.end = self.0.end.max(part.end);
    }

    fn range(self) -> Option<VirtRange> {
        let Part { start, end } = self.0;
        (start < end).then_some(VirtRange {
            start: VirtAddr::new(start),
            end: VirtAddr::new(end),
        })
    }
}

/// A leaf entry above the last level, where it stands.
#[derive(Clone, Copy)]
struct Block {
    table: PhysAddr,
    level: Level,
    /// All that the entry covers.
    part: Part,
    leaf: Leaf,
}

/// Claims a frame as a table.
fn take_table(tables: &mut impl TableMem, frame: Frame) -> PhysAddr {
    let table = frame.address();
    tables.claim_table(table);
    table
}

fn give_back(tables: &mut impl TableMem, frame: Frame, mem: &mut Mem) {
    tables.release_table(frame.address());
    mem.table_free(frame);
}

const fn count_leaves(counts: &mut EntryCounts, level: Level, change: i64) {
    match level {
        Level::Kib4 => counts.pages_4k += change,
        Level::Mib2 => counts.blocks_2m += change,
        Level::Gib1 | Level::Gib512 => counts.blocks_1g += change,
    }
}

/// Counts a block that became a table of smaller entries.
const fn count_split(counts: &mut EntryCounts, level: Level) {
    const ENTRIES: i64 = 512;
    count_leaves(counts, level, -1);
    count_leaves(counts, level.below(), ENTRIES);
    counts.tables += 1;
}

fn page_up(at: VirtAddr) -> VirtAddr {
    at.checked_add(PAGE_SIZE - 1)
        .map_or(at.page(), VirtAddr::page)
}
