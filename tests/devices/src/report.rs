//! The count of checks; only those that fail are printed.

use core::fmt;

use zx::{Status, println};

/// The checks so far.
#[derive(Default)]
pub(crate) struct Report {
    passed: u32,
    failed: u32,
}

impl Report {
    /// Counts a check of a value that was read.
    pub(crate) fn equal(&mut self, what: fmt::Arguments<'_>, got: u64, wanted: u64) {
        if got == wanted {
            self.passed += 1;
        } else {
            self.failed += 1;
            println!("FAILED: {what}: {got:#x}, {wanted:#x} was expected");
        }
    }

    /// Counts a check of a call's answer.
    pub(crate) fn answer(&mut self, what: &str, got: Option<Status>, wanted: Status) {
        if got == Some(wanted) {
            self.passed += 1;
        } else {
            self.failed += 1;
            println!("FAILED: {what}: {got:?}, {wanted} was expected");
        }
    }

    /// Counts what could not go on.
    pub(crate) fn ended_early(&mut self, status: Status) {
        self.failed += 1;
        println!("FAILED: ended early: {status}");
    }

    /// Prints the last line; true when nothing failed.
    pub(crate) fn end(&self) -> bool {
        let Self { passed, failed } = *self;
        if failed == 0 {
            println!("devices: {passed} checks passed");
        } else {
            println!("devices: {passed} passed, {failed} failed");
        }
        failed == 0
    }
}
