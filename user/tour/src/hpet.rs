//! Step 2 on x86_64: the high-precision event timer (IA-PC HPET specification 1.0a, chapter 2).

use zx::{Region, Startup, Status, VmOptions, Vmo, time};

use crate::given;
use crate::machine::Machine;
use crate::report::{Hex, Report};

const CAPABILITIES: u64 = 0x00;
const CONFIGURATION: u64 = 0x10;
const COUNTER: u64 = 0xF0;
/// Bit of the configuration: the counter runs.
const ENABLE: u64 = 1;
/// The slowest period that the specification allows, in femtoseconds.
const MAX_PERIOD_FS: u64 = 100_000_000;
const FS_PER_NS: u64 = 1_000_000;
/// How long the counter is watched.
const WATCH_NS: i64 = 50 * time::MILLISECOND_NS;
/// How far counter and clock may lie apart, in thousandths.
const TOLERANCE: u64 = 20;

pub(crate) fn show(report: &mut Report, start: &Startup, machine: &Machine) -> Result<(), Status> {
    let Some(place) = machine.hpet() else {
        return Ok(());
    };
    report.heading(
        2,
        format_args!("The HPET at {:#x}, through an uncached mapping", place.base),
    );
    let vmo = Vmo::create_physical(
        given(start.mmio.as_ref())?,
        place.page(),
        place.page_bytes(),
    )?;
    let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE;
    let hpet = start.root_vmar.map(&vmo, options)?;
    let capabilities = hpet.read64(CAPABILITIES);
    let period_fs = capabilities >> 32;
    report.note(
        "vendor",
        format_args!("{:#x}", (capabilities >> 16) & 0xFFFF),
    );
    let is_legal = (1..=MAX_PERIOD_FS).contains(&period_fs);
    report.check("period, in fs", period_fs, is_legal);
    if is_legal {
        stop_and_go(report, &hpet)?;
        rate(report, &hpet, period_fs)?;
    }
    hpet.unmap()
}

/// Writes reach the device: its counter stands still when told to.
fn stop_and_go(report: &mut Report, hpet: &Region) -> Result<(), Status> {
    let configuration = hpet.read64(CONFIGURATION);
    hpet.write64(CONFIGURATION, configuration & !ENABLE);
    let stopped = hpet.read64(COUNTER);
    time::sleep_ns(time::MILLISECOND_NS)?;
    report.equal(
        "counter 1 ms later, stopped",
        Hex(hpet.read64(COUNTER)),
        Hex(stopped),
    );
    hpet.write64(CONFIGURATION, configuration | ENABLE);
    time::sleep_ns(time::MILLISECOND_NS)?;
    let running = hpet.read64(COUNTER);
    report.check(
        "counter 1 ms later, running",
        format_args!("{:#x}", running),
        running > stopped,
    );
    Ok(())
}

/// The counter goes as fast as it says, by the kernel's clock.
fn rate(report: &mut Report, hpet: &Region, period_fs: u64) -> Result<(), Status> {
    let (from_ns, from) = sample(hpet);
    time::sleep_ns(WATCH_NS)?;
    let (to_ns, to) = sample(hpet);
    let by_clock = (to_ns - from_ns).unsigned_abs();
    let by_counter = to.wrapping_sub(from).saturating_mul(period_fs) / FS_PER_NS;
    let apart = by_clock.abs_diff(by_counter);
    report.note("ns by the clock", by_clock);
    report.check(
        "ns by the counter",
        by_counter,
        apart <= by_clock / 1000 * TOLERANCE,
    );
    Ok(())
}

/// Clock and counter at the same moment: the closest of some tries, in case of an interruption.
fn sample(hpet: &Region) -> (i64, u64) {
    let try_once = |_| {
        let before = time::now_ns();
        let counter = hpet.read64(COUNTER);
        let took = time::now_ns() - before;
        (took, before + took / 2, counter)
    };
    let tries = (0..8).map(try_once);
    let best = tries.min_by_key(|(took, ..)| *took);
    best.map_or((0, 0), |(_, now, counter)| (now, counter))
}
