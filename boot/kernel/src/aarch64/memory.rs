//! Who gets which RAM, and the kernel's page tables for it.

use jacinth_aarch64::devicetree::{Description, RegionKind};
use jacinth_aarch64::layout::{HEAP, Image, PHYSMAP_LIMIT, physmap};
use jacinth_aarch64::runs::{RunSet, outward};
use jacinth_aarch64::{Facts, KernelAccess, KernelSpace, Memory, Words};
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr};

use super::{image, stacks};

const MIB: u64 = 1 << 20;
const BLOCK: u64 = 2 * MIB;
/// One byte of heap for so many of RAM, after the first MiB.
const HEAP_SHARE: u64 = 256;
/// Why a step on a set of runs cannot fail.
const FITS: &str = "there are not too many pieces of RAM";

/// The division of physical memory.
pub(super) struct Plan {
    image: Image,
    /// All RAM.
    pub(super) ram: RunSet,
    /// RAM that nobody may map.
    untouchable: RunSet,
    /// RAM for the pool.
    pub(super) free: RunSet,
    /// The device tree: its first byte and its size in bytes.
    pub(super) tree: (PhysAddr, u64),
    /// The kernel's heap, once there is one.
    pub(super) heap: PhysRun,
    /// The stacks of all CPUs but the boot CPU, once there are any.
    pub(super) stacks: PhysRun,
}

impl Plan {
    /// Divides the RAM that the device tree describes.
    pub(super) fn new(found: &Description<'_>, image: Image, tree: (PhysAddr, u64)) -> Self {
        let beyond = PhysRun {
            base: PhysAddr::new(PHYSMAP_LIMIT),
            pages: (u64::MAX - PHYSMAP_LIMIT) / PAGE_SIZE,
        };
        let mut ram = found.ram.clone();
        ram.cut(beyond).expect(FITS);
        let mut free = ram.clone();
        let mut untouchable = RunSet::default();
        for region in &found.regions {
            match region.kind {
                RegionKind::Untouchable => untouchable.add(region.run).expect(FITS),
                RegionKind::Reserved => {}
                RegionKind::Device | RegionKind::KernelDevice => continue,
            }
            free.cut(region.run).expect(FITS);
        }
        free.cut(image.run).expect(FITS);
        free.cut(outward(tree.0.raw(), tree.1)).expect(FITS);
        if let Some((start, bytes)) = found.initrd {
            free.cut(outward(start, bytes)).expect(FITS);
        }
        let none = PhysRun {
            base: PhysAddr::new(0),
            pages: 0,
        };
        Self {
            image,
            ram,
            untouchable,
            free,
            tree,
            heap: none,
            stacks: none,
        }
    }

    /// Makes the kernel's page tables: the image by its parts, and all other RAM.
    ///
    /// # Safety
    /// Called once, while the early tables map the image.
    pub(super) unsafe fn kernel_space(&mut self) -> KernelSpace {
        let mut space = KernelSpace::new(self.words(), image::table_frames(self.image));
        image::map(&mut space, self.image);
        let mut mapped = self.ram.clone();
        // A device tree may lie in ROM.
        mapped
            .add(outward(self.tree.0.raw(), self.tree.1))
            .expect(FITS);
        mapped.cut(self.image.run).expect(FITS);
        for run in self.untouchable.as_slice() {
            mapped.cut(*run).expect(FITS);
        }
        for run in mapped.as_slice() {
            let made = space.map(physmap(run.base), *run, Memory::Ram(KernelAccess::Write));
            made.expect("the first tables hold the map of RAM");
        }
        space
    }

    /// Takes the heap out of free RAM and maps it; says where it is and its size in bytes.
    pub(super) fn map_heap(&mut self, space: &mut KernelSpace) -> (VirtAddr, u64) {
        let bytes = (MIB + self.ram.bytes() / HEAP_SHARE).next_multiple_of(BLOCK);
        let taken = self.free.take(bytes, BLOCK, PHYSMAP_LIMIT).expect(FITS);
        self.heap = taken.expect("there is RAM for the kernel's heap");
        let made = space.map(HEAP.start, self.heap, Memory::Ram(KernelAccess::Write));
        made.expect("the first tables hold the heap");
        (HEAP.start, bytes)
    }

    /// Takes the stacks of other CPUs out of free RAM and maps them; says how many CPUs have some
    /// then, the boot CPU among them.
    pub(super) fn map_stacks(&mut self, space: &mut KernelSpace, others: usize) -> usize {
        let bytes = others as u64 * stacks::PAGES * PAGE_SIZE;
        let taken = (bytes > 0).then(|| self.free.take(bytes, PAGE_SIZE, PHYSMAP_LIMIT));
        let Some(Ok(Some(taken))) = taken else {
            return 1;
        };
        self.stacks = taken;
        let mut base = taken.base;
        for (start, end) in (1..=others).flat_map(stacks::of) {
            let pages = (end - start) / PAGE_SIZE;
            let run = PhysRun { base, pages };
            let made = space.map(VirtAddr::new(start), run, Memory::Ram(KernelAccess::Write));
            made.expect("the first tables hold the stacks");
            base = run.end();
        }
        stacks::note_mapped(others + 1);
        others + 1
    }

    /// The first address behind the heap.
    pub(super) fn heap_end(&self) -> VirtAddr {
        VirtAddr::new(HEAP.start.raw() + self.heap.bytes())
    }

    /// Access to page tables.
    pub(super) fn words(&self) -> Words {
        // SAFETY: the image is where it says; the tables that are made before the map of RAM is
        // live are all in the image.
        unsafe { Words::new(self.image) }
    }

    /// Where the image was loaded.
    pub(super) fn image_run(&self) -> PhysRun {
        self.image.run
    }

    /// What the second fence is told: everything in RAM that is not the pool's, but for the boot
    /// archive, which becomes a VMO; and the kernel's devices.
    pub(super) fn facts(&self, found: &Description<'_>) -> Facts {
        let mut facts = Facts {
            ram: self.ram.clone(),
            ..Facts::default()
        };
        let kept = [
            self.image.run,
            self.heap,
            self.stacks,
            outward(self.tree.0.raw(), self.tree.1),
        ];
        let regions = found
            .regions
            .iter()
            .filter(|region| region.kind != RegionKind::Device);
        facts
            .private
            .extend(kept.into_iter().chain(regions.map(|region| region.run)));
        facts
    }
}
