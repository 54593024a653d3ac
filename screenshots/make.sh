#!/bin/sh
# Makes every picture in this folder from assets/demo.syscope, with syscope as it is in this checkout:
#
#     screenshots/make.sh            makes them
#     screenshots/make.sh --check    fails, and names them, when some are stale
#
# It needs no privilege. PNGs are drawn with DejaVu Sans Mono (Debian: fonts-dejavu-core), which is
# installed when it is missing and can be; the check needs no font. SYSCOPE_BIN names another syscope.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
checkout=$(dirname "$here")
font=/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf

if [ "${1:-}" != --check ] && [ ! -e "$font" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
then
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends fonts-dejavu-core </dev/null
fi
if [ -n "${SYSCOPE_BIN:-}" ]; then
    SYSCOPE_BIN=$(realpath "$SYSCOPE_BIN")
fi
cd "$checkout"
if [ -z "${SYSCOPE_BIN:-}" ]; then
    cargo build --quiet --locked --bin syscope
    SYSCOPE_BIN=${CARGO_TARGET_DIR:-target}/debug/syscope
fi
exec cargo run --quiet --locked --package syscope-screenshots -- \
    "$@" "$SYSCOPE_BIN" assets/demo.syscope screenshots
