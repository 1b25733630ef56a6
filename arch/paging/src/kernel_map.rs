//! The kernel's own mappings: image, window onto physical memory, heap, devices.

use jacinth_kernel::hal::CachePolicy;
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};

use crate::codec::{Entry, KernelAccess, Level, PteCodec};
use crate::table::TableWords;

/// Why a kernel mapping was not made; what was made until then stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelMapError {
    /// The closure gave no frame for a table.
    NoMemory,
    /// Something else is mapped there already.
    AlreadyMapped,
    /// An address is not page-aligned, or too large.
    BadAddress,
}

/// Makes kernel mappings in one tree, at boot and later. It only adds: an entry once valid is never
/// changed, so nothing is ever invalidated.
#[derive(Clone, Copy, Debug)]
pub struct KernelMapper<C> {
    codec: C,
    root: PhysAddr,
}

/// How a kernel mapping is made; addresses with the same distance to each other everywhere.
#[derive(Clone, Copy)]
struct Plan {
    to_phys: u64,
    access: KernelAccess,
    cache: CachePolicy,
}

impl<C: PteCodec> KernelMapper<C> {
    /// Works on the tree with this root table, which the caller has zeroed.
    pub const fn new(codec: C, root: PhysAddr) -> Self {
        Self { codec, root }
    }

    /// Maps `run` at `at` by the largest blocks that fit. Tables come from `frame`, contents
    /// unknown. Mapping again what is mapped just so already is no error.
    ///
    /// # Errors
    /// See [`KernelMapError`].
    pub fn map<T: TableWords>(
        &self,
        tables: &mut T,
        frame: &mut dyn FnMut() -> Option<PhysAddr>,
        at: VirtAddr,
        run: PhysRun,
        (access, cache): (KernelAccess, CachePolicy),
    ) -> Result<(), KernelMapError> {
        let is_aligned = at.is_aligned(PAGE_SIZE) && run.base.is_aligned(PAGE_SIZE);
        let end = at
            .checked_add(run.bytes())
            .ok_or(KernelMapError::BadAddress)?;
        if !is_aligned || run.end().raw() > self.codec.phys_limit() {
            return Err(KernelMapError::BadAddress);
        }
        let plan = Plan {
            to_phys: run.base.raw().wrapping_sub(at.raw()),
            access,
            cache,
        };
        let mut next = at.raw();
        while next < end.raw() {
            next = self.map_one(
                tables,
                frame,
                plan,
                VirtRange {
                    start: VirtAddr::new(next),
                    end,
                },
            )?;
        }
        tables.publish();
        Ok(())
    }

    /// Makes the tables that the root's entries for `range` point at, so that trees that copy
    /// these entries share everything that is mapped there later.
    ///
    /// # Errors
    /// [`KernelMapError::NoMemory`].
    pub fn link_root(
        &self,
        tables: &mut impl TableWords,
        frame: &mut dyn FnMut() -> Option<PhysAddr>,
        range: VirtRange,
    ) -> Result<(), KernelMapError> {
        if range.bytes() == 0 {
            return Ok(());
        }
        let last = range.end.raw() - 1;
        for index in Level::ROOT.index(range.start.raw())..=Level::ROOT.index(last) {
            if self
                .codec
                .decode(tables.read(self.root, index), Level::ROOT)
                == Entry::Empty
            {
                self.link(tables, frame, self.root, index)?;
            }
        }
        Ok(())
    }

    /// Makes the entry for the start of `rest`; the answer is the first address behind it.
    fn map_one(
        &self,
        tables: &mut impl TableWords,
        frame: &mut dyn FnMut() -> Option<PhysAddr>,
        plan: Plan,
        rest: VirtRange,
    ) -> Result<u64, KernelMapError> {
        let at = rest.start.raw();
        let phys = PhysAddr::new(at.wrapping_add(plan.to_phys));
        let (mut table, mut level) = (self.root, Level::ROOT);
        loop {
            let index = level.index(at);
            let old = tables.read(table, index);
            let is_block = level <= self.codec.largest_block()
                && (at | phys.raw()) & (level.bytes() - 1) == 0
                && level.bytes() <= rest.bytes();
            let leaf = self
                .codec
                .encode_kernel(phys, level, plan.access, plan.cache);
            match self.codec.decode(old, level) {
                Entry::Empty if is_block => {
                    tables.write(table, index, leaf);
                    return Ok(at.wrapping_add(level.bytes()));
                }
                Entry::Empty => table = self.link(tables, frame, table, index)?,
                Entry::Table(next) => table = next,
                Entry::Leaf(_) if is_block && self.codec.is_same(old, leaf) => {
                    return Ok(at.wrapping_add(level.bytes()));
                }
                Entry::Leaf(_) => return Err(KernelMapError::AlreadyMapped),
            }
            level = level.below();
        }
    }

    fn link(
        &self,
        tables: &mut impl TableWords,
        frame: &mut dyn FnMut() -> Option<PhysAddr>,
        table: PhysAddr,
        index: usize,
    ) -> Result<PhysAddr, KernelMapError> {
        let next = frame().ok_or(KernelMapError::NoMemory)?;
        tables.zero_table(next);
        tables.publish();
        tables.write(table, index, self.codec.encode_table(next));
        Ok(next)
    }
}
