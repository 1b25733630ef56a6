//! A thread's context block: the page where its registers and FP state are kept.
//!
//! Trap assembly saves straight into it, and the processor itself does: the trap stack of the task
//! state segment ends where the block's interrupt frame ends. The offsets here are handed to the
//! assembly as constants.

use core::mem::offset_of;

use jacinth_kernel::hal::{ContextId, CrashRegisters, ThreadStart};
use jacinth_kernel::{PAGE_SIZE, PhysAddr};

use super::layout::in_physmap;

/// The `vector` of a context that came in by `syscall`, beyond all real ones.
pub(crate) const SYSCALL_VECTOR: u64 = 256;
/// User code segment, with its privilege level.
pub(crate) const USER_CODE: u64 = 0x23;
/// User stack segment, with its privilege level.
pub(crate) const USER_DATA: u64 = 0x1b;
/// Interrupts on, and the bit that is always one.
const INITIAL_FLAGS: u64 = 0x202;
/// Power-on values of the x87 control word and of MXCSR: all exceptions masked.
const INITIAL_X87_CONTROL: u16 = 0x037f;
const INITIAL_MXCSR: u32 = 0x1f80;
/// Where MXCSR is in the FP area, in the layout of `fxsave` (Intel SDM 1, table 10-2).
const MXCSR_OFFSET: usize = 24;
/// The size of the FP area.
pub(crate) const FP_BYTES: usize = 3840;

/// Registers as a trap saves them. The order is that of the pushes in `trap.s`.
#[repr(C)]
pub(crate) struct Registers {
    /// The argument registers of a system call, in order: rdi rsi rdx r10 r8 r9 r12 r13.
    pub(crate) args: [u64; 8],
    pub(crate) rax: u64,
    pub(crate) rbx: u64,
    pub(crate) rbp: u64,
    pub(crate) rcx: u64,
    pub(crate) r11: u64,
    pub(crate) r14: u64,
    pub(crate) r15: u64,
    /// What brought the thread in: an interrupt vector, or [`SYSCALL_VECTOR`].
    pub(crate) vector: u64,
    /// The processor's error code, 0 where there is none.
    pub(crate) error: u64,
    pub(crate) rip: u64,
    pub(crate) cs: u64,
    pub(crate) rflags: u64,
    pub(crate) rsp: u64,
    pub(crate) ss: u64,
}

/// A context block.
#[repr(C, align(4096))]
pub(crate) struct Context {
    pub(crate) registers: Registers,
    pub(crate) fs_base: u64,
    pub(crate) gs_base: u64,
    reserved: [u64; 8],
    /// The area of `xsave64` or `fxsave64`, aligned to 64 bytes.
    pub(crate) fp: [u8; FP_BYTES],
}

/// Where the interrupt frame ends, which the processor pushes from there down.
pub(crate) const FRAME_END: u64 = size_of::<Registers>() as u64;

const _: () = assert!(
    size_of::<Context>() as u64 == PAGE_SIZE,
    "a block is a page"
);
const _: () = assert!(
    offset_of!(Context, fp).is_multiple_of(64),
    "xsave wants 64 bytes"
);
const _: () = assert!(
    FRAME_END.is_multiple_of(16),
    "the processor aligns trap stacks to 16 bytes"
);
const _: () = assert!(
    offset_of!(Context, registers) == 0,
    "assembly counts from the block"
);

/// The block that a context names. Only this crate makes contexts, from frames that it holds.
pub(crate) fn block(context: ContextId) -> *mut Context {
    in_physmap(PhysAddr::new(context.0)).raw() as *mut Context
}

/// Makes the block of a thread that never ran: all zero, but what user mode needs.
pub(crate) fn init(context: ContextId) {
    let block = block(context);
    // SAFETY: the block is a frame that was lent to the machine for this context, and is mapped.
    unsafe { block.write_bytes(0, 1) };
    // SAFETY: as above; nothing else refers to a context that is being made.
    let context = unsafe { &mut *block };
    context.registers.cs = USER_CODE;
    context.registers.ss = USER_DATA;
    context.registers.rflags = INITIAL_FLAGS;
    let [low, high] = INITIAL_X87_CONTROL.to_le_bytes();
    context.fp[0] = low;
    context.fp[1] = high;
    context.fp[MXCSR_OFFSET..MXCSR_OFFSET + 4].copy_from_slice(&INITIAL_MXCSR.to_le_bytes());
}

/// Sets where a thread that never ran begins.
pub(crate) fn start(context: ContextId, start: ThreadStart) {
    let registers = registers(context);
    // SAFETY: the context lives, and a thread that never ran is on no CPU.
    let registers = unsafe { &mut *registers };
    registers.rip = start.entry;
    registers.rsp = start.stack;
    registers.args[0] = start.arg1;
    registers.args[1] = start.arg2;
}

/// Sets the answer of a system call.
pub(crate) fn set_result(context: ContextId, result: i64) {
    let registers = registers(context);
    // SAFETY: the context lives. A raw place, because the arguments of the call that is being
    // answered may still be borrowed.
    let rax = unsafe { &raw mut (*registers).rax };
    // SAFETY: as above.
    unsafe { rax.write(result.cast_unsigned()) };
}

/// Reads what a crash report shows.
pub(crate) fn crash_registers(context: ContextId) -> CrashRegisters {
    let registers = registers(context);
    // SAFETY: the context lives, and its thread is in the kernel.
    let registers = unsafe { &*registers };
    CrashRegisters {
        pc: registers.rip,
        sp: registers.rsp,
        frame_pointer: registers.rbp,
    }
}

fn registers(context: ContextId) -> *mut Registers {
    block(context).cast()
}

/// The FP area of a context.
pub(crate) fn fp_area(context: ContextId) -> *mut [u8; FP_BYTES] {
    let block = block(context);
    // SAFETY: a place in the block, which is mapped; nothing is read.
    unsafe { &raw mut (*block).fp }
}
