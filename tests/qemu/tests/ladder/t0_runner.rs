//! Rung 0: `qemu-run.sh` itself, used well and badly.

use std::fs;
use std::process::Output;

use jacinth_tests_qemu::{Arch, Boot, Place};
use libtest_mimic::Trial;

use crate::Outcome;

/// Exit statuses that only the runner gives.
const USAGE: i32 = 64;
const BAD_INPUT: i32 = 66;
const TIMED_OUT: u8 = 99;
const NO_VERDICT: u8 = 100;

/// Misuse: its name, the arguments, the exit status, and a part of what is said about it.
type Misuse = (&'static str, &'static [&'static str], i32, &'static str);

const MISUSE: &[Misuse] = &[
    (
        "unknown_option",
        &["--arhc", "aarch64"],
        USAGE,
        "did you mean '--arch'",
    ),
    ("unknown_letter", &["-x"], USAGE, "unknown argument '-x'"),
    ("unknown_command", &["bulid"], USAGE, "did you mean 'build'"),
    (
        "two_commands",
        &["run", "test"],
        USAGE,
        "unexpected argument 'test'",
    ),
    (
        "unknown_arch",
        &["--arch", "riscv64"],
        USAGE,
        "one of x86_64, aarch64 is wanted",
    ),
    ("no_value", &["--init"], USAGE, "--init needs a value"),
    (
        "no_processors",
        &["--cpus", "0"],
        USAGE,
        "a number from 1 to 255 is wanted",
    ),
    (
        "odd_memory",
        &["--mem", "lots"],
        USAGE,
        "a size such as 64M or 6G is wanted",
    ),
    (
        "odd_timeout",
        &["--timeout", "soon"],
        USAGE,
        "--timeout soon",
    ),
    (
        "two_archives",
        &["--archive", "a", "--init", "b"],
        USAGE,
        "exclude each other",
    ),
    (
        "missing_init",
        &["--init", "does/not/exist"],
        BAD_INPUT,
        "does/not/exist: ",
    ),
    (
        "missing_archive",
        &["--archive", "does/not/exist"],
        BAD_INPUT,
        "does/not/exist: ",
    ),
    (
        "missing_bootfs",
        &["--bootfs", "does/not/exist"],
        BAD_INPUT,
        "does/not/exist: ",
    ),
    (
        "missing_kernel",
        &["--kernel", "does/not/exist", "--no-build"],
        BAD_INPUT,
        "does/not/exist: ",
    ),
    (
        "init_is_text",
        &["--init", "README.md"],
        BAD_INPUT,
        "README.md: not an ELF file",
    ),
    ("init_is_a_folder", &["--init", "boot"], BAD_INPUT, "boot: "),
];

/// The options that the help names, each with an example.
const OPTIONS: [&str; 15] = [
    "--arch",
    "--cpus",
    "--mem",
    "--accel",
    "--machine",
    "--cpu",
    "--append",
    "--init",
    "--bootfs",
    "--gdb",
    "--debug",
    "--release",
    "--timeout",
    "--log",
    "--help",
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = MISUSE
        .iter()
        .map(|(name, arguments, status, text)| {
            named(name, move || {
                let output = script(arguments)?;
                ended_with(&output, *status)?;
                says(&output.stderr, text)
            })
        })
        .collect();
    trials.push(named("help", help));
    trials.push(named("init_for_another_machine", other_machine));
    for arch in Arch::ALL {
        trials.push(boot(arch, "script_boots", script_boots));
        trials.push(boot(arch, "time_runs_out", |boot| {
            let ran = boot.faults("spin").time_limit(2).run()?;
            ran.status(TIMED_OUT)?;
            ran.check(ran.said.contains("time ran out"), "the runner says why")
        }));
        trials.push(boot(arch, "qemu_refuses", |boot| {
            let ran = boot
                .faults("return=0")
                .qemu(&["-device", "no-such-device"])
                .run()?;
            ran.status(NO_VERDICT)
        }));
    }
    trials
}

fn named(name: &str, test: impl FnOnce() -> Outcome + Send + 'static) -> Trial {
    Trial::test(format!("t0_runner::{name}"), move || {
        test().map_err(Into::into)
    })
}

fn boot(arch: Arch, name: &str, test: impl FnOnce(Boot) -> Outcome + Send + 'static) -> Trial {
    let name = format!("{}::t0_runner::{name}", arch.name());
    let boot = Boot::new(arch, &name);
    Trial::test(name, move || test(boot).map_err(Into::into))
}

/// Calls the script as a person does.
fn script(arguments: &[&str]) -> Result<Output, String> {
    let output = Place::find().script().args(arguments).output();
    output.map_err(|error| format!("qemu-run.sh does not start: {error}"))
}

fn ended_with(output: &Output, wanted: i32) -> Outcome {
    if output.status.code() == Some(wanted) {
        return Ok(());
    }
    Err(format!("exit status {wanted} is wanted: {output:?}"))
}

fn says(output: &[u8], text: &str) -> Outcome {
    let output = String::from_utf8_lossy(output);
    if output.contains(text) {
        return Ok(());
    }
    Err(format!("'{text}' is missing in:\n{output}"))
}

fn help() -> Outcome {
    for argument in ["--help", "-h", "help"] {
        let output = script(&[argument])?;
        ended_with(&output, 0)?;
        for text in OPTIONS.into_iter().chain(["Exit status", "setup", "clean"]) {
            says(&output.stdout, text)?;
        }
    }
    Ok(())
}

fn other_machine() -> Outcome {
    for arch in Arch::ALL {
        let init = Place::find().program(arch.other(), "faults");
        let init = init.to_string_lossy();
        let output = script(&["--arch", arch.name(), "--init", &init])?;
        ended_with(&output, BAD_INPUT)?;
        says(&output.stderr, &format!("{} is wanted", arch.name()))?;
    }
    Ok(())
}

/// Boots through the script, with a folder as boot archive: exit status and console pass through.
fn script_boots(boot: Boot) -> Outcome {
    let folder = boot.file("bootfs");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    fs::copy(
        boot.place().program(boot.arch, "faults"),
        folder.join("init"),
    )
    .map_err(|error| error.to_string())?;
    let folder = folder.to_string_lossy();
    let arch = boot.arch.name();
    let output = script(&[
        "--no-build",
        "--arch",
        arch,
        "--bootfs",
        &folder,
        "--append",
        "return=42",
    ])?;
    ended_with(&output, 42)?;
    says(&output.stdout, "jacinth ")?;
    says(&output.stderr, "init returned 42")
}
