//! The flattened device tree, as the kernel hands it to the first process.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use dtoolkit::Node;
use dtoolkit::fdt::{Fdt, FdtNode};
use dtoolkit::standard::{NodeStandard, Status};

use crate::pci::Window;

/// The kind of space in the first cell of a PCI address (IEEE 1275 PCI binding 2.1, section 2.2.1.1).
const PCI_SPACE: u32 = 0x0300_0000;
/// Memory with 32-bit addresses.
const PCI_MEMORY_32: u32 = 0x0200_0000;
/// Memory with 64-bit addresses.
const PCI_MEMORY_64: u32 = 0x0300_0000;

/// A device tree.
#[derive(Clone, Debug)]
pub struct DeviceTree(Vec<u8>);

/// A device that the tree describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its node's name.
    pub name: String,
    /// Its register ranges as the bus sees them: first address and length in bytes.
    pub ranges: Vec<(u64, u64)>,
}

impl DeviceTree {
    /// Takes the bytes that the kernel handed over; `None` when they are no device tree.
    #[must_use]
    pub fn new(mut bytes: Vec<u8>) -> Option<Self> {
        let size = bytes.get(4..8)?.try_into().ok().map(u32::from_be_bytes)?;
        bytes.truncate(usize::try_from(size).ok()?);
        Fdt::new(&bytes).ok()?;
        Some(Self(bytes))
    }

    /// Every device that is compatible with one of `names` and may be used, in the tree's order.
    #[must_use]
    pub fn compatible(&self, names: &[&str]) -> Vec<Device> {
        let mut found = Vec::new();
        let Ok(tree) = Fdt::new(&self.0) else {
            return found;
        };
        visit(tree.root(), &mut |node| {
            // A disabled one may be there for the secure world only, or not at all.
            let is_usable = node.status() == Ok(Status::Okay);
            if is_usable && names.iter().any(|name| node.is_compatible(name)) {
                found.push(device(node));
            }
        });
        found
    }

    /// The memory that the first PCI host bridge compatible with `name` passes on to its bus.
    #[must_use]
    pub fn pci_windows(&self, name: &str) -> Vec<Window> {
        let mut found = Vec::new();
        let Ok(tree) = Fdt::new(&self.0) else {
            return found;
        };
        visit(tree.root(), &mut |node| {
            let is_usable = node.status() == Ok(Status::Okay);
            if is_usable && node.is_compatible(name) && found.is_empty() {
                found = windows(node);
            }
        });
        found
    }

    /// The ranges of ordinary memory: first address and length in bytes.
    #[must_use]
    pub fn memory(&self) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        let Ok(tree) = Fdt::new(&self.0) else {
            return found;
        };
        for node in tree.root().children() {
            if node.name_without_address() == "memory" {
                found.extend(device(node).ranges);
            }
        }
        found
    }
}

/// Shows a node and all below it to `see`; trees are a few levels deep.
fn visit<'a>(node: FdtNode<'a>, see: &mut dyn FnMut(FdtNode<'a>)) {
    see(node);
    for child in node.children() {
        visit(child, see);
    }
}

fn device(node: FdtNode<'_>) -> Device {
    let registers = node.reg().ok().flatten();
    let ranges = registers.into_iter().flatten();
    let ranges = ranges.filter_map(|range| {
        let address = range.address::<u64>().ok()?;
        Some((address, range.size::<u64>().ok()?))
    });
    Device {
        name: node.name().to_string(),
        ranges: ranges.collect(),
    }
}

/// The memory ranges of a host bridge: a PCI address is three cells, the first says what it is in.
fn windows(node: FdtNode<'_>) -> Vec<Window> {
    let ranges = node.ranges().ok().flatten().into_iter().flatten();
    let ranges = ranges.filter_map(|range| {
        let pci = range.child_bus_address::<u128>().ok()?;
        let space = u32::try_from(pci >> 64).ok()? & PCI_SPACE;
        let bus = u64::try_from(pci & u128::from(u64::MAX)).ok()?;
        let physical = range.parent_bus_address::<u64>().ok()?;
        let bytes = range.length::<u64>().ok()?;
        let is_memory = space == PCI_MEMORY_32 || space == PCI_MEMORY_64;
        is_memory.then(|| Window::new(bus, physical, bytes))
    });
    ranges.collect()
}
