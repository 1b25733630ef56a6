//! The one who changes what the pages show, and lets the threads go on that it stopped.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use zx::abi::{ExceptionState, ExceptionType, Status, VmOptions, VmarOp, VmoOptions};
use zx::{ExceptionChannel, Process, Vmo, time};

use super::board::{Board, PAGES, Phase, WORD};
use crate::puppet::PAGE;
use crate::random::Random;

/// How many pieces of memory take turns as what the pages show.
const TURNS: u64 = 4;
const FRAMES: usize = (TURNS * PAGES) as usize;
/// The words of a page that are looked at: all that are written.
const WORDS: usize = 8;
/// How long a pause is at the most.
const PAUSE_NS: u64 = 100_000;

const READ_WRITE: VmOptions = VmOptions::PERM_READ.union(VmOptions::PERM_WRITE);

/// The first words of a page.
type Words = [u8; WORDS * WORD as usize];

pub(super) struct Changer {
    board: Arc<Board>,
    /// What the pages show, by turns.
    memory: Vmo,
    exceptions: ExceptionChannel,
    random: Random,
    generation: u64,
    /// What each page of the memory holds that nobody can write any more.
    kept: [Option<Words>; FRAMES],
    /// Where each page is in the memory.
    shown: [u64; PAGES as usize],
    stopped: u64,
}

impl Changer {
    pub(super) fn new(
        process: &Process,
        board: Arc<Board>,
        random: Random,
    ) -> Result<Self, Status> {
        let mut this = Self {
            board,
            memory: Vmo::create(TURNS * PAGES * PAGE, VmoOptions::empty())?,
            exceptions: ExceptionChannel::of_process(process)?,
            random,
            generation: 0,
            kept: [None; FRAMES],
            shown: [0; PAGES as usize],
            stopped: 0,
        };
        this.remap(0..PAGES)?;
        Ok(this)
    }

    pub(super) const fn stopped(&self) -> u64 {
        self.stopped
    }

    /// Changes something, and looks whether all is as it should be.
    pub(super) fn step(&mut self) -> Result<(), String> {
        let first = self.random.below(PAGES);
        let pages = first..first + 1 + self.random.below(PAGES - first);
        let what = self.random.below(8);
        self.change(what, pages.clone())
            .map_err(|status| format!("change {what} of {pages:?}: {status}"))?;
        if self.random.one_in(4) {
            let pause = self.random.below(PAUSE_NS).cast_signed();
            time::sleep_ns(pause).map_err(|status| format!("a pause: {status}"))?;
        }
        self.look()?;
        // Not at once: processors that have nothing to do hear of changes in another way.
        if self.random.one_in(4) {
            self.let_go_on()?;
        }
        Ok(())
    }

    /// Shows all pages.
    pub(super) fn open_all(&mut self) -> Result<(), String> {
        self.remap(0..PAGES)
            .map_err(|status| format!("the end: {status}"))
    }

    fn change(&mut self, what: u64, pages: Range<u64>) -> Result<(), Status> {
        let is = |phase| pages.clone().all(|page| self.board.phase(page) == phase);
        let is_open = is(Phase::Open);
        match what {
            0 | 1 => self.close(pages, true),
            2 if is_open => self.close(pages, false),
            3 | 4 if is_open => self.protect(pages),
            5 if is(Phase::ReadOnly) => self.allow(pages),
            6 if is_open => self.empty(pages),
            _ => self.remap(pages),
        }
    }

    /// Takes pages away: they are unmapped, or nobody may touch them.
    fn close(&mut self, pages: Range<u64>, is_unmapped: bool) -> Result<(), Status> {
        self.begin(&pages);
        let (at, len) = span(&pages);
        if is_unmapped {
            self.board.region.unmap_part(at, len)?;
        } else {
            self.board.region.protect(VmOptions::empty(), at, len)?;
        }
        self.keep(&pages)?;
        self.end(pages, Phase::Closed);
        Ok(())
    }

    /// Lets pages be read only.
    fn protect(&mut self, pages: Range<u64>) -> Result<(), Status> {
        self.begin(&pages);
        let (at, len) = span(&pages);
        self.board.region.protect(VmOptions::PERM_READ, at, len)?;
        self.keep(&pages)?;
        self.end(pages, Phase::ReadOnly);
        Ok(())
    }

    /// Lets pages be written again.
    fn allow(&mut self, pages: Range<u64>) -> Result<(), Status> {
        self.begin(&pages);
        for page in pages.clone() {
            self.kept[self.shown[page as usize] as usize] = None;
        }
        let (at, len) = span(&pages);
        self.board.region.protect(READ_WRITE, at, len)?;
        self.end(pages, Phase::Open);
        Ok(())
    }

    /// Gives the frames back that are behind pages, which are zero from then on.
    fn empty(&mut self, pages: Range<u64>) -> Result<(), Status> {
        self.begin(&pages);
        for page in pages.clone() {
            let offset = self.shown[page as usize] * PAGE;
            self.memory.decommit(offset, PAGE)?;
        }
        self.board.say(pages, Phase::Open, 0);
        Ok(())
    }

    /// Shows other memory, whatever was there.
    fn remap(&mut self, pages: Range<u64>) -> Result<(), Status> {
        self.begin(&pages);
        self.generation += 1;
        let from = self.generation % TURNS * PAGES + pages.start;
        for frame in from..from + (pages.end - pages.start) {
            self.kept[frame as usize] = None;
            let mut words: Words = [0; _];
            words[..8].copy_from_slice(&self.generation.to_le_bytes());
            self.memory.write(frame * PAGE, &words)?;
        }
        let ((at, len), region) = (span(&pages), &self.board.region);
        region.overwrite(READ_WRITE, at, &self.memory, from * PAGE, len)?;
        if self.random.one_in(2) {
            region.op_range(VmarOp::MapRange, at, len)?;
        }
        let before = pages.clone().map(|page| self.shown[page as usize]);
        let (low, high) = (from, from + (pages.end - pages.start));
        for frame in before.filter(|frame| !(low..high).contains(frame)) {
            self.kept[frame as usize] = Some(self.words(frame)?);
        }
        for (page, frame) in pages.clone().zip(from..) {
            self.shown[page as usize] = frame;
        }
        self.board.say(pages, Phase::Open, self.generation);
        Ok(())
    }

    /// From now on nothing is certain about pages.
    fn begin(&self, pages: &Range<u64>) {
        for page in pages.clone() {
            let generation = self.board.generation(page);
            self.board.say(page..page + 1, Phase::Changing, generation);
        }
    }

    /// What is certain from now on; the pages hold what they held.
    fn end(&self, pages: Range<u64>, phase: Phase) {
        for page in pages {
            let generation = self.board.generation(page);
            self.board.say(page..page + 1, phase, generation);
        }
    }

    /// Notes what pages hold, which nobody can write any more.
    fn keep(&mut self, pages: &Range<u64>) -> Result<(), Status> {
        for page in pages.clone() {
            let frame = self.shown[page as usize];
            self.kept[frame as usize] = Some(self.words(frame)?);
        }
        Ok(())
    }

    fn words(&self, frame: u64) -> Result<Words, Status> {
        let mut words: Words = [0; _];
        self.memory.read(frame * PAGE, &mut words)?;
        Ok(words)
    }

    /// Looks whether what nobody can write stays as it is.
    fn look(&self) -> Result<(), String> {
        for (frame, kept) in (0..).zip(&self.kept) {
            let Some(kept) = kept else {
                continue;
            };
            let now = self.words(frame);
            let now = now.map_err(|status| format!("reading memory: {status}"))?;
            if now != *kept {
                return Err(format!(
                    "memory {frame} was written after nobody could: {kept:?}, now {now:?}"
                ));
            }
        }
        Ok(())
    }

    /// Lets threads go on that touched what they must not: they try again.
    pub(super) fn let_go_on(&mut self) -> Result<(), String> {
        // All are stopped until all were asked: one that goes on may be here again at once.
        let mut all = Vec::new();
        loop {
            let (info, exception) = match self.exceptions.read() {
                Err(Status::SHOULD_WAIT) => return Ok(()),
                Err(status) => return Err(format!("reading an exception: {status}")),
                Ok(read) => read,
            };
            if info.exception_type != ExceptionType::FatalPageFault.number() {
                // It goes to whoever is next, and ends the program.
                return Err(format!("an exception of another kind: {info:x?}"));
            }
            let said = exception.set_state(ExceptionState::Handled);
            said.map_err(|status| format!("letting a thread go on: {status}"))?;
            self.stopped += 1;
            all.push(exception);
        }
    }
}

/// Where pages are in the region, and how long they are, in bytes.
const fn span(pages: &Range<u64>) -> (u64, u64) {
    (pages.start * PAGE, (pages.end - pages.start) * PAGE)
}
