//! Pieces of mappings against a map from page to what is there.

use super::super::protect::set_flags;
use super::super::unmap::cut;
use super::super::{Content, Vmo};
use super::*;
use crate::PAGE_SIZE;
use crate::mem::{Budget, PageList};
use crate::object::Object;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use std::collections::BTreeMap;
use std::vec::Vec;

const PAGES: u64 = 24;

struct World {
    objects: Objects,
    budget: Budget,
    vmar: Key<Vmar>,
    vmo: Key<Vmo>,
}

fn region(koid: u64, root: Option<Key<Vmar>>) -> Vmar {
    Vmar {
        head: Head::new(koid, Signals::empty()),
        process: None,
        parent: root,
        root,
        depth: if root.is_some() { 3 } else { 1 },
        base: VirtAddr::new(0),
        size: PAGES * PAGE_SIZE,
        can: MmuFlags::all(),
        can_specific: true,
        compact: false,
        children: RegionTree::new(),
        regions: RegionTree::new(),
        nested: RegionTree::new(),
        alive: true,
        dying_at: None,
        hint: None,
    }
}

/// A VMO, and a region that is a root or lies in one.
fn world(is_nested: bool) -> World {
    let (mut objects, mut budget) = (Objects::new(), Budget::new());
    let vmo = Vmo::new(1, 0, 0, Content::Paged(PageList::new()));
    let vmo = objects.vmos.insert(vmo, &mut budget).unwrap();
    let root = objects.vmars.insert(region(2, None), &mut budget).unwrap();
    let vmar = if is_nested {
        let inner = region(3, Some(root));
        objects.vmars.insert(inner, &mut budget).unwrap()
    } else {
        root
    };
    // A handle's worth, so that the VMO is not queued when its mappings are gone.
    objects.add_use(Vmo::to_ref(vmo));
    World {
        objects,
        budget,
        vmar,
        vmo,
    }
}

fn range(start: u64, pages: u64) -> VirtRange {
    let end = (start + pages).min(PAGES);
    VirtRange {
        start: VirtAddr::new(start * PAGE_SIZE),
        end: VirtAddr::new(end * PAGE_SIZE),
    }
}

impl World {
    fn reserve(&mut self) {
        self.objects
            .mappings
            .reserve_many(3, &mut self.budget)
            .unwrap();
        RegionTree::reserve(&mut self.objects.vmar_nodes, 6, &mut self.budget).unwrap();
        SpanTree::reserve(&mut self.objects.spans, 3, &mut self.budget).unwrap();
    }

    fn map(&mut self, range: VirtRange, page: u64) {
        self.unmap(range);
        self.reserve();
        let (vmar, vmo) = (self.vmar, self.vmo);
        let (flags, may) = (MmuFlags::READ, MmuFlags::all());
        insert_piece(
            &mut self.objects,
            &Mapping {
                vmar,
                vmo,
                range,
                vmo_offset: page * PAGE_SIZE,
                flags,
                may,
                continues: false,
                is_cut: false,
                stream: false,
            },
        );
    }

    fn unmap(&mut self, range: VirtRange) {
        self.reserve();
        cut(&mut self.objects, self.vmar, range);
        let mut at = range.start;
        while let Some(next) = child_ending_after(&self.objects, self.vmar, at) {
            if next.start >= range.end {
                break;
            }
            remove_piece(&mut self.objects, mapping_of(next.value).unwrap());
            at = next.end;
        }
    }

    fn protect(&mut self, range: VirtRange, flags: MmuFlags) {
        self.reserve();
        let mut at = range.start;
        while at < range.end {
            let Some(key) = piece_at(&self.objects, self.vmar, at) else {
                return;
            };
            at = piece(&self.objects, key).range.end;
        }
        at = range.start;
        while at < range.end {
            let key = piece_at(&self.objects, self.vmar, at).unwrap();
            let end = piece(&self.objects, key).range.end.min(range.end);
            if piece(&self.objects, key).flags != flags {
                set_flags(
                    &mut self.objects,
                    self.vmar,
                    VirtRange { start: at, end },
                    flags,
                );
            }
            at = end;
        }
    }

    fn pieces(&self) -> Vec<&Mapping> {
        let (mut at, mut all) = (VirtAddr::new(0), Vec::new());
        while let Some(next) = child_ending_after(&self.objects, self.vmar, at) {
            let here = piece(&self.objects, mapping_of(next.value).unwrap());
            all.push(here);
            at = here.range.end;
        }
        all
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Map(u64, u64, u64),
    Unmap(u64, u64),
    Protect(u64, u64, bool),
}

fn steps() -> impl Strategy<Value = Step> {
    let (start, pages) = (0..PAGES, 1..9u64);
    prop_oneof![
        (start.clone(), pages.clone(), 0..99u64)
            .prop_map(|(start, pages, page)| Step::Map(start, pages, page)),
        (start.clone(), pages.clone()).prop_map(|(start, pages)| Step::Unmap(start, pages)),
        (start, pages, any::<bool>())
            .prop_map(|(start, pages, write)| Step::Protect(start, pages, write)),
    ]
}

/// Page → (VMO page, flags, number of the mapping call).
type Model = BTreeMap<u64, (u64, MmuFlags, usize)>;

fn apply(world: &mut World, model: &mut Model, number: usize, step: Step) {
    match step {
        Step::Map(start, pages, page) => {
            world.map(range(start, pages), page);
            let more = (start..(start + pages).min(PAGES))
                .map(|at| (at, (page + at - start, MmuFlags::READ, number)));
            model.extend(more);
        }
        Step::Unmap(start, pages) => {
            world.unmap(range(start, pages));
            model.retain(|at, _| !(start..start + pages).contains(at));
        }
        Step::Protect(start, pages, write) => {
            let flags = if write {
                MmuFlags::READ | MmuFlags::WRITE
            } else {
                MmuFlags::READ
            };
            world.protect(range(start, pages), flags);
            let all = start..(start + pages).min(PAGES);
            if all.clone().all(|at| model.contains_key(&at)) {
                for at in all {
                    model.entry(at).and_modify(|entry| entry.1 = flags);
                }
            }
        }
    }
}

fn compare(world: &World, model: &Model) {
    let mut left = model.clone();
    let mut before: Option<&Mapping> = None;
    let mut mappings = 0;
    for here in world.pieces() {
        let first = here.range.start.raw() / PAGE_SIZE;
        for at in first..here.range.end.raw() / PAGE_SIZE {
            let (page, flags, _) = left.remove(&at).unwrap();
            assert_eq!(
                (page * PAGE_SIZE, flags),
                (here.vmo_offset + (at - first) * PAGE_SIZE, here.flags)
            );
        }
        if here.continues {
            let before = before.unwrap();
            assert_eq!(before.range.end, here.range.start);
            assert_eq!(model[&(first - 1)].2, model[&first].2);
            assert_ne!(
                before.flags, here.flags,
                "neighbours that are alike are one piece"
            );
        } else {
            let touches = first.checked_sub(1).and_then(|at| model.get(&at));
            assert!(touches.is_none_or(|before| before.2 != model[&first].2));
            mappings += 1;
        }
        before = Some(here);
    }
    assert!(left.is_empty());
    let vmo = world.objects.get(world.vmo);
    assert_eq!(vmo.mapping_count, mappings);
    assert_eq!(vmo.spans.len(), world.objects.mappings.len());
    assert!(vmo.spans.audit(&world.objects.spans));
    assert_eq!(vmo.head.uses, 1 + world.objects.mappings.len());
    let nodes = &world.objects.vmar_nodes;
    let vmar = world.objects.get(world.vmar);
    assert!(vmar.children.audit(nodes));
    let Some(root) = vmar.root else { return };
    // The root's tree says the same of what lies below it.
    let nested = &world.objects.get(root).nested;
    assert!(nested.audit(nodes));
    assert_eq!(nested.len(), vmar.children.len());
    for here in world.pieces() {
        let start = here.range.start;
        assert_eq!(
            nested.containing(nodes, start),
            vmar.children.containing(nodes, start)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_are_what_the_calls_said(
        steps in proptest::collection::vec(steps(), 1..40),
        is_nested: bool,
    ) {
        let mut world = world(is_nested);
        let mut model = Model::new();
        for (number, step) in steps.into_iter().enumerate() {
            apply(&mut world, &mut model, number, step);
            compare(&world, &model);
        }
    }
}
