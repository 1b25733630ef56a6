//! TLB shootdown: one CPU makes others forget translations, and waits until they did.
//!
//! Whoever asks has the big lock, so there is one request at a time. A CPU that is asked is in user
//! mode or idles, where the interrupt reaches it; or it waits for the lock, where it looks for
//! requests ([`serve`]); or it is on its way from one of these to another. It never waits for
//! anything else, so an answer always comes.

use core::sync::atomic::{AtomicU64, Ordering};

use jacinth_kernel::hal::{AspaceId, CpuId};
use jacinth_kernel::{PAGE_SIZE, VirtAddr, VirtRange};
use jacinth_paging::{CpuMask, root_of};
use x86_64::instructions::tlb;

use super::kernel_space::{load, loaded};
use super::lapic;
use super::per_cpu::{self, current_cpu};
use crate::pcid::{Forget, StalePcids};

/// Who must forget what of spaces that it does not use.
static STALE: StalePcids = StalePcids::new();

/// What is to be forgotten; written by who has the big lock, read by those it asked.
static ASPACE: AtomicU64 = AtomicU64::new(0);
static START: AtomicU64 = AtomicU64::new(0);
static END: AtomicU64 = AtomicU64::new(0);

/// Makes this CPU use an address space.
///
/// # Safety
/// The upper half of its root table is the kernel's.
pub(crate) unsafe fn enter(cpu: CpuId, aspace: AspaceId) {
    // SAFETY: the caller says so.
    unsafe { load(STALE.enter(cpu, aspace)) }
}

/// Forgets translations of a range of an address space: now, on every CPU that uses it; before they
/// use it again, on the others, if there are tags under which they may still have some.
pub(crate) fn forget(aspace: AspaceId, range: VirtRange) {
    forget_here(aspace, range);
    if per_cpu::running() > 1 {
        forget_elsewhere(aspace, range);
    }
}

/// Notes that a space ends, which no CPU uses: its tag may be given out again.
pub(crate) fn end(aspace: AspaceId) {
    STALE.end(aspace);
}

#[cold]
fn forget_elsewhere(aspace: AspaceId, range: VirtRange) {
    let (here, root) = (current_cpu(), root_of(aspace).raw());
    let users = (0..per_cpu::running())
        .filter(|&cpu| cpu != here)
        .filter(|&cpu| per_cpu::of(cpu).active.load(Ordering::Relaxed) == root)
        .fold(CpuMask::default(), |users, cpu| {
            users.with(CpuMask::of(cpu))
        });
    STALE.elsewhere(aspace, users.with(CpuMask::of(here)));
    let users = || {
        (0..per_cpu::running())
            .filter(|&cpu| users.has(cpu))
            .map(per_cpu::of)
    };
    ASPACE.store(aspace.0, Ordering::Relaxed);
    START.store(range.start.raw(), Ordering::Relaxed);
    END.store(range.end.raw(), Ordering::Relaxed);
    for cpu in users() {
        // Whoever sees the request sees what it is, and the page tables as they are.
        cpu.is_to_forget.store(true, Ordering::SeqCst);
        lapic::interrupt(cpu.apic_id.load(Ordering::Relaxed), lapic::FORGET_VECTOR);
    }
    for cpu in users() {
        while cpu.is_to_forget.load(Ordering::Acquire) {
            core::hint::spin_loop();
        }
    }
}

/// Does what another CPU asked of this one, if it did: for a CPU that waits for the big lock.
pub fn serve() {
    let own = &per_cpu::of(current_cpu()).is_to_forget;
    if !own.load(Ordering::Acquire) {
        return;
    }
    let range = VirtRange {
        start: VirtAddr::new(START.load(Ordering::Relaxed)),
        end: VirtAddr::new(END.load(Ordering::Relaxed)),
    };
    forget_here(AspaceId(ASPACE.load(Ordering::Relaxed)), range);
    own.store(false, Ordering::Release);
}

fn forget_here(aspace: AspaceId, range: VirtRange) {
    match STALE.here(current_cpu, loaded(), aspace, range) {
        Forget::Later => {}
        // SAFETY: the root that is in use already.
        Forget::Load(word) => unsafe { load(word) },
        Forget::Pages => forget_pages(range),
    }
}

fn forget_pages(range: VirtRange) {
    let mut at = range.start.page().raw();
    while at < range.end.raw() {
        tlb::flush(x86_64::VirtAddr::new_truncate(at));
        at += PAGE_SIZE;
    }
}
