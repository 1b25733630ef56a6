//! Calls on events, ports and timers, and waits for several objects.

use super::{Answer, Output, Place, call};

/// `zx_event_create`
///
/// # Errors
/// See `docs/syscalls.md`, as for all calls here.
pub fn event_create<'a>(options: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    call!(event_create(options, out.into().arg()))
}

/// `zx_eventpair_create`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn eventpair_create<'a, 'b>(
    options: u32,
    out0: impl Into<Place<'a, 4>>,
    out1: impl Into<Place<'b, 4>>,
) -> Answer {
    let (out0, out1) = (out0.into().arg(), out1.into().arg());
    call!(eventpair_create(options, out0, out1))
}

/// `zx_object_signal_peer`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_signal_peer(handle: u32, clear_mask: u32, set_mask: u32) -> Answer {
    call!(object_signal_peer(handle, clear_mask, set_mask))
}

/// `zx_object_wait_many`: the items as the bytes of [`WaitItem`](jacinth_abi::WaitItem)s.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_wait_many(items: Output<'_>, deadline: i64) -> Answer {
    let count = items.len() / size_of::<jacinth_abi::WaitItem>() as u64;
    call!(object_wait_many(items.arg(), count, deadline))
}

/// `zx_port_create`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn port_create<'a>(options: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    call!(port_create(options, out.into().arg()))
}

/// `zx_port_queue`: the packet as the bytes of a [`PortPacket`](jacinth_abi::PortPacket).
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn port_queue<'a>(handle: u32, packet: impl Into<Place<'a, 48>>) -> Answer {
    call!(port_queue(handle, packet.into().read()))
}

/// `zx_port_wait`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn port_wait<'a>(handle: u32, deadline: i64, packet: impl Into<Place<'a, 48>>) -> Answer {
    call!(port_wait(handle, deadline, packet.into().arg()))
}

/// `zx_port_cancel`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn port_cancel(handle: u32, source: u32, key: u64) -> Answer {
    call!(port_cancel(handle, source, key))
}

/// `zx_port_cancel_key`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn port_cancel_key(handle: u32, options: u32, key: u64) -> Answer {
    call!(port_cancel_key(handle, options, key))
}

/// `zx_object_wait_async`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_wait_async(handle: u32, port: u32, key: u64, signals: u32, options: u32) -> Answer {
    call!(object_wait_async(handle, port, key, signals, options))
}

/// `zx_timer_create`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn timer_create<'a>(options: u32, clock_id: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    call!(timer_create(options, clock_id, out.into().arg()))
}

/// `zx_timer_set`; the deadline and the slack are in ns.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn timer_set(handle: u32, deadline: i64, slack: i64) -> Answer {
    call!(timer_set(handle, deadline, slack))
}

/// `zx_timer_cancel`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn timer_cancel(handle: u32) -> Answer {
    call!(timer_cancel(handle))
}
