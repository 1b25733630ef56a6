//! Rung 9: the bench, with fewer objects than it has for people. Nothing is said of time: QEMU
//! counts instructions, which are the same on every host, and page-table entries are the kernel's
//! own count.

use std::collections::BTreeMap;

use jacinth_tests_qemu::{Arch, Boot, Ran};

use crate::{Outcome, Test, test};

/// How many objects are around, as the program is told.
const COUNTS: [&str; 2] = ["200", "2000"];
/// How much more an operation may cost with ten times as many objects: as a factor, and in
/// instructions. What grows with the logarithm stays below, what is linear does not.
const FACTOR: u64 = 2;
const SLACK: u64 = 500;
/// The sections that have figures for every count.
const SECTIONS: [&str; 9] = [
    "handles to one VMO",
    "VMOs",
    "slices of one VMO",
    "snapshots of one VMO",
    "pages in one VMO",
    "resources",
    "mappings of one page of one VMO",
    "mappings, each of another VMO",
    "regions in one region",
];

pub(crate) fn tests(arch: Arch) -> Vec<(String, Test)> {
    let mut tests = vec![test("usual", |boot| {
        let ran = bench(boot)?;
        shape(&ran)?;
        entries(&ran, 0, 1)
    })];
    if arch == Arch::X86_64 {
        tests.push(test("no_block_of_1g", |boot| {
            let boot = boot.option("--cpu", "max,-x2apic,-pdpe1gb");
            entries(&bench(boot)?, 512, 0)
        }));
    }
    tests
}

fn bench(boot: Boot) -> Result<Ran, String> {
    let words = format!("counts={}", COUNTS.join(","));
    let ran = boot.command("bench").option("--append", words).run()?;
    ran.status(0)?;
    Ok(ran)
}

/// 1 GiB of a device takes that many blocks of 2 MiB and of 1 GiB when it is mapped at once.
fn entries(ran: &Ran, blocks_2m: u64, blocks_1g: u64) -> Outcome {
    let found = ran.line_after("1073741824 bytes of a device, mapped at once: ")?;
    let wanted = format!("0 entries of 4 KiB, {blocks_2m} of 2 MiB, {blocks_1g} of 1 GiB");
    ran.check(found == wanted, &format!("entries: {wanted}"))
}

/// Every operation has its figures, and none costs much more with more objects around.
fn shape(ran: &Ran) -> Outcome {
    let mut figures: BTreeMap<(&str, &str), Vec<(&str, u64)>> = BTreeMap::new();
    for line in ran.console.lines() {
        if let Some((section, operation, count, instructions)) = figure(line) {
            let place = figures.entry((section, operation)).or_default();
            place.push((count, instructions));
        }
    }
    for section in SECTIONS {
        let has = figures.keys().any(|(title, _)| title.ends_with(section));
        ran.check(has, &format!("no figures: {section}"))?;
    }
    for (name, figures) in figures {
        let [(few, with_few), (many, with_many)] = figures[..] else {
            return Err(ran.failure(&format!("two figures are wanted: {name:?}")));
        };
        ran.check([few, many] == COUNTS, &format!("the counts of {name:?}"))?;
        let limit = with_few * FACTOR + SLACK;
        let what = format!("{name:?}: {with_few} instructions became {with_many}");
        ran.check(with_many <= limit || name == LINEAR, &what)?;
    }
    Ok(())
}

/// The one operation that looks at every page: a VMO that shares pages tells how many are its own.
const LINEAR: (&str, &str) = ("with that many pages in one VMO", "object_get_info VMO");

/// Section, operation, count and instructions of a line of JSON that has them all.
fn figure(line: &str) -> Option<(&str, &str, &str, u64)> {
    let line = line.strip_prefix('{')?;
    let section = field(line, "section", '"')?.strip_prefix('"')?;
    let operation = field(line, "operation", '"')?.strip_prefix('"')?;
    let count = field(line, "count", ',')?;
    let instructions = field(line, "instructions", '}')?.parse().ok()?;
    Some((section, operation, count, instructions))
}

/// The value of a field up to the letter behind it; with its first quotation mark, if it has one.
fn field<'a>(line: &'a str, name: &str, behind: char) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(r#""{name}":"#))?;
    let end = rest.get(1..)?.find(behind)?;
    rest.get(..=end)
}
