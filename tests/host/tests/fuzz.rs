//! The fuzz target as a plain test: its corpus, and inputs that follow from numbers.
//! `JACINTH_FUZZ` says how many (3,000 unless told), `JACINTH_SEED` the first.

use jacinth_sim::Random;
use jacinth_tests_host::fuzz_one;
use std::collections::BTreeSet;
use std::path::PathBuf;

const INPUTS: u64 = 3000;
const SEED: u64 = 1;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/kernel_enter")
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The input of a seed: up to some kilobytes.
fn input(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let len = 64 + random.below(2000);
    (0..len).map(|_| random.next_u64() as u8).collect()
}

#[test]
fn the_corpus() {
    let entries = std::fs::read_dir(corpus()).expect("the corpus is in the repository");
    let mut count = 0;
    for entry in entries {
        let path = entry.expect("a directory can be listed").path();
        println!("{}", path.display());
        fuzz_one(&std::fs::read(&path).expect("a file can be read"));
        count += 1;
    }
    assert!(count >= 12, "the corpus has {count} inputs");
}

#[test]
fn numbered_inputs() {
    let first = number("JACINTH_SEED").unwrap_or(SEED);
    let count = number("JACINTH_FUZZ").unwrap_or(INPUTS);
    for seed in first..first + count {
        // What panics says nothing of where it came from.
        let outcome = std::panic::catch_unwind(|| fuzz_one(&input(seed)));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}

/// Writes the corpus anew: of many inputs those of which each adds most answers that no other has.
/// `JACINTH_BLESS=1 cargo test -p jacinth-tests-host --test fuzz -- --ignored`
#[test]
#[ignore = "writes files"]
fn bless_the_corpus() {
    if std::env::var("JACINTH_BLESS").is_err() {
        return;
    }
    let traces: Vec<(u64, BTreeSet<(u64, i64)>)> = (SEED..SEED + INPUTS)
        .map(|seed| (seed, fuzz_one(&input(seed)).into_iter().collect()))
        .collect();
    let mut seen = BTreeSet::new();
    for index in 0..14 {
        let best = traces
            .iter()
            .max_by_key(|(_, trace)| trace.difference(&seen).count());
        let (seed, trace) = best.expect("there are inputs");
        seen.extend(trace.iter().copied());
        let path = corpus().join(format!("{index:02}"));
        std::fs::write(path, input(*seed)).expect("a file can be written");
    }
    println!("{} kinds of answers", seen.len());
}
