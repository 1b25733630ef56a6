//! `zx_vmo_create_child` (vmo.md §15 to §18).

use crate::PAGE_SIZE;
use crate::call::{Call, Flow, HandleValue, Out, SysResult};
use crate::hal::CachePolicy;
use crate::mem::Key;
use crate::object::Objects;
use crate::task::Work;
use crate::vm::{self, NewSnapshot, Snapshot, Vmo};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{Rights, Status, VmoChildOptions, VmoOptions};

/// A snapshot that is being prepared, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotCall {
    snapshot: Snapshot,
    parent: Key<Vmo>,
    /// The rights of the handle to the parent, and of that to the child.
    rights: (Rights, Rights),
    out: u64,
}

pub(crate) fn vmo_create_child(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    offset: u64,
    size: u64,
    out: Out<u32>,
) -> SysResult {
    let options = VmoChildOptions::from_bits_retain(options);
    let bytes = vm::round_up(size).ok_or(Status::OUT_OF_RANGE)?;
    if options.contains(VmoChildOptions::NO_WRITE | VmoChildOptions::RESIZABLE) {
        return Err(Status::INVALID_ARGS);
    }
    let mut needed = Rights::DUPLICATE | Rights::READ;
    needed.set(
        Rights::RESIZE,
        options.contains(VmoChildOptions::REFERENCE | VmoChildOptions::RESIZABLE),
    );
    let (parent, rights) = call.lookup_with_rights::<Vmo>(handle, needed)?;
    let above = call.kernel.objects.get(parent);
    if above.options.contains(VmoOptions::DISCARDABLE) {
        return Err(Status::NOT_SUPPORTED);
    }
    check_options(options)?;
    let objects = &call.kernel.objects;
    if options.contains(VmoChildOptions::SLICE) {
        check_slice(objects, parent, offset, bytes)?;
        call.reserve_handle()?;
        let child = vm::create_slice(call.kernel, parent, offset, bytes, size)?;
        // commit
        return install(
            call,
            (parent, child),
            rights,
            child_rights(rights, options),
            out,
        );
    }
    let own = own_options(options);
    if options.contains(VmoChildOptions::REFERENCE) {
        check_reference(objects, parent, own, (offset, size))?;
        call.reserve_handle()?;
        let child = vm::create_reference(call.kernel, parent, own)?;
        // commit
        return install(
            call,
            (parent, child),
            rights,
            child_rights(rights, options),
            out,
        );
    }
    check_snapshot(objects, parent, offset, bytes)?;
    let new = NewSnapshot {
        parent,
        offset,
        size: bytes,
        stream_size: size,
        options: own,
        is_immutable: options.contains(VmoChildOptions::NO_WRITE),
    };
    let rights = (rights, child_rights(rights, options));
    let snapshot = Snapshot::new(call.kernel, new)?;
    let begun = SnapshotCall {
        snapshot,
        parent,
        rights,
        out: out.0,
    };
    resume_snapshot(call, begun, out)
}

/// Goes on with a snapshot.
pub(crate) fn resume_snapshot(
    call: &mut Call<'_>,
    mut begun: SnapshotCall,
    out: Out<u32>,
) -> SysResult {
    call.reserve_handle()?;
    let Some(child) = begun.snapshot.step(call.kernel, call.hal)? else {
        return Ok(Flow::Again(Work::Snapshot(begun)));
    };
    // commit
    let (rights, child_rights) = begun.rights;
    install(call, (begun.parent, child), rights, child_rights, out)
}

impl SnapshotCall {
    /// The VMO that it is made of.
    pub(crate) const fn parent(&self) -> Key<Vmo> {
        self.parent
    }

    /// Where the handle goes.
    pub(crate) const fn out(&self) -> u64 {
        self.out
    }
}

/// Names the child as its parent, as far as the caller may know that, and gives it a handle.
fn install(
    call: &mut Call<'_>,
    (parent, child): (Key<Vmo>, Key<Vmo>),
    rights: Rights,
    child_rights: Rights,
    out: Out<u32>,
) -> SysResult {
    if rights.contains(Rights::GET_PROPERTY) {
        let name = call.kernel.objects.get(parent).name;
        call.kernel.objects.get_mut(child).name = name;
    }
    call.install_new(child, child_rights, out)
}

/// One type, and only modifiers that go with it.
fn check_options(options: VmoChildOptions) -> Result<(), Status> {
    let kinds = options & VmoChildOptions::TYPES;
    let modifiers = if kinds == VmoChildOptions::SLICE {
        VmoChildOptions::empty()
    } else {
        VmoChildOptions::RESIZABLE | VmoChildOptions::NO_WRITE
    };
    let is_one = kinds.bits().is_power_of_two();
    if is_one && (kinds | modifiers).contains(options) {
        Ok(())
    } else {
        Err(Status::INVALID_ARGS)
    }
}

/// What a child that is no slice is made with.
fn own_options(options: VmoChildOptions) -> VmoOptions {
    if options.contains(VmoChildOptions::RESIZABLE) {
        VmoOptions::RESIZABLE
    } else {
        VmoOptions::empty()
    }
}

/// The rights of a handle to a child (vmo.md §15).
fn child_rights(parent: Rights, options: VmoChildOptions) -> Rights {
    let is_fixed = options.contains(VmoChildOptions::NO_WRITE);
    let shares_bytes = VmoChildOptions::SLICE | VmoChildOptions::REFERENCE;
    let mut rights = parent | Rights::PROPERTY;
    rights.set(Rights::RESIZE, options.contains(VmoChildOptions::RESIZABLE));
    if is_fixed {
        rights -= Rights::WRITE;
    } else if !options.intersects(shares_bytes) {
        // Code that is not what it was when it was allowed to run is not allowed to run.
        rights |= Rights::WRITE;
        rights -= Rights::EXECUTE;
    }
    rights
}

/// Whole pages, and not too many.
fn check_window(offset: u64, bytes: u64) -> Result<(), Status> {
    if offset & (PAGE_SIZE - 1) != 0 {
        return Err(Status::INVALID_ARGS);
    }
    if bytes > MAX_VMO_SIZE {
        return Err(Status::OUT_OF_RANGE);
    }
    Ok(())
}

/// vmo.md §16.
fn check_slice(objects: &Objects, parent: Key<Vmo>, offset: u64, bytes: u64) -> Result<(), Status> {
    check_window(offset, bytes)?;
    let end = offset.checked_add(bytes).ok_or(Status::INVALID_ARGS)?;
    if end > vm::size(objects, parent) {
        return Err(Status::INVALID_ARGS);
    }
    let sized = objects.get(vm::sized(objects, parent));
    if sized.options.contains(VmoOptions::RESIZABLE) {
        return Err(Status::NOT_SUPPORTED);
    }
    let is_cached = objects.get(parent).cache == CachePolicy::Cached;
    if is_cached || vm::is_contiguous(objects, parent) {
        Ok(())
    } else {
        Err(Status::BAD_STATE)
    }
}

/// vmo.md §17.
fn check_reference(
    objects: &Objects,
    parent: Key<Vmo>,
    own: VmoOptions,
    (offset, size): (u64, u64),
) -> Result<(), Status> {
    let above = objects.get(parent);
    if above.is_physical() {
        return Err(Status::NOT_SUPPORTED);
    }
    if offset != 0 || size != 0 {
        return Err(Status::INVALID_ARGS);
    }
    if above.is_slice() || vm::is_contiguous(objects, parent) {
        return Err(Status::NOT_SUPPORTED);
    }
    if above.cache != CachePolicy::Cached {
        return Err(Status::BAD_STATE);
    }
    if above.options.contains(own) {
        Ok(())
    } else {
        Err(Status::NOT_SUPPORTED)
    }
}

/// vmo.md §18, what can be told before the pages are looked at.
fn check_snapshot(
    objects: &Objects,
    parent: Key<Vmo>,
    offset: u64,
    bytes: u64,
) -> Result<(), Status> {
    if objects.get(parent).is_physical() {
        return Err(Status::NOT_SUPPORTED);
    }
    if vm::is_contiguous(objects, parent) {
        return Err(Status::INVALID_ARGS);
    }
    check_window(offset, bytes)?;
    // The window may lie beyond the parent, but not beyond all numbers.
    let end = offset.checked_add(bytes);
    end.map(|_| ()).ok_or(Status::OUT_OF_RANGE)
}
