#!/usr/bin/env bash
# large_txn_test.sh: a transaction much larger than the log keeps otherwise. Checkpoints come for the
# bytes it writes, not for time, and the log keeps its parts until its commit is applied, on every
# node and across a restart.
source "$(dirname "$0")/lib.sh"

set_in() { # FILE: the settings above, by hand
    sed -i '/^\[wal\]/,/^\[/{/max_segment_mb\|keep_mb\|checkpoint_interval_ms/d}' "$1"
    if ! grep -q '^\[wal\]' "$1"; then printf '\n[wal]\n' >>"$1"; fi
    sed -i 's/^\[wal\]$/[wal]\nmax_segment_mb = 8\nkeep_mb = 64\ncheckpoint_interval_ms = 600000/' "$1"
}
segments() { ls "$DIR/$1/data/wal" | wc -l; }

up 3
cluster local down --dir "$DIR" >/dev/null || fail "local down"
for name in $(node_names); do set_in "$DIR/$name/conf/rustydb.toml"; done
up_again
primary=$(primary_name)
port=$(port_of "$primary")
must "$port" "CREATE TABLE big (id int, what text); CREATE TABLE small (n int)"
fifo=$WORK/fifo
mkfifo "$fifo"
psql -XAtq -v ON_ERROR_STOP=1 -p "$port" <"$fifo" >"$WORK/said" 2>&1 &
client=$!
HELPERS+=("$client")
exec 7>"$fifo"
echo "BEGIN; INSERT INTO big SELECT g, repeat('x', 1000) FROM generate_series(1, 120000) g; SELECT 'sent';" >&7
wait_for 60 grep -q sent "$WORK/said"
checkpoints_of() { grep -c 'checkpoint at' "$DIR/$1/logs/rustydb.log"; }
took_two() { [ "$(checkpoints_of "$1")" -ge 2 ]; }
for _ in 1 2 3 4; do # time for segments to go
    must "$port" "INSERT INTO small SELECT generate_series(1, 100)"
    sleep 1
done
for name in $(node_names); do wait_for 30 took_two "$name"; done
say "log segments while it runs: $(segments "$primary")"
[ "$(segments "$primary")" -gt 12 ] || fail "parts of the transaction left the log"
standby=$(node_names | grep -vx "$primary" | head -n 1)
kill_node "$standby" # its newest root has the parts pending
cluster local start "$standby" --dir "$DIR" >/dev/null || fail "local start"
wait_for 20 answers "$(port_of "$standby")"
echo "COMMIT; SELECT 'committed';" >&7
wait_for 60 grep -q committed "$WORK/said"
exec 7>&-
expect_one_hash
equal "rows on the standby" 120000 "$(must "$(port_of "$standby")" "INSERT INTO small VALUES (0); SELECT count(*) FROM big")"
smaller() { [ "$(segments "$primary")" -le 12 ]; }
for other in $(all_ports); do must "$other" "CHECKPOINT"; done
wait_for 20 smaller
