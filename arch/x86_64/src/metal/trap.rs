//! Traps: from the assembly to `jacinth_enter`, and from its answer back.

use core::arch::global_asm;
use core::mem::offset_of;
use core::ptr;

use jacinth_kernel::hal::{ContextId, CpuId};
use jacinth_kernel::{Access, Event, Next, VirtAddr};
use x86_64::instructions::interrupts;
use x86_64::registers::control::Cr2;

use super::context::{self, Context, FRAME_END, Registers, SYSCALL_VECTOR};
use super::descriptors::{self, DOUBLE_FAULT, MACHINE_CHECK, NMI, STUB_BYTES, VECTORS};
use super::exit::exit;
use super::layout::{USER, USER_ADDRESS_BITS};
use super::per_cpu::{self, PENDING_KICK, PENDING_TIMER};
use super::{fault, features, lapic, shootdown};

global_asm!(
    include_str!("trap.s"),
    stub_bytes = const STUB_BYTES,
    vectors = const VECTORS,
    nmi = const NMI,
    double_fault = const DOUBLE_FAULT,
    machine_check = const MACHINE_CHECK,
    syscall_vector = const SYSCALL_VECTOR,
    user_address_bits = const USER_ADDRESS_BITS,
    args = const offset_of!(Registers, args),
    rax = const offset_of!(Registers, rax),
    rbx = const offset_of!(Registers, rbx),
    rbp = const offset_of!(Registers, rbp),
    r14 = const offset_of!(Registers, r14),
    r15 = const offset_of!(Registers, r15),
    vector = const offset_of!(Registers, vector),
    rip = const offset_of!(Registers, rip),
    cs = const offset_of!(Registers, cs),
    rflags = const offset_of!(Registers, rflags),
    rsp = const offset_of!(Registers, rsp),
    per_cpu_context = const per_cpu::CONTEXT,
    per_cpu_kernel_stack = const per_cpu::KERNEL_STACK,
    per_cpu_user_stack = const per_cpu::USER_STACK,
    per_cpu_cpu = const per_cpu::CPU,
    on_user_trap = sym on_user_trap,
    on_kernel_trap = sym on_kernel_trap,
    on_emergency = sym on_emergency,
    on_bad_return = sym on_bad_return,
);

unsafe extern "C" {
    static jacinth_trap_stubs: u8;
    static jacinth_trap_syscall: u8;
    fn jacinth_trap_depart(context: *mut Context) -> !;
}

unsafe extern "Rust" {
    /// The kernel's one entrance, which the program that links this crate defines: takes the big
    /// lock and calls `Kernel::enter`. For system calls there is another one, which the assembly
    /// itself calls: `extern "C" fn jacinth_syscall(Caller, CpuId, number: u64) -> Outcome`, by
    /// `Kernel::syscall`.
    safe fn jacinth_enter(cpu: CpuId, event: Event<'_>) -> Next;
}

const PAGE_FAULT: u64 = 14;
const FIRST_INTERRUPT: u64 = 32;

/// Zircon's exception types.
const EXCP_GENERAL: u32 = 0x008;
const EXCP_FATAL_PAGE_FAULT: u32 = 0x108;
const EXCP_UNDEFINED_INSTRUCTION: u32 = 0x208;
const EXCP_SW_BREAKPOINT: u32 = 0x308;
const EXCP_HW_BREAKPOINT: u32 = 0x408;
const EXCP_UNALIGNED_ACCESS: u32 = 0x508;

// `syscall` is two bytes long: where it leads back to is a user's address as well, so that `sysretq`
// cannot fault in the kernel.
const _: () = assert!(
    USER.end.raw() < 1 << USER_ADDRESS_BITS,
    "the last page of the lower half is nobody's"
);

/// The address of the first entry stub.
pub(crate) fn stubs() -> u64 {
    &raw const jacinth_trap_stubs as u64
}

/// The address that `syscall` goes to.
pub(crate) fn syscall_entry() -> u64 {
    &raw const jacinth_trap_syscall as u64
}

/// Leaves the kernel for the first time on this CPU.
///
/// # Safety
/// The CPU is set up, its address space is active, and nothing on the stack is needed any more.
pub unsafe fn start_cpu(next: Next) -> ! {
    let cpu = per_cpu::current_cpu();
    let context = follow(cpu, core::ptr::null_mut(), next);
    // SAFETY: `follow` answers with the block of a context that the core wants to run.
    unsafe { jacinth_trap_depart(context) }
}

/// A thread in a system call, as the assembly names it to `jacinth_syscall`.
#[derive(Debug)]
#[repr(transparent)]
pub struct Caller(*mut Context);

/// How the assembly goes on after a system call: two registers.
#[derive(Debug)]
#[repr(C)]
pub struct Outcome {
    /// The block of the context to return to, all of it; null when the caller goes on, with all
    /// its registers but the answer.
    elsewhere: *mut Context,
    answer: i64,
}

impl Caller {
    /// The arguments of the call.
    #[must_use]
    #[inline]
    pub const fn args(&self) -> &[u64; 8] {
        let registers: *mut Registers = self.0.cast();
        // SAFETY: the block of the thread that made the call, which this CPU alone uses now. The
        // answer and rip, the only things that the core writes into a block whose thread is in a
        // call, are no part of the arguments; the rest is written when the call is over.
        unsafe { &(*registers).args }
    }

    /// The CPU does what the kernel says.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn leave(self, next: Next) -> Outcome {
        Outcome {
            elsewhere: follow_elsewhere(per_cpu::current_cpu(), next),
            answer: 0,
        }
    }
}

impl Outcome {
    /// The caller goes on with the answer.
    #[must_use]
    #[inline]
    pub const fn answer(answer: i64) -> Self {
        Self {
            elsewhere: ptr::null_mut(),
            answer,
        }
    }
}

extern "C" fn on_user_trap(context: *mut Context, cpu: CpuId) -> *mut Context {
    features::refuse_user_memory();
    // SAFETY: the block of the thread that was interrupted, which this CPU alone uses now.
    let registers = unsafe { &(*context).registers };
    let Registers { vector, error, .. } = *registers;
    let event = if vector < FIRST_INTERRUPT {
        exception(vector, error)
    } else {
        match interrupt(vector) {
            PENDING_TIMER => Event::Timer,
            PENDING_KICK => Event::Kick,
            _ => return context,
        }
    };
    let next = jacinth_enter(cpu, event);
    follow(cpu, context, next)
}

/// A thread would return to an address that only the kernel's half has, or none.
extern "C" fn on_bad_return(context: *mut Context, cpu: CpuId) -> *mut Context {
    const GENERAL_PROTECTION: u64 = 13;
    let next = jacinth_enter(cpu, exception(GENERAL_PROTECTION, 0));
    follow(cpu, context, next)
}

/// Interrupts are on in the kernel only while a CPU idles; anything else is the kernel's mistake.
extern "C" fn on_kernel_trap(registers: &Registers) {
    if registers.vector < FIRST_INTERRUPT {
        fault::die(registers);
    }
    per_cpu::add_pending(per_cpu::current_cpu(), interrupt(registers.vector));
}

extern "C" fn on_emergency(registers: &Registers) -> ! {
    fault::die(registers)
}

/// Acknowledges an interrupt and says what it was; 0 for one that nobody asked for.
fn interrupt(vector: u64) -> u64 {
    match vector {
        lapic::TIMER_VECTOR => {
            lapic::end_of_interrupt();
            PENDING_TIMER
        }
        lapic::KICK_VECTOR => {
            lapic::end_of_interrupt();
            PENDING_KICK
        }
        lapic::FORGET_VECTOR => {
            lapic::end_of_interrupt();
            shootdown::serve();
            0
        }
        // Spurious ones, of either controller, want no acknowledgement.
        _ => 0,
    }
}

fn exception(vector: u64, error: u64) -> Event<'static> {
    const RESERVED_BIT_OR_KEY: u64 = 0xffff_ffff_ffff_ffe8;
    let address = Cr2::read_raw();
    if vector == PAGE_FAULT && error & RESERVED_BIT_OR_KEY == 0 {
        let access = page_fault_access(error);
        return Event::PageFault {
            address: VirtAddr::new(address),
            access,
            code: vector << 32 | error,
        };
    }
    let kind = match vector {
        1 => EXCP_HW_BREAKPOINT,
        3 => EXCP_SW_BREAKPOINT,
        6 => EXCP_UNDEFINED_INSTRUCTION,
        PAGE_FAULT => EXCP_FATAL_PAGE_FAULT,
        17 => EXCP_UNALIGNED_ACCESS,
        _ => EXCP_GENERAL,
    };
    let address = if vector == PAGE_FAULT { address } else { 0 };
    Event::Exception {
        kind,
        code: vector << 32 | error,
        address,
    }
}

/// Intel SDM 3A, 5.7: bit 1 of the error code is a write, bit 4 an instruction fetch.
const fn page_fault_access(error: u64) -> Access {
    if error & 1 << 4 != 0 {
        Access::Execute
    } else if error & 1 << 1 != 0 {
        Access::Write
    } else {
        Access::Read
    }
}

/// Does what the core wants next; answers with the block of the context to return to.
#[inline]
fn follow(cpu: CpuId, context: *mut Context, next: Next) -> *mut Context {
    match next {
        Next::Resume => context,
        other => follow_elsewhere(cpu, other),
    }
}

#[cold]
#[inline(never)]
fn follow_elsewhere(cpu: CpuId, mut next: Next) -> *mut Context {
    loop {
        match next {
            Next::Resume => return per_cpu::context(cpu),
            Next::Switch(to) => return switch(cpu, to),
            Next::Halt(code) => exit(code),
            Next::Idle => next = jacinth_enter(cpu, idle(cpu)),
            Next::Again => next = jacinth_enter(cpu, Event::Kick),
        }
    }
}

fn switch(cpu: CpuId, to: ContextId) -> *mut Context {
    let block = context::block(to);
    per_cpu::set_context(cpu, block);
    descriptors::set_trap_frame_end(cpu, block as u64 + FRAME_END);
    block
}

/// Waits for an interrupt.
fn idle(cpu: CpuId) -> Event<'static> {
    loop {
        let pending = per_cpu::take_pending(cpu);
        if pending & PENDING_TIMER != 0 {
            // Before a kick: it does all that a kick does, and the core counts on hearing of it.
            return Event::Timer;
        }
        if pending & PENDING_KICK != 0 {
            return Event::Kick;
        }
        interrupts::enable_and_hlt();
        interrupts::disable();
    }
}
