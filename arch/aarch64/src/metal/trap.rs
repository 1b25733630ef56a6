//! Exceptions: from the assembly to [`jacinth_enter`], and from its answer back.

use core::arch::global_asm;
use core::fmt::{self, Write as _};
use core::mem::offset_of;
use core::ptr;

use jacinth_kernel::hal::{ContextId, CpuId};
use jacinth_kernel::{Event, Next};

use crate::metal::context::{self, Context};
use crate::metal::gic::{self, Interrupt};
use crate::metal::per_cpu::{self, CpuStacks, EMERGENCY_TOP, STACK_TOP, current_cpu};
use crate::metal::regs::{FAR_EL1, Readable, VBAR_EL1, Writeable, wfi};
use crate::metal::semihosting;
use crate::metal::uart::early_console_write;
use crate::syndrome;

global_asm!(
    include_str!("trap.s"),
    pc = const offset_of!(Context, pc),
    args = const offset_of!(Context, args),
    thread_pointer = const offset_of!(Context, thread_pointer),
    fp = const offset_of!(Context, fp_status),
    vectors = const offset_of!(Context, vectors),
    stack_top = const STACK_TOP,
    emergency_top = const EMERGENCY_TOP,
    svc = const syndrome::SVC,
    fault = sym fault,
    interrupt = sym interrupt,
    kernel = sym kernel,
);

unsafe extern "C" {
    static jacinth_vectors: u8;
    fn jacinth_depart(context: *mut Context) -> !;
    fn jacinth_fp_save(context: *mut Context);
    fn jacinth_fp_load(context: *mut Context);
}

unsafe extern "Rust" {
    /// Enters the kernel: defined by whoever links this crate. For system calls there is another
    /// one, which the assembly itself calls:
    /// `extern "C" fn jacinth_syscall(Caller, CpuId, number: u64) -> Outcome`, by `Kernel::syscall`.
    safe fn jacinth_enter(cpu: CpuId, event: Event<'_>) -> Next;
}

/// Gives the CPU that runs this its number, its stacks and its exception vectors: from here on a
/// fault of the kernel is reported.
///
/// # Safety
/// The stacks are mapped, now and later, and nobody else's; `cpu` names this CPU alone.
pub unsafe fn prepare_cpu(cpu: CpuId, stacks: CpuStacks) {
    per_cpu::start(cpu, stacks);
    let vectors = (&raw const jacinth_vectors).expose_provenance();
    VBAR_EL1.set(u64::try_from(vectors).unwrap_or(0));
}

/// Does what the kernel's first answer says, for this CPU.
///
/// # Safety
/// The machine is set up on this CPU. Nothing on the stack is needed any more.
pub unsafe fn start_cpu(next: Next) -> ! {
    let context = follow(None, next);
    // SAFETY: a living context, by the kernel's answer; this stack is given up, by contract.
    unsafe { jacinth_depart(context) }
}

/// Saves the FP state of this CPU.
///
/// # Safety
/// `context` names a living context.
pub(crate) unsafe fn fp_save(context: ContextId) {
    // SAFETY: the block is mapped; the routine writes its FP fields only.
    unsafe { jacinth_fp_save(context::at(context)) };
}

/// Loads the FP state of this CPU.
///
/// # Safety
/// `context` names a living context.
pub(crate) unsafe fn fp_load(context: ContextId) {
    // SAFETY: the block is mapped; the kernel itself uses no FP registers.
    unsafe { jacinth_fp_load(context::at(context)) };
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
        // SAFETY: the block of the thread that called, which this CPU alone uses now; nothing writes
        // this part of it before the call is over.
        unsafe { &(*self.0).args }
    }

    /// The CPU does what the kernel says.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn leave(self, next: Next) -> Outcome {
        Outcome {
            elsewhere: follow(Some(self.0), next),
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

/// Another synchronous exception, or an SError, in user mode. Says which context goes on.
extern "C" fn fault(context: *mut Context, esr: u64) -> *mut Context {
    let event = syndrome::event(esr, FAR_EL1.get());
    follow(Some(context), jacinth_enter(current_cpu(), event))
}

/// An interrupt in user mode. Says which context goes on.
extern "C" fn interrupt(context: *mut Context) -> *mut Context {
    let next = match gic::acknowledge() {
        Some(interrupt) => jacinth_enter(current_cpu(), event_of(interrupt)),
        None => Next::Resume,
    };
    follow(Some(context), next)
}

/// Does what the kernel says until it is to run a thread.
#[inline(always)]
fn follow(current: Option<*mut Context>, next: Next) -> *mut Context {
    match next {
        Next::Resume => current.expect("a thread was running that can go on"),
        Next::Switch(id) => context::at(id),
        other => without_thread(current, other),
    }
}

/// The rest of [`follow`], out of the way of the system calls that have their answer at once.
#[cold]
#[inline(never)]
fn without_thread(current: Option<*mut Context>, mut next: Next) -> *mut Context {
    loop {
        next = match next {
            Next::Resume => return current.expect("a thread was running that can go on"),
            Next::Switch(id) => return context::at(id),
            Next::Idle => jacinth_enter(current_cpu(), idle()),
            Next::Again => jacinth_enter(current_cpu(), Event::Kick),
            Next::Halt(code) => semihosting::exit(code),
        };
    }
}

/// Waits for an interrupt. They stay masked: a pending one ends `wfi` all the same.
fn idle() -> Event<'static> {
    loop {
        if let Some(interrupt) = gic::acknowledge() {
            return event_of(interrupt);
        }
        wfi();
    }
}

/// Puts a CPU to sleep that is not wanted: it takes no interrupts, and touches nothing.
pub fn sleep_for_ever() -> ! {
    loop {
        wfi();
    }
}

fn event_of(interrupt: Interrupt) -> Event<'static> {
    match interrupt {
        Interrupt::Timer => Event::Timer,
        Interrupt::Kick => Event::Kick,
    }
}

/// What the assembly saved of a fault in kernel mode.
#[repr(C)]
struct KernelRegisters {
    x: [u64; 31],
    sp: u64,
    pc: u64,
    pstate: u64,
    syndrome: u64,
    far: u64,
}

const _: () = assert!(
    size_of::<KernelRegisters>() == 304 - 16,
    "trap.s makes room for them and a frame record"
);

/// An exception in kernel mode: the end, with a report.
extern "C" fn kernel(registers: &KernelRegisters) -> ! {
    if semihosting::is_ending() {
        // The exit call itself: nobody listens.
        loop {
            wfi();
        }
    }
    // The console takes everything; its error type cannot occur.
    write!(Report, "\n{registers}").ok();
    let (class, syndrome, far) = (
        syndrome::class(registers.syndrome),
        registers.syndrome,
        registers.far,
    );
    panic!(
        "exception in the kernel: class {class:#04x}, syndrome {syndrome:#x}, address {far:#x}, pc {:#x}",
        registers.pc
    )
}

impl fmt::Display for KernelRegisters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, value) in self.x.iter().enumerate() {
            let end = if number % 4 == 3 { '\n' } else { ' ' };
            write!(f, "x{number:<2} {value:#018x}{end}")?;
        }
        writeln!(f, "sp  {:#018x}", self.sp)?;
        writeln!(f, "pc  {:#018x} pstate {:#x}", self.pc, self.pstate)
    }
}

struct Report;

impl fmt::Write for Report {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        early_console_write(text.as_bytes());
        Ok(())
    }
}
