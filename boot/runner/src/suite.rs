//! `test`: everything that can go wrong, in one command, with one sum at its end.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::arch::Arch;
use crate::cargo;
use crate::failure::{Failure, TESTS_FAILED, UNAVAILABLE};
use crate::options::Options;
use crate::place::Place;
use crate::terminal::{self, Mood};

/// The package with the tests that boot QEMU.
const QEMU_TESTS: &str = "jacinth-tests-qemu";
/// The package that makes `docs/conformance.md`.
const TABLE: &str = "jacinth-tests-table";
/// The user programs that those tests boot.
const PROGRAMS: [&str; 8] = [
    Options::TOUR,
    "driver",
    "rogue",
    "conformance-user",
    "faults",
    "devices",
    "bench",
    "stress",
];

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Adds what a line of cargo's output says, if it is a sum.
    fn count(&mut self, line: &str) {
        let Some(sum) = line.trim_start().strip_prefix("test result: ") else {
            return;
        };
        for part in sum.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let number = words.next().and_then(|word| word.parse::<u64>().ok());
            match (number, words.next()) {
                (Some(number), Some("passed")) => self.passed += number,
                (Some(number), Some("failed")) => self.failed += number,
                _ => {}
            }
        }
    }
}

/// Runs every step, also after one that failed, and prints the sum as its last line.
pub(crate) fn run(options: &Options, place: &Place) -> Result<u8, Failure> {
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    // What an earlier run left must not count. The folder need not exist.
    fs::remove_dir_all(place.verdicts()).ok();
    for (name, mut command) in steps(options, place) {
        terminal::note(name);
        let failed_before = tally.failed;
        step(&mut command, &mut tally)?;
        if tally.failed > failed_before {
            failures.push(name);
            terminal::verdict(Mood::Bad, &format!("failed: {name}"));
        }
    }
    if !failures.is_empty() {
        terminal::verdict(Mood::Bad, &format!("failed: {}", failures.join("; ")));
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 { 0 } else { TESTS_FAILED })
}

/// A cargo call and what it is for.
type Step = (&'static str, Command);

/// The steps in their order. A step that fails without a failing test counts as one.
fn steps(options: &Options, place: &Place) -> Vec<Step> {
    let mut steps = checks_on_host(place);
    for (arch, name) in Arch::ALL
        .into_iter()
        .zip(["lints for x86_64", "lints for aarch64"])
    {
        let arguments = ["clippy", "--quiet", "--release"];
        steps.extend(on_target(
            place,
            arch,
            name,
            &arguments,
            &["--", "-D", "warnings"],
        ));
    }
    for (arch, name) in Arch::ALL
        .into_iter()
        .zip(["build for x86_64", "build for aarch64"])
    {
        steps.extend(on_target(
            place,
            arch,
            name,
            &["build", "--quiet", "--release"],
            &[],
        ));
    }
    let mut ladder = cargo::cargo(place);
    ladder.args(["test", "--package", QEMU_TESTS, "--no-fail-fast"]);
    if !options.qemu_args.is_empty() {
        // What follows `--` goes to the tests of the ladder: a filter, say.
        ladder.arg("--").args(&options.qemu_args);
    }
    steps.push(("tests in QEMU", ladder));
    steps.push(("table of conformance", table(options, place)));
    steps
}

/// Compares `docs/conformance.md` with what the scenarios answered in the steps before.
fn table(options: &Options, place: &Place) -> Command {
    let mut table = cargo::cargo(place);
    table.args(["run", "--quiet", "--package", TABLE, "--"]);
    table.arg(place.target());
    table.arg(place.root().join("docs/conformance.md"));
    let is_filtered = env::var_os("ONLY").is_some_and(|only| !only.is_empty());
    if is_filtered || !options.qemu_args.is_empty() {
        table.arg("--partial");
    }
    table
}

/// Everything that needs neither QEMU nor the bare targets.
fn checks_on_host(place: &Place) -> Vec<Step> {
    let cargo = |arguments: &str| {
        let mut command = cargo::cargo(place);
        command.args(arguments.split(' '));
        command
    };
    let mut tests = cargo("test --workspace --no-fail-fast");
    tests.args(["--exclude", QEMU_TESTS]);
    let mut documentation = cargo("doc --quiet --workspace --no-deps");
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    vec![
        ("tests on the host", tests),
        ("format", cargo("fmt --all --check")),
        (
            "lints",
            cargo("clippy --quiet --workspace --all-targets -- -D warnings"),
        ),
        ("documentation", documentation),
    ]
}

/// A cargo call for the kernel and one for the user programs of an architecture.
fn on_target(
    place: &Place,
    arch: Arch,
    name: &'static str,
    before: &[&str],
    after: &[&str],
) -> [Step; 2] {
    let call = |triple: &str, packages: &[&str]| {
        let mut command = cargo::cargo(place);
        command.args(before).args(["--target", triple]);
        for package in packages {
            command.args(["--package", package]);
        }
        command.args(after);
        (name, command)
    };
    [
        call(arch.kernel_target(), &[cargo::KERNEL]),
        call(arch.user_target(), &PROGRAMS),
    ]
}

/// Runs one step, shows what it prints and counts.
fn step(command: &mut Command, tally: &mut Tally) -> Result<(), Failure> {
    let missing = |error| Failure::new(UNAVAILABLE, format!("cargo: {error}"));
    let failed_before = tally.failed;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    let output = child
        .stdout
        .take()
        .expect("standard output was asked for as a pipe");
    for line in BufReader::new(output).lines() {
        let line = line.map_err(missing)?;
        tally.count(&line);
        println!("{line}");
    }
    let status = child.wait().map_err(missing)?;
    if !status.success() && tally.failed == failed_before {
        tally.failed += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_added_up() {
        let mut tally = Tally::default();
        tally.count("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        tally.count(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        tally.count("test tests::passed ... ok");
        tally.count("5 passed");
        assert_eq!(
            tally,
            Tally {
                passed: 15,
                failed: 2
            }
        );
    }
}
