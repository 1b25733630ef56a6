//! The one place where a machine's events meet the kernel: one lock around both.

use jacinth_kernel::hal::CpuId;
use jacinth_kernel::{Event, Kernel, Next};
use jacinth_lock::{BigLock, Relax};

use crate::arch::{self, Caller, Machine, Outcome};
use crate::watch;

/// All state there is: the core's, and that of the machine under it.
pub(crate) struct State {
    pub(crate) kernel: Kernel,
    pub(crate) machine: Machine,
}

/// What a CPU does while it waits for the big lock: it answers what the holder may wait for.
pub(crate) struct Serve;

impl Relax for Serve {
    #[inline]
    fn relax() {
        arch::while_waiting();
        core::hint::spin_loop();
    }
}

/// The big lock. Empty until boot is done.
pub(crate) static STATE: BigLock<Option<State>, Serve> = BigLock::new(None);

/// Tells the kernel what happened on a CPU, and returns what the CPU does now. The machines' trap
/// code calls it by name, with interrupts off.
#[unsafe(no_mangle)]
pub(crate) extern "Rust" fn jacinth_enter(cpu: CpuId, event: Event<'_>) -> Next {
    elsewhere(cpu, enter(cpu, event))
}

/// As [`jacinth_enter`], for a system call, which most events are: the trap code keeps to the short
/// way while the call is over and its thread goes on.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn jacinth_syscall(caller: Caller, cpu: CpuId, number: u64) -> Outcome {
    let mut state = STATE.lock();
    let State { kernel, machine } = state.as_mut().expect("no CPU enters before boot is done");
    match kernel.syscall(machine, cpu, number, caller.args()) {
        Ok(answer) => {
            drop(state);
            Outcome::answer(answer)
        }
        Err(next) => {
            drop(state);
            caller.leave(elsewhere(arch::current_cpu(), next))
        }
    }
}

/// Does what a machine's trap code does not see.
#[inline]
fn elsewhere(cpu: CpuId, next: Next) -> Next {
    match next {
        Next::Again | Next::Halt(_) => go_on(cpu, next),
        next => next,
    }
}

/// Goes on with work that is left, with the lock open in between: others are served first.
#[cold]
fn go_on(cpu: CpuId, mut next: Next) -> Next {
    loop {
        watch::look(next);
        match next {
            Next::Again => next = enter(cpu, Event::Kick),
            next => return next,
        }
    }
}

#[inline]
fn enter(cpu: CpuId, event: Event<'_>) -> Next {
    let mut state = STATE.lock();
    let State { kernel, machine } = state.as_mut().expect("no CPU enters before boot is done");
    kernel.enter(machine, cpu, event)
}
