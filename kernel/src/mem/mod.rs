//! Memory: frames, and the only containers of the core that grow.
//!
//! [`Mem`] holds the free frames and the [`Budget`] that every growth asks first. Containers:
//! [`KVec`], [`Pool`] with [`Key`], and what is built on them. All are safe, fallible and bounded.

mod avl;
mod bitmap;
mod budget;
mod frame;
mod frame_pool;
mod kvec;
mod list;
mod page_list;
mod pool;
mod region_gap;
mod region_node;
mod region_tree;
mod span_tree;
mod word_map;

pub use budget::{Budget, NoMemory, Work};
pub use frame::{Frame, TlbFlush};
pub use frame_pool::FramePool;
pub use kvec::KVec;
pub use list::{Link, Linked, List};
pub use page_list::{Holding, Page, PageList, PageNode, PageTally, audit_page_lists};
pub use pool::{Key, Pool};
pub use region_node::RegionNode;
pub use region_tree::{Gap, Region, RegionPool, RegionTree};
pub use span_tree::{Span, SpanNode, SpanPool, SpanTree};
pub use word_map::{WordMap, WordNode, WordPool};

use crate::PhysRun;

/// The memory of the machine: its free frames and the budget that every growth asks.
#[derive(Debug)]
pub struct Mem {
    /// The free frames.
    pub frames: FramePool,
    /// What every growth asks first.
    pub budget: Budget,
    /// Frames set aside for page tables, so that a commit cannot fail.
    reserved: arrayvec::ArrayVec<Frame, { Mem::MOST_RESERVED_TABLES }>,
    /// Frames that are page tables.
    tables: u64,
}

impl Mem {
    /// The most tables that one operation on a range can need for splits: two at each end.
    pub const MOST_RESERVED_TABLES: usize = 4;

    /// Makes it from the runs of RAM that are free; runs must not overlap.
    ///
    /// # Errors
    /// [`NoMemory`] when the heap cannot hold the pool's own records.
    pub fn new(ram: &[PhysRun]) -> Result<Self, NoMemory> {
        let mut budget = Budget::new();
        let frames = FramePool::new(ram, &mut budget)?;
        Ok(Self {
            frames,
            budget,
            reserved: arrayvec::ArrayVec::new(),
            tables: 0,
        })
    }

    /// Takes one free frame; its contents are unknown.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn frame_alloc(&mut self) -> Result<Frame, NoMemory> {
        self.budget.ask()?;
        self.frames.alloc()
    }

    /// Takes 2^`order` frames in a row, aligned to their size; their contents are unknown.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn run_alloc(&mut self, order: u32) -> Result<PhysRun, NoMemory> {
        self.budget.ask()?;
        self.frames.alloc_order(order)
    }

    /// Gives a frame back.
    pub fn frame_free(&mut self, frame: Frame) {
        self.frames.free(frame);
    }

    /// Takes a frame for a page table: one set aside by [`Mem::reserve_tables`], else a free one.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn table_alloc(&mut self) -> Result<Frame, NoMemory> {
        let frame = match self.reserved.pop() {
            Some(frame) => frame,
            None => self.frame_alloc()?,
        };
        self.tables = self.tables.wrapping_add(1);
        Ok(frame)
    }

    /// Gives the frame of a page table back.
    pub fn table_free(&mut self, frame: Frame) {
        self.tables = self.tables.saturating_sub(1);
        self.frame_free(frame);
    }

    /// How many frames are page tables.
    #[must_use]
    pub const fn tables(&self) -> u64 {
        self.tables
    }

    /// Sets `count` frames aside for page tables.
    ///
    /// # Errors
    /// [`NoMemory`], with none set aside.
    pub fn reserve_tables(&mut self, count: usize) -> Result<(), NoMemory> {
        while self.reserved.len() < count.min(Self::MOST_RESERVED_TABLES) {
            match self.frame_alloc() {
                Ok(frame) => self.reserved.push(frame),
                Err(error) => {
                    self.release_tables();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Gives what was set aside and not used back.
    pub fn release_tables(&mut self) {
        while let Some(frame) = self.reserved.pop() {
            self.frame_free(frame);
        }
    }
}
