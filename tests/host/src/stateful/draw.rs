//! Drawing calls: mostly ones that make sense where the sequence is, some that do not.

use super::call::{Arg, Call, Origin};
use super::draw_more::{bti, iommu};
use super::world::World;
use crate::machine::CODE;
use crate::model::{Body, Held, Id, PAGE};
use jacinth_abi::Rights;
use jacinth_sim::Random;

/// Numbers of calls, and how often each is drawn.
pub const WEIGHTS: &[(u64, u64)] = &[
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
    (32, 2),
    (38, 2),
    (39, 3),
    (40, 7),
    (41, 2),
    (42, 4),
    (43, 4),
    (29, 5),
    (30, 2),
    (31, 3),
    (33, 14),
    (34, 4),
    (37, 7),
];
/// The call that brings a VMO.
const CREATE: u64 = 10;
/// An address that no mapping can have.
pub(super) const NOWHERE: u64 = 0x1000;
/// An address of the kernel's.
pub(super) const ABOVE: u64 = 0xffff_8000_0000_0000;

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
        let mut number = row.map_or(CREATE, |(number, _)| *number);
        if !self.has(vmo) && !self.one_in(8) {
            number = CREATE;
        }
        // What pins needs an initiator, and that an IOMMU.
        if (39..44).contains(&number) && !self.has(bti) && !self.one_in(8) {
            number = if self.has(iommu) { 39 } else { 38 };
        }
        Call {
            number,
            args: self.args(number),
        }
    }

    fn args(&mut self, number: u64) -> Vec<Arg> {
        match number {
            0 => vec![self.own(any)],
            1 => self.close_many(),
            2 | 3 => {
                let handle = if number == 2 {
                    self.handle(any)
                } else {
                    self.own(any)
                };
                let rights = self.rights(&handle);
                vec![handle, rights, self.out(4)]
            }
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
                let (region, at, len) = self.mapped();
                vec![region, at, len]
            }
            19 => {
                let (region, at, len) = self.mapped();
                vec![region, self.permissions(), at, len]
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

    /// Whether the process has a handle of this kind.
    fn has(&self, wanted: fn(&Body) -> bool) -> bool {
        let model = &self.world.model;
        let mut objects = model
            .handles
            .values()
            .map(|held| &model.objects[&held.object]);
        objects.any(|object| wanted(&object.body))
    }

    /// A handle to this very object, if there is one.
    pub(super) fn handle_to(&mut self, object: Id) -> Option<Arg> {
        let handles = self.world.model.handles.iter();
        let value = handles.filter(|(_, held)| held.object == object);
        let origins: Vec<Origin> = value
            .filter_map(|(value, _)| self.world.origins.get(value).copied())
            .collect();
        let which = self.random.below(origins.len().max(1) as u64) as usize;
        origins.get(which).map(|origin| Arg::Handle(*origin))
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

    fn rights(&mut self, handle: &Arg) -> Arg {
        let bits = self.random.next_u64() | self.random.next_u64() | self.random.next_u64();
        let held = self.held(handle).map_or(0, |held| held.rights.bits());
        match self.random.below(12) {
            0 => Arg::Word(bits & 0xffff_ffff),
            1 => Arg::Word(bits & 0xd0ef),
            2..8 => Arg::Word(u64::from(Rights::SAME_RIGHTS)),
            _ => Arg::Word(bits & u64::from(held)),
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

    pub(super) fn out_or_none(&mut self, bytes: usize) -> Arg {
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
