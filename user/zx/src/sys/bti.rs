//! Calls on IOMMUs, bus transaction initiators and pinned memory.

use super::{Answer, Input, Output, Place, call};

/// `zx_iommu_create`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn iommu_create<'a>(
    resource: u32,
    iommu_type: u32,
    desc: Input<'_>,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    let desc_size = desc.len();
    let out = out.into().arg();
    call!(iommu_create(
        resource,
        iommu_type,
        desc.arg(),
        desc_size,
        out
    ))
}

/// `zx_bti_create`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn bti_create<'a>(
    iommu: u32,
    options: u32,
    bti_id: u64,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    call!(bti_create(iommu, options, bti_id, out.into().arg()))
}

/// `zx_bti_pin`: device addresses come out as little-endian words of 8 bytes.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn bti_pin<'a>(
    handle: u32,
    options: u32,
    vmo: u32,
    offset: u64,
    size: u64,
    addrs: Output<'_>,
    pmt: impl Into<Place<'a, 4>>,
) -> Answer {
    let num_addrs = addrs.len() / 8;
    let pmt = pmt.into().arg();
    call!(bti_pin(
        handle,
        options,
        vmo,
        offset,
        size,
        addrs.arg(),
        num_addrs,
        pmt
    ))
}

/// `zx_bti_release_quarantine`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn bti_release_quarantine(handle: u32) -> Answer {
    call!(bti_release_quarantine(handle))
}

/// `zx_pmt_unpin`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn pmt_unpin(handle: u32) -> Answer {
    call!(pmt_unpin(handle))
}

/// `zx_vmo_create_contiguous`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_create_contiguous<'a>(
    bti: u32,
    size: u64,
    alignment_log2: u32,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    call!(vmo_create_contiguous(
        bti,
        size,
        alignment_log2,
        out.into().arg()
    ))
}
