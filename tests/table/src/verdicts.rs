//! What scenarios answered, on disk.

use conformance::rows;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// How a line of a file ends when the scenario passed.
const OK: &str = " ok";
/// How it ends otherwise.
const FAILED: &str = " FAILED";

/// Where scenarios run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Machine {
    /// The simulated machine with x86_64's page tables.
    SimX86_64,
    /// The simulated machine with aarch64's page tables.
    SimAarch64,
    /// A kernel booted in QEMU on one processor.
    QemuX86_64,
    /// A kernel booted in QEMU on one processor.
    QemuAarch64,
    /// A kernel booted in QEMU on several processors.
    SmpX86_64,
    /// A kernel booted in QEMU on several processors.
    SmpAarch64,
}

impl Machine {
    /// All of them, in the order of the page's columns.
    pub const ALL: [Self; 6] = [
        Self::SimX86_64,
        Self::SimAarch64,
        Self::QemuX86_64,
        Self::QemuAarch64,
        Self::SmpX86_64,
        Self::SmpAarch64,
    ];

    /// The name of its column.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SimX86_64 => "Sim x86_64",
            Self::SimAarch64 => "Sim aarch64",
            Self::QemuX86_64 => "QEMU x86_64",
            Self::QemuAarch64 => "QEMU aarch64",
            Self::SmpX86_64 => "QEMU x86_64 SMP",
            Self::SmpAarch64 => "QEMU aarch64 SMP",
        }
    }

    /// Whether a row can be shown there.
    #[must_use]
    pub fn has(self, row: &str) -> bool {
        match self {
            Self::SimX86_64 | Self::QemuX86_64 | Self::SmpX86_64 => {
                !rows::ONLY_AARCH64.contains(&row)
            }
            Self::SimAarch64 | Self::QemuAarch64 | Self::SmpAarch64 => {
                !rows::ONLY_X86_64.contains(&row)
            }
        }
    }

    /// How its files' names begin.
    fn stem(self) -> String {
        self.name().replace(' ', "-").to_lowercase()
    }
}

/// The folder for verdicts, given cargo's target folder.
#[must_use]
pub fn folder(target: &Path) -> PathBuf {
    target.join("jacinth/conformance")
}

/// Writes down what each scenario answered in one run; `part` tells runs on one machine apart.
///
/// # Errors
/// When the file cannot be written.
pub fn record<'a>(
    folder: &Path,
    machine: Machine,
    part: &str,
    verdicts: impl Iterator<Item = (&'a str, bool)>,
) -> io::Result<()> {
    let lines = verdicts.map(|(name, has_passed)| {
        let verdict = if has_passed { OK } else { FAILED };
        format!("{name}{verdict}\n")
    });
    fs::create_dir_all(folder)?;
    let file = format!("{}.{part}.txt", machine.stem());
    fs::write(folder.join(file), lines.collect::<String>())
}

/// What scenarios answered on each machine; one that failed in any run has failed.
#[derive(Clone, Debug, Default)]
pub struct Verdicts(BTreeMap<Machine, BTreeMap<String, bool>>);

impl Verdicts {
    /// Reads what was recorded.
    ///
    /// # Errors
    /// When a file cannot be read. A folder that is not there holds none.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut verdicts = Self::default();
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(verdicts),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_of = |machine: &Machine| name.starts_with(&format!("{}.", machine.stem()));
            if let Some(machine) = Machine::ALL.into_iter().find(is_of) {
                verdicts.add(machine, &fs::read_to_string(&path)?);
            }
        }
        Ok(verdicts)
    }

    /// Adds the lines of one run.
    pub fn add(&mut self, machine: Machine, lines: &str) {
        let of_machine = self.0.entry(machine).or_default();
        for line in lines.lines() {
            let Some((name, verdict)) = line.split_once(' ') else {
                continue;
            };
            let has_passed = verdict == OK.trim_start();
            *of_machine.entry(name.to_owned()).or_insert(true) &= has_passed;
        }
    }

    /// Whether a scenario passed in every run on the machine, if there was one.
    #[must_use]
    pub fn of(&self, machine: Machine, scenario: &str) -> Option<bool> {
        self.0.get(&machine)?.get(scenario).copied()
    }

    /// The machines on which nothing ran.
    pub fn missing(&self) -> impl Iterator<Item = Machine> {
        let all = Machine::ALL.into_iter();
        all.filter(|machine| !self.0.contains_key(machine))
    }
}

#[cfg(test)]
mod tests {
    use super::{Machine, Verdicts};

    #[test]
    fn one_failure_among_runs_is_a_failure() {
        let mut verdicts = Verdicts::default();
        verdicts.add(Machine::SimAarch64, "one ok\ntwo ok\n");
        verdicts.add(Machine::SimAarch64, "one FAILED\ntwo ok\n");
        verdicts.add(Machine::SimAarch64, "one ok\n");
        assert_eq!(verdicts.of(Machine::SimAarch64, "one"), Some(false));
        assert_eq!(verdicts.of(Machine::SimAarch64, "two"), Some(true));
        assert_eq!(verdicts.of(Machine::SimAarch64, "three"), None);
        assert_eq!(verdicts.of(Machine::SimX86_64, "one"), None);
        assert_eq!(verdicts.missing().count(), Machine::ALL.len() - 1);
    }
}
