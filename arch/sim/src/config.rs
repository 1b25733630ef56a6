//! What a simulated machine is made of.

use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange, Wander};

/// Whose page-table bits the machine speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// Four-level tables of the Intel manual, no PCID.
    X86_64,
    /// 4 KiB granule, stage 1, 48 bits, with address-space identifiers.
    Aarch64,
}

impl Arch {
    /// Both, for tests that run everything twice.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The addresses that user mappings may take.
    #[must_use]
    pub const fn user(self) -> VirtRange {
        let end = match self {
            Self::X86_64 => 0x7fff_ffff_f000,
            Self::Aarch64 => 0xffff_ff00_0000,
        };
        VirtRange {
            start: VirtAddr::new(0x20_0000),
            end: VirtAddr::new(end),
        }
    }
}

/// What a machine is made of; [`Config::new`] gives a small one with holes.
#[derive(Clone, Debug)]
pub struct Config {
    /// Page-table bits.
    pub arch: Arch,
    /// Everything random follows from it.
    pub seed: u64,
    /// How many processors.
    pub cpus: usize,
    /// Whether threads change processors without need.
    pub wander: Wander,
    /// Width of physical addresses in bits.
    pub phys_bits: u32,
    /// All RAM.
    pub ram: Vec<PhysRun>,
    /// Where the kernel's image would be; inside `ram`, never handed out.
    pub image: PhysRun,
    /// Devices that programs may have.
    pub devices: Vec<PhysRun>,
    /// The kernel's own devices: nobody may map them.
    pub kernel_devices: Vec<PhysRun>,
    /// Whether the machine forgets what is private from the start: a test of the kernel's own
    /// policy, without the second fence.
    pub is_fence_open: bool,
    /// One step in so many lets a whole slice of time pass, so that threads take turns often; 0 for
    /// never.
    pub restless: u64,
}

/// The run of `bytes` bytes at `base`.
#[must_use]
pub const fn run(base: u64, bytes: u64) -> PhysRun {
    PhysRun {
        base: PhysAddr::new(base),
        pages: bytes / PAGE_SIZE,
    }
}

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl Config {
    /// The I/O ports of the kernel's console, where a PC has them: base and count.
    pub const DENIED_PORTS: &[(u64, u64)] = &[(0x3f8, 8)];
    /// One page of registers that hold what is stored in them.
    pub const SCRATCH: PhysRun = run(0x0900_0000, PAGE_SIZE);
    /// A device of 4 GiB, aligned so that the largest blocks can be used.
    pub const WINDOW: PhysRun = run(0x40_0000_0000, 4 * GIB);
    /// The interrupt controller, which nobody may map.
    pub const CONTROLLER: PhysRun = run(0x0800_0000, 16 * PAGE_SIZE);

    /// A machine with 32 MiB of RAM in three pieces, two devices and two of the kernel's own.
    #[must_use]
    pub fn new(arch: Arch, seed: u64) -> Self {
        let ram = vec![
            run(0x4000_0000, 16 * MIB),
            run(0x4120_0000, 8 * MIB),
            run(0x1_0000_0000, 8 * MIB),
        ];
        Self {
            arch,
            seed,
            cpus: 1,
            wander: Wander::No,
            phys_bits: 40,
            ram,
            image: run(0x4000_0000, MIB),
            devices: vec![Self::SCRATCH, Self::WINDOW],
            kernel_devices: vec![Self::CONTROLLER, run(0x0a00_0000, PAGE_SIZE)],
            is_fence_open: false,
            restless: 0,
        }
    }
}
