//! Tasks: processes, threads, what a blocked one waits for, and who runs next.

mod abandon;
mod cpu_set;
mod create;
mod exception;
mod exceptionate;
mod futex;
mod job;
mod policy;
mod process;
mod queues;
mod ready;
mod sched;
mod suspend;
mod thread;
mod timer;
mod turns;
mod wait;
mod walk;

pub(crate) use cpu_set::CpuSet;
pub(crate) use exception::{Cause, Raised};
pub(crate) use exceptionate::{Exceptionate, Handler};
pub(crate) use futex::{Futex, FutexWait};
pub(crate) use job::{CriticalEnd, Job, JobError, JobState, OfJob};
pub(crate) use policy::{CONDITIONS, OnConflict, Policy, PolicyEntry};
pub(crate) use process::{DebugWords, Process, ProcessState};
pub(crate) use ready::Priority;
pub use sched::Wander;
pub(crate) use sched::{Current, Scheduler};
pub(crate) use suspend::{SuspendToken, Suspended};
pub(crate) use thread::{OfProcess, Thread, ThreadState, WaitEnd, Work};
pub(crate) use timer::{Timed, TimerHeap};
pub(crate) use wait::{CallWait, ManyWait, PortWait, Wait, Waiting};
pub(crate) use walk::Walk;
