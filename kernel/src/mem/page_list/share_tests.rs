//! Many lists that are snapshots of each other, against maps that share nothing.

use super::{Holding, Page, PageList, PageNode, PageTally, audit_page_lists};
use crate::mem::{Budget, Frame, FramePool, NoMemory, Pool, Work};
use crate::{PhysAddr, PhysRun};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use std::collections::BTreeMap;
use std::vec::Vec;

/// What a list should hold: frames by index.
type Model = BTreeMap<u64, PhysAddr>;

#[derive(Clone, Debug)]
enum Step {
    New,
    Insert(u64),
    Remove(u64),
    RemoveAlone(u64),
    SetFlags(u64, u8),
    Snapshot { first: u64, pages: u64 },
    Drain(u32),
}

/// Neighbours, neighbours of powers of 64, and far ones.
fn index() -> impl Strategy<Value = u64> {
    (0u32..12, 0u64..140, any::<u64>()).prop_map(|(kind, small, large)| match kind {
        0..=4 => small,
        5..=7 => 4096 - 70 + small,
        8..=9 => (1 << 36) - 70 + small,
        _ => large % PageList::MOST_PAGES,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => proptest::strategy::Just(Step::New),
        12 => index().prop_map(Step::Insert),
        4 => index().prop_map(Step::Remove),
        2 => index().prop_map(Step::RemoveAlone),
        1 => (index(), any::<u8>()).prop_map(|(index, flags)| Step::SetFlags(index, flags)),
        2 => proptest::strategy::Just(Step::Snapshot { first: 0, pages: 1 << 52 }),
        3 => (index(), index()).prop_map(|(first, pages)| Step::Snapshot { first, pages }),
        2 => (0u32..40).prop_map(Step::Drain),
    ]
}

struct World {
    pool: Pool<PageNode>,
    frames: FramePool,
    budget: Budget,
    lists: Vec<(PageList, Model)>,
}

impl World {
    fn new() -> Self {
        let ram = [(1 << 20, 700), (9 << 30, 1200)].map(|(base, pages)| PhysRun {
            base: PhysAddr::new(base),
            pages,
        });
        let mut budget = Budget::new();
        Self {
            pool: Pool::new(),
            frames: FramePool::new(&ram, &mut budget).unwrap(),
            budget,
            lists: std::vec![(PageList::new(), Model::new())],
        }
    }

    /// How many lists hold a frame.
    fn holders(&self, frame: PhysAddr) -> usize {
        let held = |(_, model): &&(PageList, Model)| model.values().any(|other| *other == frame);
        self.lists.iter().filter(held).count()
    }

    /// Frees what an operation gave back, of which the models know already.
    fn free(&mut self, gone: Option<Frame>, model_gone: Option<PhysAddr>) {
        let last = model_gone.filter(|frame| self.holders(*frame) == 0);
        assert_eq!(gone.as_ref().map(Frame::address), last);
        if let Some(frame) = gone {
            self.frames.free(frame);
        }
    }

    fn act(&mut self, which: usize, step: &Step) -> Result<(), NoMemory> {
        let which = which % self.lists.len();
        let (pool, frames, budget) = (&mut self.pool, &mut self.frames, &mut self.budget);
        let (list, model) = &mut self.lists[which];
        match *step {
            Step::New => self.lists.push((PageList::new(), Model::new())),
            Step::Insert(index) => {
                list.reserve_path(index, pool, budget)?;
                let frame = frames.alloc()?.address();
                let nodes = pool.len();
                let gone = list.insert_reserved(pool, frames, index, Page::new(frame, 7));
                assert!(pool.len() - nodes <= 19);
                let model_gone = model.insert(index, frame);
                assert_eq!(
                    list.holding(pool, frames, index),
                    Holding::Alone(Page::new(frame, 7))
                );
                self.free(gone, model_gone);
            }
            Step::Remove(index) => {
                list.reserve_path(index, pool, budget)?;
                let gone = list.remove_reserved(pool, frames, index);
                let model_gone = model.remove(&index);
                self.free(gone, model_gone);
            }
            Step::RemoveAlone(index) => {
                let gone = list.remove_alone(pool, frames, index);
                if gone.is_some() {
                    let model_gone = model.remove(&index);
                    assert_eq!(model_gone, gone.map(Page::frame));
                    self.free(gone.map(|page| Frame::claim(page.frame())), model_gone);
                } else {
                    let held = model.get(&index).copied();
                    assert!(held.is_none_or(|frame| self.holders(frame) > 1));
                }
            }
            Step::SetFlags(index, flags) => {
                let holding = list.holding(pool, frames, index);
                let is_set = list.set_flags(pool, frames, index, flags);
                assert_eq!(is_set, matches!(holding, Holding::Alone(_)));
                if is_set {
                    assert_eq!(list.get(pool, index).map(Page::flags), Some(flags));
                }
            }
            Step::Snapshot { first, pages } => {
                list.reserve_snapshot(pool, budget)?;
                let nodes = pool.len();
                let snapshot = list.snapshot_reserved(pool, frames, first, pages);
                assert!(pool.len() - nodes <= 20);
                let window = model.range(first..first.saturating_add(pages));
                let window = window
                    .map(|(index, frame)| (index - first, *frame))
                    .collect();
                self.lists.push((snapshot, window));
            }
            Step::Drain(units) => self.drain(which, units),
        }
        Ok(())
    }

    fn drain(&mut self, which: usize, units: u32) {
        let mut work = Work::new(units);
        loop {
            let (list, model) = &mut self.lists[which];
            let gone = list.drain_step(&mut self.pool, &mut self.frames, &mut work);
            // It goes from the front, and all of a node at once.
            let next = list.next_at_or_after(&self.pool, 0);
            *model = match next {
                Some((next, _)) => model.split_off(&next),
                None => Model::new(),
            };
            let Some(frame) = gone else {
                assert!(work.is_gone() || list.count() == 0);
                return;
            };
            assert_eq!(self.holders(frame.address()), 0);
            self.frames.free(frame);
        }
    }

    fn check(&self) {
        let lists = self.lists.iter().map(|(list, _)| list);
        let used = self.frames.total_frames() - self.frames.free_frames();
        assert_eq!(audit_page_lists(lists, &self.pool, &self.frames), Ok(used));
        let mut holders: BTreeMap<PhysAddr, u32> = BTreeMap::new();
        for (_, model) in &self.lists {
            for frame in model.values() {
                *holders.entry(*frame).or_default() += 1;
            }
        }
        assert_eq!(u64::try_from(holders.len()).unwrap(), used);
        let mut sum = 0u128;
        for (list, model) in &self.lists {
            self.check_list(list, model, &holders);
            sum += list.scaled(&self.pool, &self.frames);
        }
        assert!(
            (u128::from(used) << 64) - sum < 1 << 32,
            "{used} is not {sum:#x}"
        );
    }

    fn check_list(&self, list: &PageList, model: &Model, holders: &BTreeMap<PhysAddr, u32>) {
        let (pool, frames) = (&self.pool, &self.frames);
        assert_eq!(list.count(), u64::try_from(model.len()).unwrap());
        let mut private = 0;
        let mut from = 0;
        for (index, frame) in model {
            let (at, page) = list.next_at_or_after(pool, from).unwrap();
            assert_eq!((at, page.frame()), (*index, *frame));
            assert_eq!(list.get(pool, at), Some(page));
            let is_alone = holders[frame] == 1;
            let holding = list.holding(pool, frames, at);
            assert_eq!(holding == Holding::Alone(page), is_alone);
            assert_eq!(holding == Holding::Shared(page), !is_alone);
            private += u64::from(is_alone);
            from = at + 1;
            let (base, most) = list.run_at(pool, at, 9).unwrap();
            let (same, pages, held) = list.run_held_at(pool, frames, at, 9).unwrap();
            assert_eq!((base, held), (same, holding));
            let alike = |more: &u64| holders[&model[&(at + more)]] == 1;
            let expected = (0..most).take_while(|more| alike(more) == is_alone).count();
            assert_eq!(pages, u64::try_from(expected).unwrap());
        }
        assert_eq!(list.next_at_or_after(pool, from), None);
        assert_eq!(list.private(pool, frames), private);
        let mut tally = PageTally::default();
        while !tally.step(list, pool, frames, &mut Work::new(12)) {}
        assert_eq!(
            (tally.private, tally.scaled),
            (private, list.scaled(pool, frames))
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn snapshots_do_what_copies_do(
        steps in proptest::collection::vec((any::<usize>(), step(), proptest::option::weighted(0.1, 0u64..2)), 1..120),
    ) {
        let mut world = World::new();
        for (which, step, fails) in steps {
            if let Some(after) = fails {
                world.budget.fail_any_after(after);
                // What fails leaves everything as it was, as the check below finds.
                let is_done = world.act(which, &step).is_ok();
                world.budget.fail_after(None);
                world.check();
                if is_done {
                    continue;
                }
            }
            if world.lists.len() < 12 || !matches!(step, Step::New | Step::Snapshot { .. }) {
                world.act(which, &step).unwrap();
            }
            world.check();
        }
        for which in 0..world.lists.len() {
            world.drain(which, u32::MAX);
        }
        world.check();
        assert_eq!(world.frames.free_frames(), world.frames.total_frames());
        assert_eq!(world.frames.shares(), 0);
        assert!(world.pool.is_empty());
    }
}

#[test]
fn a_whole_snapshot_costs_no_node_and_a_write_one_path() {
    let mut world = World::new();
    for index in 0..600 {
        world.act(0, &Step::Insert(index)).unwrap();
    }
    let nodes = world.pool.len();
    assert_eq!(nodes, 11);
    let whole = Step::Snapshot {
        first: 0,
        pages: 1000,
    };
    world.act(0, &whole).unwrap();
    assert_eq!(world.pool.len(), nodes);
    world.act(1, &Step::Insert(70)).unwrap();
    assert_eq!(world.pool.len(), nodes + 2);
    world.check();
    // All but one page are common.
    assert_eq!(world.lists[0].0.private(&world.pool, &world.frames), 1);
    // The rest of a common list goes in a few steps.
    let mut work = Work::new(600);
    let (list, _) = &mut world.lists[1];
    while let Some(frame) = list.drain_step(&mut world.pool, &mut world.frames, &mut work) {
        world.frames.free(frame);
    }
    assert_eq!((list.count(), world.pool.len()), (0, nodes));
    assert!(work.spent() <= 75);
}

#[test]
fn windows_of_windows_stay_small() {
    let mut world = World::new();
    for index in 0..20 {
        world.act(0, &Step::Insert(index * 5000)).unwrap();
    }
    for depth in 0..10 {
        let window = Step::Snapshot {
            first: 5000,
            pages: 1 << 51,
        };
        world.act(depth, &window).unwrap();
        world.check();
    }
    // The last page of all, seen from where it is, needs no tree.
    let window = Step::Snapshot {
        first: 19 * 5000,
        pages: 8,
    };
    world.act(0, &window).unwrap();
    world.check();
    let last = &world.lists.last().unwrap().0;
    assert_eq!((last.height, last.count, last.bias), (0, 1, 0));
}

#[test]
fn a_bias_stays_below_one_slot_of_the_highest_tree() {
    let mut world = World::new();
    let (half, far) = (1 << 51, PageList::MOST_PAGES - 1);
    let mut highest = 0;
    for depth in 0..300 {
        world.act(depth, &Step::Insert(half)).unwrap();
        world.act(depth, &Step::Insert(far)).unwrap();
        let window = Step::Snapshot {
            first: half - 7,
            pages: u64::MAX,
        };
        world.act(depth, &window).unwrap();
        let last = &world.lists[depth + 1].0;
        assert!(last.bias < 1 << 54);
        highest = highest.max(world.lists[depth].0.height);
    }
    assert_eq!(highest, 10);
    world.check();
}
