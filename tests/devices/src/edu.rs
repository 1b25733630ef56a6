//! QEMU's device for education: registers that answer (docs/specs/edu.rst in QEMU).

use devices_agreement::POLICIES;
use zx::{CachePolicy, Handle, Region, Startup, Status, VmOptions, Vmo};

use zx::pci::{Bus, Memory};

use crate::announce;
use crate::ivshmem::READ_WRITE;
use crate::report::Report;

const IDS: (u16, u16) = (0x1234, 0x11E8);
const BAR: u8 = 0;
const NAME: &str = "edu";
/// What there is to map for the registers.
const PAGE: u64 = 4096;

/// 0xRRrr00ED: major and minor version.
const IDENTIFICATION: u64 = 0x00;
const VERSION: u32 = 0x0100_00ED;
/// Answers the complement of what was written.
const LIVENESS: u64 = 0x04;
const FACTORIAL: u64 = 0x08;
const STATUS: u64 = 0x20;
/// Bit of the status: a factorial is being computed.
const COMPUTING: u32 = 1;
/// How often the status is asked before it counts as stuck.
const PATIENCE: u32 = 10_000_000;

/// A way to come to the registers; all end in a mapping that nothing else refers to.
#[derive(Clone, Copy)]
enum Way {
    /// The whole BAR, every page at once.
    Whole,
    /// The whole BAR, entries come with the first touch.
    Lazy,
    /// A slice of one page, with `MAP_RANGE`.
    Slice,
    /// A slice of a slice, entries come after every handle is closed.
    Closed,
}

pub(crate) fn drive(report: &mut Report, start: &Startup, bus: &Bus) -> Result<(), Status> {
    announce(IDS, &bus.memory(start, IDS, BAR, NAME)?);
    for (policy, name) in (0..).zip(POLICIES) {
        let policy = CachePolicy::from_number(policy).ok_or(Status::INVALID_ARGS)?;
        for way in [Way::Whole, Way::Lazy, Way::Slice, Way::Closed] {
            let memory = bus.memory(start, IDS, BAR, NAME)?;
            let registers = map(start, memory, policy, way)?;
            for n in [5, 12] {
                ask(report, name, &registers, n);
            }
            registers.unmap()?;
        }
    }
    Ok(())
}

/// Maps the registers; every handle is closed when it returns.
fn map(start: &Startup, memory: Memory, policy: CachePolicy, way: Way) -> Result<Region, Status> {
    let Memory {
        resource,
        base,
        bytes,
    } = memory;
    let whole = Vmo::create_physical(&resource, base, bytes)?;
    whole.set_cache_policy(policy)?;
    Handle::from(resource).close()?;
    let eager = READ_WRITE | VmOptions::MAP_RANGE;
    let root = &start.root_vmar;
    match way {
        Way::Whole => root.map_at(eager, 0, &whole, 0, bytes),
        Way::Lazy => root.map_at(READ_WRITE, 0, &whole, 0, bytes),
        Way::Slice => root.map_at(eager, 0, &whole.slice(0, PAGE)?, 0, PAGE),
        Way::Closed => {
            let half = whole.slice(0, bytes / 2)?;
            root.map_at(READ_WRITE, 0, &half.slice(0, PAGE)?, 0, PAGE)
        }
    }
}

fn ask(report: &mut Report, policy: &str, registers: &Region, n: u32) {
    let check = |report: &mut Report, what, got: u32, wanted: u32| {
        let what = format_args!("edu {policy}: {what}");
        report.equal(what, got.into(), wanted.into());
    };
    let version = registers.read32(IDENTIFICATION);
    check(report, "identification", version, VERSION);
    let word = 0x5A17_0000 | n;
    registers.write32(LIVENESS, word);
    check(report, "liveness", registers.read32(LIVENESS), !word);
    registers.write32(FACTORIAL, n);
    let is_done = (0..PATIENCE).any(|_| registers.read32(STATUS) & COMPUTING == 0);
    check(report, "status", (!is_done).into(), 0);
    let factorial = (1..=n).product();
    check(report, "factorial", registers.read32(FACTORIAL), factorial);
}
