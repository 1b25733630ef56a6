//! Gives the bare addresses in the guest's messages a function, a file and a line.
//!
//! Crash reports have one address per line, `  kernel 0x…` or `  user 0x…`, the latter perhaps with
//! its offset in a program that can be loaded anywhere, and the name of another program than `init`:
//! `  user 0x… +0x… in driver`. The guest knows no names of functions: they are in the ELF files
//! here.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};
use addr2line::{Context, demangle_auto};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind, SymbolMap, SymbolMapName};

/// Where the kernel loads a position-independent `init`.
pub(crate) const INIT_BIAS: u64 = 0x40_0000;

/// How far behind a label an address may be to get its name, in bytes.
const LABEL_REACH: u64 = 4096;

type Reader = EndianSlice<'static, LittleEndian>;

/// Who an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'line> {
    /// The kernel.
    Kernel,
    /// The process that runs `init`.
    Init,
    /// A process of this name.
    Process(&'line str),
}

/// A line that holds nothing but an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceLine<'line> {
    /// Whose code it is in.
    pub(crate) owner: Owner<'line>,
    /// The address.
    pub(crate) address: u64,
    /// The same counted from the start of the program, if that is known.
    pub(crate) offset: Option<u64>,
}

const KERNEL_MARK: &str = "  kernel 0x";
const USER_MARK: &str = "  user 0x";

impl<'line> TraceLine<'line> {
    /// Reads a line without its end; `None` when it is any other line.
    pub(crate) fn parse(line: &'line str) -> Option<Self> {
        let (owner, rest) = match line.strip_prefix(KERNEL_MARK) {
            Some(rest) => (Owner::Kernel, rest),
            None => {
                let rest = line.strip_prefix(USER_MARK)?;
                let named = rest.split_once(" in ");
                named.map_or((Owner::Init, rest), |(rest, name)| {
                    (Owner::Process(name), rest)
                })
            }
        };
        let (address, offset) = match rest.split_once(" +0x") {
            Some((address, offset)) => (address, Some(hexadecimal(offset)?)),
            None => (rest, None),
        };
        Some(Self {
            owner,
            address: hexadecimal(address)?,
            offset,
        })
    }

    /// The address in front of this one: an address to return to is behind the call.
    pub(crate) fn before(self) -> Self {
        Self {
            address: self.address.saturating_sub(1),
            offset: self.offset.map(|offset| offset.saturating_sub(1)),
            ..self
        }
    }

    /// Could a line that begins like this still become one?
    pub(crate) fn may_begin(line: &[u8]) -> bool {
        [KERNEL_MARK, USER_MARK].iter().any(|mark| {
            let length = line.len().min(mark.len());
            line[..length] == mark.as_bytes()[..length]
        })
    }
}

/// Reads one to sixteen hexadecimal digits and nothing else.
fn hexadecimal(digits: &str) -> Option<u64> {
    let is_plain =
        (1..=16).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_plain {
        u64::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

/// The names in one ELF file.
pub(crate) struct Symbols {
    map: SymbolMap<SymbolMapName<'static>>,
    lines: Option<Context<Reader>>,
    /// Whether the guest can put the program anywhere.
    is_movable: bool,
}

impl Symbols {
    /// Reads the names of a file; `None` when it has none, which is no reason to stop.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        // The names live as long as the runner, which is as long as one boot.
        let bytes: &'static [u8] = fs::read(path).ok()?.leak();
        let file = object::File::parse(bytes).ok()?;
        let is_movable = file.kind() == object::ObjectKind::Dynamic;
        let section = |id: SectionId| -> Result<Reader, addr2line::gimli::Error> {
            let data = file
                .section_by_name(id.name())
                .and_then(|section| section.data().ok());
            Ok(EndianSlice::new(data.unwrap_or(&[]), LittleEndian))
        };
        let lines = Dwarf::load(section).and_then(Context::from_dwarf).ok();
        let map = SymbolMap::new(
            file.symbols()
                .filter(is_code)
                .filter_map(|symbol| {
                    Some(SymbolMapName::new(
                        symbol.address(),
                        symbol.size(),
                        symbol.name().ok()?,
                    ))
                })
                .collect(),
        );
        Some(Self {
            map,
            lines,
            is_movable,
        })
    }

    /// Describes an address: ` function (file:line)`, or as much of it as is known.
    pub(crate) fn describe(&self, trace: TraceLine<'_>) -> Option<String> {
        let address = match (self.is_movable, trace.offset, trace.owner) {
            (false, ..) => trace.address,
            (true, Some(offset), _) => offset,
            // The kernel puts it at one fixed place.
            (true, None, Owner::Init) => trace.address.checked_sub(INIT_BIAS)?,
            (true, None, _) => return None,
        };
        let mut text = String::new();
        for (function, location) in self.frames(address) {
            if !text.is_empty() {
                text.push_str(", inlined into");
            }
            write!(text, " {function}").ok()?;
            if let Some((file, line)) = location {
                write!(text, " ({}:{line})", shorten(&file)).ok()?;
            }
        }
        (!text.is_empty()).then_some(text)
    }

    /// The functions at an address, the innermost of inlined ones first, with file and line.
    fn frames(&self, address: u64) -> Vec<(String, Option<(String, u32)>)> {
        let mut frames = Vec::new();
        let found = self
            .lines
            .as_ref()
            .map(|lines| lines.find_frames(address).skip_all_loads());
        if let Some(Ok(mut found)) = found {
            while let Ok(Some(frame)) = found.next() {
                let location = frame
                    .location
                    .and_then(|at| Some((at.file?.to_owned(), at.line?)));
                let name = frame
                    .function
                    .and_then(|function| Some(function.demangle().ok()?.into_owned()));
                // Line tables alone know no names of functions that were not inlined.
                let name = name
                    .or_else(|| self.symbol(address))
                    .unwrap_or_else(|| "?".into());
                frames.push((name, location));
            }
        }
        if frames.is_empty() {
            frames.extend(self.symbol(address).map(|name| (name, None)));
        }
        frames
    }

    fn symbol(&self, address: u64) -> Option<String> {
        let symbol = self.map.before(address)?;
        // Far behind the last function is no function; labels in assembly do not say where they end.
        let reach = match symbol.size() {
            0 => LABEL_REACH,
            size => size,
        };
        let is_in_it = address - symbol.address() <= reach;
        is_in_it.then(|| demangle_auto(Cow::Borrowed(symbol.name()), None).into_owned())
    }
}

/// Is this the name of code? Labels in assembly have no type; `$x` and `.L1` are no names.
fn is_code<'data>(symbol: &impl ObjectSymbol<'data>) -> bool {
    match symbol.kind() {
        SymbolKind::Text => true,
        SymbolKind::Unknown | SymbolKind::Label => {
            let is_name = symbol
                .name()
                .is_ok_and(|name| !name.is_empty() && !name.starts_with(['$', '.']));
            is_name && symbol.section_index().is_some()
        }
        _ => false,
    }
}

/// Cuts the path of a file down to what is below the repository, or to its last three parts.
fn shorten(file: &str) -> &str {
    let parts = file.rmatch_indices('/').nth(3);
    parts.map_or(file, |(position, _)| &file[position + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_lines_are_recognised() {
        let line = |owner, address, offset| {
            Some(TraceLine {
                owner,
                address,
                offset,
            })
        };
        assert_eq!(
            TraceLine::parse("  kernel 0xffffffff80001234"),
            line(Owner::Kernel, 0xffff_ffff_8000_1234, None)
        );
        assert_eq!(
            TraceLine::parse("  user 0x401000"),
            line(Owner::Init, 0x40_1000, None)
        );
        assert_eq!(
            TraceLine::parse("  user 0x7f001000 +0x1000"),
            line(Owner::Init, 0x7f00_1000, Some(0x1000))
        );
        assert_eq!(
            TraceLine::parse("  user 0x7f001000 +0x1000 in my driver"),
            line(Owner::Process("my driver"), 0x7f00_1000, Some(0x1000))
        );
        assert_eq!(
            TraceLine::parse("  user 0x201000 in "),
            line(Owner::Process(""), 0x20_1000, None)
        );
    }

    #[test]
    fn addresses_to_return_to_lie_behind_the_call() {
        let trace = TraceLine::parse("  user 0x7f001000 +0x1000 in driver").unwrap();
        let before = trace.before();
        assert_eq!((before.address, before.offset), (0x7f00_0fff, Some(0xfff)));
        assert_eq!(before.owner, trace.owner);
    }

    #[test]
    fn other_lines_are_left_alone() {
        for text in [
            "kernel 0x1000",
            "  kernel 0x",
            "  kernel 0xgg",
            "  kernel 0x10 main",
            "  user 0x1 +0x",
            "  user 0x1 + 0x2",
            "  user 0x12345678901234567",
            "",
            "  kernel 0x+1",
        ] {
            assert_eq!(TraceLine::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_lines_that_may_become_one_are_held_back() {
        for text in ["", " ", "  ", "  k", "  user 0x12"] {
            assert!(TraceLine::may_begin(text.as_bytes()), "{text}");
        }
        for text in ["x", "   ", "  kernel is up", "user 0x12"] {
            assert!(!TraceLine::may_begin(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn an_address_in_this_very_test_has_a_name() {
        let path = std::env::current_exe().unwrap();
        let symbols = Symbols::read(&path).unwrap();
        let name = "an_address_in_this_very_test";
        let bytes = fs::read(&path).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let mut functions = file
            .symbols()
            .filter(|symbol| symbol.name().is_ok_and(|found| found.contains(name)));
        let address = functions.next().unwrap().address();
        let in_image = format!("  user 0x0 +0x{address:x}");
        let of_other = format!("{in_image} in other");
        let bias = if symbols.is_movable { INIT_BIAS } else { 0 };
        let in_memory = format!("  user 0x{:x}", address + bias);
        for line in [in_image, of_other, in_memory] {
            let text = symbols.describe(TraceLine::parse(&line).unwrap()).unwrap();
            assert!(
                text.contains(name) && text.contains("symbols.rs:"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_address_outside_the_program_has_no_name() {
        let symbols = Symbols::read(&std::env::current_exe().unwrap()).unwrap();
        for line in [
            "  user 0x0",
            "  user 0x3c50bedde00",
            "  user 0xffff800000000000",
        ] {
            let trace = TraceLine::parse(line).unwrap();
            assert_eq!(symbols.describe(trace), None, "{line}");
        }
    }

    #[test]
    fn paths_are_cut_to_their_end() {
        assert_eq!(
            shorten("/home/me/jacinth/kernel/src/vmo.rs"),
            "jacinth/kernel/src/vmo.rs"
        );
        assert_eq!(shorten("kernel/src/vmo.rs"), "kernel/src/vmo.rs");
    }
}
