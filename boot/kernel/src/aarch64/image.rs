//! The kernel's own image: its parts as the linker script names them, its stacks, and the frames
//! in it from which the first page tables are made.

use core::cell::UnsafeCell;

use jacinth_aarch64::layout::Image;
use jacinth_aarch64::{KernelAccess, KernelSpace, Memory};
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr};

/// Frames for the kernel's tables: about eight, and two or three more for every hole in RAM.
const TABLE_FRAMES: usize = 96;

unsafe extern "C" {
    static __image_start: u8;
    static __text_end: u8;
    static __rodata_end: u8;
    static __data_end: u8;
    static __emergency_bottom: u8;
    static __emergency_top: u8;
    static __stack_bottom: u8;
    static __stack_top: u8;
    static __image_end: u8;
    fn jacinth_switch_tables(ttbr1: u64, ttbr0: u64, low: u64);
    fn jacinth_switch_tables_low();
}

#[repr(C, align(4096))]
struct Frames(UnsafeCell<[[u8; 4096]; TABLE_FRAMES]>);

// SAFETY: only the page tables' accessor touches the frames, as physical memory.
unsafe impl Sync for Frames {}

static TABLES: Frames = Frames(UnsafeCell::new([[0; 4096]; TABLE_FRAMES]));

/// The address of a symbol of the linker script.
macro_rules! address {
    ($symbol:ident) => {
        VirtAddr::new((&raw const $symbol).addr() as u64)
    };
}

/// The image, loaded at `load`.
pub(super) fn kernel_image(load: PhysAddr) -> Image {
    let (start, end) = (address!(__image_start), address!(__image_end));
    let pages = (end.raw() - start.raw()).div_ceil(PAGE_SIZE);
    Image {
        run: PhysRun { base: load, pages },
        at: start,
    }
}

/// The frames for the first tables.
pub(super) fn table_frames(image: Image) -> PhysRun {
    let at = VirtAddr::new(TABLES.0.get().addr() as u64);
    let base = image.phys(at).expect("the frames are in the image");
    PhysRun {
        base,
        pages: TABLE_FRAMES as u64,
    }
}

/// Maps each part of the image with its own permissions, and nothing below the stacks.
pub(super) fn map(space: &mut KernelSpace, image: Image) {
    let parts = [
        (
            address!(__image_start),
            address!(__text_end),
            KernelAccess::Execute,
        ),
        (
            address!(__text_end),
            address!(__rodata_end),
            KernelAccess::Read,
        ),
        (
            address!(__rodata_end),
            address!(__data_end),
            KernelAccess::Write,
        ),
        (
            address!(__emergency_bottom),
            address!(__emergency_top),
            KernelAccess::Write,
        ),
        (
            address!(__stack_bottom),
            address!(__stack_top),
            KernelAccess::Write,
        ),
    ];
    for (start, end, access) in parts {
        let base = image.phys(start).expect("the parts are in the image");
        let run = PhysRun {
            base,
            pages: (end.raw() - start.raw()) / PAGE_SIZE,
        };
        space
            .map(start, run, Memory::Ram(access))
            .expect("the image fits the first tables");
    }
}

/// Makes other tables the live ones, with nothing in the user half.
///
/// # Safety
/// They map the image as it is mapped now, this stack included.
pub(super) unsafe fn switch_tables(image: Image, root: PhysAddr, no_user: PhysAddr) {
    let low = VirtAddr::new((jacinth_switch_tables_low as *const ()).addr() as u64);
    let low = image.phys(low).expect("the start code is in the image");
    // SAFETY: the routine runs in the identity map, which is still in place; the rest is the
    // caller's promise.
    unsafe { jacinth_switch_tables(root.raw(), no_user.raw(), low.raw()) };
}

/// Start and end of the boot CPU's stacks: the one for faults of the kernel, then the other.
pub(super) fn stacks() -> [(u64, u64); 2] {
    let stacks = [
        (address!(__emergency_bottom), address!(__emergency_top)),
        (address!(__stack_bottom), address!(__stack_top)),
    ];
    stacks.map(|(start, end)| (start.raw(), end.raw()))
}
