//! Many objects and handles in one process.

use alloc::boxed::Box;
use alloc::vec::Vec;

use zx::abi::{RSRC_FLAG_EXCLUSIVE, ResourceKind};
use zx::{Handle, Resource, Rights, Startup, Status, Vmo, VmoOptions};

use crate::beside::is_valid;
use crate::meter::Meter;
use crate::pages::Pages;
use crate::population::{Population, Rows, fill, pick, scatter};

const PAGE: u64 = 4096;
/// Physical addresses that no machine here has anything at.
const NOWHERE: u64 = 0x70_0000_0000;

pub(crate) fn all(start: &Startup) -> Vec<Box<dyn Population + '_>> {
    alloc::vec![
        Box::new(Handles::default()),
        Box::new(Vmos(Vec::new())),
        Box::new(Children {
            kind: Child::Slice,
            parent: None,
            children: Vec::new(),
        }),
        Box::new(Children {
            kind: Child::Snapshot,
            parent: None,
            children: Vec::new(),
        }),
        Box::new(Pages::default()),
        Box::new(Resources {
            root: start.mmio.as_ref(),
            children: Vec::new(),
        }),
    ]
}

/// Handles to one VMO.
#[derive(Default)]
struct Handles(Vec<Handle>);

impl Population for Handles {
    fn title(&self) -> &'static str {
        "with that many handles to one VMO"
    }

    fn grow(&mut self, count: usize) -> Result<(), Status> {
        if self.0.is_empty() {
            self.0.push(Vmo::create(PAGE, VmoOptions::empty())?.into());
        }
        let first = self.0.first().map_or(0, Handle::value);
        let first = core::mem::ManuallyDrop::new(Handle::from_value(first));
        fill(&mut self.0, count, |_| first.duplicate())
    }

    fn measure(&mut self, meter: &Meter) -> Result<Rows, Status> {
        let one = |round| pick(&self.0, round).ok_or(Status::BAD_STATE);
        Ok(alloc::vec![
            (
                "object_get_info HANDLE_VALID",
                meter.cost(|round| is_valid(one(round)?))?
            ),
            (
                "object_get_info HANDLE_BASIC",
                meter.cost(|round| one(round)?.basic_info())?
            ),
            (
                "handle_duplicate + close",
                meter.cost(|round| one(round)?.duplicate())?
            ),
            (
                "handle_duplicate + replace + close",
                meter.cost(|round| one(round)?.duplicate()?.replace(Rights::TRANSFER))?
            ),
        ])
    }
}

/// VMOs of one page, not committed, with a handle each.
struct Vmos(Vec<Vmo>);

impl Population for Vmos {
    fn title(&self) -> &'static str {
        "with that many VMOs"
    }

    fn grow(&mut self, count: usize) -> Result<(), Status> {
        fill(&mut self.0, count, |_| {
            Vmo::create(PAGE, VmoOptions::empty())
        })
    }

    fn measure(&mut self, meter: &Meter) -> Result<Rows, Status> {
        let one = |round| pick(&self.0, round).ok_or(Status::BAD_STATE);
        Ok(alloc::vec![
            (
                "vmo_create + close",
                meter.cost(|_| Vmo::create(PAGE, VmoOptions::empty()))?
            ),
            (
                "object_get_info VMO of one",
                meter.cost(|round| one(round)?.vmo_info())?
            ),
            (
                "a slice of one + close",
                meter.cost(|round| one(round)?.slice(0, PAGE))?
            ),
            (
                "write a byte of one + decommit",
                meter.cost(|round| {
                    one(round)?.write(0, &[1])?;
                    one(round)?.decommit(0, PAGE)
                })?
            ),
        ])
    }
}

#[derive(Clone, Copy)]
enum Child {
    Slice,
    Snapshot,
}

/// Children of one VMO of a page, which is committed.
struct Children {
    kind: Child,
    parent: Option<Vmo>,
    children: Vec<Vmo>,
}

impl Child {
    fn of(self, parent: &Vmo) -> Result<Vmo, Status> {
        match self {
            Self::Slice => parent.slice(0, PAGE),
            Self::Snapshot => parent.snapshot(0, PAGE),
        }
    }
}

impl Population for Children {
    fn title(&self) -> &'static str {
        match self.kind {
            Child::Slice => "with that many slices of one VMO",
            Child::Snapshot => "with that many snapshots of one VMO",
        }
    }

    fn grow(&mut self, count: usize) -> Result<(), Status> {
        let parent = match self.parent.take() {
            Some(parent) => parent,
            None => Vmo::create(PAGE, VmoOptions::empty())?,
        };
        parent.write(0, &[1])?;
        let made = fill(&mut self.children, count, |_| self.kind.of(&parent));
        self.parent = Some(parent);
        made
    }

    fn measure(&mut self, meter: &Meter) -> Result<Rows, Status> {
        let parent = self.parent.as_ref().ok_or(Status::BAD_STATE)?;
        let one = |round| pick(&self.children, round).ok_or(Status::BAD_STATE);
        Ok(alloc::vec![
            ("one more + close", meter.cost(|_| self.kind.of(parent))?),
            (
                "one more + write a byte + close",
                meter.cost(|_| self.kind.of(parent)?.write(0, &[2]))?
            ),
            (
                "object_get_info VMO of the parent",
                meter.cost(|_| parent.vmo_info())?
            ),
            (
                "object_get_info VMO of one",
                meter.cost(|round| one(round)?.vmo_info())?
            ),
        ])
    }
}

/// Resources of one page of physical addresses each, in a row.
struct Resources<'a> {
    root: Option<&'a Resource>,
    children: Vec<Resource>,
}

/// The address of the page of a resource.
fn address(number: usize) -> u64 {
    NOWHERE + u64::try_from(number).map_or(0, |number| number * PAGE)
}

impl Resources<'_> {
    fn make(&self, number: usize, flags: u32) -> Result<Resource, Status> {
        let root = self.root.ok_or(Status::NOT_FOUND)?;
        root.create_child(ResourceKind::Mmio, flags, address(number), PAGE, "bench")
    }
}

impl Population for Resources<'_> {
    fn title(&self) -> &'static str {
        "with that many resources"
    }

    fn grow(&mut self, count: usize) -> Result<(), Status> {
        let mut children = core::mem::take(&mut self.children);
        let made = fill(&mut children, count, |number| self.make(number, 0));
        self.children = children;
        made
    }

    fn measure(&mut self, meter: &Meter) -> Result<Rows, Status> {
        let behind = self.children.len() + 1;
        Ok(alloc::vec![
            (
                "resource_create, shared + close",
                meter.cost(|round| self.make(round, 0))?
            ),
            (
                "resource_create, exclusive + close",
                meter.cost(|_| self.make(behind, RSRC_FLAG_EXCLUSIVE))?
            ),
            (
                "vmo_create_physical by one + close",
                meter.cost(|round| {
                    let index = scatter(self.children.len(), round);
                    let resource = self.children.get(index).ok_or(Status::BAD_STATE)?;
                    Vmo::create_physical(resource, address(index), PAGE)
                })?
            ),
        ])
    }
}
