//! Operations on ranges of VMOs (vmo.md §5, §13, §23).

use super::objects::{Held, Id, Kind};
use super::state::Model;
use super::{Outcome, PAGE, Trial, is_aligned, require};
use jacinth_abi::{Rights, Status, VmoOp};

/// Hints are given for short ranges only: what they may commit is noted page by page.
const MOST_HINTED: u64 = 64 * PAGE;

impl Model {
    /// vmo.md §13, and §5 for physical VMOs.
    pub(super) fn vmo_op_range(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_vmo(t.u32(0), Rights::empty())?;
        let op = VmoOp::from_number(t.u32(1)).ok_or(Status::INVALID_ARGS)?;
        check_right(held, op)?;
        let (root, _) = self.holder(held.object, 0);
        let (offset, size) = (t.u64(2), t.u64(3));
        match op {
            VmoOp::DontNeed | VmoOp::AlwaysNeed => Ok(()),
            VmoOp::Prefetch => {
                self.check_inside(held.object, offset, size)?;
                self.hint(held.object, offset, size);
                Ok(())
            }
            _ if matches!(self.vmo(root).kind, Kind::Physical(_)) => Err(Status::NOT_SUPPORTED),
            VmoOp::Commit => self.commit(held.object, offset, size),
            VmoOp::Decommit => self.decommit(t, held.object, offset, size),
            VmoOp::Zero => self.zero(held.object, offset, size),
            VmoOp::Lock | VmoOp::TryLock | VmoOp::Unlock => self.lock(t, held.object, op),
            _ => {
                require(size != 0, Status::INVALID_ARGS)?;
                self.check_inside(held.object, offset, size)
            }
        }
    }

    fn check_inside(&self, vmo: Id, offset: u64, size: u64) -> Outcome {
        let end = offset.checked_add(size).ok_or(Status::OUT_OF_RANGE)?;
        require(end <= self.size(vmo), Status::OUT_OF_RANGE)
    }

    /// Whether anything from `start` to `end` of a VMO that is no slice is pinned.
    pub(super) fn is_pinned(&self, root: Id, start: u64, end: u64) -> bool {
        self.pins().any(|pin| {
            let (holder, first) = self.holder(pin.vmo, pin.offset);
            holder == root && first < end && start < first + pin.size
        })
    }

    /// What fetching might commit.
    pub(super) fn hint(&mut self, vmo: Id, offset: u64, size: u64) {
        let (root, start) = self.holder(vmo, offset);
        if matches!(self.vmo(root).kind, Kind::Physical(_)) || size > MOST_HINTED {
            return;
        }
        for at in (start / PAGE * PAGE..start + size).step_by(PAGE as usize) {
            self.vmo_mut(root).pages.touch(at);
        }
    }

    pub(super) fn commit(&mut self, vmo: Id, offset: u64, size: u64) -> Outcome {
        self.check_inside(vmo, offset, size)?;
        if size == 0 {
            return Ok(());
        }
        let (root, start) = self.holder(vmo, offset);
        for at in (start / PAGE * PAGE..start + size).step_by(PAGE as usize) {
            self.vmo_mut(root).pages.commit_page(at);
        }
        Ok(())
    }

    pub(super) fn decommit(&mut self, t: &Trial, vmo: Id, offset: u64, size: u64) -> Outcome {
        let (root, start) = self.holder(vmo, offset);
        let is_run = self.vmo(root).kind == Kind::Contiguous;
        // Which of several faults comes first is nowhere said; neither is what exactly is a
        // member of a family whose other members are gone.
        if is_run || (self.vmo(root).has_family && t.was(Status::NOT_SUPPORTED)) {
            self.others
                .extend([Status::INVALID_ARGS, Status::OUT_OF_RANGE]);
            return Err(Status::NOT_SUPPORTED);
        }
        let is_whole = is_aligned(offset) && is_aligned(size);
        if !is_whole && self.check_inside(vmo, offset, size).is_err() {
            self.others.push(Status::OUT_OF_RANGE);
        }
        // Nothing at all needs no alignment, in Zircon's code.
        if size == 0 && t.answered == 0 {
            return self.check_inside(vmo, offset, 0);
        }
        require(is_whole, Status::INVALID_ARGS)?;
        self.check_inside(vmo, offset, size)?;
        let is_pinned = self.is_pinned(root, start, start + size);
        require(!is_pinned, Status::BAD_STATE)?;
        self.vmo_mut(root).pages.free(start, start + size);
        Ok(())
    }

    pub(super) fn zero(&mut self, vmo: Id, offset: u64, size: u64) -> Outcome {
        let is_cached = self.cache(vmo) == 0;
        if !is_cached {
            self.others.push(Status::BAD_STATE);
        }
        self.check_inside(vmo, offset, size)?;
        require(is_cached, Status::BAD_STATE)?;
        let (root, start) = self.holder(vmo, offset);
        self.vmo_mut(root).pages.zero(start, start + size);
        if self.vmo(root).kind == Kind::Contiguous && size != 0 {
            for at in (start / PAGE * PAGE..start + size).step_by(PAGE as usize) {
                self.vmo_mut(root).pages.commit_page(at);
            }
        }
        Ok(())
    }

    fn lock(&mut self, t: &Trial, vmo: Id, op: VmoOp) -> Outcome {
        require(self.vmo(vmo).is_discardable, Status::NOT_SUPPORTED)?;
        let size = self.size(vmo);
        let is_whole = t.u64(2) == 0 && t.u64(3) == size;
        let has_room = t.u64(4) != 0 && t.u64(5) >= 32;
        if op == VmoOp::Lock && !has_room {
            self.others.push(Status::INVALID_ARGS);
        }
        require(is_whole, Status::OUT_OF_RANGE)?;
        match op {
            VmoOp::Unlock => {
                let locks = self.vmo(vmo).locks;
                require(locks != 0, Status::BAD_STATE)?;
                self.vmo_mut(vmo).locks = locks - 1;
            }
            VmoOp::Lock => {
                require(has_room, Status::INVALID_ARGS)?;
                // Memory is never short here, so nothing was ever discarded.
                let record = [0, size, 0, 0].map(u64::to_le_bytes).concat();
                self.write(t, 4, &record)?;
                self.vmo_mut(vmo).locks += 1;
            }
            _ => self.vmo_mut(vmo).locks += 1,
        }
        Ok(())
    }

    /// vmo.md §23.
    pub(super) fn vmo_transfer_data(&mut self, t: &Trial) -> Outcome {
        let (offset, size, source_offset) = (t.u64(2), t.u64(3), t.u64(5));
        let is_whole = [offset, size, source_offset].into_iter().all(is_aligned);
        require(t.u32(1) == 0 && is_whole, Status::INVALID_ARGS)?;
        let to = self.lookup_vmo(t.u32(0), Rights::WRITE)?.object;
        let from = self
            .lookup_vmo(t.u32(4), Rights::READ | Rights::WRITE)?
            .object;
        let ((to_root, start), (from_root, source)) =
            (self.holder(to, offset), self.holder(from, source_offset));
        for root in [to_root, from_root] {
            let is_physical = matches!(self.vmo(root).kind, Kind::Physical(_));
            require(!is_physical, Status::NOT_SUPPORTED)?;
        }
        // Whether it must be inside when nothing moves is nowhere said.
        let is_still = to == from && offset == source_offset;
        if is_still && t.answered == 0 {
            return Ok(());
        }
        self.others
            .extend([Status::BAD_STATE, Status::NOT_SUPPORTED]);
        self.check_inside(to, offset, size)?;
        self.check_inside(from, source_offset, size)?;
        self.others.clear();
        // What else stands against it is not in the documents: what the kernel says of pins,
        // policies, contiguous VMOs and overlaps is accepted.
        let is_plain = [to, from].into_iter().all(|vmo| self.is_plain(vmo));
        let overlaps = to_root == from_root && start < source + size && source < start + size;
        let excuses = [
            Status::BAD_STATE,
            Status::NOT_SUPPORTED,
            Status::INVALID_ARGS,
        ];
        if let Some(excuse) = excuses.into_iter().find(|status| t.was(*status))
            && (!is_plain || overlaps)
        {
            return Err(excuse);
        }
        if is_still {
            return Ok(());
        }
        let moved = self.vmo(from_root).pages.copy(source, source + size);
        self.vmo_mut(from_root).pages.free(source, source + size);
        self.vmo_mut(to_root).pages.put(start, size, moved);
        Ok(())
    }

    /// Whether nothing special holds for a VMO.
    fn is_plain(&self, vmo: Id) -> bool {
        let (root, _) = self.holder(vmo, 0);
        let shown = self.vmo(root);
        let is_pinned = self.is_pinned(root, 0, shown.size);
        shown.kind == Kind::Paged
            && self.cache(vmo) == 0
            && !shown.has_family
            && !is_pinned
            && !shown.is_discardable
            && self.vmo(vmo).kind == Kind::Paged
    }
}

/// The right that an operation takes.
fn check_right(held: Held, op: VmoOp) -> Outcome {
    let has = |right| held.rights.contains(right);
    let may = match op {
        VmoOp::Commit | VmoOp::Decommit | VmoOp::Zero | VmoOp::CacheInvalidate => {
            has(Rights::WRITE)
        }
        VmoOp::Lock | VmoOp::TryLock | VmoOp::Unlock => has(Rights::READ) || has(Rights::WRITE),
        VmoOp::DontNeed | VmoOp::AlwaysNeed => true,
        VmoOp::CacheSync | VmoOp::CacheClean | VmoOp::CacheCleanInvalidate | VmoOp::Prefetch => {
            has(Rights::READ)
        }
    };
    require(may, Status::ACCESS_DENIED)
}
