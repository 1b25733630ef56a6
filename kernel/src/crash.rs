//! Faults that nobody handles: the process dies, and the console says who, where and why.

use crate::hal::{CpuId, DynHal};
use crate::mem::Key;
use crate::task::{Current, Thread};
use crate::{Access, Kernel, VirtAddr, copy, vm};
use core::fmt::{self, Write};
use jacinth_abi::{ExceptionType, Status, limits};

/// Return addresses that a report shows at the most.
const MOST_FRAMES: usize = 24;

/// The machine's console as a place to format to.
struct Text<'a>(&'a mut DynHal);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_console(text.as_bytes());
        Ok(())
    }
}

/// Tells people of something that is wrong, though not with the kernel.
pub(crate) fn warn(hal: &mut DynHal, what: fmt::Arguments<'_>) {
    let written = writeln!(Text(hal), "jacinth: {what}");
    debug_assert!(written.is_ok(), "the console cannot fail");
}

impl Kernel {
    /// Resolves a fault of the running thread, or kills its process; true when the thread goes on.
    pub(crate) fn page_fault(
        &mut self,
        hal: &mut DynHal,
        cpu: CpuId,
        address: VirtAddr,
        access: Access,
    ) -> bool {
        let Some(Current { thread, .. }) = self.sched.current(cpu) else {
            return false;
        };
        let process = self.objects.get(thread).process;
        let outcome = self.with_heap(hal, |kernel, hal| {
            vm::fault(kernel, hal, process, address, access)
        });
        let reason = match outcome {
            Ok(()) => return true,
            // The program faults again, by when there is more memory.
            Err(Status::NO_MEMORY) if self.is_behind() || self.reclaim() => return true,
            Err(reason) => reason,
        };
        let how = match access {
            Access::Read => "read of",
            Access::Write => "write to",
            Access::Execute => "execution of",
        };
        self.crash(
            hal,
            thread,
            format_args!("page fault ({how} {address}, pc "),
            format_args!(", reason {reason})"),
        );
        false
    }

    /// Kills the process of the running thread for what the hardware refused.
    pub(crate) fn exception(
        &mut self,
        hal: &mut DynHal,
        cpu: CpuId,
        kind: u32,
        code: u64,
        address: u64,
    ) {
        let Some(Current { thread, .. }) = self.sched.current(cpu) else {
            return;
        };
        let name =
            ExceptionType::from_number(kind).map_or("unknown exception", ExceptionType::name);
        self.crash(
            hal,
            thread,
            format_args!("{name} (address {address:#x}, pc "),
            format_args!(", code {code:#x})"),
        );
    }

    /// Kills the process of the running thread for a system call that does not exist (tasks.md §7).
    pub(crate) fn bad_system_call(&mut self, hal: &mut DynHal, thread: Key<Thread>, number: u64) {
        self.crash(
            hal,
            thread,
            format_args!("bad system call (number {number:#x}, pc "),
            format_args!(", reason {})", Status::BAD_SYSCALL),
        );
    }

    /// Kills the process of the running thread for asking too much (`ZX_EXCP_POLICY_CODE_*`).
    pub(crate) fn policy_exception(&mut self, hal: &mut DynHal, thread: Key<Thread>, code: u32) {
        self.crash(
            hal,
            thread,
            format_args!("{} (code {code}, pc ", ExceptionType::PolicyError.name()),
            format_args!(")"),
        );
    }

    fn crash(
        &mut self,
        hal: &mut DynHal,
        thread: Key<Thread>,
        what: fmt::Arguments<'_>,
        why: fmt::Arguments<'_>,
    ) {
        let state = self.objects.get(thread);
        let (process, registers) = (state.process, hal.context_crash_registers(state.context));
        let name = self.objects.get(process).name;
        let mut text = Text(hal);
        // The console cannot fail: `Text` never returns an error.
        let written = write!(
            text,
            "jacinth: process {name} killed: {what}{:#x}{why}\n  user {:#x}\n",
            registers.pc, registers.pc
        );
        debug_assert!(written.is_ok(), "the console cannot fail");
        self.user_backtrace(hal, thread, registers.frame_pointer);
        self.init_crashed |= self.init == Some(process);
        self.kill_process(process, limits::retcode::EXCEPTION_KILL);
    }

    /// Follows the frame pointers of a program: each frame holds the caller's and its address.
    fn user_backtrace(&mut self, hal: &mut DynHal, thread: Key<Thread>, frame_pointer: u64) {
        let process = self.objects.get(thread).process;
        let mut frame = frame_pointer;
        for _ in 0..MOST_FRAMES {
            let mut bytes = [0u8; 16];
            if !frame.is_multiple_of(8)
                || copy::read(self, hal, process, VirtAddr::new(frame), &mut bytes).is_err()
            {
                return;
            }
            let ([next, address], _) = bytes.as_chunks() else {
                return;
            };
            let (next, address) = (u64::from_le_bytes(*next), u64::from_le_bytes(*address));
            if address == 0 || next <= frame {
                return;
            }
            let written = writeln!(Text(hal), "  user {address:#x}");
            debug_assert!(written.is_ok(), "the console cannot fail");
            frame = next;
        }
    }
}
