//! Rung 8: programs that try to break the kernel. One misuses every call of the table.

use jacinth_tests_qemu::Boot;

use crate::{Outcome, Test, test};

/// How many seconds a program may take.
const TIME_LIMIT: u32 = 240;

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("misuse", |boot| misuse(boot, "1")),
        test("misuse_four_cpus", |boot| misuse(boot, "4")),
    ]
}

/// Every call answers what the table says that it may, and leaves nothing behind.
fn misuse(boot: Boot, cpus: &str) -> Outcome {
    let boot = boot.option("--program", "stress").option("--cpus", cpus);
    let boot = boot.option("--append", format!("misuse seed={cpus}"));
    let ran = boot.time_limit(TIME_LIMIT).run()?;
    let failed: Vec<_> = ran.lines_after("MISUSE FAILED: ").collect();
    ran.check(failed.is_empty(), &format!("failed: {failed:#?}"))?;
    ran.line_after("MISUSE end: ")?;
    ran.status(0)
}
