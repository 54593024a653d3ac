#!/usr/bin/env bash
# What syscope costs as a profiler, next to `perf record` and profile-bee: CPU time of its processes and of
# its BPF programs, how much more CPU time the work takes, memory. All under one load, by turns.
#
#   tests/cost.sh [--write]
#
# The tables go to standard output, and with --write into docs/performance.md, too. As root, on Debian.
# The load is work that is the same every time, done again and again side by side: a Redis and a PostgreSQL
# server with their benchmarks, and then compiling, Python and Node beside them. What is compared is the CPU time that
# it takes, not how fast it goes, so that others who use the machine disturb less.
#
#   ROUNDS, WINDOW   how many times each profiler is measured (3), and for how many seconds (12)
#   SYSCOPE_BIN      the syscope to measure; that of this checkout, as a release, unless set
#   PROFILE_BEE      the profile-bee to measure; `cargo install`ed below target/ unless set; `no`: none
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ROUNDS=${ROUNDS:-3} WINDOW=${WINDOW:-12}
# Commands, and the Debian packages that have them.
readonly NEEDED=(gcc:gcc python3:python3 node:nodejs redis-server:redis-server redis-benchmark:redis-tools \
    pgbench:postgresql-contrib perf:linux-perf)

write=()
case ${1:-} in
    '') ;;
    --write) write=(--write docs/performance.md) ;;
    *) echo "no option $1" >&2; exit 2 ;;
esac
((EUID == 0)) || { echo "tests/cost.sh needs root" >&2; exit 2; }
for pair in "${NEEDED[@]}"; do
    command -v "${pair%%:*}" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/${pair%%:*}" >/dev/null \
        || { echo "${pair%%:*} is missing: apt-get install ${pair##*:} (tests/stacks.sh installs all)" >&2; exit 2; }
done

# shellcheck source=tests/common.sh
. tests/common.sh

folder=$(mktemp -d)
chmod a+x "$folder"
servers=()
clean_up() {
    ((${#servers[@]} == 0)) || kill -INT "${servers[@]}" 2>/dev/null || true
    wait
    rm -rf "$folder"
}
trap clean_up EXIT

syscope=${SYSCOPE_BIN:-}
if [[ -z $syscope ]]; then
    cargo build --release --quiet --locked --bin syscope
    syscope=${CARGO_TARGET_DIR:-target}/release/syscope
fi
cargo build --release --quiet --locked --package syscope-tests --bin cost
cost=${CARGO_TARGET_DIR:-target}/release/cost
bee=${PROFILE_BEE:-${CARGO_TARGET_DIR:-target}/profile-bee/bin/probee}
if [[ $bee != no && ! -x $bee ]]; then
    say "installing profile-bee; that takes a while"
    cargo install --quiet --locked --root "${bee%/bin/*}" profile-bee
fi

redis-server --port 0 --unixsocket "$folder/redis.sock" --save '' --daemonize no >"$folder/redis.log" 2>&1 &
redis=$!
servers+=("$redis")
until_true redis-cli -s "$folder/redis.sock" ping

bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | tail -n 1)
install -d -o postgres "$folder/postgres"
as_postgres() { runuser -u postgres -- "$@"; }
as_postgres "$bin/initdb" -D "$folder/postgres/data" >"$folder/postgres.log" 2>&1
# Not through runuser, which would stand between: its PID has to be the server's.
setpriv --reuid postgres --regid postgres --init-groups "$bin/postgres" -D "$folder/postgres/data" \
    -k "$folder/postgres" -c listen_addresses= -c fsync=off -c autovacuum=off >>"$folder/postgres.log" 2>&1 &
postgres=$!
servers+=("$postgres")
until_true as_postgres "$bin/pg_isready" -h "$folder/postgres"
as_postgres "$bin/pgbench" -h "$folder/postgres" -i -s 2 postgres >>"$folder/postgres.log" 2>&1

printf '#define STB_IMAGE_WRITE_IMPLEMENTATION\n#include <stb/stb_image_write.h>\n' >"$folder/compiled.c"
options=(--out "$folder" --syscope "$(realpath "$syscope")" --rounds "$ROUNDS" --window "$WINDOW")
[[ $bee == no ]] || options+=(--profile-bee "$(realpath "$bee")")
programs=$PWD/tests/workloads/programs
# Each takes about a second of CPU time.
serve=(
    --unit "redis:$redis=redis-benchmark -s $folder/redis.sock -q -P 8 -n 150000 -t set,get,lrange_100"
    --unit "postgres:$postgres=$bin/pgbench -U postgres -h $folder/postgres -n -S -c 2 -t 5000 postgres"
)
build=(
    --unit "gcc=gcc -O2 -w -c -o /dev/null $folder/compiled.c"
    --unit "python=python3 $programs/python.py 600 60"
    --unit "node=node $programs/node.js 600 150"
)
say "servers"
"$cost" "${options[@]}" "${write[@]}" --place servers "${serve[@]}"
say "servers and programs that start all the time"
"$cost" "${options[@]}" "${write[@]}" --place mixed "${serve[@]}" "${build[@]}"
