#!/bin/sh
# What the demo records: two minutes of a small shop's machine, told in phases. `record.sh` prepares
# its folder, which it runs in, and starts it in a PID namespace that ends with it.
#
#   0 s  calm: a database under a steady load, a report, a daemon that leaks, one without its config
#  20 s  a compiler builds the shop three times, in about 20 s
#  then  eight threads fight over one lock, 20 s
#  then  a ledger of four branches syncs every entry to the disk, 20 s
#  then  calm again, 15 s
set -eu

phase() {
    echo "demo: $1"
}

# A vacuum comes when it likes: it would be a peak that the story does not tell of.
postgres -D db -k "$PWD" -c listen_addresses='' -c cluster_name=shop -c autovacuum=off >postgres.log 2>&1 &
until pg_isready -q -h "$PWD"; do sleep 0.2; done

phase "calm"
pgbench -n -h "$PWD" -c 4 -j 1 --rate 50 -T 300 shop >pgbench.log 2>&1 &
pgbench=$!
bin/sessiond >sessiond.log &
bin/confwatch &
python3 report.py &
sleep 19
kill -0 "$pgbench" # Without the database there is no story.

phase "a compiler"
for build in 1 2 3; do
    make -s -C app clean
    make -s -j 2 -C app
    echo "demo: built, $build"
done
sleep 3

phase "a lock"
bin/ticketd 20
sleep 3

phase "a disk"
bin/ledger 20

phase "calm again"
sleep 15
