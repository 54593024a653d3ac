#!/bin/sh
# Makes every picture in this folder from the program itself, in about two minutes. As root:
#
#     screenshots/make.sh
#
# It builds syscope (release, unless SYSCOPE_BIN names a program), runs the load of `load/run.sh` in
# /srv/demo for about a minute (folders and processes are gone at its end), and runs syscope on a
# pseudo-terminal. It installs nothing: the load does without what is not there, and says so.
# syscope watches the load alone, the machine calls itself "box" here, and the kernel's name is
# cut after its version, so that a picture shows nothing of the machine it was made on. With rsvg-convert (Debian:
# librsvg2-bin) each picture is also written as PNG to target/screenshots/, to be looked at.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
checkout=$(dirname "$here")
demo=/srv/demo

if [ "$(id -u)" != 0 ]; then
    echo "make.sh: syscope needs root here" >&2
    exit 1
fi
if [ -z "${IN_BOX:-}" ]; then
    cd "$checkout"
    if [ -z "${SYSCOPE_BIN:-}" ]; then
        cargo build --release --bin syscope
        SYSCOPE_BIN=$checkout/target/release/syscope
    fi
    cargo build --package syscope-tests --bin screenshot
    export SYSCOPE_BIN IN_BOX=1
    # A name of its own for the machine: a UTS namespace, which ends with this script.
    exec unshare --uts "$0"
fi

hostname box
if ! mkdir "$demo"; then
    echo "make.sh: $demo must not exist: it is made for the load and removed" >&2
    exit 1
fi
load=
end() {
    # The load's namespace ends with its first process, and every process in it.
    [ -z "$load" ] || kill -KILL "$load" 2>/dev/null || true
    [ -z "$load" ] || wait "$load" 2>/dev/null || true
    rm -rf "$demo"
}
trap end EXIT
trap 'exit 1' INT TERM HUP

cp "$here"/load/* "$demo"
# No environment of the builder's, and an end whatever happens.
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$demo" LC_ALL=C \
    unshare --pid --fork --kill-child nice -n 5 timeout 150 "$demo/run.sh" "$demo" &
load=$!
sleep 3

"$checkout/target/debug/screenshot" "$here" "$load"
# Without the compiler: its stacks are deep, and the picture has to stay small.
"$SYSCOPE_BIN" flame --quiet -d 8 -p "$load" --follow-forks \
    --filter 'comm:indexer or comm:redis-server or comm:python3' -o "$here/flame.svg"
printf '<!-- %s, flame graph of 8 seconds -->\n' "$("$SYSCOPE_BIN" --version)" >>"$here/flame.svg"
echo "$here/flame.svg"

for picture in "$here"/*.svg; do
    if [ "$(wc -c <"$picture")" -gt 300000 ]; then
        echo "make.sh: $picture is larger than 300 kB" >&2
        exit 1
    fi
    if grep -qF -e "$checkout" -e "$(uname -r)" "$picture"; then
        echo "make.sh: $picture shows the checkout's folder or the kernel's whole name" >&2
        exit 1
    fi
done

if command -v rsvg-convert >/dev/null; then
    mkdir -p "$checkout/target/screenshots"
    for picture in "$here"/*.svg; do
        rsvg-convert "$picture" -o "$checkout/target/screenshots/$(basename "$picture" .svg).png"
    done
else
    echo "make.sh: no rsvg-convert here, so no PNG" >&2
fi
