//! The memory of the process: where the buffers of calls are, and what mappings show.

use super::objects::{Body, Id, Kind, Region};
use super::state::Model;
use super::{Outcome, PAGE, Trial};
use jacinth_abi::{Status, VmOptions};

/// What the process does with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Execute,
}

impl Access {
    const fn permission(self) -> u32 {
        match self {
            Self::Read => VmOptions::PERM_READ.bits(),
            Self::Write => VmOptions::PERM_WRITE.bits(),
            Self::Execute => VmOptions::PERM_EXECUTE.bits(),
        }
    }
}

impl Model {
    /// The VMO that has the pages of `vmo`, and where in it `offset` is.
    #[must_use]
    pub fn holder(&self, vmo: Id, offset: u64) -> (Id, u64) {
        match self.vmo(vmo).kind {
            Kind::Slice { root, offset: more } => (root, offset.saturating_add(more)),
            Kind::Reference { root } => (root, offset),
            Kind::Paged | Kind::Contiguous | Kind::Physical(_) => (vmo, offset),
        }
    }

    /// The VMO whose size and stream size a VMO has: a reference shares those of its root.
    pub(super) fn sized(&self, vmo: Id) -> Id {
        match self.vmo(vmo).kind {
            Kind::Reference { root } => root,
            _ => vmo,
        }
    }

    /// The size of a VMO in bytes.
    #[must_use]
    pub fn size(&self, vmo: Id) -> u64 {
        self.vmo(self.sized(vmo)).size
    }

    /// Reads a VMO, past all rights and rules.
    pub fn peek(&self, vmo: Id, offset: u64, to: &mut [u8]) {
        let (root, offset) = self.holder(vmo, offset);
        match self.vmo(root).kind {
            Kind::Physical(base) => self.device.read(base + offset, to),
            _ => self.vmo(root).pages.read(offset, to),
        }
    }

    /// Writes a VMO, past all rights and rules.
    pub fn poke(&mut self, vmo: Id, offset: u64, from: &[u8]) {
        let (root, offset) = self.holder(vmo, offset);
        match self.vmo(root).kind {
            Kind::Physical(base) => self.device.write(base + offset, from),
            _ => self.vmo_mut(root).pages.write(offset, from),
        }
    }

    /// A page may have been committed by being looked at.
    pub(super) fn touch(&mut self, vmo: Id, offset: u64) {
        let (root, offset) = self.holder(vmo, offset);
        if !matches!(self.vmo(root).kind, Kind::Physical(_)) {
            self.vmo_mut(root).pages.touch(offset);
        }
    }

    /// What is mapped at an address: the region, and where the mapping begins.
    #[must_use]
    pub fn find(&self, at: u64) -> Option<(Id, u64)> {
        let mut vmar = self.root;
        loop {
            let (start, region) = self.vmar(vmar).children.range(..=at).next_back()?;
            if at - start >= self.length(region) {
                return None;
            }
            match region {
                Region::Vmar(inner) => vmar = *inner,
                Region::Mapping(_) | Region::Foreign(_) => return Some((vmar, *start)),
            }
        }
    }

    pub(super) fn length(&self, region: &Region) -> u64 {
        match region {
            Region::Vmar(id) => self.vmar(*id).size,
            Region::Mapping(mapping) => mapping.pages.len() as u64 * PAGE,
            Region::Foreign(bytes) => *bytes,
        }
    }

    /// What an access comes to (vmar.md §8.1): the VMO and the byte in it, or the reason of the
    /// fault. `None` for memory that is none of the test's.
    ///
    /// # Errors
    /// NOT_FOUND, ACCESS_DENIED, OUT_OF_RANGE.
    pub fn resolve(&self, at: u64, access: Access) -> Result<Option<(Id, u64)>, Status> {
        let (vmar, start) = self.find(at).ok_or(Status::NOT_FOUND)?;
        let Some(Region::Mapping(mapping)) = self.vmar(vmar).children.get(&start) else {
            return Ok(None);
        };
        let page = usize::try_from((at - start) / PAGE).unwrap_or(usize::MAX);
        if u32::from(mapping.pages[page]) & access.permission() == 0 {
            return Err(Status::ACCESS_DENIED);
        }
        let offset = (at - start).checked_add(mapping.offset);
        let offset = offset.ok_or(Status::OUT_OF_RANGE)?;
        if offset - offset % PAGE >= self.reach(mapping.vmo, mapping.is_bounded) {
            return Err(Status::OUT_OF_RANGE);
        }
        let flags = u32::from(mapping.pages[page]);
        super::require(self.can_map(mapping.vmo, flags), Status::INVALID_ARGS)?;
        Ok(Some((mapping.vmo, offset)))
    }

    /// Whether the machine has entries with these permissions for the memory type of a VMO.
    pub(super) fn can_map(&self, vmo: Id, flags: u32) -> bool {
        let executes = flags & VmOptions::PERM_EXECUTE.bits() != 0;
        !(self.place.is_code_cached && executes && self.cache(vmo) != 0)
    }

    /// How much of a VMO a mapping shows: to its size, or its stream size as whole pages.
    pub(super) fn reach(&self, vmo: Id, is_bounded: bool) -> u64 {
        let sized = self.vmo(self.sized(vmo));
        let stream = sized.stream.checked_next_multiple_of(PAGE);
        match stream {
            Some(stream) if is_bounded => stream.min(sized.size),
            _ => sized.size,
        }
    }

    /// Whether the kernel can copy to or from what is behind an address: a device it cannot.
    fn is_memory(&self, vmo: Id) -> bool {
        !matches!(self.vmo(self.holder(vmo, 0).0).kind, Kind::Physical(_))
    }

    /// The kernel reads `to.len()` bytes of the process at `at`.
    ///
    /// # Errors
    /// The reason of the fault.
    pub(super) fn user_read(&mut self, at: u64, to: &mut [u8]) -> Outcome {
        for (at, piece) in pages_of(at, to.len()) {
            let Some((vmo, offset)) = self.resolve(at, Access::Read)? else {
                continue;
            };
            super::require(self.is_memory(vmo), Status::ACCESS_DENIED)?;
            self.touch(vmo, offset);
            self.peek(vmo, offset, &mut to[piece]);
        }
        Ok(())
    }

    /// The kernel writes bytes of the process at `at`; those before a bad page are written.
    ///
    /// # Errors
    /// The reason of the fault.
    pub(super) fn user_write(&mut self, at: u64, from: &[u8]) -> Outcome {
        for (at, piece) in pages_of(at, from.len()) {
            let found = self.resolve(at, Access::Write)?;
            let (vmo, offset) = found.ok_or(Status::ACCESS_DENIED)?;
            super::require(self.is_memory(vmo), Status::ACCESS_DENIED)?;
            self.poke(vmo, offset, &from[piece]);
        }
        Ok(())
    }

    /// A call writes bytes to `offset` of the buffer of argument `arg`.
    ///
    /// # Errors
    /// The reason of the fault.
    pub(super) fn write_as(
        &mut self,
        t: &Trial,
        arg: usize,
        offset: usize,
        bytes: &[u8],
    ) -> Outcome {
        if t.outs[arg].is_some() {
            self.patches.push((arg, offset, bytes.to_vec()));
            return Ok(());
        }
        self.user_write(t.words[arg].wrapping_add(offset as u64), bytes)
    }

    /// As [`Self::write_as`]: a bad pointer is a bad argument.
    pub(super) fn write(&mut self, t: &Trial, arg: usize, bytes: &[u8]) -> Outcome {
        self.write_as(t, arg, 0, bytes)
            .map_err(|_| Status::INVALID_ARGS)
    }

    /// A call reads bytes from `offset` of the buffer of argument `arg`.
    ///
    /// # Errors
    /// The reason of the fault.
    pub(super) fn read_as(
        &mut self,
        t: &Trial,
        arg: usize,
        offset: usize,
        to: &mut [u8],
    ) -> Outcome {
        if let Some(bytes) = &t.ins[arg] {
            to.copy_from_slice(&bytes[offset..offset + to.len()]);
            return Ok(());
        }
        self.user_read(t.words[arg].wrapping_add(offset as u64), to)
    }

    /// As [`Self::read_as`]: a bad pointer is a bad argument.
    pub(super) fn read(&mut self, t: &Trial, arg: usize, to: &mut [u8]) -> Outcome {
        self.read_as(t, arg, 0, to)
            .map_err(|_| Status::INVALID_ARGS)
    }

    /// The process itself loads or stores; `None` when it is not the test's memory.
    ///
    /// # Errors
    /// The reason of the fault.
    pub fn touch_at(&mut self, at: u64, access: Access) -> Result<Option<(Id, u64)>, Status> {
        let found = self.resolve(at, access)?;
        if let Some((vmo, offset)) = found {
            self.touch(vmo, offset);
        }
        Ok(found)
    }

    /// The kind of an object, by its name in the table of types.
    #[must_use]
    pub fn is_vmo(&self, id: Id) -> bool {
        matches!(self.objects[&id].body, Body::Vmo(_))
    }
}

/// Cuts a buffer at page bounds: address and part of the buffer.
pub(super) fn pages_of(at: u64, len: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let here = at.wrapping_add(done as u64);
        let room = usize::try_from(PAGE - here % PAGE).unwrap_or(len);
        let end = len.min(done + room);
        let piece = done..end;
        done = end;
        Some((here, piece))
    })
}
