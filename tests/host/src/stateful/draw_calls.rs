//! Drawing the arguments of the calls on handles, resources and VMOs, and of mapping.

use super::call::{Arg, Origin};
use super::draw::{ABOVE, Draw, NOWHERE, any, resource, vmar, vmo};
use super::draw_more::{WINDOW, bti};
use crate::machine::CODE;
use crate::model::{Body, PAGE};
use jacinth_abi::processargs::{PA_IRQ_RESOURCE, PA_MMIO_RESOURCE, PA_SYSTEM_RESOURCE};
use jacinth_abi::{Rights, Topic, VmOptions};
use jacinth_sim::Config;

/// The largest buffer of a call.
const MOST_BYTES: u64 = 3 * PAGE;

/// A topic, the length of its record, and what it is asked of.
type Asked = (Topic, u64, fn(&Body) -> bool);

const REFERENCE: u64 = 0x40;

impl Draw<'_> {
    pub(super) fn close_many(&mut self) -> Vec<Arg> {
        let count = self.random.below(4);
        let handles = (0..count).map(|_| self.own(any)).collect();
        if self.one_in(10) {
            return vec![self.pick(&[0, NOWHERE, ABOVE]), Arg::Word(count)];
        }
        vec![Arg::Handles(handles), Arg::Word(count)]
    }

    pub(super) fn get_info(&mut self) -> Vec<Arg> {
        let topics: [Asked; 14] = [
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
            (Topic::BTI, 32, bti),
            (Topic::VMAR_MAPS, 152, vmar),
            (Topic::VMAR_MAPS, 152 * 20, vmar),
            (Topic(9999), 16, any),
        ];
        let (topic, record, wanted) = topics[self.random.below(14) as usize];
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

    pub(super) fn get_property(&mut self) -> Vec<Arg> {
        let property = self.pick_word(&[3, 3, 17, 17, 999]);
        let size = self.pick_word(&[0, 7, 8, 31, 32, 40]);
        vec![
            self.handle(vmo),
            Arg::Word(property),
            self.out(40),
            Arg::Word(size),
        ]
    }

    pub(super) fn set_property(&mut self) -> Vec<Arg> {
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

    pub(super) fn resource_create(&mut self) -> Vec<Arg> {
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

    pub(super) fn create_physical(&mut self) -> Vec<Arg> {
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

    pub(super) fn create_child(&mut self) -> Vec<Arg> {
        let kinds = &[
            0x8, 0x8, 0x8, 0x8, 0x8, 0x1, 0x1, 0x1, 0x1, 0x1, 0x10, 0x80, 0x5, 0x21, 0x21, 0x40,
            0x40, 0x40, 0x44, 0x44, 0x60, 0xc, 0x28, 0x24, 0, 2, 9,
        ];
        let options = self.pick_word(kinds);
        let parent = self.handle(vmo);
        let (offset, size) = if options & REFERENCE != 0 && !self.one_in(8) {
            (Arg::Word(0), Arg::Word(0))
        } else if self.one_in(3) {
            (self.offset(), self.size())
        } else {
            self.vmo_range(&parent)
        };
        vec![parent, Arg::Word(options), offset, size, self.out(4)]
    }

    pub(super) fn copy(&mut self, is_read: bool) -> Vec<Arg> {
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

    pub(super) fn map(&mut self) -> Vec<Arg> {
        let region = self.handle(vmar);
        let size = self.held(&region).map_or(0, |held| self.region_size(held));
        let shown = self.handle(vmo);
        let executes = self
            .held(&shown)
            .is_some_and(|held| held.rights.contains(Rights::EXECUTE));
        let permissions: &[u64] = if executes {
            &[3, 3, 3, 1, 5, 7, 7]
        } else {
            &[3, 3, 3, 3, 3, 3, 1, 1, 1, 0, 0, 2, 4, 5, 0x4004]
        };
        let mut options = self.pick_word(permissions);
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
            Arg::Word(len) if self.one_in(3) => len,
            _ => (1 + self.random.below(pages.min(6))) * PAGE,
        };
        vec![
            region,
            Arg::Word(options),
            Arg::Word(offset),
            shown,
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
        if self.one_in(5) {
            options |= 0x9000;
        }
        if self.one_in(30) {
            options |= 1 << (16 + self.random.below(8));
        }
        if self.one_in(12) {
            options |= self.pick_word(&[9, 12, 14, 16, 21, 32, 33]) << VmOptions::ALIGN_BASE;
        }
        options
    }
}
