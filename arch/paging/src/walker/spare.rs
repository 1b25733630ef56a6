//! Frames that a map operation sets aside before it changes anything.

use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::MapError;
use jacinth_kernel::mem::{Frame, Mem};

use super::{give_back, take_table};
use crate::table::TableMem;

/// Frames set aside for tables, however many: a chain through the first word of each.
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
