//! The kernel's recount of itself on a machine, where the command line asks for it: the word
//! `audit`. It is slow, and takes memory of the heap; a boot without the word does none of it.
//!
//! It happens now and then while long work goes on, and at the end; the first difference is a
//! panic.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use jacinth_kernel::Next;

use crate::console;
use crate::enter::{STATE, State};

/// One in so many pieces of long work is followed by a recount.
const RARELY: u32 = 32;

/// Whether the word was there.
static IS_ON: AtomicBool = AtomicBool::new(false);
/// Pieces of long work so far.
static PIECES: AtomicU32 = AtomicU32::new(0);
/// Recounts so far.
static RECOUNTS: AtomicU32 = AtomicU32::new(0);

/// Recounts from now on, if the command line says so.
pub(crate) fn start(command_line: &str) {
    let is_wanted = command_line.split(' ').any(|word| word == "audit");
    IS_ON.store(is_wanted, Ordering::Relaxed);
}

/// Recounts, perhaps, behind an entry that left more to do, or was the last.
pub(crate) fn look(next: Next) {
    if !IS_ON.load(Ordering::Relaxed) {
        return;
    }
    let is_end = matches!(next, Next::Halt(_));
    let pieces = PIECES.fetch_add(1, Ordering::Relaxed);
    if is_end || pieces.is_multiple_of(RARELY) {
        recount(is_end);
    }
}

fn recount(is_end: bool) {
    let state = STATE.lock();
    let Some(State { kernel, machine }) = state.as_ref() else {
        return;
    };
    if let Err(error) = kernel.audit(machine) {
        panic!("audit: {error:?}");
    }
    let recounts = RECOUNTS.fetch_add(1, Ordering::Relaxed);
    if is_end {
        let (objects, frames) = kernel.left();
        console::print(format_args!(
            "jacinth: audit clean, {objects} objects and {frames} frames are left ({recounts} recounts before)\n"
        ));
    }
}
