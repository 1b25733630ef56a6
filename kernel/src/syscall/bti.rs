//! The system calls of IOMMUs, bus transaction initiators and pins.

use super::begin;
pub(crate) use super::bti_pin::bti_pin;
use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::mem::{self, Key};
use crate::object::{Bti, Iommu, Object, Pmt};
use crate::task::Work;
use crate::vm::{self, Vmo};
use crate::{PAGE_SHIFT, PAGE_SIZE, no_memory};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{IommuType, PolicyCondition, Rights, Status, SystemBase};

/// The most bytes that describe an IOMMU (`ZX_IOMMU_MAX_DESC_LEN`).
const MOST_DESC: usize = 4096;
/// What describes a stub: one byte, of no meaning.
const STUB_DESC: u64 = 1;

/// drivers.md §5. Nothing here drives an IOMMU: of the types there is the stub.
pub(crate) fn iommu_create(
    call: &mut Call<'_>,
    resource: HandleValue,
    iommu_type: u32,
    desc: In<u8>,
    desc_size: u64,
    out: Out<u32>,
) -> SysResult {
    call.check_system(resource, SystemBase::Iommu)?;
    let mut bytes = [0; MOST_DESC];
    let described = usize::try_from(desc_size).ok();
    let described = described.and_then(|size| bytes.get_mut(..size));
    call.read_bytes(desc.0, described.ok_or(Status::INVALID_ARGS)?)?;
    if iommu_type != IommuType::Stub.number() {
        return Err(Status::NOT_SUPPORTED);
    }
    if desc_size != STUB_DESC {
        return Err(Status::INVALID_ARGS);
    }
    call.reserve_handle()?;
    let iommus = &mut call.kernel.objects.iommus;
    iommus
        .reserve(&mut call.kernel.mem.budget)
        .map_err(no_memory)?;

    // commit
    let key = call.kernel.objects.new_iommu();
    call.install_new(key, Rights::DEFAULT_IOMMU, out)
}

/// drivers.md §6.1. The stub knows every `bti_id`.
pub(crate) fn bti_create(
    call: &mut Call<'_>,
    iommu: HandleValue,
    options: u32,
    _bti_id: u64,
    out: Out<u32>,
) -> SysResult {
    if options != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let iommu = call.lookup::<Iommu>(iommu, Rights::empty())?;
    call.reserve_handle()?;
    let btis = &mut call.kernel.objects.btis;
    btis.reserve(&mut call.kernel.mem.budget)
        .map_err(no_memory)?;

    // commit
    let key = call.kernel.objects.new_bti(iommu);
    call.install_new(key, Rights::DEFAULT_BTI, out)
}

/// drivers.md §6.4: what was in quarantine when the call came is unpinned, what comes later is not.
pub(crate) fn bti_release_quarantine(call: &mut Call<'_>, handle: HandleValue) -> SysResult {
    let bti = call.lookup::<Bti>(handle, Rights::WRITE)?;
    let left = call.kernel.objects.get(bti).quarantine.len();
    resume_release(call, bti, left)
}

/// Goes on with [`bti_release_quarantine`].
pub(super) fn resume_release(call: &mut Call<'_>, bti: Key<Bti>, left: u32) -> SysResult {
    let mut work = mem::Work::new(mem::Work::EVENT);
    for left in (1..=left).rev() {
        if !work.spend() {
            return Ok(Flow::Again(Work::ReleaseQuarantine { bti, left }));
        }
        if call.kernel.objects.btis.get(bti).is_none() {
            break;
        }
        call.kernel.objects.release_first_of_quarantine(bti);
    }
    Ok(Flow::ok())
}

/// drivers.md §6.3: the handle is gone whatever it was to.
pub(crate) fn pmt_unpin(call: &mut Call<'_>, handle: HandleValue) -> SysResult {
    let (object, _) = call.lookup_any(handle, Rights::empty())?;

    // commit
    let pmt = Pmt::from_ref(object);
    if let Some(pmt) = pmt {
        call.kernel.objects.release_pmt(pmt);
    }
    call.kernel.close_handle(call.process, handle);
    pmt.map(|_| Flow::ok()).ok_or(Status::WRONG_TYPE)
}

/// vmo.md §9.
pub(crate) fn vmo_create_contiguous(
    call: &mut Call<'_>,
    bti: HandleValue,
    size: u64,
    alignment_log2: u32,
    out: Out<u32>,
) -> SysResult {
    call.enforce(PolicyCondition::NewVmo)?;
    if size == 0 || !size.is_multiple_of(PAGE_SIZE) {
        return Err(Status::INVALID_ARGS);
    }
    let alignment_log2 = match alignment_log2 {
        0 => PAGE_SHIFT,
        PAGE_SHIFT..64 => alignment_log2,
        _ => return Err(Status::INVALID_ARGS),
    };
    call.lookup::<Bti>(bti, Rights::MAP)?;
    if size > MAX_VMO_SIZE {
        return Err(Status::OUT_OF_RANGE);
    }
    let vmo = vm::create_contiguous(call.kernel, size >> PAGE_SHIFT, alignment_log2)?;

    // commit
    call.kernel.objects.add_use(Vmo::to_ref(vmo));
    begin(call, Work::Clear { vmo, done: 0, out })
}

/// Goes on with [`vmo_create_contiguous`]: the frames are filled with zeros before there is a handle.
///
/// # Errors
/// NO_MEMORY, INVALID_ARGS (`out`).
pub(super) fn resume_clear(
    call: &mut Call<'_>,
    vmo: Key<Vmo>,
    done: u64,
    out: Out<u32>,
) -> SysResult {
    let mut work = mem::Work::new(mem::Work::EVENT);
    if let Some(done) = vm::clear_some(call.kernel, call.hal, vmo, done, &mut work)? {
        return Ok(Flow::Again(Work::Clear { vmo, done, out }));
    }
    call.reserve_handle()?;
    let done = call.install_new(vmo, Rights::DEFAULT_VMO, out)?;

    // commit
    call.kernel.objects.drop_use(Vmo::to_ref(vmo));
    Ok(done)
}
