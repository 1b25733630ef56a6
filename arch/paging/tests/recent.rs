//! What the walker remembers of user pages, against what the tables and the fence say.

#[expect(dead_code, reason = "other tests use the rest of it")]
mod machine;

use jacinth_kernel::hal::{Backing, CachePolicy, MapAttrs, MmuFlags};
use jacinth_kernel::mem::{Mem, Work};
use jacinth_kernel::{Access, PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_paging::{Aarch64, PteCodec, Refused, TableMem, X86_64};
use machine::Machine;
use proptest::prelude::*;

const RW: MmuFlags = MmuFlags::READ.union(MmuFlags::WRITE);
/// Where the test plays: two blocks of 2 MiB.
const START: VirtAddr = VirtAddr::new(0x4000_0000);
const BLOCK_PAGES: u64 = 512;
/// Pages that are looked at; some have to share a place in what is remembered.
const PROBES: [u64; 12] = [0, 1, 2, 3, 15, 16, 17, 511, 512, 513, 520, 1023];

#[derive(Clone, Debug)]
enum Step {
    Map(u64, u64, MmuFlags),
    Unmap(u64, u64),
    Protect(u64, u64, MmuFlags),
    /// The machine takes a frame for itself.
    Claim(u64),
    Release(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let page = || prop::sample::select(PROBES.to_vec());
    let pages = || prop::sample::select(vec![1_u64, 1, 2, 17, 64, BLOCK_PAGES]);
    let flags = || prop::sample::select(vec![MmuFlags::READ, RW]);
    prop_oneof![
        4 => (page(), pages(), flags()).prop_map(|(page, pages, flags)| Step::Map(page, pages, flags)),
        2 => (page(), pages()).prop_map(|(page, pages)| Step::Unmap(page, pages)),
        2 => (page(), pages(), flags()).prop_map(|(page, pages, flags)| Step::Protect(page, pages, flags)),
        1 => page().prop_map(Step::Claim),
        1 => page().prop_map(Step::Release),
    ]
}

fn address(page: u64) -> VirtAddr {
    VirtAddr::new(START.raw() + page * PAGE_SIZE)
}

struct Test<C: PteCodec> {
    machine: Machine<C>,
    /// The first of the frames that are mapped, in their order, over all of the place.
    frames: PhysAddr,
}

impl<C: PteCodec> Test<C> {
    fn new(codec: C) -> Self {
        let mut machine = Machine::new(codec);
        let frames = machine.mem.frames.alloc_order(10).unwrap().base;
        Self { machine, frames }
    }

    fn frame(&self, page: u64) -> PhysAddr {
        PhysAddr::new(self.frames.raw() + page * PAGE_SIZE)
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Map(page, pages, flags) => self.map(page, pages, flags),
            Step::Unmap(page, pages) => self.sweep(page, pages, None),
            Step::Protect(page, pages, flags) => self.sweep(page, pages, Some(flags)),
            Step::Claim(page) => {
                let frame = self.frame(page);
                self.machine.tables.fence_mut().claim(frame);
            }
            Step::Release(page) => {
                let frame = self.frame(page);
                self.machine.tables.fence_mut().release(frame);
            }
        }
    }

    fn map(&mut self, page: u64, pages: u64, flags: MmuFlags) {
        let run = PhysRun {
            base: self.frame(page),
            pages: pages.min(2 * BLOCK_PAGES - page),
        };
        let attrs = MapAttrs {
            flags,
            cache: CachePolicy::Cached,
            backing: Backing::Memory,
        };
        let Machine {
            walker,
            tables,
            mem,
            aspace,
            ..
        } = &mut self.machine;
        // Refused where a frame is the machine's.
        walker
            .map(tables, *aspace, address(page), run, attrs, mem)
            .ok();
    }

    fn sweep(&mut self, page: u64, pages: u64, flags: Option<MmuFlags>) {
        let mut range = VirtRange::new(address(page), pages * PAGE_SIZE).unwrap();
        let Machine {
            walker,
            tables,
            mem,
            aspace,
            ..
        } = &mut self.machine;
        while range.start < range.end {
            let mut work = Work::new(50);
            mem.reserve_tables(Mem::MOST_RESERVED_TABLES).unwrap();
            let changed = match flags {
                None => walker.unmap(tables, *aspace, range, &mut work, mem),
                Some(flags) => walker.protect(tables, *aspace, (range, flags), &mut work, mem),
            };
            mem.release_tables();
            tables.flush(&changed.flush);
            walker.settle(tables, changed.flush, mem);
            range.start = changed.reached;
        }
    }

    /// Asks for every page twice, the second time when it may be known.
    fn compare(&mut self) {
        for page in PROBES.into_iter().chain(PROBES) {
            for (access, flag) in [
                (Access::Read, MmuFlags::READ),
                (Access::Write, MmuFlags::WRITE),
            ] {
                let at = VirtAddr::new(address(page).raw() + 0x678);
                let wanted = self.walked(at, flag);
                let Machine {
                    walker,
                    tables,
                    aspace,
                    ..
                } = &mut self.machine;
                assert_eq!(
                    walker.find(tables, *aspace, at, access),
                    wanted,
                    "page {page}, {access:?}"
                );
            }
        }
    }

    fn walked(&self, at: VirtAddr, flag: MmuFlags) -> Result<Option<PhysAddr>, Refused> {
        let (tables, walker) = (&self.machine.tables, &self.machine.walker);
        let found = walker.query(tables, self.machine.aspace, at);
        let Some(found) = found.filter(|found| found.flags.contains(flag)) else {
            return Ok(None);
        };
        let run = PhysRun {
            base: found.phys.page(),
            pages: 1,
        };
        tables.fence().check_memory(run)?;
        Ok(Some(found.phys))
    }
}

fn play(codec: impl PteCodec, steps: &[Step]) {
    let mut test = Test::new(codec);
    for step in steps {
        test.run(step);
        test.compare();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn x86_64(steps in prop::collection::vec(step(), 1..24)) {
        play(X86_64 { gib_pages: true, phys_bits: 48 }, &steps);
    }

    #[test]
    fn aarch64(steps in prop::collection::vec(step(), 1..24)) {
        play(Aarch64 { phys_bits: 48 }, &steps);
    }
}
