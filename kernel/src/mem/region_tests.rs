//! The region tree against an ordered map.

use crate::mem::{Budget, Gap, Region, RegionPool, RegionTree};
use crate::{VirtAddr, VirtRange};
use proptest::prelude::{ProptestConfig, Strategy, proptest};
use std::collections::BTreeMap;

const END: u64 = 256;

fn at(address: u64) -> VirtAddr {
    VirtAddr::new(address)
}

fn range(start: u64, end: u64) -> VirtRange {
    VirtRange {
        start: at(start),
        end: at(end),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64, u64),
    Remove(u64),
    SetStart(u64, u64),
    SetEnd(u64, u64),
    Find {
        from: u64,
        limit: u64,
        size: u64,
        modulus: u64,
        residue: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    (0u32..10, 0..END, 0..=END, 1u64..24, 1u64..20, 0u64..40).prop_map(
        |(kind, a, b, size, modulus, residue)| match kind {
            0..=3 => Step::Insert(a, size),
            4..=5 => Step::Remove(a),
            6 => Step::SetStart(a, size),
            7 => Step::SetEnd(a, size),
            _ => Step::Find {
                from: a,
                limit: b,
                size,
                modulus,
                residue,
            },
        },
    )
}

#[derive(Default)]
struct Model(BTreeMap<u64, (u64, u32)>);

impl Model {
    fn is_free(&self, start: u64, end: u64) -> bool {
        self.0
            .range(..end)
            .next_back()
            .is_none_or(|(_, (other_end, _))| *other_end <= start)
    }

    fn region(entry: (&u64, &(u64, u32))) -> Region<u32> {
        Region {
            start: at(*entry.0),
            end: at(entry.1.0),
            value: entry.1.1,
        }
    }
}

fn check(tree: &RegionTree<u32>, pool: &RegionPool<u32>, model: &Model, address: u64) {
    assert!(tree.audit(pool));
    assert_eq!(usize::try_from(tree.len()).unwrap(), model.0.len());
    assert_eq!(tree.len(), pool.len());
    let next = model.0.range(address..).next().map(Model::region);
    assert_eq!(tree.first_at_or_after(pool, at(address)), next);
    let before = model.0.range(..address).next_back().map(Model::region);
    assert_eq!(tree.last_before(pool, at(address)), before);
    let holds = model
        .0
        .range(..=address)
        .next_back()
        .map(Model::region)
        .filter(|region| region.end > at(address));
    assert_eq!(tree.containing(pool, at(address)), holds);
    assert_eq!(tree.first_ending_after(pool, at(address)), holds.or(next));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_an_ordered_map_does(steps in proptest::collection::vec(step(), 1..200)) {
        let (mut pool, mut budget) = (RegionPool::new(), Budget::new());
        let (mut tree, mut model, mut count) = (RegionTree::new(), Model::default(), 0u32);
        for step in steps {
            count += 1;
            match step {
                Step::Insert(start, size) => {
                    if model.is_free(start, start + size) {
                        RegionTree::reserve(&mut pool, 1, &mut budget).unwrap();
                        tree.insert_reserved(&mut pool, Region { start: at(start), end: at(start + size), value: count });
                        model.0.insert(start, (start + size, count));
                    }
                    check(&tree, &pool, &model, start);
                }
                Step::Remove(address) => {
                    let start = model.0.range(address..).next().map_or(address, |entry| *entry.0);
                    let gone = model.0.remove(&start).map(|value| Model::region((&start, &value)));
                    assert_eq!(tree.remove(&mut pool, at(start)), gone);
                    check(&tree, &pool, &model, address);
                }
                Step::SetStart(address, size) => {
                    let Some((start, (end, value))) = model.0.range(address..).next().map(|(a, b)| (*a, *b)) else { continue };
                    let new_start = end.saturating_sub(size);
                    if new_start >= start || model.is_free(new_start, start) {
                        assert!(tree.set_start(&mut pool, at(start), at(new_start)));
                        model.0.remove(&start);
                        model.0.insert(new_start, (end, value));
                    }
                    check(&tree, &pool, &model, new_start);
                }
                Step::SetEnd(address, size) => {
                    let Some((start, (end, _))) = model.0.range(address..).next().map(|(a, b)| (*a, *b)) else { continue };
                    let new_end = start + size;
                    if new_end <= end || model.is_free(end, new_end) {
                        assert!(tree.set_end(&mut pool, at(start), at(new_end)));
                        assert!(tree.set_value(&mut pool, at(start), count));
                        model.0.insert(start, (new_end, count));
                    }
                    check(&tree, &pool, &model, end);
                }
                Step::Find { from, limit, size, modulus, residue } => {
                    let bounds = range(10, END - 10);
                    let gap = Gap { bounds, size, from: at(from), upper_limit: at(limit), modulus, residue };
                    let model = (from.max(10)..END).find(|start| {
                        start % modulus == residue % modulus
                            && start + size <= limit.min(END - 10)
                            && (*start..start + size).all(|byte| model.is_free(byte, byte + 1))
                    });
                    assert_eq!(tree.find_gap(&pool, &gap), model.map(at));
                }
            }
        }
    }
}

#[test]
fn a_hundred_thousand_entries_cost_little() {
    let (mut pool, mut budget, mut tree) = (RegionPool::new(), Budget::new(), RegionTree::new());
    let bounds = range(0, 1 << 40);
    RegionTree::reserve(&mut pool, 100_000, &mut budget).unwrap();
    for value in 0..100_000u64 {
        // One page used, one free.
        let start = at(value << 13);
        tree.insert_reserved(
            &mut pool,
            Region {
                start,
                end: at((value << 13) + 0x1000),
                value,
            },
        );
    }
    assert!(tree.audit(&pool));
    // Room for one page is found at once, for two behind all, for an aligned one behind all too.
    assert_eq!(
        tree.find_gap(&pool, &Gap::aligned(bounds, 0x1000, 0x1000)),
        Some(at(0x1000))
    );
    for _ in 0..1000 {
        let behind = at((100_000 << 13) - 0x1000);
        assert_eq!(
            tree.find_gap(&pool, &Gap::aligned(bounds, 0x2000, 0x1000)),
            Some(behind)
        );
        let aligned = at(((100_000u64 << 13) - 0x1000).next_multiple_of(1 << 21));
        assert_eq!(
            tree.find_gap(&pool, &Gap::aligned(bounds, 0x1000, 1 << 21)),
            Some(aligned)
        );
    }
    while let Some(region) = tree.first(&pool) {
        tree.remove(&mut pool, region.start).unwrap();
    }
    assert!(tree.is_empty() && pool.is_empty());
}

#[test]
fn room_is_made_before_or_not_at_all() {
    let (mut pool, mut budget, mut tree) = (RegionPool::new(), Budget::new(), RegionTree::new());
    budget.fail_after(Some(1));
    assert!(RegionTree::reserve(&mut pool, 3, &mut budget).is_err());
    assert!(RegionTree::reserve(&mut pool, 3, &mut budget).is_ok());
    budget.fail_after(Some(0));
    for start in 0..3 {
        tree.insert_reserved(
            &mut pool,
            Region {
                start: at(start),
                end: at(start + 1),
                value: (),
            },
        );
    }
    assert!(tree.audit(&pool));
}
