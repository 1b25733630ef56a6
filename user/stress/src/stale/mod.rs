//! Translations that are no longer true: threads read and write pages all the time, while another one
//! unmaps, protects, and remaps these to other memory. Once such a call has returned, nobody sees what
//! was there before, and nobody changes it.
//!
//! A thread that touches what it must not is stopped by an exception; it is let go on, and tries
//! again, until the page is back. So threads come and go on all processors, which keep translations
//! of the space while they do something else.

mod board;
mod changer;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use zx::abi::{Signals, Status};
use zx::{Spawned, Startup, Thread, time};

use crate::random::Random;
use board::Board;
use changer::Changer;

/// What a run is to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What the changes follow from.
    pub seed: u64,
    /// How many threads touch the pages.
    pub threads: u64,
    /// How many changes there are at the most.
    pub changes: u64,
    /// For how long there are changes, in ns.
    pub duration_ns: i64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Changes of what is mapped, and how.
    pub changes: u64,
    /// Accesses, of which nothing was wrong.
    pub accesses: u64,
    /// Those of them that certainly fell between two changes of their page.
    pub judged: u64,
    /// Exceptions of threads that touched what they must not.
    pub stopped: u64,
}

/// Runs it, and waits for all threads.
///
/// # Errors
/// What went wrong.
pub fn run(start: &Startup, plan: Plan) -> Result<Done, String> {
    let told = |status: Status| format!("the set-up: {status}");
    let process = start.process.as_ref().ok_or("no handle of the process")?;
    let board = Arc::new(Board::new(&start.root_vmar).map_err(told)?);
    let random = Random::new(plan.seed);
    let mut changer = Changer::new(process, board.clone(), random).map_err(told)?;
    let mut threads = Vec::new();
    for number in 0..plan.threads {
        let (board, random) = (board.clone(), Random::new(plan.seed ^ (number + 1) << 32));
        let body = move || board.touch(number, random);
        let thread = Spawned::start(process, &start.root_vmar, "touches", body);
        threads.push(thread.map_err(told)?);
    }
    let until = time::after_ns(plan.duration_ns);
    let mut changes = 0;
    while changes < plan.changes && time::now_ns() < until && !board.has_failed() {
        changer.step()?;
        changes += 1;
    }
    changer.open_all()?;
    board.stop();
    for thread in threads {
        wait(thread.thread(), &mut changer)?;
        thread
            .join()
            .map_err(|status| format!("joining: {status}"))?;
    }
    if let Some(what) = board.failure() {
        return Err(what);
    }
    Ok(Done {
        changes,
        accesses: board.accesses(),
        judged: board.judged(),
        stopped: changer.stopped(),
    })
}

/// Waits for the end of a thread, which may still have to be let go on.
fn wait(thread: &Thread, changer: &mut Changer) -> Result<(), String> {
    loop {
        changer.let_go_on()?;
        match thread.wait(
            Signals::TASK_TERMINATED,
            time::after_ns(time::MILLISECOND_NS),
        ) {
            Err(Status::TIMED_OUT) => {}
            Ok(_) => return Ok(()),
            Err(status) => return Err(format!("waiting for a thread: {status}")),
        }
    }
}
