//! RAM as bytes, in pieces with holes between them.

use jacinth_kernel::{PhysAddr, PhysRun};

#[derive(Debug)]
struct Piece {
    run: PhysRun,
    bytes: Vec<u8>,
}

/// All RAM of a machine.
#[derive(Debug)]
pub(crate) struct Ram {
    pieces: Vec<Piece>,
    changed: Changes,
}

/// How much of memory was changed: what work under the kernel's lock really comes to, counted
/// where it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Bytes copied and filled, new page tables included.
    pub bytes: u64,
    /// Entries of page tables written.
    pub entries: u64,
}

impl Changes {
    /// What was added since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            bytes: self.bytes - before.bytes,
            entries: self.entries - before.entries,
        }
    }

    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.max(other.bytes),
            entries: self.entries.max(other.entries),
        }
    }
}

impl Ram {
    /// RAM in these runs, filled with rubbish: nothing may count on zeros.
    pub(crate) fn new(runs: &[PhysRun]) -> Self {
        let piece = |run: &PhysRun| Piece {
            run: *run,
            bytes: vec![0xa5; len(run.bytes())],
        };
        Self {
            pieces: runs.iter().map(piece).collect(),
            changed: Changes::default(),
        }
    }

    /// What was changed since the beginning.
    pub(crate) const fn changed(&self) -> Changes {
        self.changed
    }

    /// Counts a table entry.
    pub(crate) const fn count_entry(&mut self) {
        self.changed.entries += 1;
    }

    /// Whether all `bytes` bytes at `at` are RAM, in one piece.
    pub(crate) fn holds(&self, at: PhysAddr, bytes: u64) -> bool {
        self.pieces
            .iter()
            .any(|piece| piece.offset(at, bytes).is_some())
    }

    /// The bytes at `at`, or `None` where there is no RAM.
    pub(crate) fn get(&self, at: PhysAddr, bytes: u64) -> Option<&[u8]> {
        self.pieces.iter().find_map(|piece| {
            let start = piece.offset(at, bytes)?;
            piece.bytes.get(start..start + len(bytes))
        })
    }

    /// The bytes at `at`, or `None` where there is no RAM.
    pub(crate) fn get_mut(&mut self, at: PhysAddr, bytes: u64) -> Option<&mut [u8]> {
        self.changed.bytes += bytes;
        self.pieces.iter_mut().find_map(|piece| {
            let start = piece.offset(at, bytes)?;
            piece.bytes.get_mut(start..start + len(bytes))
        })
    }

    /// The 64-bit word at `at`.
    ///
    /// # Panics
    /// When there is no RAM: a processor that walks tables there takes a machine check.
    pub(crate) fn word(&self, at: PhysAddr) -> u64 {
        let bytes = self
            .get(at, 8)
            .unwrap_or_else(|| panic!("a page table at {at}, where there is no RAM"));
        u64::from_le_bytes(bytes.try_into().expect("eight bytes were asked for"))
    }

    /// Stores the 64-bit word at `at`.
    ///
    /// # Panics
    /// When there is no RAM there.
    pub(crate) fn set_word(&mut self, at: PhysAddr, word: u64) {
        let bytes = self
            .get_mut(at, 8)
            .unwrap_or_else(|| panic!("a page table at {at}, where there is no RAM"));
        bytes.copy_from_slice(&word.to_le_bytes());
    }
}

impl Piece {
    fn offset(&self, at: PhysAddr, bytes: u64) -> Option<usize> {
        let start = at.raw().checked_sub(self.run.base.raw())?;
        let end = start.checked_add(bytes)?;
        (end <= self.run.bytes()).then(|| len(start))
    }
}

fn len(bytes: u64) -> usize {
    usize::try_from(bytes).expect("simulated RAM fits into the host's address space")
}
