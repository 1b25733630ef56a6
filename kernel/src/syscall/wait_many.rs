//! Waits for several objects (spec: ipc.md §4.2).

use crate::call::{Call, Flow, Out, SysResult};
use crate::object::{HandleId, ObjectRef, Observer, Watcher};
use crate::task::{ManyWait, Wait};
use arrayvec::ArrayVec;
use jacinth_abi::{Field, Record, Rights, Signals, Status, WaitItem, limits};

/// The most items; as `limits::WAIT_MANY_MAX_ITEMS`.
const MOST: usize = 64;
const _: () = assert!(
    limits::WAIT_MANY_MAX_ITEMS == 64,
    "the array has room for them"
);

/// What an item names.
#[derive(Clone, Copy)]
struct Target {
    object: ObjectRef,
    handle: HandleId,
    wanted: Signals,
}

type Items = ArrayVec<(WaitItem, Target), MOST>;

/// `zx_object_wait_many`
pub(crate) fn object_wait_many(
    call: &mut Call<'_>,
    items: Out<u8>,
    num_items: u64,
    deadline: i64,
) -> SysResult {
    if num_items > limits::WAIT_MANY_MAX_ITEMS {
        return Err(Status::OUT_OF_RANGE);
    }
    let mut list = read_items(call, items, num_items)?;
    let bytes = list.len().saturating_mul(WaitItem::SIZE);
    call.touch(items.0, bytes)?;
    let mut any = false;
    for (item, target) in &mut list {
        let word = call.kernel.objects.head(target.object).signals;
        item.pending = word.bits();
        any |= word.intersects(target.wanted);
    }
    if any {
        return tell(call, items, &list).map(|()| Flow::ok());
    }
    if deadline <= call.hal.now() {
        tell(call, items, &list)?;
        return Err(Status::TIMED_OUT);
    }
    let count = u32::try_from(list.len()).map_err(|_| Status::OUT_OF_RANGE)?;
    let kernel = &mut *call.kernel;
    let budget = &mut kernel.mem.budget;
    let observers = &mut kernel.objects.observers;
    observers
        .reserve_many(count, budget)
        .map_err(crate::no_memory)?;

    // commit
    let mut last = None;
    for (_, target) in &list {
        let watcher = Watcher::Thread(call.thread);
        let mut observer = Observer::new(target.object, watcher, target.handle, target.wanted);
        observer.before = last;
        last = Some(call.kernel.observe(observer));
    }
    let threads = &mut call.kernel.objects.threads;
    call.kernel.timers.insert(threads, deadline, call.thread);
    Ok(Flow::Block(Wait::Many(ManyWait {
        last,
        count: num_items,
        items: items.0,
    })))
}

/// Reads the items and finds what they name; the first that names nothing fails the call.
fn read_items(call: &mut Call<'_>, items: Out<u8>, count: u64) -> Result<Items, Status> {
    let mut bytes = [0u8; MOST * WaitItem::SIZE];
    let count = usize::try_from(count).map_err(|_| Status::OUT_OF_RANGE)?;
    let bytes = bytes
        .get_mut(..count.saturating_mul(WaitItem::SIZE))
        .ok_or(Status::OUT_OF_RANGE)?;
    call.read_bytes(items.0, bytes)?;
    let mut list = Items::new();
    for item in bytes.chunks_exact(WaitItem::SIZE) {
        let item = WaitItem::from_bytes(item);
        let (object, _) = call.lookup_any(item.handle, Rights::WAIT)?;
        if !object.has_signals() {
            return Err(Status::NOT_SUPPORTED);
        }
        let target = Target {
            object,
            handle: call.handle(item.handle)?.id(),
            wanted: Signals::from_bits_retain(item.waitfor),
        };
        list.push((item, target));
    }
    Ok(list)
}

fn tell(call: &mut Call<'_>, items: Out<u8>, list: &Items) -> Result<(), Status> {
    let mut at = items.0;
    for (item, _) in list {
        call.write_bytes(at, &item.to_bytes())?;
        at = at.wrapping_add(u64::try_from(WaitItem::SIZE).unwrap_or(0));
    }
    Ok(())
}
