//! Step 9: who holds what, as a picture.

use alloc::format;
use alloc::string::String;

use zx::process::Child;
use zx::{Status, println};

use super::Story;
use super::rogue::Rogue;
use crate::given;

/// How wide a box is inside.
const INSIDE: usize = 22;
/// How wide the box of the device is inside.
const DEVICE: usize = 3 * INSIDE + 12;

pub(super) fn show(story: &Story<'_>, driver: &Child, rogue: &Rogue) -> Result<(), Status> {
    println!("\n9. All of it\n");
    let init = given(story.start.process.as_ref())?.basic_info()?.koid;
    let resource = given(story.start.mmio.as_ref())?.basic_info()?.koid;
    let vmo = story.vmo.basic_info()?.koid;
    let channel = driver.channel.basic_info()?;
    let at = |address: u64, how: &str| format!("  at {address:#x} {how}");
    let title = |name: &str, koid: u64| format!("{name}, process {koid}");
    let no_resource = || String::from("no resource");

    three(
        ' ',
        &[
            title("init", init),
            title("driver", driver.process.basic_info()?.koid),
            title("rogue", rogue.process),
        ],
    );
    edges();
    three(
        '|',
        &[
            format!("MMIO resource {resource}"),
            no_resource(),
            no_resource(),
        ],
    );
    three(
        '|',
        &[
            format!("VMO {vmo}, its maker"),
            format!("VMO {vmo}, mapped"),
            format!("VMO {vmo}, no MAP"),
        ],
    );
    three(
        '|',
        &[
            at(story.own.base(), "r"),
            at(story.mapped_in(driver)?, "rw"),
            format!("  {} attempts", rogue.attempts),
        ],
    );
    println!(
        "  | {:INSIDE$} <--> {:INSIDE$} |  | {:INSIDE$} |",
        format!("channel {}", channel.koid),
        format!("channel {}", channel.related_koid),
        format!("  {} ways in", rogue.ways_in),
    );
    edges();
    println!("{}", arrows("||", "||", "x"));
    println!("{}", arrows("\\/", "\\/", "x"));
    let line = "-".repeat(DEVICE + 2);
    println!("  +{line}+");
    let (name, base) = (&story.place.name, story.place.page());
    let seen = story.vmo.vmo_info()?.num_mappings;
    let text = format!("{name}: physical {base:#x}, VMO {vmo}, mapped {seen} times, uncached");
    println!("  | {text:DEVICE$} |");
    println!("  +{line}+");
    Ok(())
}

/// A row of three boxes, with `side` at their sides.
fn three(side: char, [one, two, three]: &[String; 3]) {
    println!(
        "  {side} {one:INSIDE$} {side}  {side} {two:INSIDE$} {side}  {side} {three:INSIDE$} {side}"
    );
}

/// The upper or lower edges of three boxes.
fn edges() {
    let edge = format!("+{}+", "-".repeat(INSIDE + 2));
    println!("  {edge}  {edge}  {edge}");
}

/// A line of arrows, below the middle of each box.
fn arrows(one: &str, two: &str, three: &str) -> String {
    const WIDTH: usize = INSIDE + 6;
    format!("  {one:^WIDTH$}{two:^WIDTH$}{three:^WIDTH$}")
        .trim_end()
        .into()
}
