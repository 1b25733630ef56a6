//! The table of the machine that is printed at every boot: what is where, and who may map it.
//!
//! Its form is stable and pinned by a test: one line about the machine, then one for each physical
//! region by address.

use core::fmt;

use arrayvec::ArrayVec;
use jacinth_kernel::{Denied, PAGE_SIZE, PhysAddr};

use crate::info::{BootInfo, DENIED_RAM, Kind, MAX_REGIONS, Region};

/// The compiler that made this kernel; the toolchain is pinned to a version.
const COMPILER: &str = match option_env!("JACINTH_RUSTC") {
    Some(version) => version,
    None => env!("CARGO_PKG_RUST_VERSION"),
};
/// The least width of the column with names.
const NAME_WIDTH: usize = 36;

/// Writes the table.
///
/// # Errors
/// Those of `out` only.
pub fn write(out: &mut dyn fmt::Write, info: &BootInfo) -> fmt::Result {
    let cpus = if info.cpus == 1 { "cpu" } else { "cpus" };
    writeln!(
        out,
        "jacinth {}  {}  {}  {} {cpus}  {}  (rustc {COMPILER})",
        env!("CARGO_PKG_VERSION"),
        info.arch.name(),
        info.machine,
        info.cpus,
        Size(info.ram_bytes()),
    )?;
    let denied = info.denied();
    for region in joined(info) {
        row(out, &region, &denied)?;
    }
    Ok(())
}

/// Writes the line of one region.
fn row(out: &mut dyn fmt::Write, region: &Region, denied: &[Denied]) -> fmt::Result {
    let name_bytes = region.name.len() + region.source.len() + " ()".len();
    writeln!(
        out,
        "{}  {:8}  {:>10}  {} ({}){:pad$}  user: {}",
        Address(region.run.base),
        kind_word(region.kind),
        Size(region.run.bytes()),
        region.name,
        region.source,
        "",
        who(region, denied),
        pad = NAME_WIDTH.saturating_sub(name_bytes),
    )
}

/// The regions by address; neighbours that are alike are one.
fn joined(info: &BootInfo) -> ArrayVec<Region, MAX_REGIONS> {
    let mut sorted = info.regions.clone();
    sorted.retain(|region| region.run.pages != 0);
    sorted.sort_unstable_by_key(|region| (region.run.base, region.run.pages));
    let mut joined: ArrayVec<Region, MAX_REGIONS> = ArrayVec::new();
    for region in sorted {
        match joined.last_mut() {
            Some(last) if is_continued(last, &region) => {
                let end = last.run.end().max(region.run.end());
                last.run.pages = (end.raw() - last.run.base.raw()) / PAGE_SIZE;
            }
            // There is room: no more are joined than there were.
            _ => joined.push(region),
        }
    }
    joined
}

/// Whether `next`, which does not begin before `last`, goes on with the same thing.
fn is_continued(last: &Region, next: &Region) -> bool {
    next.run.base <= last.run.end()
        && (last.kind, last.name, last.source) == (next.kind, next.name, next.source)
}

const fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Ram => "ram",
        Kind::Kernel => "kernel",
        Kind::Archive => "archive",
        Kind::Firmware => "firmware",
        Kind::Mmio | Kind::MmioKernel => "mmio",
    }
}

/// Who may map the region through a physical VMO: the answer that the deny list gives.
fn who(region: &Region, denied: &[Denied]) -> &'static str {
    let hit = denied.iter().find(|denied| denied.run.overlaps(region.run));
    match hit {
        None => "resource",
        Some(denied) if denied.why == DENIED_RAM => "no (RAM)",
        Some(_) => "no (kernel)",
    }
}

/// A physical address in groups of four digits.
struct Address(PhysAddr);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.0.raw();
        let [high, middle, low] = [address >> 32, address >> 16 & 0xffff, address & 0xffff];
        write!(f, "0x{high:04x}_{middle:04x}_{low:04x}")
    }
}

/// A size in bytes, in the largest unit of which it has one, cut to a tenth.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let found = units.into_iter().find(|(shift, _)| self.0 >> shift != 0);
        let (shift, unit) = found.unwrap_or((0, "B"));
        let whole = self.0 >> shift;
        let tenth = ((self.0 & ((1 << shift) - 1)) * 10) >> shift;
        let mut text = arrayvec::ArrayString::<16>::new();
        match tenth {
            0 => fmt::Write::write_fmt(&mut text, format_args!("{whole} {unit}"))?,
            _ => fmt::Write::write_fmt(&mut text, format_args!("{whole}.{tenth} {unit}"))?,
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::{COMPILER, Size, write};
    use crate::info::sample::machine;
    use crate::info::{BootInfo, Kind};

    fn table(info: &BootInfo) -> String {
        let mut text = String::new();
        write(&mut text, info).unwrap();
        text
    }

    #[test]
    fn the_table_keeps_its_form() {
        let info = machine(&[
            (0xfec0_0000, 0xfec0_1000, Kind::MmioKernel, "ioapic", "MADT"),
            (
                0x10_0000,
                0x2f_0000,
                Kind::Kernel,
                "image and heap",
                "linker",
            ),
            (0xfed0_0000, 0xfed0_1000, Kind::Mmio, "hpet", "HPET"),
            (0x2f_0000, 0xff0_0000, Kind::Ram, "free", "PVH"),
            (0xff0_0000, 0xffd_f000, Kind::Archive, "boot archive", "PVH"),
            (0xb000_0000, 0xc000_0000, Kind::Mmio, "pci ecam", "MCFG"),
            (
                0xfffc_0000,
                0x1_0000_0000,
                Kind::Firmware,
                "reserved",
                "PVH",
            ),
            (0, 0x9_f000, Kind::Firmware, "first MiB", "PVH"),
        ]);
        let expected = "\
jacinth 0.1.0  x86_64  q35  1 cpu  255.4 MiB  (rustc COMPILER)
0x0000_0000_0000  firmware     636 KiB  first MiB (PVH)                       user: no (RAM)
0x0000_0010_0000  kernel       1.9 MiB  image and heap (linker)               user: no (RAM)
0x0000_002f_0000  ram          252 MiB  free (PVH)                            user: no (RAM)
0x0000_0ff0_0000  archive      892 KiB  boot archive (PVH)                    user: no (RAM)
0x0000_b000_0000  mmio         256 MiB  pci ecam (MCFG)                       user: resource
0x0000_fec0_0000  mmio           4 KiB  ioapic (MADT)                         user: no (kernel)
0x0000_fed0_0000  mmio           4 KiB  hpet (HPET)                           user: resource
0x0000_fffc_0000  firmware     256 KiB  reserved (PVH)                        user: resource
";
        assert_eq!(table(&info), expected.replace("COMPILER", COMPILER));
    }

    #[test]
    fn neighbours_that_are_alike_are_one_line() {
        let device = |index: u64| {
            let base = 0xa00_0000 + index * 0x1000;
            (base, base + 0x1000, Kind::Mmio, "virtio", "device tree")
        };
        let other = (0xa00_3000, 0xa00_4000, Kind::Mmio, "rtc", "device tree");
        let info = machine(&[device(2), device(0), device(1), device(1), other, device(4)]);
        let text = table(&info);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[1].starts_with("0x0000_0a00_0000  mmio          12 KiB  virtio"));
        assert!(lines[3].starts_with("0x0000_0a00_4000  mmio           4 KiB  virtio"));
    }

    #[test]
    fn sizes_are_short_and_true() {
        let text = |bytes| Size(bytes).to_string();
        assert_eq!(text(0), "0 B");
        assert_eq!(text(1023), "1023 B");
        assert_eq!(text(1536), "1.5 KiB");
        assert_eq!(text((1 << 30) - 1), "1023.9 MiB");
        assert_eq!(text(12 << 30), "12 GiB");
        assert_eq!(text(u64::MAX), "16777215.9 TiB");
    }

    #[test]
    fn several_cpus_are_several() {
        let mut info = machine(&[]);
        info.cpus = 4;
        assert!(table(&info).contains("  4 cpus  "));
    }
}
