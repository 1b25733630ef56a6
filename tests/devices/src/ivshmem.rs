//! Memory that the host sees: every window in every cache policy, in every way.

use devices_agreement::{
    FILE_BYTES, LAST_ROUND, POLICIES, WINDOWS, Way, Window, pattern, pattern_spots, reply,
    reply_spots, rounds,
};
use zx::abi::PageTableInfo;
use zx::{CachePolicy, Handle, Region, Startup, Status, VmOptions, Vmo};

use zx::pci::{Bus, Memory};

use crate::announce;
use crate::report::Report;
use crate::split;

/// Red Hat's inter-VM shared memory, and the BAR that is the memory.
const IDS: (u16, u16) = (0x1AF4, 0x1110);
const BAR: u8 = 2;
const NAME: &str = "ivshmem";

pub(crate) const READ_WRITE: VmOptions = VmOptions::PERM_READ.union(VmOptions::PERM_WRITE);

/// One round: where, how, and which replies it leaves.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    pub(crate) window: Window,
    pub(crate) number: u64,
    pub(crate) policy: u32,
    pub(crate) way: Way,
}

pub(crate) fn drive(report: &mut Report, start: &Startup, bus: &Bus) -> Result<(), Status> {
    let memory = bus.memory(start, IDS, BAR, NAME)?;
    announce(IDS, &memory);
    report.equal(format_args!("bytes of memory"), memory.bytes, FILE_BYTES);
    refused(report, &memory);
    for window in WINDOWS {
        for (number, policy, way) in rounds() {
            let round = Round {
                window,
                number,
                policy,
                way,
            };
            round.run(report, start, bus)?;
        }
        replace_pattern(start, &memory, window)?;
    }
    Ok(())
}

/// The resource reaches as far as the BAR and no further.
fn refused(report: &mut Report, memory: &Memory) {
    let Memory {
        resource,
        base,
        bytes,
    } = memory;
    let page = 4096;
    for (first, len) in [
        (base - page, page),
        (base + bytes, page),
        (*base, bytes + page),
    ] {
        let vmo = Vmo::create_physical(resource, first, len);
        report.answer("a VMO beyond the BAR", vmo.err(), Status::ACCESS_DENIED);
    }
}

/// The host finds the guest's last words in place of its own.
fn replace_pattern(start: &Startup, memory: &Memory, window: Window) -> Result<(), Status> {
    let base = memory.base + window.offset;
    let vmo = Vmo::create_physical(&memory.resource, base, window.bytes)?;
    let region = start.root_vmar.map(&vmo, READ_WRITE)?;
    for spot in pattern_spots(window) {
        region.write64(spot, reply(window.offset + spot, LAST_ROUND));
    }
    region.unmap()
}

impl Round {
    fn run(self, report: &mut Report, start: &Startup, bus: &Bus) -> Result<(), Status> {
        // Every round has a resource of its own, so that it can close it.
        let memory = bus.memory(start, IDS, BAR, NAME)?;
        let vmo = self.vmo(&memory)?;
        let before = start.root_vmar.page_table_info()?;
        let region = self.map(start, &vmo)?;
        let region = match self.way {
            Way::Closed => {
                Handle::from(vmo).close()?;
                Handle::from(memory.resource).close()?;
                self.touch(report, &region);
                region
            }
            Way::Again => {
                self.read(report, &region);
                region.unmap()?;
                let region = self.map(start, &vmo)?;
                self.touch(report, &region);
                region
            }
            Way::Twice => {
                let other = self.map(start, &vmo)?;
                self.write(&region);
                self.check_replies(report, &other);
                self.read(report, &other);
                other.unmap()?;
                region
            }
            Way::Split => {
                split::drive(report, self, &region)?;
                region
            }
            Way::Eager | Way::Lazy | Way::Slice | Way::LazySlice => {
                self.touch(report, &region);
                region
            }
        };
        let after = start.root_vmar.page_table_info()?;
        self.entries(report, &before, &after);
        region.unmap()
    }

    /// The VMO of the window: its own, or a slice.
    fn vmo(self, memory: &Memory) -> Result<Vmo, Status> {
        let Window { offset, bytes } = self.window;
        let resource = &memory.resource;
        let policy = CachePolicy::from_number(self.policy).ok_or(Status::INVALID_ARGS)?;
        match self.way {
            Way::Slice | Way::LazySlice | Way::Closed => {
                let whole = Vmo::create_physical(resource, memory.base, memory.bytes)?;
                whole.set_cache_policy(policy)?;
                whole.slice(offset, bytes)
            }
            _ => {
                let vmo = Vmo::create_physical(resource, memory.base + offset, bytes)?;
                vmo.set_cache_policy(policy)?;
                Ok(vmo)
            }
        }
    }

    fn map(self, start: &Startup, vmo: &Vmo) -> Result<Region, Status> {
        let options = match self.way.is_eager() {
            true => READ_WRITE | VmOptions::MAP_RANGE,
            false => READ_WRITE,
        };
        let bytes = self.window.bytes;
        start.root_vmar.map_at(options, 0, vmo, 0, bytes)
    }

    /// Reads what the host wrote, and leaves the replies.
    pub(crate) fn touch(self, report: &mut Report, region: &Region) {
        self.read(report, region);
        self.write(region);
        self.check_replies(report, region);
    }

    /// The host's pattern is there; its very first and very last byte also by themselves.
    pub(crate) fn read(self, report: &mut Report, region: &Region) {
        let Window { offset, bytes } = self.window;
        for spot in pattern_spots(self.window) {
            let what = format_args!("{self} at {spot:#x}");
            report.equal(what, region.read64(spot), pattern(offset + spot));
        }
        let [first, ..] = pattern(offset).to_le_bytes();
        let [.., last] = pattern(offset + bytes - 8).to_le_bytes();
        for (spot, wanted) in [(0, first), (bytes - 1, last)] {
            let what = format_args!("{self}: byte {spot:#x}");
            report.equal(what, region.read8(spot).into(), wanted.into());
        }
    }

    /// Writes the replies.
    pub(crate) fn write(self, region: &Region) {
        for spot in reply_spots(self.window, self.number) {
            region.write64(spot, reply(self.window.offset + spot, self.number));
        }
    }

    /// The replies are there.
    pub(crate) fn check_replies(self, report: &mut Report, region: &Region) {
        for spot in reply_spots(self.window, self.number) {
            let wanted = reply(self.window.offset + spot, self.number);
            let what = format_args!("{self}: reply at {spot:#x}");
            report.equal(what, region.read64(spot), wanted);
        }
    }

    /// Says what the mapping takes in the page tables.
    fn entries(self, report: &mut Report, before: &PageTableInfo, after: &PageTableInfo) {
        // Other mappings of the process get no entries in between.
        let pages_4k = after.pages_4k.wrapping_sub(before.pages_4k);
        let blocks_2m = after.blocks_2m.wrapping_sub(before.blocks_2m);
        let blocks_1g = after.blocks_1g.wrapping_sub(before.blocks_1g);
        zx::println!("entries {self} 4k={pages_4k} 2m={blocks_2m} 1g={blocks_1g}");
        if self.way.is_eager() {
            let covered = (pages_4k << 12) + (blocks_2m << 21) + (blocks_1g << 30);
            let wanted = self.window.bytes - split::hole(self);
            report.equal(format_args!("{self}: bytes mapped"), covered, wanted);
        }
    }
}

impl core::fmt::Display for Round {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let policy = usize::try_from(self.policy).ok();
        let policy = policy
            .and_then(|policy| POLICIES.get(policy))
            .unwrap_or(&"?");
        write!(f, "{policy} {} {}", self.way.name(), self.window.bytes)
    }
}
