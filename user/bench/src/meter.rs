//! Counting instructions: reads of the counter around an operation, and medians.

use alloc::vec::Vec;

use zx::{Status, time};

/// How often an operation is measured.
const ROUNDS: usize = 501;
/// How often before that, so that memory is where it will be.
const WARM_UP: usize = 20;

/// Counts what operations cost, less what the counting costs.
pub(crate) struct Meter {
    empty: u64,
}

impl Meter {
    pub(crate) fn new() -> Self {
        let mut meter = Self { empty: 0 };
        let costs = (0..ROUNDS).map(|_| meter.time(|| ()).1);
        meter.empty = costs.min().unwrap_or_default();
        meter
    }

    /// What an operation costs.
    #[inline(always)]
    pub(crate) fn time<T>(&self, operation: impl FnOnce() -> T) -> (T, u64) {
        let from = time::ticks();
        let result = operation();
        let ticks = time::ticks().wrapping_sub(from);
        (result, ticks.saturating_sub(self.empty))
    }

    /// The median of the costs of a round's operations, each by itself.
    ///
    /// # Errors
    /// Those of the rounds.
    pub(crate) fn medians<const N: usize>(
        &self,
        mut round: impl FnMut(usize) -> Result<[u64; N], Status>,
    ) -> Result<[u64; N], Status> {
        for number in 0..WARM_UP {
            round(number)?;
        }
        let mut costs: [Vec<u64>; N] = [const { Vec::new() }; N];
        for number in 0..ROUNDS {
            for (costs, cost) in costs.iter_mut().zip(round(number)?) {
                costs.push(cost);
            }
        }
        Ok(costs.map(|mut costs| {
            costs.sort_unstable();
            costs.get(costs.len() / 2).copied().unwrap_or_default()
        }))
    }

    /// The median of what an operation costs.
    ///
    /// # Errors
    /// Those of the operation.
    pub(crate) fn median<T>(
        &self,
        mut operation: impl FnMut(usize) -> Result<T, Status>,
    ) -> Result<u64, Status> {
        let [cost] = self.medians(|round| {
            let (result, cost) = self.time(|| operation(round).map(drop));
            result.map(|()| [cost])
        })?;
        Ok(cost)
    }
}
