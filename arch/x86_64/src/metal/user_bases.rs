//! The FS and GS bases of user threads, which user mode sets itself where the processor allows it.

use core::arch::asm;

use jacinth_kernel::hal::ContextId;
use x86_64::VirtAddr;
use x86_64::registers::model_specific::{FsBase, GsBase, KernelGsBase};

use super::context::{self, Context};

/// Both bases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bases {
    fs: u64,
    gs: u64,
}

/// Saves the bases of the thread that ran on this CPU, which still has them then.
pub(crate) fn save(from: ContextId) -> Bases {
    let block: *mut Context = context::block(from);
    let (fs, gs) = (FsBase::read().as_u64(), KernelGsBase::read().as_u64());
    // SAFETY: the core names a living context, and its thread is in the kernel.
    let block = unsafe { &mut *block };
    block.fs_base = fs;
    block.gs_base = gs;
    Bases { fs, gs }
}

/// Loads the bases of the thread that runs next on this CPU, which has some already, and the
/// selectors it begins with. Most threads have no GS base, and writing one takes long.
pub(crate) fn load(to: ContextId, here: Option<Bases>) {
    let block: *mut Context = context::block(to);
    // SAFETY: as above.
    let block = unsafe { &*block };
    let Context {
        fs_base, gs_base, ..
    } = *block;
    // Clearing FS may clear its base, too.
    let cleared = clear_selectors();
    let here = here.filter(|_| cleared == Cleared::No);
    if here.is_none_or(|here| here.fs != fs_base) {
        FsBase::write(VirtAddr::new_truncate(fs_base));
    }
    if here.is_none_or(|here| here.gs != gs_base) {
        KernelGsBase::write(VirtAddr::new_truncate(gs_base));
    }
}

/// Whether selectors had to be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cleared {
    No,
    Yes,
}

/// User mode can load its data segment into these; the next thread must not see that.
fn clear_selectors() -> Cleared {
    let selectors: u64;
    // SAFETY: reads registers.
    unsafe {
        asm!(
            "mov {all:e}, ds", "mov {one:e}, es", "or {all:e}, {one:e}",
            "mov {one:e}, fs", "or {all:e}, {one:e}", "mov {one:e}, gs", "or {all:e}, {one:e}",
            all = out(reg) selectors, one = out(reg) _,
            options(nomem, nostack),
        );
    }
    if selectors & 0xffff == 0 {
        return Cleared::No;
    }
    // Loading GS may clear its base, which is the kernel's here.
    let gs_base = GsBase::read();
    // SAFETY: null selectors are allowed; the FS base is written by the caller, the GS base here.
    unsafe {
        asm!(
            "mov ds, {zero:e}", "mov es, {zero:e}", "mov fs, {zero:e}", "mov gs, {zero:e}",
            zero = in(reg) 0_u32,
            options(nomem, nostack, preserves_flags),
        );
    }
    GsBase::write(gs_base);
    Cleared::Yes
}
