//! What the table says that a call may answer.

use alloc::vec::Vec;

use zx::abi::{SYSCALLS, Status, Syscall};

/// The statuses that a row names behind `Errors:`, and those of the calls that it refers to.
#[must_use]
pub(super) fn statuses(row: &Syscall) -> Vec<Status> {
    let mut found = Vec::new();
    collect(row, &mut found, &mut Vec::new());
    found
}

fn collect(row: &Syscall, found: &mut Vec<Status>, seen: &mut Vec<u64>) {
    if seen.contains(&row.number) {
        return;
    }
    seen.push(row.number);
    for line in row.doc {
        let Some((_, errors)) = line.split_once("Errors:") else {
            continue;
        };
        for word in errors.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let named = Status::ALL.iter().filter(|(_, name)| *name == word);
            found.extend(named.map(|(status, _)| *status));
            let other = SYSCALLS.iter().find(|other| other.name == word);
            if let Some(other) = other {
                collect(other, found, seen);
            }
        }
    }
}

/// Whether a row says that what it answers is a number.
#[must_use]
pub(super) fn answers_number(row: &Syscall) -> bool {
    row.doc
        .iter()
        .any(|line| line.contains("as the call's value"))
}

/// Whether a call does not come back: its row says so, or its name does.
#[must_use]
pub(super) fn never_returns(row: &Syscall) -> bool {
    let says_so = row.doc.iter().any(|line| line.contains("does not return"));
    says_so || row.name.ends_with("_exit")
}
