//! What the sections with many objects have in common.

use alloc::vec::Vec;

use zx::Status;

use crate::meter::{Cost, Meter};

/// Names of operations with what each costs.
pub(crate) type Rows = Vec<(&'static str, Cost)>;

/// Many objects of a kind, and what operations cost while they live.
pub(crate) trait Population {
    /// What there are many of.
    fn title(&self) -> &'static str;
    /// Makes more, until there are `count`.
    ///
    /// # Errors
    /// Those of the calls.
    fn grow(&mut self, count: usize) -> Result<(), Status>;
    /// Measures now; leaves as many as there were.
    ///
    /// # Errors
    /// Those of the calls.
    fn measure(&mut self, meter: &Meter) -> Result<Rows, Status>;
}

impl<P: Population + ?Sized> Population for alloc::boxed::Box<P> {
    fn title(&self) -> &'static str {
        (**self).title()
    }

    fn grow(&mut self, count: usize) -> Result<(), Status> {
        (**self).grow(count)
    }

    fn measure(&mut self, meter: &Meter) -> Result<Rows, Status> {
        (**self).measure(meter)
    }
}

/// Adds to a list what `make` makes, by its number, until there are `count`.
///
/// # Errors
/// Those of `make`; NO_MEMORY when the list is.
pub(crate) fn fill<T>(
    list: &mut Vec<T>,
    count: usize,
    mut make: impl FnMut(usize) -> Result<T, Status>,
) -> Result<(), Status> {
    let more = count.saturating_sub(list.len());
    list.try_reserve_exact(more)
        .map_err(|_| Status::NO_MEMORY)?;
    for number in list.len()..count {
        list.push(make(number)?);
    }
    Ok(())
}

/// One of a list, another in every round, all over it.
pub(crate) fn pick<T>(list: &[T], round: usize) -> Option<&T> {
    list.get(scatter(list.len(), round))
}

/// A number below `len`, far from that of the round before.
pub(crate) fn scatter(len: usize, round: usize) -> usize {
    round.wrapping_mul(7_368_787).checked_rem(len).unwrap_or(0)
}
