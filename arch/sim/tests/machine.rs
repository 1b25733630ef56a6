//! The simulated machine refuses what hardware refuses, and remembers what hardware remembers.

use jacinth_kernel::hal::{
    AspaceId, Backing, CachePolicy, ContextId, Contexts, Cpu, MapAttrs, MapError, Mmu, MmuFlags,
    PhysMem,
};
use jacinth_kernel::mem::{Mem, TlbFlush, Work};
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_sim::{Arch, Config, Description, MemoryType, Refused, Sim, run};

const AT: u64 = 0x4000_0000;
const READ: MmuFlags = MmuFlags::READ;
const READ_WRITE: MmuFlags = MmuFlags::READ.union(MmuFlags::WRITE);

struct Machine {
    sim: Sim,
    mem: Mem,
    aspace: AspaceId,
}

impl Machine {
    fn new(arch: Arch) -> Self {
        let config = Config::new(arch, 1);
        let mut sim = Sim::new(&config);
        let description = Description::new(&config);
        let mut mem = Mem::new(description.info().free_ram).unwrap();
        let aspace = sim.aspace_new(mem.frame_alloc().unwrap());
        sim.activate(0, aspace);
        Self { sim, mem, aspace }
    }

    fn map(&mut self, run: PhysRun, flags: MmuFlags, backing: Backing) -> Result<(), MapError> {
        let cache = if backing == Backing::Memory {
            CachePolicy::Cached
        } else {
            CachePolicy::Uncached
        };
        let attrs = MapAttrs {
            flags,
            cache,
            backing,
        };
        self.sim
            .map(self.aspace, VirtAddr::new(AT), run, attrs, &mut self.mem)
            .map(|_| ())
    }

    fn memory(&mut self) -> PhysRun {
        let frame = self.mem.frame_alloc().unwrap();
        PhysRun {
            base: frame.address(),
            pages: 1,
        }
    }

    fn protect(&mut self, pages: u64, flags: MmuFlags) -> TlbFlush {
        let range = VirtRange::new(VirtAddr::new(AT), pages * PAGE_SIZE).unwrap();
        let mut work = Work::new(Work::EVENT);
        if flags.is_empty() {
            self.sim
                .unmap(self.aspace, range, &mut work, &mut self.mem)
                .flush
        } else {
            self.sim
                .protect(self.aspace, range, flags, &mut work, &mut self.mem)
                .flush
        }
    }
}

fn on_both(test: impl Fn(Machine)) {
    for arch in Arch::ALL {
        test(Machine::new(arch));
    }
}

#[test]
fn a_stale_translation_is_used_until_it_is_flushed() {
    on_both(|mut machine| {
        let page = machine.memory();
        machine.map(page, READ_WRITE, Backing::Memory).unwrap();
        machine.sim.user_store(0, AT, 8, 0x1234).unwrap();
        let flush = machine.protect(1, MmuFlags::empty());
        assert_eq!(
            machine.sim.user_load(0, AT, 8),
            Ok(0x1234),
            "the TLB still has it"
        );
        assert!(machine.sim.audit_tlbs().is_err());
        machine.sim.flush(machine.aspace, flush, &mut machine.mem);
        assert_eq!(machine.sim.user_load(0, AT, 8), Err(Refused::Page));
        machine.sim.audit_tlbs().unwrap();
    });
}

#[test]
fn a_stale_permission_is_noticed() {
    on_both(|mut machine| {
        let page = machine.memory();
        machine.map(page, READ_WRITE, Backing::Memory).unwrap();
        machine.sim.user_store(0, AT, 8, 1).unwrap();
        let flush = machine.protect(1, READ);
        machine.sim.user_store(0, AT, 8, 2).unwrap();
        assert!(machine.sim.audit_tlbs().is_err());
        machine.sim.flush(machine.aspace, flush, &mut machine.mem);
        assert_eq!(machine.sim.user_store(0, AT, 8, 3), Err(Refused::Page));
        assert_eq!(machine.sim.user_load(0, AT, 8), Ok(2));
    });
}

#[test]
fn nothing_executes_without_permission() {
    on_both(|mut machine| {
        let page = machine.memory();
        machine.map(page, READ_WRITE, Backing::Memory).unwrap();
        assert_eq!(machine.sim.user_fetch(0, AT), Err(Refused::Page));
        let flush = machine.protect(1, READ | MmuFlags::EXECUTE);
        machine.sim.flush(machine.aspace, flush, &mut machine.mem);
        assert_eq!(machine.sim.user_fetch(0, AT), Ok(()));
    });
}

#[test]
fn devices_remember_who_touched_them_and_how() {
    on_both(|mut machine| {
        machine
            .map(Config::SCRATCH, READ_WRITE, Backing::Device)
            .unwrap();
        machine.sim.user_store(0, AT + 8, 4, 0xdead_beef).unwrap();
        assert_eq!(machine.sim.user_load(0, AT + 8, 2), Ok(0xbeef));
        let log = &machine.sim.device(Config::SCRATCH.base).unwrap().log;
        let expected = match machine.sim.config().arch {
            Arch::X86_64 => MemoryType::Uncacheable,
            Arch::Aarch64 => MemoryType::DeviceNGnRnE,
        };
        let touches: Vec<_> = log
            .iter()
            .map(|touch| (touch.width_bytes, touch.is_store, touch.memory))
            .collect();
        assert_eq!(touches, [(4, true, expected), (2, false, expected)]);
    });
}

#[test]
fn device_memory_wants_alignment_on_arm() {
    on_both(|mut machine| {
        machine
            .map(Config::SCRATCH, READ_WRITE, Backing::Device)
            .unwrap();
        let loaded = machine.sim.user_load(0, AT + 2, 4);
        match machine.sim.config().arch {
            Arch::X86_64 => assert_eq!(loaded, Ok(0)),
            Arch::Aarch64 => assert_eq!(loaded, Err(Refused::Unaligned)),
        }
    });
}

#[test]
fn nobody_answers_where_nothing_is() {
    on_both(|mut machine| {
        machine
            .map(run(0x2000_0000, PAGE_SIZE), READ, Backing::Device)
            .unwrap();
        let loaded = machine.sim.user_load(0, AT, 4);
        match machine.sim.config().arch {
            Arch::X86_64 => assert_eq!(loaded, Ok(0xffff_ffff)),
            Arch::Aarch64 => assert_eq!(loaded, Err(Refused::Bus)),
        }
    });
}

#[test]
fn the_fence_refuses_what_is_private() {
    on_both(|mut machine| {
        let image = PhysRun {
            pages: 1,
            ..machine.sim.config().image
        };
        let page = machine.memory();
        for (run, backing) in [
            (image, Backing::Memory),
            (image, Backing::Device),
            (page, Backing::Device),
            (Config::CONTROLLER, Backing::Device),
            (Config::SCRATCH, Backing::Memory),
        ] {
            assert_eq!(
                machine.map(run, READ, backing),
                Err(MapError::Refused),
                "{run:?} as {backing:?}"
            );
        }
        assert!(machine.sim.zero(image).is_err());
        assert!(machine.sim.write(Config::SCRATCH.base, &[1]).is_err());
        assert!(machine.sim.read(PhysAddr::new(0), &mut [0]).is_err());
    });
}

#[test]
fn frames_that_the_machine_holds_are_out_of_reach() {
    on_both(|mut machine| {
        let frame = machine.mem.frame_alloc().unwrap();
        let run = PhysRun {
            base: frame.address(),
            pages: 1,
        };
        let context: ContextId = machine.sim.context_new(frame);
        assert_eq!(
            machine.map(run, READ, Backing::Memory),
            Err(MapError::Refused)
        );
        assert!(machine.sim.write(run.base, &[1]).is_err());
        let frame = machine.sim.context_free(context);
        assert!(machine.sim.write(frame.address(), &[1]).is_ok());
        machine.mem.frame_free(frame);
    });
}

#[test]
fn big_blocks_are_used_and_translate_alike() {
    on_both(|mut machine| {
        let window = Config::WINDOW;
        machine.map(window, READ_WRITE, Backing::Device).unwrap();
        let counts = machine.sim.count_entries(machine.aspace);
        assert_eq!((counts.blocks_1g, counts.pages_4k), (4, 0));
        for offset in [0, 0x1234_5678, 0xffff_fff8] {
            let (phys, _, bytes) = machine.sim.translate(machine.aspace, AT + offset).unwrap();
            let queried = machine
                .sim
                .query(machine.aspace, VirtAddr::new(AT + offset))
                .unwrap();
            assert_eq!(
                (phys, bytes),
                (PhysAddr::new(window.base.raw() + offset), 1 << 30)
            );
            assert_eq!((phys, bytes), (queried.phys, queried.entry_bytes));
        }
        machine.sim.user_store(0, AT + 0x4000_0000, 4, 7).unwrap();
        let flush = machine.protect(1, MmuFlags::empty());
        machine.sim.flush(machine.aspace, flush, &mut machine.mem);
        assert_eq!(machine.sim.user_load(0, AT, 4), Err(Refused::Page));
        assert_eq!(machine.sim.user_load(0, AT + PAGE_SIZE, 4), Ok(0));
        assert_eq!(machine.sim.user_load(0, AT + 0x4000_0000, 4), Ok(7));
        machine.sim.audit_tlbs().unwrap();
    });
}
