//! Step 7: a program without the resource tries to get at the device.

use alloc::format;
use alloc::string::String;

use zx::abi::ResourceKind;
use zx::abi::limits::retcode;
use zx::process::{Builder, Child, Program};
use zx::{Rights, Signals, Status, time};

use super::{PATIENCE_NS, Story, end_of, told};
use crate::given;
use crate::machine::PAGE;
use crate::report::Report;

/// What the picture shows of the rogue.
pub(super) struct Rogue {
    pub(super) process: u64,
    pub(super) attempts: u32,
    pub(super) ways_in: u32,
}

pub(super) fn show(
    report: &mut Report,
    story: &Story<'_>,
    driver: &Child,
) -> Result<Rogue, Status> {
    let place = &story.place;
    report.heading(
        7,
        format_args!(
            "A rogue that knows all about the {} at {:#x}",
            place.name, place.base
        ),
    );
    let archive = given(story.start.bootfs.as_ref())?;
    let program = Program::from_archive(archive, "rogue").map_err(told)?;
    report.table();
    let child = prepared(story, driver)?.start(&program).map_err(told)?;
    let mut rogue = Rogue {
        process: child.process.basic_info()?.koid,
        attempts: 0,
        ways_in: 0,
    };
    while let Some((text, expected, got)) = next(&child)? {
        rogue.attempts += 1;
        rogue.ways_in += u32::from(expected.is_err() && got.is_ok());
        report.error(&text, expected, got);
    }
    report.equal("its return code: nothing reached", end_of(&child)?, 0);

    let driver_at = story.mapped_in(driver)?;
    for (what, at) in [
        ("where the driver has it", driver_at),
        ("where init has it", story.own.base()),
        ("its physical address", place.page()),
    ] {
        let hexadecimal = format!("{at:x}");
        let builder = Builder::new(story.job, "rogue")
            .arg("touch")
            .arg(&hexadecimal);
        let child = builder.start(&program).map_err(told)?;
        let code = end_of(&child)?;
        report.equal(&format!("touching {what}"), code, retcode::EXCEPTION_KILL);
        rogue.attempts += 1;
    }
    Ok(rogue)
}

/// The rogue to be: it knows everything, and has what is nearly enough.
fn prepared<'a>(story: &Story<'a>, driver: &Child) -> Result<Builder<'a>, Status> {
    let root = given(story.start.mmio.as_ref())?;
    let known = [
        story.place.page(),
        root.value().into(),
        story.vmo.value().into(),
        driver.process.value().into(),
        driver.process.basic_info()?.koid,
        story.mapped_in(driver)?,
    ];
    let next = story.place.page() + story.place.page_bytes();
    let near = root.create_child(ResourceKind::Mmio, 0, next, PAGE, "near")?;
    let irq = given(story.start.irq.as_ref())?.duplicate_with(Rights::TRANSFER)?;
    let rights = Rights::TRANSFER | Rights::DUPLICATE | Rights::INSPECT | Rights::GET_PROPERTY;
    let vmo = story.vmo.duplicate_with(rights)?;
    let mut builder = Builder::new(story.job, "rogue").arg("try");
    for word in known {
        builder = builder.arg(&format!("{word:x}"));
    }
    let builder = builder.handle("vmo", vmo).handle("near", near);
    Ok(builder.handle("irq", irq))
}

/// An attempt: what it is, what is documented, what came.
type Attempt = (String, Result<(), Status>, Result<(), Status>);

/// Waits for the next attempt; `None` when there are no more.
fn next(child: &Child) -> Result<Option<Attempt>, Status> {
    let news = Signals::READABLE | Signals::PEER_CLOSED;
    let pending = child.channel.wait(news, time::after_ns(PATIENCE_NS))?;
    if !pending.contains(Signals::READABLE) {
        return Ok(None);
    }
    let message = child.channel.read()?;
    let broken = Status::IO_DATA_INTEGRITY;
    let (expected, rest) = message.bytes.split_first_chunk().ok_or(broken)?;
    let (got, text) = rest.split_first_chunk().ok_or(broken)?;
    let text = String::from_utf8_lossy(text).into_owned();
    let answer = |word| Status::check(i32::from_le_bytes(word));
    Ok(Some((text, answer(*expected), answer(*got))))
}
