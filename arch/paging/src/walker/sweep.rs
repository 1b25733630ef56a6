//! Removing entries and changing permissions: one pass over a range, with a debt at its end.

use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::{AspaceId, EntryCounts, MmuFlags};
use jacinth_kernel::mem::{Frame, Mem, TlbFlush, Work};

use super::{Block, Part, Stale, Walker, count_leaves, count_split, take_table};
use crate::codec::{Entry, Leaf, Level, PteCodec, TABLE_ENTRIES};
use crate::table::{TableMem, root_of};

/// The tables on the way to a page, without the root: what one removed entry can make empty.
const MOST_UNLINKED: usize = 3;

/// What is done to the entries.
#[derive(Clone, Copy)]
pub(super) enum Edit {
    /// They go.
    Remove,
    /// Their permissions become these.
    Protect(MmuFlags),
}

/// One pass over a range.
pub(super) struct Sweep<'a, C, T> {
    codec: C,
    tables: &'a mut T,
    aspace: AspaceId,
    edit: Edit,
    work: &'a mut Work,
    mem: &'a mut Mem,
    flush: TlbFlush,
    counts: EntryCounts,
    stale: Stale,
    /// Whether an entry was removed since this was last set to false.
    has_removed: bool,
}

impl<'a, C: PteCodec, T: TableMem> Sweep<'a, C, T> {
    pub(super) fn new(
        codec: C,
        tables: &'a mut T,
        aspace: AspaceId,
        edit: Edit,
        work: &'a mut Work,
        mem: &'a mut Mem,
    ) -> Self {
        let (flush, counts) = (TlbFlush::default(), EntryCounts::default());
        Self {
            codec,
            tables,
            aspace,
            edit,
            work,
            mem,
            flush,
            counts,
            stale: Stale::NOTHING,
            has_removed: false,
        }
    }

    /// Sweeps the part; the answer is where it stopped early.
    pub(super) fn run(&mut self, part: Part) -> Option<u64> {
        self.sweep(root_of(self.aspace), Level::ROOT, part).err()
    }

    /// The debt and the change, once it ran.
    pub(super) fn finish(mut self) -> (TlbFlush, EntryCounts) {
        self.flush.range = self.stale.range();
        (self.flush, self.counts)
    }

    /// Sweeps the part of a table; the error is the address that it stopped at.
    fn sweep(&mut self, table: PhysAddr, level: Level, part: Part) -> Result<(), u64> {
        for piece in part.pieces(level) {
            match self
                .codec
                .decode(self.tables.read(table, level.index(piece.start)), level)
            {
                Entry::Empty => {}
                Entry::Table(next) => self.sweep_table(table, next, level, piece)?,
                Entry::Leaf(leaf) => {
                    let spent = self.work.spend();
                    if !spent {
                        return Err(piece.start);
                    }
                    self.edit_leaf(
                        Block {
                            table,
                            level,
                            part: piece.entry(level),
                            leaf,
                        },
                        piece,
                    )?;
                }
            }
        }
        Ok(())
    }

    fn sweep_table(
        &mut self,
        table: PhysAddr,
        next: PhysAddr,
        level: Level,
        piece: Part,
    ) -> Result<(), u64> {
        if self.flush.tables.remaining_capacity() < MOST_UNLINKED {
            return Err(piece.start);
        }
        let had_removed = core::mem::replace(&mut self.has_removed, false);
        let result = self.sweep(next, level.below(), piece);
        if self.has_removed && self.is_empty(next, level.below(), piece) {
            self.tables.write(table, level.index(piece.start), 0);
            self.flush.tables.extend([Frame::claim(next)]);
            self.flush.tables_unlinked = true;
            self.counts.tables -= 1;
        }
        self.has_removed |= had_removed;
        result
    }

    fn edit_leaf(&mut self, block: Block, piece: Part) -> Result<(), u64> {
        let Block {
            table,
            level,
            part,
            leaf,
        } = block;
        if let Edit::Protect(flags) = self.edit {
            let new = self.codec.encode(Leaf { flags, ..leaf }, level);
            if self.codec.is_same(self.codec.encode(leaf, level), new) {
                return Ok(());
            }
            if piece == part {
                self.tables.write(table, level.index(part.start), new);
                self.stale.add(part);
                return Ok(());
            }
        }
        match self.split(block, piece) {
            Some(next) => self.sweep(next, level.below(), piece),
            None => {
                self.remove(block);
                Ok(())
            }
        }
    }

    /// Splits the block where only a piece of it is meant; `None` when it is meant as a whole, or
    /// there is no memory for the table.
    fn split(&mut self, block: Block, piece: Part) -> Option<PhysAddr> {
        if piece == block.part {
            return None;
        }
        let frame = self.mem.table_alloc().ok()?;
        let next = take_table(self.tables, frame);
        Walker::split(self.codec, self.tables, self.aspace, block, next);
        count_split(&mut self.counts, block.level);
        if !self.codec.needs_break() {
            self.stale.add(block.part);
        }
        Some(next)
    }

    fn remove(&mut self, block: Block) {
        self.tables
            .write(block.table, block.level.index(block.part.start), 0);
        count_leaves(&mut self.counts, block.level, -1);
        self.stale.add(block.part);
        self.has_removed = true;
    }

    /// Whether nothing is left in a table of which `swept` was swept. Looks at the neighbours
    /// first: mostly one of them is there.
    fn is_empty(&self, table: PhysAddr, level: Level, swept: Part) -> bool {
        let behind = level.index(swept.end);
        let before = level.index(swept.start.wrapping_sub(1));
        let is_free = |index: usize| self.tables.read(table, index % TABLE_ENTRIES) == 0;
        is_free(behind) && is_free(before) && (0..TABLE_ENTRIES).all(is_free)
    }
}
