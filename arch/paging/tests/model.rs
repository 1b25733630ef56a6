//! The walker against a model too simple to be wrong: a map from page to what is mapped there.

mod machine;

use std::collections::BTreeMap;

use jacinth_kernel::hal::{Backing, CachePolicy, MapAttrs, MapError, MmuFlags};
use jacinth_kernel::mem::{Mem, Work};
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_paging::{Aarch64, Leaf, PteCodec, X86_64};
use machine::{Machine, pages};
use proptest::prelude::*;

const MIB_2: u64 = 0x20_0000;
const GIB: u64 = 0x4000_0000;
/// The part of the address space that the test plays in: the end of one root entry and the start
/// of the next.
const FIRST: u64 = 512 * GIB - 2 * GIB;
const LAST: u64 = 512 * GIB + GIB;

const RX: MmuFlags = MmuFlags::READ.union(MmuFlags::EXECUTE);
const RW: MmuFlags = MmuFlags::READ.union(MmuFlags::WRITE);

#[derive(Clone, Debug)]
enum Step {
    Map {
        at: u64,
        bytes: u64,
        bank: u64,
        flags: MmuFlags,
        cache: CachePolicy,
    },
    Unmap {
        at: u64,
        bytes: u64,
        work: u32,
        memory: Option<u64>,
    },
    Protect {
        at: u64,
        bytes: u64,
        flags: MmuFlags,
        work: u32,
    },
}

fn flags() -> impl Strategy<Value = MmuFlags> {
    prop::sample::select(vec![MmuFlags::READ, RW, RX, MmuFlags::all()])
}

fn cache() -> impl Strategy<Value = CachePolicy> {
    let cached = CachePolicy::Cached;
    let others = vec![
        CachePolicy::Uncached,
        CachePolicy::UncachedDevice,
        CachePolicy::WriteCombining,
    ];
    prop_oneof![5 => Just(cached), 2 => prop::sample::select(others)]
}

/// Places near each other, and near the borders of blocks.
fn place() -> impl Strategy<Value = u64> {
    let giga = prop::sample::select(vec![FIRST, FIRST + GIB, FIRST + 2 * GIB]);
    let mega = prop::sample::select(vec![0, 0, 1, 2, 511]);
    let page = prop_oneof![3 => Just(0), 1 => prop::sample::select(vec![1_u64, 2, 255, 510, 511])];
    (giga, mega, page).prop_map(|(giga, mega, page)| giga + mega * MIB_2 + page * PAGE_SIZE)
}

fn length() -> impl Strategy<Value = u64> {
    let page = 1_u64..6;
    prop_oneof![
        4 => page.prop_map(|pages| pages * PAGE_SIZE),
        3 => (0_u64..3, 0_u64..3).prop_map(|(mega, page)| (mega * MIB_2 + page * PAGE_SIZE).max(PAGE_SIZE)),
        1 => (0_u64..3).prop_map(|page| GIB + page * PAGE_SIZE),
    ]
}

/// The range, cut at the end of where the test plays.
fn range() -> impl Strategy<Value = (u64, u64)> {
    (place(), length()).prop_map(|(at, bytes)| (at, bytes.min(LAST - at)))
}

fn step() -> impl Strategy<Value = Step> {
    let map =
        (range(), 0_u64..4, flags(), cache()).prop_map(|((at, bytes), bank, flags, cache)| {
            // The banks that are not aligned take one entry per page: keep them small.
            let bytes = if bank < 2 {
                bytes
            } else {
                bytes.min(3 * MIB_2)
            };
            Step::Map {
                at,
                bytes,
                bank,
                flags,
                cache,
            }
        });
    let work = prop::sample::select(vec![1_u32, 3, 64, 100_000]);
    let memory = prop::option::weighted(0.2, 0_u64..3);
    let unmap =
        (range(), work.clone(), memory).prop_map(|((at, bytes), work, memory)| Step::Unmap {
            at,
            bytes,
            work,
            memory,
        });
    let protect = (range(), flags(), work).prop_map(|((at, bytes), flags, work)| Step::Protect {
        at,
        bytes,
        flags,
        work,
    });
    prop_oneof![5 => map, 2 => unmap, 3 => protect]
}

/// Where a bank puts an address: the same frames, frames 2 MiB and a page further, a page further.
fn bank_base(bank: u64, at: u64) -> u64 {
    const DEVICES: u64 = 0x10_0000_0000;
    let shift = [0, 0, MIB_2 + PAGE_SIZE, PAGE_SIZE][usize::try_from(bank).unwrap()];
    DEVICES + at + shift
}

type Model = BTreeMap<u64, (u64, MmuFlags, CachePolicy)>;

struct Test<C: PteCodec> {
    machine: Machine<C>,
    model: Model,
    codec: C,
}

fn steps_of(at: u64, bytes: u64) -> impl Iterator<Item = u64> {
    (0..pages(bytes)).map(move |page| at + page * PAGE_SIZE)
}

impl<C: PteCodec> Test<C> {
    fn new(codec: C) -> Self {
        Self {
            machine: Machine::new(codec),
            model: Model::new(),
            codec,
        }
    }

    /// The type as the processor knows it.
    fn type_of(&self, cache: CachePolicy) -> CachePolicy {
        match cache {
            CachePolicy::UncachedDevice if !self.codec.needs_break() => CachePolicy::Uncached,
            cache => cache,
        }
    }

    /// The permissions as the processor has them.
    fn flags_of(&self, flags: MmuFlags, cache: CachePolicy) -> MmuFlags {
        if self.codec.supports(flags, cache) {
            flags
        } else {
            flags - MmuFlags::EXECUTE
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Map {
                at,
                bytes,
                bank,
                flags,
                cache,
            } => self.map(at, bytes, bank, (flags, cache)),
            Step::Unmap {
                at,
                bytes,
                work,
                memory,
            } => self.unmap(at, bytes, work, memory),
            Step::Protect {
                at,
                bytes,
                flags,
                work,
            } => self.protect(at, bytes, flags, work),
        }
        self.machine.audit();
    }

    fn map(&mut self, at: u64, bytes: u64, bank: u64, (flags, cache): (MmuFlags, CachePolicy)) {
        let expected = self.model_map(at, bytes, bank, flags, cache);
        let run = PhysRun {
            base: PhysAddr::new(bank_base(bank, at)),
            pages: pages(bytes),
        };
        let attrs = MapAttrs {
            flags,
            cache,
            backing: Backing::Device,
        };
        // Fails the first allocation, then the second, then one far on, then none.
        for limit in [Some(0), Some(1), Some(7), None] {
            let before = self.machine.mem.frames.free_frames();
            let asked = self.machine.mem.budget.asked();
            self.machine.mem.budget.fail_after(limit);
            let Machine {
                walker,
                tables,
                mem,
                aspace,
                ..
            } = &mut self.machine;
            let result = walker.map(tables, *aspace, VirtAddr::new(at), run, attrs, mem);
            self.machine.mem.budget.fail_after(None);
            if result == Err(MapError::NoMemory) {
                assert!(limit.is_some_and(|limit| self.machine.mem.budget.asked() > asked + limit));
                assert_eq!(
                    self.machine.mem.frames.free_frames(),
                    before,
                    "a frame is lost"
                );
                self.machine.audit();
                continue;
            }
            assert_eq!(result.map(drop), expected);
            if let Ok(counts) = result {
                self.machine.counts.add(counts);
            }
            return;
        }
        panic!("no memory without a reason");
    }

    fn model_map(
        &mut self,
        at: u64,
        bytes: u64,
        bank: u64,
        flags: MmuFlags,
        cache: CachePolicy,
    ) -> Result<(), MapError> {
        if !self.codec.supports(flags, cache) {
            return Err(MapError::Unsupported);
        }
        let cache = self.type_of(cache);
        let wanted = |page: u64| bank_base(bank, at) + (page - at);
        let is_other = |(page, old): (&u64, &(u64, MmuFlags, CachePolicy))| {
            (old.0, old.2) != (wanted(*page), cache)
        };
        if self.model.range(at..at + bytes).any(is_other) {
            return Err(MapError::AlreadyMapped);
        }
        self.model
            .extend(steps_of(at, bytes).map(|page| (page, (wanted(page), flags, cache))));
        Ok(())
    }

    fn unmap(&mut self, at: u64, bytes: u64, work: u32, memory: Option<u64>) {
        self.machine.mem.budget.fail_after(memory);
        self.sweep(at, bytes, work, None);
        self.machine.mem.budget.fail_after(None);
        let end = at + bytes;
        self.model.retain(|page, _| *page < at || end <= *page);
        if memory.is_some() {
            self.forget_lost_blocks(at, end);
        }
    }

    /// Where a block could not be split, it went as a whole.
    fn forget_lost_blocks(&mut self, start: u64, end: u64) {
        let walker = &self.machine.walker;
        let tables = &self.machine.tables;
        let aspace = self.machine.aspace;
        let lost = |page: u64| walker.query(tables, aspace, VirtAddr::new(page)).is_none();
        let left = start & !(GIB - 1);
        let right = (end | (GIB - 1)) + 1;
        self.model
            .retain(|page, _| *page < left || right <= *page || !lost(*page));
    }

    fn protect(&mut self, at: u64, bytes: u64, flags: MmuFlags, work: u32) {
        self.sweep(at, bytes, work, Some(flags));
        let supported = self.codec;
        for (_, (_, old, cache)) in self.model.range_mut(at..at + bytes) {
            *old = if supported.supports(flags, *cache) {
                flags
            } else {
                flags - MmuFlags::EXECUTE
            };
        }
    }

    /// Unmaps or protects in as many turns as it takes, paying each debt.
    fn sweep(&mut self, at: u64, bytes: u64, units: u32, flags: Option<MmuFlags>) {
        let mut range = VirtRange {
            start: VirtAddr::new(at),
            end: VirtAddr::new(at + bytes),
        };
        while range.start < range.end {
            let Machine {
                walker,
                tables,
                mem,
                aspace,
                counts,
            } = &mut self.machine;
            let mut work = Work::new(units);
            let changed = match flags {
                None => walker.unmap(tables, *aspace, range, &mut work, mem),
                Some(flags) => {
                    mem.reserve_tables(Mem::MOST_RESERVED_TABLES).unwrap();
                    // Those set aside must do.
                    mem.budget.fail_after(Some(0));
                    let changed = walker.protect(tables, *aspace, (range, flags), &mut work, mem);
                    mem.budget.fail_after(None);
                    mem.release_tables();
                    changed
                }
            };
            let is_stuck = changed.reached == range.start && work.spent() == 0;
            assert!(!is_stuck, "no way forward at {:?}", range.start);
            assert!(changed.reached <= range.end);
            tables.flush(&changed.flush);
            walker.settle(tables, changed.flush, mem);
            counts.add(changed.counts);
            range.start = changed.reached;
        }
    }

    /// Compares every page.
    fn compare(&self) {
        let mut wanted = self.model.iter();
        for (at, bytes, leaf) in self.machine.tables.leaves(self.machine.aspace) {
            for page in steps_of(at, bytes) {
                let Leaf { phys, flags, cache } = leaf;
                let there = (&page, &(phys.raw() + (page - at), flags, cache));
                assert_eq!(Some(there), wanted.next());
            }
        }
        assert_eq!(wanted.next(), None);
        for (page, (phys, flags, cache)) in self.model.iter().step_by(1 + self.model.len() / 100) {
            let Machine {
                walker,
                tables,
                aspace,
                ..
            } = &self.machine;
            let there = walker
                .query(tables, *aspace, VirtAddr::new(page + 0x123))
                .expect("it is mapped");
            assert_eq!(
                (there.phys.raw(), there.flags, there.cache),
                (phys + 0x123, *flags, *cache)
            );
        }
    }

    fn finish(mut self) {
        self.compare();
        self.sweep(FIRST, LAST - FIRST, 1_000_000, None);
        self.machine.audit();
        assert_eq!(
            self.machine.counts,
            jacinth_kernel::hal::EntryCounts::default()
        );
        self.machine.free();
    }
}

fn play(codec: impl PteCodec, steps: &[Step]) {
    let mut test = Test::new(codec);
    for step in steps {
        test.run(step);
    }
    assert_eq!(test.flags_of(RX, CachePolicy::Cached), RX);
    test.finish();
}

const X86: X86_64 = X86_64 {
    gib_pages: true,
    phys_bits: 48,
};
const ARM: Aarch64 = Aarch64 { phys_bits: 48 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn x86_64(steps in prop::collection::vec(step(), 1..24)) {
        play(X86, &steps);
    }

    #[test]
    fn x86_64_without_gib_pages(steps in prop::collection::vec(step(), 1..24)) {
        play(X86_64 { gib_pages: false, ..X86 }, &steps);
    }

    #[test]
    fn aarch64(steps in prop::collection::vec(step(), 1..24)) {
        play(ARM, &steps);
    }
}
