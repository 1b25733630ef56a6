//! Signals and waits (spec: wait-semantics.md).

use crate::call::{Call, Flow, HandleValue, Out, SysResult};
use crate::object::Observer;
use crate::task::Wait;
use jacinth_abi::{Rights, Signals, Status};

pub(crate) use super::info::object_get_info;
pub(crate) use super::info_task::object_get_child;
pub(crate) use super::property::{object_get_property, object_set_property};

/// `zx_object_wait_one`
pub(crate) fn object_wait_one(
    call: &mut Call<'_>,
    handle: HandleValue,
    signals: u32,
    deadline: i64,
    observed: Out<u32>,
) -> SysResult {
    let (object, _) = call.lookup_any(handle, Rights::WAIT)?;
    if !object.has_signals() {
        return Err(Status::NOT_SUPPORTED);
    }
    let wanted = Signals::from_bits_retain(signals);
    let word = call.kernel.objects.head(object).signals;
    if word.intersects(wanted) {
        return seen(call, observed, word, Ok(Flow::OK));
    }
    if deadline <= call.hal.now() {
        return seen(call, observed, word, Err(Status::TIMED_OUT));
    }
    call.kernel
        .objects
        .observers
        .reserve(&mut call.kernel.mem.budget)
        .map_err(crate::no_memory)?;

    // commit
    let observer = Observer::new(object, call.thread, (call.process, handle), wanted);
    let observer = call.kernel.observe(observer);
    call.kernel
        .timers
        .insert(&mut call.kernel.objects.threads, deadline, call.thread);
    Ok(Flow::Block(Wait::Signals {
        observer,
        observed: observed.0,
    }))
}

/// Stores the word that a wait saw; a bad pointer overrules the outcome.
fn seen(call: &mut Call<'_>, observed: Out<u32>, word: Signals, outcome: SysResult) -> SysResult {
    if !observed.is_null() {
        call.write(observed, word.bits())?;
    }
    outcome
}

/// `zx_object_signal`: users may touch the user signals only.
pub(crate) fn object_signal(
    call: &mut Call<'_>,
    handle: HandleValue,
    clear_mask: u32,
    set_mask: u32,
) -> SysResult {
    let (object, _) = call.lookup_any(handle, Rights::SIGNAL)?;
    if !object.has_signals() {
        return Err(Status::NOT_SUPPORTED);
    }
    let (clear, set) = (
        Signals::from_bits_retain(clear_mask),
        Signals::from_bits_retain(set_mask),
    );
    if !Signals::USER_ALL.contains(clear | set) {
        return Err(Status::INVALID_ARGS);
    }

    // commit
    call.kernel.update_signals(object, clear, set);
    Ok(Flow::OK)
}
