//! A bounded set of physical runs, to cut pieces out of RAM before there is a heap.

use arrayvec::ArrayVec;
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun};

/// The most runs in a set.
pub const MAX_RUNS: usize = 32;

/// The set is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRuns;

/// Runs of whole pages, in order, neither touching nor overlapping.
#[derive(Clone, Debug, Default)]
pub struct RunSet(ArrayVec<PhysRun, MAX_RUNS>);

impl core::ops::Deref for RunSet {
    type Target = [PhysRun];

    /// The runs in ascending order.
    fn deref(&self) -> &[PhysRun] {
        &self.0
    }
}

impl RunSet {
    /// The runs in ascending order.
    #[must_use]
    pub fn as_slice(&self) -> &[PhysRun] {
        &self.0
    }

    /// Whether all of `run` is in the set.
    #[must_use]
    pub fn covers(&self, run: PhysRun) -> bool {
        let holds = |own: &PhysRun| own.base <= run.base && run.end() <= own.end();
        self.0.iter().any(holds)
    }

    /// Adds a run; it may touch or overlap others.
    ///
    /// # Errors
    /// [`TooManyRuns`], with nothing added.
    pub fn add(&mut self, run: PhysRun) -> Result<(), TooManyRuns> {
        if run.pages == 0 {
            return Ok(());
        }
        let (mut start, mut end) = (run.base, run.end());
        let touches = |other: &PhysRun| other.base <= run.end() && run.base <= other.end();
        for other in self.0.iter().filter(|other| touches(other)) {
            start = start.min(other.base);
            end = end.max(other.end());
        }
        let kept = self.0.iter().filter(|other| !touches(other)).count();
        if kept == MAX_RUNS {
            return Err(TooManyRuns);
        }
        self.0.retain(|other| !touches(other));
        let index = self.0.partition_point(|other| other.base < start);
        self.0.insert(index, between(start, end));
        Ok(())
    }

    /// Cuts a run out; it may be in the set wholly, in part or not at all.
    ///
    /// # Errors
    /// [`TooManyRuns`] when the pieces left are too many; nothing is cut then.
    pub fn cut(&mut self, hole: PhysRun) -> Result<(), TooManyRuns> {
        let mut rest = ArrayVec::new();
        for run in &self.0 {
            let (before, after) = around(*run, hole);
            for piece in [before, after].into_iter().flatten() {
                rest.try_push(piece).map_err(|_| TooManyRuns)?;
            }
        }
        self.0 = rest;
        Ok(())
    }

    /// Takes `bytes` bytes, a multiple of the page size, aligned to `align`, a power of two, out of
    /// the end of the highest run below `limit` that has them.
    ///
    /// # Errors
    /// [`TooManyRuns`] as for [`RunSet::cut`]; `Ok(None)` when no run has so much.
    pub fn take(
        &mut self,
        bytes: u64,
        align: u64,
        limit: u64,
    ) -> Result<Option<PhysRun>, TooManyRuns> {
        let fits = |run: &PhysRun| {
            let end = run.end().raw().min(limit);
            let start = end.checked_sub(bytes)? & !(align - 1);
            (start >= run.base.raw()).then_some(PhysRun {
                base: PhysAddr::new(start),
                pages: bytes / PAGE_SIZE,
            })
        };
        let Some(taken) = self.0.iter().rev().find_map(fits) else {
            return Ok(None);
        };
        self.cut(taken)?;
        Ok(Some(taken))
    }

    /// The size of all runs in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|run| run.bytes()).sum()
    }
}

/// The whole pages that `[start, start + bytes)` touches.
#[must_use]
pub fn outward(start: u64, bytes: u64) -> PhysRun {
    let end = start
        .saturating_add(bytes)
        .checked_next_multiple_of(PAGE_SIZE);
    let base = PhysAddr::new(start).page();
    between(
        base,
        PhysAddr::new(end.unwrap_or(u64::MAX - (PAGE_SIZE - 1))),
    )
}

/// The whole pages inside `[start, start + bytes)`.
#[must_use]
pub fn inward(start: u64, bytes: u64) -> PhysRun {
    let end = PhysAddr::new(start.saturating_add(bytes)).page();
    let base = start
        .checked_next_multiple_of(PAGE_SIZE)
        .unwrap_or(u64::MAX);
    between(PhysAddr::new(base), end)
}

/// What is left of `run` before and behind `hole`.
fn around(run: PhysRun, hole: PhysRun) -> (Option<PhysRun>, Option<PhysRun>) {
    if !run.overlaps(hole) {
        return (Some(run), None);
    }
    let before = (run.base < hole.base).then(|| between(run.base, hole.base));
    let after = (hole.end() < run.end()).then(|| between(hole.end(), run.end()));
    (before, after)
}

fn between(start: PhysAddr, end: PhysAddr) -> PhysRun {
    PhysRun {
        base: start,
        pages: end.raw().saturating_sub(start.raw()) / PAGE_SIZE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(base: u64, pages: u64) -> PhysRun {
        PhysRun {
            base: PhysAddr::new(base * PAGE_SIZE),
            pages,
        }
    }

    fn set(runs: &[PhysRun]) -> RunSet {
        let mut set = RunSet::default();
        for &run in runs {
            set.add(run).unwrap();
        }
        set
    }

    #[test]
    fn runs_that_touch_become_one() {
        assert_eq!(
            set(&[run(10, 2), run(0, 4), run(4, 6)]).as_slice(),
            [run(0, 12)]
        );
        assert_eq!(
            set(&[run(10, 2), run(0, 4), run(2, 0)]).as_slice(),
            [run(0, 4), run(10, 2)]
        );
    }

    #[test]
    fn holes_split_runs() {
        let mut runs = set(&[run(0, 10), run(20, 10)]);
        runs.cut(run(5, 20)).unwrap();
        assert_eq!(runs.as_slice(), [run(0, 5), run(25, 5)]);
        runs.cut(run(27, 1)).unwrap();
        assert_eq!(runs.as_slice(), [run(0, 5), run(25, 2), run(28, 2)]);
        runs.cut(run(0, 100)).unwrap();
        assert!(runs.as_slice().is_empty());
    }

    #[test]
    fn taking_is_aligned_and_below_the_limit() {
        let mut runs = set(&[run(0, 11), run(20, 1)]);
        assert_eq!(
            runs.take(4 * PAGE_SIZE, 4 * PAGE_SIZE, u64::MAX).unwrap(),
            Some(run(4, 4))
        );
        assert_eq!(runs.as_slice(), [run(0, 4), run(8, 3), run(20, 1)]);
        assert_eq!(
            runs.take(4 * PAGE_SIZE, PAGE_SIZE, 3 * PAGE_SIZE).unwrap(),
            None
        );
        assert_eq!(
            runs.take(2 * PAGE_SIZE, PAGE_SIZE, 3 * PAGE_SIZE).unwrap(),
            Some(run(1, 2))
        );
    }

    #[test]
    fn a_full_set_says_so() {
        let mut runs = RunSet::default();
        for n in 0..32 {
            runs.add(run(n * 4, 3)).unwrap();
        }
        assert_eq!(runs.add(run(1000, 1)), Err(TooManyRuns));
        assert_eq!(runs.cut(run(1, 1)), Err(TooManyRuns));
        assert_eq!(runs.add(run(3, 1)), Ok(()));
    }

    #[test]
    fn rounding_at_the_end_of_the_world() {
        assert_eq!(outward(0x1001, 1), run(1, 1));
        assert_eq!(inward(0x1001, 0x2fff), run(2, 2));
        assert_eq!(inward(u64::MAX, 5).pages, 0);
        assert!(outward(u64::MAX - 5, 100).pages <= 1);
    }
}
