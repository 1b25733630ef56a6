//! From nothing to a running program, and to the end.

use super::state::{Ending, PANICKED, State};
use super::thread::{Control, Killed, Shared, Thread};
use super::watchdog::Watchdog;
use crate::{Changes, Config, Sim};
use jacinth_kernel::boot::{BootVmo, Program, Segment};
use jacinth_kernel::hal::MmuFlags;
use jacinth_kernel::{Kernel, Next, PAGE_SIZE, VirtAddr};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What the first process does: its thread, the test's way into the world, and the handle of the
/// bootstrap channel. Answers the process's return code.
pub type Main<'a> = Box<dyn FnOnce(&Thread, &Control, u32) -> i64 + Send + 'a>;

/// How a world is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The machine.
    pub config: Config,
    /// Whether the kernel recounts everything after each event.
    pub is_audited: bool,
    /// The words of the command line that the program gets.
    pub args: Vec<String>,
}

/// What is left when a world has ended.
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// The machine as it was left.
    pub sim: Sim,
    /// The kernel as it was left.
    pub kernel: Kernel,
    /// What the kernel answered to each event.
    pub trace: Vec<Next>,
    /// The most that any event changed in memory.
    pub most_changed: Changes,
}

/// Where the program's only page is.
const IMAGE: VirtAddr = VirtAddr::new(0x40_0000);
/// Never decoded: a simulated program is a Rust function. It must be there all the same, readable
/// and executable, or the processor cannot fetch.
const CODE: [u8; 64] = [0xcc; 64];

/// Boots a world, runs `main` as its first process, and waits for the end.
///
/// # Panics
/// When the kernel refuses to start.
#[must_use]
pub fn run(options: &Options, main: Main<'_>) -> Report {
    let _watchdog = Watchdog::new(&options.config);
    let mut state = State::new(Sim::new(&options.config), options.is_audited);
    start_init(&mut state, &options.args);
    state.start();
    let shared = Arc::new(Shared::new(state));
    std::thread::scope(|scope| {
        let thread = first_thread(&shared);
        let control = Control(Arc::clone(&shared));
        let body = move || host_thread(&thread, &control, main);
        let host = std::thread::Builder::new()
            .name("init".to_owned())
            .spawn_scoped(scope, body);
        host.expect("the host has room for a thread")
            .join()
            .expect("panics are caught in the thread");
    });
    shared.join();
    let state = Arc::into_inner(shared)
        .expect("all host threads have ended")
        .into_state();
    let ending = state
        .ending
        .unwrap_or_else(|| Ending::Failed("the program ended, the machine did not".to_owned()));
    Report {
        ending,
        sim: state.sim,
        kernel: state.kernel,
        trace: state.trace,
        most_changed: state.most_changed,
    }
}

fn start_init(state: &mut State, args: &[String]) {
    let segment = Segment {
        at: IMAGE,
        mem_bytes: PAGE_SIZE,
        file: &CODE,
        flags: MmuFlags::READ | MmuFlags::EXECUTE,
    };
    let program = Program {
        name: "init",
        segments: &[segment],
        entry: IMAGE,
    };
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let vmos: [BootVmo<'_>; 0] = [];
    let started = state
        .kernel
        .start_init(&mut state.sim, &program, &vmos, &args);
    assert!(started.is_ok(), "init does not start: {started:?}");
}

fn first_thread(shared: &Arc<Shared>) -> Thread {
    let mut state = shared.lock();
    let me = state.holder().expect("a processor runs init");
    state.spawned.insert(me);
    let context = state
        .sim
        .contexts
        .get(&me.context)
        .expect("init's context exists");
    let start = context.start.expect("init's thread was started");
    Thread::new(Arc::clone(shared), me, start)
}

/// Runs the program, then ends its process; records a panic as the end of the world.
fn host_thread(thread: &Thread, control: &Control, main: Main<'_>) {
    let bootstrap = control.first_argument(thread);
    let code = catch_unwind(AssertUnwindSafe(|| {
        let code = main(thread, control, bootstrap);
        let number = jacinth_abi::SYSCALLS
            .iter()
            .find(|call| call.name == "process_exit")
            .map_or(u64::MAX, |call| call.number);
        thread.trap(number, &[code.cast_unsigned(), 0, 0, 0, 0, 0, 0, 0]);
    }));
    if let Err(payload) = code
        && !payload.is::<Killed>()
    {
        control.fail(format!("panic: {}", text(payload.as_ref())));
    }
}

pub(super) fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("(no text)")
}

impl Control {
    fn first_argument(&self, thread: &Thread) -> u32 {
        let state = self.0.lock();
        let start = state
            .sim
            .contexts
            .get(&thread.context().0)
            .and_then(|context| context.start);
        start
            .and_then(|start| u32::try_from(start.arg1).ok())
            .unwrap_or(0)
    }

    /// Ends the world as failed, unless it has ended.
    pub fn fail(&self, why: String) {
        let mut state = self.0.lock();
        if !matches!(&state.ending, Some(Ending::Failed(known)) if known != PANICKED) {
            state.ending = Some(Ending::Failed(why));
        }
        drop(state);
        self.0.pass();
    }
}
