//! Lists of physical runs, small enough to be had before there is a heap.

use arrayvec::ArrayVec;
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun};

/// The most runs of a list.
pub const MAX_RUNS: usize = 48;
/// A list of runs.
pub type Runs = ArrayVec<PhysRun, MAX_RUNS>;

/// The whole pages that bytes touch.
#[must_use]
pub fn outward(at: u64, bytes: u64) -> PhysRun {
    let base = PhysAddr::new(at).page();
    let pages = (at - base.raw()).saturating_add(bytes).div_ceil(PAGE_SIZE);
    PhysRun { base, pages }
}

/// The whole pages that lie in bytes.
#[must_use]
pub fn inward(at: u64, bytes: u64) -> PhysRun {
    let base = at.next_multiple_of(PAGE_SIZE);
    let end = at.saturating_add(bytes);
    PhysRun {
        base: PhysAddr::new(base),
        pages: end.saturating_sub(base) / PAGE_SIZE,
    }
}

/// Cuts `hole` out of every run. Where the list is full, the smaller rest is lost.
pub fn cut(runs: &mut Runs, hole: PhysRun) {
    let mut index = 0;
    while index < runs.len() {
        let run = runs[index];
        if !run.overlaps(hole) {
            index += 1;
            continue;
        }
        let before = between(run.base, hole.base);
        let after = between(hole.end(), run.end());
        match (before.pages, after.pages) {
            (0, 0) => {
                runs.remove(index);
            }
            (_, 0) => runs[index] = before,
            (0, _) => runs[index] = after,
            _ => {
                let is_before_larger = before.pages >= after.pages;
                let (larger, rest) = if is_before_larger {
                    (before, after)
                } else {
                    (after, before)
                };
                runs[index] = larger;
                // A full list loses it.
                runs.try_push(rest).ok();
            }
        }
    }
}

/// Takes `bytes` bytes aligned to `align`, a power of two, from the first run that has them below `limit`.
pub fn take(runs: &mut Runs, bytes: u64, align: u64, limit: u64) -> Option<PhysRun> {
    let found = runs.iter().find_map(|run| {
        let base = run.base.raw().checked_next_multiple_of(align)?;
        let end = base.checked_add(bytes)?;
        (end <= run.end().raw().min(limit)).then(|| outward(base, bytes))
    })?;
    cut(runs, found);
    Some(found)
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

    fn list(runs: &[PhysRun]) -> Runs {
        runs.iter().copied().collect()
    }

    #[test]
    fn roundings_never_meet() {
        assert_eq!(inward(1, 2 * PAGE_SIZE), run(1, 1));
        assert_eq!(outward(1, PAGE_SIZE), run(0, 2));
        assert_eq!(inward(1, 10).pages, 0);
        assert_eq!(outward(0x9fc00, 0x400), run(0x9f, 1));
        assert_eq!(outward(PAGE_SIZE, 0).pages, 0);
    }

    #[test]
    fn holes_are_cut() {
        let mut runs = list(&[run(1, 10), run(20, 10)]);
        cut(&mut runs, run(5, 2));
        assert_eq!(runs[..], [run(1, 4), run(20, 10), run(7, 4)]);
        cut(&mut runs, run(0, 21));
        assert_eq!(runs[..], [run(21, 9)]);
        cut(&mut runs, run(29, 5));
        assert_eq!(runs[..], [run(21, 8)]);
        cut(&mut runs, run(21, 8));
        assert!(runs.is_empty());
    }

    #[test]
    fn taking_aligns_and_obeys_the_limit() {
        let mut runs = list(&[run(1, 4), run(9, 20)]);
        assert_eq!(
            take(&mut runs, 8 * PAGE_SIZE, 8 * PAGE_SIZE, u64::MAX),
            Some(run(16, 8))
        );
        assert_eq!(
            take(&mut runs, 8 * PAGE_SIZE, PAGE_SIZE, 10 * PAGE_SIZE),
            None
        );
        assert_eq!(
            take(&mut runs, PAGE_SIZE, PAGE_SIZE, u64::MAX),
            Some(run(1, 1))
        );
    }
}
