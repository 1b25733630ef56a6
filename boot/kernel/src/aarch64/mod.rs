//! From the loader to `main` on aarch64.
//!
//! `start.s` brings the CPU to EL1 with the MMU on and the image where it is linked. From here on
//! it is Rust: read the device tree, make the final page tables, switch to them, set the kernel's
//! devices up, describe the machine.

mod cpus;
mod describe;
mod image;
mod memory;
mod stacks;

use core::arch::global_asm;

use jacinth_aarch64::devicetree::{self, Description};
use jacinth_aarch64::{DeviceWindow, KernelSpace, Parts, prepare_cpu};
use jacinth_abi::ExitCode;
use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::CpuId;

pub(crate) use jacinth_aarch64::{
    Caller, Machine, Outcome, counter, current_cpu, early_console_write, exit, start_cpu,
};
pub(crate) use stacks::stack_of;

use cpus::Roots;
use image::kernel_image;
use memory::Plan;

global_asm!(
    include_str!("start.s"),
    start = sym start,
    next = sym cpus::NEXT,
    secondary = sym cpus::start_other,
    boot_failed = const ExitCode::BootFailed.number(),
    kernel_panic = const ExitCode::KernelPanic.number(),
);

/// Where the start code maps the GiB of the device tree and the next one, until the final tables.
const EARLY_WINDOW: u64 = 0xffff_fffd_0000_0000;
const GIB: u64 = 1 << 30;
const BOOT_CPU: CpuId = 0;

/// The first Rust: on the boot CPU's final stack, under the early tables.
///
/// # Safety
/// Called once, by the start code, with the physical addresses of device tree and image, and the
/// counter at the kernel's first instruction.
unsafe extern "C" fn start(tree: u64, load: u64, began: u64) -> ! {
    let stacks = stacks::tops(BOOT_CPU);
    // SAFETY: the stacks are the boot CPU's alone. It is on the first one now and starts over
    // there when it takes its first exception from user mode, which is after `main` is left.
    unsafe { prepare_cpu(BOOT_CPU, stacks) };
    let image = kernel_image(PhysAddr::new(load));
    let early = EARLY_WINDOW + (tree & (GIB - 1));
    // SAFETY: the start code maps two GiB there, from the one of the tree on.
    let (found, bytes) = unsafe { device_tree(early, EARLY_WINDOW + 2 * GIB - early) };
    let mut plan = Plan::new(&found, image, (PhysAddr::new(tree), bytes));
    // SAFETY: called once; the early tables map the image.
    let mut space = unsafe { plan.kernel_space() };
    let no_user = space.take_frame().expect("there are frames for tables");
    // SAFETY: the new tables map the image as it is mapped now, and all RAM.
    unsafe { image::switch_tables(image, space.root(), no_user) };

    let physmap = jacinth_aarch64::layout::physmap(PhysAddr::new(tree));
    // SAFETY: the plan maps the device tree, and keeps it for good.
    let (found, _) = unsafe { device_tree(physmap.raw(), bytes) };
    let mut window = DeviceWindow::new();
    if let Some(uart) = found.uart {
        // SAFETY: the tables are live, and the device tree says that it is a PL011.
        unsafe { window.start_console(&mut space, uart) }
            .expect("there are tables for the console");
    }
    // SAFETY: as above.
    let devices =
        unsafe { window.find_devices(&mut space, &found) }.expect("the machine has a GIC");
    let heap = plan.map_heap(&mut space);
    let others = found.cpus.len().saturating_sub(1);
    let with_stacks = plan.map_stacks(&mut space, others);
    let roots = Roots {
        kernel: space.root(),
        no_user,
    };
    // SAFETY: the final tables are in use, and are these.
    let cpus = unsafe { cpus::start_others(&found, image, roots, with_stacks) };
    // SAFETY: it is all as the parts say: the plan made it so.
    let machine = unsafe { machine(&plan, &found, space, no_user, devices) };
    let info = describe::boot_info(&plan, &found, &machine, heap, cpus);
    // SAFETY: the description is true, as far as the device tree is; the heap is mapped and new.
    unsafe { crate::main(machine, info, began) }
}

/// Reads the device tree at a virtual address, of at most `limit` bytes; says how long it is.
///
/// # Safety
/// So many bytes are mapped there for `'a`, and nobody writes them.
unsafe fn device_tree<'a>(at: u64, limit: u64) -> (Description<'a>, u64) {
    let start = jacinth_aarch64::layout::pointer::<u8>(jacinth_kernel::VirtAddr::new(at));
    // SAFETY: a header is shorter than any limit; alignment does not matter to bytes.
    let header = unsafe { start.cast::<[u8; 8]>().read() };
    let bytes = devicetree::size_of_tree(header)
        .filter(|bytes| *bytes <= limit)
        .expect("x0 is the address of a device tree");
    let length = usize::try_from(bytes).expect("this kernel runs on 64-bit machines");
    // SAFETY: mapped and constant by this function's contract.
    let blob = unsafe { core::slice::from_raw_parts(start, length) };
    (
        devicetree::read(blob).expect("the device tree is well formed"),
        bytes,
    )
}

/// Makes the machine and sets the boot CPU up.
///
/// # Safety
/// The space is the live one and made by the plan; the devices are mapped in it.
unsafe fn machine(
    plan: &Plan,
    found: &Description<'_>,
    space: KernelSpace,
    no_user: PhysAddr,
    devices: jacinth_aarch64::Devices,
) -> Machine {
    let parts = Parts {
        space,
        words: plan.words(),
        no_user,
        facts: plan.facts(found),
        devices,
        heap_end: plan.heap_end(),
        seed: found.seed,
    };
    // SAFETY: by this function's contract.
    let machine = unsafe { Machine::new(parts) };
    machine.start_this_cpu();
    machine
}

/// Sets up what another CPU than the boot CPU still lacks: its timer and its interrupts.
pub(crate) fn join(machine: &Machine) {
    machine.start_this_cpu();
}

/// What a CPU does while it waits for the big lock: nobody waits for it meanwhile, because TLB
/// maintenance is broadcast by the processor.
pub(crate) const fn while_waiting() {}

/// The frame pointer of the caller.
#[inline(always)]
pub(crate) fn frame_pointer() -> u64 {
    let frame: u64;
    // SAFETY: reads a register.
    unsafe {
        core::arch::asm!("mov {}, x29", out(reg) frame, options(nomem, nostack, preserves_flags))
    };
    frame
}
