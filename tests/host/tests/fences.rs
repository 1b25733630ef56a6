//! The two fences around physical memory, each attacked with the other one out of the way.

use conformance::Env;
use jacinth_kernel::hal::{
    AspaceId, Backing, CachePolicy, MapAttrs, MapError, Mmu, MmuFlags, PhysMem,
};
use jacinth_kernel::mem::{Mem, Work};
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_sim::world::{self, Control, Ending, Thread};
use jacinth_sim::{Arch, Config, Sim};
use jacinth_tests_host::Bench;
use zx::{Resource, Status, Vmo};

/// Somewhere in the user's half that no program uses.
const AT: u64 = 0x12_3456_7000;

/// Runs something in a live world.
fn in_world(bench: &Bench, body: impl Fn(&Env, &Resource, &Control) + Sync) {
    let main = |thread: &Thread, control: &Control, bootstrap: u32| {
        let start =
            jacinth_tests_host::start(thread, bootstrap).expect("a program is given what it needs");
        let env = Env::new(&start).expect("the machine has what scenarios need");
        body(
            &env,
            start.mmio.as_ref().expect("the root of MMIO"),
            control,
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

fn page(at: PhysAddr) -> PhysRun {
    PhysRun { base: at, pages: 1 }
}

fn frames(run: PhysRun) -> impl Iterator<Item = PhysRun> {
    (0..run.pages).map(move |number| page(PhysAddr::new(run.base.raw() + number * PAGE_SIZE)))
}

/// Asks the machine for a mapping without asking the kernel; takes it back if it was made.
fn map(
    sim: &mut Sim,
    mem: &mut Mem,
    aspace: AspaceId,
    at: u64,
    run: PhysRun,
    backing: Backing,
) -> Result<(), MapError> {
    let attrs = MapAttrs {
        flags: MmuFlags::READ | MmuFlags::WRITE,
        cache: CachePolicy::Cached,
        backing,
    };
    sim.map(aspace, VirtAddr::new(at), run, attrs, mem)?;
    let range = VirtRange::new(VirtAddr::new(at), run.bytes()).expect("a mapping that was made");
    let changed = sim.unmap(aspace, range, &mut Work::new(Work::EVENT), mem);
    sim.flush(aspace, changed.flush, mem);
    Ok(())
}

#[test]
fn mechanism_alone_keeps_ram_and_registers() {
    for arch in Arch::ALL {
        in_world(&Bench::new(arch, 1), |_, _, control| {
            control.with(|sim, kernel| {
                let mem = kernel.mem();
                let aspace = sim.current_aspace(0).expect("a thread runs");
                let config = sim.config().clone();
                let private: Vec<PhysRun> = frames(config.image)
                    .chain(config.kernel_devices.iter().copied().flat_map(frames))
                    .collect();
                for run in private {
                    for backing in [Backing::Device, Backing::Memory] {
                        assert_eq!(
                            map(sim, mem, aspace, AT, run, backing),
                            Err(MapError::Refused),
                            "{run:?} as {backing:?}"
                        );
                    }
                    assert!(
                        sim.read(run.base, &mut [0]).is_err() && sim.write(run.base, &[0]).is_err()
                    );
                }
                let mut refused = 0;
                for run in config.ram.iter().copied().flat_map(frames) {
                    assert_eq!(
                        map(sim, mem, aspace, AT, run, Backing::Device),
                        Err(MapError::Refused),
                        "{run:?}"
                    );
                    refused += u64::from(map(sim, mem, aspace, AT, run, Backing::Memory).is_err());
                }
                // The image, at least a root table, three tables below it and a context.
                assert!(
                    refused >= config.image.pages + 5,
                    "only {refused} frames are private"
                );
            });
        });
    }
}

#[test]
fn mechanism_alone_keeps_tables_and_contexts() {
    for arch in Arch::ALL {
        in_world(&Bench::new(arch, 1), |_, _, control| {
            control.with(|sim, kernel| {
                let mem = kernel.mem();
                let aspace = sim.current_aspace(0).expect("a thread runs");
                let root = page(jacinth_sim::root_table(aspace));
                assert_eq!(
                    map(sim, mem, aspace, AT, root, Backing::Memory),
                    Err(MapError::Refused)
                );
                assert!(sim.zero(root).is_err());
                for context in sim.context_frames() {
                    assert_eq!(
                        map(sim, mem, aspace, AT, page(context), Backing::Memory),
                        Err(MapError::Refused)
                    );
                    assert!(sim.write(context, &[0]).is_err());
                }
            });
        });
    }
}

#[test]
fn mechanism_alone_keeps_the_kernels_half() {
    for arch in Arch::ALL {
        in_world(&Bench::new(arch, 1), |_, _, control| {
            control.with(|sim, kernel| {
                let mem = kernel.mem();
                let aspace = sim.current_aspace(0).expect("a thread runs");
                let user = arch.user();
                for at in [
                    0,
                    user.start.raw() - PAGE_SIZE,
                    user.end.raw(),
                    1 << 47,
                    0xffff_8000_0000_0000,
                    u64::MAX - PAGE_SIZE + 1,
                ] {
                    let outside = !user.contains(VirtAddr::new(at));
                    let answer = map(sim, mem, aspace, at, Config::SCRATCH, Backing::Device);
                    assert_eq!(answer.is_err(), outside, "{at:#x}");
                }
                let across = PhysRun {
                    base: Config::WINDOW.base,
                    pages: 2,
                };
                let last = user.end.raw() - PAGE_SIZE;
                assert_eq!(
                    map(sim, mem, aspace, last, across, Backing::Device),
                    Err(MapError::Refused)
                );
            });
        });
    }
}

/// The machine is told of nothing that is private: the policy must refuse by itself.
#[test]
fn policy_alone_keeps_ram_and_registers() {
    for arch in Arch::ALL {
        let mut bench = Bench::new(arch, 1);
        bench.options.config.is_fence_open = true;
        in_world(&bench, |_, root, control| {
            let config = control.with(|sim, _| sim.config().clone());
            let mut denied: Vec<PhysRun> = config.ram.clone();
            denied.extend(&config.kernel_devices);
            for run in denied {
                let (start, end) = (run.base.raw(), run.end().raw());
                for (paddr, bytes) in [
                    (start, PAGE_SIZE),
                    (start, run.bytes()),
                    (end - PAGE_SIZE, PAGE_SIZE),
                    (end - PAGE_SIZE, 2 * PAGE_SIZE),
                    (start - PAGE_SIZE, 2 * PAGE_SIZE),
                    (start - PAGE_SIZE, run.bytes() + 2 * PAGE_SIZE),
                ] {
                    let vmo = Vmo::create_physical(root, paddr, bytes).map(drop);
                    assert_eq!(vmo, Err(Status::ACCESS_DENIED), "{paddr:#x} + {bytes:#x}");
                }
            }
            let everything = Vmo::create_physical(root, 0, 1 << 39).map(drop);
            assert_eq!(everything, Err(Status::ACCESS_DENIED));
        });
    }
}
