//! Handles, and the table that turns a process's numbers into them.

use super::life::Parting;
use super::{Object, ObjectRef, Objects};
use crate::mem::{Budget, KVec, Key, NoMemory};
use alloc::boxed::Box;
use jacinth_abi::{Rights, Status};

/// A counted claim on an object, with rights. Given back through [`Handle::close`], never dropped.
#[derive(Debug)]
#[must_use = "a handle is closed, never dropped"]
pub(crate) struct Handle {
    object: ObjectRef,
    rights: Rights,
    /// Unique for the life of the system: what waits are bound to, wherever the handle goes.
    id: HandleId,
}

/// Names a handle for as long as it exists, in whatever table or message it is.
pub(crate) type HandleId = u64;

impl Handle {
    /// Makes a handle and counts it.
    pub(crate) fn new(objects: &mut Objects, object: ObjectRef, rights: Rights) -> Self {
        objects.head_mut(object).add_handle();
        let id = objects.count_handle();
        Self { object, rights, id }
    }

    /// As [`Handle::new`], where the kind of object is known, and need not be asked for.
    pub(crate) fn to<T: Object>(objects: &mut Objects, key: Key<T>, rights: Rights) -> Self {
        objects.get_mut(key).head_mut().add_handle();
        let id = objects.count_handle();
        let object = T::to_ref(key);
        Self { object, rights, id }
    }

    /// Its name among all handles.
    pub(crate) const fn id(&self) -> HandleId {
        self.id
    }

    /// The same handle with other rights: what arrives of one that is sent.
    pub(crate) const fn with_rights(self, rights: Rights) -> Self {
        Self { rights, ..self }
    }

    /// What it refers to.
    pub(crate) const fn object(&self) -> ObjectRef {
        self.object
    }

    /// What it allows.
    pub(crate) const fn rights(&self) -> Rights {
        self.rights
    }

    /// Gives the claim up. [`Kernel::end_handle`] does what is to be done then.
    ///
    /// [`Kernel::end_handle`]: crate::Kernel::end_handle
    #[inline(always)]
    pub(super) fn close(self, objects: &mut Objects) -> Parting {
        objects.drop_handle(self.object)
    }
}

/// log2 of the slots in a chunk of a table.
const CHUNK_SHIFT: u32 = 6;
const CHUNK: usize = 1 << CHUNK_SHIFT;
const INDEX_BITS: u32 = 18;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
/// One generation of a slot, in values: the 12 bits above those of the index.
const GENERATION: u32 = 1 << (INDEX_BITS + 2);
const NONE: u32 = u32::MAX;
/// Types of objects that PROCESS_HANDLE_STATS has room for.
const TYPES: usize = 64;

#[derive(Debug)]
struct Slot {
    /// The value of the handle that is here, or of the next: whoever names another names none.
    value: u32,
    next_free: u32,
    handle: Option<Handle>,
}

/// A process's handles. Values are `(index ^ secret) << 2 | 3`, with as much added to the upper 12
/// bits as the slot had handles before (spec: 12 bits of generation, both low bits set); the free
/// slots are a queue, so that a number comes back late.
#[derive(Debug)]
pub(crate) struct HandleTable {
    chunks: KVec<Box<[Slot; CHUNK]>>,
    first_free: u32,
    last_free: u32,
    free: u32,
    secret: u32,
    /// Handles to objects of each type, by its number.
    counts: [u32; TYPES],
}

impl HandleTable {
    /// An empty table whose values are mixed with `secret`.
    pub(crate) const fn new(secret: u32) -> Self {
        let secret = secret & (u32::MAX >> 2);
        Self {
            chunks: KVec::new(),
            first_free: NONE,
            last_free: NONE,
            free: 0,
            secret,
            counts: [0; TYPES],
        }
    }

    /// The handle with this value.
    pub(crate) fn get(&self, value: u32) -> Option<&Handle> {
        let slot = self.slot(self.index(value))?;
        if slot.value == value {
            slot.handle.as_ref()
        } else {
            None
        }
    }

    /// The object behind a handle, and its rights.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED.
    pub(crate) fn look_up(
        &self,
        value: u32,
        rights: Rights,
    ) -> Result<(ObjectRef, Rights), Status> {
        let handle = self.get(value).ok_or(Status::BAD_HANDLE)?;
        if handle.rights.contains(rights) {
            Ok((handle.object, handle.rights))
        } else {
            Err(Status::ACCESS_DENIED)
        }
    }

    /// Makes sure that the next `count` inserts find a slot. The system has `in_all` handles, and
    /// room for [so many](Objects::MOST_HANDLES).
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub(crate) fn reserve(
        &mut self,
        count: u32,
        in_all: u32,
        budget: &mut Budget,
    ) -> Result<(), NoMemory> {
        if in_all.saturating_add(count) > Objects::MOST_HANDLES {
            return Err(NoMemory);
        }
        if self.free >= count {
            return budget.ask_spare();
        }
        self.make_room(count, budget)
    }

    #[cold]
    fn make_room(&mut self, count: u32, budget: &mut Budget) -> Result<(), NoMemory> {
        while self.free < count {
            self.grow(budget)?;
        }
        Ok(())
    }

    /// Puts a handle into a slot that was reserved; its value.
    pub(crate) fn insert_reserved(&mut self, handle: Handle) -> u32 {
        let index = self.first_free;
        if let Some(count) = self.count_mut(handle.object) {
            *count = count.wrapping_add(1);
        }
        let slot = self
            .slot_mut(index)
            .expect("a slot was reserved before the commit");
        slot.handle = Some(handle);
        let (value, next) = (slot.value, slot.next_free);
        self.first_free = next;
        if next == NONE {
            self.last_free = NONE;
        }
        self.free = self.free.wrapping_sub(1);
        value
    }

    /// Takes the handle with this value out; the value is bad from now on.
    #[inline]
    pub(crate) fn remove(&mut self, value: u32) -> Option<Handle> {
        let index = self.index(value);
        let slot = self.slot_mut(index).filter(|slot| slot.value == value)?;
        let Handle { object, rights, id } = *slot.handle.as_ref()?;
        slot.handle = None;
        slot.value = value.wrapping_add(GENERATION);
        slot.next_free = NONE;
        self.put_free(index);
        if let Some(count) = self.count_mut(object) {
            *count = count.wrapping_sub(1);
        }
        Some(Handle { object, rights, id })
    }

    /// For emptying the table: the first handle's value at or behind slot `from` in that slot's
    /// chunk, if there is one, and the slot to go on from. `None` behind the last slot.
    pub(crate) fn next_value(&self, from: u32) -> Option<(Option<u32>, u32)> {
        let end = (from | ((1 << CHUNK_SHIFT) - 1)).wrapping_add(1);
        self.slot(from)?;
        for index in from..end {
            let slot = self.slot(index)?;
            if slot.handle.is_some() {
                return Some((Some(slot.value), index.wrapping_add(1)));
            }
        }
        Some((None, end))
    }

    /// How many handles there are to objects of each type, by its number.
    pub(crate) const fn counts(&self) -> &[u32; TYPES] {
        &self.counts
    }

    fn count_mut(&mut self, object: ObjectRef) -> Option<&mut u32> {
        let number = usize::try_from(object.object_type().number()).ok()?;
        self.counts.get_mut(number)
    }

    /// All handles. For audits.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Handle> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.iter())
            .filter_map(|slot| slot.handle.as_ref())
    }

    /// The slot that a value means, if it means any.
    const fn index(&self, value: u32) -> u32 {
        ((value >> 2) ^ self.secret) & INDEX_MASK
    }

    fn slot(&self, index: u32) -> Option<&Slot> {
        let index = usize::try_from(index).ok()?;
        self.chunks
            .get(index >> CHUNK_SHIFT)?
            .get(index & (CHUNK - 1))
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot> {
        let index = usize::try_from(index).ok()?;
        self.chunks
            .get_mut(index >> CHUNK_SHIFT)?
            .get_mut(index & (CHUNK - 1))
    }

    fn put_free(&mut self, index: u32) {
        let last = core::mem::replace(&mut self.last_free, index);
        match self.slot_mut(last) {
            Some(slot) => slot.next_free = index,
            None => self.first_free = index,
        }
        self.free = self.free.wrapping_add(1);
    }

    fn grow(&mut self, budget: &mut Budget) -> Result<(), NoMemory> {
        let base = u32::try_from(self.chunks.len() << CHUNK_SHIFT).map_err(|_| NoMemory)?;
        if base > INDEX_MASK {
            return Err(NoMemory);
        }
        self.chunks.reserve(1, budget)?;
        let mut at = base;
        let free = |_| {
            let value = ((at ^ self.secret) << 2) | 3;
            at = at.wrapping_add(1);
            Slot {
                value,
                next_free: NONE,
                handle: None,
            }
        };
        let chunk = KVec::array(free, budget)?;
        self.chunks.push_reserved(chunk);
        for offset in 0..1 << CHUNK_SHIFT {
            self.put_free(base | offset);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_all_or_nothing() {
        let mut budget = Budget::new();
        let mut table = HandleTable::new(0xdead_beef);
        for failing in 0..2 {
            budget.fail_after(Some(failing));
            assert_eq!(table.reserve(1, 0, &mut budget), Err(NoMemory));
            assert_eq!(table.free, 0);
        }
        budget.fail_after(None);
        table.reserve(65, 0, &mut budget).unwrap();
        assert_eq!(table.free, 128);
    }

    #[test]
    fn wrong_low_bits_are_no_handle() {
        let table = HandleTable::new(0);
        for value in [0, 1, 2, 3, 0xbadc_0ffe, u32::MAX] {
            assert!(table.get(value).is_none());
        }
    }
}
