//! TLB shootdown: one CPU makes others forget translations, and waits until they did.
//!
//! Whoever asks has the big lock, so there is one request at a time. A CPU that is asked is in user
//! mode or idles, where the interrupt reaches it; or it waits for the lock, where it looks for
//! requests ([`serve`]); or it is on its way from one of these to another. It never waits for
//! anything else, so an answer always comes.

use core::sync::atomic::{AtomicU64, Ordering};

use jacinth_kernel::{PAGE_SIZE, PhysAddr, VirtAddr, VirtRange};
use x86_64::instructions::tlb;

use super::kernel_space::{load_root, loaded_root};
use super::lapic;
use super::per_cpu::{self, current_cpu};

/// From this many pages on, forgetting a whole address space is the shorter way.
const MOST_PAGES: u64 = 64;

/// What is to be forgotten; written by who has the big lock, read by those it asked.
static ROOT: AtomicU64 = AtomicU64::new(0);
static START: AtomicU64 = AtomicU64::new(0);
static END: AtomicU64 = AtomicU64::new(0);

/// Forgets translations of a range of an address space, given by its root table, on every CPU that
/// uses it. The others have none: there are no process-context identifiers, so a change of address
/// space forgets them.
pub(crate) fn forget(root: PhysAddr, range: VirtRange) {
    forget_here(root, range);
    if per_cpu::running() > 1 {
        forget_elsewhere(root, range);
    }
}

#[cold]
fn forget_elsewhere(root: PhysAddr, range: VirtRange) {
    let here = current_cpu();
    let others = || {
        (0..per_cpu::running())
            .filter(move |&cpu| cpu != here)
            .map(per_cpu::of)
            .filter(|cpu| cpu.active.load(Ordering::Relaxed) == root.raw())
    };
    ROOT.store(root.raw(), Ordering::Relaxed);
    START.store(range.start.raw(), Ordering::Relaxed);
    END.store(range.end.raw(), Ordering::Relaxed);
    for cpu in others() {
        // Whoever sees the request sees what it is, and the page tables as they are.
        cpu.is_to_forget.store(true, Ordering::SeqCst);
        lapic::interrupt(cpu.apic_id.load(Ordering::Relaxed), lapic::FORGET_VECTOR);
    }
    for cpu in others() {
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
    forget_here(PhysAddr::new(ROOT.load(Ordering::Relaxed)), range);
    own.store(false, Ordering::Release);
}

fn forget_here(root: PhysAddr, range: VirtRange) {
    if loaded_root() != root {
        return;
    }
    if range.bytes() > MOST_PAGES * PAGE_SIZE {
        // SAFETY: the root that is in use already.
        unsafe { load_root(root) };
        return;
    }
    let mut at = range.start.page().raw();
    while at < range.end.raw() {
        tlb::flush(x86_64::VirtAddr::new_truncate(at));
        at += PAGE_SIZE;
    }
}
