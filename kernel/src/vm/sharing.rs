//! How many address spaces show a VMO.

use super::Mapping;
use super::vmar::piece;
use super::vmo::holder;
use crate::mem::{Key, Work};
use crate::object::Objects;
use crate::task::Process;
use crate::vm::Vmo;

/// Who ever mapped a VMO: mostly one process, and then its many mappings need no counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownIn {
    /// Nobody.
    Nowhere,
    /// One process.
    One(Key<Process>),
    /// More than one, which may be gone.
    Several,
}

impl ShownIn {
    /// Notes a mapping.
    #[inline]
    pub(super) fn note(&mut self, process: Option<Key<Process>>) {
        *self = match (*self, process) {
            (Self::Nowhere, Some(process)) => Self::One(process),
            (Self::One(before), Some(process)) if before == process => return,
            _ => Self::Several,
        };
    }
}

/// A count of the processes that have mapped a VMO, and how far it got.
///
/// Each pass over the pieces of mappings finds the process that comes next in the order of keys: so
/// nothing needs to be remembered of those that were counted, and nothing written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sharing {
    count: u32,
    /// The one that was counted last.
    last: Option<Key<Process>>,
    /// The least behind it that this pass has met.
    least: Option<Key<Process>>,
    /// The piece that this pass has looked at last.
    at: Option<(u64, Key<Mapping>)>,
}

impl Sharing {
    /// Counts on; the number when all are counted, 1 at the least (abi.md §16.8).
    pub(super) fn step(
        &mut self,
        objects: &Objects,
        vmo: Key<Vmo>,
        work: &mut Work,
    ) -> Option<u32> {
        let here = objects.get(vmo);
        if here.mapping_count < 2 || here.shown_in != ShownIn::Several {
            return Some(1);
        }
        let (root, _) = holder(objects, vmo, 0);
        let spans = &objects.get(root).spans;
        let all = 0..u64::MAX;
        loop {
            let next = match self.at {
                Some(at) => spans.next_overlapping(&objects.spans, at, &all),
                None => spans.first_overlapping(&objects.spans, &all),
            };
            if let Some(span) = next {
                self.at = Some(span.order());
                self.meet(objects, vmo, span.value);
            } else {
                let Some(process) = self.least.take() else {
                    return Some(self.count.max(1));
                };
                self.count = self.count.saturating_add(1);
                (self.last, self.at) = (Some(process), None);
            }
            if !work.spend() {
                return None;
            }
        }
    }

    /// Takes a piece into account.
    fn meet(&mut self, objects: &Objects, vmo: Key<Vmo>, key: Key<Mapping>) {
        let here = piece(objects, key);
        if here.vmo != vmo {
            // Of a slice or a reference: its own mapping.
            return;
        }
        let process = objects.get(here.vmar).process;
        let is_new = process > self.last && self.least.is_none_or(|least| process < Some(least));
        if is_new {
            self.least = process;
        }
    }
}
