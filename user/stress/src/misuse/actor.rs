//! A puppet with handles to misuse, and what its calls may come to.

use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use zx::abi::{SYSCALLS, Status, Syscall, VmoOptions};
use zx::{Bti, Event, Handle, Iommu, Resource, Startup, Vmo};

use crate::puppet::{self, Call, Came, DATA, DATA_BYTES, Outcome, PAGE, Puppet, Stage};
use crate::random::Random;

use super::pool::{Pool, made_by};
use super::values;

/// What all of a run's puppets come from.
pub(super) struct Theatre<'a> {
    pub(super) start: &'a Startup,
    pub(super) stage: Stage,
    iommu: Iommu,
    /// Physical addresses that nothing answers at.
    free: u64,
}

impl<'a> Theatre<'a> {
    pub(super) fn new(start: &'a Startup, free: u64) -> Result<Self, Status> {
        let system = start.system.as_ref().ok_or(Status::NOT_FOUND)?;
        Ok(Self {
            start,
            stage: Stage::new()?,
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
        let made = Self::with_objects(theatre, random);
        let mut this = made.map_err(|what| format!("a new puppet: {what}"))?;
        this.create_everything(random)?;
        // Who makes initiators of its own can leave memory pinned that nobody unpins.
        if row.family == "bti" && row.name != "bti_pin" {
            let iommu = theatre.iommu.duplicate();
            let iommu = iommu.map_err(|status| format!("an IOMMU: {status}"))?;
            for value in this.puppet.give(vec![iommu])? {
                this.pool.add("iommu", value, random);
            }
        }
        Ok(this)
    }

    fn with_objects(theatre: &Theatre<'_>, random: &mut Random) -> Result<Self, String> {
        let told = |status: Status| format!("{status}");
        let puppet = Puppet::new(theatre.start, &theatre.stage).map_err(told)?;
        let bti = Bti::create(&theatre.iommu, 1).map_err(told)?;
        let gifts = gifts(theatre, &puppet, &bti).map_err(told)?;
        let (names, handles): (Vec<_>, Vec<_>) = gifts.into_iter().unzip();
        let mut pool = Pool::default();
        for (name, value) in names.into_iter().zip(puppet.give(handles)?) {
            pool.add(name, value, random);
        }
        let mut this = Self { puppet, pool, bti };
        this.close_one()?;
        Ok(this)
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

    /// Calls whatever makes objects, so that there are some of each kind.
    fn create_everything(&mut self, random: &mut Random) -> Result<(), String> {
        const TIMES: usize = 2;
        let rows = SYSCALLS.iter().filter(|row| row.name.contains("_create"));
        let rows: Vec<&Syscall> = rows.flat_map(|row| [row; TIMES]).collect();
        for rows in rows.chunks(puppet::MOST_CALLS) {
            let calls: Vec<Call> = rows.iter().map(|row| self.plausible(row, random)).collect();
            let outcome = self.perform(&calls, random)?;
            if outcome.came != Came::Done {
                return Err(format!("making objects: {outcome:?} of {rows:?}"));
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
            if random.one_in(4) {
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
            if *kind == "Out<u32>" && data.contains(word) {
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
    Ok(vec![
        ("process", puppet.process.duplicate()?),
        ("thread", puppet.thread().duplicate()?),
        ("vmar", puppet.vmar.duplicate()?),
        ("job", puppet.job.duplicate()?),
        ("bti", bti.duplicate()?),
        ("resource", resource),
        ("vmo", physical.into()),
        ("vmo", paged.into()),
        ("vmo", powerless),
    ])
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
