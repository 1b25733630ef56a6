//! A puppet with handles to misuse, and what its calls may come to.

use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use zx::abi::{SYSCALLS, Status, Syscall, VmoOptions};
use zx::{Bti, Event, Handle, Iommu, Resource, Startup, Vmo};

use crate::puppet::{self, Call, Came, DATA, DATA_BYTES, Outcome, PAGE, Puppet};
use crate::random::Random;

use super::pool::{Pool, made_by};
use super::values;
use super::{may_end, may_wait};

/// What all of a run's puppets come from.
pub(super) struct Theatre<'a> {
    pub(super) start: &'a Startup,
    iommu: Iommu,
    /// Physical addresses that nothing answers at.
    free: u64,
}

impl<'a> Theatre<'a> {
    pub(super) fn new(start: &'a Startup, free: u64) -> Result<Self, Status> {
        let system = start.system.as_ref().ok_or(Status::NOT_FOUND)?;
        Ok(Self {
            start,
            iommu: Iommu::create_stub(system)?,
            free,
        })
    }
}

/// Bytes of physical addresses that a puppet may have.
const PHYSICAL_BYTES: u64 = 64 * PAGE;

/// A puppet with handles.
pub(super) struct Actor {
    pub(super) puppet: Puppet,
    pub(super) pool: Pool,
    /// Kept here, so that what is left pinned can be unpinned.
    bti: Bti,
}

impl Actor {
    /// One that is going to make the calls of a row.
    pub(super) fn new(
        theatre: &Theatre<'_>,
        row: &Syscall,
        random: &mut Random,
    ) -> Result<Self, String> {
        let this = Self::without_objects(theatre);
        this.and_then(|mut this| this.renew(theatre, row, random).map(|()| this))
            .map_err(|what| format!("a new puppet: {what}"))
    }

    fn without_objects(theatre: &Theatre<'_>) -> Result<Self, String> {
        let told = |status: Status| format!("{status}");
        let job = theatre.start.job.as_ref().ok_or("no handle to a job")?;
        Ok(Self {
            puppet: Puppet::new(job, &theatre.start.root_vmar).map_err(told)?,
            pool: Pool::default(),
            bti: Bti::create(&theatre.iommu, 1).map_err(told)?,
        })
    }

    /// Gives it handles in the place of those that it had, which its calls may have closed.
    pub(super) fn renew(
        &mut self,
        theatre: &Theatre<'_>,
        row: &Syscall,
        random: &mut Random,
    ) -> Result<(), String> {
        let gifts = gifts(theatre, &self.puppet, &self.bti);
        let gifts = gifts.map_err(|status| format!("handles to give: {status}"))?;
        let (names, handles): (Vec<_>, Vec<_>) = gifts.into_iter().unzip();
        self.pool = Pool::default();
        for (name, value) in names.into_iter().zip(self.puppet.give(handles)?) {
            self.pool.add(name, value, random);
        }
        self.close_one()?;
        self.prepare(row, random)?;
        // Who makes initiators of its own can leave memory pinned that nobody unpins.
        if row.family == "bti" && row.name != "bti_pin" {
            let iommu = theatre.iommu.duplicate();
            let iommu = iommu.map_err(|status| format!("an IOMMU: {status}"))?;
            for value in self.puppet.give(vec![iommu])? {
                self.pool.add("iommu", value, random);
            }
        }
        Ok(())
    }

    /// Has it close a handle, and make another one, which gets the same place.
    fn close_one(&mut self) -> Result<(), String> {
        let event = Event::create().map_err(|status| format!("an event: {status}"))?;
        for value in self.puppet.give(vec![event.into()])? {
            let calls = [
                puppet::call("handle_close", &[value.into()]),
                puppet::call("event_create", &[0, DATA]),
            ];
            let outcome = self.puppet.make(&calls)?;
            if outcome.answers != [0, 0] {
                return Err(format!("a handle in the place of another: {outcome:?}"));
            }
            self.pool.set_closed(value);
        }
        Ok(())
    }

    /// Calls whatever makes objects, so that there are some of each kind, and whatever works on
    /// those that the row works on, so that they hold something.
    fn prepare(&mut self, row: &Syscall, random: &mut Random) -> Result<(), String> {
        const TIMES: usize = 2;
        const TIMES_OF_KIN: usize = 6;
        let makes = |other: &&Syscall| other.name.contains("_create");
        let is_kin = |other: &&Syscall| {
            made_by(other) == made_by(row) && !may_end(other) && !may_wait(other) && !makes(other)
        };
        let kin = SYSCALLS.iter().filter(is_kin);
        let rows = SYSCALLS.iter().filter(makes).flat_map(|row| [row; TIMES]);
        let rows = rows.chain(kin.flat_map(|row| [row; TIMES_OF_KIN]));
        let rows: Vec<&Syscall> = rows.collect();
        for rows in rows.chunks(puppet::MOST_CALLS) {
            let calls: Vec<Call> = rows.iter().map(|row| self.plausible(row, random)).collect();
            let outcome = self.perform(&calls, random)?;
            if !matches!(outcome.came, Came::Done | Came::Cut) {
                let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
                return Err(format!("preparing {}: {outcome:?} of {names:?}", row.name));
            }
        }
        Ok(())
    }

    /// A call with arguments that might do.
    pub(super) fn plausible(&self, row: &Syscall, random: &mut Random) -> Call {
        let mut words = [0; 8];
        for (word, argument) in words.iter_mut().zip(row.arguments) {
            *word = values::plausible(row.name, *argument, &self.pool, random);
        }
        (row.number, words)
    }

    /// Makes calls, and remembers what objects they made.
    pub(super) fn perform(
        &mut self,
        calls: &[Call],
        random: &mut Random,
    ) -> Result<Outcome, String> {
        for offset in (0..DATA_BYTES).step_by(8) {
            if random.one_in(12) {
                self.puppet
                    .set_data(offset, values::content(&self.pool, random));
            }
        }
        let outcome = self.puppet.make(calls)?;
        for ((number, words), answer) in calls.iter().zip(&outcome.answers) {
            let row = SYSCALLS.iter().find(|row| row.number == *number);
            if let Some(row) = row
                && *answer == 0
            {
                self.harvest(row, words, random);
            }
        }
        Ok(outcome)
    }

    /// Takes what a call wrote for handles.
    fn harvest(&mut self, row: &Syscall, words: &[u64; 8], random: &mut Random) {
        let data = DATA..=DATA + DATA_BYTES - 4;
        for (word, (_, kind)) in words.iter().zip(row.arguments) {
            if is_handle_out(kind) && data.contains(word) {
                let value = self.puppet.data32((*word - DATA) & !3);
                self.pool.add(made_by(row), value, random);
            }
        }
    }

    /// Ends it, and unpins what it leaves pinned.
    pub(super) fn end(self) {
        drop(self.puppet);
        self.bti.release_quarantine().ok();
    }
}

/// Handles for a puppet, with what they are to.
fn gifts(
    theatre: &Theatre<'_>,
    puppet: &Puppet,
    bti: &Bti,
) -> Result<Vec<(&'static str, Handle)>, Status> {
    let mmio = theatre.start.mmio.as_ref().ok_or(Status::NOT_FOUND)?;
    let physical = Vmo::create_physical(mmio, theatre.free, PHYSICAL_BYTES)?;
    let resource = cut(mmio, theatre.free)?;
    let paged = Vmo::create(8 * PAGE, VmoOptions::RESIZABLE)?;
    let powerless = paged.duplicate_with(zx::Rights::TRANSFER)?;
    // Some calls take a handle away even when they fail.
    let copies = [&physical, &paged, &paged, &paged].map(|vmo| vmo.duplicate());
    let mut gifts = vec![
        ("process", puppet.process.duplicate()?),
        ("thread", puppet.thread().duplicate()?),
        ("vmar", puppet.vmar.duplicate()?),
        ("job", puppet.job.duplicate()?),
        ("bti", bti.duplicate()?),
        ("resource", resource),
        ("vmo", physical.into()),
        ("vmo", paged.into()),
        ("vmo", powerless),
    ];
    for copy in copies {
        gifts.push(("vmo", copy?));
    }
    Ok(gifts)
}

/// A resource for some physical addresses.
fn cut(mmio: &Resource, free: u64) -> Result<Handle, Status> {
    let mut out = [0; 4];
    let (kind, name) = (
        zx::abi::ResourceKind::Mmio.number(),
        zx::sys::Input::Here(b"misused"),
    );
    zx::sys::resource_create(mmio.value(), kind, free, PHYSICAL_BYTES, name, &mut out)?;
    Ok(Handle::from_value(u32::from_le_bytes(out)))
}

/// Whether an argument of this type of the table may be where a handle goes.
fn is_handle_out(kind: &str) -> bool {
    kind.starts_with("Out") && kind.contains("u32")
}
