//! VMOs: made, sized, read and written (vmo.md §8-12, §14, §21; spec README, decisions 1 to 5).

use super::content::Pages;
use super::objects::{Body, Id, Kind, Vmo};
use super::state::Model;
use super::{Outcome, PAGE, Trial, require, round_up};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{Rights, Status};

const RESIZABLE: u32 = 2;
const DISCARDABLE: u32 = 4;
const UNBOUNDED: u32 = 16;
const SYSTEM_VMEX: u64 = 1;

impl Vmo {
    /// Plain memory without anything special.
    pub(super) fn plain(kind: Kind, size: u64, stream: u64) -> Self {
        Self {
            kind,
            size,
            stream,
            cache: 0,
            is_resizable: false,
            is_discardable: false,
            is_clone: false,
            is_immutable: false,
            has_family: false,
            locks: 0,
            parent: None,
            pages: Pages::default(),
        }
    }
}

impl Model {
    /// vmo.md §8.
    pub(super) fn vmo_create(&mut self, t: &Trial) -> Outcome {
        let (size, options) = (t.u64(0), t.u32(1));
        let is_unbounded = options & UNBOUNDED != 0;
        let is_resizable = options & RESIZABLE != 0;
        require(!(is_resizable && is_unbounded), Status::INVALID_ARGS)?;
        let bytes = if is_unbounded {
            MAX_VMO_SIZE
        } else {
            round_up(size).ok_or(Status::OUT_OF_RANGE)?
        };
        require(bytes <= MAX_VMO_SIZE, Status::OUT_OF_RANGE)?;
        let known = RESIZABLE | DISCARDABLE | UNBOUNDED;
        require(options & !known == 0, Status::INVALID_ARGS)?;
        let mut vmo = Vmo::plain(Kind::Paged, bytes, size);
        vmo.is_resizable = is_resizable;
        vmo.is_discardable = options & DISCARDABLE != 0;
        let mut rights = Rights::DEFAULT_VMO;
        rights.set(Rights::RESIZE, is_resizable);
        let id = self.add(Body::Vmo(vmo));
        self.install(t, 2, id, rights)
    }

    /// spec README, decision 1.
    pub(super) fn vmo_create_physical(&mut self, t: &Trial) -> Outcome {
        let (base, size) = (t.u64(1), t.u64(2));
        let is_whole = size != 0 && super::is_aligned(size) && super::is_aligned(base);
        require(is_whole, Status::INVALID_ARGS)?;
        let end = base.checked_add(size).ok_or(Status::OUT_OF_RANGE)?;
        require(size <= MAX_VMO_SIZE, Status::OUT_OF_RANGE)?;
        require(end <= 1 << self.place.phys_bits, Status::OUT_OF_RANGE)?;
        self.check_physical(t.u32(0), base, size)?;
        let mut vmo = Vmo::plain(Kind::Physical(base), size, size);
        vmo.cache = 1;
        let id = self.add(Body::Vmo(vmo));
        self.install(t, 3, id, Rights::DEFAULT_PHYSICAL_VMO)
    }

    pub(super) fn vmo_get_size(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_vmo(t.u32(0), Rights::empty())?;
        let size = self.size(held.object);
        self.write(t, 1, &size.to_le_bytes())
    }

    /// vmo.md §10.
    pub(super) fn vmo_set_size(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_vmo(t.u32(0), Rights::WRITE)?;
        let id = self.sized(held.object);
        let is_resizable = self.vmo(held.object).is_resizable;
        let may_resize = held.rights.contains(Rights::RESIZE);
        require(!is_resizable || may_resize, Status::ACCESS_DENIED)?;
        let (root, _) = self.holder(held.object, 0);
        let is_run = matches!(self.vmo(root).kind, Kind::Physical(_) | Kind::Contiguous);
        require(!is_run, Status::UNAVAILABLE)?;
        let size = round_up(t.u64(1)).ok_or(Status::OUT_OF_RANGE)?;
        require(is_resizable, Status::UNAVAILABLE)?;
        require(size <= MAX_VMO_SIZE, Status::OUT_OF_RANGE)?;
        let old = self.vmo(id).size;
        require(!self.is_pinned(id, size, old), Status::BAD_STATE)?;
        let vmo = self.vmo_mut(id);
        let stream = t.u64(1);
        vmo.pages.zero(stream.min(old), size.min(old));
        vmo.pages.free(size.min(old), old);
        vmo.size = size;
        vmo.stream = stream;
        Ok(())
    }

    /// vmo.md §11, §5, §9.
    pub(super) fn vmo_get_stream_size(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_vmo(t.u32(0), Rights::empty())?;
        let stream = self.vmo(self.sized(held.object)).stream;
        self.write(t, 1, &stream.to_le_bytes())
    }

    /// vmo.md §11: the bytes from the smaller of both sizes to the end are zeroed.
    pub(super) fn vmo_set_stream_size(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_vmo(t.u32(0), Rights::WRITE)?;
        let id = self.sized(held.object);
        let (root, _) = self.holder(held.object, 0);
        let is_run = matches!(self.vmo(root).kind, Kind::Physical(_) | Kind::Contiguous);
        require(!is_run, Status::NOT_SUPPORTED)?;
        let stream = t.u64(1);
        let Vmo {
            size, stream: old, ..
        } = *self.vmo(id);
        let is_cached = self.cache(held.object) == 0;
        if !is_cached {
            self.others.push(Status::BAD_STATE);
        }
        require(stream <= size, Status::OUT_OF_RANGE)?;
        // Zeroing takes a cached VMO; whether this is zeroing is nowhere said.
        let is_refused = !is_cached && t.was(Status::BAD_STATE);
        require(!is_refused, Status::BAD_STATE)?;
        self.vmo_mut(id).stream = stream;
        let (root, start) = self.holder(held.object, stream.min(old));
        let end = start + (size - stream.min(old));
        self.vmo_mut(root).pages.zero(start, end);
        Ok(())
    }

    /// spec README, decision 3: any number, and nothing else changes.
    pub(super) fn set_content_size(&mut self, vmo: Id, size: u64) -> Outcome {
        let id = self.sized(vmo);
        self.vmo_mut(id).stream = size;
        Ok(())
    }

    /// vmo.md §12, steps 2 to 5.
    fn check_copy(&self, vmo: Id, offset: u64, len: u64) -> Outcome {
        let (root, _) = self.holder(vmo, 0);
        let is_physical = matches!(self.vmo(root).kind, Kind::Physical(_));
        require(!is_physical, Status::NOT_SUPPORTED)?;
        let end = offset.checked_add(len).ok_or(Status::OUT_OF_RANGE)?;
        require(self.cache(vmo) == 0, Status::BAD_STATE)?;
        require(end <= self.size(vmo), Status::OUT_OF_RANGE)
    }

    pub(super) fn vmo_read(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_vmo(t.u32(0), Rights::READ)?;
        let (offset, len) = (t.u64(2), t.u64(3));
        self.check_copy(held.object, offset, len)?;
        for (offset, at, bytes) in copies(offset, t.u64(1), len) {
            let mut piece = vec![0; bytes];
            let done = usize::try_from(offset - t.u64(2)).unwrap_or(0);
            if t.outs[1].is_none() {
                self.resolve(at, super::memory::Access::Write)?;
            }
            self.peek(held.object, offset, &mut piece);
            self.write_as(t, 1, done, &piece)?;
        }
        Ok(())
    }

    pub(super) fn vmo_write(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_vmo(t.u32(0), Rights::WRITE)?;
        let (offset, len) = (t.u64(2), t.u64(3));
        self.check_copy(held.object, offset, len)?;
        for (offset, _, bytes) in copies(offset, t.u64(1), len) {
            let mut piece = vec![0; bytes];
            let done = usize::try_from(offset - t.u64(2)).unwrap_or(0);
            // A page may be committed before its bytes are found to be unreadable.
            self.touch(held.object, offset);
            self.read_as(t, 1, done, &mut piece)?;
            self.poke(held.object, offset, &piece);
        }
        Ok(())
    }

    /// The cache policy of a VMO: a reference has that of its root.
    #[must_use]
    pub fn cache(&self, vmo: Id) -> u32 {
        self.vmo(self.sized(vmo)).cache
    }

    /// vmo.md §14.
    pub(super) fn vmo_set_cache_policy(&mut self, t: &Trial) -> Outcome {
        let policy = t.u32(1);
        require(policy & !3 == 0, Status::INVALID_ARGS)?;
        let held = self.lookup_vmo(t.u32(0), Rights::MAP)?;
        let id = held.object;
        let vmo = self.vmo(id);
        if matches!(vmo.kind, Kind::Physical(_)) && vmo.cache == policy {
            return Ok(());
        }
        let is_mapped = self.mappings().any(|(_, mapping)| mapping.vmo == id);
        let is_bound = is_mapped || self.child_count(id) != 0 || vmo.parent.is_some();
        let is_physical = matches!(vmo.kind, Kind::Physical(_));
        let is_pinned = !is_physical && self.is_pinned(id, 0, vmo.size);
        require(!is_bound && !is_pinned, Status::BAD_STATE)?;
        require(!vmo.is_discardable || policy == 0, Status::BAD_STATE)?;
        self.vmo_mut(id).cache = policy;
        Ok(())
    }

    /// vmo.md §21.
    pub(super) fn vmo_replace_as_executable(&mut self, t: &Trial) -> Outcome {
        let vmex = match t.u32(1) {
            0 => Ok(()),
            value => self.check_system(value, SYSTEM_VMEX),
        };
        let source = self.lookup_vmo(t.u32(0), Rights::empty());
        let installed = match source {
            Ok(held) => {
                vmex.and_then(|()| self.install(t, 2, held.object, held.rights | Rights::EXECUTE))
            }
            Err(_) => Err(Status::BAD_HANDLE),
        };
        self.close(t.u32(0));
        installed
    }
}

/// Cuts a copy at the page bounds of the VMO and of the buffer: offset, address, bytes.
fn copies(offset: u64, buffer: u64, len: u64) -> Vec<(u64, u64, usize)> {
    let mut pieces = Vec::new();
    let mut done = 0;
    while done < len {
        let (offset, at) = (offset + done, buffer.wrapping_add(done));
        let room = (PAGE - offset % PAGE).min(PAGE - at % PAGE);
        let bytes = room.min(len - done);
        pieces.push((offset, at, usize::try_from(bytes).unwrap_or(0)));
        done += bytes;
    }
    pieces
}
