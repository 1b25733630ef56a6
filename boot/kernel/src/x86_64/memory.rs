//! What lies where: divides RAM up, and names everything else.

use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun};
use jacinth_x86_64::STACK_PAGES;
use jacinth_x86_64::acpi::{Acpi, MAX_CPUS};
use jacinth_x86_64::runs::{RunSet, inward, outward};

use super::early;
use super::start_info::StartInfo;

const MIB: u64 = 1 << 20;
const BLOCK: u64 = 2 * MIB;
/// Kept aside for starting other processors, and because firmware keeps things there.
pub(crate) const LOW_MEMORY: PhysRun = PhysRun {
    base: PhysAddr::new(0),
    pages: MIB / PAGE_SIZE,
};
/// What [`BootInfo`](jacinth_boot::info::BootInfo) holds.
const MOST_RAM_RUNS: usize = jacinth_boot::info::MAX_RAM;
/// Enough for the tables of any image, stacks, window and heap below 1 TiB of RAM in 2 MiB blocks.
const LEAST_TABLE_PAGES: u64 = 80;

/// Where everything is.
#[derive(Debug)]
pub(crate) struct Memory {
    /// All RAM, in whole pages.
    pub(crate) ram: RunSet,
    /// All pages that have RAM in them.
    pub(crate) touched: RunSet,
    /// RAM that nobody uses.
    pub(crate) free: RunSet,
    /// Where the firmware's tables are, apart from RAM.
    pub(crate) firmware: RunSet,
    /// The kernel's image.
    pub(crate) image: PhysRun,
    /// The first heap.
    pub(crate) heap: PhysRun,
    /// Frames for the kernel's own page tables.
    pub(crate) tables: PhysRun,
    /// Stacks of all CPUs but the boot CPU.
    pub(crate) stacks: PhysRun,
    /// A page below 1 MiB where another CPU can begin, if there is one.
    pub(crate) trampoline: Option<PhysAddr>,
    /// The boot archive, alone on its pages: its address and its size in bytes.
    pub(crate) archive: Option<(PhysAddr, u64)>,
}

impl Memory {
    /// Divides RAM up; `None` when there is too little.
    pub(crate) fn divide(
        start: &StartInfo,
        acpi: Option<&Acpi<'_>>,
        image: PhysRun,
        cpus: usize,
    ) -> Option<Self> {
        let ram = ram_runs(start, inward);
        let firmware = firmware_pages(acpi, &ram);
        let mut free = ram.clone();
        let module = start.module.map(|(at, bytes)| outward(at, bytes));
        let used = [Some(LOW_MEMORY), Some(image), module];
        // Firmware's tables may lie in RAM, too.
        for used in used.into_iter().flatten().chain(table_pages(acpi)) {
            free.cut(used).ok()?;
        }
        let ram_bytes = ram.bytes();
        let heap_bytes = (MIB + ram_bytes / 256).next_multiple_of(BLOCK);
        let top = ram.iter().map(|run| run.end().raw()).max()?;
        let table_bytes =
            (LEAST_TABLE_PAGES + top.div_ceil(1 << 30) + 4 * ram.len() as u64) * PAGE_SIZE;
        let tables = free.take(table_bytes, PAGE_SIZE, early::LIMIT).ok()??;
        let heap = free.take(heap_bytes, BLOCK, u64::MAX).ok()??;
        let trampoline = trampoline(&ram, acpi, module);
        let others = cpus.saturating_sub(1).min(MAX_CPUS - 1) as u64;
        let stacks = match trampoline {
            Some(_) if others > 0 => free
                .take(others * STACK_PAGES * PAGE_SIZE, PAGE_SIZE, u64::MAX)
                .ok()??,
            _ => PhysRun { pages: 0, ..heap },
        };
        let archive = match start.module {
            Some(module) if !is_alone(module, acpi, &ram) => Some(moved(module, &mut free)?),
            module => module,
        };
        let archive = archive.map(|(at, bytes)| (PhysAddr::new(at), bytes));
        let touched = ram_runs(start, outward);
        Some(Self {
            ram,
            touched,
            free,
            firmware,
            image,
            heap,
            tables,
            stacks,
            trampoline,
            archive,
        })
    }

    /// Frees the frames for page tables that were not needed.
    pub(crate) fn keep_tables(&mut self, pages: u64) {
        let kept = PhysRun {
            pages: pages.min(self.tables.pages),
            ..self.tables
        };
        let rest = PhysRun {
            base: kept.end(),
            pages: self.tables.pages - kept.pages,
        };
        // Where the set is full, a few frames are lost.
        if self.free.add(rest).is_ok() {
            self.tables = kept;
        }
    }
}

/// Finds a page for the first instructions of other CPUs. Page 0 and those behind it are left to
/// what firmware keeps there.
fn trampoline(ram: &RunSet, acpi: Option<&Acpi<'_>>, module: Option<PhysRun>) -> Option<PhysAddr> {
    const FIRST: u64 = 0x8000;
    const END: u64 = 0xa_0000;
    let pages = (FIRST..END).step_by(PAGE_SIZE as usize);
    let is_free = |page: &PhysRun| {
        let is_used = |used: PhysRun| used.overlaps(*page);
        ram.covers(*page) && !table_pages(acpi).any(is_used) && !module.is_some_and(is_used)
    };
    pages
        .map(|at| outward(at, PAGE_SIZE))
        .find(is_free)
        .map(|page| page.base)
}

/// The RAM of the memory map; what is too much is left out.
fn ram_runs(start: &StartInfo, round: fn(u64, u64) -> PhysRun) -> RunSet {
    let mut runs = RunSet::default();
    for entry in start.map.iter().filter(|entry| entry.is_ram) {
        if runs.len() < MOST_RAM_RUNS {
            runs.add(round(entry.at, entry.bytes)).ok();
        }
    }
    runs
}

/// Whether a module begins on a page of RAM and shares none with anything else.
fn is_alone(module: (u64, u64), acpi: Option<&Acpi<'_>>, ram: &RunSet) -> bool {
    let (at, bytes) = module;
    let run = outward(at, bytes);
    run.base.raw() == at && ram.covers(run) && !table_pages(acpi).any(|table| table.overlaps(run))
}

/// Copies a module to pages of its own, and frees those that it had for itself.
fn moved(module: (u64, u64), free: &mut RunSet) -> Option<(u64, u64)> {
    let (at, bytes) = module;
    let pages = bytes.next_multiple_of(PAGE_SIZE);
    let to = free.take(pages, PAGE_SIZE, early::LIMIT).ok()??.base;
    early::copy(to, at, bytes)?;
    // Where the set is full, the frames are lost.
    free.add(inward(at, bytes)).ok();
    Some((to.raw(), bytes))
}

/// The pages of the root pointer and of all tables that are known.
fn table_pages(acpi: Option<&Acpi<'_>>) -> impl Iterator<Item = PhysRun> {
    acpi.into_iter().flat_map(|acpi| {
        let tables = acpi.tables.iter();
        let tables = tables.map(|table| (table.at, table.bytes.len() as u64));
        let all = tables.chain([acpi.rsdp]);
        all.map(|(at, bytes)| outward(at, bytes))
    })
}

/// The pages of the firmware's tables that are not in RAM.
fn firmware_pages(acpi: Option<&Acpi<'_>>, ram: &RunSet) -> RunSet {
    let mut pages = RunSet::default();
    for run in table_pages(acpi).filter(|run| !ram.covers(*run)) {
        // Where the set is full, the table is not shown and its reader misses it.
        pages.add(run).ok();
    }
    pages
}
