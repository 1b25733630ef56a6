//! Conformance scenarios, written once: facts about Zircon's calls as a program sees them.
//!
//! A [`Scenario`] is plain Rust against `zx`. `tests/host` runs it on a simulated machine, with
//! every allocation failing once; `tests/user` runs it in user mode on a booted kernel. Each names
//! the rows of the project's conformance tables that it covers; [`rows`] holds all their numbers,
//! and which of them wait for calls that do not exist yet.
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod cache_ops;
mod check;
mod commit;
mod contiguous;
mod devices;
mod discover;
mod env;
mod exceptions;
mod exceptions_debugger;
mod exceptions_registers;
mod executable;
mod growth;
mod handles;
mod handles_more;
mod info;
mod info_more;
mod ipc_channels;
mod ipc_dispositions;
mod ipc_fifos;
mod ipc_futexes;
mod ipc_kit;
mod ipc_more;
mod ipc_ports;
mod ipc_races;
mod ipc_sockets;
mod ipc_threads;
mod ipc_timers;
mod ipc_waits;
mod ipc_writing;
mod kinship;
mod kinship_ranges;
mod kit;
mod lists;
mod lookup;
mod mapping;
mod mapping_more;
mod maps;
mod nest;
mod paged;
mod paged_more;
mod physical;
mod physical_calls;
mod physical_refused;
mod pinned;
mod pinning;
mod pins;
mod profiles;
mod properties_more;
mod references;
mod region_uses;
mod regions;
mod regions_nested;
mod resources;
mod resources_more;
pub mod rows;
mod sizes;
mod slices;
mod snapshots;
mod snapshots_mapped;
mod tasks_child;
mod tasks_critical;
mod tasks_ends;
mod tasks_jobs;
mod tasks_memory;
mod tasks_policy;
mod tasks_policy_more;
mod tasks_processes;
mod tasks_programs;
mod tasks_registers;
mod tasks_suspend;
mod tasks_threads;
mod transfer;
mod vmar_change;
mod vmar_first_fault;
mod vmar_map;
mod vmar_place;
mod vmar_range;

pub use check::{Failure, Outcome};
pub use env::{Effort, Env, Facts, Handles, Scratch};

/// One scenario.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name, unique.
    pub name: &'static str,
    /// The rows it covers: `vmo:68`, `vmar:133`.
    pub rows: &'static [&'static str],
    /// What it does. It leaves nothing behind, whether it passes or fails.
    pub run: fn(&mut Env) -> Outcome,
}

const GROUPS: &[&[Scenario]] = &[
    handles::SCENARIOS,
    info::SCENARIOS,
    resources::SCENARIOS,
    physical::SCENARIOS,
    physical_refused::SCENARIOS,
    physical_calls::SCENARIOS,
    slices::SCENARIOS,
    paged::SCENARIOS,
    snapshots::SCENARIOS,
    snapshots_mapped::SCENARIOS,
    references::SCENARIOS,
    mapping::SCENARIOS,
    vmar_map::SCENARIOS,
    vmar_place::SCENARIOS,
    vmar_change::SCENARIOS,
    regions::SCENARIOS,
    regions_nested::SCENARIOS,
    maps::SCENARIOS,
    handles_more::SCENARIOS,
    profiles::SCENARIOS,
    properties_more::SCENARIOS,
    info_more::SCENARIOS,
    resources_more::SCENARIOS,
    paged_more::SCENARIOS,
    mapping_more::SCENARIOS,
    kinship::SCENARIOS,
    kinship_ranges::SCENARIOS,
    vmar_first_fault::SCENARIOS,
    region_uses::SCENARIOS,
    pinning::SCENARIOS,
    pins::SCENARIOS,
    contiguous::SCENARIOS,
    executable::SCENARIOS,
    lists::SCENARIOS,
    commit::SCENARIOS,
    sizes::SCENARIOS,
    cache_ops::SCENARIOS,
    transfer::SCENARIOS,
    vmar_range::SCENARIOS,
    lookup::SCENARIOS,
    pinned::SCENARIOS,
    ipc_channels::SCENARIOS,
    ipc_writing::SCENARIOS,
    ipc_dispositions::SCENARIOS,
    ipc_waits::SCENARIOS,
    ipc_ports::SCENARIOS,
    ipc_timers::SCENARIOS,
    ipc_threads::SCENARIOS,
    ipc_races::SCENARIOS,
    ipc_futexes::SCENARIOS,
    ipc_fifos::SCENARIOS,
    ipc_sockets::SCENARIOS,
    ipc_more::SCENARIOS,
    growth::SCENARIOS,
    tasks_threads::SCENARIOS,
    tasks_processes::SCENARIOS,
    tasks_ends::SCENARIOS,
    tasks_programs::SCENARIOS,
    tasks_jobs::SCENARIOS,
    tasks_memory::SCENARIOS,
    tasks_policy::SCENARIOS,
    exceptions::SCENARIOS,
    exceptions_debugger::SCENARIOS,
    exceptions_registers::SCENARIOS,
    tasks_policy_more::SCENARIOS,
    tasks_suspend::SCENARIOS,
    tasks_registers::SCENARIOS,
    tasks_critical::SCENARIOS,
];

/// All scenarios.
pub fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    GROUPS.iter().copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::{rows, scenarios};
    use std::collections::{BTreeMap, BTreeSet};
    use std::format;
    use std::string::String;

    #[test]
    fn every_row_is_covered_or_waits() {
        let covered: BTreeSet<String> = scenarios()
            .flat_map(|scenario| scenario.rows)
            .map(|row| (*row).into())
            .collect();
        let waiting = rows::WAITING
            .iter()
            .flat_map(|(table, _, rows)| rows.iter().map(move |row| format!("{table}:{row}")));
        let waiting: BTreeSet<String> = waiting.collect();
        let vmo = rows::VMO.iter().map(|row| format!("vmo:{row}"));
        let vmar = rows::VMAR.iter().map(|row| format!("vmar:{row}"));
        let ipc = rows::IPC.iter().map(|row| format!("ipc:{row}"));
        let all: BTreeSet<String> = vmo.chain(vmar).chain(ipc).collect();
        let known: BTreeSet<String> = covered.union(&waiting).cloned().collect();
        assert_eq!(
            all.difference(&known).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "neither covered nor waiting"
        );
        assert_eq!(
            known.difference(&all).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "no such row"
        );
        assert_eq!(
            covered.intersection(&waiting).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "covered, and said to wait"
        );
    }

    #[test]
    fn names_are_unique() {
        let mut seen = BTreeMap::new();
        for scenario in scenarios() {
            assert_eq!(seen.insert(scenario.name, ()), None, "{}", scenario.name);
        }
    }
}
