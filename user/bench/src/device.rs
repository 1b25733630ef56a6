//! A large device: 1 GiB of `ivshmem-plain`.

use zx::pci::{Bus, Memory};
use zx::{Region, Status, VmOptions, Vmo};

use crate::Bench;

const IDS: (u16, u16) = (0x1AF4, 0x1110);
const BAR: u8 = 2;

pub(crate) const READ_WRITE: VmOptions = VmOptions::PERM_READ.union(VmOptions::PERM_WRITE);
const SIZES: [(&str, u64); 4] = [
    ("4 KiB: create, map, touch, unmap, close", 4 << 10),
    ("2 MiB: create, map, touch, unmap, close", 2 << 20),
    ("64 MiB: create, map, touch, unmap, close", 64 << 20),
    ("1 GiB: create, map, touch, unmap, close", 1 << 30),
];

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Status> {
    let memory = find(bench)?;
    let Bench {
        start,
        meter,
        table,
        ..
    } = bench;
    let create = |bytes| Vmo::create_physical(&memory.resource, memory.base, bytes);
    let mut row = |name, cost| table.put_single(name, cost);
    row(
        "vmo_create_physical + close",
        meter.median(|_| create(4096))?,
    );
    for (name, bytes) in SIZES {
        let all = meter.median(|_| {
            let vmo = create(bytes)?;
            let eagerly = READ_WRITE | VmOptions::MAP_RANGE;
            let region = start.root_vmar.map_at(eagerly, 0, &vmo, 0, bytes)?;
            touch(&region);
            region.unmap()
        })?;
        row(name, all);
    }
    let vmo = create(4096)?;
    let [fault] = meter.medians(|_| {
        let region = start.root_vmar.map_at(READ_WRITE, 0, &vmo, 0, 4096)?;
        let (_, fault) = meter.time(|| region.read32(0));
        region.unmap().map(|()| [fault])
    })?;
    row("page fault", fault);
    Ok(())
}

/// Says how many entries all of the device takes, mapped at once and touched once.
pub(crate) fn entries(bench: &mut Bench<'_>) -> Result<(), Status> {
    let Memory {
        resource,
        base,
        bytes,
    } = find(bench)?;
    let root = &bench.start.root_vmar;
    let vmo = Vmo::create_physical(&resource, base, bytes)?;
    for (name, more) in [
        ("at once", VmOptions::MAP_RANGE),
        ("at a touch", VmOptions::empty()),
    ] {
        let before = root.page_table_info()?;
        let region = root.map_at(READ_WRITE | more, 0, &vmo, 0, bytes)?;
        touch(&region);
        let after = root.page_table_info()?;
        zx::println!(
            "{bytes} bytes of a device, mapped {name}: {} entries of 4 KiB, {} of 2 MiB, {} of 1 GiB",
            after.pages_4k.wrapping_sub(before.pages_4k),
            after.blocks_2m.wrapping_sub(before.blocks_2m),
            after.blocks_1g.wrapping_sub(before.blocks_1g),
        );
        region.unmap()?;
    }
    Ok(())
}

fn find(bench: &Bench<'_>) -> Result<Memory, Status> {
    Bus::new(bench.start)?.memory(bench.start, IDS, BAR, "ivshmem")
}

/// Reads a word.
pub(crate) fn touch(region: &Region) {
    core::hint::black_box(region.read32(0));
}
