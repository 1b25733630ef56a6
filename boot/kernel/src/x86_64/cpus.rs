//! The start of all CPUs but the boot CPU, one after the other.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use jacinth_boot::arrival::Arrival;
use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::CpuId;
use jacinth_x86_64::acpi::Madt;
use jacinth_x86_64::{
    KernelSpace, Timing, in_physmap, kernel_stack_top, own_apic_id, sleep_for_ever,
    start_other_cpu, wake_cpu,
};

use crate::bring_up;

/// What `cpu.s` gives the CPU that starts next: root table, end of the stack, number.
pub(super) static NEXT_ROOT: AtomicU64 = AtomicU64::new(0);
pub(super) static NEXT_STACK: AtomicU64 = AtomicU64::new(0);
pub(super) static NEXT_CPU: AtomicUsize = AtomicUsize::new(0);
/// Where that CPU comes in.
static DOOR: Arrival = Arrival::new();

/// How many CPUs run.
static RUNNING: AtomicUsize = AtomicUsize::new(1);

unsafe extern "C" {
    // From `cpu.s`: only their addresses mean something.
    static jacinth_cpu_trampoline: u8;
    static jacinth_cpu_trampoline_end: u8;
}

/// Where other CPUs begin, and how many there is room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// A page of RAM below 1 MiB that is nobody's.
    pub(super) trampoline: PhysAddr,
    /// How many CPUs have stacks, the boot CPU among them.
    pub(super) cpus: usize,
}

/// Starts the CPUs that the firmware names, and says how many run then, the boot CPU among them.
///
/// # Safety
/// The final page tables are in use; the room is as it says; called once, by the boot CPU.
pub(super) unsafe fn start_others(
    madt: &Madt,
    room: Room,
    space: &KernelSpace,
    timing: &Timing,
) -> usize {
    // SAFETY: the caller's promise about the page, which the window shows.
    unsafe { place_trampoline(room.trampoline) };
    NEXT_ROOT.store(space.root().raw(), Ordering::Relaxed);
    let own = own_apic_id();
    for &apic_id in madt.processors.iter().filter(|&&id| id != own) {
        let cpu = RUNNING.load(Ordering::Relaxed);
        if cpu == room.cpus {
            break;
        }
        NEXT_STACK.store(kernel_stack_top(cpu), Ordering::Relaxed);
        NEXT_CPU.store(cpu, Ordering::Relaxed);
        DOOR.reopen();
        // SAFETY: the trampoline leads to `start_other` on a stack of the CPU's own.
        let came = unsafe {
            wake_cpu(apic_id, room.trampoline, timing, |has_time| {
                DOOR.wait(has_time)
            })
        };
        if !came {
            bring_up::miss(apic_id.into());
            continue;
        }
        // It is here, and what is next must not change before it is set up.
        while RUNNING.load(Ordering::Acquire) == cpu {
            core::hint::spin_loop();
        }
    }
    RUNNING.load(Ordering::Relaxed)
}

/// Copies the first instructions to where a CPU can begin.
///
/// # Safety
/// The page is RAM that the window shows and that is nobody's.
unsafe fn place_trampoline(page: PhysAddr) {
    let start = &raw const jacinth_cpu_trampoline;
    let bytes = (&raw const jacinth_cpu_trampoline_end).addr() - start.addr();
    let target = in_physmap(page).raw() as *mut u8;
    // SAFETY: the code is in the image and shorter than a page; the rest is the caller's promise.
    unsafe { target.copy_from_nonoverlapping(start, bytes) };
}

/// The first Rust of another CPU, on its own stack, under the final page tables.
///
/// # Safety
/// Called by `cpu.s` alone, with the number that belongs to the stack.
pub(super) unsafe extern "C" fn start_other(cpu: CpuId) -> ! {
    if !DOOR.come() {
        // Nobody counts on it any more.
        sleep_for_ever();
    }
    // SAFETY: by this function's contract.
    unsafe { start_other_cpu(cpu) };
    RUNNING.store(cpu + 1, Ordering::Release);
    bring_up::join(cpu)
}
