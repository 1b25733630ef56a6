//! From a machine that is up to the first process.

use core::slice;
use core::sync::atomic::{AtomicBool, Ordering};

use jacinth_abi::ExitCode;
use jacinth_boot::first::{self, BootFailure, Left};
use jacinth_boot::info::{BootInfo, Tables};
use jacinth_boot::table;
use jacinth_kernel::hal::CpuId;
use jacinth_kernel::{Event, Kernel, PAGE_SIZE, PhysAddr};

use crate::arch::{self, Machine};
use crate::console;
use crate::enter::{self, STATE, State};
use crate::heap::{self, pointer_sized};
use crate::watch;

/// The CPU that boots.
const BOOT_CPU: CpuId = 0;

/// Whether boot is done, so that other CPUs may enter.
static IS_OPEN: AtomicBool = AtomicBool::new(false);

/// Takes over from the start code: prints the machine table, makes the kernel and its first
/// process, and lets the boot CPU run. `began` is what the processor's counter said at the kernel's
/// first instruction.
///
/// # Safety
/// `info` tells the truth about the machine: its heap is mapped and used by nobody, its archive and
/// tables can be read through the machine's map of physical memory. Called once.
pub(crate) unsafe fn main(mut machine: Machine, info: BootInfo, began: u64) -> ! {
    // SAFETY: the caller's promise about the heap.
    unsafe { heap::init(info.heap.0, info.heap.1) };
    table::write(&mut console::writer(), &info).ok();
    if let (Some((at, bytes)), Some(_)) = (info.archive, first::archive_frames(&info)) {
        // SAFETY: the caller's promise about what boot information says.
        unsafe { clear_tail(&machine, at, bytes) };
    }
    // SAFETY: as above.
    let left = unsafe { left(&machine, &info) };
    match make(&mut machine, &info, &left) {
        Ok(kernel) => {
            watch::start(&info.command_line);
            run(State { kernel, machine }, began)
        }
        Err(failure) => {
            console::print(format_args!("jacinth: boot failed: {failure}\n"));
            arch::exit(ExitCode::BootFailed)
        }
    }
}

/// Makes the kernel with its first process.
fn make(machine: &mut Machine, info: &BootInfo, left: &Left<'_>) -> Result<Kernel, BootFailure> {
    let (free_ram, denied) = (info.free_ram(), info.denied());
    let machine_info = info.machine_info(&free_ram, &denied);
    let mut kernel = Kernel::new(&machine_info).map_err(|_| BootFailure::NoMemory)?;
    first::start(&mut kernel, machine, info, left)?;
    Ok(kernel)
}

/// Lets the boot CPU run what there is, and says how long it took to come here.
fn run(state: State, began: u64) -> ! {
    *STATE.lock() = Some(state);
    IS_OPEN.store(true, Ordering::Release);
    let next = enter::jacinth_enter(BOOT_CPU, Event::Start);
    let took = arch::counter().wrapping_sub(began);
    console::print(format_args!("init starts after {took} ticks\n"));
    // SAFETY: this CPU is set up, and `next` is the kernel's answer to its first event.
    unsafe { arch::start_cpu(next) }
}

/// Says that a CPU, by the number that the machine has for it, was named and did not start.
pub(crate) fn miss(number: u64) {
    console::print(format_args!(
        "jacinth: processor {number:#x} does not start, going on without it\n"
    ));
}

/// Lets another CPU wait for the end of boot, then run what there is. It is set up.
pub(crate) fn join(cpu: CpuId) -> ! {
    while !IS_OPEN.load(Ordering::Acquire) {
        core::hint::spin_loop();
    }
    if let Some(state) = STATE.lock().as_ref() {
        arch::join(&state.machine);
    }
    let next = enter::jacinth_enter(cpu, Event::Start);
    // SAFETY: as in `run`.
    unsafe { arch::start_cpu(next) }
}

/// Clears what lies behind the boot archive in its last page, which will be a user's.
///
/// # Safety
/// The archive is where it is said to be, in RAM that the machine maps, with its last page to itself.
unsafe fn clear_tail(machine: &Machine, at: PhysAddr, bytes: u64) {
    let Some(end) = at.checked_add(bytes) else {
        return;
    };
    let rest = end.raw().next_multiple_of(PAGE_SIZE) - end.raw();
    let tail = machine.physmap(end).cast_mut();
    // SAFETY: the caller's promise; the rest does not leave the archive's last page.
    unsafe { tail.write_bytes(0, pointer_sized(rest)) };
}

/// Looks at what the boot loader and the firmware left.
///
/// # Safety
/// It is where `info` says, in memory that the machine maps and that nobody writes while the result
/// lives: until the first process runs.
unsafe fn left<'a>(machine: &Machine, info: &BootInfo) -> Left<'a> {
    let look = |at: PhysAddr, bytes: u64| {
        let start = machine.physmap(at);
        // SAFETY: the caller's promise.
        unsafe { slice::from_raw_parts(start, pointer_sized(bytes)) }
    };
    let tables = match &info.tables {
        Tables::Acpi(tables) => tables.iter().map(|&(at, bytes)| look(at, bytes)).collect(),
        Tables::DeviceTree(at, bytes) => core::iter::once(look(*at, *bytes)).collect(),
    };
    Left {
        archive: info.archive.map(|(at, bytes)| look(at, bytes)),
        tables,
    }
}
