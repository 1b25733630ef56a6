//! Topics of `zx_object_get_info` that list records (spec: handles-resources.md §7.2).
//!
//! A [`Source`] names what is listed and is its own cursor: it answers one record after the other,
//! each in little time, and survives that what it lists changes in between. The writer copies as
//! many whole records as fit, counts the rest, and gives the lock up on the way.

use super::info_process::{Handles, Vmos};
use super::info_task::Koids;
use crate::Kernel;
use crate::call::{Call, Flow, FromReg, Out, SysResult};
use crate::mem;
use crate::task::Work;
use crate::vm::Maps;
use arrayvec::ArrayVec;
use jacinth_abi::{Status, VmoInfo};

/// The longest record of a list.
const MOST_BYTES: usize = size_of::<VmoInfo>();

/// What a source answers.
pub(crate) enum Item {
    /// The next record.
    Record(ArrayVec<u8, MOST_BYTES>),
    /// Work was done, and there may be more.
    Nothing,
    /// There is no more.
    End,
}

impl Item {
    /// A record of these bytes.
    pub(crate) fn record(bytes: &[u8]) -> Self {
        bytes.try_into().map_or(Self::End, Self::Record)
    }
}

/// What is listed, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// PROCESS_MAPS, VMAR_MAPS
    Maps(Maps),
    /// HANDLE_TABLE
    Handles(Handles),
    /// PROCESS_VMOS
    Vmos(Vmos),
    /// PROCESS_THREADS, JOB_CHILDREN, JOB_PROCESSES
    Koids(Koids),
}

impl Source {
    /// The next record; whatever the answer, no more than a few steps were taken.
    fn next(&mut self, kernel: &Kernel) -> Item {
        match self {
            Self::Maps(maps) => maps.next(kernel),
            Self::Handles(handles) => handles.next(kernel),
            Self::Vmos(vmos) => vmos.next(kernel),
            Self::Koids(koids) => koids.next(kernel),
        }
    }
}

/// A list under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct List {
    source: Source,
    /// Bytes of each record.
    record: u64,
    /// User addresses, and the length of the buffer in bytes.
    buffer: u64,
    size: u64,
    actual_at: u64,
    avail_at: u64,
    /// Records found so far.
    avail: u64,
}

/// Lists records of `record` bytes to where the answer goes.
///
/// # Errors
/// INVALID_ARGS (a bad buffer, `actual` or `avail`), NO_MEMORY.
pub(super) fn list(
    call: &mut Call<'_>,
    source: Source,
    record: u64,
    to: super::info::Answer,
) -> SysResult {
    let list = List {
        source,
        record,
        buffer: to.buffer.0,
        size: to.size,
        actual_at: to.actual.0,
        avail_at: to.avail.0,
        avail: 0,
    };
    go_on(call, list)
}

/// Goes on with [`list`].
pub(super) fn go_on(call: &mut Call<'_>, mut list: List) -> SysResult {
    let mut work = mem::Work::new(mem::Work::EVENT);
    loop {
        if !work.spend() {
            return Ok(Flow::Again(Work::List(list)));
        }
        match list.source.next(call.kernel) {
            Item::Record(bytes) => list.put(call, &bytes)?,
            Item::Nothing => {}
            Item::End => break,
        }
    }
    let actual = list.avail.min(list.fits());
    for (at, count) in [(list.actual_at, actual), (list.avail_at, list.avail)] {
        let out: Out<u64> = FromReg::from_reg(at);
        if !out.is_null() {
            call.write(out, count)?;
        }
    }
    Ok(Flow::ok())
}

impl List {
    /// How many records fit.
    fn fits(&self) -> u64 {
        self.size.checked_div(self.record).unwrap_or(0)
    }

    /// Copies a record if it fits, and counts it.
    fn put(&mut self, call: &mut Call<'_>, bytes: &[u8]) -> Result<(), Status> {
        let number = self.avail;
        self.avail = number.wrapping_add(1);
        if number < self.fits() {
            let offset = number.saturating_mul(self.record);
            let at = self.buffer.checked_add(offset);
            call.write_bytes(at.ok_or(Status::INVALID_ARGS)?, bytes)?;
        }
        Ok(())
    }
}
