//! What system calls cost, in instructions, alone and with many objects around.
//!
//! `./qemu-run.sh bench` boots it on a machine that counts instructions instead of time, so that
//! its figures are the same everywhere. It prints a table for people, with what other systems need
//! for the same operations, then the same as lines of JSON for machines, then how many page-table entries the mappings of a large device took. Words
//! on the command line: `counts=1000,10000` (how many objects), `only=TEXT` (sections whose title
//! holds it, with `_` for spaces), `rounds=1001` (how often each operation is measured: few for a trace
//! of every instruction). The return code is 0 when every operation did what it should.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod beside;
mod device;
mod mappings;
mod meter;
mod objects;
mod own;
mod pages;
mod place;
mod population;
mod print;
mod rivals;
mod server;
mod table;

use alloc::string::String;
use alloc::vec::Vec;

use meter::Meter;
use population::Population;
use table::{Kind, Table};
use zx::{Startup, Status, time};

zx::main!(bench);

/// What the program returns when something did not work.
const FAILED: i64 = 1;
/// How long the kernel has to itself after a section: far more than it needs.
const SETTLE_NS: i64 = 10 * time::SECOND_NS;
/// How many objects are around, unless the command line says.
const COUNTS: [usize; 3] = [1_000, 10_000, 100_000];

/// What a section needs.
pub(crate) struct Bench<'a> {
    pub(crate) start: &'a Startup,
    pub(crate) meter: Meter,
    pub(crate) table: Table,
    only: String,
    has_failed: bool,
}

fn bench(start: Startup) -> i64 {
    let word = |name| start.args.iter().find_map(|word| word.strip_prefix(name));
    let counts = word("counts=").map_or_else(|| COUNTS.to_vec(), numbers);
    let rounds = word("rounds=").and_then(|rounds| rounds.parse().ok());
    let mut bench = Bench {
        start: &start,
        meter: Meter::new(rounds.unwrap_or(meter::ROUNDS)),
        table: Table::new(counts),
        // Words end at spaces.
        only: word("only=").unwrap_or("").replace('_', " "),
        has_failed: false,
    };
    bench.section("beside other systems", beside::measure);
    bench.section("alone", own::measure);
    for population in objects::all(&start)
        .into_iter()
        .chain(mappings::all(&start))
    {
        bench.grow(population);
    }
    print::print_for_people(&bench.table);
    bench.table.print_for_machines();
    bench.section("the entries of 1 GiB", device::entries);
    if bench.has_failed { FAILED } else { 0 }
}

/// Numbers with commas in between.
fn numbers(text: &str) -> Vec<usize> {
    let words = text.split(',').map(str::parse);
    words.filter_map(Result::ok).collect()
}

impl Bench<'_> {
    /// Runs a section that has no population.
    fn section(&mut self, title: &'static str, run: fn(&mut Self) -> Result<(), Status>) {
        if title.contains(&self.only) {
            self.table.section(title, Kind::Single);
            let result = run(self);
            self.note(title, result);
        }
    }

    /// Measures at each size of a population, and lets it go.
    fn grow(&mut self, mut population: impl Population) {
        let title = population.title();
        if !title.contains(&self.only) {
            return;
        }
        self.table.section(title, Kind::Counted);
        for (column, count) in self.table.counts().into_iter().enumerate() {
            zx::println!("bench: {title}: {count}");
            let rows = population
                .grow(count)
                .and_then(|()| population.measure(&self.meter));
            match rows {
                Ok(rows) => {
                    for (name, cost) in rows {
                        self.table.put(name, column, cost);
                    }
                }
                Err(status) => return self.note(title, Err(status)),
            }
        }
        drop(population);
        // What dies with it dies bit by bit, on the time of the calls that come next.
        let settled = time::sleep_ns(SETTLE_NS);
        self.note(title, settled);
    }

    fn note(&mut self, title: &str, result: Result<(), Status>) {
        if let Err(status) = result {
            self.has_failed = true;
            zx::println!("bench: FAILED: {title}: {status}");
        }
    }
}
