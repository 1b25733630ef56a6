//! A call of a sequence, in words that mean something in any world.

use jacinth_abi::SYSCALLS;
use std::fmt;

/// Where a handle or an address came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The process had it from the start: `PA_*`.
    Given(u32),
    /// This call of the sequence made it.
    Call(usize),
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A number.
    Word(u64),
    /// A handle.
    Handle(Origin),
    /// An address, so many bytes behind one that the kernel told.
    Address(Origin, u64),
    /// A buffer that the kernel reads.
    In(Vec<u8>),
    /// A buffer that the kernel reads: handles, or other numbers.
    Handles(Vec<Arg>),
    /// A buffer that the kernel writes, of so many bytes.
    Out(usize),
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The number.
    pub number: u64,
    /// The arguments in the table's order.
    pub args: Vec<Arg>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(what) => write!(f, "given:{what:#x}"),
            Self::Call(index) => write!(f, "call {index}"),
        }
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "{word:#x}"),
            Self::Handle(origin) => write!(f, "<handle of {origin}>"),
            Self::Address(origin, offset) => write!(f, "<address of {origin}>+{offset:#x}"),
            Self::In(bytes) if bytes.len() <= 16 => write!(f, "&{bytes:02x?}"),
            Self::In(bytes) => write!(f, "&[{} bytes]", bytes.len()),
            Self::Handles(args) => {
                write!(f, "&[")?;
                args.iter().try_for_each(|arg| write!(f, "{arg} "))?;
                write!(f, "]")
            }
            Self::Out(bytes) => write!(f, "&mut [{bytes} bytes]"),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = SYSCALLS.iter().find(|row| row.number == self.number);
        let (name, names) = row.map_or(("?", [].as_slice()), |row| (row.name, row.arguments));
        write!(f, "{name}(")?;
        for (index, arg) in self.args.iter().enumerate() {
            let name = names.get(index).map_or("?", |(name, _)| *name);
            write!(f, "{}{name}: {arg}", if index == 0 { "" } else { ", " })?;
        }
        write!(f, ")")
    }
}
