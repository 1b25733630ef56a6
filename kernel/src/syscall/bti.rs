//! The system calls of IOMMUs, bus transaction initiators and pins.

use crate::call::{Call, HandleValue, In, Out, SysResult};
use jacinth_abi::Status;

/// drivers.md §5.
pub(crate) fn iommu_create(
    call: &mut Call<'_>,
    resource: HandleValue,
    iommu_type: u32,
    desc: In<u8>,
    desc_size: u64,
    out: Out<u32>,
) -> SysResult {
    let _ = (call, resource, iommu_type, desc, desc_size, out);
    Err(Status::NOT_SUPPORTED)
}

/// drivers.md §6.1.
pub(crate) fn bti_create(
    call: &mut Call<'_>,
    iommu: HandleValue,
    options: u32,
    bti_id: u64,
    out: Out<u32>,
) -> SysResult {
    let _ = (call, iommu, options, bti_id, out);
    Err(Status::NOT_SUPPORTED)
}

/// drivers.md §6.2.
pub(crate) fn bti_pin(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    vmo: HandleValue,
    offset: u64,
    size: u64,
    addrs: Out<u64>,
    num_addrs: u64,
    pmt: Out<u32>,
) -> SysResult {
    let _ = (
        call, handle, options, vmo, offset, size, addrs, num_addrs, pmt,
    );
    Err(Status::NOT_SUPPORTED)
}

/// drivers.md §6.4.
pub(crate) fn bti_release_quarantine(call: &mut Call<'_>, handle: HandleValue) -> SysResult {
    let _ = (call, handle);
    Err(Status::NOT_SUPPORTED)
}

/// drivers.md §6.3.
pub(crate) fn pmt_unpin(call: &mut Call<'_>, handle: HandleValue) -> SysResult {
    let _ = (call, handle);
    Err(Status::NOT_SUPPORTED)
}

/// vmo.md §9.
pub(crate) fn vmo_create_contiguous(
    call: &mut Call<'_>,
    bti: HandleValue,
    size: u64,
    alignment_log2: u32,
    out: Out<u32>,
) -> SysResult {
    let _ = (call, bti, size, alignment_log2, out);
    Err(Status::NOT_SUPPORTED)
}
