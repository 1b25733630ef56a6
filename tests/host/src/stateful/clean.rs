//! The end of a sequence: everything is given back, and nothing may be left.

use super::call::{Arg, Call, Origin};
use super::world::{BASE, World};
use crate::model::{Body, Region};
use jacinth_abi::processargs::{
    PA_MMIO_RESOURCE, PA_PROC_SELF, PA_SYSTEM_RESOURCE, PA_THREAD_SELF, PA_VMAR_ROOT,
};
use jacinth_kernel::Event;

/// Teardown is over after so many events.
const MOST_EVENTS: u32 = 200;

impl World {
    /// Gives everything back that a sequence made, and checks that nothing is left.
    ///
    /// # Errors
    /// What is.
    pub fn end(&mut self) -> Result<(), String> {
        self.compare_contents()
            .map_err(|why| format!("at the end: {why}"))?;
        for call in self.clean_up() {
            self.step(usize::MAX, &call)
                .map_err(|why| format!("cleaning up, {call}: {why}"))?;
        }
        self.audit()?;
        // What dies with many pages is taken apart in later events.
        for _ in 0..MOST_EVENTS {
            if self.free_frames() == self.baseline {
                break;
            }
            let entered = self.machine.enter(Event::Kick);
            entered.map_err(|stop| format!("the process is gone: {stop:?}"))?;
        }
        self.audit()?;
        if self.model.has_leaked {
            return Ok(());
        }
        let free = self.free_frames();
        if free == self.baseline {
            Ok(())
        } else {
            Err(format!(
                "{free} frames are free at the end, {} were at the start",
                self.baseline
            ))
        }
    }

    /// Whether anything is pinned by a PMT of the process.
    pub(super) fn has_pins(&self) -> bool {
        let mut objects = self
            .model
            .handles
            .values()
            .map(|held| &self.model.objects[&held.object]);
        objects.any(|object| matches!(object.body, Body::Pmt(_)))
    }

    /// Whether another sequence can start here.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let given = [
            PA_PROC_SELF,
            PA_THREAD_SELF,
            PA_VMAR_ROOT,
            PA_MMIO_RESOURCE,
            PA_SYSTEM_RESOURCE,
        ];
        let has = |info: &u32| {
            let value = self.values.get(&Origin::Given(*info));
            value.is_some_and(|value| self.model.handles.contains_key(value))
        };
        !self.model.has_leaked && given.iter().all(has)
    }

    /// The calls that undo a sequence.
    fn clean_up(&self) -> Vec<Call> {
        let mut calls = Vec::new();
        let given = |value: &u32| {
            let origin = self.origins.get(value);
            matches!(origin, Some(Origin::Given(_)))
        };
        let handle = |value: u32| Arg::Word(u64::from(value));
        let mine: Vec<u32> = self
            .model
            .handles
            .keys()
            .copied()
            .filter(|value| !given(value))
            .collect();
        let is = |value: &u32, wanted: fn(&Body) -> bool| {
            wanted(&self.model.objects[&self.model.handles[value].object].body)
        };
        for value in mine
            .iter()
            .filter(|value| is(value, |body| matches!(body, Body::Pmt(_))))
        {
            calls.push(Call {
                number: 42,
                args: vec![handle(*value)],
            });
        }
        for value in mine
            .iter()
            .filter(|value| is(value, |body| matches!(body, Body::Bti)))
        {
            calls.push(Call {
                number: 41,
                args: vec![handle(*value)],
            });
        }
        for value in &mine {
            calls.push(Call {
                number: 0,
                args: vec![handle(*value)],
            });
        }
        calls.retain(|call| call.number != 0 || !self.is_pmt(call));
        let root = Arg::Word(u64::from(self.value(BASE)));
        for (at, region) in &self.model.vmar(self.model.root).children {
            let len = match region {
                Region::Vmar(_) if self.fences.contains(at) => continue,
                Region::Vmar(id) => self.model.vmar(*id).size,
                Region::Mapping(mapping) => mapping.size(),
                Region::Foreign(_) => continue,
            };
            let args = vec![root.clone(), Arg::Word(*at), Arg::Word(len)];
            calls.push(Call { number: 18, args });
        }
        calls
    }

    fn is_pmt(&self, call: &Call) -> bool {
        let Some(Arg::Word(value)) = call.args.first() else {
            return false;
        };
        let held = self.model.handles.get(&(*value as u32));
        held.is_some_and(|held| matches!(self.model.objects[&held.object].body, Body::Pmt(_)))
    }
}
