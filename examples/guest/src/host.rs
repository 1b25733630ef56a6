//! The system that the kernel is a guest of.

use crate::machine::{CPU, Machine, Trap};
use crate::program;
use jacinth_abi::ExitCode;
use jacinth_kernel::hal::ContextId;
use jacinth_kernel::{Kernel, Next};
use std::collections::VecDeque;

/// Work of the host's own, which it does when the guest has none.
pub type Job = Box<dyn FnOnce()>;

/// The host: what it does besides, and its guest.
pub struct Host {
    /// Its own work, oldest first.
    pub jobs: VecDeque<Job>,
    /// The guest's machine.
    pub machine: Machine,
    /// The guest.
    pub kernel: Kernel,
}

impl Host {
    /// Builds the machine and starts the kernel's first program.
    ///
    /// # Panics
    /// When the kernel finds the machine too small.
    #[must_use]
    pub fn new(jobs: VecDeque<Job>) -> Self {
        let mut machine = Machine::new();
        let mut kernel = Kernel::new(&machine.info()).expect("the heap has room");
        let image = program::image();
        kernel
            .start_init(
                &mut machine,
                &program::program(&[image.segment()]),
                &[],
                &[],
            )
            .expect("the program fits");
        Self {
            jobs,
            machine,
            kernel,
        }
    }

    // docs: begin
    /// Serves the guest until its first program has ended.
    pub fn serve(&mut self) -> ExitCode {
        let mut trap = Trap::Start;
        let mut current: Option<ContextId> = None;
        loop {
            // One event in, one answer out. With several CPUs a lock goes around this call.
            match self.kernel.enter(&mut self.machine, CPU, trap.event()) {
                Next::Resume => {}
                Next::Switch(context) => current = Some(context),
                Next::Idle => {
                    // Nothing runs in there: the time is the host's.
                    match self.jobs.pop_front() {
                        Some(job) => job(),
                        None => self.machine.sleep_until_alarm(),
                    }
                    trap = self.machine.interrupt();
                    continue;
                }
                Next::Again => {
                    // The kernel has more to do, and let others at the lock for a moment.
                    trap = Trap::Kick;
                    continue;
                }
                Next::Halt(code) => return code,
            }
            trap = match current {
                Some(context) => self.machine.run(context),
                None => self.machine.interrupt(),
            };
        }
    }
    // docs: end
}
