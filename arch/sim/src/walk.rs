//! The processor's own page walk, written from the manuals and apart from `jacinth_paging`, so that
//! a mistake there is not made twice: Intel SDM vol. 3A ch. 5, Arm ARM ch. D8.

use crate::ram::Ram;
use crate::{Arch, MemoryType};
use jacinth_kernel::{Access, PhysAddr};

/// One translation as a TLB holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// The first virtual address of the page or block.
    pub(crate) base: u64,
    /// Its size: 4 KiB, 2 MiB or 1 GiB.
    pub(crate) bytes: u64,
    /// The physical address of its first byte.
    pub(crate) phys: u64,
    pub(crate) can_read: bool,
    pub(crate) can_write: bool,
    pub(crate) can_execute: bool,
    pub(crate) memory: MemoryType,
}

impl Leaf {
    pub(crate) fn allows(&self, access: Access) -> bool {
        match access {
            Access::Read => self.can_read,
            Access::Write => self.can_write,
            Access::Execute => self.can_execute,
        }
    }

    pub(crate) fn phys_of(&self, at: u64) -> PhysAddr {
        PhysAddr::new(self.phys + (at - self.base))
    }

    /// Whether using this translation can do nothing that `now` does not allow.
    pub(crate) fn is_covered_by(&self, now: &Self) -> bool {
        let same_place =
            self.phys_of(self.base.max(now.base)) == now.phys_of(self.base.max(now.base));
        same_place
            && self.memory == now.memory
            && self.can_read <= now.can_read
            && self.can_write <= now.can_write
            && self.can_execute <= now.can_execute
    }
}

/// What the levels above a last-level table add up to; a walk cache holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Upper {
    /// The last-level table.
    table: u64,
    can_write: bool,
    can_execute: bool,
}

/// What a walk found.
pub(crate) enum Found {
    Nothing,
    /// A block above the last level.
    Block(Leaf),
    /// A last-level table, to be read by [`last_level`].
    Table(Upper),
}

const fn index(at: u64, shift: u32) -> u64 {
    (at >> shift) & 0x1ff
}

fn entry(ram: &Ram, table: u64, at: u64, shift: u32) -> u64 {
    ram.word(PhysAddr::new(table + index(at, shift) * 8))
}

/// Walks the levels above the last.
pub(crate) fn upper(arch: Arch, phys_bits: u32, ram: &Ram, root: u64, at: u64) -> Found {
    let mut upper = Upper {
        table: root,
        can_write: true,
        can_execute: true,
    };
    for shift in [39, 30, 21] {
        let word = entry(ram, upper.table, at, shift);
        match arch {
            Arch::X86_64 => match x86_64::step(word, shift, phys_bits, &mut upper) {
                Step::Absent => return Found::Nothing,
                Step::Down => {}
                Step::Block => {
                    return Found::Block(x86_64::leaf(word, at, shift, phys_bits, upper));
                }
            },
            Arch::Aarch64 => match aarch64::step(word, shift, &mut upper) {
                Step::Absent => return Found::Nothing,
                Step::Down => {}
                Step::Block => return Found::Block(aarch64::leaf(word, at, shift, upper)),
            },
        }
    }
    Found::Table(upper)
}

/// Reads the last level.
pub(crate) fn last_level(
    arch: Arch,
    phys_bits: u32,
    ram: &Ram,
    upper: Upper,
    at: u64,
) -> Option<Leaf> {
    let word = entry(ram, upper.table, at, 12);
    match arch {
        Arch::X86_64 => (word & 1 != 0).then(|| x86_64::leaf(word, at, 12, phys_bits, upper)),
        Arch::Aarch64 => (word & 3 == 3).then(|| aarch64::leaf(word, at, 12, upper)),
    }
}

enum Step {
    Absent,
    Down,
    Block,
}

mod x86_64 {
    use super::{Leaf, MemoryType, Step, Upper};

    const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

    pub(super) fn step(word: u64, shift: u32, phys_bits: u32, upper: &mut Upper) -> Step {
        if word & 1 == 0 {
            return Step::Absent;
        }
        if word & (1 << 7) != 0 {
            assert!(shift < 39, "reserved bit: PS in a PML4 entry {word:#x}");
            return Step::Block;
        }
        assert!(
            word & (1 << 2) != 0,
            "a supervisor table in the user half: {word:#x}"
        );
        upper.table = word & ADDRESS;
        assert!(
            upper.table >> phys_bits == 0,
            "reserved bit: table beyond the physical width: {word:#x}"
        );
        upper.can_write &= word & (1 << 1) != 0;
        upper.can_execute &= word >> 63 == 0;
        Step::Down
    }

    pub(super) fn leaf(word: u64, at: u64, shift: u32, phys_bits: u32, upper: Upper) -> Leaf {
        let bytes = 1u64 << shift;
        let pat_bit = if shift == 12 { 7 } else { 12 };
        let reserved = if shift == 12 {
            0
        } else {
            (bytes - 1) & ADDRESS & !(1 << 12)
        };
        assert!(word & reserved == 0, "reserved bit in a block: {word:#x}");
        let phys = word & ADDRESS & !(bytes - 1);
        assert!(
            phys >> phys_bits == 0,
            "reserved bit: frame beyond the physical width: {word:#x}"
        );
        assert!(word & (1 << 8) == 0, "a global user page: {word:#x}");
        let is_user = word & (1 << 2) != 0;
        let slot = ((word >> pat_bit) & 1) << 2 | ((word >> 4) & 1) << 1 | ((word >> 3) & 1);
        let memory = match slot {
            0 => MemoryType::WriteBack,
            3 => MemoryType::Uncacheable,
            7 => MemoryType::WriteCombining,
            slot => panic!("a memory type that nobody asked for: PAT slot {slot}"),
        };
        Leaf {
            base: at & !(bytes - 1),
            bytes,
            phys,
            can_read: is_user,
            can_write: is_user && upper.can_write && word & (1 << 1) != 0,
            can_execute: is_user && upper.can_execute && word >> 63 == 0,
            memory,
        }
    }
}

mod aarch64 {
    use super::{Leaf, MemoryType, Step, Upper};

    const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

    pub(super) fn step(word: u64, shift: u32, upper: &mut Upper) -> Step {
        match word & 3 {
            3 => {
                upper.table = word & ADDRESS;
                upper.can_write &= word & (1 << 62) == 0;
                upper.can_execute &= word & (1 << 60) == 0;
                assert!(word & (1 << 61) == 0, "APTable takes EL0 away: {word:#x}");
                Step::Down
            }
            1 => {
                assert!(shift < 39, "a block at level 0: {word:#x}");
                Step::Block
            }
            _ => Step::Absent,
        }
    }

    pub(super) fn leaf(word: u64, at: u64, shift: u32, upper: Upper) -> Leaf {
        let bytes = 1u64 << shift;
        let phys = word & ADDRESS;
        assert!(
            phys & (bytes - 1) == 0,
            "a block's address is not aligned: {word:#x}"
        );
        assert!(
            word & (1 << 10) != 0,
            "no access flag, and nobody who sets it: {word:#x}"
        );
        assert!(word & (1 << 11) != 0, "a global user page: {word:#x}");
        assert!(
            word & (1 << 53) != 0,
            "the kernel could execute a user page: {word:#x}"
        );
        let is_user = word & (1 << 6) != 0;
        let memory = match (word >> 2) & 7 {
            0 => MemoryType::DeviceNGnRnE,
            1 => MemoryType::DeviceNGnRE,
            2 => MemoryType::WriteBack,
            3 => MemoryType::NonCacheable,
            slot => panic!("a memory type that nobody asked for: AttrIndx {slot}"),
        };
        let is_normal = matches!(memory, MemoryType::WriteBack | MemoryType::NonCacheable);
        assert!(
            !is_normal || (word >> 8) & 3 == 3,
            "Normal memory that is not inner shareable: {word:#x}"
        );
        Leaf {
            base: at & !(bytes - 1),
            bytes,
            phys,
            can_read: is_user,
            can_write: is_user && upper.can_write && word & (1 << 7) == 0,
            can_execute: upper.can_execute && word & (1 << 54) == 0,
            memory,
        }
    }
}
