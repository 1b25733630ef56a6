//! Futexes (spec: ipc.md §5).

use super::task::close_and_exit;
use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::mem::{self, Key};
use crate::task::{FutexWait, Thread, ThreadState, Wait, Work};
use crate::{VirtAddr, copy};
use jacinth_abi::{Rights, Status};

/// Bytes of a word that threads wait at.
const WORD_BYTES: u64 = 4;

/// `zx_futex_wait`: the value is compared before the owner is looked at.
pub(crate) fn futex_wait(
    call: &mut Call<'_>,
    value_ptr: In<u32>,
    current_value: u32,
    new_owner: HandleValue,
    deadline: i64,
) -> SysResult {
    let at = address(call, value_ptr.0)?;
    if value_at(call, at)? != current_value {
        return Err(Status::BAD_STATE);
    }
    let owner = owner_of(call, new_owner, &[at])?;
    if owner == Some(call.thread) {
        return Err(Status::INVALID_ARGS);
    }
    if deadline <= call.hal.now() {
        return Err(Status::TIMED_OUT);
    }

    // commit
    let (objects, timers) = (&mut call.kernel.objects, &mut call.kernel.timers);
    objects.join_futex(call.thread, at);
    objects.set_futex_owner(call.process, at, owner);
    timers.insert(&mut objects.threads, deadline, call.thread);
    Ok(Flow::Block(Wait::Futex(FutexWait { at })))
}

/// `zx_futex_wake`
pub(crate) fn futex_wake(call: &mut Call<'_>, value_ptr: In<u32>, wake_count: u32) -> SysResult {
    let at = address(call, value_ptr.0)?;

    // commit
    WakeSome::new(call, at, wake_count, None).go_on(call)
}

/// `zx_futex_wake_single_owner`
pub(crate) fn futex_wake_single_owner(call: &mut Call<'_>, value_ptr: In<u32>) -> SysResult {
    let at = address(call, value_ptr.0)?;

    // commit
    let woken = call.kernel.wake_first(call.process, at);
    let objects = &mut call.kernel.objects;
    objects.set_futex_owner(call.process, at, woken);
    Ok(Flow::ok())
}

/// `zx_futex_requeue`
pub(crate) fn futex_requeue(
    call: &mut Call<'_>,
    value_ptr: In<u32>,
    wake_count: u32,
    current_value: u32,
    requeue_ptr: In<u32>,
    requeue_count: u32,
    new_requeue_owner: HandleValue,
) -> SysResult {
    let pointers = (value_ptr, requeue_ptr);
    let counts = (wake_count, requeue_count);
    let mut requeue = Requeue::new(call, pointers, current_value, new_requeue_owner)?;

    // commit
    requeue.begin(call, counts);
    let objects = &mut call.kernel.objects;
    objects.set_futex_owner(call.process, requeue.from, None);
    requeue.go_on(call)
}

/// `zx_futex_requeue_single_owner`
pub(crate) fn futex_requeue_single_owner(
    call: &mut Call<'_>,
    value_ptr: In<u32>,
    current_value: u32,
    requeue_ptr: In<u32>,
    requeue_count: u32,
    new_requeue_owner: HandleValue,
) -> SysResult {
    let pointers = (value_ptr, requeue_ptr);
    let mut requeue = Requeue::new(call, pointers, current_value, new_requeue_owner)?;

    // commit
    let woken = call.kernel.wake_first(call.process, requeue.from);
    requeue.begin(call, (0, requeue_count));
    let objects = &mut call.kernel.objects;
    objects.set_futex_owner(call.process, requeue.from, woken);
    requeue.go_on(call)
}

/// `zx_futex_get_owner`
pub(crate) fn futex_get_owner(
    call: &mut Call<'_>,
    value_ptr: In<u32>,
    koid: Out<u64>,
) -> SysResult {
    let at = address(call, value_ptr.0)?;
    let objects = &call.kernel.objects;
    let owner = objects.futex_owner(call.process, at);
    let owner = owner.map_or(0, |thread| objects.get(thread).head.koid);
    call.write(koid, owner)?;
    Ok(Flow::ok())
}

/// `zx_futex_wake_handle_close_thread_exit`: Zircon stores the word outside the kernel, where a bad
/// address is a fault.
pub(crate) fn futex_wake_handle_close_thread_exit(
    call: &mut Call<'_>,
    value_ptr: Out<u32>,
    wake_count: u32,
    new_value: u32,
    close_handle: HandleValue,
) -> SysResult {
    let at = address(call, value_ptr.0)?;
    copy::write_word(call.kernel, call.hal, call.process, at, new_value)?;

    // commit
    WakeSome::new(call, at, wake_count, Some(close_handle)).go_on(call)
}

/// Checks the address of a word.
fn address(call: &Call<'_>, at: u64) -> Result<VirtAddr, Status> {
    let at = VirtAddr::new(at);
    let is_user = at.raw() != 0 && at < call.kernel.user.end;
    if is_user && at.is_aligned(WORD_BYTES) {
        Ok(at)
    } else {
        Err(Status::INVALID_ARGS)
    }
}

/// The word at an address.
fn value_at(call: &mut Call<'_>, at: VirtAddr) -> Result<u32, Status> {
    copy::read_word(call.kernel, call.hal, call.process, at)
}

/// The thread that is to own an address: one of the caller's process that runs and waits at none of
/// `addresses`; nobody when it is dead.
fn owner_of(
    call: &mut Call<'_>,
    value: HandleValue,
    addresses: &[VirtAddr],
) -> Result<Option<Key<Thread>>, Status> {
    if value == 0 {
        return Ok(None);
    }
    let key = call.lookup::<Thread>(value, Rights::empty())?;
    let thread = call.kernel.objects.get(key);
    if thread.process != call.process || thread.state == ThreadState::New {
        return Err(Status::INVALID_ARGS);
    }
    let is_dead = thread.state == ThreadState::Dead;
    let objects = &mut call.kernel.objects;
    if addresses.iter().any(|at| objects.waits_at(key, *at)) {
        return Err(Status::INVALID_ARGS);
    }
    Ok((!is_dead).then_some(key))
}

/// The waking of those who waited at an address when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WakeSome {
    at: VirtAddr,
    left: u32,
    /// The handle that the caller closes before it ends, when that is what comes after.
    last_words: Option<HandleValue>,
}

impl WakeSome {
    fn new(call: &mut Call<'_>, at: VirtAddr, count: u32, last_words: Option<HandleValue>) -> Self {
        let objects = &mut call.kernel.objects;
        objects.set_futex_owner(call.process, at, None);
        Self {
            at,
            left: count.min(objects.futex_waiters(call.process, at)),
            last_words,
        }
    }

    /// Wakes as many as one event may.
    pub(super) fn go_on(mut self, call: &mut Call<'_>) -> SysResult {
        let mut work = mem::Work::new(mem::Work::EVENT);
        while self.left != 0 {
            if !work.spend() {
                return Ok(Flow::Again(Work::Wake(self)));
            }
            if call.kernel.wake_first(call.process, self.at).is_none() {
                break;
            }
            self.left = self.left.saturating_sub(1);
        }
        let Some(handle) = self.last_words else {
            return Ok(Flow::ok());
        };
        close_and_exit(call, handle)
    }
}

/// The waking of some who wait at an address, and the moving of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Requeue {
    from: VirtAddr,
    to: VirtAddr,
    wake_left: u32,
    move_left: u32,
    /// Who owns the second address in the end.
    owner: Option<Key<Thread>>,
}

impl Requeue {
    fn new(
        call: &mut Call<'_>,
        (value_ptr, requeue_ptr): (In<u32>, In<u32>),
        current_value: u32,
        new_owner: HandleValue,
    ) -> Result<Self, Status> {
        let (from, to) = (address(call, value_ptr.0)?, address(call, requeue_ptr.0)?);
        if from == to {
            return Err(Status::INVALID_ARGS);
        }
        if value_at(call, from)? != current_value {
            return Err(Status::BAD_STATE);
        }
        Ok(Self {
            from,
            to,
            wake_left: 0,
            move_left: 0,
            owner: owner_of(call, new_owner, &[from, to])?,
        })
    }

    /// Counts those who are there: they are woken and moved, not those who come later.
    fn begin(&mut self, call: &Call<'_>, (wake_count, move_count): (u32, u32)) {
        let objects = &call.kernel.objects;
        let waiters = objects.futex_waiters(call.process, self.from);
        self.wake_left = wake_count.min(waiters);
        self.move_left = move_count.min(waiters.saturating_sub(self.wake_left));
    }

    /// Wakes and moves as many as one event may.
    pub(super) fn go_on(mut self, call: &mut Call<'_>) -> SysResult {
        let mut work = mem::Work::new(mem::Work::EVENT);
        while self.wake_left != 0 || self.move_left != 0 {
            if !work.spend() {
                return Ok(Flow::Again(Work::Requeue(self)));
            }
            let (kernel, process) = (&mut *call.kernel, call.process);
            if self.wake_left != 0 {
                kernel.wake_first(process, self.from);
                self.wake_left = self.wake_left.saturating_sub(1);
            } else {
                kernel.requeue_first(process, self.from, self.to);
                self.move_left = self.move_left.saturating_sub(1);
            }
        }
        let objects = &mut call.kernel.objects;
        objects.set_futex_owner(call.process, self.to, self.owner);
        Ok(Flow::ok())
    }
}
