//! The start of all CPUs but the boot CPU, one after the other.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use jacinth_aarch64::devicetree::Description;
use jacinth_aarch64::layout::Image;
use jacinth_aarch64::{cpu_on, own_affinity, prepare_cpu, seconds_from_now};
use jacinth_boot::arrival::Arrival;
use jacinth_kernel::hal::CpuId;
use jacinth_kernel::{PhysAddr, VirtAddr};

use super::stacks;
use crate::bring_up;

/// What `start.s` gives the CPU that starts next.
#[repr(C)]
pub(super) struct Start {
    /// The root table of the kernel's half.
    root: AtomicU64,
    /// An empty root table for the user half.
    no_user: AtomicU64,
    /// The end of its stack.
    stack: AtomicU64,
}

pub(super) static NEXT: Start = Start {
    root: AtomicU64::new(0),
    no_user: AtomicU64::new(0),
    stack: AtomicU64::new(0),
};

/// Where the CPU that starts next comes in.
static DOOR: Arrival = Arrival::new();
/// How long a CPU may take that the firmware promised, in seconds.
const PATIENCE_S: u64 = 5;

/// How many CPUs run.
static RUNNING: AtomicUsize = AtomicUsize::new(1);

unsafe extern "C" {
    fn jacinth_secondary();
}

/// The root tables that other CPUs use first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Roots {
    pub(super) kernel: PhysAddr,
    pub(super) no_user: PhysAddr,
}

/// Starts the CPUs that the device tree names, as many as have stacks; says how many run then, the
/// boot CPU among them.
///
/// # Safety
/// The final tables are in use, and are these; called once, by the boot CPU.
pub(super) unsafe fn start_others(
    found: &Description<'_>,
    image: Image,
    roots: Roots,
    with_stacks: usize,
) -> usize {
    let Some(psci) = found.psci else {
        return 1;
    };
    let entry = VirtAddr::new((jacinth_secondary as *const ()).addr() as u64);
    let entry = image.phys(entry).expect("the start code is in the image");
    NEXT.root.store(roots.kernel.raw(), Ordering::Relaxed);
    NEXT.no_user.store(roots.no_user.raw(), Ordering::Relaxed);
    let own = own_affinity();
    for &affinity in found.cpus.iter().filter(|&&affinity| affinity != own) {
        let cpu = RUNNING.load(Ordering::Relaxed);
        if cpu >= with_stacks {
            break;
        }
        let stack = stacks::tops(cpu).main;
        NEXT.stack.store(stack, Ordering::Release);
        // SAFETY: the start code leads to `start_other` on a stack of the CPU's own.
        if !unsafe { cpu_on(psci, affinity, entry, cpu as u64) } {
            bring_up::miss(affinity);
            continue;
        }
        if !DOOR.wait(seconds_from_now(PATIENCE_S)) {
            bring_up::miss(affinity);
            // It may still come, and take the stack that is next: so nobody else is started.
            break;
        }
        // It is here, and what is next must not change before it is set up.
        while RUNNING.load(Ordering::Acquire) == cpu {
            core::hint::spin_loop();
        }
        DOOR.reopen();
    }
    RUNNING.load(Ordering::Relaxed)
}

/// The first Rust of another CPU, on its own stack, under the final tables.
///
/// # Safety
/// Called by `start.s` alone, with the number that the CPU was given.
pub(super) unsafe extern "C" fn start_other(cpu: CpuId) -> ! {
    if !DOOR.come() {
        // Nobody counts on it any more.
        jacinth_aarch64::sleep_for_ever();
    }
    // SAFETY: the stacks are this CPU's alone; it starts over on the first one when it takes its
    // first exception from user mode, after `join` is left.
    unsafe { prepare_cpu(cpu, stacks::tops(cpu)) };
    RUNNING.store(cpu + 1, Ordering::Release);
    bring_up::join(cpu)
}
