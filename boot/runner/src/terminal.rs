//! The runner's own words, on standard error: coloured on a terminal, plain elsewhere.

use std::env;
use std::io::{self, IsTerminal};

/// What kind of news a line brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// All is well.
    Good,
    /// Something failed.
    Bad,
}

/// Prints a line that is neither good nor bad.
pub(crate) fn note(text: &str) {
    eprintln!("{} {text}", paint("2", "qemu-run:"));
}

/// Prints a verdict.
pub(crate) fn verdict(mood: Mood, text: &str) {
    let colour = match mood {
        Mood::Good => "1;32",
        Mood::Bad => "1;31",
    };
    eprintln!("{} {}", paint("2", "qemu-run:"), paint(colour, text));
}

/// Wraps a text in an escape sequence where those are welcome (see no-color.org).
fn paint(code: &str, text: &str) -> String {
    let is_welcome =
        io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if is_welcome {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}
