//! What things cost the kernel: memory, and time under the lock.

use jacinth_kernel::mem::Work;
use jacinth_kernel::{Next, PAGE_SIZE};
use jacinth_sim::world::{self, Control, Ending, Thread};
use jacinth_sim::{Arch, run};
use jacinth_tests_host::{Bench, MOST_BYTES};
use zx::{VmOptions, Vmo};

const TIB: u64 = 1 << 40;

/// A machine with a device of 1 TiB at 2 TiB.
fn bench_with_large_device(arch: Arch) -> Bench {
    let mut bench = Bench::new(arch, 1);
    bench.options.config.phys_bits = 48;
    bench.options.config.devices.push(run(2 * TIB, TIB));
    bench
}

/// Free frames, and allocations asked for so far.
fn memory(control: &Control) -> (u64, u64) {
    control.with(|_, kernel| {
        (
            kernel.mem().frames.free_frames(),
            kernel.mem().budget.asked(),
        )
    })
}

/// What something takes: frames and allocations.
fn cost<R>(control: &Control, body: impl FnOnce() -> R) -> (R, (u64, u64)) {
    let before = memory(control);
    let result = body();
    let after = memory(control);
    (result, (before.0 - after.0, after.1 - before.1))
}

#[test]
fn a_physical_vmo_costs_the_same_whatever_its_size() {
    for arch in Arch::ALL {
        let bench = bench_with_large_device(arch);
        let main = |thread: &Thread, control: &Control, bootstrap: u32| {
            let start = jacinth_tests_host::start(thread, bootstrap)
                .expect("a program is given what it needs");
            let root = start.mmio.as_ref().expect("the root of MMIO");
            thread.warm_up(u64::MAX);
            let create =
                |bytes: u64| Vmo::create_physical(root, 2 * TIB, bytes).expect("nobody denies it");
            drop((create(PAGE_SIZE), create(PAGE_SIZE)));
            let (small, small_cost) = cost(control, || create(PAGE_SIZE));
            let (large, large_cost) = cost(control, || create(TIB));
            assert_eq!(small_cost, large_cost);
            assert_eq!(large.size(), Ok(TIB));
            let map = |vmo: &Vmo| {
                let bytes = vmo.size().expect("a VMO has a size");
                start
                    .root_vmar
                    .map_at(VmOptions::PERM_READ, 0, vmo, 0, bytes)
                    .expect("there is room")
            };
            drop((map(&small), map(&large)));
            let (_small, small_cost) = cost(control, || map(&small));
            let (lazy, large_cost) = cost(control, || map(&large));
            assert_eq!(small_cost, large_cost);
            drop(lazy);
            let (_eager, (frames, _)) = cost(control, || {
                start.root_vmar.map(&large, VmOptions::PERM_READ)
            });
            assert!(
                frames <= 6,
                "1 TiB in blocks of 1 GiB takes {frames} tables"
            );
            0
        };
        let report = world::run(&bench.options, Box::new(main));
        assert_eq!(
            report.ending,
            Ending::Exit(jacinth_abi::ExitCode::Init(0)),
            "{}",
            report.sim.console()
        );
    }
}

#[test]
fn no_event_spends_more_than_it_may() {
    for arch in Arch::ALL {
        let main = |thread: &Thread, _: &Control, bootstrap: u32| {
            let start = jacinth_tests_host::start(thread, bootstrap)
                .expect("a program is given what it needs");
            let vmo = Vmo::create(1024 * PAGE_SIZE, zx::VmoOptions::empty()).expect("a VMO");
            let region = start
                .root_vmar
                .map(&vmo, VmOptions::PERM_READ | VmOptions::PERM_WRITE)
                .expect("a region");
            for page in 0..1024 {
                region.write64(page * PAGE_SIZE, page);
            }
            region
                .protect(VmOptions::PERM_READ, 0, 1024 * PAGE_SIZE)
                .expect("it may lose permissions");
            let bytes = vec![1; 128 * 1024];
            vmo.write(0, &bytes).expect("it is memory");
            drop((region, vmo));
            0
        };
        let report = world::run(&Bench::new(arch, 1).options, Box::new(main));
        assert_eq!(
            report.ending,
            Ending::Exit(jacinth_abi::ExitCode::Init(0)),
            "{}",
            report.sim.console()
        );
        let most = report.most_changed;
        // 4096 pages are protected and unmapped, 1024 filled and freed: done at once, each would
        // change several times as much.
        assert!(most.entries <= 256, "{most:?}");
        assert!(most.bytes <= MOST_BYTES, "{most:?}");
    }
}

/// A closed VMO is freed bit by bit; who needs its memory before waits for it.
#[test]
fn memory_that_is_being_freed_is_memory() {
    const MIB: u64 = 1 << 20;
    for arch in Arch::ALL {
        let bench = bench_with_large_device(arch);
        let main = |thread: &Thread, control: &Control, bootstrap: u32| {
            let start = jacinth_tests_host::start(thread, bootstrap)
                .expect("a program is given what it needs");
            let root = start.mmio.as_ref().expect("the root of MMIO");
            thread.warm_up(u64::MAX);
            let device = Vmo::create_physical(root, 2 * TIB + PAGE_SIZE, 192 * MIB)
                .expect("nobody denies it");
            let (free, _) = memory(control);
            let big = Vmo::create(free * PAGE_SIZE, zx::VmoOptions::empty()).expect("a VMO");
            let chunk = vec![1; 64 * 1024];
            let mut at = 0;
            while big.write(at, &chunk).is_ok() {
                at += 64 * 1024;
            }
            drop(big);
            // No block fits: a table for each 2 MiB, all in one call.
            let options = VmOptions::PERM_READ | VmOptions::MAP_RANGE | VmOptions::SPECIFIC;
            let region = start.root_vmar.map_at(options, TIB, &device, 0, 192 * MIB);
            drop(region.expect("the tables fit into what was freed"));
            0
        };
        let report = world::run(&bench.options, Box::new(main));
        assert_eq!(report.ending, Ending::Exit(jacinth_abi::ExitCode::Init(0)));
    }
}

/// A mapping of many pages is filled bit by bit, with the lock given up in between.
#[test]
fn filling_a_mapping_gives_the_lock_up() {
    const MIB: u64 = 1 << 20;
    for arch in Arch::ALL {
        let bench = bench_with_large_device(arch);
        let main = |thread: &Thread, _: &Control, bootstrap: u32| {
            let start = jacinth_tests_host::start(thread, bootstrap)
                .expect("a program is given what it needs");
            let root = start.mmio.as_ref().expect("the root of MMIO");
            let device = Vmo::create_physical(root, 2 * TIB + PAGE_SIZE, 16 * MIB)
                .expect("nobody denies it");
            let options = VmOptions::PERM_READ | VmOptions::MAP_RANGE | VmOptions::SPECIFIC;
            let region = start.root_vmar.map_at(options, TIB, &device, 0, 16 * MIB);
            drop(region.expect("there is room"));
            0
        };
        let report = world::run(&bench.options, Box::new(main));
        assert_eq!(report.ending, Ending::Exit(jacinth_abi::ExitCode::Init(0)));
        let pauses = report.trace.iter().filter(|next| **next == Next::Again);
        let pieces = 16 * MIB / PAGE_SIZE / u64::from(Work::EVENT);
        // As many again for taking the mapping away.
        assert!(pauses.count() as u64 >= 2 * (pieces - 1));
    }
}
