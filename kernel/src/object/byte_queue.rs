//! Bytes in order, in frames of the pool: what was written to a socket and not read yet.
//!
//! A write first adds the frames that it needs, then copies into room that nobody counts yet, and
//! is there when it is counted: what fails before that leaves no trace.

use super::Objects;
use crate::mem::{Frame, Key, Link, Linked, List, Mem, NoMemory};
use crate::{PAGE_SIZE, PhysAddr};

/// One frame of a queue.
#[derive(Debug)]
pub(crate) struct Segment {
    frame: Frame,
    link: Link<Self>,
}

impl Linked for Segment {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.link
    }
}

/// Bytes in order. All frames but the first and the last are full.
#[derive(Debug, Default)]
pub(crate) struct ByteQueue {
    segments: List<Segment>,
    /// Where the oldest byte is in the first frame.
    first: u64,
    /// How many bytes there are.
    used: u64,
}

/// A place in a queue: the next byte to read or to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    segment: Option<Key<Segment>>,
    offset: u64,
}

impl ByteQueue {
    /// Whether there is nothing.
    pub(crate) const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// How many frames it has.
    pub(crate) const fn frames(&self) -> u32 {
        self.segments.len()
    }

    /// The place of the oldest byte.
    pub(crate) const fn oldest(&self) -> Cursor {
        Cursor {
            segment: self.segments.first(),
            offset: self.first,
        }
    }

    /// Finds room for `bytes` more bytes; the place of the first.
    ///
    /// # Errors
    /// [`NoMemory`]; what was found is still there, for [`ByteQueue::trim`].
    pub(crate) fn reserve(
        &mut self,
        objects: &mut Objects,
        mem: &mut Mem,
        bytes: u64,
    ) -> Result<Cursor, NoMemory> {
        let offset = self.first.saturating_add(self.used) % PAGE_SIZE;
        let last = self.segments.last().filter(|_| offset != 0);
        let wanted = self.frames_for(bytes);
        let mut start = last;
        while u64::from(self.segments.len()) < wanted {
            objects.segments.reserve(&mut mem.budget)?;
            let frame = mem.frame_alloc()?;
            let link = Link::new();
            let key = objects.segments.insert_reserved(Segment { frame, link });
            self.segments.push_back(&mut objects.segments, key);
            start = start.or(Some(key));
        }
        let segment = start;
        Ok(Cursor { segment, offset })
    }

    /// Counts bytes that were written behind the last.
    pub(crate) const fn add(&mut self, bytes: u64) {
        self.used = self.used.saturating_add(bytes);
    }

    /// Gives the frames at the end back that hold nothing.
    pub(crate) fn trim(&mut self, objects: &mut Objects, mem: &mut Mem) {
        let wanted = self.frames_for(0);
        while u64::from(self.segments.len()) > wanted {
            let last = self.segments.last();
            self.free(objects, mem, last);
        }
    }

    /// Forgets the oldest bytes.
    pub(crate) fn consume(&mut self, objects: &mut Objects, mem: &mut Mem, bytes: u64) {
        self.used = self.used.saturating_sub(bytes);
        self.first = self.first.saturating_add(bytes);
        while self.first >= PAGE_SIZE {
            self.first = self.first.saturating_sub(PAGE_SIZE);
            self.free_first(objects, mem);
        }
        if self.used == 0 {
            self.first = 0;
            self.trim(objects, mem);
        }
    }

    /// Gives the first frame back, whatever it holds; false when there is none.
    pub(crate) fn free_first(&mut self, objects: &mut Objects, mem: &mut Mem) -> bool {
        let first = self.segments.first();
        self.free(objects, mem, first)
    }

    fn free(&mut self, objects: &mut Objects, mem: &mut Mem, key: Option<Key<Segment>>) -> bool {
        let Some(key) = key else { return false };
        self.segments.remove(&mut objects.segments, key);
        if let Some(segment) = objects.segments.remove(key) {
            mem.frame_free(segment.frame);
        }
        true
    }

    /// How many frames hold what there is and `more` bytes.
    const fn frames_for(&self, more: u64) -> u64 {
        let bytes = self.used.saturating_add(more);
        if bytes == 0 {
            return 0;
        }
        self.first.saturating_add(bytes).div_ceil(PAGE_SIZE)
    }
}

impl Objects {
    /// Takes a run of at most `most` bytes in one frame; the cursor is behind it then.
    pub(crate) fn next_run(&mut self, cursor: &mut Cursor, most: u64) -> Option<(PhysAddr, u64)> {
        if cursor.offset == PAGE_SIZE {
            let segment = self.segments.get_mut(cursor.segment?)?;
            cursor.segment = segment.link().next();
            cursor.offset = 0;
        }
        let segment = self.segments.get(cursor.segment?)?;
        let at = segment.frame.address().checked_add(cursor.offset)?;
        let bytes = most.min(PAGE_SIZE.saturating_sub(cursor.offset));
        cursor.offset = cursor.offset.saturating_add(bytes);
        Some((at, bytes))
    }
}
