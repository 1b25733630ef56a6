//! A large device: 1 GiB of `ivshmem-plain`.

use zx::pci::{Bus, Memory};
use zx::{Region, Status, VmOptions, Vmo};

use crate::Bench;
use crate::place::Place;

const IDS: (u16, u16) = (0x1AF4, 0x1110);
const BAR: u8 = 2;
const PAGE: u64 = 4096;

pub(crate) const READ_WRITE: VmOptions = VmOptions::PERM_READ.union(VmOptions::PERM_WRITE);
/// How much of the device is created, mapped at once, touched, unmapped and closed.
const SIZES: [(&str, u64); 4] = [
    ("device 4 KiB", 4 << 10),
    ("device 2 MiB", 2 << 20),
    ("device 64 MiB", 64 << 20),
    ("device 1 GiB", 1 << 30),
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
    row("vmo_create_physical", meter.making(|_| create(PAGE))?);
    let all = meter.cost(|_| create(PAGE))?;
    row("vmo_create_physical + close", all);
    let place = Place::new(&start.root_vmar)?;
    for (name, bytes) in SIZES {
        let all = meter.cost(|_| {
            let vmo = create(bytes)?;
            let region = place.map(VmOptions::MAP_RANGE, &vmo, bytes)?;
            touch(&region);
            region.unmap()
        })?;
        row(name, all);
    }
    let vmo = create(PAGE)?;
    let [fault] = meter.costs(|_| {
        let region = place.map(VmOptions::empty(), &vmo, PAGE)?;
        let (_, fault) = meter.time(|| region.read32(0));
        region.unmap().map(|()| [fault])
    })?;
    row("page fault of a physical VMO", fault);
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
