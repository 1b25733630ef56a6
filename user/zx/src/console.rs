//! Text on the kernel's console.

use core::fmt::{self, Write};

use crate::sys;

/// How much text goes to the kernel in one call, in bytes.
const LINE: usize = 256;

/// Collects text and hands it to the kernel a line at a time.
struct Lines {
    bytes: [u8; LINE],
    len: usize,
}

impl Lines {
    fn flush(&mut self) {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        // A console that fails has nowhere to say so.
        sys::debug_write(sys::Input::Here(bytes)).ok();
        self.len = 0;
    }
}

impl Write for Lines {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = byte;
                self.len += 1;
            }
            if byte == b'\n' || self.len == LINE {
                self.flush();
            }
        }
        Ok(())
    }
}

/// Prints text; [`print!`](crate::print) and [`println!`](crate::println) end here.
pub fn print(text: fmt::Arguments<'_>) {
    let mut lines = Lines {
        bytes: [0; LINE],
        len: 0,
    };
    // Only a broken `Display` fails; what it printed until then is shown.
    lines.write_fmt(text).ok();
    if lines.len > 0 {
        lines.flush();
    }
}

/// Prints to the kernel's console.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => {
        $crate::console::print(::core::format_args!($($argument)*))
    };
}

/// Prints a line to the kernel's console.
#[macro_export]
macro_rules! println {
    () => {
        $crate::print!("\n")
    };
    ($($argument:tt)*) => {
        $crate::console::print(::core::format_args!("{}\n", ::core::format_args!($($argument)*)))
    };
}
