//! From the root to the one table that a request is about.

use jacinth_kernel::PhysAddr;

use super::Part;
use crate::codec::{Level, PteCodec};
use crate::table::TableWords;

/// The tables on the way to a table.
#[derive(Clone, Copy)]
pub(super) struct Way {
    /// The table at the end.
    pub(super) table: PhysAddr,
    /// Its level.
    pub(super) level: Level,
    /// The tables above it, from the root down; the others mean nothing.
    above: [PhysAddr; Level::WITH_TABLES.len()],
}

impl Way {
    /// The way to the smallest table that there is for all of the part.
    pub(super) fn to_smallest(
        codec: impl PteCodec,
        tables: &impl TableWords,
        root: PhysAddr,
        part: Part,
    ) -> Self {
        let (mut table, mut above) = (root, [root; Level::WITH_TABLES.len()]);
        let different_bits = part.start ^ part.end.wrapping_sub(1);
        for (level, place) in Level::WITH_TABLES.into_iter().zip(&mut above) {
            let next = codec.table(tables.read(table, level.index(part.start)), level);
            *place = table;
            match next {
                Some(next) if different_bits < level.bytes() => table = next,
                _ => {
                    return Self {
                        table,
                        level,
                        above,
                    };
                }
            }
        }
        Self {
            table,
            level: Level::Kib4,
            above,
        }
    }

    /// The table above the one of a level, and its own level; nothing is above the root.
    pub(super) const fn above(self, level: Level) -> Option<(PhysAddr, Level)> {
        let [gib_512, gib_1, mib_2] = self.above;
        match level {
            Level::Kib4 => Some((mib_2, Level::Mib2)),
            Level::Mib2 => Some((gib_1, Level::Gib1)),
            Level::Gib1 => Some((gib_512, Level::Gib512)),
            Level::Gib512 => None,
        }
    }

    /// Notes that `made` entries were added to the last table, in the entry that points at it.
    pub(super) fn add_live(
        self,
        codec: impl PteCodec,
        tables: &mut impl TableWords,
        part: Part,
        made: u64,
    ) {
        if let Some((table, level)) = self.above(self.level) {
            add_live(codec, tables, table, level.index(part.start), made);
        }
    }

    /// Notes that `gone` entries are removed from the last table; false, with nothing noted, when
    /// they are the last ones that keep it.
    pub(super) fn drop_live(
        self,
        codec: impl PteCodec,
        tables: &mut impl TableWords,
        part: Part,
        gone: u64,
    ) -> bool {
        let Some((table, level)) = self.above(self.level) else {
            return true;
        };
        let index = level.index(part.start);
        let entry = tables.read(table, index);
        let live = codec.live(entry);
        if live <= gone {
            return false;
        }
        tables.write(
            table,
            index,
            codec.with_live(entry, live.wrapping_sub(gone)),
        );
        true
    }
}

/// Notes in an entry that `made` entries were added to the table that it points at.
pub(super) fn add_live(
    codec: impl PteCodec,
    tables: &mut impl TableWords,
    table: PhysAddr,
    index: usize,
    made: u64,
) {
    let entry = tables.read(table, index);
    let live = codec.live(entry).wrapping_add(made);
    tables.write(table, index, codec.with_live(entry, live));
}
