//! The frame pool against a set of frame numbers.

use super::{FramePool, PhysRun, address, frame_number};
use crate::mem::{Budget, Frame};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use std::collections::BTreeSet;
use std::vec::Vec;

fn pool(runs: &[(u64, u64)]) -> FramePool {
    let runs: Vec<_> = runs
        .iter()
        .map(|(first, pages)| PhysRun {
            base: address(*first),
            pages: *pages,
        })
        .collect();
    FramePool::new(&runs, &mut Budget::new()).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    One,
    Order(u32),
    Free(usize),
    FreeHalf(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::strategy::Just(Step::One),
        2 => (0u32..10).prop_map(Step::Order),
        4 => any::<usize>().prop_map(Step::Free),
        1 => any::<usize>().prop_map(Step::FreeHalf),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn blocks_never_overlap_and_all_come_back(steps in proptest::collection::vec(step(), 1..300), skew in 0u64..64) {
        let runs = [(3 + skew, 1 << 9), (0x10_0000, 777), (0x10_0000 + 777, 50), (0x10_0400, 1)];
        let mut pool = pool(&runs);
        let total = pool.total_frames();
        let mut held: Vec<(u64, u32)> = Vec::new();
        for step in steps {
            match step {
                Step::One => {
                    if let Ok(frame) = pool.alloc() {
                        held.push((frame_number(frame.address()), 0));
                    }
                }
                Step::Order(order) => {
                    if let Ok(run) = pool.alloc_order(order) {
                        assert!(run.base.is_aligned(run.bytes()));
                        assert_eq!(run.pages, 1 << order);
                        held.push((frame_number(run.base), order));
                    }
                }
                Step::Free(which) if !held.is_empty() => {
                    let (first, order) = held.swap_remove(which % held.len());
                    match order {
                        0 => pool.free(Frame::claim(address(first))),
                        _ => pool.free_order(address(first), order),
                    }
                }
                Step::FreeHalf(which) if !held.is_empty() => {
                    let (first, order) = held.swap_remove(which % held.len());
                    if order == 0 {
                        pool.free_order(address(first), 0);
                    } else {
                        held.push((first, order - 1));
                        for number in first + (1 << (order - 1))..first + (1 << order) {
                            pool.free(Frame::claim(address(number)));
                        }
                    }
                }
                Step::Free(_) | Step::FreeHalf(_) => {}
            }
            check(&pool, &held, total);
        }
        for (first, order) in held.drain(..) {
            pool.free_order(address(first), order);
        }
        assert_eq!(pool.free_frames(), total);
        pool.flush(0);
        assert!(pool.audit());
        assert!(pool.alloc_order(8).is_ok());
    }
}

fn check(pool: &FramePool, held: &[(u64, u32)], total: u64) {
    assert!(pool.audit());
    let mut frames = BTreeSet::new();
    for (first, order) in held {
        for number in *first..first + (1 << order) {
            assert!(
                frames.insert(number),
                "frame {number:#x} was given out twice"
            );
            assert!(pool.owns(address(number)));
            assert!(!pool.is_free(address(number)));
        }
    }
    assert_eq!(
        pool.free_frames() + u64::try_from(frames.len()).unwrap(),
        total
    );
}

#[test]
fn every_frame_can_be_had_one_by_one() {
    let mut pool = pool(&[(5, 1000), (4096, 100)]);
    let mut seen = BTreeSet::new();
    while let Ok(frame) = pool.alloc() {
        assert!(seen.insert(frame_number(frame.address())));
    }
    assert_eq!(seen.len(), 1100);
    assert_eq!(pool.free_frames(), 0);
    assert!(pool.alloc_order(0).is_err());
}

#[test]
fn neighbours_are_joined_and_large_blocks_found() {
    let gib = 1 << 18;
    let mut pool = pool(&[
        (gib, gib / 2),
        (gib + gib / 2, gib / 2),
        (4 * gib, 2 * gib),
        (1, 150),
    ]);
    assert_eq!(pool.arenas.len(), 3);
    for _ in 0..3 {
        assert!(pool.alloc_order(18).unwrap().base.is_aligned(1 << 30));
    }
    assert!(pool.alloc_order(18).is_err());
    assert!(pool.alloc_order(19).is_err());
    assert_eq!(pool.free_frames(), 150);
    assert!(!pool.owns(address(0)) && pool.owns(address(1)) && !pool.owns(address(151)));
}

#[test]
fn a_foreign_frame_is_left_alone() {
    let mut pool = pool(&[(16, 16)]);
    pool.free(Frame::claim(address(99)));
    pool.free_order(address(24), 4);
    assert_eq!(pool.free_frames(), 16);
    assert!(pool.audit());
}

#[test]
fn a_heap_that_fails_fails_the_pool() {
    let runs = [
        PhysRun {
            base: address(1),
            pages: 5000,
        },
        PhysRun {
            base: address(9999),
            pages: 1,
        },
    ];
    for fail in 0.. {
        let mut budget = Budget::new();
        budget.fail_after(Some(fail));
        if FramePool::new(&runs, &mut budget).is_ok() {
            assert!(fail > 4);
            return;
        }
    }
}
