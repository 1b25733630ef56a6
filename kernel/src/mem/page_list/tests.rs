//! The page list against an ordered map.

use crate::mem::{Budget, FramePool, Page, PageList, Pool, audit_page_lists};
use crate::{PAGE_SIZE, PhysAddr};
use proptest::prelude::{ProptestConfig, Strategy, any, proptest};
use std::collections::BTreeMap;

fn page(frame: u64, flags: u8) -> Page {
    Page::new(PhysAddr::new(frame * PAGE_SIZE), flags)
}

/// A pool that has none of the frames of these tests: it takes all of them for not shared.
fn no_frames() -> FramePool {
    FramePool::new(&[], &mut Budget::new()).unwrap()
}

/// Small indices, neighbours of powers of 64, and huge ones.
fn index() -> impl Strategy<Value = u64> {
    (0u32..12, 0u64..140, any::<u64>()).prop_map(|(kind, small, large)| match kind {
        0..=5 => small,
        6..=7 => 4096 - 70 + small,
        8..=9 => (1 << 36) - 70 + small,
        _ => large % PageList::MOST_PAGES,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_an_ordered_map_does(
        steps in proptest::collection::vec((0u32..10, index(), 0u64..3, any::<u8>(), any::<bool>()), 1..200),
    ) {
        let (mut pool, mut budget) = (Pool::new(), Budget::new());
        let (mut list, mut model, mut frames) = (PageList::new(), BTreeMap::new(), no_frames());
        for (kind, index, skip, flags, fails) in steps {
            match kind {
                0..=5 => {
                    // Mostly frames in a row.
                    let frame = if skip == 0 { index ^ (1 << 51) } else { index };
                    let new = page(frame, flags);
                    budget.fail_after(fails.then_some(0));
                    if list.reserve_path(index, &mut pool, &mut budget).is_ok() {
                        let old = list.insert_reserved(&mut pool, &mut frames, index, new);
                        assert_eq!(old.map(|frame| frame.address()), model.insert(index, new).map(Page::frame));
                    }
                }
                6 => {
                    let changed = model.get_mut(&index).map(|old| *old = Page::new(old.frame(), flags));
                    assert_eq!(list.set_flags(&mut pool, &frames, index, flags), changed.is_some());
                }
                                7 => {
                    let gone = list.remove_reserved(&mut pool, &mut frames, index);
                    assert_eq!(gone.map(|frame| frame.address()), model.remove(&index).map(Page::frame));
                }
                _ => assert_eq!(list.remove_alone(&mut pool, &mut frames, index), model.remove(&index)),
            }
            let held = audit_page_lists([&list].into_iter(), &pool, &frames);
            assert_eq!(held, Ok(list.count()));
            assert_eq!(list.private(&pool, &frames), list.count());
            assert_eq!(usize::try_from(list.count()).unwrap(), model.len());
            assert_eq!(list.get(&pool, index), model.get(&index).copied());
            for from in [index, index + 1, 0] {
                let next = model.range(from..).next().map(|(index, page)| (*index, *page));
                assert_eq!(list.next_at_or_after(&pool, from), next);
            }
            for max in [1, 7, 1000] {
                let run = model.get(&index).map(|first| {
                    let follows = |more: &u64| model.get(&(index + more)).map(|page| page.frame())
                        == first.frame().checked_add(more * PAGE_SIZE);
                    (first.frame(), (0..512.min(max)).take_while(follows).max().unwrap() + 1)
                });
                assert_eq!(list.run_at(&pool, index, max), run);
            }
        }
        while let Some((index, page)) = list.next_at_or_after(&pool, 0) {
            assert_eq!(list.remove_alone(&mut pool, &mut frames, index), Some(page));
        }
        assert!(pool.is_empty());
    }
}

#[test]
fn one_page_needs_no_node_and_two_need_one() {
    let (mut pool, mut budget, mut list) = (Pool::new(), Budget::new(), PageList::new());
    let mut frames = no_frames();
    budget.fail_after(Some(0));
    list.reserve_path(0, &mut pool, &mut budget).unwrap();
    assert_eq!(
        list.insert_reserved(&mut pool, &mut frames, 0, page(0, 0)),
        None
    );
    assert_eq!(list.get(&pool, 0), Some(page(0, 0)));
    assert!(list.reserve_path(1, &mut pool, &mut budget).is_err());
    list.reserve_path(63, &mut pool, &mut budget).unwrap();
    list.insert_reserved(&mut pool, &mut frames, 63, page(63, 255));
    assert_eq!(pool.len(), 1);
    assert_eq!(
        list.get(&pool, 63)
            .map(|page| (page.frame().raw(), page.flags())),
        Some((63 * PAGE_SIZE, 255))
    );
}

#[test]
fn a_run_ends_after_a_large_block() {
    let (mut pool, mut budget, mut list) = (Pool::new(), Budget::new(), PageList::new());
    let mut frames = no_frames();
    for index in 0..600 {
        list.reserve_path(index, &mut pool, &mut budget).unwrap();
        list.insert_reserved(&mut pool, &mut frames, index, page(index + 5, 3));
    }
    assert_eq!(
        list.run_at(&pool, 10, 1000),
        Some((page(15, 0).frame(), 512))
    );
    assert_eq!(
        list.run_at(&pool, 590, 1000),
        Some((page(595, 0).frame(), 10))
    );
    assert_eq!(list.run_at(&pool, 600, 1000), None);
}

#[test]
fn a_low_index_finds_its_nodes_in_a_high_tree() {
    let (mut pool, mut budget, mut list) = (Pool::new(), Budget::new(), PageList::new());
    let mut frames = no_frames();
    for index in [1 << 50, 3] {
        list.reserve_path(index, &mut pool, &mut budget).unwrap();
        list.insert_reserved(&mut pool, &mut frames, index, page(index, 0));
        // Nothing is left over that the next could live on.
        while pool.len() % 64 != 0 {
            pool.insert(super::PageNode::EMPTY, &mut budget).unwrap();
        }
    }
    assert_eq!(list.get(&pool, 3), Some(page(3, 0)));
}
