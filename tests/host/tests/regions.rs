//! Trees of regions as deep and as wide as programs like: what they cost the kernel, and how they
//! end with their process.

use jacinth_abi::{ExitCode, Status, Topic};
use jacinth_kernel::Next;
use jacinth_kernel::mem::Work;
use jacinth_sim::Arch;
use jacinth_sim::world::{self, Control, Ending, Options, Report, Thread};
use jacinth_tests_host::{Bench, MOST_BYTES};
use zx::{VmOptions, Vmar, Vmo, VmoOptions};

const P: u64 = 4096;

const CAN: VmOptions = VmOptions::CAN_MAP_READ
    .union(VmOptions::CAN_MAP_WRITE)
    .union(VmOptions::CAN_MAP_SPECIFIC);
const READ_WRITE: VmOptions = VmOptions::PERM_READ.union(VmOptions::PERM_WRITE);

/// A machine on which nothing is recounted until the end: that would take as long as there are
/// regions, after every event.
fn unwatched(arch: Arch) -> Options {
    let mut options = Bench::new(arch, 1).options;
    options.is_audited = false;
    options
}

fn run(options: &Options, body: fn(&zx::Startup)) -> Report {
    let main = |thread: &Thread, control: &Control, bootstrap: u32| {
        let start =
            jacinth_tests_host::start(thread, bootstrap).expect("a program is given what it needs");
        body(&start);
        let audit = control.with(|sim, kernel| kernel.audit(sim));
        assert_eq!(audit, Ok(()));
        0
    };
    let report = world::run(options, Box::new(main));
    let console = report.sim.console();
    assert_eq!(report.ending, Ending::Exit(ExitCode::Init(0)), "{console}");
    report
}

/// Regions in regions, each all of the one above; the handle of the last.
fn chain(top: &Vmar, depth: usize) -> Vmar {
    let (mut last, _) = top.allocate(CAN, 0, 4 * P).expect("there is room");
    for _ in 1..depth {
        (last, _) = last.allocate(CAN, 0, 4 * P).expect("there is room");
    }
    last
}

/// Mappings in regions side by side.
fn row(top: &Vmar, vmo: &Vmo, count: u64) {
    let (parent, _) = top.allocate(CAN, 0, 2 * count * P).expect("there is room");
    for number in 0..count {
        let options = CAN | VmOptions::SPECIFIC;
        let (child, _) = parent
            .allocate(options, 2 * number * P, P)
            .expect("nothing is there");
        let mapped = child.map_at(READ_WRITE, 0, vmo, 0, P);
        core::mem::forget(mapped.expect("nothing is there"));
    }
}

/// How many records a list has.
fn count(handle: u32, topic: Topic) -> u64 {
    let mut avail = [0; 8];
    let none = zx::sys::Place::At(zx::Address::NULL);
    zx::sys::object_get_info(handle, topic.0, zx::sys::Output::NONE, none, &mut avail)
        .expect("a list");
    u64::from_le_bytes(avail)
}

#[test]
fn a_process_ends_with_deep_and_wide_trees_bit_by_bit() {
    for arch in Arch::ALL {
        let report = run(&unwatched(arch), |start| {
            let vmo = Vmo::create(P, VmoOptions::empty()).expect("a VMO");
            let last = chain(&start.root_vmar, 10_000);
            let place = last.map_at(READ_WRITE, 0, &vmo, 0, P).expect("a mapping");
            place.write64(0, 7);
            assert_eq!(place.read64(0), 7);
            core::mem::forget(place);
            row(&start.root_vmar, &vmo, 4_000);
        });
        let most = report.most_changed;
        assert!(most.entries <= u64::from(Work::EVENT) * 4, "{most:?}");
        assert!(most.bytes <= MOST_BYTES, "{most:?}");
    }
}

/// The same with few, and everything recounted after each event.
#[test]
fn nothing_is_lost_when_trees_end_with_their_process() {
    for arch in Arch::ALL {
        run(&Bench::new(arch, 1).options, |start| {
            let vmo = Vmo::create(P, VmoOptions::empty()).expect("a VMO");
            let last = chain(&start.root_vmar, 50);
            let place = last.map_at(READ_WRITE, 0, &vmo, 0, P).expect("a mapping");
            place.write64(0, 7);
            core::mem::forget(place);
            row(&start.root_vmar, &vmo, 50);
            row(&last, &vmo, 1);
        });
    }
}

/// Every piece is looked at, and then changed, and the lock is given up on the way; so it is when
/// they all make room for one.
#[test]
fn long_rows_of_pieces_are_changed_bit_by_bit() {
    const PIECES: u64 = 2_000;
    for arch in Arch::ALL {
        let report = run(&unwatched(arch), |start| {
            let vmo = Vmo::create(PIECES * P, VmoOptions::empty()).expect("a VMO");
            let place = start.root_vmar.map_at(READ_WRITE, 0, &vmo, 0, PIECES * P);
            let place = place.expect("there is room");
            for piece in (0..PIECES).step_by(2) {
                let changed = place.protect(VmOptions::PERM_READ, piece * P, P);
                changed.expect("it is ours");
            }
            let changed = place.protect(READ_WRITE, 0, PIECES * P);
            changed.expect("it was so before");
            for piece in (0..PIECES).step_by(2) {
                let mapped = place.overwrite(READ_WRITE, piece * P, &vmo, 0, P);
                mapped.expect("it is ours");
            }
            let mapped = place.overwrite(READ_WRITE, 0, &vmo, 0, PIECES * P);
            mapped.expect("it is ours");
            assert_eq!(vmo.vmo_info().expect("its own").num_mappings, 1);
        });
        let pauses = report.trace.iter().filter(|next| **next == Next::Again);
        let pieces = PIECES / u64::from(Work::EVENT);
        assert!(pauses.count() as u64 >= 3 * (pieces - 1));
    }
}

#[test]
fn a_deep_chain_is_destroyed_and_listed() {
    for arch in Arch::ALL {
        run(&unwatched(arch), |start| {
            let (top, _) = start
                .root_vmar
                .allocate(CAN, 0, 8 * P)
                .expect("there is room");
            let last = chain(&top, 10_000);
            let own = last.maps().expect("a list");
            assert_eq!(own.first().map(|it| it.depth), Some(10_002));
            assert_eq!(count(top.value(), Topic::VMAR_MAPS), 10_001);
            let process = start.process.as_ref().expect("its own process");
            assert!(count(process.value(), Topic::PROCESS_MAPS) > 10_003);
            top.destroy().expect("it is alive");
            assert_eq!(last.destroy(), Err(Status::BAD_STATE));
        });
    }
}
