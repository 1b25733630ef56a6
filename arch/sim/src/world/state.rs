//! What the baton protects: the machine, the kernel, and who runs where.

use super::codes::{Trap, code};
use super::thread::Body;
use crate::{Changes, Description, Refused, Sim};
use jacinth_abi::ExitCode;
use jacinth_kernel::hal::{ContextId, CpuId};
use jacinth_kernel::{Access, Event, Kernel, Next, VirtAddr};
use std::collections::{BTreeMap, BTreeSet};

/// Names one thread: its context, and which use of that context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ThreadId {
    pub(crate) context: u64,
    serial: u64,
}

/// How the machine came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The kernel halted it.
    Exit(ExitCode),
    /// A check of the simulation failed, or the kernel panicked.
    Failed(String),
}

/// An access that the machine refused.
pub(crate) struct Fault {
    pub(crate) refused: Refused,
    pub(crate) address: u64,
    pub(crate) access: Access,
}

/// What is said of a kernel that panicked before the text of its panic is known.
pub(crate) const PANICKED: &str = "the kernel panicked";

const GENERAL: u32 = 0x008;
const SW_BREAKPOINT: u32 = 0x308;
/// No argument that a program would pass by chance.
const FIRST_BODY: u64 = 0x5eed_b0d1_0000_0000;
/// A slice of the kernel's, and a little more.
const SLICE_NS: i64 = 11_000_000;
const UNALIGNED_ACCESS: u32 = 0x508;

/// Longer than the longest call and the longest teardown of any test.
const MOST_AGAINS: u32 = 100_000;

/// Everything that only the holder of the baton touches.
pub(crate) struct State {
    pub(crate) sim: Sim,
    pub(crate) kernel: Kernel,
    /// What each processor runs.
    current: Vec<Option<ContextId>>,
    /// How often in a row each processor was told to enter the kernel again; 0 outside.
    agains: Vec<u32>,
    /// The processor whose thread holds the baton.
    pub(crate) running: CpuId,
    pub(crate) ending: Option<Ending>,
    /// Threads that have a host thread.
    pub(crate) spawned: BTreeSet<ThreadId>,
    /// What threads do that are not started yet, by the word that they are given.
    pub(crate) bodies: BTreeMap<u64, Body>,
    pub(crate) next_body: u64,
    pub(crate) is_audited: bool,
    /// Set while the kernel runs, so that one that panicked is not entered again.
    is_inside: bool,
    /// The number of the allocation that a test lets fail.
    pub(crate) failing: Option<u64>,
    pub(crate) is_failure_told: bool,
    /// Every answer of the kernel, for tests of the scheduler and of replays.
    pub(crate) trace: Vec<Next>,
    /// The most that any event changed in memory.
    pub(crate) most_changed: Changes,
}

impl State {
    /// Starts the kernel on a new machine.
    pub(crate) fn new(sim: Sim, is_audited: bool) -> Self {
        let description = Description::new(sim.config());
        let kernel = Kernel::new(&description.info()).expect("the host has memory for a kernel");
        let current = vec![None; sim.config().cpus];
        let agains = vec![0; sim.config().cpus];
        Self {
            sim,
            kernel,
            current,
            agains,
            running: 0,
            ending: None,
            spawned: BTreeSet::new(),
            bodies: BTreeMap::new(),
            next_body: FIRST_BODY,
            is_audited,
            is_inside: false,
            failing: None,
            is_failure_told: false,
            trace: Vec::new(),
            most_changed: Changes::default(),
        }
    }

    /// Brings every processor in, then chooses the first thread.
    pub(crate) fn start(&mut self) {
        for cpu in 0..self.current.len() {
            self.enter(cpu, Event::Start);
        }
        self.choose();
    }

    /// The thread that holds the baton.
    pub(crate) fn holder(&self) -> Option<ThreadId> {
        let context = self.current.get(self.running).copied().flatten()?;
        let is_outside = self.agains.get(self.running) == Some(&0);
        self.thread(context).filter(|_| is_outside)
    }

    fn thread(&self, context: ContextId) -> Option<ThreadId> {
        let serial = self.sim.contexts.get(&context.0)?.serial;
        Some(ThreadId {
            context: context.0,
            serial,
        })
    }

    /// The answer of the call that the thread made last.
    pub(crate) fn result(&self, thread: ThreadId) -> i64 {
        self.sim
            .contexts
            .get(&thread.context)
            .map_or(0, |context| context.result)
    }

    /// Whether the thread is to make its call again; asked once.
    pub(crate) fn take_restart(&mut self, thread: ThreadId) -> bool {
        self.sim.take_restart(ContextId(thread.context))
    }

    /// Whether the thread goes on elsewhere, and not with a call that it was in; asked once.
    pub(crate) fn take_jump(&mut self, thread: ThreadId) -> bool {
        let context = self.sim.contexts.get_mut(&thread.context);
        context.is_some_and(|context| {
            let jumps = std::mem::take(&mut context.jumps);
            context.restarts &= !jumps;
            jumps
        })
    }

    /// Whether the allocation that a test lets fail was asked for.
    pub(crate) fn was_reached(&mut self) -> bool {
        self.failing
            .is_some_and(|number| self.kernel.mem().budget.asked() > number)
    }

    /// Whether it was reached, and this is the first time that anybody is told.
    pub(crate) fn take_failure(&mut self) -> bool {
        let is_new = self.was_reached() && !self.is_failure_told;
        self.is_failure_told |= is_new;
        is_new
    }

    /// Whether the thread's context still exists.
    pub(crate) fn is_alive(&self, thread: ThreadId) -> bool {
        self.thread(ContextId(thread.context)) == Some(thread)
    }

    /// Runs the kernel once, and checks everything that can be checked.
    pub(crate) fn enter(&mut self, cpu: CpuId, event: Event<'_>) {
        if self.ending.is_some() {
            return;
        }
        if std::mem::replace(&mut self.is_inside, true) {
            self.ending = Some(Ending::Failed(PANICKED.to_owned()));
            return;
        }
        let next = self.enter_kernel(cpu, event);
        self.is_inside = false;
        let agains = self.agains[cpu];
        self.agains[cpu] = if next == Next::Again { agains + 1 } else { 0 };
        if agains > MOST_AGAINS {
            self.ending = Some(Ending::Failed(format!("no end of Again after {event:?}")));
            return;
        }
        match next {
            Next::Resume => assert!(
                self.current[cpu].is_some(),
                "Resume on a processor that runs nothing"
            ),
            Next::Switch(context) => self.current[cpu] = Some(context),
            Next::Idle => self.current[cpu] = None,
            Next::Again => {}
            Next::Halt(code) => self.ending = Some(Ending::Exit(code)),
        }
        self.check(event);
    }

    /// Runs the kernel for one event, and notes what it answered and how much it did.
    fn enter_kernel(&mut self, cpu: CpuId, event: Event<'_>) -> Next {
        let before = self.sim.ram.changed();
        let next = self.kernel.enter(&mut self.sim, cpu, event);
        let changed = self.sim.ram.changed().since(before);
        self.most_changed = self.most_changed.max(changed);
        self.trace.push(next);
        next
    }

    fn check(&mut self, event: Event<'_>) {
        if let Err(stale) = self.sim.audit_tlbs() {
            self.ending = Some(Ending::Failed(format!("after {event:?}: {stale}")));
        }
        if self.is_audited
            && let Err(error) = self.kernel.audit(&self.sim)
        {
            self.ending = Some(Ending::Failed(format!("after {event:?}: audit: {error:?}")));
        }
    }

    /// Lets a little time pass; the timer may go off. False when the baton went elsewhere.
    pub(crate) fn tick(&mut self, me: ThreadId) -> bool {
        let mut ns = 50 + i64::try_from(self.sim.random.below(4000)).unwrap_or(0);
        let restless = self.sim.config().restless;
        if restless != 0 && self.sim.random.below(restless) == 0 {
            ns += SLICE_NS;
        }
        self.sim.advance(ns);
        if let Err(wrong) = self.sim.use_fp(self.running, ContextId(me.context)) {
            self.ending = Some(Ending::Failed(wrong));
        }
        let due: Vec<CpuId> = (0..self.current.len())
            .filter(|cpu| self.agains[*cpu] == 0 && self.sim.take_timer(*cpu))
            .collect();
        for cpu in &due {
            self.enter(*cpu, Event::Timer);
        }
        if !due.is_empty() {
            self.choose();
        }
        self.ending.is_none() && self.holder() == Some(me)
    }

    /// Chooses who runs next; lets the machine idle while nobody can.
    pub(crate) fn choose(&mut self) {
        while self.ending.is_none() {
            for cpu in 0..self.current.len() {
                if self.agains[cpu] == 0 && self.sim.take_kick(cpu) {
                    self.enter(cpu, Event::Kick);
                }
            }
            // One that has more to do in the kernel lets others in between the pieces.
            let ready: Vec<CpuId> = (0..self.current.len())
                .filter(|cpu| self.current[*cpu].is_some() || self.agains[*cpu] != 0)
                .collect();
            let chosen = match ready.as_slice() {
                [] => {
                    self.idle();
                    continue;
                }
                [only] => *only,
                many => {
                    let draw = self.sim.random.below(many.len() as u64);
                    many[usize::try_from(draw).unwrap_or(0)]
                }
            };
            if self.agains[chosen] == 0 {
                self.running = chosen;
                return;
            }
            self.enter(chosen, Event::Kick);
        }
    }

    fn idle(&mut self) {
        match self.sim.skip_to_timer() {
            Some(cpu) => {
                assert!(self.sim.take_timer(cpu), "the clock was moved to the timer");
                self.enter(cpu, Event::Timer);
            }
            None => {
                self.ending = Some(Ending::Failed(
                    "nothing runs and no timer is armed".to_owned(),
                ))
            }
        }
    }

    /// Tells the kernel of an instruction that no simulated processor can do.
    pub(crate) fn breakpoint(&mut self, address: u64) {
        let event = Event::Exception {
            kind: SW_BREAKPOINT,
            code: code(self.sim.config.arch, Trap::Breakpoint),
            address,
        };
        self.enter(self.running, event);
        self.choose();
    }

    /// Tells the kernel of a refused access.
    pub(crate) fn fault(&mut self, fault: &Fault) {
        let (cpu, address, access) = (self.running, fault.address, fault.access);
        let arch = self.sim.config.arch;
        let event = match fault.refused {
            Refused::Page => Event::PageFault {
                address: VirtAddr::new(address),
                access,
                code: code(arch, Trap::PageFault(access)),
            },
            Refused::Unaligned => Event::Exception {
                kind: UNALIGNED_ACCESS,
                code: code(arch, Trap::Unaligned),
                address,
            },
            Refused::Bus => Event::Exception {
                kind: GENERAL,
                code: code(arch, Trap::Bus),
                address,
            },
        };
        self.enter(cpu, event);
        self.choose();
    }
}
