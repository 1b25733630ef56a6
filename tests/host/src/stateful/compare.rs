//! What the kernel did against what the model says: answers, buffers, memory.

use super::call::{Arg, Call};
use super::world::{PATTERN, World};
use crate::model::{Access, Answer, Id, Kind, PAGE, Trial};
use jacinth_abi::{Rights, Status};
use std::collections::BTreeSet;

impl World {
    /// Compares what the process sees of its memory: a word at the start of each page of each
    /// mapping, at most `pages` of them; what the model says is a fault the processor must refuse.
    ///
    /// # Errors
    /// How they differ.
    pub fn compare_mappings(&mut self, pages: usize, salt: u64) -> Result<(), String> {
        let found: Vec<(u64, usize)> = self
            .model
            .mappings()
            .map(|(at, mapping)| (at, mapping.pages.len()))
            .collect();
        for (at, count) in found {
            for page in (0..count).step_by(count.div_ceil(pages).max(1)) {
                let at = at + page as u64 * PAGE + (salt % 500) * 8;
                self.compare_page(at, salt)?;
            }
        }
        Ok(())
    }

    /// Reads the first pages of every VMO that can be read, as a program would.
    ///
    /// # Errors
    /// How they differ from the model's.
    pub fn compare_contents(&mut self) -> Result<(), String> {
        const READ: u64 = 14;
        const PIECE: u64 = 4 * PAGE;
        let mut seen = BTreeSet::new();
        let handles: Vec<(u32, Id)> = self
            .model
            .handles
            .iter()
            .filter(|(_, held)| held.rights.contains(Rights::READ))
            .map(|(value, held)| (*value, held.object))
            .collect();
        for (value, id) in handles {
            if !self.model.is_vmo(id) || !seen.insert(id) {
                continue;
            }
            let (root, _) = self.model.holder(id, 0);
            if matches!(self.model.vmo(root).kind, Kind::Physical(_)) {
                continue;
            }
            for offset in [0, PIECE] {
                let len = self.model.size(id).saturating_sub(offset).min(PIECE);
                let call = Call {
                    number: READ,
                    args: vec![
                        Arg::Word(u64::from(value)),
                        Arg::Out(usize::try_from(len).unwrap_or(0)),
                        Arg::Word(offset),
                        Arg::Word(len),
                    ],
                };
                let told = |why| format!("reading VMO {id}, {call}: {why}");
                self.step(usize::MAX, &call).map_err(told)?;
            }
        }
        Ok(())
    }

    fn compare_page(&mut self, at: u64, salt: u64) -> Result<(), String> {
        let wants_write = (at / PAGE + salt).is_multiple_of(3);
        let access = if wants_write {
            Access::Write
        } else {
            Access::Read
        };
        match self.model.touch_at(at, access) {
            Ok(None) => Ok(()),
            Ok(Some((vmo, offset))) => self.compare_word(at, vmo, offset, wants_write, salt),
            // An entry that was there before it was made executable may stay readable.
            Err(Status::INVALID_ARGS) => Ok(()),
            Err(why) => {
                let refused = if wants_write {
                    self.machine.sim.user_store(0, at, 8, salt)
                } else {
                    self.machine.sim.user_load(0, at, 8).map(|_| ())
                };
                let message = || format!("{access:?} at {at:#x} works, and must be {why:?}");
                refused.err().map(|_| ()).ok_or_else(message)
            }
        }
    }

    fn compare_word(
        &mut self,
        at: u64,
        vmo: Id,
        offset: u64,
        wants_write: bool,
        salt: u64,
    ) -> Result<(), String> {
        let failed = |stop| format!("an access to {at:#x} is refused: {stop:?}");
        if wants_write {
            let value = (salt ^ at).to_le_bytes();
            self.machine.put(at, &value).map_err(failed)?;
            self.model.poke(vmo, offset, &value);
            return Ok(());
        }
        let (mut seen, mut expected) = ([0; 8], [0; 8]);
        self.machine.take(at, &mut seen).map_err(failed)?;
        self.model.peek(vmo, offset, &mut expected);
        if seen == expected {
            Ok(())
        } else {
            let place = format!("byte {offset:#x} of VMO {vmo}");
            Err(format!(
                "{at:#x}, {place}, reads {seen:02x?}, and must be {expected:02x?}"
            ))
        }
    }

    /// Compares the page tables with what may be in them: nothing where nothing is mapped.
    ///
    /// # Errors
    /// What the audit finds.
    pub fn audit(&self) -> Result<(), String> {
        self.machine.audit()
    }
}

/// Compares what a call did with what it must do.
pub(super) fn compare(trial: &Trial, answer: &Answer) -> Result<(), String> {
    let expected = i64::from(Status::from_result(answer.status));
    let is_other = answer.status.is_err() && answer.others.iter().any(|other| trial.was(*other));
    if trial.answered != expected && !is_other {
        let answered = i32::try_from(trial.answered).map(Status::check);
        return Err(format!(
            "answers {answered:?}, and must answer {:?}",
            answer.status
        ));
    }
    if let Some(complaint) = answer.complaints.first() {
        return Err(complaint.clone());
    }
    let mut expected: Vec<Option<Vec<u8>>> = trial
        .outs
        .iter()
        .map(|out| out.as_ref().map(|out| vec![PATTERN; out.len()]))
        .collect();
    for (arg, offset, bytes) in &answer.patches {
        let Some(out) = &mut expected[*arg] else {
            continue;
        };
        let place = out.get_mut(*offset..*offset + bytes.len());
        place
            .ok_or("the test gave too small a buffer")?
            .copy_from_slice(bytes);
    }
    for (arg, (seen, expected)) in trial.outs.iter().zip(&expected).enumerate() {
        if let (Some(seen), Some(expected)) = (seen, expected)
            && seen != expected
        {
            return Err(different(arg, seen, expected));
        }
    }
    Ok(())
}

/// Says where two buffers differ first.
fn different(arg: usize, seen: &[u8], expected: &[u8]) -> String {
    let at = seen.iter().zip(expected).position(|(a, b)| a != b);
    let at = at.unwrap_or(0) & !7;
    let end = seen.len().min(at + 24);
    format!(
        "argument {arg} holds at {at}: {:02x?}, and must hold {:02x?}",
        &seen[at..end],
        &expected[at..end]
    )
}
