//! Operations that have no figures of other systems.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use zx::abi::PortPacket;
use zx::{Port, Spawned, Status, VmOptions, Vmo, VmoOptions, sys};

use crate::Bench;
use crate::device::READ_WRITE;
use crate::place::Place;

const PAGE: u64 = 4096;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Status> {
    vmos(bench)?;
    mappings(bench)?;
    ports(bench)?;
    switch(bench)
}

fn vmos(bench: &mut Bench<'_>) -> Result<(), Status> {
    let Bench {
        start,
        meter,
        table,
        ..
    } = bench;
    let create = || Vmo::create(PAGE, VmoOptions::empty());
    let mut row = |name, cost| table.put_single(name, cost);
    let written = meter.cost(|_| create()?.write(0, &[1]))?;
    row("vmo_create + write a byte + close", written);
    let all = meter.cost(|_| {
        let vmo = create()?;
        let region = start.root_vmar.map_at(READ_WRITE, 0, &vmo, 0, PAGE)?;
        region.write32(0, 1);
        region.unmap()
    })?;
    row("vmo_create + map + write + unmap + close", all);
    Ok(())
}

fn mappings(bench: &mut Bench<'_>) -> Result<(), Status> {
    let Bench {
        start,
        meter,
        table,
        ..
    } = bench;
    let place = Place::new(&start.root_vmar)?;
    let [map, fault, unmap] = meter.costs(|_| {
        let (region, map) = meter.time(|| place.map(VmOptions::empty(), place.page(), PAGE));
        let region = region?;
        let (_, fault) = meter.time(|| region.read32(0));
        let (unmapped, unmap) = meter.time(|| region.unmap());
        unmapped.map(|()| [map, fault, unmap])
    })?;
    table.put_single("vmar_map of a page", map);
    table.put_single("page fault, page is there", fault);
    table.put_single("vmar_unmap of a page", unmap);
    Ok(())
}

fn ports(bench: &mut Bench<'_>) -> Result<(), Status> {
    let port = Port::create()?;
    let packet = PortPacket::default();
    let cost = bench.meter.cost(|_| {
        port.queue(&packet)?;
        port.wait(0)
    })?;
    bench.table.put_single("port_queue + wait", cost);
    Ok(())
}

/// Two threads that yield to each other.
fn switch(bench: &mut Bench<'_>) -> Result<(), Status> {
    let process = bench.start.process.as_ref().ok_or(Status::NOT_FOUND)?;
    let is_over = Arc::new(AtomicBool::new(false));
    let sees_end = Arc::clone(&is_over);
    let other = Spawned::start(process, &bench.start.root_vmar, "other", move || {
        while !sees_end.load(Ordering::Relaxed) {
            sys::thread_legacy_yield(0).ok();
        }
    })?;
    let cost = bench.meter.cost(|_| sys::thread_legacy_yield(0));
    is_over.store(true, Ordering::Relaxed);
    other.join()?;
    bench
        .table
        .put_single("two thread switches: yield and back", cost?);
    Ok(())
}
