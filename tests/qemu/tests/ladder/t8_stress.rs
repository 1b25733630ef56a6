//! Rung 8: programs that try to break the kernel. One misuses every call of the table, one does
//! everything at once on four processors, one changes what is mapped under threads that touch it.
//! `JACINTH_STRESS_SECONDS` says for how long.

use jacinth_tests_qemu::Boot;

use crate::{Outcome, Test, test};

/// How many seconds a program may take, beside what it is told to take.
const TIME_LIMIT: u32 = 240;
/// How long everything at once goes on, in seconds.
const SECONDS: u32 = 10;

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("misuse", |boot| misuse(boot, "1")),
        test("misuse_four_cpus", |boot| misuse(boot, "4")),
        test("storm", |boot| storm(boot, "1", 2)),
        test("storm_four_cpus", |boot| storm(boot, "4", seconds())),
        test("stale", |boot| stale(boot, "1", 2)),
        test("stale_four_cpus", |boot| stale(boot, "4", seconds())),
    ]
}

fn seconds() -> u32 {
    let told = std::env::var("JACINTH_STRESS_SECONDS").ok();
    told.and_then(|text| text.parse().ok()).unwrap_or(SECONDS)
}

/// Every call answers what the table says that it may, and leaves nothing behind.
fn misuse(boot: Boot, cpus: &str) -> Outcome {
    let boot = boot.option("--program", "stress").option("--cpus", cpus);
    let boot = boot.option("--append", format!("misuse audit seed={cpus}"));
    let ran = boot.time_limit(TIME_LIMIT).run()?;
    let failed: Vec<_> = ran.lines_after("MISUSE FAILED: ").collect();
    ran.check(failed.is_empty(), &format!("failed: {failed:#?}"))?;
    ran.line_after("MISUSE end: ")?;
    ran.line_after("jacinth: audit clean, ")?;
    ran.status(0)
}

/// All is given back to the last frame, and the kernel's recount of itself finds no difference.
fn storm(boot: Boot, cpus: &str, seconds: u32) -> Outcome {
    let boot = boot.option("--program", "stress").option("--cpus", cpus);
    let boot = boot.option(
        "--append",
        format!("storm audit workers=3 seconds={seconds}"),
    );
    let ran = boot.time_limit(TIME_LIMIT + seconds).run()?;
    ran.status(0)?;
    let end = ran.line_after("STRESS end: ")?;
    ran.check(end.ends_with("at the baseline"), "the baseline")?;
    // The root job, which never goes.
    let left = ran.line_after("jacinth: audit clean, ")?;
    let is_all_gone = left.starts_with("1 objects and 0 frames are left");
    ran.check(is_all_gone, &format!("left behind: {left}"))
}

/// What was unmapped, protected or remapped is so on every processor once the call has returned.
fn stale(boot: Boot, cpus: &str, seconds: u32) -> Outcome {
    let boot = boot.option("--program", "stress").option("--cpus", cpus);
    let boot = boot.option(
        "--append",
        format!("stale audit workers=3 seconds={seconds}"),
    );
    let ran = boot.time_limit(TIME_LIMIT + seconds).run()?;
    ran.status(0)?;
    let end = ran.line_after("STRESS end: ")?;
    let counts = end.split(", ").map(|part| part.split(' ').next());
    let counts = counts.map(|count| count?.parse::<u64>().ok());
    let has_happened = counts.clone().count() == 4 && counts.flatten().all(|count| count > 0);
    ran.check(
        has_happened,
        "changes, accesses, and threads that were stopped",
    )?;
    ran.line_after("jacinth: audit clean, ")?;
    Ok(())
}
