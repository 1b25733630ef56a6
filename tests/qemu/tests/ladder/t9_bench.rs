//! Rung 9: the bench. Nothing is said of time: QEMU counts instructions, which are the same on
//! every host, and page-table entries are the kernel's own count. No figure may be more than 2 %
//! above the one in `docs/performance.md`; with `JACINTH_BLESS=1` that page is written instead.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;

use jacinth_tests_qemu::figures::{self, Figure};
use jacinth_tests_qemu::{Arch, Boot, Ran};

use crate::{Outcome, Test, test};

/// How many objects are around, as the program is told; more when the page is written.
const COUNTS: &str = "1000,10000";
const ALL_COUNTS: &str = "1000,10000,100000";
/// How long it may take, in seconds.
const TIME_LIMIT: u32 = 240;
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
/// The one operation that looks at every page: a VMO that shares pages tells how many are its own.
const LINEAR: (&str, &str) = ("with that many pages in one VMO", "object_get_info VMO");

/// Who writes the page.
static PAGE: Mutex<()> = Mutex::new(());

pub(crate) fn tests(arch: Arch) -> Vec<(String, Test)> {
    let mut tests = vec![test("usual", move |boot| {
        let is_blessed = std::env::var_os("JACINTH_BLESS").is_some();
        let counts = if is_blessed { ALL_COUNTS } else { COUNTS };
        let page = boot.place().root().join(figures::PAGE);
        let ran = bench(boot, counts)?;
        entries(&ran, 0, 1)?;
        let figures = read(&ran)?;
        shape(&ran, &figures)?;
        if is_blessed {
            let _writes = PAGE.lock().map_err(|error| error.to_string())?;
            let old = fs::read_to_string(&page).map_err(|error| error.to_string())?;
            let new = figures::write_page(&old, arch, &figures);
            let new = new.ok_or("the page has no place for the figures")?;
            return fs::write(page, new).map_err(|error| error.to_string());
        }
        let text = fs::read_to_string(page).map_err(|error| error.to_string())?;
        let grown = figures::grown(&figures, &figures::read_page(&text, arch));
        let what = format!("more than {} says:\n{}", figures::PAGE, grown.join("\n"));
        ran.check(grown.is_empty(), &what)
    })];
    if arch == Arch::X86_64 {
        tests.push(test("no_block_of_1g", |boot| {
            let boot = boot.option("--cpu", "max,-x2apic,-pdpe1gb");
            entries(&bench(boot, "200")?, 512, 0)
        }));
    }
    tests
}

fn bench(boot: Boot, counts: &str) -> Result<Ran, String> {
    let boot = boot.command("bench").time_limit(TIME_LIMIT);
    let ran = boot.option("--append", format!("counts={counts}")).run()?;
    ran.status(0)?;
    Ok(ran)
}

/// The bench's figures, and the boot's.
fn read(ran: &Ran) -> Result<Vec<Figure>, String> {
    let mut figures = figures::read_lines(&ran.console);
    let boot = ran.line_after("init starts after ")?;
    let boot = boot
        .strip_suffix(" ticks")
        .and_then(|ticks| ticks.parse().ok());
    let boot: u64 = boot.ok_or_else(|| ran.failure("the boot takes some ticks"))?;
    figures.insert(
        0,
        Figure {
            key: (
                "boot".into(),
                "from the kernel's first instruction to init's".into(),
                None,
            ),
            instructions: boot,
            spread: (boot, boot),
            goal: None,
            others: Vec::new(),
        },
    );
    Ok(figures)
}

/// 1 GiB of a device takes that many blocks of 2 MiB and of 1 GiB when it is mapped at once.
fn entries(ran: &Ran, blocks_2m: u64, blocks_1g: u64) -> Outcome {
    let found = ran.line_after("1073741824 bytes of a device, mapped at once: ")?;
    let wanted = format!("0 entries of 4 KiB, {blocks_2m} of 2 MiB, {blocks_1g} of 1 GiB");
    ran.check(found == wanted, &format!("entries: {wanted}"))
}

/// Every operation has its figures, and none costs much more with more objects around.
fn shape(ran: &Ran, all: &[Figure]) -> Outcome {
    let mut rows: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
    for figure in all.iter().filter(|figure| figure.key.2.is_some()) {
        let (section, operation, _) = &figure.key;
        rows.entry((section, operation))
            .or_default()
            .push(figure.instructions);
    }
    for section in SECTIONS {
        let has = rows.keys().any(|(title, _)| title.ends_with(section));
        ran.check(has, &format!("no figures: {section}"))?;
    }
    for (name, figures) in rows {
        ran.check(figures.len() > 1, &format!("one figure: {name:?}"))?;
        for pair in figures.windows(2) {
            let &[few, many] = pair else { continue };
            let limit = few * FACTOR + SLACK;
            let what = format!("{name:?}: {few} instructions became {many}");
            ran.check(many <= limit || name == LINEAR, &what)?;
        }
    }
    Ok(())
}
