//! Everything at once: threads of this program, each of which makes processes with threads that
//! talk through channels, send handles, map and unmap memory that they share, and are killed at any
//! moment; and does the like itself.
//!
//! When all are done, the frames and handles are those from before.

mod family;
mod own;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use zx::abi::{Status, VmoOptions};
use zx::{Job, Process, Spawned, Startup, Vmar, Vmo, time};

use crate::baseline::{Baseline, settle_in};
use crate::puppet::PAGE;
use crate::random::Random;

/// Bytes of the memory that all share, and of physical addresses.
const SHARED_BYTES: u64 = 16 * PAGE;

/// What a run is to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What everything follows from; where there are several CPUs, not alone.
    pub seed: u64,
    /// How many threads.
    pub workers: u64,
    /// How many things each of them does at the most.
    pub rounds: u64,
    /// For how long they begin new ones, in ns.
    pub duration_ns: i64,
    /// Physical addresses that nothing answers at.
    pub free: u64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Things that threads of this program did.
    pub rounds: u64,
    /// Processes that were made.
    pub processes: u64,
}

/// What all threads tell.
#[derive(Debug, Default)]
struct Board {
    rounds: AtomicU64,
    processes: AtomicU64,
    has_failed: AtomicBool,
}

/// What one thread works with.
#[derive(Debug)]
struct Worker {
    process: Process,
    vmar: Vmar,
    job: Job,
    /// Memory that all share.
    shared: Vmo,
    /// Physical addresses.
    physical: Vmo,
    random: Random,
    board: Arc<Board>,
}

/// Runs it, and waits until nothing is left of it.
///
/// # Errors
/// What went wrong.
pub fn run(start: &Startup, plan: Plan) -> Result<Done, String> {
    let missing = "a handle that the first process is given is missing";
    let (system, process) = match (&start.system, &start.process) {
        (Some(system), Some(process)) => (system, process),
        _ => return Err(missing.into()),
    };
    let told = |status: Status| format!("the set-up: {status}");
    settle_in();
    // What one run leaves to this program for good, its heap above all, is not counted.
    let small = Plan {
        rounds: 1,
        duration_ns: i64::MAX,
        ..plan
    };
    storm(start, small)?;
    let before = Baseline::take(system, process).map_err(told)?;
    let done = storm(start, plan)?;
    before.wait(system, process)?;
    Ok(done)
}

fn storm(start: &Startup, plan: Plan) -> Result<Done, String> {
    let told = |status: Status| format!("the set-up: {status}");
    let board = Arc::new(Board::default());
    let shared = Vmo::create(SHARED_BYTES, VmoOptions::empty()).map_err(told)?;
    let mmio = start.mmio.as_ref().ok_or("no resource")?;
    let physical = Vmo::create_physical(mmio, plan.free, SHARED_BYTES).map_err(told)?;
    let mut threads = Vec::new();
    for number in 0..plan.workers {
        let mut random = Random::new(plan.seed.wrapping_mul(1000).wrapping_add(number));
        random.next();
        let worker = Worker::new(start, &shared, &physical, random, &board).map_err(told)?;
        threads.push(worker.start(start, plan).map_err(told)?);
    }
    for thread in threads {
        thread
            .join()
            .map_err(|status| format!("joining: {status}"))?;
    }
    if board.has_failed.load(Ordering::SeqCst) {
        return Err("a thread has failed".into());
    }
    Ok(Done {
        rounds: board.rounds.load(Ordering::SeqCst),
        processes: board.processes.load(Ordering::SeqCst),
    })
}

impl Worker {
    fn new(
        start: &Startup,
        shared: &Vmo,
        physical: &Vmo,
        random: Random,
        board: &Arc<Board>,
    ) -> Result<Self, Status> {
        let process = start.process.as_ref().ok_or(Status::NOT_FOUND)?;
        let job = start.job.as_ref().ok_or(Status::NOT_FOUND)?;
        Ok(Self {
            process: process.duplicate()?.into(),
            vmar: start.root_vmar.duplicate()?.into(),
            job: job.create_child()?,
            shared: shared.duplicate()?.into(),
            physical: physical.duplicate()?.into(),
            random,
            board: board.clone(),
        })
    }

    fn start(mut self, start: &Startup, plan: Plan) -> Result<Spawned, Status> {
        let process = start.process.as_ref().ok_or(Status::NOT_FOUND)?;
        Spawned::start(process, &start.root_vmar, "worker", move || self.work(plan))
    }

    fn work(&mut self, plan: Plan) {
        let until = time::after_ns(plan.duration_ns);
        for round in 0..plan.rounds {
            let is_over = time::now_ns() >= until;
            if is_over || self.board.has_failed.load(Ordering::Relaxed) {
                break;
            }
            let what = self.random.below(8);
            let outcome = match what {
                0..4 => family::live_and_die(self),
                4 => own::map_memory(self),
                5 => own::copy_memory(self),
                6 => own::send_handles(self),
                _ => own::wait_in_threads(self),
            };
            if let Err(status) = outcome {
                zx::println!("\nSTRESS FAILED: round {round}, {what}: {status}");
                self.board.has_failed.store(true, Ordering::SeqCst);
            }
            self.board.rounds.fetch_add(1, Ordering::Relaxed);
        }
    }
}
