//! Compares `docs/conformance.md` with what scenarios answered just now, or writes it anew.
//!
//! `jacinth-tests-table TARGET_FOLDER PAGE [--partial]`; with `JACINTH_BLESS=1` the page is written.
//! `--partial` says that not everything was run: without the verdicts of a machine there is then
//! nothing to compare, which is a failure otherwise. It never makes a page of some machines alone.

use jacinth_tests_table::{Machine, Verdicts, folder, lost, page};
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

/// How many lines that differ are shown.
const SHOWN: usize = 10;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let answer = match &words[..] {
        [target, page] => judge(Path::new(target), Path::new(page), Runs::All),
        [target, page, word] if word == "--partial" => {
            judge(Path::new(target), Path::new(page), Runs::Some)
        }
        _ => Err("usage: jacinth-tests-table TARGET_FOLDER PAGE [--partial]".into()),
    };
    match answer {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// What was run before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    All,
    Some,
}

/// Answers what is to be said.
fn judge(target: &Path, path: &Path, runs: Runs) -> Result<String, String> {
    let verdicts = Verdicts::read(&folder(target)).map_err(|error| error.to_string())?;
    let missing: Vec<&str> = verdicts.missing().map(Machine::name).collect();
    if !missing.is_empty() {
        let text = format!("no verdicts of: {}", missing.join(", "));
        return match runs {
            Runs::Some => Ok(format!("the table of conformance is not compared: {text}")),
            Runs::All => Err(text),
        };
    }
    let new = page(&verdicts);
    let old = fs::read_to_string(path).unwrap_or_default();
    if new == old {
        return Ok("the table of conformance is up to date".into());
    }
    if env::var_os("JACINTH_BLESS").is_some() {
        fs::write(path, &new).map_err(|error| format!("{}: {error}", path.display()))?;
        return Ok(format!("wrote {}", path.display()));
    }
    Err(difference(&old, &new))
}

/// What is lost, and the first lines that differ.
fn difference(old: &str, new: &str) -> String {
    let mut text = String::new();
    for line in lost(old, new) {
        text += &format!("{line} and does not any more\n");
    }
    let without = |one: &str, other: &str, sign: char| -> Vec<String> {
        let known: Vec<&str> = other.lines().collect();
        let lines = one.lines().filter(|line| !known.contains(line));
        lines.map(|line| format!("{sign} {line}\n")).collect()
    };
    let changes = [without(old, new, '-'), without(new, old, '+')].concat();
    text += &changes[..changes.len().min(SHOWN)].concat();
    if changes.len() > SHOWN {
        text += "…\n";
    }
    text + "docs/conformance.md is stale: JACINTH_BLESS=1 ./qemu-run.sh test writes it anew"
}
