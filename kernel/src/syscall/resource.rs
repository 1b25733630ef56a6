//! Resources (spec: handles-resources.md §11).

use crate::call::{Call, HandleValue, In, Out, SysResult};
use crate::object::{Request, Resource};
use crate::vm::Name;
use jacinth_abi::{RSRC_FLAG_EXCLUSIVE, RSRC_KIND_MASK, ResourceKind, Rights, Status};

/// `zx_resource_create`; the numbers are the steps of handles-resources.md §11.
pub(crate) fn resource_create(
    call: &mut Call<'_>,
    parent: HandleValue,
    options: u32,
    base: u64,
    size: u64,
    name: In<u8>,
    name_size: u64,
    out: Out<u32>,
) -> SysResult {
    // 1
    base.checked_add(size).ok_or(Status::INVALID_ARGS)?;
    // 2
    let parent = call.lookup::<Resource>(parent, Rights::WRITE)?;
    // 3
    let kind = ResourceKind::from_number(options & RSRC_KIND_MASK).ok_or(Status::INVALID_ARGS)?;
    let exclusive = match options & !RSRC_KIND_MASK {
        0 => false,
        RSRC_FLAG_EXCLUSIVE => true,
        _ => return Err(Status::INVALID_ARGS),
    };
    let request = Request {
        kind,
        base,
        size,
        exclusive,
    };
    // 4, 5
    check_parent(call, call.kernel.objects.get(parent), &request)?;
    // 6
    let name = if name_size == 0 {
        Name::default()
    } else {
        call.read_name(name.0, name_size)?
    };
    // 7 to 11
    call.kernel
        .resources
        .check_child(&call.kernel.objects, &request)?;
    // 12
    call.reserve_handle()?;
    call.kernel
        .objects
        .reserve_resource(&mut call.kernel.mem.budget)
        .map_err(crate::no_memory)?;

    // commit
    let key = call.kernel.objects.new_resource(&request, name);
    call.install_new(key, Rights::DEFAULT_RESOURCE, out)
}

/// Steps 4 and 5: the parent covers the request to the byte, and may be divided.
fn check_parent(call: &Call<'_>, parent: &Resource, request: &Request) -> Result<(), Status> {
    if parent.kind != request.kind {
        return Err(Status::ACCESS_DENIED);
    }
    if parent.is_ranged_root() {
        let resources = &call.kernel.resources;
        return if resources.is_kept_from_root(request.kind, request.base, request.size) {
            Err(Status::ACCESS_DENIED)
        } else {
            Ok(())
        };
    }
    if !parent.covers(request.base, request.size) {
        return Err(Status::ACCESS_DENIED);
    }
    if parent.exclusive || request.exclusive {
        Err(Status::INVALID_ARGS)
    } else {
        Ok(())
    }
}
