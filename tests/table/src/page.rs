//! The page's text.

use crate::{Machine, Verdicts};
use conformance::{Scenario, rows, scenarios};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What stands in a column.
const OK: &str = "ok";
const FAILED: &str = "FAILED";
const NOT_RUN: &str = "not run";
/// The row is about another architecture.
const ELSEWHERE: &str = "–";

const ABOUT: &str = "\
# Conformance

Which fact about Zircon's calls holds on which machine. Rows are those of the project's three tables of
facts, `vmo` (resources, VMOs, handles, information) and `vmar` (regions, mappings, pinned memory,
interrupts) and `ipc` (channels, waits, time, tasks); a scenario in `tests/conformance` names the rows it covers, and more hold than are listed.

`./qemu-run.sh test` makes this page of what the scenarios answered and fails when it differs;
`JACINTH_BLESS=1 ./qemu-run.sh test` writes it anew. Sim is the simulated machine, which runs with several
seeds and numbers of processors; SMP is a machine with two or four processors, on which threads stay
where they are or are moved all the time. A cell says ok when every run did.

";

/// One line of a table: a row or a scenario, and what ran for it.
struct Line {
    name: String,
    scenarios: Vec<&'static str>,
    /// What it waits for, when nothing can run yet.
    waits_for: Option<&'static str>,
}

/// How many lines of a table passed on every machine, did not, and wait.
#[derive(Clone, Copy, Default)]
struct Sum {
    passed: usize,
    failed: usize,
    waiting: usize,
}

/// Makes the page.
#[must_use]
pub fn page(verdicts: &Verdicts) -> String {
    let tables = [
        ("vmo", lines("vmo", rows::VMO)),
        ("vmar", lines("vmar", rows::VMAR)),
        ("ipc", lines("ipc", rows::IPC)),
    ];
    let rowless = scenarios().filter(|scenario| scenario.rows.is_empty());
    let rowless: Vec<Line> = rowless.map(alone).collect();
    let mut page = ABOUT.to_owned();
    sums(&mut page, verdicts, &tables, &rowless);
    for (name, lines) in &tables {
        heading(&mut page, &format!("The table {name}"), "Row | Scenarios");
        for line in lines {
            let what = line.waits_for.map(|what| format!("waits for {what}"));
            let what = what.unwrap_or_else(|| line.scenarios.join(", "));
            row(
                &mut page,
                verdicts,
                &format!("{} | {what}", line.name),
                line,
            );
        }
    }
    heading(
        &mut page,
        "Scenarios of facts beyond the tables",
        "Scenario",
    );
    for line in &rowless {
        row(&mut page, verdicts, &line.name, line);
    }
    page
}

/// What passed on a machine by the old page, and does not by the new one.
#[must_use]
pub fn lost(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (passed(old), passed(new));
    old.difference(&new)
        .map(|(name, machine)| format!("{name} passed on {machine}"))
        .collect()
}

/// The cells of a page that say that something passed.
fn passed(page: &str) -> BTreeSet<(String, &'static str)> {
    let mut passed = BTreeSet::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let Some(results) = cells.len().checked_sub(Machine::ALL.len()) else {
            continue;
        };
        for (machine, cell) in Machine::ALL.iter().zip(&cells[results..]) {
            if *cell == OK {
                passed.insert((cells[0].to_owned(), machine.name()));
            }
        }
    }
    passed
}

/// The lines of one of the tables.
fn lines(table: &str, numbers: &[u16]) -> Vec<Line> {
    let mut covered: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    for scenario in scenarios() {
        for row in scenario.rows {
            covered.entry(row).or_default().push(scenario.name);
        }
    }
    let lines = numbers.iter().map(|number| {
        let name = format!("{table}:{number}");
        let mut waiting = rows::WAITING.iter();
        let waits_for = waiting.find(|(of, _, rows)| *of == table && rows.contains(number));
        Line {
            scenarios: covered.get(&*name).cloned().unwrap_or_default(),
            waits_for: waits_for.map(|(_, what, _)| *what),
            name,
        }
    });
    lines.collect()
}

/// The line of a scenario by itself.
fn alone(scenario: &Scenario) -> Line {
    Line {
        name: scenario.name.to_owned(),
        scenarios: vec![scenario.name],
        waits_for: None,
    }
}

impl Line {
    /// What stands in a machine's column.
    fn result(&self, verdicts: &Verdicts, machine: Machine) -> &'static str {
        let results = self.scenarios.iter().map(|name| verdicts.of(machine, name));
        let results: Vec<Option<bool>> = results.collect();
        match () {
            () if self.waits_for.is_some() => "",
            () if !machine.has(&self.name) => ELSEWHERE,
            () if results.contains(&Some(false)) => FAILED,
            () if results.is_empty() || results.contains(&None) => NOT_RUN,
            () => OK,
        }
    }
}

fn sum(lines: &[Line], verdicts: &Verdicts) -> Sum {
    let mut sum = Sum::default();
    for line in lines {
        let mut results = Machine::ALL.iter().map(|on| line.result(verdicts, *on));
        match line.waits_for {
            Some(_) => sum.waiting += 1,
            None if results.all(|result| [OK, ELSEWHERE].contains(&result)) => sum.passed += 1,
            None => sum.failed += 1,
        }
    }
    sum
}

fn sums(page: &mut String, verdicts: &Verdicts, tables: &[(&str, Vec<Line>)], rowless: &[Line]) {
    let of_tables = tables
        .iter()
        .map(|(name, lines)| (format!("rows of {name}"), &lines[..]));
    let of_rest = ("scenarios beyond the tables".to_owned(), rowless);
    push(page, "| | All | Pass on every machine | Do not | Wait |\n");
    push(page, "|---|---|---|---|---|\n");
    for (name, lines) in of_tables.chain([of_rest]) {
        let Sum {
            passed,
            failed,
            waiting,
        } = sum(lines, verdicts);
        let all = lines.len();
        push(
            page,
            &format!("| {name} | {all} | {passed} | {failed} | {waiting} |\n"),
        );
    }
    push(
        page,
        &format!("\n{} scenarios in all.\n", scenarios().count()),
    );
}

fn heading(page: &mut String, title: &str, columns: &str) {
    let machines = Machine::ALL.map(Machine::name).join(" | ");
    push(
        page,
        &format!("\n## {title}\n\n| {columns} | {machines} |\n|"),
    );
    for _ in 0..columns.split('|').count() + Machine::ALL.len() {
        push(page, "---|");
    }
    push(page, "\n");
}

fn row(page: &mut String, verdicts: &Verdicts, first: &str, line: &Line) {
    push(page, &format!("| {first} |"));
    for machine in Machine::ALL {
        push(page, &format!(" {} |", line.result(verdicts, machine)));
    }
    push(page, "\n");
}

fn push(page: &mut String, text: &str) {
    page.write_str(text).expect("a string takes all text");
}

#[cfg(test)]
mod tests {
    use super::{lost, page};
    use crate::{Machine, Verdicts};
    use conformance::scenarios;

    fn all_passed() -> Verdicts {
        let mut verdicts = Verdicts::default();
        for machine in Machine::ALL {
            for scenario in scenarios() {
                verdicts.add(machine, &format!("{} ok", scenario.name));
            }
        }
        verdicts
    }

    #[test]
    fn what_is_lost_is_named() {
        let mut verdicts = all_passed();
        let old = page(&verdicts);
        assert!(!old.contains("FAILED") && !old.contains("not run"), "{old}");
        assert_eq!(lost(&old, &old), Vec::<String>::new());
        let (scenario, row) = scenarios()
            .find_map(|scenario| Some((scenario, *scenario.rows.first()?)))
            .expect("some scenario names a row");
        verdicts.add(Machine::QemuAarch64, &format!("{} FAILED", scenario.name));
        let new = page(&verdicts);
        let lost = lost(&old, &new);
        assert_eq!(lost.len(), scenario.rows.len(), "{lost:?}");
        assert!(
            lost.contains(&format!("{row} passed on QEMU aarch64")),
            "{lost:?}"
        );
    }

    #[test]
    fn nothing_ran_and_nothing_passes() {
        let page = page(&Verdicts::default());
        assert!(!page.contains("| ok |"), "{page}");
    }
}
