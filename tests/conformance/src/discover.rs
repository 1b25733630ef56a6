//! Finds out what scenarios must know of the machine.

use crate::env::{Effort, Env, Facts, Handles, P, Scratch};
use crate::kit;
use zx::acpi::Acpi;
use zx::device_tree::DeviceTree;
use zx::{Startup, Tables};

/// The second timer's comparator of an HPET: 32 bits that nothing uses (IA-PC HPET 1.0a §2.3.9).
const HPET_COMPARATOR: u64 = 0x128;
/// The match register of a PL031: 32 bits, its interrupt is masked (Arm DDI 0224 §3.3).
const PL031_MATCH: u64 = 4;
/// Where a PC has RAM whatever its size.
const PC_RAM: u64 = 0x10_0000;
const MIB: u64 = 1 << 20;

impl Env {
    /// Finds everything out. The program's words may say `scratch=PAGE,OFFSET`, `ram=ADDRESS` (both
    /// hexadecimal, with 0x) and `effort=little`; otherwise the machine's tables are asked.
    ///
    /// # Errors
    /// What could not be found.
    pub fn new(start: &Startup) -> Result<Self, &'static str> {
        let handles =
            handles(start).ok_or("a handle that the first process is given is missing")?;
        let word = |key: &str| start.args.iter().find_map(|word| word.strip_prefix(key));
        let tables = Described::new(start);
        let ram = word("ram=").and_then(number).or(tables.ram);
        let scratch = word("scratch=").and_then(pair).or(tables.scratch);
        let facts = Facts {
            free: free(handles.mmio).ok_or("no free physical addresses")?,
            denied: denied(handles.mmio).ok_or("no page that is denied behind one that is not")?,
            ram: ram.ok_or("nobody says where RAM is")?,
            scratch: scratch.filter(|scratch| is_free(handles.mmio, scratch.page - P, 3 * P)),
            is_x86_64: start.io_ports.is_some(),
        };
        let effort = if word("effort=little").is_some() {
            Effort::Little
        } else {
            Effort::Full
        };
        Ok(Self {
            handles,
            facts,
            effort,
            is_memory_short: false,
        })
    }
}

fn handles(start: &Startup) -> Option<Handles> {
    Some(Handles {
        process: start.process.as_ref()?.value(),
        thread: start.thread.as_ref()?.value(),
        job: start.job.as_ref()?.value(),
        vmar: start.root_vmar.value(),
        mmio: start.mmio.as_ref()?.value(),
        irq: start.irq.as_ref()?.value(),
        system: start.system.as_ref()?.value(),
        io_ports: start.io_ports.as_ref().map(|root| root.value()),
        smc: start.smc.as_ref().map(|root| root.value()),
    })
}

/// What the machine's tables say.
#[derive(Default)]
struct Described {
    ram: Option<u64>,
    scratch: Option<Scratch>,
}

impl Described {
    fn new(start: &Startup) -> Self {
        match &start.tables {
            Tables::Acpi(vmo) => {
                let acpi = vmo.contents().ok().map(Acpi::new);
                let timer = acpi.and_then(|acpi| acpi.hpet());
                Self {
                    ram: Some(PC_RAM),
                    scratch: timer.map(|page| Scratch {
                        page,
                        offset: HPET_COMPARATOR,
                    }),
                }
            }
            Tables::DeviceTree(vmo) => vmo
                .contents()
                .ok()
                .and_then(DeviceTree::new)
                .map(|tree| Self::of(&tree))
                .unwrap_or_default(),
            Tables::None => Self::default(),
        }
    }

    fn of(tree: &DeviceTree) -> Self {
        let clock = tree.compatible(&["arm,pl031"]).into_iter().next();
        let page = clock.and_then(|clock| clock.ranges.first().map(|range| range.0));
        let ram = tree.memory().first().map(|memory| memory.0);
        Self {
            ram,
            scratch: page.map(|page| Scratch {
                page,
                offset: PL031_MATCH,
            }),
        }
    }
}

fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

fn pair(text: &str) -> Option<Scratch> {
    let (page, offset) = text.split_once(',')?;
    Some(Scratch {
        page: number(page)?,
        offset: number(offset)?,
    })
}

fn is_free(root: u32, base: u64, bytes: u64) -> bool {
    kit::resource_create(root, kit::MMIO, base, bytes, b"").is_ok()
}

/// 64 MiB of free addresses above 4 GiB.
fn free(root: u32) -> Option<u64> {
    (1..256)
        .map(|step| step << 32)
        .find(|base| is_free(root, base - P, 64 * MIB))
}

/// The first page that is denied behind one that is not, below 4 GiB.
fn denied(root: u32) -> Option<u64> {
    let mut last_free = None;
    for base in (0..4096).map(|step| step * MIB) {
        if is_free(root, base, P) {
            last_free = Some(base);
        } else if let Some(free) = last_free {
            return Some(border(root, free, base));
        }
    }
    None
}

/// Narrows a free and a denied page down to neighbours; answers the denied one.
fn border(root: u32, mut free: u64, mut denied: u64) -> u64 {
    while denied - free > P {
        let middle = free + (denied - free) / 2 / P * P;
        if is_free(root, middle, P) {
            free = middle;
        } else {
            denied = middle;
        }
    }
    denied
}
