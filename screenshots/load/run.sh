#!/bin/sh
# The load of the pictures: a small shop's machine, of ordinary programs, in the folder given.
# `make.sh` runs it in a PID namespace of its own, so that it ends with all it started.
# It says what is not installed here and does without.
set -u
cd "$1" || exit 1

have() {
    command -v "$1" >/dev/null && return 0
    echo "load: no $1 here; the pictures do without" >&2
    return 1
}

# `forever NAME PAUSE COMMAND...`: again and again, under a name of its own.
forever() {
    name=$1 pause=$2
    shift 2
    printf '#!/bin/sh\nwhile :; do\n%s\nsleep %s\ndone\n' "$*" "$pause" >"$name"
    chmod +x "$name"
    "./$name" >/dev/null 2>&1 &
}

if have redis-server; then
    redis-server --port 0 --unixsocket "$PWD/redis.sock" --appendonly yes --save '' \
        --logfile redis.log >/dev/null 2>&1 &
    have redis-benchmark &&
        forever traffic.sh 1 redis-benchmark -q -s "$PWD/redis.sock" -c 8 -P 64 -n 500000 -t set,get,lpush
fi
if have gcc; then
    # A library to index: text that every Debian has, cut into volumes.
    for shelf in 1 2 3 4; do
        mkdir -p "library/shelf-$shelf"
        find /usr/share/perl5 /usr/share/common-licenses -type f -exec cat {} + 2>/dev/null |
            split -b 64k --additional-suffix=.txt - "library/shelf-$shelf/volume-"
    done
    gcc -O2 -g -fno-omit-frame-pointer -fno-inline -o indexer indexer.c &&
        ./indexer library words.txt &
    forever build.sh 3 gcc -O2 -Iinclude -I../include -c indexer.c -o build.o
fi
if have python3; then
    python3 report.py &
fi
if have tar && have gzip; then
    forever backup.sh 4 'tar czf backup.tar.gz /usr/share/doc/ba* /etc/ssl; cat /etc/shop/backup.conf'
fi
if have dd; then
    forever journal.sh 2 dd if=/dev/zero of=journal bs=16k count=20 oflag=dsync
fi
wait
