//! Resources (handles-resources.md §9-14), and what a physical range takes (spec README,
//! decision 1).

use super::handle::cut_at_nul;
use super::objects::{Body, Resource};
use super::state::Model;
use super::{Outcome, PAGE, Trial, require};
use jacinth_abi::{ResourceKind, Rights, Status};

const EXCLUSIVE: u32 = 0x1_0000;

impl Model {
    /// The steps are those of handles-resources.md §11.
    pub(super) fn resource_create(&mut self, t: &Trial) -> Outcome {
        let (base, size) = (t.u64(2), t.u64(3));
        require(base.checked_add(size).is_some(), Status::INVALID_ARGS)?;
        let parent = self.lookup_resource(t.u32(0), Rights::WRITE)?;
        let flags = t.u32(1) & !0xffff;
        let kind = ResourceKind::from_number(t.u32(1) & 0xffff).ok_or(Status::INVALID_ARGS)?;
        require(flags == 0 || flags == EXCLUSIVE, Status::INVALID_ARGS)?;
        let wanted = Resource {
            kind,
            base,
            size,
            is_exclusive: flags != 0,
        };
        self.check_parent(parent, wanted)?;
        let mut name = vec![0; usize::try_from(t.u64(5).min(31)).unwrap_or(31)];
        if !name.is_empty() {
            self.read(t, 4, &mut name)?;
        }
        let (start, end) = self.span(kind).ok_or(Status::BAD_STATE)?;
        require(size != 0, Status::INVALID_ARGS)?;
        require(start <= base && base + size <= end, Status::NOT_FOUND)?;
        require(!self.is_taken(wanted), Status::NOT_FOUND)?;
        let id = self.add(Body::Resource(wanted));
        self.objects.get_mut(&id).expect("it is new").name = cut_at_nul(&name);
        self.install(t, 6, id, Rights::DEFAULT_RESOURCE)
    }

    /// Steps 4 and 5.
    fn check_parent(&self, parent: Resource, wanted: Resource) -> Outcome {
        require(parent.kind == wanted.kind, Status::ACCESS_DENIED)?;
        if parent.is_root() {
            let end = wanted.base + wanted.size;
            let mut ports = self.place.denied_ports.iter();
            let is_denied = match wanted.kind {
                ResourceKind::Mmio => self.is_denied(wanted.base, wanted.size),
                ResourceKind::IoPort => {
                    ports.any(|(base, count)| wanted.base < base + count && *base < end)
                }
                _ => false,
            };
            return require(!is_denied, Status::ACCESS_DENIED);
        }
        let covers = parent.base <= wanted.base
            && wanted.base + wanted.size <= parent.base + parent.size
            && wanted.size != 0;
        require(covers, Status::ACCESS_DENIED)?;
        let is_shared = !parent.is_exclusive && !wanted.is_exclusive;
        require(is_shared, Status::INVALID_ARGS)
    }

    /// Steps 10 and 11.
    fn is_taken(&self, wanted: Resource) -> bool {
        self.objects.values().any(|object| {
            let Body::Resource(other) = object.body else {
                return false;
            };
            other.kind == wanted.kind
                && (other.is_exclusive || wanted.is_exclusive)
                && other.base < wanted.base + wanted.size
                && wanted.base < other.base + other.size
        })
    }

    fn lookup_resource(&self, value: u32, rights: Rights) -> Result<Resource, Status> {
        let held = self.lookup(value, rights, |body| matches!(body, Body::Resource(_)))?;
        match self.objects[&held.object].body {
            Body::Resource(resource) => Ok(resource),
            _ => Err(Status::WRONG_TYPE),
        }
    }

    /// Whether a range, widened to pages, has anything that nobody may have.
    fn is_denied(&self, base: u64, size: u64) -> bool {
        let (first, last) = (base / PAGE, (base + size).div_ceil(PAGE));
        let denied = &self.place.denied;
        denied
            .iter()
            .any(|(start, end)| *start / PAGE < last && first < end.div_ceil(PAGE))
    }

    /// §9: the spans of the allocators.
    fn span(&self, kind: ResourceKind) -> Option<(u64, u64)> {
        match kind {
            ResourceKind::Mmio if self.place.has_smc => Some((0, u64::MAX)),
            ResourceKind::Mmio => Some((0, (1 << self.place.phys_bits) - 1)),
            ResourceKind::Irq => Some((0, 256)),
            ResourceKind::IoPort => self.place.has_io_ports.then_some((0, 65_535)),
            ResourceKind::Smc => self.place.has_smc.then_some((0, 1 << 32)),
            ResourceKind::System => Some((0, 16)),
        }
    }

    /// Whether a resource lets its holder use SYSTEM base `base` (§12).
    pub(super) fn check_system(&self, value: u32, base: u64) -> Outcome {
        let resource = self.lookup_resource(value, Rights::empty())?;
        require(resource.kind == ResourceKind::System, Status::WRONG_TYPE)?;
        let covers = resource.base <= base && base < resource.base + resource.size;
        require(resource.is_root() || covers, Status::OUT_OF_RANGE)
    }

    /// The checks of `zx_vmo_create_physical` that concern the resource.
    pub(super) fn check_physical(&self, value: u32, base: u64, size: u64) -> Outcome {
        let resource = self.lookup_resource(value, Rights::empty())?;
        require(resource.kind == ResourceKind::Mmio, Status::WRONG_TYPE)?;
        let first = resource.base / PAGE * PAGE;
        let end = (resource.base + resource.size).div_ceil(PAGE) * PAGE;
        let covers = first <= base && base + size <= end;
        require(resource.is_root() || covers, Status::ACCESS_DENIED)?;
        require(!self.is_denied(base, size), Status::ACCESS_DENIED)
    }
}

impl Resource {
    const fn is_root(self) -> bool {
        self.base == 0 && self.size == 0
    }
}
