//! IOMMUs, bus transaction initiators, pinned and contiguous memory (drivers.md §4-6).

use super::objects::{Body, Held, Id, Kind, Pin, Vmo};
use super::state::Model;
use super::{Outcome, PAGE, Trial, is_aligned, require};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{Rights, Status};

const SYSTEM_IOMMU: u64 = 8;
const PERM_READ: u32 = 1;
const PERM_WRITE: u32 = 2;
const PERM_EXECUTE: u32 = 4;
const COMPRESS: u32 = 8;
const CONTIGUOUS: u32 = 16;
const MOST_ADDRESSES: u64 = 32_768;

impl Model {
    /// drivers.md §5.
    pub(super) fn iommu_create(&mut self, t: &Trial) -> Outcome {
        self.check_system(t.u32(0), SYSTEM_IOMMU)?;
        let size = t.u64(3);
        require(size <= 4096, Status::INVALID_ARGS)?;
        let mut description = vec![0; usize::try_from(size).unwrap_or(0)];
        self.read(t, 2, &mut description)?;
        require(t.u32(1) == 0, Status::NOT_SUPPORTED)?;
        require(size == 1, Status::INVALID_ARGS)?;
        let id = self.add(Body::Iommu);
        let rights = Rights::DUPLICATE | Rights::TRANSFER | Rights::INSPECT;
        self.install(t, 4, id, rights)
    }

    /// drivers.md §6.1.
    pub(super) fn bti_create(&mut self, t: &Trial) -> Outcome {
        require(t.u32(1) == 0, Status::INVALID_ARGS)?;
        let is_iommu = |body: &Body| matches!(body, Body::Iommu);
        self.lookup(t.u32(0), Rights::empty(), is_iommu)?;
        let id = self.add(Body::Bti);
        let rights = Rights::DUPLICATE | Rights::TRANSFER | Rights::INSPECT;
        let rights = rights | Rights::IO | Rights::MAP | Rights::PROPERTY;
        self.install(t, 3, id, rights)
    }

    fn lookup_bti(&self, value: u32, rights: Rights) -> Result<Held, Status> {
        self.lookup(value, rights, |body| matches!(body, Body::Bti))
    }

    /// drivers.md §6.2.
    pub(super) fn bti_pin(&mut self, t: &Trial) -> Outcome {
        let bti = self.lookup_bti(t.u32(0), Rights::MAP)?;
        let (options, offset, size, count) = (t.u32(1), t.u64(3), t.u64(4), t.u64(6));
        let is_whole = is_aligned(offset) && is_aligned(size);
        require(is_whole, Status::INVALID_ARGS)?;
        require(count <= MOST_ADDRESSES, Status::INVALID_ARGS)?;
        let held = self.lookup_vmo(t.u32(2), Rights::MAP)?;
        require(held.rights.contains(needed(options)), Status::ACCESS_DENIED)?;
        self.check_pin(options, held.object, offset, size)?;
        // What fails later is undone, but pages may be committed by then.
        self.hint(held.object, offset, size);
        let is_quarantined = self.quarantine_count(bti.object) != 0;
        require(!is_quarantined, Status::BAD_STATE)?;
        let permissions = PERM_READ | PERM_WRITE | PERM_EXECUTE;
        require(options & permissions != 0, Status::INVALID_ARGS)?;
        let wanted = if options & CONTIGUOUS != 0 {
            1
        } else {
            size / PAGE
        };
        require(count == wanted, Status::INVALID_ARGS)?;
        let addresses = self.check_addresses(t, held.object, offset, size);
        self.write(t, 5, &addresses)?;
        let pin = Pin {
            bti: bti.object,
            vmo: held.object,
            offset,
            size,
            is_quarantined: false,
        };
        let id = self.add(Body::Pmt(pin));
        let installed = self.install(t, 7, id, Rights::INSPECT);
        if installed.is_ok() {
            self.commit_for_pin(held.object, offset, size);
        }
        installed
    }

    /// Steps 7 to 11.
    fn check_pin(&self, options: u32, vmo: Id, offset: u64, size: u64) -> Outcome {
        let both = COMPRESS | CONTIGUOUS;
        require(options & both != both, Status::INVALID_ARGS)?;
        let (root, _) = self.holder(vmo, 0);
        let is_run = matches!(self.vmo(root).kind, Kind::Physical(_) | Kind::Contiguous);
        let is_contiguous = options & CONTIGUOUS != 0;
        require(is_run || !is_contiguous, Status::INVALID_ARGS)?;
        require(options & !0x1f == 0, Status::INVALID_ARGS)?;
        require(size != 0, Status::INVALID_ARGS)?;
        let end = offset.checked_add(size).ok_or(Status::OUT_OF_RANGE)?;
        require(end <= self.size(vmo), Status::OUT_OF_RANGE)
    }

    /// The addresses that the kernel told, if they can be right: those of a physical VMO are known,
    /// those of a contiguous one follow each other, all are whole pages.
    fn check_addresses(&mut self, t: &Trial, vmo: Id, offset: u64, size: u64) -> Vec<u8> {
        let is_contiguous = t.u32(1) & CONTIGUOUS != 0;
        let count = if is_contiguous { 1 } else { size / PAGE };
        let (root, inner) = self.holder(vmo, offset);
        let told = t.outs[5].clone().unwrap_or_default();
        let told = |index: u64| {
            let at = usize::try_from(index * 8).unwrap_or(usize::MAX);
            let bytes = told.get(at..at.saturating_add(8));
            bytes.map_or(0, |bytes| {
                u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
            })
        };
        let address = |index: u64| match self.vmo(root).kind {
            Kind::Physical(base) => base + inner + index * PAGE,
            Kind::Contiguous => told(0).wrapping_add(index * PAGE),
            _ => told(index),
        };
        let addresses: Vec<u64> = (0..count).map(address).collect();
        if !addresses.iter().all(|address| is_aligned(*address)) {
            self.complaints
                .push("an address is not a page's".to_owned());
        }
        addresses.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    fn commit_for_pin(&mut self, vmo: Id, offset: u64, size: u64) {
        let (root, start) = self.holder(vmo, offset);
        if matches!(self.vmo(root).kind, Kind::Physical(_)) {
            return;
        }
        for at in (start..start + size).step_by(PAGE as usize) {
            self.vmo_mut(root).pages.commit_page(at);
        }
    }

    pub(super) fn bti_release_quarantine(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_bti(t.u32(0), Rights::WRITE)?;
        self.objects.retain(|_, object| {
            !matches!(&object.body, Body::Pmt(pin) if pin.bti == held.object && pin.is_quarantined)
        });
        Ok(())
    }

    /// drivers.md §6.3: the handle is gone in any case.
    pub(super) fn pmt_unpin(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_any(t.u32(0), Rights::empty())?;
        if matches!(self.objects[&held.object].body, Body::Pmt(_)) {
            self.handles.remove(&t.u32(0));
            return Ok(());
        }
        self.close(t.u32(0));
        Err(Status::WRONG_TYPE)
    }

    /// How many pins a BTI has that nobody holds a PMT of.
    pub(super) fn quarantine_count(&self, bti: Id) -> u64 {
        let quarantined = self
            .pins()
            .filter(|pin| pin.bti == bti && pin.is_quarantined);
        quarantined.count() as u64
    }

    /// How many pins a BTI has.
    pub(super) fn pin_count(&self, bti: Id) -> u64 {
        self.pins().filter(|pin| pin.bti == bti).count() as u64
    }

    /// drivers.md §4, vmo.md §9.
    pub(super) fn vmo_create_contiguous(&mut self, t: &Trial) -> Outcome {
        let (size, align) = (t.u64(1), t.u32(2));
        require(size != 0 && is_aligned(size), Status::INVALID_ARGS)?;
        require(
            align == 0 || (12..64).contains(&align),
            Status::INVALID_ARGS,
        )?;
        self.lookup_bti(t.u32(0), Rights::MAP)?;
        require(size <= MAX_VMO_SIZE, Status::OUT_OF_RANGE)?;
        // Whether there is such a run is the frames' affair.
        require(!t.was(Status::NO_MEMORY), Status::NO_MEMORY)?;
        let mut vmo = Vmo::plain(Kind::Contiguous, size, size);
        for at in (0..size).step_by(PAGE as usize) {
            vmo.pages.commit_page(at);
        }
        let id = self.add(Body::Vmo(vmo));
        self.install(t, 3, id, Rights::DEFAULT_VMO)
    }
}

/// The rights on the VMO that permissions for a device take.
fn needed(options: u32) -> Rights {
    let mut rights = Rights::empty();
    rights.set(Rights::READ, options & (PERM_READ | PERM_EXECUTE) != 0);
    rights.set(Rights::WRITE, options & PERM_WRITE != 0);
    rights
}
