//! Runs scenarios, each from the same start, in as few worlds as it takes.

use crate::seam;
use conformance::{Env, Scenario};
use jacinth_abi::ExitCode;
use jacinth_sim::world::{self, Control, Ending, Options, Report, Thread};
use jacinth_sim::{Arch, Config};
use std::sync::Mutex;
use zx::Startup;

/// The most bytes that an event may change: 64 pages filled and 64 copied, and as much again for
/// fresh tables and what else there is.
pub const MOST_BYTES: u64 = 3 * 64 * 4096;
/// The most table entries that an event may write: splitting a block at both ends on two levels
/// takes four tables of 512, and a run that is mapped in small pages one more.
const MOST_ENTRIES: u64 = 6 * 512;

/// How one scenario went.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Which.
    pub name: &'static str,
    /// What went wrong, if anything did.
    pub failure: Option<String>,
}

/// What is done with each scenario: once plainly, or with failing allocations.
pub type Round = fn(&Scenario, &mut Env, &Control) -> Result<(), String>;

/// Where scenarios run.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The machine and what is checked.
    pub options: Options,
}

impl Bench {
    /// A small machine; everything is recounted after each event.
    #[must_use]
    pub fn new(arch: Arch, seed: u64) -> Self {
        let config = Config::new(arch, seed);
        let scratch = Config::SCRATCH.base.raw();
        let ram = config.image.end().raw();
        let args = [
            format!("scratch={scratch:#x},0x40"),
            format!("ram={ram:#x}"),
            "effort=little".to_owned(),
        ];
        Self {
            options: Options {
                config,
                is_audited: true,
                args: args.to_vec(),
            },
        }
    }

    /// Runs all scenarios that `chosen` likes; one that takes the world down fails, and the others
    /// go on in a new one.
    pub fn run(&self, chosen: impl Fn(&Scenario) -> bool, round: Round) -> Vec<Verdict> {
        let mut left: Vec<&'static Scenario> = conformance::scenarios()
            .filter(|scenario| chosen(scenario))
            .collect();
        let mut verdicts = Vec::new();
        while !left.is_empty() {
            let done = Mutex::new(Vec::new());
            let mut report = world::run(
                &self.options,
                Box::new(|thread, control, bootstrap| {
                    run_in(thread, control, bootstrap, &left, round, &done)
                }),
            );
            let done = done
                .into_inner()
                .expect("a world's end leaves the list whole");
            let next = done.len();
            verdicts.extend(done);
            let failure = judge(&mut report).err();
            match left.get(next) {
                Some(failed) => verdicts.push(Verdict {
                    name: failed.name,
                    failure: Some(failure.unwrap_or_else(|| "it ended the world".to_owned())),
                }),
                None => verdicts.push(Verdict {
                    name: "the end of the world",
                    failure,
                }),
            }
            left.drain(..(next + 1).min(left.len()));
        }
        verdicts
    }

    /// Runs one program as `init` of a world of its own: what the world came to, as [`judge`] says,
    /// and what the program did.
    pub fn run_program<T: Send>(
        &self,
        program: impl FnOnce(&Startup) -> Result<T, String> + Send,
    ) -> (Result<(), String>, Result<T, String>) {
        let outcome = Mutex::new(Err("the world did not begin".to_owned()));
        let mut report = world::run(
            &self.options,
            Box::new(|thread, _, bootstrap| {
                let done = seam::start(thread, bootstrap).map_err(|what| what.to_string());
                let done = done.and_then(|start| {
                    thread.warm_up(u64::MAX);
                    program(&start)
                });
                *outcome.lock().expect("not poisoned") = done;
                0
            }),
        );
        let outcome = outcome.into_inner().expect("not poisoned");
        (judge(&mut report), outcome)
    }
}

/// Checks what a world leaves behind: no frame is held by anybody, and no event took too long.
///
/// # Errors
/// What is wrong.
pub fn judge(report: &mut Report) -> Result<(), String> {
    if report.ending != Ending::Exit(ExitCode::Init(0)) {
        let console = report.sim.console();
        return Err(format!(
            "the world ended: {:?}; console: {console}",
            report.ending
        ));
    }
    let frames = &report.kernel.mem().frames;
    let (free, total) = (frames.free_frames(), frames.total_frames());
    if free != total {
        return Err(format!(
            "{free} of {total} frames are free when all is over"
        ));
    }
    let (private, image) = (report.sim.private_frames(), report.sim.config().image.pages);
    if private != image {
        return Err(format!(
            "the machine holds {private} frames, {image} of them are its image"
        ));
    }
    let most = report.most_changed;
    if most.bytes > MOST_BYTES || most.entries > MOST_ENTRIES {
        return Err(format!("an event changed too much: {most:?}"));
    }
    Ok(())
}

fn run_in(
    thread: &Thread,
    control: &Control,
    bootstrap: u32,
    scenarios: &[&'static Scenario],
    round: Round,
    done: &Mutex<Vec<Verdict>>,
) -> i64 {
    let start = seam::start(thread, bootstrap).expect("a program is given what it needs");
    thread.warm_up(u64::MAX);
    let mut env = Env::new(&start).expect("the machine has what scenarios need");
    for scenario in scenarios {
        let failure = round(scenario, &mut env, control).err();
        done.lock()
            .expect("nobody panics with the list")
            .push(Verdict {
                name: scenario.name,
                failure,
            });
    }
    0
}
