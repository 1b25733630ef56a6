//! A program that is a list of system calls: the smallest thing that a new process can run.
//!
//! Its code needs no relocation and no stack. The list is memory of the process: whoever made the
//! process writes it, and reads the answers there. Tests use it for processes that do one thing.

use jacinth_abi::SYSCALLS;

use crate::{Region, seam};

/// One call of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The number, which need not exist.
    pub number: u64,
    /// The arguments. [`Step::GIFT`] in the first place stands for the handle that the process was
    /// started with.
    pub args: [u64; 8],
    /// The step that comes next, by its place in the list.
    pub next: u64,
}

impl Step {
    /// Stands for the handle that the process was started with.
    pub const GIFT: u64 = u64::MAX;
    /// Bytes that a step takes.
    pub const BYTES: u64 = 88;
    /// Where in a step its answer goes.
    const ANSWER: u64 = 72;
    const NEXT: u64 = 80;

    /// A call by its name, after which the list goes on with step `next`.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    pub fn call(name: &str, args: &[u64], next: u64) -> Self {
        let row = SYSCALLS.iter().find(|row| row.name == name);
        let mut all = [0; 8];
        all.iter_mut().zip(args).for_each(|(to, from)| *to = *from);
        Self {
            number: row.expect("the names are the table's").number,
            args: all,
            next,
        }
    }

    /// Writes it as step `index` of a list that begins at the start of `list` here, and at `base`
    /// in the process that runs it.
    pub fn put(&self, list: &Region, base: u64, index: u64) {
        let at = index * Self::BYTES;
        list.write64(at, self.number);
        for (arg, offset) in self.args.iter().zip((8..).step_by(8)) {
            list.write64(at + offset, *arg);
        }
        list.write64(at + Self::NEXT, base + self.next * Self::BYTES);
    }

    /// Writes an answer that step `index` has before it is made.
    pub fn preset(list: &Region, index: u64, answer: i64) {
        list.write64(index * Self::BYTES + Self::ANSWER, answer.cast_unsigned());
    }

    /// What step `index` of a list answered last.
    #[must_use]
    pub fn answer(list: &Region, index: u64) -> i64 {
        list.read64(index * Self::BYTES + Self::ANSWER)
            .cast_signed()
    }
}

/// The program's code.
#[must_use]
pub fn code() -> &'static [u8] {
    seam::script()
}

/// The second argument that the program's thread must be given, for a list at `base`.
#[must_use]
pub fn word(base: u64) -> u64 {
    seam::script_word(base)
}

/// What the code does, for machines that cannot run it.
#[cfg(not(target_os = "none"))]
pub(crate) fn run(gift: u64, base: u64) -> ! {
    use crate::seam::Width;
    let load = |at| seam::load(at, Width::Bits64);
    let mut at = base;
    loop {
        let mut args = [0; 8];
        for (arg, offset) in args.iter_mut().zip((8..).step_by(8)) {
            *arg = load(at + offset);
        }
        if args[0] == Step::GIFT {
            args[0] = gift;
        }
        // SAFETY: the call concerns the simulated process that this thread plays, where no Rust
        // object lives.
        let answer = unsafe { crate::raw::any(load(at), args) };
        seam::store(at + Step::ANSWER, Width::Bits64, answer.cast_unsigned());
        at = load(at + Step::NEXT);
    }
}
