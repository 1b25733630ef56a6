//! The body of the fuzz target: bytes as a stream of events for [`Kernel::enter`]
//! (jacinth_kernel), on a small machine of their own.
//!
//! System calls with register values that know a little (handles that were made, addresses that
//! exist) or nothing, stores into the memory that calls read, page faults, exceptions, timers.
//! Whatever comes in, the kernel must not panic, and what it counts must add up.

use crate::machine::{CODE, Machine, Stop};
use crate::stateful::{address_out, handle_out};
use jacinth_abi::SYSCALLS;
use jacinth_kernel::{Access, Event, VirtAddr};
use jacinth_sim::{Arch, Config, run};

/// An input has at most so many events.
const MOST_EVENTS: u32 = 128;
/// Everything is recounted after so many events.
const AUDIT_EVERY: u32 = 12;
/// What the calls of an input were and answered: number, answer.
pub type Trace = Vec<(u64, i64)>;

/// Runs one input; what its calls answered.
///
/// # Panics
/// When the kernel panics, or its counts do not add up.
pub fn fuzz_one(input: &[u8]) -> Trace {
    let mut fuzz = Fuzz::new(input);
    for event in 1..=MOST_EVENTS {
        if fuzz.input.is_empty() {
            break;
        }
        let stopped = fuzz.event().err();
        if stopped.is_some() || event % AUDIT_EVERY == 0 {
            fuzz.audit();
        }
        if stopped == Some(Stop::Halted) {
            fuzz.judge_end();
        }
        if stopped.is_some() {
            return fuzz.trace;
        }
    }
    fuzz.audit();
    fuzz.trace
}

struct Fuzz<'a> {
    input: &'a [u8],
    machine: Machine,
    handles: Vec<u32>,
    addresses: Vec<u64>,
    trace: Trace,
}

/// A machine that is cheap to make and soon out of memory.
fn small(arch: Arch) -> Config {
    const MIB: u64 = 1 << 20;
    let mut config = Config::new(arch, 7);
    config.ram = vec![run(0x4000_0000, 3 * MIB), run(0x4050_0000, MIB)];
    config
}

impl<'a> Fuzz<'a> {
    fn new(input: &'a [u8]) -> Self {
        let (first, rest) = input.split_first().unwrap_or((&0, &[]));
        let arch = Arch::ALL[usize::from(first % 2)];
        let mut machine = Machine::new(&small(arch));
        let gifts = machine.gifts();
        let addresses = vec![arch.user().start.raw(), machine.scratch(), CODE];
        Self {
            input: rest,
            machine,
            handles: gifts.into_iter().map(|(_, value)| value).collect(),
            addresses,
            trace: Vec::new(),
        }
    }

    /// The next byte; 0 when there is none.
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.input.split_first().unwrap_or((&0, &[]));
        self.input = rest;
        *first
    }

    fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    fn event(&mut self) -> Result<(), Stop> {
        match self.byte() % 16 {
            0..11 => self.known_call(),
            11 | 12 => {
                let at = self.buffer();
                let value = self.number().to_le_bytes();
                self.machine.put(at, &value)
            }
            13 => {
                let ns = i64::from(self.byte()) << 16;
                self.machine.sim.advance(ns);
                if self.machine.sim.take_timer(0) {
                    return self.machine.enter(Event::Timer);
                }
                self.machine.enter(Event::Kick)
            }
            // Most faults and some calls end the process: an input is to get far.
            14 if self.byte() < 32 => self.fault(),
            14 => self.machine.enter(Event::Kick),
            _ => self.raw_event(),
        }
    }

    /// A row of the table, with arguments of its types more often than not.
    fn known_call(&mut self) -> Result<(), Stop> {
        let index = usize::from(self.byte()) % SYSCALLS.len();
        let row = &SYSCALLS[index];
        let ends = row.name.ends_with("_exit");
        if ends && self.byte() != 0 {
            return Ok(());
        }
        let mut words = [0; 8];
        for (word, (_, kind)) in words.iter_mut().zip(row.arguments) {
            *word = self.argument(kind);
        }
        self.call(row.number, &words)
    }

    fn argument(&mut self, kind: &str) -> u64 {
        if self.byte().is_multiple_of(8) {
            return self.number();
        }
        match kind {
            "Handle" => self.handle(),
            "u32" | "u64" | "i64" | "Koid" => self.number(),
            _ => self.buffer(),
        }
    }

    /// An address in the stack.
    fn buffer(&mut self) -> u64 {
        self.machine.scratch() + u64::from(self.byte()) * 64
    }

    fn handle(&mut self) -> u64 {
        let which = usize::from(self.byte());
        let count = self.handles.len().max(1);
        // The later the likelier: what an input makes, it uses.
        let which = if which < 128 {
            count - 1 - which % count.min(6)
        } else {
            which % count
        };
        self.handles.get(which).copied().unwrap_or(0).into()
    }

    /// A number of one of the kinds that calls take.
    fn number(&mut self) -> u64 {
        match self.byte() % 12 {
            0 => self.word(),
            1 | 2 => u64::from(self.byte()),
            3..6 => u64::from(self.byte() % 16) << 12,
            6 => 1 << (self.byte() % 64),
            7 => {
                let which = usize::from(self.byte()) % self.addresses.len();
                self.addresses[which].wrapping_add(u64::from(self.byte() % 16) << 12)
            }
            8 => u64::from(u16::from_le_bytes([self.byte(), self.byte()])),
            9 => 0u64.wrapping_sub(u64::from(self.byte()) << 12),
            10 => Config::WINDOW.base.raw() + (u64::from(self.byte() % 16) << 12),
            _ => 3,
        }
    }

    /// Makes a call, and keeps the handles and addresses that it told.
    fn call(&mut self, number: u64, words: &[u64; 8]) -> Result<(), Stop> {
        let answer = self.machine.call(number, words)?;
        self.trace.push((number, answer));
        if answer != 0 {
            return Ok(());
        }
        if let Some(value) = self.told(words, handle_out(number)) {
            self.handles.push(value as u32);
        }
        if let Some(address) = self.told(words, address_out(number).map(|(out, _)| out)) {
            self.addresses.push(address);
        }
        Ok(())
    }

    /// What a call wrote, when it was told to write into the stack.
    fn told(&mut self, words: &[u64; 8], out: Option<usize>) -> Option<u64> {
        let at = words[out?];
        let (_, end) = self.machine.stack();
        let is_scratch = (self.machine.scratch()..end - 8).contains(&at);
        let mut bytes = [0; 8];
        let is_told = is_scratch && self.machine.take(at, &mut bytes).is_ok();
        is_told.then(|| u64::from_le_bytes(bytes))
    }

    /// A page fault: where something may be mapped, or anywhere. Most end the process.
    fn fault(&mut self) -> Result<(), Stop> {
        let address = VirtAddr::new(self.number());
        let access = match self.byte() % 3 {
            0 => Access::Read,
            1 => Access::Write,
            _ => Access::Execute,
        };
        let code = self.word();
        self.machine.enter(Event::PageFault {
            address,
            access,
            code,
        })
    }

    /// Any number as a call, or an exception.
    fn raw_event(&mut self) -> Result<(), Stop> {
        let (number, address) = (self.word(), self.word());
        if self.byte() < 240 {
            let words = std::array::from_fn(|_| self.word());
            let known = SYSCALLS.len() as u64;
            return self.call(number % (known + 1), &words);
        }
        let [a, b, c, d, ..] = number.to_le_bytes();
        self.machine.enter(Event::Exception {
            kind: u32::from_le_bytes([a, b, c, d]),
            code: number,
            address,
        })
    }

    fn audit(&self) {
        if let Err(why) = self.machine.audit() {
            panic!("{why}");
        }
    }

    /// Everything is given back when the machine has ended.
    fn judge_end(&mut self) {
        let frames = &self.machine.kernel.mem().frames;
        let (free, total) = (frames.free_frames(), frames.total_frames());
        let sim = &self.machine.sim;
        let (private, image) = (sim.private_frames(), sim.config().image.pages);
        let leaked = sim.console().contains("quarantine");
        assert!(
            leaked || (free, private) == (total, image),
            "{free} of {total} frames are free at the end, {private} are the machine's"
        );
    }
}
