//! FIFOs (spec: ipc.md §8).

use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::mem::{KVec, Key};
use crate::object::{Fifo, Runs};
use core::ops::Range;
use jacinth_abi::{PolicyCondition, Rights, Status, limits};

/// `zx_fifo_create`
pub(crate) fn fifo_create(
    call: &mut Call<'_>,
    elem_count: u64,
    elem_size: u64,
    options: u32,
    out0: Out<u32>,
    out1: Out<u32>,
) -> SysResult {
    if options != 0 {
        return Err(Status::INVALID_ARGS);
    }
    call.enforce(PolicyCondition::NewFifo)?;
    let bytes = elem_count.checked_mul(elem_size);
    let bytes = bytes.filter(|bytes| (1..=limits::FIFO_MAX_SIZE_BYTES).contains(bytes));
    let bytes = size(bytes.ok_or(Status::OUT_OF_RANGE)?);
    let elem_size = size(elem_size);
    let kernel = &mut *call.kernel;
    let rings = kernel
        .objects
        .reserve_fifo(bytes, &mut kernel.mem.budget)
        .map_err(crate::no_memory)?;
    call.reserve_pair()?;

    // commit
    let (end0, end1) = call.kernel.objects.new_fifo(elem_size, rings);
    call.install_pair((end0, end1), Rights::DEFAULT_FIFO, (out0, out1))
}

/// `zx_fifo_read`
pub(crate) fn fifo_read(
    call: &mut Call<'_>,
    handle: HandleValue,
    elem_size: u64,
    data: Out<u8>,
    count: u64,
    actual: Out<u64>,
) -> SysResult {
    let key = call.lookup::<Fifo>(handle, Rights::READ)?;
    let fifo = call.kernel.objects.get(key);
    check(fifo, elem_size, count)?;
    let moved = fifo.filled().min(size(count));
    if moved == 0 {
        return Err(match fifo.peer.key {
            Some(_) => Status::SHOULD_WAIT,
            None => Status::PEER_CLOSED,
        });
    }
    let bytes = moved.saturating_mul(fifo.elem_size);
    let runs = fifo.oldest(bytes);
    with_ring(call, key, |call, ring| {
        for_runs(data.0, runs, |at, run| {
            let from = ring.get(run).ok_or(Status::INTERNAL)?;
            call.write_bytes(at, from)
        })
    })?;
    tell(call, actual, moved)?;

    // commit
    call.kernel.objects.get_mut(key).consume(bytes);
    call.kernel.show_ring(key);
    Ok(Flow::ok())
}

/// `zx_fifo_write`
pub(crate) fn fifo_write(
    call: &mut Call<'_>,
    handle: HandleValue,
    elem_size: u64,
    data: In<u8>,
    count: u64,
    actual: Out<u64>,
) -> SysResult {
    let key = call.lookup::<Fifo>(handle, Rights::WRITE)?;
    let peer = call.kernel.objects.get(key).peer.key;
    let peer = peer.ok_or(Status::PEER_CLOSED)?;
    let fifo = call.kernel.objects.get(peer);
    check(fifo, elem_size, count)?;
    let moved = fifo.free().min(size(count));
    if moved == 0 {
        return Err(Status::SHOULD_WAIT);
    }
    let bytes = moved.saturating_mul(fifo.elem_size);
    let runs = fifo.next(bytes);
    // What comes into the free part of the ring is nothing until it is counted.
    with_ring(call, peer, |call, ring| {
        for_runs(data.0, runs, |at, run| {
            let to = ring.get_mut(run).ok_or(Status::INTERNAL)?;
            call.read_bytes(at, to)
        })
    })?;
    tell(call, actual, moved)?;

    // commit
    call.kernel.objects.get_mut(peer).add(bytes);
    call.kernel.show_ring(peer);
    Ok(Flow::ok())
}

/// A number of elements or bytes; what no memory could hold stands for all that is there.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn check(fifo: &Fifo, elem_size: u64, count: u64) -> Result<(), Status> {
    let is_right = usize::try_from(elem_size).is_ok_and(|size| size == fifo.elem_size);
    if is_right && count != 0 {
        Ok(())
    } else {
        Err(Status::OUT_OF_RANGE)
    }
}

/// Lends the ring of an end together with the call.
fn with_ring<R>(
    call: &mut Call<'_>,
    key: Key<Fifo>,
    act: impl FnOnce(&mut Call<'_>, &mut KVec<u8>) -> R,
) -> R {
    let mut ring = core::mem::take(&mut call.kernel.objects.get_mut(key).ring);
    let result = act(call, &mut ring);
    call.kernel.objects.get_mut(key).ring = ring;
    result
}

/// Does something with each run of bytes of a ring and the user address that belongs to it.
fn for_runs(
    at: u64,
    (first, second): Runs,
    mut act: impl FnMut(u64, Range<usize>) -> Result<(), Status>,
) -> Result<(), Status> {
    let behind = u64::try_from(first.len()).map_err(|_| Status::INTERNAL)?;
    act(at, first)?;
    if second.is_empty() {
        return Ok(());
    }
    act(at.checked_add(behind).ok_or(Status::INVALID_ARGS)?, second)
}

/// Says how many were moved, if anybody asked.
fn tell(call: &mut Call<'_>, actual: Out<u64>, moved: usize) -> Result<(), Status> {
    if actual.is_null() {
        return Ok(());
    }
    let moved = u64::try_from(moved).map_err(|_| Status::INTERNAL)?;
    call.write(actual, moved)
}
