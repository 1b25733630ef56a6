//! Ends the test process when a world does not end: a test that hangs says less than one that fails.

use crate::Config;
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Many times what the longest test takes on a slow host that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(900);

/// Waits for the end of a world, in a host thread of its own. Dropping it says that the end came.
pub(super) struct Watchdog {
    _end: Sender<()>,
}

impl Watchdog {
    pub(super) fn new(config: &Config) -> Self {
        let (end, ended) = channel();
        let what = format!(
            "{:?}, seed {}, {} processors, wander {:?}",
            config.arch, config.seed, config.cpus, config.wander
        );
        std::thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // Not `eprintln!`: what the test harness captures is lost with the process.
                let seconds = PATIENCE.as_secs();
                writeln!(
                    std::io::stderr(),
                    "no end after {seconds} s of a world: {what}"
                )
                .ok();
                std::process::abort();
            }
        });
        Self { _end: end }
    }
}
