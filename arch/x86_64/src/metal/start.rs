//! How the boot CPU is brought up, apart from its page tables.

use jacinth_kernel::PhysAddr;

use super::clock::{self, Clock};
use super::cpuid::Features;
use super::hpet::Hpet;
use super::lapic::{self, TimerKind};
use super::machine::Timing;
use super::{descriptors, features, fp, io_apic, per_cpu, pic, serial, trap};

const BOOT_CPU: usize = 0;

/// Sets up what makes faults reported instead of fatal: console, descriptors, interrupt table.
/// Interrupts stay off.
pub fn init_boot_cpu() {
    serial::init_console();
    per_cpu::init(BOOT_CPU);
    descriptors::fill_gates(trap::stubs());
    descriptors::load(BOOT_CPU);
    // Loading segments may have cleared the base of GS.
    per_cpu::init(BOOT_CPU);
    pic::disable();
}

/// Sets up the rest: protection, system calls, FP, clock and timer.
///
/// # Safety
/// The final page tables are in use, and they show the local APIC, the I/O APICs and, if given,
/// the HPET in the device window.
pub unsafe fn start_boot_cpu(
    features: Features,
    hpet: Option<PhysAddr>,
    io_apics: &[PhysAddr],
) -> Timing {
    features::enable(features);
    fp::enable(features);
    for &io_apic in io_apics {
        // SAFETY: the caller says so.
        unsafe { io_apic::silence(io_apic) };
    }
    // SAFETY: the caller says so.
    let hpet = hpet.and_then(|at| unsafe { Hpet::start(at) });
    let clock = Clock::start(clock::tsc_rate(features, hpet));
    let kind = if features.tsc_deadline {
        TimerKind::Deadline
    } else {
        TimerKind::Counter
    };
    lapic::enable(kind);
    let timer_rate = match kind {
        TimerKind::Counter => lapic::measure(&clock),
        // The timer goes by the clock itself.
        TimerKind::Deadline => clock::NO_RATE,
    };
    Timing { clock, timer_rate }
}
