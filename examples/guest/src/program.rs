//! The guest's first program, for a processor whose only instruction is a list entry: a system call
//! with its arguments, room for its answer, and the address of the next entry.

use jacinth_abi::SYSCALLS;
use jacinth_kernel::boot::{Program, Segment};
use jacinth_kernel::hal::MmuFlags;
use jacinth_kernel::{PAGE_SIZE, VirtAddr};

/// Bytes of an instruction: number, eight arguments, answer, next.
pub const INSTRUCTION_BYTES: u64 = 88;
/// Where in an instruction the answer goes.
pub const ANSWER: u64 = 72;
/// Where in an instruction the next one is named.
pub const NEXT: u64 = 80;
/// A first argument that stands for the four bytes at [`HELD_AT`].
pub const HELD: u64 = u64::MAX;
/// Where the program keeps a handle.
pub const HELD_AT: u64 = BASE + 1024;
/// What the program exits with.
pub const CODE: i64 = 42;
/// What it says.
pub const TEXT: &str = "a guest says hello, by way of a VMO\n";
/// Until when it sleeps, in ns.
pub const WAKE_AT: i64 = 20_000_000;

/// Where the program is in memory.
const BASE: u64 = 0x40_0000;
/// Where in its page the text is, and where it is read back to.
const TEXT_AT: u64 = 2048;
const COPY_AT: u64 = 3072;

/// The program's only page.
#[derive(Debug)]
pub struct Image(Vec<u8>);

fn number(name: &str) -> u64 {
    let row = SYSCALLS.iter().find(|row| row.name == name);
    row.expect("the name is in the table").number
}

/// The program: sleep, make a VMO, write a text into it, read it back, print it, leave.
#[must_use]
pub fn image() -> Image {
    let len = TEXT.len() as u64;
    let calls: [(&str, [u64; 4]); 6] = [
        ("nanosleep", [WAKE_AT.cast_unsigned(), 0, 0, 0]),
        ("vmo_create", [PAGE_SIZE, 0, HELD_AT, 0]),
        ("vmo_write", [HELD, BASE + TEXT_AT, 0, len]),
        ("vmo_read", [HELD, BASE + COPY_AT, 0, len]),
        ("debug_write", [BASE + COPY_AT, len, 0, 0]),
        ("process_exit", [CODE.cast_unsigned(), 0, 0, 0]),
    ];
    let mut page = Vec::new();
    for (index, (name, args)) in (0..).zip(calls) {
        let next = BASE + (index + 1) * INSTRUCTION_BYTES;
        let words = [number(name)].into_iter().chain(args);
        let words = words.chain([0; 4]).chain([0, next]);
        words.for_each(|word: u64| page.extend(word.to_le_bytes()));
    }
    page.resize(usize::try_from(TEXT_AT).expect("less than a page"), 0);
    page.extend(TEXT.as_bytes());
    Image(page)
}

impl Image {
    /// The page as the kernel is to load it. Instructions are data here: answers go into them.
    #[must_use]
    pub fn segment(&self) -> Segment<'_> {
        Segment {
            at: VirtAddr::new(BASE),
            mem_bytes: PAGE_SIZE,
            file: &self.0,
            flags: MmuFlags::READ | MmuFlags::WRITE,
        }
    }
}

/// The program with its segments.
#[must_use]
pub const fn program<'a>(segments: &'a [Segment<'a>]) -> Program<'a> {
    Program {
        name: "hello",
        segments,
        entry: VirtAddr::new(BASE),
    }
}
