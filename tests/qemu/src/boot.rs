//! One boot: how it is started, and what it left.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::{Arch, Place};

/// How many lines of a log a failure shows.
const TAIL: usize = 30;
/// How many seconds a boot may take, unless a test says more.
const TIME_LIMIT: u32 = 60;

/// A boot to be.
#[derive(Debug)]
pub struct Boot {
    /// The architecture.
    pub arch: Arch,
    place: Place,
    /// Where its logs are, without their endings.
    stem: PathBuf,
    command: &'static str,
    arguments: Vec<String>,
    qemu_arguments: Vec<String>,
    time_limit: u32,
    is_noisy: bool,
}

/// What a boot left.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The exit status of the whole.
    pub status: Option<i32>,
    /// What came out of the serial console, with the runner's names next to addresses.
    pub console: String,
    /// What the runner itself said.
    pub said: String,
    /// When it began.
    pub began: SystemTime,
    /// How long it took.
    pub took: Duration,
    log: PathBuf,
}

impl Boot {
    /// A boot with logs of the given name, which is unique.
    #[must_use]
    pub fn new(arch: Arch, name: &str) -> Self {
        let place = Place::find();
        let stem = place.scratch().join(name.replace("::", "-"));
        Self {
            arch,
            place,
            stem,
            command: "run",
            arguments: Vec::new(),
            qemu_arguments: Vec::new(),
            time_limit: TIME_LIMIT,
            is_noisy: false,
        }
    }

    /// Where things are.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// The path of a file that belongs to this boot.
    #[must_use]
    pub fn file(&self, ending: &str) -> PathBuf {
        self.stem.with_extension(ending)
    }

    /// Gives another command of `qemu-run.sh` than `run`.
    #[must_use]
    pub fn command(mut self, command: &'static str) -> Self {
        self.command = command;
        self
    }

    /// Adds an option of `qemu-run.sh` with its value.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl Into<String>) -> Self {
        self.arguments.extend([name.into(), value.into()]);
        self
    }

    /// Boots the program that does wrong things, with a word for it.
    #[must_use]
    pub fn faults(self, word: &str) -> Self {
        self.option("--program", "faults").option("--append", word)
    }

    /// Adds words to QEMU's command line.
    #[must_use]
    pub fn qemu(mut self, words: &[&str]) -> Self {
        self.qemu_arguments
            .extend(words.iter().map(|word| (*word).into()));
        self
    }

    /// Gives it other than the usual time, in seconds.
    #[must_use]
    pub fn time_limit(mut self, seconds: u32) -> Self {
        self.time_limit = seconds;
        self
    }

    /// Lets QEMU complain: the guest is to do something wrong that QEMU sees.
    #[must_use]
    pub fn noisy(mut self) -> Self {
        self.is_noisy = true;
        self
    }

    /// Boots and waits for the end.
    ///
    /// # Errors
    /// When it cannot be started, or QEMU complained about the guest.
    pub fn run(self) -> Result<Ran, String> {
        let (log, qemu_log) = (self.file("log"), self.file("qemu.log"));
        fs::create_dir_all(self.place.scratch()).map_err(|error| error.to_string())?;
        for file in [&log, &qemu_log] {
            // It need not exist; a boot that does not come so far must not show an old one.
            fs::remove_file(file).ok();
        }
        let mut command = self.place.runner();
        command.args([self.command, "--no-build", "--arch", self.arch.name()]);
        command.args(["--timeout", &self.time_limit.to_string()]);
        command.arg("--log").arg(&log);
        command.arg("--qemu-log").arg(&qemu_log);
        command.args(&self.arguments);
        if !self.qemu_arguments.is_empty() {
            command.arg("--").args(&self.qemu_arguments);
        }
        let ran = start(command, log)?;
        let complaints = fs::read_to_string(&qemu_log).unwrap_or_default();
        if !self.is_noisy && !complaints.is_empty() {
            return Err(ran.failure(&format!(
                "QEMU saw the guest do something wrong:\n{}",
                tail(&complaints)
            )));
        }
        Ok(ran)
    }
}

fn start(mut command: Command, log: PathBuf) -> Result<Ran, String> {
    let began = SystemTime::now();
    let output = command.output();
    let output = output.map_err(|error| format!("{command:?} does not start: {error}"))?;
    // An error means a clock that was set back, with which nothing can be measured.
    let took = began.elapsed().unwrap_or_default();
    let console = fs::read(&log).unwrap_or_default();
    Ok(Ran {
        status: output.status.code(),
        console: String::from_utf8_lossy(&console).into_owned(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
        began,
        took,
        log,
    })
}

impl Ran {
    /// The text of a failure: what is wrong, and the end of the logs.
    #[must_use]
    pub fn failure(&self, what: &str) -> String {
        let Self {
            status,
            console,
            said,
            log,
            ..
        } = self;
        let status = status.map_or_else(|| "none".into(), |status| status.to_string());
        format!(
            "{what}\nexit status {status}\n--- runner\n{}\n--- end of {}\n{}",
            tail(said),
            log.display(),
            tail(console),
        )
    }

    /// Checks a fact.
    ///
    /// # Errors
    /// The failure's text, when it is not so.
    pub fn check(&self, is_so: bool, what: &str) -> Result<(), String> {
        if is_so {
            Ok(())
        } else {
            Err(self.failure(what))
        }
    }

    /// Checks the exit status.
    ///
    /// # Errors
    /// The failure's text, when it is another one.
    pub fn status(&self, wanted: u8) -> Result<(), String> {
        let is_so = self.status == Some(wanted.into());
        self.check(is_so, &format!("exit status {wanted} is wanted"))
    }

    /// Checks that a text came out of the console.
    ///
    /// # Errors
    /// The failure's text, when it did not.
    pub fn says(&self, text: &str) -> Result<(), String> {
        let is_so = self.console.contains(text);
        self.check(is_so, &format!("not on the console: {text}"))
    }

    /// What follows a prefix, on all lines that have it.
    pub fn lines_after<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.console
            .lines()
            .filter_map(move |line| line.strip_prefix(prefix))
    }

    /// What follows a prefix, on the only line that has it.
    ///
    /// # Errors
    /// The failure's text, when there is none, or more than one.
    pub fn line_after(&self, prefix: &str) -> Result<&str, String> {
        let mut found = self
            .console
            .lines()
            .filter_map(|line| line.strip_prefix(prefix));
        match (found.next(), found.next()) {
            (Some(rest), None) => Ok(rest),
            (None, _) => Err(self.failure(&format!("no line begins with: {prefix}"))),
            _ => Err(self.failure(&format!("several lines begin with: {prefix}"))),
        }
    }
}

/// The last lines of a text.
fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let skipped = lines.len().saturating_sub(TAIL);
    lines[skipped..].join("\n")
}
