//! Handles, signals and properties (handles-resources.md §3-6 and §8).

use super::objects::{Body, Id};
use super::state::Model;
use super::{Outcome, Trial, require};
use jacinth_abi::{ObjectType, Rights, Status};

const USER_SIGNALS: u32 = 0xff00_0000;
const ZERO_CHILDREN: u32 = 8;
const NAME: u32 = 3;
const CONTENT_SIZE: u32 = 17;

impl Model {
    pub(super) fn handle_close(&mut self, t: &Trial) -> Outcome {
        let value = t.u32(0);
        require(value == 0 || self.close(value), Status::BAD_HANDLE)
    }

    /// Takes a handle out of the table, and does what comes with an object's last one.
    pub(super) fn close(&mut self, value: u32) -> bool {
        let Some(held) = self.handles.remove(&value) else {
            return false;
        };
        if self.handle_count(held.object) == 0 {
            self.last_handle_closed(held.object);
        }
        true
    }

    /// Pinned memory whose PMT is closed stays pinned (drivers.md §6.4).
    fn last_handle_closed(&mut self, id: Id) {
        match &mut self.objects.get_mut(&id).expect("it lives").body {
            Body::Pmt(pin) => {
                pin.is_quarantined = true;
                let bti = pin.bti;
                self.has_leaked |= self.handle_count(bti) == 0;
            }
            Body::Bti => self.has_leaked |= self.quarantine_count(id) != 0,
            _ => {}
        }
    }

    pub(super) fn handle_close_many(&mut self, t: &Trial) -> Outcome {
        let count = usize::try_from(t.u64(1)).expect("the test closes few");
        let mut is_good = true;
        for first in (0..count).step_by(64) {
            let mut bytes = vec![0; (count - first).min(64) * 4];
            self.read_as(t, 0, first * 4, &mut bytes)
                .map_err(|_| Status::INVALID_ARGS)?;
            for value in bytes.chunks_exact(4) {
                let value = u32::from_le_bytes(value.try_into().expect("four bytes"));
                is_good &= value == 0 || self.close(value);
            }
        }
        require(is_good, Status::BAD_HANDLE)
    }

    pub(super) fn handle_duplicate(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_any(t.u32(0), Rights::DUPLICATE)?;
        let rights = narrow(held.rights, t.u32(1))?;
        self.install(t, 2, held.object, rights)
    }

    pub(super) fn handle_replace(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_any(t.u32(0), Rights::empty())?;
        let rights = narrow(held.rights, t.u32(1));
        // Its object lives on in the new handle: nothing of what a last handle does happens.
        let installed = match rights {
            Ok(rights) => self.install(t, 2, held.object, rights),
            Err(status) => Err(status),
        };
        self.close(t.u32(0));
        installed
    }

    /// Only ever asked with a deadline that is over, so it never waits.
    pub(super) fn object_wait_one(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_any(t.u32(0), Rights::WAIT)?;
        let signals = self.signals(held.object);
        if t.u64(3) != 0 {
            self.write(t, 3, &signals.to_le_bytes())?;
        }
        require(signals & t.u32(1) != 0, Status::TIMED_OUT)
    }

    /// The signals of a VMO; of other objects only those that users set (vmo.md §19).
    #[must_use]
    pub fn signals(&self, id: Id) -> u32 {
        let is_childless = self.is_vmo(id) && self.child_count(id) == 0;
        self.objects[&id].signals | if is_childless { ZERO_CHILDREN } else { 0 }
    }

    pub(super) fn object_signal(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_any(t.u32(0), Rights::SIGNAL)?;
        let (clear, set) = (t.u32(1), t.u32(2));
        require((clear | set) & !USER_SIGNALS == 0, Status::INVALID_ARGS)?;
        let object = self.objects.get_mut(&held.object).expect("it lives");
        object.signals = (object.signals & !clear) | set;
        Ok(())
    }

    pub(super) fn object_get_property(&mut self, t: &Trial) -> Outcome {
        require(t.u64(2) != 0, Status::INVALID_ARGS)?;
        let held = self.lookup_any(t.u32(0), Rights::GET_PROPERTY)?;
        let size = property_size(t.u32(1))?;
        require(t.u64(3) >= size, Status::BUFFER_TOO_SMALL)?;
        let object = &self.objects[&held.object];
        let value = if t.u32(1) == NAME {
            let has_name = is_named(&object.body) || matches!(object.body, Body::Resource(_));
            require(has_name, Status::WRONG_TYPE)?;
            padded(&object.name).to_vec()
        } else {
            require(self.is_vmo(held.object), Status::WRONG_TYPE)?;
            let sized = self.sized(held.object);
            self.vmo(sized).stream.to_le_bytes().to_vec()
        };
        self.write(t, 2, &value)
    }

    pub(super) fn object_set_property(&mut self, t: &Trial) -> Outcome {
        require(t.u64(2) != 0, Status::INVALID_ARGS)?;
        let held = self.lookup_any(t.u32(0), Rights::SET_PROPERTY)?;
        let size = property_size(t.u32(1))?;
        if t.u32(1) == NAME {
            let body = &self.objects[&held.object].body;
            require(is_named(body), Status::WRONG_TYPE)?;
            let mut name = vec![0; usize::try_from(t.u64(3).min(31)).unwrap_or(31)];
            self.read(t, 2, &mut name)?;
            let object = self.objects.get_mut(&held.object).expect("it lives");
            object.name = cut_at_nul(&name);
            return Ok(());
        }
        let may_write = held.rights.contains(Rights::WRITE);
        require(may_write, Status::ACCESS_DENIED)?;
        require(t.u64(3) >= size, Status::BUFFER_TOO_SMALL)?;
        require(self.is_vmo(held.object), Status::WRONG_TYPE)?;
        let mut value = [0; 8];
        self.read(t, 2, &mut value)?;
        self.set_content_size(held.object, u64::from_le_bytes(value))
    }
}

/// What the rights argument of duplicate and replace asks for.
fn narrow(held: Rights, wanted: u32) -> Result<Rights, Status> {
    if wanted == Rights::SAME_RIGHTS {
        return Ok(held);
    }
    let wanted = Rights::from_bits(wanted).ok_or(Status::INVALID_ARGS)?;
    if held.contains(wanted) {
        Ok(wanted)
    } else {
        Err(Status::INVALID_ARGS)
    }
}

fn property_size(property: u32) -> Result<u64, Status> {
    match property {
        NAME => Ok(32),
        CONTENT_SIZE => Ok(8),
        _ => Err(Status::NOT_SUPPORTED),
    }
}

/// Whether objects like this have a name that can be set.
fn is_named(body: &Body) -> bool {
    match body {
        Body::Vmo(_) | Body::Bti => true,
        Body::Other(other) => matches!(other, ObjectType::Process | ObjectType::Thread),
        Body::Vmar(_) | Body::Resource(_) | Body::Iommu | Body::Pmt(_) => false,
    }
}

/// A name as it is stored: what is before the first NUL.
pub(super) fn cut_at_nul(name: &[u8]) -> Vec<u8> {
    name.iter().copied().take_while(|byte| *byte != 0).collect()
}

/// A name as it is told: 32 bytes, NULs behind it.
pub(super) fn padded(name: &[u8]) -> [u8; 32] {
    let mut padded = [0; 32];
    padded[..name.len()].copy_from_slice(name);
    padded
}
