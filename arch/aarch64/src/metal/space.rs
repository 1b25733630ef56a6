//! The kernel's own half of the address space.

use jacinth_kernel::hal::CachePolicy;
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr};
use jacinth_paging::{Aarch64, KernelAccess, KernelMapError, KernelMapper, TableWords};

use crate::metal::regs::phys_bits;
use crate::metal::tables::Words;

/// The kernel's page tables, to which mappings are only ever added.
#[derive(Debug)]
pub struct KernelSpace {
    mapper: KernelMapper<Aarch64>,
    words: Words,
    root: PhysAddr,
    /// Frames for tables, taken from the start.
    spare: PhysRun,
}

/// What memory a kernel mapping reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// RAM.
    Ram(KernelAccess),
    /// Registers of a device.
    Device,
}

impl KernelSpace {
    /// Makes an empty space; its tables come from `frames`, which are nobody else's.
    pub fn new(mut words: Words, frames: PhysRun) -> Self {
        let codec = Aarch64 {
            phys_bits: phys_bits(),
        };
        let mut spare = frames;
        let root = take(&mut spare).expect("there is a frame for the root table");
        words.zero_table(root);
        Self {
            mapper: KernelMapper::new(codec, root),
            words,
            root,
            spare,
        }
    }

    /// The root table.
    #[must_use]
    pub const fn root(&self) -> PhysAddr {
        self.root
    }

    /// Takes a frame of those for tables, for another purpose.
    pub fn take_frame(&mut self) -> Option<PhysAddr> {
        take(&mut self.spare)
    }

    /// Maps `run` at `at`.
    ///
    /// # Errors
    /// See [`KernelMapError`].
    pub fn map(
        &mut self,
        at: VirtAddr,
        run: PhysRun,
        memory: Memory,
    ) -> Result<(), KernelMapError> {
        let how = match memory {
            Memory::Ram(access) => (access, CachePolicy::Cached),
            Memory::Device => (KernelAccess::Write, CachePolicy::Uncached),
        };
        let Self {
            mapper,
            words,
            spare,
            ..
        } = self;
        mapper.map(words, &mut || take(spare), at, run, how)
    }

    /// Maps as much of `run` at `at` as is left after the tables for it were taken from its start;
    /// says how much that is, in bytes. What is too little for anything is kept for tables.
    ///
    /// # Errors
    /// See [`KernelMapError`]; what was mapped until then stays so.
    pub fn extend(&mut self, at: VirtAddr, mut run: PhysRun) -> Result<u64, KernelMapError> {
        let mut bytes = 0;
        while run.pages > 0 {
            // From the end, page by page, so that the start stays free for tables.
            run.pages -= 1;
            let page = PhysRun {
                base: run.end(),
                pages: 1,
            };
            let Self {
                mapper,
                words,
                spare,
                ..
            } = self;
            let mut frame = || take(spare).or_else(|| take(&mut run));
            let start = VirtAddr::new(at.raw() + bytes);
            match mapper.map(
                words,
                &mut frame,
                start,
                page,
                (KernelAccess::Write, CachePolicy::Cached),
            ) {
                Ok(()) => bytes += PAGE_SIZE,
                Err(KernelMapError::NoMemory) => self.spare = page,
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }
}

fn take(frames: &mut PhysRun) -> Option<PhysAddr> {
    let first = frames.base;
    frames.pages = frames.pages.checked_sub(1)?;
    frames.base = first.checked_add(PAGE_SIZE)?;
    Some(first)
}
