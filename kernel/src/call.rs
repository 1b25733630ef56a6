//! One system call in flight: handle lookup, user memory, new handles.

use crate::copy;
use crate::hal::{AspaceId, DynHal};
use crate::mem::Key;
use crate::object::{Handle, HandleId, Object, ObjectRef, Resource};
use crate::task::{Process, Thread, Wait};
use crate::vm::Name;
use crate::{Access, Kernel, VirtAddr};
use core::marker::PhantomData;
use jacinth_abi::{PolicyCondition, ResourceKind, Rights, Status, SystemBase, limits};

/// What a system call comes to.
#[derive(Debug)]
pub(crate) enum Flow {
    /// It is over: the answer for the result register.
    Done(i64),
    /// As [`Flow::Done`], and others run first.
    Yield(i64),
    /// The thread waits, and its answer is set when the wait ends.
    Block(Wait),
    /// As [`Flow::Block`]; the thread knows already what it waits for.
    Waits,
    /// The work of one event is spent; go on from this cursor after the lock was given up.
    Again(crate::task::Work),
    /// The thread is gone.
    Gone,
}

impl Flow {
    /// Success. No constant: that would be copied with all the room that other outcomes take.
    #[inline(always)]
    pub(crate) const fn ok() -> Self {
        Self::Done(0)
    }
}

/// What every system call returns.
pub(crate) type SysResult = Result<Flow, Status>;

/// One system call in flight.
pub(crate) struct Call<'a> {
    pub(crate) kernel: &'a mut Kernel,
    pub(crate) hal: &'a mut DynHal,
    pub(crate) thread: Key<Thread>,
    pub(crate) process: Key<Process>,
    /// The address space of the process.
    pub(crate) aspace: AspaceId,
}

/// A handle value as it came.
pub(crate) type HandleValue = u32;

/// A user address that a call reads `T`s from.
#[derive(Debug)]
pub(crate) struct In<T>(pub(crate) u64, PhantomData<T>);
/// A user address that a call writes `T`s to.
#[derive(Debug)]
pub(crate) struct Out<T>(pub(crate) u64, PhantomData<T>);

impl<T> Clone for In<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for In<T> {}
impl<T> Clone for Out<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Out<T> {}
impl<T> PartialEq for Out<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Out<T> {}

impl<T> Out<T> {
    /// Whether the address is 0.
    pub(crate) const fn is_null(self) -> bool {
        self.0 == 0
    }
}
impl<T> In<T> {
    /// Reads the address as one of `T`s.
    pub(crate) const fn at(address: u64) -> Self {
        Self(address, PhantomData)
    }

    /// Whether the address is 0.
    pub(crate) const fn is_null(self) -> bool {
        self.0 == 0
    }
}

/// An argument as it comes in a register: narrower types ignore the upper half (abi.md §1).
pub(crate) trait FromReg {
    fn from_reg(register: u64) -> Self;
}
impl FromReg for u64 {
    fn from_reg(register: u64) -> Self {
        register
    }
}
impl FromReg for i64 {
    fn from_reg(register: u64) -> Self {
        register.cast_signed()
    }
}
impl FromReg for u32 {
    fn from_reg(register: u64) -> Self {
        let [a, b, c, d, ..] = register.to_le_bytes();
        Self::from_le_bytes([a, b, c, d])
    }
}
impl<T> FromReg for In<T> {
    fn from_reg(register: u64) -> Self {
        Self(register, PhantomData)
    }
}
impl<T> FromReg for Out<T> {
    fn from_reg(register: u64) -> Self {
        Self(register, PhantomData)
    }
}

/// A number that is copied to or from user memory in little-endian bytes.
pub(crate) trait Word: Copy {
    /// Its bytes.
    type Bytes: AsRef<[u8]> + AsMut<[u8]> + Default;
    fn to_bytes(self) -> Self::Bytes;
    fn from_bytes(bytes: Self::Bytes) -> Self;
}
macro_rules! words {
    ($($word:ty),+) => {$(impl Word for $word {
        type Bytes = [u8; size_of::<$word>()];
        fn to_bytes(self) -> Self::Bytes {
            self.to_le_bytes()
        }
        fn from_bytes(bytes: Self::Bytes) -> Self {
            Self::from_le_bytes(bytes)
        }
    })+};
}
words!(u32, u64, i64);

impl Call<'_> {
    /// The object behind a handle: BAD_HANDLE, then WRONG_TYPE, then ACCESS_DENIED.
    pub(crate) fn lookup<T: Object>(
        &self,
        value: HandleValue,
        rights: Rights,
    ) -> Result<Key<T>, Status> {
        self.lookup_with_rights(value, rights).map(|(key, _)| key)
    }

    /// As [`Call::lookup`], with all the rights that the handle has.
    pub(crate) fn lookup_with_rights<T: Object>(
        &self,
        value: HandleValue,
        rights: Rights,
    ) -> Result<(Key<T>, Rights), Status> {
        let handle = self.handle(value)?;
        let key = T::from_ref(handle.object()).ok_or(Status::WRONG_TYPE)?;
        if handle.rights().contains(rights) {
            Ok((key, handle.rights()))
        } else {
            Err(Status::ACCESS_DENIED)
        }
    }

    /// As [`Call::lookup`], with the name that the handle has for as long as it exists.
    pub(crate) fn lookup_with_id<T: Object>(
        &self,
        value: HandleValue,
        rights: Rights,
    ) -> Result<(Key<T>, HandleId), Status> {
        let handle = self.handle(value)?;
        let key = T::from_ref(handle.object()).ok_or(Status::WRONG_TYPE)?;
        if handle.rights().contains(rights) {
            Ok((key, handle.id()))
        } else {
            Err(Status::ACCESS_DENIED)
        }
    }

    /// The object of any kind behind a handle.
    pub(crate) fn lookup_any(
        &self,
        value: HandleValue,
        rights: Rights,
    ) -> Result<(ObjectRef, Rights), Status> {
        let process = self.kernel.objects.get(self.process);
        process.handles.look_up(value, rights)
    }

    /// Checks that a handle is one to a SYSTEM resource that covers `base`; no right is needed.
    pub(crate) fn check_system(&self, value: HandleValue, base: SystemBase) -> Result<(), Status> {
        let key = self.lookup::<Resource>(value, Rights::empty())?;
        let resource = self.kernel.objects.get(key);
        let resources = &self.kernel.resources;
        resources.check_use(resource, ResourceKind::System, base.number().into(), 1)
    }

    /// The handle with this value.
    pub(crate) fn handle(&self, value: HandleValue) -> Result<&Handle, Status> {
        self.kernel
            .objects
            .get(self.process)
            .handles
            .get(value)
            .ok_or(Status::BAD_HANDLE)
    }

    /// Whether a deadline is not behind the present time. Most waits have none.
    #[inline]
    pub(crate) fn is_over(&self, deadline: i64) -> bool {
        deadline != limits::TIME_INFINITE && deadline <= self.hal.now()
    }

    /// Applies the policy of the caller's job.
    ///
    /// # Errors
    /// ACCESS_DENIED; the caller is gone, too, if the policy says so.
    pub(crate) fn enforce(&mut self, condition: PolicyCondition) -> Result<(), Status> {
        self.kernel.enforce(self.process, self.thread, condition)
    }

    /// Makes sure that [`Call::install`] finds room for one handle.
    #[inline]
    pub(crate) fn reserve_handle(&mut self) -> Result<(), Status> {
        self.kernel.reserve_handles(self.process, 1)?;
        Ok(())
    }

    /// Puts a handle to a new object into the caller's table and its value where `out` says.
    /// A slot was reserved; a bad `out` takes the handle out again, and the object with it.
    pub(crate) fn install(
        &mut self,
        object: ObjectRef,
        rights: Rights,
        out: Out<u32>,
    ) -> SysResult {
        let handle = Handle::new(&mut self.kernel.objects, object, rights);
        self.install_handle(handle, out)
    }

    /// As [`Call::install`], where the kind of object is known.
    pub(crate) fn install_new<T: Object>(
        &mut self,
        key: Key<T>,
        rights: Rights,
        out: Out<u32>,
    ) -> SysResult {
        let handle = Handle::to(&mut self.kernel.objects, key, rights);
        self.install_handle(handle, out)
    }

    /// Makes sure that [`Call::install_pair`] finds room.
    pub(crate) fn reserve_pair(&mut self) -> Result<(), Status> {
        self.kernel.reserve_handles(self.process, 2)?;
        Ok(())
    }

    /// As [`Call::install_new`], for the two ends of something.
    pub(crate) fn install_pair<T: Object>(
        &mut self,
        ends: (Key<T>, Key<T>),
        rights: Rights,
        outs: (Out<u32>, Out<u32>),
    ) -> SysResult {
        let objects = &mut self.kernel.objects;
        let handle0 = Handle::to(objects, ends.0, rights);
        let handle1 = Handle::to(objects, ends.1, rights);
        let process = objects.get_mut(self.process);
        let value0 = process.handles.insert_reserved(handle0);
        let value1 = process.handles.insert_reserved(handle1);
        let aspace = process.aspace;
        let values = (value0, value1);
        if self.tell(aspace, outs.0, value0) && self.tell(aspace, outs.1, value1) {
            return Ok(Flow::ok());
        }
        self.tell_both_or_close(outs, values)
    }

    #[cold]
    fn tell_both_or_close(&mut self, outs: (Out<u32>, Out<u32>), values: (u32, u32)) -> SysResult {
        let told = self.write(outs.0, values.0);
        let told = told.and_then(|()| self.write(outs.1, values.1));
        if told.is_err() {
            self.kernel.close_handle(self.process, values.0);
            self.kernel.close_handle(self.process, values.1);
        }
        told.map(|()| Flow::ok())
    }

    /// As [`Call::install`], for a handle that is made already.
    ///
    /// Nearly always the value goes to a page that is there: all else is kept out of this function.
    #[inline(always)]
    pub(crate) fn install_handle(&mut self, handle: Handle, out: Out<u32>) -> SysResult {
        let process = self.kernel.objects.get_mut(self.process);
        let value = process.handles.insert_reserved(handle);
        let aspace = process.aspace;
        if self.tell(aspace, out, value) {
            return Ok(Flow::ok());
        }
        self.tell_or_close(out, value)
    }

    /// Writes a handle's value to a page that is there; false, with nothing written, where none is.
    fn tell(&mut self, aspace: AspaceId, out: Out<u32>, value: u32) -> bool {
        let bytes = value.to_le_bytes();
        let told = self.hal.write_user(aspace, VirtAddr::new(out.0), &bytes);
        matches!(told, Ok(true))
    }

    #[cold]
    fn tell_or_close(&mut self, out: Out<u32>, value: u32) -> SysResult {
        let told = self.write(out, value);
        if told.is_err() {
            self.kernel.close_handle(self.process, value);
        }
        told.map(|()| Flow::ok())
    }

    /// Writes one number to user memory.
    pub(crate) fn write<T: Word>(&mut self, to: Out<T>, value: T) -> Result<(), Status> {
        self.write_bytes(to.0, value.to_bytes().as_ref())
    }

    /// Commits the memory that a call is going to write, so that want of memory shows before the
    /// commit. What else is wrong with the address is for the write to say.
    pub(crate) fn touch(&mut self, to: u64, bytes: usize) -> Result<(), Status> {
        let (mut at, mut rest) = (VirtAddr::new(to), bytes);
        while rest != 0 {
            match self.user_page(at, Access::Write) {
                Ok(_) => {}
                Err(Status::NO_MEMORY) => return Err(Status::NO_MEMORY),
                Err(_) => return Ok(()),
            }
            let now = copy::page_room(at).min(rest);
            rest = rest.saturating_sub(now);
            at = copy::behind(at, now)?;
        }
        Ok(())
    }

    /// Reads one number from user memory.
    pub(crate) fn read<T: Word>(&mut self, from: In<T>) -> Result<T, Status> {
        let mut bytes = T::Bytes::default();
        self.read_bytes(from.0, bytes.as_mut())?;
        Ok(T::from_bytes(bytes))
    }

    /// Writes bytes to user memory: INVALID_ARGS where that is not the caller's writable memory.
    #[inline]
    pub(crate) fn write_bytes(&mut self, to: u64, bytes: &[u8]) -> Result<(), Status> {
        let to = VirtAddr::new(to);
        // Nearly all that is written is a word in a page that is there.
        match self.hal.write_user(self.aspace, to, bytes) {
            Ok(true) => Ok(()),
            _ => self.write_pages(to, bytes),
        }
    }

    #[cold]
    fn write_pages(&mut self, to: VirtAddr, bytes: &[u8]) -> Result<(), Status> {
        copy::write(self.kernel, self.hal, self.process, to, bytes)
    }

    /// Reads bytes of user memory: INVALID_ARGS where that is not the caller's readable memory.
    #[inline]
    pub(crate) fn read_bytes(&mut self, from: u64, bytes: &mut [u8]) -> Result<(), Status> {
        let from = VirtAddr::new(from);
        match self.hal.read_user(self.aspace, from, bytes) {
            Ok(true) => Ok(()),
            _ => self.read_pages(from, bytes),
        }
    }

    #[cold]
    fn read_pages(&mut self, from: VirtAddr, bytes: &mut [u8]) -> Result<(), Status> {
        copy::read(self.kernel, self.hal, self.process, from, bytes)
    }

    /// Reads a name: cut to 31 bytes, and at the first NUL.
    pub(crate) fn read_name(&mut self, from: u64, size: u64) -> Result<Name, Status> {
        let mut name = Name::default();
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(Name::MOST);
        if let Some(bytes) = name.buffer().get_mut(..size) {
            self.read_bytes(from, bytes)?;
        }
        name.cut_at_nul();
        Ok(name)
    }

    /// The physical address behind a user address, committed and mapped first if need be.
    ///
    /// # Errors
    /// The reason that a fault there would have: NOT_FOUND, ACCESS_DENIED, OUT_OF_RANGE, NO_MEMORY.
    pub(crate) fn user_page(
        &mut self,
        at: VirtAddr,
        access: Access,
    ) -> Result<crate::PhysAddr, Status> {
        copy::user_page(self.kernel, self.hal, self.process, at, access)
    }
}
