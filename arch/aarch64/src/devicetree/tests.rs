//! The reader against trees made here: QEMU's shape, odd shapes, and damage.

extern crate std;
use std::vec::Vec;

use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};
use jacinth_kernel::PhysAddr;

use super::*;

fn text(name: &str, value: &str) -> DeviceTreeProperty {
    DeviceTreeProperty::new(name, value).unwrap()
}

fn cells(name: &str, value: &[u32]) -> DeviceTreeProperty {
    DeviceTreeProperty::new(name, value).unwrap()
}

fn node(name: &str, properties: &[DeviceTreeProperty]) -> DeviceTreeNode {
    let mut node = DeviceTreeNode::new(name).unwrap();
    for property in properties {
        node.add_property(property.clone());
    }
    node
}

fn run(base: u64, bytes: u64) -> PhysRun {
    PhysRun {
        base: PhysAddr::new(base),
        pages: bytes / 4096,
    }
}

fn tree(nodes: Vec<DeviceTreeNode>) -> Vec<u8> {
    let mut tree = DeviceTree::new();
    tree.root.add_property(text("model", "test"));
    tree.root.add_property(cells("#address-cells", &[2]));
    tree.root.add_property(cells("#size-cells", &[2]));
    for node in nodes {
        tree.root.add_child(node);
    }
    tree.to_dtb()
}

fn memory(name: &str, reg: &[u32]) -> DeviceTreeNode {
    node(name, &[text("device_type", "memory"), cells("reg", reg)])
}

/// A machine like QEMU's `virt`, with a second piece of RAM.
fn virt() -> Vec<u8> {
    let virtio = |n: u32| {
        let at = 0xa00_0000 + n * 0x200;
        let reg = cells("reg", &[0, at, 0, 0x200]);
        node(&std::format!("virtio_mmio@{at:x}"), &[reg])
    };
    let uart = |name, at, status| {
        let reg = cells("reg", &[0, at, 0, 0x1000]);
        let properties = [text("compatible", "arm,pl011"), text("status", status), reg];
        node(name, &properties)
    };
    let interrupts = [1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4];
    let timer = [
        text("compatible", "arm,armv8-timer"),
        cells("interrupts", &interrupts),
    ];
    let ram = [0, 0x4000_0000, 0, 0x1000_0000, 1, 0, 0, 0x800_0800];
    let mut nodes: Vec<_> = (0..32).map(virtio).collect();
    nodes.extend([
        chosen(),
        memory("memory@40000000", &ram),
        interrupt_controller(),
        uart("pl011@9040000", 0x0904_0000, "disabled"),
        uart("pl011@9050000", 0x0905_0000, "okay"),
        uart("pl011@9000000", 0x0900_0000, "okay"),
        pci_host(),
        node("timer", &timer),
    ]);
    tree(nodes)
}

fn chosen() -> DeviceTreeNode {
    let properties = [
        text("stdout-path", "/pl011@9000000"),
        text("bootargs", "one two"),
        cells("linux,initrd-start", &[0, 0x4400_0000]),
        cells("linux,initrd-end", &[0, 0x4400_1234]),
        cells("rng-seed", &[1, 2]),
    ];
    node("chosen", &properties)
}

fn interrupt_controller() -> DeviceTreeNode {
    let reg = [0, 0x0800_0000, 0, 0x1_0000, 0, 0x080a_0000, 0, 0xf6_0000];
    let properties = [
        text("compatible", "arm,gic-v3"),
        cells("reg", &reg),
        cells("#redistributor-regions", &[1]),
        cells("#address-cells", &[2]),
        cells("#size-cells", &[2]),
        cells("ranges", &[]),
    ];
    let its = [
        text("compatible", "arm,gic-v3-its"),
        cells("reg", &[0, 0x0808_0000, 0, 0x2_0000]),
    ];
    let mut gic = node("intc@8000000", &properties);
    gic.add_child(node("its@8080000", &its));
    gic
}

fn pci_host() -> DeviceTreeNode {
    let io = [0x0100_0000, 0, 0, 0, 0x3eff_0000, 0, 0x1_0000];
    let memory = [0x0200_0000, 0, 0x1000_0000, 0, 0x1000_0000, 0, 0x2eff_0000];
    let high = [0x0300_0000, 0x80, 0, 0x80, 0, 0x80, 0];
    let properties = [
        text("device_type", "pci"),
        cells("#address-cells", &[3]),
        cells("#size-cells", &[2]),
        cells("reg", &[0x40, 0x1000_0000, 0, 0x1000_0000]),
        cells("ranges", &[io, memory, high].concat()),
    ];
    node("pcie@10000000", &properties)
}

fn region(found: &Description<'_>, name: &str) -> Option<(PhysRun, RegionKind)> {
    found
        .regions
        .iter()
        .find(|region| region.name == name)
        .map(|region| (region.run, region.kind))
}

#[test]
fn a_machine_like_qemus() {
    let blob = virt();
    let found = read(&blob).unwrap();
    assert_eq!(found.model.as_str(), "test");
    assert_eq!(
        found.ram.as_slice(),
        [
            run(0x4000_0000, 0x1000_0000),
            run(0x1_0000_0000, 0x800_0000)
        ]
    );
    assert_eq!(found.command_line.as_str(), "one two");
    assert_eq!(found.initrd, Some((0x4400_0000, 0x1234)));
    assert_eq!(found.uart, Some(run(0x0900_0000, 0x1000)));
    assert_eq!(found.timer_irq, 27);
    assert_ne!(found.seed, 0);
    let redistributors = [run(0x080a_0000, 0xf6_0000)].into_iter().collect();
    assert_eq!(
        found.gic,
        Some(Gic::V3 {
            distributor: run(0x0800_0000, 0x1_0000),
            redistributors
        })
    );
}

#[test]
fn devices_are_told_apart() {
    let blob = virt();
    let found = read(&blob).unwrap();
    assert_eq!(
        region(&found, "pl011@9000000"),
        Some((run(0x0900_0000, 0x1000), RegionKind::KernelDevice))
    );
    assert_eq!(
        region(&found, "pl011@9050000"),
        Some((run(0x0905_0000, 0x1000), RegionKind::Device))
    );
    assert_eq!(region(&found, "pl011@9040000"), None);
    assert_eq!(
        region(&found, "its@8080000"),
        Some((run(0x0808_0000, 0x2_0000), RegionKind::KernelDevice))
    );
    assert_eq!(
        region(&found, "virtio_mmio@a000000"),
        Some((run(0x0a00_0000, 0x4000), RegionKind::Device))
    );
    assert_eq!(
        region(&found, "pcie@10000000"),
        Some((run(0x40_1000_0000, 0x1000_0000), RegionKind::Device))
    );
    assert_eq!(
        region(&found, "pci memory 64-bit"),
        Some((run(0x80_0000_0000, 0x80_0000_0000), RegionKind::Device))
    );
}

#[test]
fn buses_translate_and_reservations_count() {
    let dev = node("dev@100", &[cells("reg", &[0x100, 0x80])]);
    let lost = node("lost@ffff0", &[cells("reg", &[0xffff0, 0x80])]);
    let mut soc = node(
        "soc",
        &[
            cells("#address-cells", &[1]),
            cells("#size-cells", &[1]),
            cells("ranges", &[0, 5, 0x1000, 0x10000]),
        ],
    );
    soc.add_child(dev);
    soc.add_child(lost);
    let mut closed = node(
        "closed",
        &[cells("#address-cells", &[1]), cells("#size-cells", &[1])],
    );
    closed.add_child(node("hidden@100", &[cells("reg", &[0x100, 0x80])]));
    let mut reserved = node(
        "reserved-memory",
        &[
            cells("#address-cells", &[2]),
            cells("#size-cells", &[2]),
            cells("ranges", &[]),
        ],
    );
    reserved.add_child(node(
        "fw@1",
        &[cells("reg", &[0, 0x1800, 0, 0x1000]), cells("no-map", &[])],
    ));
    let iommu = node(
        "iommu@9050000",
        &[
            cells("reg", &[0, 0x0905_0000, 0, 0x1000]),
            cells("#iommu-cells", &[1]),
            text("status", "disabled"),
        ],
    );
    let blob = tree([soc, closed, reserved, iommu].into());
    let found = read(&blob).unwrap();
    assert_eq!(
        region(&found, "dev@100"),
        Some((run(0x5_0000_1000, 0x1000), RegionKind::Device))
    );
    assert_eq!(region(&found, "lost@ffff0"), None);
    assert_eq!(region(&found, "hidden@100"), None);
    assert_eq!(
        region(&found, "fw@1"),
        Some((run(0x1000, 0x2000), RegionKind::Untouchable))
    );
    assert_eq!(
        region(&found, "iommu@9050000"),
        Some((run(0x0905_0000, 0x1000), RegionKind::KernelDevice))
    );
}

#[test]
fn too_much_is_refused_or_shortened() {
    let pieces = (0..40)
        .map(|n| memory(&std::format!("memory@{n}"), &[n, 0, 0, 0x1000]))
        .collect();
    assert_eq!(read(&tree(pieces)).err(), Some(Unreadable::TooManyRuns));
    let device = |n: u32| node(&std::format!("d{n}@0"), &[cells("reg", &[n, 0, 0, 0x1000])]);
    let mut nodes: Vec<_> = (0..100).map(device).collect();
    nodes.push(node(
        "smmu@0",
        &[
            cells("reg", &[200, 0, 0, 0x1000]),
            text("compatible", "arm,smmu-v3"),
        ],
    ));
    let blob = tree(nodes);
    let found = read(&blob).unwrap();
    assert_eq!(found.regions.len(), MAX_REGIONS);
    assert_eq!(
        region(&found, "smmu@0"),
        Some((run(200 << 32, 0x1000), RegionKind::KernelDevice))
    );
}

#[test]
fn damage_is_survived() {
    let blob = virt();
    assert_eq!(
        size_of_tree(blob[..8].try_into().unwrap()),
        Some(blob.len() as u64)
    );
    for length in (0..blob.len()).step_by(7) {
        assert!(read(&blob[..length]).is_err());
    }
    for at in 0..blob.len() {
        for bits in [0x01, 0x80, 0xff] {
            let mut bad = blob.clone();
            bad[at] ^= bits;
            // Any answer will do, so long as there is one.
            drop(read(&bad));
        }
    }
}

#[test]
fn processors_and_the_calls_that_start_them_are_read() {
    let cpu = |name, reg: &[u32], status| {
        let properties = [
            text("device_type", "cpu"),
            cells("reg", reg),
            text("status", status),
        ];
        node(name, &properties)
    };
    let mut cpus = node("cpus", &[]);
    cpus.add_child(cpu("cpu@0", &[0], "okay"));
    cpus.add_child(cpu("cpu@1", &[1], "disabled"));
    cpus.add_child(cpu("cpu@100000002", &[1, 2], "okay"));
    cpus.add_child(cpu("cpu@0", &[0], "okay"));
    cpus.add_child(cpu("cpu@none", &[], "okay"));
    let firmware = |compatible, method| {
        let number = cells("cpu_on", &[0x95c1_ba60]);
        let properties = [
            text("compatible", compatible),
            text("method", method),
            number,
        ];
        node("psci", &properties)
    };
    for (compatible, method, wanted) in [
        (
            "arm,psci-1.0",
            "hvc",
            Some((Conduit::Hypervisor, 0xc400_0003)),
        ),
        (
            "arm,psci-0.2",
            "smc",
            Some((Conduit::SecureMonitor, 0xc400_0003)),
        ),
        (
            "arm,psci",
            "smc",
            Some((Conduit::SecureMonitor, 0x95c1_ba60)),
        ),
        ("arm,psci-1.0", "mail", None),
    ] {
        let blob = tree(std::vec![cpus.clone(), firmware(compatible, method)]);
        let found = read(&blob).unwrap();
        assert_eq!(found.cpus[..], [0, 0x1_0000_0002]);
        let psci = wanted.map(|(conduit, cpu_on)| Psci { conduit, cpu_on });
        assert_eq!(found.psci, psci);
    }
}
