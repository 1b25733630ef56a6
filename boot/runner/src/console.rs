//! The guest's serial console on its way to the user: live, with names next to addresses.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::symbols::{Owner, Symbols, TraceLine};

/// Where the guest's bytes go.
pub(crate) struct Console<'symbols> {
    output: Option<io::Stdout>,
    log: Option<File>,
    describe: Box<dyn FnMut(TraceLine<'_>) -> Option<String> + 'symbols>,
    /// The line so far, while it may still become a line with an address; else how it began.
    line: Vec<u8>,
    is_held: bool,
    in_trace: bool,
    has_output: bool,
}

impl<'symbols> Console<'symbols> {
    /// Makes a console that writes to standard output and, if wished, to a log file.
    ///
    /// `describe` gives the text to append to a line with an address.
    pub(crate) fn new(
        log: Option<File>,
        describe: impl FnMut(TraceLine<'_>) -> Option<String> + 'symbols,
    ) -> Self {
        Self {
            output: Some(io::stdout()),
            log,
            describe: Box::new(describe),
            line: Vec::new(),
            is_held: true,
            in_trace: false,
            has_output: false,
        }
    }

    /// Has the guest said anything at all?
    pub(crate) fn has_output(&self) -> bool {
        self.has_output
    }

    /// Takes what the guest sent.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.has_output |= !bytes.is_empty();
        let ready = self.filter(bytes);
        self.write(&ready);
    }

    /// Ends the last line if the guest did not.
    pub(crate) fn finish(&mut self) {
        if !self.line.is_empty() {
            let ready = self.filter(b"\n");
            self.write(&ready);
        }
    }

    /// Drops carriage returns, holds back the beginnings of lines with an address, completes such lines.
    fn filter(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut ready = Vec::with_capacity(bytes.len());
        for &byte in bytes.iter().filter(|byte| **byte != b'\r') {
            if byte == b'\n' {
                if self.is_held {
                    ready.append(&mut self.completed());
                }
                ready.push(byte);
                self.line.clear();
                self.is_held = true;
                continue;
            }
            self.line.push(byte);
            if !self.is_held {
                self.line.truncate(1);
                ready.push(byte);
            } else if !TraceLine::may_begin(&self.line) {
                self.is_held = false;
                self.in_trace = false;
                ready.extend_from_slice(&self.line);
            }
        }
        ready
    }

    /// The held line with its names.
    fn completed(&mut self) -> Vec<u8> {
        let mut line = std::mem::take(&mut self.line);
        let trace = str::from_utf8(&line).ok().and_then(TraceLine::parse);
        // All but the first are addresses to return to.
        let was_in_trace = std::mem::replace(&mut self.in_trace, trace.is_some());
        let trace = trace.map(|trace| if was_in_trace { trace.before() } else { trace });
        if let Some(text) = trace.and_then(|trace| (self.describe)(trace)) {
            line.extend_from_slice(text.as_bytes());
        }
        line
    }

    /// Writes to both ends; one that does not take it any more is left alone from then on.
    fn write(&mut self, bytes: &[u8]) {
        if let Some(output) = &mut self.output
            && output
                .write_all(bytes)
                .and_then(|()| output.flush())
                .is_err()
        {
            self.output = None;
        }
        if let Some(log) = &mut self.log
            && log.write_all(bytes).is_err()
        {
            self.log = None;
        }
    }
}

/// The names in the programs that run, each read when the first address of it turns up.
pub(crate) struct Names<'path> {
    kernel: Lazy<'path>,
    init: Lazy<'path>,
    /// Other programs by the names of their processes.
    others: Vec<(&'path str, Lazy<'path>)>,
}

enum Lazy<'path> {
    Unread(Option<&'path Path>),
    Read(Option<Symbols>),
}

impl<'path> Names<'path> {
    /// Names from these ELF files.
    pub(crate) fn new(
        kernel: &'path Path,
        init: Option<&'path Path>,
        others: &'path [(&str, PathBuf)],
    ) -> Self {
        let others = others.iter();
        let others = others.map(|(name, path)| (*name, Lazy::Unread(Some(path.as_path()))));
        Self {
            kernel: Lazy::Unread(Some(kernel)),
            init: Lazy::Unread(init),
            others: others.collect(),
        }
    }

    /// Describes the address in a line.
    pub(crate) fn describe(&mut self, trace: TraceLine<'_>) -> Option<String> {
        let names = match trace.owner {
            Owner::Kernel => &mut self.kernel,
            Owner::Init => &mut self.init,
            Owner::Process(name) => {
                let mut others = self.others.iter_mut();
                &mut others.find(|(known, _)| *known == name)?.1
            }
        };
        if let Lazy::Unread(path) = names {
            *names = Lazy::Read(path.and_then(Symbols::read));
        }
        match names {
            Lazy::Read(Some(symbols)) => symbols.describe(trace),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(pieces: &[&str]) -> String {
        let mut console = Console::new(None, |trace: TraceLine<'_>| {
            Some(format!(" at {:x}", trace.address))
        });
        let mut text = Vec::new();
        for piece in pieces {
            text.extend(console.filter(piece.as_bytes()));
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn text_passes_at_once_and_unchanged() {
        assert_eq!(through(&["hel"]), "hel");
        assert_eq!(
            through(&["one\r\ntw", "o\n  three\n\n"]),
            "one\ntwo\n  three\n\n"
        );
    }

    #[test]
    fn addresses_get_their_names_however_they_arrive() {
        assert_eq!(through(&["  kernel 0x10\n"]), "  kernel 0x10 at 10\n");
        assert_eq!(
            through(&["x\n  ker", "nel 0x1", "0\r\ny"]),
            "x\n  kernel 0x10 at 10\ny"
        );
        assert_eq!(through(&["  kernel 0x1"]), "");
        assert_eq!(
            through(&["  kernel 0x10 is odd\n"]),
            "  kernel 0x10 is odd\n"
        );
    }

    #[test]
    fn callers_are_looked_up_where_they_call() {
        let text = through(&["  kernel 0x10\n  kernel 0x20\nx\n  user 0x30\n"]);
        assert_eq!(
            text,
            "  kernel 0x10 at 10\n  kernel 0x20 at 1f\nx\n  user 0x30 at 30\n"
        );
    }
}
