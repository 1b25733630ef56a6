//! How a scenario says what must hold: each check answers where it stood and what it got.

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Debug};
use core::panic::Location;
use jacinth_abi::Status;

/// What went wrong, and where.
#[derive(Clone, Debug)]
pub struct Failure {
    place: &'static Location<'static>,
    what: String,
}

impl Failure {
    /// Says in which of several cases it was.
    pub(crate) fn in_case(self, name: &str) -> Self {
        let what = format!("{name}: {}", self.what);
        Self { what, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.place.file();
        let name = file.rsplit('/').next().unwrap_or(file);
        write!(f, "{} ({name}:{})", self.what, self.place.line())
    }
}

/// What a scenario answers.
pub type Outcome = Result<(), Failure>;

/// Fails with a text.
///
/// # Errors
/// Always.
#[track_caller]
pub(crate) fn fail<T>(what: impl Into<String>) -> Result<T, Failure> {
    Err(Failure {
        place: Location::caller(),
        what: what.into(),
    })
}

/// The value of a call that must succeed.
///
/// # Errors
/// When it did not.
#[track_caller]
pub(crate) fn ok<T>(result: Result<T, Status>) -> Result<T, Failure> {
    match result {
        Ok(value) => Ok(value),
        Err(status) => fail(format!("expected OK, got {status}")),
    }
}

/// Checks that a call failed, and how.
///
/// # Errors
/// When it succeeded, or failed otherwise.
#[track_caller]
pub(crate) fn fails<T>(result: Result<T, Status>, expected: Status) -> Outcome {
    match result {
        Err(status) if status == expected => Ok(()),
        Err(status) => fail(format!("expected {expected}, got {status}")),
        Ok(_) => fail(format!("expected {expected}, got OK")),
    }
}

/// Checks that two values are equal.
///
/// # Errors
/// When they are not.
#[track_caller]
pub(crate) fn same<T: PartialEq + Debug>(got: T, expected: T) -> Outcome {
    if got == expected {
        Ok(())
    } else {
        fail(format!("expected {expected:x?}, got {got:x?}"))
    }
}

/// Checks that something holds.
///
/// # Errors
/// When it does not.
#[track_caller]
pub(crate) fn holds(is_so: bool, what: &str) -> Outcome {
    if is_so {
        Ok(())
    } else {
        fail(format!("does not hold: {what}"))
    }
}
