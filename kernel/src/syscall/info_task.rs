//! What is in a task: its threads, its jobs, its processes, and handles to one of them.
//!
//! Both walk the pool, slot by slot: no list is followed that may change between two steps.

use super::Item;
use crate::Kernel;
use crate::call::{Call, Flow, FromReg, HandleValue, Out, SysResult};
use crate::mem::{self, Key};
use crate::object::{Object, ObjectRef};
use crate::task::{Job, Process, Thread, ThreadState, Work};
use jacinth_abi::{Rights, Status};

/// Which children are listed, and the slot of the pool that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Koids {
    /// PROCESS_THREADS
    Threads(Key<Process>, u32),
    /// JOB_CHILDREN
    Jobs(Key<Job>, u32),
    /// JOB_PROCESSES
    Processes(Key<Job>, u32),
}

/// What is in a slot of a pool.
enum Found {
    /// A child, and its koid.
    Child(ObjectRef, u64),
    Other,
    /// There are no more slots.
    End,
}

impl Koids {
    pub(super) fn next(&mut self, kernel: &Kernel) -> Item {
        match self.step(kernel) {
            Found::Child(_, koid) => Item::record(&koid.to_le_bytes()),
            Found::Other => Item::Nothing,
            Found::End => Item::End,
        }
    }

    /// Looks at one slot.
    fn step(&mut self, kernel: &Kernel) -> Found {
        let objects = &kernel.objects;
        match self {
            Self::Threads(process, slot) => take(&objects.threads, slot, |thread: &Thread| {
                thread.process == *process
                    && !matches!(thread.state, ThreadState::New | ThreadState::Dead)
            }),
            Self::Jobs(parent, slot) => {
                take(&objects.jobs, slot, |job: &Job| job.parent == Some(*parent))
            }
            Self::Processes(job, slot) => take(&objects.processes, slot, |process: &Process| {
                process.job == Some(*job)
            }),
        }
    }
}

fn take<T: Object>(pool: &mem::Pool<T>, slot: &mut u32, is_child: impl Fn(&T) -> bool) -> Found {
    let Some(value) = pool.at(*slot) else {
        return Found::End;
    };
    *slot = slot.saturating_add(1);
    match value {
        Some((key, child)) if is_child(child) => Found::Child(T::to_ref(key), child.head().koid),
        _ => Found::Other,
    }
}

/// `zx_object_get_child`, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    among: Koids,
    koid: u64,
    rights: Rights,
    out: u64,
}

/// `zx_object_get_child` (spec: handles-resources.md §8.3).
pub(crate) fn object_get_child(
    call: &mut Call<'_>,
    handle: HandleValue,
    koid: u64,
    rights: u32,
    out: Out<u32>,
) -> SysResult {
    let (parent, held) = call.lookup_any(handle, Rights::ENUMERATE)?;
    let rights = if rights == Rights::SAME_RIGHTS {
        held
    } else {
        Rights::from_bits(rights)
            .filter(|wanted| held.contains(*wanted))
            .ok_or(Status::ACCESS_DENIED)?
    };
    let among = match parent {
        ObjectRef::Process(process) => Koids::Threads(process, 0),
        ObjectRef::Job(job) => Koids::Jobs(job, 0),
        _ => return Err(Status::WRONG_TYPE),
    };
    let child = Child {
        among,
        koid,
        rights,
        out: out.0,
    };
    find_child(call, child)
}

/// Goes on looking.
///
/// # Errors
/// NOT_FOUND, NO_MEMORY, INVALID_ARGS (`out`).
pub(super) fn find_child(call: &mut Call<'_>, mut child: Child) -> SysResult {
    let mut work = mem::Work::new(mem::Work::EVENT);
    loop {
        match child.among.step(call.kernel) {
            Found::Child(object, koid) if koid == child.koid => {
                call.reserve_handle()?;
                call.touch(child.out, size_of::<u32>())?;
                let out: Out<u32> = FromReg::from_reg(child.out);
                return call.install(object, child.rights, out);
            }
            Found::Child(..) | Found::Other => {}
            Found::End => match child.among {
                // A job has processes as well.
                Koids::Jobs(job, _) => child.among = Koids::Processes(job, 0),
                _ => return Err(Status::NOT_FOUND),
            },
        }
        if !work.spend() {
            return Ok(Flow::Again(Work::Child(child)));
        }
    }
}
