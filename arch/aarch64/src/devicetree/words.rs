//! The values of properties.

use arrayvec::ArrayString;
use dtoolkit::fdt::FdtNode;
use dtoolkit::{Node, Property};

/// A property's value: big-endian 32-bit cells, or text, or bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    /// No value at all.
    pub(super) const EMPTY: Self = Self(&[]);

    /// The cells; a rest of fewer than four bytes does not count.
    pub(super) fn cells(self) -> impl Iterator<Item = u32> + 'a {
        self.0
            .as_chunks::<4>()
            .0
            .iter()
            .map(|cell| u32::from_be_bytes(*cell))
    }

    /// The only number in it, of one or two cells.
    pub(super) fn number(self) -> Option<u64> {
        take_number(&mut self.cells(), self.0.len() / 4)
    }

    /// The strings in it.
    fn texts(self) -> impl Iterator<Item = &'a str> {
        self.0
            .split(|&byte| byte == 0)
            .filter_map(|bytes| core::str::from_utf8(bytes).ok())
    }

    /// Stirs the bytes into a word.
    pub(super) fn fold(self, start: u64) -> u64 {
        // The multiplier of Knuth's MMIX generator: odd, so nothing is lost.
        self.0.iter().fold(start, |word, &byte| {
            (word.rotate_left(8) ^ u64::from(byte)).wrapping_mul(6_364_136_223_846_793_005)
        })
    }
}

/// Takes a number of `count` cells; `None` when it has not one or two, or the cells are at an end.
/// Takes `count` cells in any case.
pub(super) fn take_number(cells: &mut impl Iterator<Item = u32>, count: usize) -> Option<u64> {
    match count {
        1 => cells.next().map(u64::from),
        2 => {
            let (high, low) = (cells.next()?, cells.next()?);
            Some((u64::from(high) << 32) | u64::from(low))
        }
        _ => {
            cells.take(count).for_each(drop);
            None
        }
    }
}

/// Finds a property and lends its value to nobody but `FdtNode`'s own blob.
pub(super) fn property<'a>(node: &FdtNode<'a>, name: &str) -> Option<Words<'a>> {
    let found = node.properties().find(|property| property.name() == name)?;
    found.value_as::<&'a [u8]>().ok().map(Words)
}

/// The first string of a property, cut short where it is too long; empty when there is none.
pub(super) fn text_of<const N: usize>(node: &FdtNode<'_>, name: &str) -> ArrayString<N> {
    let mut short = ArrayString::new();
    let value = property(node, name).unwrap_or(Words::EMPTY);
    for letter in value.texts().next().unwrap_or_default().chars() {
        if short.try_push(letter).is_err() {
            break;
        }
    }
    short
}

/// Whether a property is this string.
pub(super) fn is_text(node: &FdtNode<'_>, name: &str, text: &str) -> bool {
    property(node, name).is_some_and(|value| value.texts().next() == Some(text))
}

/// Whether one of the node's `compatible` names passes.
pub(super) fn is_compatible(node: &FdtNode<'_>, test: impl Fn(&str) -> bool) -> bool {
    property(node, "compatible").is_some_and(|value| value.texts().any(test))
}

/// Whether the node may be used: no `status`, or one that says so.
pub(super) fn is_enabled(node: &FdtNode<'_>) -> bool {
    property(node, "status").is_none_or(|value| matches!(value.texts().next(), Some("okay" | "ok")))
}
