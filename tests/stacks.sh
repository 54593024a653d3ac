#!/usr/bin/env bash
# How many stacks of real programs are complete: programs of Debian's, without frame pointers, under
# load, each under `syscope report`. For programs in C with one thread also whether the functions are
# those that `perf record --call-graph dwarf` finds in the same run.
#
#   tests/stacks.sh [--write] [PROGRAM...]
#
# PROGRAM is one of postgres redis nginx gcc openssl python node; all of them unless named. The table
# goes to standard output, and with --write into docs/stacks.md, too. As root, on Debian: it installs
# the packages it needs, and leaves no service running or enabled that was not there before.
#
#   SECONDS_EACH   how long a program is under load, 20 unless set
#   SYSCOPE_BIN    the syscope to measure; that of this checkout, as a release, unless set
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ALL=(postgres redis nginx gcc openssl python node)
readonly SECONDS_EACH=${SECONDS_EACH:-20} HZ=99 NGINX_PORT=18917
# Packages, and the services that come with them.
readonly PACKAGES=(postgresql redis-server redis-tools nginx-light wrk gcc libstb-dev openssl python3
    nodejs linux-perf binutils)
readonly SERVICES=(postgresql redis-server nginx)

write=() programs=()
for argument in "$@"; do
    case $argument in
        --write) write=(--write docs/stacks.md) ;;
        *) [[ " ${ALL[*]} " == *" $argument "* ]] || { echo "no program $argument: ${ALL[*]}" >&2; exit 2; }
           programs+=("$argument") ;;
    esac
done
((${#programs[@]})) || programs=("${ALL[@]}")
((EUID == 0)) || { echo "tests/stacks.sh needs root" >&2; exit 2; }

# shellcheck source=tests/common.sh
. tests/common.sh

installed() { dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# Nothing is started while the packages are installed, and what is new is not enabled afterwards.
install_packages() {
    local package missing=() new=() policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.conf
    for package in "${PACKAGES[@]}"; do
        # Any nodejs will do, also one from elsewhere.
        installed "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    say "installing ${missing[*]}"
    for package in "${SERVICES[@]}"; do installed "$package" || new+=("$package"); done
    if ! installed postgresql-common && [[ ! -e $cluster ]]; then
        mkdir -p "${cluster%/*}"
        echo 'create_main_cluster = false' >"$cluster"
    fi
    local ours=
    [[ -e $policy ]] || { ours=1; printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; }
    export DEBIAN_FRONTEND=noninteractive
    local done=0
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold \
        "${missing[@]}"; } </dev/null >"$results/apt.log" 2>&1 || done=$?
    [[ -z $ours ]] || rm "$policy"
    ((done == 0)) || { cat "$results/apt.log" >&2; exit "$done"; }
    for package in "${new[@]}"; do
        systemctl disable --quiet --now "$package" 2>/dev/null \
            || update-rc.d "$package" disable >/dev/null 2>&1 || true
    done
}

# ended PID [SIGNAL]: ends a process that this script started, and waits for it.
ended() {
    kill "-${2:-TERM}" "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# watch NAME OPTIONS...: starts syscope, and returns when it watches.
watch() {
    local name=$1
    shift
    "$syscope" report --json --freq "$HZ" --duration 1h "$@" >"$results/$name.json" 2>"$results/$name.err" &
    watcher=$!
    until_true grep -q watching "$results/$name.err"
}

unwatch() { ended "$watcher" INT; }

# version NAME FILE: the package that a program is from.
version() {
    local package
    package=$(dpkg-query --search "$(realpath "$2")" 2>/dev/null | head -n 1 | cut -d : -f 1) || true
    dpkg-query --show --showformat='${Package} ${Version}' "${package:-none}" >"$results/$1.version" 2>/dev/null \
        || echo "$2" >"$results/$1.version"
}

PERF_OPTIONS=(--quiet -e cpu-clock -F "$HZ" --call-graph 'dwarf,65528' -m 16M)

# perf_script NAME COMM: what perf saw of the programs of this name, as text. --no-inline: as many
# frames as there are, and no hours of looking up lines.
perf_script() {
    perf script -i "$results/$1.perf-data" --comms "$2" --no-inline -F comm,tid,ip,sym,dso \
        >"$results/$1.perf" 2>/dev/null || say "perf script failed for $1"
    rm -f "$results/$1.perf-data"
}

run_postgres() {
    local bin data=$results/postgres
    bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | tail -n 1)
    version postgres "$bin/postgres"
    install -d -o postgres "$data"
    runuser -u postgres -- "$bin/initdb" -D "$data/data" >"$results/postgres.log" 2>&1
    runuser -u postgres -- "$bin/postgres" -D "$data/data" -k "$data" -c listen_addresses= -c fsync=off \
        >>"$results/postgres.log" 2>&1 &
    local server=$!
    until_true runuser -u postgres -- "$bin/pg_isready" -h "$data"
    runuser -u postgres -- "$bin/pgbench" -h "$data" -i -s 10 postgres >>"$results/postgres.log" 2>&1
    watch postgres -c postgres
    runuser -u postgres -- "$bin/pgbench" -h "$data" -c 4 -T "$SECONDS_EACH" postgres >>"$results/postgres.log" 2>&1
    unwatch
    runuser -u postgres -- "$bin/pg_ctl" -D "$data/data" -m immediate stop >>"$results/postgres.log" 2>&1
    wait "$server" || true
}

run_redis() {
    local socket=$results/redis.sock
    version redis "$(command -v redis-server)"
    redis-server --port 0 --unixsocket "$socket" --save '' --daemonize no >"$results/redis.log" 2>&1 &
    local server=$!
    until_true redis-cli -s "$socket" ping
    watch redis -p "$server"
    perf record "${PERF_OPTIONS[@]}" -p "$server" -o "$results/redis.perf-data" >>"$results/redis.log" 2>&1 &
    local recorder=$!
    sleep 1
    timeout "$SECONDS_EACH" redis-benchmark -s "$socket" -q -l -P 8 -t set,get,lpush,lrange_100,zadd \
        >>"$results/redis.log" 2>&1 || true
    ended "$recorder" INT
    unwatch
    ended "$server"
    perf_script redis redis-server
}

run_nginx() {
    local home=$results/nginx
    version nginx "$(command -v nginx)"
    mkdir -p "$home/html" "$home/logs"
    head -c 20000 /dev/zero | tr '\0' x >"$home/html/index.html"
    chmod -R a+rX "$home"
    cat >"$home/nginx.conf" <<CONF
worker_processes 1;
pid $home/nginx.pid;
error_log $home/logs/error.log;
events {}
http {
    access_log $home/logs/access.log;
    gzip on;
    gzip_types text/plain;
    default_type text/plain;
    server { listen 127.0.0.1:$NGINX_PORT; root $home/html; }
}
CONF
    nginx -p "$home" -c "$home/nginx.conf" -g 'daemon off;' >"$results/nginx.log" 2>&1 &
    local server=$!
    until_true bash -c ": </dev/tcp/127.0.0.1/$NGINX_PORT"
    watch nginx -p "$server" --follow-forks
    wrk -t 1 -c 16 -d "${SECONDS_EACH}s" -H 'Accept-Encoding: gzip' "http://127.0.0.1:$NGINX_PORT/index.html" \
        >>"$results/nginx.log" 2>&1
    unwatch
    ended "$server"
}

# Files of libstb-dev that hold a whole library each.
readonly STB=(stb_image stb_image_write stb_image_resize stb_rect_pack stb_truetype stb_sprintf stb_ds
    stb_dxt stb_hexwave stb_herringbone_wang_tile)

run_gcc() {
    local source=$results/large.c file
    version gcc "$(gcc -print-prog-name=cc1)"
    for file in "${STB[@]}"; do
        [[ -e /usr/include/stb/$file.h ]] || continue
        printf '#define %s_IMPLEMENTATION\n#include <stb/%s.h>\n' "${file^^}" "$file"
    done >"$source"
    watch gcc -c cc1
    # shellcheck disable=SC2016 # $ are those of the shell that is started
    perf record "${PERF_OPTIONS[@]}" -o "$results/gcc.perf-data" -- bash -c '
        end=$((SECONDS + $1))
        while ((SECONDS < end)); do gcc -O2 -w -c -o /dev/null "$2"; done' bash "$SECONDS_EACH" "$source" \
        >"$results/gcc.log" 2>&1
    unwatch
    perf_script gcc cc1
}

run_openssl() {
    # Sixteen measurements: six sizes of two, and two operations of two.
    local each=$(((SECONDS_EACH + 15) / 16))
    version openssl "$(command -v openssl)"
    watch openssl -c openssl
    perf record "${PERF_OPTIONS[@]}" -o "$results/openssl.perf-data" -- \
        openssl speed -seconds "$each" sha256 aes-256-cbc rsa2048 ecdsap256 >"$results/openssl.log" 2>&1
    unwatch
    perf_script openssl openssl
}

run_python() {
    version python /usr/bin/python3
    local name
    name=$(basename "$(realpath /usr/bin/python3)")
    watch python -c "$name" -c python3
    /usr/bin/python3 tests/workloads/programs/python.py "$SECONDS_EACH"
    unwatch
}

run_node() {
    version node "$(command -v node || command -v nodejs)"
    watch node -c node -c nodejs
    node tests/workloads/programs/node.js "$SECONDS_EACH"
    unwatch
}

results=$(mktemp -d)
chmod a+x "$results"
clean_up() {
    local pids
    pids=$(jobs -p)
    # shellcheck disable=SC2086 # a word each
    [[ -z $pids ]] || kill $pids 2>/dev/null || true
    wait
    rm -rf "$results"
}
trap clean_up EXIT

install_packages
syscope=${SYSCOPE_BIN:-}
if [[ -z $syscope ]]; then
    cargo build --release --quiet --locked --bin syscope
    syscope=${CARGO_TARGET_DIR:-target}/release/syscope
fi
cargo build --quiet --locked --package syscope-tests --bin stackstable
table=${CARGO_TARGET_DIR:-target}/debug/stackstable

for program in "${programs[@]}"; do
    say "$program, $SECONDS_EACH s"
    "run_$program"
done
"$table" "${write[@]}" "$results" "${programs[@]}"
