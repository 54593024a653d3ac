#!/usr/bin/env bash
# Runs syscope on other kernels, in virtual machines, against workloads that say what they did.
#
#   SYSCOPE_VM_RUNNER=/path/to/runner tests/kernels.sh [VERSION...]
#
# VERSION is the beginning of a kernel's version; without one: 5.10 6.1 6.12 7.2.
#
# SYSCOPE_VM_RUNNER names a command that boots a kernel and runs a command in it as root, with /proc,
# /sys and /tmp mounted and a POSIX shell with the usual small tools. It is called as
#
#   RUNNER -t SECONDS -o DIR -a FILE:PATH... VERSION -- COMMAND [ARG...]
#
# and must end after SECONDS, copy each FILE with the libraries it needs to PATH before COMMAND
# runs, and leave in DIR what COMMAND has left in /out. Its exit status is that of COMMAND.
#
# Needs cargo and jq. Not part of .ci/run: it takes minutes, and virtual machines. Counts are
# compared and times only from below: an emulated machine is slow, and its timers are late.
#
# shellcheck disable=SC2016 # in single quotes are jq's variables, and those of the machine's shell
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
runner=${SYSCOPE_VM_RUNNER:?names the command that runs a command on another kernel: see the head of this script}
versions=("$@")
((${#versions[@]})) || versions=(5.10 6.1 6.12 7.2)

readonly THREADS=4 CALLS=1000 OPENS=200 SLEEPS=20 SLEEP_MS=20

cargo build --release --quiet --locked --bin syscope --bin workload
target=${CARGO_TARGET_DIR:-target}/release
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
failed=0

# The workloads wait for a word on standard input, which comes when syscope watches, and stay alive
# until it ends.
readonly IN_VM='
    mkdir -p /tmp/opens
    start() {
        name=$1
        shift
        { until grep -q watching /out/errors; do sleep 0.2; done; echo go; sleep 12; } \
            | workload "$@" >"/out/$name" 2>&1 &
    }
    : >/out/errors
    start getppid getppid '"$THREADS $CALLS"'
    start opens opens /tmp/opens '"$OPENS"'
    start sleeper sleeper '"$SLEEPS $SLEEP_MS"'
    syscope report -d 10 --json >/out/report.json 2>/out/errors
'

# check NAME EXPECTED jq-FILTER: whether the filter over the report gives "true".
check() {
    local name=$1 found
    found=$(jq -r --argjson pid "$pid" --argjson truth "$truth" "$2" "$dir/report.json")
    if [[ $found == true* ]]; then
        printf '  ok      %-10s %s\n' "$name" "${found#true }"
    else
        printf '  FAILED  %-10s %s\n' "$name" "${found#false }"
        failed=1
    fi
}

# Sets `pid` and `truth` to what a workload said.
said() {
    pid=$(sed -n 's/^ready //p' "$dir/$1")
    truth=$(sed -n 's/^done //p' "$dir/$1")
    [[ -n $pid && -n $truth ]] || { printf '  FAILED  %s said: %s\n' "$1" "$(<"$dir/$1")"; failed=1; return 1; }
}

for version in "${versions[@]}"; do
    dir=$results/$version
    mkdir "$dir"
    printf '%s\n' "$version"
    if ! "$runner" -t 250 -o "$dir" -a "$target/workload:/bin/workload" -a "$target/syscope:/bin/syscope" \
        "$version" -- sh -c "$IN_VM" >"$dir/output" 2>&1; then
        printf '  FAILED  it did not run:\n'
        cat "$dir/output" "$dir/errors" 2>/dev/null || true
        failed=1
        continue
    fi
    pid=0 truth=null
    check probes '
        ["syscalls", "opens", "offcpu", "profile", "lifecycle"] as $probes
        | [$probes[] as $probe | .health[$probe] | select(.status.state != "on")] as $off
        | "\($off == []) \(.kernel), off: \($off)"'
    # From 7.0 on, a program in a system call can be preempted, and the kernel then leaves out its
    # runs on that CPU. They are counted as lost.
    if said getppid; then
        check getppid '
            [.syscalls[] | select(.pid == $pid) | .by_syscall[] | select(.name == "getppid") | .calls]
            as [$calls] | .health.syscalls.skipped_runs as $skipped
            | ($calls == $truth.calls or ($calls < $truth.calls and $calls + $skipped >= $truth.calls))
            | "\(.) \($calls) calls of \($truth.calls), \($skipped) runs skipped"'
    fi
    # Descriptors that two threads get depend on chance within the truth, too: only paths, flags
    # and errors are compared.
    if said opens; then
        check opens '
            def key: "\(.path) \(.flags) \(.errno // "ok")";
            [.opens.events[] | select(.pid == $pid) | key] as $found
            | [$truth[] | . as $row | (.result | if startswith("fd ") then null else . end) as $errno
                | range(.count) | $row | .errno = $errno | key] as $expected
            | .health.opens.lost as $lost | .health.syscalls.skipped_runs as $skipped
            | ($found | group_by(.) | map({key: .[0], value: length}) | from_entries) as $counts
            | ($expected | group_by(.) | map({key: .[0], value: length}) | from_entries) as $counted
            | [$counts | to_entries[] | select(.value > ($counted[.key] // 0)) | .key] as $wrong
            | ($wrong == [] and ($found | length) + $lost + $skipped >= ($expected | length))
            | "\(.) \($found | length) of \($expected | length), \($lost) lost, wrong: \($wrong[:3])"'
    fi
    if said sleeper; then
        check sleeper '
            [.offcpu[] | select(.pid == $pid) | .stacks[] | select(.state != "runnable")
                | select(any(.kernel[]; .name | contains("nanosleep")))] as $sleeps
            | ($sleeps | map(.waits) | add // 0) as $waits
            | ($sleeps | map(.blocked_ns) | add // 0) as $blocked
            | (.health.offcpu.unseen_ends + .health.offcpu.unseen_waits) as $unseen
            | ($waits == $truth.sleeps and $blocked <= $truth.elapsed_ns
                and ($unseen > 0 or $blocked >= $truth.sleeps * '"$SLEEP_MS"' * 1000000))
            | "\(.) \($waits) sleeps of \($truth.sleeps), \($blocked / 1e6 | floor) ms blocked of \($truth.elapsed_ns / 1e6 | floor), \($unseen) ends not reported"'
    fi
    pid=0 truth=null
    check profile '
        [.profile.stacks[].kernel[].name] as $names
        | (.profile.samples > 0 and ($names | length) > 0)
        | "\(.) \($names | length) frames in the kernel"'
    jq -r '.health | to_entries[] | select(.value | type == "object" and has("events"))
        | "          \(.key): \(.value | {events, lost, unseen_ends, unseen_waits} | tostring)"' \
        "$dir/report.json"
done
exit "$failed"
