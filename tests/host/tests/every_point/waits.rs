//! The calls that wait: what each needs, and how it is answered. One for each row of the table
//! that takes a deadline.

use crate::kit::{FUTEX, Kit, LATE_NS, NOTHING, OUT, Play, RECORDS, letter_bytes};
use crate::{Ending, Scene};
use jacinth_abi::{ChannelCallArgs, PortPacket, Record, Signals, Status, WaitItem};
use jacinth_kernel::census::UnderWay;
use jacinth_tests_host::stage::{Arg, Cue, Step};

const SIGNAL: u64 = Signals::SIGNALED.bits() as u64;

const TIMED_OUT: i64 = Status::TIMED_OUT.raw() as i64;

pub(crate) fn scenes() -> Vec<Scene> {
    let answered = |row, kind, set| Scene {
        row,
        kind: UnderWay::Wait(kind),
        last: 0,
        ending: Ending::Answered,
        set,
    };
    let waits = [
        answered("object_wait_one", "Signals", wait_one),
        answered("object_wait_many", "Many", wait_many),
        answered("port_wait", "Port", port),
        answered("futex_wait", "Futex", futex),
        answered("channel_call", "Call", channel_call),
        answered("channel_call_etc", "Call", channel_call_etc),
    ];
    let late = |scene: Scene| Scene {
        last: TIMED_OUT,
        ending: Ending::Late,
        ..scene
    };
    let all = waits.into_iter().flat_map(|scene| [scene, late(scene)]);
    let others = [
        // Nobody can answer it.
        Scene {
            ending: Ending::Late,
            ..answered("nanosleep", "Sleep", sleep)
        },
        // No call.
        answered("", "Exception", exception),
    ];
    all.chain(others).collect()
}

/// A deadline far from now.
pub(crate) fn late(kit: &Kit<'_>) -> Arg {
    use jacinth_kernel::hal::Cpu;
    Arg::Word(kit.machine.sim.now().cast_unsigned() + LATE_NS)
}

fn sleep(kit: &mut Kit<'_>, play: &mut Play) {
    let late = late(kit);
    play.call("nanosleep", &[late]);
}

/// Gives the victim an event, and answers by signalling it.
fn event(kit: &mut Kit<'_>, play: &mut Play) -> Arg {
    let event = kit.make("event_create", &[0]);
    let copy = kit.copy(event);
    let theirs = play.give(copy);
    play.answer("object_signal", &[event, 0, SIGNAL]);
    play.its_own = Some(theirs);
    theirs
}

fn wait_one(kit: &mut Kit<'_>, play: &mut Play) {
    let (event, late) = (event(kit, play), late(kit));
    let args = [event, Arg::Word(SIGNAL), late, Arg::Word(OUT)];
    play.call("object_wait_one", &args);
}

/// Waits for two objects; one of them goes. The handles are put into the list by the victim.
fn wait_many(kit: &mut Kit<'_>, play: &mut Play) {
    const ITEMS: u64 = 2;
    let first = event(kit, play);
    let [mine, theirs] = kit.make_pair("channel_create", &[0]);
    let second = play.give(theirs);
    play.theirs.push(mine);
    let item = |waitfor| WaitItem {
        handle: 0,
        waitfor,
        pending: 0,
    };
    let wanted = [
        Signals::SIGNALED.bits(),
        (Signals::READABLE | Signals::PEER_CLOSED).bits(),
    ];
    let items: Vec<u8> = wanted
        .iter()
        .flat_map(|wanted| item(*wanted).to_bytes())
        .collect();
    play.write(kit, RECORDS, &items);
    let late = late(kit);
    // A call that stores a handle where the list wants it.
    const SAME_RIGHTS: u64 = 1 << 31;
    for (handle, at) in [(first, RECORDS), (second, RECORDS + 12)] {
        let args = [handle, Arg::Word(SAME_RIGHTS), Arg::Word(at)];
        play.call("handle_replace", &args);
    }
    let args = [Arg::Word(RECORDS), Arg::Word(ITEMS), late];
    play.call("object_wait_many", &args);
    // It has another value by now.
    play.its_own = Some(Arg::At(RECORDS));
}

fn port(kit: &mut Kit<'_>, play: &mut Play) {
    let port = kit.make("port_create", &[0]);
    let copy = kit.copy(port);
    let theirs = play.give(copy);
    let packet = kit.out() + 0x100;
    let bytes = PortPacket::default().to_bytes();
    kit.machine.put(packet, &bytes).expect("memory");
    play.answer("port_queue", &[port, packet]);
    play.its_own = Some(theirs);
    play.theirs.push(port);
    let late = late(kit);
    play.call("port_wait", &[theirs, late, Arg::Word(OUT)]);
}

/// One thread waits, another one wakes it when the director says so.
fn futex(kit: &mut Kit<'_>, play: &mut Play) {
    let late = late(kit);
    let args = [Arg::Word(FUTEX), Arg::Word(0), Arg::Word(0), late];
    play.call("futex_wait", &args);
    let event = event(kit, play);
    play.its_own = None;
    let args = [event, Arg::Word(SIGNAL), late, Arg::Word(0)];
    let wait = Step::call("object_wait_one", &args);
    let wake = Step::call("futex_wake", &[Arg::Word(FUTEX), Arg::Word(1)]);
    play.add_thread(kit, vec![wait, wake]);
}

fn channel_call(kit: &mut Kit<'_>, play: &mut Play) {
    call_through(kit, play, "channel_call", None);
}

fn channel_call_etc(kit: &mut Kit<'_>, play: &mut Play) {
    call_through(kit, play, "channel_call_etc", None);
}

/// A call through a channel. The director reads the request and answers it with an event's handle.
/// `failing`: when it answers, the allocation behind so many others fails.
pub(crate) fn call_through(kit: &mut Kit<'_>, play: &mut Play, name: &str, failing: Option<u64>) {
    let [mine, theirs] = kit.make_pair("channel_create", &[0]);
    let args = ChannelCallArgs {
        wr_bytes: RECORDS + 0x100,
        rd_bytes: OUT,
        rd_handles: OUT + 0x100,
        wr_num_bytes: 16,
        rd_num_bytes: 64,
        rd_num_handles: 4,
        ..Default::default()
    };
    play.write(kit, RECORDS, args.to_bytes().as_ref());
    let (channel, late) = (play.give(theirs), late(kit));
    let [options, args, bytes, handles] = [0, RECORDS, OUT + 0x200, OUT + 0x204].map(Arg::Word);
    play.call(name, &[channel, options, late, args, bytes, handles]);
    let paper = kit.out() + 0x100;
    let counts = paper + 0x90;
    let read = [mine, 0, paper, 0, letter_bytes(), 0, counts, counts];
    play.answer("channel_read", &read);
    let event = kit.make("event_create", &[0]);
    let sent = (event as u32).to_le_bytes();
    // Each call of several has a handle of its own.
    let handles = paper + 0x100 + 8 * failing.unwrap_or(0);
    kit.machine.put(handles, &sent).expect("memory");
    let write = [mine, 0, paper, 16, handles, 1].map(Arg::Word);
    let write = Cue::Do(Step::call("channel_write", &write));
    match failing {
        None => play.cues.push(write),
        Some(count) => {
            let fail = |count| Cue::Do(Step::FailAllocation(count));
            // If it was the director's own that failed, the second time does it.
            play.cues
                .extend([fail(count), write, fail(u64::MAX), write]);
        }
    }
    play.its_own = Some(channel);
    play.theirs.push(mine);
}

/// Raises an exception; a handler lets it go on.
fn exception(kit: &mut Kit<'_>, play: &mut Play) {
    const STATE: u64 = 16;
    let process = play.process;
    let channel = kit.make("task_create_exception_channel", &[process, 0]);
    play.parts[0].push(Step::Fault(NOTHING));
    let paper = kit.out() + 0x100;
    let (exception, handled) = (paper + 0x80, paper + 0x88);
    kit.machine
        .put(handled, &1u32.to_le_bytes())
        .expect("memory");
    let counts = paper + 0x90;
    let read = [channel, 0, paper, exception, 64, 1, counts, counts + 4];
    play.answer("channel_read", &read);
    let [state, value, bytes] = [STATE, handled, 4].map(Arg::Word);
    let exception = Arg::At(exception);
    let set = [exception, state, value, bytes];
    play.cues
        .push(Cue::Do(Step::call("object_set_property", &set)));
    play.cues
        .push(Cue::Do(Step::call("handle_close", &[exception])));
    play.theirs.push(channel);
}
