//! System calls whose buffers are the host's: they travel through the program's own stack.

use super::thread::Thread;
use jacinth_kernel::PAGE_SIZE;

/// An argument of a system call, as a program on a host has it.
#[derive(Debug)]
pub enum Argument<'a> {
    /// A register's value; an address of the simulated process among them.
    Word(u64),
    /// Bytes that the kernel reads.
    In(&'a [u8]),
    /// Bytes that the kernel writes; what it does not write stays as it was.
    Out(&'a mut [u8]),
    /// Bytes that the kernel reads, with pointers of 8 bytes in them: the offset of each, and what
    /// it points to.
    Record {
        /// All of it; where the pointers are is overwritten.
        bytes: Vec<u8>,
        /// The pointers.
        parts: Vec<(usize, Argument<'a>)>,
    },
}

/// Just below the stack's first pointer nothing is stored but these buffers.
const MOST_BYTES: u64 = 160 * 1024;
/// Larger than any alignment that a record needs.
const ALIGN: u64 = 64;

impl Argument<'_> {
    fn room(&self) -> u64 {
        match self {
            Self::Word(_) => 0,
            Self::In(bytes) => room(bytes.len()),
            Self::Out(bytes) => room(bytes.len()),
            Self::Record { bytes, parts } => {
                let parts = parts.iter().map(|(_, part)| part.room());
                room(bytes.len()) + parts.sum::<u64>()
            }
        }
    }
}

fn room(len: usize) -> u64 {
    (len as u64).max(1).next_multiple_of(ALIGN)
}

impl Thread {
    /// Makes a system call: copies buffers into the program's memory, traps, copies them back.
    ///
    /// # Panics
    /// When the buffers are larger than the stack can hold.
    pub fn call(&self, number: u64, args: &mut [Argument<'_>]) -> i64 {
        let bytes: u64 = args.iter().map(Argument::room).sum();
        assert!(bytes <= MOST_BYTES, "buffers of {bytes} bytes in one call");
        let mut words = [0; 8];
        let mut at = (self.stack() - bytes) & !(ALIGN - 1);
        for (word, arg) in words.iter_mut().zip(args.iter_mut()) {
            *word = self.place(arg, at);
            at += arg.room();
        }
        let result = self.trap(number, &words);
        for (word, arg) in words.iter().zip(args.iter_mut()) {
            self.bring_back(arg, *word);
        }
        result
    }

    /// Puts an argument's memory into its room at `at`; what goes into the register.
    fn place(&self, arg: &mut Argument<'_>, at: u64) -> u64 {
        match arg {
            Argument::Word(value) => return *value,
            Argument::In(from) => self.put(at, from),
            Argument::Out(from) => self.put(at, from),
            Argument::Record { bytes, parts } => {
                let mut behind = at + room(bytes.len());
                for (offset, part) in parts {
                    let pointer = self.place(part, behind).to_le_bytes();
                    bytes[*offset..][..pointer.len()].copy_from_slice(&pointer);
                    behind += part.room();
                }
                self.put(at, bytes);
            }
        }
        at
    }

    /// Copies out what the kernel may have written to an argument that was placed at `at`.
    fn bring_back(&self, arg: &mut Argument<'_>, at: u64) {
        match arg {
            Argument::Word(_) | Argument::In(_) => {}
            Argument::Out(to) => self.take(at, to),
            Argument::Record { bytes, parts } => {
                let mut behind = at + room(bytes.len());
                for (_, part) in parts {
                    self.bring_back(part, behind);
                    behind += part.room();
                }
            }
        }
    }

    /// Touches the memory that calls with buffers will use, so that it is there.
    pub fn warm_up(&self, bytes: u64) {
        let mut at = self.stack() - bytes.min(MOST_BYTES);
        while at < self.stack() {
            self.put(at, &[0]);
            at += PAGE_SIZE;
        }
    }
}
