//! Running sequences, and finding the calls of a failed one that it takes.

use super::CALLS;
use super::call::Call;
use super::draw::Draw;
use super::world::World;
use jacinth_sim::{Arch, Random};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Memory is compared after so many calls.
const COMPARE_EVERY: usize = 12;
/// Everything is recounted after so many calls.
const AUDIT_EVERY: usize = 34;
/// A world serves so many sequences.
const SEQUENCES_OF_A_WORLD: u64 = 250;
/// Pages of a mapping that are looked at.
const PAGES: usize = 6;

/// A sequence that went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What it follows from.
    pub seed: u64,
    /// The calls, those left out as `None`.
    pub calls: Vec<Option<Call>>,
    /// What differed.
    pub what: String,
}

/// How often each call was answered how: by number and status.
pub type Tally = BTreeMap<(u64, i64), u64>;

/// Runs the sequences of the seeds from `first` on.
///
/// # Errors
/// The first that failed, as few of its calls as do.
pub fn run_sequences(arch: Arch, first: u64, count: u64) -> Result<Tally, Failure> {
    let mut tally = Tally::new();
    let mut world = World::new(arch, first);
    let mut left = SEQUENCES_OF_A_WORLD;
    for seed in first..first.wrapping_add(count) {
        if left == 0 || !world.is_clean() {
            add(&mut tally, &world);
            world = World::new(arch, seed);
            left = SEQUENCES_OF_A_WORLD;
        }
        left -= 1;
        if let Err(failure) = sequence(&mut world, seed) {
            return Err(shrink(arch, failure));
        }
    }
    add(&mut tally, &world);
    Ok(tally)
}

fn add(tally: &mut Tally, world: &World) {
    for (what, count) in &world.tally {
        *tally.entry(*what).or_default() += count;
    }
}

/// Draws one sequence and makes it.
fn sequence(world: &mut World, seed: u64) -> Result<(), Failure> {
    let mut random = Random::new(seed);
    let mut calls = Vec::with_capacity(CALLS);
    let outcome = guarded(|| {
        world.begin();
        for index in 0..CALLS {
            let mut draw = Draw {
                random: &mut random,
                world,
            };
            let call = draw.call();
            calls.push(Some(call.clone()));
            step(world, seed, index, &call)?;
        }
        world.end()
    });
    outcome.map_err(|what| Failure { seed, calls, what })
}

/// Makes the calls of a sequence once more, in a new world.
///
/// # Errors
/// What differed.
pub fn replay(arch: Arch, seed: u64, calls: &[Option<Call>]) -> Result<(), String> {
    guarded(|| {
        let mut world = World::new(arch, seed);
        for (index, call) in calls.iter().enumerate() {
            if let Some(call) = call {
                step(&mut world, seed, index, call)?;
            }
        }
        world.end()
    })
}

fn step(world: &mut World, seed: u64, index: usize, call: &Call) -> Result<(), String> {
    let told = |why| format!("call {index}, {call}: {why}");
    world.step(index, call).map_err(told)?;
    if index % COMPARE_EVERY == COMPARE_EVERY - 1 {
        let salt = seed.wrapping_mul(31).wrapping_add(index as u64) >> 1;
        let after = |why| format!("after call {index}: {why}");
        world.compare_mappings(PAGES, salt).map_err(after)?;
        if index / COMPARE_EVERY % 4 == 3 {
            world.compare_contents().map_err(after)?;
        }
    }
    if index % AUDIT_EVERY == AUDIT_EVERY - 1 {
        world
            .audit()
            .map_err(|why| format!("after call {index}: {why}"))?;
    }
    Ok(())
}

/// A panic of the kernel is a failure like any other.
fn guarded(act: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or("(no text)")))
    })
}

/// Leaves out what a failure does not take: halves first, then single calls.
fn shrink(arch: Arch, mut failure: Failure) -> Failure {
    if replay(arch, failure.seed, &failure.calls).is_ok() {
        failure
            .what
            .push_str(" (not in a world of its own: earlier sequences matter)");
        return failure;
    }
    let mut width = failure.calls.len().div_ceil(2);
    loop {
        let mut at = 0;
        while at < failure.calls.len() {
            let end = (at + width).min(failure.calls.len());
            let mut fewer = failure.calls.clone();
            fewer[at..end].fill(None);
            if fewer != failure.calls
                && let Err(what) = replay(arch, failure.seed, &fewer)
            {
                failure.calls = fewer;
                failure.what = what;
            }
            at = end;
        }
        if width == 1 {
            return failure;
        }
        width = width.div_ceil(2);
    }
}

impl Failure {
    /// What a person needs to see.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = format!("seed {}: {}\n", self.seed, self.what);
        for (index, call) in self.calls.iter().enumerate() {
            if let Some(call) = call {
                writeln!(text, "  {index}: {call}").expect("a string takes everything");
            }
        }
        text
    }
}
