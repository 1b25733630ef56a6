//! Short words for scenarios: calls on plain handle values that answer owned handles.

use crate::check::ok;
use crate::env::{Env, P};
use crate::{Failure, check};
use core::mem::ManuallyDrop;
use jacinth_abi::limits::{MAX_NAME_LEN, TIME_INFINITE_PAST};
use jacinth_abi::{
    HandleBasicInfo, Property, Record, ResourceKind, Signals, Status, Topic, VmOptions,
    VmoChildOptions, VmoInfo,
};
use zx::sys::{self, Answer, Input, Output, Place};
use zx::{Address, Region, Vmar, Vmo};

pub(crate) use zx::Handle as H;

fn new(call: impl FnOnce(&mut [u8; 4]) -> Answer) -> Result<H, Status> {
    let mut value = [0; 4];
    call(&mut value)?;
    Ok(H::from_value(u32::from_le_bytes(value)))
}

pub(crate) fn resource_create(
    parent: u32,
    options: u32,
    base: u64,
    size: u64,
    name: &[u8],
) -> Result<H, Status> {
    new(|out| sys::resource_create(parent, options, base, size, Input::Here(name), out))
}

/// With a name at an address of the caller's choice.
pub(crate) fn resource_create_named_at(
    parent: u32,
    options: u32,
    (base, size): (u64, u64),
    name: Address,
    len: u64,
) -> Result<H, Status> {
    new(|out| sys::resource_create(parent, options, base, size, Input::At(name, len), out))
}

/// With the result at an address of the caller's choice.
pub(crate) fn resource_create_out(
    parent: u32,
    options: u32,
    (base, size): (u64, u64),
    out: Address,
) -> Answer {
    sys::resource_create(parent, options, base, size, Input::Here(b""), out)
}

pub(crate) fn create_physical(resource: u32, paddr: u64, size: u64) -> Result<H, Status> {
    new(|out| sys::vmo_create_physical(resource, paddr, size, out))
}

/// With the result at an address of the caller's choice.
pub(crate) fn create_physical_out(resource: u32, paddr: u64, size: u64, out: Address) -> Answer {
    sys::vmo_create_physical(resource, paddr, size, out)
}

/// With the result in a word that holds something.
pub(crate) fn create_physical_into(resource: u32, paddr: u64, size: u64, out: &mut u32) -> Answer {
    let mut bytes = out.to_le_bytes();
    let answer = sys::vmo_create_physical(resource, paddr, size, &mut bytes);
    *out = u32::from_le_bytes(bytes);
    answer
}

pub(crate) fn vmo_create(size: u64, options: u32) -> Result<H, Status> {
    new(|out| sys::vmo_create(size, options, out))
}

pub(crate) fn create_child(
    vmo: u32,
    options: VmoChildOptions,
    offset: u64,
    size: u64,
) -> Result<H, Status> {
    new(|out| sys::vmo_create_child(vmo, options.bits(), offset, size, out))
}

pub(crate) fn slice(vmo: u32, offset: u64, size: u64) -> Result<H, Status> {
    create_child(vmo, VmoChildOptions::SLICE, offset, size)
}

pub(crate) fn get_size(vmo: u32) -> Result<u64, Status> {
    let mut size = [0; 8];
    sys::vmo_get_size(vmo, &mut size)?;
    Ok(u64::from_le_bytes(size))
}

pub(crate) fn read(vmo: u32, buffer: &mut [u8], offset: u64) -> Answer {
    sys::vmo_read(vmo, Output::Here(buffer), offset)
}

pub(crate) fn write(vmo: u32, buffer: &[u8], offset: u64) -> Answer {
    sys::vmo_write(vmo, Input::Here(buffer), offset)
}

/// Reads into memory at an address of the caller's choice.
pub(crate) fn read_to(vmo: u32, buffer: Address, offset: u64, len: u64) -> Answer {
    sys::vmo_read(vmo, Output::At(buffer, len), offset)
}

/// Writes from memory at an address of the caller's choice.
pub(crate) fn write_from(vmo: u32, buffer: Address, offset: u64, len: u64) -> Answer {
    sys::vmo_write(vmo, Input::At(buffer, len), offset)
}

pub(crate) fn set_cache_policy(vmo: u32, policy: u32) -> Answer {
    sys::vmo_set_cache_policy(vmo, policy)
}

pub(crate) fn duplicate(handle: u32, rights: u32) -> Result<H, Status> {
    new(|out| sys::handle_duplicate(handle, rights, out))
}

pub(crate) fn replace(handle: u32, rights: u32) -> Result<H, Status> {
    new(|out| sys::handle_replace(handle, rights, out))
}

pub(crate) fn close_many(handles: &[u32]) -> Answer {
    let bytes: alloc::vec::Vec<u8> = handles
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    sys::handle_close_many(Input::Here(&bytes))
}

/// A value that was a handle once.
#[track_caller]
pub(crate) fn closed_handle() -> Result<u32, Failure> {
    let handle = ok(vmo_create(0, 0))?;
    let value = handle.value();
    ok(handle.close())?;
    Ok(value)
}

pub(crate) fn info<T: Record>(handle: u32, topic: Topic) -> Result<T, Status> {
    borrowed(handle).info(topic)
}

/// What get_info answers, and the two counters, preset to a pattern.
pub(crate) fn info_into(handle: u32, topic: Topic, buffer: &mut [u8]) -> (Answer, u64, u64) {
    let (mut actual, mut avail) = ([0xee; 8], [0xee; 8]);
    let answer = sys::object_get_info(
        handle,
        topic.0,
        Output::Here(buffer),
        &mut actual,
        &mut avail,
    );
    (
        answer,
        u64::from_le_bytes(actual),
        u64::from_le_bytes(avail),
    )
}

pub(crate) fn basic(handle: u32) -> Result<HandleBasicInfo, Status> {
    info(handle, Topic::HANDLE_BASIC)
}

pub(crate) fn vmo_info(handle: u32) -> Result<VmoInfo, Status> {
    info(handle, Topic::VMO)
}

pub(crate) fn handle_count(handle: u32) -> Result<u32, Status> {
    borrowed(handle).handle_count()
}

/// A name as records hold it.
pub(crate) fn name(text: &[u8]) -> [u8; MAX_NAME_LEN] {
    let mut name = [0; MAX_NAME_LEN];
    name[..text.len()].copy_from_slice(text);
    name
}

pub(crate) fn get_property(handle: u32, property: Property, value: &mut [u8]) -> Answer {
    sys::object_get_property(handle, property.number(), Output::Here(value))
}

pub(crate) fn set_property(handle: u32, property: Property, value: &[u8]) -> Answer {
    sys::object_set_property(handle, property.number(), Input::Here(value))
}

pub(crate) fn get_name(handle: u32) -> Result<[u8; MAX_NAME_LEN], Status> {
    let mut name = [0xee; MAX_NAME_LEN];
    get_property(handle, Property::Name, &mut name)?;
    Ok(name)
}

pub(crate) fn set_name(handle: u32, name: &[u8]) -> Answer {
    set_property(handle, Property::Name, name)
}

pub(crate) fn content_size(handle: u32) -> Result<u64, Status> {
    borrowed(handle).property(Property::VmoContentSize)
}

pub(crate) fn signal(handle: u32, clear: Signals, set: Signals) -> Answer {
    sys::object_signal(handle, clear.bits(), set.bits())
}

/// Waits, and answers what was observed even when the wait failed.
pub(crate) fn wait(handle: u32, signals: Signals, deadline: i64) -> (Answer, Signals) {
    let mut observed = [0xee; 4];
    let answer = sys::object_wait_one(handle, signals.bits(), deadline, &mut observed);
    (
        answer,
        Signals::from_bits_retain(u32::from_le_bytes(observed)),
    )
}

/// The signals that are active now.
#[track_caller]
pub(crate) fn state(handle: &H) -> Result<Signals, Failure> {
    let (answer, observed) = wait(handle.value(), Signals::empty(), TIME_INFINITE_PAST);
    check::fails(answer, Status::TIMED_OUT)?;
    Ok(observed)
}

/// Checks that a VMO says that it has no children.
#[track_caller]
pub(crate) fn childless(vmo: &H) -> check::Outcome {
    check::same(state(vmo)?, Signals::VMO_ZERO_CHILDREN)
}

/// Checks that a VMO says that it has children.
#[track_caller]
pub(crate) fn has_children(vmo: &H) -> check::Outcome {
    check::same(state(vmo)?, Signals::empty())
}

pub(crate) fn now() -> Result<i64, Status> {
    let mut now = [0; 8];
    sys::clock_get_monotonic(&mut now)?;
    Ok(i64::from_le_bytes(now))
}

/// Calls `zx_vmar_map` as it is, for calls that fail.
pub(crate) fn map_raw(
    vmar: u32,
    options: VmOptions,
    offset: u64,
    vmo: u32,
    vmo_offset: u64,
    len: u64,
) -> Answer {
    let mut at = [0xee; 8];
    sys::vmar_map(vmar, options, offset, vmo, vmo_offset, len, &mut at)
}

/// Maps; a failure is the call's status.
pub(crate) fn map(
    vmar: u32,
    options: VmOptions,
    offset: u64,
    vmo: u32,
    vmo_offset: u64,
    len: u64,
) -> Result<Region, Status> {
    let vmar = ManuallyDrop::new(Vmar::from(H::from_value(vmar)));
    let vmo = ManuallyDrop::new(Vmo::from(H::from_value(vmo)));
    vmar.map_at(options, offset, &vmo, vmo_offset, len)
}

/// Maps over a part of what is mapped.
pub(crate) fn overwrite(
    region: &Region,
    options: VmOptions,
    offset: u64,
    vmo: &H,
    len: u64,
) -> Answer {
    let vmo = ManuallyDrop::new(Vmo::from(H::from_value(vmo.value())));
    region.overwrite(options, offset, &vmo, 0, len)
}

/// A page that can be read and not written.
#[track_caller]
pub(crate) fn read_only_page(env: &Env) -> Result<Region, Failure> {
    let vmo = env.paged(1)?;
    ok(env.map(&vmo, VmOptions::PERM_READ, P))
}

/// The address of a page where nothing is mapped.
#[track_caller]
pub(crate) fn unmapped_page(env: &Env) -> Result<Address, Failure> {
    let region = read_only_page(env)?;
    let at = region.address(0);
    ok(region.unmap())?;
    Ok(at)
}

/// Works on a handle without owning it.
fn borrowed(handle: u32) -> ManuallyDrop<H> {
    ManuallyDrop::new(H::from_value(handle))
}

/// Says what a kernel copy from an address meets, without a fault: OK, or the fault's status.
#[track_caller]
pub(crate) fn can_read(env: &Env, at: Address) -> Answer {
    let vmo = env.paged(1).map_err(|_| Status::INTERNAL)?;
    write_from(vmo.value(), at, 0, 1)
}

/// As [`can_read`] for a copy to the address; on success the byte there is 0 afterwards.
#[track_caller]
pub(crate) fn can_write(env: &Env, at: Address) -> Answer {
    let vmo = env.paged(1).map_err(|_| Status::INTERNAL)?;
    read_to(vmo.value(), at, 0, 1)
}

/// One call with a result of four bytes at a place, for tests of bad places.
pub(crate) fn duplicate_out(handle: u32, rights: u32, out: Address) -> Answer {
    sys::handle_duplicate(handle, rights, Place::<4>::At(out))
}

/// The number of the MMIO kind, as options take it.
pub(crate) const MMIO: u32 = ResourceKind::Mmio.number();

/// How the page tables of the whole address space are made up.
#[track_caller]
pub(crate) fn page_tables(env: &Env) -> Result<jacinth_abi::PageTableInfo, Failure> {
    ok(info(env.handles.vmar, Topic::JACINTH_INFO_PAGE_TABLE))
}
