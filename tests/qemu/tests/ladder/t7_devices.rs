//! Rung 7: bytes travel between host and guest through physical VMOs. A file on the host is memory
//! of a device in the guest: what is written into it here, the program `devices` reads there, and
//! what it writes is looked for in the file when the machine is off.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use devices_agreement::{
    FILE_BYTES, LAST_ROUND, POLICIES, WINDOWS, Way, Window, pattern, pattern_spots, reply,
    reply_spots, rounds,
};
use jacinth_tests_qemu::{Arch, Boot, Ran};

use crate::{Outcome, Test, test};

/// The program makes no fewer checks.
const LEAST_CHECKS: u32 = 1300;
const PAGE: u64 = 4096;

/// The largest block that the processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Largest {
    OneGib,
    TwoMib,
}

/// A machine: the test's name, options of `qemu-run.sh`, the largest block.
type Machine = (
    &'static str,
    &'static [(&'static str, &'static str)],
    Largest,
);

const ON_X86_64: &[Machine] = &[
    ("usual", &[], Largest::OneGib),
    (
        "no_block_of_1g",
        &[("--cpu", "max,-pdpe1gb")],
        Largest::TwoMib,
    ),
    (
        "cpu_nehalem",
        &[("--cpu", "Nehalem"), ("--mem", "64M")],
        Largest::TwoMib,
    ),
    ("memory_6g", &[("--mem", "6G")], Largest::OneGib),
];
const ON_AARCH64: &[Machine] = &[
    ("usual", &[], Largest::OneGib),
    (
        "cortex_a53",
        &[("--cpu", "cortex-a53"), ("--mem", "64M")],
        Largest::OneGib,
    ),
    ("memory_6g", &[("--mem", "6G")], Largest::OneGib),
];

pub(crate) fn tests(arch: Arch) -> Vec<(String, Test)> {
    let machines = match arch {
        Arch::X86_64 => ON_X86_64,
        Arch::Aarch64 => ON_AARCH64,
    };
    let tests = machines.iter().map(|(name, options, largest)| {
        test(*name, |boot| {
            let add = |boot: Boot, (name, value): &(&str, &str)| boot.option(name, *value);
            devices(options.iter().fold(boot, add), *largest)
        })
    });
    tests.collect()
}

fn devices(boot: Boot, largest: Largest) -> Outcome {
    let path = boot.file("memory");
    prepare(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let backend = format!(
        "memory-backend-file,id=shared,share=on,size={FILE_BYTES},mem-path={}",
        path.display()
    );
    let boot = boot.option("--program", "devices").qemu(&[
        "-object",
        &backend,
        "-device",
        "ivshmem-plain,memdev=shared",
        "-device",
        "edu",
    ]);
    let ran = boot.run()?;
    all_passed(&ran)?;
    entries(&ran, largest)?;
    let wrong = compare(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    ran.check(wrong.is_empty(), &format!("in the file: {wrong:#?}"))?;
    fs::remove_file(&path).map_err(|error| error.to_string())
}

/// Makes the file, sparse, with the pattern.
fn prepare(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create(path)?;
    file.set_len(FILE_BYTES)?;
    for at in pattern_places() {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&pattern(at).to_le_bytes())?;
    }
    Ok(())
}

/// Where in the file the host writes.
fn pattern_places() -> impl Iterator<Item = u64> {
    let windows = WINDOWS.into_iter();
    windows.flat_map(|window| pattern_spots(window).map(|spot| window.offset + spot))
}

fn all_passed(ran: &Ran) -> Outcome {
    ran.status(0)?;
    let end = ran.line_after("devices: ")?;
    let count = end.strip_suffix(" checks passed");
    let count = count.and_then(|count| count.parse::<u32>().ok());
    let is_enough = count.is_some_and(|count| count >= LEAST_CHECKS);
    ran.check(is_enough, "the last line")
}

/// Every mapping took as few entries as the processor allows, and no round is missing.
fn entries(ran: &Ran, largest: Largest) -> Outcome {
    let found: Vec<_> = ran.lines_after("entries ").collect();
    let all = WINDOWS.into_iter().flat_map(|window| {
        rounds().map(move |(_, policy, way)| {
            let policy = POLICIES[usize::try_from(policy).expect("there are four")];
            let name = format!("{policy} {} {}", way.name(), window.bytes);
            fewest(window, way, largest).map(|[pages_4k, blocks_2m, blocks_1g]| {
                format!("{name} 4k={pages_4k} 2m={blocks_2m} 1g={blocks_1g}")
            })
        })
    });
    let wanted: Vec<_> = all.collect();
    let pairs = found.iter().zip(&wanted);
    let differing: Vec<_> = pairs
        .filter(|(found, wanted)| !wanted.iter().any(|wanted| wanted == **found))
        .collect();
    let is_so = differing.is_empty() && found.len() == wanted.len();
    ran.check(is_so, &format!("entries, found and wanted: {differing:#?}"))
}

/// How many entries of 4 KiB, 2 MiB and 1 GiB a round may have when it is over: one of two answers.
fn fewest(window: Window, way: Way, largest: Largest) -> [[u64; 3]; 2] {
    let pages = window.bytes / PAGE;
    let blocks = pages / 512;
    match (pages, way) {
        (1, _) => [[1, 0, 0]; 2],
        // Two pages with a block in between: both their blocks are split, one page is gone.
        (512, Way::Split) => [[511, 0, 0]; 2],
        (_, Way::Split) => [[1023, blocks - 2, 0]; 2],
        (0x4_0000, _) if largest == Largest::OneGib => [[0, 0, 1]; 2],
        (_, way) if way.is_eager() => [[0, blocks, 0]; 2],
        // A round touches three places: each gets the block around it, be it a single entry or all
        // the smaller ones that stand for a block which the processor lacks.
        (0x4_0000, _) => [[0, 3, 0], [0, blocks, 0]],
        _ => [[0, blocks.min(3), 0]; 2],
    }
}

/// Looks at every page that was to change and at its neighbours, and says what is wrong.
fn compare(path: &Path) -> std::io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let mut wrong = Vec::new();
    let pages = expected();
    let around = pages
        .keys()
        .flat_map(|at| [at.saturating_sub(PAGE), *at, at + PAGE]);
    let zeros = [0; PAGE as usize];
    for at in around.filter(|at| *at < FILE_BYTES) {
        let mut page = [0; PAGE as usize];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut page)?;
        let wanted = pages.get(&at).unwrap_or(&zeros);
        let pairs = page.iter().zip(wanted);
        let places = (at..)
            .zip(pairs)
            .filter(|(_, (found, wanted))| found != wanted);
        let places: Vec<_> = places.map(|(at, _)| at).collect();
        if let Some(first) = places.first() {
            wrong.push(format!("{} bytes from {first:#x}", places.len()));
        }
    }
    Ok(wrong)
}

/// The pages that hold anything in the end, by their place in the file.
fn expected() -> BTreeMap<u64, [u8; PAGE as usize]> {
    let mut pages = BTreeMap::new();
    let mut put = |at: u64, value: u64| {
        let page = pages.entry(at / PAGE * PAGE).or_insert([0; PAGE as usize]);
        let into = usize::try_from(at % PAGE).expect("it is less than a page");
        page[into..into + 8].copy_from_slice(&value.to_le_bytes());
    };
    for window in WINDOWS {
        for (round, ..) in rounds() {
            for spot in reply_spots(window, round) {
                put(window.offset + spot, reply(window.offset + spot, round));
            }
        }
    }
    for at in pattern_places() {
        put(at, reply(at, LAST_ROUND));
    }
    pages
}
