//! Steps 6 to 9: a device between processes.
//!
//! `init` starts a driver, which it gives a physical VMO of one device and nothing else; a rogue
//! knows all about the device and gets at it in no way; the driver dies, and `init`, which has a
//! mapping of its own, reads on and starts another one.

mod death;
mod picture;
mod rogue;
mod service;

use driver::{DEVICE, Device};
use zx::process::{Builder, Child, Program, StartError};
use zx::{Job, Region, Rights, Startup, Status, VmOptions, Vmo, time};

use crate::given;
use crate::machine::{Machine, Place};
use crate::report::Report;

/// How long anything that a child does may take.
const PATIENCE_NS: i64 = 20 * time::SECOND_NS;

/// What the steps share.
struct Story<'a> {
    start: &'a Startup,
    job: &'a Job,
    place: Place,
    device: Device,
    /// The device, of which the driver gets a handle with fewer rights.
    vmo: Vmo,
    /// Where `init` itself has it mapped.
    own: Region,
    driver: Program,
}

pub(crate) fn show(report: &mut Report, start: &Startup, machine: &Machine) -> Result<(), Status> {
    let Some((place, device)) = machine.counter() else {
        return Ok(());
    };
    let archive = given(start.bootfs.as_ref())?;
    let program = match Program::from_archive(archive, "driver") {
        Err(error) if error.status() == Status::NOT_FOUND => {
            zx::println!("\nThe boot archive has no driver: see ./qemu-run.sh --program tour.");
            return Ok(());
        }
        other => other.map_err(told)?,
    };
    let vmo = Vmo::create_physical(
        given(start.mmio.as_ref())?,
        place.page(),
        place.page_bytes(),
    )?;
    let own = start.root_vmar.map(&vmo, VmOptions::PERM_READ)?;
    let story = Story {
        start,
        job: given(start.job.as_ref())?,
        place,
        device,
        vmo,
        own,
        driver: program,
    };
    let child = service::show(report, &story)?;
    let rogue = rogue::show(report, &story, &child)?;
    let child = death::show(report, &story, child)?;
    picture::show(&story, &child, &rogue)?;
    death::farewell(report, child)
}

impl Story<'_> {
    /// Starts a driver.
    fn start_driver(&self) -> Result<Child, Status> {
        let rights = Rights::TRANSFER | Rights::INSPECT | Rights::MAP | Rights::READ;
        let vmo = self.vmo.duplicate_with(rights | Rights::WRITE)?;
        let builder = Builder::new(self.job, "driver");
        let builder = builder.arg(self.device.name()).handle(DEVICE, vmo);
        builder.start(&self.driver).map_err(told)
    }

    /// Where a process has the device mapped, as its maps say.
    fn mapped_in(&self, child: &Child) -> Result<u64, Status> {
        let koid = self.vmo.basic_info()?.koid;
        let maps = child.process.maps()?;
        let found = maps.iter().find(|row| row.mapping.vmo_koid == koid);
        found.map(|row| row.base).ok_or(Status::NOT_FOUND)
    }
}

/// Prints why there is no process, and makes a status of it.
fn told(error: StartError) -> Status {
    zx::println!("   {error}");
    error.status()
}

/// The return code of a child that is about to end.
fn end_of(child: &Child) -> Result<i64, Status> {
    child.wait_until(time::after_ns(PATIENCE_NS))
}
