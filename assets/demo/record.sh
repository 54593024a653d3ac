#!/bin/sh
# Records assets/demo.syscope, in about two minutes. As root, on Debian 12 or its like:
#
#     assets/demo/record.sh [FILE]
#
# It builds syscope (release, unless SYSCOPE_BIN names a program) and makes /srv/demo: a PostgreSQL
# cluster of its own, the small programs of this folder, a C program for the compiler to build. Then
# `syscope record` watches `story.sh` there, and nothing else of the machine. All of it runs as the
# user postgres, and its processes and /srv/demo are gone at the end. Debian packages that are missing
# are installed, and stay.
#
# The machine calls itself "demo" in the recording, and its kernel is named by its version alone, so
# that a capture that everybody can read tells nothing of the machine it was made on.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
demo=/srv/demo
out=${1:-$checkout/assets/demo.syscope}
most_bytes=$((2 * 1024 * 1024))

fail() {
    echo "record.sh: $1" >&2
    exit 1
}

install_packages() {
    set --
    for package in gcc libc6-dev make postgresql python3 util-linux; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            set -- "$@" "$package"
    done
    [ $# -gt 0 ] || return 0
    echo "installs Debian packages: $*"
    # The database's package would start a cluster of its own.
    mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/demo.conf
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null
    rm /etc/postgresql-common/createcluster.d/demo.conf
}

# Goes ahead of what else runs here, which is not in the recording but would slow down what is. Where
# the kernel schedules by session, the niceness of a process counts in its session only.
prefer() {
    if [ -w /proc/self/autogroup ]; then
        echo "$1" >/proc/self/autogroup
    fi
}

# Runs a command in the demo's folder, as its user, with nothing of the caller's environment.
as_demo() {
    (cd "$demo" && env -i PATH="$postgres_bin:/usr/bin:/bin" HOME="$demo" LC_ALL=C TZ=UTC \
        setpriv --reuid postgres --regid postgres --clear-groups "$@")
}

prepare() {
    mkdir "$demo" || fail "$demo must not exist: it is made for the demo and removed"
    trap 'prefer 0; rm -rf "$demo"' EXIT
    trap 'exit 1' INT TERM HUP
    mkdir "$demo/bin"
    cp "$here/story.sh" "$here/report.py" "$demo"
    for program in sessiond ticketd ledger confwatch; do
        # As the programs are built whose stacks a profile should show: with frame pointers.
        cp "$here/$program.c" "$demo/bin"
        (cd "$demo/bin" && gcc -O1 -g -pthread -fno-omit-frame-pointer \
            -mno-omit-leaf-frame-pointer -fno-inline -fno-optimize-sibling-calls -o "$program" "$program.c")
    done
    python3 "$here/sources.py" "$demo/app" 4
    gcc -shared -fPIC -o "$demo/uname.so" "$here/uname.c"
    # The program that starts the story is syscope itself: not from the checkout, which would name it.
    cp "$SYSCOPE_BIN" "$demo/bin/syscope"
    chown -R postgres:postgres "$demo"
    as_demo initdb -D db --auth trust --no-sync >"$demo/initdb.log"
    as_demo pg_ctl -s -w -D db -o "-k $demo -c listen_addresses=''" -l postgres.log start
    as_demo createdb -h "$demo" shop
    as_demo pgbench -q -i -s 5 -h "$demo" shop 2>"$demo/prepare.log"
    as_demo pg_ctl -s -w -D db stop
}

record() {
    prefer -10
    echo "records for about two minutes"
    cd "$demo"
    LD_PRELOAD=$demo/uname.so bin/syscope record -o demo.syscope -- \
        env -i PATH="$postgres_bin:/usr/bin:/bin" HOME="$demo" LC_ALL=C TZ=UTC \
        unshare --pid --fork --kill-child --mount-proc \
        setpriv --reuid postgres --regid postgres --clear-groups ./story.sh
    bytes=$(stat -c %s demo.syscope)
    [ "$bytes" -le "$most_bytes" ] || fail "the recording has $bytes bytes, more than $most_bytes"
    install -m 0644 demo.syscope "$out"
    echo "$out: $bytes bytes"
    echo "now: cargo test --package syscope-tests --test demo, and screenshots/make.sh"
}

[ "$(id -u)" = 0 ] || fail "syscope records as root only"
if [ -z "${IN_DEMO:-}" ]; then
    install_packages
    if [ -z "${SYSCOPE_BIN:-}" ]; then
        (cd "$checkout" && cargo build --release --bin syscope)
        SYSCOPE_BIN=$checkout/target/release/syscope
    fi
    export SYSCOPE_BIN IN_DEMO=1
    # A name of its own for the machine: a UTS namespace, which ends with this script.
    exec nice -n -10 unshare --uts "$0" "$@"
fi
hostname demo
for postgres_bin in /usr/lib/postgresql/*/bin; do :; done # The newest.
prepare
record
