//! However many threads a process has, and however many wait for something or are told of it: no
//! event does more than its share. What is done with each shows in a count, so the most that any
//! count changed in one event is what is checked.

use crate::kit::{Kit, LATE_NS, Play};
use crate::long::{SIGNAL, crowd, packets};
use crate::theatre::Theatre;
use crate::waits::late;
use crate::{Ending, Scene};
use jacinth_kernel::census::UnderWay;
use jacinth_kernel::mem::Work;
use jacinth_sim::Arch;
use jacinth_tests_host::stage::{Arg, Cue, Kicks, Step};

/// How many threads.
const THREADS: u64 = 1000;
/// How many packets of each kind.
const PACKETS: u64 = 5000;
/// What an event may do: its share of teardown, of answers to waits and of a long call.
const SHARE: u64 = 3 * Work::EVENT as u64;
/// Counts that one event may change by more than that. A signal only notes, with a few
/// instructions for each who waits for it, that they are to be told.
const EXCEPT: [&str; 1] = ["woken threads"];

fn play(kind: UnderWay, set: fn(&mut Kit<'_>, &mut Play)) {
    let scene = Scene {
        row: "",
        kind,
        last: 0,
        ending: Ending::Answered,
        set,
    };
    for cpus in [1, 3] {
        let mut theatre = Theatre::new(Arch::X86_64, cpus, Kicks::First);
        theatre.rehearse(scene).expect("a play");
        let most = &theatre.most;
        println!("{cpus} processors: {most:?}");
        let mut too_much = most.clone();
        too_much.retain(|name, most| *most > SHARE && !EXCEPT.contains(name));
        assert!(too_much.is_empty(), "{cpus} processors: {too_much:?}");
    }
}

/// Something that the director does when all threads wait.
fn then(play: &mut Play, calls: &[(&str, &[u64])]) {
    for (name, args) in calls {
        play.answer(name, args);
    }
}

#[test]
fn killed() {
    play(UnderWay::Wait("Futex"), |kit, play| {
        let late = late(kit);
        crowd(kit, play, THREADS, late);
        let process = play.process;
        then(play, &[("task_kill", &[process])]);
    });
}

#[test]
fn suspended_and_resumed() {
    play(UnderWay::Wait("Futex"), |kit, play| {
        let late = late(kit);
        crowd(kit, play, THREADS, late);
        let (process, token) = (play.process, kit.out());
        then(play, &[("task_suspend", &[process, token])]);
        let close = Step::call("handle_close", &[Arg::At(token)]);
        play.cues.extend([Cue::Quiet, Cue::Do(close)]);
    });
}

#[test]
fn late_all_at_once() {
    play(UnderWay::Wait("Futex"), |kit, play| {
        let late = late(kit);
        crowd(kit, play, THREADS, late);
        let ns = 2 * LATE_NS.cast_signed();
        play.cues.extend([Cue::Quiet, Cue::Pass(ns)]);
    });
}

#[test]
fn woken_by_a_signal() {
    play(UnderWay::Wait("Signals"), |kit, play| {
        const NEVER: u64 = i64::MAX.cast_unsigned();
        let event = kit.make("event_create", &[0]);
        let copy = kit.copy(event);
        let copy = play.give(copy);
        let [signal, never, zero] = [SIGNAL, NEVER, 0].map(Arg::Word);
        let wait = Step::call("object_wait_one", &[copy, signal, never, zero]);
        play.parts[0].push(wait);
        for _ in 1..THREADS {
            play.add_thread(kit, vec![wait]);
        }
        then(play, &[("object_signal", &[event, 0, SIGNAL])]);
    });
}

#[test]
fn cancelled() {
    play(UnderWay::Work("Cancel"), |kit, play| {
        const KEY: u64 = 7;
        let port = packets(kit, PACKETS, KEY);
        let copy = kit.copy(port);
        let copy = play.give(copy);
        let [options, key] = [0, KEY].map(Arg::Word);
        play.call("port_cancel_key", &[copy, options, key]);
    });
}
