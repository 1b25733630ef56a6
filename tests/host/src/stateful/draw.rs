//! Drawing calls: mostly ones that make sense where the sequence is, some that do not.

use super::call::{Arg, Call, Origin};
use super::draw_more::WINDOW;
use super::world::{Spot, World};
use crate::machine::CODE;
use crate::model::{Body, Held, PAGE};
use jacinth_abi::processargs::{
    PA_IRQ_RESOURCE, PA_MMIO_RESOURCE, PA_SYSTEM_RESOURCE, PA_VMAR_ROOT,
};
use jacinth_abi::{Rights, Topic, VmOptions};
use jacinth_sim::{Config, Random};

/// Numbers of calls, and how often each is drawn.
const WEIGHTS: &[(u64, u64)] = &[
    (0, 8),
    (1, 2),
    (2, 6),
    (3, 3),
    (4, 8),
    (5, 3),
    (6, 3),
    (7, 3),
    (8, 3),
    (9, 3),
    (10, 8),
    (11, 4),
    (12, 9),
    (13, 2),
    (14, 8),
    (15, 10),
    (16, 4),
    (17, 14),
    (18, 6),
    (19, 6),
    (35, 7),
    (36, 2),
];
/// An address that no mapping can have.
const NOWHERE: u64 = 0x1000;
/// An address of the kernel's.
const ABOVE: u64 = 0xffff_8000_0000_0000;
/// The largest buffer of a call.
const MOST_BYTES: u64 = 3 * PAGE;

/// Draws calls from a seed.
pub(super) struct Draw<'a> {
    pub(super) random: &'a mut Random,
    pub(super) world: &'a World,
}

impl Draw<'_> {
    /// The next call of a sequence.
    pub(super) fn call(&mut self) -> Call {
        let total: u64 = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut left = self.random.below(total);
        let row = WEIGHTS.iter().find(|(_, weight)| {
            let is_it = left < *weight;
            left = left.wrapping_sub(*weight);
            is_it
        });
        let number = row.map_or(10, |(number, _)| *number);
        Call {
            number,
            args: self.args(number),
        }
    }

    fn args(&mut self, number: u64) -> Vec<Arg> {
        match number {
            0 => vec![self.own(any)],
            1 => self.close_many(),
            2 => vec![self.handle(any), self.rights(), self.out(4)],
            3 => vec![self.own(any), self.rights(), self.out(4)],
            4 => self.get_info(),
            5 => self.get_property(),
            6 => self.set_property(),
            7 => vec![
                self.handle(vmo),
                self.signals(),
                past(),
                self.out_or_none(4),
            ],
            8 => vec![self.handle(vmo), self.signals(), self.signals()],
            9 => self.resource_create(),
            10 => vec![
                self.size(),
                self.pick(&[0, 0, 0, 2, 2, 4, 16, 18, 8, 6]),
                self.out(4),
            ],
            11 => self.create_physical(),
            12 => self.create_child(),
            13 => vec![self.handle(vmo), self.out(8)],
            14 | 15 => self.copy(number == 14),
            16 => vec![self.handle(vmo), self.pick(&[0, 0, 1, 2, 3, 4])],
            17 => self.map(),
            18 => {
                let (at, len) = self.range();
                vec![self.handle(vmar), at, len]
            }
            19 => {
                let (at, len) = self.range();
                vec![self.handle(vmar), self.permissions(), at, len]
            }
            _ => self.more_args(number),
        }
    }

    /// One in so many.
    pub(super) fn one_in(&mut self, many: u64) -> bool {
        self.random.below(many) == 0
    }

    /// One of these numbers.
    pub(super) fn pick(&mut self, from: &[u64]) -> Arg {
        Arg::Word(self.pick_word(from))
    }

    pub(super) fn pick_word(&mut self, from: &[u64]) -> u64 {
        from[self.random.below(from.len() as u64) as usize]
    }

    /// A handle, most likely of the wanted kind.
    pub(super) fn handle(&mut self, wanted: fn(&Body) -> bool) -> Arg {
        self.handle_of(wanted, true)
    }

    /// A handle that may be closed: none of those that the process had from the start.
    pub(super) fn own(&mut self, wanted: fn(&Body) -> bool) -> Arg {
        self.handle_of(wanted, false)
    }

    fn handle_of(&mut self, wanted: fn(&Body) -> bool, may_be_given: bool) -> Arg {
        match self.random.below(40) {
            0 => return self.pick(&[0, 0xbadc_0ffe, 3, 0xffff_ffff]),
            1 => {
                return Arg::Handle(Origin::Call(self.random.below(100) as usize))
                    .or_word(may_be_given);
            }
            2 => return self.any_of(any, may_be_given),
            _ => {}
        }
        self.any_of(wanted, may_be_given)
    }

    fn any_of(&mut self, wanted: fn(&Body) -> bool, may_be_given: bool) -> Arg {
        let model = &self.world.model;
        let fits = |held: &Held| wanted(&model.objects[&held.object].body);
        let candidates: Vec<Origin> = self
            .world
            .origins
            .iter()
            .filter(|(value, origin)| {
                let is_ok = may_be_given || matches!(origin, Origin::Call(_));
                is_ok && model.handles.get(value).is_some_and(fits)
            })
            .map(|(_, origin)| *origin)
            .collect();
        if candidates.is_empty() {
            return Arg::Word(0);
        }
        let which = self.random.below(candidates.len() as u64) as usize;
        Arg::Handle(candidates[which])
    }

    /// The handle that an argument names, as the model has it.
    pub(super) fn held(&self, arg: &Arg) -> Option<Held> {
        let Arg::Handle(origin) = arg else {
            return None;
        };
        let value = self
            .world
            .origins
            .iter()
            .rfind(|(_, other)| *other == origin);
        value.and_then(|(value, _)| self.world.model.handles.get(value).copied())
    }

    fn rights(&mut self) -> Arg {
        let bits = self.random.next_u64() | self.random.next_u64();
        match self.random.below(10) {
            0 => Arg::Word(bits & 0xffff_ffff),
            1..6 => Arg::Word(u64::from(Rights::SAME_RIGHTS)),
            6 | 7 => Arg::Word(bits & 0x40_d0ff),
            8 => Arg::Word(bits & 0xd0ef),
            _ => Arg::Word(bits & 0x20_801f),
        }
    }

    fn signals(&mut self) -> Arg {
        self.pick(&[0, 8, 1 << 24, 1 << 31, 0xff00_0000, 0x0100_0008, 1])
    }

    /// A buffer for so many bytes, with some more behind it; or a bad address.
    pub(super) fn out(&mut self, bytes: usize) -> Arg {
        if self.one_in(25) {
            return self.pick(&[0, NOWHERE, ABOVE, CODE]);
        }
        Arg::Out(bytes + 8)
    }

    fn out_or_none(&mut self, bytes: usize) -> Arg {
        if self.one_in(5) {
            return Arg::Word(0);
        }
        self.out(bytes)
    }

    /// Bytes that the kernel reads, or a bad address.
    pub(super) fn input(&mut self, bytes: u64) -> Arg {
        if self.one_in(25) {
            return self.pick(&[0, NOWHERE, ABOVE]);
        }
        let start = self.random.next_u64();
        let at = |index: u64| (start.wrapping_add(index.wrapping_mul(37)) >> 3) as u8;
        Arg::In((0..bytes).map(at).collect())
    }

    /// A size in bytes: mostly a few pages.
    pub(super) fn size(&mut self) -> Arg {
        let pages = self.random.below(9) * PAGE;
        Arg::Word(match self.random.below(24) {
            0 => self.pick_word(&[u64::MAX, u64::MAX - PAGE, 0xffff_ffff_fffe_0000, 1 << 63]),
            1..4 => pages + self.random.below(PAGE),
            4 => (500 + self.random.below(100)) * PAGE,
            _ => pages,
        })
    }

    /// An offset in bytes: mostly a few pages.
    pub(super) fn offset(&mut self) -> Arg {
        let pages = self.random.below(8) * PAGE;
        Arg::Word(match self.random.below(24) {
            0 => self.pick_word(&[u64::MAX - PAGE + 1, u64::MAX - 2 * PAGE + 1, 1 << 63]),
            1 => pages + self.random.below(PAGE),
            2..10 => 0,
            _ => pages,
        })
    }

    fn close_many(&mut self) -> Vec<Arg> {
        let count = self.random.below(4);
        let handles = (0..count).map(|_| self.own(any)).collect();
        if self.one_in(10) {
            return vec![self.pick(&[0, NOWHERE, ABOVE]), Arg::Word(count)];
        }
        vec![Arg::Handles(handles), Arg::Word(count)]
    }

    fn get_info(&mut self) -> Vec<Arg> {
        let topics: [(Topic, u64, fn(&Body) -> bool); 11] = [
            (Topic::HANDLE_VALID, 0, any),
            (Topic::HANDLE_BASIC, 32, any),
            (Topic::HANDLE_COUNT, 4, any),
            (Topic::VMO, 176, vmo),
            (Topic::VMO, 176, vmo),
            (Topic::VMO_V1, 104, vmo),
            (Topic::VMO_V2, 120, vmo),
            (Topic::VMO_V3, 128, vmo),
            (Topic::VMAR, 16, vmar),
            (Topic::RESOURCE, 56, resource),
            (Topic(9999), 16, any),
        ];
        let (topic, record, wanted) = topics[self.random.below(11) as usize];
        let size = match self.random.below(10) {
            0 => 0,
            1 => record.saturating_sub(1),
            2 => record + 8,
            _ => record,
        };
        vec![
            self.handle(wanted),
            Arg::Word(u64::from(topic.0)),
            self.out(size as usize),
            Arg::Word(size),
            self.out_or_none(8),
            self.out_or_none(8),
        ]
    }

    fn get_property(&mut self) -> Vec<Arg> {
        let property = self.pick_word(&[3, 3, 17, 17, 999]);
        let size = self.pick_word(&[0, 7, 8, 31, 32, 40]);
        vec![
            self.handle(vmo),
            Arg::Word(property),
            self.out(40),
            Arg::Word(size),
        ]
    }

    fn set_property(&mut self) -> Vec<Arg> {
        if self.one_in(2) {
            let size = self.random.below(41);
            let mut name = self.input(size);
            if let Arg::In(bytes) = &mut name
                && self.random.below(3) == 0
                && let Some(byte) = bytes.get_mut(5)
            {
                *byte = 0;
            }
            return vec![self.handle(vmo), Arg::Word(3), name, Arg::Word(size)];
        }
        let value = self.random.below(9 * PAGE);
        let size = self.pick_word(&[8, 8, 8, 8, 7, 16]);
        vec![
            self.handle(vmo),
            self.pick(&[17, 17, 17, 17, 999]),
            Arg::In([value.to_le_bytes(), [0; 8]].concat()),
            Arg::Word(size),
        ]
    }

    fn resource_create(&mut self) -> Vec<Arg> {
        let mmio = Arg::Handle(Origin::Given(PA_MMIO_RESOURCE));
        let window = Config::WINDOW.base.raw();
        let flags = self.pick_word(&[0, 0, 0, 0x1_0000, 0x2_0000]);
        let (parent, kind, base, size) = match self.random.below(8) {
            0 => {
                let system = Arg::Handle(Origin::Given(PA_SYSTEM_RESOURCE));
                (system, 5, self.random.below(18), self.random.below(3))
            }
            1 => {
                let irq = Arg::Handle(Origin::Given(PA_IRQ_RESOURCE));
                (irq, 1, self.random.below(300), self.random.below(20))
            }
            2 => (self.handle(resource), self.random.below(8), 0x800, 0x800),
            3 => (mmio, 0, Config::SCRATCH.base.raw(), PAGE),
            4 => {
                let base = self.pick_word(&[0x4000_0000, 0x0800_0000, 1 << 63, u64::MAX]);
                (mmio, 0, base, PAGE)
            }
            _ => {
                let base = window + self.random.below(16) * 0x800;
                (self.handle(resource), 0, base, self.random.below(9) * 0x800)
            }
        };
        let name_size = self.random.below(40);
        let name = self.input(name_size);
        vec![
            parent,
            Arg::Word(kind | flags),
            Arg::Word(base),
            Arg::Word(size),
            name,
            Arg::Word(name_size),
            self.out(4),
        ]
    }

    fn create_physical(&mut self) -> Vec<Arg> {
        let root = Arg::Handle(Origin::Given(PA_MMIO_RESOURCE));
        let parent = if self.one_in(3) {
            self.handle(resource)
        } else {
            root
        };
        let window = Config::WINDOW.base.raw() + self.random.below(8) * PAGE;
        let base = match self.random.below(16) {
            0 => self.pick_word(&[
                0x4000_0000,
                0x0800_0000,
                0x0a00_0000,
                1 << 40,
                u64::MAX - 0xfff,
            ]),
            1 => window + 0x800,
            2 => Config::SCRATCH.base.raw(),
            3 => Config::WINDOW.base.raw(),
            _ => window,
        };
        let size = match self.random.below(16) {
            0 => self.pick_word(&[0, 1, 0x1001, u64::MAX - 0xfff]),
            1 if base != Config::SCRATCH.base.raw() => 4 << 20,
            _ if base == Config::SCRATCH.base.raw() => PAGE,
            _ => (1 + self.random.below(6)) * PAGE,
        };
        vec![parent, Arg::Word(base), Arg::Word(size), self.out(4)]
    }

    fn create_child(&mut self) -> Vec<Arg> {
        let kinds: &[u64] = &[8, 8, 8, 8, 8, 12, 40, 36, 0, 2, 9];
        let options = self.pick_word(kinds);
        let (offset, size) = (self.offset(), self.size());
        vec![
            self.handle(vmo),
            Arg::Word(options),
            offset,
            size,
            self.out(4),
        ]
    }

    fn copy(&mut self, is_read: bool) -> Vec<Arg> {
        let handle = self.handle(vmo);
        let size = self
            .held(&handle)
            .filter(|held| self.world.model.is_vmo(held.object));
        let size = size.map_or(PAGE, |held| self.world.model.size(held.object));
        let most = size.min(9 * PAGE);
        let offset = match self.random.below(12) {
            0 => self.pick_word(&[u64::MAX, most, most + 1, 1 << 40]),
            _ => self.random.below(most + 1),
        };
        let room = most.saturating_sub(offset).min(MOST_BYTES);
        let len = match self.random.below(8) {
            0 => self.random.below(MOST_BYTES),
            1 => room,
            _ => self.random.below(room + 1).min(self.random.below(2 * PAGE)),
        };
        let buffer = match self.random.below(8) {
            0 => self.address(),
            _ if is_read => match self.out(len as usize) {
                Arg::Word(CODE) if len == 0 => Arg::Word(0),
                other => other,
            },
            _ => self.input(len),
        };
        vec![handle, buffer, Arg::Word(offset), Arg::Word(len)]
    }

    /// Somewhere in or near something that the kernel told the address of.
    pub(super) fn spot(&mut self) -> Spot {
        let spots = &self.world.spots;
        // The later the likelier: most of the early ones are gone.
        let a = self.random.below(spots.len() as u64);
        let b = self.random.below(spots.len() as u64);
        spots[a.max(b) as usize]
    }

    /// An address at or near something.
    pub(super) fn address(&mut self) -> Arg {
        let spot = self.spot();
        let pages = spot.len.min(600 * PAGE) / PAGE;
        let offset = self.random.below(pages + 1) * PAGE;
        let offset = if self.one_in(3) {
            offset + self.random.below(PAGE)
        } else {
            offset
        };
        Arg::Address(spot.origin, offset + start_of(&spot))
    }

    /// A range of pages at or near something.
    pub(super) fn range(&mut self) -> (Arg, Arg) {
        let spot = self.spot();
        let pages = spot.len.min(600 * PAGE) / PAGE;
        let (first, len) = match self.random.below(4) {
            0 => (0, pages),
            1 => (0, 1 + self.random.below(pages + 1)),
            _ => {
                let first = self.random.below(pages + 1);
                (first, 1 + self.random.below(pages + 2 - first))
            }
        };
        let (mut at, mut len) = (first * PAGE, len.min(64) * PAGE);
        match self.random.below(30) {
            0 => at += 1 + self.random.below(PAGE - 1),
            1 => len -= self.random.below(PAGE),
            2 => len = self.pick_word(&[0, u64::MAX, u64::MAX - PAGE + 1, 1 << 63]),
            3 => at = at.wrapping_sub(PAGE),
            _ => {}
        }
        let at = at.wrapping_add(start_of(&spot));
        (Arg::Address(spot.origin, at), Arg::Word(len))
    }

    pub(super) fn permissions(&mut self) -> Arg {
        self.pick(&[
            1,
            1,
            1,
            3,
            3,
            3,
            3,
            0,
            5,
            7,
            2,
            4,
            0x4004,
            0x13,
            0x81,
            1 << 31,
        ])
    }

    fn map(&mut self) -> Vec<Arg> {
        let region = self.handle(vmar);
        let size = self.held(&region).map_or(0, |held| self.region_size(held));
        let mut options = self.pick_word(&[3, 3, 3, 3, 3, 1, 1, 5, 7, 0, 2, 4, 0x4004]);
        let mut offset = 0;
        let window = if size > WINDOW { WINDOW } else { 0 };
        let pages = size.min(32 * PAGE) / PAGE + 1;
        match self.random.below(10) {
            0..4 => {
                options |= self.pick_word(&[0x10, 0x20, 0x20, 0x30]);
                offset = window + self.random.below(pages) * PAGE;
            }
            4 => {
                options |= 0x2000;
                offset = self.pick_word(&[window + pages * PAGE, size, size / 2 / PAGE * PAGE]);
            }
            5 => offset = self.pick_word(&[0, 0, PAGE, 1]),
            _ => {}
        }
        options |= self.map_modifiers();
        if self.one_in(12) {
            options |= self.pick_word(&[0x10, 0x21, 0x2010]);
            offset = self.pick_word(&[1, PAGE + 1, u64::MAX - PAGE + 1, size]);
        }
        let len = match self.size() {
            Arg::Word(len) if len > 1 << 32 || !self.one_in(3) => len.max(1),
            _ => (1 + self.random.below(4)) * PAGE,
        };
        vec![
            region,
            Arg::Word(options),
            Arg::Word(offset),
            self.handle(vmo),
            self.offset(),
            Arg::Word(len),
            self.out(8),
        ]
    }

    /// Options of a mapping beside permissions and placement.
    fn map_modifiers(&mut self) -> u64 {
        let mut options = 0;
        for (bit, many) in [
            (0x400, 6),
            (0x800, 12),
            (0x1000, 2),
            (0x8, 50),
            (0x40, 50),
            (0x80, 50),
        ] {
            if self.one_in(many) {
                options |= bit;
            }
        }
        if self.one_in(30) {
            options |= 1 << (16 + self.random.below(8));
        }
        if self.one_in(12) {
            options |= self.pick_word(&[9, 12, 14, 16, 21, 32, 33]) << VmOptions::ALIGN_BASE;
        }
        options
    }

    pub(super) fn region_size(&self, held: Held) -> u64 {
        match &self.world.model.objects[&held.object].body {
            Body::Vmar(vmar) => vmar.size,
            _ => 0,
        }
    }
}

impl Arg {
    /// The argument, or a made-up word where an old handle might be one that must not be closed.
    fn or_word(self, is_fine: bool) -> Self {
        if is_fine { self } else { Self::Word(7) }
    }
}

/// Where in a spot there is something: in the root region, not at its start.
fn start_of(spot: &Spot) -> u64 {
    if spot.origin == Origin::Given(PA_VMAR_ROOT) {
        WINDOW
    } else {
        0
    }
}

const fn past() -> Arg {
    Arg::Word(i64::MIN.cast_unsigned())
}

pub(super) const fn any(_: &Body) -> bool {
    true
}

pub(super) const fn vmo(body: &Body) -> bool {
    matches!(body, Body::Vmo(_))
}

pub(super) const fn vmar(body: &Body) -> bool {
    matches!(body, Body::Vmar(_))
}

pub(super) const fn resource(body: &Body) -> bool {
    matches!(body, Body::Resource(_))
}
