//! The figures, kept by section, and as lines of JSON for machines. [`print`](crate::print) has
//! them for people.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use zx::println;

use crate::meter::Cost;
use crate::rivals;

/// The architecture that the program is built for.
pub(crate) const ARCH: &str = if cfg!(target_arch = "x86_64") {
    "x86_64"
} else {
    "aarch64"
};

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// A figure for each count, or a single one.
    pub(crate) figures: Vec<Option<Cost>>,
}

/// Rows that belong together.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) kind: Kind,
    pub(crate) rows: Vec<Row>,
}

/// What the figures of a section are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of each row.
    Single,
    /// One for each count of objects.
    Counted,
}

/// Sections of rows.
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

    /// The sections that have rows.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &Section> {
        let sections = self.sections.iter();
        sections.filter(|section| !section.rows.is_empty())
    }

    /// Begins a section.
    pub(crate) fn section(&mut self, title: &'static str, kind: Kind) {
        self.sections.push(Section {
            title,
            kind,
            rows: Vec::new(),
        });
    }

    /// Puts a figure that does not depend on a count into the last section.
    pub(crate) fn put_single(&mut self, name: &'static str, cost: Cost) {
        self.put(name, 0, cost);
    }

    /// Puts a figure into the last section.
    pub(crate) fn put(&mut self, name: &'static str, column: usize, cost: Cost) {
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
            row.figures.push(Some(cost));
        }
    }

    /// Prints a line of JSON for each figure.
    pub(crate) fn print_for_machines(&self) {
        for section in self.sections() {
            for row in &section.rows {
                self.print_row(section, row);
            }
        }
    }

    fn print_row(&self, section: &Section, row: &Row) {
        let (title, name) = (section.title, row.name);
        for (column, cost) in row.figures.iter().enumerate() {
            let Some(Cost { median, low, high }) = cost else {
                continue;
            };
            let count = match (section.kind, self.counts.get(column)) {
                (Kind::Counted, Some(count)) => alloc::format!(r#""count":{count},"#),
                _ => String::new(),
            };
            println!(
                r#"{{"arch":"{ARCH}","section":"{title}","operation":"{name}",{count}"instructions":{median},"low":{low},"high":{high}{}}}"#,
                others(name)
            );
        }
    }
}

/// What there is to reach, and what others need.
fn others(operation: &str) -> String {
    let Some(rival) = rivals::of(operation) else {
        return String::new();
    };
    let mut text = alloc::format!(r#","goal":{},"others":{{"#, rival.goal);
    for (index, (name, figure)) in rival.others.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        // Writing to a string does not fail.
        write!(text, r#"{comma}"{name}":{figure}"#).ok();
    }
    text.push('}');
    text
}
