//! Where plays are played, one after the other on one machine: what one leaves shows in the next.

use crate::fate::Fate;
use crate::kit::{Kit, LATE_NS, Play};
use crate::{Ending, Scene};
use jacinth_kernel::census::{Census, UnderWay};
use jacinth_sim::{Arch, Config};
use jacinth_tests_host::Machine;
use jacinth_tests_host::stage::{Arg, Cue, Deed, Kicks, Stage, Step};
use std::collections::{BTreeMap, BTreeSet};

/// Where plays are played, one after the other.
pub(crate) struct Theatre {
    stage: Stage,
    gifts: Vec<(u32, u32)>,
    /// What was seen under way.
    seen: BTreeSet<UnderWay>,
    /// The most by which each count has changed in one event.
    pub(crate) most: BTreeMap<&'static str, u64>,
    /// How many plays were played.
    pub(crate) plays: u64,
    /// What the victim's last call answered.
    last: Option<i64>,
}

/// How a play went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Played {
    /// To its end, which came after so many points.
    Untouched(u64),
    /// The fate was met.
    ToItsFate,
    /// There is no such fate.
    NotAtAll,
}

/// What is left behind is compared with what was before: the kernel's counts, threads' registers,
/// frames that the machine holds.
type Counts = (Census, usize, u64);

impl Theatre {
    pub(crate) fn new(arch: Arch, cpus: usize, kicks: Kicks) -> Self {
        let mut config = Config::new(arch, 1);
        config.cpus = cpus;
        let mut stage = Stage::new(&config, kicks);
        let gifts = stage.machine.gifts();
        Self {
            stage,
            gifts,
            seen: BTreeSet::new(),
            most: BTreeMap::new(),
            plays: 0,
            last: None,
        }
    }

    /// Plays a scene, with a fate at a point or without.
    ///
    /// # Errors
    /// When it does not end.
    pub(crate) fn play(
        &mut self,
        scene: Scene,
        fate: Option<(Fate, u64)>,
    ) -> Result<Played, String> {
        let mut kit = Kit::new(&mut self.stage.machine, &self.gifts);
        let mut play = Play::new(&mut kit);
        (scene.set)(&mut kit, &mut play);
        if scene.ending == Ending::Late {
            play.cues = vec![Cue::Pass(2 * LATE_NS.cast_signed())];
        }
        play.add_companion(&mut kit);
        play.send_gifts(&mut kit);
        let made = kit.take_made();
        let out = self.stage.machine.scratch();
        let deed = fate.map(|(fate, at)| fate.deed(&play, out, at));
        if deed.as_ref().is_some_and(Option::is_none) {
            self.put_away(&play, made)?;
            return Ok(Played::NotAtAll);
        }
        let played = self.watch(&play.cues(), &play.parts, deed.flatten());
        let (points, is_met) = played?;
        self.plays += 1;
        self.last = self.stage.answers(1).last().copied();
        self.put_away(&play, made)?;
        Ok(if is_met && fate.is_some() {
            Played::ToItsFate
        } else {
            Played::Untouched(points)
        })
    }

    /// Kills what still lives, and closes all handles.
    fn put_away(&mut self, play: &Play, made: Vec<u32>) -> Result<(), String> {
        self.stage.machine.kernel.mem().budget.fail_after(None);
        let kill = Step::call("task_kill", &[Arg::Word(play.job)]);
        let mut cues = vec![Cue::Do(kill), Cue::Quiet];
        cues.extend(&play.epilogue);
        for handle in made {
            let close = Step::call("handle_close", &[Arg::Word(handle.into())]);
            cues.push(Cue::Do(close));
        }
        // Nobody plays any more, but whoever is left may still be on a processor.
        let parts = vec![Vec::new(); play.parts.len()];
        self.watch(&cues, &parts, None)?;
        Ok(())
    }

    /// Plays, and sees what is under way and how much each event changes.
    fn watch(
        &mut self,
        cues: &[Cue],
        parts: &[Vec<Step>],
        deed: Option<Deed>,
    ) -> Result<(u64, bool), String> {
        let Self {
            stage, seen, most, ..
        } = self;
        let mut before = stage.machine.kernel.census();
        let watch = &mut |machine: &Machine| {
            machine.kernel.each_under_way(|what| {
                seen.insert(what);
            });
            let now = machine.kernel.census();
            for ((name, before), (_, now)) in before.iter().zip(&now) {
                let most = most.entry(name).or_default();
                *most = (*most).max(before.abs_diff(*now));
            }
            before = now;
        };
        stage.play(cues, parts, deed, watch)
    }

    /// Plays a scene without a fate, twice: the first time leaves page tables and the like to the
    /// director for good. How many points it has.
    ///
    /// # Errors
    /// When it is not what it is meant to be.
    pub(crate) fn rehearse(&mut self, scene: Scene) -> Result<u64, String> {
        self.play(scene, None)?;
        self.seen.clear();
        let played = self.play(scene, None)?;
        if !self.seen.contains(&scene.kind) {
            return Err(format!("not seen, but {:?}", self.seen));
        }
        if self.last != Some(scene.last) {
            return Err(format!("the last call answers {:?}", self.last));
        }
        match played {
            Played::Untouched(points) => Ok(points),
            other => Err(format!("{other:?}")),
        }
    }

    /// Plays a scene with a fate at every point.
    ///
    /// # Errors
    /// What is left behind, and at which point.
    pub(crate) fn all_points(&mut self, scene: Scene, fate: Fate) -> Result<(), String> {
        for at in 0.. {
            let before = self.count();
            let here = |what: String| format!("{fate:?} at {at}: {what}");
            self.seen.clear();
            let played = self.play(scene, Some((fate, at))).map_err(here)?;
            self.check_last(scene, fate).map_err(here)?;
            let after = self.count();
            if before != after {
                return Err(here(difference(&before, &after)));
            }
            self.stage.machine.audit().map_err(here)?;
            if played != Played::ToItsFate {
                break;
            }
        }
        Ok(())
    }

    /// A long call that has begun ends as it would have, whoever closes the handle it was made
    /// through.
    fn check_last(&self, scene: Scene, fate: Fate) -> Result<(), String> {
        let is_long = matches!(scene.kind, UnderWay::Work(_));
        let has_begun = is_long && self.seen.contains(&scene.kind);
        if fate != Fate::CloseOwn || !has_begun || self.last == Some(scene.last) {
            return Ok(());
        }
        Err(format!("the last call answers {:?}", self.last))
    }

    fn count(&self) -> Counts {
        let Machine { kernel, sim, .. } = &self.stage.machine;
        let contexts = sim.context_frames().len();
        (kernel.census(), contexts, sim.private_frames())
    }
}

fn difference(before: &Counts, after: &Counts) -> String {
    let both = before.0.iter().zip(&after.0);
    let counts = both.filter(|(before, after)| before != after);
    let counts = counts.map(|((what, before), (_, after))| {
        let difference = i128::from(*after) - i128::from(*before);
        format!("{what} {difference:+}")
    });
    let counts: Vec<String> = counts.collect();
    let (contexts, frames) = ((before.1, after.1), (before.2, after.2));
    format!("{counts:?}, contexts {contexts:?}, private frames {frames:?}")
}
