//! The second fence around physical memory (the first is the core's resource check).
//!
//! The machine's own record of what is RAM, and which frames it holds itself: image, heap, page
//! tables, contexts. It believes nothing that the core says about a physical address. What it once
//! allowed to be copied is remembered in `recent`, for as long as it stays so.

use alloc::vec::Vec;
use core::cmp::Reverse;

use jacinth_kernel::hal::AspaceId;
use jacinth_kernel::mem::NoMemory;
use jacinth_kernel::{Access, PAGE_SHIFT, PAGE_SIZE, PhysAddr, PhysRun, VirtAddr};

use crate::recent::Recent;

/// The fence refuses: these physical pages must not be reached so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

const WORD_BITS: u64 = 64;

/// What is RAM, and what the machine holds for itself.
#[derive(Debug)]
pub struct Fence {
    /// All RAM: merged, the largest run first, each with one bit per private frame.
    ram: Vec<Ram>,
    /// What is no device of a user: all RAM, and private ranges that are not, or not wholly, RAM.
    /// The highest end first, and where each ends, so that one look is enough for most devices,
    /// which lie above.
    closed: Vec<Closed>,
    /// User pages whose frames it allows to be copied.
    pub(crate) recent: Recent,
}

#[derive(Clone, Copy, Debug)]
struct Closed {
    start: PhysAddr,
    end: PhysAddr,
}

#[derive(Debug)]
struct Ram {
    run: PhysRun,
    /// Bit n of word n/64 is set when the frame is private.
    private: Vec<u64>,
}

impl Fence {
    /// Makes the fence: `ram` is all RAM of the machine, `private` what the kernel keeps of it and
    /// the registers of devices that it drives itself. Both may overlap and come in any order.
    ///
    /// # Errors
    /// [`NoMemory`] when the heap cannot hold it.
    pub fn new(ram: &[PhysRun], private: &[PhysRun]) -> Result<Self, NoMemory> {
        let runs = merged(ram)?;
        let mut fence = Self {
            ram: with_capacity(runs.len())?,
            closed: with_capacity(runs.len().saturating_add(private.len()))?,
            recent: Recent::new(),
        };
        for run in runs {
            let words = usize::try_from(run.pages.div_ceil(WORD_BITS)).map_err(|_| NoMemory)?;
            let mut bits = with_capacity(words)?;
            bits.resize(words, 0);
            fence.close(run);
            fence.ram.extend([Ram { run, private: bits }]);
        }
        // Nearly every frame that is asked for lies in the largest.
        fence.ram.sort_unstable_by_key(|ram| Reverse(ram.run.pages));
        for run in private {
            fence.claim_run(*run);
            if fence.ram_around(*run).is_none() {
                fence.close(*run);
            }
        }
        fence
            .closed
            .sort_unstable_by_key(|closed| Reverse(closed.end));
        Ok(fence)
    }

    fn close(&mut self, run: PhysRun) {
        let (start, end) = (run.base, run.end());
        self.closed.extend([Closed { start, end }]);
    }

    /// Whether `run` may be mapped as a device: it touches neither RAM nor the kernel's devices.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check_device(&self, run: PhysRun) -> Result<(), Refused> {
        let end = run.base.checked_add(run.bytes()).ok_or(Refused)?;
        for closed in &self.closed {
            if run.base >= closed.end {
                // As behind all that follow.
                return Ok(());
            }
            if closed.start < end {
                return Err(Refused);
            }
        }
        Ok(())
    }

    /// Whether `run` is RAM through and through, and none of it is held by the machine.
    ///
    /// # Errors
    /// [`Refused`].
    #[inline]
    pub fn check_memory(&self, run: PhysRun) -> Result<(), Refused> {
        if run.pages == 1 {
            return self.check_frame(run.base);
        }
        let ram = self.ram_around(run).ok_or(Refused)?;
        let first = ram.index(run.base);
        let is_free = masks(first, run.pages)
            .all(|(word, mask)| ram.private.get(word).is_some_and(|bits| bits & mask == 0));
        if is_free { Ok(()) } else { Err(Refused) }
    }

    /// Whether the frames of `bytes` bytes at `at` are as [`Fence::check_memory`] wants them.
    ///
    /// # Errors
    /// [`Refused`].
    #[inline(always)]
    pub fn check_bytes(&self, at: PhysAddr, bytes: u64) -> Result<(), Refused> {
        let end = at.page_offset().checked_add(bytes).ok_or(Refused)?;
        // Most copies lie in one page.
        if end <= PAGE_SIZE {
            return self.check_frame(at);
        }
        self.check_memory(PhysRun {
            base: at.page(),
            pages: end.div_ceil(PAGE_SIZE),
        })
    }

    /// Where a byte of user memory is whose page [`Walker::find`](crate::Walker::find) found lately:
    /// then it would find the same again.
    #[must_use]
    #[inline(always)]
    pub fn find(&self, aspace: AspaceId, at: VirtAddr, access: Access) -> Option<PhysAddr> {
        self.recent.find(aspace, at, access)
    }

    /// Marks a frame that was lent to the machine as private. Not RAM: nothing happens.
    pub fn claim(&mut self, frame: PhysAddr) {
        if let Some((bits, mask)) = self.bit_mut(frame) {
            *bits |= mask;
        }
        self.recent.forget_frame(frame);
    }

    /// Marks frames as private; what is not RAM in the run is passed over.
    pub fn claim_run(&mut self, run: PhysRun) {
        self.change(run, |bits, mask| *bits |= mask);
        self.recent.forget_all();
    }

    /// Marks a frame that the machine gives back as no longer private.
    pub fn release(&mut self, frame: PhysAddr) {
        if let Some((bits, mask)) = self.bit_mut(frame) {
            *bits &= !mask;
        }
    }

    /// Whether the frame is private.
    #[must_use]
    pub fn is_private(&self, frame: PhysAddr) -> bool {
        let run = PhysRun {
            base: frame,
            pages: 1,
        };
        self.ram_around(run).is_some() && self.check_memory(run).is_err()
    }

    /// How many frames of RAM are private.
    #[must_use]
    pub fn private_frames(&self) -> u64 {
        self.ram
            .iter()
            .flat_map(|ram| &ram.private)
            .map(|bits| u64::from(bits.count_ones()))
            .sum()
    }

    /// What `check_memory` says of one frame: most pages are mapped alone.
    #[inline(always)]
    pub(crate) fn check_frame(&self, frame: PhysAddr) -> Result<(), Refused> {
        for ram in &self.ram {
            if let Some((word, mask)) = ram.place(frame) {
                let bits = ram.private.get(word).ok_or(Refused)?;
                return if bits & mask == 0 {
                    Ok(())
                } else {
                    Err(Refused)
                };
            }
        }
        Err(Refused)
    }

    /// The word with the bit of a frame, and the bit, if it is RAM.
    fn bit_mut(&mut self, frame: PhysAddr) -> Option<(&mut u64, u64)> {
        self.ram.iter_mut().find_map(|ram| {
            let (word, mask) = ram.place(frame)?;
            Some((ram.private.get_mut(word)?, mask))
        })
    }

    /// The RAM that holds all of `run`.
    fn ram_around(&self, run: PhysRun) -> Option<&Ram> {
        let end = run.base.checked_add(run.bytes())?;
        self.ram
            .iter()
            .find(|ram| ram.run.base <= run.base && end <= ram.run.end())
    }

    fn change(&mut self, run: PhysRun, change: impl Fn(&mut u64, u64)) {
        for ram in &mut self.ram {
            let base = run.base.max(ram.run.base);
            let end = run.end().min(ram.run.end());
            let pages = end.raw().saturating_sub(base.raw()) >> PAGE_SHIFT;
            for (word, mask) in masks(ram.index(base), pages) {
                if let Some(bits) = ram.private.get_mut(word) {
                    change(bits, mask);
                }
            }
        }
    }
}

impl Ram {
    /// The word that has the bit of a frame, and the bit, if the frame is in the run.
    #[inline]
    fn place(&self, frame: PhysAddr) -> Option<(usize, u64)> {
        let index = frame.raw().wrapping_sub(self.run.base.raw()) >> PAGE_SHIFT;
        let word = usize::try_from(index / WORD_BITS).ok()?;
        (index < self.run.pages).then_some((word, 1 << (index % WORD_BITS)))
    }

    /// The number of a frame that lies behind the base.
    const fn index(&self, frame: PhysAddr) -> u64 {
        frame.raw().saturating_sub(self.run.base.raw()) >> PAGE_SHIFT
    }
}

/// The words, and the bits in each, of `count` bits from `first` on.
fn masks(first: u64, count: u64) -> impl Iterator<Item = (usize, u64)> {
    let end = first.saturating_add(count);
    let words = if count == 0 {
        0..0
    } else {
        first / WORD_BITS..end.div_ceil(WORD_BITS)
    };
    words.map(move |word| {
        let base = word * WORD_BITS;
        let below = first.saturating_sub(base);
        let above = base.saturating_add(WORD_BITS).saturating_sub(end);
        let mask = (u64::MAX << below) & (u64::MAX >> above);
        (usize::try_from(word).unwrap_or(usize::MAX), mask)
    })
}

/// The runs in order, those that touch or overlap made one.
fn merged(runs: &[PhysRun]) -> Result<Vec<PhysRun>, NoMemory> {
    let mut sorted = with_capacity(runs.len())?;
    sorted.extend(runs.iter().filter(|run| run.pages > 0).copied());
    sorted.sort_unstable_by_key(|run: &PhysRun| run.base);
    let mut merged: Vec<PhysRun> = with_capacity(sorted.len())?;
    for run in sorted {
        match merged.last_mut() {
            Some(last) if run.base <= last.end() => {
                let end = last.end().max(run.end());
                last.pages = (end.raw() - last.base.raw()) >> PAGE_SHIFT;
            }
            _ => merged.extend([run]),
        }
    }
    Ok(merged)
}

fn with_capacity<T>(count: usize) -> Result<Vec<T>, NoMemory> {
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| NoMemory)?;
    Ok(list)
}
