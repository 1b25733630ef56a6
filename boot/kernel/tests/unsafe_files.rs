//! Every file with unsafe code is in docs/unsafe.md, and every file listed there is still there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a file may have unsafe code.
const PLACES: [&str; 6] = [
    "arch/x86_64/",
    "arch/aarch64/",
    "arch/lock/",
    "boot/kernel/",
    "user/zx/",
    "tests/faults/",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All Rust files below a folder, but those that were built.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            rust_files(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// Whether a line of code says `unsafe`, comments and lints apart.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let words = [
        "unsafe {",
        "unsafe fn",
        "unsafe impl",
        "unsafe extern",
        "#[unsafe(",
    ];
    words.iter().any(|word| code.contains(word)) && !code.contains('"')
}

fn files_with_unsafe_code() -> BTreeSet<String> {
    let mut files = Vec::new();
    rust_files(&root(), &mut files);
    files
        .into_iter()
        .filter(|path| fs::read_to_string(path).unwrap().lines().any(is_unsafe))
        .map(|path| {
            let inside = path.strip_prefix(root()).unwrap();
            inside.to_string_lossy().into_owned()
        })
        .collect()
}

/// The Rust files that the page names in backticks.
fn listed_files() -> BTreeSet<String> {
    let page = fs::read_to_string(root().join("docs/unsafe.md")).unwrap();
    let (_, list) = page.split_once("## Files with unsafe code").unwrap();
    list.split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| text.ends_with(".rs") && text.contains('/'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn files_with_unsafe_code_are_listed() {
    assert_eq!(files_with_unsafe_code(), listed_files());
}

#[test]
fn unsafe_code_is_in_its_places_only() {
    for file in files_with_unsafe_code() {
        assert!(
            PLACES.iter().any(|place| file.starts_with(place)),
            "{file} has no business with unsafe code"
        );
    }
}

#[test]
fn the_core_forbids_unsafe_code() {
    for file in [
        "kernel/src/lib.rs",
        "abi/src/lib.rs",
        "arch/paging/src/lib.rs",
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains("#![forbid(unsafe_code)]"), "{file}");
    }
}
