//! What operations on ranges of pages cost, what they ask of the machine, and what becomes of
//! contents that may be thrown away.

use jacinth_abi::{ExitCode, Record, Topic, VmoInfo, VmoLockState};
use jacinth_kernel::PAGE_SIZE;
use jacinth_kernel::hal::CacheOp;
use jacinth_sim::world::{self, Control, Ending, Report, Thread};
use jacinth_sim::{Arch, run};
use jacinth_tests_host::{Bench, MOST_BYTES, start};
use zx::{CachePolicy, Status, VmOptions, Vmo, VmoOp, VmoOptions};

const MIB: u64 = 1 << 20;
const READ_WRITE: VmOptions = VmOptions::PERM_READ.union(VmOptions::PERM_WRITE);

/// Runs a program in a world with 16 MiB more RAM than others, in one piece.
fn in_world(arch: Arch, body: impl Fn(&zx::Startup, &Control) + Send + Sync + 'static) -> Report {
    let mut bench = Bench::new(arch, 1);
    bench.options.config.ram.push(run(0x2_0000_0000, 16 * MIB));
    let main = move |thread: &Thread, control: &Control, bootstrap: u32| {
        let start = start(thread, bootstrap).expect("a program is given what it needs");
        thread.warm_up(u64::MAX);
        body(&start, control);
        0
    };
    let report = world::run(&bench.options, Box::new(main));
    assert_eq!(
        report.ending,
        Ending::Exit(ExitCode::Init(0)),
        "{}",
        report.sim.console()
    );
    report
}

fn committed(vmo: &Vmo) -> u64 {
    let info: VmoInfo = vmo.info(Topic::VMO).expect("a VMO tells of itself");
    info.committed_bytes
}

/// Large ranges give the lock up in between: no event changes more than a bounded part of memory.
#[test]
fn no_event_does_a_large_range() {
    const BYTES: u64 = 4 * MIB;
    for arch in Arch::ALL {
        let report = in_world(arch, |start, _| {
            let vmo = Vmo::create(BYTES, VmoOptions::RESIZABLE).expect("a VMO");
            let other = Vmo::create(BYTES, VmoOptions::empty()).expect("a VMO");
            for round in 0..2 {
                vmo.commit(0, BYTES).expect("there is memory");
                assert_eq!(committed(&vmo), BYTES);
                vmo.op_range(VmoOp::CacheCleanInvalidate, 0, BYTES)
                    .expect("it is memory");
                let region = start
                    .root_vmar
                    .map(&vmo, READ_WRITE)
                    .expect("there is room");
                match round {
                    0 => vmo.zero(0, BYTES).expect("it is memory"),
                    _ => vmo.decommit(0, BYTES).expect("it is memory"),
                }
                assert_eq!(committed(&vmo), 0);
                vmo.commit(0, BYTES).expect("there is memory");
                zx::sys::vmo_transfer_data(other.value(), 0, 0, BYTES, vmo.value(), 0)
                    .expect("both are memory");
                assert_eq!((committed(&vmo), committed(&other)), (0, BYTES));
                vmo.commit(0, BYTES).expect("there is memory");
                region.unmap().expect("it is mapped");
                vmo.set_size(PAGE_SIZE).expect("it is resizable");
                assert_eq!(committed(&vmo), PAGE_SIZE);
                vmo.set_size(BYTES).expect("it is resizable");
                other.set_stream_size(0).expect("it has one");
                assert_eq!(committed(&other), 0);
            }
        });
        let most = report.most_changed;
        assert!(most.bytes <= MOST_BYTES, "{most:?}");
        // No block is split: the ranges begin and end where blocks do.
        assert!(most.entries <= 256, "{most:?}");
    }
}

/// Pages that lie as they should are shown by blocks, and go as blocks.
#[test]
fn committed_stretches_are_mapped_by_blocks() {
    for arch in Arch::ALL {
        in_world(arch, |start, _| {
            let vmo = Vmo::create(4 * MIB + PAGE_SIZE, VmoOptions::empty()).expect("a VMO");
            vmo.commit(0, 4 * MIB + PAGE_SIZE).expect("there is memory");
            let before = start.root_vmar.page_table_info().expect("it tells");
            let aligned = READ_WRITE.with_alignment(21);
            let region = start
                .root_vmar
                .map_at(
                    aligned | VmOptions::MAP_RANGE,
                    0,
                    &vmo,
                    0,
                    4 * MIB + PAGE_SIZE,
                )
                .expect("there is room");
            let after = start.root_vmar.page_table_info().expect("it tells");
            assert_eq!(after.blocks_2m - before.blocks_2m, 2);
            assert_eq!(after.pages_4k - before.pages_4k, 1);
            vmo.decommit(2 * MIB, 2 * MIB).expect("it is memory");
            let after = start.root_vmar.page_table_info().expect("it tells");
            assert_eq!(after.blocks_2m - before.blocks_2m, 1);
            assert_eq!(region.read64(2 * MIB), 0);
            // A block of which a part goes is shown by pages.
            vmo.decommit(PAGE_SIZE, PAGE_SIZE).expect("it is memory");
            region.write64(0, 1);
            let after = start.root_vmar.page_table_info().expect("it tells");
            assert_eq!(after.blocks_2m, before.blocks_2m);
        });
    }
}

/// What may be thrown away goes when memory is short, longest unlocked first, and its owner is told.
#[test]
fn unlocked_contents_make_room() {
    for arch in Arch::ALL {
        in_world(arch, |_, control| {
            let discardable = || {
                let vmo = Vmo::create(4 * MIB, VmoOptions::DISCARDABLE).expect("a VMO");
                vmo.commit(0, 4 * MIB).expect("there is memory");
                vmo.write(MIB, &[7]).expect("it is memory");
                vmo
            };
            let all = |vmo: &Vmo, op| vmo.op_range(op, 0, 4 * MIB);
            // More than one event looks at have nothing to give.
            let empty: Vec<Vmo> = (0..200)
                .map(|_| Vmo::create(4 * MIB, VmoOptions::DISCARDABLE).expect("a VMO"))
                .collect();
            for vmo in &empty {
                all(vmo, VmoOp::TryLock).expect("nothing is gone");
                all(vmo, VmoOp::Unlock).expect("it is locked");
            }
            let (kept, first, second) = (discardable(), discardable(), discardable());
            for vmo in [&kept, &first, &second] {
                all(vmo, VmoOp::TryLock).expect("nothing is gone");
            }
            for vmo in [&first, &second] {
                all(vmo, VmoOp::Unlock).expect("it is locked");
            }
            let frames = control.with(|_, kernel| kernel.mem().frames.free_frames());
            let hog = Vmo::create(frames * PAGE_SIZE + MIB, VmoOptions::empty());
            let hog = hog.expect("a VMO");
            hog.commit(0, frames * PAGE_SIZE + MIB)
                .expect("what may go makes room");

            assert_eq!(all(&first, VmoOp::TryLock), Err(Status::UNAVAILABLE));
            assert_eq!(committed(&first), 0);
            all(&second, VmoOp::TryLock).expect("one was enough");
            let mut byte = [0];
            for vmo in [&kept, &second] {
                vmo.read(MIB, &mut byte).expect("it is memory");
                assert_eq!(byte, [7]);
            }
            let mut told = [0; 32];
            let buffer = zx::sys::Output::Here(&mut told);
            let lock = VmoOp::Lock.number();
            zx::sys::vmo_op_range(first.value(), lock, 0, 4 * MIB, buffer).expect("it can be");
            let told = VmoLockState::from_bytes(&told);
            assert_eq!((told.size, told.discarded_size), (4 * MIB, 4 * MIB));
            first.read(MIB, &mut byte).expect("it is memory");
            assert_eq!(byte, [0]);

            // Nothing else may go.
            let more = hog.size().expect("it has one") + 32 * MIB;
            let hog = Vmo::create(more, VmoOptions::empty()).expect("a VMO");
            assert_eq!(hog.commit(0, more), Err(Status::NO_MEMORY));
        });
    }
}

/// Caches are maintained for exactly the committed bytes asked for, and around uncached use.
#[test]
fn caches_are_maintained() {
    for arch in Arch::ALL {
        in_world(arch, |start, control| {
            let vmo = Vmo::create(4 * PAGE_SIZE, VmoOptions::empty()).expect("a VMO");
            vmo.commit(0, PAGE_SIZE).expect("there is memory");
            vmo.commit(2 * PAGE_SIZE, PAGE_SIZE)
                .expect("there is memory");
            let log = |act: &dyn Fn()| {
                let before = control.with(|sim, _| sim.cache_log().len());
                act();
                control.with(|sim, _| sim.cache_log()[before..].to_vec())
            };
            let by = |op, offset, size| {
                let done = log(&|| vmo.op_range(op, offset, size).expect("it is memory"));
                let parts = done
                    .into_iter()
                    .map(|(op, at, bytes)| (op, at.page_offset(), bytes));
                parts.collect::<Vec<_>>()
            };
            for (op, done) in [
                (VmoOp::CacheClean, CacheOp::Clean),
                (VmoOp::CacheInvalidate, CacheOp::Invalidate),
                (VmoOp::CacheCleanInvalidate, CacheOp::CleanInvalidate),
                (VmoOp::CacheSync, CacheOp::Sync),
            ] {
                assert_eq!(by(op, 10, 20), [(done, 10, 20)]);
                assert_eq!(by(op, PAGE_SIZE, PAGE_SIZE), []);
                assert_eq!(
                    by(op, PAGE_SIZE - 1, PAGE_SIZE + 2),
                    [(done, PAGE_SIZE - 1, 1), (done, 0, 1)]
                );
            }
            let whole = (CacheOp::CleanInvalidate, PAGE_SIZE);
            let pages = |act: &dyn Fn()| {
                let done = log(act);
                done.into_iter()
                    .map(|(op, _, bytes)| (op, bytes))
                    .collect::<Vec<_>>()
            };
            let set = |policy| vmo.set_cache_policy(policy).expect("nobody has it mapped");
            // Out of CACHED, fresh pages meanwhile, and back.
            assert_eq!(pages(&|| set(CachePolicy::Uncached)), [whole; 2]);
            let region = start
                .root_vmar
                .map(&vmo, READ_WRITE)
                .expect("there is room");
            assert_eq!(pages(&|| region.write8(PAGE_SIZE, 1)), [whole]);
            drop(region);
            assert_eq!(
                pages(&|| vmo.commit(0, 4 * PAGE_SIZE).expect("it may be")),
                [whole]
            );
            assert_eq!(pages(&|| set(CachePolicy::Cached)), [whole; 4]);
            assert_eq!(pages(&|| set(CachePolicy::Cached)), []);
        });
    }
}
