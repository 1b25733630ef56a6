//! What the program and the test that boots it agree on: which bytes of the shared memory the host
//! writes before the boot, and which the guest leaves there.
//!
//! The memory is one file on the host, the BAR of an `ivshmem-plain` device in the guest. In each
//! [`Window`] the host writes [`pattern`] at [`pattern_spots`]; the guest reads it in every round
//! and writes [`reply`] at that round's [`reply_spots`], each of which no other round touches. At
//! the end it replaces the pattern by the reply of round [`LAST_ROUND`].
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]

/// The size of the file, and of the BAR, in bytes.
pub const FILE_BYTES: u64 = 1 << 30;
/// The number of the round that replaces the pattern.
pub const LAST_ROUND: u64 = u64::MAX;

/// A part of the shared memory that is mapped by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first byte in the file.
    pub offset: u64,
    /// Its length in bytes, to which it is aligned.
    pub bytes: u64,
}

impl Window {
    const fn new(offset: u64, bytes: u64) -> Self {
        Self { offset, bytes }
    }
}

/// The windows: one of each size; the largest is all of the file.
pub const WINDOWS: [Window; 4] = [
    Window::new(4 << 10, 4 << 10),
    Window::new(2 << 20, 2 << 20),
    Window::new(64 << 20, 64 << 20),
    Window::new(0, FILE_BYTES),
];

/// The cache policies, by number: `ZX_CACHE_POLICY_*`.
pub const POLICIES: [&str; 4] = ["CACHED", "UNCACHED", "UNCACHED_DEVICE", "WRITE_COMBINING"];

/// A way to come to a mapping of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A VMO over the window, mapped with `MAP_RANGE`.
    Eager,
    /// The same, mapped without: entries come with the first touch.
    Lazy,
    /// A slice of a VMO over all of the memory, with `MAP_RANGE`.
    Slice,
    /// A slice, mapped without.
    LazySlice,
    /// As `LazySlice`; every handle is closed before the first touch.
    Closed,
    /// As `Eager`, unmapped and mapped again between the two halves of the round.
    Again,
    /// Two mappings at the same time: one half of the round through each.
    Twice,
    /// As `Eager`; in between a page in the middle is made read-only and one is unmapped, so that
    /// blocks are split.
    Split,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Eager,
        Self::Lazy,
        Self::Slice,
        Self::LazySlice,
        Self::Closed,
        Self::Again,
        Self::Twice,
        Self::Split,
    ];

    /// Its name in the program's lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::Lazy => "lazy",
            Self::Slice => "slice",
            Self::LazySlice => "lazy-slice",
            Self::Closed => "closed",
            Self::Again => "again",
            Self::Twice => "twice",
            Self::Split => "split",
        }
    }

    /// Does the mapping fill the page tables at once?
    #[must_use]
    pub const fn is_eager(self) -> bool {
        !matches!(self, Self::Lazy | Self::LazySlice | Self::Closed)
    }
}

/// The rounds of every window in their order: number, policy, way.
pub fn rounds() -> impl Iterator<Item = (u64, u32, Way)> {
    let policies = (0..).take(POLICIES.len());
    let pairs = policies.flat_map(|policy| Way::ALL.map(|way| (policy, way)));
    (0..)
        .zip(pairs)
        .map(|(number, (policy, way))| (number, policy, way))
}

/// Where the host writes its pattern in a window, in bytes from its start: first, middle, last.
#[must_use]
pub const fn pattern_spots(window: Window) -> [u64; 3] {
    [0, window.bytes / 2, window.bytes - 8]
}

/// Where the guest writes its replies of a round.
#[must_use]
pub const fn reply_spots(window: Window, round: u64) -> [u64; 3] {
    let further = 8 * (round + 1);
    let [first, middle, last] = pattern_spots(window);
    [first + further, middle + further, last - further]
}

/// What the host writes at a byte of the file.
#[must_use]
pub const fn pattern(at: u64) -> u64 {
    mix(at ^ 0x6A61_6369_6E74_6800)
}

/// What the guest writes at a byte of the file in a round.
#[must_use]
pub const fn reply(at: u64, round: u64) -> u64 {
    mix(at.wrapping_add(mix(round.wrapping_add(1))))
}

/// Spreads every bit of a number over all of another (splitmix64).
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn spots_are_aligned_inside_and_apart() {
        let mut seen = BTreeSet::new();
        for window in WINDOWS {
            assert!(window.offset.is_multiple_of(window.bytes));
            let replies = rounds().flat_map(|(round, ..)| reply_spots(window, round));
            for spot in pattern_spots(window).into_iter().chain(replies) {
                assert!(spot.is_multiple_of(8) && spot + 8 <= window.bytes);
                assert!(seen.insert(window.offset + spot), "{window:?} {spot:#x}");
            }
        }
    }
}
