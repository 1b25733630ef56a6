//! A program's thread: a host thread that waits for the baton.

use super::boot::text;
use super::state::{Fault, State, ThreadId};
use crate::{Refused, Sim};
use jacinth_kernel::hal::{ContextId, CpuId, ThreadStart};
use jacinth_kernel::{Access, Event, Kernel, PAGE_SIZE};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// What a thread that was killed unwinds with.
pub(crate) struct Killed;

/// What a thread unwinds with whose program counter somebody changed.
struct Jumped;

/// What a thread does that a program starts.
pub(crate) type Body = Box<dyn FnOnce(&Thread) + Send>;

/// What all host threads of one world share.
pub(crate) struct Shared {
    state: Mutex<State>,
    turn: Condvar,
    /// The host threads that were started for threads of the world, but the first.
    hosts: Mutex<Vec<JoinHandle<()>>>,
}

/// Tests' way into a world: the machine and the kernel, while no event is being handled.
#[derive(Clone)]
pub struct Control(pub(crate) Arc<Shared>);

impl Control {
    /// Looks at, or changes, the machine and the kernel.
    pub fn with<R>(&self, act: impl FnOnce(&mut Sim, &mut Kernel) -> R) -> R {
        let mut state = self.0.lock();
        let State { sim, kernel, .. } = &mut *state;
        act(sim, kernel)
    }

    /// Makes the allocation fail that comes after `count` more; a reservation that finds room is one.
    pub fn fail_allocation(&self, count: u64) {
        let state = &mut *self.0.lock();
        state.kernel.mem().budget.fail_any_after(count);
        state.failing = Some(state.kernel.mem().budget.asked().wrapping_add(count));
        state.is_failure_told = false;
    }

    /// Lets all allocations pass again; answers whether the chosen one was reached.
    pub fn stop_failing(&self) -> bool {
        let state = &mut *self.0.lock();
        let was_reached = state.was_reached();
        state.kernel.mem().budget.fail_after(None);
        state.failing = None;
        was_reached
    }
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self {
            state: Mutex::new(state),
            turn: Condvar::new(),
            hosts: Mutex::new(Vec::new()),
        }
    }

    /// Waits for the end of all host threads: the world is over, or the first process has ended it.
    pub(crate) fn join(&self) {
        loop {
            self.pass();
            let host = self.hosts.lock().map(|mut hosts| hosts.pop());
            let Some(host) = host.unwrap_or_default() else {
                return;
            };
            host.join().expect("panics are caught in the thread");
        }
    }

    /// Gives the thread that holds the baton a host thread, if it is new.
    fn spawn_holder(self: &Arc<Self>, state: &mut State) {
        let Some(holder) = state.holder() else { return };
        if state.ending.is_some() || !state.spawned.insert(holder) {
            return;
        }
        let context = state.sim.contexts.get(&holder.context);
        let Some(start) = context.and_then(|context| context.start) else {
            return;
        };
        let body = state.bodies.remove(&start.arg2);
        let thread = Thread::new(Arc::clone(self), holder, start);
        let host = std::thread::Builder::new().spawn(move || thread.run(body));
        let host = host.expect("the host has room for a thread");
        if let Ok(mut hosts) = self.hosts.lock() {
            hosts.push(host);
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all threads: one of them finds that it holds the baton, or that all is over.
    pub(crate) fn pass(&self) {
        self.turn.notify_all();
    }

    /// Waits for a change of the state.
    pub(crate) fn wait<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.turn
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_state(self) -> State {
        self.state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A program's thread as the program sees it: its loads, its stores and its system calls.
///
/// A thread that the kernel has killed unwinds at its next step. What runs while it unwinds
/// (closing of handles, say) does nothing.
#[derive(Clone)]
pub struct Thread {
    shared: Arc<Shared>,
    me: ThreadId,
    entry: u64,
    stack: u64,
    argument: u64,
}

/// A fault that comes back so often without an access between is a TLB that nobody flushed, or a
/// kernel that says "go on" when nothing has changed.
const MOST_FAULTS: u32 = 16;
const NO_MEMORY: i64 = -4;

impl Thread {
    pub(crate) fn new(shared: Arc<Shared>, me: ThreadId, start: ThreadStart) -> Self {
        Self {
            shared,
            me,
            entry: start.entry,
            stack: start.stack,
            argument: start.arg1,
        }
    }

    /// Where a thread can begin: its instructions are a Rust function, which [`Thread::prepare`]
    /// takes, but something must be there to fetch.
    #[must_use]
    pub const fn entry(&self) -> u64 {
        self.entry
    }

    /// Keeps what a thread is going to do; the word that it must be given as its second argument
    /// when it is started. It ends itself, by a system call.
    pub fn prepare(&self, body: impl FnOnce(&Self) + Send + 'static) -> u64 {
        let mut state = self.shared.lock();
        let word = state.next_body;
        state.next_body += 1;
        state.bodies.insert(word, Box::new(body));
        word
    }

    /// The life of a thread that a program started. When its registers are written it goes on as
    /// if it had been started with them.
    fn run(self, mut body: Option<Body>) {
        let mut thread = self;
        loop {
            let Err(payload) = catch_unwind(AssertUnwindSafe(|| thread.live(body.take())));
            if payload.is::<Jumped>() {
                (thread, body) = thread.at_new_place();
                continue;
            }
            if !payload.is::<Killed>() {
                let control = Control(Arc::clone(&thread.shared));
                control.fail(format!("panic in a thread: {}", text(payload.as_ref())));
            }
            return;
        }
    }

    /// One that was given no body, or comes back from it, runs into the breakpoints that its code
    /// is made of.
    fn live(&self, body: Option<Body>) -> Infallible {
        self.fetch(self.entry);
        if let Some(body) = body {
            body(self);
        }
        loop {
            self.fetch(self.entry);
            if let Some(mut state) = self.baton() {
                state.breakpoint(self.entry);
            }
        }
    }

    /// Where the thread goes on, and what it does there: what was prepared for the word that its
    /// second argument's register holds.
    fn at_new_place(&self) -> (Self, Option<Body>) {
        let mut state = self.shared.lock();
        let context = state.sim.contexts.get(&self.me.context);
        let start = context.map_or_else(
            || panic!("a thread that jumped lives"),
            |context| context.registers.as_start(),
        );
        let body = state.bodies.remove(&start.arg2);
        (Self::new(Arc::clone(&self.shared), self.me, start), body)
    }

    pub(crate) const fn context(&self) -> ContextId {
        ContextId(self.me.context)
    }

    /// The first argument that the thread was given.
    #[must_use]
    pub const fn argument(&self) -> u64 {
        self.argument
    }

    /// The stack pointer that the thread began with.
    #[must_use]
    pub const fn stack(&self) -> u64 {
        self.stack
    }

    /// Waits until this thread holds the baton.
    ///
    /// Unwinds when the thread is dead or the world has ended; `None` when it does so already.
    fn baton(&self) -> Option<MutexGuard<'_, State>> {
        if std::thread::panicking() {
            return None;
        }
        let mut state = self.shared.lock();
        loop {
            self.shared.spawn_holder(&mut state);
            if state.ending.is_some() || !state.is_alive(self.me) {
                drop(state);
                self.shared.pass();
                resume_unwind(Box::new(Killed));
            }
            if state.holder() == Some(self.me) {
                if state.take_jump(self.me) {
                    drop(state);
                    resume_unwind(Box::new(Jumped));
                }
                return Some(state);
            }
            self.shared.pass();
            state = self.shared.wait(state);
        }
    }

    /// Does one thing in user mode, through as many faults as it takes.
    fn perform<R: Default>(
        &self,
        mut instruction: impl FnMut(&mut Sim, CpuId) -> Result<R, Fault>,
    ) -> R {
        let mut faults = 0;
        while faults < MOST_FAULTS {
            let Some(mut state) = self.baton() else {
                return R::default();
            };
            if !state.tick(self.me) {
                continue;
            }
            let cpu = state.running;
            match instruction(&mut state.sim, cpu) {
                Ok(result) => return result,
                Err(fault) => state.fault(&fault),
            }
            faults += 1;
        }
        panic!("an access keeps faulting: a missed flush, or a fault answered with nothing done");
    }

    /// Loads a number of 1, 2, 4 or 8 bytes.
    pub fn load(&self, address: u64, width_bytes: u8) -> u64 {
        let fault = |refused| Fault {
            refused,
            address,
            access: Access::Read,
        };
        self.perform(|sim, cpu| sim.user_load(cpu, address, width_bytes).map_err(fault))
    }

    /// Stores a number of 1, 2, 4 or 8 bytes.
    pub fn store(&self, address: u64, width_bytes: u8, value: u64) {
        let fault = |refused| Fault {
            refused,
            address,
            access: Access::Write,
        };
        self.perform(|sim, cpu| {
            sim.user_store(cpu, address, width_bytes, value)
                .map_err(fault)
        });
    }

    /// Fetches an instruction.
    pub fn fetch(&self, address: u64) {
        let fault = |refused| Fault {
            refused,
            address,
            access: Access::Execute,
        };
        self.perform(|sim, cpu| sim.user_fetch(cpu, address).map_err(fault));
    }

    /// Copies bytes into the program's memory.
    pub(crate) fn put(&self, address: u64, bytes: &[u8]) {
        for (at, piece) in pieces(address, bytes.len()) {
            let fault = |refused: Refused| Fault {
                refused,
                address: at,
                access: Access::Write,
            };
            self.perform(|sim, cpu| {
                sim.user_write_bytes(cpu, at, &bytes[piece.clone()])
                    .map_err(fault)
            });
        }
    }

    /// Copies bytes out of the program's memory.
    pub(crate) fn take(&self, address: u64, bytes: &mut [u8]) {
        for (at, piece) in pieces(address, bytes.len()) {
            let fault = |refused: Refused| Fault {
                refused,
                address: at,
                access: Access::Read,
            };
            self.perform(|sim, cpu| {
                sim.user_read_bytes(cpu, at, &mut bytes[piece.clone()])
                    .map_err(fault)
            });
        }
    }

    /// Makes a system call with plain registers.
    ///
    /// A call that answers NO_MEMORY because of [`Control::fail_allocation`] is made once more.
    pub fn trap(&self, number: u64, args: &[u64; 8]) -> i64 {
        self.fetch(self.entry);
        loop {
            let Some(mut state) = self.baton() else {
                return 0;
            };
            let cpu = state.running;
            state.enter(cpu, Event::Syscall { number, args });
            state.choose();
            drop(state);
            let Some(mut state) = self.baton() else {
                return 0;
            };
            if state.take_restart(self.me) {
                continue;
            }
            let result = state.result(self.me);
            if !(result == NO_MEMORY && state.take_failure()) {
                return result;
            }
        }
    }
}

/// Cuts a range at page boundaries: the address and the part of the buffer for each piece.
fn pieces(address: u64, len: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let at = address + done as u64;
        let room = usize::try_from(PAGE_SIZE - at % PAGE_SIZE).unwrap_or(len);
        let end = len.min(done + room);
        let piece = done..end;
        done = end;
        Some((at, piece))
    })
}
