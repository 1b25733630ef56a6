//! What the tour prints, and the count of its checks.

use core::fmt::{self, Display};

use zx::{Status, println};

/// How wide the column of names is.
const NAMES: usize = 34;
/// How wide the column of values is.
const VALUES: usize = 26;

/// The checks so far.
pub(crate) struct Report {
    passed: u32,
    failed: u32,
}

/// A number that is shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) u64);

impl Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl Report {
    pub(crate) const fn new() -> Self {
        Self {
            passed: 0,
            failed: 0,
        }
    }

    /// Runs a step; one that cannot go on counts as a failed check.
    pub(crate) fn run(&mut self, step: impl FnOnce(&mut Self) -> Result<(), Status>) {
        if let Err(status) = step(self) {
            self.failed += 1;
            println!("   FAILED: the step ended early: {status}");
        }
    }

    /// Prints the heading of a step.
    pub(crate) fn heading(&self, number: u32, text: fmt::Arguments<'_>) {
        println!("\n{number}. {text}");
    }

    /// Prints something that is not checked.
    pub(crate) fn note(&self, name: &str, value: impl Display) {
        println!("   {name:NAMES$} {value}");
    }

    /// Prints a value and whether it is as it should be.
    pub(crate) fn check(&mut self, name: &str, value: impl Display, is_right: bool) {
        let verdict = if is_right { "ok" } else { "FAILED" };
        self.count(is_right);
        // Numbers would go to the right.
        let value = alloc::format!("{value}");
        println!("   {name:NAMES$} {value:VALUES$} {verdict}");
    }

    /// Prints a value and whether it is the one expected.
    pub(crate) fn equal<T: Display + PartialEq>(&mut self, name: &str, got: T, expected: T) {
        let is_right = got == expected;
        self.count(is_right);
        let got = alloc::format!("{got}");
        if is_right {
            println!("   {name:NAMES$} {got:VALUES$} ok");
        } else {
            println!("   {name:NAMES$} {got:VALUES$} FAILED: {expected} was expected");
        }
    }

    /// Prints the head of a table of errors.
    pub(crate) fn table(&self) {
        println!("   {:52} {:17} got", "call", "expected");
    }

    /// Prints a call's answer and whether it is the one expected.
    pub(crate) fn status(
        &mut self,
        call: &str,
        expected: Result<(), Status>,
        got: Result<(), Status>,
    ) {
        self.equal(call, name(got), name(expected));
    }

    /// Prints a row of the table of errors.
    pub(crate) fn error(
        &mut self,
        call: &str,
        expected: Result<(), Status>,
        got: Result<(), Status>,
    ) {
        let is_right = got == expected;
        self.count(is_right);
        let verdict = if is_right { "ok" } else { "FAILED" };
        println!(
            "   {call:52} {:17} {:17} {verdict}",
            name(expected),
            name(got)
        );
    }

    fn count(&mut self, is_right: bool) {
        *(if is_right {
            &mut self.passed
        } else {
            &mut self.failed
        }) += 1;
    }

    /// Prints the last line; true when nothing failed.
    pub(crate) fn end(&self) -> bool {
        let Self { passed, failed } = *self;
        if failed == 0 {
            println!("\ntour: {passed} checks passed");
        } else {
            println!("\ntour: {passed} passed, {failed} failed");
        }
        failed == 0
    }
}

/// How a call's answer looks in a table.
fn name(answer: Result<(), Status>) -> alloc::string::String {
    match answer {
        Ok(()) => "OK".into(),
        Err(status) => alloc::format!("{status}"),
    }
}
