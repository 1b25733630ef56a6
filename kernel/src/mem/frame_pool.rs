//! The free frames: a buddy allocator that keeps its records beside the memory, never in it.

use super::{Budget, Frame, NoMemory};
use crate::{PhysAddr, PhysRun};

/// The free frames of the machine.
#[derive(Debug)]
pub struct FramePool {}

impl FramePool {
    /// Takes over the runs of free RAM; runs must not overlap.
    ///
    /// # Errors
    /// [`NoMemory`] when the heap cannot hold the records.
    pub fn new(_ram: &[PhysRun], _budget: &mut Budget) -> Result<Self, NoMemory> {
        Ok(Self {})
    }

    /// Takes one frame; contents unknown.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn alloc(&mut self) -> Result<Frame, NoMemory> {
        Err(NoMemory)
    }

    /// Gives a frame back.
    pub fn free(&mut self, _frame: Frame) {}

    /// Takes 2^`order` frames in a row, aligned to their size.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn alloc_order(&mut self, _order: u32) -> Result<PhysRun, NoMemory> {
        Err(NoMemory)
    }

    /// Gives 2^`order` frames back, whole or in parts.
    pub fn free_order(&mut self, _base: PhysAddr, _order: u32) {}

    /// How many frames are free.
    #[must_use]
    pub const fn free_frames(&self) -> u64 {
        0
    }

    /// How many frames there are, free or not.
    #[must_use]
    pub const fn total_frames(&self) -> u64 {
        0
    }
}
