//! The guest runs in its host, and the page about embedding shows the host's loop as it is.

use jacinth_abi::ExitCode;
use jacinth_example_guest::host::{Host, Job};
use jacinth_example_guest::program::{CODE, TEXT, WAKE_AT};
use jacinth_kernel::hal::Cpu;
use std::cell::Cell;
use std::rc::Rc;

#[test]
fn guest_runs_between_the_jobs_of_its_host() {
    let done = Rc::new(Cell::new(0));
    let job = |number: u32| -> Job {
        let done = Rc::clone(&done);
        Box::new(move || {
            assert_eq!(done.replace(number), number - 1, "jobs are done in order");
        })
    };
    let mut host = Host::new((1..=3).map(job).collect());
    let free = host.kernel.mem().frames.free_frames();
    assert_eq!(host.serve(), ExitCode::from_init(CODE));
    assert!(
        host.machine.console().contains(TEXT),
        "the guest has said what it has to say"
    );
    assert_eq!(
        done.get(),
        3,
        "the host did its own work while the guest slept"
    );
    assert!(host.machine.now() >= WAKE_AT, "the guest has slept");
    let all = host.kernel.mem().frames.total_frames();
    assert!(free < all, "the guest had memory while it lived");
    assert_eq!(
        host.kernel.mem().frames.free_frames(),
        all,
        "and has given it back"
    );
}

/// The page quotes what lies between two marks.
#[test]
fn page_shows_the_loop() {
    let source = include_str!("../src/host.rs");
    let page = include_str!("../../../docs/embedding.md");
    let shown = source
        .split_once("    // docs: begin\n")
        .and_then(|(_, rest)| rest.split_once("    // docs: end\n"))
        .expect("the source has both marks")
        .0;
    let lines = shown
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or(line));
    let quoted: String = lines.map(|line| format!("{line}\n")).collect();
    assert!(
        page.contains(&quoted),
        "docs/embedding.md must quote:\n{quoted}"
    );
}
