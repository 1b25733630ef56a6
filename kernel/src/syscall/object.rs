//! Signals and waits (spec: wait-semantics.md).

use crate::call::{Call, Flow, HandleValue, Out, SysResult};
use crate::object::{ObjectRef, Observer, Watcher};
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
    let held = call.handle(handle)?;
    let (object, id) = (held.object(), held.id());
    if !held.rights().contains(Rights::WAIT) {
        return Err(Status::ACCESS_DENIED);
    }
    if !object.has_signals() {
        return Err(Status::NOT_SUPPORTED);
    }
    let wanted = Signals::from_bits_retain(signals);
    let word = call.kernel.objects.head(object).signals;
    if word.intersects(wanted) {
        return seen(call, observed, word, Ok(Flow::ok()));
    }
    if call.is_over(deadline) {
        return seen(call, observed, word, Err(Status::TIMED_OUT));
    }
    call.kernel
        .objects
        .observers
        .reserve(&mut call.kernel.mem.budget)
        .map_err(crate::no_memory)?;

    // commit
    let watcher = Watcher::Thread(call.thread);
    let observer = Observer::new(object, watcher, id, wanted);
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

/// `zx_object_signal`: users may touch the user signals only, and those of events.
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
    let (clear, set) = masks(object, clear_mask, set_mask)?;

    // commit
    call.kernel.update_signals(object, clear, set);
    Ok(Flow::ok())
}

/// `zx_object_signal_peer`
pub(crate) fn object_signal_peer(
    call: &mut Call<'_>,
    handle: HandleValue,
    clear_mask: u32,
    set_mask: u32,
) -> SysResult {
    let (object, _) = call.lookup_any(handle, Rights::SIGNAL_PEER)?;
    let peer = call.kernel.objects.peer_of(object);
    let peer = peer.ok_or(Status::NOT_SUPPORTED)?;
    let (clear, set) = masks(object, clear_mask, set_mask)?;
    let peer = peer.ok_or(Status::PEER_CLOSED)?;

    // commit
    call.kernel.update_signals(peer, clear, set);
    Ok(Flow::ok())
}

/// The signals that a user asks to change, if all are the user's.
fn masks(object: ObjectRef, clear: u32, set: u32) -> Result<(Signals, Signals), Status> {
    let (clear, set) = (
        Signals::from_bits_retain(clear),
        Signals::from_bits_retain(set),
    );
    if object.user_signals().contains(clear | set) {
        Ok((clear, set))
    } else {
        Err(Status::INVALID_ARGS)
    }
}
