//! A machine of several CPUs with a TLB each, which remembers all it ever saw and forgets only what
//! the manual says: no order of events lets one of them use what is no longer so.

use super::*;
use jacinth_kernel::VirtAddr;
use jacinth_paging::aspace_id;
use std::collections::BTreeMap;

const CPUS: usize = 4;
const SPACES: usize = 6;
const PAGES: u64 = 100;
const KERNEL_ROOT: u64 = 0x1000;

/// What one page is: a frame, and whether it can be written.
type Leaf = (u64, bool);

/// A processor, as the manual describes it; without global pages, which loads leave alone.
#[derive(Default)]
struct Processor {
    cr3: u64,
    tlb: BTreeMap<(u16, u64), Leaf>,
}

impl Processor {
    fn tag(&self) -> u16 {
        (self.cr3 & TAG) as u16
    }

    /// MOV to CR3. Without tags (`has_tags`) bits 63 and 11:0 must be clear.
    fn load(&mut self, word: u64, has_tags: bool) {
        assert!(
            has_tags || word & (KEEP | TAG) == 0,
            "a general protection fault"
        );
        self.cr3 = word & !KEEP;
        if word & KEEP == 0 {
            let tag = self.tag();
            self.tlb.retain(|&(of, _), _| of != tag);
        }
    }

    /// INVLPG.
    fn forget_page(&mut self, page: u64) {
        let tag = self.tag();
        self.tlb.remove(&(tag, page));
    }
}

/// One address space, alive or not.
struct Space {
    id: AspaceId,
    pages: BTreeMap<u64, Leaf>,
}

struct Machine {
    has_tags: bool,
    pcids: Pcids,
    stale: StalePcids,
    processors: [Processor; CPUS],
    /// By the number of the root table, which is used again.
    spaces: [Option<Space>; SPACES],
    frames: u64,
    kept: u32,
}

/// The same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end
    }

    fn index(&mut self, end: usize) -> usize {
        self.below(end as u64) as usize
    }
}

impl Machine {
    /// A machine that knows the tags below `end`: none, when that is 1.
    fn new(end: u16) -> Self {
        let processors = core::array::from_fn(|_| Processor {
            cr3: KERNEL_ROOT,
            ..Processor::default()
        });
        Self {
            has_tags: end > 1,
            pcids: Pcids::up_to(end),
            stale: StalePcids::new(),
            processors,
            spaces: [const { None }; SPACES],
            frames: 0,
            kept: 0,
        }
    }

    fn root(index: usize) -> PhysAddr {
        PhysAddr::new((index as u64 + 2) << 12)
    }

    fn used_by(&self, cpu: CpuId) -> Option<usize> {
        let root = root_in(self.processors[cpu].cr3);
        (0..SPACES).find(|&index| Self::root(index) == root)
    }

    fn enter(&mut self, cpu: CpuId, index: usize) {
        if let Some(space) = &self.spaces[index]
            && self.used_by(cpu) != Some(index)
        {
            let word = self.stale.enter(cpu, space.id);
            self.kept += u32::from(word & KEEP != 0);
            self.processors[cpu].load(word, self.has_tags);
        }
    }

    fn leave(&mut self, cpu: CpuId) {
        self.processors[cpu].load(KERNEL_ROOT, self.has_tags);
    }

    /// What `shootdown` does on metal, after the tables were changed.
    fn forget(&mut self, here: CpuId, aspace: AspaceId, first: u64, end: u64) {
        self.forget_on(here, aspace, first, end);
        let mut told = CpuMask::of(here);
        for cpu in (0..CPUS).filter(|&cpu| cpu != here) {
            if root_in(self.processors[cpu].cr3) == root_of(aspace) {
                told = told.with(CpuMask::of(cpu));
            }
        }
        self.stale.elsewhere(aspace, told);
        for cpu in (0..CPUS).filter(|&cpu| cpu != here && told.has(cpu)) {
            self.forget_on(cpu, aspace, first, end);
        }
    }

    fn forget_on(&mut self, cpu: CpuId, aspace: AspaceId, first: u64, end: u64) {
        let range = VirtRange {
            start: VirtAddr::new(first * PAGE_SIZE),
            end: VirtAddr::new(end * PAGE_SIZE),
        };
        let processor = &mut self.processors[cpu];
        match self.stale.here(|| cpu, processor.cr3, aspace, range) {
            Forget::Later => {}
            Forget::Pages => (first..end).for_each(|page| processor.forget_page(page)),
            Forget::Load(word) => processor.load(word, self.has_tags),
        }
    }

    fn begin(&mut self, index: usize) {
        if self.spaces[index].is_none() {
            self.spaces[index] = Some(Space {
                id: aspace_id(Self::root(index), self.pcids.take()),
                pages: BTreeMap::new(),
            });
        }
    }

    /// The space ends, when no CPU uses it any more; nobody was told of its last pages.
    fn end(&mut self, index: usize) {
        let Some(space) = self.spaces[index].take() else {
            return;
        };
        for cpu in 0..CPUS {
            if self.used_by(cpu) == Some(index) {
                self.leave(cpu);
            }
        }
        self.stale.end(space.id);
        self.pcids.give_back(space.id);
    }

    /// Maps other frames, protects, or unmaps.
    fn change(&mut self, here: CpuId, index: usize, random: &mut Random) {
        let first = random.below(PAGES);
        let end = (first + 1 + random.below(PAGES)).min(PAGES);
        let how = random.below(3);
        let Some(space) = &mut self.spaces[index] else {
            return;
        };
        for page in first..end {
            self.frames += 1;
            let frame = (self.frames, true);
            match how {
                0 => drop(space.pages.remove(&page)),
                1 => drop(space.pages.entry(page).and_modify(|leaf| leaf.1 = false)),
                _ => drop(space.pages.insert(page, frame)),
            }
        }
        let id = space.id;
        self.forget(here, id, first, end);
    }

    /// Maps where nothing is, which is told nobody.
    fn add(&mut self, index: usize, page: u64) {
        if let Some(space) = &mut self.spaces[index] {
            self.frames += 1;
            space.pages.entry(page).or_insert((self.frames, true));
        }
    }

    /// The processor goes by what it remembers, or looks and remembers, be it on its own account.
    fn access(&mut self, cpu: CpuId, page: u64) {
        let index = self.used_by(cpu);
        let truth = index.and_then(|index| {
            let space = self.spaces[index].as_ref().expect("a space in use lives");
            space.pages.get(&page).copied()
        });
        let processor = &mut self.processors[cpu];
        let key = (processor.tag(), page);
        match (processor.tlb.get(&key), truth) {
            (Some(seen), truth) => assert_eq!(Some(*seen), truth, "stale on {cpu}: {page}"),
            (None, Some(leaf)) => drop(processor.tlb.insert(key, leaf)),
            (None, None) => {}
        }
    }

    fn step(&mut self, random: &mut Random) {
        let (cpu, index) = (random.index(CPUS), random.index(SPACES));
        match random.below(40) {
            0 => self.end(index),
            1..=3 => self.begin(index),
            4..=6 => self.change(cpu, index, random),
            7..=9 => self.leave(cpu),
            10..=16 => self.enter(cpu, index),
            17..=20 => self.add(index, random.below(PAGES)),
            _ => self.access(cpu, random.below(PAGES)),
        }
    }
}

#[test]
fn no_order_of_events_shows_what_is_no_longer_so() {
    // Without tags, with too few, with enough.
    for end in [1, 2, 4, 0x1000] {
        let mut kept = 0;
        for seed in 1..=40 {
            let mut machine = Machine::new(end);
            let mut random = Random(seed);
            for _ in 0..4000 {
                machine.step(&mut random);
            }
            kept += machine.kept;
        }
        // Tags are of use: what was kept by a load of CR3 is what they are for.
        assert_eq!(
            kept > 1000,
            end > 1,
            "{kept} loads of CR3 kept what there was"
        );
    }
}

#[test]
fn a_change_costs_the_others_one_load_at_most() {
    let mut machine = Machine::new(0x1000);
    machine.begin(0);
    machine.begin(1);
    machine.add(0, 5);
    for cpu in [0, 1] {
        machine.enter(cpu, 0);
        machine.access(cpu, 5);
    }
    machine.enter(1, 1);
    let id = machine.spaces[0].as_ref().map(|space| space.id);
    let id = id.expect("it began");
    machine.forget(0, id, 7, 8);
    machine.forget(0, id, 8, 9);
    // CPU 1 was not told: it forgets when it comes back, once.
    assert_eq!(machine.stale.enter(1, id) & KEEP, 0);
    assert_eq!(machine.stale.enter(1, id) & KEEP, KEEP);
    // CPU 0 was in it and forgot at once.
    assert_eq!(machine.stale.enter(0, id) & KEEP, KEEP);
}

#[test]
fn without_tags_cr3_is_as_it_always_was() {
    let mut pcids = Pcids::new(false);
    let stale = StalePcids::new();
    let id = aspace_id(PhysAddr::new(0x5000), pcids.take());
    assert!(!StalePcids::can_linger(id));
    assert_eq!(stale.enter(0, id), 0x5000);
    assert_eq!(stale.enter(0, id), 0x5000);
    pcids.give_back(id);
    assert_eq!(pcids.take(), NO_TAG);
}

#[test]
fn ranges_go_by_page_or_as_a_whole() {
    let stale = StalePcids::new();
    let id = aspace_id(PhysAddr::new(0x5000), 9);
    let pages = |count| VirtRange {
        start: VirtAddr::new(0x20_0000),
        end: VirtAddr::new(0x20_0000 + count * PAGE_SIZE),
    };
    let cr3 = 0x5000 | 9;
    assert_eq!(stale.here(|| 0, cr3, id, pages(MOST_PAGES)), Forget::Pages);
    let whole = stale.here(|| 0, cr3, id, pages(MOST_PAGES + 1));
    assert_eq!(whole, Forget::Load(cr3));
    assert_eq!(stale.here(|| 0, KERNEL_ROOT, id, pages(1)), Forget::Later);
    assert_eq!(stale.enter(0, id), cr3);
    assert_eq!(stale.enter(0, id), cr3 | KEEP);
}
