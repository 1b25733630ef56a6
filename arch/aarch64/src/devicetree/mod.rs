//! What a device tree says about the machine (Devicetree Specification 0.4), as far as the kernel
//! and the physical memory map need it.
//!
//! The tree is firmware's, but it is read as if anyone could have written it: whatever it holds,
//! [`read`] neither panics nor runs for long. Nodes that make no sense are passed over.

mod bus;
mod processors;
mod words;

use arrayvec::{ArrayString, ArrayVec};
use dtoolkit::Node;
use dtoolkit::fdt::{Fdt, FdtNode};
use jacinth_kernel::PhysRun;

use crate::runs::{RunSet, inward, outward};
use bus::Bus;
pub use processors::{Conduit, MAX_CPUS, Psci};
use words::{Words, is_compatible, is_enabled, is_text, property, text_of};

/// The most regions that are told apart.
pub const MAX_REGIONS: usize = 56;
/// How deep nodes may lie: deeper ones are not looked at.
const MAX_DEPTH: usize = 12;
/// The interrupt of the virtual timer unless the tree names another (Arm BSA, PPI 27).
const VIRTUAL_TIMER: u32 = 27;
/// The first private peripheral interrupt.
const FIRST_PPI: u32 = 16;

/// What a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionKind {
    /// Registers, or a window onto a bus.
    Device,
    /// Registers that no user may have: interrupt controllers, IOMMUs, timers, the console.
    KernelDevice,
    /// RAM that firmware keeps.
    Reserved,
    /// RAM that firmware keeps and that nobody may even map (`no-map`).
    Untouchable,
}

/// A physical region and the node that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region<'a> {
    /// Where it is: every page that it touches.
    pub run: PhysRun,
    /// What it is.
    pub kind: RegionKind,
    /// The name of its node.
    pub name: &'a str,
}

/// The interrupt controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gic {
    /// GICv2, or one that behaves so.
    V2 {
        /// The distributor's registers.
        distributor: PhysRun,
        /// The CPU interface's registers.
        cpu_interface: PhysRun,
    },
    /// GICv3 or GICv4.
    V3 {
        /// The distributor's registers.
        distributor: PhysRun,
        /// The redistributors' registers: one or more pieces.
        redistributors: ArrayVec<PhysRun, 4>,
    },
}

/// The machine as its device tree describes it.
#[derive(Clone, Debug)]
pub struct Description<'a> {
    /// What the machine calls itself.
    pub model: ArrayString<32>,
    /// All RAM.
    pub ram: RunSet,
    /// Everything else that has physical addresses.
    pub regions: ArrayVec<Region<'a>, MAX_REGIONS>,
    /// The boot archive: its first byte and its size in bytes.
    pub initrd: Option<(u64, u64)>,
    /// `/chosen/bootargs`.
    pub command_line: ArrayString<256>,
    /// The interrupt controller, if there is one that the kernel knows.
    pub gic: Option<Gic>,
    /// The console: a PL011.
    pub uart: Option<PhysRun>,
    /// The interrupt number of the virtual timer.
    pub timer_irq: u32,
    /// The affinities (MPIDR_EL1) of the CPUs that the firmware's power calls start, or that run.
    pub cpus: ArrayVec<u64, MAX_CPUS>,
    /// How those calls are made.
    pub psci: Option<Psci>,
    /// Random bits from the loader, folded into one word; 0 when there are none.
    pub seed: u64,
}

/// The blob is not a device tree, or does not fit the kernel's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not a well-formed device tree.
    Malformed,
    /// More pieces of RAM than [`RunSet`] holds.
    TooManyRuns,
    /// More regions that the kernel must keep from users than [`MAX_REGIONS`].
    TooManyRegions,
}

/// The size in bytes that the header of a device tree claims, if these are the first bytes of one.
#[must_use]
pub fn size_of_tree(header: [u8; 8]) -> Option<u64> {
    let [magic, size] =
        [[0, 1, 2, 3], [4, 5, 6, 7]].map(|at| u32::from_be_bytes(at.map(|n: usize| header[n])));
    (magic == 0xd00d_feed).then_some(u64::from(size))
}

/// Reads a whole device tree; `blob` is as long as its header says.
///
/// # Errors
/// See [`Unreadable`].
pub fn read(blob: &[u8]) -> Result<Description<'_>, Unreadable> {
    let tree = Fdt::new(blob).map_err(|_| Unreadable::Malformed)?;
    let mut reader = Reader::new(tree);
    for entry in tree.memory_reservations() {
        reader.add(
            outward(entry.address(), entry.size()),
            RegionKind::Reserved,
            "memreserve",
        )?;
    }
    let root = Bus::root(&tree.root());
    for node in tree.root().children() {
        reader.top_level(&node, &root)?;
    }
    Ok(reader.found)
}

struct Reader<'a> {
    found: Description<'a>,
    /// The name of the node that the loader chose as console.
    stdout: ArrayString<64>,
    /// Whether `found.uart` is that node.
    is_chosen: bool,
}

impl<'a> Reader<'a> {
    fn new(tree: Fdt<'a>) -> Self {
        let found = Description {
            model: model(&tree.root()),
            ram: RunSet::default(),
            regions: ArrayVec::new(),
            initrd: None,
            command_line: ArrayString::new(),
            gic: None,
            uart: None,
            timer_irq: VIRTUAL_TIMER,
            cpus: ArrayVec::new(),
            psci: None,
            seed: 0,
        };
        Self {
            found,
            stdout: stdout(tree),
            is_chosen: false,
        }
    }

    fn top_level(&mut self, node: &FdtNode<'a>, root: &Bus<'_>) -> Result<(), Unreadable> {
        match node.name_without_address() {
            "chosen" => self.chosen(node),
            "cpus" => self.found.cpus = processors::cpus(node),
            "psci" => self.found.psci = processors::psci(node),
            "memory" if is_enabled(node) => self.memory(node, root)?,
            "reserved-memory" => self.reserved_memory(node, root)?,
            _ if is_text(node, "device_type", "memory") => {
                if is_enabled(node) {
                    self.memory(node, root)?;
                }
            }
            _ => self.device(node, root, 1)?,
        }
        Ok(())
    }

    fn chosen(&mut self, node: &FdtNode<'_>) {
        let address = |name| property(node, name).and_then(|words| words.number());
        if let (Some(start), Some(end)) =
            (address("linux,initrd-start"), address("linux,initrd-end"))
            && start < end
        {
            self.found.initrd = Some((start, end - start));
        }
        self.found.command_line = text_of(node, "bootargs");
        for name in ["kaslr-seed", "rng-seed"] {
            let bytes = property(node, name).unwrap_or(Words::EMPTY);
            self.found.seed = bytes.fold(self.found.seed);
        }
    }

    fn memory(&mut self, node: &FdtNode<'_>, root: &Bus<'_>) -> Result<(), Unreadable> {
        for (start, bytes) in root.reg(node) {
            self.found
                .ram
                .add(inward(start, bytes))
                .map_err(|_| Unreadable::TooManyRuns)?;
        }
        Ok(())
    }

    fn reserved_memory(&mut self, node: &FdtNode<'a>, root: &Bus<'_>) -> Result<(), Unreadable> {
        let bus = root.below(node);
        for child in node.children().filter(is_enabled) {
            let kind = match property(&child, "no-map") {
                Some(_) => RegionKind::Untouchable,
                None => RegionKind::Reserved,
            };
            for (start, bytes) in bus.reg(&child) {
                self.add(outward(start, bytes), kind, child.name())?;
            }
        }
        Ok(())
    }

    /// Notes a device and everything below it.
    fn device(
        &mut self,
        node: &FdtNode<'a>,
        bus: &Bus<'_>,
        depth: usize,
    ) -> Result<(), Unreadable> {
        let kind = if is_kernels(node) {
            RegionKind::KernelDevice
        } else {
            RegionKind::Device
        };
        // A disabled device is nobody's to use, but a dangerous one stays forbidden.
        if kind == RegionKind::KernelDevice || is_enabled(node) {
            for (start, bytes) in bus.reg(node) {
                self.add(outward(start, bytes), kind, node.name())?;
            }
        }
        if is_enabled(node) {
            self.known_device(node, bus)?;
        }
        if depth < MAX_DEPTH {
            let below = bus.below(node);
            for child in node.children() {
                self.device(&child, &below, depth + 1)?;
            }
        }
        Ok(())
    }

    fn known_device(&mut self, node: &FdtNode<'a>, bus: &Bus<'_>) -> Result<(), Unreadable> {
        if is_compatible(node, |name| name == "arm,pl011") {
            self.uart(node, bus)?;
        } else if is_compatible(node, |name| name.starts_with("arm,armv8-timer")) {
            self.found.timer_irq = virtual_timer(node).unwrap_or(VIRTUAL_TIMER);
        } else if is_text(node, "device_type", "pci") {
            for (run, name) in bus.pci_windows(node) {
                self.add(run, RegionKind::Device, name)?;
            }
        } else if self.found.gic.is_none() {
            self.found.gic = gic(node, bus);
        }
        Ok(())
    }

    /// Takes the UART that the loader chose, or else the first one.
    fn uart(&mut self, node: &FdtNode<'a>, bus: &Bus<'_>) -> Result<(), Unreadable> {
        let is_chosen = node.name() == self.stdout.as_str();
        if let Some((start, bytes)) = bus.reg(node).next()
            && !self.is_chosen
            && (is_chosen || self.found.uart.is_none())
        {
            let run = outward(start, bytes);
            if let Some(before) = self.found.uart.replace(run) {
                self.relabel(before, RegionKind::Device);
            }
            self.is_chosen = is_chosen;
            self.relabel(run, RegionKind::KernelDevice);
        }
        Ok(())
    }

    fn relabel(&mut self, run: PhysRun, kind: RegionKind) {
        for region in self
            .found
            .regions
            .iter_mut()
            .filter(|region| region.run == run)
        {
            region.kind = kind;
        }
    }

    /// Notes a region, together with the one before when they are of one sort and touch: eight of
    /// QEMU's virtio transports share a page.
    fn add(&mut self, run: PhysRun, kind: RegionKind, name: &'a str) -> Result<(), Unreadable> {
        if run.pages == 0 {
            return Ok(());
        }
        let regions = &mut self.found.regions;
        let sort = |name: &'a str| name.split('@').next();
        let same = |other: &&mut Region<'a>| {
            let touches = other.run.base <= run.end() && run.base <= other.run.end();
            touches && other.kind == kind && sort(other.name) == sort(name)
        };
        if let Some(other) = regions.iter_mut().find(same) {
            let base = other.run.base.min(run.base);
            let end = other.run.end().max(run.end());
            other.name = if run.base < other.run.base {
                name
            } else {
                other.name
            };
            other.run = outward(base.raw(), end.raw() - base.raw());
            return Ok(());
        }
        if regions.is_full() {
            // A device that is not told of can be had all the same; all else must be known.
            if kind == RegionKind::Device {
                return Ok(());
            }
            let least = regions
                .iter()
                .rposition(|region| region.kind == RegionKind::Device);
            regions.remove(least.ok_or(Unreadable::TooManyRegions)?);
        }
        regions.push(Region { run, kind, name });
        Ok(())
    }
}

/// What the machine calls itself.
fn model(root: &FdtNode<'_>) -> ArrayString<32> {
    let model = text_of(root, "model");
    if model.is_empty() {
        text_of(root, "compatible")
    } else {
        model
    }
}

/// The name of the console's node, from `stdout-path`: a path or an alias, perhaps with settings
/// behind a colon.
fn stdout(tree: Fdt<'_>) -> ArrayString<64> {
    let child = |name: &str| tree.root().children().find(|node| node.name() == name);
    let chosen: ArrayString<128> =
        child("chosen").map_or_else(ArrayString::new, |node| text_of(&node, "stdout-path"));
    let path = chosen.split(':').next().unwrap_or_default();
    let target: ArrayString<128> = match child("aliases") {
        Some(aliases) if !path.starts_with('/') => text_of(&aliases, path),
        _ => ArrayString::from(path).unwrap_or_default(),
    };
    ArrayString::from(target.rsplit('/').next().unwrap_or_default()).unwrap_or_default()
}

/// Whether users must never have this device: with an interrupt controller, an IOMMU or a timer
/// one can undo the kernel's protection or stop its clock.
fn is_kernels(node: &FdtNode<'_>) -> bool {
    const NAMES: [&str; 9] = [
        "arm,gic",
        "arm,cortex-a15-gic",
        "arm,cortex-a9-gic",
        "arm,cortex-a7-gic",
        "arm,pl390",
        "arm,smmu",
        "arm,mmu-",
        "arm,armv7-timer-mem",
        "qcom,smmu",
    ];
    property(node, "#iommu-cells").is_some()
        || is_compatible(node, |name| {
            NAMES.iter().any(|known| name.starts_with(known))
        })
}

/// The third interrupt of the timer's four: secure, non-secure, virtual, hypervisor.
fn virtual_timer(node: &FdtNode<'_>) -> Option<u32> {
    const PRIVATE: u32 = 1;
    let mut cells = property(node, "interrupts")?.cells().skip(6);
    let (kind, number) = (cells.next()?, cells.next()?);
    (kind == PRIVATE && number < FIRST_PPI).then_some(number + FIRST_PPI)
}

fn gic(node: &FdtNode<'_>, bus: &Bus<'_>) -> Option<Gic> {
    const V2: [&str; 4] = [
        "arm,cortex-a15-gic",
        "arm,gic-400",
        "arm,cortex-a7-gic",
        "arm,cortex-a9-gic",
    ];
    let mut reg = bus.reg(node).map(|(start, bytes)| outward(start, bytes));
    if is_compatible(node, |name| V2.contains(&name)) {
        let distributor = reg.next()?;
        return Some(Gic::V2 {
            distributor,
            cpu_interface: reg.next()?,
        });
    }
    if is_compatible(node, |name| name == "arm,gic-v3") {
        let distributor = reg.next()?;
        let pieces = property(node, "#redistributor-regions")
            .and_then(|words| words.number())
            .unwrap_or(1);
        let redistributors: ArrayVec<PhysRun, 4> = reg
            .take(usize::try_from(pieces.min(4)).unwrap_or(1))
            .collect();
        return (!redistributors.is_empty()).then_some(Gic::V3 {
            distributor,
            redistributors,
        });
    }
    None
}

#[cfg(test)]
mod tests;
