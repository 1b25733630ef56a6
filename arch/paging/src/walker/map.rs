//! Mapping: check everything and count the tables, set them aside, then write without failing.

use jacinth_kernel::hal::{AspaceId, Backing, EntryCounts, MapAttrs, MapError, MmuFlags};
use jacinth_kernel::mem::Mem;
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};

use super::spare::Spare;
use super::way::{Way, add_live};
use super::{Block, Part, Stale, Walker, count_leaves, count_split};
use crate::codec::{Entry, Leaf, Level, PteCodec};
use crate::table::{TableMem, TableWords, root_of};

/// What is to be mapped where.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) at: VirtAddr,
    pub(super) run: PhysRun,
    pub(super) attrs: MapAttrs,
}

/// A checked request: the physical address of each virtual one, and what the entries say.
#[derive(Clone, Copy)]
struct Plan<C> {
    codec: C,
    to_phys: u64,
    attrs: MapAttrs,
}

/// A request that is being carried out.
struct Job<'a, C, T> {
    plan: Plan<C>,
    tables: &'a mut T,
    aspace: AspaceId,
    spare: Spare,
    counts: EntryCounts,
    stale: Stale,
}

pub(super) fn map<C: PteCodec, T: TableMem>(
    walker: &Walker<C>,
    tables: &mut T,
    aspace: AspaceId,
    request: Request,
    mem: &mut Mem,
) -> Result<EntryCounts, MapError> {
    let Some(part) = checked_part(walker, tables, request)? else {
        return Ok(EntryCounts::default());
    };
    let to_phys = request.run.base.raw().wrapping_sub(part.start);
    let plan = Plan {
        codec: walker.codec,
        to_phys,
        attrs: request.attrs,
    };
    let way = Way::to_smallest(walker.codec, tables, root_of(aspace), part);
    if let Some(made) = plan.write_row(tables, way, part) {
        let mut counts = EntryCounts::default();
        count_leaves(&mut counts, way.level, made.cast_signed());
        return Ok(counts);
    }
    map_many(plan, tables, aspace, (way, part), mem)
}

/// Carries a checked request out, from the smallest table that there is for all of the part.
/// Kept out of line, so that mapping a row of entries does not pay for its registers.
#[inline(never)]
fn map_many<C: PteCodec, T: TableMem>(
    plan: Plan<C>,
    tables: &mut T,
    aspace: AspaceId,
    (way, part): (Way, Part),
    mem: &mut Mem,
) -> Result<EntryCounts, MapError> {
    let missing = plan.missing_tables(tables, Some(way.table), way.level, part)?;
    let spare = Spare::reserve(tables, missing, mem)?;
    // commit
    let mut job = Job {
        plan,
        tables,
        aspace,
        spare,
        counts: EntryCounts::default(),
        stale: Stale::NOTHING,
    };
    let made = job.write(way.table, way.level, part);
    let Job {
        tables,
        counts,
        stale,
        ..
    } = job;
    way.add_live(plan.codec, tables, part, made);
    tables.publish();
    if let Some(range) = stale.range() {
        tables.fence_mut().recent.forget(range);
        // There is no debt to return, and on Arm a stale translation with fewer permissions may
        // fault for ever: so at once.
        tables.break_entry(aspace, range.start, range.bytes());
    }
    Ok(counts)
}

/// Checks addresses and asks the fence; `None` when there is nothing to map.
fn checked_part<C: PteCodec>(
    walker: &Walker<C>,
    tables: &impl TableMem,
    request: Request,
) -> Result<Option<Part>, MapError> {
    let Request { at, run, attrs } = request;
    let bytes = run.bytes();
    let range = VirtRange::new(at, bytes).ok_or(MapError::Refused)?;
    let phys_end = run.base.checked_add(bytes).ok_or(MapError::Refused)?;
    let is_aligned = (at.raw() | run.base.raw()) & (PAGE_SIZE - 1) == 0;
    if !is_aligned || !walker.user.covers(range) || phys_end.raw() > walker.phys_limit {
        return Err(MapError::Refused);
    }
    if run.pages == 0 {
        return Ok(None);
    }
    match attrs.backing {
        Backing::Memory => tables.fence().check_memory(run),
        Backing::Device => tables.fence().check_device(run),
    }
    .map_err(|_| MapError::Refused)?;
    if !attrs.flags.contains(MmuFlags::READ) || !walker.codec.supports(attrs.flags, attrs.cache) {
        return Err(MapError::Unsupported);
    }
    Ok(Some(Part {
        start: at.raw(),
        end: range.end.raw(),
    }))
}

impl<C: PteCodec> Plan<C> {
    /// Maps a row of pages or blocks where their table is and nothing is mapped, as most requests
    /// have it; how many. `None`, with nothing written, where it is not so simple.
    #[inline]
    fn write_row(&self, tables: &mut impl TableWords, way: Way, part: Part) -> Option<u64> {
        let level = way.level;
        let low_bits = level.bytes().wrapping_sub(1);
        let all = part.start | part.end | self.phys(part).raw();
        if all & low_bits != 0 || level > self.codec.largest_block() {
            return None;
        }
        let (first, count) = (level.index(part.start), part.bytes() >> level.shift());
        let row = first..first.saturating_add(usize::try_from(count).unwrap_or(0));
        if row.clone().any(|index| tables.read(way.table, index) != 0) {
            return None;
        }
        let mut entry = self.encode(part, level);
        for index in row {
            tables.write(way.table, index, entry);
            // An entry holds its address where the address has it: the next is so much farther on.
            entry = entry.wrapping_add(level.bytes());
        }
        way.add_live(self.codec, tables, part, count);
        tables.publish();
        Some(count)
    }

    /// Checks that nothing else is mapped in the part, and counts the tables that are missing in
    /// `table`, which may itself be missing.
    fn missing_tables(
        &self,
        tables: &impl TableWords,
        table: Option<PhysAddr>,
        level: Level,
        part: Part,
    ) -> Result<u64, MapError> {
        match table {
            _ if level != Level::Kib4 => self.missing_below(tables, table, level, part),
            Some(table) => self.check_pages(tables, table, part),
            None => Ok(0),
        }
    }

    fn missing_below(
        &self,
        tables: &impl TableWords,
        table: Option<PhysAddr>,
        level: Level,
        part: Part,
    ) -> Result<u64, MapError> {
        let mut missing = 0;
        for piece in part.pieces(level) {
            let old = table.map_or(0, |table| tables.read(table, level.index(piece.start)));
            missing += match self.codec.decode(old, level) {
                Entry::Empty if self.is_block(level, piece) => 0,
                Entry::Empty => 1 + self.missing_tables(tables, None, level.below(), piece)?,
                Entry::Table(next) => {
                    self.missing_tables(tables, Some(next), level.below(), piece)?
                }
                Entry::Leaf(leaf) => {
                    self.check_same_target(leaf, level, piece)?;
                    if self.says(leaf, level) {
                        0
                    } else {
                        splits(level, piece)
                    }
                }
            };
        }
        Ok(missing)
    }

    /// Checks the entries of a table of the last level, below which no table is missing.
    fn check_pages(
        &self,
        tables: &impl TableWords,
        table: PhysAddr,
        part: Part,
    ) -> Result<u64, MapError> {
        for piece in part.pieces(Level::Kib4) {
            let old = tables.read(table, Level::Kib4.index(piece.start));
            if let Entry::Leaf(leaf) = self.codec.decode(old, Level::Kib4) {
                self.check_same_target(leaf, Level::Kib4, piece)?;
            }
        }
        Ok(0)
    }

    fn check_same_target(&self, old: Leaf, level: Level, piece: Part) -> Result<(), MapError> {
        let there = old
            .phys
            .raw()
            .wrapping_add(piece.start - piece.entry(level).start);
        let wanted = Leaf {
            phys: old.phys,
            flags: old.flags,
            cache: self.attrs.cache,
        };
        let is_same_type = self.codec.is_same(
            self.codec.encode(old, level),
            self.codec.encode(wanted, level),
        );
        if there == self.phys(piece).raw() && is_same_type {
            Ok(())
        } else {
            Err(MapError::AlreadyMapped)
        }
    }

    /// Whether an existing entry, whose target is right, has the right permissions too.
    fn says(&self, old: Leaf, level: Level) -> bool {
        let wanted = Leaf {
            flags: self.attrs.flags,
            ..old
        };
        self.codec.is_same(
            self.codec.encode(old, level),
            self.codec.encode(wanted, level),
        )
    }

    /// Whether one entry of the level can map the piece.
    fn is_block(&self, level: Level, piece: Part) -> bool {
        level <= self.codec.largest_block()
            && piece.is_whole(level)
            && self.phys(piece).is_aligned(level.bytes())
    }

    const fn phys(&self, piece: Part) -> PhysAddr {
        PhysAddr::new(piece.start.wrapping_add(self.to_phys))
    }

    fn encode(&self, piece: Part, level: Level) -> u64 {
        let leaf = Leaf {
            phys: self.phys(piece),
            flags: self.attrs.flags,
            cache: self.attrs.cache,
        };
        self.codec.encode(leaf, level)
    }
}

/// How many tables it takes to split an entry such that the piece has entries of its own.
fn splits(level: Level, piece: Part) -> u64 {
    if piece.is_whole(level) {
        return 0;
    }
    1 + piece
        .pieces(level.below())
        .map(|smaller| splits(level.below(), smaller))
        .sum::<u64>()
}

impl<C: PteCodec, T: TableMem> Job<'_, C, T> {
    /// Writes the entries of the part in a table, making the same choices as `missing_tables`.
    /// The answer is how many entries of the table were not in use before.
    fn write(&mut self, table: PhysAddr, level: Level, part: Part) -> u64 {
        match level {
            Level::Kib4 => self.write_pages(table, part),
            _ => self.write_blocks(table, level, part),
        }
    }

    fn write_blocks(&mut self, table: PhysAddr, level: Level, part: Part) -> u64 {
        let (codec, mut made) = (self.plan.codec, 0_u64);
        for piece in part.pieces(level) {
            let index = level.index(piece.start);
            match codec.decode(self.tables.read(table, index), level) {
                Entry::Empty if self.plan.is_block(level, piece) => {
                    self.tables
                        .write(table, index, self.plan.encode(piece, level));
                    count_leaves(&mut self.counts, level, 1);
                    made = made.wrapping_add(1);
                }
                Entry::Empty => {
                    // Filled before it is linked: no walk sees a table half done.
                    let next = self.spare.take_zeroed(self.tables);
                    self.counts.tables += 1;
                    let live = self.write(next, level.below(), piece);
                    self.tables.publish();
                    let entry = codec.with_live(codec.encode_table(next), live);
                    self.tables.write(table, index, entry);
                    made = made.wrapping_add(1);
                }
                Entry::Table(next) => {
                    let more = self.write(next, level.below(), piece);
                    add_live(codec, self.tables, table, index, more);
                }
                Entry::Leaf(leaf) => self.change(table, level, leaf, piece),
            }
        }
        made
    }

    /// Writes the entries of the part in a table of the last level.
    fn write_pages(&mut self, table: PhysAddr, part: Part) -> u64 {
        let level = Level::Kib4;
        let mut made = 0_u64;
        for piece in part.pieces(level) {
            let index = level.index(piece.start);
            match self
                .plan
                .codec
                .decode(self.tables.read(table, index), level)
            {
                Entry::Leaf(leaf) => self.change(table, level, leaf, piece),
                _ => {
                    let entry = self.plan.encode(piece, level);
                    self.tables.write(table, index, entry);
                    made = made.wrapping_add(1);
                }
            }
        }
        count_leaves(&mut self.counts, level, made.cast_signed());
        made
    }

    /// Gives the piece of a live entry the permissions that are wanted.
    fn change(&mut self, table: PhysAddr, level: Level, leaf: Leaf, piece: Part) {
        if self.plan.says(leaf, level) {
            return;
        }
        let part = piece.entry(level);
        if piece == part {
            let wanted = Leaf {
                flags: self.plan.attrs.flags,
                ..leaf
            };
            self.tables.write(
                table,
                level.index(piece.start),
                self.plan.codec.encode(wanted, level),
            );
            self.stale.add(part);
            return;
        }
        let next = self.spare.take(self.tables);
        let block = Block {
            table,
            level,
            part,
            leaf,
        };
        Walker::split(self.plan.codec, self.tables, self.aspace, block, next);
        count_split(&mut self.counts, level);
        if !self.plan.codec.needs_break() {
            self.stale.add(part);
        }
        let made = self.write(next, level.below(), piece);
        assert!(made == 0, "a split table is full");
    }
}
