//! Children of VMOs (vmo.md §15-18).

use super::objects::{Body, Held, Id, Kind, Vmo};
use super::state::Model;
use super::{Outcome, Trial, is_aligned, require, round_up};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{Rights, Status};

const SNAPSHOT: u32 = 0x01;
const RESIZABLE: u32 = 0x04;
const SLICE: u32 = 0x08;
const SNAPSHOT_AT_LEAST_ON_WRITE: u32 = 0x10;
const NO_WRITE: u32 = 0x20;
const REFERENCE: u32 = 0x40;
const SNAPSHOT_MODIFIED: u32 = 0x80;
const SNAPSHOTS: u32 = SNAPSHOT | SNAPSHOT_AT_LEAST_ON_WRITE | SNAPSHOT_MODIFIED;

impl Model {
    /// vmo.md §15.
    pub(super) fn vmo_create_child(&mut self, t: &Trial) -> Outcome {
        let (options, offset, size) = (t.u32(1), t.u64(2), t.u64(3));
        let bytes = round_up(size).ok_or(Status::OUT_OF_RANGE)?;
        let both = NO_WRITE | RESIZABLE;
        require(options & both != both, Status::INVALID_ARGS)?;
        let mut needed = Rights::DUPLICATE | Rights::READ;
        let resizes = options & REFERENCE != 0 && options & RESIZABLE != 0;
        needed.set(Rights::RESIZE, resizes);
        let held = self.lookup_vmo(t.u32(0), needed)?;
        let is_discardable = self.vmo(self.sized(held.object)).is_discardable;
        require(!is_discardable, Status::NOT_SUPPORTED)?;
        check_options(options)?;
        let mut child = match options & !(RESIZABLE | NO_WRITE) {
            SLICE => self.slice(held.object, offset, bytes, size)?,
            REFERENCE => self.reference(held.object, offset, size)?,
            _ => self.snapshot(held.object, offset, bytes, size)?,
        };
        child.is_resizable = options & RESIZABLE != 0;
        child.is_immutable = child.is_clone && options & NO_WRITE != 0;
        child.parent = Some(held.object);
        let id = self.add(Body::Vmo(child));
        if held.rights.contains(Rights::GET_PROPERTY) {
            let name = self.objects[&held.object].name.clone();
            self.objects.get_mut(&id).expect("it is new").name = name;
        }
        self.install(t, 4, id, child_rights(held, options))
    }

    /// vmo.md §16, and §6 for physical VMOs, where alone the order of checks is known.
    fn slice(&mut self, parent: Id, offset: u64, bytes: u64, size: u64) -> Result<Vmo, Status> {
        let end = offset.checked_add(bytes);
        let is_inside = end.is_some_and(|end| end <= self.size(parent));
        let (root, inner) = self.holder(parent, offset);
        let (kind, cache) = (self.vmo(root).kind, self.cache(parent));
        let is_physical = matches!(kind, Kind::Physical(_));
        let is_run = is_physical || kind == Kind::Contiguous;
        let is_resizable = self.vmo(self.sized(parent)).is_resizable;
        self.all(&[
            (is_aligned(offset), Status::INVALID_ARGS),
            (bytes <= MAX_VMO_SIZE, Status::OUT_OF_RANGE),
            (is_inside, Status::INVALID_ARGS),
            (!is_resizable, Status::NOT_SUPPORTED),
            (cache == 0 || is_run, Status::BAD_STATE),
        ])?;
        let kind = match kind {
            Kind::Physical(base) => Kind::Physical(base + inner),
            _ => Kind::Slice {
                root,
                offset: inner,
            },
        };
        let mut child = Vmo::plain(kind, bytes, size);
        child.cache = cache;
        Ok(child)
    }

    /// vmo.md §17.
    fn reference(&mut self, parent: Id, offset: u64, size: u64) -> Result<Vmo, Status> {
        let is_whole = matches!(self.vmo(parent).kind, Kind::Paged | Kind::Reference { .. });
        let cache = self.cache(parent);
        self.all(&[
            (offset == 0 && size == 0, Status::INVALID_ARGS),
            (is_whole, Status::NOT_SUPPORTED),
            (cache == 0, Status::BAD_STATE),
        ])?;
        let (root, _) = self.holder(parent, 0);
        Ok(Vmo::plain(Kind::Reference { root }, 0, 0))
    }

    /// vmo.md §18: a copy of the window as it is now; what is behind the parent's end is zero.
    fn snapshot(&mut self, parent: Id, offset: u64, bytes: u64, size: u64) -> Result<Vmo, Status> {
        let (root, _) = self.holder(parent, 0);
        let kind = self.vmo(root).kind;
        let is_slice = matches!(self.vmo(parent).kind, Kind::Slice { .. });
        let is_physical = matches!(kind, Kind::Physical(_));
        let (cache, whole) = (self.cache(parent), self.size(parent));
        let is_pinned = self.is_pinned(root, 0, whole);
        self.all(&[
            (!is_physical && !is_slice, Status::NOT_SUPPORTED),
            (kind != Kind::Contiguous, Status::INVALID_ARGS),
            (is_aligned(offset), Status::INVALID_ARGS),
            (bytes <= MAX_VMO_SIZE, Status::OUT_OF_RANGE),
            (offset.checked_add(bytes).is_some(), Status::OUT_OF_RANGE),
            (cache == 0, Status::BAD_STATE),
            (!is_pinned, Status::BAD_STATE),
        ])?;
        let end = offset + bytes;
        let above = self.vmo_mut(root);
        above.has_family = true;
        let mut child = Vmo::plain(Kind::Paged, bytes, size);
        child.is_clone = true;
        child.has_family = true;
        child.pages = above.pages.copy(offset.min(whole), end.min(whole));
        Ok(child)
    }

    /// That all of these hold. Where several do not, the documents do not say which is told.
    pub(super) fn all(&mut self, checks: &[(bool, Status)]) -> Outcome {
        let faults = checks.iter().filter(|(holds, _)| !holds);
        self.others.extend(faults.map(|(_, status)| *status));
        checks
            .iter()
            .try_for_each(|(holds, status)| require(*holds, *status))
    }
}

/// §15, step 5.
fn check_options(options: u32) -> Outcome {
    let kind = options & (SNAPSHOTS | SLICE | REFERENCE);
    require(kind.is_power_of_two(), Status::INVALID_ARGS)?;
    let modifiers = if kind == SLICE {
        0
    } else {
        RESIZABLE | NO_WRITE
    };
    require(options & !(kind | modifiers) == 0, Status::INVALID_ARGS)
}

fn child_rights(parent: Held, options: u32) -> Rights {
    let mut rights = (parent.rights - Rights::RESIZE) | Rights::PROPERTY;
    rights.set(Rights::RESIZE, options & RESIZABLE != 0);
    if options & NO_WRITE != 0 {
        rights -= Rights::WRITE;
    } else if options & SNAPSHOTS != 0 {
        rights = (rights - Rights::EXECUTE) | Rights::WRITE;
    }
    rights
}
