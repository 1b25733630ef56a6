//! How CPUs are brought up, apart from their page tables.

use core::sync::atomic::Ordering;

use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::CpuId;
use x86_64::instructions::hlt;

use super::clock::{self, Clock};
use super::cpuid::{self, Features};
use super::hpet::Hpet;
use super::lapic::{self, TimerKind};
use super::machine::Timing;
use super::per_cpu;
use super::{descriptors, features, fp, io_apic, pic, serial, trap};

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
    let apic_id = lapic::enable(kind);
    per_cpu::of(BOOT_CPU)
        .apic_id
        .store(apic_id, Ordering::Relaxed);
    let timer_rate = match kind {
        TimerKind::Counter => lapic::measure(&clock),
        // The timer goes by the clock itself.
        TimerKind::Deadline => clock::NO_RATE,
    };
    Timing { clock, timer_rate }
}

/// Sets up another CPU than the boot CPU, which runs this with interrupts off; all that
/// [`init_boot_cpu`] and [`start_boot_cpu`] did for theirs.
///
/// # Safety
/// It runs on the stack of `cpu`, which is its number alone, under the final page tables.
pub unsafe fn start_other_cpu(cpu: CpuId) {
    let features = cpuid::features();
    per_cpu::init(cpu);
    descriptors::load(cpu);
    // Loading segments may have cleared the base of GS.
    per_cpu::init(cpu);
    features::enable(features);
    fp::enable(features);
    let apic_id = lapic::enable_here();
    per_cpu::of(cpu).apic_id.store(apic_id, Ordering::Relaxed);
    per_cpu::note_running(cpu);
}

/// This CPU's local APIC, by which others name it.
#[must_use]
pub fn own_apic_id() -> u32 {
    per_cpu::of(per_cpu::current_cpu())
        .apic_id
        .load(Ordering::Relaxed)
}

/// Lets another CPU run the instructions in a page below 1 MiB, in 16-bit mode. `meet` waits until
/// that CPU did, as long as what it is given says that there is time, and tells whether it came. One
/// that did not is put back to sleep (Intel SDM 3A, 10.4.4).
///
/// # Safety
/// The page holds code that brings the CPU where it does no harm, unless `meet` waits for it.
pub unsafe fn wake_cpu(
    apic_id: u32,
    page: PhysAddr,
    timing: &Timing,
    meet: impl FnOnce(&mut dyn FnMut() -> bool) -> bool,
) -> bool {
    const AFTER_RESET_NS: i64 = 10_000_000;
    const UNTIL_AGAIN_NS: i64 = 200_000;
    const PATIENCE_NS: i64 = 5_000_000_000;
    lapic::reset(apic_id);
    let asleep = timing.clock.now() + AFTER_RESET_NS;
    while timing.clock.now() < asleep {
        core::hint::spin_loop();
    }
    lapic::start(apic_id, page);
    let began = timing.clock.now();
    let mut is_asked_again = false;
    let came = meet(&mut || {
        let waited = timing.clock.now() - began;
        if waited >= UNTIL_AGAIN_NS && !is_asked_again {
            lapic::start(apic_id, page);
            is_asked_again = true;
        }
        waited < PATIENCE_NS
    });
    if !came {
        lapic::reset(apic_id);
    }
    came
}

/// Lets this CPU, on which nobody counts, do nothing any more. Its interrupts are off.
pub fn sleep_for_ever() -> ! {
    loop {
        hlt();
    }
}
