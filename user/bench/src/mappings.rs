//! Many mappings in one address space.

use alloc::boxed::Box;
use alloc::vec::Vec;

use zx::{Region, Startup, Status, VmOptions, Vmar, Vmo, VmoOptions};

use crate::device::READ_WRITE;
use crate::meter::Meter;
use crate::population::{Population, Rows, fill, pick};

const PAGE: u64 = 4096;

pub(crate) fn all(start: &Startup) -> Vec<Box<dyn Population + '_>> {
    let root = &start.root_vmar;
    alloc::vec![
        Box::new(OfOneVmo {
            root,
            vmo: None,
            regions: Vec::new(),
        }),
        Box::new(OfManyVmos {
            root,
            regions: Vec::new(),
        }),
        Box::new(Regions {
            root,
            children: Vec::new(),
        }),
    ]
}

/// All of them show the same page, and have it in the page tables.
struct OfOneVmo<'a> {
    root: &'a Vmar,
    vmo: Option<Vmo>,
    regions: Vec<Region>,
}

impl Population for OfOneVmo<'_> {
    fn title(&self) -> &'static str {
        "with that many mappings of one page of one VMO"
    }

    fn grow(&mut self, count: usize) -> Result<(), Status> {
        let vmo = match self.vmo.take() {
            Some(vmo) => vmo,
            None => page()?,
        };
        let options = READ_WRITE | VmOptions::MAP_RANGE;
        let made = fill(&mut self.regions, count, |_| {
            self.root.map_at(options, 0, &vmo, 0, PAGE)
        });
        self.vmo = Some(vmo);
        made
    }

    fn measure(&mut self, meter: &Meter) -> Result<Rows, Status> {
        let vmo = self.vmo.as_ref().ok_or(Status::BAD_STATE)?;
        let mut rows = operations(meter, self.root, vmo)?;
        rows.push(("object_get_info VMO of it", meter.cost(|_| vmo.vmo_info())?));
        Ok(rows)
    }
}

/// Each shows a VMO of its own, to which there is no handle any more.
struct OfManyVmos<'a> {
    root: &'a Vmar,
    regions: Vec<Region>,
}

impl Population for OfManyVmos<'_> {
    fn title(&self) -> &'static str {
        "with that many mappings, each of another VMO"
    }

    fn grow(&mut self, count: usize) -> Result<(), Status> {
        fill(&mut self.regions, count, |_| {
            let vmo = Vmo::create(PAGE, VmoOptions::empty())?;
            self.root.map_at(READ_WRITE, 0, &vmo, 0, PAGE)
        })
    }

    fn measure(&mut self, meter: &Meter) -> Result<Rows, Status> {
        let mut rows = operations(meter, self.root, &page()?)?;
        let new = meter.costs(|_| {
            let vmo = Vmo::create(PAGE, VmoOptions::empty())?;
            let region = self.root.map_at(READ_WRITE, 0, &vmo, 0, PAGE)?;
            let (_, fault) = meter.time(|| region.write32(0, 1));
            region.unmap().map(|()| [fault])
        });
        let [fault] = new?;
        rows.push(("page fault, page is new", fault));
        Ok(rows)
    }
}

/// Regions of one page in the root region, with nothing in them.
struct Regions<'a> {
    root: &'a Vmar,
    children: Vec<Child>,
}

/// A region that is destroyed when it is dropped.
struct Child(Vmar);

impl Drop for Child {
    fn drop(&mut self) {
        self.0.destroy().ok();
    }
}

impl Regions<'_> {
    fn make(&self) -> Result<Child, Status> {
        let options = VmOptions::CAN_MAP_READ | VmOptions::CAN_MAP_WRITE;
        let (child, _) = self.root.allocate(options, 0, PAGE)?;
        Ok(Child(child))
    }
}

impl Population for Regions<'_> {
    fn title(&self) -> &'static str {
        "with that many regions in one region"
    }

    fn grow(&mut self, count: usize) -> Result<(), Status> {
        let mut children = core::mem::take(&mut self.children);
        let made = fill(&mut children, count, |_| self.make());
        self.children = children;
        made
    }

    fn measure(&mut self, meter: &Meter) -> Result<Rows, Status> {
        let one = |round| pick(&self.children, round).ok_or(Status::BAD_STATE);
        let vmo = page()?;
        let [map, fault, unmap] = meter.costs(|round| {
            let Child(child) = one(round)?;
            let (region, map) = meter.time(|| child.map_at(READ_WRITE, 0, &vmo, 0, PAGE));
            let region = region?;
            let (_, fault) = meter.time(|| region.write32(0, 1));
            let (unmapped, unmap) = meter.time(|| region.unmap());
            unmapped.map(|()| [map, fault, unmap])
        })?;
        Ok(alloc::vec![
            (
                "vmar_allocate + destroy + close",
                meter.cost(|_| self.make())?
            ),
            (
                "object_get_info VMAR of one",
                meter.cost(|round| one(round)?.0.vmar_info())?
            ),
            ("vmar_map of a page in one", map),
            ("page fault in one, page is there", fault),
            ("vmar_unmap of a page in one", unmap),
        ])
    }
}

/// A VMO of one page, which is committed.
fn page() -> Result<Vmo, Status> {
    let vmo = Vmo::create(PAGE, VmoOptions::empty())?;
    vmo.write(0, &[1])?;
    Ok(vmo)
}

/// The life of one more mapping.
fn operations(meter: &Meter, root: &Vmar, vmo: &Vmo) -> Result<Rows, Status> {
    let [map, fault, protect, unmap] = meter.costs(|_| {
        let (region, map) = meter.time(|| root.map_at(READ_WRITE, 0, vmo, 0, PAGE));
        let region = region?;
        let (_, fault) = meter.time(|| region.write32(0, 1));
        let (protected, protect) = meter.time(|| region.protect(VmOptions::PERM_READ, 0, PAGE));
        protected?;
        let (unmapped, unmap) = meter.time(|| region.unmap());
        unmapped.map(|()| [map, fault, protect, unmap])
    })?;
    Ok(alloc::vec![
        ("vmar_map of a page", map),
        ("page fault, page is there", fault),
        ("vmar_protect of a page", protect),
        ("vmar_unmap of a page", unmap),
    ])
}
