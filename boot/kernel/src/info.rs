//! What a machine's start code found out: [`BootInfo`], the same for every architecture.
//!
//! The start code of each architecture fills it before there is a heap, so all lists are bounded.
//! `table` prints it, `first` makes the first process's VMOs of it,
//! and from it come the core's `MachineInfo` and the machine's own fence.

use arrayvec::{ArrayString, ArrayVec};
use jacinth_elf::Machine;
use jacinth_kernel::{Denied, MachineInfo, PhysAddr, PhysRun, VirtAddr, VirtRange, Wander};

/// The most physical regions that are told apart.
pub const MAX_REGIONS: usize = 64;
/// The most separate pieces of RAM.
pub const MAX_RAM: usize = 32;
/// The most firmware tables that are handed to `init`.
pub const MAX_TABLES: usize = 32;
/// The most entries of the deny list: all RAM, and every region that could be the kernel's.
pub const MAX_DENIED: usize = MAX_RAM + MAX_REGIONS;

/// What a call pushes on x86_64: a program's first function expects it on its stack.
const RETURN_ADDRESS_BYTES: u64 = 8;

/// Why RAM is on the deny list.
pub const DENIED_RAM: &str = "RAM";

/// What a physical region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RAM that the frame pool hands out.
    Ram,
    /// The kernel's image and its heap.
    Kernel,
    /// The boot archive: RAM that becomes a VMO of `init`.
    Archive,
    /// RAM or ROM that firmware keeps: tables, the device tree, reserved ranges.
    Firmware,
    /// Device registers that a resource may hand to a user.
    Mmio,
    /// Device registers that no user may have: the kernel drives them, or they could undo its
    /// protection (interrupt controllers, IOMMUs).
    MmioKernel,
}

/// One physical region and where the knowledge of it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where it is.
    pub run: PhysRun,
    /// What it is.
    pub kind: Kind,
    /// Its name, for people.
    pub name: &'static str,
    /// Who says so: `MADT`, `device tree`, ...
    pub source: &'static str,
}

/// Where the firmware's description of the machine lies. Sizes are in bytes.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of them, before there is a heap"
)]
pub enum Tables {
    /// The RSDP, then every table that the root table lists, in its order.
    Acpi(ArrayVec<(PhysAddr, u64), MAX_TABLES>),
    /// A flattened device tree.
    DeviceTree(PhysAddr, u64),
}

/// The machine as its start code found it.
#[derive(Clone, Debug)]
pub struct BootInfo {
    /// The architecture.
    pub arch: Machine,
    /// The machine model, as it calls itself.
    pub machine: ArrayString<32>,
    /// How many CPUs will enter the kernel.
    pub cpus: usize,
    /// Width of physical addresses in bits.
    pub phys_bits: u32,
    /// The addresses that user mappings may take.
    pub user: VirtRange,
    /// Everything known, in any order. RAM that is in use for something is not part of a
    /// [`Kind::Ram`] region, which is free for the pool.
    pub regions: ArrayVec<Region, MAX_REGIONS>,
    /// All RAM as the machine reports it, free or not.
    pub ram: ArrayVec<PhysRun, MAX_RAM>,
    /// The boot archive: its first byte and its size in bytes.
    pub archive: Option<(PhysAddr, u64)>,
    /// What was written behind the kernel's name; its words are the arguments of `init`.
    pub command_line: ArrayString<256>,
    /// The firmware's tables.
    pub tables: Tables,
    /// The interrupt vectors that there are: base and count.
    pub irq_span: (u64, u64),
    /// Whether there are I/O ports (x86_64).
    pub has_io_ports: bool,
    /// I/O ports that no user may have, as base and count.
    pub denied_ports: &'static [(u64, u64)],
    /// Whether there is a secure monitor (aarch64).
    pub has_smc: bool,
    /// The kernel's first heap: mapped, writable, in no free region. Size in bytes, by custom
    /// 1 MiB and 1/256 of RAM.
    pub heap: (VirtAddr, u64),
}

impl BootInfo {
    /// The size of all RAM in bytes.
    #[must_use]
    pub fn ram_bytes(&self) -> u64 {
        self.ram.iter().map(|run| run.bytes()).sum()
    }

    /// The RAM that the pool gets.
    #[must_use]
    pub fn free_ram(&self) -> ArrayVec<PhysRun, MAX_REGIONS> {
        self.regions
            .iter()
            .filter(|region| region.kind == Kind::Ram)
            .map(|region| region.run)
            .collect()
    }

    /// What no physical VMO may touch: all RAM, and the devices that the kernel keeps.
    #[must_use]
    pub fn denied(&self) -> ArrayVec<Denied, MAX_DENIED> {
        let ram = self.ram.iter().map(|&run| Denied {
            run,
            why: DENIED_RAM,
        });
        let devices = self
            .regions
            .iter()
            .filter(|region| region.kind == Kind::MmioKernel)
            .map(|region| Denied {
                run: region.run,
                why: region.name,
            });
        ram.chain(devices).collect()
    }

    /// Behind the last address that MMIO resources name: Zircon goes by what the processor can
    /// address on x86_64, and takes all of 64 bits on aarch64.
    fn mmio_end(&self) -> u64 {
        let all = 1u64.checked_shl(self.phys_bits);
        match all.filter(|_| self.arch == Machine::X86_64) {
            Some(all) => all.wrapping_sub(1),
            None => u64::MAX,
        }
    }

    /// Whether the command line wants threads to change CPUs without need: the word `wander`.
    fn wander(&self) -> Wander {
        let is_wanted = self.command_line.split(' ').any(|word| word == "wander");
        if is_wanted { Wander::Yes } else { Wander::No }
    }

    /// What the core must know of this machine; the two lists are those of the methods above.
    #[must_use]
    pub fn machine_info<'a>(
        &self,
        free_ram: &'a [PhysRun],
        denied: &'a [Denied],
    ) -> MachineInfo<'a> {
        MachineInfo {
            cpus: self.cpus,
            wander: self.wander(),
            phys_bits: self.phys_bits,
            user: self.user,
            ram_bytes: self.ram_bytes(),
            free_ram,
            denied,
            irq_span: self.irq_span,
            has_io_ports: self.has_io_ports,
            mmio_end: self.mmio_end(),
            denied_ports: self.denied_ports,
            has_smc: self.has_smc,
            stack_bias: if self.arch == Machine::X86_64 {
                RETURN_ADDRESS_BYTES
            } else {
                0
            },
        }
    }
}

/// Boot information for tests.
#[cfg(test)]
pub(crate) mod sample {
    use super::{ArrayString, ArrayVec, BootInfo, Kind, PhysAddr, PhysRun, Region, Tables};
    use super::{VirtAddr, VirtRange};

    fn run(base: u64, end: u64) -> PhysRun {
        PhysRun {
            base: PhysAddr::new(base),
            pages: (end - base) / 4096,
        }
    }

    /// A small PC with regions of (start, end, kind, name, source).
    pub(crate) fn machine(regions: &[(u64, u64, Kind, &'static str, &'static str)]) -> BootInfo {
        let regions = regions
            .iter()
            .map(|&(base, end, kind, name, source)| Region {
                run: run(base, end),
                kind,
                name,
                source,
            });
        BootInfo {
            arch: jacinth_elf::Machine::X86_64,
            machine: ArrayString::from("q35").unwrap(),
            cpus: 1,
            phys_bits: 40,
            user: VirtRange {
                start: VirtAddr::new(0x20_0000),
                end: VirtAddr::new(0x7fff_ffff_f000),
            },
            regions: regions.collect(),
            ram: [run(0, 0x9_f000), run(0x10_0000, 0xffd_f000)]
                .into_iter()
                .collect(),
            archive: None,
            command_line: ArrayString::new(),
            tables: Tables::Acpi(ArrayVec::new()),
            irq_span: (0, 24),
            has_io_ports: true,
            denied_ports: &[],
            has_smc: false,
            heap: (VirtAddr::new(0), 0),
        }
    }
}
