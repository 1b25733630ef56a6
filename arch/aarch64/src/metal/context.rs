//! A thread's context block: the page where its registers and FP state are kept.
//!
//! Trap assembly saves straight into it: in user mode SP_EL1 points at it. The offsets are handed
//! to the assembly as constants.

use core::mem::{offset_of, size_of};

use jacinth_kernel::hal::{ContextId, CrashRegisters, ThreadStart};
use jacinth_kernel::{PAGE_SIZE, PhysAddr};

use crate::layout::{physmap, pointer};

/// What a trap saves, and what `swap_fp` saves.
#[repr(C)]
pub(crate) struct Context {
    /// x0 to x30.
    pub(crate) x: [u64; 31],
    /// SP_EL0.
    pub(crate) sp: u64,
    /// ELR_EL1: where user mode goes on.
    pub(crate) pc: u64,
    /// SPSR_EL1: its flags. All zero is EL0 with everything unmasked.
    pub(crate) pstate: u64,
    /// TPIDR_EL0: its thread pointer.
    pub(crate) thread_pointer: u64,
    /// FPSR.
    pub(crate) fp_status: u64,
    /// FPCR.
    pub(crate) fp_control: u64,
    reserved: u64,
    /// The arguments of a system call, while the thread is in it.
    pub(crate) args: [u64; 8],
    /// v0 to v31.
    pub(crate) vectors: [u128; 32],
}

const _: () = assert!(size_of::<Context>() <= 4096, "a context is one frame");
const _: () = assert!(PAGE_SIZE == 4096, "a context is one frame");
const _: () = assert!(offset_of!(Context, sp) == 248, "trap.s stores sp with x30");
const _: () = assert!(
    offset_of!(Context, pstate) == offset_of!(Context, pc) + 8,
    "trap.s stores them as a pair"
);
const _: () = assert!(
    offset_of!(Context, vectors).is_multiple_of(16),
    "trap.s stores pairs of them"
);

/// Where a context block is for the kernel.
pub(crate) fn at(context: ContextId) -> *mut Context {
    pointer(physmap(PhysAddr::new(context.0)))
}

/// Makes a block for a thread that never ran: all zero.
///
/// # Safety
/// `context` names a frame of RAM that is nobody else's.
pub(crate) unsafe fn clear(context: ContextId) {
    let page = at(context).cast::<[u8; 4096]>();
    // SAFETY: the frame is mapped in the physmap and the caller's alone.
    unsafe { page.write_bytes(0, 1) };
}

/// Sets where a thread that never ran begins.
///
/// # Safety
/// `context` names a living context whose thread is not running.
pub(crate) unsafe fn start(context: ContextId, start: ThreadStart) {
    let block = at(context);
    // SAFETY: by this function's contract, nobody else uses the block.
    let block = unsafe { &mut *block };
    block.pc = start.entry;
    block.sp = start.stack;
    block.x[0] = start.arg1;
    block.x[1] = start.arg2;
}

/// Sets the answer of a system call.
///
/// # Safety
/// `context` names a living context, saved.
pub(crate) unsafe fn set_result(context: ContextId, result: i64) {
    let block = at(context);
    // SAFETY: as above; x is the first field.
    unsafe { block.cast::<i64>().write(result) };
}

/// Reads what a crash report shows.
///
/// # Safety
/// `context` names a living context, saved.
pub(crate) unsafe fn crash_registers(context: ContextId) -> CrashRegisters {
    let block = at(context);
    // SAFETY: as above; nobody writes it meanwhile.
    let block = unsafe { &*block };
    CrashRegisters {
        pc: block.pc,
        sp: block.sp,
        frame_pointer: block.x[29],
    }
}
