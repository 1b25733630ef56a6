//! Drawing the calls on ranges, regions, sizes and pinned memory.

use super::call::{Arg, Origin};
use super::draw::{Draw, any, vmar, vmo};
use crate::model::{Body, PAGE};
use jacinth_abi::processargs::PA_SYSTEM_RESOURCE;

/// Where in the root region chosen addresses are.
pub(super) const WINDOW: u64 = 1 << 30;

impl Draw<'_> {
    /// The arguments of the calls that `draw.rs` has not.
    pub(super) fn more_args(&mut self, number: u64) -> Vec<Arg> {
        match number {
            29 => vec![self.handle(vmo), self.size()],
            30 => vec![self.handle(vmo), self.out(8)],
            31 => vec![self.handle(vmo), self.size()],
            32 => vec![self.own(vmo), self.vmex(), self.out(4)],
            33 => self.op_range(),
            34 => self.transfer(),
            35 => self.allocate(),
            36 => vec![self.handle(vmar)],
            37 => self.region_range(),
            38 => self.iommu(),
            39 => vec![
                self.handle(iommu),
                self.pick(&[0, 0, 0, 0, 0, 1]),
                self.offset(),
                self.out(4),
            ],
            40 => self.pin(),
            41 => vec![self.handle(bti)],
            42 => vec![self.own(if self.world.has_pins() { pmt } else { any })],
            43 => self.contiguous(),
            other => panic!("nothing draws arguments for call {other}"),
        }
    }

    fn vmex(&mut self) -> Arg {
        if self.one_in(2) {
            return Arg::Word(0);
        }
        if self.one_in(6) {
            return self.handle(any);
        }
        Arg::Handle(Origin::Given(PA_SYSTEM_RESOURCE))
    }

    fn allocate(&mut self) -> Vec<Arg> {
        let region = self.handle(vmar);
        let size = self.held(&region).map_or(0, |held| self.region_size(held));
        let can = self.pick_word(&[0x1c0, 0x1c0, 0x1c0, 0x3c0, 0x3c0, 0x180, 0x80, 0xc0, 0]);
        let mut options = can;
        let mut offset = 0;
        let window = if size > WINDOW { WINDOW } else { 0 };
        let pages = size.min(32 * PAGE) / PAGE + 1;
        match self.random.below(8) {
            0..3 => {
                options |= 0x10;
                offset = window + self.random.below(pages) * PAGE;
            }
            3 => {
                options |= 0x2000;
                offset = self.pick_word(&[window + pages * PAGE, size, PAGE]);
            }
            _ => {}
        }
        for (bit, many) in [
            (0x8, 3),
            (0x1, 40),
            (0x20, 40),
            (0x400, 40),
            (0x4000, 40),
            (1 << 20, 40),
        ] {
            if self.one_in(many) {
                options |= bit;
            }
        }
        let len = match self.random.below(20) {
            0 => self.pick_word(&[0, 1, PAGE + 1, u64::MAX, u64::MAX - PAGE + 1, 1 << 62]),
            _ => (1 + self.random.below(24)) * PAGE,
        };
        vec![
            region,
            Arg::Word(options),
            Arg::Word(offset),
            Arg::Word(len),
            self.out(4),
            self.out(8),
        ]
    }

    /// A range in a VMO: whole pages more often than not, or all of it.
    pub(super) fn vmo_range(&mut self, handle: &Arg) -> (Arg, Arg) {
        let held = self
            .held(handle)
            .filter(|held| self.world.model.is_vmo(held.object));
        let size = held.map_or(PAGE, |held| self.world.model.size(held.object));
        let pages = size.min(16 * PAGE) / PAGE;
        let first = self.random.below(pages + 1);
        let count = self.random.below(pages - first + 1);
        let (mut offset, mut len) = (first * PAGE, count * PAGE);
        match self.random.below(16) {
            0..4 if size <= 1 << 32 => (offset, len) = (0, size),
            4 => offset += self.random.below(PAGE),
            5 => len += self.random.below(PAGE),
            6 => (offset, len) = (first * PAGE + 100, 200),
            7 => len = self.pick_word(&[u64::MAX, u64::MAX - PAGE + 1, 1 << 63, size + PAGE]),
            8 => offset = self.pick_word(&[u64::MAX, u64::MAX - PAGE + 1, size + 1]),
            _ => {}
        }
        // A huge VMO is not to be committed.
        let is_long = len > 4096 * PAGE && offset.saturating_add(len) <= size;
        (
            Arg::Word(offset),
            Arg::Word(if is_long { PAGE } else { len }),
        )
    }

    fn op_range(&mut self) -> Vec<Arg> {
        let handle = self.handle(vmo);
        let ops = [
            1, 1, 1, 2, 2, 2, 10, 10, 10, 3, 4, 11, 6, 7, 8, 9, 12, 13, 14, 0, 5, 15, 99,
        ];
        let op = self.pick_word(&ops);
        let (offset, len) = self.vmo_range(&handle);
        let locks = matches!(op, 3 | 4 | 11);
        let is_discardable = |body: &Body| matches!(body, Body::Vmo(vmo) if vmo.is_discardable);
        if locks && !self.one_in(4) {
            let handle = self.handle(is_discardable);
            let size = self
                .held(&handle)
                .filter(|held| self.world.model.is_vmo(held.object));
            let size = size.map_or(PAGE, |held| self.world.model.size(held.object));
            let (buffer, room) = (self.out(32), self.pick_word(&[32, 32, 32, 40, 31, 0]));
            return vec![
                handle,
                Arg::Word(op),
                Arg::Word(0),
                Arg::Word(size),
                buffer,
                Arg::Word(room),
            ];
        }
        let buffer = Arg::Word(0);
        vec![handle, Arg::Word(op), offset, len, buffer, Arg::Word(0)]
    }

    fn transfer(&mut self) -> Vec<Arg> {
        let (to, from) = (self.handle(vmo), self.handle(vmo));
        let (offset, len) = self.vmo_range(&to);
        let (source, _) = self.vmo_range(&from);
        vec![
            to,
            self.pick(&[0, 0, 0, 0, 0, 1]),
            offset,
            len,
            from,
            source,
        ]
    }

    fn region_range(&mut self) -> Vec<Arg> {
        let (region, at, len) = self.mapped();
        let op = self.pick(&[1, 1, 2, 2, 3, 3, 10, 10, 12, 13, 14, 14, 4, 0]);
        let buffer = self.pick(&[0, 0, 0, 0, 0, 0, 0, 8]);
        vec![region, op, at, len, buffer, Arg::Word(0)]
    }

    fn iommu(&mut self) -> Vec<Arg> {
        let resource = if self.one_in(8) {
            self.handle(super::draw::resource)
        } else {
            Arg::Handle(Origin::Given(PA_SYSTEM_RESOURCE))
        };
        let size = self.pick_word(&[1, 1, 1, 1, 1, 0, 2, 4097]);
        vec![
            resource,
            self.pick(&[0, 0, 0, 0, 0, 7]),
            self.input(size),
            Arg::Word(size),
            self.out(4),
        ]
    }

    fn pin(&mut self) -> Vec<Arg> {
        let handle = self.handle(vmo);
        let (offset, len) = self.vmo_range(&handle);
        let options = self.pick_word(&[1, 3, 3, 2, 1, 3, 0x11, 0x13, 9, 4, 0x18, 0, 0x20]);
        let pages = match len {
            Arg::Word(len) if len < 16 * PAGE => len / PAGE,
            _ => 1,
        };
        let count = if options & 0x10 != 0 { 1 } else { pages };
        let count = match self.random.below(16) {
            0 => count + 1,
            1 => 32_769,
            _ => count,
        };
        vec![
            self.handle(bti),
            Arg::Word(options),
            handle,
            offset,
            len,
            self.out(16 * 8),
            Arg::Word(count),
            self.out(4),
        ]
    }

    fn contiguous(&mut self) -> Vec<Arg> {
        let size = match self.random.below(8) {
            0 => self.pick_word(&[0, 1, PAGE + 1, u64::MAX - PAGE + 1]),
            _ => (1 + self.random.below(8)) * PAGE,
        };
        let align = self.pick(&[0, 0, 0, 12, 14, 16, 1, 11, 64, 99]);
        vec![self.handle(bti), Arg::Word(size), align, self.out(4)]
    }
}

pub(super) const fn bti(body: &Body) -> bool {
    matches!(body, Body::Bti)
}

pub(super) const fn iommu(body: &Body) -> bool {
    matches!(body, Body::Iommu)
}

const fn pmt(body: &Body) -> bool {
    matches!(body, Body::Pmt(_))
}
