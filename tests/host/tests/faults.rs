//! What a program dies of when it touches what it may not, and what the kernel says about it.

use jacinth_abi::ExitCode;
use jacinth_sim::world::{self, Control, Ending, Thread};
use jacinth_sim::{Arch, Config};
use jacinth_tests_host::Bench;
use zx::{CachePolicy, Region, Startup, VmOptions, Vmo};

const PAGE: u64 = jacinth_kernel::PAGE_SIZE;
const READ: VmOptions = VmOptions::PERM_READ;
const READ_WRITE: VmOptions = READ.union(VmOptions::PERM_WRITE);

/// Takes a value that nobody will see: its program dies in making it.
fn use_up<T>(_value: T) {}

/// Runs a program that must not survive; answers what the kernel said.
fn dies(arch: Arch, body: impl Fn(&Thread, &Startup) + Sync) -> String {
    let main = |thread: &Thread, _: &Control, bootstrap: u32| {
        let start =
            jacinth_tests_host::start(thread, bootstrap).expect("a program is given what it needs");
        body(thread, &start);
        0
    };
    let report = world::run(&Bench::new(arch, 3).options, Box::new(main));
    assert_eq!(
        report.ending,
        Ending::Exit(ExitCode::InitKilled),
        "{}",
        report.sim.console()
    );
    report.sim.console().to_owned()
}

#[track_caller]
fn dies_of(arch: Arch, what: &[&str], body: impl Fn(&Thread, &Startup) + Sync) {
    let console = dies(arch, body);
    assert!(
        console.starts_with("jacinth: process init killed: "),
        "{console}"
    );
    for what in what {
        assert!(console.contains(what), "{what} is not in {console}");
    }
}

fn paged(start: &Startup, options: VmOptions, pages: u64) -> Region {
    let vmo = Vmo::create(PAGE, zx::VmoOptions::empty()).expect("a VMO");
    start
        .root_vmar
        .map_at(options, 0, &vmo, 0, pages * PAGE)
        .expect("a mapping")
}

fn device(start: &Startup, policy: CachePolicy, options: VmOptions, pages: u64) -> Region {
    let root = start.mmio.as_ref().expect("the root of MMIO");
    let vmo = Vmo::create_physical(root, Config::SCRATCH.base.raw(), PAGE).expect("a VMO");
    vmo.set_cache_policy(policy).expect("it is not mapped");
    start
        .root_vmar
        .map_at(options, 0, &vmo, 0, pages * PAGE)
        .expect("a mapping")
}

#[test]
fn nothing_is_mapped() {
    for arch in Arch::ALL {
        dies_of(arch, &["reason NOT_FOUND", "0x0"], |thread, _| {
            use_up(thread.load(0, 4))
        });
        dies_of(arch, &["reason NOT_FOUND"], |thread, _| {
            thread.store(0xffff_8000_0000_0000, 8, 1)
        });
        dies_of(arch, &["reason NOT_FOUND"], |_, start| {
            let region = paged(start, READ_WRITE, 1);
            region.write32(0, 1);
            region.unmap_part(0, PAGE).expect("it is mapped");
            region.write32(0, 2);
        });
    }
}

#[test]
fn the_mapping_does_not_allow_it() {
    for arch in Arch::ALL {
        dies_of(arch, &["reason ACCESS_DENIED"], |_, start| {
            paged(start, READ, 1).write8(0, 1)
        });
        dies_of(arch, &["reason ACCESS_DENIED"], |_, start| {
            use_up(paged(start, VmOptions::empty(), 1).read8(0))
        });
        dies_of(arch, &["reason ACCESS_DENIED"], |thread, start| {
            thread.fetch(paged(start, READ_WRITE, 1).base())
        });
        for eager in [VmOptions::empty(), VmOptions::MAP_RANGE] {
            dies_of(arch, &["reason ACCESS_DENIED"], |_, start| {
                device(start, CachePolicy::Uncached, READ | eager, 1).write32(0, 1);
            });
            dies_of(arch, &["reason ACCESS_DENIED"], |_, start| {
                use_up(device(start, CachePolicy::Uncached, eager, 1).read32(0));
            });
        }
    }
}

#[test]
fn the_vmo_ends_before() {
    for arch in Arch::ALL {
        dies_of(arch, &["reason OUT_OF_RANGE"], |_, start| {
            use_up(paged(start, READ, 2).read8(PAGE))
        });
        for eager in [VmOptions::empty(), VmOptions::MAP_RANGE] {
            dies_of(arch, &["reason OUT_OF_RANGE"], |_, start| {
                use_up(device(start, CachePolicy::Uncached, READ | eager, 2).read32(PAGE));
            });
        }
    }
}

/// aarch64 never executes from a device (`mmu.md` §2.2).
#[test]
fn devices_are_not_executed_on_arm() {
    let options = READ | VmOptions::PERM_EXECUTE;
    dies_of(Arch::Aarch64, &["reason INVALID_ARGS"], |_, start| {
        use_up(device(start, CachePolicy::Uncached, options, 1).read32(0));
    });
}

#[test]
fn devices_want_alignment_on_arm() {
    let console = dies(Arch::Aarch64, |thread, start| {
        let region = device(start, CachePolicy::Uncached, READ, 1);
        use_up(thread.load(region.base() + 2, 4));
    });
    assert!(console.contains("killed: UNALIGNED_ACCESS"), "{console}");
}

#[test]
fn a_call_that_does_not_exist() {
    for arch in Arch::ALL {
        for number in [
            0x8000_0000,
            0xff00_ff00_0000_0000,
            0xff00_ff00_0000_0010,
            1 << 32,
        ] {
            dies(arch, move |_, _| use_up(zx::sys::unknown(number)));
        }
    }
}

#[test]
fn return_codes_become_the_exit_code() {
    for (code, exit) in [
        (0, ExitCode::Init(0)),
        (63, ExitCode::Init(63)),
        (64, ExitCode::InitOutOfRange),
        (-1, ExitCode::InitOutOfRange),
    ] {
        let report = world::run(
            &Bench::new(Arch::X86_64, 1).options,
            Box::new(move |_, _, _| code),
        );
        assert_eq!(report.ending, Ending::Exit(exit));
    }
}

/// The memory type of a mapping is what the policy says, as the processor sees it.
#[test]
fn policies_reach_the_device() {
    use jacinth_sim::MemoryType::{
        DeviceNGnRE, DeviceNGnRnE, NonCacheable, Uncacheable, WriteBack, WriteCombining,
    };
    let expected = |arch| match arch {
        Arch::X86_64 => [WriteBack, Uncacheable, Uncacheable, WriteCombining],
        Arch::Aarch64 => [WriteBack, DeviceNGnRnE, DeviceNGnRE, NonCacheable],
    };
    for arch in Arch::ALL {
        let main = |thread: &Thread, control: &Control, bootstrap: u32| {
            let start = jacinth_tests_host::start(thread, bootstrap)
                .expect("a program is given what it needs");
            for (policy, memory) in CachePolicy::ALL.iter().zip(expected(arch)) {
                for eager in [VmOptions::empty(), VmOptions::MAP_RANGE] {
                    device(&start, *policy, READ_WRITE | eager, 1).write32(4, 1);
                    let log = |sim: &mut jacinth_sim::Sim, _: &mut jacinth_kernel::Kernel| {
                        sim.device(Config::SCRATCH.base)
                            .and_then(|device| device.log.last().copied())
                    };
                    let touch = control.with(log).expect("the store reached the device");
                    assert_eq!(
                        (touch.memory, touch.is_store, touch.width_bytes),
                        (memory, true, 4),
                        "{policy:?}"
                    );
                }
            }
            0
        };
        let report = world::run(&Bench::new(arch, 1).options, Box::new(main));
        assert_eq!(
            report.ending,
            Ending::Exit(ExitCode::Init(0)),
            "{}",
            report.sim.console()
        );
    }
}

/// The same seed gives the same run, event for event.
#[test]
fn a_seed_replays() {
    let run = |seed| {
        let main = |thread: &Thread, _: &Control, bootstrap: u32| {
            let start = jacinth_tests_host::start(thread, bootstrap)
                .expect("a program is given what it needs");
            let region = paged(&start, READ_WRITE, 1);
            for round in 0..200 {
                region.write64(0, round);
                zx::time::sleep_ns(20_000).expect("time passes");
            }
            0
        };
        let report = world::run(&Bench::new(Arch::X86_64, seed).options, Box::new(main));
        assert_eq!(report.ending, Ending::Exit(ExitCode::Init(0)));
        (report.trace, jacinth_kernel::hal::Cpu::now(&report.sim))
    };
    assert_eq!(run(11), run(11));
    assert_ne!(run(11), run(12));
}
