//! The runner's own failures: a text for people and an exit status for machines.

use std::fmt::Display;
use std::path::Path;

use jacinth_abi::ExitCode;

/// Exit status when a test or check failed.
pub(crate) const TESTS_FAILED: u8 = 1;
/// Exit status when a file that was named on the command line cannot be used.
pub(crate) const BAD_INPUT: u8 = 66;
/// Exit status when a program that is needed is missing (the script's set-up uses it too).
pub(crate) const UNAVAILABLE: u8 = 69;
/// Exit status when Jacinth does not build.
pub(crate) const BUILD_FAILED: u8 = 70;

/// Why the runner stops before, or instead of, a verdict on the guest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The exit status of the whole run.
    pub(crate) status: u8,
    /// One or more lines for people; empty when the reason was already printed.
    pub(crate) text: String,
}

impl Failure {
    /// Makes a failure from an exit status and a text.
    pub(crate) fn new(status: u8, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, text }
    }

    /// The command line cannot be understood.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage.number(), text)
    }

    /// A file named by the user cannot be used.
    pub(crate) fn input(path: &Path, reason: impl Display) -> Self {
        Self::new(BAD_INPUT, format!("{}: {reason}", path.display()))
    }
}
