//! Faults that nobody handles: the process dies, and the console says who, where and why.

use crate::hal::{CpuId, DynHal};
use crate::mem::Key;
use crate::task::{Cause, Current, Process, Thread};
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
    /// Resolves a fault of the running thread, or raises an exception; true when the thread goes on.
    pub(crate) fn page_fault(
        &mut self,
        hal: &mut DynHal,
        cpu: CpuId,
        address: VirtAddr,
        access: Access,
        code: u64,
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
        let cause = Cause::PageFault {
            address,
            access,
            code,
            reason,
        };
        self.raise(hal, thread, cause);
        false
    }

    /// Stops the running thread for what the hardware refused.
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
        let cause = Cause::Hardware {
            kind,
            code,
            address,
        };
        self.raise(hal, thread, cause);
    }

    /// Kills the process of a thread for an exception that nobody handled.
    pub(crate) fn crash(&mut self, hal: &mut DynHal, thread: Key<Thread>, cause: Cause) {
        let state = self.objects.get(thread);
        let (process, registers) = (state.process, hal.context_crash_registers(state.context));
        let pc = format_args!("pc {:#x}", registers.pc);
        match cause {
            Cause::PageFault {
                address,
                access,
                reason,
                ..
            } => {
                let how = match access {
                    Access::Read => "read of",
                    Access::Write => "write to",
                    Access::Execute => "execution of",
                };
                let what = format_args!("page fault ({how} {address}, {pc}, reason {reason})");
                self.report_crash(hal, process, what);
            }
            Cause::Hardware {
                kind,
                code,
                address,
            } => {
                let name = ExceptionType::from_number(kind)
                    .map_or("unknown exception", ExceptionType::name);
                let what = format_args!("{name} (address {address:#x}, {pc}, code {code:#x})");
                self.report_crash(hal, process, what);
            }
            Cause::BadSyscall { number } => {
                let reason = Status::BAD_SYSCALL;
                let what =
                    format_args!("bad system call (number {number:#x}, {pc}, reason {reason})");
                self.report_crash(hal, process, what);
            }
            Cause::Policy { code } => {
                let name = ExceptionType::PolicyError.name();
                self.report_crash(hal, process, format_args!("{name} (code {code}, {pc})"));
            }
            Cause::ProcessStarting | Cause::ThreadStarting | Cause::ThreadExiting => {}
        }
        self.report_address(hal, process, registers.pc);
        self.user_backtrace(hal, thread, registers.frame_pointer);
        self.init_crashed |= self.init == Some(process);
        self.kill_process_of(thread, limits::retcode::EXCEPTION_KILL);
    }

    fn report_crash(&self, hal: &mut DynHal, process: Key<Process>, what: fmt::Arguments<'_>) {
        let name = self.objects.get(process).name;
        let written = writeln!(Text(hal), "jacinth: process {name} killed: {what}");
        debug_assert!(written.is_ok(), "the console cannot fail");
    }

    /// Prints an address of a program for the runner to name. It knows where `init` is; of other
    /// programs, how far into its region the address is: a loader puts each in one of its own.
    fn report_address(&self, hal: &mut DynHal, process: Key<Process>, address: u64) {
        let Process {
            name, root_vmar, ..
        } = self.objects.get(process);
        let at = VirtAddr::new(address);
        let region = root_vmar.and_then(|root| vm::region_at(&self.objects, root, at));
        let base = region.map(|region| self.objects.get(region).base);
        let mut text = Text(hal);
        let written = match base.and_then(|base| at.raw().checked_sub(base.raw())) {
            _ if self.init == Some(process) => writeln!(text, "  user {address:#x}"),
            Some(offset) => writeln!(text, "  user {address:#x} +{offset:#x} in {name}"),
            None => writeln!(text, "  user {address:#x} in {name}"),
        };
        debug_assert!(written.is_ok(), "the console cannot fail");
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
            self.report_address(hal, process, address);
            frame = next;
        }
    }
}
