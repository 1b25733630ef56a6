//! The calls that give the lock up before they are done: one for each kind of such work.

use crate::kit::{BYTES, FUTEX, FUTEX_BESIDE, Kit, LARGE, OUT, PAGES, Play, READ_WRITE, ROOM};
use crate::{Ending, Scene, waits};
use jacinth_abi::{Signals, Status, Topic, VmOptions, VmoChildOptions, VmoOp, VmoOptions};
use jacinth_kernel::PAGE_SIZE;
use jacinth_kernel::census::UnderWay;
use jacinth_tests_host::stage::{Arg, Cue, Step};

/// More than the work of one event.
const MANY: u64 = 66;
/// A deadline that never comes.
const NEVER: Arg = Arg::Word(i64::MAX.cast_unsigned());
pub(crate) const SIGNAL: u64 = Signals::SIGNALED.bits() as u64;

pub(crate) fn scenes() -> Vec<Scene> {
    let long = |row, kind, set| Scene {
        row,
        kind: UnderWay::Work(kind),
        last: 0,
        ending: Ending::Answered,
        set,
    };
    let fails = |status: Status, scene: Scene| Scene {
        last: status.raw().into(),
        ..scene
    };
    vec![
        long("vmo_op_range", "Range", range),
        long("vmar_map", "Fill", fill),
        long("vmar_map", "Overwrite", overwrite),
        long("vmar_unmap", "Unmap", unmap),
        long("vmar_unmap_handle_close_thread_exit", "UnmapAndExit", exit),
        long("vmar_destroy", "Destroy", destroy),
        long("vmar_protect", "Protect", protect),
        long("vmar_op_range", "RegionRange", region_range),
        long("vmo_read", "Copy", copy_out),
        long("vmo_write", "Copy", copy_in),
        long("process_read_memory", "Peek", peek),
        long("object_get_info", "VmoInfo", vmo_info),
        long("object_get_info", "List", list),
        fails(Status::NOT_FOUND, long("object_get_child", "Child", child)),
        long("vmo_create_child", "Snapshot", snapshot),
        long("vmo_set_size", "SetSize", set_size),
        long("vmo_set_cache_policy", "CachePolicy", cache_policy),
        long("vmo_transfer_data", "Transfer", transfer),
        long("handle_close_many", "CloseMany", close_many),
        long("bti_pin", "Pin", pin),
        long("vmo_create_contiguous", "Clear", contiguous),
        long("bti_release_quarantine", "ReleaseQuarantine", quarantine),
        fails(
            Status::OUT_OF_RANGE,
            long("channel_write", "Consume", consume),
        ),
        long("channel_call", "Reply", reply),
        long("event_create", "Call", short_of_memory),
        long("port_cancel_key", "Cancel", cancel),
        long("futex_wake", "Wake", wake),
        long("futex_requeue", "Requeue", requeue),
        long("thread_start", "Raise", raise),
    ]
}

fn words<const N: usize>(words: [u64; N]) -> [Arg; N] {
    words.map(Arg::Word)
}

/// Gives the victim a VMO whose pages are there; a second handle stays with the director.
fn full(kit: &mut Kit<'_>, play: &mut Play) -> Arg {
    let vmo = kit.full_vmo(0);
    give(kit, play, vmo)
}

/// Gives the victim one without pages.
fn empty(kit: &mut Kit<'_>, play: &mut Play) -> Arg {
    let vmo = kit.make("vmo_create", &[BYTES, 0]);
    give(kit, play, vmo)
}

/// Gives a VMO away, which may be taken from the victim.
fn give(_: &mut Kit<'_>, play: &mut Play, vmo: u64) -> Arg {
    let theirs = play.give(vmo);
    play.its_own = Some(theirs);
    theirs
}

fn range(kit: &mut Kit<'_>, play: &mut Play) {
    let vmo = empty(kit, play);
    let [op, zero, bytes] = words([VmoOp::Commit.number().into(), 0, BYTES]);
    play.call("vmo_op_range", &[vmo, op, zero, bytes, zero, zero]);
}

fn fill(kit: &mut Kit<'_>, play: &mut Play) {
    let (vmar, vmo) = (play.give_vmar(kit), full(kit, play));
    let specific = VmOptions::SPECIFIC | VmOptions::MAP_RANGE;
    play.map_large(vmar, vmo, specific);
}

/// Maps a full VMO where large things are, with all entries of the tables.
fn mapped(kit: &mut Kit<'_>, play: &mut Play) -> Arg {
    let (vmar, vmo) = (play.give_vmar(kit), full(kit, play));
    let specific = VmOptions::SPECIFIC | VmOptions::MAP_RANGE;
    play.map_large(vmar, vmo, specific);
    vmar
}

fn overwrite(kit: &mut Kit<'_>, play: &mut Play) {
    let vmar = mapped(kit, play);
    let vmo = full(kit, play);
    play.map_large(vmar, vmo, VmOptions::SPECIFIC_OVERWRITE);
}

fn unmap(kit: &mut Kit<'_>, play: &mut Play) {
    let vmar = mapped(kit, play);
    let [at, bytes] = words([LARGE, BYTES]);
    play.call("vmar_unmap", &[vmar, at, bytes]);
}

fn exit(kit: &mut Kit<'_>, play: &mut Play) {
    let vmar = mapped(kit, play);
    let [at, bytes] = words([LARGE, BYTES]);
    let close = play.its_own.expect("a VMO");
    let name = "vmar_unmap_handle_close_thread_exit";
    play.call(name, &[vmar, at, bytes, close]);
}

/// A region with a mapping in it goes.
fn destroy(kit: &mut Kit<'_>, play: &mut Play) {
    let (vmar, vmo) = (play.give_vmar(kit), full(kit, play));
    let (place, child) = play.place();
    let can = VmOptions::CAN_MAP_READ | VmOptions::CAN_MAP_WRITE;
    let [can, zero, size, out, at] = words([can.bits().into(), 0, 2 * BYTES, place, OUT]);
    play.call("vmar_allocate", &[vmar, can, zero, size, out, at]);
    let options = READ_WRITE | u64::from(VmOptions::MAP_RANGE.bits());
    let [options, bytes] = words([options, BYTES]);
    play.call("vmar_map", &[child, options, zero, vmo, zero, bytes, at]);
    play.call("vmar_destroy", &[child]);
}

fn protect(kit: &mut Kit<'_>, play: &mut Play) {
    let vmar = mapped(kit, play);
    let [read, at, bytes] = words([1, LARGE, BYTES]);
    play.call("vmar_protect", &[vmar, read, at, bytes]);
}

fn region_range(kit: &mut Kit<'_>, play: &mut Play) {
    let (vmar, vmo) = (play.give_vmar(kit), empty(kit, play));
    play.map_large(vmar, vmo, VmOptions::SPECIFIC);
    let [op, at, bytes, zero] = words([VmoOp::Commit.number().into(), LARGE, BYTES, 0]);
    play.call("vmar_op_range", &[vmar, op, at, bytes, zero, zero]);
}

/// Copies between a VMO and another one that is mapped.
fn copy(kit: &mut Kit<'_>, play: &mut Play, name: &str) {
    mapped(kit, play);
    let vmo = full(kit, play);
    let [at, zero, bytes] = words([LARGE, 0, BYTES]);
    play.call(name, &[vmo, at, zero, bytes]);
}

fn copy_out(kit: &mut Kit<'_>, play: &mut Play) {
    copy(kit, play, "vmo_read");
}

fn copy_in(kit: &mut Kit<'_>, play: &mut Play) {
    copy(kit, play, "vmo_write");
}

/// Reads its own memory as a debugger would, from one half of a mapping to the other.
fn peek(kit: &mut Kit<'_>, play: &mut Play) {
    mapped(kit, play);
    let process = kit.copy(play.process);
    let process = play.give(process);
    let [from, to, bytes, out] = words([LARGE, LARGE + BYTES / 2, BYTES / 2, OUT]);
    play.call("process_read_memory", &[process, from, to, bytes, out]);
}

/// Asks about a VMO that several processes have mapped, one of them often: who they are is found
/// by going over all mappings for each.
fn vmo_info(kit: &mut Kit<'_>, play: &mut Play) {
    const MAPPINGS: u64 = 300;
    const PROCESSES: u64 = 3;
    let vmo = kit.make("vmo_create", &[PAGE_SIZE, 0]);
    let map = |kit: &mut Kit<'_>, vmar: u64| {
        let out = kit.out();
        kit.must("vmar_map", &[vmar, READ_WRITE, 0, vmo, 0, PAGE_SIZE, out]);
    };
    let region = kit.region(2 * MAPPINGS * PAGE_SIZE);
    for _ in 0..MAPPINGS {
        map(kit, region);
    }
    for _ in 0..PROCESSES {
        let vmar = kit.process(play.job)[1];
        map(kit, vmar);
    }
    let destroy = Step::call("vmar_destroy", &[Arg::Word(region)]);
    play.epilogue.push(Cue::Do(destroy));
    let copy = kit.copy(vmo);
    let vmo = give(kit, play, copy);
    ask(play, vmo, Topic::VMO);
}

fn ask(play: &mut Play, handle: Arg, topic: Topic) {
    const ROOM_BYTES: u64 = 8 * PAGE_SIZE;
    let [topic, room, bytes, zero] = words([topic.0.into(), ROOM, ROOM_BYTES, 0]);
    play.call("object_get_info", &[handle, topic, room, bytes, zero, zero]);
}

/// A job with many jobs in it.
fn family(kit: &mut Kit<'_>, play: &mut Play) -> Arg {
    let job = kit.make("job_create", &[play.job, 0]);
    for _ in 0..MANY {
        kit.make("job_create", &[job, 0]);
    }
    let job = kit.copy(job);
    give(kit, play, job)
}

fn list(kit: &mut Kit<'_>, play: &mut Play) {
    let job = family(kit, play);
    ask(play, job, Topic::JOB_CHILDREN);
}

fn child(kit: &mut Kit<'_>, play: &mut Play) {
    const NOBODY: u64 = 1;
    const SAME_RIGHTS: u64 = 1 << 31;
    let job = family(kit, play);
    let [koid, rights, out] = words([NOBODY, SAME_RIGHTS, OUT]);
    play.call("object_get_child", &[job, koid, rights, out]);
}

/// A snapshot of what is mapped and can be written.
fn snapshot(kit: &mut Kit<'_>, play: &mut Play) {
    mapped(kit, play);
    let vmo = play.its_own.expect("a VMO");
    let kind = VmoChildOptions::SNAPSHOT.bits().into();
    let [kind, zero, bytes, out] = words([kind, 0, BYTES, OUT]);
    play.call("vmo_create_child", &[vmo, kind, zero, bytes, out]);
}

fn set_size(kit: &mut Kit<'_>, play: &mut Play) {
    let vmo = kit.full_vmo(VmoOptions::RESIZABLE.bits().into());
    let vmo = give(kit, play, vmo);
    play.call("vmo_set_size", &[vmo, Arg::Word(PAGE_SIZE)]);
}

fn cache_policy(kit: &mut Kit<'_>, play: &mut Play) {
    const UNCACHED: u64 = 1;
    let vmo = full(kit, play);
    play.call("vmo_set_cache_policy", &[vmo, Arg::Word(UNCACHED)]);
}

fn transfer(kit: &mut Kit<'_>, play: &mut Play) {
    let (to, from) = (full(kit, play), full(kit, play));
    let [zero, bytes] = words([0, BYTES]);
    play.call("vmo_transfer_data", &[to, zero, zero, bytes, from, zero]);
}

/// Closes all that it has, and places that hold nothing.
fn close_many(kit: &mut Kit<'_>, play: &mut Play) {
    for _ in 0..60 {
        let event = kit.make("event_create", &[0]);
        play.give(event);
    }
    let (table, _) = play.place();
    let [from, count] = words([table & !(PAGE_SIZE - 1), 3 * MANY]);
    play.call("handle_close_many", &[from, count]);
}

fn pin(kit: &mut Kit<'_>, play: &mut Play) {
    let bti = kit.bti();
    let copy = kit.copy(bti);
    let (bti, vmo) = (play.give(copy), empty(kit, play));
    let addresses = PAGES;
    let (place, pmt) = play.place();
    let [options, zero, bytes, room, count, out] =
        words([READ_WRITE, 0, BYTES, ROOM, addresses, place]);
    let args = [bti, options, vmo, zero, bytes, room, count, out];
    play.call("bti_pin", &args);
    play.call("pmt_unpin", &[pmt]);
    release_at_the_end(kit, play);
}

/// What the dead left pinned is given back by whoever holds the initiator.
fn release_at_the_end(kit: &Kit<'_>, play: &mut Play) {
    let bti = Arg::Word(kit.last_bti);
    let release = Step::call("bti_release_quarantine", &[bti]);
    play.epilogue.push(Cue::Do(release));
}

fn contiguous(kit: &mut Kit<'_>, play: &mut Play) {
    let bti = kit.bti();
    let bti = play.give(bti);
    let (place, _) = play.place();
    let [bytes, alignment, out] = words([BYTES, 0, place]);
    play.call("vmo_create_contiguous", &[bti, bytes, alignment, out]);
}

/// Many ranges that somebody left pinned.
fn quarantine(kit: &mut Kit<'_>, play: &mut Play) {
    let bti = kit.bti();
    let vmo = kit.full_vmo(0);
    let addresses = kit.out() + 0x200;
    let pinned = (0..MANY).map(|index| {
        let at = index * PAGE_SIZE;
        let args = [bti, READ_WRITE, vmo, at, PAGE_SIZE, addresses, 1];
        kit.make("bti_pin", &args)
    });
    // All are pinned first: who has something in quarantine can pin nothing.
    for pmt in pinned.collect::<Vec<u64>>() {
        kit.must("handle_close", &[pmt]);
    }
    let copy = kit.copy(bti);
    let copy = play.give(copy);
    play.call("bti_release_quarantine", &[copy]);
    release_at_the_end(kit, play);
}

/// A message with too many handles takes them all the same.
fn consume(kit: &mut Kit<'_>, play: &mut Play) {
    let [mine, theirs] = kit.make_pair("channel_create", &[0]);
    let channel = play.give(theirs);
    play.theirs.push(mine);
    for _ in 0..50 {
        let event = kit.make("event_create", &[0]);
        play.give(event);
    }
    let (table, _) = play.place();
    let [zero, out, handles, count] = words([0, OUT, (table & !(PAGE_SIZE - 1)) + 4, 2 * MANY]);
    play.call("channel_write", &[channel, zero, out, zero, handles, count]);
}

/// Memory is short when an answer is taken. How many allocations come before that is the kernel's
/// own business: so there are several calls, and another one fails in each.
fn reply(kit: &mut Kit<'_>, play: &mut Play) {
    for failing in 0..6 {
        waits::call_through(kit, play, "channel_call", Some(failing));
    }
    // What is closed would be one call's of several.
    play.its_own = None;
}

/// Memory is short while something large is torn down.
fn short_of_memory(kit: &mut Kit<'_>, play: &mut Play) {
    let vmo = kit.full_vmo(0);
    let vmo = play.give(vmo);
    play.call("handle_close", &[vmo]);
    play.parts[0].push(Step::FailAllocation(0));
    let (place, _) = play.place();
    play.call("event_create", &words([0, place]));
}

/// A port in which many packets wait, and for which more are registered.
pub(crate) fn packets(kit: &mut Kit<'_>, count: u64, key: u64) -> u64 {
    let (port, event) = (
        kit.make("port_create", &[0]),
        kit.make("event_create", &[0]),
    );
    let other = kit.make("event_create", &[0]);
    kit.must("object_signal", &[event, 0, SIGNAL]);
    for event in [event, other] {
        for _ in 0..count {
            kit.must("object_wait_async", &[event, port, key, SIGNAL, 0]);
        }
    }
    port
}

fn cancel(kit: &mut Kit<'_>, play: &mut Play) {
    const KEY: u64 = 7;
    let port = packets(kit, MANY, KEY);
    let copy = kit.copy(port);
    let copy = play.give(copy);
    let [options, key] = words([0, KEY]);
    play.call("port_cancel_key", &[copy, options, key]);
    play.its_own = Some(copy);
    play.theirs.push(port);
}

/// Many threads wait at an address; then the victim goes on.
pub(crate) fn crowd(kit: &mut Kit<'_>, play: &mut Play, count: u64, deadline: Arg) {
    let event = kit.make("event_create", &[0]);
    let copy = kit.copy(event);
    let copy = play.give(copy);
    let [signal, zero] = words([SIGNAL, 0]);
    play.call("object_wait_one", &[copy, signal, NEVER, zero]);
    let wait = [Arg::Word(FUTEX), zero, zero, deadline];
    for _ in 0..count {
        play.add_thread(kit, vec![Step::call("futex_wait", &wait)]);
    }
    // How so many come there is no matter.
    play.cues.extend([Cue::Quiet, Cue::Curtain]);
    play.answer("object_signal", &[event, 0, SIGNAL]);
    play.is_crowded = true;
}

fn wake(kit: &mut Kit<'_>, play: &mut Play) {
    crowd(kit, play, MANY, NEVER);
    play.call("futex_wake", &words([FUTEX, MANY]));
}

fn requeue(kit: &mut Kit<'_>, play: &mut Play) {
    crowd(kit, play, MANY, NEVER);
    let args = words([FUTEX, 2, 0, FUTEX_BESIDE, MANY, 0]);
    play.call("futex_requeue", &args);
}

/// A thread that a debugger hears of before it is on a processor for the first time.
fn raise(kit: &mut Kit<'_>, play: &mut Play) {
    const DEBUGGER: u64 = 1;
    let process = play.process;
    let channel = kit.make("task_create_exception_channel", &[process, DEBUGGER]);
    let paper = kit.out() + 0x100;
    let exception = paper + 0x80;
    let counts = paper + 0x90;
    let read = [channel, 0, paper, exception, 64, 1, counts, counts + 4];
    play.answer("channel_read", &read);
    let close = Step::call("handle_close", &[Arg::At(exception)]);
    play.cues.push(Cue::Do(close));
    play.theirs.push(channel);
}
