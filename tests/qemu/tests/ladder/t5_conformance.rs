//! Rung 5: the conformance scenarios in user mode. None is left out, and none runs twice.

use jacinth_tests_qemu::{Boot, Ran};

use crate::{Outcome, Test, test};

/// How many seconds all scenarios may take.
const TIME_LIMIT: u32 = 150;

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("all", all),
        test("memory_64m", |boot| all(boot.option("--mem", "64M"))),
    ]
}

fn all(boot: Boot) -> Outcome {
    let boot = boot.option("--program", "conformance-user");
    let ran = boot.time_limit(TIME_LIMIT).run()?;
    let wanted: Vec<_> = conformance::scenarios()
        .map(|scenario| scenario.name)
        .collect();
    let results: Vec<_> = ran.lines_after("JTEST ").collect();
    let failed: Vec<_> = results
        .iter()
        .filter(|line| line.contains("FAILED"))
        .collect();
    ran.check(failed.is_empty(), &format!("failed: {failed:#?}"))?;
    let passed: Vec<_> = results
        .iter()
        .filter_map(|line| line.strip_suffix(" ok"))
        .collect();
    ran.check(passed == wanted, &difference(&passed, &wanted))?;
    end(&ran, wanted.len())?;
    ran.status(0)
}

fn end(ran: &Ran, count: usize) -> Outcome {
    let end = ran.line_after("JTEST end ")?;
    let wanted = format!("{count} passed 0 failed");
    ran.check(end == wanted, &format!("the last line is not: {wanted}"))
}

fn difference(passed: &[&str], wanted: &[&str]) -> String {
    let without = |one: &[&str], other: &[&str]| -> Vec<String> {
        let names = one.iter().filter(|name| !other.contains(name));
        names.map(|name| (*name).to_owned()).collect()
    };
    let (missing, unknown) = (without(wanted, passed), without(passed, wanted));
    format!("did not pass: {missing:?}; unknown: {unknown:?}; or another order")
}
