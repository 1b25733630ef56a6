//! The interrupt controller: GICv2 and GICv3 ("GIC Architecture Specification", IHI 0048 and
//! IHI 0069), as far as the kernel's own interrupts need it: the timer's and the kick.
//!
//! Set up once per machine ([`start`]) and once per CPU ([`start_cpu`]); afterwards each CPU takes
//! its interrupts without any lock.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use arrayvec::ArrayVec;

use crate::metal::mmio::Registers;
use crate::metal::per_cpu::{self, current_cpu, own_affinity};
use crate::metal::regs::{self, ISH, SY, dsb, isb};

/// The software interrupt by which one CPU makes another enter the kernel.
pub(crate) const KICK: u32 = 0;

/// Distributor: control, type, set-enable, priorities, software interrupts.
const GICD_CTLR: usize = 0x000;
const GICD_TYPER: usize = 0x004;
const GICD_IGROUPR: usize = 0x080;
const GICD_ISENABLER: usize = 0x100;
const GICD_IPRIORITYR: usize = 0x400;
const GICD_ITARGETSR: usize = 0x800;
const GICD_SGIR: usize = 0xf00;
/// GICv2: both groups forwarded.
const GICD_V2_ON: u32 = 0b11;
/// GICv3: affinity routing and group 1, whichever security state sees the register.
const GICD_V3_ON: u32 = (1 << 4) | (1 << 1) | (1 << 0);
/// GICv3: a register write is still on its way.
const GICD_RWP: u32 = 1 << 31;

/// CPU interface of GICv2: control, priority mask, acknowledge, end.
const GICC_CTLR: usize = 0x000;
const GICC_PMR: usize = 0x004;
const GICC_IAR: usize = 0x00c;
const GICC_EOIR: usize = 0x010;

/// Redistributor: a frame of control registers, then one like a distributor's for this CPU.
const GICR_TYPER: usize = 0x008;
const GICR_WAKER: usize = 0x014;
const GICR_FRAME: usize = 0x1_0000;
const GICR_TYPER_VLPIS: u64 = 1 << 1;
const GICR_TYPER_LAST: u64 = 1 << 4;
const WAKER_SLEEP: u32 = 1 << 1;
const WAKER_ASLEEP: u32 = 1 << 2;

/// In the middle: everything the kernel enables is equally urgent.
const PRIORITY: u8 = 0x80;
/// Let all priorities through.
const ALL_PRIORITIES: u32 = 0xff;
/// Interrupt numbers from here on mean that there was none.
const FIRST_SPECIAL: u32 = 1020;
/// Bits of an interrupt number: in GICC_IAR above them is the CPU that sent it.
const V2_ID_MASK: u32 = 0x3ff;
const V3_ID_MASK: u32 = 0xff_ffff;

/// Where a GICv2's CPU interface is mapped; 0 with a GICv3, or none.
static CPU_INTERFACE: AtomicUsize = AtomicUsize::new(0);
/// Where a GICv2's distributor is mapped.
static DISTRIBUTOR: AtomicUsize = AtomicUsize::new(0);
/// The timer's interrupt.
static TIMER: AtomicU32 = AtomicU32::new(0);

/// The mapped registers of the controller.
#[derive(Clone, Debug)]
pub(crate) enum Gic {
    /// Distributor and CPU interface.
    V2 {
        distributor: Registers,
        cpu_interface: Registers,
    },
    /// Distributor and redistributors.
    V3 {
        distributor: Registers,
        redistributors: ArrayVec<Registers, 4>,
    },
}

/// What brought a CPU in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Its timer.
    Timer,
    /// Another CPU.
    Kick,
}

/// Sets the distributor up.
pub(crate) fn start(gic: &Gic, timer_irq: u32) {
    TIMER.store(timer_irq, Ordering::Relaxed);
    match gic {
        Gic::V2 {
            distributor,
            cpu_interface,
        } => {
            distributor.write(GICD_CTLR, GICD_V2_ON);
            DISTRIBUTOR.store(distributor.base(), Ordering::Release);
            CPU_INTERFACE.store(cpu_interface.base(), Ordering::Release);
        }
        Gic::V3 { distributor, .. } => {
            distributor.write(GICD_CTLR, GICD_V3_ON);
            while distributor.read(GICD_CTLR) & GICD_RWP != 0 {
                core::hint::spin_loop();
            }
        }
    }
}

/// Sets up what is this CPU's own.
pub(crate) fn start_cpu(gic: &Gic) {
    match gic {
        Gic::V2 {
            distributor,
            cpu_interface,
        } => {
            // The first ones of these registers are banked: they tell a CPU its own bit.
            let target = distributor.read(GICD_ITARGETSR) & 0xff;
            per_cpu::of(current_cpu())
                .gic_target
                .store(target, Ordering::Relaxed);
            enable(*distributor);
            cpu_interface.write(GICC_PMR, ALL_PRIORITIES);
            cpu_interface.write(GICC_CTLR, 1);
        }
        Gic::V3 { redistributors, .. } => {
            let own = redistributor(redistributors).expect("each CPU has a redistributor");
            own.write(GICR_WAKER, own.read(GICR_WAKER) & !WAKER_SLEEP);
            while own.read(GICR_WAKER) & WAKER_ASLEEP != 0 {
                core::hint::spin_loop();
            }
            let private = own.at(GICR_FRAME, GICR_FRAME);
            private.write(GICD_IGROUPR, u32::MAX);
            enable(private);
            regs::set_icc_sre(regs::icc_sre() | 1);
            isb(SY);
            regs::set_icc_pmr(u64::from(ALL_PRIORITIES));
            regs::set_icc_ctlr(0);
            regs::set_icc_igrpen1(1);
            isb(SY);
        }
    }
}

/// The number of interrupts that the controller can tell apart.
pub(crate) fn interrupts(gic: &Gic) -> u64 {
    let (Gic::V2 { distributor, .. } | Gic::V3 { distributor, .. }) = gic;
    let lines = u64::from(distributor.read(GICD_TYPER) & 0x1f);
    ((lines + 1) * 32).min(u64::from(FIRST_SPECIAL))
}

/// Takes the most urgent interrupt of this CPU and ends it; `None` when there is none that the
/// kernel knows. A timer's alarm is turned off, or it would go on.
pub(crate) fn acknowledge() -> Option<Interrupt> {
    let number = match v2(&CPU_INTERFACE) {
        Some(cpu) => {
            let taken = cpu.read(GICC_IAR);
            let number = taken & V2_ID_MASK;
            settle(number);
            if number < FIRST_SPECIAL {
                cpu.write(GICC_EOIR, taken);
            }
            number
        }
        None => {
            let taken = regs::icc_iar1();
            dsb(SY);
            let number = u32::try_from(taken).unwrap_or(FIRST_SPECIAL) & V3_ID_MASK;
            settle(number);
            if number < FIRST_SPECIAL {
                regs::set_icc_eoir1(taken);
                isb(SY);
            }
            number
        }
    };
    match number {
        KICK => Some(Interrupt::Kick),
        _ if number == TIMER.load(Ordering::Relaxed) => Some(Interrupt::Timer),
        _ => None,
    }
}

/// Sends the kick to a CPU.
pub(crate) fn kick(cpu: usize) {
    let affinity = per_cpu::affinity(cpu);
    dsb(ISH);
    match v2(&DISTRIBUTOR) {
        Some(distributor) => {
            let target = per_cpu::of(cpu).gic_target.load(Ordering::Relaxed);
            distributor.write(GICD_SGIR, (target << 16) | KICK);
        }
        None => {
            let [aff0, aff1, aff2, aff3] = [0, 8, 16, 32].map(|shift| (affinity >> shift) & 0xff);
            // The range selector gives the sixteen CPUs of one cluster that the bits name.
            let list = (1 << (aff0 & 0xf)) | ((aff0 >> 4) << 44);
            regs::set_icc_sgi1r(
                (aff3 << 48) | (aff2 << 32) | (aff1 << 16) | (u64::from(KICK) << 24) | list,
            );
            isb(SY);
        }
    }
}

/// Quiets the source of an interrupt before the interrupt ends.
fn settle(number: u32) {
    if number == TIMER.load(Ordering::Relaxed) {
        crate::metal::timer::silence();
        isb(SY);
    }
}

fn v2(base: &AtomicUsize) -> Option<Registers> {
    let base = base.load(Ordering::Acquire);
    // SAFETY: only `start` sets it, to registers that are mapped for good.
    (base != 0).then(|| unsafe { Registers::new(base, 0x1000) })
}

/// Enables the kernel's interrupts in a distributor, or in a redistributor's part of one.
fn enable(registers: Registers) {
    for number in [KICK, TIMER.load(Ordering::Relaxed)] {
        let index = usize::try_from(number).unwrap_or(0);
        registers.write_8(GICD_IPRIORITYR + index, PRIORITY);
        registers.write(GICD_ISENABLER, 1 << number);
    }
}

/// Looks for the redistributor of this CPU.
fn redistributor(pieces: &[Registers]) -> Option<Registers> {
    let affinity = own_affinity();
    let packed = (affinity & 0xff_ffff) | ((affinity >> 8) & 0xff00_0000);
    for piece in pieces {
        let mut offset = 0;
        loop {
            let kind = piece.at(offset, 2 * GICR_FRAME).read_64(GICR_TYPER);
            let frames = if kind & GICR_TYPER_VLPIS != 0 { 4 } else { 2 };
            if kind >> 32 == packed {
                return Some(piece.at(offset, frames * GICR_FRAME));
            }
            offset += frames * GICR_FRAME;
            if kind & GICR_TYPER_LAST != 0 || !piece.has(offset, 2 * GICR_FRAME) {
                break;
            }
        }
    }
    None
}
