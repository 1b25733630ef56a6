//! The figures, for people and for machines.

use alloc::string::String;
use alloc::vec::Vec;

use zx::{print, println};

/// How wide the column of names is.
const NAMES: usize = 54;
/// How wide a figure is.
const FIGURES: usize = 11;

/// The architecture that the program is built for.
const ARCH: &str = if cfg!(target_arch = "x86_64") {
    "x86_64"
} else {
    "aarch64"
};

struct Row {
    name: &'static str,
    /// A figure for each count; one that is alone counts for all.
    figures: Vec<Option<u64>>,
}

struct Section {
    title: &'static str,
    rows: Vec<Row>,
}

/// Sections of rows, a figure for each count.
pub(crate) struct Table {
    counts: Vec<usize>,
    sections: Vec<Section>,
}

impl Table {
    pub(crate) fn new(counts: Vec<usize>) -> Self {
        Self {
            counts,
            sections: Vec::new(),
        }
    }

    pub(crate) fn counts(&self) -> Vec<usize> {
        self.counts.clone()
    }

    /// Begins a section.
    pub(crate) fn section(&mut self, title: &'static str) {
        self.sections.push(Section {
            title,
            rows: Vec::new(),
        });
    }

    /// Puts a figure that does not depend on a count into the last section.
    pub(crate) fn put_single(&mut self, name: &'static str, figure: u64) {
        self.put(name, 0, figure);
    }

    /// Puts a figure into the last section.
    pub(crate) fn put(&mut self, name: &'static str, column: usize, figure: u64) {
        let Some(section) = self.sections.last_mut() else {
            return;
        };
        let place = section.rows.iter().position(|row| row.name == name);
        let place = place.unwrap_or_else(|| {
            let figures = Vec::new();
            section.rows.push(Row { name, figures });
            section.rows.len() - 1
        });
        if let Some(row) = section.rows.get_mut(place) {
            row.figures.resize(column, None);
            row.figures.push(Some(figure));
        }
    }

    pub(crate) fn print(&self) {
        self.print_for_people();
        for section in self
            .sections
            .iter()
            .filter(|section| !section.rows.is_empty())
        {
            self.print_for_machines(section);
        }
    }

    fn print_for_people(&self) {
        let title = alloc::format!("instructions on {ARCH}, medians");
        print!("\n{title:NAMES$}");
        for count in &self.counts {
            print!("{count:>FIGURES$}");
        }
        println!();
        for section in self
            .sections
            .iter()
            .filter(|section| !section.rows.is_empty())
        {
            println!("{}", section.title);
            for row in &section.rows {
                print!("  {:width$}", row.name, width = NAMES - 2);
                for figure in &row.figures {
                    let text = figure.map_or_else(|| "-".into(), grouped);
                    print!("{text:>FIGURES$}");
                }
                println!();
            }
        }
        println!();
    }

    fn print_for_machines(&self, section: &Section) {
        let title = section.title;
        for Row { name, figures } in &section.rows {
            let with = |column: usize| match figures.len() {
                1 => None,
                _ => self.counts.get(column),
            };
            for (column, figure) in figures.iter().enumerate() {
                let Some(figure) = figure else { continue };
                let count = with(column)
                    .map_or_else(String::new, |count| alloc::format!(r#","count":{count}"#));
                println!(
                    r#"{{"arch":"{ARCH}","section":"{title}","operation":"{name}"{count},"instructions":{figure}}}"#
                );
            }
        }
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
