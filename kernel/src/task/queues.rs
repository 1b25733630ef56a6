//! Which CPU a ready thread waits for, and which CPUs could take it: the queues of all CPUs.
//!
//! Everything here is answered from words with one bit for each CPU or each priority, so nothing on
//! the way from a wake to a switch depends on how many threads there are, or CPUs.

use super::Thread;
use super::cpu_set::CpuSet;
use super::ready::{End, Levels, Priority, ReadyQueue};
use crate::hal::CpuId;
use crate::mem::{Budget, KVec, Key, NoMemory, Pool};

/// What the scheduler knows of a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// How urgent it is.
    pub(crate) priority: Priority,
    /// Where it may run.
    pub(crate) affinity: CpuSet,
    /// Where it ran last.
    pub(crate) last: CpuId,
    queued: Queued,
    /// When it was put into its queue, counted in threads that were.
    ticket: u64,
}

/// Which queue a thread is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queued {
    No,
    Movable(CpuId),
    Pinned(CpuId),
}

impl Standing {
    /// That of a new thread.
    pub(crate) const fn new() -> Self {
        Self {
            priority: Priority::DEFAULT,
            affinity: CpuSet::from_bits(u64::MAX),
            last: 0,
            queued: Queued::No,
            ticket: 0,
        }
    }
}

/// The threads that wait for one CPU.
#[derive(Debug, Default)]
struct CpuQueue {
    /// Those that any CPU may take.
    movable: ReadyQueue,
    /// Those that may not run everywhere.
    pinned: ReadyQueue,
    /// The priority of what the CPU runs, or was given; none while it has nothing to run.
    level: Option<Priority>,
}

impl CpuQueue {
    fn top(&self) -> Option<Priority> {
        let movable = self.movable.top();
        // Threads that may not run everywhere are rare.
        if self.pinned.len() == 0 {
            return movable;
        }
        movable.max(self.pinned.top())
    }

    fn len(&self) -> u32 {
        self.movable.len().wrapping_add(self.pinned.len())
    }
}

/// The queues of all CPUs, and what each CPU does as far as placing threads depends on it.
#[derive(Debug)]
pub(crate) struct Queues {
    cpus: KVec<CpuQueue>,
    /// For each priority, the CPUs for which a movable thread waits.
    waiting: [CpuSet; Priority::COUNT],
    waiting_levels: Levels,
    /// For each priority, the CPUs that run such a thread, or were given one.
    running: [CpuSet; Priority::COUNT],
    running_levels: Levels,
    /// The CPUs that have nothing to run, and were given nothing.
    idle: CpuSet,
    all: CpuSet,
    /// Those that are to be kicked before the event is over: they were given a thread.
    to_kick: CpuSet,
    tickets: u64,
}

impl Queues {
    /// No thread anywhere.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn new(count: usize, budget: &mut Budget) -> Result<Self, NoMemory> {
        let mut cpus = KVec::new();
        for _ in 0..count {
            cpus.push(CpuQueue::default(), budget)?;
        }
        Ok(Self {
            cpus,
            waiting: [CpuSet::default(); Priority::COUNT],
            waiting_levels: Levels::default(),
            running: [CpuSet::default(); Priority::COUNT],
            running_levels: Levels::default(),
            idle: CpuSet::default(),
            all: CpuSet::first_of(count),
            to_kick: CpuSet::default(),
            tickets: 0,
        })
    }

    /// All CPUs.
    pub(crate) const fn all(&self) -> CpuSet {
        self.all
    }

    /// Whether some CPU has nothing to run.
    pub(crate) const fn any_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// The priority of the most urgent thread that waits for a CPU.
    pub(crate) fn top(&self, cpu: CpuId) -> Option<Priority> {
        self.cpus.get(cpu)?.top()
    }

    /// Takes the CPUs that are to be kicked.
    pub(crate) fn take_kicks(&mut self) -> CpuSet {
        core::mem::take(&mut self.to_kick)
    }

    /// Lets a CPU be kicked, so that it looks at what it runs.
    pub(crate) fn kick(&mut self, cpu: CpuId) {
        self.to_kick.insert(cpu);
    }

    /// Notes the priority of what a CPU runs; none is to have nothing to run.
    pub(crate) fn note_level(&mut self, cpu: CpuId, level: Option<Priority>) {
        let Some(queue) = self.cpus.get_mut(cpu) else {
            return;
        };
        let before = core::mem::replace(&mut queue.level, level);
        if level.is_some() && before == level {
            return;
        }
        if let Some(before) = before
            && let Some(cpus) = self.running.get_mut(before.index())
        {
            cpus.remove(cpu);
            self.running_levels.set(before, !cpus.is_empty());
        }
        let Some(level) = level else {
            return self.idle.insert(cpu);
        };
        self.idle.remove(cpu);
        if let Some(cpus) = self.running.get_mut(level.index()) {
            cpus.insert(cpu);
            self.running_levels.set(level, true);
        }
    }

    /// Puts a ready thread that is in no queue into that of a CPU.
    pub(crate) fn push(
        &mut self,
        threads: &mut Pool<Thread>,
        key: Key<Thread>,
        cpu: CpuId,
        end: End,
    ) {
        self.push_at(threads, key, cpu, end);
    }

    /// As [`Queues::push`], of a thread that lends its CPU: every answer to a call comes by here.
    pub(crate) fn push_lender(&mut self, threads: &mut Pool<Thread>, key: Key<Thread>, cpu: CpuId) {
        self.push_at(threads, key, cpu, End::Front);
    }

    #[inline(always)]
    fn push_at(&mut self, threads: &mut Pool<Thread>, key: Key<Thread>, cpu: CpuId, end: End) {
        let (Some(thread), Some(queue)) = (threads.get_mut(key), self.cpus.get_mut(cpu)) else {
            return;
        };
        let standing = &mut thread.standing;
        let level = standing.priority;
        self.tickets = self.tickets.wrapping_add(1);
        standing.ticket = match end {
            End::Front => 0,
            End::Back => self.tickets,
        };
        if !standing.affinity.covers(self.all) {
            standing.queued = Queued::Pinned(cpu);
            queue.pinned.push(threads, key, level, end);
            return;
        }
        standing.queued = Queued::Movable(cpu);
        queue.movable.push(threads, key, level, end);
        if let Some(cpus) = self.waiting.get_mut(level.index()) {
            cpus.insert(cpu);
            self.waiting_levels.set(level, true);
        }
    }

    /// Takes a thread out of its queue; false when it is in none.
    pub(crate) fn remove(&mut self, threads: &mut Pool<Thread>, key: Key<Thread>) -> bool {
        let Some(thread) = threads.get_mut(key) else {
            return false;
        };
        let queued = core::mem::replace(&mut thread.standing.queued, Queued::No);
        let level = thread.standing.priority;
        match queued {
            Queued::No => return false,
            Queued::Pinned(cpu) => {
                if let Some(queue) = self.cpus.get_mut(cpu) {
                    queue.pinned.remove(threads, key, level);
                }
            }
            Queued::Movable(cpu) => {
                if let Some(queue) = self.cpus.get_mut(cpu) {
                    queue.movable.remove(threads, key, level);
                    if !queue.movable.has(level)
                        && let Some(cpus) = self.waiting.get_mut(level.index())
                    {
                        cpus.remove(cpu);
                        self.waiting_levels.set(level, !cpus.is_empty());
                    }
                }
            }
        }
        true
    }

    /// Takes the thread that a CPU runs next: the first of its own, unless a more urgent one waits
    /// for another CPU, or it has none and can take one over.
    pub(crate) fn pop(&mut self, threads: &mut Pool<Thread>, cpu: CpuId) -> Option<Key<Thread>> {
        let most_urgent = self.waiting_levels.highest();
        if let Some(level) = most_urgent
            && let Some(key) = self.pop_own(threads, cpu, level)
        {
            return Some(key);
        }
        let key = match most_urgent {
            Some(level) if most_urgent > self.top(cpu) => {
                let from = self.waiting.get(level.index())?.next_after(cpu)?;
                self.cpus.get(from)?.movable.first()
            }
            _ => self.first(threads, cpu),
        }?;
        self.remove(threads, key);
        Some(key)
    }

    /// As [`Queues::pop`], where the first that waits for a CPU is a movable one, and none more
    /// urgent waits anywhere: nearly always, if anybody waits at all.
    fn pop_own(
        &mut self,
        threads: &mut Pool<Thread>,
        cpu: CpuId,
        level: Priority,
    ) -> Option<Key<Thread>> {
        let queue = self.cpus.get_mut(cpu)?;
        if queue.pinned.len() != 0 {
            return None;
        }
        let (key, has_more) = queue.movable.pop(threads, level)?;
        threads.get_mut(key)?.standing.queued = Queued::No;
        if !has_more && let Some(cpus) = self.waiting.get_mut(level.index()) {
            cpus.remove(cpu);
            self.waiting_levels.set(level, !cpus.is_empty());
        }
        Some(key)
    }

    /// The first thread that waits for a CPU. Of two that are as urgent, one of them pinned, it is
    /// the one that has waited longer.
    fn first(&self, threads: &Pool<Thread>, cpu: CpuId) -> Option<Key<Thread>> {
        let queue = self.cpus.get(cpu)?;
        let (movable, pinned) = (&queue.movable, &queue.pinned);
        if movable.top() != pinned.top() {
            let higher = if movable.top() > pinned.top() {
                movable
            } else {
                pinned
            };
            return higher.first();
        }
        let (movable, pinned) = (movable.first()?, pinned.first()?);
        let ticket = |key| {
            threads
                .get(key)
                .map(|thread: &Thread| thread.standing.ticket)
        };
        Some(if ticket(movable) <= ticket(pinned) {
            movable
        } else {
            pinned
        })
    }

    /// Gives a woken thread to a CPU: to one that idles, best the one that it ran on; else to the
    /// one that runs the least urgent thread, if that is less urgent; else to `here`, which is in
    /// the kernel. A CPU that is given something is kicked.
    pub(crate) fn place(&mut self, threads: &mut Pool<Thread>, key: Key<Thread>, here: CpuId) {
        let Some(Thread { standing, .. }) = threads.get(key) else {
            return;
        };
        let (level, last) = (standing.priority, standing.last);
        let allowed = standing.affinity.and(self.all);
        let best_of = |cpus: CpuSet| match () {
            () if cpus.contains(last) => Some(last),
            () if cpus.contains(here) => Some(here),
            () => cpus.next_after(here),
        };
        let at_once =
            best_of(self.idle.and(allowed)).or_else(|| best_of(self.less_urgent(level, allowed)));
        if let Some(target) = at_once {
            self.note_level(target, Some(level));
        }
        let target = at_once
            .or_else(|| allowed.contains(here).then_some(here))
            .or_else(|| best_of(allowed))
            .unwrap_or(here);
        self.push(threads, key, target, End::Back);
        if target != here {
            self.to_kick.insert(target);
        }
    }

    /// Those of some CPUs that run the least urgent thread, if it is less urgent than `level`.
    fn less_urgent(&self, level: Priority, allowed: CpuSet) -> CpuSet {
        let mut levels = self.running_levels;
        while let Some(lowest) = levels.lowest().filter(|&lowest| lowest < level) {
            let cpus = self.running.get(lowest.index());
            let cpus = cpus.copied().unwrap_or_default().and(allowed);
            if !cpus.is_empty() {
                return cpus;
            }
            levels.set(lowest, false);
        }
        CpuSet::default()
    }

    /// Puts a thread back that leaves its CPU though it could go on. It stays there, unless another
    /// one idles while this one has more to do, or (at the end of a slice) has much less.
    pub(crate) fn put_back(
        &mut self,
        threads: &mut Pool<Thread>,
        key: Key<Thread>,
        cpu: CpuId,
        why: Leaves,
    ) {
        let Some(Thread { standing, .. }) = threads.get(key) else {
            return;
        };
        let allowed = standing.affinity.and(self.all);
        let has_company = self.top(cpu) >= Some(standing.priority);
        let is_needed = has_company && !self.idle.and(allowed).is_empty();
        if is_needed || !allowed.contains(cpu) {
            return self.place(threads, key, cpu);
        }
        let target = match why {
            Leaves::Preempted => return self.push(threads, key, cpu, End::Front),
            Leaves::AfterCall => cpu,
            Leaves::AfterSlice => self.shorter_than(cpu, allowed).unwrap_or(cpu),
        };
        self.push(threads, key, target, End::Back);
        if target != cpu {
            self.to_kick.insert(target);
        }
    }

    /// The CPU with the fewest threads waiting, if it has at least two less than `cpu`. This looks
    /// at every CPU, once for each slice that ends.
    fn shorter_than(&self, cpu: CpuId, allowed: CpuSet) -> Option<CpuId> {
        let own = self.cpus.get(cpu)?.len();
        let others = self.cpus.iter().enumerate();
        let (other, queue) = others
            .filter(|(other, _)| allowed.contains(*other))
            .min_by_key(|(_, queue)| queue.len())?;
        (queue.len().saturating_add(2) <= own).then_some(other)
    }

    /// Gives a thread that waits for a CPU to one that idles, if there is one.
    pub(crate) fn spread(&mut self, threads: &mut Pool<Thread>, cpu: CpuId) {
        let queue = self.cpus.get(cpu);
        if self.any_idle()
            && let Some(key) = queue.and_then(|queue| queue.movable.first())
        {
            self.remove(threads, key);
            self.place(threads, key, cpu);
        }
    }

    /// Gives a thread to the next CPU that idles; false when there is none.
    pub(crate) fn send_on(
        &mut self,
        threads: &mut Pool<Thread>,
        key: Key<Thread>,
        cpu: CpuId,
    ) -> bool {
        let Some(Thread { standing, .. }) = threads.get(key) else {
            return false;
        };
        let mut idle = self.idle.and(standing.affinity);
        idle.remove(cpu);
        let Some(target) = idle.next_after(cpu) else {
            return false;
        };
        self.note_level(target, Some(standing.priority));
        self.push(threads, key, target, End::Back);
        self.to_kick.insert(target);
        true
    }
}

/// Why a thread leaves its CPU though it could go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// For a more urgent one, or one to which it hands the CPU back.
    Preempted,
    /// Its call lets others go first.
    AfterCall,
    /// It had its share.
    AfterSlice,
}
