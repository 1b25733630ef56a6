//! Addresses on a bus, and what they are for the CPU.

use dtoolkit::fdt::FdtNode;
use jacinth_kernel::PhysRun;

use super::words::{Words, property, take_number};
use crate::runs::outward;

/// Cells of a PCI address: flags, then 64 bits.
const PCI_ADDRESS_CELLS: usize = 3;
/// The most entries of one `reg` or `ranges` that are looked at.
const MAX_ENTRIES: usize = 64;

/// How the children of a node are addressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bus<'p> {
    address_cells: usize,
    size_cells: usize,
    /// The bus that the node itself is on; `None` for the root, whose addresses are the CPU's.
    parent: Option<&'p Bus<'p>>,
    /// How addresses go over to the parent; `None` when they do not.
    ranges: Option<Words<'p>>,
}

impl<'p> Bus<'p> {
    /// The bus of the root node's children.
    pub(super) fn root(node: &FdtNode<'p>) -> Self {
        Self::new(node, None, None)
    }

    /// The bus of `node`'s children, `node` being on this bus.
    pub(super) fn below(&'p self, node: &FdtNode<'p>) -> Self {
        Self::new(node, Some(self), property(node, "ranges"))
    }

    fn new(node: &FdtNode<'p>, parent: Option<&'p Bus<'p>>, ranges: Option<Words<'p>>) -> Self {
        let cells = |name, default| {
            let number = property(node, name).and_then(Words::number);
            number
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or(default)
        };
        let (address_cells, size_cells) = (cells("#address-cells", 2), cells("#size-cells", 1));
        Self {
            address_cells,
            size_cells,
            parent,
            ranges,
        }
    }

    /// The registers of a node on this bus as the CPU sees them: start and size in bytes. Those
    /// that the CPU cannot reach are left out.
    pub(super) fn reg<'s>(&'s self, node: &FdtNode<'s>) -> impl Iterator<Item = (u64, u64)> + 's {
        let mut cells = property(node, "reg")
            .unwrap_or(Words::EMPTY)
            .cells()
            .peekable();
        let entries = core::iter::from_fn(move || {
            cells.peek()?;
            let start = take_number(&mut cells, self.address_cells);
            Some((start, take_number(&mut cells, self.size_cells)))
        });
        entries.take(MAX_ENTRIES).filter_map(|(start, bytes)| {
            let (start, bytes) = (start?, bytes?);
            (bytes > 0).then_some((self.cpu_address(start, bytes)?, bytes))
        })
    }

    /// The windows of a PCI host on this bus through which the CPU reaches its devices.
    pub(super) fn pci_windows<'s>(
        &'s self,
        host: &FdtNode<'s>,
    ) -> impl Iterator<Item = (PhysRun, &'static str)> + 's {
        let size_cells = Bus::new(host, None, None).size_cells;
        let mut cells = property(host, "ranges").unwrap_or(Words::EMPTY).cells();
        let entries = core::iter::from_fn(move || {
            let flags = cells.next()?;
            let _on_pci = take_number(&mut cells, PCI_ADDRESS_CELLS - 1)?;
            let start = take_number(&mut cells, self.address_cells)?;
            Some((flags, start, take_number(&mut cells, size_cells)?))
        });
        entries
            .take(MAX_ENTRIES)
            .filter_map(|(flags, start, bytes)| {
                // PCI Bus Binding to Open Firmware, section 2.2.1.1: the space code.
                let name = match (flags >> 24) & 0b11 {
                    0b01 => "pci i/o",
                    0b10 => "pci memory",
                    0b11 => "pci memory 64-bit",
                    _ => return None,
                };
                Some((outward(self.cpu_address(start, bytes)?, bytes), name))
            })
    }

    /// What a range on this bus is for the CPU, if it is all in one window.
    fn cpu_address(&self, start: u64, bytes: u64) -> Option<u64> {
        let Some(parent) = self.parent else {
            start.checked_add(bytes)?;
            return Some(start);
        };
        let mut cells = self.ranges?.cells().peekable();
        if cells.peek().is_none() {
            return parent.cpu_address(start, bytes);
        }
        for _ in 0..MAX_ENTRIES {
            cells.peek()?;
            let child = take_number(&mut cells, self.address_cells);
            let above = take_number(&mut cells, parent.address_cells);
            let length = take_number(&mut cells, self.size_cells);
            let (Some(child), Some(above), Some(length)) = (child, above, length) else {
                continue;
            };
            if let Some(offset) = start.checked_sub(child)
                && offset.checked_add(bytes)? <= length
            {
                return parent.cpu_address(above.checked_add(offset)?, bytes);
            }
        }
        None
    }
}
