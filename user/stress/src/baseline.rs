//! What must be as it was when all is over: frames, and the program's own handles.

use alloc::string::String;
use alloc::{format, vec};
use core::hint::black_box;

use zx::abi::{KmemStatsInfo, ProcessHandleStatsInfo, Status, Topic};
use zx::{Process, Resource, time};

/// How long the kernel is given to tear down what died.
const PATIENCE_NS: i64 = 20 * time::SECOND_NS;
/// How often one looks.
const PAUSE_NS: i64 = time::MILLISECOND_NS;

/// Takes the memory that this program will need for itself, its heap and its stack, so that it takes
/// none while something is counted.
pub fn settle_in() {
    const HEAP_BYTES: usize = 2 << 20;
    const STACK_BYTES: usize = 96 << 10;
    drop(black_box(vec![1_u8; HEAP_BYTES]));
    black_box(&[1_u8; STACK_BYTES]);
}

/// Counts of the whole machine, and of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Frames that are free or went to the kernel's heap, which keeps them; in bytes.
    free: u64,
    /// Page tables, in bytes.
    tables: u64,
    /// Threads and other things of the kernel's that are not in its heap, in bytes.
    other: u64,
    /// This process's handles.
    handles: u64,
}

impl Baseline {
    /// Counts.
    ///
    /// # Errors
    /// Those of asking.
    pub fn take(system: &Resource, process: &Process) -> Result<Self, Status> {
        let memory: KmemStatsInfo = system.info(Topic::KMEM_STATS)?;
        let handles: ProcessHandleStatsInfo = process.info(Topic::PROCESS_HANDLE_STATS)?;
        Ok(Self {
            free: memory.free_bytes + memory.total_heap_bytes,
            tables: memory.mmu_overhead_bytes,
            other: memory.other_bytes,
            handles: handles.handle_count.iter().copied().map(u64::from).sum(),
        })
    }

    /// Waits until all counts are these again.
    ///
    /// # Errors
    /// What differs when patience has ended.
    pub fn wait(&self, system: &Resource, process: &Process) -> Result<(), String> {
        let patient_until = time::after_ns(PATIENCE_NS);
        loop {
            let now =
                Self::take(system, process).map_err(|status| format!("counting: {status}"))?;
            if now == *self {
                return Ok(());
            }
            if time::now_ns() > patient_until {
                return Err(format!("not at the baseline: {self:?} before, {now:?} now"));
            }
            time::sleep_ns(PAUSE_NS).ok();
        }
    }
}
