//! The local APIC: the timer, the acknowledgement of interrupts, and messages to other CPUs.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use jacinth_kernel::PhysAddr;
use x86_64::registers::model_specific::Msr;

use crate::rate::Rate;

use super::clock::Clock;
use super::registers::Registers;

/// The vector of this CPU's timer.
pub(crate) const TIMER_VECTOR: u64 = 0x40;
/// The vector by which CPUs kick each other.
pub(crate) const KICK_VECTOR: u64 = 0x41;
/// The vector by which a CPU asks others to forget translations.
pub(crate) const FORGET_VECTOR: u64 = 0x42;
/// Its low four bits are ones, as old parts want.
const SPURIOUS_VECTOR: u32 = 0xff;

const IA32_APIC_BASE: u32 = 0x1b;
const IA32_TSC_DEADLINE: u32 = 0x6e0;
const X2APIC_BASE: u32 = 0x800;
const BASE_ENABLE: u64 = 1 << 11;
const BASE_X2APIC: u64 = 1 << 10;
const BASE_ADDRESS: u64 = 0x000f_ffff_ffff_f000;

const ID: u64 = 0x20;
const TASK_PRIORITY: u64 = 0x80;
const END_OF_INTERRUPT: u64 = 0xb0;
const SPURIOUS: u64 = 0xf0;
const COMMAND: u64 = 0x300;
const COMMAND_TARGET: u64 = 0x310;
const LVT_TIMER: u64 = 0x320;
const LVT_LINT0: u64 = 0x350;
const LVT_LINT1: u64 = 0x360;
const LVT_ERROR: u64 = 0x370;
const INITIAL_COUNT: u64 = 0x380;
const CURRENT_COUNT: u64 = 0x390;
const DIVIDE: u64 = 0x3e0;

const SOFTWARE_ENABLE: u32 = 1 << 8;
const MASKED: u32 = 1 << 16;
/// In the command register: still on its way.
const IS_SENDING: u32 = 1 << 12;
const ASSERT: u32 = 1 << 14;
const DELIVER_INIT: u32 = 0b101 << 8;
const DELIVER_START: u32 = 0b110 << 8;
const DELIVER_NMI: u32 = 0b100 << 8;
const MODE_TSC_DEADLINE: u32 = 0b10 << 17;
const DIVIDE_BY_16: u32 = 0b0011;

/// Where the registers are mapped; 0 when they are reached as model-specific ones (x2APIC).
static WINDOW: AtomicU64 = AtomicU64::new(0);
/// How the timer is armed: a [`TimerKind`].
static KIND: AtomicU32 = AtomicU32::new(TimerKind::Counter as u32);

/// How a timer is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum TimerKind {
    /// By a count that runs down to 0.
    Counter,
    /// By the value of the TSC at which it goes off.
    Deadline,
}

/// Where the registers are, whether or not they are in use.
#[must_use]
pub fn lapic_base() -> PhysAddr {
    PhysAddr::new(read_base() & BASE_ADDRESS)
}

/// Turns the boot CPU's APIC on, with all its own interrupts masked. Its page is mapped.
pub(crate) fn enable(kind: TimerKind) -> u32 {
    let base = read_base();
    let is_x2apic = base & BASE_X2APIC != 0;
    let window = if is_x2apic { 0 } else { base & BASE_ADDRESS };
    WINDOW.store(window, Ordering::Relaxed);
    KIND.store(kind as u32, Ordering::Relaxed);
    enable_here()
}

/// Turns this CPU's APIC on as the boot CPU's was, which gave it the mode and the page; says its
/// number.
pub(crate) fn enable_here() -> u32 {
    let base = read_base() | BASE_ENABLE;
    let mut register = Msr::new(IA32_APIC_BASE);
    // SAFETY: turns the APIC on where it is.
    unsafe { register.write(base) };
    let is_x2apic = WINDOW.load(Ordering::Relaxed) == 0;
    if is_x2apic {
        // SAFETY: the boot CPU is in this mode, and all have the same; it is entered from the other.
        unsafe { register.write(base | BASE_X2APIC) };
    }
    write(SPURIOUS, SOFTWARE_ENABLE | SPURIOUS_VECTOR);
    write(TASK_PRIORITY, 0);
    for entry in [LVT_LINT0, LVT_ERROR] {
        write(entry, MASKED);
    }
    // By custom the second pin is the button that asks a machine that hangs where it is.
    write(LVT_LINT1, DELIVER_NMI);
    write(DIVIDE, DIVIDE_BY_16);
    let mode = if KIND.load(Ordering::Relaxed) == TimerKind::Deadline as u32 {
        MODE_TSC_DEADLINE
    } else {
        0
    };
    write(LVT_TIMER, mode | TIMER_VECTOR as u32);
    let number = read(ID);
    if is_x2apic { number } else { number >> 24 }
}

/// Sends another CPU an interrupt.
pub(crate) fn interrupt(apic_id: u32, vector: u64) {
    command(apic_id, ASSERT | vector as u32);
}

/// Puts another CPU where it waits for [`start`] (Intel SDM 3A, 10.4.4).
pub(crate) fn reset(apic_id: u32) {
    command(apic_id, ASSERT | DELIVER_INIT);
}

/// Lets a CPU that was reset run the page below 1 MiB that holds its first instructions.
pub(crate) fn start(apic_id: u32, page: PhysAddr) {
    const PAGE_SHIFT: u32 = 12;
    command(
        apic_id,
        ASSERT | DELIVER_START | (page.raw() >> PAGE_SHIFT) as u32 & 0xff,
    );
}

/// Sends a message. Interrupts are off, so that the two halves stay together.
fn command(apic_id: u32, what: u32) {
    let Some(window) = window() else {
        let mut register = Msr::new(x2apic_register(COMMAND));
        let word = u64::from(apic_id) << 32 | u64::from(what);
        // What was stored before is seen by whom the message reaches (Intel SDM 3A, 10.12.3).
        fence(Ordering::SeqCst);
        // SAFETY: the APIC is in x2APIC mode; interrupts and resets of other CPUs are the callers'.
        unsafe { register.write(word) };
        return;
    };
    while window.read_u32(COMMAND) & IS_SENDING != 0 {
        core::hint::spin_loop();
    }
    window.write_u32(COMMAND_TARGET, apic_id << 24);
    window.write_u32(COMMAND, what);
}

/// Acknowledges the interrupt in service.
pub(crate) fn end_of_interrupt() {
    write(END_OF_INTERRUPT, 0);
}

/// How fast the timer counts: measured against the clock.
pub(crate) fn measure(clock: &Clock) -> Rate {
    write(INITIAL_COUNT, u32::MAX);
    let rate = clock.measure(|| u64::from(u32::MAX - read(CURRENT_COUNT)));
    write(INITIAL_COUNT, 0);
    rate
}

/// Arms the timer; `None` disarms it. It may go off early when the time is far.
pub(crate) fn arm(deadline_ns: Option<i64>, clock: &Clock, rate: Rate) {
    if KIND.load(Ordering::Relaxed) == TimerKind::Deadline as u32 {
        // 0 disarms.
        let ticks = deadline_ns.map_or(0, |deadline| clock.tsc_at(deadline).max(1));
        let mut register = Msr::new(IA32_TSC_DEADLINE);
        // SAFETY: an interrupt on this CPU's timer vector is expected at any time.
        unsafe { register.write(ticks) };
        return;
    }
    let count = deadline_ns.map_or(0, |deadline| {
        let left = deadline.saturating_sub(clock.now()).max(0).unsigned_abs();
        u32::try_from(rate.ticks(left)).unwrap_or(u32::MAX).max(1)
    });
    write(INITIAL_COUNT, count);
}

fn read_base() -> u64 {
    let register = Msr::new(IA32_APIC_BASE);
    // SAFETY: every 64-bit processor has it.
    unsafe { register.read() }
}

fn window() -> Option<Registers> {
    let at = WINDOW.load(Ordering::Relaxed);
    // SAFETY: `enable` was told that the page is mapped.
    (at != 0).then(|| unsafe { Registers::new(PhysAddr::new(at)) })
}

fn read(register: u64) -> u32 {
    match window() {
        Some(window) => window.read_u32(register),
        None => {
            let register = Msr::new(x2apic_register(register));
            // SAFETY: the APIC is in x2APIC mode and has the register.
            (unsafe { register.read() }) as u32
        }
    }
}

fn write(register: u64, value: u32) {
    match window() {
        Some(window) => window.write_u32(register, value),
        None => {
            let mut register = Msr::new(x2apic_register(register));
            // SAFETY: as above; no register used here reaches memory.
            unsafe { register.write(u64::from(value)) };
        }
    }
}

const fn x2apic_register(register: u64) -> u32 {
    X2APIC_BASE + (register >> 4) as u32
}
