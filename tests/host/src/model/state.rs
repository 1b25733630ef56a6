//! Everything that there is, and what of it something refers to.

use super::content::Pages;
use super::objects::{Body, Held, Id, Kind, Mapping, Object, Pin, Region, Vmar, Vmo};
use super::{Outcome, Patch, Trial};
use jacinth_abi::{Rights, Status};
use std::collections::{BTreeMap, BTreeSet};

/// What the machine of the process is like.
#[derive(Clone, Debug)]
pub struct Place {
    /// The addresses that mappings may take.
    pub user: (u64, u64),
    /// Physical ranges that nobody may have.
    pub denied: Vec<(u64, u64)>,
    /// Width of physical addresses.
    pub phys_bits: u32,
    /// Whether there are I/O ports.
    pub has_io_ports: bool,
    /// I/O ports that nobody may have: base and count.
    pub denied_ports: &'static [(u64, u64)],
    /// Whether there is a secure monitor.
    pub has_smc: bool,
    /// Whether memory that is not cached cannot be executed, and then not be touched at all
    /// (mmu.md §2.2).
    pub is_code_cached: bool,
}

/// Everything that there is.
#[derive(Clone, Debug)]
pub struct Model {
    /// The machine.
    pub place: Place,
    /// The objects that are alive.
    pub objects: BTreeMap<Id, Object>,
    /// The handles of the process.
    pub handles: BTreeMap<u32, Held>,
    /// The root region.
    pub root: Id,
    /// What was stored into devices, by physical address.
    pub device: Pages,
    /// Whether pages were lost on purpose: a BTI died with a quarantine.
    pub has_leaked: bool,
    pub(super) koids: BTreeSet<u64>,
    pub(super) patches: Vec<Patch>,
    pub(super) complaints: Vec<String>,
    pub(super) others: Vec<Status>,
    next: Id,
}

impl Model {
    /// A process with an empty root region.
    #[must_use]
    pub fn new(place: Place) -> Self {
        let (base, end) = place.user;
        let root = Vmar {
            base,
            size: end - base,
            can: 7,
            is_specific: true,
            is_compact: false,
            parent: None,
            is_alive: true,
            children: BTreeMap::new(),
        };
        let mut model = Self {
            place,
            objects: BTreeMap::new(),
            handles: BTreeMap::new(),
            root: 0,
            device: Pages::default(),
            has_leaked: false,
            koids: BTreeSet::new(),
            patches: Vec::new(),
            complaints: Vec::new(),
            others: Vec::new(),
            next: 0,
        };
        model.root = model.add(Body::Vmar(root));
        model
    }

    /// Adds an object.
    pub fn add(&mut self, body: Body) -> Id {
        let id = self.next;
        self.next += 1;
        let object = Object {
            koid: None,
            name: Vec::new(),
            signals: 0,
            body,
        };
        self.objects.insert(id, object);
        id
    }

    /// Gives the process a handle that the kernel gave it at the start.
    pub fn give(&mut self, value: u32, object: Id, rights: Rights) {
        self.handles.insert(value, Held { object, rights });
    }

    /// A range of the root region is the process's own.
    pub fn own(&mut self, (start, end): (u64, u64)) {
        let region = Region::Foreign(end - start);
        self.vmar_mut(self.root).children.insert(start, region);
    }

    /// The object behind a handle that has `rights`.
    pub(super) fn lookup_any(&self, value: u32, rights: Rights) -> Result<Held, Status> {
        let held = *self.handles.get(&value).ok_or(Status::BAD_HANDLE)?;
        if held.rights.contains(rights) {
            Ok(held)
        } else {
            Err(Status::ACCESS_DENIED)
        }
    }

    /// The object behind a handle, which `is_wanted` and has `rights`.
    pub(super) fn lookup(
        &self,
        value: u32,
        rights: Rights,
        is_wanted: fn(&Body) -> bool,
    ) -> Result<Held, Status> {
        let held = self.lookup_any(value, Rights::empty())?;
        if !is_wanted(&self.objects[&held.object].body) {
            return Err(Status::WRONG_TYPE);
        }
        self.lookup_any(value, rights)
    }

    /// The VMO behind a handle.
    pub(super) fn lookup_vmo(&self, value: u32, rights: Rights) -> Result<Held, Status> {
        self.lookup(value, rights, |body| matches!(body, Body::Vmo(_)))
    }

    /// The region behind a handle.
    pub(super) fn lookup_vmar(&self, value: u32, rights: Rights) -> Result<Held, Status> {
        self.lookup(value, rights, |body| matches!(body, Body::Vmar(_)))
    }

    /// A VMO.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn vmo(&self, id: Id) -> &Vmo {
        match &self.objects[&id].body {
            Body::Vmo(vmo) => vmo,
            other => panic!("no VMO: {other:?}"),
        }
    }

    pub(super) fn vmo_mut(&mut self, id: Id) -> &mut Vmo {
        match &mut self.objects.get_mut(&id).expect("it lives").body {
            Body::Vmo(vmo) => vmo,
            other => panic!("no VMO: {other:?}"),
        }
    }

    /// A region.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn vmar(&self, id: Id) -> &Vmar {
        match &self.objects[&id].body {
            Body::Vmar(vmar) => vmar,
            other => panic!("no region: {other:?}"),
        }
    }

    pub(super) fn vmar_mut(&mut self, id: Id) -> &mut Vmar {
        match &mut self.objects.get_mut(&id).expect("it lives").body {
            Body::Vmar(vmar) => vmar,
            other => panic!("no region: {other:?}"),
        }
    }

    /// Gives the process a handle whose value the kernel wrote to argument `out`; with a bad
    /// pointer there it is as if nothing had been made.
    pub(super) fn install(&mut self, t: &Trial, out: usize, object: Id, rights: Rights) -> Outcome {
        if t.outs[out].is_none() {
            return Err(Status::INVALID_ARGS);
        }
        let value = t.out_u32(out);
        if value & 3 != 3 || self.handles.contains_key(&value) {
            self.complaints
                .push(format!("{value:#x} is no new handle value"));
        }
        self.patches.push((out, 0, value.to_le_bytes().to_vec()));
        self.give(value, object, rights);
        Ok(())
    }

    /// How many handles there are to an object.
    #[must_use]
    pub fn handle_count(&self, object: Id) -> u32 {
        let count = self.handles.values().filter(|held| held.object == object);
        u32::try_from(count.count()).unwrap_or(u32::MAX)
    }

    /// All mappings of all regions that are in the tree, by address.
    pub fn mappings(&self) -> impl Iterator<Item = (u64, &Mapping)> {
        let regions = self
            .objects
            .values()
            .filter_map(|object| match &object.body {
                Body::Vmar(vmar) => Some(&vmar.children),
                _ => None,
            });
        regions.flatten().filter_map(|(at, region)| match region {
            Region::Mapping(mapping) => Some((*at, mapping)),
            Region::Vmar(_) | Region::Foreign(_) => None,
        })
    }

    /// All pins.
    pub(super) fn pins(&self) -> impl Iterator<Item = &Pin> {
        self.objects
            .values()
            .filter_map(|object| match &object.body {
                Body::Pmt(pin) => Some(pin),
                _ => None,
            })
    }

    /// How many children of a VMO are alive.
    #[must_use]
    pub fn child_count(&self, id: Id) -> u64 {
        let is_child =
            |object: &&Object| matches!(&object.body, Body::Vmo(vmo) if vmo.parent == Some(id));
        self.objects.values().filter(is_child).count() as u64
    }

    /// Removes what nothing refers to any more, until all is referred to.
    pub(super) fn sweep(&mut self) {
        loop {
            let used = self.used();
            let dead: Vec<Id> = self
                .objects
                .keys()
                .filter(|id| !used.contains(id))
                .copied()
                .collect();
            if dead.is_empty() {
                return;
            }
            for id in dead {
                self.objects.remove(&id);
            }
        }
    }

    /// What something refers to: a handle, a parent region, a mapping, a pin, a child, a slice.
    fn used(&self) -> BTreeSet<Id> {
        let mut used: BTreeSet<Id> = self.handles.values().map(|held| held.object).collect();
        used.insert(self.root);
        for (id, object) in &self.objects {
            match &object.body {
                Body::Vmo(vmo) => {
                    used.extend(vmo.parent);
                    if let Kind::Slice { root, .. } | Kind::Reference { root } = vmo.kind {
                        used.insert(root);
                    }
                }
                Body::Vmar(vmar) => {
                    used.extend(vmar.children.values().filter_map(|region| match region {
                        Region::Vmar(id) => Some(*id),
                        Region::Mapping(mapping) => Some(mapping.vmo),
                        Region::Foreign(_) => None,
                    }))
                }
                Body::Pmt(pin) => {
                    used.extend([pin.bti, pin.vmo]);
                    if pin.is_quarantined {
                        used.insert(*id);
                    }
                }
                Body::Resource(_) | Body::Iommu | Body::Bti | Body::Other(_) => {}
            }
        }
        used
    }
}
