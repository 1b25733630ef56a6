//! Which resources hold which ranges: exclusive ones keep all others of their kind away
//! (handles-resources.md §13).
//!
//! A range is held from the resource's creation to the end of its last handle. A ranged root holds
//! none.

use super::{Objects, Request, Resource};
use crate::mem::{Budget, Key, NoMemory, Span, SpanPool, SpanTree};
use jacinth_abi::ResourceKind;

type Tree = SpanTree<Key<Resource>>;

/// The ranges of one kind.
#[derive(Debug)]
struct Kind {
    shared: Tree,
    exclusive: Tree,
}

impl Kind {
    const EMPTY: Self = Self {
        shared: Tree::new(),
        exclusive: Tree::new(),
    };
}

/// The ranges of all kinds.
#[derive(Debug)]
pub(crate) struct Claims {
    nodes: SpanPool<Key<Resource>>,
    kinds: [Kind; KINDS],
}

/// Kinds have numbers below this.
const KINDS: usize = 6;

impl Claims {
    /// No ranges.
    pub(super) const fn new() -> Self {
        Self {
            nodes: SpanPool::new(),
            kinds: [Kind::EMPTY; KINDS],
        }
    }

    /// Makes sure that one more range finds room.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn reserve(&mut self, budget: &mut Budget) -> Result<(), NoMemory> {
        Tree::reserve(&mut self.nodes, 1, budget)
    }

    /// Whether a live resource stands in the way of this one.
    pub(super) fn is_taken(&self, request: &Request) -> bool {
        let Some(kind) = self.kinds.get(index(request.kind)) else {
            return false;
        };
        let range = request.base..request.base.saturating_add(request.size);
        let hits = |tree: &Tree| tree.first_overlapping(&self.nodes, &range).is_some();
        hits(&kind.exclusive) || (request.exclusive && hits(&kind.shared))
    }

    /// Takes a range; room was reserved.
    pub(super) fn take(&mut self, request: &Request, value: Key<Resource>) {
        let (start, end) = (request.base, request.base.saturating_add(request.size));
        if start >= end {
            return;
        }
        if let Some((nodes, tree)) = self.tree(request.kind, request.exclusive) {
            tree.insert_reserved(nodes, Span { start, end, value });
        }
    }

    fn tree(
        &mut self,
        kind: ResourceKind,
        exclusive: bool,
    ) -> Option<(&mut SpanPool<Key<Resource>>, &mut Tree)> {
        let kind = self.kinds.get_mut(index(kind))?;
        let tree = if exclusive {
            &mut kind.exclusive
        } else {
            &mut kind.shared
        };
        Some((&mut self.nodes, tree))
    }

    /// How many ranges are held, if the trees are as they should be.
    fn audit(&self) -> Option<u32> {
        let mut count = 0u32;
        for tree in self.kinds.iter().flat_map(|it| [&it.shared, &it.exclusive]) {
            if !tree.audit(&self.nodes) {
                return None;
            }
            count = count.wrapping_add(tree.len());
        }
        Some(count)
    }
}

fn index(kind: ResourceKind) -> usize {
    usize::try_from(kind.number()).unwrap_or(KINDS)
}

impl Objects {
    /// The last handle of a resource is gone: others may have its range at once.
    pub(super) fn give_up_range(&mut self, key: Key<Resource>) {
        let Some(resource) = self.resources.get(key) else {
            return;
        };
        if let Some((nodes, tree)) = self.claims.tree(resource.kind, resource.exclusive) {
            tree.remove(nodes, resource.base, key);
        }
    }

    /// Whether exactly the ranges of resources with handles are held.
    pub(crate) fn audit_claims(&self) -> bool {
        let held = self
            .resources
            .iter()
            .filter(|(_, resource)| resource.size != 0 && resource.head.handles != 0);
        self.claims.audit() == u32::try_from(held.count()).ok()
    }
}
