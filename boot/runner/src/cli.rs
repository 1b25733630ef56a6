//! Reads the command line into [`Options`]; a mistake is answered with what was probably meant.

use std::ffi::OsString;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::arch::Arch;
use crate::failure::Failure;
use crate::options::{Accel, Building, Command, Debugger, Options, Profile};

/// The text of `--help`.
pub(crate) const HELP: &str = include_str!("help.txt");

/// Every long option, for suggestions.
const OPTIONS: [&str; 20] = [
    "--accel",
    "--append",
    "--arch",
    "--archive",
    "--bootfs",
    "--cpu",
    "--cpus",
    "--debug",
    "--gdb",
    "--help",
    "--init",
    "--kernel",
    "--log",
    "--machine",
    "--mem",
    "--no-build",
    "--program",
    "--qemu-log",
    "--release",
    "--timeout",
];

/// Reads the arguments after the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Options, Failure> {
    let mut own: Vec<OsString> = arguments.into_iter().collect();
    let mut options = Options::default();
    if let Some(position) = own.iter().position(|argument| argument == "--") {
        options.qemu_args = own.split_off(position).split_off(1);
    }
    let mut parser = Parser::from_args(own);
    let mut has_command = false;
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Arg::Value(value) => {
                let value = value.string().map_err(usage)?;
                if has_command {
                    return Err(Failure::usage(format!("unexpected argument '{value}'")));
                }
                has_command = true;
                command(&mut options, &mut parser, &value)?;
            }
            Arg::Long(name) => {
                let name = name.to_owned();
                option(&mut options, &mut parser, &name)?;
            }
            Arg::Short('h') => options.command = Command::Help,
            Arg::Short(letter) => return Err(unknown(&format!("-{letter}"), &OPTIONS)),
        }
        if options.command == Command::Help {
            return Ok(options);
        }
    }
    check(&options)?;
    Ok(options)
}

fn command(options: &mut Options, parser: &mut Parser, name: &str) -> Result<(), Failure> {
    if name == "boot" {
        // Cargo's runner (.cargo/config.toml) calls with the program that it built.
        let program = parser.value().map_err(usage)?;
        boot(options, program.into());
    } else if name == "help" {
        options.command = Command::Help;
    } else if let Some((_, command)) = Command::NAMES.iter().find(|(known, _)| *known == name) {
        options.command = *command;
    } else {
        return Err(unknown(name, &Command::NAMES.map(|(known, _)| known)));
    }
    Ok(())
}

/// Boots a program that cargo built: the kernel with the tour, or anything else as init.
fn boot(options: &mut Options, program: std::path::PathBuf) {
    let target = program.display().to_string();
    options.arch = Arch::ALL
        .into_iter()
        .find(|arch| target.contains(&format!("{}-unknown", arch.name())));
    if program
        .file_name()
        .is_some_and(|name| name == crate::cargo::KERNEL)
    {
        options.kernel = Some(program);
    } else {
        options.init = Some(program);
    }
}

fn option(options: &mut Options, parser: &mut Parser, name: &str) -> Result<(), Failure> {
    match name {
        "help" => options.command = Command::Help,
        "arch" => {
            let arch = one_of(parser, name, &Arch::ALL.map(|arch| (arch.name(), arch)))?;
            options.arch = Some(arch);
        }
        "cpus" => options.cpus = number(parser, name, 1, 255)?,
        "mem" => options.memory = Some(memory(&text(parser, name)?)?),
        "accel" => {
            let names = [
                ("tcg", Accel::Tcg),
                ("kvm", Accel::Kvm),
                ("auto", Accel::Auto),
            ];
            options.accel = one_of(parser, name, &names)?;
        }
        "timeout" => {
            let seconds = number(parser, name, 0, 1_000_000)?;
            options.timeout = Some(Duration::from_secs(seconds.into()));
        }
        "init" => options.init = Some(file(parser, name)?.into()),
        "bootfs" => options.bootfs = Some(file(parser, name)?.into()),
        "archive" => options.archive = Some(file(parser, name)?.into()),
        "kernel" => options.kernel = Some(file(parser, name)?.into()),
        "log" => options.log = Some(file(parser, name)?.into()),
        "qemu-log" => options.qemu_log = Some(file(parser, name)?.into()),
        "program" => options.program = Some(text(parser, name)?),
        "machine" => options.machine = Some(text(parser, name)?),
        "cpu" => options.cpu = Some(text(parser, name)?),
        "append" => options.append = Some(text(parser, name)?),
        "gdb" => options.debugger = Debugger::Gdb,
        "release" => options.profile = Profile::Release,
        "debug" => options.profile = Profile::Debug,
        "no-build" => options.building = Building::Skip,
        _ => return Err(unknown(&format!("--{name}"), &OPTIONS)),
    }
    Ok(())
}

/// Refuses options that contradict each other.
fn check(options: &Options) -> Result<(), Failure> {
    let conflicts = [
        (
            options.init.is_some() && options.program.is_some(),
            "--init",
            "--program",
        ),
        (
            options.archive.is_some() && options.init.is_some(),
            "--archive",
            "--init",
        ),
        (
            options.archive.is_some() && options.program.is_some(),
            "--archive",
            "--program",
        ),
        (
            options.archive.is_some() && options.bootfs.is_some(),
            "--archive",
            "--bootfs",
        ),
    ];
    match conflicts.iter().find(|(conflict, ..)| *conflict) {
        Some((_, one, other)) => Err(Failure::usage(format!(
            "{one} and {other} exclude each other"
        ))),
        None => Ok(()),
    }
}

fn file(parser: &mut Parser, name: &str) -> Result<OsString, Failure> {
    match parser.value() {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => Err(Failure::usage(format!("--{name} needs a value"))),
    }
}

fn text(parser: &mut Parser, name: &str) -> Result<String, Failure> {
    file(parser, name)?.string().map_err(usage)
}

fn number(parser: &mut Parser, name: &str, least: u32, most: u32) -> Result<u32, Failure> {
    let value = text(parser, name)?;
    match u32::from_str(&value) {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(Failure::usage(format!(
            "--{name} {value}: a number from {least} to {most} is wanted"
        ))),
    }
}

/// Checks a memory size: digits and perhaps a unit, as QEMU's `-m` takes it.
fn memory(value: &str) -> Result<String, Failure> {
    let digits = value
        .strip_suffix(['K', 'M', 'G', 'T', 'k', 'm', 'g', 't'])
        .unwrap_or(value);
    match u64::from_str(digits) {
        Ok(1..) => Ok(value.to_owned()),
        _ => Err(Failure::usage(format!(
            "--mem {value}: a size such as 64M or 6G is wanted"
        ))),
    }
}

fn one_of<T: Copy>(parser: &mut Parser, name: &str, choices: &[(&str, T)]) -> Result<T, Failure> {
    let value = text(parser, name)?;
    let found = choices.iter().find(|(choice, _)| *choice == value);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
        Failure::usage(format!(
            "--{name} {value}: one of {} is wanted",
            names.join(", ")
        ))
    })
}

fn usage(error: lexopt::Error) -> Failure {
    Failure::usage(error.to_string())
}

fn unknown(given: &str, known: &[&str]) -> Failure {
    let nearest = known.iter().min_by_key(|name| distance(given, name));
    let suggestion = nearest.filter(|name| distance(given, name) <= 3.min(name.len() / 2 + 1));
    Failure::usage(match suggestion {
        Some(name) => format!(
            "unknown argument '{given}', did you mean '{name}'? (./qemu-run.sh --help lists all)"
        ),
        None => format!("unknown argument '{given}' (./qemu-run.sh --help lists all)"),
    })
}

/// The number of letters to insert, remove or replace to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, other_letter) in other.chars().enumerate() {
            let replaced = diagonal + usize::from(letter != other_letter);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Options, Failure> {
        parse(arguments.iter().map(OsString::from))
    }

    fn complaint(arguments: &[&str]) -> String {
        let failure = read(arguments).unwrap_err();
        assert_eq!(failure.status, 64);
        failure.text
    }

    #[test]
    fn nothing_means_run() {
        assert_eq!(read(&[]).unwrap(), Options::default());
    }

    #[test]
    fn everything_is_understood() {
        let options = read(&[
            "run",
            "--arch=aarch64",
            "--cpus",
            "4",
            "--mem",
            "6G",
            "--accel",
            "auto",
            "--init",
            "a.elf",
            "--bootfs",
            "dir",
            "--gdb",
            "--debug",
            "--timeout",
            "5",
            "--machine",
            "virt",
            "--log",
            "x",
            "--",
            "-device",
            "--edu",
        ]);
        let options = options.unwrap();
        assert_eq!(options.arch, Some(Arch::Aarch64));
        assert_eq!((options.cpus, options.memory.as_deref()), (4, Some("6G")));
        assert_eq!(options.accel, Accel::Auto);
        assert_eq!(options.init, Some("a.elf".into()));
        assert_eq!(
            (options.debugger, options.profile),
            (Debugger::Gdb, Profile::Debug)
        );
        assert_eq!(options.timeout, Some(Duration::from_secs(5)));
        assert_eq!(options.qemu_args, ["-device", "--edu"]);
        assert!(!options.is_tour());
    }

    #[test]
    fn a_timeout_of_zero_is_none() {
        assert_eq!(read(&["--timeout", "0"]).unwrap().time_limit(), None);
    }

    #[test]
    fn typing_errors_get_a_suggestion() {
        assert!(complaint(&["--cpu5", "2"]).contains("'--cpu'"));
        assert!(complaint(&["--timout", "2"]).contains("'--timeout'"));
        assert!(complaint(&["tset"]).contains("'test'"));
        assert!(!complaint(&["--frobnicate"]).contains("did you mean"));
    }

    #[test]
    fn wrong_values_are_named() {
        assert!(complaint(&["--arch", "riscv"]).contains("x86_64, aarch64"));
        assert!(complaint(&["--cpus", "0"]).contains("1 to 255"));
        assert!(complaint(&["--mem", "lots"]).contains("64M"));
        assert!(complaint(&["--mem", "0"]).contains("64M"));
        assert!(complaint(&["--init"]).contains("needs a value"));
        assert!(complaint(&["--timeout", "-3"]).contains("--timeout"));
        assert!(complaint(&["run", "test"]).contains("'test'"));
        assert!(complaint(&["--init", "a", "--program", "b"]).contains("exclude"));
    }

    #[test]
    fn help_wins_and_names_every_option() {
        assert_eq!(
            read(&["--help", "--nonsense"]).unwrap().command,
            Command::Help
        );
        for option in OPTIONS {
            assert!(HELP.contains(option), "{option} is not in the help");
        }
    }

    #[test]
    fn cargo_run_names_the_kernel_or_an_init() {
        let options = read(&["boot", "target/x86_64-unknown-none/debug/jacinth-boot"]).unwrap();
        assert_eq!(options.arch, Some(Arch::X86_64));
        assert!(options.kernel.is_some() && options.init.is_none());
        let options = read(&["boot", "target/aarch64-unknown-none/debug/tour"]).unwrap();
        assert_eq!(options.arch, Some(Arch::Aarch64));
        assert!(options.init.is_some() && options.kernel.is_none());
    }
}
