//! The span tree against a sorted array.

use super::{Span, SpanPool, SpanTree};
use crate::mem::Budget;
use proptest::prelude::{ProptestConfig, Strategy, any, proptest};
use std::vec::Vec;

#[derive(Clone, Debug)]
enum Step {
    Insert(u64, u64, u8),
    Remove(usize),
    Move(usize, u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    (0u32..10, 0u64..100, 1u64..60, 0u8..4, any::<usize>()).prop_map(
        |(kind, start, size, value, which)| match kind {
            0..=4 => Step::Insert(start, size, value),
            5..=6 => Step::Move(which, start, size),
            _ => Step::Remove(which),
        },
    )
}

/// One tree, and what it should hold in order.
#[derive(Default)]
struct Pair(SpanTree<u8>, Vec<Span<u8>>);

impl Pair {
    fn has(&self, start: u64, value: u8) -> bool {
        self.1.iter().any(|span| span.order() == (start, value))
    }

    fn act(&mut self, pool: &mut SpanPool<u8>, step: &Step) {
        let Self(tree, model) = self;
        match *step {
            Step::Insert(start, size, value) => {
                let end = start + size;
                if self.has(start, value) {
                    return;
                }
                SpanTree::reserve(pool, 1, &mut Budget::new()).unwrap();
                self.0.insert_reserved(pool, Span { start, end, value });
                self.1.push(Span { start, end, value });
            }
            Step::Remove(which) => {
                if model.is_empty() {
                    assert_eq!(tree.remove(pool, 5, 0), None);
                    return;
                }
                let gone = model.remove(which % model.len());
                assert_eq!(tree.remove(pool, gone.start, gone.value), Some(gone));
                assert_eq!(tree.remove(pool, gone.start, gone.value), None);
            }
            Step::Move(which, start, size) => {
                if model.is_empty() {
                    assert!(!tree.move_bounds(pool, 5, 0, start..start + size));
                    return;
                }
                let which = which % model.len();
                let old = model[which];
                let start = if size % 3 == 0 { old.start } else { start };
                if start != old.start && self.has(start, old.value) {
                    return;
                }
                let bounds = start..start + size;
                assert!(self.0.move_bounds(pool, old.start, old.value, bounds));
                let end = start + size;
                self.1[which] = Span { start, end, ..old };
            }
        }
        self.1.sort_by_key(Span::order);
    }

    fn check(&self, pool: &SpanPool<u8>, from: u64, size: u64, value: u8) {
        let Self(tree, model) = self;
        assert!(tree.audit(pool));
        assert_eq!(usize::try_from(tree.len()).unwrap(), model.len());
        assert_eq!(tree.is_empty(), model.is_empty());
        assert_eq!(tree.first(pool), model.first().copied());
        let range = from..from + size;
        let overlaps = |span: &&Span<u8>| span.start < range.end && range.start < span.end;
        let mut found = tree.first_overlapping(pool, &range);
        for span in model.iter().filter(overlaps) {
            assert_eq!(found, Some(*span));
            found = tree.next_overlapping(pool, span.order(), &range);
        }
        assert_eq!(found, None);
        let behind = |span: &&Span<u8>| span.order() > (from, value);
        assert_eq!(
            tree.next_overlapping(pool, (from, value), &range),
            model.iter().filter(behind).find(overlaps).copied()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn they_do_what_sorted_arrays_do(
        steps in proptest::collection::vec((0usize..3, step(), 0u64..110, 1u64..40, 0u8..5), 1..200),
    ) {
        let (mut pool, mut pairs) = (SpanPool::new(), <[Pair; 3]>::default());
        for (which, step, from, size, value) in steps {
            pairs[which].act(&mut pool, &step);
            pairs.iter().for_each(|pair| pair.check(&pool, from, size, value));
            let nodes = |Pair(tree, _): &Pair| tree.alone.map_or(tree.len(), |_| 0);
            assert_eq!(pool.len(), pairs.iter().map(nodes).sum());
        }
        for Pair(tree, _) in &mut pairs {
            while let Some(span) = tree.first(&pool) {
                tree.remove(&mut pool, span.start, span.value).unwrap();
            }
        }
        assert!(pool.is_empty());
    }
}

#[test]
fn a_hundred_thousand_spans_cost_little() {
    let (mut pool, mut tree) = (SpanPool::new(), SpanTree::new());
    SpanTree::reserve(&mut pool, 100_001, &mut Budget::new()).unwrap();
    for value in 0..100_000u64 {
        let (start, end) = (value << 12, (value + 1) << 12);
        tree.insert_reserved(&mut pool, Span { start, end, value });
    }
    assert!(tree.audit(&pool));
    // One reaches over all others: what is found beside it still takes no walk.
    let (start, end, value) = (0, u64::MAX, 100_000);
    tree.insert_reserved(&mut pool, Span { start, end, value });
    for at in 0..100_000u64 {
        let range = at << 12..(at << 12) + 1;
        let first = tree.first_overlapping(&pool, &range).unwrap();
        let next = tree.next_overlapping(&pool, first.order(), &range).unwrap();
        let values = [first.value, next.value];
        assert!(values == [at, value] || values == [value, at]);
        assert_eq!(tree.next_overlapping(&pool, next.order(), &range), None);
    }
}

#[test]
fn room_is_made_before_or_not_at_all() {
    let (mut pool, mut budget, mut tree) = (SpanPool::new(), Budget::new(), SpanTree::new());
    budget.fail_after(Some(1));
    assert!(SpanTree::reserve(&mut pool, 3, &mut budget).is_err());
    SpanTree::reserve(&mut pool, 3, &mut budget).unwrap();
    budget.fail_after(Some(0));
    for value in 0..3u8 {
        let (start, end) = (7, 8);
        tree.insert_reserved(&mut pool, Span { start, end, value });
    }
    assert!(tree.move_bounds(&mut pool, 7, 1, 3..9));
    assert!(tree.audit(&pool));
}
