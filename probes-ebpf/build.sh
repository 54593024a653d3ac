#!/usr/bin/env bash
# Rebuilds the BPF object that syscope embeds: assets/syscope.bpf.o.
#
#   probes-ebpf/build.sh           build it and replace the committed one
#   probes-ebpf/build.sh --check   build it and compare it, byte for byte, with the committed one
#   probes-ebpf/build.sh --clippy  lint the BPF programs with warnings denied
#
# What it needs beside rustup is installed when missing: the component rust-src, and the pinned
# bpf-linker (under target/, where another version is on the PATH). The same sources give the same
# bytes in every checkout and home folder.
set -euo pipefail

readonly LINKER_VERSION=0.10.3
readonly TARGET=bpfel-unknown-none
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
readonly root
readonly target_dir=$root/target/bpf
readonly committed=$root/assets/syscope.bpf.o
cd "$root"

fail() {
    printf 'build.sh: %s\n' "$*" >&2
    exit 1
}

# Settings of the caller that would change the bytes, or the toolchain that rust-toolchain.toml pins.
forget_the_callers_settings() {
    unset RUSTUP_TOOLCHAIN RUSTC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_INCREMENTAL
    unset RUSTFLAGS CARGO_BUILD_RUSTFLAGS CARGO_TARGET_BPFEL_UNKNOWN_NONE_RUSTFLAGS
    unset CARGO_BUILD_TARGET CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR
    local name
    for name in "${!CARGO_PROFILE_@}"; do
        unset "$name"
    done
}

install_missing_tools() {
    command -v rustup >/dev/null || fail "rustup is missing: see https://rustup.rs"
    rustc --version >/dev/null || fail "the toolchain of rust-toolchain.toml is not installed: run 'rustup toolchain install'"
    sysroot=$(rustc --print sysroot)
    if [[ ! -e $sysroot/lib/rustlib/src/rust/library/core/Cargo.toml ]]; then
        rustup component add rust-src
    fi
    linker=$(command -v bpf-linker || true)
    if [[ -z $linker || $("$linker" --version) != "bpf-linker $LINKER_VERSION" ]]; then
        linker=$root/target/bpf-linker/bin/bpf-linker
        if [[ ! -x $linker || $("$linker" --version) != "bpf-linker $LINKER_VERSION" ]]; then
            cargo install "bpf-linker@$LINKER_VERSION" --locked --root "$root/target/bpf-linker"
        fi
    fi
    cargo fetch --locked --quiet
}

# Profiles are the same for a whole workspace; these are for the BPF programs alone.
set_profile() {
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=3
    export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
    export CARGO_PROFILE_RELEASE_LTO=off # bpf-linker optimizes across crates itself
    export CARGO_PROFILE_RELEASE_PANIC=abort
    export CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=false
    export CARGO_PROFILE_RELEASE_DEBUG=2 # bpf-linker makes BTF of it
    export CARGO_PROFILE_RELEASE_STRIP=none
    # One object for all machines: without this it would follow the architecture of the builder.
    export AYA_BPF_TARGET_ARCH=x86_64
    export RUSTC_BOOTSTRAP=1
}

# Source paths get into the line table of .BTF.ext: name them the same everywhere. Where several
# prefixes match, the compiler takes the last one given.
set_flags() {
    local cargo_home=${CARGO_HOME:-$HOME/.cargo} registry
    local flags=(
        -C "linker=$linker" -C link-arg=--btf -C link-arg=--disable-expand-memcpy-in-order -C target-cpu=v3
        "--remap-path-prefix=$cargo_home=/cargo"
        "--remap-path-prefix=$sysroot=/rust"
        "--remap-path-prefix=$root=."
    )
    # The folder's name tells which registry or mirror of it the sources came from.
    for registry in "$cargo_home"/registry/src/*/; do
        flags+=("--remap-path-prefix=${registry%/}=/crates")
    done
    CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' "${flags[@]}")
    export CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS%$'\x1f'}
}

run_cargo() {
    local command=$1
    shift
    cargo "$command" --locked --release --package syscope-probes --target "$TARGET" \
        -Z build-std=core --target-dir "$target_dir" "$@"
}

# Builds the object to the path $1: with BTF, without DWARF.
build() {
    local object=$1 host sections
    run_cargo build
    host=$(rustc -vV | sed -n 's/^host: //p')
    LD_LIBRARY_PATH=$sysroot/lib "$sysroot/lib/rustlib/$host/bin/rust-objcopy" --strip-debug \
        "$target_dir/$TARGET/release/syscope-probes" "$object"
    sections=$(readelf --section-headers --wide "$object")
    grep -q ' \.BTF ' <<<"$sections" || fail "the object has no BTF"
    ! grep -q ' \.debug_' <<<"$sections" || fail "the object still holds DWARF"
}

check() {
    local scratch
    scratch=$(mktemp -d)
    # shellcheck disable=SC2064 # expanded now: the variable is gone when the trap runs
    trap "rm -rf '$scratch'" EXIT
    build "$scratch/syscope.bpf.o"
    [[ -e $committed ]] || fail "assets/syscope.bpf.o is missing: run probes-ebpf/build.sh and commit it"
    if ! cmp "$scratch/syscope.bpf.o" "$committed"; then
        fail "assets/syscope.bpf.o is not what probes-ebpf/ builds to: run probes-ebpf/build.sh and commit assets/"
    fi
    (cd assets && sha256sum --check --quiet syscope.bpf.o.sha256) \
        || fail "assets/syscope.bpf.o.sha256 is not its checksum: run probes-ebpf/build.sh and commit assets/"
    echo "assets/syscope.bpf.o is what probes-ebpf/ builds to"
}

replace() {
    mkdir -p assets
    build "$committed.new"
    mv "$committed.new" "$committed"
    (cd assets && sha256sum syscope.bpf.o | tee syscope.bpf.o.sha256)
}

mode=${1:-}
case $mode in
"" | --check | --clippy) ;;
*) fail "unknown option '$mode': there are --check and --clippy" ;;
esac
forget_the_callers_settings
install_missing_tools
set_profile
set_flags
case $mode in
"") replace ;;
--check) check ;;
--clippy) run_cargo clippy -- -D warnings ;;
esac
