//! How objects end: what happens at the last handle, and when nothing refers to them any more.

use crate::Kernel;
use crate::crash::warn;
use crate::hal::DynHal;
use crate::mem::{self, Key};
use crate::object::{Bti, ByteQueue, Channel, ObjectRef, Pmt, Port, Socket, Timer};
use crate::task::{Job, Process, ProcessState, Thread};
use crate::vm;

impl Kernel {
    /// Does what an object in the queue of the dying needs; false when `work` ran out before.
    pub(crate) fn tear_down_object(
        &mut self,
        hal: &mut DynHal,
        object: ObjectRef,
        work: &mut mem::Work,
    ) -> bool {
        let head = self.objects.head(object);
        let (no_handles, unused) = (head.handles == 0, head.handles == 0 && head.uses == 0);
        match object {
            ObjectRef::Channel(key) if no_handles => self.close_endpoint(key, unused, work),
            ObjectRef::Job(key) => self.end_job(key, unused, work),
            ObjectRef::Process(key) if no_handles => self.end_unreferenced_process(key, unused),
            ObjectRef::Thread(key) if unused => self.free_thread(hal, key),
            ObjectRef::Vmo(key) => {
                vm::tidy_step(self, hal, key, work)
                    && (!no_handles || vm::vmo_end_step(self, key, work))
            }
            ObjectRef::Vmar(key) if vm::is_half_destroyed(&self.objects, key) => {
                // What its thread did not live to finish.
                vm::destroy_some(self, hal, key, work)
            }
            ObjectRef::Vmar(key) if unused => self.objects.vmars.free(key),
            ObjectRef::Resource(key) if unused => self.objects.resources.free(key),
            ObjectRef::Iommu(key) if unused => self.objects.iommus.free(key),
            ObjectRef::Bti(key) if no_handles => self.close_bti(hal, key, unused),
            ObjectRef::Pmt(key) if no_handles => self.close_pmt(hal, key, unused),
            ObjectRef::Event(key) if unused => self.objects.events.free(key),
            ObjectRef::EventPair(key) if unused => self.objects.event_pairs.free(key),
            ObjectRef::Socket(key) if no_handles => self.close_socket(key, unused, work),
            ObjectRef::Fifo(key) if unused => self.objects.fifos.free(key),
            ObjectRef::Profile(key) if unused => self.objects.profiles.free(key),
            ObjectRef::Port(key) if no_handles => self.close_port(key, unused, work),
            ObjectRef::Timer(key) if no_handles => self.close_timer(key, unused),
            ObjectRef::Exception(key) if unused => {
                self.free_exception(key);
                true
            }
            ObjectRef::SuspendToken(key) => self.tend_suspend_token(hal, key, work),
            _ => true,
        }
    }

    /// The last handle to an initiator is gone: what is in its quarantine stays pinned for good.
    fn close_bti(&mut self, hal: &mut DynHal, key: Key<Bti>, unused: bool) -> bool {
        let bti = self.objects.get(key);
        let (koid, ranges) = (bti.head.koid, bti.quarantine.len());
        if ranges != 0 {
            warn(
                hal,
                format_args!(
                    "BTI {koid} \"{}\" closed, {ranges} ranges in quarantine: they leak",
                    bti.name
                ),
            );
        }
        if unused {
            self.objects.free_bti(key);
        }
        true
    }

    /// The last handle to pinned memory is gone: it is in quarantine by now, or was unpinned.
    fn close_pmt(&mut self, hal: &mut DynHal, key: Key<Pmt>, unused: bool) -> bool {
        let pmt = self.objects.get(key);
        if pmt.is_quarantined() && self.objects.get(pmt.bti).head.handles == 0 {
            let bti = self.objects.get(pmt.bti);
            warn(
                hal,
                format_args!(
                    "{:#x} bytes left pinned by closed BTI {} \"{}\": they leak",
                    pmt.size, bti.head.koid, bti.name
                ),
            );
        }
        if unused {
            self.objects.pmts.free(key);
        }
        true
    }

    /// The last handle to an endpoint is gone: the messages in it go.
    fn close_endpoint(&mut self, key: Key<Channel>, unused: bool, work: &mut mem::Work) -> bool {
        while self.destroy_message(key) {
            if !work.spend() {
                return false;
            }
        }
        if unused {
            self.objects.channels.free(key);
        }
        true
    }

    /// The last handle to an end of a socket is gone: what nobody read there goes.
    fn close_socket(&mut self, key: Key<Socket>, unused: bool, work: &mut mem::Work) -> bool {
        while self.with_queue(key, ByteQueue::free_first) {
            if !work.spend() {
                return false;
            }
        }
        if unused {
            self.objects.sockets.remove(key);
        }
        true
    }

    /// The last handle to a timer is gone: it does not go off any more.
    fn close_timer(&mut self, key: Key<Timer>, unused: bool) -> bool {
        self.forget_alarm(key);
        if unused && self.objects.timers.free(key) {
            self.alarms.give_back();
        }
        true
    }

    /// The last handle to a port is gone: its packets and what is registered with it go. Threads
    /// that wait there go on waiting.
    fn close_port(&mut self, key: Key<Port>, unused: bool, work: &mut mem::Work) -> bool {
        while self.destroy_packet(key) {
            if !work.spend() {
                return false;
            }
        }
        if unused {
            self.objects.ports.free(key);
        }
        true
    }

    /// A job that was killed kills what is in it; one that nothing refers to is forgotten.
    fn end_job(&mut self, key: Key<Job>, unused: bool, work: &mut mem::Work) -> bool {
        if !self.kill_children(key, work) {
            return false;
        }
        if unused {
            self.free_job(key);
        }
        true
    }

    /// A process that never started dies with its last handle; a dead one is forgotten.
    fn end_unreferenced_process(&mut self, key: Key<Process>, unused: bool) -> bool {
        match self.objects.get(key).state {
            ProcessState::Initial => self.kill_process(key, 0),
            ProcessState::Dead if unused => {
                self.objects.processes.free(key);
            }
            _ => {}
        }
        true
    }

    fn free_thread(&mut self, hal: &mut DynHal, key: Key<Thread>) -> bool {
        self.end_thread(key);
        if let Some(thread) = self.objects.threads.remove(key) {
            self.sched.forget_fp(thread.context);
            let frame = hal.context_free(thread.context);
            self.mem.frame_free(frame);
            self.timers.give_back();
            self.objects.drop_use(ObjectRef::Process(thread.process));
        }
        true
    }
}
