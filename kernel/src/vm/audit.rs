//! The memory part of the audit: frames, children, mappings, page tables.

use super::audit_region::audit_regions;
use super::audit_vmo::audit_vmos;
use super::pages::{held_run_at, run_at};
use super::pin::audit_pins;
use super::vmo::holder;
use super::{Content, Mapping, Marks};
use crate::Kernel;
use crate::hal::{DynHal, MmuFlags, Translation};
use crate::mem::{Key, audit_page_lists};
use crate::task::{ProcessState, Work};
use crate::{PAGE_SIZE, VirtAddr};
use alloc::collections::BTreeMap;

/// Mappings longer than this are looked at by 2 MiB steps where nothing is mapped.
const FINE_BYTES: u64 = 64 << 20;
const COARSE_STEP: u64 = 2 << 20;

/// Recounts frames, children and mappings, and compares each address space with its regions.
///
/// # Errors
/// What differs first.
pub(crate) fn audit(kernel: &Kernel, hal: &DynHal) -> Result<(), &'static str> {
    audit_vmos(kernel)?;
    audit_pins(&kernel.objects)?;
    audit_regions(&kernel.objects)?;
    audit_frames(kernel)?;
    let mut found: BTreeMap<u32, (i64, bool)> = BTreeMap::new();
    for (key, mapping) in kernel.objects.mappings.iter() {
        audit_tree_entry(kernel, key, mapping)?;
        let process = kernel
            .objects
            .get(mapping.vmar)
            .process
            .ok_or("a mapping is in a dead region")?;
        let pages = audit_mapping(kernel, hal, mapping)?;
        let total = found.entry(process.index()).or_insert((0, true));
        total.0 = total.0.wrapping_add(pages);
        total.1 &= mapping.range.bytes() <= FINE_BYTES;
    }
    for (key, process) in kernel.objects.processes.iter() {
        let entries = process.entries;
        let mapped = entries
            .pages_4k
            .wrapping_add(entries.blocks_2m.wrapping_mul(512))
            .wrapping_add(entries.blocks_1g.wrapping_mul(512 * 512));
        let (pages, is_exact) = found.get(&key.index()).copied().unwrap_or((0, true));
        if mapped < pages || (is_exact && mapped != pages) {
            return Err("page tables hold what no region maps");
        }
    }
    Ok(())
}

/// Every frame of the pool is free, or owned once; pages by as many lists as they count.
fn audit_frames(kernel: &Kernel) -> Result<(), &'static str> {
    let objects = &kernel.objects;
    let lists = objects
        .vmos
        .iter()
        .filter_map(|(_, vmo)| match &vmo.content {
            Content::Paged(pages) => Some(pages),
            _ => None,
        });
    let mut count = audit_page_lists(lists, &objects.page_nodes, &kernel.mem.frames)?;
    for (_, vmo) in objects.vmos.iter() {
        if let Content::Contiguous(run) = vmo.content {
            count = count.wrapping_add(run.pages);
        }
    }
    count = count
        .wrapping_add(u64::from(objects.threads.len()))
        .wrapping_add(kernel.heap_frames)
        .wrapping_add(u64::from(objects.segments.len()))
        .wrapping_add(objects.staged.iter().map(|(_, run)| run.frames()).sum())
        .wrapping_add(u64::from(kernel.zero_page.is_some()));
    let sockets = objects.sockets.iter().map(|(_, socket)| socket);
    if sockets.map(|socket| socket.queue.frames()).sum::<u32>() != objects.segments.len() {
        return Err("frames of sockets are in no socket");
    }
    let mut tables = 0u64;
    for (_, process) in objects.processes.iter() {
        if process.state != ProcessState::Dead && process.root_vmar.is_some() {
            tables = tables
                .wrapping_add(1)
                .wrapping_add(process.entries.tables.cast_unsigned());
        }
    }
    if tables != kernel.mem.tables() {
        return Err("page tables are miscounted");
    }
    count = count.wrapping_add(tables);
    let total = kernel.mem.frames.total_frames();
    if kernel.mem.frames.free_frames().wrapping_add(count) == total {
        Ok(())
    } else {
        Err("frames are lost or counted twice")
    }
}

/// The region's tree leads to the mapping, and says the same of it.
fn audit_tree_entry(
    kernel: &Kernel,
    key: Key<Mapping>,
    mapping: &Mapping,
) -> Result<(), &'static str> {
    let vmar = kernel
        .objects
        .vmars
        .get(mapping.vmar)
        .ok_or("a mapping is in no region")?;
    let entry = vmar
        .children
        .containing(&kernel.objects.vmar_nodes, mapping.range.start)
        .ok_or("a mapping is not in its region's tree")?;
    let same = entry.start == mapping.range.start
        && entry.end == mapping.range.end
        && entry.value == super::vmar::Region::Mapping(key);
    if same {
        Ok(())
    } else {
        Err("a region's tree and its mapping differ")
    }
}

/// How far a look at a mapping of so many bytes goes on from where nothing is: further in one so
/// large that nobody could wait for the end.
const fn step_over_nothing(bytes: u64) -> u64 {
    const MOST_STEPS: u64 = 1 << 14;
    if bytes <= FINE_BYTES {
        return PAGE_SIZE;
    }
    let step = (bytes / MOST_STEPS).next_power_of_two();
    if step < COARSE_STEP {
        COARSE_STEP
    } else {
        step
    }
}

/// What the page tables hold for a mapping is what its VMO has there, and allows no more; the
/// number of pages found.
fn audit_mapping(kernel: &Kernel, hal: &DynHal, mapping: &Mapping) -> Result<i64, &'static str> {
    let process = kernel
        .objects
        .get(mapping.vmar)
        .process
        .ok_or("a mapping is in a dead region")?;
    let aspace = kernel.objects.get(process).aspace;
    let step = step_over_nothing(mapping.range.bytes());
    // A long zx_vmar_protect that is under way has yet to take permissions back.
    let is_changing = kernel
        .objects
        .threads
        .iter()
        .any(|(_, thread)| matches!(thread.work, Some(Work::Protect(_))));
    let allowed = if is_changing {
        mapping.may
    } else {
        mapping.flags
    };
    let mut pages = 0i64;
    let mut at = mapping.range.start;
    while at < mapping.range.end {
        let next = match hal.query(aspace, at) {
            None => VirtAddr::new(at.raw() & !(step - 1)).checked_add(step),
            Some(found) => {
                let offset = mapping
                    .vmo_offset
                    .wrapping_add(at.raw().wrapping_sub(mapping.range.start.raw()));
                if !allowed.contains(found.flags) {
                    return Err("the page tables allow more than the mapping");
                }
                let end = VirtAddr::new(at.raw() & !(found.entry_bytes - 1))
                    .checked_add(found.entry_bytes);
                let end = end.map(|end| end.min(mapping.range.end));
                let bytes = end.map_or(0, |end| end.raw().wrapping_sub(at.raw()));
                audit_entry(kernel, mapping, (offset, bytes), found)?;
                pages = pages.wrapping_add((bytes / PAGE_SIZE).cast_signed());
                end
            }
        };
        at = next.ok_or("a mapping ends outside the address space")?;
    }
    Ok(pages)
}

/// One entry shows what the VMO has in some bytes from `offset` on, and allows no stores to what others hold too.
fn audit_entry(
    kernel: &Kernel,
    mapping: &Mapping,
    (offset, bytes): (u64, u64),
    found: Translation,
) -> Result<(), &'static str> {
    let is_writable = found.flags.contains(MmuFlags::WRITE);
    let (root, _) = holder(&kernel.objects, mapping.vmo, 0);
    let (marks, stale) = {
        let root = kernel.objects.get(root);
        (root.marks, root.stale)
    };
    if kernel.zero_page == Some(found.phys) {
        let is_there = run_at(&kernel.objects, mapping.vmo, offset, PAGE_SIZE).is_some();
        return match (is_there, is_writable, marks.contains(Marks::ZEROS)) {
            (true, _, _) => Err("zeros are mapped over a page"),
            (_, true, _) => Err("the page of zeros is mapped writable"),
            (_, _, false) => Err("zeros are mapped and nobody noted it"),
            _ => Ok(()),
        };
    }
    let mut done = 0;
    while done < bytes && !stale.may_show(offset.wrapping_add(done)) {
        let (run, is_alone) = held_run_at(
            kernel,
            mapping.vmo,
            offset.wrapping_add(done),
            bytes.wrapping_sub(done),
        )
        .ok_or("a page is mapped that its VMO has not")?;
        if Some(run.base) != found.phys.checked_add(done) {
            return Err("another frame is mapped than the VMO's");
        }
        if is_writable && !is_alone {
            return Err("a common page is mapped writable");
        }
        done = done.wrapping_add(run.bytes());
    }
    Ok(())
}
