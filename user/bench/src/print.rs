//! The table for people.

use alloc::string::String;

use zx::{print, println};

use crate::meter::Cost;
use crate::rivals;
use crate::table::{ARCH, Kind, Row, Section, Table};

/// How wide the column of names is.
const NAMES: usize = 54;
/// How wide a figure is.
const FIGURES: usize = 11;
/// How wide a figure of others is, with its ratio.
const OTHERS: usize = 22;
/// Those whose best figure gets a column, with how many times as much they need as Jacinth.
const SYSTEMS: [&str; 3] = ["Zircon", "seL4", "Linux"];

pub(crate) fn print_for_people(table: &Table) {
    println!("\ninstructions on {ARCH}, medians");
    for section in table.sections() {
        match section.kind {
            Kind::Single => single(section),
            Kind::Counted => counted(table, section),
        }
    }
    println!();
}

/// A figure in each row, beside its spread, what there is to reach, and the others' figures.
fn single(section: &Section) {
    print!("\n{:NAMES$}", section.title);
    for title in ["here", "from", "95 % to", "to reach"] {
        print!("{title:>FIGURES$}");
    }
    for system in SYSTEMS {
        print!("{system:>OTHERS$}");
    }
    println!();
    for Row { name, figures } in &section.rows {
        let Some(Some(cost)) = figures.first() else {
            continue;
        };
        print!("  {name:width$}", width = NAMES - 2);
        for figure in [cost.median, cost.low, cost.high] {
            print!("{:>FIGURES$}", grouped(figure));
        }
        beside(name, cost);
        println!();
    }
}

fn beside(name: &str, cost: &Cost) {
    let Some(rival) = rivals::of(name) else {
        return;
    };
    print!("{:>FIGURES$}", grouped(rival.goal));
    for system in SYSTEMS {
        let figures = rival
            .others
            .iter()
            .filter(|(who, _)| who.starts_with(system));
        let text = match figures.map(|(_, figure)| *figure).min() {
            Some(figure) => alloc::format!("{} {}", grouped(figure), ratio(figure, cost.median)),
            None => "-".into(),
        };
        print!("{text:>OTHERS$}");
    }
}

/// How many times the one is of the other.
fn ratio(one: u64, other: u64) -> String {
    let hundredths = (one * 100 + other / 2).checked_div(other).unwrap_or(0);
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    alloc::format!("{whole:>6}.{rest:02}x")
}

/// A column for each count.
fn counted(table: &Table, section: &Section) {
    print!("\n{:NAMES$}", section.title);
    for count in table.counts() {
        print!("{count:>FIGURES$}");
    }
    println!();
    for row in &section.rows {
        print!("  {:width$}", row.name, width = NAMES - 2);
        for figure in &row.figures {
            let text = figure.map_or_else(|| "-".into(), |cost| grouped(cost.median));
            print!("{text:>FIGURES$}");
        }
        println!();
    }
}

/// A number with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = alloc::format!("{number}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
