//! Resources: who may name which range of the machine (spec: handles-resources.md §9-14).

use super::{Head, Objects};
use crate::PAGE_SIZE;
use crate::event::MachineInfo;
use crate::mem::{Budget, KVec, Key, Mem, NoMemory};
use crate::vm::Name;
use jacinth_abi::{ResourceKind, Signals, Status};

/// Permission to name a range of one kind.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) head: Head,
    pub(crate) kind: ResourceKind,
    /// The first number; a ranged root has base 0 and size 0.
    pub(crate) base: u64,
    pub(crate) size: u64,
    /// Whether no other resource of the kind may overlap it.
    pub(crate) exclusive: bool,
    pub(crate) name: Name,
}

impl Resource {
    /// Whether it stands for everything of its kind.
    pub(crate) const fn is_ranged_root(&self) -> bool {
        self.base == 0 && self.size == 0
    }

    /// Whether `[base, base + size)` lies wholly inside this resource; nothing empty does.
    pub(crate) const fn covers(&self, base: u64, size: u64) -> bool {
        let (Some(end), Some(own_end)) = (base.checked_add(size), self.base.checked_add(self.size))
        else {
            return false;
        };
        size != 0 && self.base <= base && end <= own_end
    }

    /// As [`Resource::covers`], after this resource is widened to whole pages.
    pub(crate) const fn covers_pages(&self, base: u64, size: u64) -> bool {
        let first = self.base & !(PAGE_SIZE - 1);
        let (Some(end), Some(own_end)) = (base.checked_add(size), self.base.checked_add(self.size))
        else {
            return false;
        };
        let Some(last) = own_end.checked_next_multiple_of(PAGE_SIZE) else {
            return false;
        };
        size != 0 && first <= base && end <= last
    }
}

/// The limits of every kind, and the deny list.
#[derive(Debug)]
pub(crate) struct Resources {
    /// What no user may have, in whole pages: from, up to.
    denied: KVec<(u64, u64)>,
    mmio_end: u64,
    irq: (u64, u64),
    has_io_ports: bool,
    denied_ports: &'static [(u64, u64)],
    has_smc: bool,
}

/// The bases of kind SYSTEM (`ZX_RSRC_SYSTEM_COUNT`).
const SYSTEM_BASES: u64 = 16;
/// The last I/O port is never handed out, as in Zircon.
const IO_PORT_END: u64 = 65_535;
/// Secure monitor service numbers, as Zircon's span has them.
const SMC_END: u64 = 1 << 32;

impl Resources {
    /// Takes the machine's facts over.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn new(info: &MachineInfo<'_>, mem: &mut Mem) -> Result<Self, NoMemory> {
        let mut denied = KVec::new();
        for range in info.denied {
            let (start, end) = (range.run.base.raw(), range.run.end().raw());
            denied.push((start, end), &mut mem.budget)?;
        }
        Ok(Self {
            denied,
            mmio_end: info.mmio_end,
            irq: info.irq_span,
            has_io_ports: info.has_io_ports,
            denied_ports: info.denied_ports,
            has_smc: info.has_smc,
        })
    }

    /// Whether `[base, base + size)`, widened to pages, touches something no user may have.
    pub(crate) fn is_denied(&self, base: u64, size: u64) -> bool {
        let first = base & !(PAGE_SIZE - 1);
        let last = base
            .saturating_add(size)
            .checked_next_multiple_of(PAGE_SIZE)
            .unwrap_or(u64::MAX);
        let mut denied = self.denied.iter();
        denied.any(|(start, end)| *start < last && first < *end)
    }

    /// Whether the kind's deny list, if it has one, keeps `[base, base + size)` from a ranged root
    /// (handles-resources.md §9).
    pub(crate) fn is_kept_from_root(&self, kind: ResourceKind, base: u64, size: u64) -> bool {
        match kind {
            ResourceKind::Mmio => self.is_denied(base, size),
            ResourceKind::IoPort => {
                let end = base.saturating_add(size);
                let mut ports = self.denied_ports.iter();
                ports.any(|(first, count)| base < first.saturating_add(*count) && *first < end)
            }
            ResourceKind::Irq | ResourceKind::Smc | ResourceKind::System => false,
        }
    }

    /// Whether the machine has resources of this kind.
    pub(crate) fn has(&self, kind: ResourceKind) -> bool {
        self.span(kind).is_some()
    }

    /// The numbers of a kind that children may have: base and end.
    fn span(&self, kind: ResourceKind) -> Option<(u64, u64)> {
        match kind {
            ResourceKind::Mmio => Some((0, self.mmio_end)),
            ResourceKind::Irq => Some((self.irq.0, self.irq.0.saturating_add(self.irq.1))),
            ResourceKind::IoPort => self.has_io_ports.then_some((0, IO_PORT_END)),
            ResourceKind::Smc => self.has_smc.then_some((0, SMC_END)),
            ResourceKind::System => Some((0, SYSTEM_BASES)),
        }
    }

    /// Checks a new child against the spans and the live resources of its kind
    /// (handles-resources.md §11, steps 7 to 11).
    ///
    /// # Errors
    /// BAD_STATE, INVALID_ARGS, NOT_FOUND.
    pub(crate) fn check_child(&self, objects: &Objects, request: &Request) -> Result<(), Status> {
        let (start, end) = self.span(request.kind).ok_or(Status::BAD_STATE)?;
        if request.size == 0 {
            return Err(Status::INVALID_ARGS);
        }
        if request.base < start || request.base.saturating_add(request.size) > end {
            return Err(Status::NOT_FOUND);
        }
        if objects.claims.is_taken(request) {
            Err(Status::NOT_FOUND)
        } else {
            Ok(())
        }
    }

    /// Whether `resource` lets its holder use `[base, base + size)` of `kind`: any kind but MMIO,
    /// which is widened to pages (handles-resources.md §12).
    ///
    /// # Errors
    /// WRONG_TYPE (another kind), ACCESS_DENIED (the deny list), OUT_OF_RANGE.
    pub(crate) fn check_use(
        &self,
        resource: &Resource,
        kind: ResourceKind,
        base: u64,
        size: u64,
    ) -> Result<(), Status> {
        if resource.kind != kind {
            return Err(Status::WRONG_TYPE);
        }
        if resource.is_ranged_root() {
            let is_kept = self.is_kept_from_root(kind, base, size);
            return if is_kept {
                Err(Status::ACCESS_DENIED)
            } else {
                Ok(())
            };
        }
        if resource.covers(base, size) {
            Ok(())
        } else {
            Err(Status::OUT_OF_RANGE)
        }
    }

    /// Whether `resource` lets its holder name this physical range, for a VMO (spec README,
    /// decision 1): the ranged root is bound by the deny list, and so is everything made from it.
    ///
    /// # Errors
    /// WRONG_TYPE (not an MMIO resource), ACCESS_DENIED.
    pub(crate) fn check_physical(
        &self,
        resource: &Resource,
        base: u64,
        size: u64,
    ) -> Result<(), Status> {
        if resource.kind != ResourceKind::Mmio {
            return Err(Status::WRONG_TYPE);
        }
        if !resource.is_ranged_root() && !resource.covers_pages(base, size) {
            return Err(Status::ACCESS_DENIED);
        }
        if self.is_denied(base, size) {
            Err(Status::ACCESS_DENIED)
        } else {
            Ok(())
        }
    }
}

/// What `zx_resource_create` asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) kind: ResourceKind,
    pub(crate) base: u64,
    pub(crate) size: u64,
    pub(crate) exclusive: bool,
}

impl Objects {
    /// Makes sure that [`Objects::new_resource`] finds room.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn reserve_resource(&mut self, budget: &mut Budget) -> Result<(), NoMemory> {
        self.resources.reserve(budget)?;
        self.claims.reserve(budget)
    }

    /// Puts a new resource into room that was reserved.
    pub(crate) fn new_resource(&mut self, request: &Request, name: Name) -> Key<Resource> {
        let koid = self.new_koid();
        let key = self.resources.insert_reserved(Resource {
            head: Head::new(koid, Signals::empty()),
            kind: request.kind,
            base: request.base,
            size: request.size,
            exclusive: request.exclusive,
            name,
        });
        self.claims.take(request, key);
        key
    }
}
