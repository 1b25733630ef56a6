//! Counting instructions: reads of the counter around an operation, medians and spreads.

use alloc::vec::Vec;

use zx::{Status, time};

/// How often an operation is measured, unless the command line says.
pub(crate) const ROUNDS: usize = 1_001;
/// How often before that, so that memory is where it will be.
const WARM_UP: usize = 20;
/// The part of the rounds that the upper end of the spread leaves out: one in so many.
const BEYOND: usize = 20;

/// What an operation costs, in instructions, over many rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// As much as half of the rounds at most.
    pub(crate) median: u64,
    /// The cheapest round.
    pub(crate) low: u64,
    /// What 95 % of the rounds cost at most.
    pub(crate) high: u64,
}

/// Counts what operations cost, less what the counting costs.
pub(crate) struct Meter {
    empty: u64,
    rounds: usize,
}

impl Cost {
    fn of(mut costs: Vec<u64>) -> Self {
        costs.sort_unstable();
        let at = |place: usize| costs.get(place).copied().unwrap_or_default();
        Self {
            median: at(costs.len() / 2),
            low: at(0),
            high: at(costs.len() - costs.len() / BEYOND - 1),
        }
    }
}

impl Meter {
    pub(crate) fn new(rounds: usize) -> Self {
        let mut meter = Self { empty: 0, rounds };
        let costs = (0..rounds).map(|_| meter.time(|| ()).1);
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

    /// The costs of a round's operations, each by itself.
    ///
    /// # Errors
    /// Those of the rounds.
    pub(crate) fn costs<const N: usize>(
        &self,
        mut round: impl FnMut(usize) -> Result<[u64; N], Status>,
    ) -> Result<[Cost; N], Status> {
        for number in 0..WARM_UP {
            round(number)?;
        }
        let mut costs: [Vec<u64>; N] = [const { Vec::new() }; N];
        for number in 0..self.rounds {
            for (costs, cost) in costs.iter_mut().zip(round(number)?) {
                costs.push(cost);
            }
        }
        Ok(costs.map(Cost::of))
    }

    /// What an operation costs; what it answers is dropped within the time.
    ///
    /// # Errors
    /// Those of the operation.
    pub(crate) fn cost<T>(
        &self,
        mut operation: impl FnMut(usize) -> Result<T, Status>,
    ) -> Result<Cost, Status> {
        let [cost] = self.costs(|round| {
            let (result, cost) = self.time(|| operation(round).map(drop));
            result.map(|()| [cost])
        })?;
        Ok(cost)
    }

    /// What an operation costs that makes something, without what its end costs.
    ///
    /// # Errors
    /// Those of the operation.
    pub(crate) fn making<T>(
        &self,
        mut operation: impl FnMut(usize) -> Result<T, Status>,
    ) -> Result<Cost, Status> {
        let [cost] = self.costs(|round| {
            let (result, cost) = self.time(|| operation(round));
            result.map(|_| [cost])
        })?;
        Ok(cost)
    }
}
