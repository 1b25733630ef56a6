//! A thread's registers in the ABI's form: what suspended threads show and are given.

use jacinth_abi::{
    Field, FpRegsX86_64, GeneralRegsX86_64, Record, ThreadStateKind, VectorRegsX86_64,
};
use jacinth_kernel::hal::{ContextId, NotUserState};

use super::context::{self, Context, FP_BYTES, SYSCALL_VECTOR};
use super::layout::USER;
use super::{cpuid, fp};

/// What is in the area of `fxsave`, with which that of `xsave` begins (Intel SDM 1, table 10-2).
mod legacy {
    /// FCW, FSW, FTW, FOP, FIP and FDP are in the order of the ABI's record.
    pub(super) const CONTROL_BYTES: usize = 24;
    pub(super) const MXCSR: usize = 24;
    pub(super) const MXCSR_MASK: usize = 28;
    pub(super) const ST: usize = 32;
    pub(super) const XMM: usize = 160;
}
/// The header of an `xsave` area: which components hold something (Intel SDM 1, 13.4.2).
const XSTATE_BV: usize = 512;
/// MXCSR's bits where the processor gives no mask.
const DEFAULT_MXCSR_MASK: u32 = 0xffbf;

/// The components of the state, by their bits in XCR0.
const X87: u64 = 1;
const SSE: u64 = 1 << 1;
const AVX: u32 = 2;
const OPMASK: u32 = 5;
const ZMM_HIGH: u32 = 6;
const HIGH_ZMM: u32 = 7;

/// A part of the vector state: its component, the first of the registers that it has a part of,
/// how many they are, and which of the eight words of each.
struct Part(u32, usize, usize, core::ops::Range<usize>);

/// What does not fit the area of `fxsave`, and the masks, which are not in registers of 64 bytes.
const WIDE: [Part; 3] = [
    Part(AVX, 0, 16, 2..4),
    Part(ZMM_HIGH, 0, 16, 4..8),
    Part(HIGH_ZMM, 16, 16, 0..8),
];

/// The bytes of a part of the registers.
pub(crate) const fn bytes(kind: ThreadStateKind) -> Option<usize> {
    match kind {
        ThreadStateKind::General => Some(size_of::<GeneralRegsX86_64>()),
        ThreadStateKind::Fp => Some(size_of::<FpRegsX86_64>()),
        ThreadStateKind::Vector => Some(size_of::<VectorRegsX86_64>()),
        ThreadStateKind::FsBase | ThreadStateKind::GsBase => Some(size_of::<u64>()),
        ThreadStateKind::Debug | ThreadStateKind::SingleStep => None,
    }
}

/// Reads a part of the registers of a thread that is on no CPU.
pub(crate) fn read(context: ContextId, kind: ThreadStateKind, to: &mut [u8]) {
    // SAFETY: the core names a living context, whose thread is on no CPU: nobody writes it.
    let context = unsafe { &*context::block(context) };
    match kind {
        ThreadStateKind::General => general(context).put(to),
        ThreadStateKind::Fp => {
            to.fill(0);
            to[..legacy::CONTROL_BYTES].copy_from_slice(&context.fp[..legacy::CONTROL_BYTES]);
            to[legacy::ST..].copy_from_slice(&context.fp[legacy::ST..legacy::XMM]);
        }
        ThreadStateKind::Vector => vectors(&context.fp).put(to),
        ThreadStateKind::FsBase => context.fs_base.put(to),
        ThreadStateKind::GsBase => context.gs_base.put(to),
        ThreadStateKind::Debug | ThreadStateKind::SingleStep => {}
    }
}

/// Writes a part of the registers of such a thread.
///
/// # Errors
/// [`NotUserState`], with nothing written.
pub(crate) fn write(
    context: ContextId,
    kind: ThreadStateKind,
    from: &[u8],
) -> Result<(), NotUserState> {
    // SAFETY: as in `read`; nobody else refers to it either.
    let context = unsafe { &mut *context::block(context) };
    match kind {
        ThreadStateKind::General => set_general(context, &GeneralRegsX86_64::from_bytes(from))?,
        ThreadStateKind::Fp => {
            context.fp[..legacy::CONTROL_BYTES].copy_from_slice(&from[..legacy::CONTROL_BYTES]);
            context.fp[legacy::ST..legacy::XMM].copy_from_slice(&from[legacy::ST..legacy::XMM]);
            note_components(&mut context.fp, X87);
        }
        ThreadStateKind::Vector => {
            set_vectors(&mut context.fp, &VectorRegsX86_64::from_bytes(from))
        }
        ThreadStateKind::FsBase => context.fs_base = base(from)?,
        ThreadStateKind::GsBase => context.gs_base = base(from)?,
        ThreadStateKind::Debug | ThreadStateKind::SingleStep => {}
    }
    Ok(())
}

/// Makes a thread that is in a system call make it again: the instruction is `0f 05`, and the
/// number is still in rax.
pub(crate) fn restart_call(context: ContextId) {
    const SYSCALL_BYTES: u64 = 2;
    // SAFETY: the core names a living context, whose thread is in the kernel.
    let rip = unsafe { &raw mut (*context::block(context)).registers.rip };
    // SAFETY: as above.
    let before = unsafe { rip.read() };
    // SAFETY: as above. A raw place, because the arguments of the call may still be borrowed.
    unsafe { rip.write(before.wrapping_sub(SYSCALL_BYTES)) };
}

fn general(context: &Context) -> GeneralRegsX86_64 {
    let registers = &context.registers;
    let [rdi, rsi, rdx, r10, r8, r9, r12, r13] = registers.args;
    // A system call keeps rip in rcx and the flags in r11, and saves only the two.
    let (rcx, r11) = if registers.vector == SYSCALL_VECTOR {
        (registers.rip, registers.rflags)
    } else {
        (registers.rcx, registers.r11)
    };
    GeneralRegsX86_64 {
        rax: registers.rax,
        rbx: registers.rbx,
        rcx,
        rdx,
        rsi,
        rdi,
        rbp: registers.rbp,
        rsp: registers.rsp,
        r8,
        r9,
        r10,
        r11,
        r12,
        r13,
        r14: registers.r14,
        r15: registers.r15,
        rip: registers.rip,
        rflags: registers.rflags,
        fs_base: context.fs_base,
        gs_base: context.gs_base,
    }
}

fn set_general(context: &mut Context, new: &GeneralRegsX86_64) -> Result<(), NotUserState> {
    if !new.are_addresses_user(USER.end.raw()) {
        return Err(NotUserState);
    }
    let registers = &mut context.registers;
    registers.args = [
        new.rdi, new.rsi, new.rdx, new.r10, new.r8, new.r9, new.r12, new.r13,
    ];
    (registers.rax, registers.rbx) = (new.rax, new.rbx);
    (registers.rbp, registers.rsp) = (new.rbp, new.rsp);
    (registers.rcx, registers.r11) = (new.rcx, new.r11);
    (registers.r14, registers.r15) = (new.r14, new.r15);
    registers.rip = new.rip;
    registers.rflags = new.user_flags();
    (context.fs_base, context.gs_base) = (new.fs_base, new.gs_base);
    // `sysret` would put other values into rcx and r11: it goes on as from a trap.
    registers.vector = 0;
    Ok(())
}

/// A base that user mode may have.
fn base(from: &[u8]) -> Result<u64, NotUserState> {
    let base = u64::get(from);
    if base < USER.end.raw() {
        Ok(base)
    } else {
        Err(NotUserState)
    }
}

type Area = [u8; FP_BYTES];

fn vectors(area: &Area) -> VectorRegsX86_64 {
    let mut all = VectorRegsX86_64::default();
    for (register, bytes) in all
        .zmm
        .iter_mut()
        .zip(area[legacy::XMM..].chunks(16))
        .take(16)
    {
        (register[0], register[1]) = (u64::get(bytes), u64::get(&bytes[8..]));
    }
    for Part(component, first, count, words) in WIDE {
        let Some(place) = place(component) else {
            continue;
        };
        let chunks = area[place..].chunks(words.len() * 8);
        for (register, bytes) in all.zmm[first..].iter_mut().zip(chunks).take(count) {
            for (word, bytes) in register[words.clone()].iter_mut().zip(bytes.chunks(8)) {
                *word = u64::get(bytes);
            }
        }
    }
    if let Some(place) = place(OPMASK) {
        all.opmask = Field::get(&area[place..]);
    }
    all.mxcsr = Field::get(&area[legacy::MXCSR..]);
    all
}

fn set_vectors(area: &mut Area, new: &VectorRegsX86_64) {
    for (register, bytes) in new
        .zmm
        .iter()
        .zip(area[legacy::XMM..].chunks_mut(16))
        .take(16)
    {
        register[0].put(bytes);
        register[1].put(&mut bytes[8..]);
    }
    let mut written = SSE;
    for Part(component, first, count, words) in WIDE {
        let Some(place) = place(component) else {
            continue;
        };
        written |= 1 << component;
        let chunks = area[place..].chunks_mut(words.len() * 8);
        for (register, bytes) in new.zmm[first..].iter().zip(chunks).take(count) {
            for (word, bytes) in register[words.clone()].iter().zip(bytes.chunks_mut(8)) {
                word.put(bytes);
            }
        }
    }
    if let Some(place) = place(OPMASK) {
        written |= 1 << OPMASK;
        new.opmask.put(&mut area[place..]);
    }
    // A bit that the processor does not know would make the loading fault.
    let mask = match u32::get(&area[legacy::MXCSR_MASK..]) {
        0 => DEFAULT_MXCSR_MASK,
        mask => mask,
    };
    (new.mxcsr & mask).put(&mut area[legacy::MXCSR..]);
    note_components(area, written);
}

/// Where a component is in an area, if the threads here have it.
fn place(component: u32) -> Option<usize> {
    if fp::components() >> component & 1 == 0 {
        return None;
    }
    usize::try_from(cpuid::xsave_offset(component)).ok()
}

/// Has the next loading take these components from the area, not their first values.
fn note_components(area: &mut Area, components: u64) {
    if fp::components() == 0 {
        return;
    }
    let held = u64::get(&area[XSTATE_BV..]) | components;
    held.put(&mut area[XSTATE_BV..]);
}
