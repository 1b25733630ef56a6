//! Ports, and waits that end in a packet (spec: ipc.md §3).

use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::mem::{self, Key};
use crate::object::{Cancel, Chosen, Observer, Packet, Port, Watcher};
use crate::task::{Cause, PortWait, Wait, Work};
use jacinth_abi::{
    POLICY_CODE_PORT_TOO_MANY_OBSERVERS, POLICY_CODE_PORT_TOO_MANY_PACKETS, PolicyCondition,
    PortPacket, Record, Rights, Signals, Status, WaitAsyncOptions, limits,
};

/// A port with more packets of users than this takes no further one.
const MOST_USER_PACKETS: u32 = 4096;
/// The most waits that are registered with one port.
const MOST_REGISTRATIONS: u32 = 50_000;

/// `zx_port_create`
pub(crate) fn port_create(call: &mut Call<'_>, options: u32, out: Out<u32>) -> SysResult {
    call.enforce(PolicyCondition::NewPort)?;
    if options & !limits::PORT_BIND_TO_INTERRUPT != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let kernel = &mut *call.kernel;
    let budget = &mut kernel.mem.budget;
    let ports = &mut kernel.objects.ports;
    ports.reserve(budget).map_err(crate::no_memory)?;
    call.reserve_handle()?;

    // commit
    let port = call.kernel.objects.new_port();
    call.install_new(port, Rights::DEFAULT_PORT, out)
}

/// `zx_port_queue`
pub(crate) fn port_queue(call: &mut Call<'_>, handle: HandleValue, packet: In<u8>) -> SysResult {
    let port = call.lookup::<Port>(handle, Rights::WRITE)?;
    let mut bytes = PortPacket::zeroed_bytes();
    call.read_bytes(packet.0, &mut bytes)?;
    if call.kernel.objects.user_packets(port) > MOST_USER_PACKETS {
        let cause = Cause::Policy {
            code: POLICY_CODE_PORT_TOO_MANY_PACKETS,
        };
        call.kernel.raise_after_call(call.thread, cause);
        return Err(Status::SHOULD_WAIT);
    }
    reserve_packet(call)?;

    // commit
    let packet = Packet::user(port, &PortPacket::from_bytes(&bytes));
    let packet = call.kernel.objects.packets.insert_reserved(packet);
    call.kernel.post(packet);
    Ok(Flow::ok())
}

fn reserve_packet(call: &mut Call<'_>) -> Result<(), Status> {
    let kernel = &mut *call.kernel;
    let budget = &mut kernel.mem.budget;
    let packets = &mut kernel.objects.packets;
    packets.reserve(budget).map_err(crate::no_memory)
}

/// `zx_port_wait`
pub(crate) fn port_wait(
    call: &mut Call<'_>,
    handle: HandleValue,
    deadline: i64,
    packet: Out<u8>,
) -> SysResult {
    let port = call.lookup::<Port>(handle, Rights::READ)?;
    call.touch(packet.0, size_of::<PortPacket>())?;

    // commit
    if let Some(found) = call.kernel.take_packet(port) {
        let told = call.write_bytes(packet.0, &found.record().to_bytes());
        return told.map(|()| Flow::ok());
    }
    if call.is_over(deadline) {
        return Err(Status::TIMED_OUT);
    }
    let wait = PortWait {
        port,
        packet: packet.0,
    };
    call.kernel.wait_for_packet(wait, call.thread);
    let threads = &mut call.kernel.objects.threads;
    call.kernel.timers.insert(threads, deadline, call.thread);
    Ok(Flow::Block(Wait::Port(wait)))
}

/// `zx_object_wait_async`
pub(crate) fn object_wait_async(
    call: &mut Call<'_>,
    handle: HandleValue,
    port: HandleValue,
    key: u64,
    signals: u32,
    options: u32,
) -> SysResult {
    const STAMPS: WaitAsyncOptions =
        WaitAsyncOptions::TIMESTAMP.union(WaitAsyncOptions::BOOT_TIMESTAMP);
    let options = WaitAsyncOptions::from_bits(options)
        .filter(|options| !options.contains(STAMPS))
        .ok_or(Status::INVALID_ARGS)?;
    let port = call.lookup::<Port>(port, Rights::WRITE)?;
    let (object, _) = call.lookup_any(handle, Rights::WAIT)?;
    if !object.has_signals() {
        return Err(Status::NOT_SUPPORTED);
    }
    reserve_packet(call)?;
    let kernel = &mut *call.kernel;
    let budget = &mut kernel.mem.budget;
    let observers = &mut kernel.objects.observers;
    observers.reserve(budget).map_err(crate::no_memory)?;
    if kernel.objects.registrations(port) >= MOST_REGISTRATIONS {
        let cause = Cause::Policy {
            code: POLICY_CODE_PORT_TOO_MANY_OBSERVERS,
        };
        kernel.raise_after_call(call.thread, cause);
    }
    let source = call.handle(handle)?.id();

    // commit
    let wanted = Signals::from_bits_retain(signals);
    let is_stamped = options.intersects(STAMPS);
    let packet = Packet::signal(port, key, source, wanted, is_stamped);
    let packet = call.kernel.objects.packets.insert_reserved(packet);
    let word = call.kernel.objects.head(object).signals;
    if word.intersects(wanted) && !options.contains(WaitAsyncOptions::EDGE) {
        call.kernel.post_seen(packet, word);
        return Ok(Flow::ok());
    }
    // An observer that waits for an edge may find its signal active already: it matches when some
    // signal becomes active later and one that it wants is (wait-semantics.md §4).
    let observer = Observer::new(object, Watcher::Port(packet), source, wanted);
    let observer = call.kernel.observe(observer);
    call.kernel.register(packet, observer);
    Ok(Flow::ok())
}

/// `zx_port_cancel`
pub(crate) fn port_cancel(
    call: &mut Call<'_>,
    handle: HandleValue,
    source: HandleValue,
    key: u64,
) -> SysResult {
    let port = call.lookup::<Port>(handle, Rights::WRITE)?;
    let (object, _) = call.lookup_any(source, Rights::WAIT)?;
    if !object.has_signals() {
        return Err(Status::NOT_SUPPORTED);
    }
    let source = Some(call.handle(source)?.id());
    cancel(call, port, Chosen { key, source })
}

/// `zx_port_cancel_key`
pub(crate) fn port_cancel_key(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    key: u64,
) -> SysResult {
    if options != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let port = call.lookup::<Port>(handle, Rights::WRITE)?;
    cancel(call, port, Chosen { key, source: None })
}

fn cancel(call: &mut Call<'_>, port: Key<Port>, chosen: Chosen) -> SysResult {
    // commit
    resume_cancel(call, Cancel::new(port, chosen))
}

/// Goes on with [`port_cancel`] and [`port_cancel_key`].
///
/// # Errors
/// NOT_FOUND.
pub(super) fn resume_cancel(call: &mut Call<'_>, mut cancel: Cancel) -> SysResult {
    let mut work = mem::Work::new(mem::Work::EVENT);
    if !cancel.step(call.kernel, &mut work) {
        return Ok(Flow::Again(Work::Cancel(cancel)));
    }
    if cancel.found_any() {
        Ok(Flow::ok())
    } else {
        Err(Status::NOT_FOUND)
    }
}
