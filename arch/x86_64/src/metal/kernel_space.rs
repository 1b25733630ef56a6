//! The kernel's half of all address spaces: built once at boot, shared by all.

use core::arch::asm;

use jacinth_kernel::hal::CachePolicy;
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_paging::{
    KernelAccess, KernelMapError, KernelMapper, TABLE_ENTRIES, TableWords, X86_64,
};
use x86_64::registers::control::Cr3;

use super::layout::{HEAP, KERNEL_BASE, in_devices, in_physmap};
use super::physmap::Tables;
use super::stacks;

/// The first entry of a root table that belongs to the kernel's half.
const FIRST_KERNEL_ENTRY: usize = TABLE_ENTRIES / 2;

/// The parts of the kernel's image, as virtual addresses on page borders.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// Code.
    pub text: VirtRange,
    /// Constants.
    pub rodata: VirtRange,
    /// Data and zeroed data, without the stacks.
    pub data: [VirtRange; 2],
}

/// What the kernel's half shows besides the image.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'a> {
    /// RAM for the window onto physical memory, without the image.
    pub ram: &'a [PhysRun],
    /// Firmware tables for the window, outside of RAM; read-only.
    pub firmware: &'a [PhysRun],
    /// The first piece of the heap.
    pub heap: PhysRun,
    /// Registers of the devices that the kernel drives.
    pub devices: &'a [PhysRun],
    /// Frames for the stacks of CPUs other than the boot CPU, `STACK_PAGES` for each.
    pub stacks: PhysRun,
}

/// The kernel's own address space, whose upper half all others share.
#[derive(Clone, Copy, Debug)]
pub struct KernelSpace {
    mapper: KernelMapper<X86_64>,
    root: PhysAddr,
    tables: Tables,
}

impl KernelSpace {
    /// Builds the space; frames for its tables come from `frame`.
    ///
    /// # Errors
    /// See [`KernelMapError`].
    ///
    /// # Safety
    /// The window onto physical memory shows all frames that come, which are nobody else's. `image`
    /// is the image that runs, at its distance [`KERNEL_BASE`]; the rest is what it is called.
    pub unsafe fn build(
        codec: X86_64,
        image: &Image,
        contents: &Contents<'_>,
        frame: &mut dyn FnMut() -> Option<PhysAddr>,
    ) -> Result<Self, KernelMapError> {
        // SAFETY: the tables are made of the frames that the caller vouches for.
        let mut tables = unsafe { Tables::new() };
        let root = frame().ok_or(KernelMapError::NoMemory)?;
        tables.zero_table(root);
        let mut space = Self {
            mapper: KernelMapper::new(codec, root),
            root,
            tables,
        };
        // Only the heap grows later, when other roots have copied this one's entries.
        space.mapper.link_root(&mut space.tables, frame, HEAP)?;
        space.map_image(image, frame)?;
        space.map_contents(contents, frame)?;
        Ok(space)
    }

    fn map_image(
        &mut self,
        image: &Image,
        frame: &mut dyn FnMut() -> Option<PhysAddr>,
    ) -> Result<(), KernelMapError> {
        let [data, zeroed] = image.data;
        let parts = [
            (image.text, KernelAccess::Execute),
            (image.rodata, KernelAccess::Read),
            (data, KernelAccess::Write),
            (zeroed, KernelAccess::Write),
        ];
        let stacks = stacks::mapped_stacks(0).map(|(start, end)| {
            let range = VirtRange {
                start: VirtAddr::new(start),
                end: VirtAddr::new(end),
            };
            (range, KernelAccess::Write)
        });
        for (range, access) in parts.into_iter().chain(stacks) {
            let base = PhysAddr::new(range.start.raw().wrapping_sub(KERNEL_BASE));
            let run = PhysRun {
                base,
                pages: range.bytes() / PAGE_SIZE,
            };
            self.map(frame, range.start, run, (access, CachePolicy::Cached))?;
        }
        Ok(())
    }

    fn map_contents(
        &mut self,
        contents: &Contents<'_>,
        frame: &mut dyn FnMut() -> Option<PhysAddr>,
    ) -> Result<(), KernelMapError> {
        let cached = CachePolicy::Cached;
        for &run in contents.ram {
            self.map(
                frame,
                in_physmap(run.base),
                run,
                (KernelAccess::Write, cached),
            )?;
        }
        for &run in contents.firmware {
            self.map(
                frame,
                in_physmap(run.base),
                run,
                (KernelAccess::Read, cached),
            )?;
        }
        self.map(
            frame,
            HEAP.start,
            contents.heap,
            (KernelAccess::Write, cached),
        )?;
        for &run in contents.devices {
            let how = (KernelAccess::Write, CachePolicy::Uncached);
            self.map(frame, in_devices(run.base), run, how)?;
        }
        self.map_other_stacks(contents.stacks, frame)
    }

    fn map_other_stacks(
        &mut self,
        frames: PhysRun,
        frame: &mut dyn FnMut() -> Option<PhysAddr>,
    ) -> Result<(), KernelMapError> {
        let mut base = frames.base;
        let others = usize::try_from(frames.pages / stacks::STACK_PAGES).unwrap_or(0);
        for cpu in 1..=others {
            for (start, end) in stacks::mapped_stacks(cpu) {
                let pages = (end - start) / PAGE_SIZE;
                let run = PhysRun { base, pages };
                let how = (KernelAccess::Write, CachePolicy::Cached);
                self.map(frame, VirtAddr::new(start), run, how)?;
                base = run.end();
            }
        }
        stacks::note_mapped(others + 1);
        Ok(())
    }

    /// The root table: what a CPU that starts uses first.
    #[must_use]
    pub const fn root(&self) -> PhysAddr {
        self.root
    }

    /// Adds a mapping, seen in all address spaces.
    pub(crate) fn map(
        &mut self,
        frame: &mut dyn FnMut() -> Option<PhysAddr>,
        at: VirtAddr,
        run: PhysRun,
        how: (KernelAccess, CachePolicy),
    ) -> Result<(), KernelMapError> {
        self.mapper.map(&mut self.tables, frame, at, run, how)
    }

    /// Makes this CPU use the space: the kernel's half alone.
    ///
    /// # Safety
    /// Nothing that is used is mapped elsewhere only.
    pub unsafe fn activate(&self) {
        // SAFETY: the caller says so, and the tables show the running image.
        unsafe { load(self.root.raw()) }
    }

    /// Copies the kernel's half into a root table.
    pub(crate) fn share(&self, tables: &mut impl TableWords, root: PhysAddr) {
        for index in FIRST_KERNEL_ENTRY..TABLE_ENTRIES {
            tables.write(root, index, self.tables.read(self.root, index));
        }
    }
}

/// What CR3 of this CPU holds: a root table and a tag (see [`pcid`](crate::pcid)).
pub(crate) fn loaded() -> u64 {
    let (frame, low) = Cr3::read_raw();
    frame.start_address().as_u64() | u64::from(low)
}

/// Loads CR3 of this CPU, where bit 63 says that translations under the tag are kept.
///
/// # Safety
/// The upper half of the root table is the kernel's. Bits that ask for tags are set only where the
/// processor has them and they are switched on.
pub(crate) unsafe fn load(word: u64) {
    // SAFETY: the caller says so. Not `nomem`: other memory is mapped afterwards.
    unsafe { asm!("mov cr3, {}", in(reg) word, options(nostack, preserves_flags)) }
}
