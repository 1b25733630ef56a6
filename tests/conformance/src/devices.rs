//! Short words for scenarios about devices: initiators, pins, contiguous memory.

use crate::check::{ok, same};
use crate::env::Env;
use crate::kit::{self, H};
use crate::{Failure, Outcome};
use alloc::vec::Vec;
use jacinth_abi::{BtiInfo, BtiOptions, IommuType, ResourceKind, Status, SystemBase, Topic};
use zx::Address;
use zx::sys::{self, Answer, Input, Output};

pub(crate) const STUB: u32 = IommuType::Stub.number();
/// What most pins ask for.
pub(crate) const DEVICE: BtiOptions = BtiOptions::PERM_READ.union(BtiOptions::PERM_WRITE);

fn new(call: impl FnOnce(&mut [u8; 4]) -> Answer) -> Result<H, Status> {
    let mut value = [0; 4];
    call(&mut value)?;
    Ok(H::from_value(u32::from_le_bytes(value)))
}

/// A resource for one base of the kind SYSTEM.
#[track_caller]
pub(crate) fn system(env: &Env, base: SystemBase) -> Result<H, Failure> {
    let kind = ResourceKind::System.number();
    ok(kit::resource_create(
        env.handles.system,
        kind,
        base.number().into(),
        1,
        b"",
    ))
}

pub(crate) fn iommu_create(resource: u32, kind: u32, desc: &[u8]) -> Result<H, Status> {
    new(|out| sys::iommu_create(resource, kind, Input::Here(desc), out))
}

pub(crate) fn bti_create(iommu: u32, options: u32, id: u64) -> Result<H, Status> {
    new(|out| sys::bti_create(iommu, options, id, out))
}

/// An initiator of a stub IOMMU.
#[track_caller]
pub(crate) fn bti(env: &Env) -> Result<H, Failure> {
    let iommu = ok(iommu_create(env.handles.system, STUB, &[0]))?;
    ok(bti_create(iommu.value(), 0, 0xdead_beef))
}

/// Pins, and answers `count` addresses.
pub(crate) fn pin(
    bti: u32,
    options: BtiOptions,
    vmo: u32,
    (offset, size): (u64, u64),
    count: usize,
) -> Result<(H, Vec<u64>), Status> {
    let mut bytes = alloc::vec![0xee; count * 8];
    let options = options.bits();
    let pmt = new(|out| {
        let addrs = Output::Here(&mut bytes);
        sys::bti_pin(bti, options, vmo, offset, size, addrs, out)
    })?;
    let (words, _) = bytes.as_chunks();
    Ok((
        pmt,
        words.iter().map(|word| u64::from_le_bytes(*word)).collect(),
    ))
}

/// Pins, with addresses and handle going where the caller says.
pub(crate) fn pin_to(
    bti: u32,
    vmo: u32,
    size: u64,
    (addrs, count): (Address, u64),
    out: Address,
) -> Answer {
    let addrs = Output::At(addrs, count * 8);
    sys::bti_pin(bti, DEVICE.bits(), vmo, 0, size, addrs, out)
}

pub(crate) fn unpin(pmt: H) -> Answer {
    sys::pmt_unpin(pmt.into_value())
}

/// Checks how many ranges are pinned through a BTI, and how many of them are in quarantine.
#[track_caller]
pub(crate) fn pins(bti: &H, pinned: u64, quarantined: u64) -> Outcome {
    let info: BtiInfo = ok(kit::info(bti.value(), Topic::BTI))?;
    same(
        (info.pmo_count, info.quarantine_count),
        (pinned, quarantined),
    )
}

pub(crate) fn contiguous(bti: u32, size: u64, alignment_log2: u32) -> Result<H, Status> {
    new(|out| sys::vmo_create_contiguous(bti, size, alignment_log2, out))
}

pub(crate) fn replace_as_executable(vmo: u32, vmex: u32) -> Result<H, Status> {
    new(|out| sys::vmo_replace_as_executable(vmo, vmex, out))
}
