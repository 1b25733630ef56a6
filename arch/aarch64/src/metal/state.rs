//! A thread's registers in the ABI's form: what suspended threads show and are given.

use jacinth_abi::{Field, GeneralRegsAarch64, Record, ThreadStateKind, VectorRegsAarch64};
use jacinth_kernel::hal::ContextId;

use crate::metal::context::{self, Context};

/// The bytes of a part of the registers.
pub(crate) const fn bytes(kind: ThreadStateKind) -> Option<usize> {
    match kind {
        ThreadStateKind::General => Some(size_of::<GeneralRegsAarch64>()),
        ThreadStateKind::Vector => Some(size_of::<VectorRegsAarch64>()),
        _ => None,
    }
}

/// Reads a part of the registers.
///
/// # Safety
/// `context` names a living context whose thread is on no CPU.
pub(crate) unsafe fn read(context: ContextId, kind: ThreadStateKind, to: &mut [u8]) {
    // SAFETY: by this function's contract nobody writes it.
    let context = unsafe { &*context::at(context) };
    match kind {
        ThreadStateKind::General => general(context).put(to),
        ThreadStateKind::Vector => vectors(context).put(to),
        _ => {}
    }
}

/// Writes a part of the registers. There is nothing that user mode must not hold: an address of the
/// kernel's is a fault of the thread when it goes on there.
///
/// # Safety
/// `context` names a living context whose thread is on no CPU.
pub(crate) unsafe fn write(context: ContextId, kind: ThreadStateKind, from: &[u8]) {
    // SAFETY: by this function's contract nobody else uses it.
    let context = unsafe { &mut *context::at(context) };
    match kind {
        ThreadStateKind::General => set_general(context, &GeneralRegsAarch64::from_bytes(from)),
        ThreadStateKind::Vector => set_vectors(context, &VectorRegsAarch64::from_bytes(from)),
        _ => {}
    }
}

/// Makes a thread that is in a system call make it again: the number is still in x16.
///
/// # Safety
/// `context` names a living context whose thread is in a call.
pub(crate) unsafe fn restart_call(context: ContextId) {
    const SVC_BYTES: u64 = 4;
    // SAFETY: by this function's contract nobody else uses it.
    let context = unsafe { &mut *context::at(context) };
    context.pc = context.pc.wrapping_sub(SVC_BYTES);
}

fn general(context: &Context) -> GeneralRegsAarch64 {
    let [r @ .., lr] = context.x;
    GeneralRegsAarch64 {
        r,
        lr,
        sp: context.sp,
        pc: context.pc,
        cpsr: context.pstate & GeneralRegsAarch64::USER_FLAGS,
        tpidr: context.thread_pointer,
    }
}

/// Of PSTATE nothing but the flags is kept: the rest is that of a thread at its start.
fn set_general(context: &mut Context, new: &GeneralRegsAarch64) {
    let (r, lr) = context.x.split_at_mut(new.r.len());
    r.copy_from_slice(&new.r);
    lr.fill(new.lr);
    context.sp = new.sp;
    context.pc = new.pc;
    context.pstate = new.cpsr & GeneralRegsAarch64::USER_FLAGS;
    context.thread_pointer = new.tpidr;
}

fn vectors(context: &Context) -> VectorRegsAarch64 {
    let low_half = |word: u64| (word & u64::from(u32::MAX)) as u32;
    let mut all = VectorRegsAarch64 {
        fpcr: low_half(context.fp_control),
        fpsr: low_half(context.fp_status),
        ..VectorRegsAarch64::default()
    };
    for (to, from) in all.v.iter_mut().zip(&context.vectors) {
        *to = Field::get(&from.to_le_bytes());
    }
    all
}

fn set_vectors(context: &mut Context, new: &VectorRegsAarch64) {
    context.fp_control = u64::from(new.fpcr);
    context.fp_status = u64::from(new.fpsr);
    for (to, [low, high]) in context.vectors.iter_mut().zip(&new.v) {
        *to = u128::from(*low) | u128::from(*high) << 64;
    }
}
