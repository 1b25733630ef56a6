//! What threads of the program itself do.

use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{format, vec};

use zx::abi::{Signals, Status, VmOptions, VmoOptions, limits};
use zx::{Channel, Event, Port, Spawned, Vmo};

use crate::puppet::PAGE;

use super::{SHARED_BYTES, Worker};

const READ_WRITE: VmOptions = VmOptions::PERM_READ.union(VmOptions::PERM_WRITE);

/// Checks a fact.
fn check(is_so: bool) -> Result<(), Status> {
    is_so.then_some(()).ok_or(Status::IO_DATA_INTEGRITY)
}

/// Maps what others change and unmap, and reads and writes it.
pub(super) fn map_memory(worker: &mut Worker) -> Result<(), Status> {
    let here = worker.vmar.map(&worker.shared, READ_WRITE)?;
    for _ in 0..8 {
        let at = worker.random.below(SHARED_BYTES / 8) * 8;
        here.write64(at, here.read64(at).wrapping_add(1));
    }
    here.protect(VmOptions::PERM_READ, 0, 4 * PAGE)?;
    here.unmap_part(4 * PAGE, PAGE)?;
    let device = worker.vmar.map(&worker.physical, READ_WRITE)?;
    drop(here);
    drop(device);
    Ok(())
}

/// Memory of one's own: it keeps what is written, also in copies, whatever others do.
pub(super) fn copy_memory(worker: &mut Worker) -> Result<(), Status> {
    let pages = 4 + worker.random.below(12);
    let vmo = Vmo::create(pages * PAGE, VmoOptions::RESIZABLE)?;
    let mark = worker.random.next();
    for page in 0..pages {
        vmo.write(page * PAGE, &(mark ^ page).to_le_bytes())?;
    }
    let copy = vmo.snapshot(0, pages * PAGE)?;
    vmo.set_size(2 * PAGE)?;
    vmo.zero(0, 2 * PAGE)?;
    let here = worker.vmar.map(&copy, READ_WRITE)?;
    for page in 0..pages {
        check(here.read64(page * PAGE) == mark ^ page)?;
    }
    here.write64(0, 0);
    let grandchild = copy.snapshot(0, pages * PAGE)?;
    copy.decommit(PAGE, PAGE).or_else(|status| match status {
        // A copy that others look into keeps its pages.
        Status::NOT_SUPPORTED => Ok(()),
        other => Err(other),
    })?;
    let mut word = [0; 8];
    grandchild.read((pages - 1) * PAGE, &mut word)?;
    check(u64::from_le_bytes(word) == mark ^ (pages - 1))
}

/// Handles go through a channel and come out as they went in; some are never read.
pub(super) fn send_handles(worker: &mut Worker) -> Result<(), Status> {
    let (one, two) = Channel::create()?;
    let count = 1 + worker.random.below(8);
    let mut koids = Vec::new();
    for number in 0..count {
        let event = Event::create()?;
        koids.push(event.basic_info()?.koid);
        let (end, other) = Channel::create()?;
        other.write(b"inside", vec![worker.shared.duplicate()?])?;
        let text = format!("message {number}");
        one.write(text.as_bytes(), vec![event.into(), end.into()])?;
    }
    let taken = worker.random.below(count + 1);
    for (number, koid) in (0..taken).zip(koids) {
        let message = two.read()?;
        check(message.bytes == format!("message {number}").as_bytes())?;
        check(message.handles.len() == 2 && message.handles[0].basic_info()?.koid == koid)?;
    }
    Ok(())
}

/// Threads that wait until they are told to go on.
pub(super) fn wait_in_threads(worker: &mut Worker) -> Result<(), Status> {
    let (event, port) = (Arc::new(Event::create()?), Arc::new(Port::create()?));
    let mut threads = Vec::new();
    for _ in 0..1 + worker.random.below(3) {
        let (event, port) = (event.clone(), port.clone());
        let body = move || {
            event.wait(Signals::USER_3, limits::TIME_INFINITE).ok();
            port.wait(limits::TIME_INFINITE).ok();
        };
        threads.push(Spawned::start(
            &worker.process,
            &worker.vmar,
            "waits",
            body,
        )?);
    }
    if worker.random.one_in(2) {
        zx::sys::thread_legacy_yield(0)?;
    }
    event.signal(Signals::empty(), Signals::USER_3)?;
    for key in 0..threads.len() as u64 {
        port.queue(&zx::abi::PortPacket {
            key,
            ..Default::default()
        })?;
    }
    for thread in threads {
        thread.join()?;
    }
    Ok(())
}
