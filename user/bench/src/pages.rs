//! Many pages in one VMO.

use zx::{Status, Vmo, VmoOptions};

use crate::meter::Meter;
use crate::population::{Population, Rows, scatter};

const PAGE: u64 = 4096;
/// The size of the VMO, in pages: more than there will be.
const SIZE_PAGES: u64 = 1 << 20;

/// The first so many pages of a VMO are committed.
#[derive(Default)]
pub(crate) struct Pages {
    vmo: Option<Vmo>,
    count: usize,
}

impl Population for Pages {
    fn title(&self) -> &'static str {
        "with that many pages in one VMO"
    }

    fn grow(&mut self, count: usize) -> Result<(), Status> {
        let vmo = match self.vmo.take() {
            Some(vmo) => vmo,
            None => Vmo::create(SIZE_PAGES * PAGE, VmoOptions::empty())?,
        };
        let made = vmo.commit(0, offset(count));
        self.count = count;
        self.vmo = Some(vmo);
        made
    }

    fn measure(&mut self, meter: &Meter) -> Result<Rows, Status> {
        let vmo = self.vmo.as_ref().ok_or(Status::BAD_STATE)?;
        let bytes = offset(self.count);
        let place = |round| offset(scatter(self.count, round));
        let snapshot = || vmo.snapshot(0, bytes);
        Ok(alloc::vec![
            (
                "vmo_write of a byte",
                meter.cost(|round| vmo.write(place(round), &[1]))?
            ),
            (
                "decommit + commit of a page",
                meter.cost(|round| {
                    vmo.decommit(place(round), PAGE)?;
                    vmo.commit(place(round), PAGE)
                })?
            ),
            ("object_get_info VMO", meter.cost(|_| vmo.vmo_info())?),
            ("a snapshot + close", meter.cost(|_| snapshot())?),
            (
                "a snapshot + write a byte + close",
                meter.cost(|round| snapshot()?.write(place(round), &[2]))?
            ),
        ])
    }
}

/// The offset of a page, in bytes.
fn offset(page: usize) -> u64 {
    u64::try_from(page).map_or(0, |page| page * PAGE)
}
