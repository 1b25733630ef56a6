//! The start code of x86_64: from the PVH entry to [`main`](crate::main).
//!
//! `start.s` turns on 64-bit mode with temporary page tables and calls [`start`], which finds out
//! what the machine is, builds the final page tables, sets the processor up, and hands over.

mod cpus;
mod devices;
mod early;
mod memory;
mod regions;
mod start_info;

use core::arch::global_asm;

use arrayvec::ArrayString;
use jacinth_abi::ExitCode;
use jacinth_boot::info::{BootInfo, Tables};
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_x86_64::acpi::{Acpi, Fadt, Madt};
use jacinth_x86_64::runs::{RunSet, outward};
use jacinth_x86_64::smbios;
use jacinth_x86_64::{
    BOOT_STACK_TOP, Contents, Features, HEAP, Image, KERNEL_BASE, KERNEL_PORTS, KernelSpace, Parts,
    STACK_PAGES, STACKS, USER, codec, features, init_boot_cpu, start_boot_cpu,
};

use cpus::{Room, start_others};
use devices::Devices;
use early::Firmware;
use memory::Memory;
use regions::Regions;
use start_info::StartInfo;

/// What a CPU does while it waits for the big lock.
pub(crate) use jacinth_x86_64::serve as while_waiting;
pub(crate) use jacinth_x86_64::{
    Caller, Machine, Outcome, counter, current_cpu, early_console_write, exit, frame_pointer,
    stack_of, start_cpu,
};

global_asm!(
    include_str!("start.s"),
    include_str!("cpu.s"),
    stacks = sym STACKS,
    stack_top = const BOOT_STACK_TOP,
    start = sym start,
    next_root = sym cpus::NEXT_ROOT,
    next_stack = sym cpus::NEXT_STACK,
    next_cpu = sym cpus::NEXT_CPU,
    start_other = sym cpus::start_other,
    boot_failed = const ExitCode::BootFailed.number(),
    options(att_syntax)
);

unsafe extern "C" {
    // From the linker script: only their addresses mean something.
    static image_start: u8;
    static image_end: u8;
    static text_start: u8;
    static text_end: u8;
    static rodata_start: u8;
    static rodata_end: u8;
    static data_start: u8;
    static stacks_start: u8;
    static stacks_end: u8;
    static data_end: u8;
}

/// The first code in Rust, on the boot CPU's own stack, under the temporary page tables.
///
/// `began` is the time-stamp counter at the kernel's first instruction.
extern "C" fn start(start_info: u32, began: u64) -> ! {
    init_boot_cpu();
    let Some(start) = StartInfo::read(u64::from(start_info)) else {
        refuse("the boot loader gave no start info with a memory map");
    };
    let acpi = Acpi::read(&Firmware, start.rsdp);
    let madt = acpi
        .as_ref()
        .and_then(|acpi| Madt::read(acpi.find(b"APIC")?))
        .unwrap_or_default();
    let found = madt.processors.len();
    let Some(mut memory) = Memory::divide(&start, acpi.as_ref(), image_run(), found) else {
        refuse("there is too little memory");
    };
    let features = features();
    let machine = model(acpi.as_ref());
    let devices = Devices::find(acpi.as_ref());
    let space = build_space(features, &mut memory, &devices);
    // SAFETY: the final tables show the image and the stacks where the temporary ones do.
    unsafe { space.activate() };
    // SAFETY: they show the devices, too.
    let timing = unsafe { start_boot_cpu(features, devices.hpet, &devices.io_apics) };
    let cpus = memory.trampoline.map_or(1, |trampoline| {
        let room = Room {
            trampoline,
            cpus: 1 + (memory.stacks.pages / STACK_PAGES) as usize,
        };
        // SAFETY: the final tables are in use, and show the page and the stacks, which were set
        // aside for this.
        unsafe { start_others(&madt, room, &space, &timing) }
    });
    let info = BootInfo {
        machine,
        cpus,
        ..describe(&start, acpi.as_ref(), &memory, features)
    };
    let machine = Machine::new(Parts {
        space,
        features,
        ram: memory.touched.clone(),
        private: private_runs(&memory, &info),
        heap_bytes: memory.heap.bytes(),
        timing,
    });
    // SAFETY: all of it was just found out, and the heap is mapped.
    unsafe { crate::main(machine, info, began) }
}

/// Ends a machine that cannot be used, saying why.
fn refuse(why: &str) -> ! {
    for text in ["jacinth: cannot boot: ", why, "\n"] {
        early_console_write(text.as_bytes());
    }
    exit(ExitCode::BootFailed)
}

fn build_space(features: Features, memory: &mut Memory, devices: &Devices) -> KernelSpace {
    let mut ram = memory.ram.clone();
    // The window must not be a second, writable way to the kernel's code.
    if ram.cut(memory.image).is_err() {
        refuse("its memory is in too many pieces");
    }
    let pages = devices.pages();
    let contents = Contents {
        ram: &ram,
        firmware: &memory.firmware,
        heap: memory.heap,
        devices: &pages,
        stacks: memory.stacks,
    };
    let mut used = 0;
    let mut frame = || {
        let frame = memory.tables.base.checked_add(used * PAGE_SIZE);
        used += 1;
        frame.filter(|_| used <= memory.tables.pages)
    };
    // SAFETY: the frames lie below 4 GiB, where the window shows them already, and are nobody
    // else's; the image is the linker script's; everything else was told by the firmware.
    let built = unsafe { KernelSpace::build(codec(features), &image(), &contents, &mut frame) };
    memory.keep_tables(used);
    built.unwrap_or_else(|_| refuse("the kernel's page tables could not be built"))
}

fn describe(
    start: &StartInfo,
    acpi: Option<&Acpi<'_>>,
    memory: &Memory,
    features: Features,
) -> BootInfo {
    let madt = acpi
        .and_then(|acpi| Madt::read(acpi.find(b"APIC")?))
        .unwrap_or_default();
    BootInfo {
        arch: jacinth_elf::Machine::X86_64,
        machine: ArrayString::new(),
        cpus: 1,
        phys_bits: features.phys_bits,
        user: USER,
        regions: Regions::describe(start, acpi, memory),
        ram: memory.touched.iter().copied().collect(),
        archive: memory.archive,
        command_line: start.command_line,
        tables: Tables::Acpi(acpi.map(tables).unwrap_or_default()),
        irq_span: (0, irqs(&madt)),
        has_io_ports: true,
        denied_ports: KERNEL_PORTS,
        has_smc: false,
        heap: (HEAP.start, memory.heap.bytes()),
    }
}

/// How the machine calls itself, else what its tables tell of it. The temporary page tables are
/// in use.
fn model(acpi: Option<&Acpi<'_>>) -> ArrayString<32> {
    let fadt = acpi.and_then(|acpi| Fadt::read(acpi.find(b"FACP")?));
    // Firmware gives machines without legacy hardware an old emulator's name.
    let name = match fadt {
        Some(fadt) if fadt.is_hardware_reduced => "PC (hardware-reduced)",
        Some(_) => smbios::product_name(&Firmware).unwrap_or("PC"),
        None => "PC (no ACPI)",
    };
    let mut model = ArrayString::new();
    // What does not fit is left out.
    name.chars().try_for_each(|char| model.try_push(char)).ok();
    model
}

/// The root pointer and the tables that the root table lists.
fn tables(
    acpi: &Acpi<'_>,
) -> arrayvec::ArrayVec<(PhysAddr, u64), { jacinth_boot::info::MAX_TABLES }> {
    let listed = acpi
        .tables
        .iter()
        .map(|table| (table.at, table.bytes.len() as u64));
    let all = [acpi.rsdp].into_iter().chain(listed);
    all.map(|(at, bytes)| (PhysAddr::new(at), bytes)).collect()
}

/// How many interrupt numbers there are: 24 for each I/O APIC.
fn irqs(madt: &Madt) -> u64 {
    const IRQS_EACH: u64 = 24;
    let ends = madt
        .io_apics
        .iter()
        .map(|io_apic| io_apic.first_irq + IRQS_EACH);
    ends.max().unwrap_or(IRQS_EACH)
}

/// What the second fence keeps users from, besides what it learns later.
fn private_runs(memory: &Memory, info: &BootInfo) -> RunSet {
    use jacinth_boot::info::Kind;
    let mut private = RunSet::default();
    let kept = info
        .regions
        .iter()
        .filter(|region| matches!(region.kind, Kind::Kernel | Kind::MmioKernel));
    for run in [memory::LOW_MEMORY]
        .into_iter()
        .chain(kept.map(|region| region.run))
    {
        if private.add(run).is_err() {
            refuse("what is the kernel's own is in too many pieces");
        }
    }
    debug_assert!(
        private.covers(memory.image),
        "the image is a region of its own"
    );
    private
}

fn image_run() -> PhysRun {
    let (start, end) = (&raw const image_start as u64, &raw const image_end as u64);
    outward(start, end - start)
}

fn image() -> Image {
    let range = |start: *const u8, end: *const u8| VirtRange {
        start: VirtAddr::new(start as u64),
        end: VirtAddr::new(end as u64),
    };
    Image {
        text: range(&raw const text_start, &raw const text_end),
        rodata: range(&raw const rodata_start, &raw const rodata_end),
        data: [
            range(&raw const data_start, &raw const stacks_start),
            range(&raw const stacks_end, &raw const data_end),
        ],
    }
}

const _: () = assert!(
    KERNEL_BASE == 0xffff_ffff_8000_0000,
    "as in the linker script"
);

/// Sets up what another CPU than the boot CPU still lacks: nothing.
pub(crate) fn join(_machine: &Machine) {}
