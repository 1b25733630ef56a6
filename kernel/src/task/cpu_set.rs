//! [`CpuSet`]: some of the CPUs, in one word, so that "which of them" is one instruction.

use crate::hal::CpuId;

/// Some of the first 64 CPUs. Others are never in it: the kernel gives them nothing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CpuSet(u64);

impl CpuSet {
    /// How many CPUs can be told apart.
    pub(crate) const MOST: usize = 64;

    /// The first `count` CPUs.
    pub(crate) fn first_of(count: usize) -> Self {
        let missing = Self::MOST.saturating_sub(count);
        let shift = u32::try_from(missing).unwrap_or(u32::MAX);
        Self(u64::MAX.checked_shr(shift).unwrap_or(0))
    }

    /// The set whose bits are those of a word.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// One bit for each CPU.
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    fn bit(cpu: CpuId) -> u64 {
        let shift = u32::try_from(cpu).unwrap_or(u32::MAX);
        1u64.checked_shl(shift).unwrap_or(0)
    }

    /// Adds a CPU.
    pub(crate) fn insert(&mut self, cpu: CpuId) {
        self.0 |= Self::bit(cpu);
    }

    /// Takes a CPU out; whether it was in.
    pub(crate) fn remove(&mut self, cpu: CpuId) -> bool {
        let was_in = self.contains(cpu);
        self.0 &= !Self::bit(cpu);
        was_in
    }

    /// Whether a CPU is in.
    pub(crate) fn contains(self, cpu: CpuId) -> bool {
        self.0 & Self::bit(cpu) != 0
    }

    /// Whether none is.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are in both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all of another set are in this one.
    pub(crate) const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The lowest.
    pub(crate) fn first(self) -> Option<CpuId> {
        let lowest = usize::try_from(self.0.trailing_zeros()).unwrap_or(Self::MOST);
        (!self.is_empty()).then_some(lowest)
    }

    /// The next one after `cpu`, going round; `cpu` itself comes last.
    pub(crate) fn next_after(self, cpu: CpuId) -> Option<CpuId> {
        let up_to = Self::bit(cpu) | Self::bit(cpu).wrapping_sub(1);
        Self(self.0 & !up_to).first().or_else(|| self.first())
    }
}

#[cfg(test)]
mod tests {
    use super::CpuSet;

    #[test]
    fn sets_hold_what_was_put_in() {
        let mut set = CpuSet::default();
        assert_eq!((set.first(), set.next_after(3)), (None, None));
        for cpu in [0, 5, 63, 64, 1000] {
            set.insert(cpu);
        }
        assert_eq!(set.bits(), 1 << 63 | 1 << 5 | 1);
        assert!(set.contains(63) && !set.contains(64));
        assert!(set.remove(0) && !set.remove(0));
        assert_eq!(set.first(), Some(5));
    }

    #[test]
    fn the_next_one_goes_round() {
        let set = CpuSet::from_bits(1 << 2 | 1 << 5 | 1 << 63);
        for (cpu, next) in [(0, 2), (2, 5), (5, 63), (63, 2), (62, 63), (64, 2)] {
            assert_eq!(set.next_after(cpu), Some(next), "after {cpu}");
        }
        assert_eq!(CpuSet::from_bits(1 << 4).next_after(4), Some(4));
    }

    #[test]
    fn the_first_ones_are_as_many_as_asked() {
        assert_eq!(CpuSet::first_of(0).bits(), 0);
        assert_eq!(CpuSet::first_of(4).bits(), 0b1111);
        assert_eq!(CpuSet::first_of(64).bits(), u64::MAX);
        assert_eq!(CpuSet::first_of(200).bits(), u64::MAX);
        assert!(CpuSet::first_of(5).covers(CpuSet::first_of(2)));
        assert!(!CpuSet::first_of(2).covers(CpuSet::first_of(5)));
    }
}
