#!/usr/bin/env bash
# qemu-run.sh — the one command: sets up what is missing, then hands over to boot/runner (see --help).
#
# Set-up needs Rust 1.95.0 with the three bare targets, and QEMU for both architectures. Everything else
# (building, packing, booting, testing) is Rust, in boot/runner.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rust_version=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' "$root/rust-toolchain.toml")
rust_targets=(x86_64-unknown-none aarch64-unknown-none-softfloat aarch64-unknown-none)
qemu_programs=(qemu-system-x86_64 qemu-system-aarch64)
qemu_packages=(qemu-system-x86 qemu-system-arm)
# CARGO_TARGET_DIR counts from the repository: cargo is always started there.
target_dir=$(cd "$root" && realpath -m "${CARGO_TARGET_DIR:-target}")

# Exit status when the machine lacks something that cannot be installed from here.
exit_setup=69

say() { printf 'qemu-run: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit "$exit_setup"
}

scratch=
cleanup() { [[ -z $scratch ]] || rm -rf "$scratch"; }
trap cleanup EXIT
need_scratch() { [[ -n $scratch ]] || scratch=$(mktemp -d "${TMPDIR:-/tmp}/jacinth-setup.XXXXXX"); }

# --- Rust -----------------------------------------------------------------------------------------------------------

# Finds a rustc of the pinned version: the pinned toolchain, or any other that rustup holds under another name.
find_rust() {
    local version
    command -v rustc >/dev/null && command -v cargo >/dev/null ||
        die "Rust is missing. Install rustup, then: rustup toolchain install $rust_version"
    command -v cc >/dev/null || die "a C compiler, which links programs for this machine, is missing (Debian: gcc libc6-dev)"
    version=$(cd "$root" && rustc --version 2>/dev/null || true)
    [[ $version == "rustc $rust_version "* ]] && return
    if [[ -z $version && -z ${RUSTUP_TOOLCHAIN:-} ]] && command -v rustup >/dev/null; then
        # The toolchain of this version may be installed as "stable" on a machine that cannot fetch another one.
        if [[ $(RUSTUP_TOOLCHAIN=stable rustc --version 2>/dev/null || true) == "rustc $rust_version "* ]]; then
            export RUSTUP_TOOLCHAIN=stable
            return
        fi
        say "installing Rust $rust_version with rustup"
        rustup toolchain install "$rust_version" --profile minimal -c clippy -c rustfmt >&2 && return
    fi
    die "Rust $rust_version is needed, found: ${version:-none}. Try: rustup toolchain install $rust_version"
}

missing_targets() {
    local target
    for target in "${rust_targets[@]}"; do
        compgen -G "$1/lib/rustlib/$target/lib/libcompiler_builtins-*.rlib" >/dev/null || printf '%s\n' "$target"
    done
}

setup_targets() {
    local sysroot missing
    sysroot=$(cd "$root" && rustc --print sysroot)
    mapfile -t missing < <(missing_targets "$sysroot")
    ((${#missing[@]})) || return 0
    # JACINTH_NO_RUSTUP=1 tries the other way on a machine that has both.
    if command -v rustup >/dev/null && [[ -z ${JACINTH_NO_RUSTUP:-} ]]; then
        say "adding the Rust targets ${missing[*]} with rustup"
        (cd "$root" && rustup target add "${missing[@]}") >&2 || say "rustup could not add them"
        mapfile -t missing < <(missing_targets "$sysroot")
        ((${#missing[@]})) || return 0
    fi
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
        die "the Rust targets ${missing[*]} are missing. Try: rustup target add ${missing[*]}"
    [[ -w $sysroot/lib/rustlib ]] || die "$sysroot/lib/rustlib is not writable: run '$0 setup' once as its owner"
    say "building core, alloc and compiler_builtins for ${missing[*]} from Debian's rust-src"
    fetch_rust_source
    build_targets "$sysroot" "${missing[@]}"
}

# The Debian mirror of the machine's own apt configuration, without a trailing slash.
debian_mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n 's,/*$,,; /\/debian$/{p;q}'
}

# Prints a one-line apt source for a suite of the machine's own Debian mirror.
debian_source() {
    local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg options=
    mirror=$(debian_mirror)
    [[ -n $mirror ]] || die "no Debian mirror in apt's configuration to take $1 from"
    [[ ! -e $keyring ]] || options="[signed-by=$keyring] "
    printf 'deb %s%s %s main\n' "$options" "$mirror" "$1"
}

# Leaves the standard library's source in $scratch/source. Source list, state and cache of apt are temporary.
fetch_rust_source() {
    local version apt
    need_scratch
    mkdir -p "$scratch"/rust/{lists,cache/archives}/partial "$scratch/source"
    debian_source trixie-backports >"$scratch/rust/source.list"
    apt=(-qq -o Dir::Etc::sourcelist="$scratch/rust/source.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::Lists="$scratch/rust/lists" -o Dir::Cache="$scratch/rust/cache")
    ((EUID)) || apt+=(-o APT::Sandbox::User=root)
    apt-get "${apt[@]}" update >&2 || die "apt-get cannot read trixie-backports"
    version=$(apt-cache "${apt[@]}" madison rust-src | awk -v want="$rust_version" -F'[ |]+' \
        'index($3, want "+") == 1 || index($3, want "-") == 1 { print $3; exit }')
    [[ -n $version ]] || die "Debian's mirror has no rust-src $rust_version"
    (cd "$scratch/rust" && apt-get "${apt[@]}" download "rust-src=$version") >&2 || die "cannot fetch rust-src=$version"
    dpkg-deb --fsys-tarfile "$scratch"/rust/rust-src_*.deb |
        tar -x -C "$scratch/source" --strip-components=4 "./usr/src/rustc-$rust_version/library"
}

# Builds the three crates for each target given and puts them where rustc looks.
build_targets() {
    local sysroot=$1 target destination
    shift
    mkdir -p "$scratch/empty/src"
    printf '#![no_std]\n' >"$scratch/empty/src/lib.rs"
    printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[profile.release]\n%s\n' \
        'panic = "abort"' >"$scratch/empty/Cargo.toml"
    cp "$root/rust-toolchain.toml" "$scratch/empty/"
    for target; do
        (
            cd "$scratch/empty"
            # Cargo's own tests know this way to build the standard library from another place than the sysroot.
            unset CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
            export RUSTFLAGS="--remap-path-prefix=$scratch/source=/rustc/$rust_version"
            RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT="$scratch/source/library" CARGO_TARGET_DIR="$scratch/built" \
                cargo build -q --release --target "$target" -Zbuild-std=core,alloc,compiler_builtins \
                -Zbuild-std-features=compiler-builtins-mem
        ) >&2 || die "the standard library does not build for $target"
        destination=$sysroot/lib/rustlib/$target/lib
        mkdir -p "$destination"
        # compiler_builtins last: its presence says that the target is complete.
        for crate in core alloc compiler_builtins; do
            cp "$scratch/built/$target/release/deps/lib$crate"-*.rlib "$destination/"
        done
        say "installed $target in $destination"
    done
}

# --- QEMU -----------------------------------------------------------------------------------------------------------

setup_qemu() {
    local program missing=()
    for program in "${qemu_programs[@]}"; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null ||
        die "${missing[*]} missing. Install QEMU for x86_64 and aarch64 (Debian: ${qemu_packages[*]})"
    install_qemu || die "QEMU could not be installed. Needed packages: ${qemu_packages[*]}"
    for program in "${qemu_programs[@]}"; do
        command -v "$program" >/dev/null || die "$program is still missing after the installation"
    done
}

# The backports suite that this machine's other QEMU packages come from, if they do: all must be of one version.
qemu_backports() {
    local codename
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    dpkg-query -W -f '${db:Status-Status} ${Version}\n' 'qemu-*' 2>/dev/null |
        grep -q '^installed .*~bpo' && echo "$codename-backports"
}

install_qemu() {
    local as_root=() suite packages=("${qemu_packages[@]}") apt
    if ((EUID)); then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || [[ -t 0 && -n $(command -v sudo) ]] ||
            die "QEMU is missing and this is neither root nor has sudo. As root: apt-get install --no-install-recommends ${qemu_packages[*]}"
        as_root=(sudo)
    fi
    need_scratch
    # A temporary index: a new machine has none yet, and this one's stays as it is.
    mkdir -p "$scratch"/qemu/{parts,lists/partial}
    cp /etc/apt/sources.list.d/* "$scratch/qemu/parts/" 2>/dev/null || true
    suite=$(qemu_backports || true)
    if [[ -n $suite ]]; then
        debian_source "$suite" >"$scratch/qemu/parts/jacinth.list"
        packages=("${packages[@]/%//$suite}")
    fi
    chmod -R a+rX "$scratch"
    say "installing ${packages[*]} with apt-get"
    apt=(-q -o Dir::Etc::sourceparts="$scratch/qemu/parts" -o Dir::State::Lists="$scratch/qemu/lists")
    ((EUID)) || apt+=(-o APT::Sandbox::User=root)
    # A third-party source that does not answer is no reason to stop: installing tells whether anything is missing.
    "${as_root[@]}" apt-get "${apt[@]}" update >&2 || say "not every package source answered"
    [[ -z $suite ]] || apt+=(-t "$suite")
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get "${apt[@]}" install -y --no-install-recommends "${packages[@]}" >&2
}

# --- Hand over ------------------------------------------------------------------------------------------------------

find_rust
setup_targets
setup_qemu

# The runner is built again only when something of it is newer than its last build: asking cargo costs a tenth of a second.
runner=$target_dir/debug/jacinth-runner
stamp=$target_dir/jacinth/runner.stamp
if [[ ! -x $runner || ! -e $stamp || -n $(
    cd "$root" && find boot/runner abi/src abi/Cargo.toml Cargo.toml Cargo.lock rust-toolchain.toml -newer "$stamp" -print -quit
) ]]; then
    mkdir -p "$target_dir/jacinth"
    # Several scripts may be at it.
    touch "$stamp.$$"
    (cd "$root" && cargo build -q -p jacinth-runner) || exit 70
    mv "$stamp.$$" "$stamp"
fi
trap - EXIT
cleanup
# On a terminal the runner starts gdb itself, and Control-C is for gdb alone.
if [[ " $* " == *" --gdb "* && -t 0 ]] && command -v gdb gdb-multiarch >/dev/null; then
    trap '' INT
fi
JACINTH_ROOT=$root exec "$runner" "$@"
