//! What is passed as an argument: by its type and name something that might do, or something that
//! no caller in its right mind would pass.

use zx::abi::{Rights, Topic};

use crate::puppet::{CODE, DATA, DATA_BYTES, FLICKER, LIST, NOTHING, PAGE, READ_ONLY};
use crate::random::Random;

use super::pool::Pool;

/// What kind of thing an argument is, by its type in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A handle's value.
    Handle,
    /// The address of memory that is read or written.
    Pointer,
    /// A number of 32 bits, in a register of 64.
    Word32,
    /// A number of 64 bits.
    Word64,
    /// A signed one: a time, mostly.
    Signed,
}

impl Kind {
    /// The kind of a type of the table.
    ///
    /// # Panics
    /// When the table has a type that nobody told here.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "Handle" => Self::Handle,
            "u32" | "i32" => Self::Word32,
            "u64" | "Koid" => Self::Word64,
            "i64" => Self::Signed,
            pointer if pointer.starts_with("In") || pointer.starts_with("Out") => Self::Pointer,
            other => panic!("a type of argument that nobody knows to misuse: {other}"),
        }
    }

    /// How many bad values there are.
    pub(super) const fn bad_values(self) -> usize {
        match self {
            Self::Handle => 12,
            Self::Pointer => POINTERS.len(),
            Self::Word32 => WORDS_32.len(),
            Self::Word64 => WORDS_64.len(),
            Self::Signed => SIGNED.len(),
        }
    }

    /// A bad value.
    pub(super) fn bad(self, which: usize, pool: &Pool, random: &mut Random) -> u64 {
        match self {
            Self::Handle => bad_handle(which, pool, random),
            Self::Pointer => POINTERS[which],
            Self::Word32 => WORDS_32[which],
            Self::Word64 => WORDS_64[which],
            Self::Signed => SIGNED[which].cast_unsigned(),
        }
    }
}

/// Where the kernel's half begins, and where its image is on both architectures.
const KERNEL: u64 = 0xffff_8000_0000_0000;
const KERNEL_IMAGE: u64 = 0xffff_ffff_8000_0000;

const POINTERS: [u64; 22] = [
    0,
    1,
    PAGE - 1,
    KERNEL,
    KERNEL_IMAGE,
    KERNEL_IMAGE + 0x10_0000,
    u64::MAX,
    u64::MAX - 7,
    !(PAGE - 1),
    // Not canonical on x86_64, beyond the user's part on aarch64.
    0x0000_8000_0000_0000,
    0x0001_2345_0000_0000,
    0x8000_0000_0000_0000,
    // The last bytes that a user may have, and the first that none may.
    0x0000_7fff_ffff_effc,
    0x0000_7fff_ffff_f000,
    0x0000_ffff_ff00_0000,
    NOTHING,
    READ_ONLY,
    CODE,
    DATA + DATA_BYTES - 1,
    DATA + DATA_BYTES - 4,
    DATA + DATA_BYTES,
    DATA + 1,
];

const WORDS_32: [u64; 13] = [
    0,
    1,
    2,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_fffe,
    0xffff_ffff,
    // A register has more bits than the argument.
    0x1_0000_0000,
    0x1_0000_0001,
    u64::MAX,
    0x1000,
    0x1_0000,
];

const WORDS_64: [u64; 20] = [
    0,
    1,
    PAGE - 1,
    PAGE + 1,
    0x7fff_ffff,
    0xffff_ffff,
    0x1_0000_0000,
    0x0000_7fff_ffff_f000,
    0x0000_8000_0000_0000,
    0x0000_ffff_ff00_0000,
    0x0001_0000_0000_0000,
    KERNEL,
    KERNEL_IMAGE,
    0x7fff_ffff_ffff_f000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0x8000_0000_0000_1000,
    !(PAGE - 1),
    u64::MAX - 1,
    u64::MAX,
];

const SIGNED: [i64; 9] = [
    0,
    1,
    -1,
    i64::MIN,
    i64::MIN + 1,
    i64::MAX,
    i64::MAX - 1,
    0x1_0000_0000,
    -0x1_0000_0000,
];

fn bad_handle(which: usize, pool: &Pool, random: &mut Random) -> u64 {
    let good = u64::from(pool.any(random));
    match which {
        0 => 0,
        1 => u64::from(u32::MAX),
        2 => pool.closed().into(),
        // A handle's two low bits are set; the others are index, generation and a secret.
        3 => good & !3,
        4 => good ^ 4,
        5 => good ^ 0x8000_0000,
        6 => good ^ (1 << (2 + random.below(30))),
        7 => random.next() & 0xffff_ffff,
        8 => good | 1 << 32,
        9 => u64::MAX,
        // Of any type.
        _ => good,
    }
}

/// Something that might do for an argument of a call.
pub(super) fn plausible(
    call: &str,
    (name, kind): (&str, &str),
    pool: &Pool,
    random: &mut Random,
) -> u64 {
    match Kind::of(kind) {
        Kind::Handle if random.one_in(8) => pool.any(random).into(),
        Kind::Handle => pool.for_argument(call, name, random).into(),
        Kind::Pointer => pointer(random),
        Kind::Signed => *random.pick(&[0, 0, 1, 1_000_000]),
        Kind::Word32 => word_32(call, name, random),
        Kind::Word64 => word_64(name, random),
    }
}

/// The address of memory that may be read and written.
pub(super) fn pointer(random: &mut Random) -> u64 {
    DATA + random.below(DATA_BYTES / 64) * 64
}

fn word_32(call: &str, name: &str, random: &mut Random) -> u64 {
    match name {
        "topic" if call != "job_set_policy" => random.pick(Topic::ALL).0.0.into(),
        "rights" => u64::from(*random.pick(&[Rights::SAME_RIGHTS, 0, 1, 0xf])),
        // Permissions of a mapping, with the other options now and then.
        "options" if call.starts_with("vmar_") => {
            3 | if random.one_in(3) { flag(random) } else { 0 }
        }
        "op" => random.below(24),
        "property" => random.below(32),
        _ if is_size(name) => *random.pick(&[0, 1, 2, 8, 16]),
        _ => match random.below(8) {
            0..4 => 0,
            4 => 1,
            5 => random.below(16),
            6 => flag(random),
            _ => random.below(0x100),
        },
    }
}

fn word_64(name: &str, random: &mut Random) -> u64 {
    if name == "vaddr" {
        // Not where the puppet has its list, which it would follow.
        return *random.pick(&[FLICKER, DATA, NOTHING, READ_ONLY]);
    }
    let is_address = ["addr", "entry", "stack"]
        .iter()
        .any(|part| name.contains(part));
    if is_address {
        return *random.pick(&[FLICKER, DATA, NOTHING, READ_ONLY, LIST, CODE]);
    }
    if is_size(name) {
        return *random.pick(&[0, 1, 4, 8, 16, 48, 64, 256, PAGE, 2 * PAGE, 16 * PAGE]);
    }
    match random.below(6) {
        0..3 => 0,
        3 => random.below(8),
        4 => random.below(8) * PAGE,
        _ => random.below(0x2000),
    }
}

fn flag(random: &mut Random) -> u64 {
    1 << random.below(32)
}

/// Whether an argument says how much.
fn is_size(name: &str) -> bool {
    ["size", "count", "num", "len"]
        .iter()
        .any(|part| name.contains(part))
}

/// What stands in the memory that calls read: small numbers, handles, addresses.
pub(super) fn content(pool: &Pool, random: &mut Random) -> u64 {
    match random.below(8) {
        0 | 1 => 0,
        2 => u64::from(pool.any(random)),
        3 => u64::from(pool.any(random)) << 32 | u64::from(pool.any(random)),
        4 => pointer(random),
        5 => random.next(),
        6 => flag(random) | flag(random) << 32,
        _ => random.below(64),
    }
}
