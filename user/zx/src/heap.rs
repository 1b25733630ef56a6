//! The heap: one VMO, mapped whole, of which only what is touched takes memory.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::hint;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use jacinth_abi::{VmOptions, VmoOptions};
use linked_list_allocator::Heap;

use crate::sys;

/// The size of the heap in bytes; untouched parts cost nothing.
const SIZE: usize = 64 << 20;

/// The handle of the address space, 0 until start-up has read it.
static ROOT_VMAR: AtomicU32 = AtomicU32::new(0);

#[global_allocator]
static HEAP: ProcessHeap = ProcessHeap {
    is_taken: AtomicBool::new(false),
    heap: UnsafeCell::new(Heap::empty()),
};

/// Says in which address space the heap is to be.
pub(crate) fn place_in(root_vmar: u32) {
    ROOT_VMAR.store(root_vmar, Ordering::Relaxed);
}

struct ProcessHeap {
    is_taken: AtomicBool,
    heap: UnsafeCell<Heap>,
}

// SAFETY: the heap is reached through `with` only, one thread at a time.
unsafe impl Sync for ProcessHeap {}

impl ProcessHeap {
    /// Runs `work` with the heap, which is made when it is first needed.
    fn with<R>(&self, work: impl FnOnce(&mut Heap) -> R) -> R {
        while self.is_taken.swap(true, Ordering::Acquire) {
            hint::spin_loop();
        }
        // SAFETY: `is_taken` was false and is ours now, so there is no other reference.
        let heap = unsafe { &mut *self.heap.get() };
        if heap.size() == 0 {
            make(heap);
        }
        let result = work(heap);
        self.is_taken.store(false, Ordering::Release);
        result
    }
}

/// Maps memory for the heap; it stays empty when there is none.
fn make(heap: &mut Heap) {
    let (mut vmo, mut at) = ([0; 4], [0; 8]);
    let root = ROOT_VMAR.load(Ordering::Relaxed);
    if root == 0 || sys::vmo_create(SIZE as u64, VmoOptions::empty().bits(), &mut vmo).is_err() {
        return;
    }
    let vmo = u32::from_le_bytes(vmo);
    let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE;
    let mapped = sys::vmar_map(root, options, 0, vmo, 0, SIZE as u64, &mut at);
    // The mapping keeps the VMO.
    sys::handle_close(vmo).ok();
    if mapped.is_ok() {
        let start = ptr::with_exposed_provenance_mut(u64::from_le_bytes(at) as usize);
        // SAFETY: the memory was mapped just now, for this, and is never unmapped.
        unsafe { heap.init(start, SIZE) };
    }
}

// SAFETY: memory comes from a heap that hands out each byte once; `with` keeps threads apart.
unsafe impl GlobalAlloc for ProcessHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let place = self.with(|heap| heap.allocate_first_fit(layout));
        place.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        let Some(place) = NonNull::new(place) else {
            return;
        };
        self.with(|heap| {
            // SAFETY: the caller got it from `alloc` with this layout.
            unsafe { heap.deallocate(place, layout) };
        });
    }
}
