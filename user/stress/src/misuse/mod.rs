//! Misuses every call of the table: each argument in turn is something that no caller in its right
//! mind would pass, by the argument's type, while the others might do.
//!
//! Nothing here knows a call by its name, so that a new one is covered on its first day. A call must
//! answer what its row says that it may; one that ends its process, or waits, must be of a kind that
//! can. After the calls of a row everything is gone that they made, and the frames and handles are
//! those from before.

mod actor;
mod documented;
mod pool;
mod values;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use alloc::sync::Arc;
use zx::abi::{SYSCALLS, Status, Syscall, VmOptions, VmoOptions};
use zx::{Spawned, Startup, Vmo};

use crate::baseline::{Baseline, settle_in};
use crate::puppet::{Call, Came, FLICKER, MOST_CALLS, PAGE};
use crate::random::Random;

use self::actor::{Actor, Theatre};
use self::values::Kind;

/// How hard it is tried.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// What everything follows from.
    pub seed: u64,
    /// How often each bad value is passed, with other arguments beside it.
    pub draws: usize,
    /// Only rows whose name holds this.
    pub only: &'static str,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many calls were made.
    pub calls: u64,
    /// How many of them succeeded.
    pub succeeded: u64,
    /// How many ended their process.
    pub ended: u64,
    /// How many waited for ever.
    pub waited: u64,
    /// What was wrong.
    pub failures: Vec<String>,
}

/// Which argument is bad, and which of the bad values it is.
type Case = Option<(usize, usize)>;

/// Misuses every call.
///
/// `free` are physical addresses that nothing answers at; `say` hears of each row.
///
/// # Errors
/// What the program itself could not do.
pub fn run(
    start: &Startup,
    free: u64,
    effort: Effort,
    mut say: impl FnMut(&str, &Tally),
) -> Result<Tally, String> {
    let missing = "a handle that the first process is given is missing";
    let system = start.system.as_ref().ok_or(missing)?;
    let process = start.process.as_ref().ok_or(missing)?;
    let counting = |status: Status| format!("counting: {status}");
    settle_in();
    // What the first puppet leaves to this program for good is not counted.
    let theatre = Theatre::new(start, free).map_err(|status| format!("the set-up: {status}"))?;
    let mut random = Random::new(effort.seed);
    Actor::new(&theatre, &SYSCALLS[0], &mut random)?.end();
    let mut all = Tally::default();
    let rows = SYSCALLS.iter().filter(|row| row.name.contains(effort.only));
    for row in rows {
        let before = Baseline::take(system, process).map_err(counting)?;
        let mut run = Run::new(&theatre, row, &mut random);
        run.misuse(effort.draws)?;
        let mut tally = run.tally;
        if let Err(what) = before.wait(system, process) {
            tally.failures.push(format!("{}: {what}", row.name));
        }
        say(row.name, &tally);
        all.add(tally);
    }
    Ok(all)
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.succeeded += other.succeeded;
        self.ended += other.ended;
        self.waited += other.waited;
        self.failures.extend(other.failures);
    }
}

/// The calls of one row.
struct Run<'a> {
    theatre: &'a Theatre<'a>,
    row: &'static Syscall,
    random: &'a mut Random,
    allowed: Vec<Status>,
    tally: Tally,
}

impl<'a> Run<'a> {
    fn new(theatre: &'a Theatre<'a>, row: &'static Syscall, random: &'a mut Random) -> Self {
        Self {
            theatre,
            row,
            random,
            allowed: documented::statuses(row),
            tally: Tally::default(),
        }
    }

    /// Everything about the row.
    fn misuse(&mut self, draws: usize) -> Result<(), String> {
        let mut cases = self.cases(draws);
        while !cases.is_empty() {
            let mut actor = Actor::new(self.theatre, self.row, self.random)?;
            let made = self.until_end(&mut actor, &cases);
            actor.end();
            cases.drain(..made?);
        }
        self.in_thin_air(draws)
    }

    /// One case for each bad value of each argument, several times, and as many without any.
    fn cases(&self, draws: usize) -> Vec<Case> {
        let arguments = self.row.arguments.iter().enumerate();
        let bad = arguments.flat_map(|(place, (_, kind))| {
            (0..Kind::of(kind).bad_values()).map(move |which| Some((place, which)))
        });
        let once: Vec<Case> = bad.chain([None; 24]).collect();
        core::iter::repeat_n(once, draws).flatten().collect()
    }

    /// Makes calls until all are made, or one ends the puppet or its patience; how many cases are
    /// done with.
    fn until_end(&mut self, actor: &mut Actor, cases: &[Case]) -> Result<usize, String> {
        let mut made = 0;
        for cases in cases.chunks(MOST_CALLS / 2) {
            // One that has lost its memory, or its strings, is of no use any more.
            if made != 0 && actor.renew(self.theatre, self.row, self.random).is_err() {
                return Ok(made);
            }
            let calls: Vec<Call> = cases.iter().map(|case| self.call(actor, *case)).collect();
            let outcome = actor.perform(&calls, self.random);
            let outcome = outcome.map_err(|what| format!("{}: {what}", self.row.name))?;
            for (call, answer) in calls.iter().zip(&outcome.answers) {
                self.judge(call, *answer);
            }
            made += outcome.answers.len();
            if outcome.came != Came::Done {
                if let Some(call) = calls.get(outcome.answers.len()) {
                    self.judge_end(call, outcome.came);
                    made += 1;
                }
                return Ok(made.max(1));
            }
        }
        Ok(made)
    }

    fn call(&mut self, actor: &Actor, case: Case) -> Call {
        let (number, mut words) = actor.plausible(self.row, self.random);
        if let Some((place, which)) = case
            && let Some((_, kind)) = self.row.arguments.get(place)
        {
            words[place] = Kind::of(kind).bad(which, &actor.pool, self.random);
        }
        (number, words)
    }

    fn judge(&mut self, (_, words): &Call, answer: i64) {
        self.tally.calls += 1;
        self.tally.succeeded += u64::from(answer >= 0);
        let is_number = documented::answers_number(self.row);
        let is_status = i32::try_from(answer).is_ok_and(|raw| {
            let known = self.allowed.iter().any(|status| status.raw() == raw);
            raw == 0 || known
        });
        if (is_number && answer > 0) || (!is_number && is_status) {
            return;
        }
        let name = i32::try_from(answer)
            .ok()
            .and_then(|raw| Status::check(raw).err());
        let what = format!("{} answers {name:?} ({answer})", self.row.name);
        self.fail(what, words);
    }

    fn judge_end(&mut self, (_, words): &Call, came: Came) {
        self.tally.calls += 1;
        if came == Came::Cut {
            // It was a handle to the strings that the call was given.
        } else if came == Came::Waits {
            self.tally.waited += 1;
            if !may_wait(self.row) {
                self.fail(format!("{} waits", self.row.name), words);
            }
        } else {
            self.tally.ended += 1;
            if !may_end(self.row) {
                self.fail(format!("{} ends the process", self.row.name), words);
            }
        }
    }

    fn fail(&mut self, what: String, words: &[u64; 8]) {
        const MOST: usize = 4;
        if self.tally.failures.len() < MOST {
            let words = &words[..self.row.arguments.len()];
            self.tally.failures.push(format!("{what}: {words:x?}"));
        }
    }

    /// Passes memory that another thread maps and unmaps all the while.
    fn in_thin_air(&mut self, draws: usize) -> Result<(), String> {
        const TIMES: usize = 4;
        let arguments = self.row.arguments.iter().enumerate();
        let pointers = arguments.filter(|(_, (_, kind))| Kind::of(kind) == Kind::Pointer);
        let places: Vec<usize> = pointers.map(|(place, _)| place).collect();
        if places.is_empty() || may_end(self.row) {
            return Ok(());
        }
        let mut actor = Actor::new(self.theatre, self.row, self.random)?;
        let flicker = Flicker::start(self.theatre.start, &actor)?;
        let mut result = Ok(());
        for place in core::iter::repeat_n(places, draws * TIMES).flatten() {
            let (number, mut words) = actor.plausible(self.row, self.random);
            words[place] = FLICKER + *self.random.pick(&[0, 64, PAGE - 8, PAGE - 1]);
            let call = (number, words);
            let outcome = actor.perform(&[call], self.random);
            let outcome = match outcome {
                Ok(outcome) => outcome,
                Err(what) => {
                    result = Err(format!("{}: {what}", self.row.name));
                    break;
                }
            };
            match outcome.answers.first() {
                Some(answer) => self.judge(&call, *answer),
                None => {
                    self.judge_end(&call, outcome.came);
                    break;
                }
            }
        }
        flicker.stop()?;
        actor.end();
        result
    }
}

/// A thread that maps and unmaps a page of a puppet.
struct Flicker {
    thread: Spawned,
    is_over: Arc<AtomicBool>,
}

impl Flicker {
    fn start(start: &Startup, actor: &Actor) -> Result<Self, String> {
        let told = |status: Status| format!("a page that comes and goes: {status}");
        let is_over = Arc::new(AtomicBool::new(false));
        let process = start.process.as_ref().ok_or("no handle to the process")?;
        let strings = actor.puppet.air().map_err(told)?;
        let vmo = Vmo::create(PAGE, VmoOptions::empty()).map_err(told)?;
        let stop = is_over.clone();
        let body = move || {
            let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE | VmOptions::MAP_RANGE;
            while !stop.load(Ordering::Relaxed) {
                // Dropped at once, and so unmapped. The puppet may be dead.
                drop(strings.map_for_now(options, &vmo, 0, FLICKER, PAGE));
                zx::sys::thread_legacy_yield(0).ok();
            }
        };
        let thread = Spawned::start(process, &start.root_vmar, "flicker", body).map_err(told)?;
        Ok(Self { thread, is_over })
    }

    fn stop(self) -> Result<(), String> {
        self.is_over.store(true, Ordering::Relaxed);
        let joined = self.thread.join();
        joined.map_err(|status| format!("joining: {status}"))
    }
}

/// Whether a call may end its process: it says so, or it changes the process itself, its threads,
/// or the memory that it lives in.
fn may_end(row: &Syscall) -> bool {
    const OF_TASKS: [&str; 6] = ["task", "thread", "process", "job", "vmar", "vmar_range"];
    documented::never_returns(row) || OF_TASKS.contains(&row.family)
}

/// Whether a call may wait for ever.
fn may_wait(row: &Syscall) -> bool {
    row.arguments.iter().any(|(name, _)| *name == "deadline") || may_end(row)
}
