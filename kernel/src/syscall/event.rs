//! Events and event pairs (spec: ipc.md §2).

use crate::call::{Call, Out, SysResult};
use jacinth_abi::{PolicyCondition, Rights, Status};

/// `zx_event_create`
pub(crate) fn event_create(call: &mut Call<'_>, options: u32, out: Out<u32>) -> SysResult {
    if options != 0 {
        return Err(Status::INVALID_ARGS);
    }
    call.enforce(PolicyCondition::NewEvent)?;
    let kernel = &mut *call.kernel;
    let budget = &mut kernel.mem.budget;
    kernel
        .objects
        .events
        .reserve(budget)
        .map_err(crate::no_memory)?;
    call.reserve_handle()?;

    // commit
    let event = call.kernel.objects.new_event();
    call.install_new(event, Rights::DEFAULT_EVENT, out)
}

/// `zx_eventpair_create`
pub(crate) fn eventpair_create(
    call: &mut Call<'_>,
    options: u32,
    out0: Out<u32>,
    out1: Out<u32>,
) -> SysResult {
    if options != 0 {
        return Err(Status::NOT_SUPPORTED);
    }
    call.enforce(PolicyCondition::NewEventPair)?;
    let kernel = &mut *call.kernel;
    let budget = &mut kernel.mem.budget;
    let pairs = &mut kernel.objects.event_pairs;
    pairs.reserve_many(2, budget).map_err(crate::no_memory)?;
    call.reserve_pair()?;

    // commit
    let (end0, end1) = call.kernel.objects.new_event_pair();
    call.install_pair((end0, end1), Rights::DEFAULT_EVENT_PAIR, (out0, out1))
}
