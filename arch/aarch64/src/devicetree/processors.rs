//! The CPUs, and the firmware that starts them.

use arrayvec::ArrayVec;
use dtoolkit::Node;
use dtoolkit::fdt::FdtNode;

use super::words::{is_compatible, is_enabled, is_text, property};

/// The most CPUs that are told apart.
pub const MAX_CPUS: usize = 64;

/// The instruction that reaches the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduit {
    /// `hvc`
    Hypervisor,
    /// `smc`
    SecureMonitor,
}

/// How the firmware's power calls are made ("Power State Coordination Interface", DEN0022).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Psci {
    /// The instruction.
    pub conduit: Conduit,
    /// The number of the call that starts a CPU.
    pub cpu_on: u32,
}

/// Reads the node of the power calls.
pub(super) fn psci(node: &FdtNode<'_>) -> Option<Psci> {
    /// CPU_ON with 64-bit arguments, since version 0.2.
    const CPU_ON: u32 = 0xc400_0003;
    let conduit = if is_text(node, "method", "hvc") {
        Conduit::Hypervisor
    } else if is_text(node, "method", "smc") {
        Conduit::SecureMonitor
    } else {
        return None;
    };
    let has_standard = |name: &str| name == "arm,psci-0.2" || name == "arm,psci-1.0";
    let cpu_on = if is_compatible(node, has_standard) {
        CPU_ON
    } else {
        // Version 0.1 had no numbers of its own.
        property(node, "cpu_on")?.cells().next()?
    };
    Some(Psci { conduit, cpu_on })
}

/// Reads the affinities of the CPUs that are enabled; those beyond the limit are not used.
pub(super) fn cpus(node: &FdtNode<'_>) -> ArrayVec<u64, MAX_CPUS> {
    let is_cpu = |child: &FdtNode<'_>| is_text(child, "device_type", "cpu") && is_enabled(child);
    let mut cpus = ArrayVec::new();
    for cpu in node.children().filter(is_cpu) {
        let affinity = property(&cpu, "reg").and_then(|reg| reg.number());
        if let Some(affinity) = affinity.filter(|affinity| !cpus.contains(affinity)) {
            cpus.try_push(affinity).ok();
        }
    }
    cpus
}
