#!/bin/sh
# RUSTC_WORKSPACE_WRAPPER of run.sh: has syscope's own crates count what code ran, for libFuzzer to be
# led by. These are the flags of `cargo fuzz --sanitizer none`, which stable Rust takes too. The crates
# that syscope uses are left as they are.
case " $* " in
*" --crate-name syscope "* | *" --crate-name syscope_shared "*)
    set -- "$@" --cfg fuzzing -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
esac
exec "$@"
