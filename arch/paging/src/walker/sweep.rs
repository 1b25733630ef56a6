//! Removing entries and changing permissions: one pass over a range, with a debt at its end.

use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::{AspaceId, EntryCounts, MmuFlags};
use jacinth_kernel::mem::{Mem, TlbFlush, Work};

use super::way::Way;
use super::{Block, Part, Stale, Walker, count_leaves, count_split, spare, take_table};
use crate::codec::{Entry, Leaf, Level, PteCodec};
use crate::table::{TableMem, root_of};

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
    /// How many entries were removed from the table that is being swept.
    removed: u64,
}

/// Removes what a part maps where that is a row of whole entries of one table, which other entries
/// keep in use, as most requests have it: around what, and the change. `None`, with nothing changed,
/// where it is not so simple.
#[inline]
pub(super) fn remove_row<C: PteCodec, T: TableMem>(
    codec: C,
    tables: &mut T,
    aspace: AspaceId,
    part: Part,
    work: &mut Work,
) -> Option<(Stale, EntryCounts)> {
    if part.start >= part.end {
        return None;
    }
    let way = Way::to_smallest(codec, tables, root_of(aspace), part);
    let level = way.level;
    if (part.start | part.end) & level.bytes().wrapping_sub(1) != 0 {
        return None;
    }
    let count = usize::try_from(part.bytes() >> level.shift()).ok()?;
    let start = level.index(part.start);
    let row = start..start.saturating_add(count);
    let (mut live, mut first, mut last) = (0_u32, start, start);
    for index in row.clone() {
        let entry = tables.read(way.table, index);
        if entry == 0 {
            continue;
        }
        if codec.table(entry, level).is_some() {
            return None;
        }
        first = if live == 0 { index } else { first };
        last = index;
        live = live.wrapping_add(1);
    }
    let mut counts = EntryCounts::default();
    if live == 0 {
        return Some((Stale::NOTHING, counts));
    }
    if live > work.left() || !way.drop_live(codec, tables, part, live.into()) {
        return None;
    }
    // commit
    work.spend_more(live);
    for index in first..=last {
        tables.write(way.table, index, 0);
    }
    count_leaves(&mut counts, level, i64::from(live).wrapping_neg());
    let at = |index: usize| {
        let into = u64::try_from(index.wrapping_sub(start)).unwrap_or(0);
        part.start.wrapping_add(into << level.shift())
    };
    let gone = Part {
        start: at(first),
        end: at(last.wrapping_add(1)),
    };
    Some((Stale(gone), counts))
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
            removed: 0,
        }
    }

    /// Sweeps the part; the answer is where it stopped early.
    pub(super) fn run(&mut self, part: Part) -> Option<u64> {
        if part.start >= part.end {
            return None;
        }
        let root = root_of(self.aspace);
        let way = Way::to_smallest(self.codec, self.tables, root, part);
        let result = self.sweep(way.table, way.level, part);
        let mut swept = way.level;
        while self.removed > 0
            && let Some((table, level)) = way.above(swept)
        {
            let removed = core::mem::take(&mut self.removed);
            self.drop_live(table, level, part, removed);
            swept = level;
        }
        if let Some(range) = self.stale.range() {
            self.tables.fence_mut().recent.forget(range);
        }
        result.err()
    }

    /// The debt and the change, once it ran.
    pub(super) fn finish(mut self) -> (TlbFlush, EntryCounts) {
        self.flush.range = self.stale.range();
        (self.flush, self.counts)
    }

    /// Sweeps the part of a table; the error is the address that it stopped at.
    fn sweep(&mut self, table: PhysAddr, level: Level, part: Part) -> Result<(), u64> {
        match level {
            Level::Kib4 => self.sweep_pages(table, part),
            _ => self.sweep_blocks(table, level, part),
        }
    }

    fn sweep_blocks(&mut self, table: PhysAddr, level: Level, part: Part) -> Result<(), u64> {
        let mut rest = part;
        while rest.start < part.end {
            if matches!(self.edit, Edit::Remove) {
                rest.start = self.remove_row(table, level, rest)?;
            }
            let Some(piece) = rest.pieces(level).next() else {
                break;
            };
            rest.start = piece.end;
            let entry = self.tables.read(table, level.index(piece.start));
            match self.codec.decode(entry, level) {
                Entry::Empty => {}
                Entry::Table(next) => self.sweep_table((table, next), level, piece)?,
                Entry::Leaf(leaf) => {
                    let part = piece.entry(level);
                    self.edit_block(
                        Block {
                            table,
                            level,
                            part,
                            leaf,
                        },
                        piece,
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Removes what is mapped whole at the start of a part, up to an entry that points at a table;
    /// how far. The error is the address that it stopped at without work.
    #[inline]
    fn remove_row(&mut self, table: PhysAddr, level: Level, part: Part) -> Result<u64, u64> {
        let bytes = level.bytes();
        let low_bits = bytes.wrapping_sub(1);
        let (mut at, end) = (part.start, part.end & !low_bits);
        if at & low_bits != 0 {
            return Ok(at);
        }
        let (mut index, mut stopped) = (level.index(at), false);
        let (Stale(mut gone), mut removed) = (Stale::NOTHING, 0_u64);
        while at < end {
            let entry = self.tables.read(table, index);
            if entry != 0 {
                if self.codec.table(entry, level).is_some() {
                    break;
                }
                stopped = !self.work.spend();
                if stopped {
                    break;
                }
                self.tables.write(table, index, 0);
                removed = removed.wrapping_add(1);
                gone.start = gone.start.min(at);
                gone.end = at.wrapping_add(bytes);
            }
            at = at.wrapping_add(bytes);
            index = index.wrapping_add(1);
        }
        self.stale.add(gone);
        count_leaves(
            &mut self.counts,
            level,
            removed.cast_signed().wrapping_neg(),
        );
        self.removed = self.removed.wrapping_add(removed);
        if stopped { Err(at) } else { Ok(at) }
    }

    /// Sweeps the piece of the table `next`, which an entry of `table` points at.
    fn sweep_table(
        &mut self,
        (table, next): (PhysAddr, PhysAddr),
        level: Level,
        piece: Part,
    ) -> Result<(), u64> {
        let before = core::mem::take(&mut self.removed);
        let result = self.sweep(next, level.below(), piece);
        let removed = core::mem::replace(&mut self.removed, before);
        if removed > 0 {
            self.drop_live(table, level, piece, removed);
        }
        result
    }

    /// Notes that `removed` entries are gone from the table that the part's entry in `table` points
    /// at, and unlinks that table when they were the last.
    fn drop_live(&mut self, table: PhysAddr, level: Level, part: Part, removed: u64) {
        let index = level.index(part.start);
        let entry = self.tables.read(table, index);
        let live = self.codec.live(entry).saturating_sub(removed);
        match self.codec.table(entry, level) {
            Some(next) if live == 0 => {
                self.tables.write(table, index, 0);
                spare::unlink(self.tables, &mut self.flush, next);
                self.counts.tables -= 1;
                self.removed = self.removed.wrapping_add(1);
            }
            _ => {
                let entry = self.codec.with_live(entry, live);
                self.tables.write(table, index, entry);
            }
        }
    }

    fn sweep_pages(&mut self, table: PhysAddr, part: Part) -> Result<(), u64> {
        if matches!(self.edit, Edit::Remove) {
            return self.remove_row(table, Level::Kib4, part).map(drop);
        }
        for page in part.pieces(Level::Kib4) {
            let entry = self.tables.read(table, Level::Kib4.index(page.start));
            let Entry::Leaf(leaf) = self.codec.decode(entry, Level::Kib4) else {
                continue;
            };
            let spent = self.work.spend();
            if !spent {
                return Err(page.start);
            }
            self.edit(Block {
                table,
                level: Level::Kib4,
                part: page,
                leaf,
            });
        }
        Ok(())
    }

    /// Edits a block of which the piece is meant.
    fn edit_block(&mut self, block: Block, piece: Part) -> Result<(), u64> {
        let spent = self.work.spend();
        if !spent {
            return Err(piece.start);
        }
        if piece == block.part || self.says_so(block) {
            self.edit(block);
            return Ok(());
        }
        match self.split(block) {
            Some(next) => self.sweep_table((block.table, next), block.level, piece),
            None => {
                self.remove(block);
                Ok(())
            }
        }
    }

    /// Whether nothing is to be done about the entry.
    fn says_so(&self, block: Block) -> bool {
        match self.edit {
            Edit::Remove => false,
            Edit::Protect(flags) => {
                let old = self.codec.encode(block.leaf, block.level);
                let new = self.codec.encode(
                    Leaf {
                        flags,
                        ..block.leaf
                    },
                    block.level,
                );
                self.codec.is_same(old, new)
            }
        }
    }

    /// Edits a whole entry.
    fn edit(&mut self, block: Block) {
        let Block {
            table,
            level,
            part,
            leaf,
        } = block;
        match self.edit {
            Edit::Remove => self.remove(block),
            Edit::Protect(_) if self.says_so(block) => {}
            Edit::Protect(flags) => {
                let new = self.codec.encode(Leaf { flags, ..leaf }, level);
                self.tables.write(table, level.index(part.start), new);
                self.stale.add(part);
            }
        }
    }

    /// Splits a block; `None` when there is no memory for the table.
    fn split(&mut self, block: Block) -> Option<PhysAddr> {
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
        self.removed = self.removed.wrapping_add(1);
    }
}
