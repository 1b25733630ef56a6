//! Operations by themselves.

use zx::abi::Topic;
use zx::{Address, Signals, Status, VmOptions, Vmo, VmoOptions, sys, time};

use crate::Bench;
use crate::device::READ_WRITE;

const PAGE: u64 = 4096;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Status> {
    calls(bench)?;
    vmos(bench)?;
    memory(bench)
}

fn calls(bench: &mut Bench<'_>) -> Result<(), Status> {
    let Bench { meter, table, .. } = bench;
    let vmo = Vmo::create(PAGE, VmoOptions::empty())?;
    let mut row = |name, cost| table.put_single(name, cost);
    row(
        "system_get_page_size",
        meter.median(|_| Ok(sys::system_get_page_size()))?,
    );
    row(
        "handle_close of 0",
        meter.median(|_| Ok(sys::handle_close(0)))?,
    );
    row(
        "object_get_info HANDLE_VALID",
        meter.median(|_| is_valid(&vmo))?,
    );
    row("clock_get_monotonic", meter.median(|_| Ok(time::now_ns()))?);
    row(
        "handle_duplicate + close",
        meter.median(|_| vmo.duplicate())?,
    );
    let signal = meter.median(|_| vmo.signal(Signals::USER_0, Signals::empty()))?;
    row("object_signal", signal);
    let wait = meter.median(|_| vmo.wait(Signals::VMO_ZERO_CHILDREN, 0))?;
    row("object_wait_one, already signalled", wait);
    Ok(())
}

fn vmos(bench: &mut Bench<'_>) -> Result<(), Status> {
    let Bench { meter, table, .. } = bench;
    let create = || Vmo::create(PAGE, VmoOptions::empty());
    let mut row = |name, cost| table.put_single(name, cost);
    row("vmo_create + close", meter.median(|_| create())?);
    let written = meter.median(|_| create()?.write(0, &[1]))?;
    row("vmo_create + write a byte + close", written);
    let committed = meter.median(|_| create()?.commit(0, PAGE))?;
    row("vmo_create + commit + close", committed);
    Ok(())
}

fn memory(bench: &mut Bench<'_>) -> Result<(), Status> {
    let Bench {
        start,
        meter,
        table,
        ..
    } = bench;
    let mut row = |name, cost| table.put_single(name, cost);
    let all = meter.median(|_| {
        let vmo = Vmo::create(PAGE, VmoOptions::empty())?;
        let region = start.root_vmar.map_at(READ_WRITE, 0, &vmo, 0, PAGE)?;
        region.write32(0, 1);
        region.unmap()
    })?;
    row("vmo_create + map + write + unmap + close", all);
    let vmo = Vmo::create(PAGE, VmoOptions::empty())?;
    vmo.write(0, &[1])?;
    let [map, fault, unmap] = meter.medians(|_| {
        let lazily = VmOptions::PERM_READ;
        let (region, map) = meter.time(|| start.root_vmar.map_at(lazily, 0, &vmo, 0, PAGE));
        let region = region?;
        let (_, fault) = meter.time(|| region.read32(0));
        let (unmapped, unmap) = meter.time(|| region.unmap());
        unmapped.map(|()| [map, fault, unmap])
    })?;
    row("map a page", map);
    row("page fault, page is there", fault);
    row("unmap a page", unmap);
    Ok(())
}

/// Looks a handle up.
pub(crate) fn is_valid(handle: &zx::Handle) -> Result<(), Status> {
    let nothing = sys::Output::Here(&mut []);
    let topic = Topic::HANDLE_VALID.0;
    sys::object_get_info(handle.value(), topic, nothing, Address::NULL, Address::NULL)
}
