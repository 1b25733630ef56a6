//! Frames of tables that are not linked: those that a map operation sets aside before it changes
//! anything, and those that a debt holds until it is paid. However many, they are a chain through
//! the first word of each.

use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::MapError;
use jacinth_kernel::mem::{Frame, Mem, TlbFlush};

use super::{give_back, take_table};
use crate::table::{TableMem, TableWords};

/// In a link of a debt's chain, whose last word is 0: a processor that still walks the table sees an
/// entry that is not valid.
const LINK: u64 = 1 << 1;

/// Puts an empty table that was just unlinked into a debt.
pub(super) fn unlink(tables: &mut impl TableWords, debt: &mut TlbFlush, table: PhysAddr) {
    if let Some(before) = debt.tables.replace(Frame::claim(table)) {
        tables.write(table, 0, before.address().raw() | LINK);
    }
}

/// Gives the tables of a debt back that was paid.
pub(super) fn settle(tables: &mut impl TableMem, debt: TlbFlush, mem: &mut Mem) {
    let mut next = debt.tables;
    while let Some(frame) = next {
        let link = tables.read(frame.address(), 0);
        next = (link != 0).then(|| Frame::claim(PhysAddr::new(link & !LINK)));
        give_back(tables, frame, mem);
    }
}

/// Frames set aside for tables.
pub(super) struct Spare {
    first: PhysAddr,
}

impl Spare {
    /// Behind the last one; no frame has this address.
    const END: PhysAddr = PhysAddr::new(2);

    /// Sets `count` frames aside.
    ///
    /// # Errors
    /// [`MapError::NoMemory`], with none set aside.
    pub(super) fn reserve<T: TableMem>(
        tables: &mut T,
        count: u64,
        mem: &mut Mem,
    ) -> Result<Self, MapError> {
        let mut spare = Self { first: Self::END };
        for _ in 0..count {
            match mem.table_alloc() {
                Ok(frame) => {
                    let table = take_table(tables, frame);
                    tables.write(table, 0, spare.first.raw());
                    spare.first = table;
                }
                Err(_) => {
                    spare.give_up(tables, mem);
                    return Err(MapError::NoMemory);
                }
            }
        }
        Ok(spare)
    }

    fn give_up<T: TableMem>(&mut self, tables: &mut T, mem: &mut Mem) {
        while self.first != Self::END {
            let table = self.take(tables);
            give_back(tables, Frame::claim(table), mem);
        }
    }

    /// Takes a frame whose contents are unknown.
    pub(super) fn take<T: TableMem>(&mut self, tables: &T) -> PhysAddr {
        assert!(
            self.first != Self::END,
            "missing_tables counts every table that write takes"
        );
        let table = self.first;
        self.first = PhysAddr::new(tables.read(table, 0));
        table
    }

    /// Takes a frame as an empty table.
    pub(super) fn take_zeroed<T: TableMem>(&mut self, tables: &mut T) -> PhysAddr {
        let table = self.take(tables);
        tables.zero_table(table);
        table
    }
}
