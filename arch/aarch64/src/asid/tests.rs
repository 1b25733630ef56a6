//! A machine of several CPUs with a TLB each, which remembers all it ever saw and forgets only what
//! it is told: no order of events lets one of them use what is no longer so.

use super::*;
use jacinth_kernel::PhysAddr;
use jacinth_paging::aspace_id;
use std::collections::BTreeMap;

const CPUS: usize = 4;
const SPACES: usize = 6;
const PAGES: u64 = 40;

#[test]
fn when_all_are_given_out_one_is_shared() {
    for (bits, most) in [(8, 0xfe), (16, 0xffe)] {
        let mut asids = Asids::new(bits);
        for _ in 0..most {
            let asid = asids.take();
            assert!(asid != 0 && !asids.is_shared(asid));
        }
        let shared = asids.take();
        assert!(asids.is_shared(shared));
        asids.give_back(shared);
        assert_eq!(asids.take(), shared);
        asids.give_back(77);
        assert_eq!(asids.take(), 77);
    }
}

#[derive(Default)]
struct Processor {
    /// The space whose table TTBR0 names.
    used: Option<usize>,
    /// By identifier and page, the frame.
    tlb: BTreeMap<(u16, u64), u64>,
}

struct Space {
    id: AspaceId,
    pages: BTreeMap<u64, u64>,
}

struct Machine {
    asids: Asids,
    stale: StaleAsids,
    processors: [Processor; CPUS],
    spaces: [Option<Space>; SPACES],
    frames: u64,
    /// How often a CPU came back to what it remembered.
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
        usize::try_from(self.below(end as u64)).unwrap_or(0)
    }
}

impl Machine {
    fn new(shared: u16) -> Self {
        Self {
            asids: Asids::sharing(shared),
            stale: StaleAsids::new(),
            processors: Default::default(),
            spaces: [const { None }; SPACES],
            frames: 0,
            kept: 0,
        }
    }

    /// What `Machine::activate` does on metal.
    fn enter(&mut self, cpu: CpuId, index: usize) {
        let Some(space) = &self.spaces[index] else {
            return;
        };
        let processor = &mut self.processors[cpu];
        if processor.used.replace(index) == Some(index) {
            return;
        }
        let asid = asid_of(space.id);
        let is_stale = self.stale.enter(cpu, space.id);
        if is_stale || self.asids.is_shared(asid) {
            processor.tlb.retain(|&(of, _), _| of != asid);
        } else {
            self.kept += 1;
        }
    }

    /// What `UserTables::invalidate` does on metal, for pages, or for a whole space (TLBI VAE1,
    /// ASIDE1, and both broadcast).
    fn invalidate(&mut self, here: CpuId, index: usize, aspace: AspaceId, page: Option<u64>) {
        let others = (0..CPUS).filter(|&cpu| cpu != here);
        let is_used = others
            .into_iter()
            .any(|cpu| self.processors[cpu].used == Some(index));
        let reach = self.stale.change(here, aspace, is_used);
        for (cpu, processor) in self.processors.iter_mut().enumerate() {
            if cpu == here || reach == Reach::Everywhere {
                let is_meant = |at: u64| page.is_none_or(|page| page == at);
                let asid = asid_of(aspace);
                processor
                    .tlb
                    .retain(|&(of, at), _| of != asid || !is_meant(at));
            }
        }
    }

    fn begin(&mut self, index: usize) {
        if self.spaces[index].is_none() {
            let root = PhysAddr::new((index as u64 + 1) << 12);
            self.spaces[index] = Some(Space {
                id: aspace_id(root, self.asids.take()),
                pages: BTreeMap::new(),
            });
        }
    }

    /// As `aspace_free`: nobody was told of the last pages.
    fn end(&mut self, here: CpuId, index: usize) {
        let Some(space) = self.spaces[index].take() else {
            return;
        };
        for processor in &mut self.processors {
            if processor.used == Some(index) {
                processor.used = None;
            }
        }
        self.invalidate(here, index, space.id, None);
        self.asids.give_back(asid_of(space.id));
    }

    /// Takes a page away, or shows another frame.
    fn change(&mut self, here: CpuId, index: usize, page: u64, is_gone: bool) {
        let Some(space) = &mut self.spaces[index] else {
            return;
        };
        self.frames += 1;
        let _before = if is_gone {
            space.pages.remove(&page)
        } else {
            space.pages.insert(page, self.frames)
        };
        let id = space.id;
        self.invalidate(here, index, id, Some(page));
    }

    /// The processor goes by what it remembers, or looks and remembers.
    fn access(&mut self, cpu: CpuId, page: u64) {
        let processor = &mut self.processors[cpu];
        let Some(index) = processor.used else {
            return;
        };
        let space = self.spaces[index].as_ref().expect("a space in use lives");
        let truth = space.pages.get(&page).copied();
        let key = (asid_of(space.id), page);
        match (processor.tlb.get(&key), truth) {
            (Some(&seen), truth) => assert_eq!(Some(seen), truth, "stale on {cpu}: {page}"),
            (None, Some(frame)) => assert_eq!(processor.tlb.insert(key, frame), None),
            (None, None) => {}
        }
    }

    fn step(&mut self, random: &mut Random) {
        let (cpu, index) = (random.index(CPUS), random.index(SPACES));
        match random.below(40) {
            0 => self.end(cpu, index),
            1..=3 => self.begin(index),
            4..=8 => self.change(cpu, index, random.below(PAGES), random.below(2) == 0),
            9..=11 => self.processors[cpu].used = None,
            12..=23 => self.enter(cpu, index),
            _ => (0..PAGES).for_each(|page| self.access(cpu, page)),
        }
    }
}

#[test]
fn no_order_of_events_shows_what_is_no_longer_so() {
    // With too few identifiers, and with enough.
    for shared in [2, 4, 0xfff] {
        let mut kept = 0;
        for seed in 1..=40 {
            let mut machine = Machine::new(shared);
            let mut random = Random(seed);
            for _ in 0..4000 {
                machine.step(&mut random);
            }
            kept += machine.kept;
        }
        assert!(kept > 1000, "{kept} times a CPU kept what it knew");
    }
}
