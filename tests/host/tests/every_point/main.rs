//! A process is taken away at every point of every call that waits or gives the lock up, and
//! nothing is left of it: not a frame, a handle, an object, a wait or a deadline.
//!
//! A play is deterministic: a director starts a process whose thread, the victim, makes its calls;
//! whatever happens enters the kernel, and the entries are counted. They are the points: nothing of
//! the kernel's state changes between two of them. Each scene is played once untouched, which tells
//! how many entries it has; then once for each of them and each deed, which is done right before the
//! entry of that number. On one processor the director must have it first: there the share of
//! whoever is on ends at that point. On several the victim has one of its own: it may be in user
//! mode, or between the pieces of a long call, and notice the kick before or after its next step.
//!
//! The calls that wait are those of the table that take a deadline; one without a scene fails the
//! test. The long ones are all kinds of `Work` of the kernel, which must all have been seen.
//! Threads are no tasks that can be killed (`tasks.md` §3.2): they end with their process.

mod crowds;
mod fate;
mod kit;
mod long;
mod theatre;
mod waits;

use fate::Fate;
use jacinth_abi::SYSCALLS;
use jacinth_kernel::census::{LONG_CALLS, UnderWay, WAITS};
use jacinth_sim::Arch;
use jacinth_tests_host::stage::Kicks;
use kit::{Kit, Play};
use theatre::Theatre;

/// What the victim is in the middle of, and how it comes there.
#[derive(Clone, Copy)]
struct Scene {
    /// The row of the table.
    row: &'static str,
    /// What must have been seen in an untouched play.
    kind: UnderWay,
    /// What the victim's last call answers in one.
    last: i64,
    /// What comes to a victim that waits.
    ending: Ending,
    /// Makes what it needs.
    set: fn(&mut Kit<'_>, &mut Play),
}

/// What comes to a victim that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// An answer.
    Answered,
    /// Its deadline.
    Late,
}

/// All scenes; those with a part of a name if the environment says so.
fn scenes() -> Vec<Scene> {
    let mut scenes = waits::scenes();
    scenes.extend(long::scenes());
    let only = std::env::var("ONLY").unwrap_or_default();
    scenes.retain(|scene| format!("{} {:?}", scene.row, scene.kind).contains(&only));
    scenes
}

fn run(arch: Arch, cpus: usize, kicks: Kicks) {
    let mut theatre = Theatre::new(arch, cpus, kicks);
    let mut failures = Vec::new();
    for scene in scenes() {
        let Scene {
            row, kind, ending, ..
        } = scene;
        let name = format!("{row}, {kind:?}, {ending:?}");
        let before = theatre.plays;
        let points = theatre.rehearse(scene);
        let fates = Fate::ALL.into_iter();
        let all = fates.map(|fate| theatre.all_points(scene, fate));
        let failed = all.collect::<Result<(), String>>();
        println!(
            "{name}: {points:?} points, {} plays",
            theatre.plays - before
        );
        for what in points.err().into_iter().chain(failed.err()) {
            failures.push(format!("{name}: {what}"));
            theatre = Theatre::new(arch, cpus, kicks);
        }
    }
    assert!(
        failures.is_empty(),
        "{arch:?}, {cpus} processors, {kicks:?}: {failures:#?}"
    );
}

/// Rows that take a deadline and do not wait for it.
const NEVER_WAIT: [&str; 1] = ["timer_set"];
/// Kinds of work that no scene comes to: contents of a discardable VMO that are going while they
/// are locked, which takes a machine whose memory is gone.
const NOT_PLAYED: [&str; 1] = ["Lock"];

#[test]
fn every_call_that_waits_has_a_scene() {
    let scenes = scenes();
    for row in SYSCALLS {
        let takes_deadline = row.arguments.iter().any(|(name, _)| *name == "deadline");
        let has_scene = scenes.iter().any(|scene| scene.row == row.name);
        let waits = takes_deadline && !NEVER_WAIT.contains(&row.name);
        assert!(has_scene || !waits, "{} has no scene", row.name);
    }
    let kinds = WAITS.iter().copied().map(UnderWay::Wait);
    let kinds = kinds.chain(LONG_CALLS.iter().copied().map(UnderWay::Work));
    for kind in kinds {
        let has_scene = scenes.iter().any(|scene| scene.kind == kind);
        let is_played = !matches!(kind, UnderWay::Work(name) if NOT_PLAYED.contains(&name));
        assert!(has_scene || !is_played, "{kind:?} has no scene");
    }
}

#[test]
fn one_processor_x86_64() {
    run(Arch::X86_64, 1, Kicks::First);
}

#[test]
fn one_processor_aarch64() {
    run(Arch::Aarch64, 1, Kicks::First);
}

#[test]
fn several_processors_x86_64() {
    run(Arch::X86_64, 3, Kicks::First);
    run(Arch::X86_64, 3, Kicks::Last);
}

#[test]
fn several_processors_aarch64() {
    run(Arch::Aarch64, 3, Kicks::First);
    run(Arch::Aarch64, 3, Kicks::Last);
}
