//! Lists of what a process holds: its handles, and the VMOs that it reaches.

use super::Item;
use crate::Kernel;
use crate::mem::Key;
use crate::object::Object;
use crate::task::Process;
use crate::vm::{Maps, MapsVersion, Vmo, VmoRecord};
use jacinth_abi::{HandleExtendedInfo, Record};

/// `ZX_INFO_HANDLE_TABLE`, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handles {
    process: Key<Process>,
    /// The slot of the table that comes next.
    slot: u32,
}

impl Handles {
    /// All handles of a process.
    pub(super) const fn new(process: Key<Process>) -> Self {
        Self { process, slot: 0 }
    }

    pub(super) fn next(&mut self, kernel: &Kernel) -> Item {
        let objects = &kernel.objects;
        let Some(table) = objects.processes.get(self.process).map(|it| &it.handles) else {
            return Item::End;
        };
        let Some((value, next)) = table.next_value(self.slot) else {
            return Item::End;
        };
        self.slot = next;
        let Some((value, handle)) = value.and_then(|value| Some((value, table.get(value)?))) else {
            return Item::Nothing;
        };
        let object = handle.object();
        let record = HandleExtendedInfo {
            object_type: object.object_type().number(),
            handle_value: value,
            rights: handle.rights().bits(),
            koid: objects.head(object).koid,
            related_koid: objects.related_koid(object),
            ..HandleExtendedInfo::default()
        };
        Item::record(&record.to_bytes())
    }
}

/// `ZX_INFO_PROCESS_VMOS`: first the handles to VMOs, then the mappings; and how far it got. A VMO
/// that is reached in several ways is listed as often, as in Zircon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vmos {
    process: Key<Process>,
    /// Bytes of a record.
    record: usize,
    part: Part,
}

/// What is listed of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The handles from a slot of the table on; the record of the first, as far as it was counted.
    Handles(u32, Option<VmoRecord>),
    Maps(Maps),
}

impl Vmos {
    /// All VMOs of a process, in records of this length.
    pub(super) const fn new(process: Key<Process>, record: usize) -> Self {
        Self {
            process,
            record,
            part: Part::Handles(0, None),
        }
    }

    pub(super) fn next(&mut self, kernel: &Kernel) -> Item {
        let (slot, begun) = match &mut self.part {
            Part::Handles(slot, begun) => (*slot, begun.take()),
            Part::Maps(maps) => return maps.next(kernel),
        };
        let Some(process) = kernel.objects.processes.get(self.process) else {
            return Item::End;
        };
        let Some((value, next)) = process.handles.next_value(slot) else {
            return self.go_on_with_maps(kernel);
        };
        let handle = value.and_then(|value| process.handles.get(value));
        let vmo = handle.and_then(|it| Some((Vmo::from_ref(it.object())?, it.rights())));
        self.part = Part::Handles(next, None);
        let Some((vmo, rights)) = vmo else {
            return Item::Nothing;
        };
        let mut record = VmoRecord::of(begun, vmo, Some(rights));
        let Some(info) = record.step(kernel) else {
            self.part = Part::Handles(slot, Some(record));
            return Item::Nothing;
        };
        let bytes = info.to_bytes();
        Item::record(bytes.get(..self.record).unwrap_or(&bytes))
    }

    /// Turns to the mappings, while the process has an address space.
    fn go_on_with_maps(&mut self, kernel: &Kernel) -> Item {
        let Some(root) = kernel.objects.get(self.process).root_vmar else {
            return Item::End;
        };
        let record = self.record;
        let version = MapsVersion::Vmos { record };
        self.part = Part::Maps(Maps::new(&kernel.objects, None, root, version));
        Item::Nothing
    }
}
