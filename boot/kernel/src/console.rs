//! Formatted text for the console, from the first instructions to the last.

use core::fmt::{self, Write as _};

use crate::arch;

/// The console as a formatter's target; takes no lock, so that a panic can always use it.
struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        arch::early_console_write(text.as_bytes());
        Ok(())
    }
}

/// Where boot writes its messages.
pub(crate) fn writer() -> impl fmt::Write {
    Console
}

/// Writes formatted text. A value that fails to format itself is cut off: there is nobody to tell.
pub(crate) fn print(text: fmt::Arguments<'_>) {
    Console.write_fmt(text).ok();
}
