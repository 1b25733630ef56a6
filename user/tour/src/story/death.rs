//! Step 8: drivers die and are started anew; who has a mapping of the device's VMO keeps it.

use driver::{Request, ask};
use zx::process::Child;
use zx::{PANIC_RETURN_CODE, Process, Spawned, Status, time};

use super::{Story, end_of};
use crate::given;
use crate::report::Report;
use zx::abi::limits::retcode;

/// How long a request is left unanswered before the driver is killed.
const PAUSE_NS: i64 = 5 * time::MILLISECOND_NS;

/// Lets a driver be killed and another one panic; the one after those.
pub(super) fn show(report: &mut Report, story: &Story<'_>, first: Child) -> Result<Child, Status> {
    report.heading(
        8,
        format_args!("The driver dies; init's own mapping does not"),
    );
    kill(report, story, &first)?;
    let second = reborn(report, story, &first)?;
    report.status(
        "channel_call: the driver panics",
        Err(Status::PEER_CLOSED),
        ask(&second.channel, Request::Panic).map(drop),
    );
    report.equal(
        "return code of the panic",
        end_of(&second)?,
        PANIC_RETURN_CODE,
    );
    reads_on(report, story)?;
    reborn(report, story, &second)
}

/// Kills a driver while a client waits for its answer.
fn kill(report: &mut Report, story: &Story<'_>, driver: &Child) -> Result<(), Status> {
    let victim = Process::from(driver.process.duplicate()?);
    let init = given(story.start.process.as_ref())?;
    let killer = Spawned::start(init, &story.start.root_vmar, "killer", move || {
        time::sleep_ns(PAUSE_NS).ok();
        victim.kill().ok();
    })?;
    report.status(
        "channel_call: the driver is killed",
        Err(Status::PEER_CLOSED),
        ask(&driver.channel, Request::Ignore).map(drop),
    );
    killer.join()?;
    report.equal(
        "return code of the killed",
        end_of(driver)?,
        retcode::SYSCALL_KILL,
    );
    let closed = ask(&driver.channel, Request::Read).map(drop);
    report.status("channel_call: it is dead", Err(Status::PEER_CLOSED), closed);
    reads_on(report, story)
}

/// The device is still there for `init`, and for nobody else.
fn reads_on(report: &mut Report, story: &Story<'_>) -> Result<(), Status> {
    let mappings = story.vmo.vmo_info()?.num_mappings;
    report.equal("mappings: init's", mappings, 1);
    report.equal("handles to the VMO: init's", story.vmo.handle_count()?, 1);
    let before = story.device.read(&story.own);
    time::sleep_ns(time::MILLISECOND_NS)?;
    let after = story.device.read(&story.own);
    report.check("read by init, 1 ms later", after, after >= before);
    Ok(())
}

/// Starts a driver in place of a dead one.
fn reborn(report: &mut Report, story: &Story<'_>, dead: &Child) -> Result<Child, Status> {
    let child = story.start_driver()?;
    let (old, new) = (
        dead.process.basic_info()?.koid,
        child.process.basic_info()?.koid,
    );
    report.check("koid of a new driver", new, new > old);
    let before = story.device.read(&story.own);
    let reading = ask(&child.channel, Request::Read)?;
    let is_first = reading.before == 0 && reading.value >= before;
    report.check("its first reading", reading.value, is_first);
    let mappings = story.vmo.vmo_info()?.num_mappings;
    report.equal("mappings: init's, the new one's", mappings, 2);
    Ok(child)
}

/// A driver whose client is gone ends by itself.
pub(super) fn farewell(report: &mut Report, driver: Child) -> Result<(), Status> {
    let Child { process, channel } = driver;
    drop(channel);
    let ended = time::after_ns(super::PATIENCE_NS);
    process.wait(zx::Signals::TASK_TERMINATED, ended)?;
    let code = process.process_info()?.return_code;
    report.equal("return code of a driver left alone", code, 0);
    Ok(())
}
