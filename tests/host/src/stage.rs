//! A machine on which a test decides at each step who does what: one thread directs, others play
//! their parts, each a list of steps, and every time that the kernel is entered is counted.
//!
//! The director is the thread of the first process. It makes the others' processes and threads
//! through [`Machine`] before the play, follows its cues in the play, and puts things away behind
//! it. All is one host thread: nothing depends on anything but the lists.

mod script;

pub use script::{Arg, Cue, Deed, Kicks, Step, Who};

use crate::{Machine, number};
use jacinth_kernel::hal::{ContextId, CpuId};
use jacinth_kernel::{Access, Event, Next, VirtAddr};
use jacinth_sim::Config;
use std::collections::VecDeque;

/// A play that enters the kernel more often than this never ends.
const MOST_ENTRIES: u64 = 20_000;
/// So many entries in a row with nothing to do are the end of all that was to come by itself.
const QUIET: u32 = 2;
/// More than a thread's share of a processor.
const SLICE_NS: i64 = 11_000_000;

/// A thread that plays.
#[derive(Clone, Debug, Default)]
struct Player {
    steps: VecDeque<Step>,
    is_in_call: bool,
    answers: Vec<i64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Processor {
    current: Option<ContextId>,
    /// It has more to do in the kernel.
    is_inside: bool,
    kicked: bool,
}

/// What is done with the machine after each entry.
pub type Watch<'a> = &'a mut dyn FnMut(&Machine);

/// The machine and its players.
pub struct Stage {
    /// The machine, and the director's thread.
    pub machine: Machine,
    kicks: Kicks,
    processors: Vec<Processor>,
    players: Vec<Player>,
    turn: usize,
    entries: u64,
    idle_entries: u32,
}

impl Stage {
    /// A machine with nobody but the director.
    #[must_use]
    pub fn new(config: &Config, kicks: Kicks) -> Self {
        let machine = Machine::new(config);
        let mut processors = vec![Processor::default(); config.cpus];
        processors[machine.cpu].current = Some(machine.context);
        Self {
            machine,
            kicks,
            processors,
            players: Vec::new(),
            turn: 0,
            entries: 0,
            idle_entries: 0,
        }
    }

    /// Plays: player `i` (from 1 on) is the thread that is started with the word `i` as its second
    /// argument. Ends when all cues were followed and nobody can go on by himself; how often the
    /// kernel was entered, and whether the deed was done.
    ///
    /// # Errors
    /// When there is no end.
    pub fn play(
        &mut self,
        cues: &[Cue],
        parts: &[Vec<Step>],
        deed: Option<Deed>,
        watch: Watch<'_>,
    ) -> Result<(u64, bool), String> {
        let player = |steps: &Vec<Step>| Player {
            steps: steps.iter().copied().collect(),
            ..Player::default()
        };
        self.players = parts.iter().map(player).collect();
        (self.turn, self.entries, self.idle_entries) = (0, 0, 0);
        let mut cues: VecDeque<Cue> = cues.iter().copied().collect();
        let mut deed = deed;
        let mut is_forced = false;
        let is_curtain = |cue: &Cue| matches!(cue, Cue::Curtain);
        let mut is_open = !cues.iter().any(is_curtain);
        while self.entries < MOST_ENTRIES {
            let is_due = |deed: &Deed| deed.at <= self.entries && !deed.calls.is_empty();
            let is_due = is_open && deed.as_ref().is_some_and(is_due);
            if is_due && self.do_deed(&mut deed, &mut is_forced) {
            } else if self.follow_cue(&mut cues) || self.go_on() {
                self.idle_entries = 0;
            } else if self.is_quiet() {
                match cues.pop_front() {
                    Some(Cue::Pass(ns)) => self.pass(ns),
                    Some(Cue::Curtain) => (self.entries, is_open) = (0, true),
                    Some(_) => {}
                    None => {
                        let is_done = deed.is_none_or(|deed| deed.calls.is_empty());
                        return Ok((self.entries, is_done));
                    }
                }
                self.idle_entries = 0;
            } else {
                self.pass_time();
            }
            watch(&self.machine);
        }
        Err(format!("no end after {MOST_ENTRIES} entries"))
    }

    /// What a player's calls answered.
    #[must_use]
    pub fn answers(&self, player: usize) -> &[i64] {
        &self.players[player - 1].answers
    }

    /// Does the next call of a deed; false when who does it is on no processor.
    fn do_deed(&mut self, deed: &mut Option<Deed>, is_forced: &mut bool) -> bool {
        let Some(Deed { who, calls, .. }) = deed else {
            return false;
        };
        let who = *who;
        let Some(cpu) = self.place_of(who) else {
            // Others do nothing until it is on, or it is clear that it cannot be.
            let is_first = !core::mem::replace(is_forced, true);
            return (is_first || self.processors.len() > 1) && self.make_room();
        };
        if let Who::Player(index) = who {
            self.notice_answer(cpu, index);
        }
        let Some(step) = calls.front().copied() else {
            return false;
        };
        if self.perform(cpu, step) {
            calls.pop_front();
        }
        true
    }

    /// Lets somebody else have a processor: the share of whoever is on has passed. Where there are
    /// several, one that was kicked takes what waits. False when nobody came on.
    fn make_room(&mut self) -> bool {
        let count = self.processors.len();
        for cpu in 0..count {
            let processor = &mut self.processors[cpu];
            processor.kicked |= self.machine.sim.take_kick(cpu);
            let is_idle = processor.current.is_none() && !processor.is_inside;
            if is_idle && core::mem::take(&mut processor.kicked) {
                self.enter(cpu, Event::Kick);
                return true;
            }
        }
        let busy = (0..count).find(|cpu| count == 1 && self.is_on(*cpu));
        if let Some(cpu) = busy {
            self.machine.sim.advance(SLICE_NS);
            self.machine.sim.take_timer(cpu);
            self.enter(cpu, Event::Timer);
        }
        busy.is_some() || self.skip_time()
    }

    /// Follows the next cue; false when there is none that can be followed now.
    fn follow_cue(&mut self, cues: &mut VecDeque<Cue>) -> bool {
        let Some(cpu) = self.place_of(Who::Director) else {
            return false;
        };
        let Some(Cue::Do(step)) = cues.front().copied() else {
            return false;
        };
        if self.perform(cpu, step) {
            cues.pop_front();
        }
        true
    }

    /// Lets the next processor that has something to do enter the kernel; false when none has.
    fn go_on(&mut self) -> bool {
        let count = self.processors.len();
        for distance in 0..count {
            let cpu = (self.turn + distance) % count;
            if self.go_on_at(cpu) {
                self.turn = (cpu + 1) % count;
                return true;
            }
        }
        false
    }

    fn go_on_at(&mut self, cpu: CpuId) -> bool {
        if self.processors[cpu].is_inside {
            self.enter(cpu, Event::Kick);
            return true;
        }
        self.processors[cpu].kicked |= self.machine.sim.take_kick(cpu);
        let is_kicked = self.processors[cpu].kicked;
        if (is_kicked && self.kicks == Kicks::First) || !self.take_step(cpu) {
            if is_kicked {
                self.processors[cpu].kicked = false;
                self.enter(cpu, Event::Kick);
            }
            return is_kicked;
        }
        true
    }

    /// Lets the player on a processor do its next step; false when there is none.
    fn take_step(&mut self, cpu: CpuId) -> bool {
        let Some(index) = self.player_on(cpu) else {
            return false;
        };
        self.notice_answer(cpu, index);
        let Some(step) = self.player(index).steps.front().copied() else {
            return false;
        };
        if self.perform(cpu, step) {
            let player = self.player(index);
            player.is_in_call = matches!(step, Step::Call(..));
            if !player.is_in_call {
                player.steps.pop_front();
            }
        }
        true
    }

    /// The thread of a player that was in a call is on a processor: the call is over.
    fn notice_answer(&mut self, cpu: CpuId, index: u64) {
        let Some(context) = self.processors[cpu].current else {
            return;
        };
        if !core::mem::take(&mut self.player(index).is_in_call) {
            return;
        }
        if !self.machine.sim.take_restart(context) {
            let answer = self.machine.sim.result_of(context).unwrap_or(0);
            let player = self.player(index);
            player.steps.pop_front();
            player.answers.push(answer);
        }
    }

    /// Has the thread on a processor do something; false when it met a page that is not there yet.
    fn perform(&mut self, cpu: CpuId, step: Step) -> bool {
        let (address, is_done) = match step {
            Step::FailAllocation(count) => {
                self.machine.kernel.mem().budget.fail_any_after(count);
                return true;
            }
            Step::Fault(at) => (at, true),
            Step::Call(number, args) => match self.words(cpu, &args) {
                Ok(args) => {
                    let args = &args;
                    self.enter(cpu, Event::Syscall { number, args });
                    return true;
                }
                Err(at) => (at, false),
            },
        };
        let fault = Event::PageFault {
            address: VirtAddr::new(address),
            access: Access::Read,
            code: 0,
        };
        self.enter(cpu, fault);
        is_done
    }

    /// The words of a call; the address that could not be read.
    fn words(&mut self, cpu: CpuId, args: &[Arg; 8]) -> Result<[u64; 8], u64> {
        let context = self.processors[cpu].current;
        let start = context.and_then(|context| self.machine.sim.start_of(context));
        let mut words = [0; 8];
        for (word, arg) in words.iter_mut().zip(args) {
            *word = match *arg {
                Arg::Word(word) => word,
                Arg::Gift => start.map_or(0, |start| start.arg1),
                Arg::At(at) => {
                    let mut bytes = [0; 4];
                    let read = self.machine.sim.user_read_bytes(cpu, at, &mut bytes);
                    read.map_err(|_| at)?;
                    u32::from_le_bytes(bytes).into()
                }
            };
        }
        Ok(words)
    }

    /// Whether everybody who could go on by himself has.
    fn is_quiet(&self) -> bool {
        let is_inside = |processor: &Processor| processor.is_inside;
        self.place_of(Who::Director).is_some()
            && !self.processors.iter().any(is_inside)
            && !self.machine.kernel.is_behind()
            && self.idle_entries >= QUIET * (2 + self.players.len() as u32)
    }

    /// Nobody has anything to do: whoever is on a processor lets others have it.
    fn pass_time(&mut self) {
        self.idle_entries += 1;
        let outside = |cpu: &CpuId| !self.processors[*cpu].is_inside;
        let mut processors = (0..self.processors.len()).filter(outside);
        if let Some(cpu) = processors.find(|cpu| self.machine.sim.take_timer(*cpu)) {
            return self.enter(cpu, Event::Timer);
        }
        let is_alone = self.processors.len() == 1;
        let on = (0..self.processors.len()).find(|cpu| self.is_on(*cpu));
        let director = self.place_of(Who::Director);
        match director.or(on.filter(|_| is_alone)) {
            Some(cpu) => {
                let number = number("thread_legacy_yield");
                let args = &[0; 8];
                self.enter(cpu, Event::Syscall { number, args });
            }
            None => assert!(self.skip_time(), "nothing runs and no timer is armed"),
        }
    }

    /// Lets so much time pass, and then all timers that are due go off.
    fn pass(&mut self, ns: i64) {
        self.machine.sim.advance(ns);
        for cpu in 0..self.processors.len() {
            if self.machine.sim.take_timer(cpu) {
                self.enter(cpu, Event::Timer);
            }
        }
    }

    /// Lets the next timer go off; false when none is armed.
    fn skip_time(&mut self) -> bool {
        let cpu = self.machine.sim.skip_to_timer();
        if let Some(cpu) = cpu {
            self.machine.sim.take_timer(cpu);
            self.enter(cpu, Event::Timer);
        }
        cpu.is_some()
    }

    fn enter(&mut self, cpu: CpuId, event: Event<'_>) {
        self.entries += 1;
        let machine = &mut self.machine;
        let next = machine.kernel.enter(&mut machine.sim, cpu, event);
        let processor = &mut self.processors[cpu];
        processor.is_inside = next == Next::Again;
        match next {
            Next::Resume | Next::Again => {}
            Next::Switch(context) => processor.current = Some(context),
            Next::Idle => processor.current = None,
            Next::Halt(code) => panic!("the machine ends: {code:?}"),
        }
        if !processor.is_inside && processor.current == Some(machine.context) {
            machine.cpu = cpu;
        }
    }

    /// Whether a thread is on a processor that is outside the kernel.
    fn is_on(&self, cpu: CpuId) -> bool {
        let processor = &self.processors[cpu];
        processor.current.is_some() && !processor.is_inside
    }

    /// The processor that somebody is on.
    fn place_of(&self, who: Who) -> Option<CpuId> {
        (0..self.processors.len()).find(|cpu| self.is_on(*cpu) && self.who_is_on(*cpu) == Some(who))
    }

    fn player_on(&self, cpu: CpuId) -> Option<u64> {
        match self.who_is_on(cpu)? {
            Who::Director => None,
            Who::Player(index) => Some(index),
        }
    }

    fn who_is_on(&self, cpu: CpuId) -> Option<Who> {
        let context = self.processors[cpu].current?;
        if context == self.machine.context {
            return Some(Who::Director);
        }
        let start = self.machine.sim.start_of(context)?;
        Some(Who::Player(start.arg2))
    }

    fn player(&mut self, index: u64) -> &mut Player {
        let index = usize::try_from(index).expect("players are few");
        &mut self.players[index - 1]
    }
}
