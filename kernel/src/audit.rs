//! A recount of everything from the roots: what a test calls after each event.
//!
//! Nothing here is used by the kernel itself. Whatever is counted while the kernel runs is counted
//! again from what refers to it, and the first difference is reported.

use crate::Kernel;
use crate::hal::DynHal;
use crate::object::{ObjectRef, Objects};
use crate::task::{Exceptionate, ProcessState, ThreadState, Wait};
use alloc::collections::BTreeMap;

/// What does not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditError {
    /// An object's handle count differs from the handles that exist: koid, counted, recounted.
    Handles(u64, u32, u32),
    /// A process's handles by type add up to another number than it has: counted, recounted.
    HandleTypes(u32, u32),
    /// The system's handle count differs: counted, recounted.
    AllHandles(u32, u32),
    /// An object's use count differs: koid, counted, recounted.
    Uses(u64, u32, u32),
    /// An object lives although nothing refers to it: its koid.
    Leaked(u64),
    /// The ranges that are held are not those of the resources.
    Claims,
    /// A BTI's count of pins differs: its koid, counted, recounted; or that of its quarantine.
    Pins(u64, u32, u32),
    /// The free frames' own records differ.
    FramePool,
    /// Frames are neither free nor owned: total, free, owned.
    Frames(u64, u64, u64),
    /// The memory part of the audit found a difference.
    Vm(&'static str),
}

impl Kernel {
    /// Recounts handles, uses and frames, and compares each address space with its regions.
    ///
    /// # Errors
    /// The first difference.
    pub fn audit(&self, hal: &DynHal) -> Result<(), AuditError> {
        let mut refs = References::default();
        self.count_references(&mut refs);
        self.compare_counts(&refs)?;
        self.compare_types()?;
        self.compare_pins()?;
        if !self.objects.audit_claims() {
            return Err(AuditError::Claims);
        }
        if !self.mem.frames.audit() {
            return Err(AuditError::FramePool);
        }
        crate::vm::audit(self, hal).map_err(AuditError::Vm)
    }

    /// How many objects there are, and how many frames are neither free nor the heap's.
    #[must_use]
    pub fn left(&self) -> (u32, u64) {
        let mut objects = 0u32;
        self.objects
            .for_each(|_, _| objects = objects.wrapping_add(1));
        let frames = &self.mem.frames;
        let used = frames.total_frames().saturating_sub(frames.free_frames());
        (objects, used.saturating_sub(self.heap_frames))
    }

    fn count_references(&self, refs: &mut References) {
        self.count_tasks(refs);
        self.count_threads(refs);
        self.count_pins(refs);
        self.count_memory(refs);
        for (_, message) in self.objects.messages.iter() {
            message
                .handles()
                .for_each(|handle| refs.handle(&self.objects, handle.object()));
        }
    }

    fn count_tasks(&self, refs: &mut References) {
        let objects = &self.objects;
        for (_, job) in objects.jobs.iter() {
            if let Some(parent) = job.parent {
                refs.use_of(objects, ObjectRef::Job(parent));
            }
            refs.ends(objects, [&job.exceptionate, &job.debugger]);
        }
        for (key, process) in objects.processes.iter() {
            if let Some(job) = process.job {
                refs.use_of(objects, ObjectRef::Job(job));
            }
            process
                .handles
                .iter()
                .for_each(|handle| refs.handle(objects, handle.object()));
            if let Some(root) = process.root_vmar {
                refs.use_of(objects, ObjectRef::Vmar(root));
            }
            if matches!(process.state, ProcessState::Dying { .. }) {
                refs.use_of(objects, ObjectRef::Process(key));
            }
            refs.ends(objects, [&process.exceptionate, &process.debugger]);
        }
        if let Some(init) = self.init {
            refs.use_of(objects, ObjectRef::Process(init));
        }
    }

    fn count_threads(&self, refs: &mut References) {
        let objects = &self.objects;
        for (key, thread) in objects.threads.iter() {
            refs.use_of(objects, ObjectRef::Process(thread.process));
            refs.ends(objects, [&thread.exceptionate]);
            if let Some(work) = &thread.work {
                let held = work.keeps().chain(work.holds());
                held.for_each(|held| refs.use_of(objects, held));
            }
            if let Some(held) = thread.wait.as_ref().and_then(Wait::holds) {
                refs.use_of(objects, held);
            }
            if !matches!(thread.state, ThreadState::New | ThreadState::Dead) {
                refs.use_of(objects, ObjectRef::Thread(key));
            }
        }
        for (_, exception) in objects.exceptions.iter() {
            refs.use_of(objects, ObjectRef::Thread(exception.thread));
        }
    }

    fn count_pins(&self, refs: &mut References) {
        let objects = &self.objects;
        for (_, bti) in objects.btis.iter() {
            refs.use_of(objects, ObjectRef::Iommu(bti.iommu));
        }
        for (key, pmt) in objects.pmts.iter().filter(|(_, pmt)| pmt.is_pinned()) {
            refs.use_of(objects, ObjectRef::Bti(pmt.bti));
            refs.use_of(objects, ObjectRef::Vmo(pmt.vmo));
            if pmt.is_quarantined() {
                refs.use_of(objects, ObjectRef::Pmt(key));
            }
        }
    }

    fn count_memory(&self, refs: &mut References) {
        let objects = &self.objects;
        for (_, vmo) in objects.vmos.iter() {
            if let Some(parent) = vmo.parent {
                refs.use_of(objects, ObjectRef::Vmo(parent));
            }
        }
        for (key, region) in objects.vmars.iter() {
            if region.parent.is_some() {
                refs.use_of(objects, ObjectRef::Vmar(key));
            }
        }
        for (_, mapping) in objects.mappings.iter() {
            refs.use_of(objects, ObjectRef::Vmo(mapping.vmo));
        }
    }

    fn compare_types(&self) -> Result<(), AuditError> {
        for (_, process) in self.objects.processes.iter() {
            let counted = process.handles.counts().iter().copied();
            let counted = counted.fold(0, u32::wrapping_add);
            let recounted = u32::try_from(process.handles.iter().count()).unwrap_or(u32::MAX);
            if counted != recounted {
                return Err(AuditError::HandleTypes(counted, recounted));
            }
        }
        Ok(())
    }

    /// Each BTI knows how many ranges are pinned through it, and how many are in quarantine.
    fn compare_pins(&self) -> Result<(), AuditError> {
        for (key, bti) in self.objects.btis.iter() {
            let pins = self.objects.pmts.iter().map(|(_, pmt)| pmt);
            let pins = pins.filter(|pmt| pmt.bti == key && pmt.is_pinned());
            let (mut pinned, mut quarantined) = (0u32, 0u32);
            for pmt in pins {
                pinned = pinned.wrapping_add(1);
                quarantined = quarantined.wrapping_add(u32::from(pmt.is_quarantined()));
            }
            if (pinned, quarantined) != (bti.pins, bti.quarantine.len()) {
                return Err(AuditError::Pins(bti.head.koid, bti.pins, pinned));
            }
        }
        Ok(())
    }

    fn compare_counts(&self, refs: &References) -> Result<(), AuditError> {
        let mut outcome = Ok(());
        let mut all = 0u32;
        self.objects.for_each(|object, head| {
            let (handles, uses) = refs.of(head.koid);
            all = all.wrapping_add(handles);
            let found = if handles != head.handles {
                Err(AuditError::Handles(head.koid, head.handles, handles))
            } else if uses != head.uses {
                Err(AuditError::Uses(head.koid, head.uses, uses))
            } else if handles == 0 && uses == 0 && !self.objects.is_queued(object) {
                Err(AuditError::Leaked(head.koid))
            } else {
                Ok(())
            };
            if outcome.is_ok() {
                outcome = found;
            }
        });
        outcome?;
        if all == self.objects.handle_count {
            Ok(())
        } else {
            Err(AuditError::AllHandles(self.objects.handle_count, all))
        }
    }
}

/// Handles and uses by koid, as recounted.
#[derive(Default)]
struct References(BTreeMap<u64, (u32, u32)>);

impl References {
    fn handle(&mut self, objects: &Objects, object: ObjectRef) {
        let entry = self.0.entry(objects.head(object).koid).or_default();
        entry.0 = entry.0.wrapping_add(1);
    }

    /// The kernel's ends of exception channels.
    fn ends<const N: usize>(&mut self, objects: &Objects, bound: [&Exceptionate; N]) {
        for handle in bound.into_iter().filter_map(Exceptionate::handle) {
            self.handle(objects, handle.object());
        }
    }

    fn use_of(&mut self, objects: &Objects, object: ObjectRef) {
        let entry = self.0.entry(objects.head(object).koid).or_default();
        entry.1 = entry.1.wrapping_add(1);
    }

    fn of(&self, koid: u64) -> (u32, u32) {
        self.0.get(&koid).copied().unwrap_or_default()
    }
}
