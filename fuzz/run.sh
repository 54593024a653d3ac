#!/usr/bin/env bash
# Runs the fuzz targets (libFuzzer, on the stable toolchain; needs a C++ compiler):
#
#   fuzz/run.sh [SECONDS] [TARGET...]     each target (or these) for so long; 10 s unless told
#   fuzz/run.sh --minimize [TARGET...]    takes what earlier runs found into the corpus, and keeps of
#                                         it only what reaches code that nothing else reaches
#
# What makes a target fail is kept in fuzz/regressions/TARGET, to be mended and committed: an ordinary
# `cargo test` tries it again, as it does the corpus.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A target that asks for more memory fails. Nothing that syscope reads is worth more.
readonly MEMORY_MIB=1024
# Seconds one input may take.
readonly TIMEOUT=5
# Bytes of an input that is kept in the corpus.
readonly KEPT_MAX=4096
readonly FINDS=target/fuzz-finds

# Bytes of an input: more than the largest of its kind that tells something.
longest() {
    case $1 in
    capture | replay) echo 65536 ;;
    unwind) echo 4096 ;;
    elf) echo 16384 ;;
    python) echo 2048 ;;
    *) echo 1024 ;;
    esac
}

build() {
    RUSTC_WORKSPACE_WRAPPER=$PWD/fuzz/rustc.sh \
        cargo build --locked --quiet --package syscope-fuzz --profile fuzz --target-dir target
}

# The limit of address space makes an allocation fail that asks for much and touches little, which
# -rss_limit_mb does not see.
fuzzer() {
    local target=$1
    shift
    (
        ulimit -v $((MEMORY_MIB * 1024))
        exec "target/fuzz/$target" -rss_limit_mb="$MEMORY_MIB" -timeout="$TIMEOUT" \
            -max_len="$(longest "$target")" -artifact_prefix="fuzz/regressions/$target/" "$@"
    )
}

run() {
    local seconds=$1 target=$2 log=target/fuzz-finds/$2.log kept=()
    mkdir -p "$FINDS/$target" "fuzz/regressions/$target"
    [[ -d fuzz/corpus/$target ]] && kept+=("fuzz/corpus/$target")
    kept+=("fuzz/regressions/$target")
    if fuzzer "$target" -max_total_time="$seconds" -print_final_stats=1 \
        "$FINDS/$target" "${kept[@]}" >"$log" 2>&1; then
        printf '%-12s %s\n' "$target" "$(grep '^Done ' "$log")"
        rmdir --ignore-fail-on-non-empty "fuzz/regressions/$target"
    else
        printf '%-12s FAILED\n' "$target"
        tail -n 40 "$log"
        return 1
    fi
}

minimize() {
    local target=$1 new=$FINDS/$1.new
    rm -rf "$new"
    mkdir -p "$new" "$FINDS/$target" "fuzz/corpus/$target" "fuzz/regressions/$target"
    fuzzer "$target" -set_cover_merge=1 -use_counters=0 "$new" "fuzz/corpus/$target" "$FINDS/$target" >/dev/null 2>&1
    # Large ones would soon be most of the repository.
    find "$new" -size +"$KEPT_MAX"c -delete
    rm -rf "fuzz/corpus/$target"
    mv "$new" "fuzz/corpus/$target"
    rmdir --ignore-fail-on-non-empty "fuzz/regressions/$target"
    printf '%-12s %s\n' "$target" "$(du -sh --apparent-size "fuzz/corpus/$target" | cut -f1)"
}

main() {
    local work=(run 10)
    if [[ ${1-} == --minimize ]]; then
        work=(minimize)
        shift
    elif [[ ${1-} =~ ^[0-9]+$ ]]; then
        work=(run "$1")
        shift
    fi
    (($#)) || set -- $(cd fuzz/fuzz_targets && basename --suffix=.rs -- *.rs)
    build
    local target failed=0 running=0
    for target; do
        # As many at a time as there are CPUs.
        if ((running >= $(nproc))); then
            wait -n || failed=1
            running=$((running - 1))
        fi
        "${work[@]}" "$target" &
        running=$((running + 1))
    done
    while ((running--)); do
        wait -n || failed=1
    done
    return "$failed"
}

main "$@"
