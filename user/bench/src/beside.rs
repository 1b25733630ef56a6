//! The operations that other systems were measured with, too.

use zx::abi::Topic;
use zx::{Address, Channel, Event, Handle, Signals, Status, Vmo, VmoOptions, sys, time};

use crate::Bench;
use crate::device;
use crate::place::Place;
use crate::server::{self, Servant};

const PAGE: u64 = 4096;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Status> {
    calls(bench)?;
    device::measure(bench)?;
    memory(bench)?;
    signals(bench)?;
    messages(bench)?;
    server::measure(bench, "channel_call, two threads", Servant::Thread)?;
    server::measure(bench, "channel_call, two processes", Servant::Process)
}

fn calls(bench: &mut Bench<'_>) -> Result<(), Status> {
    let Bench { meter, table, .. } = bench;
    let vmo = Vmo::create(PAGE, VmoOptions::empty())?;
    let create = || Vmo::create(PAGE, VmoOptions::empty());
    let mut row = |name, cost| table.put_single(name, cost);
    row(
        "empty system call",
        meter.cost(|_| Ok(sys::system_get_page_size()))?,
    );
    row(
        "handle_close of 0",
        meter.cost(|_| Ok(sys::handle_close(0)))?,
    );
    let valid = meter.cost(|_| is_valid(&vmo))?;
    row("object_get_info HANDLE_VALID", valid);
    row("clock_get_monotonic", meter.cost(|_| Ok(time::now_ns()))?);
    row("handle_duplicate + close", meter.cost(|_| vmo.duplicate())?);
    row("event_create + close", meter.cost(|_| Event::create())?);
    row("vmo_create + close", meter.cost(|_| create())?);
    let committed = meter.cost(|_| create()?.commit(0, PAGE))?;
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
    let place = Place::new(&start.root_vmar)?;
    let cost = meter.cost(|_| {
        let lazily = zx::VmOptions::empty();
        let region = place.map(lazily, place.page(), PAGE)?;
        device::touch(&region);
        region.unmap()
    })?;
    table.put_single("map + fault + unmap of a page", cost);
    Ok(())
}

fn signals(bench: &mut Bench<'_>) -> Result<(), Status> {
    let Bench { meter, table, .. } = bench;
    let event = Event::create()?;
    let mut row = |name, cost| table.put_single(name, cost);
    let signal = meter.cost(|_| event.signal(Signals::USER_0, Signals::empty()))?;
    row("object_signal", signal);
    event.signal(Signals::empty(), Signals::USER_0)?;
    let wait = meter.cost(|_| event.wait(Signals::USER_0, 0))?;
    row("object_wait_one, already signalled", wait);
    Ok(())
}

fn messages(bench: &mut Bench<'_>) -> Result<(), Status> {
    let Bench { meter, table, .. } = bench;
    let (to, from) = Channel::create()?;
    let mut row = |name, cost| table.put_single(name, cost);
    let small = meter.cost(|_| {
        write(&to, &[0; 8], &[])?;
        read::<8>(&from, &mut [0; 4]).map(drop)
    })?;
    row("channel write + read, 8 bytes", small);
    let large = meter.cost(|_| {
        write(&to, &[0; 1024], &[])?;
        read::<1024>(&from, &mut [0; 4]).map(drop)
    })?;
    row("channel write + read, 1 KiB", large);
    let event = Handle::from(Event::create()?);
    let mut event = event.into_value().to_le_bytes();
    let with_handle = meter.cost(|_| {
        write(&to, &[0; 8], &event)?;
        read::<8>(&from, &mut event).map(drop)
    })?;
    row("channel write + read, 8 bytes and a handle", with_handle);
    drop(Handle::from_value(u32::from_le_bytes(event)));
    let create = meter.cost(|_| Channel::create())?;
    row("channel_create + close both", create);
    Ok(())
}

#[inline(always)]
fn write(to: &Channel, bytes: &[u8], handles: &[u8]) -> Result<(), Status> {
    let (bytes, handles) = (sys::Input::Here(bytes), sys::Input::Here(handles));
    sys::channel_write(to.value(), 0, bytes, handles)
}

#[inline(always)]
fn read<const BYTES: usize>(from: &Channel, handles: &mut [u8; 4]) -> Result<[u8; BYTES], Status> {
    let mut bytes = [0; BYTES];
    let (mut len, mut count) = ([0; 4], [0; 4]);
    let (here, handles) = (sys::Output::Here(&mut bytes), sys::Output::Here(handles));
    sys::channel_read(from.value(), 0, here, handles, &mut len, &mut count)?;
    Ok(bytes)
}

/// Looks a handle up.
pub(crate) fn is_valid(handle: &Handle) -> Result<(), Status> {
    let nothing = sys::Output::Here(&mut []);
    let topic = Topic::HANDLE_VALID.0;
    sys::object_get_info(handle.value(), topic, nothing, Address::NULL, Address::NULL)
}
