//! A machine and a model that go through the same.

use super::call::{Arg, Call, Origin};
use super::compare::compare;
use super::table::{address_out, handle_out};
use crate::machine::{CODE, Machine, Stop};
use crate::model::{Body, Model, PAGE, Place, Trial};
use jacinth_abi::processargs::{
    PA_IOPORT_RESOURCE, PA_IRQ_RESOURCE, PA_MMIO_RESOURCE, PA_PROC_SELF, PA_SMC_RESOURCE,
    PA_SYSTEM_RESOURCE, PA_THREAD_SELF, PA_VMAR_ROOT,
};
use jacinth_abi::{ObjectType, ResourceKind, Rights};
use jacinth_kernel::Event;
use jacinth_sim::{Arch, Config};
use std::collections::BTreeMap;

/// What buffers are filled with before a call.
pub(super) const PATTERN: u8 = 0xee;
/// Room for each argument's buffer.
const SLOT: u64 = 16 * 1024;
pub(super) const BASE: Origin = Origin::Given(PA_VMAR_ROOT);

/// Somewhere in the address space that calls can be told of.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// What told its address.
    pub origin: Origin,
    /// Its first address.
    pub at: u64,
    /// Its length as asked for.
    pub len: u64,
}

/// A machine and a model that go through the same.
pub struct World {
    /// The machine.
    pub machine: Machine,
    /// The model.
    pub model: Model,
    /// What each handle value came from.
    pub origins: BTreeMap<u32, Origin>,
    /// How often each call was answered how: by number and status.
    pub tally: BTreeMap<(u64, i64), u64>,
    /// The addresses that were told.
    pub spots: Vec<Spot>,
    pub(super) values: BTreeMap<Origin, u32>,
    pub(super) baseline: u64,
    aspace_bytes: (u64, u64),
    pub(super) fences: Vec<u64>,
}

impl World {
    /// Boots one.
    #[must_use]
    pub fn new(arch: Arch, seed: u64) -> Self {
        let config = Config::new(arch, seed);
        let mut machine = Machine::new(&config);
        let gifts = machine.gifts();
        let user = arch.user();
        let all = |run: &jacinth_kernel::PhysRun| (run.base.raw(), run.end().raw());
        let denied = config.ram.iter().chain(&config.kernel_devices).map(all);
        let mut model = Model::new(Place {
            user: (user.start.raw(), user.end.raw()),
            denied: denied.collect(),
            phys_bits: config.phys_bits,
            has_io_ports: arch == Arch::X86_64,
            denied_ports: Config::DENIED_PORTS,
            has_smc: arch == Arch::Aarch64,
            is_code_cached: arch == Arch::Aarch64,
        });
        model.own(machine.stack());
        model.own((CODE, CODE + PAGE));
        let mut world = Self {
            machine,
            model,
            origins: BTreeMap::new(),
            tally: BTreeMap::new(),
            spots: Vec::new(),
            values: BTreeMap::new(),
            baseline: 0,
            aspace_bytes: (user.start.raw(), user.end.raw()),
            fences: Vec::new(),
        };
        for (info, value) in gifts {
            world.take_gift(info, value);
        }
        world.begin();
        world.fence_in();
        world.warm_up();
        world.baseline = world.free_frames();
        world
    }

    /// Puts empty regions before and behind stack and code: new mappings go next to what is there,
    /// and ranges near them must not reach it.
    fn fence_in(&mut self) {
        const FENCE: u64 = 1 << 20;
        const SPECIFIC: u64 = 0x10;
        let (start, end) = self.machine.stack();
        for at in [start - FENCE, end, CODE - FENCE, CODE + PAGE] {
            let args = vec![
                Arg::Handle(BASE),
                Arg::Word(SPECIFIC),
                Arg::Word(at - self.aspace_bytes.0),
                Arg::Word(FENCE),
                Arg::Out(4),
                Arg::Out(8),
            ];
            let allocate = Call { number: 35, args };
            self.step(usize::MAX, &allocate).expect("there is room");
            let close = Call {
                number: 0,
                args: vec![Arg::Handle(Origin::Call(usize::MAX))],
            };
            self.step(usize::MAX, &close).expect("it was made");
            self.fences.push(at);
        }
        self.begin();
    }

    /// All pages of the stack are there from now on.
    fn warm_up(&mut self) {
        let (start, end) = self.machine.stack();
        for at in (start + PAGE..end).step_by(4096) {
            self.machine.put(at, &[0]).expect("the stack is writable");
        }
        self.machine.fetch(CODE).expect("the code can be fetched");
    }

    fn take_gift(&mut self, info: u32, value: u32) {
        let mut add = |body: Body, name: &str| {
            let id = self.model.add(body);
            let object = self.model.objects.get_mut(&id).expect("it is new");
            object.name = name.as_bytes().to_vec();
            id
        };
        let resource = |kind| {
            Body::Resource(crate::model::Resource {
                kind,
                base: 0,
                size: 0,
                is_exclusive: false,
            })
        };
        let rights = Rights::DEFAULT_RESOURCE;
        let (id, rights) = match info {
            PA_PROC_SELF => (
                add(Body::Other(ObjectType::Process), "init"),
                Rights::DEFAULT_PROCESS,
            ),
            PA_THREAD_SELF => {
                const RUNNING: u32 = 0x10;
                let id = add(Body::Other(ObjectType::Thread), "initial-thread");
                self.model.objects.get_mut(&id).expect("it is new").signals = RUNNING;
                (id, Rights::DEFAULT_THREAD)
            }
            PA_VMAR_ROOT => (
                self.model.root,
                Rights::DEFAULT_VMAR | Rights::IO | Rights::EXECUTE,
            ),
            PA_MMIO_RESOURCE => (add(resource(ResourceKind::Mmio), "mmio"), rights),
            PA_IRQ_RESOURCE => (add(resource(ResourceKind::Irq), "irq"), rights),
            PA_IOPORT_RESOURCE => (add(resource(ResourceKind::IoPort), "io_port"), rights),
            PA_SMC_RESOURCE => (add(resource(ResourceKind::Smc), "smc"), rights),
            PA_SYSTEM_RESOURCE => (add(resource(ResourceKind::System), "system"), rights),
            _ => return,
        };
        self.model.give(value, id, rights);
        self.values.insert(Origin::Given(info), value);
    }

    /// Forgets what earlier sequences made.
    pub fn begin(&mut self) {
        self.values
            .retain(|origin, _| matches!(origin, Origin::Given(_)));
        let given = self.values.iter();
        self.origins = given.map(|(origin, value)| (*value, *origin)).collect();
        self.spots.clear();
        let (base, end) = self.aspace_bytes;
        self.spots.push(Spot {
            origin: BASE,
            at: base,
            len: end - base,
        });
    }

    pub(super) fn free_frames(&mut self) -> u64 {
        self.machine.kernel.mem().frames.free_frames()
    }

    /// The value of the handle that something made; an old or made-up one is bad.
    pub(super) fn value(&self, origin: Origin) -> u32 {
        self.values.get(&origin).copied().unwrap_or(0xbadc_0ffe)
    }

    fn word(&self, arg: &Arg) -> u64 {
        match arg {
            Arg::Word(word) => *word,
            Arg::Handle(origin) => u64::from(self.value(*origin)),
            Arg::Address(origin, offset) => {
                let spot = self.spots.iter().rfind(|spot| spot.origin == *origin);
                spot.map_or(0, |spot| spot.at.wrapping_add(*offset))
            }
            Arg::In(_) | Arg::Handles(_) | Arg::Out(_) => 0,
        }
    }

    /// Makes call `index` of a sequence, in the machine and in the model.
    ///
    /// # Errors
    /// How they differ.
    pub fn step(&mut self, index: usize, call: &Call) -> Result<(), String> {
        let mut trial = Trial {
            number: call.number,
            ..Trial::default()
        };
        for (at, arg) in call.args.iter().enumerate() {
            self.prepare(&mut trial, at, arg)?;
        }
        let stopped = |stop| format!("the process is gone: {stop:?}");
        trial.answered = self
            .machine
            .call(trial.number, &trial.words)
            .map_err(stopped)?;
        let Trial { words, outs, .. } = &mut trial;
        for (word, out) in words.iter().zip(outs.iter_mut()) {
            if let Some(out) = out {
                self.machine.take(*word, out).map_err(stopped)?;
            }
        }
        *self
            .tally
            .entry((trial.number, trial.answered))
            .or_default() += 1;
        let answer = self.model.call(&trial);
        compare(&trial, &answer)?;
        self.settle().map_err(stopped)?;
        if answer.status.is_ok() {
            self.note(index, &trial);
        }
        Ok(())
    }

    /// Lets what a call did not finish be taken apart: the model does that at once.
    fn settle(&mut self) -> Result<(), Stop> {
        while self.machine.kernel.is_behind() {
            self.machine.enter(Event::Kick)?;
        }
        Ok(())
    }

    /// Puts an argument into its register, and its buffer into the process's memory.
    fn prepare(&mut self, trial: &mut Trial, at: usize, arg: &Arg) -> Result<(), String> {
        let place = self.machine.scratch() + SLOT * at as u64;
        let bytes = match arg {
            Arg::In(bytes) => bytes.clone(),
            Arg::Handles(args) => {
                let values = args.iter().map(|arg| self.word(arg) as u32);
                values.flat_map(u32::to_le_bytes).collect()
            }
            Arg::Out(bytes) => vec![PATTERN; *bytes],
            Arg::Word(_) | Arg::Handle(_) | Arg::Address(..) => {
                trial.words[at] = self.word(arg);
                return Ok(());
            }
        };
        trial.words[at] = place;
        self.machine
            .put(place, &bytes)
            .map_err(|stop| format!("the stack is gone: {stop:?}"))?;
        if matches!(arg, Arg::Out(_)) {
            trial.outs[at] = Some(bytes);
        } else {
            trial.ins[at] = Some(bytes);
        }
        Ok(())
    }

    /// Keeps what a call made.
    fn note(&mut self, index: usize, trial: &Trial) {
        let origin = Origin::Call(index);
        if let Some(out) = handle_out(trial.number) {
            let value = trial.out_u32(out);
            self.values.insert(origin, value);
            self.origins.insert(value, origin);
        }
        if let Some((out, len)) = address_out(trial.number)
            && trial.outs[out].is_some()
        {
            self.spots.push(Spot {
                origin,
                at: trial.out_u64(out),
                len: trial.words[len].next_multiple_of(PAGE),
            });
        }
    }
}
