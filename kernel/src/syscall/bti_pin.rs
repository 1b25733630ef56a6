//! `zx_bti_pin` (drivers.md §6.2): memory stays where it is, and a device is told where that is.

use super::begin;
use crate::call::{Call, Flow, HandleValue, Out, SysResult};
use crate::mem::{self, Key};
use crate::object::{Bti, Handle, Iommu, Object, ObjectRef, Pmt};
use crate::task::Work;
use crate::vm::{self, Vmo};
use crate::{PAGE_SIZE, no_memory};
use jacinth_abi::{BtiOptions, Rights, Status};

/// The most addresses that one call answers (`ZX_BTI_...`: 64 pages of them).
const MOST_ADDRESSES: u64 = 64 * PAGE_SIZE / ADDRESS_BYTES;
const ADDRESS_BYTES: u64 = 8;
/// How many addresses are written to the caller at once.
const BATCH: u64 = 32;
const BATCH_BYTES: usize = 256;

/// A pin under way. The range is pinned already, so that no page that was committed for it goes
/// again; pages are committed and their addresses told bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    /// The pinned range; a use is held.
    pub(crate) pmt: Key<Pmt>,
    /// How much of it one address stands for, in bytes.
    stride: u64,
    /// How many addresses were told, of how many.
    done: u64,
    count: u64,
    addrs: u64,
    out: Out<u32>,
}

/// drivers.md §6.2; the numbers are its steps.
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
    // 1
    let bti = call.lookup::<Bti>(handle, Rights::MAP)?;
    // 2, 3
    if !is_aligned(offset) || !is_aligned(size) || num_addrs > MOST_ADDRESSES {
        return Err(Status::INVALID_ARGS);
    }
    // 4, 5
    let (vmo, rights) = call.lookup_with_rights::<Vmo>(vmo, Rights::MAP)?;
    // 6 to 10
    let options = BtiOptions::from_bits_retain(options);
    check_options(call, options, rights, vmo)?;
    if size == 0 {
        return Err(Status::INVALID_ARGS);
    }
    // 11 to 14. Zircon commits the pages before it looks at the rest; nothing tells that apart.
    let stride = if options.contains(BtiOptions::CONTIGUOUS) {
        size
    } else {
        Iommu::MINIMUM_CONTIGUITY
    };
    let count = size.div_ceil(stride);
    check_range(
        call,
        (bti, options),
        vmo,
        (offset, size),
        (count, num_addrs),
    )?;
    let objects = &mut call.kernel.objects;
    objects
        .pmts
        .reserve(&mut call.kernel.mem.budget)
        .map_err(no_memory)?;
    vm::reserve_pin(objects, &mut call.kernel.mem).map_err(no_memory)?;

    // commit
    let key = objects.new_pmt(bti, vmo, offset, size);
    objects.add_use(Pmt::to_ref(key));
    begin(
        call,
        Work::Pin(Pin {
            pmt: key,
            stride,
            done: 0,
            count,
            addrs: addrs.0,
            out: pmt,
        }),
    )
}

const fn is_aligned(number: u64) -> bool {
    number.is_multiple_of(PAGE_SIZE)
}

/// Steps 6 to 9.
fn check_options(
    call: &Call<'_>,
    options: BtiOptions,
    rights: Rights,
    vmo: Key<Vmo>,
) -> Result<(), Status> {
    // To execute is to read here, as in Zircon: drivers are never handed EXECUTE.
    let needed = [
        (BtiOptions::PERM_READ, Rights::READ),
        (BtiOptions::PERM_WRITE, Rights::WRITE),
        (BtiOptions::PERM_EXECUTE, Rights::READ),
    ];
    for (permission, right) in needed {
        if options.contains(permission) && !rights.contains(right) {
            return Err(Status::ACCESS_DENIED);
        }
    }
    let is_contiguous = options.contains(BtiOptions::CONTIGUOUS);
    let is_both = is_contiguous && options.contains(BtiOptions::COMPRESS);
    let is_one_run = vm::is_one_run(&call.kernel.objects, vmo);
    if is_both || (is_contiguous && !is_one_run) || !BtiOptions::all().contains(options) {
        return Err(Status::INVALID_ARGS);
    }
    Ok(())
}

/// Steps 11 to 14.
fn check_range(
    call: &Call<'_>,
    (bti, options): (Key<Bti>, BtiOptions),
    vmo: Key<Vmo>,
    (offset, size): (u64, u64),
    (count, num_addrs): (u64, u64),
) -> Result<(), Status> {
    let objects = &call.kernel.objects;
    let end = offset.checked_add(size).ok_or(Status::OUT_OF_RANGE)?;
    if end > vm::size(objects, vmo) {
        return Err(Status::OUT_OF_RANGE);
    }
    if !objects.get(bti).quarantine.is_empty() {
        return Err(Status::BAD_STATE);
    }
    if !options.intersects(BtiOptions::PERMS) || count != num_addrs {
        return Err(Status::INVALID_ARGS);
    }
    Ok(())
}

/// Goes on with a pin: commits pages and tells their addresses, then makes the handle.
///
/// # Errors
/// NO_MEMORY, INVALID_ARGS (an address that cannot be written).
pub(super) fn resume_pin(call: &mut Call<'_>, pin: Pin) -> SysResult {
    let mut pin = pin;
    let mut work = mem::Work::new(mem::Work::EVENT);
    while pin.done < pin.count {
        let told = tell_some(call, &pin, &mut work)?;
        pin.done = pin.done.saturating_add(told);
        if work.is_gone() {
            return Ok(Flow::Again(Work::Pin(pin)));
        }
    }
    finish(call, &pin)
}

/// Commits a batch of pages and writes their addresses; how many.
fn tell_some(call: &mut Call<'_>, pin: &Pin, work: &mut mem::Work) -> Result<u64, Status> {
    let pmt = call.kernel.objects.get(pin.pmt);
    let (vmo, offset) = (pmt.vmo, pmt.offset);
    let mut bytes = [0; BATCH_BYTES];
    let (places, _) = bytes.as_chunks_mut::<8>();
    let batch = pin.count.saturating_sub(pin.done).min(BATCH);
    let mut told = 0;
    for (number, place) in (pin.done..pin.done.saturating_add(batch)).zip(places) {
        if !work.spend() {
            break;
        }
        let at = offset.saturating_add(number.saturating_mul(pin.stride));
        let address = vm::pinned_page(call.kernel, call.hal, vmo, at)?;
        *place = address.raw().to_le_bytes();
        told += ADDRESS_BYTES;
    }
    let told_bytes = usize::try_from(told).ok().and_then(|len| bytes.get(..len));
    let to = pin.done.saturating_mul(ADDRESS_BYTES);
    let to = pin.addrs.checked_add(to).ok_or(Status::INVALID_ARGS)?;
    call.write_bytes(to, told_bytes.ok_or(Status::INTERNAL)?)?;
    Ok(told / ADDRESS_BYTES)
}

/// Hands the pinned range over to the caller, or unpins it where that cannot be.
fn finish(call: &mut Call<'_>, pin: &Pin) -> SysResult {
    call.reserve_handle()?;
    call.touch(pin.out.0, size_of::<u32>())?;

    // commit
    let object = ObjectRef::Pmt(pin.pmt);
    let handle = Handle::new(&mut call.kernel.objects, object, Rights::DEFAULT_PMT);
    let process = call.kernel.objects.get_mut(call.process);
    let value = process.handles.insert_reserved(handle);
    if let Err(status) = call.write(pin.out, value) {
        // Unpinned first: closing the handle of a pinned range is a driver's death to the kernel.
        call.kernel.objects.release_pmt(pin.pmt);
        call.kernel.close_handle(call.process, value);
        return Err(status);
    }
    call.kernel.objects.drop_use(object);
    Ok(Flow::ok())
}
