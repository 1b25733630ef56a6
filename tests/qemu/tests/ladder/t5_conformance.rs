//! Rung 5: the conformance scenarios in user mode. None is left out, and none runs twice. What they
//! answer is recorded for `docs/conformance.md`.

use jacinth_tests_qemu::{Arch, Boot, Place, Ran};
use jacinth_tests_table::{Machine, folder, record};

use crate::{Outcome, Test, test};

/// How many seconds all scenarios may take.
const TIME_LIMIT: u32 = 300;

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("all", |boot| all(boot, Processors::One, "all")),
        test("memory_64m", |boot| {
            let boot = boot.option("--mem", "64M");
            all(boot, Processors::One, "memory-64m")
        }),
        test("four_cpus", |boot| {
            let boot = boot.option("--cpus", "4");
            all(boot, Processors::Several, "cpus-4")
        }),
        test("two_cpus_wander", |boot| wandering(boot, "2")),
        test("four_cpus_wander", |boot| wandering(boot, "4")),
    ]
}

/// How many processors the machine has.
#[derive(Clone, Copy)]
enum Processors {
    One,
    Several,
}

/// Several processors, among which the threads are moved all the time.
fn wandering(boot: Boot, cpus: &str) -> Outcome {
    let boot = boot.option("--cpus", cpus).option("--append", "wander");
    all(boot, Processors::Several, &format!("cpus-{cpus}-wander"))
}

fn all(boot: Boot, processors: Processors, part: &str) -> Outcome {
    let machine = match (boot.arch, processors) {
        (Arch::X86_64, Processors::One) => Machine::QemuX86_64,
        (Arch::Aarch64, Processors::One) => Machine::QemuAarch64,
        (Arch::X86_64, Processors::Several) => Machine::SmpX86_64,
        (Arch::Aarch64, Processors::Several) => Machine::SmpAarch64,
    };
    let boot = boot.option("--program", "conformance-user");
    let ran = boot.time_limit(TIME_LIMIT).run()?;
    let wanted: Vec<_> = conformance::scenarios()
        .map(|scenario| scenario.name)
        .collect();
    let results: Vec<_> = ran.lines_after("JTEST ").collect();
    write_down(&results, machine, part)?;
    let failed: Vec<_> = results
        .iter()
        .filter(|line| line.contains("FAILED"))
        .collect();
    ran.check(failed.is_empty(), &format!("failed: {failed:#?}"))?;
    let passed: Vec<_> = results
        .iter()
        .filter_map(|line| line.strip_suffix(" ok"))
        .collect();
    ran.check(passed == wanted, &difference(&passed, &wanted))?;
    end(&ran, wanted.len())?;
    ran.status(0)
}

fn write_down(results: &[&str], machine: Machine, part: &str) -> Outcome {
    let verdicts = conformance::scenarios().filter_map(|scenario| {
        let rest = |line: &&str| {
            line.strip_prefix(scenario.name)?
                .strip_prefix(' ')
                .map(str::to_owned)
        };
        let verdict = results.iter().find_map(rest)?;
        Some((scenario.name, verdict == "ok"))
    });
    let folder = folder(Place::find().target());
    record(&folder, machine, part, verdicts).map_err(|error| error.to_string())
}

fn end(ran: &Ran, count: usize) -> Outcome {
    let end = ran.line_after("JTEST end ")?;
    let wanted = format!("{count} passed 0 failed");
    ran.check(end == wanted, &format!("the last line is not: {wanted}"))
}

fn difference(passed: &[&str], wanted: &[&str]) -> String {
    let without = |one: &[&str], other: &[&str]| -> Vec<String> {
        let names = one.iter().filter(|name| !other.contains(name));
        names.map(|name| (*name).to_owned()).collect()
    };
    let (missing, unknown) = (without(wanted, passed), without(passed, wanted));
    format!("did not pass: {missing:?}; unknown: {unknown:?}; or another order")
}
