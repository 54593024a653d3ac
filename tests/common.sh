# shellcheck shell=bash
# What the scripts that measure real programs share; they source it.

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }

# until_true COMMAND...: tries for 15 seconds.
until_true() {
    local tries
    for ((tries = 0; tries < 150; tries++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    say "never true: $*"
    return 1
}
