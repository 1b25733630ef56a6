//! The kernel's heap: the global allocator over one window of virtual memory that grows.
//!
//! The core asks for memory with `try_reserve` only, so a full heap is an error there and nothing
//! aborts; the core then lends the machine a run of frames, which the machine maps behind the
//! heap's end and reports to [`jacinth_heap_extend`].

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use jacinth_kernel::VirtAddr;
use linked_list_allocator::Heap;
use spin::Mutex;

/// The heap. Its lock is never contended: whoever allocates holds the big lock or is alone at boot.
/// No interrupt handler allocates.
static HEAP: Mutex<Heap> = Mutex::new(Heap::empty());

/// The allocator that `alloc` uses.
struct KernelHeap;

#[global_allocator]
static ALLOCATOR: KernelHeap = KernelHeap;

// SAFETY: every block comes from `Heap`, which hands out disjoint, aligned blocks of memory that
// `init` and `jacinth_heap_extend` gave it for good; a failure is a null pointer; nothing unwinds.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP.lock()
            .allocate_first_fit(layout)
            .map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(block) = NonNull::new(block) else {
            return;
        };
        // SAFETY: the caller gives a block back that `alloc` made, with its layout.
        unsafe { HEAP.lock().deallocate(block, layout) };
    }
}

/// Starts the heap.
///
/// # Safety
/// The `bytes` bytes at `at` are mapped and writable, and nobody else uses them from now on.
/// Called once.
pub(crate) unsafe fn init(at: VirtAddr, bytes: u64) {
    let start = ptr::with_exposed_provenance_mut(pointer_sized(at.raw()));
    let size = pointer_sized(bytes);
    // SAFETY: the caller's promise is the one asked for.
    unsafe { HEAP.lock().init(start, size) };
}

/// Takes `bytes` more bytes, right behind the heap's end. The machine calls it from `heap_grow`.
///
/// # Safety
/// They are mapped and writable, and nobody else uses them from now on.
#[unsafe(no_mangle)]
unsafe extern "Rust" fn jacinth_heap_extend(at: VirtAddr, bytes: u64) {
    let mut heap = HEAP.lock();
    assert_eq!(
        heap.top().addr(),
        pointer_sized(at.raw()),
        "the machine extends the heap at its end"
    );
    // SAFETY: the memory is the caller's to give, and it begins where the heap ends.
    unsafe { heap.extend(pointer_sized(bytes)) };
}

/// A 64-bit number on a 64-bit machine.
pub(crate) fn pointer_sized(number: u64) -> usize {
    usize::try_from(number).expect("this kernel runs on 64-bit machines")
}
