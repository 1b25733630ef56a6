//! Lists of what a process holds: its handles, and the VMOs that it reaches.

use super::Item;
use crate::Kernel;
use crate::mem::Key;
use crate::object::{Object, Objects};
use crate::task::Process;
use crate::vm::{self, Maps, MapsVersion, Vmo};
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
    /// The slot of the handle table that comes next, until all are listed.
    slot: Option<u32>,
    /// The mappings, while the process has an address space.
    maps: Option<Maps>,
    /// Bytes of a record.
    record: usize,
}

impl Vmos {
    /// All VMOs of a process, in records of this length.
    pub(super) fn new(objects: &Objects, process: Key<Process>, record: usize) -> Self {
        let root = objects.get(process).root_vmar;
        let version = MapsVersion::Vmos { record };
        Self {
            process,
            slot: Some(0),
            maps: root.map(|root| Maps::new(objects, None, root, version)),
            record,
        }
    }

    pub(super) fn next(&mut self, kernel: &Kernel) -> Item {
        let Some(slot) = self.slot else {
            let maps = self.maps.as_mut();
            return maps.map_or(Item::End, |maps| maps.next(kernel));
        };
        let process = kernel.objects.processes.get(self.process);
        let found = process.and_then(|it| Some((it, it.handles.next_value(slot)?)));
        let Some((process, (value, next))) = found else {
            self.slot = None;
            return Item::Nothing;
        };
        self.slot = Some(next);
        let handle = value.and_then(|value| process.handles.get(value));
        let vmo = handle.and_then(|it| Some((Vmo::from_ref(it.object())?, it.rights())));
        let Some((vmo, rights)) = vmo else {
            return Item::Nothing;
        };
        let record = vm::fill_info(kernel, vmo, Some(rights)).to_bytes();
        Item::record(record.get(..self.record).unwrap_or(&record))
    }
}
