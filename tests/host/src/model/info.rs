//! `zx_object_get_info` (handles-resources.md §7; vmo.md §20).

use super::handle::padded;
use super::objects::{Body, Held, Id, Kind};
use super::state::Model;
use super::{Outcome, PAGE, Trial, require};
use jacinth_abi::{
    HandleBasicInfo, HandleCountInfo, ObjectType, Record, ResourceInfo, Rights, Status, Topic,
    VmarInfo, VmoInfo, VmoInfoFlags,
};

impl Model {
    pub(super) fn object_get_info(&mut self, t: &Trial) -> Outcome {
        let handle = t.u32(0);
        let any = |_: &Body| true;
        match Topic(t.u32(1)) {
            Topic::HANDLE_VALID => self.lookup(handle, Rights::empty(), any).map(|_| ()),
            Topic::HANDLE_BASIC => {
                let held = self.lookup(handle, Rights::empty(), any)?;
                let record = self.basic(t, held);
                self.single(t, record.to_bytes().as_ref())
            }
            Topic::HANDLE_COUNT => {
                let held = self.lookup(handle, Rights::INSPECT, any)?;
                let handle_count = self.handle_count(held.object);
                self.single(t, HandleCountInfo { handle_count }.to_bytes().as_ref())
            }
            Topic::RESOURCE => self.resource_info(t),
            Topic::VMAR => {
                let held = self.lookup_vmar(handle, Rights::INSPECT)?;
                let vmar = self.vmar(held.object);
                let (base, len) = (vmar.base, vmar.size);
                self.single(t, VmarInfo { base, len }.to_bytes().as_ref())
            }
            Topic::BTI => self.bti_info(t),
            Topic::VMAR_MAPS => self.vmar_maps(t),
            Topic::VMO => self.vmo_info(t, 176),
            Topic::VMO_V3 => self.vmo_info(t, VmoInfo::V3_SIZE),
            Topic::VMO_V2 => self.vmo_info(t, VmoInfo::V2_SIZE),
            Topic::VMO_V1 => self.vmo_info(t, VmoInfo::V1_SIZE),
            _ => Err(Status::NOT_SUPPORTED),
        }
    }

    /// Hands one record out (§7.2).
    fn single(&mut self, t: &Trial, record: &[u8]) -> Outcome {
        let fits = t.u64(3) >= record.len() as u64;
        if fits {
            self.write(t, 2, record)?;
        }
        for (arg, count) in [(4, u64::from(fits)), (5, 1)] {
            if t.u64(arg) != 0 {
                self.write(t, arg, &count.to_le_bytes())?;
            }
        }
        require(fits, Status::BUFFER_TOO_SMALL)
    }

    /// What the kernel wrote of its record, as far as there was room.
    fn told<T: Record>(t: &Trial) -> Option<T> {
        let fits = t.u64(3) >= T::zeroed_bytes().as_ref().len() as u64;
        let bytes = t.outs[2].as_ref().filter(|_| fits)?;
        Some(T::from_bytes(bytes))
    }

    /// An object's koid: what the kernel told first, if it is one that no other object has.
    pub(super) fn koid(&mut self, id: Id, told: Option<u64>) -> u64 {
        let known = self.objects[&id].koid;
        let Some(told) = told else {
            return known.unwrap_or(0);
        };
        known.unwrap_or_else(|| {
            if told < 1024 || !self.koids.insert(told) {
                self.complaints.push(format!("{told} is no new koid"));
            }
            self.objects.get_mut(&id).expect("it lives").koid = Some(told);
            told
        })
    }

    fn basic(&mut self, t: &Trial, held: Held) -> HandleBasicInfo {
        let told = Self::told::<HandleBasicInfo>(t);
        let koid = self.koid(held.object, told.map(|told| told.koid));
        let object_type = match &self.objects[&held.object].body {
            Body::Vmo(_) => ObjectType::Vmo,
            Body::Vmar(_) => ObjectType::Vmar,
            Body::Resource(_) => ObjectType::Resource,
            Body::Iommu => ObjectType::Iommu,
            Body::Bti => ObjectType::Bti,
            Body::Pmt(_) => ObjectType::Pmt,
            Body::Other(other) => *other,
        };
        // Only a process, a thread and a channel have one, and those are not the test's.
        let has_related = matches!(&self.objects[&held.object].body, Body::Other(_));
        HandleBasicInfo {
            koid,
            rights: held.rights.bits(),
            object_type: object_type.number(),
            related_koid: told
                .filter(|_| has_related)
                .map_or(0, |told| told.related_koid),
            reserved: 0,
        }
    }

    fn resource_info(&mut self, t: &Trial) -> Outcome {
        let is_resource = |body: &Body| matches!(body, Body::Resource(_));
        let held = self.lookup(t.u32(0), Rights::INSPECT, is_resource)?;
        let object = &self.objects[&held.object];
        let Body::Resource(resource) = object.body else {
            return Err(Status::WRONG_TYPE);
        };
        let record = ResourceInfo {
            kind: resource.kind.number(),
            flags: if resource.is_exclusive { 0x1_0000 } else { 0 },
            base: resource.base,
            size: resource.size,
            name: padded(&object.name),
        };
        self.single(t, record.to_bytes().as_ref())
    }

    fn bti_info(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup(t.u32(0), Rights::INSPECT, |body| matches!(body, Body::Bti))?;
        let counts = [
            PAGE,
            u64::MAX,
            self.pin_count(held.object),
            self.quarantine_count(held.object),
        ];
        let record = counts.map(u64::to_le_bytes).concat();
        self.single(t, &record)
    }

    fn vmo_info(&mut self, t: &Trial, version_bytes: usize) -> Outcome {
        let held = self.lookup_vmo(t.u32(0), Rights::empty())?;
        let fits = t.u64(3) >= version_bytes as u64;
        let told = t.outs[2].as_ref().filter(|_| fits);
        let told = told.map(|bytes| VmoInfo::from_bytes(&bytes[..version_bytes.min(bytes.len())]));
        let record = self.vmo_record(held, told);
        self.single(t, &record.to_bytes()[..version_bytes])
    }

    fn vmo_record(&mut self, held: Held, told: Option<VmoInfo>) -> VmoInfo {
        let id = held.object;
        let koid = self.koid(id, told.map(|told| told.koid));
        let parent = self.vmo(id).parent;
        let parent_koid = match parent {
            Some(parent) => self.koid(parent, told.map(|told| told.parent_koid)),
            None => 0,
        };
        let mappings = self.mappings().filter(|(_, mapping)| mapping.vmo == id);
        let num_mappings = mappings.count() as u64;
        let mut record = VmoInfo {
            koid,
            name: padded(&self.objects[&id].name),
            size_bytes: self.size(id),
            parent_koid,
            num_children: self.child_count(id),
            num_mappings,
            share_count: 1,
            flags: self.info_flags(id).bits(),
            handle_rights: held.rights.bits(),
            cache_policy: self.cache(id),
            ..VmoInfo::default()
        };
        if let Some(told) = told {
            self.take_counters(id, &told, &mut record);
        }
        record
    }

    /// What is committed is checked between bounds; how it is divided in a family, and what is
    /// opaque, is taken as it is.
    fn take_counters(&mut self, id: Id, told: &VmoInfo, record: &mut VmoInfo) {
        let vmo = self.vmo(id);
        let (least, most) = match vmo.kind {
            Kind::Physical(_) | Kind::Slice { .. } | Kind::Reference { .. } => (0, 0),
            _ if vmo.has_family => (0, u64::MAX),
            _ => vmo.pages.committed(0, vmo.size),
        };
        if (least..=most).contains(&told.committed_bytes) {
            record.committed_bytes = told.committed_bytes;
        } else {
            record.committed_bytes = least;
        }
        record.metadata_bytes = told.metadata_bytes;
        record.committed_change_events = told.committed_change_events;
        record.populated_bytes = told.populated_bytes;
        record.committed_private_bytes = told.committed_private_bytes;
        record.populated_private_bytes = told.populated_private_bytes;
        record.committed_scaled_bytes = told.committed_scaled_bytes;
        record.populated_scaled_bytes = told.populated_scaled_bytes;
        record.committed_fractional_scaled_bytes = told.committed_fractional_scaled_bytes;
        record.populated_fractional_scaled_bytes = told.populated_fractional_scaled_bytes;
        if told.committed_private_bytes > told.committed_bytes {
            self.complaints
                .push("more is private than is committed".to_owned());
        }
    }

    /// vmo.md §20.
    fn info_flags(&self, id: Id) -> VmoInfoFlags {
        let vmo = self.vmo(id);
        let (root, _) = self.holder(id, 0);
        let kind = self.vmo(root).kind;
        let is_physical = matches!(kind, Kind::Physical(_));
        let mut flags = VmoInfoFlags::VIA_HANDLE;
        flags.set(VmoInfoFlags::TYPE_PAGED, !is_physical);
        let is_run = is_physical || kind == Kind::Contiguous;
        flags.set(VmoInfoFlags::CONTIGUOUS, is_run);
        flags.set(VmoInfoFlags::RESIZABLE, vmo.is_resizable);
        flags.set(VmoInfoFlags::DISCARDABLE, vmo.is_discardable);
        flags.set(VmoInfoFlags::IS_COW_CLONE, vmo.is_clone);
        flags.set(VmoInfoFlags::IMMUTABLE, vmo.is_immutable);
        flags
    }
}
