//! The system calls of address regions.

use super::task::close_and_exit;
use crate::call::{Call, Flow, HandleValue, Out, SysResult};
use crate::hal::MmuFlags;
use crate::mem::Key;
use crate::object::Object;
use crate::task::Work;
use crate::vm::{self, Inner, MapRequest, NewRegion, Overlap, Placement, Protect, Vmar, Vmo};
use crate::{PAGE_SIZE, VirtAddr, VirtRange};
use jacinth_abi::{Rights, Status, VmOptions, VmoOptions};

/// What `zx_vmar_map` accepts beside permissions.
const MAP_OPTIONS: VmOptions = VmOptions::SPECIFIC
    .union(VmOptions::SPECIFIC_OVERWRITE)
    .union(VmOptions::MAP_RANGE)
    .union(VmOptions::REQUIRE_NON_RESIZABLE)
    .union(VmOptions::ALLOW_FAULTS)
    .union(VmOptions::OFFSET_IS_UPPER_LIMIT)
    .union(VmOptions::FAULT_BEYOND_STREAM_SIZE)
    .union(VmOptions::PERM_ANY);

/// vmar.md §4.2.
pub(crate) fn vmar_map(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    vmar_offset: u64,
    vmo: HandleValue,
    vmo_offset: u64,
    len: u64,
    mapped_addr: Out<u64>,
) -> SysResult {
    let (vmar, vmar_rights) = call.lookup_with_rights::<Vmar>(handle, Rights::empty())?;
    let (vmo, vmo_rights) = call.lookup_with_rights::<Vmo>(vmo, Rights::empty())?;
    let options = promoted(options);
    let shown = call.kernel.objects.get(vmo);
    let stream = options.contains(VmOptions::FAULT_BEYOND_STREAM_SIZE);
    let has_stream = || shown.run().is_none() && !vm::is_contiguous(&call.kernel.objects, vmo);
    if stream && !has_stream() {
        return Err(Status::NOT_SUPPORTED);
    }
    if !vmo_rights.contains(Rights::MAP) {
        return Err(Status::ACCESS_DENIED);
    }
    let (flags, align) = check_options(options, vmar_rights & vmo_rights)?;
    check_vmo_options(options, shown.options)?;
    if !(MAP_OPTIONS.contains(options.without_alignment())) {
        return Err(Status::INVALID_ARGS);
    }
    let region = call.kernel.objects.get(vmar);
    if !region.can.contains(flags) {
        return Err(Status::ACCESS_DENIED);
    }
    if vmo_offset & (PAGE_SIZE - 1) != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let len = vm::round_up(len).ok_or(Status::OUT_OF_RANGE)?;
    vmo_offset.checked_add(len).ok_or(Status::OUT_OF_RANGE)?;
    if !region.alive {
        return Err(Status::BAD_STATE);
    }
    if len == 0 {
        return Err(Status::INVALID_ARGS);
    }
    let at = placement(options, vmar_offset)?;
    let may = flags_of(vmar_rights & vmo_rights) & region.can;
    let request = MapRequest {
        vmar,
        vmo,
        vmo_offset,
        len,
        at,
        align,
        flags,
        may,
        stream,
    };
    if options.contains(VmOptions::MAP_RANGE) {
        return vm::map_and_fill(call, &request, mapped_addr);
    }
    if request.replaces() {
        call.touch(mapped_addr.0, size_of::<u64>())?;
        return vm::overwrite(call, request, mapped_addr);
    }
    vm::map_and_tell(call, &request, mapped_addr)
}

/// No machine here maps execute-only: READ is added where that was asked for (step 5).
fn promoted(options: u32) -> VmOptions {
    let options = VmOptions::from_bits_retain(options);
    if options.contains(VmOptions::PERM_READ_IF_XOM_UNSUPPORTED) {
        (options - VmOptions::PERM_READ_IF_XOM_UNSUPPORTED) | VmOptions::PERM_READ
    } else {
        options
    }
}

/// Steps 6 to 11: the permissions and the alignment asked for, if the options agree with each other
/// and `rights`.
fn check_options(options: VmOptions, rights: Rights) -> Result<(MmuFlags, u64), Status> {
    let flags = flags_asked(options)?;
    if options.contains(VmOptions::MAP_RANGE | VmOptions::SPECIFIC_OVERWRITE) {
        return Err(Status::INVALID_ARGS);
    }
    if options.intersects(VmOptions::CAN_MAP_ANY) {
        return Err(Status::INVALID_ARGS);
    }
    if !flags_of(rights).contains(flags) {
        return Err(Status::ACCESS_DENIED);
    }
    let is_bounded = options.contains(VmOptions::FAULT_BEYOND_STREAM_SIZE);
    if is_bounded && !options.contains(VmOptions::ALLOW_FAULTS) {
        return Err(Status::INVALID_ARGS);
    }
    if options.has_undefined() {
        return Err(Status::INVALID_ARGS);
    }
    Ok((flags, alignment(options)?))
}

/// Steps 12 and 13.
const fn check_vmo_options(options: VmOptions, vmo: VmoOptions) -> Result<(), Status> {
    let refuses_resizable = options.contains(VmOptions::REQUIRE_NON_RESIZABLE);
    if refuses_resizable && vmo.contains(VmoOptions::RESIZABLE) {
        return Err(Status::NOT_SUPPORTED);
    }
    if vmo.contains(VmoOptions::DISCARDABLE) && !options.contains(VmOptions::ALLOW_FAULTS) {
        return Err(Status::NOT_SUPPORTED);
    }
    Ok(())
}

/// The permissions that options ask for; WRITE and EXECUTE need READ.
fn flags_asked(options: VmOptions) -> Result<MmuFlags, Status> {
    let mut flags = MmuFlags::empty();
    flags.set(MmuFlags::READ, options.contains(VmOptions::PERM_READ));
    flags.set(MmuFlags::WRITE, options.contains(VmOptions::PERM_WRITE));
    flags.set(MmuFlags::EXECUTE, options.contains(VmOptions::PERM_EXECUTE));
    if flags.is_empty() || flags.contains(MmuFlags::READ) {
        Ok(flags)
    } else {
        Err(Status::INVALID_ARGS)
    }
}

/// The permissions that rights allow.
fn flags_of(rights: Rights) -> MmuFlags {
    let mut flags = MmuFlags::empty();
    flags.set(MmuFlags::READ, rights.contains(Rights::READ));
    flags.set(MmuFlags::WRITE, rights.contains(Rights::WRITE));
    flags.set(MmuFlags::EXECUTE, rights.contains(Rights::EXECUTE));
    flags
}

/// The alignment asked for, in bytes; 0 for none.
fn alignment(options: VmOptions) -> Result<u64, Status> {
    match options.alignment() {
        Ok(0) => Ok(0),
        Ok(log2) => 1u64.checked_shl(log2).ok_or(Status::INVALID_ARGS),
        Err(_) => Err(Status::INVALID_ARGS),
    }
}

/// Steps 21 and 22.
fn placement(options: VmOptions, offset: u64) -> Result<Placement, Status> {
    let replaces = options.contains(VmOptions::SPECIFIC_OVERWRITE);
    let is_chosen = replaces || options.contains(VmOptions::SPECIFIC);
    match (
        is_chosen,
        options.contains(VmOptions::OFFSET_IS_UPPER_LIMIT),
    ) {
        (true, true) => Err(Status::INVALID_ARGS),
        (true, false) => Ok(Placement::At(
            offset,
            if replaces {
                Overlap::Replace
            } else {
                Overlap::Refuse
            },
        )),
        (false, true) => Ok(Placement::Below(offset)),
        (false, false) if offset == 0 => Ok(Placement::Anywhere),
        (false, false) => Err(Status::INVALID_ARGS),
    }
}

/// vmar.md §5.
pub(crate) fn vmar_unmap(
    call: &mut Call<'_>,
    handle: HandleValue,
    addr: u64,
    len: u64,
) -> SysResult {
    let (vmar, rights) = call.lookup_with_rights::<Vmar>(handle, Rights::empty())?;
    let range = check_range(call, vmar, addr, len)?;
    vm::unmap(call, vmar, range, inner(rights))
}

/// `zx_vmar_unmap_handle_close_thread_exit`
pub(crate) fn vmar_unmap_handle_close_thread_exit(
    call: &mut Call<'_>,
    handle: HandleValue,
    addr: u64,
    len: u64,
    close_handle: HandleValue,
) -> SysResult {
    let unmapped = vmar_unmap(call, handle, addr, len);
    and_exit(call, unmapped, close_handle)
}

/// Goes on with the unmapping that a thread ends with.
pub(super) fn resume_unmap_and_exit(
    call: &mut Call<'_>,
    (vmar, range, inner): (Key<Vmar>, VirtRange, Inner),
    close_handle: HandleValue,
) -> SysResult {
    let unmapped = vm::resume_unmap(call, vmar, range, inner, 0);
    and_exit(call, unmapped, close_handle)
}

/// Ends the caller when its memory is unmapped.
fn and_exit(call: &mut Call<'_>, unmapped: SysResult, close_handle: HandleValue) -> SysResult {
    match unmapped? {
        Flow::Done(_) => close_and_exit(call, close_handle),
        Flow::Again(Work::Unmap {
            vmar, range, inner, ..
        }) => Ok(Flow::Again(Work::UnmapAndExit {
            vmar,
            range,
            inner,
            close_handle,
        })),
        other => Ok(other),
    }
}

/// vmar.md §7.
pub(crate) fn vmar_protect(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    addr: u64,
    len: u64,
) -> SysResult {
    let options = promoted(options);
    let mut needed = Rights::empty();
    needed.set(Rights::READ, options.contains(VmOptions::PERM_READ));
    needed.set(Rights::WRITE, options.contains(VmOptions::PERM_WRITE));
    needed.set(Rights::EXECUTE, options.contains(VmOptions::PERM_EXECUTE));
    let (vmar, rights) = call.lookup_with_rights::<Vmar>(handle, needed)?;
    let flags = flags_asked(options)?;
    if addr & (PAGE_SIZE - 1) != 0 || !VmOptions::PERM_ANY.contains(options) {
        return Err(Status::INVALID_ARGS);
    }
    let range = check_range(call, vmar, addr, len)?;
    vm::protect(call, Protect::new(vmar, range, flags, inner(rights)))
}

/// What a handle may do with the regions below.
pub(super) const fn inner(rights: Rights) -> Inner {
    if rights.contains(Rights::OP_CHILDREN) {
        Inner::Included
    } else {
        Inner::Refused
    }
}

/// Whole pages, alive, inside: unmap's steps 2 to 5, protect's 4 and 6 to 8.
fn check_range(call: &Call<'_>, vmar: Key<Vmar>, addr: u64, len: u64) -> Result<VirtRange, Status> {
    if addr & (PAGE_SIZE - 1) != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let bytes = vm::round_up(len)
        .filter(|bytes| *bytes != 0)
        .ok_or(Status::INVALID_ARGS)?;
    let region = call.kernel.objects.get(vmar);
    if !region.alive {
        return Err(Status::BAD_STATE);
    }
    let range = VirtRange::new(VirtAddr::new(addr), bytes).ok_or(Status::INVALID_ARGS)?;
    if region.range().covers(range) {
        Ok(range)
    } else {
        Err(Status::INVALID_ARGS)
    }
}

/// What `zx_vmar_allocate` accepts. PERM_READ_IF_XOM_UNSUPPORTED alone means nothing, and passes.
const ALLOCATE_OPTIONS: VmOptions = VmOptions::SPECIFIC
    .union(VmOptions::CAN_MAP_SPECIFIC)
    .union(VmOptions::COMPACT)
    .union(VmOptions::CAN_MAP_ANY)
    .union(VmOptions::OFFSET_IS_UPPER_LIMIT)
    .union(VmOptions::PERM_READ_IF_XOM_UNSUPPORTED);

/// vmar.md §3.
pub(crate) fn vmar_allocate(
    call: &mut Call<'_>,
    parent_vmar: HandleValue,
    options: u32,
    offset: u64,
    size: u64,
    child_vmar: Out<u32>,
    child_addr: Out<u64>,
) -> SysResult {
    let options = VmOptions::from_bits_retain(options);
    let rights = rights_for(options);
    let parent = call.lookup::<Vmar>(parent_vmar, rights)?;
    let align = alignment(options)?;
    let is_known = ALLOCATE_OPTIONS.contains(options.without_alignment());
    if size & (PAGE_SIZE - 1) != 0 || !is_known {
        return Err(Status::INVALID_ARGS);
    }
    let region = call.kernel.objects.get(parent);
    if !region.alive {
        return Err(Status::BAD_STATE);
    }
    if size == 0 {
        return Err(Status::INVALID_ARGS);
    }
    let can = flags_of(rights);
    if !region.can.contains(can) {
        return Err(Status::ACCESS_DENIED);
    }
    let new = NewRegion {
        parent,
        size,
        at: placement(options, offset)?,
        align,
        can,
        can_specific: options.contains(VmOptions::CAN_MAP_SPECIFIC),
        compact: options.contains(VmOptions::COMPACT),
    };
    call.reserve_handle()?;
    call.touch(child_vmar.0, size_of::<u32>())?;
    call.touch(child_addr.0, size_of::<u64>())?;
    let child = vm::allocate(call.kernel, call.hal, new)?;
    let base = call.kernel.objects.get(child).base;
    let result = call.write(child_addr, base.raw()).and_then(|()| {
        call.install(
            Vmar::to_ref(child),
            Rights::DEFAULT_VMAR | rights,
            child_vmar,
        )
    });
    if result.is_err() {
        vm::detach(&mut call.kernel.objects, child);
    }
    result
}

/// The rights that the CAN_MAP options stand for: those that the parent's handle must have, and that
/// the new one gets.
fn rights_for(options: VmOptions) -> Rights {
    let mut rights = Rights::empty();
    rights.set(Rights::READ, options.contains(VmOptions::CAN_MAP_READ));
    rights.set(Rights::WRITE, options.contains(VmOptions::CAN_MAP_WRITE));
    rights.set(
        Rights::EXECUTE,
        options.contains(VmOptions::CAN_MAP_EXECUTE),
    );
    rights
}

/// vmar.md §6.
pub(crate) fn vmar_destroy(call: &mut Call<'_>, handle: HandleValue) -> SysResult {
    let vmar = call.lookup::<Vmar>(handle, Rights::OP_CHILDREN)?;
    let region = call.kernel.objects.get(vmar);
    if region.is_root() {
        return Err(Status::NOT_SUPPORTED);
    }
    if !region.alive {
        return Err(Status::BAD_STATE);
    }
    vm::destroy(call, vmar)
}
